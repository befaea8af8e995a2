//! What waits for its turn, and whether anybody is left to give it that.

use std::collections::{BTreeMap, HashSet};

use super::database::{DatabaseError, Row};
use super::store::MetadataStore;
use crate::model::InstanceId;

/// A task group with tasks that wait, although no task has a slot that it could give back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdleTaskGroup {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: Option<String>,
    /// How many slots it has.
    pub size: i64,
    /// How many of them count as used.
    pub used: i64,
    /// The tasks that wait, with their instances, ids ascending.
    pub waiting: BTreeMap<i64, InstanceId>,
}

impl MetadataStore {
    /// Instances in SERIAL_WAIT that nobody will wake: none of the same definition that was there
    /// before is unfinished. Only in 3.0 to 3.2, where the end of an instance wakes the next one
    /// (`WorkflowExecuteRunnable`); a command that wakes one may be under way. One scan.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn heads_of_serial_queues(&mut self) -> Result<Vec<InstanceId>, DatabaseError> {
        let tables = self.release.family.tables;
        if !self.release.family.wakes_serial || self.hides(&[tables.instance, tables.command]) {
            return Ok(Vec::new());
        }
        let query = self.statements().heads_of_serial_queues();
        self.collect(&query, |row| row.int(0)).await
    }

    /// Task groups in which tasks wait and no task has a slot: up to 3.2.0 a slot is handed on by
    /// whoever gives it back, and later by a coordinator within seconds. None in releases without
    /// task groups, and where this user may not read them.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn idle_task_groups(&mut self) -> Result<Vec<IdleTaskGroup>, DatabaseError> {
        let tables = self.release.family.tables;
        if !self.has_task_groups || self.hides(&[tables.instance, tables.task]) {
            return Ok(Vec::new());
        }
        let query = self.statements().groups_with_a_slot_in_use();
        let in_use = self.collect(&query, |row| row.int(0)).await?;
        let in_use: HashSet<i64> = in_use.into_iter().collect();
        let query = self.statements().tasks_without_a_slot();
        let mut groups: Vec<IdleTaskGroup> = Vec::new();
        let mut on_row = |row: Row| {
            let (Some(id), Some(task), Some(instance)) = (row.int(0), row.int(4), row.int(5))
            else {
                return;
            };
            if in_use.contains(&id) {
                return;
            }
            if groups.last().is_none_or(|last| last.id != id) {
                groups.push(IdleTaskGroup {
                    id,
                    name: row.text(1),
                    size: row.int(2).unwrap_or_default(),
                    used: row.int(3).unwrap_or_default(),
                    waiting: BTreeMap::new(),
                });
            }
            if let Some(group) = groups.last_mut() {
                group.waiting.insert(task, instance);
            }
        };
        self.each(&query, &mut on_row).await?;
        Ok(groups)
    }
}
