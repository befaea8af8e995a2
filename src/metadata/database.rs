//! The seam to a database: statements in, rows out. A new database is one file that implements
//! [`Database`].

use std::fmt;

use async_trait::async_trait;

use super::query::Query;
pub use super::value::{Dialect, Row, Value};
use crate::stop::Stopped;

/// What a writing statement did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Rows that matched.
    pub rows: u64,
    /// MySQL and SQLite: the first (MySQL) or last (SQLite) id that an insert was given. Zero
    /// elsewhere.
    pub insert_id: i64,
}

/// What a transaction may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reads one consistent state; writes are refused.
    Read,
    /// Reads the newest state and writes.
    Write,
}

/// What went wrong in the database.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// No connection could be had: unreachable, wrong password, no such database. Nothing was
    /// written.
    #[error("cannot connect to the database {endpoint}")]
    Unreachable {
        /// `host:port/database` or the file; never a password.
        endpoint: String,
        /// What the server or the driver said.
        cause: String,
    },
    /// The connection broke or an answer did not come in time. An open transaction is gone, unless
    /// it was at COMMIT.
    #[error("the connection to the database {endpoint} was lost")]
    Lost {
        /// As above.
        endpoint: String,
        /// What the driver said.
        cause: String,
    },
    /// A statement would have made a second row with the same unique key. It changed nothing; the
    /// connection lives.
    #[error("the database {endpoint} refused a statement: {cause}")]
    UniqueViolation {
        /// As above.
        endpoint: String,
        /// The server's own words.
        cause: String,
    },
    /// The server refused a statement (a lock or a statement timeout among the reasons). The
    /// connection lives.
    #[error("the database {endpoint} refused a statement: {cause}")]
    Refused {
        /// As above.
        endpoint: String,
        /// The server's own words.
        cause: String,
        /// Whether another transaction was in the way, or a limit of time: later it may be done.
        busy: bool,
    },
    /// The answer is not that of the server that takes the writes, not fresh, or not whole: nothing
    /// may rest on it. The statement read; it changed nothing.
    #[error("{cause}")]
    Doubtful {
        /// As above.
        endpoint: String,
        /// What was seen.
        cause: String,
    },
    /// A signal ended a read, or the wait for a connection.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Called for each row of a query, as it arrives.
pub type OnRow<'a> = &'a mut (dyn FnMut(Row) + Send);

/// A connection to a database.
///
/// After an error inside a transaction nothing of the transaction will last: further statements and
/// COMMIT are `Refused` without being sent, until [`Database::rollback`] or [`Database::commit`]
/// has ended it. (PostgreSQL behaves so by itself; MySQL and SQLite would, after some errors, run
/// the next statement outside of any transaction.)
///
/// Column types that every implementation must read: all integers and booleans, all text types,
/// decimals (as text). Times are cast to text by the statements.
#[async_trait]
pub trait Database: Send + fmt::Debug {
    /// Which SQL it speaks.
    fn dialect(&self) -> Dialect;

    /// Where it is, to be shown: `host:port/database` or the file. Never a password.
    fn endpoint(&self) -> &str;

    /// Why the connection is in plain text although encryption was tried; `None` where it was not,
    /// or has come about.
    fn why_plain(&self) -> Option<&str> {
        None
    }

    /// Whether rows that another transaction has locked can be passed over (`SKIP LOCKED`).
    fn skips_locked(&self) -> bool {
        false
    }

    /// SQL for a text that tells which server answers and why it takes no writes: both parts, `|`
    /// between them, the second one empty where it does take them. `None` where nobody can stand
    /// between: a file.
    fn witness(&self) -> Option<String> {
        None
    }

    /// Runs a query; rows are handed over as they arrive and none is kept. Outside of a transaction
    /// it has one of its own, which could write, so that whoever stands between sends it to the
    /// server that takes the writes; it is rolled back.
    ///
    /// # Errors
    /// [`DatabaseError::Lost`], [`DatabaseError::Refused`], [`DatabaseError::UniqueViolation`].
    /// Rows handed over before an error stand.
    async fn query(&mut self, query: &Query, on_row: OnRow<'_>) -> Result<(), DatabaseError>;

    /// Runs a writing statement.
    ///
    /// # Errors
    /// As [`Database::query`]; on `Refused` and `UniqueViolation` the statement changed nothing.
    async fn execute(&mut self, query: &Query) -> Result<Written, DatabaseError>;

    /// Starts a transaction. `idle_limit` is how long the *server* lets a writing transaction sit
    /// idle before it rolls it back by itself: it must be shorter than the registry's session, so
    /// that a frozen process cannot hold rows past the end of its lock.
    ///
    /// # Errors
    /// As [`Database::query`].
    async fn begin(
        &mut self,
        access: Access,
        idle_limit: std::time::Duration,
    ) -> Result<(), DatabaseError>;

    /// Makes the transaction's work last.
    ///
    /// # Errors
    /// [`DatabaseError::Refused`]: rolled back. [`DatabaseError::Lost`]: it may or may not have
    /// happened.
    async fn commit(&mut self) -> Result<(), DatabaseError>;

    /// Undoes the transaction's work. Fails silently where the connection is gone: the server then
    /// rolls back itself.
    async fn rollback(&mut self);

    /// Gives up the connection, if it still is one, and makes a new one.
    ///
    /// # Errors
    /// [`DatabaseError::Unreachable`].
    async fn reconnect(&mut self) -> Result<(), DatabaseError>;

    /// A second connection to the same place, to read beside this one; `None` inside a transaction,
    /// whose state of the database it would not see, and where a second one is of no use.
    ///
    /// # Errors
    /// [`DatabaseError::Unreachable`].
    async fn twin(&mut self) -> Result<Option<Box<dyn Database>>, DatabaseError> {
        Ok(None)
    }

    /// Says goodbye to the server.
    async fn close(self: Box<Self>);
}
