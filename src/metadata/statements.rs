//! The SQL of the metadata store: built from the family's names alone. Whatever comes from a row, a registry or an
//! operator is bound to a placeholder; only integers are written into the text.

use std::fmt::{Display, Write as _};

use super::database::Dialect;
use crate::family::{Claim, CommandValue, Family, Release, Tables};

/// Builds statements for one release and one dialect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statements<'a> {
    pub(crate) family: &'a Family,
    pub(crate) dialect: Dialect,
    /// Columns that a point release may lack.
    pub(crate) optional: OptionalColumns,
}

/// Columns that differ between point releases, by their names; `None` where this database has no such column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OptionalColumns {
    pub(crate) restart_time: Option<&'static str>,
    pub(crate) state_history: Option<&'static str>,
    pub(crate) test_flag: Option<&'static str>,
    pub(crate) schedule_zone: Option<&'static str>,
    pub(crate) submit_time: Option<&'static str>,
}

/// Which rows a statement locks until the end of its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowLock {
    /// None.
    None,
    /// All that it reads; whoever has locked them is waited for.
    All,
    /// Those that nobody else has locked; the others it does not read.
    Free,
}

/// Which part of the instance table is scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of it.
    Whole,
    /// Ids up to one, which is the last parameter.
    To,
    /// Ids greater than that one.
    After,
}

/// A list of integers for `IN (...)`.
pub(crate) fn list<T: Display>(numbers: impl IntoIterator<Item = T>) -> String {
    let mut text = String::new();
    for number in numbers {
        let comma = if text.is_empty() { "" } else { "," };
        // Writing to a String cannot fail.
        let _ = write!(text, "{comma}{number}");
    }
    // An empty list is no SQL; NULL matches nothing.
    if text.is_empty() { "NULL".to_owned() } else { text }
}

/// A column of the instance `i`, or NULL where there is none.
fn of_instance(column: Option<&str>) -> String {
    column.map_or_else(|| "NULL".to_owned(), |column| format!("i.{column}"))
}

/// So often a parameter is looked through for an instance where that must be counted; and at its last place.
const NAMED: i64 = 8;

impl<'a> Statements<'a> {
    pub(crate) fn new(release: &'a Release, dialect: Dialect, optional: OptionalColumns) -> Self {
        Self { family: release.family, dialect, optional }
    }

    /// A time column as text, in the zone that it was written in.
    fn time(&self, column: &str) -> String {
        match self.dialect {
            Dialect::MySql => format!("CAST({column} AS CHAR)"),
            Dialect::Postgres | Dialect::Sqlite => format!("CAST({column} AS TEXT)"),
        }
    }

    fn optional_time(&self, column: Option<&str>) -> String {
        column.map_or_else(|| "NULL".to_owned(), |column| self.time(column))
    }

    /// What judging needs of the instance `i`, in the order that `rows::instance` reads.
    fn judged_columns(&self) -> String {
        let columns = &self.family.columns;
        format!(
            "i.id, i.{}, {}, i.state, i.host, {}, {}, i.{}, i.command_type, {}",
            columns.definition,
            of_instance(columns.definition_version),
            self.time("i.start_time"),
            self.optional_time(self.optional.restart_time.map(|column| format!("i.{column}")).as_deref()),
            columns.sub_process,
            of_instance(self.optional.state_history.filter(|_| self.family.starts_at_trigger)),
        )
    }

    /// Everything of the instance `i` that a hand-over needs, in the order that `rows::instance_row` reads.
    fn all_columns(&self) -> String {
        format!(
            "{}, i.command_param, i.executor_id, i.{}, {}",
            self.judged_columns(),
            self.family.columns.priority,
            of_instance(self.optional.test_flag),
        )
    }

    /// Unfinished instances of one host: parameter 1. The database's collation may match more than the very text.
    pub(crate) fn unfinished_of_host(&self, part: Part) -> String {
        self.scan(&self.judged_columns(), self.family.unfinished, true, part)
    }

    /// The least and the greatest id of the instance table.
    pub(crate) fn ends(&self) -> String {
        format!("SELECT MIN(id), MAX(id) FROM {}", self.family.tables.instance)
    }

    /// Every instance that is unfinished or claimed; with a host, only that one's: parameter 1. In the order
    /// that `rows::listed` reads.
    pub(crate) fn listed(&self, by_host: bool) -> String {
        let columns = format!("{}, i.name", self.judged_columns());
        self.scan(&columns, &self.states_of_interest(), by_host, Part::Whole)
    }

