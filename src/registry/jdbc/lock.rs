//! The lock: a row with a unique key, kept alive by its client's heartbeat.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::tables::{self, Insert, Lock};
use super::{Client, JdbcRegistry};
use crate::metadata::database::DatabaseError;
use crate::registry::{Lease, OnWait, RegistryError};

/// How often a lock that another client holds is tried.
const TRY: Duration = Duration::from_millis(200);

/// The longest time between two heartbeats, like DolphinScheduler's own
/// `heartbeat-refresh-interval`.
const HEARTBEAT: Duration = Duration::from_secs(3);

/// Ids are positive and well below the column's limit.
const ID_BITS: u32 = 62;

/// How often a row is inserted again although no row with this key can be seen.
const INSERTS: u32 = 20;

/// Why a client is gone: masters purge it.
const PURGED: &str = "this client was purged, because its heartbeat is old by the masters' \
    clocks: compare this machine's clock with theirs";

/// The result of one try.
enum Attempt {
    /// The id of the own row.
    Taken(i64),
    /// The current holder; `None` if it is gone again, or its row is not visible yet.
    Held(Option<Lock>),
}

impl JdbcRegistry {
    /// Tries until the lock is acquired or the timeout has passed.
    pub(super) async fn take(
        &mut self,
        key: String,
        timeout: Duration,
        on_wait: OnWait<'_>,
    ) -> Result<Lease, RegistryError> {
        let started = Instant::now();
        let mut announced = None;
        loop {
            let rest = timeout.saturating_sub(started.elapsed());
            let holder = match self.try_to_take(&key).await? {
                Attempt::Taken(id) => {
                    return Ok(Lease {
                        path: key,
                        node: id.to_string(),
                        waited: started.elapsed(),
                        foreign: Vec::new(),
                    });
                }
                Attempt::Held(holder) => holder,
            };
            if rest.is_zero() {
                let holder = holder.map(|lock| Box::new(lock.to_node()));
                return Err(RegistryError::Held {
                    path: key,
                    holder,
                    waited: started.elapsed(),
                });
            }
            if let Some(lock) = holder.filter(|lock| announced != Some(lock.id)) {
                on_wait(&lock.to_node());
                announced = Some(lock.id);
            }
            // Another lock may be held meanwhile.
            self.maintain_client().await?;
            tokio::time::sleep(rest.min(TRY)).await;
        }
    }

    /// Inserts a row if no living client has one.
    async fn try_to_take(&mut self, key: &str) -> Result<Attempt, RegistryError> {
        if let Some(lock) = self.tables.lock(key).await? {
            let looks_dead = !lock.client.is_alive(tables::now());
            // Kept from one wait to the next, so that short waits in succession detect it as well.
            let still = self
                .stillness
                .entry(key.to_owned())
                .or_default()
                .lasts(&lock.client, Instant::now());
            // Its clock may be far behind this one.
            let still = still >= lock.client.stillness() || self.tables.is_local();
            let removed = looks_dead && still && self.tables.delete_dead_lock(&lock).await?;
            if !removed {
                return Ok(Attempt::Held(Some(lock)));
            }
        }
        let client = self.ensure_client().await?;
        for _ in 0..INSERTS {
            let inserted = self.tables.insert_lock(key, &owner(), client).await?;
            match self.tables.lock(key).await? {
                Some(lock) if lock.client.id == client => return Ok(Attempt::Taken(lock.id)),
                None if inserted == Insert::Done => {
                    let cause = "its row was deleted at once".to_owned();
                    return Err(RegistryError::LockLost {
                        path: key.to_owned(),
                        cause,
                    });
                }
                // The other row is gone again, or it had the same id, and the next id is another.
                None if inserted == Insert::InTheWay => {}
                other => return Ok(Attempt::Held(other)),
            }
        }
        Err(RegistryError::Refused {
            endpoint: self.endpoint.clone(),
            cause: "ids of t_ds_jdbc_registry_lock are generated twice, as after an import: set \
                its sequence (or AUTO_INCREMENT) above its highest id"
                .to_owned(),
        })
    }

    /// The id of the own client, whose row exists and has a recent heartbeat.
    async fn ensure_client(&mut self) -> Result<i64, RegistryError> {
        self.maintain_client().await?;
        if let Some(client) = &self.client {
            return Ok(client.id);
        }
        let (sent, wall) = (Instant::now(), tables::now());
        let id = i64::try_from(Uuid::new_v4().as_u64_pair().0 >> (u64::BITS - ID_BITS))
            .unwrap_or(i64::MAX);
        let heartbeat = self.tables.heartbeat(id, None, wall).await;
        let heartbeat = heartbeat.map_err(tables::to_registry_error)?;
        self.tables
            .insert_client(id, &owner(), heartbeat, self.session_timeout)
            .await?;
        self.client = Some(Client {
            id,
            sent,
            wall,
            written: heartbeat,
        });
        Ok(id)
    }

