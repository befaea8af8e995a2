//! `--resume` ends what was on when it was said, whoever runs at that time, and nothing that comes later.

use std::path::PathBuf;
use std::time::Duration;

use super::{Rounds, aside, end, event, long_ago, of, one_is_done, told, watch};
use crate::harness::world::{BY_HOST, DEAD, World, registered};
use crate::harness::{At, MYSQL_COMMIT, Running, Store, eventually};

const SECOND: &str = "10.0.0.3:5678";

fn state(world: &World) -> PathBuf {
    world.env.home().join("watch.json")
}

/// The folder has the state file, and nothing besides.
#[track_caller]
fn assert_state_alone(world: &World) {
    assert_eq!(names(world), ["watch.json"]);
}

fn names(world: &World) -> Vec<String> {
    std::fs::read_dir(world.env.home())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// A watcher whose brake is on, and which looks again only when something changes.
fn braked(world: &World) -> Running {
    one_is_done(world);
    let rarely = format!(
        "watch -o ndjson --yes --interval 1h --grace 0s --max-masters 1 --state-file {}",
        state(world).display()
    );
    let mut watcher = world.dsctl(&rarely).spawn();
    watcher.await_stdout("storm brake");
    watcher
}

/// The end of some maintenance must not let go of a brake that nobody has seen yet.
#[test]
fn the_end_of_a_pause_releases_no_later_brake() {
    let world = World::new(Store::MariaDb, BY_HOST, 5);
    let rounds = Rounds::of(&world);
    let dying = world.env.register(BY_HOST, &registered(DEAD));
    let more = format!("--grace 0s --max-masters 1 {}", rounds.arguments());
    one_is_done(&world);
    let mut watcher = watch(&world, &more).spawn();
    watcher.await_stdout(&event("started"));
    aside(&world, &["--pause", "maintenance"]);
    watcher.await_stdout("maintenance");
    aside(&world, &["--resume"]);
    watcher.await_stdout("resumed");
    dying.close();
    watcher.await_stdout("storm brake");
    rounds.pass(3);
    let output = end(&world, watcher);
    assert!(told(&output, "failover_started").is_empty(), "{output:?}");
    world.check_untouched();
    assert!(
        std::fs::read_to_string(state(&world))
            .unwrap()
            .contains("(--max-masters)")
    );
}

/// Nobody is dead any more when the operator comes: the brake is released all the same, and for
/// good.
#[test]
fn a_brake_is_released_though_nobody_waits_for_that() {
    let mut world = World::new(Store::MariaDb, BY_HOST, 5);
    let second = world.add(SECOND, long_ago(), 2);
    let rounds = Rounds::of(&world);
    let more = format!("--grace 0s --max-masters 1 {}", rounds.arguments());
    let mut watcher = watch(&world, &more).spawn();
    watcher.await_stdout("storm brake");
    let back = world.env.register(BY_HOST, &registered(SECOND));
    watcher.await_stdout(&of("master_registered", SECOND));
    aside(&world, &["--resume"]);
    rounds.pass(2);
    assert!(
        rounds.text().contains("\ndsctl_storm_brake 0\n"),
        "{}",
        rounds.text()
    );
    end(&world, watcher);
    back.close();
    let mut watcher = watch(&world, "--grace 0s --max-masters 1").spawn();
    watcher.await_stdout(&of("failover_finished", SECOND));
    end(&world, watcher);
    assert_eq!(world.check(), &world.ids | &second);
}

/// It is killed before it takes the operator's word: the next one does.
#[test]
fn a_resume_outlives_the_watcher_that_it_was_said_to() {
    let world = World::new(Store::MariaDb, BY_HOST, 5);
    let watcher = braked(&world);
    watcher.signal("STOP");
    aside(&world, &["--resume"]);
    watcher.signal("KILL");
    watcher.finish();
    let round = world.run(watch(&world, "--once --grace 0s")).exit(0);
    assert!(
        round.stdout.contains("the storm brake is released"),
        "{round:?}"
    );
    world.check_complete();
    // Said to nobody, it leaves nothing behind.
    aside(&world, &["--resume"]);
    assert_state_alone(&world);
}

/// A rehearsal beside a real watcher leaves the operator's word to the real one.
#[test]
fn a_dry_run_takes_no_resume_away() {
    let world = World::new(Store::MariaDb, BY_HOST, 5);
    let mut watcher = braked(&world);
    aside(&world, &["--resume"]);
    let words = format!(
        "watch --dry-run --once --grace 0s -o ndjson --state-file {}",
        state(&world).display()
    );
    world.run(world.dsctl(&words)).exit(4);
    world.check_untouched();
    // Another master's coming wakes it: the brake is released.
    let _other = world.env.register(BY_HOST, &registered("10.0.0.9:5678"));
    watcher.await_stdout("the storm brake is released");
    watcher.await_stdout(&of("failover_finished", DEAD));
    end(&world, watcher);
    world.check_complete();
}

/// Each would overwrite what the other one remembers: the masters of one round are none to the
/// other one's brake. Two names of one file are one watcher's.
#[test]
fn a_link_to_a_state_file_is_that_file() {
    let world = World::new(Store::MariaDb, BY_HOST, 5);
    world.run(watch(&world, "--once --grace 1h")).exit(0);
    let link = world.env.home().join("link.json");
    std::os::unix::fs::symlink(state(&world), &link).unwrap();
    let aside = |more: &str| world.dsctl(&format!("watch --state-file {} {more}", link.display()));
    aside("--pause work").run().exit(0);
    let paused = world.run(watch(&world, "--once --grace 0s")).exit(0);
    assert!(paused.stdout.contains("work"), "{paused:?}");
    world.check_untouched();
    aside("--resume").run().exit(0);
    let mut first = watch(&world, "--grace 1h").spawn();
    first.await_stdout(&event("grace_started"));
    aside("--yes").run().exit(5);
    end(&world, first);
    world.run(aside("--once --yes --grace 0s")).exit(0);
    assert!(link.is_symlink(), "it is no file of its own");
    world.check_complete();
}

#[test]
fn two_watchers_have_two_state_files() {
    let world = World::new(Store::Postgres, BY_HOST, 5);
    let mut watcher = watch(&world, "--grace 1h").spawn();
    watcher.await_stdout(&event("grace_started"));
    let round = |more: &str| watch(&world, &format!("--once {more}")).run();
    let refused = round("--grace 0s")
        .exit(5)
        .out("another watcher runs with the state file")
        .out("--state-file FILE");
    assert!(told(&refused, "failover_started").is_empty(), "{refused:?}");
    // A rehearsal beside it keeps nothing, and what nobody holds any more is nobody's.
    let words = format!(
        "watch --dry-run --once --grace 0s -o ndjson --state-file {}",
        state(&world).display()
    );
    world.run(world.dsctl(&words)).exit(0);
    // A file that it was just writing would be left.
    eventually(Duration::from_secs(20), "a moment without", || {
        watcher.signal("STOP");
        let names = names(&world);
        if names.iter().any(|name| name.contains(".tmp")) {
            watcher.signal("CONT");
            Err(names)
        } else {
            Ok(())
        }
    });
    watcher.signal("KILL");
    watcher.finish();
    assert!(
        round("--grace 1h")
            .exit(0)
            .stdout
            .contains(&event("grace_started"))
    );
    world.check_untouched();
    assert_state_alone(&world);
}

/// What a wrong clock or a careless hand has written holds nothing for ever, and ends nothing.
#[test]
fn times_out_of_this_world_are_taken_for_now() {
    for at in [i64::MIN, i64::MAX] {
        let world = World::new(Store::MariaDb, BY_HOST, 5);
        let past = format!(
            r#"{{"master": "{DEAD}", "at_ms": {at}, "instances": {}}}"#,
            u64::MAX
        );
        let text = format!(
            r#"{{"format": "dsctl watch state", "version": 1, "state": {{"missing": {{"{DEAD}": {at}}},
            "failovers": [{past}, {past}], "brake": null}}}}"#
        );
        std::fs::write(state(&world), text).unwrap();
        let round = world.run(watch(&world, "--once --grace 0s")).exit(0);
        // One of the future is as good as one of this moment.
        assert_eq!(
            round.stdout.contains("cool-down: 600s left"),
            at == i64::MAX,
            "{round:?}"
        );
        assert_eq!(
            told(&round, "failover_finished").len(),
            usize::from(at == i64::MIN),
            "{round:?}"
        );
    }
}

