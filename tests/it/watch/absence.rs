//! A grace time is a proof of absence: whoever was there in between has all of it again, however
//! long nobody looked.

use std::path::Path;
use std::time::{Duration, Instant};

use super::{
    Rounds, SOON, await_file, end, event, let_pass, long_ago, of, program, time, told, watch,
};
use crate::harness::world::{BY_HOST, BY_STATE, DEAD, World, registered};
use crate::harness::{Store, eventually};

const OTHER: &str = "10.0.0.3:5678";

/// Registers a master and ends it again: nobody who looks rarely sees that. Gives when it was
/// about to go, and not when it had gone: a busy machine may stop the test in between.
fn comes_and_goes(world: &World, address: &str) -> Instant {
    let there = world.env.register(world.version, &registered(address));
    let going = Instant::now();
    there.close();
    going
}

/// A program that is asked before each failover, and whose first answer is waited for until a file
/// is there.
fn slow_once(world: &World) -> (String, std::path::PathBuf, std::path::PathBuf) {
    let (path, asked, go) = (
        world.env.home().join("pre"),
        world.env.home().join("asked"),
        world.env.home().join("go"),
    );
    let script = format!(
        "test -e {asked} && exit 0; echo $DSCTL_MASTER > {asked}.new; mv {asked}.new {asked}\n\
         while ! test -e {go}; do sleep 0.05; done",
        asked = asked.display(),
        go = go.display()
    );
    program(&path, &script);
    (
        format!("--on pre={} --hook-timeout 30s", path.display()),
        asked,
        go,
    )
}

#[test]
fn who_returns_while_another_is_failed_over_has_its_whole_grace_anew() {
    for (store, version) in [(Store::MariaDb, BY_HOST), (Store::Postgres, BY_STATE)] {
        let mut world = World::new(store, version, 5);
        let others = world.add(OTHER, long_ago(), 3);
        let (on, asked, go) = slow_once(&world);
        let grace = Duration::from_secs(4);
        let mut watcher = watch(&world, &format!("--grace 4s {on}")).spawn();
        for address in [DEAD, OTHER] {
            watcher.await_stdout(&of("grace_started", address));
        }
        assert_eq!(await_file(&asked).trim(), DEAD);
        let back = world.env.register(version, &registered(OTHER));
        let begun = world.add_later(OTHER, jiff::Timestamp::now(), 2);
        // Read before it goes: a busy machine may stop the test in between.
        let gone = Instant::now();
        back.close();
        std::fs::write(go, "").unwrap();
        watcher.await_stdout(&of("failover_started", OTHER));
        assert!(gone.elapsed() >= grace, "{:?}", gone.elapsed());
        watcher.await_stdout(&of("failover_finished", OTHER));
        watcher.await_stdout(&of("failover_finished", DEAD));
        let output = end(&world, watcher);
        assert!(
            output
                .stdout
                .contains("it starts again, because a master came and went"),
            "{output:?}"
        );
        assert_eq!(
            world.command_count(),
            i64::try_from(world.ids.len() + others.len() + begun.len()).unwrap()
        );
        assert!(world.commands().values().all(|count| *count == 1));
    }
}

/// While the lock is waited for, too.
#[test]
fn who_comes_and_goes_while_the_lock_is_waited_for_is_not_failed_over() {
    let world = World::new(Store::MariaDb, BY_HOST, 5);
    let holder = world.holder();
    let mut watcher = watch(&world, "--grace 3s --lock-timeout 30s").spawn();
    watcher.await_stdout(&of("failover_started", DEAD));
    world.zk().await_queue(&world.lock(), 2);
    let gone = comes_and_goes(&world, DEAD);
    holder.signal("TERM");
    holder.finish();
    watcher.await_stdout(&of("failover_refused", DEAD));
    world.check_untouched();
    watcher.await_stdout(&of("failover_finished", DEAD));
    assert!(
        gone.elapsed() >= Duration::from_secs(3),
        "{:?}",
        gone.elapsed()
    );
    let output = end(&world, watcher);
    assert!(
        told(&output, "failover_refused")[0]["text"]
            .as_str()
            .unwrap()
            .contains("came or went"),
        "{output:?}"
    );
    world.check_complete();
}

fn round(world: &World, more: &str) -> crate::harness::Output {
    world
        .run(watch(world, &format!("--once --grace 3s {more}")))
        .exit(0)
}

#[test]
fn rounds_of_cron_believe_what_the_registry_proves() {
    for (store, version) in [(Store::MariaDb, BY_HOST), (Store::Postgres, BY_STATE)] {
        let world = World::new(store, version, 5);
        assert!(
            round(&world, "")
                .stdout
                .contains(&of("grace_started", DEAD))
        );
        comes_and_goes(&world, DEAD);
        let_pass(Duration::from_secs(4));
        let after = round(&world, "");
        assert!(
            told(&after, "failover_started").is_empty() && after.stdout.contains("starts again"),
            "{after:?}"
        );
        world.check_untouched();
        // Another one comes, and is there: nothing is hidden by that, and the grace time goes on.
        let _other = world.env.register(version, &registered(OTHER));
        let_pass(Duration::from_secs(4));
        assert_eq!(told(&round(&world, ""), "failover_finished").len(), 1);
        world.check_complete();
    }
}

fn state_file(world: &World) -> std::path::PathBuf {
    world.env.home().join("watch.json")
}

fn without_looks(path: &Path) {
    let text = std::fs::read_to_string(path).unwrap();
    let mut state: serde_json::Value = serde_json::from_str(&text).unwrap();
    for key in ["look", "marks", "alive"] {
        state["state"]
            .as_object_mut()
            .unwrap()
            .remove(key)
            .expect(key);
    }
    std::fs::write(path, state.to_string()).unwrap();
}

