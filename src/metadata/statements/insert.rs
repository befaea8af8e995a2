//! The insert of recovery commands: one statement for many, which itself checks for existing ones.

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::{Statements, list, of_instance};
use crate::family::{Claim, CommandValue, RECOVERY_COMMAND};
use crate::metadata::database::Dialect;
use crate::metadata::query::{Query, QueryBuilder};
use crate::model::InstanceRow;

/// A recovery command to be inserted.
#[derive(Clone, Debug)]
pub struct NewCommand<'a> {
    /// The instance's row as it was read under its row lock.
    pub row: &'a InstanceRow,
    /// The text of `command_param`.
    pub parameter: String,
}

/// A column of the command table, and its value.
type ColumnValue<'a> = (&'a str, CommandValue);

/// How many places of a parameter are searched for an instance where they must be counted; and the
/// last place.
const NAMED: i64 = 8;

impl Statements<'_> {
    /// Inserts these commands with the values of their instances' rows, except for instances that a
    /// recovery command already names. The same statement that writes checks this: it does not rely
    /// on an earlier answer. With `claimed` it also skips instances whose row does not have the
    /// claim: a trigger may have changed what was written. `now` is the present time as the masters
    /// would write it; without it the database's own clock is used.
    ///
    /// If the dialect has RETURNING, each row has what `commands_from` returns, and 1 if a trigger
    /// may have changed it since, which RETURNING does not show; in PostgreSQL also `mark`, and the
    /// witness.
    pub(crate) fn insert_commands(
        &self,
        columns: &[ColumnValue<'_>],
        commands: &[&NewCommand<'_>],
        (claimed, now): (bool, Option<&str>),
        (mark, witness): (&str, &str),
    ) -> Query {
        match self.dialect {
            Dialect::Postgres => self
                .insert_listed(columns, commands, (claimed, now))
                .push(", CONCAT(")
                .bind(mark)
                .push(&format!(", '|', {witness})"))
                .build(),
            Dialect::Sqlite => self
                .insert_by_case(columns, commands, (claimed, now))
                .push(&self.returning())
                .build(),
            Dialect::MySql => self
                .insert_by_case(columns, commands, (claimed, now))
                .build(),
        }
    }

    /// Each instance's parameter is bound in the text, after its id.
    fn insert_by_case(
        &self,
        columns: &[ColumnValue<'_>],
        commands: &[&NewCommand<'_>],
        (claimed, now): (bool, Option<&str>),
    ) -> QueryBuilder {
        let own = &self.family.columns;
        let value = |query: QueryBuilder, (_, value): &ColumnValue<'_>| match value {
            CommandValue::Number(constant) => query.push(&constant.to_string()),
            CommandValue::Now => self.push_now(query, now),
            CommandValue::Parameter => push_parameters(query, commands),
            CommandValue::Instance => query.push("i.id"),
            CommandValue::Definition => query.push(&format!("i.{}", own.definition)),
            CommandValue::DefinitionVersion => query.push(&format!(
                "COALESCE({}, 0)",
                of_instance(own.definition_version)
            )),
            CommandValue::Executor => query.push("i.executor_id"),
            CommandValue::Priority => query.push(&format!("i.{}", own.priority)),
            CommandValue::TestFlag => query.push(&format!(
                "COALESCE({}, 0)",
                of_instance(self.optional.test_flag)
            )),
        };
        self.builder()
            .push(&format!(
                "INSERT INTO {} ({}) SELECT ",
                self.family.tables.command,
                names(columns)
            ))
            .each(columns, ", ", value)
            .push(&format!(
                " FROM {} i LEFT JOIN ({}) n ON n.instance = i.id WHERE i.id IN (",
                self.family.tables.instance,
                self.commanded()
            ))
            .bind_each(commands.iter().map(|command| command.row.instance.id), ",")
            .push(&format!(
                ") AND n.instance IS NULL{} ORDER BY i.id",
                self.claim_condition(claimed, |column| format!("i.{column}"))
            ))
    }

    /// The same for PostgreSQL, which parses a long statement slowly: the commands are bound as a JSON
    /// list of objects, whose keys are the columns and `instance`.
    ///
    /// Joins are avoided. What this transaction has just written is in no statistics: expecting one
    /// claimed row, the server would search all commands again for each of a thousand. A list in
    /// `ARRAY` is made once, and a row found by its key, whatever it expects.
    fn insert_listed(
        &self,
        columns: &[ColumnValue<'_>],
        commands: &[&NewCommand<'_>],
        (claimed, now): (bool, Option<&str>),
    ) -> QueryBuilder {
        let value = |query: QueryBuilder, (column, value): &ColumnValue<'_>| match value {
            CommandValue::Number(constant) => query.push(&constant.to_string()),
            CommandValue::Now => self.push_now(query, now),
            _ => query.push(&format!("c.{column}")),
        };
        let kind = |(column, value): &ColumnValue<'_>| {
            format!(
                ", {column} {}",
                if *value == CommandValue::Parameter {
                    "text"
                } else {
                    "bigint"
                }
            )
        };
        let kinds: String = columns
            .iter()
            .filter(|(_, value)| value.is_own())
            .map(kind)
            .collect();
        let by_key = |column: &str| {
            let table = self.family.tables.instance;
            format!("(SELECT i.{column} FROM {table} i WHERE i.id = c.instance)")
        };
        self.builder()
            .push(&format!(
                "INSERT INTO {} ({}) SELECT ",
                self.family.tables.command,
                names(columns)
            ))
            .each(columns, ", ", value)
            .push(" FROM json_to_recordset(CAST(")
            .bind(json_list(columns, commands))
            .push(&format!(
                " AS json)) AS c (instance bigint{kinds}) WHERE c.instance <> ALL (ARRAY(SELECT n.instance FROM ({}) n \
                 WHERE n.instance = ANY (CAST('{{{}}}' AS bigint[])))){}{}",
                self.commanded(),
                list(commands.iter().map(|command| command.row.instance.id)),
                self.claim_condition(claimed, by_key),
                self.returning(),
            ))
    }

    /// The condition that an instance has the claim, after AND; or nothing. `of_row` gives a column of
    /// the instance's row.
    fn claim_condition(&self, claimed: bool, of_row: impl Fn(&str) -> String) -> String {
        let (column, value) = match self.family.claim {
            Claim::Host(text) => ("host", format!("'{text}'")),
            Claim::State(code) => ("state", code.to_string()),
        };
        if claimed {
            format!(" AND {} = {value}", of_row(column))
        } else {
            String::new()
        }
    }

    /// The present time as the masters would write it.
    fn push_now(&self, query: QueryBuilder, now: Option<&str>) -> QueryBuilder {
        match (self.dialect, now) {
            (Dialect::MySql, Some(now)) => query.push("CAST(").bind(now).push(" AS DATETIME)"),
            (Dialect::Postgres, Some(now)) => query.push("CAST(").bind(now).push(" AS timestamp)"),
            (Dialect::Sqlite, Some(now)) => query.bind(now),
            (Dialect::Postgres, None) => query.push("LOCALTIMESTAMP"),
            (Dialect::MySql | Dialect::Sqlite, None) => query.push("CURRENT_TIMESTAMP"),
        }
    }

    /// Every instance that a recovery command names, in its column or anywhere in its parameter:
    /// `"ProcessInstanceId":7`, with quotes around the number in some releases, and with a small
    /// letter where 1.x writes a child's command. One column,
    /// `instance`; a parameter that names none gives NULL, or no row.
    ///
    /// MySQL, MariaDB and TiDB have no common function that extracts a number from a text, and some
    /// fail a statement that casts anything else: what is cast there is checked first. UNION or
    /// DISTINCT keep the list from being built again for each instance.
    fn commanded(&self) -> String {
        let table = self.family.tables.command;
        let recovery = format!("command_type = {RECOVERY_COMMAND}");
        let mut to_search = format!("{recovery} AND command_param LIKE '%rocessInstanceId%'");
        let mut by_column = String::new();
        if let Some(column) = self.family.columns.command_instance {
            by_column = format!(
                "SELECT {column} AS instance FROM {table} WHERE {recovery} AND {column} <> 0 UNION ALL "
            );
            to_search = format!("{to_search} AND NOT ({})", self.names_only(column));
        }
        let by_parameter = match self.dialect {
            Dialect::MySql => {
                let distinct = if by_column.is_empty() {
                    "DISTINCT "
                } else {
                    ""
                };
                let parameter = "REPLACE(LOWER(CONVERT(command_param USING utf8mb4)), ' ', '')";
                // Up to its second place a text has what follows the first one, and so on; what
                // follows the last one is in its rest, however many there are. Nearly every
                // parameter has only one place.
                let key = "'\"processinstanceid\":'";
                let times: Vec<String> = (2..=NAMED)
                    .map(|time| format!("SELECT {time} AS time"))
                    .collect();
                let places = format!(
                    "(CHAR_LENGTH({parameter}) - CHAR_LENGTH(REPLACE({parameter}, {key}, ''))) / CHAR_LENGTH({key})"
                );
                let rest = format!(
                    "SUBSTRING_INDEX(SUBSTRING_INDEX({parameter}, {key}, k.time), {key}, -1)"
                );
                let number = format!("TRIM(LEADING '\"' FROM {rest})");
                let number = format!(
                    "SUBSTRING_INDEX(SUBSTRING_INDEX(SUBSTRING_INDEX({number}, ',', 1), '}}', 1), '\"', 1)"
                );
                format!(
                    "SELECT {distinct}CASE WHEN {number} REGEXP '^-?[0-9]{{1,18}}$' THEN CAST({number} AS SIGNED) END AS instance \
                     FROM {table} JOIN (SELECT -1 AS time UNION ALL {}) k ON k.time <= {places} \
                     WHERE {to_search} AND {parameter} LIKE '%\"processinstanceid\":%'",
                    times.join(" UNION ALL ")
                )
            }
            Dialect::Postgres => format!(
                "SELECT CAST(named.number[1] AS bigint) AS instance FROM {table} CROSS JOIN LATERAL regexp_matches(command_param, \
                 '\"[Pp]rocessInstanceId\"[[:space:]]*:[[:space:]]*\"?(-?[0-9]{{1,18}})\"?[[:space:]]*[,}}]', 'g') AS named(number) \
                 WHERE {to_search}"
            ),
            // A cast takes the digits at the start of a text.
            Dialect::Sqlite => {
                let number = "CAST(named.atom AS INTEGER)";
                format!(
                    "SELECT CASE WHEN CAST({number} AS TEXT) = CAST(named.atom AS TEXT) THEN {number} END AS instance \
                     FROM {table} JOIN json_tree(CASE WHEN json_valid(command_param) THEN command_param ELSE '{{}}' END) named \
                     WHERE {to_search} AND named.key IN ('ProcessInstanceId', 'processInstanceId')"
                )
            }
        };
        format!("{by_column}{by_parameter}")
    }

    /// The condition that a parameter names the instance that the column names, and no other one. Nearly
    /// every parameter does, and taking each apart takes twenty times as long: those of earlier batches
    /// would be taken apart again with every batch.
    fn names_only(&self, column: &str) -> String {
        // With NULL the whole condition would be NULL, and its opposite, too.
        let value = format!("COALESCE({column}, 0)");
        let concat = |start: &str, end: &str| match self.dialect {
            Dialect::Sqlite => format!("'{start}' || {value} || '{end}'"),
            Dialect::MySql | Dialect::Postgres => format!("CONCAT('{start}', {value}, '{end}')"),
        };
        let forms = [("\":", "}%"), ("\":", ",%"), ("\":\"", "\"%")]
            .map(|(start, end)| {
                let pattern = concat(&format!("%rocessInstanceId{start}"), end);
                format!("command_param LIKE {pattern}")
            })
            .join(" OR ");
        format!("command_param NOT LIKE '%rocessInstanceId%rocessInstanceId%' AND ({forms})")
    }

    /// What `commands_from` returns, for the inserted rows. Each of them names its instance, unless
    /// a trigger has changed it into another command.
    fn returning(&self) -> String {
        let named =
            |column: &str| format!("CASE WHEN command_type = {RECOVERY_COMMAND} THEN {column} END");
        let (instance, parameter) = match self.family.columns.command_instance {
            Some(column) => (named(column), "NULL".to_owned()),
            None => ("NULL".to_owned(), named(&self.text("command_param"))),
        };
        let has_trigger = has_trigger(self.dialect, self.family.tables.command);
        format!(" RETURNING id, {instance}, {parameter}, {has_trigger}")
    }
}

/// 1 where a trigger or a rule may act behind an insert; so it may wherever this is no plain table.
fn has_trigger(dialect: Dialect, table: &str) -> String {
    match dialect {
        Dialect::Postgres => format!(
            "CAST(EXISTS (SELECT 1 FROM pg_catalog.pg_class c WHERE c.oid = to_regclass('{table}') AND (c.relkind <> 'r' \
             OR c.relhasrules OR EXISTS (SELECT 1 FROM pg_catalog.pg_trigger g WHERE g.tgrelid = c.oid \
             AND NOT g.tgisinternal))) AS INT)"
        ),
        Dialect::Sqlite => format!(
            "EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'trigger' AND lower(tbl_name) = '{table}' \
             OR type = 'view' AND lower(name) = '{table}')"
        ),
        Dialect::MySql => "0".to_owned(),
    }
}

/// The parameter of the instance `i`.
fn push_parameters(query: QueryBuilder, commands: &[&NewCommand<'_>]) -> QueryBuilder {
    query
        .push("CASE i.id ")
        .each(commands, " ", |query, command| {
            let (id, parameter) = (command.row.instance.id, command.parameter.as_str());
            query
                .push("WHEN ")
                .bind(id)
                .push(" THEN CAST(")
                .bind(parameter)
                .push(" AS CHAR)")
        })
        .push(" END")
}

fn names(columns: &[(&str, CommandValue)]) -> String {
    columns
        .iter()
        .map(|(name, _)| *name)
        .collect::<Vec<_>>()
        .join(", ")
}

/// The value from an instance's row, if it is a number.
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

/// A command as a JSON object, whose keys are its columns, and `instance`. Values that are the same
/// for all commands are omitted.
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
fn json_list(columns: &[(&str, CommandValue)], commands: &[&NewCommand<'_>]) -> String {
    let objects: Vec<Object<'_>> = commands
        .iter()
        .map(|command| Object(columns, command))
        .collect();
    // Numbers and texts can always be serialised.
    serde_json::to_string(&objects).unwrap_or_default()
}
