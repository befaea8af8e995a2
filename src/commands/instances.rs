//! `dsctl instances`: unfinished and claimed instances, judged.

mod tree;

use std::collections::{HashMap, HashSet};

use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Serialize;

use self::tree::{Forest, Node, TreeLine, host_of};
use super::failure::CommandError;
use super::shell::{Answer, Skeleton};
use super::times::{self, Instant, Local};
use crate::cluster::Cluster;
use crate::failover::{Disproof, FailoverError, disproof, instance_verdict, look_for_display};
use crate::family::{Family, Release, task_state_keyword};
use crate::model::{Address, Instance, InstanceId, ListedInstance, Registrations, Task, Verdict};
use crate::output::{Body, Cell, Keys, Records, Table, WORD};
use clap::Args;

/// Arguments of `instances`.
#[derive(Args, Clone, Debug)]
pub(super) struct InstancesArgs {
    /// Only instances that name this master
    #[arg(value_name = "MASTER")]
    pub master: Option<String>,

    /// Show at most N instances
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: Option<u32>,

    /// Also show parents and children, unfinished tasks with their workers, and who waits for whom
    #[arg(long)]
    pub tree: bool,
}

const HEADERS: [&str; 9] = [
    "ID",
    "NAME",
    "STATE",
    "HOST",
    "VERDICT",
    "STARTED",
    "RESTARTED",
    "COMMAND",
    "ERROR",
];

const TREE_HEADERS: [&str; 8] = [
    "ID", "KIND", "NAME", "STATE", "HOST", "VERDICT", "COMMAND", "NOTE",
];

/// More are left out, with a notice: that keeps memory small.
const DEFAULT_LIMIT: u32 = 10_000;

/// How many failed recoveries are listed below the table.
const SHOWN: usize = 20;

/// The document of `instances`.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct InstancesDocument {
    pub(super) instances: Vec<InstanceEntry>,
    /// With `--tree`: others that these belong to, or that belong to these.
    related: Vec<RelatedEntry>,
}

impl Keys for InstancesDocument {
    fn records(&mut self) -> Vec<Records<'_>> {
        vec![
            Records {
                key: "instances",
                record: "instance",
                rows: &mut self.instances,
            },
            Records {
                key: "related",
                record: "related_instance",
                rows: &mut self.related,
            },
        ]
    }
}

impl Skeleton for InstancesDocument {
    const COMMAND: &'static str = "instances";
}

/// An unfinished or claimed instance.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct InstanceEntry {
    id: InstanceId,
    name: Option<String>,
    definition_code: Option<i64>,
    definition_version: Option<i64>,
    #[schemars(regex(pattern = WORD))]
    state: String,
    state_code: Option<i64>,
    host: Option<String>,
    verdict: Verdict,
    start_time: Option<Instant>,
    restart_time: Option<Instant>,
    start_time_local: Option<Local>,
    restart_time_local: Option<Local>,
    sub_process: bool,
    pending_command_id: Option<i64>,
    error_command_id: Option<i64>,
    error_message: Option<String>,
    /// With `--tree`: whose child it is.
    parent_instance_id: Option<InstanceId>,
    /// With `--tree`: the task of the parent that stands for it, or stood.
    parent_task_id: Option<i64>,
    /// With `--tree`: its children.
    child_instance_ids: Vec<InstanceId>,
    /// With `--tree`: its valid, unfinished tasks, in order of host.
    tasks: Vec<TaskEntry>,
}

/// An unfinished task.
#[derive(Debug, Serialize, JsonSchema)]
struct TaskEntry {
    id: i64,
    name: Option<String>,
    task_type: Option<String>,
    #[schemars(regex(pattern = WORD))]
    state: String,
    state_code: Option<i64>,
    /// The worker; of a task that runs inside a master, that master.
    host: Option<String>,
    /// Whether it stands for a child that no master has made yet.
    child_is_to_be_made: bool,
}