    /// Claimed instances that no master runs: host text, parameter 1, or state.
    pub(crate) fn claimed(&self) -> String {
        match self.family.claim {
            Claim::Host(_) => self.unfinished_of_host(Part::Whole),
            Claim::State(code) => self.scan(&self.judged_columns(), &[code], false, Part::Whole),
        }
    }

    /// Columns of the instances `i` in one of these states, and of one host, which is parameter 1: a scan of this part of
    /// the table, ids ascending. The state comes first, since most instances have ended and a text is dear to compare.
    ///
    /// The engine of MySQL's servers hands over every row with all the columns that are read of its table, before anybody
    /// looks at the condition. So the table stands there twice: `s` is scanned, for nothing but the condition, and `i`
    /// is read by key where that holds. STRAIGHT_JOIN keeps this order. Both see one state of the table: it is one
    /// statement, and our sessions see nothing that is not committed.
    fn scan(&self, columns: &str, states: &[i64], by_host: bool, part: Part) -> String {
        let (table, states) = (self.family.tables.instance, list(states));
        let rest = |row: &str| {
            let host = if by_host { format!(" AND {row}.host = ?") } else { String::new() };
            match part {
                Part::Whole => host,
                Part::To => format!("{host} AND {row}.id <= ?"),
                Part::After => format!("{host} AND {row}.id > ?"),
            }
        };
        match self.dialect {
            Dialect::MySql => format!(
                "SELECT STRAIGHT_JOIN {columns} FROM {table} s JOIN {table} i ON i.id = s.id \
                 WHERE s.state IN ({states}){} ORDER BY s.id",
                rest("s")
            ),
            Dialect::Postgres | Dialect::Sqlite => {
                format!("SELECT {columns} FROM {table} i WHERE i.state IN ({states}){} ORDER BY i.id", rest("i"))
            }
        }
    }

    /// One instance that names one of so many hosts, whatever its state: parameters 1 to `count`.
    pub(crate) fn naming_any(&self, count: usize) -> String {
        let places = vec!["?"; count].join(", ");
        format!("SELECT id FROM {} WHERE host IN ({places}) LIMIT 1", self.family.tables.instance)
    }

    /// How many instances of interest each host has: host, state, count. Collations of older MySQL schemas take hosts for
    /// one that are not the same text; each of them is somebody.
    pub(crate) fn host_counts(&self) -> String {
        let very_text = if self.dialect == Dialect::MySql { ", CAST(host AS BINARY)" } else { "" };
        format!(
            "SELECT host, state, COUNT(*) FROM {} WHERE state IN ({}) GROUP BY host, state{very_text}",
            self.family.tables.instance,
            list(self.states_of_interest()),
        )
    }

    fn states_of_interest(&self) -> Vec<i64> {
        let mut states = self.family.unfinished.to_vec();
        if let Claim::State(code) = self.family.claim {
            states.push(code);
        }
        states
    }

    /// Instances by id.
    pub(crate) fn by_ids(&self, ids: &[i64]) -> String {
        let table = self.family.tables.instance;
        format!("SELECT {} FROM {table} i WHERE i.id IN ({}) ORDER BY i.id", self.judged_columns(), list(ids))
    }

    /// Of these instances those in a state without an end: a master that ends one by itself writes both at once. As
    /// `rows::listed` reads.
    pub(crate) fn ended_without_time(&self, ids: &[i64], state: i64) -> String {
        format!(
            "SELECT {}, i.name FROM {} i WHERE i.id IN ({}) AND i.state = {state} AND i.end_time IS NULL ORDER BY i.id",
            self.judged_columns(),
            self.family.tables.instance,
            list(ids)
        )
    }

    /// Whole rows by id; locked until the end of the transaction where `lock` says so.
    pub(crate) fn rows_by_ids(&self, ids: &[i64], lock: RowLock) -> String {
        let lock = match lock {
            // SQLite has no row locks: BEGIN IMMEDIATE keeps every other writer out.
            _ if self.dialect == Dialect::Sqlite => "",
            RowLock::None => "",
            RowLock::All => " FOR UPDATE",
            RowLock::Free => " FOR UPDATE SKIP LOCKED",
        };
        format!(
            "SELECT {} FROM {} i WHERE i.id IN ({}) ORDER BY i.id{lock}",
            self.all_columns(),
            self.family.tables.instance,
            list(ids)
        )
    }

