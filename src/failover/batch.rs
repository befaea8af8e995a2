//! One batch: rows locked and compared, tasks marked, instances claimed and commands inserted in one transaction, which
//! is committed only while the locks are confirmed to be ours.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::error::FailoverError;
use super::guard::{self, RegistryView};
use super::kills::{about_ended, end_tasks};
use super::life;
use super::locks::Locks;
use super::outcome::{MasterOutcome, is_refusal};
use super::parameter::{self, Schedule, Sources};
use super::read_back::read_back;
use super::rules::{Permit, Steps};
use super::run::Context;
use super::takeup::HandedOver;
use super::tasks::{TaskFate, TaskView};
use crate::cluster::Cluster;
use crate::family::{Claim, TaskRule};
use crate::metadata::database::DatabaseError;
use crate::metadata::{Definitions, Mark, MetadataStore, NewCommand, TaskIds};
use crate::model::{Address, CommandRow, Instance, InstanceId, InstanceRow, SkipReason, Task};

/// What all batches of one master share.
pub(crate) struct Batch<'a> {
    pub(crate) view: &'a RegistryView,
    /// Error commands of claimed instances; `None` when the instances are being claimed now.
    pub(crate) errors: Option<&'a HashMap<InstanceId, CommandRow>>,
    /// What rows there were when the master was found away; `None` where it is registered, or the instances are claimed.
    pub(crate) mark: Option<&'a Mark>,
}

/// What is looked up once for all instances.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    definitions: Definitions,
    schedules: HashMap<i64, Option<String>>,
    tasks: TaskIds,
}

impl Facts {
    pub(crate) async fn read(store: &mut MetadataStore, instances: &[Instance]) -> Result<Self, FailoverError> {
        use crate::family::ParameterForm as Form;
        let definitions = store.definitions(instances).await?;
        let schedules = match store.release().parameter_form() {
            Form::WithScheduleZone | Form::WithStartParams => store.schedule_zones(instances).await?,
            Form::InstanceId | Form::Typed => HashMap::new(),
        };
        let tasks = match store.release().task_rule() {
            TaskRule::Untouched => TaskIds::default(),
            TaskRule::AllUnfinished | TaskRule::OnDeadHosts { .. } => {
                let ids: Vec<InstanceId> = instances.iter().map(|instance| instance.id).collect();
                store.find_tasks(&ids).await?
            }
        };
        Ok(Self { definitions, schedules, tasks })
    }
}

/// Which rows a batch takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rows {
    /// Those that nobody else has locked.
    Free,
    /// All; whoever has locked them is waited for.
    Waited,
}

/// What a batch came to.
#[derive(Debug)]
pub(super) enum Applied {
    /// Committed, but for these, whose rows somebody else has locked.
    Done(Vec<Instance>),
    /// The database refused it, or the transaction was in another's way; nothing was written.
    Refused(DatabaseError),
    /// Somebody is in the way of all instances alike: a table is locked, say. Nothing was written.
    Crowded(DatabaseError),
}

/// Whose rows a transaction that is in another's way wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Those of instances, or of their tasks: fewer instances may be free.
    Instances,
    /// Not that of an instance alone.
    Tables,
}

/// One master's instances on their way, under its locks.
pub(crate) struct Handover<'a, 'c> {
    pub(crate) cluster: &'a mut Cluster,
    pub(crate) context: &'a mut Context<'c>,
    pub(crate) outcome: &'a mut MasterOutcome,
    locks: &'a Locks,
    batch: &'a Batch<'a>,
    facts: &'a Facts,
    /// The database's last word on a single row.
    pub(super) refusal: Option<DatabaseError>,
}

impl<'a, 'c> Handover<'a, 'c> {
    /// Nothing is written without a permit.
    pub(crate) fn new(
        cluster: &'a mut Cluster,
        context: &'a mut Context<'c>,
        _permit: &Permit,
        locks: &'a Locks,
        batch: &'a Batch<'a>,
        facts: &'a Facts,
        outcome: &'a mut MasterOutcome,
    ) -> Self {
        Self { cluster, context, outcome, locks, batch, facts, refusal: None }
    }
}

/// What a batch comes to, before anything is written.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    pub(super) rows: Vec<InstanceRow>,
    /// Whose rows somebody else has locked.
    locked: Vec<Instance>,
    parameters: Vec<String>,
    /// What is marked, by instance.
    tasks: Vec<(InstanceId, i64)>,
    /// Those of them that may still run on a worker.
    to_end: Vec<Task>,
    skipped: Vec<(InstanceId, SkipReason)>,
    notes: Vec<String>,
}