/// Another instance of a tree: one that has ended, waits for its turn, or was not asked for.
#[derive(Debug, Serialize, JsonSchema)]
struct RelatedEntry {
    id: InstanceId,
    name: Option<String>,
    /// `gone` if there is no such row any more.
    #[schemars(regex(pattern = WORD))]
    state: String,
    state_code: Option<i64>,
    host: Option<String>,
    parent_instance_id: Option<InstanceId>,
    parent_task_id: Option<i64>,
    child_instance_ids: Vec<InstanceId>,
    /// Of one that waits for its turn: the one before it.
    waits_for_instance_id: Option<InstanceId>,
}

pub(super) async fn run(
    cluster: &mut Cluster,
    arguments: &InstancesArgs,
) -> Result<Answer<InstancesDocument>, CommandError> {
    let form = cluster.store.release().family.registry.address_form;
    let host = arguments
        .master
        .as_deref()
        .map(|text| Address::typed(text, form))
        .transpose()?;
    let (registered, refusal) = look_for_display(cluster).await?;
    let doubt = disproof(cluster).await?;
    if doubt.is_some() {
        cluster.zone = None;
    }
    let limit = arguments.limit.unwrap_or(DEFAULT_LIMIT) as usize;
    let judge = Judge {
        release: cluster.store.release().clone(),
        registered,
        zone: cluster.zone.clone(),
    };
    let mut listed = Vec::new();
    let mut total = 0_usize;
    let mut cut = Cut::default();
    let mut keep = |instance: ListedInstance| {
        total += 1;
        if listed.len() < limit {
            listed.push(instance);
        } else {
            cut.see(&instance.instance, judge.verdict(&instance.instance));
        }
    };
    cluster
        .store
        .each_listed(host.as_ref().map(Address::as_str), &mut keep)
        .await?;
    for (instance, _) in cluster.store.failed_recoveries().await? {
        if host
            .as_ref()
            .is_none_or(|host| instance.instance.host.as_deref() == Some(host.as_str()))
        {
            keep(instance);
        }
    }
    let nowhere = refusal.filter(|_| judge.registered.prove_nothing());
    let waiting = cluster
        .store
        .recovery_commands_for(cut.claimed.iter().copied())
        .await?;
    cut.claimed.retain(|id| !waiting.contains_key(id));
    let is_all = host.is_none() && total == listed.len();
    let forest = if arguments.tree {
        Some(Forest::read(cluster, &listed, is_all).await?)
    } else {
        None
    };
    let unknown = forest.as_ref().and_then(|forest| forest.warning.clone());
    let listing = Listing {
        forest,
        ..Listing::related(&listed, cluster, judge.registered).await?
    };
    let shown = listed.len();
    let mut answer = Answer::new(listing.body(listed, &cut));
    answer.warnings.extend(unknown);
    answer
        .warnings
        .extend(nowhere.map(|refusal| format!("{refusal}; {}", refusal.hint())));
    answer.warnings.extend(doubt.map(|Disproof { zone, seen }| {
        format!("the rows contradict --time-zone {zone}, so nothing is judged by times: {seen}")
    }));
    if total > shown {
        answer.warnings.push(format!(
            "{shown} of {total} instances are shown; see --limit"
        ));
    }
    Ok(answer)
}

/// What an instance's verdict rests on.
struct Judge {
    release: Release,
    registered: Registrations,
    zone: Option<TimeZone>,
}

impl Judge {
    fn verdict(&self, instance: &Instance) -> Verdict {
        verdict(
            instance,
            &self.release,
            &self.registered,
            self.zone.as_ref(),
        )
    }
}

fn verdict(
    instance: &Instance,
    release: &Release,
    registered: &Registrations,
    zone: Option<&TimeZone>,
) -> Verdict {
    // No other finished instance is ever listed.
    if instance.state.is_some() && instance.state == release.failed_recovery() {
        return Verdict::RecoveryFailed;
    }
    instance_verdict(instance, release.family, registered, zone)
}

/// Those that are not shown: what is to be done next is told of them, too.
#[derive(Default)]
struct Cut {
    /// At first all that are claimed, then those without a command.
    claimed: Vec<InstanceId>,
    some_are_dead: bool,
}

