//! What waits for its turn, and whether anybody is left to give it that.

use std::collections::{BTreeMap, HashSet};

use super::database::{DatabaseError, Dialect, Row};
use super::statements::queues::{GROUPS, NARROW_CODES, SERIAL_QUEUE};
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

/// What is wrong with the serial queues of 3.4 and newer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SerialQueues {
    /// Every instance that has a row.
    pub queued: HashSet<InstanceId>,
    /// Launched ones that have ended, or are gone, ascending: their rows hold up their queues.
    pub ended: Vec<InstanceId>,
    /// The first one of each queue in which none is launched, ascending.
    pub not_launched: Vec<InstanceId>,
}

/// State of a row: its workflow runs.
const LAUNCHED: i64 = 1;

/// The rows of one queue.
#[derive(Debug, Default)]
struct SerialQueue {
    first: Option<InstanceId>,
    is_launched: bool,
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

    /// The serial queues of 3.4 and newer, where a coordinator launches the next instance of each
    /// (`WorkflowSerialCoordinator`), and the end of one deletes its row. `None` where there is no such
    /// table, and where this user may not read all of it. One scan of the queues.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn serial_queues(&mut self) -> Result<Option<SerialQueues>, DatabaseError> {
        if !self.readable.contains(SERIAL_QUEUE)
            || self.hides(&[self.release.family.tables.instance])
        {
            return Ok(None);
        }
        let family = self.release.family;
        let query = self.statements().serial_rows();
        let mut found = SerialQueues::default();
        let mut queues: BTreeMap<(Option<i64>, Option<i64>), SerialQueue> = BTreeMap::new();
        let mut on_row = |row: Row| {
            let Some(instance) = row.int(2) else { return };
            found.queued.insert(instance);
            let queue = queues.entry((row.int(0), row.int(1))).or_default();
            queue.first.get_or_insert(instance);
            if row.int(3) == Some(LAUNCHED) {
                queue.is_launched = true;
                let state = row.int(4);
                if state.is_none() || family.is_finished(state) {
                    found.ended.push(instance);
                }
            }
        };
        self.each(&query, &mut on_row).await?;
        let idle = queues.into_values().filter(|queue| !queue.is_launched);
        found.not_launched = idle.filter_map(|queue| queue.first).collect();
        found.ended.sort_unstable();
        found.not_launched.sort_unstable();
        Ok(Some(found))
    }

    /// Whether the codes of workflows do not fit into the serial queues: the script of 3.4.0 for MySQL
    /// makes their column an `int` (upstream issue 17979).
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn cuts_codes(&mut self) -> Result<bool, DatabaseError> {
        if self.database.dialect() != Dialect::MySql || !self.readable.contains(SERIAL_QUEUE) {
            return Ok(false);
        }
        let found = self.collect(&NARROW_CODES.into(), |row| row.int(0)).await?;
        Ok(!found.is_empty())
    }

    /// Task groups in which tasks wait and no task has a slot: up to 3.2.0 a slot is handed on by
    /// whoever gives it back, and later by a coordinator within seconds. None in releases without
    /// task groups, and where this user may not read them.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn idle_task_groups(&mut self) -> Result<Vec<IdleTaskGroup>, DatabaseError> {
        let tables = self.release.family.tables;
        if !self.readable.contains(GROUPS) || self.hides(&[tables.instance, tables.task]) {
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
