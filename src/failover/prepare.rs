//! What a batch will write: its rows compared with what was judged, their parameters and tasks, and
//! which are left alone.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::tz::TimeZone;

use super::error::FailoverError;
use super::guard::RegistryView;
use super::handover::Handover;
use super::life;
use super::outcome::MasterOutcome;
use super::parameter::{self, OriginalState, OriginalStateFound, ParameterSources, Schedule};
use super::tasks::{TaskFate, TaskView};
use super::zone;
use crate::family::TaskRule;
use crate::metadata::database::DatabaseError;
use crate::metadata::{Definitions, Mark, MetadataStore, TaskIds};
use crate::model::{Address, CommandRow, Instance, InstanceId, InstanceRow, SkipReason, Task};

/// One master's share of a run, while its locks are held: the data that all of its batches use, and
/// their results.
pub(super) struct Share<'a> {
    pub(super) view: RegistryView,
    /// Error commands of claimed instances; `None` when the instances are being claimed now.
    pub(super) errors: Option<&'a HashMap<InstanceId, CommandRow>>,
    /// The rows when the master was found absent; `None` if it is registered, or the instances are
    /// claimed.
    pub(super) mark: Option<&'a Mark>,
    pub(super) facts: Facts,
    pub(super) outcome: MasterOutcome,
    /// The database's last error about a single row.
    pub(super) refusal: Option<DatabaseError>,
}

impl<'a> Share<'a> {
    /// A share with nothing looked up or done yet.
    pub(super) fn new(
        view: RegistryView,
        outcome: MasterOutcome,
        errors: Option<&'a HashMap<InstanceId, CommandRow>>,
        mark: Option<&'a Mark>,
    ) -> Self {
        Self {
            view,
            errors,
            mark,
            facts: Facts::default(),
            outcome,
            refusal: None,
        }
    }

    /// Whether errors about single rows count for the whole master.
    ///
    /// # Errors
    /// That error, if rows were refused and none was handed over.
    pub(super) fn end(&self) -> Result<(), FailoverError> {
        match &self.refusal {
            Some(error) if self.outcome.recovered.is_empty() => Err(error.clone().into()),
            Some(_) | None => Ok(()),
        }
    }
}

/// What is looked up once for all instances.
#[derive(Debug, Default)]
pub(super) struct Facts {
    definitions: Definitions,
    schedules: HashMap<i64, Option<String>>,
    tasks: TaskIds,
    /// The masters' zone, if tasks are judged by it and it is unproven.
    unproven_zone: Option<String>,
}

impl Facts {
    pub(super) async fn read(
        store: &mut MetadataStore,
        zone: Option<&TimeZone>,
        instances: &[Instance],
    ) -> Result<Self, FailoverError> {
        use crate::family::ParameterForm as Form;
        let definitions = store.definitions(instances).await?;
        let schedules = match store.release().parameter_form() {
            Form::WithScheduleZone | Form::WithStartParams => {
                store.schedule_zones(instances).await?
            }
            Form::InstanceId | Form::Typed => HashMap::new(),
        };
        let tasks = match store.release().task_rule() {
            TaskRule::Untouched => TaskIds::default(),
            TaskRule::AllUnfinished | TaskRule::OnDeadHosts { .. } => {
                let ids: Vec<InstanceId> = instances.iter().map(|instance| instance.id).collect();
                store.find_tasks(&ids).await?
            }
        };
        let by_times = matches!(store.release().task_rule(), TaskRule::OnDeadHosts { .. });
        let unproven_zone = zone::unproven(store, zone.filter(|_| by_times), None).await?;
        Ok(Self {
            definitions,
            schedules,
            tasks,
            unproven_zone,
        })
    }
}

/// What a batch will write.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    pub(super) rows: Vec<InstanceRow>,
    /// Those whose rows another client has locked.
    pub(super) locked: Vec<Instance>,
    pub(super) parameters: Vec<String>,
    /// The tasks that are marked, by instance.
    pub(super) tasks: Vec<(InstanceId, i64)>,
    /// Those of them that may still run on a worker.
    pub(super) to_end: Vec<Task>,
    pub(super) skipped: Vec<(InstanceId, SkipReason)>,
    pub(super) notes: Vec<String>,
}