    /// Commands or error commands, oldest first; with an id, recovery commands alone from that one on.
    pub(crate) fn commands(&self, table: &str, recovery_from: Option<i64>) -> String {
        let message = if table == self.family.tables.error_command { "message" } else { "NULL" };
        let only = recovery_from.map_or_else(String::new, |first| {
            format!(" WHERE id >= {first} AND command_type = {}", crate::family::RECOVERY_COMMAND)
        });
        format!(
            "SELECT id, command_type, {}, command_param, {}, {}, {message} FROM {table}{only} ORDER BY id",
            self.family.columns.command_instance.unwrap_or("NULL"),
            self.time("start_time"),
            self.time("update_time"),
        )
    }

    /// Recovery commands with an id of at least `first`, oldest first: id, instance, and the parameter where the instance
    /// stands nowhere else.
    pub(crate) fn commands_from(&self, first: i64) -> String {
        format!(
            "SELECT id, {} FROM {} WHERE id >= {first} AND command_type = {} ORDER BY id",
            self.named_instance(),
            self.family.tables.command,
            crate::family::RECOVERY_COMMAND,
        )
    }

    /// Every waiting command, oldest first: id, instance and parameter as `commands_from` has them, and its type.
    pub(crate) fn waiting_commands(&self) -> String {
        let (instance, table) = (self.named_instance(), self.family.tables.command);
        format!("SELECT id, {instance}, command_type FROM {table} ORDER BY id")
    }

    /// In the command table, two columns: the instance, and the parameter where the instance stands nowhere else.
    fn named_instance(&self) -> String {
        match self.family.columns.command_instance {
            Some(column) => format!("{column}, CASE WHEN {column} > 0 THEN NULL ELSE command_param END"),
            None => "NULL, command_param".to_owned(),
        }
    }

