//! The tables that a release's servers expect: its own scripts', or ours and those that a failover never meets.
//!
//! The artifacts carry no SQL. They carry the classes that are mapped to tables, so whatever the servers read and write
//! is told by the release itself. A binary distribution carries its scripts, and they are what is run then.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use super::release::{Installed, Release};
use super::server::is_jar;
use crate::harness::guard::{Folder, run};
use crate::harness::{Env, java};

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

/// Runs the release's own script. Ours are made in another database, to be compared: no column may be in one alone.
///
/// Ours are MySQL's. PostgreSQL's scripts keep two columns of 1.x, which no server of the release knows.
fn by_script(env: &Env, release: &Release, scripts: &str) -> Vec<String> {
    let read = |name: &str| {
        fs::read_to_string(format!("{scripts}/{name}")).unwrap_or_else(|error| panic!("{scripts}/{name}: {error}"))
    };
    env.sql(&read("dolphinscheduler_postgresql.sql"));
    let mysql = read("dolphinscheduler_mysql.sql");
    let ours = Env::new(env.store);
    ours.create_schema(release.schema.parse().unwrap());
    let (ours, theirs) = (existing(&ours), existing(env));
    let mut differing = Vec::new();
    for (table, ours) in &ours {
        let Some(theirs) = theirs.get(table) else { continue };
        let is_leftover = |column: &&String| !definition(&mysql, table).contains(&format!("`{column}`"));
        differing.extend(
            theirs.difference(ours).filter(|column| !is_leftover(column)).map(|column| format!("{table}.{column}")),
        );
        differing.extend(ours.difference(theirs).map(|column| format!("{table}.{column} (ours alone)")));
    }
    differing
}

/// What a script of MySQL's says of a table.
fn definition<'a>(script: &'a str, table: &str) -> &'a str {
    let start = script.find(&format!("CREATE TABLE `{table}`")).unwrap_or_else(|| panic!("no {table}"));
    script[start..].split_once(';').map_or("", |(definition, _)| definition)
}

/// Creates our tables, and then what the release's classes are mapped to besides.
fn by_classes(env: &Env, release: &Release, jars: &str) -> Vec<String> {
    env.create_schema(release.schema.parse().unwrap());
    let existing = existing(env);
    let mut lacking = Vec::new();
    let mut sql = String::new();
    for (table, columns) in mapped(release, jars) {
        match existing.get(&table) {
            None => sql.push_str(&create_table(&table, &columns)),
            Some(known) => {
                for (column, kind) in columns.iter().filter(|(column, _)| !known.contains(*column)) {
                    lacking.push(format!("{table}.{column}"));
                    let _ = writeln!(sql, "ALTER TABLE {table} ADD COLUMN {column} {};", type_name(kind));
                }
            }
        }
    }
    env.sql(&sql);
    env.sql(&quartz(jars));
    lacking
}

/// The tables of the scheduler that masters before 3.0 start in any case: its own script, from its own jar.
fn quartz(jars: &str) -> String {
    let folder = Folder::new("quartz");
    let is_quartz = |name: &String| name.starts_with("quartz-2") && is_jar(name);
    let names = fs::read_dir(jars).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let jar = names.into_iter().find(is_quartz).expect("the jar of Quartz");
    let script = "org/quartz/impl/jdbcjobstore/tables_postgres.sql";
    run(Command::new("jar").args(["xf", &format!("{jars}/{jar}"), script]).current_dir(folder.path()));
    let text = fs::read_to_string(folder.join(script)).unwrap();
    // Before that it drops tables that are not there, and one of the names is misspelt.
    let start = text.find("CREATE TABLE").expect("tables");
    text[start..].to_owned()
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
        let [table, column, kind] = words[..] else { panic!("{line}") };
        tables.entry(table.to_owned()).or_default().insert(column.to_owned(), kind.to_owned());
    }
    tables
}

fn existing(env: &Env) -> BTreeMap<String, BTreeSet<String>> {
    let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let sql =
        "SELECT table_name::text, column_name::text FROM information_schema.columns WHERE table_schema = 'public'";
    for row in env.rows(sql) {
        tables.entry(row.text(0).unwrap()).or_default().insert(row.text(1).unwrap());
    }
    tables
}

fn create_table(table: &str, columns: &Columns) -> String {
    let lines: Vec<String> =
        columns.iter().map(|(column, kind)| format!("  \"{column}\" {}", type_name(kind))).collect();
    format!("CREATE TABLE {table} (\n{}\n);\n", lines.join(",\n"))
}

fn type_name(kind: &str) -> &str {
    match kind {
        "id" => "serial PRIMARY KEY",
        "time" => "timestamp",
        "double" => "double precision",
        other => other,
    }
}

/// Keeps every version of every row that somebody writes into the three tables of a failover, in order.
pub fn audit(env: &Env, release: &Release) {
    env.sql(&release.sql(
        "CREATE TABLE audit (number bigserial PRIMARY KEY, relation text, operation text, before jsonb, after jsonb);
         CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           INSERT INTO audit (relation, operation, before, after) VALUES (TG_TABLE_NAME, TG_OP,
             CASE WHEN TG_OP = 'INSERT' THEN NULL ELSE to_jsonb(OLD) END,
             CASE WHEN TG_OP = 'DELETE' THEN NULL ELSE to_jsonb(NEW) END);
           RETURN NULL;
         END $$;
         CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON t_ds_process_instance
           FOR EACH ROW EXECUTE FUNCTION audit();
         CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON t_ds_task_instance
           FOR EACH ROW EXECUTE FUNCTION audit();
         CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON t_ds_command
           FOR EACH ROW EXECUTE FUNCTION audit();",
    ));
}
