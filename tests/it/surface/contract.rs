//! The JSON contract, against lists written by hand: exactly these keys, whatever becomes of the command.

use regex_lite::Regex;
use serde_json::{Map, Value};

use super::{DEAD, LIVING, V3_2, V3_4, rehearsal};
use crate::harness::{Dsctl, Env, Output};

const HEAD: &[&str] = &["schema_version", "ok", "command", "family", "ds_version", "warnings", "error"];
const ERROR: &[&str] = &["kind", "message", "causes", "hint", "exit_code"];
const MASTER: &[&str] = &[
    "address",
    "registered",
    "verdict",
    "started_at",
    "last_heartbeat_at",
    "server_status",
    "cpu_usage",
    "memory_usage",
    "load_average",
    "unfinished_instances",
    "session_id",
    "node",
    "registered_at",
    "remark",
];
const LOCK: &[&str] = &["path", "holder", "waiters", "foreign"];
const LOCK_NODE: &[&str] =
    &["node", "session_id", "persistent", "created_at", "age_seconds", "data", "registered_master"];
const INSTANCE: &[&str] = &[
    "id",
    "name",
    "definition_code",
    "definition_version",
    "state",
    "state_code",
    "host",
    "verdict",
    "start_time",
    "restart_time",
    "start_time_local",
    "restart_time_local",
    "sub_process",
    "pending_command_id",
    "error_command_id",
];
const COMMAND: &[&str] = &[
    "id",
    "command_type",
    "command_type_code",
    "instance_id",
    "command_param",
    "start_time",
    "update_time",
    "update_time_local",
    "message",
];
const RUN: &[&str] = &["dry_run", "locks", "masters", "recovered", "skipped", "elapsed_ms", "reason"];
const RUN_MASTER: &[&str] = &["address", "verdict", "recovered", "marked_tasks", "skipped"];
const SKIPPED: &[&str] = &["instance_id", "reason", "detail", "task"];

/// The keys of a document behind the head.
fn promised(command: &str) -> Vec<&'static str> {
    match command {
        "masters" => vec!["masters"],
        "lock status" => vec!["locks"],
        "lock acquire" => vec!["locks", "held_ms"],
        "instances" => vec!["instances"],
        "commands" => vec!["commands", "error_commands"],
        "recover" => RUN.to_vec(),
        "failover" => [RUN, &["take_up"]].concat(),
        "clear-hosts" => [RUN, &["next"]].concat(),
        "demo" => {
            vec!["masters", "instances_before", "plan", "outcome", "instances", "file", "dead_master"]
        }
        other => panic!("{other}"),
    }
}

#[track_caller]
fn has_keys(value: &Value, keys: &[&str]) {
    let mut found: Vec<&str> =
        value.as_object().unwrap_or_else(|| panic!("{value}")).keys().map(String::as_str).collect();
    let mut expected = keys.to_vec();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected, "{value:#}");
}

#[track_caller]
fn each_has(list: &Value, keys: &[&str]) {
    list.as_array().unwrap_or_else(|| panic!("{list}")).iter().for_each(|value| has_keys(value, keys));
}