    /// Of the newest instances the times that masters wrote, the second in which the database wrote the row (where it does
    /// so by itself), and its present second: id, start, restart, end, written, now.
    pub(crate) fn newest_times(&self, count: usize) -> String {
        let now = match self.dialect {
            Dialect::MySql => "CAST(UNIX_TIMESTAMP() AS SIGNED)",
            Dialect::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT)",
            Dialect::Sqlite => "CAST(strftime('%s', 'now') AS INTEGER)",
        };
        format!(
            "SELECT id, {}, {}, {}, {}, {now} FROM {} ORDER BY id DESC LIMIT {count}",
            self.time("start_time"),
            self.optional_time(self.optional.restart_time),
            self.time("end_time"),
            self.written(),
            self.family.tables.instance,
        )
    }

    /// The second in which the database wrote an instance's row, where it notes that by itself.
    fn written(&self) -> &'static str {
        if self.dialect == Dialect::MySql { "CAST(UNIX_TIMESTAMP(update_time) AS SIGNED)" } else { "NULL" }
    }

    /// How instances look, found by their key: id, host, state, end, start, restart, the second in which the database wrote the
    /// row (where it does so by itself), and the length of the history.
    pub(crate) fn looks(&self, ids: &[i64]) -> String {
        let whole = if self.dialect == Dialect::MySql { "SIGNED" } else { "BIGINT" };
        let length = |column| format!("CAST(LENGTH({column}) AS {whole})");
        format!(
            "SELECT id, host, state, {}, {}, {}, {}, {} FROM {} WHERE id IN ({}) ORDER BY id",
            self.time("end_time"),
            self.time("start_time"),
            self.optional_time(self.optional.restart_time),
            self.written(),
            self.optional.state_history.map_or_else(|| "NULL".to_owned(), length),
            self.family.tables.instance,
            list(ids)
        )
    }

    /// The greatest id of the task table.
    pub(crate) fn newest_task(&self) -> String {
        format!("SELECT MAX(id) FROM {}", self.family.tables.task)
    }

    /// A valid task in no finished state.
    fn is_unfinished_task(&self) -> String {
        format!("flag = 1 AND state NOT IN ({})", list(self.family.finished_tasks))
    }

    /// Valid, unfinished tasks of so many instances, found by the index on the instance: instance, id.
    pub(crate) fn tasks_of_listed(&self, instances: &[i64]) -> String {
        let (instance, table) = (self.family.columns.task_instance, self.family.tables.task);
        let unfinished = self.is_unfinished_task();
        format!("SELECT {instance}, id FROM {table} WHERE {instance} IN ({}) AND {unfinished}", list(instances))
    }

    /// The same with the instances' numbers, and commas between, as parameter 1: one scan, however many they are.
    pub(crate) fn tasks_of_bound(&self) -> String {
        let (instance, table) = (self.family.columns.task_instance, self.family.tables.task);
        let unfinished = self.is_unfinished_task();
        let wanted = match self.dialect {
            Dialect::Sqlite => "SELECT value FROM json_each('[' || ? || ']')",
            Dialect::MySql | Dialect::Postgres => {
                "SELECT CAST(unnest(string_to_array(CAST(? AS TEXT), ',')) AS BIGINT)"
            }
        };
        format!("SELECT {instance}, id FROM {table} WHERE {instance} IN ({wanted}) AND {unfinished}")
    }

    /// Valid tasks in no finished state: these, and those of these instances that have a greater id than `settled`. All
    /// are found by their key.
    pub(crate) fn unfinished_tasks(&self, tasks: &[i64], instances: &[i64], settled: i64) -> String {
        let instance = self.family.columns.task_instance;
        let submit_time = self.optional_time(self.optional.submit_time);
        format!(
            "SELECT id, {instance}, name, task_type, state, host, {submit_time}, {start}, pid, log_path, app_link \
             FROM {table} WHERE (id IN ({tasks}) OR (id > {settled} AND {instance} IN ({instances}))) \
             AND {unfinished} ORDER BY id",
            start = self.time("start_time"),
            table = self.family.tables.task,
            tasks = list(tasks),
            instances = list(instances),
            unfinished = self.is_unfinished_task(),
        )
    }

    /// Marks tasks; again only those that are in no finished state.
    pub(crate) fn mark_tasks(&self, tasks: &[i64], clear_flag: bool) -> String {
        let flag = if clear_flag { ", flag = 0" } else { "" };
        format!(
            "UPDATE {} SET state = {}{flag} WHERE id IN ({}) AND {}",
            self.family.tables.task,
            crate::family::NEED_FAULT_TOLERANCE,
            list(tasks),
            self.is_unfinished_task(),
        )
    }

    /// Claims so many instances that are still as they were read. Parameters: the claim text (where it is a text), the
    /// instances, the host.
    pub(crate) fn claim(&self, instances: usize, state: i64) -> String {
        let set = match self.family.claim {
            Claim::Host(_) => "host = ?".to_owned(),
            Claim::State(code) => format!("state = {code}"),
        };
        format!(
            "UPDATE {} SET {set} WHERE id IN ({}) AND host = ? AND state = {state}",
            self.family.tables.instance,
            list(std::iter::repeat_n("?", instances))
        )
    }

    /// Definitions whose project is gone: code.
    pub(crate) fn definitions_without_project(&self, codes: &[i64], table: &str) -> String {
        format!(
            "SELECT d.code FROM {table} d LEFT JOIN {} p ON p.code = d.project_code \
             WHERE d.code IN ({}) AND p.code IS NULL",
            self.family.tables.project,
            list(codes)
        )
    }

    /// Definitions of 1.x by id: id, release state, flag.
    pub(crate) fn definition_states(&self, ids: &[i64]) -> String {
        format!("SELECT id, release_state, flag FROM {} WHERE id IN ({})", self.family.tables.definition, list(ids))
    }

    /// Schedules of definitions: definition, zone.
    pub(crate) fn schedule_zones(&self, codes: &[i64]) -> String {
        let columns = &self.family.columns;
        format!(
            "SELECT {definition}, {zone} FROM {table} WHERE {definition} IN ({codes})",
            definition = columns.schedule_definition,
            zone = self.optional.schedule_zone.unwrap_or("NULL"),
            table = self.family.tables.schedule,
            codes = list(codes),
        )
    }

    /// The present time as the masters would write it, for an insert: an expression, with one parameter if `bound`.
    pub(crate) fn now(&self, bound: bool) -> &'static str {
        match (self.dialect, bound) {
            (Dialect::MySql, true) => "CAST(? AS DATETIME)",
            (Dialect::Postgres, true) => "CAST(? AS timestamp)",
            (Dialect::Sqlite, true) => "?",
            (Dialect::Postgres, false) => "LOCALTIMESTAMP",
            (Dialect::MySql | Dialect::Sqlite, false) => "CURRENT_TIMESTAMP",
        }
    }

    /// An insert of one command for each of so many instances, as their rows say, except for those that a recovery command
    /// names already. That is looked at by the very statement that writes: no answer of anybody's stands between.
    ///
    /// Parameters: of each column that has any, in their order: a time, or each instance's id and parameter; then the ids.
    pub(crate) fn insert_for(&self, columns: &[(&str, CommandValue)], instances: usize, bound_time: bool) -> String {
        let when = vec!["WHEN ? THEN CAST(? AS CHAR)"; instances].join(" ");
        let own = &self.family.columns;
        let value = |(_, value): &(&str, CommandValue)| match value {
            CommandValue::Number(constant) => constant.to_string(),
            CommandValue::Now => self.now(bound_time).to_owned(),
            CommandValue::Parameter => format!("CASE i.id {when} END"),
            CommandValue::Instance => "i.id".to_owned(),
            CommandValue::Definition => format!("i.{}", own.definition),
            CommandValue::DefinitionVersion => format!("COALESCE({}, 0)", of_instance(own.definition_version)),
            CommandValue::Executor => "i.executor_id".to_owned(),
            CommandValue::Priority => format!("i.{}", own.priority),
            CommandValue::TestFlag => format!("COALESCE({}, 0)", of_instance(self.optional.test_flag)),
        };
        let values: Vec<String> = columns.iter().map(value).collect();
        let returning = if self.dialect == Dialect::MySql { String::new() } else { self.returning() };
        format!(
            "INSERT INTO {} ({}) SELECT {} FROM {} i LEFT JOIN ({}) n ON n.instance = i.id \
             WHERE i.id IN ({}) AND n.instance IS NULL ORDER BY i.id{returning}",
            self.family.tables.command,
            names(columns),
            values.join(", "),
            self.family.tables.instance,
            self.commanded(),
            list(std::iter::repeat_n("?", instances)),
        )
    }

    /// The same in PostgreSQL, which takes long to read a long statement: one text for however many commands. The last
    /// parameter but one is a JSON list of objects, whose keys are the columns and `instance`; before it come the times, if
    /// they are bound, and behind it the witness's mark, which is returned with each row.
    pub(crate) fn insert_list(&self, columns: &[(&str, CommandValue)], bound_time: bool, witness: &str) -> String {
        let value = |(column, value): &(&str, CommandValue)| match value {
            CommandValue::Number(constant) => constant.to_string(),
            CommandValue::Now => self.now(bound_time).to_owned(),
            _ => format!("c.{column}"),
        };
        let kind = |(column, value): &(&str, CommandValue)| {
            format!(", {column} {}", if *value == CommandValue::Parameter { "text" } else { "bigint" })
        };
        let values: Vec<String> = columns.iter().map(value).collect();
        let kinds: String = columns.iter().filter(|(_, value)| value.is_own()).map(kind).collect();
        format!(
            "INSERT INTO {} ({}) SELECT {} FROM json_to_recordset(CAST(? AS json)) AS c (instance bigint{kinds}) \
             LEFT JOIN ({}) n ON n.instance = c.instance WHERE n.instance IS NULL{}, CONCAT(?, '|', {witness})",
            self.family.tables.command,
            names(columns),
            values.join(", "),
            self.commanded(),
            self.returning(),
        )
    }

    /// Every instance that a recovery command names, in its column or anywhere in its parameter: `"ProcessInstanceId":7`, with
    /// quotes around the number in some releases, and with a small letter where 1.x writes a child's command. One column,
    /// `instance`; a parameter that names none gives NULL, or no row.
    ///
    /// Servers of MySQL's kind have no common function that takes a number out of a text, and some fail a statement that
    /// casts anything else: what is cast there is looked at first. Neither UNION nor
    /// DISTINCT lets the list be made for each instance anew.
    fn commanded(&self) -> String {
        let table = self.family.tables.command;
        let recovery = format!("command_type = {}", crate::family::RECOVERY_COMMAND);
        let by_column = self
            .family
            .columns
            .command_instance
            .map(|column| {
                format!("SELECT {column} AS instance FROM {table} WHERE {recovery} AND {column} <> 0 UNION ALL ")
            })
            .unwrap_or_default();
        let by_parameter = match self.dialect {
            Dialect::MySql => {
                let distinct = if by_column.is_empty() { "DISTINCT " } else { "" };
                let parameter = "REPLACE(LOWER(CONVERT(command_param USING utf8mb4)), ' ', '')";
                // Up to its second place a text has what stands behind the first one, and so on; what stands behind the last
                // one is in its rest, however many there are. Nearly every parameter has one place alone.
                let key = "'\"processinstanceid\":'";
                let times: Vec<String> = (2..=NAMED).map(|time| format!("SELECT {time} AS time")).collect();
                let places = format!(
                    "(CHAR_LENGTH({parameter}) - CHAR_LENGTH(REPLACE({parameter}, {key}, ''))) / CHAR_LENGTH({key})"
                );
                let rest = format!("SUBSTRING_INDEX(SUBSTRING_INDEX({parameter}, {key}, k.time), {key}, -1)");
                let number = format!("TRIM(LEADING '\"' FROM {rest})");
                let number =
                    format!("SUBSTRING_INDEX(SUBSTRING_INDEX(SUBSTRING_INDEX({number}, ',', 1), '}}', 1), '\"', 1)");
                format!(
                    "SELECT {distinct}CASE WHEN {number} REGEXP '^-?[0-9]{{1,18}}$' THEN CAST({number} AS SIGNED) END AS instance \
                     FROM {table} JOIN (SELECT -1 AS time UNION ALL {}) k ON k.time <= {places} \
                     WHERE {recovery} AND {parameter} LIKE '%\"processinstanceid\":%'",
                    times.join(" UNION ALL ")
                )
            }
            Dialect::Postgres => format!(
                "SELECT CAST(named.number[1] AS bigint) AS instance FROM {table} CROSS JOIN LATERAL regexp_matches(command_param, \
                 '\"[Pp]rocessInstanceId\"[[:space:]]*:[[:space:]]*\"?(-?[0-9]{{1,18}})\"?[[:space:]]*[,}}]', 'g') AS named(number) \
                 WHERE {recovery}"
            ),
            // A cast takes the digits that a text begins with.
            Dialect::Sqlite => {
                let number = "CAST(named.atom AS INTEGER)";
                format!(
                    "SELECT CASE WHEN CAST({number} AS TEXT) = CAST(named.atom AS TEXT) THEN {number} END AS instance \
                     FROM {table} JOIN json_tree(CASE WHEN json_valid(command_param) THEN command_param ELSE '{{}}' END) named \
                     WHERE {recovery} AND named.key IN ('ProcessInstanceId', 'processInstanceId')"
                )
            }
        };
        format!("{by_column}{by_parameter}")
    }

    /// Of the rows that are inserted what `commands_from` gives. Each of them names its instance.
    fn returning(&self) -> String {
        match self.family.columns.command_instance {
            Some(column) => format!(" RETURNING id, {column}, NULL"),
            None => " RETURNING id, NULL, command_param".to_owned(),
        }
    }
}

