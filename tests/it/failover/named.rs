//! `recover`: orphans get one command, and everything else is left alone with the right exit code.

use dsctl::demo::seed;
use dsctl::demo::seed::Seed;
use jiff::Timestamp;

use super::expected::{Command, assert_changes, settled};
use super::releases::{Mark, Release, release};
use super::world::{BEGUN_LATER, World, recovered, skipped, time};
use crate::harness::Store;

/// 10 is an orphan, 11 is waited for, 12 has ended, 13 is the dead master's, 14 the living one's,
/// 15 names nobody.
fn world(store: Store, release: &'static Release) -> World {
    let world = World::new(store, release);
    let other_text = if release.mark == Mark::Host("null") {
        "NULL"
    } else {
        "null"
    };
    world.env.insert([
        ran(world.claimed(10), "RUNNING_EXECUTION"),
        world.claimed(11),
        world.claimed(12).state(7),
        world.instance(13),
        world
            .instance(14)
            .host(&world.living())
            .started(time(BEGUN_LATER)),
        world.instance(15).host(other_text),
    ]);
    world
        .env
        .insert([seed::recovery_command(world.version, 11).id(42)]);
    world
}

/// What it did before, in the words of its own history.
fn ran(row: Seed, state: &str) -> Seed {
    let begun = r#"{"time":"2024-06-01 07:00:00","state":"SUBMITTED_SUCCESS","desc":"start"}"#;
    row.maybe(
        "state_history",
        format!(r#"[{begun},{{"time":"2024-06-01 07:00:01","state":"{state}","desc":"x"}}]"#),
    )
}

/// From 3.3 on a history that ends with a run does not say whether somebody asked to stop it.
fn saying_that_it_ran(release: &Release, words: &str) -> String {
    match release.mark {
        Mark::State => format!("{words} --original-state running"),
        Mark::Host(_) => words.to_owned(),
    }
}

fn orphans_get_one_command(number: &str, store: Store) {
    let world = world(store, release(number));
    let words = |words| saying_that_it_ran(world.release, words);
    world.run_idly(&words("recover --orphans --dry-run"), 0);
    let began = Timestamp::now();
    let (report, _, changes) = world.changes_of(&words("recover --orphans --yes"), 0);
    let expected = [Command::plain(world.release, 10, 1).line(world.release)];
    assert_changes(number, &expected, &settled(&changes, began));
    assert_eq!(
        (recovered(&report), skipped(&report)),
        (vec![10], Vec::new()),
        "{number}"
    );
    let again = world.run_in_vain("recover --orphans --yes", 0).json();
    assert_eq!(
        (&again["recovered"], &again["skipped"], &again["ok"]),
        (&0.into(), &0.into(), &true.into()),
        "{number}"
    );
    left_alone(&world);
}

/// Named one by one. What needs somebody else's care makes the run a partial one.
fn left_alone(world: &World) {
    for (id, reason, exit) in [
        ("10", "command_waiting", 0),
        ("11", "command_waiting", 0),
        ("12", "finished", 0),
        ("13", "not_claimed", 7),
        ("14", "not_claimed", 0),
        ("15", "not_claimed", 7),
        ("99", "not_found", 7),
    ] {
        let report = world
            .run_in_vain(&format!("recover --instance {id} --yes"), exit)
            .json();
        assert_eq!(
            skipped(&report),
            [(id.parse().unwrap(), reason.to_owned())],
            "{report}"
        );
        assert_eq!(report["recovered"], 0);
    }
}

fn one_is_named(number: &str, store: Store) {
    let world = world(store, release(number));
    let words = |words| saying_that_it_ran(world.release, words);
    world.run_idly(&words("recover --instance 10,11,99 --dry-run"), 7);
    let began = Timestamp::now();
    let named = words("recover --instance 99,10,11,10 --yes");
    let (report, _, changes) = world.changes_of(&named, 7);
    let expected = [Command::plain(world.release, 10, 1).line(world.release)];
    assert_changes(number, &expected, &settled(&changes, began));
    assert_eq!(recovered(&report), [10]);
    assert_eq!(
        skipped(&report),
        [
            (11, "command_waiting".to_owned()),
            (99, "not_found".to_owned())
        ]
    );
}

const ONE_OF_EACH: [&str; 7] = [
    "1.2.1", "1.3.9", "2.0.9", "3.0.6", "3.1.9", "3.2.2", "3.3.2",
];

#[test]
fn orphans_get_one_command_in_sqlite() {
    for number in ONE_OF_EACH {
        orphans_get_one_command(number, Store::Sqlite);
    }
}

#[test]
fn orphans_get_one_command_in_mariadb() {
    for number in ONE_OF_EACH {
        orphans_get_one_command(number, Store::MariaDb);
    }
}

#[test]
fn orphans_get_one_command_in_postgres() {
    for number in ONE_OF_EACH {
        orphans_get_one_command(number, Store::Postgres);
    }
}

#[test]
fn one_is_named_among_others() {
    for store in Store::ALL {
        for number in ["1.3.9", "3.4.1"] {
            one_is_named(number, store);
        }
    }
}

/// From 3.3 on the row does not say what an orphan was about to do.
fn its_state_is_found_or_not_guessed(number: &str, store: Store) {
    let release = release(number);
    let world = World::new(store, release);
    let failed = |id: i64, instance: i64, state: &str| {
        let parameter = format!(
            r#"{{"commandType":"RECOVER_TOLERANCE_FAULT","workflowExecutionStatus":"{state}"}}"#
        );
        seed::error_command(world.version, id, 2, "out of luck")
            .of_instance(instance)
            .parameter(&parameter)
    };
    let at = |row: Seed, when: &str| row.time("update_time", time(when));
    world.env.insert([
        // It ran; that somebody asked to stop it would not stand there.
        ran(world.claimed(20), "RUNNING_EXECUTION"),
        ran(world.claimed(21), "READY_PAUSE"),
        // What the last command said is newer than the history.
        ran(world.claimed(22), "RUNNING_EXECUTION"),
        world.claimed(23),
        ran(world.claimed(24), "SUCCESS"),
        // What is older counts no more, and where nobody can tell, nothing is guessed.
        ran(world.claimed(28), "READY_PAUSE"),
        ran(world.claimed(25), "RUNNING_EXECUTION"),
        ran(world.claimed(26), "RUNNING_EXECUTION"),
        ran(world.claimed(27), "RUNNING_EXECUTION"),
    ]);
    world.env.insert([
        failed(7, 22, "RUNNING_EXECUTION"),
        at(failed(8, 22, "READY_STOP"), "2024-06-03 07:00:00"),
    ]);
    world.env.insert([
        failed(9, 99, "READY_PAUSE"),
        at(failed(10, 25, "READY_STOP"), "2024-05-01 07:00:00"),
        at(failed(13, 28, "READY_STOP"), "2024-05-01 07:00:00"),
    ]);
    // In one zone newer than the history, in another one older.
    world.env.insert([
        at(failed(11, 26, "READY_STOP"), "2024-06-01 09:00:00"),
        failed(12, 27, "READY_STOP"),
    ]);
    let command = |id, state| Command::plain(release, id, state).line(release);
    let began = Timestamp::now();
    let (report, _, changes) = world.changes_of("recover --orphans --yes", 7);
    assert_changes(
        number,
        &[command(21, 2), command(22, 4), command(28, 2)],
        &settled(&changes, began),
    );
    let unknown = |id| (id, "original_state_unknown".to_owned());
    assert_eq!(skipped(&report), [20, 23, 24, 25, 26, 27].map(unknown));
    world.run_in_vain("recover --orphans --yes", 7);
    let began = Timestamp::now();
    let told = "recover --instance 23 --original-state ready_pause --yes";
    let (_, _, changes) = world.changes_of(told, 0);
    assert_changes(number, &[command(23, 2)], &settled(&changes, began));
}

#[test]
fn the_state_of_an_orphan_is_found_or_not_guessed() {
    for store in Store::ALL {
        for number in ["3.3.0-alpha", "3.4.1"] {
            its_state_is_found_or_not_guessed(number, store);
        }
    }
}

/// Warnings and remarks of an answer in JSON.
fn told(report: &serde_json::Value) -> String {
    format!("{}{}", report["warnings"], report["masters"])
}

fn what_is_written_holds_for_orphans(number: &str, store: Store) {
    let release = release(number);
    let world = World::new(store, release);
    let rows = [
        ran(world.claimed(30), "READY_PAUSE"),
        world.claimed(31),
        ran(world.claimed(32), "READY_PAUSE"),
    ];
    world.env.insert(rows);
    let command = |id, state| Command::plain(release, id, state).line(release);
    let began = Timestamp::now();
    let named = "recover --instance 32 --original-state running --yes";
    let (report, _, changes) = world.changes_of(named, 0);
    assert_changes(number, &[command(32, 1)], &settled(&changes, began));
    let sentence = "instance 32: its rows say that it was ready_pause; its command says running, as --original-state says";
    assert!(told(&report).contains(sentence), "{report}");
    let began = Timestamp::now();
    let (report, _, changes) =
        world.changes_of("recover --orphans --original-state running --yes", 0);
    assert_changes(
        number,
        &[command(30, 2), command(31, 1)],
        &settled(&changes, began),
    );
    let sentence =
        "instance 30: its rows say that it was ready_pause; its command says ready_pause";
    assert!(told(&report).contains(sentence), "{report}");
    assert!(!told(&report).contains("instance 31"), "{report}");
}

/// One word for all orphans does not let a workflow run on that was about to pause.
#[test]
fn what_is_written_of_an_orphan_holds_against_a_word_for_all() {
    for store in Store::ALL {
        what_is_written_holds_for_orphans("3.4.1", store);
    }
}

#[test]
fn a_state_that_a_release_has_no_use_for_is_told() {
    let world = world(Store::Sqlite, release("3.1.9"));
    let report = world
        .run("recover --orphans --original-state ready_stop --yes", 0)
        .json();
    assert_eq!(recovered(&report), [10]);
    assert!(
        report["warnings"]
            .to_string()
            .contains("--original-state is for 3.3 and newer"),
        "{report}"
    );
}
