//! The JSON contract: what each document says is what its schema in `schema/` says, which every run
//! of the program is held against; and here, what a schema cannot say.

use serde_json::{Map, Value};

use super::{DEAD, LIVING, V3_2, V3_4, rehearsal};
use crate::harness::{Dsctl, Env, Output};

const HEAD: [&str; 7] = [
    "schema_version",
    "ok",
    "command",
    "family",
    "ds_version",
    "warnings",
    "error",
];

/// The sums are those of the lists.
fn check_run(document: &Value) {
    let masters = document["masters"].as_array().unwrap();
    let count = |list: &str| {
        masters
            .iter()
            .map(|master| master[list].as_array().unwrap().len())
            .sum::<usize>()
    };
    assert_eq!(
        (&document["recovered"], &document["skipped"]),
        (&count("recovered").into(), &count("skipped").into())
    );
}

/// Checks the one document on standard output.
pub fn check(output: &Output, command: &str) -> Value {
    let document = output.json();
    assert!(output.stdout.ends_with("}\n"), "{output:?}");
    assert_eq!(document["command"], command);
    assert_eq!(document["ok"], document["error"].is_null());
    if !document["error"].is_null() {
        assert_eq!(document["error"]["exit_code"], output.code.unwrap());
        assert!(output.code != Some(0));
    }
    match command {
        "failover" | "clear-hosts" | "recover" => check_run(&document),
        "demo" => ["plan", "outcome"]
            .iter()
            .filter(|key| !document[**key].is_null())
            .for_each(|key| {
                check_run(&document[*key]);
            }),
        _ => {}
    }
    document
}

/// What a failed command would have filled is there, and empty.
#[track_caller]
fn is_empty(document: &Value) {
    let keys = document
        .as_object()
        .unwrap()
        .iter()
        .filter(|(key, _)| !HEAD.contains(&key.as_str()));
    for (key, value) in keys {
        let nothing = value.is_null()
            || *value == 0
            || *value == false
            || value.as_array().is_some_and(Vec::is_empty);
        assert!(nothing, "{key}: {value}");
    }
}

/// Checks every line, and that they say what the document says.
fn check_lines(output: &Output, document: &Value, command: &str) {
    let lines = output.ndjson();
    let (summary, records) = lines.split_last().expect("a summary");
    assert_eq!(
        (&summary["record"], &summary["command"]),
        (&"summary".into(), &command.into())
    );
    let mut rest: Map<String, Value> = document.as_object().unwrap().clone();
    rest.retain(|key, _| summary.get(key).is_none());
    // What is not in the summary became lines.
    let listed: usize = rest
        .values()
        .map(|list| list.as_array().expect("a list").len())
        .sum();
    assert_eq!(records.len(), listed, "{output:?}");
    assert!(
        records
            .iter()
            .all(|record| record["record"] != "summary" && record["record"].is_string())
    );
    assert!(
        HEAD.iter().all(|key| summary.get(key).is_some()),
        "{summary}"
    );
}

const COMMANDS: [(&str, &str); 9] = [
    ("masters", "masters"),
    ("instances", "instances"),
    ("commands", "commands"),
    ("doctor", "doctor --fail-on never"),
    ("lock status", "lock status"),
    ("lock acquire", "lock acquire 10.0.0.2:5678 --for 5ms"),
    ("clear-hosts", "clear-hosts 10.0.0.2:5678 --yes"),
    (
        "recover",
        "recover --orphans --original-state running --yes",
    ),
    ("failover", "failover --all-dead --yes --grace 0s"),
];

fn in_format(env: &Env, line: &str, format: &str) -> Output {
    Dsctl::new(env)
        .args(["-o", format])
        .args(line.split_whitespace())
        .run()
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
            let line = if reads {
                line.to_owned()
            } else {
                line.replace("--yes", "--dry-run")
            };
            both(&env, command, &line).exit(0);
        }
        check(
            &in_format(&env, &format!("lock status {DEAD}"), "json").exit(0),
            "lock status",
        );
        check(
            &in_format(
                &env,
                "failover --all-dead --yes --grace 0s --wait 5ms",
                "json",
            )
            .exit(7),
            "failover",
        );
        check(
            &in_format(
                &env,
                "recover --instance 105,9999 --yes --reason drill",
                "json",
            )
            .exit(7),
            "recover",
        );
    }
}

#[test]
fn the_demonstration_and_its_failures() {
    let env = rehearsal(V3_2);
    let file = env.home().join("demo.db").to_str().unwrap().to_owned();
    let demo = |extra: &[&str]| {
        Dsctl::alone()
            .args(["demo", "-o", "json"])
            .args(extra)
            .run()
    };
    let document = check(&demo(&["--file", &file]).exit(0), "demo");
    assert_eq!(
        (&document["dead_master"], &document["outcome"]["recovered"]),
        (&DEAD.into(), &6.into())
    );
    check(&demo(&["--file", &file]).exit(4), "demo");
    check(&demo(&["--file", "/nonexistent/demo.db"]).exit(6), "demo");
}

