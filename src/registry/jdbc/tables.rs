//! The tables of the registry, and the meaning of their rows.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use jiff::Timestamp;

use super::connection::Connection;
use super::statements;
use crate::metadata::database::{Database, DatabaseError, Dialect, Row};
use crate::model::LockNode;
use crate::registry::RegistryError;

/// `JdbcRegistryClientHeartbeatDTO.ClientConfig`: the default, if a client has written none.
const DEFAULT_SESSION_TIMEOUT: i64 = 60_000;

/// `heartbeat-refresh-interval`: how far the newest heartbeat may lag behind its server's clock.
const HEARTBEAT_MS: i64 = 3_000;

/// How far the clocks of others are followed.
const FARTHEST_AHEAD_MS: i64 = 60_000;

/// The client that an entry or a lock belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) id: i64,
    /// `None` if the client has no row.
    pub(super) last_heartbeat: Option<i64>,
    /// What the client last wrote as its registration, as a number, if it has no row: a server whose
    /// row others have purged does not notice, and goes on (`JdbcRegistryServer`).
    written: Option<i64>,
    session_timeout: i64,
}

/// A client writes at least three heartbeats per session timeout: `JdbcRegistryProperties` accepts
/// no other settings.
const HEARTBEATS_IN_A_SESSION: i64 = 3;

/// The shortest time without a heartbeat that proves anything: more than two heartbeats at the
/// default rate.
const SHORTEST_STILLNESS_MS: i64 = 7_000;

impl Owner {
    /// Reads a client's id, last heartbeat and configuration from three columns.
    pub(super) fn read(row: &Row, column: usize) -> Self {
        let configured = row.text(column + 2).as_deref().and_then(session_timeout);
        Self {
            id: row.int(column).unwrap_or_default(),
            last_heartbeat: row.int(column + 1),
            written: None,
            session_timeout: configured.unwrap_or(DEFAULT_SESSION_TIMEOUT),
        }
    }

    /// The same client, whose registration has this value.
    fn with_value(self, value: &str) -> Self {
        let written = self.last_heartbeat.is_none().then(|| number_of(value));
        Self { written, ..self }
    }

    /// What changes while this client lives; `None` if it has written nothing.
    pub(super) fn sign(&self) -> Option<i64> {
        self.last_heartbeat.or(self.written)
    }

    /// How long this client must be seen not to write a heartbeat before anything may rely on its
    /// death.
    pub(super) fn stillness(&self) -> Duration {
        if self.last_heartbeat.is_none() {
            // A registration is written as seldom as masters are configured to
            // (`max-heartbeat-interval`).
            return self.session_timeout();
        }
        // A quarter more than the longest time between two heartbeats.
        let longest = self.session_timeout.max(0) / HEARTBEATS_IN_A_SESSION;
        Duration::from_millis(
            u64::try_from((longest + longest / 4).max(SHORTEST_STILLNESS_MS)).unwrap_or_default(),
        )
    }

    /// How long it may go without a heartbeat.
    pub(super) fn session_timeout(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.session_timeout).unwrap_or_default())
    }

    /// By the local clock, like `JdbcRegistryClientHeartbeatDTO.isDead`.
    pub(super) fn is_alive(&self, now: i64) -> bool {
        self.last_heartbeat
            .is_some_and(|last| now.saturating_sub(last) <= self.session_timeout)
    }

    /// Like [`Owner::is_alive`], for servers whose clocks may differ from the local one: the newest
    /// heartbeat among them shows their time. Only if that one is twice as old as allowed for this
    /// client is the local clock used alone.
    pub(super) fn is_alive_among(&self, now: i64, newest: i64) -> bool {
        let alive_there = |last: i64| {
            newest.saturating_add(HEARTBEAT_MS).saturating_sub(last) <= self.session_timeout
        };
        let believable = now.saturating_sub(newest) <= self.session_timeout.saturating_mul(2);
        self.is_alive(now)
            || self
                .last_heartbeat
                .is_some_and(|last| believable && alive_there(last))
    }
}

/// A hash of a text.
fn number_of(text: &str) -> i64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish().cast_signed()
}

fn session_timeout(configuration: &str) -> Option<i64> {
    serde_json::from_str::<serde_json::Value>(configuration)
        .ok()?
        .get("sessionTimeout")?
        .as_i64()
}

/// Others judge a heartbeat by their own clock: if the local one is behind, they would consider
/// this client dead. The `newest` heartbeat among the others shows their time; but it is followed
/// only up to a limit, so that a clock far ahead does not prolong a lock. And a client with a wrong
/// clock checks whether the heartbeat changes: it does, even if the newest one belongs to a dead
/// client and does not.
fn heartbeat(now: i64, newest: Option<i64>, before: Option<i64>) -> i64 {
    let moved = before.map(|before| before.saturating_add(1));
    newest
        .max(moved)
        .unwrap_or(now)
        .clamp(now, now.saturating_add(FARTHEST_AHEAD_MS))
}

