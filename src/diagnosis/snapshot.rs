//! One consistent read of all that the checks judge by.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::definitions::NeededDefinitions;
use super::locks::{LockQueue, lock_queues};
use super::server::DatabaseFitness;
use super::slow::SlowTruths;
use super::trees::{ApartTrees, Unended};
use super::untaken::UntakenCommands;
use crate::cluster::Cluster;
use crate::failover::{
    Disproof, FailoverError, Refusal, disproof, instance_verdict, look_for_display, strange_masters,
};
use crate::family::{CommandTaker, DefinitionKey, RECOVERY_COMMAND, Release, starts_instance};
use crate::metadata::database::DatabaseError;
use crate::metadata::{IdleInstance, IdleTaskGroup, UpgradeFacts, WorkerGroup};
use crate::model::{Address, Instance, InstanceId, Registration, Registrations, Verdict};
use crate::registry::RegistryError;

/// Of so many instances it is seen in a moment whether they go on.
const AT_A_GLANCE: usize = 1000;

/// The worker group of tasks that name none.
pub(super) const DEFAULT_GROUP: &str = "default";

/// Unfinished or claimed instances that have the same host, verdict and state.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InstanceGroup {
    /// Host as stored.
    pub host: Option<Arc<str>>,
    /// The verdict on it.
    pub verdict: Verdict,
    /// State code.
    pub state: Option<i64>,
    /// Their ids, ascending; none of those that a living master works on.
    pub ids: Vec<InstanceId>,
}

/// What the registry and the metadata store have at one moment.
///
/// The tables are read in one transaction that sees one state of them. The registrations are read
/// before and after: a master counts as registered that was in either.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The moment that it is about, by the clock here.
    pub taken_at: Timestamp,
    /// The release.
    pub release: Release,
    /// The registered masters.
    pub masters: Registrations,
    /// Why these may not be this cluster's masters.
    pub doubt: Option<Refusal>,
    /// Whether the masters' zone is known, so that instances can be judged by times.
    pub judges_times: bool,
    /// How the rows contradict the masters' zone that was given: nothing is judged by times then.
    pub zone: Option<Disproof>,
    /// Addresses of masters that others have marked dead, where that stops a master.
    pub marked_dead: Vec<String>,
    /// The failover locks that anybody holds or waits for.
    pub locks: Vec<LockQueue>,
    /// Unfinished and claimed instances.
    pub instances: Vec<InstanceGroup>,
    /// Recovery commands that wait, by instance.
    pub recoveries: BTreeMap<InstanceId, Vec<i64>>,
    /// Claimed instances that no waiting command starts, ascending.
    pub orphans: Vec<InstanceId>,
    /// The newest error command about a recovery of each orphan: its id, and the first line of its
    /// message.
    pub errors: HashMap<InstanceId, (i64, Option<String>)>,
    /// Instances that were ended because their recovery failed, with that error command.
    pub failed_recoveries: Vec<(InstanceId, i64, Option<String>)>,
    /// Finished instances for which a recovery command waits, with their state.
    pub ended: Vec<(InstanceId, Option<i64>)>,
    /// Instances that were triggered, and that no command names, ascending (3.3 and newer).
    pub never_started: Vec<InstanceId>,
    /// Instances that a master would have to take up, and whose definition is gone, ascending.
    pub without_definition: Vec<InstanceId>,
    /// The same in 1.x whose definition is offline, ascending.
    pub offline: Vec<InstanceId>,
    /// Waiting commands that no master of 1.x sees, because their definition is not online, ascending.
    pub unseen_commands: Vec<i64>,
    /// What may pass by itself in a moment.
    pub slow: SlowTruths,
    /// Unfinished instances of living masters with tasks that wait for a worker, by its group as
    /// stored.
    pub undispatched: BTreeMap<String, Vec<InstanceId>>,
    /// The groups in the database; read only if tasks wait, and if this user may.
    pub worker_groups: Option<Vec<WorkerGroup>>,
    /// The registered workers; read only if tasks wait for one, and later than these.
    pub workers: Registrations,
    /// What the database is fit for.
    pub database: DatabaseFitness,
    /// What an upgrade would find; read only if that is asked.
    pub upgrade: Option<UpgradeFacts>,
    /// Tables that this user may not read; what they have is not judged.
    pub closed: Vec<&'static str>,
    /// What could not be read at this moment, and is not judged.
    pub unread: Vec<String>,
}

