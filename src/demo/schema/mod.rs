//! The tables of every release, as data: what `dsctl demo` and the tests create, and names that may enter SQL text.
//!
//! Facts come from the release scripts of DolphinScheduler (MySQL's where the two databases differ, unless said
//! otherwise). Columns and indexes carry the releases they live in, so a table is described once for all of them.
//! Left out are tables that a failover never meets and foreign keys.

mod alert;
mod column;
mod command;
pub mod ddl;
mod definition;
mod instance;
mod marker;
mod registry;
mod release;
mod task;

pub use column::{ColumnDef, DefaultValue, IndexDef, Kind, Where};
pub(super) use release::{R1_3, R2_0, R3_0, R3_1, R3_2, is_typed};
pub use release::{fresh_version_row, postgres_version_row};

use crate::model::Version;
use column::Life;

/// A table as one release has it. Its primary key is the column `id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDef {
    /// Its name.
    pub name: &'static str,
    /// Its columns; the first one is `id`.
    pub columns: Vec<ColumnDef>,
    /// Indexes besides the primary key, unique ones among them.
    pub indexes: Vec<IndexDef>,
}

impl TableDef {
    /// The column of this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&ColumnDef> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether the database gives out ids. It does not for error commands (they carry the failed command's id) and for
    /// the heartbeat rows of the JDBC registry.
    #[must_use]
    pub fn gives_ids(&self) -> bool {
        self.columns.iter().any(|column| matches!(column.kind, Kind::Id | Kind::BigId))
    }
}

/// A table over all releases.
#[derive(Debug)]
struct TableSpec {
    name: &'static str,
    life: Life,
    columns: &'static [&'static [ColumnDef]],
    indexes: &'static [IndexDef],
}

impl TableSpec {
    const fn new(name: &'static str, columns: &'static [&'static [ColumnDef]], indexes: &'static [IndexDef]) -> Self {
        Self { name, life: Life::ALWAYS, columns, indexes }
    }

    const fn since(mut self, release: Version) -> Self {
        self.life.since = release;
        self
    }

    const fn before(mut self, release: Version) -> Self {
        self.life.before = release;
        self
    }

    fn at(&self, version: Version) -> TableDef {
        TableDef {
            name: self.name,
            columns: self
                .columns
                .iter()
                .copied()
                .flatten()
                .filter(|column| column.lives_in(version))
                .copied()
                .collect(),
            indexes: self.indexes.iter().filter(|index| index.lives_in(version)).copied().collect(),
        }
    }
}

/// Every group of tables.
const GROUPS: &[&[TableSpec]] = &[
    marker::TABLES,
    instance::TABLES,
    task::TABLES,
    command::TABLES,
    definition::TABLES,
    alert::TABLES,
    registry::TABLES,
];

/// The tables of a release, those of the JDBC registry among them from 3.3 on.
#[must_use]
pub fn tables(version: Version) -> Vec<TableDef> {
    GROUPS
        .iter()
        .copied()
        .flatten()
        .filter(|table| table.life.includes(version))
        .map(|table| table.at(version))
        .collect()
}

/// The tables of the JDBC registry as 3.3 has them: a SQLite file has them whatever its release, since its registry is
/// that one.
#[must_use]
pub fn registry_tables() -> Vec<TableDef> {
    registry::TABLES.iter().map(|table| table.at(release::R3_3)).collect()
}

#[cfg(test)]
mod tests;
