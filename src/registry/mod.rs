//! The interface to the registry: registrations, and the failover lock.
//!
//! Two implementations: ZooKeeper ([`zookeeper`]) and DolphinScheduler's own JDBC registry
//! ([`jdbc`]); and what one of them answered when a snapshot was taken ([`recorded`]).

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

pub use barrier::Barrier;

use crate::family::{LockPath, Release};
use crate::model::{Confirmed, LockNode, Registrations};
use crate::stop::Stopped;

mod barrier;
pub mod interruptible;
pub mod jdbc;
pub mod recorded;
pub mod zookeeper;

/// What went wrong in the registry.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// A server can be reached, but opens no session for this client.
    #[error("the registry at {endpoint} opens no session for this client: {cause}")]
    NotAdmitted {
        /// As below.
        endpoint: String,
        /// What was seen; never a password.
        cause: String,
        /// What it means.
        barrier: Barrier,
    },
    /// No session could be opened in time.
    #[error("cannot reach the registry at {endpoint}")]
    Unreachable {
        /// `host:port` list or database; never a password.
        endpoint: String,
        /// The message of the client library.
        cause: String,
    },
    /// The credentials are wrong, or a node's ACL denies access.
    #[error("the registry at {endpoint} denies access to {path}")]
    Denied {
        /// As above.
        endpoint: String,
        /// The node or table.
        path: String,
    },
    /// Another client holds the lock; the own request was withdrawn. Nothing else was written.
    #[error("the lock {path} is held by another client")]
    Held {
        /// Full path.
        path: String,
        /// Its holder; `None` if it was released at the last moment, or the holder's transaction
        /// has not ended yet.
        holder: Option<Box<LockNode>>,
        /// How long it was waited for.
        waited: Duration,
    },
    /// ZooKeeper has no sequence numbers left for this lock's nodes. The own node was withdrawn.
    #[error(
        "the lock {0} excludes no client: ZooKeeper has used up the sequence numbers of its \
         nodes, and masters take later ones for the first in the queue"
    )]
    CounterSpent(String),
    /// The lock was held and is lost: session expired, or the node was deleted.
    #[error("the lock {path} is lost: {cause}")]
    LockLost {
        /// Full path.
        path: String,
        /// Why.
        cause: String,
    },
    /// A lock that is still held, or may be, although it was to be released. It stays as long as
    /// the session does.
    #[error("the lock {path} could not be released, and stays as long as this session: {cause}")]
    NotReleased {
        /// Full path.
        path: String,
        /// Why.
        cause: String,
    },
    /// The connection broke, the session is suspended or has expired, or an answer did not arrive
    /// in time.
    #[error("the registry at {endpoint} does not answer: {cause}")]
    Interrupted {
        /// As above.
        endpoint: String,
        /// The message of the client library.
        cause: String,
    },
    /// ZooKeeper refused a request. Nothing was changed by it.
    #[error("the registry at {endpoint} refuses a request for {path}: {cause}")]
    Rejected {
        /// As above.
        endpoint: String,
        /// The node.
        path: String,
        /// The message of the server.
        cause: String,
    },
    /// The registry's database refused a statement. Nothing was changed by it.
    #[error("the database {endpoint} refused a statement to the registry's tables: {cause}")]
    Refused {
        /// As above.
        endpoint: String,
        /// The message of the server.
        cause: String,
    },
    /// The answer of the registry's database is not from the server that accepts writes, not
    /// current, or not complete: nothing may rely on it.
    #[error("{cause}")]
    Doubtful {
        /// As above.
        endpoint: String,
        /// What was seen.
        cause: String,
    },
    /// A registry that this program does not support.
    #[error("{0}")]
    Unsupported(String),
    /// A signal interrupted a read, or the wait for a lock.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl RegistryError {
    /// Whether it is only about one lock: the registry answers, its connection is intact, and other
    /// masters' locks may be free.
    #[must_use]
    pub fn is_about_one_lock(&self) -> bool {
        matches!(
            self,
            Self::Held { .. } | Self::Denied { .. } | Self::Rejected { .. } | Self::CounterSpent(_)
        )
    }
}

/// A lock that is held. [`Registry::release`] releases it, and so does [`Registry::close`].
#[derive(Debug)]
#[must_use = "a lock is held until it is released"]
pub struct Lease {
    /// Full path of the lock.
    pub path: String,
    /// Full path of the own node (ZooKeeper) or the row id (JDBC).
    pub node: String,
    /// How long it was waited for.
    pub waited: Duration,
    /// Names of lock nodes next to it that belong to another kind of client, which masters ignore.
    pub foreign: Vec<String>,
}

/// Called once per holder while waiting, with the node that is waited for.
pub type OnWait<'a> = &'a mut (dyn FnMut(&LockNode) + Send);

/// A registry. Every call ends within the configured timeout.
///
/// Paths are relative to the root or namespace, without a leading slash, for example
/// `lock/master-failover/10.0.0.1:5678`; the implementation puts its root in front.
#[async_trait]
pub trait Registry: Send {
    /// `zookeeper` or `jdbc`.
    fn kind(&self) -> &'static str;

    /// Its address for display: hosts and namespace, or the database. Never a password.
    fn endpoint(&self) -> &str;

