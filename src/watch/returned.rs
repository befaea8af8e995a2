//! A master that comes back: the loop leaves it alone, and says what of an earlier life is left with it.

use super::{Event, Kind, picture};
use crate::cluster::Cluster;
use crate::failover::{FailoverError, disproof, instance_verdict};
use crate::metadata::HostCount;
use crate::model::{Address, Registrations, Verdict};

/// Adds to a `master_registered` how many of that master's unfinished instances are older than its start
/// (`older_instances`; `null` where that cannot be told). Other events stay as they are.
///
/// # Errors
/// None of its own: what breaks the connection shows in the next question.
pub(super) async fn with_older(
    cluster: &mut Cluster,
    masters: &Registrations,
    counts: &[HostCount],
    event: Event,
) -> Result<Event, FailoverError> {
    let Some(address) = event.master.clone().filter(|_| event.kind == Kind::MasterRegistered) else { return Ok(event) };
    let older = older(cluster, masters, counts, &address).await.unwrap_or_default();
    let mut event = event.with("older_instances", older);
    if let Some(count) = older.filter(|count| *count > 0) {
        let left = format!(
            "; {count} of its unfinished instances are older than its start: if no master takes them up, \
             'dsctl failover {address} --allow-restarted' does"
        );
        event.text.push_str(&left);
    }
    Ok(event)
}

async fn older(
    cluster: &mut Cluster,
    masters: &Registrations,
    counts: &[HostCount],
    address: &Address,
) -> Result<Option<usize>, FailoverError> {
    let family = cluster.store.release().family;
    if picture::unfinished_of(family, counts, address) == 0 {
        return Ok(Some(0));
    }
    let started = masters.find(address).and_then(|registration| registration.heartbeat.started_at.as_ref());
    if started.is_none() || cluster.zone.is_none() {
        return Ok(None);
    }
    if disproof(cluster).await?.is_some() {
        return Ok(None);
    }
    let instances = cluster.store.unfinished_of(address.as_str()).await?;
    let zone = cluster.zone.as_ref();
    let is_older = |instance: &_| instance_verdict(instance, family, masters, zone) == Verdict::Restarted;
    Ok(Some(instances.iter().filter(|instance| is_older(instance)).count()))
}
