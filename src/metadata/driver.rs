//! What one kind of database server must say of itself, so that [`super::server`] can keep a
//! connection to it.

use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::BoxStream;

use super::database::{Access, Dialect, Row, Written};
use super::query::Query;

/// Prepared statements that are kept. All batches of a size share theirs. One that is closed is
/// expensive with MySQL: its driver leaves Nagle's algorithm on, and since nothing answers a close,
/// the statement after it waits for the server's delayed acknowledgement (40 ms on Linux).
pub(super) const STATEMENTS_KEPT: usize = 32;

/// What a server sends back.
#[derive(Debug)]
pub enum Step {
    /// A row; `Err` says which column cannot be read.
    Row(Result<Row, String>),
    /// One statement of the text is done.
    Done(Written),
}

/// What an error of a driver means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// The connection is gone or cannot be trusted any more.
    Lost,
    /// A second row with the same unique key.
    UniqueViolation,
    /// The server stopped the statement half-way. It then undoes it; of a COMMIT that cannot be
    /// known.
    Stopped,
    /// Another transaction was in the way for too long, or this one was in another's.
    Busy,
    /// The server refused the statement.
    Refused,
}

/// One kind of server.
pub trait Driver: Send + Sync + 'static {
    /// An open connection and what must be remembered about it.
    type Session: Send;

    /// Which SQL it speaks.
    const DIALECT: Dialect;

    /// Connects and prepares the session.
    fn connect(&self) -> BoxFuture<'_, Result<Self::Session, sqlx::Error>>;

    /// Sends a statement.
    fn run<'s>(
        session: &'s mut Self::Session,
        query: &Query,
    ) -> BoxStream<'s, Result<Step, sqlx::Error>>;

    /// Why it went on in plain text, if it did.
    fn why_plain(&self) -> Option<&str> {
        None
    }

    /// Whether the server knows `SKIP LOCKED`.
    fn skips_locked(_: &Self::Session) -> bool {
        false
    }

    /// What starts a transaction. Each of these texts is sent by itself, one behind the other.
    fn begin(session: &mut Self::Session, access: Access, idle_limit: Duration) -> Vec<String>;

    /// What commits; COMMIT is the first of it.
    fn commit(session: &mut Self::Session) -> Vec<String>;

    /// What rolls back; it must be good after a failed `begin` too.
    fn rollback(session: &mut Self::Session) -> Vec<String>;

    /// What starts a transaction for a statement that stands alone; `None` where it needs none.
    fn alone(_session: &mut Self::Session, _writes: bool) -> Option<String> {
        None
    }

    /// See [`super::database::Database::witness`].
    fn witness(_session: &Self::Session) -> Option<String> {
        None
    }

    /// What an error means.
    fn verdict(error: &sqlx::Error) -> ErrorClass;

    /// An error in the server's own words.
    fn server_message(error: &sqlx::Error) -> String;

    /// Says goodbye.
    fn close(session: Self::Session) -> BoxFuture<'static, ()>;
}

/// A limit in whole milliseconds as the servers take it: at least one, since zero means "none".
pub(super) fn milliseconds(limit: Duration) -> u128 {
    limit.as_millis().clamp(1, 2_147_483_647)
}