/// The first round was by a clock that was behind for an hour, and was set since: a second has gone
/// by, not an hour.
#[test]
fn rounds_of_cron_follow_a_clock_that_was_set_forward() {
    for (store, version) in [(Store::MariaDb, BY_HOST), (Store::Postgres, BY_STATE)] {
        let world = World::new(store, version, 5);
        round(&world, "");
        let text = std::fs::read_to_string(state_file(&world)).unwrap();
        let mut state: serde_json::Value = serde_json::from_str(&text).unwrap();
        for place in [
            "/state/missing/10.0.0.2:5678",
            "/state/look/at_ms",
            "/state/work_at_ms",
            "/state/kept/wall_ms",
        ] {
            let time = state.pointer_mut(place).expect(place);
            *time = (time.as_i64().unwrap() - 3_600_000).into();
        }
        std::fs::write(state_file(&world), state.to_string()).unwrap();
        let after = world.run(watch(&world, "--once --grace 1m")).exit(0);
        assert!(
            told(&after, "failover_started").is_empty() && after.stdout.contains("grace time"),
            "{after:?}"
        );
        world.check_untouched();
        // It goes on from there, and does not begin anew.
        let_pass(Duration::from_secs(4));
        assert_eq!(told(&round(&world, ""), "failover_finished").len(), 1);
        world.check_complete();
    }
}

/// Of a service that was down for days, or a release that kept less.
#[test]
fn a_state_file_that_proves_nothing_is_not_believed() {
    let world = World::new(Store::MariaDb, BY_HOST, 5);
    round(&world, "");
    without_looks(&state_file(&world));
    let_pass(Duration::from_secs(4));
    let after = round(&world, "");
    assert!(
        told(&after, "failover_started").is_empty() && after.stdout.contains("starts again"),
        "{after:?}"
    );
    world.check_untouched();
}

/// The tables of the JDBC registry keep no trace of who came and went: there, somebody must have
/// looked.
#[test]
fn with_the_registry_in_tables_nobody_may_look_away() {
    let world = World::with_registry_inside(Store::MariaDb, BY_STATE, 5);
    let rounds = Rounds::of(&world);
    let mut watcher = watch(&world, &format!("--grace 8s {}", rounds.arguments())).spawn();
    watcher.await_stdout(&event("grace_started"));
    watcher.signal("STOP");
    let_pass(Duration::from_secs(10));
    let woken = Instant::now();
    watcher.signal("CONT");
    watcher.await_stdout_times(&event("grace_started"), 2);
    watcher.await_stdout(&event("failover_finished"));
    assert!(
        woken.elapsed() >= Duration::from_secs(7),
        "{:?}",
        woken.elapsed()
    );
    let output = end(&world, watcher);
    assert!(
        told(&output, "grace_started")[1]["text"]
            .as_str()
            .unwrap()
            .contains("--interval"),
        "{output:?}"
    );
    world.check_complete();
}

#[test]
fn rounds_of_cron_with_the_registry_in_tables_are_as_often_as_they_say() {
    let world = World::with_registry_inside(Store::Postgres, BY_STATE, 5);
    let first = round(&world, "");
    assert!(first.stdout.contains(&event("grace_started")), "{first:?}");
    let_pass(Duration::from_secs(7));
    let late = round(&world, "");
    assert!(
        told(&late, "failover_started").is_empty() && late.stdout.contains("starts again"),
        "{late:?}"
    );
    world.check_untouched();
    let_pass(Duration::from_secs(7));
    let state = state_file(&world);
    let words = format!(
        "watch -o ndjson --yes --once --grace 3s --interval 1h --state-file {}",
        state.display()
    );
    assert_eq!(
        told(&world.run(world.dsctl(&words)).exit(0), "failover_finished").len(),
        1
    );
    eventually(SOON, "all", || {
        if world.command_count() == 5 {
            Ok(())
        } else {
            Err(world.command_count())
        }
    });
    world.check_complete();
}

/// The grace time is as long as ever, and that it moves with the clock is no news.
#[test]
fn a_clock_that_is_set_meanwhile_changes_nothing() {
    for ahead in [3600, -3600] {
        let world = World::new(Store::MariaDb, BY_HOST, 5);
        let clock = world.env.home().join("clock");
        std::fs::write(&clock, "+0").unwrap();
        let state = state_file(&world);
        let words = format!(
            "watch -o ndjson --yes --interval 1s --grace 8s --state-file {}",
            state.display()
        );
        // The program itself, as signals are not passed on by `faketime`, which starts another one.
        let mut watcher = world
            .dsctl(&words)
            .env("LD_PRELOAD", "/usr/$LIB/faketime/libfaketimeMT.so.1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap())
            .env("FAKETIME_NO_CACHE", "1")
            .spawn();
        watcher.await_stdout(&event("grace_started"));
        let new = clock.with_extension("new");
        std::fs::write(&new, format!("{ahead:+}")).unwrap();
        std::fs::rename(new, clock).unwrap();
        watcher.await_stdout(&of("failover_finished", DEAD));
        let output = end(&world, watcher);
        let (grace, began) = (
            told(&output, "grace_started"),
            told(&output, "failover_started"),
        );
        assert_eq!((grace.len(), began.len()), (1, 1), "{output:?}");
        let between = time(&began[0]).duration_since(time(&grace[0])).as_secs();
        // Sooner than that it would be by the clock that was set.
        assert!(
            (ahead + 7..ahead + 60).contains(&between),
            "{between}: {output:?}"
        );
        world.check_complete();
    }
}
