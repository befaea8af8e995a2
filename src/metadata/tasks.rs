//! Reads of the task table. It is large, and in PostgreSQL no index leads from an instance to its
//! tasks: so the table is scanned once for a whole run, and each batch finds its tasks by their own
//! keys.

use super::database::{DatabaseError, Row};
use super::rows;
use super::store::{LOOK_UP, MetadataStore};
use crate::model::{InstanceId, Task};

/// How many of the newest tasks may have been committed out of the order of their ids: they are
/// searched again.
const OUT_OF_ORDER: i64 = 100;

/// The unfinished tasks that the instances had when they were searched.
#[derive(Debug, Default)]
pub struct TaskIds {
    /// Ascending.
    by_instance: Vec<(InstanceId, i64)>,
    /// Tasks with a greater id may have been missed by the search.
    settled: i64,
}

impl TaskIds {
    fn of(&self, instance: InstanceId) -> &[(InstanceId, i64)] {
        let start = self.by_instance.partition_point(|(id, _)| *id < instance);
        let end = self.by_instance.partition_point(|(id, _)| *id <= instance);
        &self.by_instance[start..end]
    }
}

impl MetadataStore {
    /// Finds the valid, unfinished tasks of these instances. If no index leads to them, one scan
    /// for all.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn find_tasks(&mut self, instances: &[InstanceId]) -> Result<TaskIds, DatabaseError> {
        if instances.is_empty() {
            return Ok(TaskIds::default());
        }
        let newest = self
            .collect(&self.statements().newest_task(), |row| row.int(0))
            .await?;
        let settled = newest
            .first()
            .map_or(0, |newest| newest.saturating_sub(OUT_OF_ORDER));
        let mut found = TaskIds {
            by_instance: Vec::new(),
            settled,
        };
        let read = |row: &Row| Some((row.int(0)?, row.int(1)?));
        for some in self.portions(instances) {
            let query = self.statements().tasks_of(some);
            found.by_instance.extend(self.collect(&query, read).await?);
        }
        found.by_instance.sort_unstable();
        Ok(found)
    }

    /// The valid, unfinished tasks of these instances as they are now.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn tasks_of(&mut self, instances: &[InstanceId]) -> Result<Vec<Task>, DatabaseError> {
        let mut tasks = Vec::new();
        for some in self.portions(instances) {
            let query = self.statements().whole_tasks_of(some);
            tasks.extend(self.collect(&query, rows::task).await?);
        }
        Ok(tasks)
    }

    /// Valid, unfinished tasks of these instances, ids ascending: those that were found and are
    /// still unfinished, and newer ones.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn unfinished_tasks(
        &mut self,
        instances: &[InstanceId],
        found: &TaskIds,
    ) -> Result<Vec<Task>, DatabaseError> {
        let ids = instances
            .iter()
            .flat_map(|id| found.of(*id))
            .map(|(_, task)| *task);
        let older: Vec<i64> = ids.filter(|task| *task <= found.settled).collect();
        // Servers limit the length of a statement.
        let (some, rest) = older.split_at(older.len().min(LOOK_UP));
        let query = self
            .statements()
            .unfinished_tasks(some, instances, found.settled);
        let mut tasks = self.collect(&query, rows::task).await?;
        for some in rest.chunks(LOOK_UP) {
            let query = self.statements().unfinished_tasks(some, &[], found.settled);
            tasks.extend(self.collect(&query, rows::task).await?);
        }
        tasks.sort_unstable_by_key(|task| task.id);
        Ok(tasks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_instance_has_its_own_tasks() {
        let found = TaskIds {
            by_instance: vec![(1, 7), (3, 2), (3, 9), (4, 1)],
            settled: 9,
        };
        let tasks = |id| {
            found
                .of(id)
                .iter()
                .map(|(_, task)| *task)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            [tasks(0), tasks(1), tasks(2), tasks(3), tasks(4), tasks(5)],
            [vec![], vec![7], vec![], vec![2, 9], vec![1], vec![]]
        );
    }
}