fn names(columns: &[(&str, CommandValue)]) -> String {
    columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// Columns of every table in the database that is connected to: table, column, 1 where we may read it, and in PostgreSQL
/// whether row level security is at work for us. MySQL leaves out what we may do nothing with. In PostgreSQL its own
/// catalogue, which is open to everybody, is asked in half the time of the standard's views, and for one schema alone, the
/// one that statements meet first: another release's may lie behind it in the search path.
pub(crate) fn catalogue(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::MySql => {
            "SELECT table_name, column_name, CAST(privileges LIKE '%select%' AS SIGNED) FROM information_schema.columns \
             WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position"
        }
        Dialect::Postgres => {
            "SELECT CAST(c.relname AS TEXT), CAST(a.attname AS TEXT), \
             CAST(has_column_privilege(c.oid, a.attnum, 'SELECT') AS INT), row_security_active(c.oid) \
             FROM pg_catalog.pg_class c \
             JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid WHERE c.relnamespace = COALESCE(\
             (SELECT t.relnamespace FROM pg_catalog.pg_class t WHERE t.oid = to_regclass('t_ds_command')), \
             (SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = current_schema())) \
             AND c.relkind IN ('r', 'v', 'f', 'p') AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.relname, a.attnum"
        }
        Dialect::Sqlite => {
            "SELECT m.name, p.name, 1 FROM sqlite_master m JOIN pragma_table_info(m.name) p \
             WHERE m.type IN ('table', 'view') ORDER BY m.name, p.cid"
        }
    }
}

