//! Who holds a lock that is waited for, and whether it is likely to be released.

use super::error::FailoverError;
use crate::cluster::Cluster;
use crate::family::Release;
use crate::model::{Address, LockNode, Registrations};
use crate::registry::RegistryError;

/// The registered master whose session created a node.
#[must_use]
pub fn registered_owner<'a>(node: &LockNode, masters: &'a Registrations) -> Option<&'a Address> {
    let session = node.session_id.as_ref()?;
    masters
        .servers
        .iter()
        .find(|server| server.session_id.as_ref() == Some(session))
        .map(|server| &server.address)
}

/// A possible explanation for a lock that a living master holds: masters of 3.3.0-alpha to 3.4.1
/// release it only with their session.
#[must_use]
pub fn about_kept(release: &Release, node: &LockNode, masters: &Registrations) -> Option<String> {
    let holder = registered_owner(node, masters).filter(|_| release.keeps_lock())?;
    Some(format!(
        "{holder} may have done its failover long ago: masters of 3.3.0 to 3.4.1 keep this lock until they are \
         restarted (upstream issue 18197); 'dsctl instances' shows whether anything is left to do"
    ))
}

/// Which living master holds the lock that a failover did not get, and whether that may be an old
/// one. Empty if the failure was another one, or if the registry does not show it.
pub async fn about_holder(cluster: &mut Cluster, failure: &FailoverError) -> Vec<String> {
    let FailoverError::Registry(RegistryError::Held {
        holder: Some(holder),
        ..
    }) = failure
    else {
        return Vec::new();
    };
    let Ok(masters) = cluster.registry.masters().await else {
        return Vec::new();
    };
    let owner = registered_owner(holder, &masters)
        .map(|master| format!("that session is master {master}'s"));
    owner
        .into_iter()
        .chain(about_kept(cluster.store.release(), holder, &masters))
        .collect()
}
