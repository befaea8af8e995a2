//! The seam to the registry: who is registered, and the failover lock.
//!
//! Two implementations: ZooKeeper ([`zookeeper`]) and DolphinScheduler's own JDBC registry
//! ([`jdbc`]).

use std::time::Duration;

use async_trait::async_trait;

use crate::model::{Confirmed, LockNode, Registrations};
use crate::stop::Stopped;

pub mod interruptible;
pub mod jdbc;
pub mod zookeeper;

/// What went wrong in the registry.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The server lets nobody in who does not authenticate with SASL.
    #[error(
        "the registry at {endpoint} demands SASL from its clients, which this program does not speak"
    )]
    SaslDemanded {
        /// As below.
        endpoint: String,
    },
    /// No session could be had in time.
    #[error("cannot reach the registry at {endpoint}")]
    Unreachable {
        /// `host:port` list or database; never a password.
        endpoint: String,
        /// What the client said.
        cause: String,
    },
    /// The credentials are wrong, or a node does not let us in.
    #[error("the registry at {endpoint} denies access to {path}")]
    Denied {
        /// As above.
        endpoint: String,
        /// The node or table.
        path: String,
    },
    /// Somebody else holds the lock; ours was withdrawn. Nothing was written besides that.
    #[error("the lock {path} is held by someone else")]
    Held {
        /// Full path.
        path: String,
        /// Who holds it; `None` if it was let go at the last moment, or the holder's transaction has
        /// not ended yet.
        holder: Option<Box<LockNode>>,
        /// How long was waited.
        waited: Duration,
    },
    /// ZooKeeper has no numbers left for this lock's nodes. Our own was withdrawn.
    #[error(
        "the lock {0} excludes nobody: ZooKeeper has counted its nodes to the last number, and masters take whoever comes behind \
         that for the first"
    )]
    CounterSpent(String),
    /// The lock was ours and is no more: session expired, or the node was deleted.
    #[error("the lock {path} is lost: {cause}")]
    LockLost {
        /// Full path.
        path: String,
        /// Why.
        cause: String,
    },
    /// A lock that is still ours, or may be, although it was to be given back. It stays as long as
    /// the session does.
    #[error("the lock {path} could not be given back, and stays as long as this session: {cause}")]
    NotReleased {
        /// Full path.
        path: String,
        /// Why.
        cause: String,
    },
    /// The connection broke, the session is suspended or has expired, or an answer did not come in
    /// time.
    #[error("the registry at {endpoint} does not answer: {cause}")]
    Interrupted {
        /// As above.
        endpoint: String,
        /// What the client said.
        cause: String,
    },
    /// ZooKeeper answered, and said no to a request. Nothing was changed by it.
    #[error("the registry at {endpoint} refuses what is asked at {path}: {cause}")]
    Rejected {
        /// As above.
        endpoint: String,
        /// The node.
        path: String,
        /// What the server said.
        cause: String,
    },
    /// The database that the registry stands in said no to a statement. Nothing was changed by it.
    #[error("the database {endpoint} refused a statement to the registry's tables: {cause}")]
    Refused {
        /// As above.
        endpoint: String,
        /// The server's own words.
        cause: String,
    },
    /// What the registry's database answered is not that of the server that takes the writes, not
    /// fresh, or not whole: nothing may rest on it.
    #[error("{cause}")]
    Doubtful {
        /// As above.
        endpoint: String,
        /// What was seen.
        cause: String,
    },
    /// A registry of a shape that this program does not speak.
    #[error("{0}")]
    Unsupported(String),
    /// A signal ended a look, or the wait for a lock.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl RegistryError {
    /// Whether it is about one lock alone: the registry answers, its connection is as good as ever,
    /// and other masters' locks may be free.
    #[must_use]
    pub fn is_about_one_lock(&self) -> bool {
        matches!(
            self,
            Self::Held { .. } | Self::Denied { .. } | Self::Rejected { .. } | Self::CounterSpent(_)
        )
    }
}

/// A lock that is held. Give it back with [`Registry::release`]; [`Registry::close`] ends it too.
#[derive(Debug)]
#[must_use = "a lock is held until it is released"]
pub struct Lease {
    /// Full path of the lock.
    pub path: String,
    /// Full path of our node (ZooKeeper) or the row id (JDBC).
    pub node: String,
    /// How long was waited.
    pub waited: Duration,
    /// Names of lock nodes beside it that are another kind of client's, of which masters take no
    /// notice.
    pub foreign: Vec<String>,
}

