//! Statements about what an upgrade finds in the tables.

use std::collections::BTreeSet;

use super::queues::{QUEUE, SERIAL_QUEUE};
use super::{Statements, list};
use crate::family::{ALL, Family};
use crate::metadata::query::Query;

impl Statements<'_> {
    /// Every instance that has not ended by the states of any release, in whatever order: id, state, and whether its parameter has
    /// the form of this release, as far as that matters to masters (3.3 and newer).
    pub(crate) fn unended_instances(&self) -> Query {
        let has_form = if self.family.starts_at_trigger {
            "CASE WHEN i.command_param LIKE '%\"commandType\"%' THEN 1 ELSE 0 END"
        } else {
            "1"
        };
        // What has ended in an older release has ended.
        let ended: BTreeSet<i64> = ALL.iter().flat_map(Family::ended).collect();
        let unended = self.unended(&format!("i.id, i.state, {has_form}"));
        format!(
            "{unended} AND (i.state IS NULL OR i.state NOT IN ({}))",
            list(ended)
        )
        .into()
    }

    /// Definitions that have several schedules: definition.
    pub(crate) fn definitions_with_schedules(&self) -> Query {
        let (table, definition) = (
            self.family.tables.schedule,
            self.family.columns.schedule_definition,
        );
        format!(
            "SELECT {definition} FROM {table} GROUP BY {definition} HAVING COUNT(*) > 1 ORDER BY {definition}"
        )
        .into()
    }
}

/// How many rows the serial queues have.
pub(crate) fn count_of_serial_rows() -> Query {
    format!("SELECT COUNT(*) FROM {SERIAL_QUEUE}").into()
}

/// How many tasks have a slot of a task group or wait for one.
pub(crate) fn count_of_queued_tasks() -> Query {
    format!("SELECT COUNT(*) FROM {QUEUE} WHERE status IN (-1, 1)").into()
}
