//! Reads of the command and the error-command table.

use std::collections::{HashMap, HashSet};

use super::database::{DatabaseError, Row};
use super::rows;
use super::store::MetadataStore;
use crate::model::{CommandRow, InstanceId};

impl MetadataStore {
    /// Those of these instances that a recovery command waits for, with the command's id. One scan of the command table,
    /// and no memory for the commands of others.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn recovery_commands_for(
        &mut self,
        instances: impl IntoIterator<Item = InstanceId>,
    ) -> Result<HashMap<InstanceId, i64>, DatabaseError> {
        let instances: HashSet<InstanceId> = instances.into_iter().collect();
        // Ids begin with one, unless somebody gave them by hand.
        let sql = self.statements().commands_from(i64::from(i32::MIN));
        let mut found = HashMap::new();
        let mut keep = |row: Row| {
            let instance = rows::command_instance(row.int(1), row.text(2).as_deref());
            if let (Some(id), Some(instance)) = (row.int(0), instance.filter(|id| instances.contains(id))) {
                found.insert(instance, id);
            }
        };
        self.each(&sql, &[], &mut keep).await?;
        Ok(found)
    }

    /// Hands over every waiting command, oldest first.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn each_command(&mut self, on_command: impl FnMut(CommandRow) + Send) -> Result<(), DatabaseError> {
        let table = self.release.family.tables.command;
        self.each_command_of(table, false, on_command).await
    }

    /// Hands over every error command, oldest first.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn each_error_command(&mut self, on_command: impl FnMut(CommandRow) + Send) -> Result<(), DatabaseError> {
        let table = self.release.family.tables.error_command;
        self.each_command_of(table, false, on_command).await
    }

    /// The newest error command about a recovery of each of these instances.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn recovery_errors(
        &mut self,
        instances: &HashSet<InstanceId>,
    ) -> Result<HashMap<InstanceId, CommandRow>, DatabaseError> {
        let table = self.release.family.tables.error_command;
        let mut found = HashMap::new();
        let keep = |command: CommandRow| {
            if let Some(id) = command.instance_id.filter(|id| instances.contains(id)) {
                found.insert(id, command);
            }
        };
        self.each_command_of(table, true, keep).await?;
        Ok(found)
    }

    async fn each_command_of(
        &mut self,
        table: &str,
        recovery_only: bool,
        mut on_command: impl FnMut(CommandRow) + Send,
    ) -> Result<(), DatabaseError> {
        let sql = self.statements().commands(table, recovery_only);
        let mut on_row = |row: Row| rows::command(&row).into_iter().for_each(&mut on_command);
        self.each(&sql, &[], &mut on_row).await
    }
}