/// Reads no row of the tables whose columns tell the release; refused to those who may not read every column.
pub(crate) fn whole_tables(family: &Family) -> String {
    let Tables { instance, task, command, .. } = family.tables;
    format!("SELECT i.*, t.*, c.* FROM {instance} i, {task} t, {command} c WHERE 1 = 0")
}

/// What the catalogue says of the columns of these tables: table, column, 1 where an insert may leave it out, 1 where we may
/// insert into it, 1 where we may update it, 1 where we may delete from the table (MySQL shows no such right of a column's
/// table), and the sequence behind its default if that is closed to us. A table that is none, and one whose triggers may
/// fill what is left out, can do with everything.
pub(crate) fn written_tables(dialect: Dialect, tables: &[&str]) -> String {
    let names = |wrap: &dyn Fn(&str) -> String| list(tables.iter().map(|table| wrap(table)));
    match dialect {
        Dialect::MySql => format!(
            "SELECT c.table_name, c.column_name, c.is_nullable = 'YES' OR c.column_default IS NOT NULL \
             OR c.extra LIKE '%auto_increment%' OR c.extra LIKE '%generated%' OR c.data_type = 'enum' \
             OR t.table_type <> 'BASE TABLE', c.privileges LIKE '%insert%', c.privileges LIKE '%update%', 1, NULL \
             FROM information_schema.columns c JOIN information_schema.tables t \
             ON t.table_schema = c.table_schema AND t.table_name = c.table_name \
             WHERE c.table_schema = DATABASE() AND t.table_schema = DATABASE() AND c.table_name IN ({})",
            names(&|table| format!("'{table}'"))
        ),
        Dialect::Postgres => format!(
            "SELECT CAST(c.relname AS TEXT), CAST(a.attname AS TEXT), CAST(c.relkind NOT IN ('r', 'p') OR NOT a.attnotnull \
             OR a.atthasdef OR EXISTS (SELECT 1 FROM pg_catalog.pg_depend i \
             WHERE i.refclassid = CAST('pg_catalog.pg_class' AS regclass) AND i.refobjid = c.oid \
             AND i.refobjsubid = a.attnum AND i.deptype = 'i') OR EXISTS (SELECT 1 FROM pg_catalog.pg_trigger g \
             WHERE g.tgrelid = c.oid AND NOT g.tgisinternal) AS INT), \
             CAST(has_column_privilege(c.oid, a.attnum, 'INSERT') AS INT), \
             CAST(has_column_privilege(c.oid, a.attnum, 'UPDATE') AS INT), \
             CAST(has_table_privilege(c.oid, 'DELETE') AS INT), \
             (SELECT MIN(CAST(s.relname AS TEXT)) FROM pg_catalog.pg_attrdef d JOIN pg_catalog.pg_depend u ON u.objid = d.oid \
             AND u.classid = CAST('pg_catalog.pg_attrdef' AS regclass) \
             AND u.refclassid = CAST('pg_catalog.pg_class' AS regclass) \
             JOIN pg_catalog.pg_class s ON s.oid = u.refobjid WHERE d.adrelid = c.oid AND d.adnum = a.attnum \
             AND CASE WHEN s.relkind = 'S' THEN NOT has_sequence_privilege(s.oid, 'USAGE, UPDATE') ELSE false END) \
             FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid \
             WHERE c.oid IN ({}) AND a.attnum > 0 AND NOT a.attisdropped",
            names(&|table| format!("to_regclass('{table}')"))
        ),
        Dialect::Sqlite => format!(
            "SELECT m.name, p.name, m.type = 'view' OR p.\"notnull\" = 0 OR p.dflt_value IS NOT NULL OR p.pk > 0, 1, 1, 1, NULL \
             FROM sqlite_master m JOIN pragma_table_info(m.name) p WHERE m.name IN ({})",
            names(&|table| format!("'{table}'"))
        ),
    }
}

