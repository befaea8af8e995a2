//! Instances that run, and of which nothing runs.

use super::database::{DatabaseError, Row};
use super::store::MetadataStore;
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
    /// Those of these instances that are unfinished, and of which no valid task is unfinished or has a
    /// retry to come; in the order of the ids, if these are ascending. Between two tasks that is so for
    /// a moment. None where this user may not see every task.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn idle_instances(
        &mut self,
        instances: &[InstanceId],
    ) -> Result<Vec<IdleInstance>, DatabaseError> {
        let mut found = Vec::new();
        if self.hides(&[self.release.family.tables.task]) {
            return Ok(found);
        }
        for some in self.portions(instances) {
            let query = self.statements().idle_instances(some);
            found.extend(self.collect(&query, read).await?);
        }
        Ok(found)
    }
}
