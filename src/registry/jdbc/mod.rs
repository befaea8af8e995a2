//! DolphinScheduler's registry in a database: the tables of 3.3 and newer (F§4.3).
//!
//! Reading writes nothing. A client, which is a row with a heartbeat, is created when a lock is
//! first acquired, and deleted at the end. Masters that wait for a lock here try again without any
//! pause, so locks should be held briefly.

mod connection;
mod lock;
mod pulse;
mod statements;
mod tables;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use async_trait::async_trait;

use self::pulse::{ClientLife, Pulses, Stillness};
use self::tables::RegistryTables;
use super::{Lease, OnWait, Registry, RegistryError};
use crate::family::{RegistryLayout, payload};
use crate::metadata::database::Database;
use crate::model::{Address, Confirmed, Heartbeat, LockNode, Registration, Registrations};

/// How long [`Registry::close`] tries to delete the rows of this client.
const GOODBYE: Duration = Duration::from_secs(2);

/// How long others wait for us, and we for them.
#[derive(Clone, Copy, Debug)]
pub struct JdbcSettings {
    /// How long a statement waits for another transaction's lock. No answer is waited for much longer,
    /// a new connection included.
    pub timeout: Duration,
    /// How long our locks stay without a heartbeat.
    pub session_timeout: Duration,
}

/// A connection to the tables of a JDBC registry.
#[derive(Debug)]
pub struct JdbcRegistry {
    tables: RegistryTables,
    endpoint: String,
    session_timeout: Duration,
    layout: RegistryLayout,
    client: Option<Client>,
    /// How long the holder of each lock that was waited for has written no heartbeat.
    stillness: BTreeMap<String, Stillness>,
    /// The heartbeats of the masters' and of the workers' clients, as they were seen.
    masters: Pulses,
    workers: Pulses,
}

/// DolphinScheduler's `heartbeat-refresh-interval`.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(3);

/// The own row among the clients.
#[derive(Debug)]
struct Client {
    id: i64,
    /// When the last heartbeat that arrived was sent: by the monotonic clock, and by the wall
    /// clock.
    sent: Instant,
    wall: i64,
    /// The value in the row.
    written: i64,
}

impl JdbcRegistry {
    /// Uses a connection, if it has the tables of 3.3 and newer. Nothing is written.
    ///
    /// # Errors
    /// [`RegistryError::Unsupported`] for the registries of 3.1 and 3.2, and if there is none;
    /// [`RegistryError::Interrupted`].
    pub async fn connect(
        database: Box<dyn Database>,
        JdbcSettings {
            timeout,
            session_timeout,
        }: JdbcSettings,
        layout: RegistryLayout,
    ) -> Result<Self, RegistryError> {
        let endpoint = database.endpoint().to_owned();
        let mut tables = RegistryTables::new(database, timeout);
        tables.check_shape().await?;
        let (masters, workers) = (Pulses::default(), Pulses::default());
        let stillness = BTreeMap::new();
        Ok(Self {
            tables,
            endpoint,
            session_timeout,
            layout,
            client: None,
            stillness,
            masters,
            workers,
        })
    }

    /// Like [`crate::metadata::MetadataStore::identify_server`]: if writes rely on what is registered,
    /// a replica, a cache or another server than before is refused; otherwise
    /// [`Registry::warnings`] reports it.
    ///
    /// # Errors
    /// [`RegistryError::Doubtful`], [`RegistryError::Interrupted`]. Nothing is written.
    pub async fn identify_server(&mut self, must_write: bool) -> Result<(), RegistryError> {
        self.tables.identify_server(must_write).await
    }

    /// The servers that are not proven dead, and what is known about each.
    async fn servers(
        &mut self,
        parent: &str,
        name_of: tables::NameOf,
        pulses: fn(&mut Self) -> &mut Pulses,
    ) -> Result<Registrations, RegistryError> {
        let parent = self.full_path(parent);
        let asked = Instant::now();
        let entries = match self.tables.entries_below(&parent, name_of).await {
            Ok(entries) => entries,
            Err(error) => {
                pulses(self).discard_observations();
                return Err(error);
            }
        };
        let (now, is_local) = (tables::now(), self.tables.is_local());
        let newest = entries
            .iter()
            .filter_map(|entry| entry.client.last_heartbeat)
            .max()
            .unwrap_or(i64::MIN);
        let pulses = pulses(self);
        pulses.look(
            entries.iter().map(|entry| &entry.client),
            asked,
            Instant::now(),
        );
        let life = |client: &tables::Owner| {
            let young = client.is_alive_among(now, newest);
            // No process with another clock can write there.
            if is_local && !young {
                ClientLife::Dead
            } else {
                pulses.life(client, young, asked)
            }
        };
        let mut servers: Vec<Registration> = entries
            .into_iter()
            .map(|entry| (life(&entry.client), entry))
            .filter(|(life, _)| *life != ClientLife::Dead)
            .map(|(life, entry)| Registration {
                address: Address::seen(entry.name),
                node: entry.key,
                session_id: Some(entry.client.id.to_string()),
                // The tables have both as text in an unknown zone.
                created_at: None,
                modified_at: None,
                heartbeat: Heartbeat {
                    in_doubt: life == ClientLife::InDoubt,
                    ..payload::parse(entry.value.as_bytes())
                },
            })
            .collect();
        // If an address has several entries, one that is alive comes first.
        servers.sort_by(|a, b| {
            (&a.address, a.heartbeat.in_doubt).cmp(&(&b.address, b.heartbeat.in_doubt))
        });
        // A worker is registered in every group that it belongs to.
        servers.dedup_by(|next, kept| next.address == kept.address);
        Ok(Registrations {
            parent_exists: true,
            parent,
            servers,
            changes: None,
        })
    }
}