/// A server's registration.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    /// The key without the parent.
    pub(super) name: String,
    pub(super) value: String,
    pub(super) client: Owner,
}

/// The result of inserting a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Insert {
    /// It was written.
    Done,
    /// A row with this key, or with the id that it would have got, already exists.
    InTheWay,
    /// Another transaction has written this row and has not ended yet: the row is not visible, and
    /// it was waited for.
    Unended,
}

/// A lock that a client holds, or whose holder is dead.
#[derive(Clone, Debug)]
pub(super) struct Lock {
    pub(super) id: i64,
    owner: String,
    pub(super) client: Owner,
}

impl Lock {
    pub(super) fn to_node(&self) -> LockNode {
        LockNode {
            node: self.id.to_string(),
            session_id: Some(self.client.id.to_string()),
            // A text in an unknown zone.
            created_at: None,
            data: self.owner.clone(),
            in_doubt: !self.client.is_alive(now()),
        }
    }
}

/// Milliseconds since 1970, as the tables have them.
pub(super) fn now() -> i64 {
    Timestamp::now().as_millisecond()
}

/// The tables.
#[derive(Debug)]
pub(super) struct RegistryTables {
    connection: Connection,
}

impl RegistryTables {
    /// `patience` is how long the server lets a statement wait for a lock.
    pub(super) fn new(database: Box<dyn Database>, patience: Duration) -> Self {
        Self {
            connection: Connection::new(database, patience),
        }
    }

    /// Like [`crate::metadata::MetadataStore::identify_server`].
    pub(super) async fn identify_server(&mut self, must_write: bool) -> Result<(), RegistryError> {
        let identified = self.connection.identify_server(must_write).await;
        identified.map_err(to_registry_error)
    }

    pub(super) fn server(&self) -> Option<&str> {
        self.connection.server()
    }

    pub(super) fn doubt(&self) -> Option<&str> {
        self.connection.doubt()
    }

    /// Refuses all tables other than those of 3.3 and newer.
    pub(super) async fn check_shape(&mut self) -> Result<(), RegistryError> {
        for statement in statements::SHAPE {
            match self.connection.query(&statement.into()).await {
                Ok(_) => {}
                Err(DatabaseError::Refused {
                    endpoint,
                    cause,
                    busy: false,
                }) => {
                    return Err(self.other_shape(&endpoint, &cause).await);
                }
                Err(error) => return Err(to_registry_error(error)),
            }
        }
        Ok(())
    }

    async fn other_shape(&mut self, endpoint: &str, cause: &str) -> RegistryError {
        let text = if self
            .connection
            .query(&statements::SHAPE_3_2.into())
            .await
            .is_ok()
        {
            format!(
                "{endpoint} has the JDBC registry of 3.2, whose locks can vanish while they are held; only that of 3.3 and newer is supported"
            )
        } else if self
            .connection
            .query(&statements::SHAPE_3_1.into())
            .await
            .is_ok()
        {
            format!(
                "{endpoint} has the MySQL registry of 3.1; only the JDBC registry of 3.3 and newer is supported"
            )
        } else {
            format!("{endpoint} has no JDBC registry of 3.3 or newer: {cause}")
        };
        RegistryError::Unsupported(text)
    }

    pub(super) async fn entries_below(
        &mut self,
        parent: &str,
        name_of: NameOf,
    ) -> Result<Vec<Entry>, RegistryError> {
        let rows = self
            .connection
            .query(&statements::entries_below(self.dialect(), parent))
            .await
            .map_err(to_registry_error)?;
        let entry = |row: &Row| {
            let key = row.text(0)?;
            let name = name_of(parent, &key)?.to_owned();
            let value = row.text(1).unwrap_or_default();
            Some(Entry {
                name,
                key,
                client: Owner::read(row, 2).with_value(&value),
                value,
            })
        };
        Ok(rows.iter().filter_map(entry).collect())
    }

    pub(super) async fn lock(&mut self, key: &str) -> Result<Option<Lock>, RegistryError> {
        let rows = self
            .connection
            .query(&statements::lock(self.dialect(), key))
            .await
            .map_err(to_registry_error)?;
        let lock = |row: &Row| {
            let owner = row.text(1).unwrap_or_default();
            Some(Lock {
                id: row.int(0)?,
                owner,
                client: Owner::read(row, 2),
            })
        };
        Ok(rows.iter().find_map(lock))
    }

    pub(super) async fn locks_below(&mut self, parent: &str) -> Result<Vec<String>, RegistryError> {
        let rows = self
            .connection
            .query(&statements::lock_keys(self.dialect(), parent))
            .await
            .map_err(to_registry_error)?;
        let mut names: Vec<String> = rows
            .iter()
            .filter_map(|row| row.text(0))
            .filter_map(|key| child(parent, &key).map(str::to_owned))
            .collect();
        names.sort();
        Ok(names)
    }

