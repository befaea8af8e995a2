//! What a driver for one kind of database server must provide, so that [`super::server`] can keep a
//! connection to it.

use std::net::IpAddr;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::BoxStream;

use super::database::{Access, Dialect, Row, Written};
use super::query::Query;

/// How many prepared statements are cached. All batches of the same size share theirs. Closing one
/// is expensive with MySQL: its driver leaves Nagle's algorithm on, and since a close has no
/// answer, the statement after it waits for the server's delayed acknowledgement (40 ms on Linux).
pub(super) const STATEMENTS_KEPT: usize = 32;

/// What a server sends back.
#[derive(Debug)]
pub enum Step {
    /// A row; `Err` says which column cannot be read.
    Row(Result<Row, String>),
    /// One statement of the text has finished.
    Done(Written),
}

/// What an error of a driver means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// The connection is lost or can no longer be trusted.
    Lost,
    /// A second row with the same unique key; whether that is a primary key.
    UniqueViolation {
        /// As the server says it outside of its words, which may be in any language.
        primary: bool,
    },
    /// The account may send no more statements for a while. This one was not executed.
    Exhausted,
    /// The server stopped the statement midway. It then undoes it; for a COMMIT the outcome is
    /// unknown.
    Stopped,
    /// Another transaction blocked this one for too long, or both blocked each other.
    Busy,
    /// The server refused the statement.
    Refused,
}

/// One kind of server.
pub trait Driver: Send + Sync + 'static {
    /// An open connection and its state.
    type Session: Send;

    /// Which SQL it speaks.
    const DIALECT: Dialect;

    /// Connects and prepares the session.
    fn connect(&self) -> BoxFuture<'_, Result<Self::Session, sqlx::Error>>;

    /// The server's name and port, if its addresses may be tried one by one.
    fn name(&self) -> Option<(&str, u16)> {
        None
    }

    /// The same for one of its addresses.
    fn at(&self, _address: IpAddr) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }

    /// Sends a statement.
    fn run<'s>(
        session: &'s mut Self::Session,
        query: &Query,
    ) -> BoxStream<'s, Result<Step, sqlx::Error>>;

    /// Why the last connection is not encrypted, if encryption was tried.
    fn why_plain(&self) -> Option<String> {
        None
    }

    /// Whether the server supports `SKIP LOCKED`.
    fn skips_locked(_: &Self::Session) -> bool {
        false
    }

    /// The statements that start a transaction. Each of these texts is sent separately, one after
    /// the other.
    fn begin(session: &mut Self::Session, access: Access, idle_limit: Duration) -> Vec<String>;

    /// The statements that commit; COMMIT is the first one.
    fn commit(session: &mut Self::Session) -> Vec<String>;

    /// The statements that roll back; they must also be valid after a failed `begin`.
    fn rollback(session: &mut Self::Session) -> Vec<String>;

    /// The statement that starts a transaction for a single statement; `None` if it needs none.
    fn single_transaction(_session: &mut Self::Session, _writes: bool) -> Option<String> {
        None
    }

    /// See [`super::database::Database::witness`].
    fn witness(_session: &Self::Session) -> Option<String> {
        None
    }

    /// The class of an error.
    fn verdict(error: &sqlx::Error) -> ErrorClass;

    /// The server's message of an error.
    fn server_message(error: &sqlx::Error) -> String;

    /// Closes the session in an orderly way.
    fn close(session: Self::Session) -> BoxFuture<'static, ()>;
}

/// An error that is shown in exactly these words.
pub(super) fn said(words: String) -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::other(words))
}

/// Whether it is such an error.
pub(super) fn is_said(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::Other)
}

/// A limit in whole milliseconds for the server: at least one, since zero means "none".
pub(super) fn milliseconds(limit: Duration) -> u128 {
    limit.as_millis().clamp(1, 2_147_483_647)
}
