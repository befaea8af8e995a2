//! The state file: a disk that is full, a folder that is gone, and what is said of that.

use std::path::Path;

use super::{Rounds, end, event, long_ago, of, told, watch};
use crate::harness::world::{BY_HOST, BY_STATE, DEAD, World};
use crate::harness::{Dsctl, Store};

/// The program, under a shell that lets no file grow beyond a kilobyte or two: as on a full disk, a
/// write fails in the middle of the file.
fn on_a_full_disk(world: &World, more: &str) -> Dsctl {
    let state = world.env.home().join("watch.json");
    let script = "trap '' XFSZ; ulimit -f 2; exec \"$@\"";
    let words = format!(
        "watch -o ndjson --yes --interval 1s --state-file {} {more}",
        state.display()
    );
    let shell = Dsctl::new(&world.env).through("/bin/sh", &["-c", script, "sh"]);
    shell.args(words.split_whitespace())
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_full_disk_is_told_once_and_stops_nothing() {
    let mut world = World::new(Store::MariaDb, BY_HOST, 5);
    // So many that what is to be remembered of them does not fit.
    for number in 0..60 {
        world.add(&format!("10.0.7.{number}:5678"), long_ago(), 1);
    }
    world.run(watch(&world, "--once --grace 1h")).exit(0);
    let state = world.env.home().join("watch.json");
    let before = std::fs::read(&state).unwrap();
    assert!(before.len() > 2048, "{}", before.len());
    let mut watcher = on_a_full_disk(&world, "--grace 0s").spawn();
    watcher.await_stdout(&of("failover_finished", DEAD));
    // The brake is remembered all the same, by the process.
    watcher.await_stdout("storm brake");
    let output = end(&world, watcher);
    let errors = told(&output, "error");
    assert_eq!(errors.len(), 1, "{output:?}");
    let text = errors[0]["text"].as_str().unwrap();
    assert!(
        text.contains("watch.json cannot be written") && text.contains("the loop goes on"),
        "{text}"
    );
    assert_eq!(
        std::fs::read(&state).unwrap(),
        before,
        "the old file is whole"
    );
    assert_eq!(
        names(&world.env.home()),
        ["watch.json"],
        "nothing is left behind"
    );
    assert_eq!(told(&output, "failover_finished").len(), 2, "{output:?}");
}

/// Rounds that do not remember each other would wait for ever: so the first one says so, and does
/// nothing.
#[test]
fn a_round_that_cannot_be_remembered_is_an_error() {
    let mut world = World::new(Store::MariaDb, BY_HOST, 5);
    for number in 0..60 {
        world.add(&format!("10.0.7.{number}:5678"), long_ago(), 1);
    }
    // It is seen when the memory has grown in the round, and in the next one before anything else.
    let grown = world
        .run(on_a_full_disk(&world, "--once --grace 0s"))
        .exit(1);
    assert_eq!(told(&grown, "error").len(), 1, "{grown:?}");
    assert!(told(&grown, "failover_started").is_empty(), "{grown:?}");
    world.run(watch(&world, "--once --grace 1h")).exit(0);
    let at_once = world
        .run(on_a_full_disk(&world, "--once --grace 0s"))
        .exit(1);
    let events: Vec<_> = at_once
        .ndjson()
        .iter()
        .map(|line| line["event"].to_string())
        .collect();
    assert_eq!(events, ["\"error\"", "\"stopped\""], "{at_once:?}");
    let text = told(&at_once, "error")[0]["text"].to_string();
    assert!(
        text.contains("watch.json cannot be written") && text.contains("does nothing"),
        "{text}"
    );
    world.check_untouched();
    // A rehearsal keeps nothing anyway.
    world
        .run(watch(&world, "--once --grace 0s --max-masters 100"))
        .exit(0);
}

#[test]
fn a_folder_that_goes_away_and_comes_back() {
    let world = World::new(Store::Postgres, BY_STATE, 5);
    let (folder, away) = (
        world.env.home().join("state"),
        world.env.home().join("away"),
    );
    let rounds = Rounds::of(&world);
    let words = format!(
        "watch -o ndjson --yes --interval 1s --grace 2s --state-file {}/watch.json {}",
        folder.display(),
        rounds.arguments()
    );
    let mut watcher = world.dsctl(&words).spawn();
    watcher.await_stdout(&event("grace_started"));
    std::fs::rename(&folder, &away).unwrap();
    watcher.await_stdout("cannot be written");
    watcher.await_stdout(&of("failover_finished", DEAD));
    std::fs::rename(&away, &folder).unwrap();
    rounds.pass(2);
    let output = end(&world, watcher);
    world.check_complete();
    assert_eq!(told(&output, "error").len(), 1, "{output:?}");
    let state = std::fs::read_to_string(folder.join("watch.json")).unwrap();
    assert!(
        state.contains(DEAD) && state.contains("\"instances\": 5"),
        "{state}"
    );
}

#[test]
fn a_state_file_that_cannot_be_is_refused_at_the_start() {
    let world = World::new(Store::MariaDb, BY_HOST, 5);
    let file = world.env.file("file", "");
    let places = [
        (
            "/proc/dsctl/watch.json".to_owned(),
            "/proc/dsctl for the state file cannot be created",
        ),
        (
            format!("{file}/watch.json"),
            "file for the state file cannot be created",
        ),
        (
            "/dev/null".to_owned(),
            "/dev/null cannot be read: it is not a file",
        ),
        (file.clone(), "file is not a state file"),
    ];
    for (place, problem) in places {
        let words = format!("watch -o ndjson --yes --once --grace 0s --state-file {place}");
        world
            .run(world.dsctl(&words))
            .exit(2)
            .out(problem)
            .out("--state-file FILE");
    }
    assert_eq!(
        std::fs::read_to_string(file).unwrap(),
        "",
        "it is as it was"
    );
    world.check_untouched();
}

#[test]
fn a_file_of_metrics_that_cannot_be_written_is_told_once() {
    let world = World::new(Store::MariaDb, BY_HOST, 5);
    let notes = world.env.home().join("missing/dsctl.prom");
    let mut watcher = watch(
        &world,
        &format!("--grace 3s --metrics-file {}", notes.display()),
    )
    .spawn();
    watcher.await_stdout(&event("error"));
    // Some rounds later.
    watcher.await_stdout(&of("failover_finished", DEAD));
    let output = end(&world, watcher);
    assert_eq!(told(&output, "error").len(), 1, "{output:?}");
    world.check_complete();
}
