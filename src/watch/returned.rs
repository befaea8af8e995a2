//! A master that comes back: the loop leaves it alone, and reports which of its instances are from
//! before its restart.

use super::{What, picture};
use crate::cluster::Cluster;
use crate::failover::{FailoverError, disproof, instance_verdict};
use crate::metadata::HostCount;
use crate::model::{Address, Registrations, Verdict};

/// Counts how many unfinished instances of a master that has registered are older than its start.
/// If that cannot be determined it stays unknown; a broken connection shows in the next query.
pub(super) async fn count_older(
    cluster: &mut Cluster,
    masters: &Registrations,
    counts: &[HostCount],
    change: &mut What,
) {
    if let What::MasterRegistered {
        master,
        older_instances,
        ..
    } = change
    {
        *older_instances = older(cluster, masters, counts, master)
            .await
            .unwrap_or_default();
    }
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
    let started = masters
        .find(address)
        .and_then(|registration| registration.started(cluster.zone.as_ref()));
    if started.is_none() || cluster.zone.is_none() {
        return Ok(None);
    }
    if disproof(cluster).await?.is_some() {
        return Ok(None);
    }
    let instances = cluster.store.unfinished_of(address.as_str()).await?;
    let zone = cluster.zone.as_ref();
    let is_older =
        |instance: &_| instance_verdict(instance, family, masters, zone) == Verdict::Restarted;
    Ok(Some(
        instances
            .iter()
            .filter(|instance| is_older(instance))
            .count(),
    ))
}