/// Does everything up to the write, without a lock on anything.
pub(crate) async fn preview(
    cluster: &mut Cluster,
    context: &Context<'_>,
    batch: &Batch<'_>,
    facts: &Facts,
    candidates: &[Instance],
    outcome: &mut MasterOutcome,
) -> Result<(), FailoverError> {
    let ids: Vec<InstanceId> = candidates.iter().map(|instance| instance.id).collect();
    let rows = cluster.store.rows_by_ids(&ids).await?;
    let prepared = prepare(cluster, context, batch, facts, candidates, rows).await?;
    outcome.recovered.extend(prepared.ids().map(|id| (id, None)));
    finish(prepared, outcome);
    Ok(())
}

impl Handover<'_, '_> {
    /// Does a batch.
    ///
    /// # Errors
    /// Nothing of this batch is written then, except where [`FailoverError::OutcomeUnknown`] says that it is not known.
    pub(super) async fn apply(&mut self, candidates: &[Instance], rows: Rows) -> Result<Applied, FailoverError> {
        let Self { cluster, context, outcome, locks, batch, facts, .. } = self;
        // From here on nothing is cut short, also not what is asked after a COMMIT without an answer.
        let _shield = cluster.stop.shield();
        locks.confirm(&mut *cluster.registry).await?;
        cluster.store.begin_batch(idle_limit(cluster.registry.session_timeout())).await?;
        let mut place = Place::Tables;
        let written = write(cluster, context, batch, facts, candidates, rows, &mut place).await;
        let (mut prepared, commands) = match written {
            Ok(written) => written,
            Err(error) => {
                cluster.store.roll_back_batch().await;
                return match error {
                    FailoverError::Database(error @ DatabaseError::Refused { busy: true, .. })
                        if place == Place::Tables =>
                    {
                        Ok(Applied::Crowded(error))
                    }
                    FailoverError::Database(error) if is_refusal(&error) => Ok(Applied::Refused(error)),
                    error => Err(error),
                };
            }
        };
        if let Err(error) = batch.ensure_still_nobodys(cluster, outcome).await {
            cluster.store.roll_back_batch().await;
            return Err(error);
        }
        // Nothing is asked of a worker that is not going to be committed, as far as can be known.
        let to_ask: Vec<&Task> = prepared.to_end.iter().filter(|task| !outcome.asked.contains_key(&task.id)).collect();
        if !to_ask.is_empty() {
            if let Err(error) = locks.confirm(&mut *cluster.registry).await {
                cluster.store.roll_back_batch().await;
                return Err(error.into());
            }
            let answers = end_tasks(cluster, &to_ask).await;
            outcome.asked.extend(answers);
        }
        prepared.notes.extend(about_ended(cluster, &prepared.to_end, &outcome.asked));
        // No lock, no commit.
        if let Err(error) = locks.confirm(&mut *cluster.registry).await {
            cluster.store.roll_back_batch().await;
            return Err(error.into());
        }
        let commands = match cluster.store.commit_batch().await {
            Ok(()) => commands,
            Err(lost @ DatabaseError::Lost { .. }) => read_back(cluster, context, &prepared, commands, lost).await?,
            Err(refused) => {
                cluster.store.roll_back_batch().await;
                return Ok(Applied::Refused(refused));
            }
        };
        tracing::info!(instances = prepared.rows.len(), left_alone = prepared.skipped.len(), "batch committed");
        Ok(Applied::Done(record(cluster, context, prepared, &commands, outcome)))
    }
}

impl Batch<'_> {
    /// Looks again, right before the COMMIT: at what the master may have begun meanwhile, and whether it is back. Claimed
    /// instances are nobody's, whoever registers.
    async fn ensure_still_nobodys(&self, cluster: &mut Cluster, outcome: &MasterOutcome) -> Result<(), FailoverError> {
        let address = &outcome.address;
        if let Some(mark) = self.mark {
            life::ensure_still(&mut cluster.store, mark, address, !outcome.recovered.is_empty()).await?;
        }
        if self.errors.is_none() { guard::ensure_still_away(cluster, self.view, address).await } else { Ok(()) }
    }
}

/// The server ends a frozen process's transaction long before the registry ends its lock. Our last sign of life to the
/// registry may be a third of the session old when the transaction starts.
pub(super) fn idle_limit(session_timeout: Duration) -> Duration {
    (session_timeout / 3).max(Duration::from_secs(1))
}