impl Snapshot {
    /// Takes one. Nothing is written.
    ///
    /// # Errors
    /// Those of registry and database.
    pub async fn take(cluster: &mut Cluster) -> Result<Self, FailoverError> {
        let release = cluster.store.release().clone();
        let (mut before, mut doubt) = look_for_display(cluster).await?;
        // What may be another cluster's proves nobody dead.
        before.parent_exists &= doubt.is_none();
        let zone = disproof(cluster).await?;
        let commands = CommandsOfInstances::read(cluster).await?;
        let mut rows = InstanceScan::default();
        let used_zone = cluster.zone.clone().filter(|_| zone.is_none());
        let judges_times = used_zone.is_some();
        let mut on_row = |instance: Instance| {
            let verdict = instance_verdict(&instance, release.family, &before, used_zone.as_ref());
            rows.add(instance, verdict);
        };
        cluster
            .store
            .each_listed(None, |row| on_row(row.instance))
            .await?;
        if doubt.is_none() && rows.any(Verdict::Dead) {
            doubt = strange_masters(cluster, &before).await?;
            before.parent_exists &= doubt.is_none();
        }
        let orphans = rows.orphans(&commands);
        let errors = errors(cluster, &orphans).await?;
        let failed_recoveries = failed(cluster).await?;
        let ended = ended(cluster, &rows.unfinished, &commands).await?;
        let (without_definition, offline) =
            std::mem::take(&mut rows.needed).missing(cluster).await?;
        let mut triggered = cluster.store.triggered().await?;
        for ids in [&mut triggered.submitted, &mut triggered.serial] {
            ids.retain(|id| !commands.named.contains(id));
        }
        let mut unread = Unread::default();
        let read = waiting_commands(cluster, &before).await;
        let waiting = unread.tolerate(cluster, read, "waiting commands").await?;
        let (unseen_commands, untaken) = waiting;
        let read = slow_truths(cluster, &rows, &commands, triggered.serial).await;
        let what = "serial workflows and task groups";
        let mut slow = unread.tolerate(cluster, read, what).await?;
        if before.servers.is_empty() {
            // Whoever launches the next one is a master.
            slow.not_launched.clear();
        }
        let read = idle(cluster, &rows, &commands, &before).await;
        slow.idle = unread.tolerate(cluster, read, "what tasks do").await?;
        slow.commands = untaken;
        let read = apart_trees(cluster, &rows, &commands).await;
        slow.trees = unread
            .tolerate(cluster, read, "parents and children")
            .await?;
        let read = read_undispatched(cluster, &rows).await;
        let what = "tasks without a worker";
        let mut undispatched = unread.tolerate(cluster, read, what).await?;
        let (worker_groups, workers) = if undispatched.is_empty() {
            Workers::default()
        } else {
            let read = read_workers(cluster, &mut undispatched).await;
            unread.tolerate(cluster, read, "worker groups").await?
        };
        let read = DatabaseFitness::read(cluster).await;
        let what = "the database's catalogue";
        let database = unread.tolerate(cluster, read, what).await?;
        let locks = lock_queues(&mut *cluster.registry, &release, None).await?;
        let marked_dead = marked_dead(cluster).await?;
        let mut masters = cluster.registry.masters().await?;
        masters.parent_exists &= before.parent_exists;
        let instances = rows.groups(&masters);
        add(&mut masters, before);
        Ok(Self {
            taken_at: cluster.registry.now(),
            release,
            masters,
            doubt,
            judges_times,
            zone,
            marked_dead,
            locks,
            instances,
            recoveries: commands.recoveries,
            orphans,
            errors,
            failed_recoveries,
            ended,
            never_started: triggered.submitted,
            without_definition,
            offline,
            unseen_commands,
            slow,
            undispatched,
            worker_groups,
            workers,
            database,
            upgrade: None,
            closed: cluster.store.closed_tables().to_vec(),
            unread: unread.0,
        })
    }