impl Cut {
    fn see(&mut self, instance: &Instance, verdict: Verdict) {
        match verdict {
            Verdict::Claimed => self.claimed.push(instance.id),
            Verdict::Dead => self.some_are_dead = true,
            _ => {}
        }
    }
}

/// Instances, with related data.
pub(super) struct Listing<'a> {
    cluster: &'a Cluster,
    registered: Registrations,
    waiting: HashMap<InstanceId, i64>,
    /// Their id, and the first line of their message.
    errors: HashMap<InstanceId, (i64, Option<String>)>,
    /// With `--tree`.
    forest: Option<Forest>,
}

impl<'a> Listing<'a> {
    /// Looks up the data related to these instances.
    pub(super) async fn related(
        listed: &[ListedInstance],
        cluster: &'a mut Cluster,
        registered: Registrations,
    ) -> Result<Self, FailoverError> {
        let ids: HashSet<InstanceId> = listed.iter().map(|listed| listed.instance.id).collect();
        let waiting = cluster
            .store
            .recovery_commands_for(ids.iter().copied())
            .await?
            .into_inner();
        let errors = cluster.store.recovery_errors(&ids).await?;
        let first_line = |message: String| message.lines().next().map(str::to_owned);
        let errors = errors
            .into_iter()
            .map(|(id, error)| (id, (error.id, error.message.and_then(first_line))))
            .collect();
        Ok(Self {
            cluster,
            registered,
            waiting,
            errors,
            forest: None,
        })
    }

    /// The instances, with the next commands for people.
    fn body(&self, listed: Vec<ListedInstance>, cut: &Cut) -> Body<InstancesDocument> {
        let closing = self.closing(&listed, cut);
        Body {
            closing,
            ..self.listed(listed)
        }
    }

    /// Only the instances.
    pub(super) fn listed(&self, listed: Vec<ListedInstance>) -> Body<InstancesDocument> {
        let table = match &self.forest {
            None => self.table(&listed),
            Some(forest) => self.tree(forest, &listed),
        };
        let instances = listed
            .into_iter()
            .map(|listed| self.entry(listed))
            .collect();
        let others = self.forest.iter().flat_map(|forest| &forest.others);
        let related = others
            .map(|(id, row)| self.related_entry(*id, row.as_ref()))
            .collect();
        Body::new(InstancesDocument { instances, related }).table(table)
    }

    fn closing(&self, listed: &[ListedInstance], cut: &Cut) -> Vec<String> {
        let mut lines = Vec::new();
        let orphans = listed
            .iter()
            .filter(|listed| self.is_orphan(&listed.instance))
            .count()
            + cut.claimed.len();
        let failed = listed
            .iter()
            .filter(|listed| self.verdict(&listed.instance) == Verdict::RecoveryFailed);
        lines.extend(failed.take(SHOWN).map(|listed| {
            let id = listed.instance.id;
            let message = self.errors.get(&id).and_then(|(_, message)| message.as_deref()).unwrap_or("-");
            format!(
                "instance {id}: its recovery failed: {message}; no master runs it. Make sure that its tasks have ended, then run it again in DolphinScheduler"
            )
        }));
        if orphans > 0 {
            lines.push(format!(
                "{orphans} claimed without a command: no master will take them up; next: dsctl \
                 recover --orphans --dry-run"
            ));
        }
        let are_dead = listed
            .iter()
            .any(|listed| self.verdict(&listed.instance) == Verdict::Dead);
        if are_dead || cut.some_are_dead {
            lines.push(
                "some masters are dead; next: dsctl failover --all-dead --dry-run".to_owned(),
            );
        }
        lines.extend(self.forest.iter().filter_map(about_tasks));
        lines
    }

    /// Each below what it belongs to.
    fn tree(&self, forest: &Forest, listed: &[ListedInstance]) -> Table {
        let rows: HashMap<InstanceId, &ListedInstance> =
            listed.iter().map(|row| (row.instance.id, row)).collect();
        let mut table = Table::new(&TREE_HEADERS);
        for line in forest.lines() {
            match line.node {
                Node::Task(task) => table.row(task_cells(forest, line, task)),
                Node::Instance(id) => match rows.get(&id) {
                    Some(row) if self.needs_help(&row.instance) => {
                        table.alarm(self.tree_cells(forest, line, row));
                    }
                    Some(row) => table.row(self.tree_cells(forest, line, row)),
                    None => table.row(self.other_cells(forest, line, id)),
                },
            }
        }
        table
    }

