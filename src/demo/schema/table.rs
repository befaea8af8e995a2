//! A table: in one release, and over all of them.

use super::column::{ColumnDef, ColumnType, IndexDef, Releases};
use crate::model::Version;

/// A table in one release. Its primary key is the column `id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDef {
    /// Its name.
    pub name: &'static str,
    /// Its columns; the first one is `id`.
    pub columns: Vec<ColumnDef>,
    /// Indexes besides the primary key, including unique ones.
    pub indexes: Vec<IndexDef>,
}

impl TableDef {
    /// The column of this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&ColumnDef> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether the database generates ids. It does not for error commands (they have the failed
    /// command's id) and for the heartbeat rows of the JDBC registry.
    #[must_use]
    pub fn generates_ids(&self) -> bool {
        self.columns
            .iter()
            .any(|column| matches!(column.kind, ColumnType::Id | ColumnType::BigId))
    }
}

/// A table over all releases.
#[derive(Debug)]
pub(super) struct TableSpec {
    pub(super) name: &'static str,
    pub(super) life: Releases,
    columns: &'static [&'static [ColumnDef]],
    indexes: &'static [IndexDef],
}

impl TableSpec {
    pub(super) const fn new(
        name: &'static str,
        columns: &'static [&'static [ColumnDef]],
        indexes: &'static [IndexDef],
    ) -> Self {
        Self {
            name,
            life: Releases::ALWAYS,
            columns,
            indexes,
        }
    }

    pub(super) const fn since(mut self, release: Version) -> Self {
        self.life.since = release;
        self
    }

    pub(super) const fn before(mut self, release: Version) -> Self {
        self.life.before = release;
        self
    }

    pub(super) fn at(&self, version: Version) -> TableDef {
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
            indexes: self
                .indexes
                .iter()
                .filter(|index| index.lives_in(version))
                .copied()
                .collect(),
        }
    }
}