fn is_time(value: &Value) -> bool {
    let rfc3339 = Regex::new(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$").unwrap();
    value.is_null() || value.as_str().is_some_and(|text| rfc3339.is_match(text))
}

fn check_values(value: &Value) {
    let Value::Object(keys) = value else {
        value.as_array().into_iter().flatten().for_each(check_values);
        return;
    };
    for (name, value) in keys {
        match name.as_str() {
            name if name.ends_with("_at") || matches!(name, "start_time" | "restart_time" | "update_time") => {
                assert!(is_time(value), "{name}: {value}");
            }
            "verdict" => {
                let words = ["alive", "dead", "restarted", "claimed", "unknown"];
                assert!(words.iter().any(|word| value == word), "{value}");
            }
            "state" | "kind" | "command_type" => {
                let text = value.as_str().unwrap();
                assert!(!text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{text}");
            }
            name if name == "id" || name.ends_with("_ms") || name.ends_with("_seconds") => {
                assert!(value.is_i64() || value.is_null(), "{name}: {value}");
            }
            _ => check_values(value),
        }
    }
}

fn check_run(document: &Value) {
    each_has(&document["locks"], &["path", "waited_ms"]);
    each_has(&document["masters"], RUN_MASTER);
    assert!(document["dry_run"].is_boolean());
    let (mut recovered, mut skipped) = (0, 0);
    for master in document["masters"].as_array().unwrap() {
        each_has(&master["recovered"], &["instance_id", "command_id"]);
        each_has(&master["skipped"], SKIPPED);
        recovered += master["recovered"].as_array().unwrap().len();
        skipped += master["skipped"].as_array().unwrap().len();
    }
    assert_eq!((&document["recovered"], &document["skipped"]), (&recovered.into(), &skipped.into()));
    if !document["take_up"].is_null() {
        has_keys(&document["take_up"], &["taken_up", "waiting", "lost", "failed"]);
    }
}

fn check_body(document: &Value, command: &str) {
    match command {
        "masters" => each_has(&document["masters"], MASTER),
        "instances" => each_has(&document["instances"], INSTANCE),
        "commands" => ["commands", "error_commands"].iter().for_each(|list| each_has(&document[*list], COMMAND)),
        "lock acquire" => each_has(&document["locks"], &["path", "waited_ms"]),
        "lock status" => {
            each_has(&document["locks"], LOCK);
            for lock in document["locks"].as_array().unwrap() {
                each_has(&lock["waiters"], LOCK_NODE);
                if !lock["holder"].is_null() {
                    has_keys(&lock["holder"], LOCK_NODE);
                }
            }
        }
        "demo" => {
            each_has(&document["masters"], MASTER);
            each_has(&document["instances"], INSTANCE);
            each_has(&document["instances_before"], INSTANCE);
            for run in ["plan", "outcome"].map(|key| &document[key]).into_iter().filter(|run| !run.is_null()) {
                check_run(run);
            }
        }
        _ => check_run(document),
    }
}

/// Checks the one document on standard output.
pub fn check(output: &Output, command: &str) -> Value {
    let document = output.json();
    assert!(output.stdout.ends_with("}\n"), "{output:?}");
    has_keys(&document, &[HEAD, &promised(command)].concat());
    assert_eq!((&document["schema_version"], &document["command"]), (&1.into(), &command.into()));
    assert!(document["warnings"].is_array());
    assert_eq!(document["ok"], document["error"].is_null());
    if !document["error"].is_null() {
        has_keys(&document["error"], ERROR);
        assert_eq!(document["error"]["exit_code"], output.code.unwrap());
        assert!(document["error"]["causes"].is_array() && output.code != Some(0));
    }
    check_body(&document, command);
    check_values(&document);
    document
}

/// Checks every line, and that they say what the document says.
fn check_lines(output: &Output, document: &Value, command: &str) {
    let lines = output.ndjson();
    let (summary, records) = lines.split_last().expect("a summary");
    assert_eq!((&summary["record"], &summary["command"]), (&"summary".into(), &command.into()));
    let mut rest: Map<String, Value> = document.as_object().unwrap().clone();
    rest.retain(|key, _| summary.get(key).is_none());
    // What is not in the summary became lines.
    let listed: usize = rest.values().map(|list| list.as_array().expect("a list").len()).sum();
    assert_eq!(records.len(), listed, "{output:?}");
    assert!(records.iter().all(|record| record["record"] != "summary" && record["record"].is_string()));
    assert!(HEAD.iter().all(|key| summary.get(key).is_some()), "{summary}");
}

const COMMANDS: [(&str, &str); 8] = [
    ("masters", "masters"),
    ("instances", "instances"),
    ("commands", "commands"),
    ("lock status", "lock status"),
    ("lock acquire", "lock acquire 10.0.0.2:5678 --for 5ms"),
    ("clear-hosts", "clear-hosts 10.0.0.2:5678 --yes"),
    ("recover", "recover --orphans --yes"),
    ("failover", "failover --all-dead --yes"),
];

fn in_format(env: &Env, line: &str, format: &str) -> Output {
    Dsctl::new(env).args(["-o", format]).args(line.split_whitespace()).run()
}

fn both(env: &Env, command: &str, line: &str) -> Output {
    let output = in_format(env, line, "json");
    let document = check(&output, command);
    let lines = in_format(env, line, "ndjson");
    assert_eq!(output.code, lines.code);
    check_lines(&lines, &document, command);
    output
}

#[test]
fn answers_of_every_command() {
    for version in [V3_2, V3_4] {
        let env = rehearsal(version);
        for (command, line) in COMMANDS {
            let document = check(&in_format(&env, line, "json").exit(0), command);
            assert_eq!(document["ds_version"], version.to_string());
        }
        let env = rehearsal(version);
        for (command, line) in COMMANDS {
            let reads = !line.contains("--yes");
            let line = if reads { line.to_owned() } else { line.replace("--yes", "--dry-run") };
            both(&env, command, &line).exit(0);
        }
        check(&in_format(&env, &format!("lock status {DEAD}"), "json").exit(0), "lock status");
        check(&in_format(&env, "failover --all-dead --yes --wait 5ms", "json").exit(7), "failover");
        check(&in_format(&env, "recover --instance 105,9999 --yes --reason drill", "json").exit(7), "recover");
    }
}

#[test]
fn the_demonstration_and_its_failures() {
    let env = rehearsal(V3_2);
    let file = env.home().join("demo.db").to_str().unwrap().to_owned();
    let demo = |extra: &[&str]| Dsctl::alone().args(["demo", "-o", "json"]).args(extra).run();
    let document = check(&demo(&["--file", &file]).exit(0), "demo");
    assert_eq!((&document["dead_master"], &document["outcome"]["recovered"]), (&DEAD.into(), &6.into()));
    check(&demo(&["--file", &file]).exit(4), "demo");
    check(&demo(&["--file", "/nonexistent/demo.db"]).exit(6), "demo");
}

#[test]
fn failures_of_every_command() {
    let unreachable = {
        let mut env = rehearsal(V3_2);
        env.set("DSCTL_ZK", "127.0.0.1:1");
        env.set("DSCTL_TIMEOUT", "300ms");
        env
    };
    let unconfigured = {
        let mut env = rehearsal(V3_2);
        env.unset("DSCTL_DB");
        env
    };
    let broken = {
        let mut env = rehearsal(V3_2);
        env.set("DSCTL_TIMEOUT", "soon");
        env
    };
    let unrelated = {
        let env = rehearsal(V3_2);
        env.sql("DROP TABLE t_ds_process_instance; DROP TABLE t_ds_command");
        env
    };
    for (env, code) in [(&unreachable, 6), (&unconfigured, 2), (&broken, 2), (&unrelated, 4)] {
        for (command, line) in COMMANDS {
            let output = both(env, command, line).exit(code);
            assert!(output.stderr.starts_with("error: ") || output.stderr.contains("\nerror: "), "{output:?}");
        }
    }
}

#[test]
fn refusals_keep_their_keys() {
    let env = rehearsal(V3_2);
    for (command, line, code) in [
        ("failover", format!("failover {LIVING} --yes"), 4),
        ("failover", "failover --all-dead".to_owned(), 4),
        ("failover", "failover NULL --yes".to_owned(), 4),
        ("failover", "failover 10.0.0.2 --yes".to_owned(), 2),
        ("clear-hosts", format!("clear-hosts {DEAD} --yes --max-instances 1"), 4),
        ("recover", "recover --orphans".to_owned(), 4),
        ("lock acquire", "lock acquire null --for 1s".to_owned(), 4),
        ("lock acquire", format!("lock acquire {DEAD} -- /nonexistent/program"), 127),
        ("lock status", "lock status 10.0.0.2".to_owned(), 2),
        ("instances", "instances NULL".to_owned(), 4),
    ] {
        let document = check(&in_format(&env, &line, "json").exit(code), command);
        let reason = document["error"]["hint"].as_str().unwrap_or_default();
        assert!(!reason.is_empty(), "{document:#}");
    }
}

#[test]
fn tsv_can_be_undone() {
    let env = rehearsal(V3_2);
    let name = "tab\there\nline \\n not\r\u{1b}[31m";
    env.insert([dsctl::demo::seed::instance(V3_2).id(500).name(name).host(DEAD)]);
    let output = in_format(&env, "instances", "tsv").exit(0);
    let mut lines = output.stdout.lines();
    let headers: Vec<&str> = lines.next().unwrap().split('\t').collect();
    assert!(lines.clone().count() == 11 && lines.clone().all(|line| line.split('\t').count() == headers.len()));
    let cells: Vec<&str> = lines.find(|line| line.starts_with("500\t")).unwrap().split('\t').collect();
    assert_eq!(cells[1], r"tab\there\nline \\n not\r\u{1b}[31m");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let env = rehearsal(V3_2);
    env.sql(
        "WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
         INSERT INTO t_ds_process_instance (id, name, host, state, process_definition_code, executor_id)
         SELECT i, printf('%0120d', i), '10.0.0.2:5678', 1, 1, 1 FROM n",
    );
    for format in ["table", "json", "ndjson", "tsv"] {
        let script = format!("set -o pipefail; '{}' instances -o {format} | head -1", env!("CARGO_BIN_EXE_dsctl"));
        let output = Dsctl::of_program("/bin/bash").args(["-c", &script]).env("DSCTL_DB", &env.url()).run().exit(0);
        assert!(output.stdout.lines().count() == 1 && output.stderr.is_empty(), "{output:?}");
    }
}
