//! The connection to the registry's database. It is renewed once when it breaks, and every answer has
//! one time limit, whatever has to be done for it.
//!
//! The metadata store lets a statement run for `--statement-timeout`, since scans of large tables take
//! long. Here all tables are small, and whoever asks has another clock to keep: that of a lock, or of a
//! grace time. A network that swallows everything must not make that wait last for minutes.

use std::time::Duration;

use tokio::time::timeout;

use crate::metadata::database::{Database, DatabaseError, Dialect, Row};
use crate::metadata::{Query, Witnesses, ask, each_of};

/// How much longer than the server itself lets a statement wait for a lock: its refusal says more than
/// silence.
const MARGIN: Duration = Duration::from_secs(2);

/// A connection whose answers are known to be from one server.
#[derive(Debug)]
pub(super) struct Connection {
    database: Box<dyn Database>,
    /// The servers that have answered so far. From a replica or a cache living masters may look
    /// dead, and a held lock free.
    server: Witnesses,
    /// How long an answer is waited for.
    limit: Duration,
}

impl Connection {
    /// `patience` is how long the server lets a statement wait for a lock.
    pub(super) fn new(database: Box<dyn Database>, patience: Duration) -> Self {
        Self {
            database,
            server: Witnesses::default(),
            limit: patience.saturating_add(MARGIN),
        }
    }

    /// Like [`crate::metadata::MetadataStore::identify_server`].
    pub(super) async fn identify_server(&mut self, must_write: bool) -> Result<(), DatabaseError> {
        self.server.must_write = must_write;
        if !must_write {
            self.server.forget();
        }
        let limit = self.limit;
        let asked = timeout(limit, ask(&mut *self.database, &mut self.server)).await;
        self.in_time(asked)
    }

    pub(super) fn server(&self) -> Option<&str> {
        self.server.known()
    }

    pub(super) fn doubt(&self) -> Option<&str> {
        self.server.doubt()
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.database.dialect()
    }

    /// The rows of a query.
    pub(super) async fn query(&mut self, query: &Query) -> Result<Vec<Row>, DatabaseError> {
        let answer = timeout(self.limit, self.query_twice(query)).await;
        self.in_time(answer)
    }

    /// Returns the number of rows. Every statement here may be sent twice: the second one has nothing
    /// left to do.
    pub(super) async fn write(&mut self, query: &Query) -> Result<u64, DatabaseError> {
        let answer = timeout(self.limit, self.write_twice(query)).await;
        self.in_time(answer)
    }

    pub(super) async fn close(self) {
        self.database.close().await;
    }

    /// A statement that is not waited for any more takes its connection along: the next one gets a new
    /// one.
    fn in_time<T>(
        &self,
        answer: Result<Result<T, DatabaseError>, tokio::time::error::Elapsed>,
    ) -> Result<T, DatabaseError> {
        answer.unwrap_or_else(|_| {
            Err(DatabaseError::Lost {
                endpoint: self.database.endpoint().to_owned(),
                cause: format!("no answer within {} s", self.limit.as_secs_f64()),
            })
        })
    }

    async fn query_twice(&mut self, query: &Query) -> Result<Vec<Row>, DatabaseError> {
        match self.read(query).await {
            Err(DatabaseError::Lost { .. }) => {
                self.reconnect().await?;
                self.read(query).await
            }
            answer => answer,
        }
    }

    async fn read(&mut self, query: &Query) -> Result<Vec<Row>, DatabaseError> {
        let mut rows = Vec::new();
        each_of(&mut *self.database, &mut self.server, query, &mut |row| {
            rows.push(row);
        })
        .await?;
        Ok(rows)
    }

    async fn write_twice(&mut self, query: &Query) -> Result<u64, DatabaseError> {
        let written = match self.database.execute(query).await {
            Err(DatabaseError::Lost { .. }) => {
                self.reconnect().await?;
                self.database.execute(query).await?
            }
            answer => answer?,
        };
        Ok(written.rows)
    }

    /// The new connection must lead to the same server: the store's data comes from that one.
    async fn reconnect(&mut self) -> Result<(), DatabaseError> {
        self.database.reconnect().await?;
        ask(&mut *self.database, &mut self.server).await
    }
}