/// Definitions of 2.0 and newer by code: code, version.
pub(crate) fn definition_versions(codes: &[i64], table: &str) -> String {
    format!("SELECT code, version FROM {table} WHERE code IN ({})", list(codes))
}

/// Which of three tables of MySQL's have an engine without transactions.
pub(crate) const WITHOUT_TRANSACTIONS: &str = "SELECT t.table_name FROM information_schema.tables t \
     JOIN information_schema.engines e ON e.engine = t.engine \
     WHERE t.table_schema = DATABASE() AND t.table_name IN (?, ?, ?) AND COALESCE(e.transactions, 'NO') <> 'YES'";

/// Rows of `t_ds_version`, the newest last.
pub(crate) const VERSIONS: &str = "SELECT version FROM t_ds_version ORDER BY id";

/// Masters that keep themselves registered in the JDBC registry's tables of 3.3 and newer: key, and how many milliseconds
/// ago the last heartbeat was by the database's own clock.
pub(crate) fn jdbc_masters(dialect: Dialect) -> String {
    // Without an argument MySQL's has no hour that a change of the clocks repeats.
    let now = match dialect {
        Dialect::MySql => "CAST(UNIX_TIMESTAMP() AS SIGNED) * 1000",
        Dialect::Postgres => "CAST(date_part('epoch', clock_timestamp()) * 1000 AS bigint)",
        Dialect::Sqlite => "CAST(strftime('%s', 'now') AS INTEGER) * 1000",
    };
    format!(
        "SELECT d.data_key, {now} - h.last_heartbeat_time \
         FROM t_ds_jdbc_registry_data d JOIN t_ds_jdbc_registry_client_heartbeat h ON h.id = d.client_id \
         WHERE d.data_key LIKE '/nodes/master/%'"
    )
}

