//! Statements about what waits for its turn: serial workflows, and tasks of task groups.

use super::{Statements, list};
use crate::family::{Catalogue, SERIAL_WAIT};
use crate::metadata::query::Query;

impl Statements<'_> {
    /// Instances in SERIAL_WAIT before which no other one of the same definition is left that could
    /// wake them at its end, ids ascending. One scan: of each definition the first one that has not
    /// ended.
    pub(crate) fn heads_of_serial_queues(&self) -> Query {
        let (table, definition) = (self.family.tables.instance, self.family.columns.definition);
        format!(
            "SELECT w.id FROM (SELECT MIN(i.id) AS id FROM {table} i WHERE i.state NOT IN ({ended}) GROUP BY i.{definition}) f \
             JOIN {table} w ON w.id = f.id WHERE w.state = {SERIAL_WAIT} ORDER BY w.id",
            ended = list(self.family.ended()),
        )
        .into()
    }

    /// The serial queues of 3.4 and newer, in order of their rows: definition, its version, instance,
    /// the row's state, and the instance's state, which is NULL if the instance is gone.
    pub(crate) fn serial_rows(&self) -> Query {
        format!(
            "SELECT q.workflow_definition_code, q.workflow_definition_version, q.workflow_instance_id, q.state, i.state \
             FROM {SERIAL_QUEUE} q LEFT JOIN {} i ON i.id = q.workflow_instance_id ORDER BY q.id",
            self.family.tables.instance
        )
        .into()
    }

    /// Task groups in which an unfinished task of an instance that has not ended has a slot, which it
    /// gives back at its end: id.
    pub(crate) fn groups_with_a_slot_in_use(&self) -> Query {
        format!(
            "SELECT DISTINCT q.group_id FROM {QUEUE} q JOIN {tasks} t ON t.id = q.task_id \
             JOIN {instances} i ON i.id = t.{instance} \
             WHERE q.status = 1 AND t.flag = 1 AND t.state NOT IN ({finished}) AND i.state NOT IN ({ended})",
            tasks = self.family.tables.task,
            instances = self.family.tables.instance,
            instance = self.family.columns.task_instance,
            ended = list(self.family.ended()),
            finished = list(self.family.finished_tasks),
        )
        .into()
    }

    /// Unfinished tasks that wait for a slot of a task group that is switched on and has slots: group,
    /// its name, its slots, how many count as used, task, instance; in order of group and task.
    pub(crate) fn tasks_without_a_slot(&self) -> Query {
        format!(
            "SELECT g.id, {name}, g.group_size, g.use_size, t.id, t.{instance} FROM {QUEUE} q \
             JOIN {GROUPS} g ON g.id = q.group_id JOIN {tasks} t ON t.id = q.task_id \
             WHERE q.status = -1 AND q.force_start = 0 AND g.status = 1 AND g.group_size > 0 \
             AND t.flag = 1 AND t.state NOT IN ({finished}) ORDER BY g.id, t.id",
            name = self.text("g.name"),
            instance = self.family.columns.task_instance,
            tasks = self.family.tables.task,
            finished = list(self.family.finished_tasks),
        )
        .into()
    }
}

/// The task groups, in every release that has them.
pub(crate) const GROUPS: &str = "t_ds_task_group";

/// Who has a slot of one, or waits for it.
pub(crate) const QUEUE: &str = "t_ds_task_group_queue";

/// Who runs or waits in the serial workflows of 3.4 and newer.
pub(crate) const SERIAL_QUEUE: &str = "t_ds_serial_command";

/// A row, if the column of their codes is one of MySQL's that no code fits into.
pub(crate) const NARROW_CODES: &str = "SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE() \
     AND LOWER(table_name) = 't_ds_serial_command' AND LOWER(column_name) = 'workflow_definition_code' \
     AND LOWER(data_type) <> 'bigint'";

/// Whether this user may read what serial queues are judged by.
pub(crate) fn may_read_serial_queues(catalogue: &Catalogue) -> bool {
    let columns = [
        "id",
        "workflow_definition_code",
        "workflow_definition_version",
        "workflow_instance_id",
        "state",
    ];
    columns
        .iter()
        .all(|column| catalogue.may_read(SERIAL_QUEUE, column))
}

/// Whether this user may read what task groups are judged by.
pub(crate) fn may_read_task_groups(catalogue: &Catalogue) -> bool {
    let group = ["id", "name", "group_size", "use_size", "status"];
    let queue = ["group_id", "task_id", "status", "force_start"];
    group
        .iter()
        .all(|column| catalogue.may_read(GROUPS, column))
        && queue.iter().all(|column| catalogue.may_read(QUEUE, column))
}
