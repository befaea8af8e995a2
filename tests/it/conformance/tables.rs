//! The tables that a release's servers expect: its own scripts', or ours and those that a failover
//! never meets.
//!
//! The artifacts carry no SQL. They carry the classes that are mapped to tables, so whatever the
//! servers read and write is told by the release itself. A binary distribution carries its scripts,
//! and they are what is run then.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use dsctl::metadata::database::Row;
use serde_json::Value as Json;

use super::release::{Installed, Release};
use super::seed;
use super::server::is_jar;
use crate::harness::guard::{Folder, run};
use crate::harness::{Env, Store, java};

/// A table's columns with a word for each type.
type Columns = BTreeMap<String, String>;

/// Creates the tables of a release.
///
/// Columns that the release has and that our own tables lack are given back: there should be none.
pub fn create(env: &Env, release: &Release, installed: &Installed) -> Vec<String> {
    match &installed.scripts {
        Some(scripts) => by_script(env, release, scripts),
        None => by_classes(env, release, &installed.jars[0]),
    }
}

/// Runs the release's own script. Ours are made in another database, to be compared: no column may
/// be in one alone.
///
/// Ours are MySQL's. PostgreSQL's scripts keep two columns of 1.x, which no server of the release
/// knows.
fn by_script(env: &Env, release: &Release, scripts: &str) -> Vec<String> {
    let read = |name: &str| {
        fs::read_to_string(format!("{scripts}/{name}"))
            .unwrap_or_else(|error| panic!("{scripts}/{name}: {error}"))
    };
    let mysql = read("dolphinscheduler_mysql.sql");
    match env.store {
        Store::MariaDb => env.sql(&mysql),
        _ => env.sql(&read("dolphinscheduler_postgresql.sql")),
    }
    let ours = Env::new(env.store);
    ours.create_schema(release.schema.parse().unwrap());
    let (ours, theirs) = (existing(&ours), existing(env));
    let mut differing = Vec::new();
    for (table, ours) in &ours {
        let Some(theirs) = theirs.get(table) else {
            continue;
        };
        let is_leftover =
            |column: &&String| !definition(&mysql, table).contains(&format!("`{column}`"));
        differing.extend(
            theirs
                .difference(ours)
                .filter(|column| !is_leftover(column))
                .map(|column| format!("{table}.{column}")),
        );
        differing.extend(
            ours.difference(theirs)
                .map(|column| format!("{table}.{column} (ours alone)")),
        );
    }
    differing
}

/// What a script of MySQL's says of a table.
fn definition<'a>(script: &'a str, table: &str) -> &'a str {
    let start = script
        .find(&format!("CREATE TABLE `{table}`"))
        .unwrap_or_else(|| panic!("no {table}"));
    script[start..]
        .split_once(';')
        .map_or("", |(definition, _)| definition)
}

/// Creates our tables, and then what the release's classes are mapped to besides.
fn by_classes(env: &Env, release: &Release, jars: &str) -> Vec<String> {
    env.create_schema(release.schema.parse().unwrap());
    let existing = existing(env);
    let mut lacking = Vec::new();
    let mut sql = String::new();
    for (table, columns) in mapped(release, jars) {
        match existing.get(&table) {
            None => sql.push_str(&create_table(env, &table, &columns)),
            Some(known) => {
                for (column, kind) in columns
                    .iter()
                    .filter(|(column, _)| !known.contains(*column))
                {
                    lacking.push(format!("{table}.{column}"));
                    let _ = writeln!(
                        sql,
                        "ALTER TABLE {table} ADD COLUMN {column} {};",
                        type_name(env, kind)
                    );
                }
            }
        }
    }
    env.sql(&sql);
    env.sql(&quartz(env, jars));
    lacking
}

/// The tables of the scheduler that masters before 3.0 start in any case: its own script, from its
/// own jar.
fn quartz(env: &Env, jars: &str) -> String {
    let name = if env.store == Store::MariaDb {
        "mysql_innodb"
    } else {
        "postgres"
    };
    let text = resource(
        jars,
        "quartz-2",
        &format!("org/quartz/impl/jdbcjobstore/tables_{name}.sql"),
    );
    // Before that it drops tables that are not there, and one of the names is misspelt.
    let start = text.find("CREATE TABLE").expect("tables");
    text[start..].to_owned()
}

/// A file in the jar whose name starts so.
pub fn resource(jars: &str, jar: &str, file: &str) -> String {
    let folder = Folder::new("resource");
    let names = fs::read_dir(jars)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let jar = names
        .into_iter()
        .find(|name| name.starts_with(jar) && is_jar(name))
        .expect("the jar");
    run(Command::new("jar")
        .args(["xf", &format!("{jars}/{jar}"), file])
        .current_dir(folder.path()));
    fs::read_to_string(folder.join(file)).unwrap()
}

fn mapped(release: &Release, jars: &str) -> BTreeMap<String, Columns> {
    let classes = java::compile(&["EntityTables.java"], ".", "classes-entities");
    let jar = format!("{jars}/{}", release.entities);
    let mut command = Command::new("java");
    command.args(["-cp", &format!("{classes}:{jars}/*"), "EntityTables", &jar]);
    let lines = run(command.arg("org/apache/dolphinscheduler/dao/entity/"));
    let mut tables: BTreeMap<String, Columns> = BTreeMap::new();
    for line in lines.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [table, column, kind] = words[..] else {
            panic!("{line}")
        };
        tables
            .entry(table.to_owned())
            .or_default()
            .insert(column.to_owned(), kind.to_owned());
    }
    tables
}