    /// Refreshes the own client if there is one and a heartbeat is due. A client that was purged is
    /// forgotten, and its locks with it.
    async fn maintain_client(&mut self) -> Result<(), RegistryError> {
        let Some(client) = &self.client else {
            return Ok(());
        };
        if client.age() >= self.heartbeat_interval()
            && !self.refresh().await.map_err(tables::to_registry_error)?
        {
            self.client = None;
        }
        Ok(())
    }

    fn heartbeat_interval(&self) -> Duration {
        (self.session_timeout / 6).min(HEARTBEAT)
    }

    /// Writes a heartbeat; `false` if the own client's row is gone.
    async fn refresh(&mut self) -> Result<bool, DatabaseError> {
        let Some(client) = &mut self.client else {
            return Ok(false);
        };
        let (sent, wall) = (Instant::now(), tables::now());
        let before = Some(client.written);
        let heartbeat = self.tables.heartbeat(client.id, before, wall).await?;
        let found = self.tables.refresh_client(client.id, heartbeat).await?;
        if found {
            (client.sent, client.wall, client.written) = (sent, wall, heartbeat);
        }
        Ok(found)
    }

    /// Checks that the lock is still held; writes a heartbeat if the last one is older than
    /// `refresh_after`.
    pub(super) async fn check(
        &mut self,
        lease: &Lease,
        refresh_after: Duration,
    ) -> Result<(), RegistryError> {
        let lost = |cause: &str| RegistryError::LockLost {
            path: lease.path.clone(),
            cause: cause.to_owned(),
        };
        let Some(client) = &self.client else {
            return Err(lost(PURGED));
        };
        let (id, age) = (client.id, client.age());
        if age >= self.session_timeout {
            // A client that considers this one dead may be about to delete the row, even if it
            // still exists.
            return Err(lost("the last heartbeat is older than the session timeout"));
        }
        if age >= refresh_after {
            match self.refresh().await {
                Ok(true) => {}
                Ok(false) => return Err(lost(PURGED)),
                // On SQLite this program's own transaction blocks the write; the heartbeat is still
                // valid for a while.
                Err(DatabaseError::Refused { .. }) if age < self.patience() => {}
                Err(error) => return Err(tables::to_registry_error(error)),
            }
        }
        if self.tables.is_own_lock(&lease.node, id).await? {
            Ok(())
        } else {
            Err(lost("its row was deleted"))
        }
    }

    /// How old the last heartbeat may be before nothing may rely on it any more.
    fn patience(&self) -> Duration {
        self.session_timeout * 2 / 3
    }

    /// Keeps locks alive until one of them is lost, or until no heartbeat has arrived for too long. A
    /// network that swallows everything answers nothing for minutes: that is not waited for. It is told
    /// of `first`, since the heartbeat is that of all.
    pub(super) async fn maintain_until_lost(
        &mut self,
        first: &Lease,
        leases: &[Lease],
    ) -> RegistryError {
        loop {
            let age = self.client.as_ref().map_or(Duration::MAX, Client::age);
            let left = self.patience().saturating_sub(age);
            let check = self.check_all(leases);
            match tokio::time::timeout(left, check).await {
                Ok(Err(error @ RegistryError::LockLost { .. })) => return error,
                Ok(Err(error)) if self.is_out_of_patience() => return error,
                Ok(_) => {}
                Err(_) => {
                    // There is nothing to give back either, through a connection that is silent.
                    self.client = None;
                    return RegistryError::LockLost {
                        path: first.path.clone(),
                        cause: "the database has not answered a heartbeat for two thirds of the session timeout"
                            .to_owned(),
                    };
                }
            }
            tokio::time::sleep(self.heartbeat_interval() / 2).await;
        }
    }

    async fn check_all(&mut self, leases: &[Lease]) -> Result<(), RegistryError> {
        for lease in leases {
            self.check(lease, self.heartbeat_interval()).await?;
        }
        Ok(())
    }

    fn is_out_of_patience(&self) -> bool {
        let client = self.client.as_ref();
        client.is_none_or(|client| client.age() >= self.patience())
    }

    pub(super) async fn release_lock(&mut self, lease: &Lease) -> Result<(), RegistryError> {
        let Some(client) = &self.client else {
            return Ok(());
        };
        let deleted = self.tables.delete_lock(&lease.node, client.id).await;
        deleted.map_err(|error| RegistryError::NotReleased {
            path: lease.path.clone(),
            cause: error.to_string(),
        })
    }
}

impl Client {
    /// How old the last heartbeat is. The monotonic clock stops while the machine sleeps, and the
    /// wall clock may be set: the greater age counts.
    fn age(&self) -> Duration {
        let by_the_wall = tables::now().saturating_sub(self.wall);
        self.sent.elapsed().max(Duration::from_millis(
            u64::try_from(by_the_wall).unwrap_or_default(),
        ))
    }
}

/// Who holds the lock, in the form of `LockUtils.getLockOwner`: host, process, thread.
fn owner() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() {
        "unknown"
    } else {
        host.trim()
    };
    format!("{host}_{}_dsctl", std::process::id())
}
