//! A whole run: look, lock, look again, scan once, then batch by batch; and the locks back on every way out.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;

use super::batch::{self, Batch, Handover, Rows};
use super::error::{FailoverError, Refusal};
use super::guard::{self, RegistryView};
use super::life::Before;
use super::locks::Locks;
use super::outcome::{MasterOutcome, Run};
use super::rules::{Observer, Permit, Rules, Steps, StopSignal};
use super::{absence, crowd, judge, kills, life, remarks, zone};
use crate::family::{Claim, Release};
use crate::metadata::{HostCount, Mark, MetadataStore, Writing};
use crate::model::{Address, CommandRow, Instance, InstanceId, SkipReason, Verdict};
use crate::registry::{Registry, RegistryError};

/// One cluster: its registry, its metadata store, and its masters' zone as far as it is known.
pub struct Cluster {
    /// The registry.
    pub registry: Box<dyn Registry>,
    /// The metadata store.
    pub store: MetadataStore,
    /// The masters' zone.
    pub zone: Option<TimeZone>,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("registry", &self.registry.endpoint())
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

/// What all steps of a run share.
pub(crate) struct Context<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) permit: Option<&'a Permit>,
    pub(crate) observer: &'a mut dyn Observer,
    pub(crate) stop: StopSignal,
    pub(crate) run: Run,
    /// What must still hold of the masters' absence.
    pub(crate) before: Option<Before>,
    /// How long locks were waited for, all together.
    waited: Duration,
}

impl<'a> Context<'a> {
    pub(crate) fn new(
        rules: &'a Rules,
        permit: Option<&'a Permit>,
        observer: &'a mut dyn Observer,
        stop: StopSignal,
    ) -> Self {
        let before = rules.before.clone();
        Self { rules, permit, observer, stop, run: Run::default(), before, waited: Duration::ZERO }
    }

    /// Whether nobody wants the run to end before the next batch.
    ///
    /// # Errors
    /// [`FailoverError::Stopped`], [`Refusal::Paused`].
    pub(crate) fn go_on(&mut self) -> Result<(), FailoverError> {
        self.stop.check()?;
        match self.observer.paused() {
            Some((by, reason)) => Err(Refusal::Paused { by, reason }.into()),
            None => Ok(()),
        }
    }
}

/// Masters whose unfinished instances nobody works on, in order: named by instances, not registered. Hosts that can be
/// no master are given apart.
#[must_use]
pub fn dead_hosts(counts: &[HostCount], view: &RegistryView, release: &Release) -> (Vec<Address>, Vec<String>) {
    let family = release.family;
    let claimed = |host: &str| matches!(family.claim, Claim::Host(text) if text == host);
    let hosts: BTreeSet<&str> = counts
        .iter()
        .filter(|count| family.is_unfinished(Some(count.state)))
        .filter_map(|count| count.host.as_deref())
        .filter(|host| !claimed(host))
        .collect();
    let mut dead = Vec::new();
    let mut strange = Vec::new();
    for host in hosts {
        match Address::typed(host, family.registry.address_form) {
            Ok(address) if view.masters.find(&address).is_none() => dead.push(address),
            Ok(_) => {}
            Err(_) => strange.push(host.to_owned()),
        }
    }
    (dead, strange)
}

/// Fails masters over, one after the other. Without a permit everything is done up to the first write or lock.
///
/// Trouble with one of them is told of that one, and the next is done. What was done is in the [`Run`], whatever ended it.
pub async fn failover(
    cluster: &mut Cluster,
    masters: &[Address],
    rules: &Rules,
    permit: Option<&Permit>,
    observer: &mut dyn Observer,
    stop: StopSignal,
) -> Run {
    let started = Instant::now();
    let mut context = Context::new(rules, permit, observer, stop);
    let result = all_masters(cluster, masters, &mut context).await;
    context.run.name_others(&masters.iter().map(|address| (address, Verdict::Unknown)).collect::<Vec<_>>());
    finish(context, result, started)
}

pub(crate) fn finish(context: Context<'_>, result: Result<(), FailoverError>, started: Instant) -> Run {
    let mut run = context.run;
    run.failure = result.err().or_else(|| run.worst().cloned());
    run.elapsed = started.elapsed();
    run
}