/// Ephemeral entries of masters in the MySQL registry of 3.1: key, seconds since it was last written. The database's own
/// clock wrote the time.
pub(crate) const MYSQL_REGISTRY_MASTERS: &str = "SELECT `key`, \
     TIMESTAMPDIFF(SECOND, last_update_time, CURRENT_TIMESTAMP) FROM t_ds_mysql_registry_data \
     WHERE `key` LIKE '/nodes/master/%' AND type = 1";

/// Name of the sequence behind a table's ids in PostgreSQL, the same in every release.
#[must_use]
pub(crate) fn id_sequence(table: &str) -> String {
    format!("{table}_id_sequence")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::{ALL, FamilyId, by_id};

    fn statements(id: FamilyId, dialect: Dialect) -> Statements<'static> {
        Statements { family: by_id(id), dialect, optional: OptionalColumns::default() }
    }

    #[test]
    fn an_empty_list_matches_nothing() {
        assert_eq!(list(Vec::<i64>::new()), "NULL");
        assert_eq!(list([1, 22, -3]), "1,22,-3");
    }

    #[test]
    fn claims_compare_what_was_read() {
        assert_eq!(
            statements(FamilyId::V3_1, Dialect::MySql).claim(2, 4),
            "UPDATE t_ds_process_instance SET host = ? WHERE id IN (?,?) AND host = ? AND state = 4"
        );
        assert_eq!(
            statements(FamilyId::V3_3, Dialect::MySql).claim(1, 1),
            "UPDATE t_ds_workflow_instance SET state = 18 WHERE id IN (?) AND host = ? AND state = 1"
        );
    }

    #[test]
    fn mysql_scans_for_the_condition_alone() {
        for family in &ALL {
            let statements = statements(family.id, Dialect::MySql);
            for sql in [
                statements.unfinished_of_host(Part::Whole),
                statements.unfinished_of_host(Part::After),
                statements.listed(false),
                statements.claimed(),
            ] {
                let (columns, rest) = sql.split_once(" FROM ").unwrap();
                assert!(columns.starts_with("SELECT STRAIGHT_JOIN i.id,") && !columns.contains("s."), "{sql}");
                assert!(rest.contains("ON i.id = s.id WHERE s.state IN (") && rest.contains(" ORDER BY s.id"), "{sql}");
            }
        }
    }

    #[test]
    fn mysql_gets_no_returning_and_locks_that_it_knows() {
        for family in &ALL {
            let statements = statements(family.id, Dialect::MySql);
            let insert = statements.insert_for(&[("command_type", CommandValue::Number(2))], 1, false);
            assert!(!insert.contains("RETURNING"));
            assert!(statements.rows_by_ids(&[1], RowLock::All).ends_with("FOR UPDATE"));
            assert!(statements.rows_by_ids(&[1], RowLock::Free).ends_with("FOR UPDATE SKIP LOCKED"));
        }
    }
}