fn existing(env: &Env) -> BTreeMap<String, BTreeSet<String>> {
    let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let sql = format!(
        "SELECT concat(table_name), concat(column_name) FROM information_schema.columns WHERE {}",
        seed::here(env)
    );
    for row in env.rows(&sql) {
        tables
            .entry(row.text(0).unwrap())
            .or_default()
            .insert(row.text(1).unwrap());
    }
    tables
}

fn create_table(env: &Env, table: &str, columns: &Columns) -> String {
    let line = |(column, kind): (&String, &String)| {
        format!("  {} {}", seed::quoted(env, column), type_name(env, kind))
    };
    let lines: Vec<String> = columns.iter().map(line).collect();
    format!("CREATE TABLE {table} (\n{}\n);\n", lines.join(",\n"))
}

fn type_name<'a>(env: &Env, kind: &'a str) -> &'a str {
    match (kind, env.store) {
        ("id", Store::MariaDb) => "int AUTO_INCREMENT PRIMARY KEY",
        ("time", Store::MariaDb) => "datetime",
        ("id", _) => "serial PRIMARY KEY",
        ("time", _) => "timestamp",
        ("double", _) => "double precision",
        (other, _) => other,
    }
}

/// The tables whose rows a failover writes.
const WRITTEN: [&str; 3] = [
    "t_ds_process_instance",
    "t_ds_task_instance",
    "t_ds_command",
];

/// Keeps every version of every row that somebody writes into the three tables of a failover, in
/// order.
pub fn audit(env: &Env, release: &Release) {
    let (number, trigger) = match env.store {
        Store::MariaDb => (
            "bigint AUTO_INCREMENT",
            mariadb_triggers as fn(&Env, &str) -> String,
        ),
        _ => ("bigserial", postgres_trigger as fn(&Env, &str) -> String),
    };
    let text = if env.store == Store::MariaDb {
        "longtext"
    } else {
        "text"
    };
    env.sql(&format!(
        "CREATE TABLE audit (number {number} PRIMARY KEY, relation varchar(64), operation varchar(6), \
         earlier {text}, later {text})"
    ));
    for table in WRITTEN {
        env.sql(&trigger(env, &release.sql(table)));
    }
}

fn postgres_trigger(_env: &Env, table: &str) -> String {
    format!(
        "CREATE OR REPLACE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           INSERT INTO audit (relation, operation, earlier, later) VALUES (TG_TABLE_NAME, TG_OP,
             CASE WHEN TG_OP = 'INSERT' THEN NULL ELSE to_jsonb(OLD) END,
             CASE WHEN TG_OP = 'DELETE' THEN NULL ELSE to_jsonb(NEW) END);
           RETURN NULL;
         END $$;
         CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION audit();"
    )
}

/// MariaDB has a trigger for each operation, and no word for a whole row.
fn mariadb_triggers(env: &Env, table: &str) -> String {
    let object = |row: &str| {
        let pairs: Vec<String> = seed::columns(env, table)
            .iter()
            .map(|column| format!("'{column}', {row}.`{column}`"))
            .collect();
        format!("JSON_OBJECT({})", pairs.join(", "))
    };
    let (old, new) = (object("OLD"), object("NEW"));
    let one = |operation: &str, earlier: &str, later: &str| {
        format!(
            "CREATE TRIGGER audit_{operation}_{table} AFTER {operation} ON {table} FOR EACH ROW
             INSERT INTO audit (relation, operation, earlier, later)
             VALUES ('{table}', '{operation}', {earlier}, {later});\n"
        )
    };
    one("INSERT", "NULL", &new) + &one("UPDATE", &old, &new) + &one("DELETE", &old, "NULL")
}

/// One row that somebody has written. What a row was before its insertion, and is after its
/// deletion, is null.
#[derive(Debug)]
pub struct Change {
    /// The table.
    pub table: String,
    /// `INSERT`, `UPDATE` or `DELETE`.
    pub operation: String,
    /// The row before.
    pub earlier: Json,
    /// The row after.
    pub later: Json,
}

/// All changes since [`audit`], in order.
pub fn trail(env: &Env) -> Vec<Change> {
    let json =
        |text: Option<String>| text.map_or(Json::Null, |text| serde_json::from_str(&text).unwrap());
    let rows = env.rows("SELECT relation, operation, earlier, later FROM audit ORDER BY number");
    let change = |row: &Row| Change {
        table: row.text(0).unwrap(),
        operation: row.text(1).unwrap(),
        earlier: json(row.text(2)),
        later: json(row.text(3)),
    };
    rows.iter().map(change).collect()
}

/// The instance that a recovery command is about: its number, or in 1.x the parameter that has it.
pub fn instance_of(command: &Json) -> String {
    let names = [
        "process_instance_id",
        "workflow_instance_id",
        "command_param",
    ];
    names
        .iter()
        .find_map(|name| command.get(name))
        .unwrap()
        .to_string()
}

/// The instances of all recovery commands that were inserted since [`audit`].
pub fn recoveries(env: &Env) -> Vec<String> {
    let is_recovery = |change: &Change| {
        change.table == "t_ds_command"
            && change.operation == "INSERT"
            && change.later["command_type"] == 2
    };
    trail(env)
        .iter()
        .filter(|change| is_recovery(change))
        .map(|change| instance_of(&change.later))
        .collect()
}
