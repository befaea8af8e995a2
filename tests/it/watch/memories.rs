//! What was seen at another time, or is another's doing, proves nothing of now.

use std::time::Duration;

use dsctl::demo::{Registered, seed};
use dsctl::model::Version;
use jiff::Timestamp;

use super::{end, event, let_pass, long_ago, of, told, watch};
use crate::harness::world::{BY_HOST, BY_STATE, DEAD, World, registered};
use crate::harness::{Output, Store};

const SECOND: &str = "10.0.0.3:5678";
const THIRD: &str = "10.0.0.4:5678";

fn round(world: &World, more: &str) -> Output {
    ended(world, more, 0)
}

fn ended(world: &World, more: &str, code: i32) -> Output {
    world
        .run(watch(world, &format!("--once {more}")))
        .exit(code)
}

fn edit(world: &World, change: impl FnOnce(&mut serde_json::Value)) {
    let path = world.env.home().join("watch.json");
    let mut state: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    change(&mut state["state"]);
    std::fs::write(path, state.to_string()).unwrap();
}

/// Nobody looked for two days, in which two masters were failed over: that is no storm of the last
/// ten minutes.
#[test]
fn what_others_did_while_nobody_looked_is_no_storm_of_today() {
    let mut world = World::new(Store::MariaDb, BY_HOST, 5);
    let second = world.add(SECOND, long_ago(), 4);
    round(&world, "--grace 1h");
    world
        .run(world.dsctl(&format!("failover {DEAD} {SECOND} --yes")))
        .exit(0);
    edit(&world, |state| {
        let at = state["look"]["at_ms"].as_i64().unwrap() - 2 * 24 * 3_600_000;
        state["look"]["at_ms"] = at.into();
        state["work_at_ms"] = at.into();
    });
    world.add_later(THIRD, long_ago(), 3);
    let output = round(&world, "--grace 0s");
    assert_eq!(told(&output, "failover_finished").len(), 1, "{output:?}");
    assert_eq!(
        world.command_count(),
        5 + 3 + i64::try_from(second.len()).unwrap()
    );
}

/// In 3.3.0 an instance that was taken up shows the dead master's address again.
#[test]
fn what_is_taken_up_in_3_3_0_is_no_sign_of_life() {
    let version = Version::new(3, 3, 0);
    let world = World::new(Store::MariaDb, version, 12);
    let running = world
        .failover("--batch 2 --rate 2/s --allow-recovered")
        .spawn();
    super::await_commands(&world, 2);
    let instance = *world.ids.first().unwrap();
    world.env.sql(&format!(
        "UPDATE t_ds_workflow_instance SET state = 1 WHERE id = {instance}"
    ));
    let started = jiff::tz::TimeZone::UTC.to_datetime(Timestamp::now());
    world.env.insert([seed::task(version, instance)
        .id(77)
        .host("10.0.5.1:1234")
        .started(started)]);
    world.end(running).exit(0);
    assert_eq!(world.command_count(), 12);
}

/// A row that nobody has purged, and a process that ends with its round.
#[test]
fn one_round_with_the_registry_in_tables_sees_that_a_heartbeat_stands_still() {
    let world = World::with_registry_inside(Store::MariaDb, BY_STATE, 5);
    let old = Timestamp::now() - jiff::SignedDuration::from_secs(3600);
    let dead = Registered {
        client: 9,
        reported: old,
        session_millis: 60_000,
        ..registered(DEAD)
    };
    world.env.register_in_database(BY_STATE, &dead);
    let output = round(&world, "--grace 0s");
    assert_eq!(told(&output, "failover_finished").len(), 1, "{output:?}");
    world.check_complete();
}

