//! A registry whose calls are interrupted by a signal.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Lease, OnWait, Registry, RegistryError};
use crate::model::{Confirmed, LockNode, Registrations};
use crate::stop::StopSignal;

/// A signal interrupts reads and waits for locks at once. Calls that keep a lock, release it or
/// close the session are not interrupted.
pub struct InterruptibleRegistry {
    registry: Box<dyn Registry>,
    stop: StopSignal,
}

impl InterruptibleRegistry {
    /// Wraps a session.
    #[must_use]
    pub fn new(registry: Box<dyn Registry>, stop: StopSignal) -> Self {
        Self { registry, stop }
    }
}

impl std::fmt::Debug for InterruptibleRegistry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InterruptibleRegistry")
            .field("registry", &self.registry.endpoint())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Registry for InterruptibleRegistry {
    fn kind(&self) -> &'static str {
        self.registry.kind()
    }

    fn endpoint(&self) -> &str {
        self.registry.endpoint()
    }

    fn session_timeout(&self) -> Duration {
        self.registry.session_timeout()
    }

    fn is_resumed(&self) -> bool {
        self.registry.is_resumed()
    }

    fn full_path(&self, path: &str) -> String {
        self.registry.full_path(path)
    }

    fn now(&self) -> Timestamp {
        self.registry.now()
    }

    fn is_recorded(&self) -> bool {
        self.registry.is_recorded()
    }

    fn warnings(&self) -> Vec<String> {
        self.registry.warnings()
    }

    fn server(&self) -> Option<&str> {
        self.registry.server()
    }

    async fn masters(&mut self) -> Result<Registrations, RegistryError> {
        self.stop.unless(self.registry.masters()).await
    }

    async fn workers(&mut self) -> Result<Registrations, RegistryError> {
        self.stop.unless(self.registry.workers()).await
    }

    async fn lock_queue(&mut self, path: &str) -> Result<Vec<LockNode>, RegistryError> {
        self.stop.unless(self.registry.lock_queue(path)).await
    }

    async fn foreign_locks(&mut self, path: &str) -> Result<Vec<LockNode>, RegistryError> {
        self.stop.unless(self.registry.foreign_locks(path)).await
    }

    async fn locks_below(&mut self, path: &str) -> Result<Vec<String>, RegistryError> {
        self.stop.unless(self.registry.locks_below(path)).await
    }

    async fn dead_masters(&mut self) -> Result<Vec<String>, RegistryError> {
        self.stop.unless(self.registry.dead_masters()).await
    }

    async fn acquire(
        &mut self,
        path: &str,
        timeout: Duration,
        on_wait: OnWait<'_>,
    ) -> Result<Lease, RegistryError> {
        self.stop
            .unless(self.registry.acquire(path, timeout, on_wait))
            .await
    }

    async fn confirm(&mut self, lease: &Lease) -> Result<Confirmed, RegistryError> {
        self.registry.confirm(lease).await
    }

    async fn lost(&mut self, leases: &[Lease]) -> RegistryError {
        self.registry.lost(leases).await
    }

    async fn release(&mut self, lease: Lease) -> Result<(), RegistryError> {
        self.registry.release(lease).await
    }

    async fn masters_changed(&mut self) {
        self.registry.masters_changed().await;
    }

    async fn close(self: Box<Self>) -> bool {
        self.registry.close().await
    }
}
