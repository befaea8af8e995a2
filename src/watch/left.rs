//! Unfinished instances that no failover takes: reported whenever that changes, and counted.

use super::context::LoopContext;
use super::watcher::Watcher;
use super::{LeftAlone, What};
use crate::cluster::Cluster;
use crate::failover::{FailoverError, RegistryView, dead_hosts};
use crate::family::{Claim, Family};
use crate::metadata::HostCount;

fn sum(counts: &[HostCount], of: impl Fn(&HostCount) -> bool) -> u64 {
    let sum: i64 = counts
        .iter()
        .filter(|count| of(count))
        .map(|count| count.count)
        .sum();
    u64::try_from(sum).unwrap_or(0)
}

fn is_claimed(family: &Family, count: &HostCount) -> bool {
    match family.claim {
        Claim::Host(text) => {
            count.host.as_deref() == Some(text) && family.is_unfinished(Some(count.state))
        }
        Claim::State(code) => count.state == code,
    }
}

/// How many instances were handed over and are waiting for a master.
pub(super) fn claimed(family: &Family, counts: &[HostCount]) -> u64 {
    sum(counts, |count| is_claimed(family, count))
}

impl Watcher<'_> {
    /// Counts what is left alone, and reports it if it has changed since the last report.
    pub(super) async fn report_left_alone(
        &mut self,
        context: &mut LoopContext<'_>,
        cluster: &mut Cluster,
        counts: &[HostCount],
    ) -> Result<(), FailoverError> {
        let family = cluster.store.release().family;
        let (_, strange) = dead_hosts(counts, &RegistryView::default(), cluster.store.release());
        let unfinished = |count: &HostCount| family.is_unfinished(Some(count.state));
        let odd = |count: &HostCount| {
            count
                .host
                .as_ref()
                .is_some_and(|host| strange.contains(host))
        };
        // Where nothing is claimed, nothing is scanned.
        let orphans = if claimed(family, counts) > 0 {
            cluster.store.orphans().await?.len() as u64
        } else {
            0
        };
        let left = LeftAlone {
            orphans,
            odd_hosts: sum(counts, |count| unfinished(count) && odd(count)),
            no_host: sum(counts, |count| unfinished(count) && count.host.is_none()),
            recovery_failed: cluster.store.count_failed_recoveries().await?,
        };
        if left != self.left {
            self.left = left;
            context
                .emit(What::LeftAlone {
                    left,
                    hosts: strange,
                })
                .await;
        }
        Ok(())
    }
}
