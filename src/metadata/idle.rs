//! Instances that run, and of which nothing runs.

use super::database::{DatabaseError, Row};
use super::store::{LOOK_UP, MetadataStore};
use crate::model::InstanceId;

/// An unfinished instance of which no valid task is unfinished or has a retry to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdleInstance {
    /// Its id.
    pub id: InstanceId,
    /// Its host as stored.
    pub host: Option<String>,
    /// The newest one of its tasks.
    pub newest_task: Option<i64>,
}

fn read(row: &Row) -> Option<IdleInstance> {
    Some(IdleInstance {
        id: row.int(0)?,
        host: row.text(1),
        newest_task: row.int(2),
    })
}

impl MetadataStore {
    /// Unfinished instances of which no valid task is unfinished or has a retry to come, ids ascending.
    /// Between two tasks that is so for a moment. None where this user may not see every task. One scan
    /// of the instances.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn idle_instances(&mut self) -> Result<Vec<IdleInstance>, DatabaseError> {
        if self.hides(&[self.release.family.tables.task]) {
            return Ok(Vec::new());
        }
        let query = self.statements().idle_instances(None);
        self.collect(&query, read).await
    }

    /// Those of these instances that are so still, ids ascending within each thousand of those given.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn idle_still(
        &mut self,
        idle: &[IdleInstance],
    ) -> Result<Vec<IdleInstance>, DatabaseError> {
        let ids: Vec<InstanceId> = idle.iter().map(|instance| instance.id).collect();
        let mut found = Vec::new();
        for some in ids.chunks(LOOK_UP) {
            let query = self.statements().idle_instances(Some(some));
            found.extend(self.collect(&query, read).await?);
        }
        Ok(found)
    }
}
