//! The locks of one failover: acquired in order, confirmed together, released in reverse.

use std::future::Future;
use std::time::{Duration, Instant};

use super::error::{FailoverError, Refusal};
use super::outcome::LockTaken;
use super::rules::Observer;
use crate::model::Confirmed;
use crate::registry::{Lease, Registry, RegistryError};

/// What a lock node of another kind means.
pub const UNHEEDED: &str = "masters and dsctl do not wait for it, nor it for them; the program \
    that made it is not excluded by this lock";

/// Locks that are held. [`Locks::release`] releases them.
#[derive(Debug)]
#[must_use = "locks are held until they are released"]
pub(crate) struct Locks {
    leases: Vec<Lease>,
}

impl Locks {
    /// Acquires every lock, in order; all together may wait no longer than `timeout`.
    ///
    /// # Errors
    /// [`RegistryError::Held`] and others. Locks acquired before the one that failed are released
    /// then, or the error is [`RegistryError::NotReleased`].
    pub(crate) async fn take(
        registry: &mut dyn Registry,
        paths: &[String],
        timeout: Duration,
        observer: &mut dyn Observer,
    ) -> Result<Self, RegistryError> {
        let deadline = Instant::now() + timeout;
        let mut locks = Self { leases: Vec::new() };
        for path in paths {
            let left = deadline.saturating_duration_since(Instant::now());
            let full_path = registry.full_path(path);
            let mut on_wait =
                |holder: &crate::model::LockNode| observer.waiting_for_lock(&full_path, holder);
            match registry.acquire(path, left, &mut on_wait).await {
                Ok(lease) => {
                    tracing::info!(path = lease.path, waited = ?lease.waited, "lock taken");
                    locks.leases.push(lease);
                }
                Err(error) => {
                    // A session that still holds a lock must not go on; one that was only refused
                    // one may.
                    return Err(locks.release(registry).await.err().unwrap_or(error));
                }
            }
        }
        Ok(locks)
    }

    /// The locks that were acquired.
    pub(crate) fn taken(&self) -> impl Iterator<Item = LockTaken> {
        self.leases.iter().map(|lease| LockTaken {
            path: lease.path.clone(),
            waited: lease.waited,
        })
    }

    /// What the operator should know about other clients' locks next to these.
    pub(crate) fn about_others(&self) -> impl Iterator<Item = String> {
        let foreign_note = |lease: &Lease| {
            let (path, names) = (lease.path.clone(), lease.foreign.join(", "));
            (!names.is_empty()).then(|| {
                format!("next to the lock {path} there is another program's ({names}): {UNHEEDED}")
            })
        };
        self.leases.iter().filter_map(foreign_note)
    }

    /// Asks the registry whether every lock is still held.
    ///
    /// # Errors
    /// [`RegistryError::LockLost`], [`RegistryError::Interrupted`]: no COMMIT may follow.
    pub(crate) async fn confirm(
        &self,
        registry: &mut dyn Registry,
    ) -> Result<Confirmed, RegistryError> {
        let mut confirmed = None;
        for lease in &self.leases {
            confirmed = Some(registry.confirm(lease).await?);
        }
        let none = || RegistryError::LockLost {
            path: String::new(),
            cause: "no lock was taken".to_owned(),
        };
        confirmed.ok_or_else(none)
    }

    /// Runs work that may take longer than the session timeout, and keeps the locks alive
    /// meanwhile.
    ///
    /// # Errors
    /// Those of the work, or that a lock is lost.
    pub(crate) async fn kept_during<T, E: Into<FailoverError>>(
        &self,
        registry: &mut dyn Registry,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, FailoverError> {
        // Short work needs no request to the registry.
        let moment = registry.session_timeout() / 6;
        let lost = async {
            tokio::time::sleep(moment).await;
            registry.lost(&self.leases).await
        };
        tokio::select! {
            biased;
            result = work => result.map_err(Into::into),
            lost = lost => Err(lost.into()),
        }
    }

    /// Releases every lock, the last one first.
    ///
    /// # Errors
    /// That of the first one that failed; the others are tried all the same. The session must be
    /// closed then, and the operator be informed: the locks stay as long as it does.
    pub(crate) async fn release(self, registry: &mut dyn Registry) -> Result<(), RegistryError> {
        let mut result = Ok(());
        for lease in self.leases.into_iter().rev() {
            tracing::info!(path = lease.path, "giving the lock back");
            let released = registry.release(lease).await;
            result = result.and(released);
        }
        result
    }
}

/// Runs work that may take long; held locks are kept alive meanwhile.
pub(super) async fn kept<T, E: Into<FailoverError>>(
    locks: Option<&Locks>,
    registry: &mut dyn Registry,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, FailoverError> {
    match locks {
        Some(locks) => locks.kept_during(registry, work).await,
        None => work.await.map_err(Into::into),
    }
}

/// No server of the database's counts less.
const SHORTEST_IDLE: Duration = Duration::from_secs(1);

/// The registry must keep a session for longer than this: a third of it may have passed when a
/// transaction starts, which the server ends only after [`SHORTEST_IDLE`].
const TOO_SHORT: Duration = Duration::from_millis(1500);

/// Checks that a frozen process's transaction ends before the registry gives its lock to another
/// client.
///
/// # Errors
/// [`Refusal::ShortSession`].
pub fn ensure_session(registry: &dyn Registry) -> Result<(), Refusal> {
    let granted = registry.session_timeout();
    if granted > TOO_SHORT {
        return Ok(());
    }
    Err(Refusal::ShortSession {
        endpoint: registry.endpoint().to_owned(),
        granted,
    })
}

/// The server ends a frozen process's transaction long before the registry ends its lock. The last
/// heartbeat to the registry may be a third of the session timeout old when the transaction starts.
/// Of a session that was taken over it is not known how long it is.
pub(super) fn idle_limit(registry: &dyn Registry) -> Duration {
    if registry.is_resumed() {
        SHORTEST_IDLE
    } else {
        (registry.session_timeout() / 3).max(SHORTEST_IDLE)
    }
}
