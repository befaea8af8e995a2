//! What every command prints, in every format.

use dsctl::model::Version;

use super::{DEAD, V3_2, V3_4, living, rehearsal, run, with_zookeeper};
use crate::harness::{Dsctl, Env, Output, Store, golden, golden_all};

const FORMATS: [&str; 4] = ["table", "json", "ndjson", "tsv"];

fn in_all_formats(env: &Env, line: &str) -> Vec<Output> {
    FORMATS
        .iter()
        .map(|format| run(env, &format!("{line} -o {format}")))
        .collect()
}

/// Each format on a cluster of its own, since the line writes.
fn each_anew(version: Version, line: &str) -> Vec<Output> {
    FORMATS
        .iter()
        .map(|format| run(&rehearsal(version), &format!("{line} -o {format}")))
        .collect()
}

fn reading(version: Version) {
    let env = rehearsal(version);
    for (name, line) in [
        ("masters", "masters".to_owned()),
        ("instances", "instances".to_owned()),
        ("instances-of-one", format!("instances {DEAD}")),
        ("instances-tree", format!("instances --tree {DEAD}")),
        ("commands", "commands".to_owned()),
        ("doctor", "doctor --settle 6s".to_owned()),
        ("lock-status", "lock status".to_owned()),
        ("lock-status-of-one", format!("lock status {DEAD}")),
        ("lock-acquire", format!("lock acquire {DEAD} --for 20ms")),
        (
            "failover-dry-run",
            "failover --all-dead --dry-run".to_owned(),
        ),
        (
            "clear-hosts-dry-run",
            format!("clear-hosts {DEAD} --dry-run"),
        ),
        ("recover-dry-run", "recover --orphans --dry-run".to_owned()),
        ("refused", "failover --all-dead".to_owned()),
        (
            "refused-living",
            "clear-hosts 10.0.0.1:5678 --yes".to_owned(),
        ),
    ] {
        golden_all(&format!("{version}/{name}"), &in_all_formats(&env, &line));
    }
    let held = Dsctl::new(&env).args([
        "lock",
        "acquire",
        DEAD,
        "--",
        "sh",
        "-c",
        "echo out; echo err >&2; exit 3",
    ]);
    golden(&format!("{version}/lock-acquire-program"), &held.run());
}

fn writing(version: Version) {
    for (name, line) in [
        (
            "failover",
            "failover --all-dead --yes --grace 0s".to_owned(),
        ),
        (
            "failover-wait",
            format!("failover {DEAD} --yes --wait 20ms"),
        ),
        ("clear-hosts", format!("clear-hosts {DEAD} --yes")),
        (
            "recover",
            "recover --orphans --yes --reason drill".to_owned(),
        ),
        (
            "recover-named",
            "recover --instance 105,111,117,118,119,9999 --yes".to_owned(),
        ),
    ] {
        golden_all(&format!("{version}/{name}"), &each_anew(version, &line));
    }
    let env = rehearsal(version);
    let again = [
        "failover --all-dead --yes --grace 0s",
        "failover --all-dead --yes --grace 0s",
        "masters",
        "instances",
        "commands",
    ];
    golden_all(
        &format!("{version}/afterwards"),
        &again.map(|line| run(&env, line)),
    );
}

#[test]
fn reading_3_2() {
    reading(V3_2);
}

#[test]
fn reading_3_4() {
    reading(V3_4);
}

#[test]
fn writing_3_2() {
    writing(V3_2);
}

#[test]
fn writing_3_4() {
    writing(V3_4);
}

#[test]
fn the_demonstration() {
    let env = rehearsal(V3_2);
    for version in ["3.2.2", "3.4.1"] {
        let of = |format: &str| {
            let file = env
                .home()
                .join(format!("{version}-{format}.db"))
                .to_str()
                .unwrap()
                .to_owned();
            Dsctl::alone()
                .args([
                    "demo",
                    "--ds-version",
                    version,
                    "--file",
                    &file,
                    "-o",
                    format,
                ])
                .run()
                .exit(0)
        };
        golden_all(&format!("{version}/demo"), &FORMATS.map(of));
    }
    let taken = env.file("taken.db", "");
    golden(
        "demo-file-exists",
        &Dsctl::alone()
            .args(["demo", "--file", &taken])
            .run()
            .exit(4),
    );
}

#[test]
fn zookeeper_and_mariadb() {
    let env = with_zookeeper(Store::MariaDb, V3_4);
    let _living = living(&env, V3_4);
    let mut lines = Vec::new();
    for line in [
        "masters",
        "instances --limit 3",
        "commands",
        "lock status",
        "failover --all-dead --dry-run",
        "failover --all-dead --yes --grace 0s",
        "failover --all-dead --yes --grace 0s",
        "recover --orphans --yes",
        "failover 10.0.0.1:5678 --yes",
        "instances",
        "commands",
    ] {
        lines.push(run(&env, line));
        lines.push(run(&env, &format!("{line} -o json")));
    }
    golden_all("zookeeper-mariadb", &lines);
}