/// The rest of what was cut short is no further master: the database's hiccup is no storm.
#[test]
fn a_rest_trips_no_brake() {
    let mut world = World::new(Store::MariaDb, BY_HOST, 15);
    let proxy = world.env.through_proxy();
    proxy.trap(MYSQL_COMMIT, At::Hold);
    let mut watcher = watch(&world, "--grace 0s --batch 5 --max-masters 1").spawn();
    proxy.await_sprung();
    proxy.trap(MYSQL_COMMIT, At::Cut);
    proxy.go_on();
    watcher.await_stdout(&event("error"));
    watcher.await_stdout(&of("failover_finished", DEAD));
    let output = end(&world, watcher);
    assert!(!output.stdout.contains("storm brake"), "{output:?}");
    world.check_complete();
}

/// A round of cron tells why it failed as the other commands do.
#[test]
fn the_exit_code_of_a_round_is_its_failures() {
    let mut world = World::new(Store::MariaDb, BY_HOST, 15);
    let namespace = world.env.namespace.clone();
    world.env.set("DSCTL_NAMESPACE", "elsewhere");
    world
        .run(watch(&world, "--once --grace 0s"))
        .exit(4)
        .out("has no node");
    world.env.set("DSCTL_NAMESPACE", &namespace);
    let proxy = world.env.through_proxy();
    proxy.trap(MYSQL_COMMIT, At::Hold);
    let watcher = watch(&world, "--once --grace 0s --batch 5").spawn();
    proxy.await_sprung();
    proxy.trap(MYSQL_COMMIT, At::Cut);
    proxy.go_on();
    // Some of them are handed over.
    watcher.finish().exit(7);
    assert_eq!(world.check().len(), 5);
}

