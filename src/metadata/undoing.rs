//! Transactions that undo themselves: whoever drops one without a COMMIT has rolled it back.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::database::{Access, Database, DatabaseError};

/// A transaction that is open: rows may be locked in it. Dropped, it is rolled back before anything
/// else is asked, and with the connection at the latest.
#[derive(Debug)]
#[must_use = "it is rolled back when it is dropped"]
pub struct OpenTransaction(Arc<AtomicBool>);

impl Drop for OpenTransaction {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// A transaction in which a batch may be written. Nothing else can write.
#[derive(Debug)]
#[must_use = "it is rolled back when it is dropped"]
pub struct WriteBatch(pub(super) OpenTransaction);

impl Deref for WriteBatch {
    type Target = OpenTransaction;

    fn deref(&self) -> &OpenTransaction {
        &self.0
    }
}

impl From<WriteBatch> for OpenTransaction {
    fn from(batch: WriteBatch) -> Self {
        batch.0
    }
}

/// A connection, of which nobody has more than a look before what was left open is rolled back.
#[derive(Debug)]
pub(super) struct Undoing {
    database: Box<dyn Database>,
    left_open: Arc<AtomicBool>,
}

/// What is asked of no server.
impl Deref for Undoing {
    type Target = dyn Database;

    fn deref(&self) -> &(dyn Database + 'static) {
        &*self.database
    }
}

impl Undoing {
    /// Around a connection without a transaction.
    pub(super) fn new(database: Box<dyn Database>) -> Self {
        Self {
            database,
            left_open: Arc::default(),
        }
    }

    /// The connection, without a transaction that nobody holds any more.
    pub(super) async fn ready(&mut self) -> &mut dyn Database {
        if self.left_open.swap(false, Ordering::AcqRel) {
            self.database.rollback().await;
        }
        &mut *self.database
    }

    /// Begins a transaction that may write.
    ///
    /// # Errors
    /// As [`Database::begin`].
    pub(super) async fn begin(
        &mut self,
        idle_limit: Duration,
    ) -> Result<OpenTransaction, DatabaseError> {
        self.ready().await.begin(Access::Write, idle_limit).await?;
        Ok(OpenTransaction(Arc::clone(&self.left_open)))
    }

    /// It has come to its end, and is not to be rolled back any more.
    pub(super) fn forget(&self, ended: OpenTransaction) {
        drop(ended);
        self.left_open.store(false, Ordering::Release);
    }

    /// Makes a new connection, on which nothing is open.
    ///
    /// # Errors
    /// As [`Database::reconnect`].
    pub(super) async fn reconnect(&mut self) -> Result<(), DatabaseError> {
        self.left_open.store(false, Ordering::Release);
        self.database.reconnect().await
    }

    /// Ends the connection, and with it whatever is open.
    pub(super) async fn close(self) {
        self.database.close().await;
    }
}
