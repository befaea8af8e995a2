//! The failover locks, with who holds them and who waits.

use crate::family::{LockPath, Release};
use crate::model::{Address, LockNode};
use crate::registry::{Registry, RegistryError};

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
    let mut locks = Vec::new();
    for lock in release.locks() {
        for path in paths(registry, lock, master).await? {
            let nodes = registry.lock_queue(&path).await?;
            let foreign = registry.foreign_locks(&path).await?;
            locks.push(LockQueue {
                path: registry.full_path(&path),
                nodes,
                foreign,
            });
        }
    }
    locks.retain(|lock| master.is_some() || !lock.nodes.is_empty() || !lock.foreign.is_empty());
    Ok(locks)
}

async fn paths(
    registry: &mut dyn Registry,
    lock: LockPath,
    master: Option<&Address>,
) -> Result<Vec<String>, RegistryError> {
    match (lock, master) {
        (LockPath::PerMaster(parent), None) => {
            let names = registry.locks_below(parent).await?;
            Ok(names
                .into_iter()
                .map(|name| format!("{parent}/{name}"))
                .collect())
        }
        (LockPath::PerMaster(_), Some(master)) => Ok(vec![lock.path(master)]),
        (LockPath::Global(path), _) => Ok(vec![path.to_owned()]),
    }
}
