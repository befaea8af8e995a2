//! `clear-hosts` and then the commands that it prints: together they write what a failover writes.

use dsctl::demo::seed;
use jiff::Timestamp;
use serde_json::Value as Json;

use super::expected::{Command, assert_changes, claim_line, settled, task_line};
use super::releases::{Mark, Release, release};
use super::world::{World, recovered, skipped};
use crate::harness::Store;

/// Four instances to hand over, with a task each; one without a definition; one that a command
/// waits for.
fn hanging(store: Store, release: &'static Release) -> World {
    let world = World::new(store, release);
    let row = |id| world.instance(id);
    world.env.insert([
        row(1),
        row(2).state(4),
        row(3).state(2),
        row(4).set("is_sub_process", 1),
        row(5).definition(404, 1),
        row(6),
    ]);
    world.env.insert((1..=6).map(|id| world.task(10 * id, id)));
    world
        .env
        .insert([seed::recovery_command(world.version, 6).id(42)]);
    world
}

const STATES: [(i64, i64); 4] = [(1, 1), (2, 4), (3, 2), (4, 1)];

fn first_half(world: &World) -> Vec<String> {
    let (store, release, dead) = (world.env.store, world.release, world.dead());
    let mut lines: Vec<String> = STATES
        .iter()
        .map(|(id, state)| claim_line(store, release, *id, &dead, *state))
        .collect();
    if release.task_states.contains(&1) {
        lines.extend(STATES.iter().map(|(id, _)| task_line(release, 10 * id, 1)));
    }
    lines
}

fn second_half(world: &World) -> Vec<String> {
    let command =
        |(id, state): &(i64, i64)| Command::plain(world.release, *id, *state).line(world.release);
    STATES.iter().map(command).collect()
}

fn two_halves_are_a_whole(number: &str, store: Store) {
    let world = hanging(store, release(number));
    let (dead, before, began) = (world.dead(), world.env.dump(), Timestamp::now());
    world.run_idly(&format!("clear-hosts {dead} --dry-run"), 7);
    let (report, _, changes) = world.changes_of(&format!("clear-hosts {dead} --yes"), 7);
    assert_changes(number, &first_half(&world), &settled(&changes, began));
    assert!(
        report["masters"][0]["recovered"]
            .as_array()
            .unwrap()
            .iter()
            .all(|entry| entry["command_id"].is_null())
    );
    let again = world
        .run(&format!("clear-hosts {dead} --dry-run"), 7)
        .json();
    assert!(
        again["warnings"]
            .to_string()
            .contains("next: dsctl recover --orphans --dry-run"),
        "{again}"
    );
    let next = next_commands(&report);
    let expected: &[&str] = match world.release.mark {
        Mark::Host(_) => &["dsctl recover --instance 1,2,3,4"],
        // The row no longer says which state it had.
        Mark::State => &[
            "dsctl recover --instance 3 --original-state ready_pause",
            "dsctl recover --instance 2 --original-state ready_stop",
            "dsctl recover --instance 1,4 --original-state running",
        ],
    };
    assert_eq!(next, expected);
    for command in &next {
        world.run(&with_consent(command), 0);
    }
    let whole = settled(&before.changes(&world.env.dump()), began);
    assert_changes(
        number,
        &[first_half(&world), second_half(&world)].concat(),
        &whole,
    );
    for command in &next {
        let again = world.run_in_vain(&with_consent(command), 0).json();
        assert!(
            recovered(&again).is_empty()
                && skipped(&again)
                    .iter()
                    .all(|(_, why)| why == "command_waiting")
        );
    }
    world.run_in_vain(&format!("clear-hosts {dead} --yes"), 7);
    same_as_failover(&world, &whole);
}

/// The same rows once more, in one go.
fn same_as_failover(halves: &World, whole: &[String]) {
    let world = hanging(halves.env.store, halves.release);
    let began = Timestamp::now();
    let (_, _, changes) = world.changes_of(&format!("failover {} --yes", world.dead()), 7);
    assert_changes("failover", whole, &settled(&changes, began));
}

/// A command that was printed, as it is run.
fn with_consent(command: &str) -> String {
    format!("{} --yes", command.strip_prefix("dsctl ").unwrap())
}

fn next_commands(report: &Json) -> Vec<&str> {
    report["next"]
        .as_array()
        .unwrap()
        .iter()
        .map(|command| command.as_str().unwrap())
        .collect()
}

const ONE_OF_EACH: [&str; 7] = [
    "1.2.1", "1.3.9", "2.0.9", "3.0.6", "3.1.9", "3.2.2", "3.4.1",
];

#[test]
fn two_halves_are_a_whole_in_sqlite() {
    for number in ONE_OF_EACH {
        two_halves_are_a_whole(number, Store::Sqlite);
    }
}

#[test]
fn two_halves_are_a_whole_in_mariadb() {
    for number in ONE_OF_EACH {
        two_halves_are_a_whole(number, Store::MariaDb);
    }
}

#[test]
fn two_halves_are_a_whole_in_postgres() {
    for number in ONE_OF_EACH {
        two_halves_are_a_whole(number, Store::Postgres);
    }
}
