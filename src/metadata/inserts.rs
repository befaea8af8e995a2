//! The insert of recovery commands: one statement for many, and which id each of them got.

use std::collections::{HashMap, HashSet};

use jiff::civil::DateTime;
use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::database::{DatabaseError, Dialect, Row, Value};
use super::rows;
use super::store::MetadataStore;
use crate::family::CommandValue;
use crate::model::{InstanceId, InstanceRow};

/// A recovery command to be inserted.
#[derive(Clone, Debug)]
pub struct NewCommand<'a> {
    /// The instance's row as it was read under its row lock.
    pub row: &'a InstanceRow,
    /// The text of `command_param`.
    pub parameter: String,
}

/// Bytes of parameter text in one insert: well below the smallest default packet limit of a server.
const INSERT_BYTES: usize = 512 * 1024;

/// Commands in one insert: at most nine placeholders each, far below every database's limit.
const INSERT_ROWS: usize = 1000;

impl MetadataStore {
    /// Inserts one recovery command each, ids assigned by the database; gives instance → command id. `now` is the
    /// present time in the cluster's zone; without it the database's own clock is used. The instances' rows are locked.
    ///
    /// # Errors
    /// [`DatabaseError`]; also where the number of commands inserted is not the number asked for.
    pub async fn insert_commands(
        &mut self,
        commands: &[NewCommand<'_>],
        now: Option<DateTime>,
    ) -> Result<HashMap<InstanceId, i64>, DatabaseError> {
        let now = now.map(|now| now.strftime("%Y-%m-%d %H:%M:%S").to_string());
        let mut inserted = HashMap::with_capacity(commands.len());
        // A column that is left out takes the database's default: rows with and without a priority go apart.
        let (with, without): (Vec<_>, Vec<_>) = commands.iter().partition(|command| command.row.priority.is_some());
        for group in [with, without] {
            for piece in pieces(&group) {
                self.insert_piece(piece, now.as_deref(), &mut inserted).await?;
            }
        }
        if inserted.len() == commands.len() {
            return Ok(inserted);
        }
        Err(DatabaseError::Refused {
            endpoint: self.database.endpoint().to_owned(),
            cause: format!("{} commands were inserted instead of {}", inserted.len(), commands.len()),
            busy: false,
        })
    }

    async fn insert_piece(
        &mut self,
        piece: &[&NewCommand<'_>],
        now: Option<&str>,
        inserted: &mut HashMap<InstanceId, i64>,
    ) -> Result<(), DatabaseError> {
        let Some(first) = piece.first() else { return Ok(()) };
        let with_priority = first.row.priority.is_some();
        let columns: Vec<(&str, CommandValue)> = self
            .release
            .command_columns()
            .into_iter()
            .filter(|(_, value)| with_priority || *value != CommandValue::Priority)
            .collect();
        let wanted: HashSet<InstanceId> = piece.iter().map(|command| command.row.instance.id).collect();
        let mut keep = |row: Row| {
            let instance = rows::command_instance(row.int(1), row.text(2).as_deref());
            if let (Some(id), Some(instance)) = (row.int(0), instance.filter(|id| wanted.contains(id))) {
                inserted.insert(instance, id);
            }
        };
        match self.database.dialect() {
            Dialect::MySql => {
                let (values, parameters) = self.values(&columns, piece, now);
                let sql = self.statements().insert_values(&columns, &values);
                let written = self.database.execute(&sql, &parameters).await?;
                // MySQL knows no RETURNING: the ids are read back, from the first one assigned on.
                let read_back = self.statements().commands_from(written.insert_id);
                self.database.query(&read_back, &[], &mut keep).await
            }
            Dialect::Sqlite => {
                let (values, parameters) = self.values(&columns, piece, now);
                let sql = self.statements().insert_values(&columns, &values);
                self.database.query(&sql, &parameters, &mut keep).await
            }
            Dialect::Postgres => {
                let sql = self.statements().insert_list(&columns, now.is_some());
                let times = columns.iter().filter(|(_, value)| *value == CommandValue::Now);
                let mut parameters: Vec<Value> = times.filter_map(|_| now.map(Value::from)).collect();
                parameters.push(Value::Text(list(&columns, piece)));
                self.database.query(&sql, &parameters, &mut keep).await
            }
        }
    }

    /// The values of each command, in SQL. What differs between commands goes to the parameters, so that every batch of a
    /// size has the same text.
    fn values(
        &self,
        columns: &[(&str, CommandValue)],
        piece: &[&NewCommand<'_>],
        now: Option<&str>,
    ) -> (String, Vec<Value>) {
        let mut parameters = Vec::new();
        let mut values = String::new();
        for command in piece {
            values.push_str(if values.is_empty() { "(" } else { ",(" });
            for (index, (_, value)) in columns.iter().enumerate() {
                values.push_str(if index == 0 { "" } else { "," });
                match value {
                    CommandValue::Number(constant) => values.push_str(&constant.to_string()),
                    CommandValue::Now => {
                        parameters.extend(now.map(Value::from));
                        values.push_str(self.statements().now(now.is_some()));
                    }
                    CommandValue::Parameter => {
                        parameters.push(Value::from(command.parameter.as_str()));
                        values.push('?');
                    }
                    _ => {
                        parameters.push(number(*value, command.row).map_or(Value::Null, Value::from));
                        values.push('?');
                    }
                }
            }
            values.push(')');
        }
        (values, parameters)
    }
}

/// What an instance's row says, where that is a number.
fn number(value: CommandValue, row: &InstanceRow) -> Option<i64> {
    let instance = &row.instance;
    match value {
        CommandValue::Number(constant) => Some(constant),
        CommandValue::Definition => instance.definition,
        CommandValue::DefinitionVersion => Some(instance.definition_version.unwrap_or(0)),
        CommandValue::Instance => Some(instance.id),
        CommandValue::Executor => row.executor_id,
        CommandValue::Priority => row.priority,
        CommandValue::TestFlag => Some(row.test_flag.unwrap_or(0)),
        CommandValue::Parameter | CommandValue::Now => None,
    }
}

/// A command as a JSON object, whose keys are its columns. What is the same for all commands is left out.
struct Object<'a>(&'a [(&'a str, CommandValue)], &'a NewCommand<'a>);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(columns, command) = self;
        let mut object = serializer.serialize_map(None)?;
        for (column, value) in columns.iter().filter(|(_, value)| value.is_own()) {
            match value {
                CommandValue::Parameter => object.serialize_entry(column, &command.parameter)?,
                _ => object.serialize_entry(column, &number(*value, command.row))?,
            }
        }
        object.end()
    }
}

/// The commands as a JSON list.
fn list(columns: &[(&str, CommandValue)], piece: &[&NewCommand<'_>]) -> String {
    let objects: Vec<Object<'_>> = piece.iter().map(|command| Object(columns, command)).collect();
    // Numbers and texts can always be written.
    serde_json::to_string(&objects).unwrap_or_default()
}

/// Splits commands into inserts of a bounded size.
fn pieces<'a, 'b>(commands: &'b [&'a NewCommand<'a>]) -> Vec<&'b [&'a NewCommand<'a>]> {
    let mut pieces = Vec::new();
    let mut rest = commands;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = |command: &&&NewCommand<'_>| {
            bytes += command.parameter.len();
            bytes <= INSERT_BYTES
        };
        let count = rest.iter().take(INSERT_ROWS).take_while(fits).count().max(1);
        let (piece, more) = rest.split_at(count);
        pieces.push(piece);
        rest = more;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inserts_are_bounded_and_lose_nothing() {
        let row = InstanceRow::default();
        let command = |bytes: usize| NewCommand { row: &row, parameter: "x".repeat(bytes) };
        let commands: Vec<NewCommand<'_>> =
            [10, INSERT_BYTES, 10, 3 * INSERT_BYTES, 10].into_iter().map(command).collect();
        let all: Vec<&NewCommand<'_>> = commands.iter().collect();
        let sizes: Vec<usize> = pieces(&all).iter().map(|piece| piece.len()).collect();
        assert_eq!(sizes, [1, 1, 1, 1, 1]);
        let many: Vec<&NewCommand<'_>> = std::iter::repeat_n(&commands[0], 2 * INSERT_ROWS + 1).collect();
        let sizes: Vec<usize> = pieces(&many).iter().map(|piece| piece.len()).collect();
        assert_eq!(sizes, [INSERT_ROWS, INSERT_ROWS, 1]);
    }
}