/// Called once per holder while waiting, with the node that is waited for.
pub type OnWait<'a> = &'a mut (dyn FnMut(&LockNode) + Send);

/// A registry. Every call ends within the configured timeout.
///
/// Paths are given below the root or namespace, without a leading slash, for example
/// `lock/master-failover/10.0.0.1:5678`; the implementation puts its root in front.
#[async_trait]
pub trait Registry: Send {
    /// `zookeeper` or `jdbc`.
    fn kind(&self) -> &'static str;

    /// Where it is, to be shown: hosts and namespace, or the database. Never a password.
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

    /// A path as the registry has it, root included.
    fn full_path(&self, path: &str) -> String;

    /// What makes its answers other than they should be, where nothing is written.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// Which database server it speaks with, where it is in a database and that is told.
    fn server(&self) -> Option<&str> {
        None
    }

    /// The registered masters, in order of address.
    ///
    /// # Errors
    /// [`RegistryError::Interrupted`], [`RegistryError::Denied`]. Nothing is ever written.
    async fn masters(&mut self) -> Result<Registrations, RegistryError>;

    /// The registered workers, of all groups, in order of address and each once.
    ///
    /// # Errors
    /// As [`Registry::masters`].
    async fn workers(&mut self) -> Result<Registrations, RegistryError>;

    /// The queue at a lock: holder first, then the waiters. Empty if nobody is there. Children that
    /// are no lock nodes (per-host locks live below the global lock's path) are left out.
    ///
    /// # Errors
    /// As [`Registry::masters`].
    async fn lock_queue(&mut self, path: &str) -> Result<Vec<LockNode>, RegistryError>;

    /// Lock nodes at a path that another kind of client has made: neither masters nor
    /// [`Registry::acquire`] wait for them, and nobody who made one is kept out by us.
    ///
    /// # Errors
    /// As [`Registry::masters`].
    async fn foreign_locks(&mut self, _path: &str) -> Result<Vec<LockNode>, RegistryError> {
        Ok(Vec::new())
    }

    /// Names of the per-host locks below a path: its children that are no lock nodes themselves.
    ///
    /// # Errors
    /// As [`Registry::masters`].
    async fn locks_below(&mut self, path: &str) -> Result<Vec<String>, RegistryError>;

    /// Takes a lock, waiting no longer than `timeout`; a timeout of zero tries once.
    ///
    /// # Errors
    /// [`RegistryError::Held`] after the timeout; our own node is then gone, and that is confirmed.
    async fn acquire(
        &mut self,
        path: &str,
        timeout: Duration,
        on_wait: OnWait<'_>,
    ) -> Result<Lease, RegistryError>;

    /// Asks the registry itself whether the lock is still ours, and renews it where the registry
    /// needs that.
    ///
    /// # Errors
    /// [`RegistryError::LockLost`] if it certainly is not, [`RegistryError::Interrupted`] if that
    /// cannot be told.
    async fn confirm(&mut self, lease: &Lease) -> Result<Confirmed, RegistryError>;

    /// Waits until the lock is no longer ours, keeping it alive meanwhile; says why.
    async fn lost(&mut self, lease: &Lease) -> RegistryError;

    /// Gives a lock back; returns once the registry has answered. A lock that is gone already is
    /// success.
    ///
    /// # Errors
    /// [`RegistryError::NotReleased`]: the lock may stay as long as the session, which therefore
    /// must not go on: end it with [`Registry::close`]. [`RegistryError::LockLost`]: the session
    /// had ended before.
    async fn release(&mut self, lease: Lease) -> Result<(), RegistryError>;

    /// Waits until the masters may have changed since the last call; the first call returns at
    /// once, or soon. A registry without watches returns after a while in any case. May be dropped
    /// while it waits.
    async fn masters_changed(&mut self);

    /// Ends the session, and with it every lock that is left; returns once the registry has
    /// answered or after a short time without an answer.
    ///
    /// `false` without an answer where this session may still have a lock or a place in a queue: these stay until the
    /// registry finds the session's end out by itself, [`Registry::session_timeout`] after it last
    /// heard of it.
    async fn close(self: Box<Self>) -> bool;
}