    /// A glance at what may pass by itself: leaves out what has moved since.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn glance(&mut self, cluster: &mut Cluster) -> Result<(), FailoverError> {
        let waiting = cluster.store.takeable_commands().await?;
        let idle: Vec<InstanceId> = self.slow.idle.iter().map(|one| one.id).collect();
        // A glance at more would be no glance.
        let idle = if idle.len() > AT_A_GLANCE {
            self.slow.idle.clone()
        } else {
            cluster.store.idle_instances(&idle).await?
        };
        self.slow.leave_out_what_moves(&waiting, &idle);
        Ok(())
    }

    /// The same, with what an upgrade would find. In the transaction that is open.
    ///
    /// # Errors
    /// Those of registry and database.
    pub async fn with_upgrade(mut self, cluster: &mut Cluster) -> Result<Self, FailoverError> {
        let mut unread = Unread(std::mem::take(&mut self.unread));
        let read = cluster.store.upgrade_facts().await;
        let read = read.map_err(FailoverError::from);
        let what = "the instances and queues that an upgrade finds";
        self.upgrade = Some(unread.tolerate(cluster, read, what).await?);
        match cluster.registry.workers().await {
            Err(RegistryError::Denied { .. }) => {
                let text = "the workers' registrations may not be read, and are not judged";
                unread.0.push(text.to_owned());
            }
            workers => self.workers = workers?,
        }
        self.unread = unread.0;
        Ok(self)
    }

    /// What this look shows that an earlier one has shown, too, as far as one look alone does not
    /// prove it. What the earlier one could not read is not judged.
    #[must_use]
    pub fn after(mut self, earlier: &Self) -> Self {
        self.slow.settle(&earlier.slow);
        let before = earlier.unread.iter();
        let before = before.map(|text| format!("{text} (in the first of two looks)"));
        self.unread.extend(before);
        self
    }

    /// Whether a queue, or an instance between two tasks, has been looked at for long enough.
    #[must_use]
    pub fn has_settled(&self) -> bool {
        self.slow.seen_twice || self.slow.is_settled()
    }

    /// The tables that masters look a definition up in, as a source of evidence.
    #[must_use]
    pub fn definition_tables(&self) -> String {
        let family = self.release.family;
        let tables = &family.tables;
        match (family.definition, tables.definition_log) {
            (DefinitionKey::CodeInMainOrLog, Some(log)) => {
                format!("database {} and {log}", tables.definition)
            }
            (DefinitionKey::CodeInLog, Some(log)) => {
                format!("database {log} and {}", tables.project)
            }
            _ => format!("database {}", tables.definition),
        }
    }

    /// The table of the instances, as a source of evidence.
    #[must_use]
    pub fn table(&self) -> String {
        format!("database {}", self.release.family.tables.instance)
    }

    /// The table of the waiting commands, as a source of evidence.
    #[must_use]
    pub fn command_table(&self) -> String {
        format!("database {}", self.release.family.tables.command)
    }

    /// The table of the error commands, as a source of evidence.
    #[must_use]
    pub fn error_command_table(&self) -> String {
        format!("database {}", self.release.family.tables.error_command)
    }

    /// The instances of a verdict, by host as stored.
    #[must_use]
    pub fn by_host(&self, verdict: Verdict) -> BTreeMap<Option<&str>, Vec<InstanceId>> {
        let mut hosts: BTreeMap<Option<&str>, Vec<InstanceId>> = BTreeMap::new();
        for group in self
            .instances
            .iter()
            .filter(|group| group.verdict == verdict)
        {
            let ids = hosts.entry(group.host.as_deref()).or_default();
            ids.extend(&group.ids);
            ids.sort_unstable();
        }
        hosts
    }
}

/// Waiting commands that name an instance.
#[derive(Debug, Default)]
struct CommandsOfInstances {
    /// All instances that one of them names.
    named: HashSet<InstanceId>,
    /// Instances that one of them starts.
    started: HashSet<InstanceId>,
    recoveries: BTreeMap<InstanceId, Vec<i64>>,
}