async fn all_masters(
    cluster: &mut Cluster,
    masters: &[Address],
    context: &mut Context<'_>,
) -> Result<(), FailoverError> {
    check_release(cluster.store.release(), context.rules)?;
    check_transactions(cluster, context).await?;
    check_writable(cluster, context).await?;
    let stop = context.stop.clone();
    let view = stop.unless(guard::look(cluster, context.rules)).await?;
    check_place(cluster, &view, context).await?;
    let mark = match &context.rules.before {
        Some(before) => before.mark.clone(),
        // What its rows look like is compared from the scan under the lock on.
        None => stop.unless(cluster.store.mark(&[])).await?,
    };
    let jobs = check_all(cluster, masters, &view, &mark, context).await?;
    each(cluster, &jobs, context).await
}

/// Checks every master before the first is touched, and all of them together; gives those whose turn comes.
async fn check_all<'m>(
    cluster: &mut Cluster,
    masters: &'m [Address],
    view: &RegistryView,
    mark: &'m Mark,
    context: &mut Context<'_>,
) -> Result<Vec<Job<'m>>, FailoverError> {
    let (mut found, mut jobs) = (Vec::new(), Vec::new());
    for address in masters {
        let verdict = verdict_of(view, address);
        // One master that is not registered needs no look ahead: all of this is checked again under its lock.
        if masters.len() > 1 || view.masters.find(address).is_some() {
            match selected(cluster, address, view, context).await {
                Ok(ids) => found.extend(ids),
                Err(error) => {
                    context.run.settle(address, verdict, Err(error))?;
                    continue;
                }
            }
        }
        jobs.push(Job { address, verdict, work: Work::Master(mark) });
    }
    let limit = context.rules.max_instances;
    if found.len() > limit {
        let commands = cluster.store.recovery_commands_for(found.iter().copied());
        let waiting = context.stop.unless(commands).await?;
        found.retain(|id| !waiting.contains_key(id));
    }
    if found.len() > limit { Err(Refusal::TooMany { found: found.len(), limit }.into()) } else { Ok(jobs) }
}

async fn selected(
    cluster: &mut Cluster,
    address: &Address,
    view: &RegistryView,
    context: &Context<'_>,
) -> Result<Vec<InstanceId>, FailoverError> {
    context.stop.unless(zone::ensure_not_disproved(cluster, context.rules, view, address)).await?;
    let instances = context.stop.unless(cluster.store.unfinished_of(address.as_str())).await?;
    let (selected, _) = guard::select(cluster, context.rules, view, address, instances)?;
    Ok(selected.into_iter().map(|instance| instance.id).collect())
}

fn verdict_of(view: &RegistryView, address: &Address) -> Verdict {
    match judge::master_verdict(address, &view.masters) {
        Verdict::Alive => Verdict::Restarted,
        verdict => verdict,
    }
}

/// Masters that never ran an instance of this database may be another cluster's, and everybody here would look dead.
pub(crate) async fn check_place(
    cluster: &mut Cluster,
    view: &RegistryView,
    context: &Context<'_>,
) -> Result<(), FailoverError> {
    let masters: Vec<&str> = view.masters.servers.iter().map(|server| server.address.as_str()).collect();
    if context.rules.allow_new_masters || masters.is_empty() {
        return Ok(());
    }
    let known = context.stop.unless(cluster.store.names_any(&masters)).await?;
    let jdbc = cluster.registry.kind() == "jdbc";
    let strange = || Refusal::StrangeMasters { masters: masters.join(", "), jdbc };
    if known { Ok(()) } else { Err(strange().into()) }
}

/// All or nothing is the database's promise; a table that cannot keep it is none to write to.
pub(crate) async fn check_transactions(cluster: &mut Cluster, context: &Context<'_>) -> Result<(), FailoverError> {
    let tables = context.stop.unless(cluster.store.tables_without_transactions()).await?;
    if tables.is_empty() { Ok(()) } else { Err(Refusal::NoTransactions(tables.join(", ")).into()) }
}

