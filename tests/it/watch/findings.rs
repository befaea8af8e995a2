//! What the doctor finds is told when it comes and when it goes, and keeps no failover waiting.

use std::time::Duration;

use dsctl::metadata::database::Access;
use serde_json::Value;

use super::left::awaits;
use super::{Rounds, end, event, of, told, watch, words};
use crate::harness::world::{BY_HOST, BY_STATE, DEAD, LIVING, World, claims_by_state};
use crate::harness::{Output, Store, names_number, wait};

/// The codes of the events of a kind, in order.
fn codes(output: &Output, word: &str) -> Vec<String> {
    let code = |line: &Value| line["code"].as_str().unwrap().to_owned();
    told(output, word).iter().map(code).collect()
}

const ORPHANS: &str = "\"code\":\"DS-003\"";

fn gauge(name: &str, code: &str, severity: &str, count: usize) -> String {
    format!("dsctl_{name}{{code=\"{code}\",severity=\"{severity}\"}} {count}")
}

#[test]
fn a_finding_comes_and_goes_and_a_muted_one_is_silent() {
    for (store, version) in [
        (Store::MariaDb, BY_HOST),
        (Store::Postgres, BY_STATE),
        (Store::Sqlite, BY_HOST),
    ] {
        let world = World::new(store, version, 5);
        world.complete();
        let mutes = world.env.file(
            "mutes.toml",
            "[[mute]]\ncode = \"DS-008\"\nsubject = \"some where\"\nuntil = 2099-01-01\nreason = \"it is known\"\n",
        );
        let rounds = Rounds::of(&world);
        let options = format!(
            "--diagnose-every 1s --config {mutes} {}",
            rounds.arguments()
        );
        let mut watcher = watch(&world, &options).spawn();
        awaits(&rounds, &[&gauge("findings", "DS-003", "act", 0)]);
        let ids: Vec<i64> = world.ids.iter().copied().collect();
        let running = if claims_by_state(version) {
            ", state = 1"
        } else {
            ""
        };
        world.env.sql(&format!(
            "DELETE FROM t_ds_command; UPDATE {} SET host = 'some where'{running} WHERE id = {}",
            world.table(),
            ids[0]
        ));
        watcher.await_stdout(ORPHANS);
        let found = [
            gauge("findings", "DS-003", "act", 1),
            gauge("findings", "DS-008", "look", 0),
            gauge("muted_findings", "DS-008", "look", 1),
        ];
        awaits(&rounds, &found.each_ref().map(String::as_str));
        // Nothing is written by looking, and nothing is told twice.
        let before = world.env.dump();
        rounds.pass(3);
        before.assert_same(&world.env.dump());
        let state = if claims_by_state(version) {
            " --original-state running"
        } else {
            ""
        };
        world
            .run(world.dsctl(&format!("recover --orphans --yes{state}")))
            .exit(0);
        watcher.await_stdout(&event("finding_cleared"));
        awaits(&rounds, &[&gauge("findings", "DS-003", "act", 0)]);
        let output = end(&world, watcher);
        // The living master's own instances are older than its start.
        let appeared = codes(&output, "finding_appeared");
        assert_eq!(appeared, ["DS-002", "DS-003"], "{output:?}");
        assert_eq!(codes(&output, "finding_cleared"), ["DS-003"], "{output:?}");
        let appeared = &told(&output, "finding_appeared")[1];
        assert_eq!(appeared["severity"], "act");
        assert_eq!(appeared["subject"]["instance_ids"], Value::from(&ids[1..]));
        let text = appeared["text"].as_str().unwrap();
        assert!(
            text.contains("next: dsctl recover --orphans --dry-run"),
            "{text}"
        );
        assert!(names_number(text, 4), "{text}");
    }
}

/// A diagnosis that a locked table holds up is given up: rounds go on, and a master that is missing
/// is seen.
#[test]
fn a_diagnosis_that_waits_is_given_up() {
    let world = World::new(Store::Postgres, BY_STATE, 5);
    world.env.sql(&format!(
        "UPDATE {} SET host = '{LIVING}' WHERE host = '{DEAD}'",
        world.table()
    ));
    let mut other = world.env.database();
    wait(other.begin(Access::Write, Duration::from_mins(5))).unwrap();
    wait(other.execute(&"LOCK TABLE t_ds_command IN ACCESS EXCLUSIVE MODE".into())).unwrap();
    let rounds = Rounds::of(&world);
    let options = format!("--diagnose-every 1s --timeout 1m {}", rounds.arguments());
    let mut watcher = watch(&world, &options).spawn();
    watcher.await_stdout("what hangs could not be found out");
    rounds.pass(2);
    wait(other.rollback());
    awaits(&rounds, &[&gauge("findings", "DS-001", "act", 0)]);
    world.env.sql(&format!(
        "UPDATE {} SET host = '{DEAD}' WHERE host = '{LIVING}' AND id > 1",
        world.table()
    ));
    watcher.await_stdout(&of("grace_started", DEAD));
    rounds.pass(2);
    end(&world, watcher);
}

/// A single round diagnoses only if it is told to, and its exit code is that of its failovers.
#[test]
fn a_single_round_diagnoses_if_it_is_told_to() {
    let world = World::new(Store::Sqlite, BY_HOST, 2);
    world.complete();
    world.env.sql("DELETE FROM t_ds_command");
    let once = |more: &str| {
        let output = watch(&world, &format!("--once {more}")).run().exit(0);
        words(&output)
    };
    let has = |words: &[String]| words.contains(&"finding_appeared".to_owned());
    assert!(!has(&once("")));
    assert!(!has(&once("--diagnose-every never")));
    for _ in 0..2 {
        let told = once("--diagnose-every 1s");
        assert!(has(&told), "{told:?}");
        assert_eq!(told.last().map(String::as_str), Some("stopped"));
    }
    // What one look cannot prove is told by two, and by none that is alone.
    let (table, id) = (world.table(), world.ids.first().unwrap());
    world.env.sql(&format!(
        "UPDATE {table} SET state = 7 WHERE id <> {id}; UPDATE {table} SET state = 14, host = '' WHERE id = {id}"
    ));
    let unwoken = "\"code\":\"DS-019\"";
    let alone = watch(&world, "--once --diagnose-every 1s").run().exit(0);
    assert!(!alone.stdout.contains(unwoken), "{alone:?}");
    let mut watcher = watch(&world, "--diagnose-every 1s").spawn();
    watcher.await_stdout(unwoken);
    end(&world, watcher);
    let wrong = watch(&world, "--once --diagnose-every 0s").run().exit(2);
    wrong.err("'never' switches it off");
}