    fn tree_cells(&self, forest: &Forest, line: TreeLine<'_>, row: &ListedInstance) -> Vec<Cell> {
        let instance = &row.instance;
        vec![
            Cell::from(instance.id),
            Cell::from("instance"),
            below(line, row.name.as_deref()),
            Cell::from(self.family().state_keyword(instance.state)),
            Cell::from(instance.host.as_deref()),
            Cell::from(self.verdict(instance).keyword()),
            Cell::from(self.waiting.get(&instance.id).copied()),
            Cell::from(note(forest, instance.id)),
        ]
    }

    /// Nobody judges by the host of one that has ended, or that waits for its turn.
    fn other_cells(&self, forest: &Forest, line: TreeLine<'_>, id: InstanceId) -> Vec<Cell> {
        let row = forest.others.get(&id).and_then(Option::as_ref);
        let state = row.map(|row| self.family().state_keyword(row.instance.state));
        vec![
            Cell::from(id),
            Cell::from("instance"),
            below(line, row.and_then(|row| row.name.as_deref())),
            Cell::from(state.as_deref().unwrap_or(GONE)),
            Cell::from(row.and_then(|row| row.instance.host.as_deref())),
            Cell::None,
            Cell::None,
            Cell::from(note(forest, id)),
        ]
    }

    fn family(&self) -> &'static Family {
        self.cluster.store.release().family
    }

    fn needs_help(&self, instance: &Instance) -> bool {
        matches!(
            self.verdict(instance),
            Verdict::Dead | Verdict::RecoveryFailed
        ) || self.is_orphan(instance)
    }

    fn table(&self, listed: &[ListedInstance]) -> Table {
        let mut table = Table::new(&HEADERS);
        for row in listed {
            let (cells, instance) = (self.cells(row), &row.instance);
            if self.needs_help(instance) {
                table.alarm(cells);
            } else {
                table.row(cells);
            }
        }
        table
    }

    fn verdict(&self, instance: &Instance) -> Verdict {
        verdict(
            instance,
            self.cluster.store.release(),
            &self.registered,
            self.cluster.zone.as_ref(),
        )
    }

    fn is_orphan(&self, instance: &Instance) -> bool {
        self.verdict(instance) == Verdict::Claimed && !self.waiting.contains_key(&instance.id)
    }

    fn cells(&self, listed: &ListedInstance) -> Vec<Cell> {
        let ListedInstance { instance, name } = listed;
        let family = self.cluster.store.release().family;
        vec![
            Cell::from(instance.id),
            name.clone().map_or(Cell::None, Cell::long),
            Cell::from(family.state_keyword(instance.state)),
            Cell::from(instance.host.as_deref()),
            Cell::from(self.verdict(instance).keyword()),
            Cell::from(times::local(instance.start_time)),
            Cell::from(times::local(instance.restart_time)),
            Cell::from(self.waiting.get(&instance.id).copied()),
            Cell::from(self.errors.get(&instance.id).map(|(id, _)| *id)),
        ]
    }

    fn entry(&self, listed: ListedInstance) -> InstanceEntry {
        let verdict = self.verdict(&listed.instance);
        let ListedInstance { instance, name } = listed;
        let Instance {
            id,
            definition,
            definition_version,
            state,
            host,
            start_time,
            restart_time,
            last_change: _,
            sub_process,
            command_type: _,
        } = instance;
        let zone = self.cluster.zone.as_ref();
        let error = self.errors.get(&id);
        let forest = self.forest.as_ref();
        let parent = forest.and_then(|forest| forest.parent(id));
        InstanceEntry {
            id,
            name,
            definition_code: definition,
            definition_version,
            state: self.cluster.store.release().family.state_keyword(state),
            state_code: state,
            host: host.as_deref().map(str::to_owned),
            verdict,
            start_time: times::in_utc(start_time, zone),
            restart_time: times::in_utc(restart_time, zone),
            start_time_local: start_time.map(Local::from),
            restart_time_local: restart_time.map(Local::from),
            sub_process,
            pending_command_id: self.waiting.get(&id).copied(),
            error_command_id: error.map(|(id, _)| *id),
            error_message: error.and_then(|(_, message)| message.clone()),
            parent_instance_id: parent.map(|relation| relation.parent),
            parent_task_id: parent.map(|relation| relation.task),
            child_instance_ids: forest.map(|forest| forest.children(id)).unwrap_or_default(),
            tasks: forest.map(|forest| tasks(forest, id)).unwrap_or_default(),
        }
    }

    fn related_entry(&self, id: InstanceId, row: Option<&ListedInstance>) -> RelatedEntry {
        let forest = self.forest.as_ref();
        let parent = forest.and_then(|forest| forest.parent(id));
        let state = row.map(|row| self.family().state_keyword(row.instance.state));
        RelatedEntry {
            id,
            name: row.and_then(|row| row.name.clone()),
            state: state.unwrap_or_else(|| GONE.to_owned()),
            state_code: row.and_then(|row| row.instance.state),
            host: row.and_then(|row| row.instance.host.as_deref().map(str::to_owned)),
            parent_instance_id: parent.map(|relation| relation.parent),
            parent_task_id: parent.map(|relation| relation.task),
            child_instance_ids: forest.map(|forest| forest.children(id)).unwrap_or_default(),
            waits_for_instance_id: forest.and_then(|forest| forest.before(id)),
        }
    }
}