impl Prepared {
    pub(super) fn ids(&self) -> impl Iterator<Item = InstanceId> {
        self.rows.iter().map(|row| row.instance.id)
    }

    /// Removes instances, with their parameters and tasks.
    pub(super) fn skip(&mut self, mut reason: impl FnMut(&Instance) -> Option<SkipReason>) {
        let pairs = std::mem::take(&mut self.rows)
            .into_iter()
            .zip(std::mem::take(&mut self.parameters));
        for (row, parameter) in pairs {
            if let Some(reason) = reason(&row.instance) {
                self.skipped.push((row.instance.id, reason));
            } else {
                self.rows.push(row);
                self.parameters.push(parameter);
            }
        }
        let kept: HashSet<InstanceId> = self.ids().collect();
        self.tasks.retain(|(instance, _)| kept.contains(instance));
        self.to_end.retain(|task| kept.contains(&task.instance_id));
    }

    /// Records it in the outcome; returns what is left for later.
    pub(super) fn record_in(self, outcome: &mut MasterOutcome) -> Vec<Instance> {
        outcome
            .marked_tasks
            .extend(self.tasks.into_iter().map(|(_, task)| task));
        outcome.skipped.extend(self.skipped);
        outcome.notes.extend(self.notes);
        self.locked
    }
}

/// A warning that an unproven zone decides which tasks run again.
fn about_times(zone: Option<&str>, tasks: &[(InstanceId, i64)]) -> Option<String> {
    let zone = zone.filter(|_| !tasks.is_empty())?;
    let ids: Vec<String> = tasks.iter().map(|(_, task)| task.to_string()).collect();
    Some(format!(
        "tasks {} name a server that is registered, and run again because they were started \
         before its start. The rows do not prove that the masters write times in {zone}: if their \
         zone is another, these tasks may still run, and would run twice",
        ids.join(",")
    ))
}

/// Whether a row is as it was read when it was judged.
fn is_same(candidate: &Instance, row: &Instance) -> bool {
    candidate.host == row.host
        && candidate.state == row.state
        && candidate.start_time == row.start_time
        && candidate.restart_time == row.restart_time
        && candidate.last_change == row.last_change
        && candidate.definition == row.definition
        && candidate.definition_version == row.definition_version
}

/// A warning that an operator's statement about an instance differs from its rows.
fn contradiction(id: InstanceId, original: OriginalStateFound) -> Option<String> {
    let (written, taken) = (original.contradicted?, original.state?);
    let why = if taken == written {
        "as in all of --orphans"
    } else {
        "as --original-state says"
    };
    let (written, taken) = (written.keyword(), taken.keyword());
    Some(format!(
        "instance {id}: its rows say that it was {written}; its command says {taken}, {why}"
    ))
}

