//! Only the second half: commands for instances that are claimed and have none.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::error::{FailoverError, Refusal};
use super::guard::RegistryView;
use super::handover::Handover;
use super::judge;
use super::outcome::{MasterOutcome, Run};
use super::turns::{Job, LockedWork};
use crate::cluster::Cluster;
use crate::family::Claim;
use crate::model::{Address, CommandRow, Instance, InstanceId, SkipReason, Verdict};

/// Instances that get no command, with their hosts, and why.
type Left = Vec<(Address, InstanceId, SkipReason)>;

impl Handover<'_> {
    /// Inserts the missing recovery commands of claimed instances. With ids, only for these; else
    /// for every orphan.
    pub async fn recover(mut self, ids: Option<&[InstanceId]>) -> Run {
        let mut left = Left::new();
        let result = self.all_claimed(ids, &mut left).await;
        report_left(&mut self.run, left);
        self.finish(result)
    }

    async fn all_claimed(
        &mut self,
        ids: Option<&[InstanceId]>,
        left: &mut Left,
    ) -> Result<(), FailoverError> {
        let view = self.check().await?;
        let candidates = self.candidates(ids, &view, left).await?;
        if candidates.is_empty() {
            return Ok(());
        }
        let (found, limit) = (candidates.len(), self.rules.max_instances);
        if found > limit {
            return Err(Refusal::TooMany { found, limit }.into());
        }
        let family = self.cluster.store.release().family;
        let wanted: HashSet<InstanceId> = candidates.iter().map(|instance| instance.id).collect();
        let errors = match family.claim {
            Claim::State(_) => self.cluster.store.recovery_errors(&wanted).await?,
            Claim::Host(_) => HashMap::new(),
        };
        // Up to 3.2 the host is the claim text, and the lock with that name is the one that a
        // master's scan takes for it.
        let mut by_host: BTreeMap<Arc<str>, Vec<Instance>> = BTreeMap::new();
        for instance in candidates {
            by_host
                .entry(instance.host.clone().unwrap_or_default())
                .or_default()
                .push(instance);
        }
        let mut shares = Vec::new();
        for (host, instances) in by_host {
            let address = Address::seen(&*host);
            // A path made of such a text would be another lock, or not valid.
            let has_lock = Address::typed(address.as_str(), family.registry.address_form).is_ok();
            if !has_lock && matches!(family.claim, Claim::State(_)) {
                left.extend(
                    instances
                        .iter()
                        .map(|row| (address.clone(), row.id, SkipReason::StrangeHost)),
                );
                continue;
            }
            shares.push((address, instances));
        }
        let jobs = shares.iter().map(|(address, instances)| {
            let work = LockedWork::Claimed(instances, &errors);
            Job {
                address,
                verdict: Verdict::Claimed,
                work,
            }
        });
        self.each(&jobs.collect::<Vec<_>>()).await
    }

    /// Claimed instances that need a command. Named ids that are not claimed are reported as left
    /// alone.
    async fn candidates(
        &mut self,
        ids: Option<&[InstanceId]>,
        view: &RegistryView,
        left: &mut Left,
    ) -> Result<Vec<Instance>, FailoverError> {
        let Some(ids) = ids else {
            let orphans = self.cluster.store.orphans().await?;
            for (row, error) in self.cluster.store.failed_recoveries().await? {
                let host = Address::seen(row.instance.host.as_deref().unwrap_or_default());
                left.push((host, row.instance.id, recovery_failed(&error)));
            }
            return Ok(orphans);
        };
        let failed: HashMap<InstanceId, CommandRow> = self
            .cluster
            .store
            .failed_recoveries()
            .await?
            .into_iter()
            .map(|(row, error)| (row.instance.id, error))
            .collect();
        let found = self.cluster.store.by_ids(ids).await?;
        let waiting = self
            .cluster
            .store
            .recovery_commands_for(ids.iter().copied())
            .await?;
        let missing = ids
            .iter()
            .filter(|id| !found.iter().any(|instance| instance.id == **id));
        left.extend(missing.map(|id| (Address::seen("-"), *id, SkipReason::NotFound)));
        let mut claimed = Vec::new();
        for instance in found {
            let reason = failed.get(&instance.id).map(recovery_failed);
            match reason.or_else(|| named_reason(self.cluster, view, &waiting, &instance)) {
                None => claimed.push(instance),
                Some(reason) => {
                    left.push((
                        Address::seen(instance.host.as_deref().unwrap_or_default()),
                        instance.id,
                        reason,
                    ));
                }
            }
        }
        Ok(claimed)
    }
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

/// Reports them after the others: until then the outcome of a host's turn is kept separately, and a
/// turn that was not started is recognised by having none. Hosts without a turn come first.
fn report_left(run: &mut Run, left: Left) {
    let mut others: Vec<MasterOutcome> = Vec::new();
    for (address, id, reason) in left {
        let verdict = match &reason {
            SkipReason::NotClaimed(verdict) => *verdict,
            SkipReason::CommandWaiting(_) => Verdict::Claimed,
            SkipReason::RecoveryFailed(..) => Verdict::RecoveryFailed,
            _ => Verdict::Unknown,
        };
        let known = run
            .masters
            .iter_mut()
            .chain(&mut others)
            .find(|master| master.address == address);
        if let Some(master) = known {
            // A finished instance does not show its master; the next one may.
            if master.verdict == Verdict::Unknown {
                master.verdict = verdict;
            }
            master.skipped.push((id, reason));
            continue;
        }
        let mut master = MasterOutcome::new(address, verdict);
        master.skipped.push((id, reason));
        others.push(master);
    }
    others.append(&mut run.masters);
    run.masters = others;
}
