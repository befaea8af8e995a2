//! The failover locks, with who holds them and who waits.

use crate::family::Release;
use crate::model::{Address, LockNode};
use crate::registry::{Registry, RegistryError, lock_paths};

/// A lock.
#[derive(Clone, Debug)]
pub struct LockQueue {
    /// Full path.
    pub path: String,
    /// The holder first, then who waits.
    pub nodes: Vec<LockNode>,
    /// Nodes of another kind of client.
    pub foreign: Vec<LockNode>,
}

/// The locks that a failover of this master takes; without a master all that anybody holds or waits
/// for.
///
/// # Errors
/// Those of the registry.
pub async fn lock_queues(
    registry: &mut dyn Registry,
    release: &Release,
    master: Option<&Address>,
) -> Result<Vec<LockQueue>, RegistryError> {
    let paths = match master {
        Some(master) => release.lock_paths(master),
        None => lock_paths(registry, release).await?,
    };
    let mut locks = Vec::new();
    for path in paths {
        let nodes = registry.lock_queue(&path).await?;
        let foreign = registry.foreign_locks(&path).await?;
        locks.push(LockQueue {
            path: registry.full_path(&path),
            nodes,
            foreign,
        });
    }
    locks.retain(|lock| master.is_some() || !lock.nodes.is_empty() || !lock.foreign.is_empty());
    Ok(locks)
}
