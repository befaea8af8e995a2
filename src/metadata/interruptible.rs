//! A database whose calls are interrupted by a signal.

use std::time::Duration;

use async_trait::async_trait;

use super::database::{Access, Database, DatabaseError, Dialect, OnRow, Written};
use super::query::Query;
use crate::stop::{Shield, StopSignal};

/// A signal interrupts reads at once. From the start of a writing transaction to its end nothing is
/// interrupted.
#[derive(Debug)]
pub struct InterruptibleDatabase {
    database: Box<dyn Database>,
    stop: StopSignal,
    writing: Option<Shield>,
}

impl InterruptibleDatabase {
    /// Wraps a connection.
    #[must_use]
    pub fn new(database: Box<dyn Database>, stop: StopSignal) -> Self {
        Self {
            database,
            stop,
            writing: None,
        }
    }
}

#[async_trait]
impl Database for InterruptibleDatabase {
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
        self.stop.unless(self.database.query(query, on_row)).await
    }

    async fn execute(&mut self, query: &Query) -> Result<Written, DatabaseError> {
        self.stop.unless(self.database.execute(query)).await
    }

    async fn begin(&mut self, access: Access, idle_limit: Duration) -> Result<(), DatabaseError> {
        self.stop
            .unless(self.database.begin(access, idle_limit))
            .await?;
        self.writing = (access == Access::Write).then(|| self.stop.shield());
        Ok(())
    }

    async fn commit(&mut self) -> Result<(), DatabaseError> {
        let committed = self.database.commit().await;
        self.writing = None;
        committed
    }

    async fn rollback(&mut self) {
        self.database.rollback().await;
        self.writing = None;
    }

    async fn reconnect(&mut self) -> Result<(), DatabaseError> {
        self.writing = None;
        self.stop.unless(self.database.reconnect()).await
    }

    async fn second_connection(&mut self) -> Result<Option<Box<dyn Database>>, DatabaseError> {
        let second_connection = self.stop.unless(self.database.second_connection()).await?;
        Ok(
            second_connection.map(|second_connection| -> Box<dyn Database> {
                Box::new(Self::new(second_connection, self.stop.clone()))
            }),
        )
    }

    async fn close(self: Box<Self>) {
        self.database.close().await;
    }
}
