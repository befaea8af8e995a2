//! The insert of recovery commands: one statement for many, and which id each of them got.

use std::collections::{HashMap, HashSet};

use jiff::civil::DateTime;
use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::database::{DatabaseError, Dialect, Row, Value};
use super::rows;
use super::store::MetadataStore;
use super::witness::{Hearing, mark};
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

/// Commands in one insert: three placeholders each, far below every database's limit.
const INSERT_ROWS: usize = 1000;

impl MetadataStore {
    /// Inserts one recovery command each, ids assigned by the database; gives instance → command id. `now` is the
    /// present time in the cluster's zone; without it the database's own clock is used. The instances' rows are locked, and
    /// are as `commands` has them.
    ///
    /// # Errors
    /// [`DatabaseError`]; also where a command is not inserted, since one that names the instance is there already. The batch
    /// must not be committed then.
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
        let ids = commands.iter().map(|command| command.row.instance.id);
        let missing: Vec<InstanceId> = ids.filter(|id| !inserted.contains_key(id)).collect();
        if missing.is_empty() {
            return Ok(inserted);
        }
        let (some, more) = (missing.iter().take(20), if missing.len() > 20 { ",…" } else { "" });
        Err(DatabaseError::Refused {
            endpoint: self.database.endpoint().to_owned(),
            cause: format!(
                "{} commands were inserted instead of {}: it has a recovery command for instance {}{more} already, or swallows \
                 new ones; nothing of this batch was written",
                inserted.len(),
                commands.len(),
                super::statements::list(some),
            ),
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
        let drawn = mark();
        let mut hearing = None;
        let mut keep = |row: Row| {
            let instance = rows::command_instance(row.int(1), row.text(2).as_deref());
            hearing = row.text(3).map(|said| Hearing::of(&drawn, said));
            if let (Some(id), Some(instance)) = (row.int(0), instance.filter(|id| wanted.contains(id))) {
                inserted.insert(instance, id);
            }
        };
        let dialect = self.database.dialect();
        let (sql, parameters) = if dialect == Dialect::Postgres {
            let witness = self.database.witness().unwrap_or_default();
            let sql = self.statements().insert_list(&columns, now.is_some(), &witness);
            let last = [list(&columns, piece), drawn.clone()].map(Value::Text);
            (sql, bound(&columns, now, Vec::new).chain(last).collect())
        } else {
            let sql = self.statements().insert_for(&columns, piece.len(), now.is_some());
            let ids = piece.iter().map(|command| Value::from(command.row.instance.id));
            (sql, bound(&columns, now, || own_parameters(piece)).chain(ids).collect::<Vec<_>>())
        };
        if dialect != Dialect::MySql {
            self.database.query(&sql, &parameters, &mut keep).await?;
            return self.server.believe(hearing, self.database.endpoint());
        }
        let written = self.database.execute(&sql, &parameters).await?;
        if written.rows == 0 {
            return Ok(());
        }
        // MySQL knows no RETURNING: the ids are read back, from the first one assigned on.
        let read_back = self.statements().commands_from(written.insert_id);
        self.each(&read_back, &[], &mut keep).await
    }
}

/// The parameters of the columns that have any: the time, and what the instances' parameters are.
fn bound<'a>(
    columns: &'a [(&str, CommandValue)],
    now: Option<&'a str>,
    own: impl Fn() -> Vec<Value> + 'a,
) -> impl Iterator<Item = Value> + 'a {
    columns.iter().flat_map(move |(_, value)| match value {
        CommandValue::Now => now.map(Value::from).into_iter().collect(),
        CommandValue::Parameter => own(),
        _ => Vec::new(),
    })
}

/// Each instance with its command's parameter.
fn own_parameters(piece: &[&NewCommand<'_>]) -> Vec<Value> {
    let of_one = |command: &&NewCommand<'_>| [command.row.instance.id.into(), command.parameter.as_str().into()];
    piece.iter().flat_map(of_one).collect()
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

/// A command as a JSON object, whose keys are its columns, and `instance`. What is the same for all commands is left out.
struct Object<'a>(&'a [(&'a str, CommandValue)], &'a NewCommand<'a>);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(columns, command) = self;
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("instance", &command.row.instance.id)?;
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