async fn write(
    cluster: &mut Cluster,
    context: &Context<'_>,
    batch: &Batch<'_>,
    facts: &Facts,
    candidates: &[Instance],
    which: Rows,
    place: &mut Place,
) -> Result<(Prepared, HashMap<InstanceId, i64>), FailoverError> {
    let ids: Vec<InstanceId> = candidates.iter().map(|instance| instance.id).collect();
    // Where locked rows are passed over, none of them is waited for.
    let waits = which == Rows::Waited || !cluster.store.passes_locked_over();
    *place = if waits { Place::Instances } else { Place::Tables };
    let rows = match which {
        Rows::Free => cluster.store.lock_free_instances(&ids).await?,
        Rows::Waited => cluster.store.lock_instances(&ids).await?,
    };
    *place = Place::Instances;
    let taken: HashSet<InstanceId> = rows.iter().map(|row| row.instance.id).collect();
    // A row that is gone is missing among the free ones as well; who waits for it learns that.
    let is_locked = |instance: &&Instance| which == Rows::Free && !taken.contains(&instance.id);
    let (locked, candidates): (Vec<Instance>, Vec<Instance>) =
        candidates.iter().cloned().partition(|instance| is_locked(&instance));
    let mut prepared = prepare(cluster, context, batch, facts, &candidates, rows).await?;
    prepared.locked = locked;
    if context.rules.steps == Steps::Command {
        // Giving a command changes nothing in the instance's row, so another `recover` shows only in the commands. It
        // is seen here, since it had to give up the row's lock first.
        drop_commanded(cluster, &mut prepared).await?;
    }
    if prepared.rows.is_empty() {
        return Ok((prepared, HashMap::new()));
    }
    if !prepared.tasks.is_empty() {
        let tasks: Vec<i64> = prepared.tasks.iter().map(|(_, task)| *task).collect();
        cluster.store.mark_tasks(&tasks).await?;
    }
    // From here on all rows that an instance has are ours.
    *place = Place::Tables;
    if context.rules.steps != Steps::Command {
        let claimed = cluster.store.claim(&prepared.rows).await?;
        ensure_all(cluster, claimed, prepared.rows.len())?;
    }
    let commands = match context.rules.steps {
        Steps::Claim => HashMap::new(),
        Steps::Command | Steps::Both => insert(cluster, &prepared).await?,
    };
    Ok((prepared, commands))
}

async fn insert(cluster: &mut Cluster, prepared: &Prepared) -> Result<HashMap<InstanceId, i64>, FailoverError> {
    let commands: Vec<NewCommand<'_>> = prepared
        .rows
        .iter()
        .zip(&prepared.parameters)
        .map(|(row, parameter)| NewCommand { row, parameter: parameter.clone() })
        .collect();
    let now = now_in(cluster);
    Ok(cluster.store.insert_commands(&commands, now).await?)
}

fn now_in(cluster: &Cluster) -> Option<DateTime> {
    cluster.zone.as_ref().map(|zone| zone.to_datetime(Timestamp::now()))
}

fn ensure_all(cluster: &Cluster, done: u64, wanted: usize) -> Result<(), FailoverError> {
    if u64::try_from(wanted) == Ok(done) {
        return Ok(());
    }
    Err(DatabaseError::Refused {
        endpoint: cluster.store.endpoint().to_owned(),
        cause: format!("{done} of {wanted} locked rows were claimed; nothing of this batch was written"),
        busy: false,
    }
    .into())
}

