//! A registry as it was at one moment: what it answered then, and the same answers given again from
//! a snapshot's file.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Lease, OnWait, Registry, RegistryError, lock_paths};
use crate::family::Release;
use crate::model::{Confirmed, LockNode, Registrations};

/// How often a file is looked at that another process works on.
const PAUSE: Duration = Duration::from_millis(50);

/// Nothing happens in a snapshot; whoever watches it looks this often all the same.
const IDLE: Duration = Duration::from_secs(10);

/// All that a registry answers about one cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryRecord {
    kind: RecordedKind,
    endpoint: String,
    /// What [`Registry::full_path`] puts in front.
    root: String,
    session_timeout_ms: u64,
    warnings: Vec<String>,
    masters: Registrations,
    /// `None` if this client may not read them.
    workers: Option<Registrations>,
    /// Those that others have marked dead.
    #[serde(default)]
    dead_masters: Vec<String>,
    /// By relative path.
    locks: BTreeMap<String, RecordedLock>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RecordedKind {
    ZooKeeper,
    Jdbc,
}

impl RecordedKind {
    fn of(registry: &dyn Registry) -> Self {
        if registry.kind() == "jdbc" {
            Self::Jdbc
        } else {
            Self::ZooKeeper
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::ZooKeeper => "zookeeper",
            Self::Jdbc => "jdbc",
        }
    }
}

/// The nodes at a lock.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordedLock {
    queue: Vec<LockNode>,
    foreign: Vec<LockNode>,
}

impl RegistryRecord {
    /// Asks for everything. Nothing is written.
    ///
    /// # Errors
    /// As for [`Registry::masters`].
    pub async fn of(registry: &mut dyn Registry, release: &Release) -> Result<Self, RegistryError> {
        let masters = registry.masters().await?;
        let workers = match registry.workers().await {
            Err(RegistryError::Denied { .. }) => None,
            workers => Some(workers?),
        };
        let dead_masters = match registry.dead_masters().await {
            Err(RegistryError::Denied { .. }) => Vec::new(),
            marked => marked?,
        };
        let mut locks = BTreeMap::new();
        for path in lock_paths(registry, release).await? {
            let queue = registry.lock_queue(&path).await?;
            let foreign = registry.foreign_locks(&path).await?;
            locks.insert(path, RecordedLock { queue, foreign });
        }
        let session_timeout_ms = registry.session_timeout().as_millis();
        Ok(Self {
            kind: RecordedKind::of(registry),
            endpoint: registry.endpoint().to_owned(),
            root: root(registry),
            session_timeout_ms: u64::try_from(session_timeout_ms).unwrap_or(u64::MAX),
            warnings: registry.warnings(),
            masters,
            workers,
            dead_masters,
            locks,
        })
    }

    /// As a text, of which [`RegistryRecord::parse`] makes the same.
    #[must_use]
    pub fn to_text(&self) -> String {
        // A structure of texts, times and numbers always serialises.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// From its text.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    /// How many masters are registered.
    #[must_use]
    pub fn masters(&self) -> usize {
        self.masters.servers.len()
    }
}

/// What stands before a relative path.
fn root(registry: &dyn Registry) -> String {
    let some = "x";
    let path = registry.full_path(some);
    path.strip_suffix(some).unwrap_or(&path).to_owned()
}

/// A registry that is not there any more. A lock excludes other processes that use the same file,
/// which is all that a rehearsal can change.
#[derive(Debug)]
pub struct RecordedRegistry {
    record: RegistryRecord,
    taken_at: Timestamp,
    file: PathBuf,
    /// Locked as long as a lock is held; with how many are.
    held: Option<(File, usize)>,
}

impl RecordedRegistry {
    /// The registry of this record, of this moment; with the snapshot's own file.
    #[must_use]
    pub fn new(record: RegistryRecord, taken_at: Timestamp, file: PathBuf) -> Self {
        Self {
            record,
            taken_at,
            file,
            held: None,
        }
    }

    fn lock(&self, path: &str) -> RecordedLock {
        self.record.locks.get(path).cloned().unwrap_or_default()
    }

