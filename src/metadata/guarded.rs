//! Transactions that are rolled back when they are dropped without a COMMIT.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::database::{Access, Database, DatabaseError};

/// An open transaction: rows may be locked in it. When it is dropped, it is rolled back before the
/// next statement, and with the connection at the latest.
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

/// A connection that rolls back what was left open before it can be used again.
#[derive(Debug)]
pub(super) struct GuardedConnection {
    database: Box<dyn Database>,
    left_open: Arc<AtomicBool>,
}

/// Gives read access to the properties that need no server.
impl Deref for GuardedConnection {
    type Target = dyn Database;

    fn deref(&self) -> &(dyn Database + 'static) {
        &*self.database
    }
}

impl GuardedConnection {
    /// Wraps a connection without a transaction.
    pub(super) fn new(database: Box<dyn Database>) -> Self {
        Self {
            database,
            left_open: Arc::default(),
        }
    }

    /// The connection, after rolling back a transaction that was dropped.
    pub(super) async fn ready(&mut self) -> &mut dyn Database {
        if self.left_open.swap(false, Ordering::AcqRel) {
            self.database.rollback().await;
        }
        &mut *self.database
    }

    /// Starts a transaction that may write.
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

    /// Records that it has ended, and must not be rolled back any more.
    pub(super) fn forget(&self, ended: OpenTransaction) {
        drop(ended);
        self.left_open.store(false, Ordering::Release);
    }

    /// Opens a new connection, without a transaction.
    ///
    /// # Errors
    /// As [`Database::reconnect`].
    pub(super) async fn reconnect(&mut self) -> Result<(), DatabaseError> {
        self.left_open.store(false, Ordering::Release);
        self.database.reconnect().await
    }

    /// Closes the connection, and with it an open transaction.
    pub(super) async fn close(self) {
        self.database.close().await;
    }
}