    /// Whether this row is there and belongs to this client.
    pub(super) async fn is_own_lock(
        &mut self,
        id: &str,
        client: i64,
    ) -> Result<bool, RegistryError> {
        let query = statements::own_lock(self.dialect(), id, client);
        self.connection
            .query(&query)
            .await
            .map(|rows| !rows.is_empty())
            .map_err(to_registry_error)
    }

    /// Inserts a lock, and returns the result.
    pub(super) async fn insert_lock(
        &mut self,
        key: &str,
        owner: &str,
        client: i64,
    ) -> Result<Insert, RegistryError> {
        match self
            .connection
            .write(&statements::insert_lock(self.dialect(), key, owner, client))
            .await
        {
            Ok(_) => Ok(Insert::Done),
            // After a broken connection, the existing row may be this client's own: the caller
            // checks whose it is.
            Err(DatabaseError::UniqueViolation { .. }) => Ok(Insert::InTheWay),
            // A file is locked as a whole.
            Err(DatabaseError::Refused { busy: true, .. }) if self.dialect() != Dialect::Sqlite => {
                Ok(Insert::Unended)
            }
            Err(error) => Err(to_registry_error(error)),
        }
    }

    /// Deletes a lock of a client; no row is success.
    pub(super) async fn delete_lock(&mut self, id: &str, client: i64) -> Result<(), RegistryError> {
        self.connection
            .write(&statements::delete_lock(self.dialect(), id, client))
            .await
            .map(drop)
            .map_err(to_registry_error)
    }

    /// Deletes the lock of a dead client; `false` if it no longer existed, or the client has come
    /// back.
    ///
    /// The client's other rows stay for the masters' own purge: 3.4 and newer notify the other
    /// masters of the removal only when they delete the entry themselves.
    pub(super) async fn delete_dead_lock(&mut self, lock: &Lock) -> Result<bool, RegistryError> {
        let seen = lock.client.last_heartbeat.unwrap_or(-1);
        let query = statements::delete_dead_lock(self.dialect(), lock.id, lock.client.id, seen);
        self.connection
            .write(&query)
            .await
            .map(|rows| rows > 0)
            .map_err(to_registry_error)
    }

    pub(super) async fn insert_client(
        &mut self,
        id: i64,
        name: &str,
        now: i64,
        session_timeout: Duration,
    ) -> Result<(), RegistryError> {
        let configuration = format!(r#"{{"sessionTimeout":{}}}"#, session_timeout.as_millis());
        match self
            .connection
            .write(&statements::insert_client(
                self.dialect(),
                id,
                name,
                now,
                configuration,
            ))
            .await
        {
            // The id is a random number, so the row is this client's own: the first attempt had
            // succeeded.
            Err(DatabaseError::UniqueViolation { .. }) => Ok(()),
            answer => answer.map(drop).map_err(to_registry_error),
        }
    }

    /// Writes a heartbeat; `false` if the client's row is gone.
    pub(super) async fn refresh_client(
        &mut self,
        id: i64,
        now: i64,
    ) -> Result<bool, DatabaseError> {
        self.connection
            .write(&statements::refresh_client(self.dialect(), id, now))
            .await
            .map(|rows| rows > 0)
    }

    /// The heartbeat that this process's client writes now; `before` is the last one.
    pub(super) async fn heartbeat(
        &mut self,
        id: i64,
        before: Option<i64>,
        now: i64,
    ) -> Result<i64, DatabaseError> {
        if self.is_local() {
            return Ok(now);
        }
        let rows = self
            .connection
            .query(&statements::newest_heartbeat(self.dialect(), id))
            .await?;
        let newest = rows.first().and_then(|row| row.int(0));
        Ok(heartbeat(now, newest, before))
    }

    /// Deletes a client and its locks.
    pub(super) async fn forget_client(&mut self, id: i64) -> Result<(), RegistryError> {
        self.connection
            .write(&statements::delete_locks_of_client(self.dialect(), id))
            .await
            .map_err(to_registry_error)?;
        self.connection
            .write(&statements::delete_client(self.dialect(), id))
            .await
            .map(drop)
            .map_err(to_registry_error)
    }

    pub(super) async fn close(self) {
        self.connection.close().await;
    }

    /// Whether no other machine, with another clock, can write here.
    pub(super) fn is_local(&self) -> bool {
        self.dialect() == Dialect::Sqlite
    }

    fn dialect(&self) -> Dialect {
        self.connection.dialect()
    }
}

/// How the name of a server is found in a key below a parent; `None` for every other key.
pub(super) type NameOf = for<'a> fn(&str, &'a str) -> Option<&'a str>;

