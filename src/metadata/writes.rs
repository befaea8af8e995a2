//! The writes of a failover. They happen inside one transaction per batch and nowhere else.

use std::collections::HashMap;
use std::time::Duration;

use jiff::civil::DateTime;

use super::database::{Access, DatabaseError, Dialect, Row, Value};
use super::rows;
use super::store::{LOOK_UP, MetadataStore};
use crate::family::{Claim, CommandValue};
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

/// What a column of MySQL's type TEXT holds, in bytes. The columns of the other databases hold everything.
const MYSQL_TEXT: usize = 65_535;

impl MetadataStore {
    /// Whether a command's parameter fits into its column. Where the instance's own is longer than the column's type
    /// allows, somebody has changed these types, and the database decides.
    #[must_use]
    pub fn can_hold(&self, row: &InstanceRow, parameter: &str) -> bool {
        let own = row.command_param.as_ref().map_or(0, String::len);
        self.database.dialect() != Dialect::MySql || parameter.len() <= MYSQL_TEXT || own > MYSQL_TEXT
    }

    /// Starts a batch's transaction. `idle_limit`: see [`super::database::Database::begin`].
    ///
    /// # Errors
    /// [`DatabaseError`]; nothing is open then.
    pub async fn begin_batch(&mut self, idle_limit: Duration) -> Result<(), DatabaseError> {
        self.database.begin(Access::Write, idle_limit).await
    }

    /// Those of the tables written to whose engine knows no transactions (`MySQL`'s alone have engines).
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn tables_without_transactions(&mut self) -> Result<Vec<String>, DatabaseError> {
        if self.database.dialect() != Dialect::MySql {
            return Ok(Vec::new());
        }
        let tables = &self.release.family.tables;
        let names = [tables.instance, tables.task, tables.command].map(Value::from);
        self.collect(super::statements::WITHOUT_TRANSACTIONS, &names, |row| row.text(0)).await
    }

    /// Makes the batch last.
    ///
    /// # Errors
    /// [`DatabaseError::Refused`]: nothing happened. [`DatabaseError::Lost`]: it may or may not have.
    pub async fn commit_batch(&mut self) -> Result<(), DatabaseError> {
        self.database.commit().await
    }

    /// Undoes the batch.
    pub async fn roll_back_batch(&mut self) {
        self.database.rollback().await;
    }

    /// Makes a new connection in place of a lost one.
    ///
    /// # Errors
    /// [`DatabaseError::Unreachable`].
    pub async fn reconnect(&mut self) -> Result<(), DatabaseError> {
        self.database.reconnect().await
    }