impl CommandsOfInstances {
    async fn read(cluster: &mut Cluster) -> Result<Self, FailoverError> {
        let mut commands = Self::default();
        let keep = |id, kind: Option<i64>, instance| {
            commands.named.insert(instance);
            if starts_instance(kind) {
                commands.started.insert(instance);
            }
            if kind == Some(RECOVERY_COMMAND) {
                commands.recoveries.entry(instance).or_default().push(id);
            }
        };
        cluster.store.each_waiting(keep).await?;
        Ok(commands)
    }
}

/// Host, verdict, and state.
type GroupKey = (Option<Arc<str>>, Verdict, Option<i64>);

/// What the scan of the instances keeps.
#[derive(Debug, Default)]
struct InstanceScan {
    groups: BTreeMap<GroupKey, Vec<InstanceId>>,
    /// All ids.
    unfinished: HashSet<InstanceId>,
    /// Those of them that are sub-workflows.
    children: Vec<InstanceId>,
    needed: NeededDefinitions,
}

impl InstanceScan {
    fn add(&mut self, instance: Instance, verdict: Verdict) {
        self.unfinished.insert(instance.id);
        if instance.sub_process {
            self.children.push(instance.id);
        }
        self.needed.add(&instance, verdict);
        let key = (instance.host, verdict, instance.state);
        let ids = self.groups.entry(key).or_default();
        if verdict != Verdict::Alive {
            ids.push(instance.id);
        }
    }

    fn any(&self, verdict: Verdict) -> bool {
        self.groups
            .keys()
            .any(|(_, of_group, _)| *of_group == verdict)
    }

    /// Those that no living master works on.
    fn not_alive(&self) -> HashSet<InstanceId> {
        let groups = self.groups.iter();
        let others = groups.filter(|((_, verdict, _), _)| *verdict != Verdict::Alive);
        others.flat_map(|(_, ids)| ids).copied().collect()
    }

    /// Those that a living master works on, ascending.
    fn alive(&self) -> Vec<InstanceId> {
        let mut ids: Vec<InstanceId> = if self.any(Verdict::Alive) {
            let not_alive = self.not_alive();
            self.unfinished.difference(&not_alive).copied().collect()
        } else {
            Vec::new()
        };
        ids.sort_unstable();
        ids
    }

    fn orphans(&self, commands: &CommandsOfInstances) -> Vec<InstanceId> {
        let claimed = self
            .groups
            .iter()
            .filter(|((_, verdict, _), _)| *verdict == Verdict::Claimed);
        let mut orphans: Vec<InstanceId> = claimed
            .flat_map(|(_, ids)| ids)
            .filter(|id| !commands.started.contains(id))
            .copied()
            .collect();
        orphans.sort_unstable();
        orphans
    }

    /// The groups; a master that has come since is not dead, and nobody is whose registry is in
    /// doubt.
    fn groups(self, now: &Registrations) -> Vec<InstanceGroup> {
        let is_back =
            |host: Option<&str>| host.is_some_and(|host| now.find(&Address::seen(host)).is_some());
        let group = |((host, verdict, state), ids): (GroupKey, Vec<InstanceId>)| {
            let (verdict, ids) = if verdict == Verdict::Dead && is_back(host.as_deref()) {
                (Verdict::Alive, Vec::new())
            } else if verdict == Verdict::Dead && !now.parent_exists {
                (Verdict::Unknown, ids)
            } else {
                (verdict, ids)
            };
            InstanceGroup {
                host,
                verdict,
                state,
                ids,
            }
        };
        self.groups.into_iter().map(group).collect()
    }
}

/// Adds the registrations that have gone since.
fn add(masters: &mut Registrations, before: Registrations) {
    for server in before.servers {
        if masters.find(&server.address).is_none() {
            masters.servers.push(server);
        }
    }
    masters
        .servers
        .sort_by(|one, other| one.address.as_str().cmp(other.address.as_str()));
}