/// The lock is waited for, and the master comes and goes meanwhile; no registry counts that here.
#[test]
fn with_the_registry_in_tables_who_comes_and_goes_while_the_lock_is_waited_for() {
    let world = World::with_registry_inside(Store::MariaDb, BY_STATE, 5);
    let holder = world.holder();
    let mut watcher = watch(&world, "--grace 3s --lock-timeout 60s").spawn();
    watcher.await_stdout(&of("failover_started", DEAD));
    // It waits for the lock by now.
    let_pass(Duration::from_secs(1));
    let back = Registered {
        client: 9,
        ..registered(DEAD)
    };
    world.env.register_in_database(BY_STATE, &back);
    let_pass(Duration::from_secs(8));
    world.env.sql(
        "DELETE FROM t_ds_jdbc_registry_data WHERE client_id = 9; \
         DELETE FROM t_ds_jdbc_registry_client_heartbeat WHERE id = 9",
    );
    holder.signal("TERM");
    holder.finish();
    watcher.await_stdout(&of("failover_finished", DEAD));
    let output = end(&world, watcher);
    assert_eq!(told(&output, "failover_started").len(), 2, "{output:?}");
}

/// A watcher has seen that the master lives which is not registered; it is ended. Every answer of
/// the database's is late: no look may be as old as that makes it between two rounds, but all are
/// as old.
#[test]
fn with_the_registry_in_tables_of_a_slow_database_a_failover_comes_to_its_end() {
    let mut world = World::with_registry_inside(Store::MariaDb, BY_STATE, 5);
    let proxy = world.env.through_proxy();
    let state = world.env.home().join("watch.json");
    let words = format!(
        "watch -o ndjson --yes --interval 30s --grace 3s --state-file {}",
        state.display()
    );
    let mut watcher = world.dsctl(&words).limit(Duration::from_mins(3)).spawn();
    watcher.await_stdout(&event("grace_started"));
    proxy.delay(Duration::from_millis(150));
    watcher.await_stdout(&event("failover_started"));
    super::await_commands(&world, 5);
    watcher.await_stdout(&event("failover_finished"));
    proxy.pass();
    let output = end(&world, watcher);
    assert!(told(&output, "failover_refused").is_empty(), "{output:?}");
    world.check_complete();
}

/// What there is of each of many dead masters is asked of a slow database one by one; the registry
/// is looked at meanwhile.
#[test]
fn with_the_registry_in_tables_of_a_slow_database_many_masters_are_seen_away() {
    let mut world = World::with_registry_inside(Store::MariaDb, BY_STATE, 5);
    for number in 0..9 {
        world.add(&format!("10.0.7.{number}:5678"), long_ago(), 1);
    }
    let proxy = world.env.through_proxy();
    let mut watcher = watch(&world, "--grace 20s --max-masters 1")
        .limit(Duration::from_mins(5))
        .spawn();
    watcher.await_stdout(&event("started"));
    proxy.delay(Duration::from_millis(100));
    watcher.await_stdout(&event("failover_started"));
    proxy.pass();
    let output = end(&world, watcher);
    assert!(!output.stdout.contains("starts again"), "{output:?}");
}

fn learn_that_it_lives(world: &World) {
    let mut watcher = watch(world, "--grace 5s").spawn();
    watcher.await_stdout(&of("grace_started", DEAD));
    world.add_later(DEAD, Timestamp::now(), 1);
    watcher.await_stdout("but it lives");
    end(world, watcher);
}

/// The same ensemble by another text: who was seen to live there lives still.
#[test]
fn another_text_for_the_same_registry_makes_nobody_dead() {
    let mut world = World::new(Store::MariaDb, BY_HOST, 5);
    let file = world.env.home().join("dsctl.toml");
    let own = world.env.variables()["DSCTL_ZK"].clone();
    world.env.unset("DSCTL_ZK");
    let set =
        |world: &World, text: &str| world.env.file("dsctl.toml", &format!("zk = \"{text}\"\n"));
    set(&world, &own);
    let more = format!("--config {}", file.display());
    let mut watcher = watch(&world, &format!("{more} --grace 3s")).spawn();
    watcher.await_stdout(&of("grace_started", DEAD));
    world.add_later(DEAD, Timestamp::now(), 1);
    watcher.await_stdout_times("but it lives", 1);
    set(&world, &format!("{own},{own}"));
    watcher.signal("HUP");
    watcher.await_stdout_times("but it lives", 2);
    let output = end(&world, watcher);
    assert!(told(&output, "failover_started").is_empty(), "{output:?}");
    // The next process begins with the first text again.
    set(&world, &own);
    let output = world
        .run(watch(&world, &format!("{more} --once --grace 0s")))
        .exit(4);
    assert!(output.stdout.contains("but it lives"), "{output:?}");
    assert_eq!(world.command_count(), 0);
}

