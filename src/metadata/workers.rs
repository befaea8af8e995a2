//! What waits for workers, and the groups that workers are in.

use super::database::{DatabaseError, Row};
use super::store::{MetadataStore, WORKER_GROUPS};
use crate::model::InstanceId;

/// A worker group of the database: a manager of DolphinScheduler has made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerGroup {
    /// Its name.
    pub name: String,
    /// The addresses of its workers, as stored: separated by commas.
    pub addresses: String,
}

impl MetadataStore {
    /// Passes on the instance and the worker group of each task of these instances, whose ids are
    /// ascending, that has been submitted and given to no worker yet, in order of instance. Nothing in
    /// releases whose tasks have no group's name (1.2).
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn each_undispatched(
        &mut self,
        instances: &[InstanceId],
        mut on_task: impl FnMut(InstanceId, Option<String>) + Send,
    ) -> Result<(), DatabaseError> {
        let mut on_row = |row: Row| {
            if let Some(instance) = row.int(0) {
                on_task(instance, row.text(1));
            }
        };
        for some in self.portions(instances) {
            if let Some(query) = self.statements().undispatched(some) {
                self.each(&query, &mut on_row).await?;
            }
        }
        Ok(())
    }

    /// The worker groups; `None` if this user may not read them, or there is no such table.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn worker_groups(&mut self) -> Result<Option<Vec<WorkerGroup>>, DatabaseError> {
        if !self.readable.contains(WORKER_GROUPS) {
            return Ok(None);
        }
        let query = self.statements().worker_groups(WORKER_GROUPS);
        let read = |row: &Row| {
            Some(WorkerGroup {
                name: row.text(0)?,
                addresses: row.text(1).unwrap_or_default(),
            })
        };
        self.collect(&query, read).await.map(Some)
    }
}
