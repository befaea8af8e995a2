//! Reads of the command and the error-command table.

use std::collections::{HashMap, HashSet};

use super::database::{DatabaseError, Row};
use super::rows;
use super::store::MetadataStore;
use crate::model::{CommandRow, InstanceId};

impl MetadataStore {
    /// Instances that a recovery command waits for, with the command's id. One scan of the command table.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn recovery_commands(&mut self) -> Result<HashMap<InstanceId, i64>, DatabaseError> {
        let table = self.release.family.tables.command;
        let sql = self.statements().commands(table, true);
        let read = |row: &Row| {
            let command = rows::command(row)?;
            Some((command.instance_id?, command.id))
        };
        Ok(self.collect(&sql, &[], read).await?.into_iter().collect())
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
        self.database.query(&sql, &[], &mut on_row).await
    }
}