/// The same tables through another port.
#[test]
fn another_address_of_the_same_tables_makes_nobody_dead() {
    for store in [Store::MariaDb, Store::Postgres] {
        let mut world = World::with_registry_inside(store, BY_STATE, 5);
        learn_that_it_lives(&world);
        let _proxy = world.env.through_proxy();
        let output = ended(&world, "--grace 0s", 4);
        assert!(output.stdout.contains("but it lives"), "{output:?}");
        assert_eq!(world.command_count(), 0);
    }
}

/// A state file that was written for another cluster makes nobody alive here, and puts no brake on.
#[test]
fn what_is_remembered_of_another_cluster_holds_nothing_back() {
    for inside in [false, true] {
        let new = if inside {
            World::with_registry_inside
        } else {
            World::new
        };
        let world = new(Store::MariaDb, BY_STATE, 5);
        learn_that_it_lives(&world);
        edit(&world, |state| {
            state["brake"] =
                serde_json::json!({ "since_ms": 1, "reason": "3 masters were failed over" });
            assert_eq!(state["alive"].as_object().unwrap().len(), 1, "{state}");
        });
        // Another cluster's servers have other clients.
        let other = World::new(Store::Postgres, BY_STATE, 5);
        std::fs::copy(
            world.env.home().join("watch.json"),
            other.env.home().join("watch.json"),
        )
        .unwrap();
        let output = round(&other, "--grace 0s");
        assert_eq!(told(&output, "failover_finished").len(), 1, "{output:?}");
        other.check_complete();
        let released = told(&output, "paused").remove(0);
        assert!(
            released["text"]
                .as_str()
                .unwrap()
                .contains("another cluster"),
            "{released}"
        );
    }
}

/// Two lines of cron, two clusters, and one state file: no absence would ever be proven, and nobody
/// would know.
#[test]
fn two_clusters_with_one_state_file_are_told_so_in_every_round() {
    let one = World::new(Store::MariaDb, BY_HOST, 5);
    let other = World::new(Store::Postgres, BY_STATE, 5);
    let more = format!(
        "--once --grace 1s --state-file {}",
        one.env.home().join("watch.json").display()
    );
    let run = |world: &World| world.run(world.dsctl(&format!("watch -o ndjson --yes {more}")));
    run(&one).exit(0);
    for world in [&other, &one, &other, &one] {
        let_pass(Duration::from_secs(1));
        let output = run(world).exit(4);
        let held = told(&output, "grace_started").remove(0);
        assert!(
            held["text"]
                .as_str()
                .unwrap()
                .contains("each cluster needs its own state file"),
            "{output:?}"
        );
        assert_eq!(world.command_count(), 0);
    }
    // One that goes on alone comes to its end.
    let_pass(Duration::from_secs(1));
    run(&one).exit(0);
    one.check_complete();
}

/// What was seen of one database's rows proves no absence with another's.
#[test]
fn with_another_database_an_absence_begins_anew() {
    let world = World::new(Store::MariaDb, BY_HOST, 5);
    round(&world, "--grace 1h");
    let mut other = World::new(Store::MariaDb, BY_HOST, 5);
    for name in ["DSCTL_ZK", "DSCTL_NAMESPACE"] {
        other.env.set(name, &world.env.variables()[name].clone());
    }
    std::fs::copy(
        world.env.home().join("watch.json"),
        other.env.home().join("watch.json"),
    )
    .unwrap();
    edit(&other, |state| {
        let since = state["missing"][DEAD].as_i64().unwrap();
        state["missing"][DEAD] = (since - 7_200_000).into();
    });
    let output = other.run(watch(&other, "--once --grace 1h")).exit(0);
    assert!(
        output.stdout.contains(&event("grace_started")),
        "{output:?}"
    );
    other.check_untouched();
}
