//! Statements about the task table.

use super::{Statements, list};
use crate::family::{
    FAILURE, LOGIC_TASKS, NEED_FAULT_TOLERANCE, READY_PAUSE, READY_STOP, RUNNING, SUBMITTED,
};
use crate::metadata::database::Dialect;
use crate::metadata::query::Query;

impl Statements<'_> {
    /// The greatest id of the task table.
    pub(crate) fn newest_task(&self) -> Query {
        format!("SELECT MAX(id) FROM {}", self.family.tables.task).into()
    }

    /// A valid task in an unfinished state.
    fn is_unfinished_task(&self) -> String {
        format!(
            "flag = 1 AND state NOT IN ({})",
            list(self.family.finished_tasks)
        )
    }

    /// Valid, unfinished tasks of these instances, in MySQL found by the index on the instance,
    /// elsewhere by one scan: instance, id.
    pub(crate) fn tasks_of(&self, instances: &[i64]) -> Query {
        let (instance, table) = (self.family.columns.task_instance, self.family.tables.task);
        self.among(
            &format!("SELECT {instance}, id FROM {table} WHERE {instance}"),
            instances,
            &format!(" AND {}", self.is_unfinished_task()),
        )
    }

    /// The same with everything that `rows::task` reads.
    pub(crate) fn whole_tasks_of(&self, instances: &[i64]) -> Query {
        let (instance, table) = (self.family.columns.task_instance, self.family.tables.task);
        self.among(
            &format!(
                "SELECT {} FROM {table} WHERE {instance}",
                self.task_columns()
            ),
            instances,
            &format!(" AND {} ORDER BY id", self.is_unfinished_task()),
        )
    }

    /// In the order that `rows::task` reads.
    fn task_columns(&self) -> String {
        format!(
            "id, {instance}, name, {kind}, state, {host}, {submit_time}, {start}, pid, log_path, app_link",
            instance = self.family.columns.task_instance,
            kind = self.text("task_type"),
            host = self.text("host"),
            submit_time = self.optional_time(self.optional.submit_time),
            start = self.time("start_time"),
        )
    }

    /// Valid tasks in an unfinished state: these tasks, and those of these instances that have a
    /// greater id than `settled`. All are found by their key.
    pub(crate) fn unfinished_tasks(&self, tasks: &[i64], instances: &[i64], settled: i64) -> Query {
        let instance = self.family.columns.task_instance;
        format!(
            "SELECT {columns} FROM {table} WHERE (id IN ({tasks}) OR (id > {settled} AND {instance} IN ({instances}))) \
             AND {unfinished} ORDER BY id",
            columns = self.task_columns(),
            table = self.family.tables.task,
            tasks = list(tasks),
            instances = list(instances),
            unfinished = self.is_unfinished_task(),
        )
        .into()
    }

    /// Valid tasks of those of these instances that are unfinished, which no worker has been given yet:
    /// instance, worker group. Tasks that run inside a master are never given to one. `None` if tasks
    /// have no group's name.
    ///
    /// STRAIGHT_JOIN: the index on the instance leads from few instances to their tasks.
    pub(crate) fn undispatched(&self, instances: &[i64]) -> Option<Query> {
        let group = self.text(&format!("t.{}", self.optional.worker_group?));
        let tables = &self.family.tables;
        let before = format!(
            "SELECT {join}s.id, {group} FROM {instances} s JOIN {tasks} t ON t.{instance} = s.id \
             WHERE s.state IN ({unfinished}) AND t.flag = 1 AND t.state = {SUBMITTED} \
             AND (t.host IS NULL OR {host} IN ('', 'NULL', 'null')) AND {kind} NOT IN ('{logic}') AND s.id",
            join = self.in_this_order(),
            instances = tables.instance,
            tasks = tables.task,
            instance = self.family.columns.task_instance,
            unfinished = list(self.family.unfinished),
            host = self.text("t.host"),
            kind = self.text("t.task_type"),
            logic = LOGIC_TASKS.join("', '"),
        );
        Some(self.among(&before, instances, " ORDER BY s.id"))
    }

    /// Those of these instances that are unfinished, and of which no valid task is unfinished or has a
    /// retry to come: instance, host, and the greatest id of its tasks, which is NULL if it has none.
    pub(crate) fn idle_instances(&self, instances: &[i64]) -> Query {
        let tables = &self.family.tables;
        let before = format!(
            "SELECT {join}s.id, {host}, MAX(t.id) FROM {instances} s \
             LEFT JOIN {tasks} t ON t.{instance} = s.id AND t.flag = 1 \
             WHERE s.state IN ({RUNNING}, {READY_PAUSE}, {READY_STOP}) AND s.id",
            join = self.in_this_order(),
            host = self.text("s.host"),
            instances = tables.instance,
            tasks = tables.task,
            instance = self.family.columns.task_instance,
        );
        let behind = format!(
            " GROUP BY s.id, s.host HAVING COALESCE(SUM(CASE WHEN t.state NOT IN ({}) \
             OR (t.state = {FAILURE} AND t.retry_times < t.max_retry_times) THEN 1 ELSE 0 END), 0) = 0 ORDER BY s.id",
            list(self.family.finished_tasks),
        );
        self.among(&before, instances, &behind)
    }

    /// MySQL joins in the order of the statement then.
    fn in_this_order(&self) -> &'static str {
        match self.dialect {
            Dialect::MySql => "STRAIGHT_JOIN ",
            Dialect::Postgres | Dialect::Sqlite => "",
        }
    }

    /// Name and addresses of the worker groups.
    pub(crate) fn worker_groups(&self, table: &str) -> Query {
        let (name, addresses) = (self.text("name"), self.text("addr_list"));
        format!("SELECT {name}, {addresses} FROM {table}").into()
    }

    /// Marks tasks; again only those that are in an unfinished state.
    pub(crate) fn mark_tasks(&self, tasks: &[i64], clear_flag: bool) -> Query {
        let flag = if clear_flag { ", flag = 0" } else { "" };
        format!(
            "UPDATE {} SET state = {NEED_FAULT_TOLERANCE}{flag} WHERE id IN ({}) AND {}",
            self.family.tables.task,
            list(tasks),
            self.is_unfinished_task(),
        )
        .into()
    }

    /// What became of these: id, and 1 where the mark stands, 0 where it does not, and the task has
    /// not ended otherwise.
    pub(crate) fn marks_of(&self, tasks: &[i64], clear_flag: bool) -> Query {
        let flag = if clear_flag { " AND flag = 0" } else { "" };
        format!(
            "SELECT id, CASE WHEN state = {NEED_FAULT_TOLERANCE}{flag} THEN 1 \
             WHEN state = {NEED_FAULT_TOLERANCE} OR state NOT IN ({}) THEN 0 END FROM {} WHERE id IN ({})",
            list(self.family.finished_tasks),
            self.family.tables.task,
            list(tasks),
        )
        .into()
    }
}