/// What was said while a round went on is no word about a brake that came on later in the same
/// round.
#[test]
fn a_resume_within_a_round_releases_no_brake_that_comes_on_after_it() {
    let mut world = World::new(Store::MariaDb, BY_HOST, 5);
    let second = world.add(SECOND, long_ago(), 2);
    let (asked, go) = (world.env.home().join("asked"), world.env.home().join("go"));
    let script = world.env.home().join("slow");
    let waits = format!(
        "touch {}; until [ -e {} ]; do sleep 0.1; done",
        asked.display(),
        go.display()
    );
    super::program(&script, &waits);
    let rounds = Rounds::of(&world);
    let more = format!(
        "--grace 0s --max-masters 1 --hook-timeout 60s --on pre={} {}",
        script.display(),
        rounds.arguments()
    );
    let mut watcher = watch(&world, &more).spawn();
    super::await_file(&asked);
    aside(&world, &["--resume"]);
    std::fs::write(&go, "").unwrap();
    watcher.await_stdout("storm brake");
    rounds.pass(3);
    let output = end(&world, watcher);
    assert_eq!(told(&output, "failover_started").len(), 1, "{output:?}");
    assert_eq!(world.check().intersection(&second).count(), 0);
}

/// A folder that lies where a switch should be, as a disk that takes nothing: the command line is
/// right, and what stands is told.
#[test]
fn a_switch_that_cannot_be_set_says_what_stands() {
    let world = World::new(Store::MariaDb, BY_HOST, 5);
    let said = |words: &[&str], what: &str| {
        let state = state(&world);
        let output = world
            .dsctl("watch -o json --state-file")
            .args([state.to_str().unwrap()])
            .args(words)
            .run()
            .exit(1);
        let message = output.json()["error"]["message"].to_string();
        assert!(message.contains(what), "{output:?}");
    };
    let beside = |ending: &str| world.env.home().join(format!("watch.json.{ending}"));
    std::fs::create_dir_all(beside("pause").join("full")).unwrap();
    said(&["--pause", "work"], "nobody is paused");
    said(&["--resume"], "the pause goes on");
    std::fs::remove_dir_all(beside("pause")).unwrap();
    let watcher = braked(&world);
    aside(&world, &["--pause", "work"]);
    std::fs::create_dir(beside("resume")).unwrap();
    said(
        &["--resume"],
        "the pause has ended, but a storm brake, if one is on, stays on",
    );
    said(&["--resume"], "\"a storm brake, if one is on, stays on");
    std::fs::remove_dir(beside("resume")).unwrap();
    end(&world, watcher);
    world.check_untouched();
}
