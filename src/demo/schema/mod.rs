//! The tables of every release, as data: what `dsctl demo` and the tests create, and names that may
//! enter SQL text.
//!
//! Facts come from the release scripts of DolphinScheduler (MySQL's where the two databases differ,
//! unless said otherwise). Columns and indexes have the releases in which they exist, so a table is
//! described once for all of them. Tables that a failover never uses and foreign keys are omitted.

mod alert;
mod column;
mod command;
pub mod ddl;
mod definition;
mod instance;
mod marker;
mod registry;
mod release;
mod table;
mod task;

pub use column::{ColumnDef, ColumnType, DefaultValue, IndexDef, Where};
pub use release::fresh_version_row;
pub(super) use release::{R1_3, R2_0, R3_0, R3_1, R3_2, is_typed};

pub use table::TableDef;

use crate::model::Version;
use table::TableSpec;

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

/// The tables of a release, from 3.3 on including those of the JDBC registry.
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

/// The tables of the JDBC registry of 3.3: a SQLite file always has them, because that is its
/// registry.
#[must_use]
pub fn registry_tables() -> Vec<TableDef> {
    registry::TABLES
        .iter()
        .map(|table| table.at(release::R3_3))
        .collect()
}

#[cfg(test)]
mod tests;
