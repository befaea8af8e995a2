//! The SQL for the metadata database: built only from the family's names. Whatever comes from a
//! row, a registry or an operator is bound to a placeholder; only integers are written into the
//! text.

pub(crate) mod catalogue;
mod commands;
mod definitions;
mod insert;
mod instances;
mod life;
pub(crate) mod queues;
pub(crate) mod registries;
pub(crate) mod relations;
pub(crate) mod snapshot;
mod tasks;
pub(crate) mod upgrade;

use std::fmt::{Display, Write as _};

use jiff::Timestamp;

pub(crate) use self::definitions::definition_versions;
pub use self::insert::NewCommand;
pub(crate) use self::instances::{IdRange, RowLock};
use super::database::Dialect;
use super::query::{Query, QueryBuilder};
use crate::family::{Family, Release};

/// Builds statements for one release and one dialect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statements<'a> {
    family: &'a Family,
    dialect: Dialect,
    /// Columns that a point release may lack.
    optional: OptionalColumns,
    /// The moment that a snapshot shows; elsewhere the database's present counts.
    taken_at: Option<Timestamp>,
}

/// Columns that differ between point releases, by their names; `None` where this database has no
/// such column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OptionalColumns {
    pub(crate) restart_time: Option<&'static str>,
    pub(crate) state_history: Option<&'static str>,
    pub(crate) test_flag: Option<&'static str>,
    pub(crate) schedule_zone: Option<&'static str>,
    pub(crate) submit_time: Option<&'static str>,
    pub(crate) next_instance: Option<&'static str>,
    /// Of a task: the name of its group.
    pub(crate) worker_group: Option<&'static str>,
    /// In a snapshot: when the database wrote an instance's row.
    pub(crate) written: Option<&'static str>,
}

impl<'a> Statements<'a> {
    pub(crate) fn new(release: &'a Release, dialect: Dialect, optional: OptionalColumns) -> Self {
        Self {
            family: release.family,
            dialect,
            optional,
            taken_at: None,
        }
    }

    /// The same for what was there at this moment.
    pub(crate) fn at(self, taken_at: Option<Timestamp>) -> Self {
        Self { taken_at, ..self }
    }

    fn builder(&self) -> QueryBuilder {
        Query::builder(self.dialect)
    }

    /// A statement with numbers in its `IN`: in MySQL as a list, which is to be short; elsewhere all
    /// are bound as one text, separated by commas, however many there are.
    fn among(&self, before: &str, numbers: &[i64], behind: &str) -> Query {
        let (open, close) = match self.dialect {
            Dialect::MySql => return format!("{before} IN ({}){behind}", list(numbers)).into(),
            Dialect::Sqlite => ("SELECT value FROM json_each('[' || ", " || ']')"),
            Dialect::Postgres => (
                "SELECT CAST(unnest(string_to_array(CAST(",
                " AS TEXT), ',')) AS BIGINT)",
            ),
        };
        self.builder()
            .push(&format!("{before} IN ({open}"))
            .bind(list(numbers))
            .push(&format!("{close}){behind}"))
            .build()
    }

    /// A time column as text, in the zone that it was written in.
    fn time(&self, column: &str) -> String {
        match self.dialect {
            Dialect::MySql => format!("CAST({column} AS CHAR)"),
            Dialect::Postgres | Dialect::Sqlite => format!("CAST({column} AS TEXT)"),
        }
    }

    /// A text column as text, whatever type a site has given it: the driver reads no other in the
    /// answer to a statement with values, and the padding of a fixed-length column is not part of
    /// the text. In SQLite each value has a type of its own, and bytes are no text's equal.
    fn text(&self, column: &str) -> String {
        match self.dialect {
            Dialect::Postgres | Dialect::Sqlite => format!("CAST({column} AS TEXT)"),
            Dialect::MySql => column.to_owned(),
        }
    }

    fn optional_time(&self, column: Option<&str>) -> String {
        column.map_or_else(|| "NULL".to_owned(), |column| self.time(column))
    }
}

/// A list of integers for `IN (...)`.
pub(crate) fn list<T: Display>(numbers: impl IntoIterator<Item = T>) -> String {
    let mut text = String::new();
    for number in numbers {
        let comma = if text.is_empty() { "" } else { "," };
        // Writing to a String cannot fail.
        let _ = write!(text, "{comma}{number}");
    }
    // An empty list is not valid SQL; NULL matches nothing.
    if text.is_empty() {
        "NULL".to_owned()
    } else {
        text
    }
}

/// A column of the instance `i`, or NULL if there is none.
fn of_instance(column: Option<&str>) -> String {
    column.map_or_else(|| "NULL".to_owned(), |column| format!("i.{column}"))
}

/// Name of the sequence behind a table's ids in PostgreSQL, the same in every release.
#[must_use]
pub(super) fn id_sequence(table: &str) -> String {
    format!("{table}_id_sequence")
}

#[cfg(test)]
mod tests;
