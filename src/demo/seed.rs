//! Rows for the tables of any release: what demos and tests insert into a database.
//!
//! Table and column names are written in their older form here (`process_…`); from 3.3 on they
//! become `workflow_…` automatically. Only names of [`super::schema`] ever enter SQL text, and
//! every value is bound.

use jiff::civil::DateTime;

use super::schema::{self, TableDef};
use crate::metadata::Query;
use crate::metadata::database::{Database, DatabaseError, Dialect, Value};
use crate::model::{InstanceId, Stage, Version};

mod rows;

pub use rows::{
    alert, command, definition, definition_log, error_command, instance, project, recovery_command,
    recovery_parameter, relation, schedule, task, version_row,
};

/// Values of columns.
pub type Values = Vec<(&'static str, Value)>;

/// A row that is being built.
#[derive(Clone, Debug)]
#[must_use = "a row has no effect until it is inserted"]
pub struct Seed {
    version: Version,
    table: Result<TableDef, String>,
    values: Values,
    /// The first name that the table does not have.
    unknown: Option<String>,
}

impl Seed {
    /// An empty row of a table.
    pub fn new(version: Version, table: &str) -> Self {
        let mut tables = schema::tables(version);
        tables.extend(schema::registry_tables());
        let found = tables.into_iter().find(|known| is_named(known.name, table));
        let table = found.ok_or_else(|| format!("release {version} has no table {table}"));
        Self {
            version,
            table,
            values: Vec::new(),
            unknown: None,
        }
    }

    /// Sets a column; the last value counts. A name that the release does not have makes
    /// [`Seed::insert`] fail.
    pub fn set(mut self, column: &str, value: impl Into<Value>) -> Self {
        match self.name_of(column) {
            Some(name) => self.put(name, value.into()),
            None => self.unknown = self.unknown.or_else(|| Some(column.to_owned())),
        }
        self
    }

    /// Sets a column if the release has it.
    pub fn maybe(mut self, column: &str, value: impl Into<Value>) -> Self {
        if let Some(name) = self.name_of(column) {
            self.put(name, value.into());
        }
        self
    }

    /// Sets a time, without a zone as in the databases.
    pub fn time(self, column: &str, time: DateTime) -> Self {
        self.set(column, time_text(time))
    }

    /// Sets a time if the release has the column.
    pub fn maybe_time(self, column: &str, time: DateTime) -> Self {
        self.maybe(column, time_text(time))
    }

    /// Leaves a column to its default.
    pub fn without(mut self, column: &str) -> Self {
        self.values.retain(|(name, _)| !is_named(name, column));
        self
    }

    /// Sets the primary key.
    pub fn id(self, id: i64) -> Self {
        self.set("id", id)
    }

    /// Sets the host.
    pub fn host(self, host: &str) -> Self {
        self.set("host", host)
    }

    /// Sets the state.
    pub fn state(self, code: i64) -> Self {
        self.set("state", code)
    }

    /// Sets the name.
    pub fn name(self, name: &str) -> Self {
        self.set("name", name)
    }

    /// Sets `command_param`.
    pub fn parameter(self, text: &str) -> Self {
        self.set("command_param", text)
    }

    /// Points to a definition by id (1.x) or by code and version, as far as the table can; a row of
    /// a definition table becomes that definition.
    pub fn definition(self, number: i64, version: i64) -> Self {
        let defines = self
            .table
            .as_ref()
            .is_ok_and(|table| table.name.contains("_definition"));
        if !defines {
            let pointed = self
                .maybe("process_definition_id", number)
                .maybe("process_definition_code", number);
            return pointed.maybe("process_definition_version", version);
        }
        let key = if self.name_of("code").is_some() {
            "code"
        } else {
            "id"
        };
        self.set(key, number).set("version", version)
    }

    /// Points to an instance, if the table has a column for it.
    pub fn of_instance(self, id: InstanceId) -> Self {
        self.maybe("process_instance_id", id)
    }

    /// Sets the start of an instance's or task's only run. From 3.3 on `restart_time` stays NULL
    /// until a recovery.
    pub fn started(self, time: DateTime) -> Self {
        let first_run_restarts = self.version < Version::staged(3, 3, 0, Stage::Alpha);
        let row = self
            .time("start_time", time)
            .maybe_time("command_start_time", time)
            .maybe_time("submit_time", time);
        let row = row.maybe_time("first_submit_time", time);
        if first_run_restarts {
            row.maybe_time("restart_time", time)
        } else {
            row
        }
    }

    /// The table, and the values of its columns.
    ///
    /// # Errors
    /// A message with the name of a table or column that the release does not have.
    pub fn row(self) -> Result<(TableDef, Values), String> {
        let table = self.table?;
        match self.unknown {
            None => Ok((table, self.values)),
            Some(column) => Err(format!(
                "release {} has no column {column} in {}",
                self.version, table.name
            )),
        }
    }

    /// Inserts the row into a SQLite file.
    ///
    /// # Errors
    /// Those of [`Database::execute`]; a table or column that the release does not have is
    /// `Refused`, and nothing was sent.
    pub async fn insert(self, database: &mut dyn Database) -> Result<(), DatabaseError> {
        let refused = |cause| DatabaseError::Refused {
            endpoint: database.endpoint().to_owned(),
            cause,
            busy: false,
        };
        let (table, values) = self.row().map_err(refused)?;
        database.execute(&statement(&table, &values)).await?;
        Ok(())
    }

    fn name_of(&self, column: &str) -> Option<&'static str> {
        let columns = &self.table.as_ref().ok()?.columns;
        columns
            .iter()
            .map(|known| known.name)
            .find(|known| is_named(known, column))
    }

    fn put(&mut self, name: &'static str, value: Value) {
        self.values.retain(|(known, _)| *known != name);
        self.values.push((name, value));
    }
}

/// Whether a name of the schema is the given one, itself or in its newer form.
fn is_named(known: &str, meant: &str) -> bool {
    known == meant || known == meant.replace("process", "workflow")
}

/// A time as text, in a format that all three databases accept.
#[must_use]
pub fn time_text(time: DateTime) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn statement(table: &TableDef, values: &[(&str, Value)]) -> Query {
    let known = || {
        values
            .iter()
            .filter_map(|(name, value)| Some((table.column(name)?, value)))
    };
    let names: Vec<&str> = known().map(|(column, _)| column.name).collect();
    Query::builder(Dialect::Sqlite)
        .push(&format!(
            "INSERT INTO {} ({}) VALUES (",
            table.name,
            names.join(", ")
        ))
        .each(known(), ", ", |query, (_, value)| query.bind(value.clone()))
        .push(")")
        .build()
}

#[cfg(test)]
mod tests;