    /// Reads rows by id and locks them until the end of the batch; waits for whoever else holds them. Whole rows, ids
    /// ascending; ids without a row are left out.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn lock_instances(&mut self, ids: &[InstanceId]) -> Result<Vec<InstanceRow>, DatabaseError> {
        let sql = self.statements().rows_by_ids(ids, true);
        self.collect(&sql, &[], rows::instance_row).await
    }

    /// Marks tasks that are still unfinished; gives how many were marked.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn mark_tasks(&mut self, tasks: &[i64]) -> Result<u64, DatabaseError> {
        let mut marked = 0;
        for some in tasks.chunks(LOOK_UP) {
            let sql = self.statements().mark_tasks(some, self.release.mark_clears_flag());
            marked += self.database.execute(&sql, &[]).await?.rows;
        }
        Ok(marked)
    }

    /// Claims instances that still have the host and state given; gives how many were claimed. One statement for each
    /// state, so a constant number for each batch.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn claim(&mut self, rows: &[InstanceRow]) -> Result<u64, DatabaseError> {
        let mut groups: HashMap<(i64, &str), Vec<InstanceId>> = HashMap::new();
        for InstanceRow { instance, .. } in rows {
            if let (Some(state), Some(host)) = (instance.state, instance.host.as_deref()) {
                groups.entry((state, host)).or_default().push(instance.id);
            }
        }
        let mut claimed = 0;
        for ((state, host), ids) in groups {
            let ids = padded(&ids);
            let sql = self.statements().claim(ids.len(), state);
            let mut parameters = match self.release.family.claim {
                Claim::Host(text) => vec![Value::from(text)],
                Claim::State(_) => Vec::new(),
            };
            parameters.extend(ids.into_iter().map(Value::from));
            parameters.push(Value::from(host));
            claimed += self.database.execute(&sql, &parameters).await?.rows;
        }
        Ok(claimed)
    }

    /// Inserts one recovery command each, ids assigned by the database; gives instance → command id. `now` is the
    /// present time in the cluster's zone; without it the database's own clock is used.
    ///
    /// # Errors
    /// [`DatabaseError`]; also where the number of commands inserted is not the number asked for.
    pub async fn insert_commands(
        &mut self,
        commands: &[NewCommand<'_>],
        now: Option<DateTime>,
    ) -> Result<HashMap<InstanceId, i64>, DatabaseError> {
        let mut inserted = HashMap::with_capacity(commands.len());
        // A column that is left out takes the database's default: rows with and without a priority go apart.
        let (with, without): (Vec<_>, Vec<_>) = commands.iter().partition(|command| command.row.priority.is_some());
        for group in [with, without] {
            for piece in pieces(&group) {
                self.insert_piece(piece, now, &mut inserted).await?;
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
        now: Option<DateTime>,
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
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        let mut parameters = Vec::new();
        let mut values = String::new();
        for command in piece {
            values.push_str(if values.is_empty() { "(" } else { ",(" });
            for (index, (_, value)) in columns.iter().enumerate() {
                values.push_str(if index == 0 { "" } else { "," });
                values.push_str(&self.expression(*value, command, now, &mut parameters));
            }
            values.push(')');
        }
        let sql = self.statements().insert_commands(&names, &values);
        self.run_insert(&sql, &parameters, piece, inserted).await
    }

    /// The SQL of one value. What differs between commands goes to the parameters, so that every batch of a size has the
    /// same text.
    fn expression(
        &self,
        value: CommandValue,
        command: &NewCommand<'_>,
        now: Option<DateTime>,
        parameters: &mut Vec<Value>,
    ) -> String {
        let row = command.row;
        let instance = &row.instance;
        let number = match value {
            CommandValue::Number(constant) => return constant.to_string(),
            CommandValue::Parameter => {
                parameters.push(Value::from(command.parameter.as_str()));
                return "?".to_owned();
            }
            CommandValue::Now => {
                parameters.extend(now.map(|now| Value::from(now.strftime("%Y-%m-%d %H:%M:%S").to_string())));
                return self.statements().now(now.is_some()).to_owned();
            }
            CommandValue::Definition => instance.definition,
            CommandValue::DefinitionVersion => Some(instance.definition_version.unwrap_or(0)),
            CommandValue::Instance => Some(instance.id),
            CommandValue::Executor => row.executor_id,
            CommandValue::Priority => row.priority,
            CommandValue::TestFlag => Some(row.test_flag.unwrap_or(0)),
        };
        parameters.push(number.map_or(Value::Null, Value::from));
        "?".to_owned()
    }

    /// MySQL knows no RETURNING: there the ids are read back, from the first one assigned on.
    async fn run_insert(
        &mut self,
        sql: &str,
        parameters: &[Value],
        piece: &[&NewCommand<'_>],
        inserted: &mut HashMap<InstanceId, i64>,
    ) -> Result<(), DatabaseError> {
        let wanted: std::collections::HashSet<InstanceId> =
            piece.iter().map(|command| command.row.instance.id).collect();
        let mut keep = |row: Row| {
            let instance = rows::command_instance(row.int(1), row.text(2).as_deref());
            if let (Some(id), Some(instance)) = (row.int(0), instance.filter(|id| wanted.contains(id))) {
                inserted.insert(instance, id);
            }
        };
        if self.database.dialect() == Dialect::MySql {
            let written = self.database.execute(sql, parameters).await?;
            let read_back = self.statements().commands_from(written.insert_id);
            self.database.query(&read_back, &[], &mut keep).await
        } else {
            self.database.query(sql, parameters, &mut keep).await
        }
    }
}

/// Ids, with the last one repeated up to the next power of two: a statement for them is one of few texts.
fn padded(ids: &[InstanceId]) -> Vec<InstanceId> {
    let mut padded = ids.to_vec();
    if let Some(last) = ids.last() {
        padded.resize(ids.len().next_power_of_two(), *last);
    }
    padded
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
    fn few_numbers_of_ids_are_asked_for() {
        assert_eq!(padded(&[]), [0_i64; 0]);
        assert_eq!(padded(&[7]), [7]);
        assert_eq!(padded(&[1, 2, 3, 4, 5]), [1, 2, 3, 4, 5, 5, 5, 5]);
    }

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