fn first_line(message: Option<String>) -> Option<String> {
    message.and_then(|text| text.lines().next().map(str::to_owned))
}

async fn errors(
    cluster: &mut Cluster,
    orphans: &[InstanceId],
) -> Result<HashMap<InstanceId, (i64, Option<String>)>, FailoverError> {
    if orphans.is_empty() {
        return Ok(HashMap::new());
    }
    let ids = orphans.iter().copied().collect();
    let found = cluster.store.recovery_errors(&ids).await?;
    let short = found
        .into_iter()
        .map(|(id, error)| (id, (error.id, first_line(error.message))));
    Ok(short.collect())
}

async fn failed(
    cluster: &mut Cluster,
) -> Result<Vec<(InstanceId, i64, Option<String>)>, FailoverError> {
    let found = cluster.store.failed_recoveries().await?;
    let short = found
        .into_iter()
        .map(|(row, error)| (row.instance.id, error.id, error.message));
    Ok(short.collect())
}

/// The worker groups, if they may be read, and the registered workers.
type Workers = (Option<Vec<WorkerGroup>>, Registrations);

/// What could not be read at this moment.
#[derive(Debug, Default)]
struct Unread(Vec<String>);

impl Unread {
    /// What the database refuses to read, because it takes too long for example, is not judged: the
    /// rest is, in a new transaction, since a refusal ends the one that was open.
    async fn tolerate<T: Default>(
        &mut self,
        cluster: &mut Cluster,
        read: Result<T, FailoverError>,
        what: &str,
    ) -> Result<T, FailoverError> {
        match read {
            Err(FailoverError::Database(DatabaseError::Refused { cause, .. })) => {
                self.0.push(format!(
                    "{what} could not be read, and are not judged: {cause}"
                ));
                cluster.store.end_reading().await;
                cluster.store.begin_reading().await?;
                Ok(T::default())
            }
            read => read,
        }
    }
}

/// A task without a group waits for a worker of the default one; those of masters that are not alive
/// wait for a failover first.
async fn read_undispatched(
    cluster: &mut Cluster,
    rows: &InstanceScan,
) -> Result<BTreeMap<String, Vec<InstanceId>>, FailoverError> {
    let mut groups: BTreeMap<String, Vec<InstanceId>> = BTreeMap::new();
    let keep = |instance, group: Option<String>| {
        let group = group.filter(|name| !name.is_empty());
        let ids = groups
            .entry(group.unwrap_or_else(|| DEFAULT_GROUP.to_owned()))
            .or_default();
        // In order of instance.
        if ids.last() != Some(&instance) {
            ids.push(instance);
        }
    };
    cluster.store.each_undispatched(&rows.alive(), keep).await?;
    Ok(groups)
}

/// What may not be read is nothing.
async fn marked_dead(cluster: &mut Cluster) -> Result<Vec<String>, FailoverError> {
    if !cluster.store.release().obeys_dead_mark() {
        return Ok(Vec::new());
    }
    match cluster.registry.dead_masters().await {
        Err(RegistryError::Denied { .. }) => Ok(Vec::new()),
        marked => Ok(marked?),
    }
}

/// Waiting commands that no master sees, and all others. Without a master nobody is to take any.
async fn waiting_commands(
    cluster: &mut Cluster,
    masters: &Registrations,
) -> Result<(Vec<i64>, UntakenCommands), FailoverError> {
    let unseen = cluster.store.unseen_commands().await?;
    let servers = masters.servers.iter();
    let taking = servers.filter(|server| server.takes_commands()).count();
    if taking == 0 || !masters.parent_exists {
        return Ok((unseen, UntakenCommands::default()));
    }
    let taker = cluster.store.release().family.command_taker;
    let untaken = UntakenCommands {
        ids: cluster.store.takeable_commands().await?,
        slots: match taker {
            CommandTaker::SlotOfAll => masters.servers.len(),
            CommandTaker::SlotOfNormal => taking,
            CommandTaker::LockHolder => 1,
        },
    };
    Ok((unseen, untaken))
}