    /// Locks the file; `false` if another process has it for all this time.
    async fn lock_file(&mut self, timeout: Duration) -> Result<bool, RegistryError> {
        if let Some((_, count)) = &mut self.held {
            *count += 1;
            return Ok(true);
        }
        let failed = |error: std::io::Error| RegistryError::Unreachable {
            endpoint: self.record.endpoint.clone(),
            cause: format!("{}: {error}", self.file.display()),
        };
        let file = File::open(&self.file).map_err(failed)?;
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error)) => return Err(failed(error)),
                Err(TryLockError::WouldBlock) if began.elapsed() >= timeout => return Ok(false),
                Err(TryLockError::WouldBlock) => tokio::time::sleep(PAUSE).await,
            }
        }
        self.held = Some((file, 1));
        Ok(true)
    }
}

#[async_trait]
impl Registry for RecordedRegistry {
    fn kind(&self) -> &'static str {
        self.record.kind.name()
    }

    fn endpoint(&self) -> &str {
        &self.record.endpoint
    }

    fn session_timeout(&self) -> Duration {
        Duration::from_millis(self.record.session_timeout_ms)
    }

    fn full_path(&self, path: &str) -> String {
        format!("{}{path}", self.record.root)
    }

    fn now(&self) -> Timestamp {
        self.taken_at
    }

    fn is_recorded(&self) -> bool {
        true
    }

    fn warnings(&self) -> Vec<String> {
        self.record.warnings.clone()
    }

    async fn masters(&mut self) -> Result<Registrations, RegistryError> {
        Ok(self.record.masters.clone())
    }

    async fn workers(&mut self) -> Result<Registrations, RegistryError> {
        let denied = || RegistryError::Denied {
            endpoint: self.record.endpoint.clone(),
            path: "the workers".to_owned(),
        };
        self.record.workers.clone().ok_or_else(denied)
    }

    async fn lock_queue(&mut self, path: &str) -> Result<Vec<LockNode>, RegistryError> {
        Ok(self.lock(path).queue)
    }

    async fn foreign_locks(&mut self, path: &str) -> Result<Vec<LockNode>, RegistryError> {
        Ok(self.lock(path).foreign)
    }

    async fn locks_below(&mut self, path: &str) -> Result<Vec<String>, RegistryError> {
        let below = format!("{path}/");
        let paths = self.record.locks.keys();
        let names = paths.filter_map(|lock| lock.strip_prefix(&below));
        Ok(names.map(str::to_owned).collect())
    }

    async fn dead_masters(&mut self) -> Result<Vec<String>, RegistryError> {
        Ok(self.record.dead_masters.clone())
    }

    /// Whoever held it when the snapshot was taken never lets go of it, unless that one was dead by the
    /// clocks: whoever wants the lock takes it away then.
    async fn acquire(
        &mut self,
        path: &str,
        timeout: Duration,
        on_wait: OnWait<'_>,
    ) -> Result<Lease, RegistryError> {
        let (began, full_path) = (Instant::now(), self.full_path(path));
        let RecordedLock { queue, foreign } = self.lock(path);
        let holder = queue.into_iter().find(|node| !node.in_doubt);
        if let Some(holder) = &holder {
            on_wait(holder);
        }
        if holder.is_some() || !self.lock_file(timeout).await? {
            return Err(RegistryError::Held {
                path: full_path,
                holder: holder.map(Box::new),
                waited: began.elapsed(),
            });
        }
        Ok(Lease {
            node: full_path.clone(),
            path: full_path,
            waited: began.elapsed(),
            foreign: foreign.into_iter().map(|node| node.node).collect(),
        })
    }

    async fn confirm(&mut self, lease: &Lease) -> Result<Confirmed, RegistryError> {
        // The system keeps the lock on the file until this process closes it.
        if self.held.is_some() {
            return Ok(Confirmed::by_registry());
        }
        Err(RegistryError::LockLost {
            path: lease.path.clone(),
            cause: "it was released".to_owned(),
        })
    }

    async fn lost(&mut self, _leases: &[Lease]) -> RegistryError {
        std::future::pending().await
    }

    async fn release(&mut self, _lease: Lease) -> Result<(), RegistryError> {
        self.held = self
            .held
            .take()
            .filter(|(_, count)| *count > 1)
            .map(|(file, count)| (file, count - 1));
        Ok(())
    }

    async fn masters_changed(&mut self) {
        tokio::time::sleep(IDLE).await;
    }

    async fn close(self: Box<Self>) -> bool {
        true
    }
}
