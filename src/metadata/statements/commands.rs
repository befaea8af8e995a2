//! Reads of the command and the error-command table.

use super::Statements;
use crate::family::{DefinitionKey, RECOVERY_COMMAND};
use crate::metadata::query::Query;

impl Statements<'_> {
    /// Commands or error commands, oldest first; with an id, only recovery commands from that one
    /// on.
    pub(crate) fn commands(&self, table: &str, recovery_from: Option<i64>) -> Query {
        let message = if table == self.family.tables.error_command {
            "message"
        } else {
            "NULL"
        };
        let only = recovery_from.map_or_else(String::new, |first| {
            format!(" WHERE id >= {first} AND command_type = {RECOVERY_COMMAND}")
        });
        format!(
            "SELECT id, command_type, {}, command_param, {}, {}, {message} FROM {table}{only} ORDER BY id",
            self.family.columns.command_instance.unwrap_or("NULL"),
            self.time("start_time"),
            self.time("update_time"),
        )
        .into()
    }

    /// Recovery commands with an id of at least `first`, oldest first: id, instance, and the
    /// parameter if only that has the instance.
    pub(crate) fn commands_from(&self, first: i64) -> Query {
        format!(
            "SELECT id, {} FROM {} WHERE id >= {first} AND command_type = {RECOVERY_COMMAND} ORDER BY id",
            self.named_instance(),
            self.family.tables.command,
        )
        .into()
    }

    /// The same of recovery commands in the error table, whatever their ids.
    pub(crate) fn failed_recovery_commands(&self) -> Query {
        let (instance, table) = (self.named_instance(), self.family.tables.error_command);
        format!(
            "SELECT id, {instance} FROM {table} WHERE command_type = {RECOVERY_COMMAND} ORDER BY id"
        )
        .into()
    }

    /// The ids of recovery commands in the error table.
    pub(crate) fn recovery_error_ids(&self) -> Query {
        let table = self.family.tables.error_command;
        format!("SELECT id FROM {table} WHERE command_type = {RECOVERY_COMMAND} ORDER BY id").into()
    }

    /// Every waiting command, oldest first: id, instance and parameter as in `commands_from`, and
    /// its type.
    pub(crate) fn waiting_commands(&self) -> Query {
        let (instance, table) = (self.named_instance(), self.family.tables.command);
        format!("SELECT id, {instance}, command_type FROM {table} ORDER BY id").into()
    }

    /// The waiting commands that some master takes in its turn, oldest first: id. Masters of 1.x see
    /// only those whose definition is online (`CommandMapper`).
    pub(crate) fn takeable_commands(&self) -> Query {
        let table = self.family.tables.command;
        let online = match self.family.definition {
            DefinitionKey::Id => format!(" WHERE {}", self.has_online_definition()),
            _ => String::new(),
        };
        format!("SELECT c.id FROM {table} c{online} ORDER BY c.id").into()
    }

    /// The other ones of 1.x: id.
    pub(crate) fn unseen_commands(&self) -> Query {
        let (table, online) = (self.family.tables.command, self.has_online_definition());
        format!("SELECT c.id FROM {table} c WHERE NOT {online} ORDER BY c.id").into()
    }

    /// Of a command `c` of 1.x.
    fn has_online_definition(&self) -> String {
        format!(
            "EXISTS (SELECT 1 FROM {} d WHERE d.id = c.{} AND d.release_state = 1 AND d.flag = 1)",
            self.family.tables.definition, self.family.columns.definition
        )
    }

    /// In the command table, two columns: the instance, and the parameter if only that has the
    /// instance.
    fn named_instance(&self) -> String {
        match self.family.columns.command_instance {
            Some(column) => {
                format!("{column}, CASE WHEN {column} > 0 THEN NULL ELSE command_param END")
            }
            None => "NULL, command_param".to_owned(),
        }
    }
}
