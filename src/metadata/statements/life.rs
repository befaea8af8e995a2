//! Statements that find what was started since a moment.

use super::Statements;
use crate::metadata::query::Query;

impl Statements<'_> {
    /// The greatest ids of both tables: 0 for an instance and 1 for a task, and the id.
    pub(crate) fn newest_ids(&self, count: usize) -> Query {
        let tables = &self.family.tables;
        let newest = |kind, table| {
            format!("SELECT {kind} AS kind, id FROM {table} ORDER BY id DESC LIMIT {count}")
        };
        let (instances, tasks) = (newest(0, tables.instance), newest(1, tables.task));
        format!("SELECT z.kind, z.id FROM (SELECT * FROM ({instances}) x UNION ALL SELECT * FROM ({tasks}) y) z").into()
    }

    /// The first instances of a host with a greater id than `instance`, and the first tasks of its
    /// instances with a greater one than `task`: 0 or 1 as in `newest_ids`, id, instance, host. One
    /// query, as it is sent before each batch.
    ///
    /// Both are an id, and how many are read.
    pub(crate) fn begun_since(
        &self,
        host: &str,
        instance: (i64, usize),
        task: (i64, usize),
    ) -> Query {
        let (tables, columns, host_text) = (
            &self.family.tables,
            &self.family.columns,
            self.text("i.host"),
        );
        self.builder()
            .push("SELECT z.kind, z.id, z.instance, z.host FROM (SELECT * FROM (")
            .push(&format!(
                "SELECT 0 AS kind, i.id AS id, i.id AS instance, {host_text} AS host FROM {} i WHERE i.id > ",
                tables.instance
            ))
            .bind(instance.0)
            .push(&format!(" AND {host_text} = "))
            .bind(host)
            .push(&format!(" ORDER BY i.id LIMIT {}) x UNION ALL SELECT * FROM (", instance.1))
            .push(&format!(
                "SELECT 1 AS kind, t.id AS id, i.id AS instance, {host_text} AS host FROM {} t JOIN {} i ON i.id = t.{} \
                 WHERE t.id > ",
                tables.task, tables.instance, columns.task_instance
            ))
            .bind(task.0)
            .push(&format!(" AND {host_text} = "))
            .bind(host)
            .push(&format!(" ORDER BY t.id LIMIT {}) y) z", task.1))
            .build()
    }
}