    /// How long the registry keeps our locks when we fall silent; negotiated with the server that
    /// has made the session.
    fn session_timeout(&self) -> Duration;

    /// Whether another server may have taken the session over since it was made, or the same one
    /// after a restart. It negotiates anew for how long it keeps the session, by its own limits,
    /// and that is not told: it may be less than [`Registry::session_timeout`].
    fn is_resumed(&self) -> bool {
        false
    }

    /// The full path in the registry, including the root.
    fn full_path(&self, path: &str) -> String;

    /// The moment that its answers are about: the present, by the clock here.
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// Whether it answers what another one answered once: then nothing in it ever changes.
    fn is_recorded(&self) -> bool {
        false
    }

    /// What makes its answers unreliable, if nothing is written.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// Which database server it uses, if it is in a database and that is known.
    fn server(&self) -> Option<&str> {
        None
    }

    /// The registered masters, in order of address.
    ///
    /// # Errors
    /// [`RegistryError::Interrupted`], [`RegistryError::Denied`]. Nothing is ever written.
    async fn masters(&mut self) -> Result<Registrations, RegistryError>;

    /// The registered workers, in order of address; up to 3.1.0 each once for every group that it
    /// belongs to.
    ///
    /// # Errors
    /// As for [`Registry::masters`].
    async fn workers(&mut self) -> Result<Registrations, RegistryError>;

    /// The queue at a lock: holder first, then the waiters. Empty if there is none. Children that
    /// are not lock nodes (per-host locks are below the global lock's path) are omitted.
    ///
    /// # Errors
    /// As for [`Registry::masters`].
    async fn lock_queue(&mut self, path: &str) -> Result<Vec<LockNode>, RegistryError>;

    /// Lock nodes at a path that another kind of client has created: neither masters nor
    /// [`Registry::acquire`] wait for them, and the lock here does not exclude those clients.
    ///
    /// # Errors
    /// As for [`Registry::masters`].
    async fn foreign_locks(&mut self, _path: &str) -> Result<Vec<LockNode>, RegistryError> {
        Ok(Vec::new())
    }

    /// Names of the per-host locks below a path: its children that are not lock nodes themselves.
    ///
    /// # Errors
    /// As for [`Registry::masters`].
    async fn locks_below(&mut self, path: &str) -> Result<Vec<String>, RegistryError>;

    /// Addresses of masters that other servers have marked dead, as `dead-servers` has them (up to
    /// 3.0).
    ///
    /// # Errors
    /// As for [`Registry::masters`].
    async fn dead_masters(&mut self) -> Result<Vec<String>, RegistryError>;

    /// Acquires a lock, waiting no longer than `timeout`; a timeout of zero tries once.
    ///
    /// # Errors
    /// [`RegistryError::Held`] after the timeout; the own node is then confirmed to be gone.
    async fn acquire(
        &mut self,
        path: &str,
        timeout: Duration,
        on_wait: OnWait<'_>,
    ) -> Result<Lease, RegistryError>;

    /// Asks the registry itself whether the lock is still held, and renews it if the registry needs
    /// that.
    ///
    /// # Errors
    /// [`RegistryError::LockLost`] if it certainly is not, [`RegistryError::Interrupted`] if that
    /// is unknown.
    async fn confirm(&mut self, lease: &Lease) -> Result<Confirmed, RegistryError>;

    /// Waits until one of these locks is lost, keeping them alive meanwhile; returns why. One of them may be
    /// lost alone: its entry can be deleted. Without any it waits for ever.
    async fn lost(&mut self, leases: &[Lease]) -> RegistryError;

    /// Releases a lock; returns once the registry has answered. A lock that is already gone is a
    /// success.
    ///
    /// # Errors
    /// [`RegistryError::NotReleased`]: the lock may stay as long as the session, which therefore
    /// must not go on: close it with [`Registry::close`]. [`RegistryError::LockLost`]: the session
    /// had ended before.
    async fn release(&mut self, lease: Lease) -> Result<(), RegistryError>;

    /// Waits until the masters may have changed since the last call; the first call returns at
    /// once, or soon. A registry without watches returns after a while in any case. May be dropped
    /// while it waits.
    async fn masters_changed(&mut self);

    /// Closes the session, and with it every lock that is left; returns once the registry has
    /// answered or after a short time without an answer.
    ///
    /// `false` without an answer, if this session may still have a lock or a place in a queue:
    /// these stay until the registry expires the session by itself, [`Registry::session_timeout`]
    /// after the last heartbeat.
    async fn close(self: Box<Self>) -> bool;
}

/// Relative paths of all failover locks of a release that are in the registry, whether anybody holds
/// them or not.
///
/// # Errors
/// As for [`Registry::masters`].
pub async fn lock_paths(
    registry: &mut dyn Registry,
    release: &Release,
) -> Result<Vec<String>, RegistryError> {
    let mut paths = Vec::new();
    for lock in release.locks() {
        match lock {
            LockPath::Global(path) => paths.push(path.to_owned()),
            LockPath::PerMaster(parent) => {
                let names = registry.locks_below(parent).await?;
                paths.extend(names.iter().map(|name| format!("{parent}/{name}")));
            }
        }
    }
    Ok(paths)
}