/// Compares, looks the rest up, and sorts the batch into what is done and what is left.
async fn prepare(
    cluster: &mut Cluster,
    context: &Context<'_>,
    batch: &Batch<'_>,
    facts: &Facts,
    candidates: &[Instance],
    rows: Vec<InstanceRow>,
) -> Result<Prepared, FailoverError> {
    let mut prepared = Prepared::default();
    let mut rows: HashMap<InstanceId, InstanceRow> = rows.into_iter().map(|row| (row.instance.id, row)).collect();
    for candidate in candidates {
        match rows.remove(&candidate.id) {
            Some(row) if is_same(candidate, &row.instance) => {
                keep_or_skip(cluster, context, batch, facts, row, &mut prepared);
            }
            changed => {
                if let Some(row) = changed.filter(|_| batch.mark.is_some()) {
                    let master = Address::seen(candidate.host.as_deref().unwrap_or_default());
                    life::ensure_others_doing(&cluster.store, &master, &row.instance)?;
                }
                prepared.skipped.push((candidate.id, SkipReason::Changed));
            }
        }
    }
    if cluster.store.release().task_rule() != TaskRule::Untouched && !prepared.rows.is_empty() {
        judge_tasks(cluster, context, batch, &facts.tasks, &mut prepared).await?;
    }
    Ok(prepared)
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

fn keep_or_skip(
    cluster: &Cluster,
    context: &Context<'_>,
    batch: &Batch<'_>,
    facts: &Facts,
    row: InstanceRow,
    prepared: &mut Prepared,
) {
    let id = row.instance.id;
    if !facts.definitions.has(&row.instance) {
        prepared.skipped.push((id, SkipReason::DefinitionMissing));
        return;
    }
    if !facts.definitions.is_online(&row.instance) {
        prepared.notes.push(format!("instance {id}: its definition is offline; the command waits until it is online"));
    }
    match command_parameter(cluster, context, batch, facts, &row) {
        Ok(parameter) if !cluster.store.can_hold(&row, &parameter) => {
            prepared.skipped.push((id, SkipReason::ParameterTooLong));
        }
        Ok(parameter) => {
            prepared.rows.push(row);
            prepared.parameters.push(parameter);
        }
        Err(reason) => prepared.skipped.push((id, reason)),
    }
}

fn command_parameter(
    cluster: &Cluster,
    context: &Context<'_>,
    batch: &Batch<'_>,
    facts: &Facts,
    row: &InstanceRow,
) -> Result<String, SkipReason> {
    let release = cluster.store.release();
    let error = batch.errors.and_then(|errors| errors.get(&row.instance.id));
    let original_state = parameter::original_state(release.family, row, context.rules.original_state, error);
    let schedule = row.instance.definition.and_then(|definition| facts.schedules.get(&definition));
    let sources = Sources {
        form: release.parameter_form(),
        schedule: schedule.map(|zone| Schedule { zone: zone.as_deref() }),
        original_state,
    };
    parameter::write(row, sources)
}

async fn judge_tasks(
    cluster: &mut Cluster,
    context: &Context<'_>,
    batch: &Batch<'_>,
    found: &TaskIds,
    prepared: &mut Prepared,
) -> Result<(), FailoverError> {
    let ids: Vec<InstanceId> = prepared.ids().collect();
    let tasks = cluster.store.unfinished_tasks(&ids, found).await?;
    let zone = cluster.zone.clone();
    let view = TaskView {
        rule: cluster.store.release().task_rule(),
        workers: &batch.view.workers,
        masters: &batch.view.masters,
        zone: zone.as_ref(),
    };
    let mut still_run: Vec<Task> = Vec::new();
    let mut marked: Vec<(InstanceId, i64)> = Vec::new();
    for task in tasks {
        match view.fate(&task) {
            TaskFate::Leave => {}
            TaskFate::StillRuns => still_run.push(task),
            TaskFate::Mark => marked.push((task.instance_id, task.id)),
        }
    }
    let mut running: HashMap<InstanceId, Task> = HashMap::new();
    if context.rules.allow_duplicate_tasks {
        marked.extend(still_run.iter().map(|task| (task.instance_id, task.id)));
        prepared.to_end = still_run;
    } else {
        running.extend(still_run.into_iter().rev().map(|task| (task.instance_id, task)));
    }
    prepared.tasks = marked;
    prepared.skip(|instance| running.remove(&instance.id).map(|task| SkipReason::TaskStillRuns(Box::new(task))));
    Ok(())
}

async fn drop_commanded(cluster: &mut Cluster, prepared: &mut Prepared) -> Result<(), FailoverError> {
    let waiting = cluster.store.recovery_commands_for(prepared.ids()).await?;
    prepared.skip(|instance| waiting.get(&instance.id).map(|command| SkipReason::CommandWaiting(*command)));
    Ok(())
}

impl Prepared {
    fn ids(&self) -> impl Iterator<Item = InstanceId> {
        self.rows.iter().map(|row| row.instance.id)
    }

    /// Takes instances out, with their parameters and tasks.
    fn skip(&mut self, mut reason: impl FnMut(&Instance) -> Option<SkipReason>) {
        let pairs = std::mem::take(&mut self.rows).into_iter().zip(std::mem::take(&mut self.parameters));
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
}

fn record(
    cluster: &Cluster,
    context: &mut Context<'_>,
    prepared: Prepared,
    commands: &HashMap<InstanceId, i64>,
    outcome: &mut MasterOutcome,
) -> Vec<Instance> {
    outcome.recovered.extend(prepared.ids().map(|id| (id, commands.get(&id).copied())));
    if context.rules.steps == Steps::Claim && matches!(cluster.store.release().family.claim, Claim::State(_)) {
        let states = prepared.rows.iter().filter_map(|row| Some((row.instance.id, row.instance.state?)));
        outcome.original_states.extend(states);
    }
    outcome
        .handed_over
        .extend(prepared.rows.iter().map(|row| HandedOver::of(&row.instance, &outcome.address, commands)));
    context.run.wrote |= !prepared.rows.is_empty();
    finish(prepared, outcome)
}

/// Gives what is left for later.
fn finish(prepared: Prepared, outcome: &mut MasterOutcome) -> Vec<Instance> {
    outcome.marked_tasks.extend(prepared.tasks.into_iter().map(|(_, task)| task));
    outcome.skipped.extend(prepared.skipped);
    outcome.notes.extend(prepared.notes);
    prepared.locked
}