/// Whatever the tables or this user's rights would refuse is found before the first lock and the first write.
pub(crate) async fn check_writable(cluster: &mut Cluster, context: &Context<'_>) -> Result<(), FailoverError> {
    let steps = context.rules.steps;
    let (claims, commands) = (steps != Steps::Command, steps != Steps::Claim);
    let writing = Writing { claims, commands, locks: cluster.registry.kind() == "jdbc" };
    let obstacle = context.stop.unless(cluster.store.obstacle(writing)).await?;
    obstacle.map_or(Ok(()), |obstacle| Err(Refusal::from(obstacle).into()))
}

/// One master's share of a run.
pub(crate) struct Job<'a> {
    pub(crate) address: &'a Address,
    /// Until it is looked at under its lock.
    pub(crate) verdict: Verdict,
    pub(crate) work: Work<'a>,
}

/// What is done under the locks.
pub(crate) enum Work<'a> {
    /// All that the master left; with what rows there were when it was found away.
    Master(&'a Mark),
    /// These instances, which were handed over, with their error commands.
    Claimed(&'a [Instance], &'a HashMap<InstanceId, CommandRow>),
}

/// Does each job under its own locks. Trouble with one is told of its master, and the next is done.
///
/// # Errors
/// What no other job could be done after, either.
pub(crate) async fn each(
    cluster: &mut Cluster,
    jobs: &[Job<'_>],
    context: &mut Context<'_>,
) -> Result<(), FailoverError> {
    let result = each_in_turn(cluster, jobs, context).await;
    context.run.name_others(&jobs.iter().map(|job| (job.address, job.verdict)).collect::<Vec<_>>());
    result
}

/// Locks that are free are taken first, and the others waited for afterwards: one that is never given back keeps nobody
/// else waiting, and all of them together are waited for no longer than one.
async fn each_in_turn(cluster: &mut Cluster, jobs: &[Job<'_>], context: &mut Context<'_>) -> Result<(), FailoverError> {
    let limit = context.rules.lock_timeout;
    let patience = if jobs.len() == 1 { limit } else { Duration::ZERO };
    let mut held = Vec::new();
    for job in jobs {
        let result = under_locks(cluster, job, patience, context).await;
        if jobs.len() > 1 && matches!(result, Err(FailoverError::Registry(RegistryError::Held { .. }))) {
            held.push(job);
        }
        context.run.settle(job.address, job.verdict, result)?;
    }
    for job in held {
        let left = limit.saturating_sub(context.waited);
        let result = under_locks(cluster, job, left, context).await;
        context.run.settle(job.address, job.verdict, result)?;
    }
    Ok(())
}

async fn under_locks(
    cluster: &mut Cluster,
    job: &Job<'_>,
    patience: Duration,
    context: &mut Context<'_>,
) -> Result<(), FailoverError> {
    // A dry run takes no lock: it would keep living masters waiting, and it leaves nothing to be protected.
    if context.permit.is_none() {
        return do_work(cluster, None, context, job).await;
    }
    // A session that could not give a lock back would stand in its own way.
    if let Some(kept) = &context.run.unreleased {
        let endpoint = cluster.registry.endpoint().to_owned();
        return Err(RegistryError::Interrupted { endpoint, cause: kept.to_string() }.into());
    }
    let earlier = match job.work {
        Work::Master(_) => absence::see_again(cluster, job.address, context).await?,
        Work::Claimed(..) => None,
    };
    let result = locked(cluster, job, patience, context).await;
    // What was seen anew of one master proves nothing of the next.
    if earlier.is_some() {
        context.before = earlier;
    }
    result
}

async fn locked(
    cluster: &mut Cluster,
    job: &Job<'_>,
    patience: Duration,
    context: &mut Context<'_>,
) -> Result<(), FailoverError> {
    let (stop, began) = (context.stop.clone(), Instant::now());
    let paths = cluster.store.release().lock_paths(job.address);
    let taken = stop.unless(Locks::take(&mut *cluster.registry, &paths, patience, context.observer)).await;
    context.waited += began.elapsed();
    let locks = taken?;
    context.run.locks.extend(locks.taken());
    let result = do_work(cluster, Some(&locks), context, job).await;
    let released = locks.release(&mut *cluster.registry).await;
    // What was done is not less done for a lock that could not be given back: that is told, and ends with the session.
    context.run.unreleased = released.err().map(Box::new);
    result
}

async fn do_work(
    cluster: &mut Cluster,
    locks: Option<&Locks>,
    context: &mut Context<'_>,
    job: &Job<'_>,
) -> Result<(), FailoverError> {
    let address = job.address;
    let stop = context.stop.clone();
    // The lock may have been waited for: everything is read again now that it is held.
    let view = stop.unless(guard::look(cluster, context.rules)).await?;
    match job.work {
        Work::Master(mark) => {
            stop.unless(zone::ensure_not_disproved(cluster, context.rules, &view, address)).await?;
            let away = view.masters.find(address).is_none();
            if away {
                let before = context.before.as_ref();
                life::ensure_away(cluster.registry.endpoint(), &view.masters, before, address)?;
                let still = stop.unless(life::ensure_no_sign(&mut cluster.store, address, mark));
                kept(locks, &mut *cluster.registry, still).await?;
            }
            let scan = stop.unless(cluster.store.unfinished_of(address.as_str()));
            let instances = kept(locks, &mut *cluster.registry, scan).await?;
            if away {
                life::ensure_none_taken_up(cluster.store.release(), address, mark, &instances)?;
            }
            let (mut selected, living) = guard::select(cluster, context.rules, &view, address, instances)?;
            let mut outcome = MasterOutcome::new(address.clone(), verdict_of(&view, address));
            outcome.skipped.extend(living.into_iter().map(|instance| (instance.id, SkipReason::LivingMaster)));
            drop_waiting(cluster, locks, context, &mut selected, &mut outcome).await?;
            let unclear = cluster.store.release().recovered_looks_hanging() && !context.rules.allow_recovered;
            if unclear && !selected.is_empty() {
                return Err(Refusal::RecoveredLooksHanging(address.clone()).into());
            }
            outcome.notes.extend(guard::about_nobody(&view, address));
            outcome.notes.extend(remarks::of(cluster.store.release(), context.rules, &view, &selected));
            outcome.notes.extend(stop.unless(zone::about_earlier_life(cluster, &view, address, &selected)).await?);
            outcome.notes.extend(locks.iter().flat_map(|locks| locks.about_others()));
            outcome.notes.extend(about_children(cluster.store.release(), address, &selected));
            if !selected.is_empty() {
                crowd::ensure_room(cluster, locks, context, &view.masters, address).await?;
            }
            let batch = Batch { view: &view, errors: None, mark: away.then_some(mark) };
            batches(cluster, locks, context, &batch, selected, outcome).await
        }
        Work::Claimed(instances, errors) => {
            let outcome = MasterOutcome::new(address.clone(), Verdict::Claimed);
            let batch = Batch { view: &view, errors: Some(errors), mark: None };
            batches(cluster, locks, context, &batch, instances.to_vec(), outcome).await
        }
    }
}

/// Does something that may take long; locks that are held are kept alive meanwhile.
pub(super) async fn kept<T>(
    locks: Option<&Locks>,
    registry: &mut dyn Registry,
    work: impl Future<Output = Result<T, FailoverError>>,
) -> Result<T, FailoverError> {
    match locks {
        Some(locks) => locks.kept_during(registry, work).await,
        None => work.await,
    }
}

/// That sub-workflows may run twice, where masters do that with whatever is handed over, by whomever.
fn about_children(release: &Release, master: &Address, selected: &[Instance]) -> Option<String> {
    let children = selected.iter().filter(|instance| instance.sub_process).count();
    let are = if children == 1 { "is a sub-workflow" } else { "are sub-workflows" };
    (release.restarts_children() && children > 0).then(|| {
        format!(
            "{children} of the instances of {master} {are}: a master of {} that takes a parent up starts its sub-workflow \
             once more, beside the one that is handed over, as it does after a master's own failover",
            release.range
        )
    })
}

/// An instance that a recovery command waits for gets no second one.
async fn drop_waiting(
    cluster: &mut Cluster,
    locks: Option<&Locks>,
    context: &Context<'_>,
    selected: &mut Vec<Instance>,
    outcome: &mut MasterOutcome,
) -> Result<(), FailoverError> {
    if selected.is_empty() {
        return Ok(());
    }
    let commands = cluster.store.recovery_commands_for(selected.iter().map(|instance| instance.id));
    let waiting = kept(locks, &mut *cluster.registry, context.stop.unless(commands)).await?;
    outcome.notes.extend(waiting.others());
    selected.retain(|instance| match waiting.get(&instance.id) {
        Some(command) => {
            outcome.skipped.push((instance.id, SkipReason::CommandWaiting(*command)));
            false
        }
        None => true,
    });
    Ok(())
}

/// Cuts the instances into batches and does them; the outcome is in the run whatever happens.
async fn batches(
    cluster: &mut Cluster,
    locks: Option<&Locks>,
    context: &mut Context<'_>,
    batch: &Batch<'_>,
    instances: Vec<Instance>,
    mut outcome: MasterOutcome,
) -> Result<(), FailoverError> {
    let result = each_batch(cluster, locks, context, batch, &instances, &mut outcome).await;
    outcome.skipped.sort_by_key(|(id, _)| *id);
    outcome.notes.extend(kills::in_vain(&outcome, result.as_ref().err()));
    context.run.put(outcome);
    result
}

async fn each_batch(
    cluster: &mut Cluster,
    locks: Option<&Locks>,
    context: &mut Context<'_>,
    batch: &Batch<'_>,
    instances: &[Instance],
    outcome: &mut MasterOutcome,
) -> Result<(), FailoverError> {
    let (found, limit) = (context.run.recovered() + instances.len(), context.rules.max_instances);
    if found > limit {
        return Err(Refusal::TooMany { found, limit }.into());
    }
    let reading = batch::Facts::read(&mut cluster.store, &context.stop, instances);
    let facts = kept(locks, &mut *cluster.registry, reading).await?;
    let size = context.rules.rate.map_or(context.rules.batch, |rate| context.rules.batch.min(rate as usize)).max(1);
    let (Some(locks), Some(permit)) = (locks, context.permit) else {
        for (number, some) in instances.chunks(size).enumerate() {
            context.go_on()?;
            batch::preview(cluster, context, batch, &facts, some, outcome).await?;
            context.observer.batch_done(&outcome.address, number * size + some.len(), instances.len());
        }
        return Ok(());
    };
    let mut handover = Handover::new(cluster, context, permit, locks, batch, &facts, outcome);
    let (mut done, mut locked) = (0, Vec::new());
    for some in instances.chunks(size) {
        let began = Instant::now();
        locked.extend(handover.halving(some, &mut Rows::Free).await?);
        done += some.len();
        handover.context.observer.batch_done(&handover.outcome.address, done, instances.len());
        if done < instances.len() {
            keep_rate(handover.context, some.len(), began).await?;
        }
    }
    // Somebody else works on these; all free ones are done by now.
    let mut rows = Rows::Waited;
    let (mut done, all) = (0, locked.len());
    for some in locked.chunks(size) {
        let began = Instant::now();
        let still = handover.halving(some, &mut rows).await?;
        handover.outcome.skipped.extend(still.into_iter().map(|instance| (instance.id, SkipReason::Locked)));
        done += some.len();
        if done < all {
            keep_rate(handover.context, some.len(), began).await?;
        }
    }
    handover.end()
}

/// Waits until so many instances may have been done since `began`.
async fn keep_rate(context: &Context<'_>, done: usize, began: Instant) -> Result<(), FailoverError> {
    let Some(rate) = context.rules.rate.filter(|_| context.permit.is_some()) else { return Ok(()) };
    let due = Duration::from_secs_f64(f64::from(u32::try_from(done).unwrap_or(u32::MAX)) / f64::from(rate.max(1)));
    let pause = tokio::time::sleep(due.saturating_sub(began.elapsed()));
    context
        .stop
        .unless(async {
            pause.await;
            Ok::<(), FailoverError>(())
        })
        .await
}

pub(crate) fn check_release(release: &Release, rules: &Rules) -> Result<(), Refusal> {
    let fact = match rules.steps {
        Steps::Claim => release.undecided_marks(),
        Steps::Command | Steps::Both => release.undecided(),
    };
    match fact {
        Some(fact) => Err(Refusal::ReleaseUndecided { releases: release.range, fact }),
        None => Ok(()),
    }
}
