//! Several that fail masters over at one moment, each of whom limits how many that may be. Under the lock of one master each
//! looks who holds the locks of the others, and then what was handed over: of any two at least the later one sees the other.

use std::time::{Duration, Instant};

use super::error::{FailoverError, Refusal};
use super::handover::Handover;
use super::rules::{Crowd, Room};
use crate::cluster::Cluster;
use crate::family::LockPath;
use crate::metadata::HostCount;
use crate::model::{Address, LockNode, Registrations};

/// Between two looks at whoever is in the way.
const LOOK: Duration = Duration::from_millis(200);

/// So long is waited for others to make way: whoever does so does it at once.
const PATIENCE: Duration = Duration::from_secs(10);

impl Handover<'_> {
    /// That one more failover is not too much. Where only what others have begun makes it so, the smallest address goes on
    /// once the others have made way, and every other one makes way: nobody waits for a smaller one.
    ///
    /// # Errors
    /// [`Refusal::Storm`], [`Refusal::OthersAtWork`]; the registry's and the database's own.
    pub(super) async fn ensure_room(
        &mut self,
        masters: &Registrations,
        address: &Address,
    ) -> Result<(), FailoverError> {
        let began = Instant::now();
        while self.observer.limit().is_some() {
            // The locks before the rows: whoever is done between the two shows in the rows.
            let locked = locked_masters(self.cluster, address).await?;
            let counts = self.kept(async |store| store.host_counts().await).await?;
            let is_at_work = |master: &String| {
                // The work of one that is registered is its own, whoever has kept the lock since an earlier failover of it.
                masters.find(&Address::seen(master.as_str())).is_none() && has_work(self.cluster, &counts, master)
            };
            let at_work: Vec<String> = locked.into_iter().filter(is_at_work).collect();
            let crowd = Crowd { master: address, masters, counts: &counts, at_work: &at_work };
            let family = self.cluster.store.release().family;
            match self.observer.limit().map_or(Room::Enough, |limit| limit.room(family, &crowd)) {
                Room::Enough => return Ok(()),
                Room::Nobodys(reason) => return Err(Refusal::Storm(reason).into()),
                Room::Others if makes_way(address, &at_work) || self.locks.is_none() || began.elapsed() >= PATIENCE => {
                    return Err(Refusal::OthersAtWork(at_work.join(", ")).into());
                }
                Room::Others => {}
            }
            self.cluster.stop.pause(LOOK).await?;
            self.confirm().await?;
        }
        Ok(())
    }
}

fn makes_way(address: &Address, at_work: &[String]) -> bool {
    at_work.iter().any(|other| other.as_str() < address.as_str())
}

/// Other masters whose failover lock a session holds. Where one lock is for all, nobody else can be at work.
async fn locked_masters(cluster: &mut Cluster, address: &Address) -> Result<Vec<String>, FailoverError> {
    let mut masters = Vec::new();
    for lock in cluster.store.release().locks() {
        let LockPath::PerMaster(parent) = lock else { continue };
        let names = cluster.registry.locks_below(parent).await?;
        for name in
            names.into_iter().filter(|name| name != address.as_str() && !masters.contains(name)).collect::<Vec<_>>()
        {
            let queue = cluster.registry.lock_queue(&format!("{parent}/{name}")).await?;
            if queue.first().is_some_and(|holder| !LockNode::is_persistent(holder)) {
                masters.push(name);
            }
        }
    }
    Ok(masters)
}

/// A lock may be held by somebody who has long done everything.
fn has_work(cluster: &Cluster, counts: &[HostCount], master: &str) -> bool {
    let family = cluster.store.release().family;
    let of_master = |count: &&HostCount| count.host.as_deref() == Some(master);
    counts.iter().filter(of_master).any(|count| count.count > 0 && family.is_unfinished(Some(count.state)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_the_smallest_does_not_make_way() {
        let all = ["a:1", "b:1", "c:1"];
        let ways = all.map(|own| {
            let others: Vec<String> =
                all.iter().filter(|other| **other != own).map(|other| (*other).to_owned()).collect();
            makes_way(&Address::seen(own), &others)
        });
        assert_eq!(ways, [false, true, true]);
        assert!(!makes_way(&Address::seen("z:1"), &[]));
    }
}