/// Instances of living masters that go on by nothing. A master that is overloaded submits no task,
/// and one that a command is to go on with waits for that.
async fn idle(
    cluster: &mut Cluster,
    rows: &InstanceScan,
    commands: &CommandsOfInstances,
    masters: &Registrations,
) -> Result<Vec<IdleInstance>, FailoverError> {
    let works = |host: &str| {
        let server = masters.find(&Address::seen(host));
        server.is_some_and(Registration::takes_commands)
    };
    let mut idle = cluster.store.idle_instances(&rows.alive()).await?;
    idle.retain(|instance| {
        !commands.named.contains(&instance.id) && instance.host.as_deref().is_some_and(works)
    });
    Ok(idle)
}

async fn slow_truths(
    cluster: &mut Cluster,
    rows: &InstanceScan,
    commands: &CommandsOfInstances,
    mut serial: Vec<InstanceId>,
) -> Result<SlowTruths, FailoverError> {
    let mut unwoken = cluster.store.heads_of_serial_queues().await?;
    unwoken.retain(|id| !commands.named.contains(id));
    let (mut ended_in_queue, mut not_launched) = (Vec::new(), Vec::new());
    if let Some(queues) = cluster.store.serial_queues().await? {
        serial.retain(|id| !queues.queued.contains(id));
        (ended_in_queue, not_launched) = (queues.ended, queues.not_launched);
    } else {
        serial.clear();
    }
    Ok(SlowTruths {
        unwoken,
        unqueued: serial,
        ended_in_queue,
        not_launched,
        idle_groups: idle_groups(cluster, rows).await?,
        ..SlowTruths::default()
    })
}

async fn apart_trees(
    cluster: &mut Cluster,
    rows: &InstanceScan,
    commands: &CommandsOfInstances,
) -> Result<ApartTrees, FailoverError> {
    let unended = Unended {
        all: &rows.unfinished,
        children: &rows.children,
        not_alive: &rows.not_alive(),
        named: &commands.named,
    };
    unended.apart(cluster).await
}

/// A group in which a task of a dead master waits waits for its failover: from 3.2.1 on the coordinator
/// tries that task again and again, and gives nobody else a slot. A task of an ended instance waits for
/// nothing.
async fn idle_groups(
    cluster: &mut Cluster,
    rows: &InstanceScan,
) -> Result<Vec<IdleTaskGroup>, FailoverError> {
    let mut groups = cluster.store.idle_task_groups().await?;
    if groups.is_empty() {
        return Ok(groups);
    }
    let not_alive = rows.not_alive();
    let is_held_up =
        |group: &IdleTaskGroup| group.waiting.values().any(|id| not_alive.contains(id));
    groups.retain(|group| !is_held_up(group));
    for group in &mut groups {
        group
            .waiting
            .retain(|_, instance| rows.unfinished.contains(instance));
    }
    groups.retain(|group| !group.waiting.is_empty());
    Ok(groups)
}

/// Where the workers' registrations may not be read, nothing is known of what waits for them.
async fn read_workers(
    cluster: &mut Cluster,
    undispatched: &mut BTreeMap<String, Vec<InstanceId>>,
) -> Result<Workers, FailoverError> {
    let groups = cluster.store.worker_groups().await?;
    let workers = match cluster.registry.workers().await {
        Err(RegistryError::Denied { .. }) => {
            undispatched.clear();
            Registrations::default()
        }
        workers => workers?,
    };
    Ok((groups, workers))
}

/// The finished instances among those for which a recovery command waits.
async fn ended(
    cluster: &mut Cluster,
    unfinished: &HashSet<InstanceId>,
    commands: &CommandsOfInstances,
) -> Result<Vec<(InstanceId, Option<i64>)>, FailoverError> {
    let others: Vec<InstanceId> = commands
        .recoveries
        .keys()
        .filter(|id| !unfinished.contains(id))
        .copied()
        .collect();
    let family = cluster.store.release().family;
    let rows = cluster.store.by_ids(&others).await?;
    let finished = rows.into_iter().filter(|row| family.is_finished(row.state));
    Ok(finished.map(|row| (row.id, row.state)).collect())
}