/// The name of a child of exactly this parent; `LIKE` also finds grandchildren, and on MySQL other
/// cases.
pub(super) fn child<'a>(parent: &str, key: &'a str) -> Option<&'a str> {
    key.strip_prefix(parent)?
        .strip_prefix('/')
        .filter(|name| !name.is_empty() && !name.contains('/'))
}

/// The name of a child, or of one in a group below this parent: workers up to 3.1.0.
pub(super) fn member<'a>(parent: &str, key: &'a str) -> Option<&'a str> {
    child(parent, key).or_else(|| {
        let (group, name) = key.rsplit_once('/')?;
        child(parent, group)
            .and(Some(name))
            .filter(|name| !name.is_empty())
    })
}

/// Converts a database error to a registry error. A lost connection that cannot be re-established
/// is `Interrupted`, and so is a statement that got no answer in time because of another
/// transaction.
pub(super) fn to_registry_error(error: DatabaseError) -> RegistryError {
    match error {
        DatabaseError::Unreachable { endpoint, cause }
        | DatabaseError::Lost { endpoint, cause }
        | DatabaseError::Exhausted { endpoint, cause }
        | DatabaseError::Refused {
            endpoint,
            cause,
            busy: true,
        } => RegistryError::Interrupted { endpoint, cause },
        DatabaseError::Refused {
            endpoint,
            cause,
            busy: false,
        }
        | DatabaseError::UniqueViolation {
            endpoint, cause, ..
        } => RegistryError::Refused { endpoint, cause },
        DatabaseError::Doubtful { endpoint, cause } => RegistryError::Doubtful { endpoint, cause },
        DatabaseError::Stopped(stopped) => stopped.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(last_heartbeat: Option<i64>, configuration: &str) -> Owner {
        Owner::read(
            &Row(vec![7.into(), last_heartbeat.into(), configuration.into()]),
            0,
        )
    }

    #[test]
    fn a_client_lives_as_long_as_its_own_session_timeout() {
        let client = owner(Some(100_000), r#"{"sessionTimeout":3000}"#);
        assert!(client.is_alive(103_000) && client.is_alive(0));
        assert!(!client.is_alive(103_001));
        assert!(!owner(None, "{}").is_alive(0));
        // The local clock is seventy seconds ahead of the servers': the one that has just written
        // is alive.
        let client = owner(Some(100_000), "{}");
        assert!(!client.is_alive(170_000) && client.is_alive_among(170_000, 100_000));
        // Another server went on writing for a minute after this one's last heartbeat.
        assert!(
            client.is_alive_among(161_000, 157_000) && !client.is_alive_among(161_000, 157_001)
        );
        // No server has written for two minutes.
        assert!(
            client.is_alive_among(220_000, 100_000) && !client.is_alive_among(220_001, 100_000)
        );
    }

    #[test]
    fn a_configuration_that_cannot_be_read_means_the_default() {
        for configuration in ["", "{}", "null", "[1]", r#"{"sessionTimeout":"soon"}"#] {
            let client = owner(Some(0), configuration);
            assert!(
                client.is_alive(60_000) && !client.is_alive(60_001),
                "{configuration}"
            );
        }
    }

    #[test]
    fn workers_stand_below_their_parent_or_a_group_of_it() {
        for key in [
            "/nodes/worker/10.0.0.1:1234",
            "/nodes/worker/default/10.0.0.1:1234",
        ] {
            assert_eq!(member("/nodes/worker", key), Some("10.0.0.1:1234"));
        }
        for key in [
            "/nodes/worker",
            "/nodes/worker/default/",
            "/nodes/worker/a/b/c",
            "/nodes/worker-group/a",
        ] {
            assert_eq!(member("/nodes/worker", key), None, "{key}");
        }
    }

    #[test]
    fn children_of_this_very_parent() {
        assert_eq!(
            child("/nodes/master", "/nodes/master/10.0.0.1:5678"),
            Some("10.0.0.1:5678")
        );
        for key in [
            "/nodes/master",
            "/nodes/master/",
            "/nodes/master-coordinator/x",
            "/nodes/master/a/b",
            "/NODES/master/a",
        ] {
            assert_eq!(child("/nodes/master", key), None, "{key}");
        }
    }

    #[test]
    fn our_heartbeat_follows_the_newest_one_and_moves_each_time() {
        for (now, newest, before, written) in [
            (100, None, None, 100),
            (100, Some(40), Some(90), 100),
            (100, Some(130), None, 130),
            (103, Some(130), Some(130), 131),
            (140, Some(130), Some(139), 140),
            (100, Some(i64::MAX), Some(i64::MAX), 60_100),
            // The local clock was set back.
            (100, Some(50), Some(90_000), 60_100),
        ] {
            assert_eq!(heartbeat(now, newest, before), written);
        }
    }
}