/// In place of a state: there is no such row any more.
const GONE: &str = "gone";

fn task_cells(forest: &Forest, line: TreeLine<'_>, task: &Task) -> Vec<Cell> {
    let to_be_made = forest.is_childless(task.id);
    vec![
        Cell::from(task.id),
        Cell::from(task.task_type.as_deref().unwrap_or("task")),
        below(line, task.name.as_deref()),
        Cell::from(task_state_keyword(task.state)),
        Cell::from(host_of(task)),
        Cell::None,
        Cell::None,
        Cell::from(to_be_made.then_some("its child is not made yet")),
    ]
}

/// How many unfinished tasks each host has.
fn about_tasks(forest: &Forest) -> Option<String> {
    let hosts = forest.tasks_by_host();
    let on_hosts = hosts
        .iter()
        .filter_map(|(host, count)| host.map(|host| format!("{count} on {host}")));
    let without = hosts
        .get(&None)
        .map(|count| format!("{count} without a host"));
    let counts: Vec<String> = on_hosts.chain(without).collect();
    (!counts.is_empty()).then(|| format!("unfinished tasks: {}", counts.join(", ")))
}

/// A name as far to the right as its line stands below others.
fn below(line: TreeLine<'_>, name: Option<&str>) -> Cell {
    let name = name.unwrap_or("-");
    if line.depth == 0 {
        Cell::long(name)
    } else {
        Cell::long(format!("{}└ {name}", "  ".repeat(line.depth - 1)))
    }
}

/// What the place of an instance in its tree does not say.
fn note(forest: &Forest, id: InstanceId) -> Option<String> {
    let waits = forest.is_waiting(id).then(|| match forest.before(id) {
        Some(before) => format!("waits for instance {before}"),
        None => "waits, and nothing is before it".to_owned(),
    });
    let child = forest.parent(id).map(|relation| {
        format!(
            "child of task {} of instance {}",
            relation.task, relation.parent
        )
    });
    waits.or(child)
}

fn tasks(forest: &Forest, id: InstanceId) -> Vec<TaskEntry> {
    let entry = |task: &Task| TaskEntry {
        id: task.id,
        name: task.name.clone(),
        task_type: task.task_type.clone(),
        state: task_state_keyword(task.state),
        state_code: task.state,
        host: host_of(task).map(str::to_owned),
        child_is_to_be_made: forest.is_childless(task.id),
    };
    forest.tasks(id).iter().map(entry).collect()
}
