//! What only a living master writes: instances that name it, and their tasks. An id that was not given out yet when the
//! master was lost is a proof that needs no clock.

use serde::{Deserialize, Serialize};

use super::database::{DatabaseError, Row, Value};
use super::store::MetadataStore;
use crate::model::InstanceId;

/// Up to where instances and tasks were numbered at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// The greatest id of the instance table.
    pub instance: i64,
    /// The greatest id of the task table.
    pub task: i64,
}

/// What a master has written since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// An instance that names it.
    Instance(InstanceId),
    /// A task of an instance that names it.
    Task {
        /// The task.
        task: i64,
        /// Its instance.
        instance: InstanceId,
    },
}

/// Collations of older MySQL schemas match other cases, and trailing blanks, too: so some rows are looked at.
const LOOKED_AT: usize = 50;

impl MetadataStore {
    /// Up to where instances and tasks are numbered now. Both are found by their keys.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn mark(&mut self) -> Result<Mark, DatabaseError> {
        let tables = &self.release.family.tables;
        let sql = format!("SELECT (SELECT MAX(id) FROM {}), (SELECT MAX(id) FROM {})", tables.instance, tables.task);
        let read =
            |row: &Row| Some(Mark { instance: row.int(0).unwrap_or_default(), task: row.int(1).unwrap_or_default() });
        Ok(self.collect(&sql, &[], read).await?.first().copied().unwrap_or_default())
    }

    /// Whether this very host has begun an instance, or a task of one, that has a greater id: ended or not. Only rows
    /// behind the mark are read.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn sign_since(&mut self, host: &str, mark: Mark) -> Result<Option<Sign>, DatabaseError> {
        let (tables, columns) = (&self.release.family.tables, &self.release.family.columns);
        let instances = format!(
            "SELECT 0 AS kind, i.id AS id, i.id AS instance, i.host AS host FROM {} i WHERE i.id > ? AND i.host = ? \
             ORDER BY i.id LIMIT {LOOKED_AT}",
            tables.instance
        );
        let tasks = format!(
            "SELECT 1 AS kind, t.id AS id, i.id AS instance, i.host AS host FROM {} t JOIN {} i ON i.id = t.{} \
             WHERE t.id > ? AND i.host = ? ORDER BY t.id LIMIT {LOOKED_AT}",
            tables.task, tables.instance, columns.task_instance
        );
        // One question, as it is asked before each batch.
        let both = format!("SELECT * FROM ({instances}) x UNION ALL SELECT * FROM ({tasks}) y");
        let sql = format!("SELECT z.kind, z.id, z.instance, z.host FROM ({both}) z");
        let of_host = |row: &Row| {
            let (id, instance) = row.int(1).zip(row.int(2)).filter(|_| row.text(3).as_deref() == Some(host))?;
            Some(if row.int(0)? == 0 { Sign::Instance(id) } else { Sign::Task { task: id, instance } })
        };
        let parameters: [Value; 4] = [mark.instance.into(), host.into(), mark.task.into(), host.into()];
        let found = self.collect(&sql, &parameters, of_host).await?;
        // A new instance says more than its tasks.
        let instance = found.iter().find(|sign| matches!(sign, Sign::Instance(_)));
        Ok(instance.or(found.first()).copied())
    }
}
