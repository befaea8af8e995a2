//! Statements about definitions and their schedules.

use super::{Statements, list};
use crate::metadata::query::Query;

/// Definitions of 2.0 and newer by code: code, version.
pub(crate) fn definition_versions(codes: &[i64], table: &str) -> Query {
    format!(
        "SELECT code, version FROM {table} WHERE code IN ({})",
        list(codes)
    )
    .into()
}

impl Statements<'_> {
    /// Definitions whose project is gone: code.
    pub(crate) fn definitions_without_project(&self, codes: &[i64], table: &str) -> Query {
        format!(
            "SELECT d.code FROM {table} d LEFT JOIN {} p ON p.code = d.project_code \
             WHERE d.code IN ({}) AND p.code IS NULL",
            self.family.tables.project,
            list(codes)
        )
        .into()
    }

    /// Definitions of 1.x by id: id, release state, flag.
    pub(crate) fn definition_states(&self, ids: &[i64]) -> Query {
        format!(
            "SELECT id, release_state, flag FROM {} WHERE id IN ({})",
            self.family.tables.definition,
            list(ids)
        )
        .into()
    }

    /// Schedules of definitions: definition, zone.
    pub(crate) fn schedule_zones(&self, codes: &[i64]) -> Query {
        let columns = &self.family.columns;
        format!(
            "SELECT {definition}, {zone} FROM {table} WHERE {definition} IN ({codes})",
            definition = columns.schedule_definition,
            zone = self.optional.schedule_zone.unwrap_or("NULL"),
            table = self.family.tables.schedule,
            codes = list(codes),
        )
        .into()
    }
}
