//! Statements that read whole rows, for a snapshot.

use super::{Statements, list};
use crate::metadata::database::Dialect;
use crate::metadata::query::Query;

/// What a snapshot has beside DolphinScheduler's tables.
pub(crate) const PARTS: &str = "SELECT part, content FROM dsctl_snapshot";

/// The column that an instance has in the snapshot of a database that records by itself when it
/// wrote a row: that second.
pub(crate) const WRITTEN: &str = "dsctl_written";

/// A column as the file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SnapshotColumn {
    /// Its name.
    pub(crate) name: String,
    /// Of what its values are.
    pub(crate) kind: ColumnKind,
    /// Whether this user may read it.
    pub(crate) is_readable: bool,
}

/// Of what the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnKind {
    /// Whole numbers, as such.
    Integer,
    /// Other numbers and bits, as texts of numbers.
    Number,
    /// Times, as texts.
    Time,
    /// Everything else, as texts.
    Text,
    /// [`WRITTEN`], which the table itself does not have.
    Written,
}

impl ColumnKind {
    /// From what the catalogue's statement says.
    pub(crate) fn of(code: Option<i64>) -> Self {
        match code {
            Some(1) => Self::Integer,
            Some(2) => Self::Number,
            Some(3) => Self::Time,
            _ => Self::Text,
        }
    }
}

/// Which rows of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CopiedPart<'a> {
    /// All.
    Whole,
    /// Of the instance table: all that have not ended.
    Unended,
    /// Of the task table: the valid ones of these.
    OfUnended,
    /// This many with the greatest ids.
    Newest(usize),
    /// Those with these numbers in a column.
    With(&'a str, &'a [i64]),
}

impl Statements<'_> {
    /// The column that the instances of a snapshot get, if this database records by itself when it
    /// writes a row.
    pub(crate) fn written_column(&self) -> Option<SnapshotColumn> {
        (self.dialect == Dialect::MySql).then(|| SnapshotColumn {
            name: WRITTEN.to_owned(),
            kind: ColumnKind::Written,
            is_readable: true,
        })
    }

    /// These columns of rows of a table: numbers as such, everything else as a text, times in the
    /// zone that they were written in.
    pub(crate) fn whole_rows(
        &self,
        table: &str,
        columns: &[&SnapshotColumn],
        part: CopiedPart<'_>,
    ) -> Query {
        let select = list(columns.iter().map(|column| self.whole_value(column)));
        let from = match part {
            CopiedPart::Whole => format!("SELECT {select} FROM {table} i"),
            CopiedPart::Unended => self.unended(&select),
            CopiedPart::OfUnended => self.tasks_of_unended(&select),
            CopiedPart::Newest(count) => {
                format!("SELECT {select} FROM {table} i ORDER BY i.id DESC LIMIT {count}")
            }
            CopiedPart::With(column, numbers) => {
                let numbers = list(numbers);
                format!("SELECT {select} FROM {table} i WHERE i.{column} IN ({numbers})")
            }
        };
        from.into()
    }

    fn whole_value(&self, column: &SnapshotColumn) -> String {
        let name = match self.dialect {
            Dialect::MySql => format!("i.`{}`", column.name.replace('`', "``")),
            Dialect::Postgres | Dialect::Sqlite => {
                format!("i.\"{}\"", column.name.replace('"', "\"\""))
            }
        };
        match column.kind {
            ColumnKind::Integer => name,
            ColumnKind::Written => "CAST(UNIX_TIMESTAMP(i.update_time) AS SIGNED)".to_owned(),
            // A bit as text is a byte.
            ColumnKind::Number if self.dialect == Dialect::MySql => {
                self.time(&format!("({name} + 0)"))
            }
            // Whatever its type is.
            _ => self.time(&name),
        }
    }

    /// As [`Statements::listed`] does, MySQL reads whole rows only where the condition holds.
    pub(super) fn unended(&self, select: &str) -> String {
        let table = self.family.tables.instance;
        match self.dialect {
            Dialect::MySql => format!(
                "SELECT STRAIGHT_JOIN {select} FROM {table} s JOIN {table} i ON i.id = s.id WHERE {}",
                self.is_not_ended("s")
            ),
            Dialect::Postgres | Dialect::Sqlite => {
                format!(
                    "SELECT {select} FROM {table} i WHERE {}",
                    self.is_not_ended("i")
                )
            }
        }
    }

    /// Also in a state that is unknown.
    fn is_not_ended(&self, row: &str) -> String {
        let ended = list(self.family.ended());
        format!("({row}.state IS NULL OR {row}.state NOT IN ({ended}))")
    }

    /// STRAIGHT_JOIN: the index on the instance leads from few instances to their tasks.
    fn tasks_of_unended(&self, select: &str) -> String {
        let (tables, join) = (
            &self.family.tables,
            match self.dialect {
                Dialect::MySql => "STRAIGHT_JOIN ",
                Dialect::Postgres | Dialect::Sqlite => "",
            },
        );
        format!(
            "SELECT {join}{select} FROM {instances} s JOIN {tasks} i ON i.{instance} = s.id \
             WHERE {unended} AND i.flag = 1",
            instances = tables.instance,
            tasks = tables.task,
            instance = self.family.columns.task_instance,
            unended = self.is_not_ended("s"),
        )
    }

    /// Of each of these hosts the newest instance that names it: id.
    pub(crate) fn newest_of_hosts(&self, hosts: &[&str]) -> Query {
        self.builder()
            .push(&format!(
                "SELECT MAX(id) FROM {} WHERE host IN (",
                self.family.tables.instance
            ))
            .bind_each(hosts.iter().copied(), ", ")
            .push(") GROUP BY host")
            .build()
    }
}