#[test]
fn a_snapshot_and_its_failures() {
    let env = rehearsal(V3_2);
    let snapshot = |format: &str| {
        let file = env.home().join(format).to_str().unwrap().to_owned();
        let output = in_format(&env, &format!("snapshot {file}"), format);
        (file, output)
    };
    let (file, output) = snapshot("json");
    let document = check(&output.exit(0), "snapshot");
    assert_eq!(
        (&document["file"], &document["registered_masters"]),
        (&file.into(), &1.into())
    );
    check_lines(&snapshot("ndjson").1.exit(0), &document, "snapshot");
    check(&snapshot("json").1.exit(1), "snapshot");
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
    for (env, code) in [
        (&unreachable, 6),
        (&unconfigured, 2),
        (&broken, 2),
        (&unrelated, 4),
    ] {
        for (command, line) in COMMANDS {
            let output = both(env, command, line).exit(code);
            assert!(
                output.stderr.starts_with("error: ") || output.stderr.contains("\nerror: "),
                "{output:?}"
            );
        }
    }
}

#[test]
fn a_command_line_that_cannot_be_read_is_answered_with_every_key() {
    for command in COMMANDS
        .map(|(command, _)| command)
        .into_iter()
        .chain(["watch", "demo", "snapshot"])
    {
        let run = |format, wrong| {
            Dsctl::alone()
                .args(["-o", format])
                .args(command.split(' '))
                .args([wrong])
                .run()
                .exit(2)
        };
        for wrong in ["--no-such", "--timeout=soon", "--db"] {
            let document = check(&run("json", wrong), command);
            assert_eq!(document["error"]["kind"], "usage");
            is_empty(&document);
            check_lines(&run("ndjson", wrong), &document, command);
        }
    }
    for (line, command) in [
        ("", ""),
        ("nonsense", ""),
        ("lock nonsense", "lock"),
        ("help nonsense", "help"),
    ] {
        let document = check(
            &Dsctl::alone()
                .args(line.split_whitespace())
                .args(["-o", "json"])
                .run()
                .exit(2),
            command,
        );
        assert_eq!(
            document.as_object().unwrap().len(),
            HEAD.len(),
            "{document:#}"
        );
    }
}

#[test]
fn a_pause_is_told_to_programs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("watch.json");
    let watch = |words: &[&str]| {
        Dsctl::alone()
            .args([
                "watch",
                "-o",
                "json",
                "--state-file",
                file.to_str().unwrap(),
            ])
            .args(words)
            .run()
    };
    let paused = check(&watch(&["--pause", "moving the racks"]).exit(0), "watch");
    assert_eq!(
        (&paused["paused"], &paused["reason"]),
        (&true.into(), &"moving the racks".into())
    );
    assert!(!paused["by"].as_str().unwrap().is_empty());
    let resumed = check(&watch(&["--resume"]).exit(0), "watch");
    assert_eq!(
        (&resumed["paused"], &resumed["by"]),
        (&false.into(), &Value::Null)
    );
    for wrong in [
        &["--pause"] as &[&str],
        &["--once", "--yes"],
        &["--resume", "--state-file", "/dev/null/x"],
    ] {
        is_empty(&check(&watch(wrong).exit(2), "watch"));
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
        (
            "clear-hosts",
            format!("clear-hosts {DEAD} --yes --max-instances 1"),
            4,
        ),
        ("recover", "recover --orphans".to_owned(), 4),
        ("lock acquire", "lock acquire null --for 1s".to_owned(), 4),
        (
            "lock acquire",
            format!("lock acquire {DEAD} -- /nonexistent/program"),
            127,
        ),
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
    env.insert([dsctl::demo::seed::instance(V3_2)
        .id(500)
        .name(name)
        .host(DEAD)]);
    let output = in_format(&env, "instances", "tsv").exit(0);
    let mut lines = output.stdout.lines();
    let headers: Vec<&str> = lines.next().unwrap().split('\t').collect();
    assert!(
        lines.clone().count() == 11
            && lines
                .clone()
                .all(|line| line.split('\t').count() == headers.len())
    );
    let cells: Vec<&str> = lines
        .find(|line| line.starts_with("500\t"))
        .unwrap()
        .split('\t')
        .collect();
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
        let script = format!(
            "set -o pipefail; '{}' instances -o {format} | head -1",
            env!("CARGO_BIN_EXE_dsctl")
        );
        let output = Dsctl::of_program("/bin/bash")
            .args(["-c", &script])
            .env("DSCTL_DB", &env.url())
            .run()
            .exit(0);
        assert!(
            output.stdout.lines().count() == 1 && output.stderr.is_empty(),
            "{output:?}"
        );
    }
}
