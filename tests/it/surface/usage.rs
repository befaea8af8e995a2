//! Help, version and wrong usage.

use crate::harness::{Dsctl, Output, golden, golden_all};

const COMMANDS: [&str; 16] = [
    "masters",
    "lock",
    "lock status",
    "lock acquire",
    "instances",
    "clear-hosts",
    "recover",
    "failover",
    "watch",
    "doctor",
    "snapshot",
    "commands",
    "demo",
    "completions",
    "man",
    "help",
];

fn alone(line: &str) -> Output {
    Dsctl::alone().args(line.split_whitespace()).run()
}

#[test]
fn every_help_text() {
    for command in COMMANDS {
        let name = format!("help/{}", command.replace(' ', "-"));
        golden_all(
            &name,
            &["-h", "--help"].map(|flag| alone(&format!("{command} {flag}")).exit(0)),
        );
        let by_word = alone(&format!("help {command}")).exit(0);
        assert_eq!(by_word.stdout, alone(&format!("{command} --help")).stdout);
    }
    golden_all(
        "help/dsctl",
        &["-h", "--help", "help", "", "lock"].map(alone),
    );
}

#[test]
fn topics_and_version() {
    golden("help/exit-codes", &alone("help exit-codes").exit(0));
    golden("help/environment", &alone("help environment").exit(0));
    golden_all(
        "version",
        &["--version", "-V"].map(|line| alone(line).exit(0)),
    );
}

#[test]
fn wrong_usage() {
    let lines = [
        "failovr 10.0.0.1:5678",
        "instance",
        "failover",
        "watch",
        "failover --all-dead 10.0.0.1:5678",
        "failover --all-dead --force",
        "clear-hosts",
        "recover",
        "recover --instance 0",
        "recover --instance 4711;4712",
        "recover --orphans --instance 1",
        "recover --orphans --original-state dead",
        "lock acquire",
        "lock acquire 10.0.0.1:5678 --for 30",
        "failover 10.0.0.1:5678 --lock-timeout 30",
        "failover 10.0.0.1:5678 --wait 0s",
        "failover 10.0.0.1:5678 --max-instances 0",
        "failover 10.0.0.1:5678 --rate 10",
        "instances --limit -1",
        "instances a b",
        "masters --output yaml",
        "masters --zk zk1/a/../b",
        "masters --namespace ../x",
        "masters --ds-version three",
        "masters --time-zone Nowhere/Town",
        "masters --registry etcd",
        "masters --dry-run",
        "completions",
        "completions powershell",
        "help nonsense",
        "help lock nonsense",
        "demo --ds-version 1.1.0",
    ];
    let outputs = lines.map(alone);
    for output in &outputs {
        assert!(
            output.stdout.is_empty() && output.stderr.starts_with("error: "),
            "{output:?}"
        );
    }
    golden_all("usage", &outputs);
}

/// As a script's variable that is not set.
#[test]
fn an_empty_word_is_wrong_usage() {
    for (line, word) in [
        ("watch --pause", ""),
        ("failover 10.0.0.1:5678 --dry-run --reason", ""),
        ("recover --orphans --original-state", ""),
        ("watch --dry-run --once --state-file", ""),
    ] {
        let output = Dsctl::alone().args(line.split(' ')).args([word]).run();
        output.exit(2).err("a value is required");
    }
}

/// A script reads one document, whatever is wrong.
#[test]
fn wrong_usage_is_told_to_programs_too() {
    let lines = [
        "masters -o json --nonsense",
        "failover -o json",
        "-o json failovr 10.0.0.1:5678",
        "failover --output=json --all-dead --force",
        "masters -ojson --time-zone Nowhere/Town",
        "lock -o json acquire",
        "recover --instance x --output json",
        "help nonsense -o json",
        "masters --zk a -o json --db mysql://ds:S3CR3Tpw@h/d --no-such",
        "masters -o json jdbc:mysql://h/d?user=ds&password=S3CR3Tpw",
    ];
    for line in lines {
        let output = alone(line).exit(2);
        let document = output.json();
        let error = &document["error"];
        assert_eq!(
            (&error["kind"], &error["exit_code"]),
            (&"usage".into(), &2.into()),
            "{line}: {output:?}"
        );
        assert!(!error["message"].as_str().unwrap().is_empty(), "{line}");
        assert_eq!(
            (&document["schema_version"], document["warnings"].is_array()),
            (&1.into(), true),
            "{line}"
        );
        assert!(
            output.stderr.starts_with("error: ") && !output.stdout.contains("S3CR3T"),
            "{line}: {output:?}"
        );
    }
    assert_eq!(alone("failover -o json").json()["command"], "failover");
    assert_eq!(
        alone("lock acquire -o json").json()["command"],
        "lock acquire"
    );
    let lines = alone("masters -o ndjson --nonsense").exit(2).ndjson();
    assert_eq!(lines.last().unwrap()["error"]["kind"], "usage", "{lines:?}");
    let by_variable = Dsctl::alone()
        .env("DSCTL_OUTPUT", "json")
        .args(["masters", "--nonsense"])
        .run()
        .exit(2);
    assert_eq!(by_variable.json()["error"]["kind"], "usage");
    // Help is help.
    assert!(
        alone("masters --help -o json")
            .exit(0)
            .stdout
            .starts_with("Show")
    );
    assert!(alone("masters -o tsv --nonsense").exit(2).stdout.is_empty());
}

#[test]
fn nothing_is_configured() {
    let lines = [
        "masters",
        "masters -o json",
        "failover --all-dead --yes",
        "lock status",
        "lock acquire 10.0.0.1:5678",
        "masters --zk zk1",
        "masters --db mysql://u@127.0.0.1/d",
        "masters --db mysql://u@127.0.0.1/d --registry zookeeper",
        "masters --zk zk1 --registry jdbc --db sqlite:/nonexistent.db",
        "masters --db oracle://u@127.0.0.1/d",
        "masters --db sqlite:/nonexistent.db",
        "masters --config /nonexistent.toml",
    ];
    golden_all("unconfigured", &lines.map(alone));
}