#[async_trait]
impl Registry for JdbcRegistry {
    fn kind(&self) -> &'static str {
        "jdbc"
    }

    fn endpoint(&self) -> &str {
        &self.endpoint
    }

    fn session_timeout(&self) -> Duration {
        self.session_timeout
    }

    fn full_path(&self, path: &str) -> String {
        format!("/{}", path.trim_matches('/'))
    }

    fn server(&self) -> Option<&str> {
        self.tables.server()
    }

    fn warnings(&self) -> Vec<String> {
        self.tables
            .doubt()
            .map(|doubt| format!("of the registry's connection: {doubt}"))
            .into_iter()
            .collect()
    }

    /// The masters whose client is not proven dead. One whose heartbeat is older than the client's
    /// own session timeout counts as gone, even if no server has deleted the entry yet, as
    /// `JdbcRegistryServer` judges, by this clock and by the other masters' heartbeats: but only
    /// once it was seen not to change, from one look at this registry to a later one. Until then it
    /// is in doubt. Of a client without a row, the entry itself must be seen not to change.
    async fn masters(&mut self) -> Result<Registrations, RegistryError> {
        self.servers(self.layout.masters, tables::child, |registry| {
            &mut registry.masters
        })
        .await
    }

    async fn workers(&mut self) -> Result<Registrations, RegistryError> {
        self.servers(self.layout.workers, tables::member, |registry| {
            &mut registry.workers
        })
        .await
    }

    /// Only the holder: no table has the waiters.
    async fn lock_queue(&mut self, path: &str) -> Result<Vec<LockNode>, RegistryError> {
        let key = self.full_path(path);
        Ok(self
            .tables
            .lock(&key)
            .await?
            .iter()
            .map(tables::Lock::to_node)
            .collect())
    }

    async fn locks_below(&mut self, path: &str) -> Result<Vec<String>, RegistryError> {
        let key = self.full_path(path);
        self.tables.locks_below(&key).await
    }

    /// Releases with this registry have no such marks.
    async fn dead_masters(&mut self) -> Result<Vec<String>, RegistryError> {
        Ok(Vec::new())
    }

    async fn acquire(
        &mut self,
        path: &str,
        timeout: Duration,
        on_wait: OnWait<'_>,
    ) -> Result<Lease, RegistryError> {
        let key = self.full_path(path);
        self.take(key, timeout, on_wait).await
    }

    async fn confirm(&mut self, lease: &Lease) -> Result<Confirmed, RegistryError> {
        // Writes under the lock may take another third until they are committed.
        self.check(lease, self.session_timeout / 3)
            .await
            .map(|()| Confirmed::by_registry())
    }

    async fn lost(&mut self, leases: &[Lease]) -> RegistryError {
        match leases {
            [] => std::future::pending().await,
            [first, ..] => self.maintain_until_lost(first, leases).await,
        }
    }

    async fn release(&mut self, lease: Lease) -> Result<(), RegistryError> {
        self.release_lock(&lease).await
    }

    /// The tables send no notifications: this reads them as often as masters write their
    /// heartbeats.
    async fn masters_changed(&mut self) {
        tokio::time::sleep(HEARTBEAT_INTERVAL).await;
    }

    async fn close(mut self: Box<Self>) -> bool {
        let mut forgotten = true;
        if let Some(client) = self.client.take() {
            let answer = tokio::time::timeout(GOODBYE, self.tables.forget_client(client.id)).await;
            forgotten = matches!(answer, Ok(Ok(())));
            if !forgotten {
                tracing::debug!(
                    endpoint = self.endpoint,
                    client = client.id,
                    "this client's rows stay until they expire"
                );
            }
        }
        self.tables.close().await;
        forgotten
    }
}

#[cfg(test)]
mod tests;