impl Handover<'_> {
    /// Compares rows, looks up the rest, and divides the batch into what is handed over and what is
    /// left.
    ///
    /// # Errors
    /// A row shows that its master is alive; those of the database. Nothing is written.
    pub(super) async fn prepare(
        &mut self,
        share: &Share<'_>,
        candidates: &[Instance],
        rows: Vec<InstanceRow>,
    ) -> Result<Prepared, FailoverError> {
        let mut prepared = Prepared::default();
        let (mut rows, doubled) = by_id(rows);
        // No master can read an instance that has several rows, and an insert that takes its values
        // from them would create several commands.
        let named = doubled.iter().map(|id| (*id, SkipReason::Doubled));
        prepared.skipped.extend(named);
        for candidate in candidates {
            if doubled.contains(&candidate.id) {
                continue;
            }
            match rows.remove(&candidate.id) {
                Some(row) if is_same(candidate, &row.instance) => {
                    self.keep_or_skip(share, row, &mut prepared);
                }
                changed => {
                    if let Some(row) = changed.filter(|_| share.mark.is_some()) {
                        let master = Address::seen(candidate.host.as_deref().unwrap_or_default());
                        life::ensure_changed_by_others(
                            &self.cluster.store,
                            &master,
                            &row.instance,
                        )?;
                    }
                    prepared.skipped.push((candidate.id, SkipReason::Changed));
                }
            }
        }
        if self.cluster.store.release().task_rule() != TaskRule::Untouched
            && !prepared.rows.is_empty()
        {
            self.judge_tasks(share, &mut prepared).await?;
        }
        Ok(prepared)
    }

    fn keep_or_skip(&self, share: &Share<'_>, row: InstanceRow, prepared: &mut Prepared) {
        let (id, definitions) = (row.instance.id, &share.facts.definitions);
        if !definitions.has(&row.instance) {
            prepared.skipped.push((id, SkipReason::DefinitionMissing));
            return;
        }
        if !definitions.is_online(&row.instance) {
            let note = format!(
                "instance {id}: its definition is offline; the command waits until it is online"
            );
            prepared.notes.push(note);
        }
        let original = self.original_state(share, &row);
        if let Some(note) = contradiction(id, original) {
            prepared.notes.push(note);
        }
        match self.command_parameter(share, &row, original.state) {
            Ok(parameter) if !self.cluster.store.can_hold(&row, &parameter) => {
                prepared.skipped.push((id, SkipReason::ParameterTooLong));
            }
            Ok(parameter) => {
                prepared.rows.push(row);
                prepared.parameters.push(parameter);
            }
            Err(reason) => prepared.skipped.push((id, reason)),
        }
    }

    fn original_state(&self, share: &Share<'_>, row: &InstanceRow) -> OriginalStateFound {
        let error = share.errors.and_then(|errors| errors.get(&row.instance.id));
        let family = self.cluster.store.release().family;
        parameter::original_state(family, row, self.rules.original_state, error)
    }

    fn command_parameter(
        &self,
        share: &Share<'_>,
        row: &InstanceRow,
        original_state: Option<OriginalState>,
    ) -> Result<String, SkipReason> {
        let release = self.cluster.store.release();
        let schedule = row
            .instance
            .definition
            .and_then(|definition| share.facts.schedules.get(&definition));
        let sources = ParameterSources {
            form: release.parameter_form(),
            schedule: schedule.map(|zone| Schedule {
                zone: zone.as_deref(),
            }),
            original_state,
        };
        parameter::write(row, sources)
    }

    async fn judge_tasks(
        &mut self,
        share: &Share<'_>,
        prepared: &mut Prepared,
    ) -> Result<(), FailoverError> {
        let ids: Vec<InstanceId> = prepared.ids().collect();
        let tasks = self
            .cluster
            .store
            .unfinished_tasks(&ids, &share.facts.tasks)
            .await?;
        let view = TaskView {
            rule: self.cluster.store.release().task_rule(),
            workers: &share.view.workers,
            masters: &share.view.masters,
            zone: self.cluster.zone.as_ref(),
        };
        let mut still_run: Vec<Task> = Vec::new();
        let mut marked: Vec<(InstanceId, i64)> = Vec::new();
        let mut by_times: Vec<(InstanceId, i64)> = Vec::new();
        for task in tasks {
            match view.fate(&task) {
                TaskFate::Leave => {}
                TaskFate::StillRuns => still_run.push(task),
                TaskFate::Mark => marked.push((task.instance_id, task.id)),
                TaskFate::MarkByTimes => by_times.push((task.instance_id, task.id)),
            }
        }
        let mut running: HashMap<InstanceId, Task> = HashMap::new();
        prepared
            .notes
            .extend(about_times(share.facts.unproven_zone.as_deref(), &by_times));
        marked.extend(by_times);
        if self.rules.allow_duplicate_tasks {
            marked.extend(still_run.iter().map(|task| (task.instance_id, task.id)));
            prepared.to_end = still_run;
        } else {
            running.extend(
                still_run
                    .into_iter()
                    .rev()
                    .map(|task| (task.instance_id, task)),
            );
        }
        prepared.tasks = marked;
        prepared.skip(|instance| {
            running
                .remove(&instance.id)
                .map(|task| SkipReason::TaskStillRuns(Box::new(task)))
        });
        Ok(())
    }
}

/// Rows by their id, and the ids with several rows.
fn by_id(rows: Vec<InstanceRow>) -> (HashMap<InstanceId, InstanceRow>, BTreeSet<InstanceId>) {
    let (mut single, mut doubled) = (HashMap::with_capacity(rows.len()), BTreeSet::new());
    for row in rows {
        let id = row.instance.id;
        if single.insert(id, row).is_some() {
            doubled.insert(id);
        }
    }
    (single, doubled)
}
