//! What an upgrade finds in the tables.

use super::database::{DatabaseError, Row};
use super::query::Query;
use super::statements::queues::{GROUPS, SERIAL_QUEUE};
use super::statements::upgrade::{count_of_queued_tasks, count_of_serial_rows};
use super::store::MetadataStore;
use crate::model::InstanceId;

/// What the tables have that an upgrade changes the meaning of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpgradeFacts {
    /// Instances that have not ended, with their state, ids ascending.
    pub unended: Vec<(InstanceId, Option<i64>)>,
    /// Those of them whose parameter has the form of an older release, which masters of this one
    /// cannot read (3.3 and newer), ids ascending.
    pub old_parameters: Vec<InstanceId>,
    /// Waiting commands, ids ascending.
    pub commands: Vec<i64>,
    /// Rows of serial queues; `None` if there are none, or they may not be read.
    pub serial_rows: Option<i64>,
    /// Tasks that have a slot of a task group or wait for one; `None` as above.
    pub queued_tasks: Option<i64>,
    /// Definitions that have several schedules, ascending.
    pub several_schedules: Vec<i64>,
}

impl MetadataStore {
    /// What an upgrade finds in the tables. One scan of the instances.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn upgrade_facts(&mut self) -> Result<UpgradeFacts, DatabaseError> {
        let mut facts = UpgradeFacts::default();
        let query = self.statements().unended_instances();
        let mut on_row = |row: Row| {
            let Some(id) = row.int(0) else { return };
            facts.unended.push((id, row.int(1)));
            if row.int(2) == Some(0) {
                facts.old_parameters.push(id);
            }
        };
        self.each(&query, &mut on_row).await?;
        facts.unended.sort_unstable();
        facts.old_parameters.sort_unstable();
        let query = self.statements().waiting_commands();
        facts.commands = self.collect(&query, |row| row.int(0)).await?;
        if self.readable.contains(SERIAL_QUEUE) {
            facts.serial_rows = self.number(&count_of_serial_rows()).await?;
        }
        if self.readable.contains(GROUPS) {
            facts.queued_tasks = self.number(&count_of_queued_tasks()).await?;
        }
        if self.readable.contains(self.release.family.tables.schedule) {
            let query = self.statements().definitions_with_schedules();
            facts.several_schedules = self.collect(&query, |row| row.int(0)).await?;
        }
        Ok(facts)
    }

    async fn number(&mut self, query: &Query) -> Result<Option<i64>, DatabaseError> {
        let found = self.collect(query, |row| row.int(0)).await?;
        Ok(found.into_iter().next())
    }
}
