//! Transactions that undo themselves: whoever drops one without a COMMIT has rolled it back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use super::database::{Access, Database, DatabaseError, Dialect, OnRow, Written};
use super::query::Query;

/// A transaction that is open: rows may be locked in it. Dropped, it is rolled back before anything else is asked, and with
/// the connection at the latest.
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

impl AsRef<OpenTransaction> for OpenTransaction {
    fn as_ref(&self) -> &OpenTransaction {
        self
    }
}

impl AsRef<OpenTransaction> for WriteBatch {
    fn as_ref(&self) -> &OpenTransaction {
        &self.0
    }
}

/// A connection that rolls back what was left open.
#[derive(Debug)]
pub(super) struct Undoing {
    database: Box<dyn Database>,
    left_open: Arc<AtomicBool>,
}

impl Undoing {
    /// Around a connection without a transaction.
    pub(super) fn new(database: Box<dyn Database>) -> Self {
        Self { database, left_open: Arc::default() }
    }

    /// What stands for the transaction that was begun.
    pub(super) fn transaction(&self) -> OpenTransaction {
        OpenTransaction(Arc::clone(&self.left_open))
    }

    /// It has come to its end, and is not to be rolled back any more.
    pub(super) fn forget(&self, ended: OpenTransaction) {
        drop(ended);
        self.left_open.store(false, Ordering::Release);
    }

    async fn undo(&mut self) {
        if self.left_open.swap(false, Ordering::AcqRel) {
            self.database.rollback().await;
        }
    }
}

#[async_trait]
impl Database for Undoing {
    fn dialect(&self) -> Dialect {
        self.database.dialect()
    }

    fn endpoint(&self) -> &str {
        self.database.endpoint()
    }

    fn why_plain(&self) -> Option<&str> {
        self.database.why_plain()
    }

    fn skips_locked(&self) -> bool {
        self.database.skips_locked()
    }

    fn witness(&self) -> Option<String> {
        self.database.witness()
    }

    async fn query(&mut self, query: &Query, on_row: OnRow<'_>) -> Result<(), DatabaseError> {
        self.undo().await;
        self.database.query(query, on_row).await
    }

    async fn execute(&mut self, query: &Query) -> Result<Written, DatabaseError> {
        self.undo().await;
        self.database.execute(query).await
    }

    async fn begin(&mut self, access: Access, idle_limit: Duration) -> Result<(), DatabaseError> {
        self.undo().await;
        self.database.begin(access, idle_limit).await
    }

    async fn commit(&mut self) -> Result<(), DatabaseError> {
        self.database.commit().await
    }

    async fn rollback(&mut self) {
        self.left_open.store(false, Ordering::Release);
        self.database.rollback().await;
    }

    async fn reconnect(&mut self) -> Result<(), DatabaseError> {
        self.left_open.store(false, Ordering::Release);
        self.database.reconnect().await
    }

    async fn twin(&mut self) -> Result<Option<Box<dyn Database>>, DatabaseError> {
        self.undo().await;
        self.database.twin().await
    }

    async fn close(self: Box<Self>) {
        self.database.close().await;
    }
}
