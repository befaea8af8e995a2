//! The interface to a database: statements in, rows out. A new database is one file that implements
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
    /// MySQL and SQLite: the first (MySQL) or last (SQLite) id that an insert generated. Zero
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
    /// No connection was possible: unreachable, wrong password, no such database. Nothing was
    /// written.
    #[error("cannot connect to the database {endpoint}")]
    Unreachable {
        /// `host:port/database` or the file; never a password.
        endpoint: String,
        /// The message of the server or the driver.
        cause: String,
    },
    /// The connection broke, or an answer did not arrive in time. An open transaction is rolled
    /// back, unless it was in COMMIT.
    #[error("the connection to the database {endpoint} was lost")]
    Lost {
        /// As above.
        endpoint: String,
        /// The message of the driver.
        cause: String,
    },
    /// A statement would have created a second row with the same unique key. It changed nothing;
    /// the connection is intact.
    #[error("the database {endpoint} refused a statement: {cause}")]
    UniqueViolation {
        /// As above.
        endpoint: String,
        /// The message of the server.
        cause: String,
        /// Whether it is the key of a table's own ids, and not one that a site has added.
        primary: bool,
    },
    /// The server takes no more statements from this account for a while, neither the one that was
    /// sent, which it did not execute, nor another one. An open transaction is rolled back.
    #[error("the database {endpoint} takes no more statements from this user for now")]
    Exhausted {
        /// As above.
        endpoint: String,
        /// The message of the server.
        cause: String,
    },
    /// The server refused a statement (for example because of a lock or statement timeout). The
    /// connection is intact.
    #[error("the database {endpoint} refused a statement: {cause}")]
    Refused {
        /// As above.
        endpoint: String,
        /// The message of the server.
        cause: String,
        /// Whether the cause was another transaction or a timeout: later it may succeed.
        busy: bool,
    },
    /// The answer is not from the server that accepts writes, not current, or not complete: nothing
    /// may rely on it. The statement only read; it changed nothing.
    #[error("{cause}")]
    Doubtful {
        /// As above.
        endpoint: String,
        /// What was seen.
        cause: String,
    },
    /// A signal interrupted a read, or the wait for a connection.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Called for each row of a query, as it arrives.
pub type OnRow<'a> = &'a mut (dyn FnMut(Row) + Send);

/// A connection to a database.
///
/// After an error inside a transaction nothing of the transaction will be committed: further
/// statements and COMMIT are `Refused` without being sent, until [`Database::rollback`] or
/// [`Database::commit`] has ended it. (PostgreSQL behaves like this by itself; MySQL and SQLite
/// would, after some errors, run the next statement outside of any transaction.)
///
/// Column types that every implementation must read: all integers and booleans, all text types,
/// decimals (as text). The statements cast times to text.
#[async_trait]
pub trait Database: Send + fmt::Debug {
    /// Its SQL dialect.
    fn dialect(&self) -> Dialect;

    /// Its address for display: `host:port/database` or the file. Never a password.
    fn endpoint(&self) -> &str;

    /// Why the connection is not encrypted although encryption was tried; `None` if it was not
    /// tried, or the connection is encrypted.
    fn why_plain(&self) -> Option<&str> {
        None
    }

    /// Whether rows that another transaction has locked can be skipped (`SKIP LOCKED`).
    fn skips_locked(&self) -> bool {
        false
    }

    /// SQL for a text that says which server answers, and why it accepts no writes: both parts,
    /// separated by `|`, the second one empty if it does accept them. `None` if nothing can stand
    /// in between, as with a file.
    fn witness(&self) -> Option<String> {
        None
    }

    /// Runs a query; rows are passed on as they arrive and none is kept. Outside of a transaction
    /// it has one of its own, which could write, so that a proxy sends it to the server that
    /// accepts writes; it is rolled back.
    ///
    /// # Errors
    /// [`DatabaseError::Lost`], [`DatabaseError::Refused`], [`DatabaseError::UniqueViolation`].
    /// Rows passed on before an error are valid.
    async fn query(&mut self, query: &Query, on_row: OnRow<'_>) -> Result<(), DatabaseError>;

    /// Runs a writing statement.
    ///
    /// # Errors
    /// As [`Database::query`]; on `Refused` and `UniqueViolation` the statement changed nothing.
    async fn execute(&mut self, query: &Query) -> Result<Written, DatabaseError>;

    /// Starts a transaction. `limit` is how long the *server* lets a writing transaction be idle
    /// before it rolls it back by itself: it must be shorter than the registry's session, so that a
    /// frozen process cannot hold rows past the end of its lock. For a reading one it is how long a
    /// statement may go on in a server that does not notice that nobody waits for its answer any more
    /// (PostgreSQL); zero is as usual.
    ///
    /// # Errors
    /// As [`Database::query`].
    async fn begin(
        &mut self,
        access: Access,
        limit: std::time::Duration,
    ) -> Result<(), DatabaseError>;

    /// Commits the transaction.
    ///
    /// # Errors
    /// [`DatabaseError::Refused`]: rolled back. [`DatabaseError::Lost`]: it may or may not have
    /// been committed.
    async fn commit(&mut self) -> Result<(), DatabaseError>;

    /// Rolls back the transaction. Fails silently if the connection is lost: the server then rolls
    /// back itself.
    async fn rollback(&mut self);

    /// Drops the connection, if there still is one, and opens a new one.
    ///
    /// # Errors
    /// [`DatabaseError::Unreachable`].
    async fn reconnect(&mut self) -> Result<(), DatabaseError>;

    /// A second connection to the same database, to read in parallel; `None` inside a transaction,
    /// whose state it would not see, and if a second one is useless.
    ///
    /// # Errors
    /// [`DatabaseError::Unreachable`].
    async fn second_connection(&mut self) -> Result<Option<Box<dyn Database>>, DatabaseError> {
        Ok(None)
    }

    /// Closes the connection in an orderly way.
    async fn close(self: Box<Self>);
}
