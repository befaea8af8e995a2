//! Statements about what belongs together: parents and children, and the neighbours in a queue of
//! serial instances.

use super::Statements;
use crate::family::{Catalogue, Family, SERIAL_BLOCKERS, SUB_PROCESS_TASKS};
use crate::metadata::query::Query;

/// In the relation table, in every release: the task of the parent that stands for the child.
pub(crate) const RELATION_TASK: &str = "parent_task_instance_id";

/// Whether this user may read which instance is the parent of which.
pub(crate) fn may_read_relations(catalogue: &Catalogue, family: &Family) -> bool {
    let columns = &family.columns;
    [
        columns.relation_parent,
        RELATION_TASK,
        columns.relation_child,
    ]
    .iter()
    .all(|column| catalogue.may_read(family.tables.relation, column))
}

impl Statements<'_> {
    /// The parents of these instances: parent, its task, child.
    pub(crate) fn parents_of(&self, children: &[i64]) -> Query {
        let (parent, child) = self.relation_columns();
        let before = format!(
            "SELECT r.{parent}, r.{RELATION_TASK}, r.{child} FROM {} r WHERE r.{child}",
            self.family.tables.relation
        );
        self.among(&before, children, "")
    }

    /// The children for which a valid, unfinished task of one of these instances stands: as
    /// `parents_of`, and the task's application link. A row about an earlier attempt of the task is
    /// not read: its task is not valid, or has ended.
    pub(crate) fn awaited_by(&self, parents: &[i64]) -> Query {
        let (parent, child) = self.relation_columns();
        let before = format!(
            "SELECT r.{parent}, r.{RELATION_TASK}, r.{child}, {link} FROM {relations} r \
             JOIN {tasks} t ON t.id = r.{RELATION_TASK} WHERE r.{parent}",
            link = self.text("t.app_link"),
            relations = self.family.tables.relation,
            tasks = self.family.tables.task,
        );
        let behind = format!(
            " AND t.{instance} = r.{parent} AND t.flag = 1 AND t.state NOT IN ({finished}) \
             AND {kind} IN ('{subs}')",
            instance = self.family.columns.task_instance,
            finished = super::list(self.family.finished_tasks),
            kind = self.text("t.task_type"),
            subs = SUB_PROCESS_TASKS.join("', '"),
        );
        self.among(&before, parents, &behind)
    }

    fn relation_columns(&self) -> (&'static str, &'static str) {
        let columns = &self.family.columns;
        (columns.relation_parent, columns.relation_child)
    }

    /// Every instance that waits for its turn, and all that one may wait for, ids ascending. As
    /// `rows::listed` reads. One scan.
    pub(crate) fn serial_places(&self) -> Query {
        self.listed_in(SERIAL_BLOCKERS)
    }

    /// The parameters of waiting commands that name no instance in their column.
    pub(crate) fn parameters_of_commands(&self) -> Query {
        let table = self.family.tables.command;
        match self.family.columns.command_instance {
            Some(column) => {
                format!("SELECT command_param FROM {table} WHERE {column} IS NULL OR {column} <= 0")
            }
            None => format!("SELECT command_param FROM {table}"),
        }
        .into()
    }
}
