//! Several clients that fail masters over at the same time, each with a limit on how many. Under
//! the lock of one master each client checks who holds the locks of the others, and then what was
//! handed over: of any two clients at least the later one sees the other.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::error::{FailoverError, Refusal};
use super::handover::Handover;
use super::holder::registered_owner;
use super::rules::{Capacity, ConcurrentFailovers, Limit};
use crate::cluster::Cluster;
use crate::family::LockPath;
use crate::metadata::HostCount;
use crate::model::{Address, LockNode, Registrations};

/// The time between two checks of the other clients.
const LOOK: Duration = Duration::from_millis(200);

/// How long others are waited for: a client that makes way does so at once.
const PATIENCE: Duration = Duration::from_secs(10);

impl Handover<'_> {
    /// Checks that one more failover is not too much. If it is only because of failovers that
    /// others have started, the one with the smallest address goes on after the others have made
    /// way, and all others make way: none waits for a smaller one.
    ///
    /// # Errors
    /// [`Refusal::Storm`], [`Refusal::TooMany`], [`Refusal::OthersAtWork`]; those of registry and database.
    pub(super) async fn ensure_capacity(
        &mut self,
        masters: &Registrations,
        address: &Address,
    ) -> Result<(), FailoverError> {
        let began = Instant::now();
        while let Some(window) = self.observer.limit().map(Limit::window) {
            // The locks before the rows: a failover that ends between the two shows in the rows.
            let locked = self.locked_masters(masters, address, window).await?;
            let counts = self.kept(async |store| store.host_counts().await).await?;
            let is_at_work = |master: &String| {
                // The work of a registered master is its own, even if another client has kept the
                // lock since an earlier failover of it.
                masters.find(&Address::seen(master.as_str())).is_none()
                    && has_work(self.cluster, &counts, master)
            };
            let at_work: Vec<String> = locked.into_iter().filter(is_at_work).collect();
            let concurrent = ConcurrentFailovers {
                master: address,
                masters,
                counts: &counts,
                at_work: &at_work,
            };
            let family = self.cluster.store.release().family;
            match self.observer.limit().map_or(Capacity::Enough, |limit| {
                limit.capacity(family, &concurrent)
            }) {
                Capacity::Enough => return Ok(()),
                Capacity::Nobodys(reason) => return Err(Refusal::Storm(reason).into()),
                Capacity::Never { found, limit } => {
                    return Err(Refusal::TooMany { found, limit }.into());
                }
                Capacity::Others
                    if makes_way(address, &at_work)
                        || self.locks.is_none()
                        || began.elapsed() >= PATIENCE =>
                {
                    return Err(Refusal::OthersAtWork(at_work.join(", ")).into());
                }
                Capacity::Others => {}
            }
            self.cluster.stop.pause(LOOK).await?;
            self.confirm().await?;
        }
        Ok(())
    }

    /// Other masters that a client may be failing over.
    async fn locked_masters(
        &mut self,
        masters: &Registrations,
        address: &Address,
        window: Duration,
    ) -> Result<BTreeSet<String>, FailoverError> {
        let holders = holders(self.cluster).await?;
        // By the registry's clock, if this process's own lock is among them; a dry run has none,
        // and writes nothing.
        let newest = || holders.iter().filter_map(|(_, node)| node.created_at).max();
        let now = if self.locks.is_some() {
            newest()
        } else {
            Some(self.cluster.registry.now())
        };
        let keeps = self.cluster.store.release().keeps_lock();
        let at_work = |(_, node): &Holder| !(keeps && is_kept(node, masters, now, window));
        let names = holders.into_iter().filter(at_work).map(|(name, _)| name);
        Ok(names.filter(|name| name != address.as_str()).collect())
    }
}

fn makes_way(address: &Address, at_work: &[String]) -> bool {
    at_work
        .iter()
        .any(|other| other.as_str() < address.as_str())
}

/// A master and the holder of its lock.
type Holder = (String, LockNode);

/// The masters whose failover lock a session holds. With one lock for all, no other client can be
/// at work.
async fn holders(cluster: &mut Cluster) -> Result<Vec<Holder>, FailoverError> {
    let mut holders = Vec::new();
    for lock in cluster.store.release().locks() {
        let LockPath::PerMaster(parent) = lock else {
            continue;
        };
        for name in cluster.registry.locks_below(parent).await? {
            let queue = cluster
                .registry
                .lock_queue(&format!("{parent}/{name}"))
                .await?;
            holders.extend(
                queue
                    .into_iter()
                    .next()
                    .filter(|node| !node.is_persistent())
                    .map(|node| (name, node)),
            );
        }
    }
    Ok(holders)
}

/// Whether a master has held this lock for longer than `window`, as those do that keep it long
/// after their failover.
fn is_kept(
    node: &LockNode,
    masters: &Registrations,
    now: Option<Timestamp>,
    window: Duration,
) -> bool {
    let age = now
        .zip(node.created_at)
        .map(|(now, made)| now.duration_since(made));
    registered_owner(node, masters).is_some()
        && age.is_some_and(|age| Duration::try_from(age).is_ok_and(|age| age > window))
}

/// A lock may be held by a client that finished long ago.
fn has_work(cluster: &Cluster, counts: &[HostCount], master: &str) -> bool {
    let family = cluster.store.release().family;
    let of_master = |count: &&HostCount| count.host.as_deref() == Some(master);
    counts
        .iter()
        .filter(of_master)
        .any(|count| count.count > 0 && family.is_unfinished(Some(count.state)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Heartbeat, Registration};

    #[test]
    fn a_lock_is_kept_that_a_master_has_for_longer_than_what_was_done_counts() {
        let time = |seconds| Timestamp::from_second(seconds).unwrap();
        let master = Registration {
            address: Address::seen("m:1"),
            node: String::new(),
            session_id: Some("0x1".to_owned()),
            created_at: None,
            modified_at: None,
            heartbeat: Heartbeat::default(),
        };
        let masters = Registrations {
            servers: vec![master],
            ..Registrations::default()
        };
        let kept = |session: &str, made, newest| {
            let session_id = Some(session.to_owned());
            let node = LockNode {
                node: String::new(),
                session_id,
                created_at: made,
                data: String::new(),
                in_doubt: false,
            };
            is_kept(&node, &masters, newest, Duration::from_mins(1))
        };
        assert!(kept("0x1", Some(time(0)), Some(time(61))));
        assert!(
            !kept("0x2", Some(time(0)), Some(time(61))),
            "somebody else's"
        );
        assert!(!kept("0x1", Some(time(0)), Some(time(60))));
        assert!(!kept("0x1", Some(time(99)), Some(time(0))));
        assert!(!kept("0x1", None, Some(time(61))) && !kept("0x1", Some(time(0)), None));
    }

    #[test]
    fn of_several_the_smallest_does_not_make_way() {
        let all = ["a:1", "b:1", "c:1"];
        let ways = all.map(|own| {
            let others: Vec<String> = all
                .iter()
                .filter(|other| **other != own)
                .map(|other| (*other).to_owned())
                .collect();
            makes_way(&Address::seen(own), &others)
        });
        assert_eq!(ways, [false, true, true]);
        assert!(!makes_way(&Address::seen("z:1"), &[]));
    }
}
