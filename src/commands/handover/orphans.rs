//! What a failover does not see, and its caller has to hear of.

use crate::cluster::Cluster;
use crate::commands::failure::CommandError;

/// Instances that were handed over and that nobody will ever take up: a failover does not see them.
pub(super) async fn remark(cluster: &mut Cluster) -> Result<Option<String>, CommandError> {
    let orphans = cluster.store.orphans().await?.len();
    let (were, have) = if orphans == 1 {
        ("instance was", "has")
    } else {
        ("instances were", "have")
    };
    let text = format!(
        "{were} handed over before and {have} no command; next: dsctl recover --orphans --dry-run"
    );
    Ok((orphans > 0).then(|| format!("{orphans} {text}")))
}
