//! The second half alone: commands for instances that are claimed and have none.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use super::error::{FailoverError, Refusal};
use super::guard::{self, RegistryView};
use super::judge;
use super::outcome::{MasterOutcome, Run};
use super::rules::{Observer, Permit, Rules};
use super::run::{Context, Job, Work, check_place, check_release, check_transactions, check_writable, each, finish};
use crate::cluster::Cluster;
use crate::family::Claim;
use crate::model::{Address, CommandRow, Instance, InstanceId, SkipReason, Verdict};

/// Gives claimed instances the recovery command that they lack. With ids, these alone; else every orphan.
pub async fn recover(
    cluster: &mut Cluster,
    ids: Option<&[InstanceId]>,
    rules: &Rules,
    permit: Option<&Permit>,
    observer: &mut dyn Observer,
) -> Run {
    let started = Instant::now();
    let mut context = Context::new(rules, permit, observer, cluster.stop.clone());
    let result = all_claimed(cluster, ids, &mut context).await;
    finish(context, result, started)
}

async fn all_claimed(
    cluster: &mut Cluster,
    ids: Option<&[InstanceId]>,
    context: &mut Context<'_>,
) -> Result<(), FailoverError> {
    check_release(cluster.store.release(), context.rules)?;
    check_transactions(cluster, context).await?;
    check_writable(cluster, context).await?;
    let view = guard::look(cluster, context.rules).await?;
    check_place(cluster, &view, context).await?;
    let candidates = candidates(cluster, ids, &view, context).await?;
    if candidates.is_empty() {
        return Ok(());
    }
    let (found, limit) = (candidates.len(), context.rules.max_instances);
    if found > limit {
        return Err(Refusal::TooMany { found, limit }.into());
    }
    let family = cluster.store.release().family;
    let wanted: HashSet<InstanceId> = candidates.iter().map(|instance| instance.id).collect();
    let errors = match family.claim {
        Claim::State(_) => cluster.store.recovery_errors(&wanted).await?,
        Claim::Host(_) => HashMap::new(),
    };
    // Up to 3.2 the host is the claim text, and that text's lock is the one which a master's scan takes for it.
    let mut by_host: BTreeMap<Arc<str>, Vec<Instance>> = BTreeMap::new();
    for instance in candidates {
        by_host.entry(instance.host.clone().unwrap_or_default()).or_default().push(instance);
    }
    let mut shares = Vec::new();
    for (host, instances) in by_host {
        let address = Address::seen(&*host);
        // A path made of such a text would be another lock, or none.
        let has_lock = Address::typed(address.as_str(), family.registry.address_form).is_ok();
        if !has_lock && matches!(family.claim, Claim::State(_)) {
            for instance in &instances {
                report_left(&mut context.run, &address, instance.id, SkipReason::StrangeHost);
            }
            continue;
        }
        shares.push((address, instances));
    }
    let jobs = shares.iter().map(|(address, instances)| {
        let work = Work::Claimed(instances, &errors);
        Job { address, verdict: Verdict::Claimed, work }
    });
    each(cluster, &jobs.collect::<Vec<_>>(), context).await
}

/// Claimed instances that a command is wanted for. Named ids that are not claimed are reported as left alone.
async fn candidates(
    cluster: &mut Cluster,
    ids: Option<&[InstanceId]>,
    view: &RegistryView,
    context: &mut Context<'_>,
) -> Result<Vec<Instance>, FailoverError> {
    let Some(ids) = ids else {
        let orphans = cluster.store.orphans().await?;
        for (row, error) in cluster.store.failed_recoveries().await? {
            let host = Address::seen(row.instance.host.as_deref().unwrap_or_default());
            report_left(&mut context.run, &host, row.instance.id, recovery_failed(&error));
        }
        return Ok(orphans);
    };
    let failed: HashMap<InstanceId, CommandRow> =
        cluster.store.failed_recoveries().await?.into_iter().map(|(row, error)| (row.instance.id, error)).collect();
    let found = cluster.store.by_ids(ids).await?;
    let waiting = cluster.store.recovery_commands_for(ids.iter().copied()).await?;
    let missing = ids.iter().filter(|id| !found.iter().any(|instance| instance.id == **id));
    let mut left: Vec<(Address, InstanceId, SkipReason)> =
        missing.map(|id| (Address::seen("-"), *id, SkipReason::NotFound)).collect();
    let mut claimed = Vec::new();
    for instance in found {
        let reason = failed.get(&instance.id).map(recovery_failed);
        match reason.or_else(|| named_reason(cluster, view, &waiting, &instance)) {
            None => claimed.push(instance),
            Some(reason) => {
                left.push((Address::seen(instance.host.as_deref().unwrap_or_default()), instance.id, reason));
            }
        }
    }
    for (address, id, reason) in left {
        report_left(&mut context.run, &address, id, reason);
    }
    Ok(claimed)
}

fn recovery_failed(error: &CommandRow) -> SkipReason {
    SkipReason::RecoveryFailed(error.id, error.message.clone().unwrap_or_default())
}

fn named_reason(
    cluster: &Cluster,
    view: &RegistryView,
    waiting: &HashMap<InstanceId, i64>,
    instance: &Instance,
) -> Option<SkipReason> {
    let family = cluster.store.release().family;
    if let Some(command) = waiting.get(&instance.id) {
        return Some(SkipReason::CommandWaiting(*command));
    }
    let claimed = family.claim.is_on(instance);
    let claimed_by_state = claimed && matches!(family.claim, Claim::State(_));
    if !claimed_by_state && !family.is_unfinished(instance.state) {
        return Some(SkipReason::Finished);
    }
    let verdict = judge::instance_verdict(instance, family, &view.masters, cluster.zone.as_ref());
    (!claimed).then_some(SkipReason::NotClaimed(verdict))
}

fn report_left(run: &mut Run, address: &Address, id: InstanceId, reason: SkipReason) {
    let verdict = match &reason {
        SkipReason::NotClaimed(verdict) => *verdict,
        SkipReason::CommandWaiting(_) => Verdict::Claimed,
        SkipReason::RecoveryFailed(..) => Verdict::RecoveryFailed,
        _ => Verdict::Unknown,
    };
    if let Some(master) = run.masters.iter_mut().find(|master| master.address == *address) {
        // A finished instance says nothing of its master; the next one may.
        if master.verdict == Verdict::Unknown {
            master.verdict = verdict;
        }
        master.skipped.push((id, reason));
        return;
    }
    let mut master = MasterOutcome::new(address.clone(), verdict);
    master.skipped.push((id, reason));
    run.masters.push(master);
}
