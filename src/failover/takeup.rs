//! Seeing the masters take the commands up.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::error::FailoverError;
use super::rules::StopSignal;
use super::run::Cluster;
use crate::family::Claim;
use crate::model::{Instance, InstanceId, Registrations};

/// What became of instances that were handed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TakeUp {
    /// Taken up by a registered master, or ended since.
    pub taken_up: Vec<InstanceId>,
    /// Their command still waits.
    pub waiting: Vec<InstanceId>,
    /// Their command is gone, and no registered master has them.
    pub lost: Vec<InstanceId>,
    /// Their command ended in the error table: instance and message.
    pub failed: Vec<(InstanceId, String)>,
}

impl TakeUp {
    /// Whether every instance was taken up.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.waiting.is_empty() && self.lost.is_empty() && self.failed.is_empty()
    }
}

/// Between two looks. A database tells nobody of a change, so there is nothing else to wait for.
const PAUSE: Duration = Duration::from_millis(500);

/// Looks until every instance is taken up, or `timeout` is over; says which are not.
///
/// # Errors
/// The registry's and the database's own; nothing is ever written.
pub async fn wait_for_take_up(
    cluster: &mut Cluster,
    instances: &[InstanceId],
    timeout: Duration,
    stop: &StopSignal,
    mut on_look: impl FnMut(&TakeUp) + Send,
) -> Result<TakeUp, FailoverError> {
    let deadline = Instant::now() + timeout;
    loop {
        let seen = stop.unless(look(cluster, instances)).await?;
        on_look(&seen);
        if seen.is_complete() || Instant::now() >= deadline {
            return Ok(seen);
        }
        let pause = tokio::time::sleep(PAUSE.min(deadline.saturating_duration_since(Instant::now())));
        stop.unless(async {
            pause.await;
            Ok::<(), FailoverError>(())
        })
        .await?;
    }
}

async fn look(cluster: &mut Cluster, instances: &[InstanceId]) -> Result<TakeUp, FailoverError> {
    let masters = cluster.registry.masters().await?;
    // Rows before commands: one that is seen claimed here, and without a command there, is looked at again.
    let rows = cluster.store.by_ids(instances).await?;
    let waiting = cluster.store.recovery_commands_for(instances.iter().copied()).await?;
    let mut seen = TakeUp::default();
    let mut unclear = HashSet::new();
    for row in rows {
        if waiting.contains_key(&row.id) {
            seen.waiting.push(row.id);
        } else if is_taken_up(cluster, &masters, &row) {
            seen.taken_up.push(row.id);
        } else {
            unclear.insert(row.id);
        }
    }
    if !unclear.is_empty() {
        let errors = cluster.store.recovery_errors(&unclear).await?;
        for id in unclear {
            match errors.get(&id) {
                Some(error) => seen.failed.push((id, error.message.clone().unwrap_or_default())),
                None => seen.lost.push(id),
            }
        }
        seen.failed.sort();
        seen.lost.sort_unstable();
    }
    Ok(seen)
}

fn is_taken_up(cluster: &Cluster, masters: &Registrations, row: &Instance) -> bool {
    let family = cluster.store.release().family;
    if family.claim.is_on(row) {
        return false;
    }
    match family.claim {
        // The master that takes it up writes its own address.
        Claim::Host(_) => {
            !family.is_unfinished(row.state)
                || row.host.as_deref().is_some_and(|host| masters.servers.iter().any(|m| m.address.as_str() == host))
        }
        // The state is no longer FAILOVER; 3.3.0 leaves the dead master's address in the row.
        Claim::State(_) => true,
    }
}
