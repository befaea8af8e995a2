//! The failover loop on real servers: what it does, what it leaves alone, and what it lasts through.

use std::time::{Duration, Instant};

use crate::faults::world::{BY_HOST, BY_STATE, DEAD, World, registered};
use crate::harness::{Dsctl, Env, MariaDb, Running, Store, ZooKeeper};

/// With everything quick, and the state file in the test's own folder.
fn watch(world: &World, more: &str) -> Dsctl {
    let state = world.env.home().join("watch.json");
    let words = format!("watch -o ndjson --yes --interval 1s --state-file {} {more}", state.display());
    world.dsctl(&words)
}

fn event(word: &str) -> String {
    format!("\"event\":\"{word}\"")
}

/// The events of a run, in order.
fn words(output: &crate::harness::Output) -> Vec<String> {
    output.ndjson().iter().map(|line| line["event"].as_str().unwrap().to_owned()).collect()
}

/// Asks it to end; it does so by the signal, within a second, and without a lock.
fn end(world: &World, running: Running) -> crate::harness::Output {
    running.signal("TERM");
    let asked = Instant::now();
    let output = world.end(running).exit(143);
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    assert_eq!(words(&output).last().map(String::as_str), Some("stopped"));
    output
}

#[test]
fn a_master_that_dies_is_failed_over_once_by_two_watchers() {
    for (store, version) in [(Store::MariaDb, BY_HOST), (Store::Postgres, BY_STATE)] {
        let world = World::new(store, version, 100);
        let dying = world.env.register(version, &registered(DEAD));
        let mut watchers = [watch(&world, "--grace 1s").spawn(), {
            let other = world.env.home().join("other.json");
            let words = format!("watch -o ndjson --yes --interval 1s --grace 1s --state-file {}", other.display());
            world.dsctl(&words).spawn()
        }];
        for watcher in &mut watchers {
            watcher.await_stdout(&event("master_registered"));
        }
        world.check_untouched();
        dying.close();
        for watcher in &mut watchers {
            watcher.await_stdout(&event("master_lost"));
            watcher.await_stdout(&event("grace_started"));
        }
        // Whoever is second finds nothing left, or stands by and looks again.
        crate::harness::eventually(Duration::from_secs(20), "all are handed over", || {
            if world.command_count() == 100 { Ok(()) } else { Err(world.command_count()) }
        });
        world.check_complete();
        // One may still be giving the lock back while the other one ends: only then is nobody left to hold it.
        for watcher in watchers {
            watcher.signal("TERM");
            watcher.finish().exit(143);
        }
        assert!(world.queue().is_empty());
        world.check_complete();
    }
}

#[test]
fn a_master_that_flaps_faster_than_the_grace_time_keeps_its_work() {
    let world = World::new(Store::MariaDb, BY_HOST, 5);
    let mut master = Some(world.env.register(BY_HOST, &registered(DEAD)));
    let mut watcher = watch(&world, "--grace 20s").spawn();
    watcher.await_stdout(&event("started"));
    for _ in 0..3 {
        master.take().unwrap().close();
        watcher.await_stdout(&event("master_lost"));
        master = Some(world.env.register(BY_HOST, &registered(DEAD)));
    }
    let output = end(&world, watcher);
    assert!(!words(&output).iter().any(|word| word == "failover_started"), "{output:?}");
    world.check_untouched();
}

#[test]
fn rounds_of_cron_remember_what_was_missing() {
    let world = World::new(Store::Postgres, BY_HOST, 5);
    let first = world.run(watch(&world, "--once --grace 1s")).exit(0);
    assert_eq!(words(&first), ["started", "master_registered", "grace_started", "stopped"]);
    world.check_untouched();
    crate::harness::eventually(Duration::from_secs(20), "the grace time is over", || {
        let round = world.run(watch(&world, "--once --grace 1s")).exit(0);
        if words(&round).iter().any(|word| word == "failover_finished") { Ok(()) } else { Err(round) }
    });
    world.check_complete();
    // It is over, and stays so.
    let last = world.run(watch(&world, "--once --grace 0s")).exit(0);
    assert_eq!(words(&last), ["started", "master_registered", "stopped"]);
}

#[test]
fn a_pause_and_the_storm_brake_hold_until_somebody_resumes() {
    let world = World::new(Store::MariaDb, BY_HOST, 5);
    let state = world.env.home().join("watch.json");
    let aside = |more: &str| {
        let words = ["watch", "--state-file", state.to_str().unwrap(), more];
        world.dsctl("").args(words).args((more == "--pause").then_some("maintenance")).run().exit(0)
    };
    aside("--pause");
    let paused = world.run(watch(&world, "--once --grace 0s")).exit(0);
    assert!(paused.stdout.contains("maintenance"), "{paused:?}");
    world.check_untouched();
    aside("--resume");
    let braked = world.run(watch(&world, "--once --grace 0s --max-instances 4")).exit(0);
    assert!(braked.stdout.contains("storm brake"), "{braked:?}");
    // A greater limit alone does not release it.
    let still = world.run(watch(&world, "--once --grace 0s")).exit(0);
    assert!(still.stdout.contains("storm brake"), "{still:?}");
    world.check_untouched();
    aside("--resume");
    world.run(watch(&world, "--once --grace 0s")).exit(0);
    world.check_complete();
}

#[test]
fn a_hook_may_object_and_is_told_what_came_of_it() {
    let world = World::new(Store::MariaDb, BY_HOST, 5);
    let vetoed = world.run(watch(&world, "--once --grace 0s --on pre=/bin/false")).exit(0);
    assert!(vetoed.stdout.contains("vetoed"), "{vetoed:?}");
    world.check_untouched();
    let told = world.env.home().join("told");
    let script = world.env.home().join("post-success");
    std::fs::write(&script, format!("#!/bin/sh\ncat > {}\n", told.display())).unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let more = format!("--once --grace 0s --cool-down 0s --on pre=/bin/true --on post-success={}", script.display());
    world.run(watch(&world, &more)).exit(0);
    world.check_complete();
    let payload: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(told).unwrap()).unwrap();
    assert_eq!((&payload["master"], &payload["recovered"]), (&DEAD.into(), &5.into()));
}

#[test]
fn a_dry_run_writes_nothing_anywhere() {
    let world = World::new(Store::Postgres, BY_STATE, 5);
    let (store, registry) = (world.env.dump(), world.env.registry_dump());
    let state = world.env.home().join("watch.json");
    let words = format!("watch --dry-run --once --grace 0s -o ndjson --state-file {}", state.display());
    let output = world.run(world.dsctl(&words)).exit(0);
    assert!(output.stdout.contains("5 would be handed over"), "{output:?}");
    store.assert_same(&world.env.dump());
    assert_eq!(registry, world.env.registry_dump());
    assert!(!state.exists());
}

#[test]
fn consent_is_needed_and_one_format_is_for_programs() {
    let world = World::new(Store::MariaDb, BY_HOST, 1);
    world.run(world.dsctl("watch --once")).exit(4).err("--dry-run");
    world.run(world.dsctl("watch --once --yes -o json")).exit(2).err("ndjson");
    world.run(world.dsctl("watch --once --yes --live")).exit(2);
    world.check_untouched();
}

#[test]
fn a_database_that_stops_and_starts_is_waited_for() {
    let mut server = MariaDb::private();
    let name = server.create_database();
    let mut world = World::new(Store::MariaDb, BY_HOST, 1);
    let url = server.url(&name);
    // The watcher's own database is the private one: empty of work, and of a release that is known.
    world.env.set("DSCTL_DB", &url);
    schema(&server, &name);
    let mut watcher = watch(&world, "").spawn();
    watcher.await_stdout(&event("started"));
    server.stop();
    watcher.await_stdout(&event("error"));
    server.start();
    let late = world.env.register(BY_HOST, &registered("10.0.0.9:5678"));
    // An event of the registry is only told by a round that succeeded, the database's part included.
    watcher.await_stdout("10.0.0.9:5678");
    late.close();
    end(&world, watcher);
}

fn schema(server: &MariaDb, name: &str) {
    use dsctl::metadata::database::Dialect;
    for statement in dsctl::metadata::ddl::create_statements(BY_HOST, Dialect::MySql) {
        server.sql(name, &statement);
    }
}

#[test]
fn a_registry_that_was_away_makes_nobody_dead() {
    let mut server = ZooKeeper::private();
    let world = World::in_env(Env::at(Store::MariaDb, &server.connect_string()), BY_HOST, 5);
    let master = world.env.register(BY_HOST, &registered(DEAD));
    // The grace time is over long before the registry is back, and begins anew then.
    let mut watcher = watch(&world, "--grace 8s --session-timeout 2s --timeout 2s").spawn();
    watcher.await_stdout(&event("started"));
    server.stop();
    watcher.await_stdout(&event("error"));
    let down = Instant::now();
    crate::harness::eventually(Duration::from_secs(30), "longer than every session and the grace time", || {
        if down.elapsed() > Duration::from_secs(9) { Ok(()) } else { Err("not yet") }
    });
    server.start();
    // The server starts with the sessions of before. One ends, since nobody speaks for it; and that master comes back.
    drop(master);
    world.env.zk().await_absence(&world.env.path(&format!("nodes/master/{DEAD}")));
    let back = world.env.register(BY_HOST, &registered(DEAD));
    watcher.await_stdout(&event("master_registered"));
    let output = end(&world, watcher);
    assert!(!words(&output).iter().any(|word| word == "failover_started"), "{output:?}");
    world.check_untouched();
    back.close();
}

#[test]
fn settings_are_read_again_and_metrics_are_kept() {
    let world = World::new(Store::MariaDb, BY_HOST, 5);
    let metrics = world.env.home().join("dsctl.prom");
    let mut watcher = watch(&world, &format!("--grace 1m --metrics-file {}", metrics.display())).spawn();
    watcher.await_stdout(&event("grace_started"));
    let text = |needle: &str| {
        crate::harness::eventually(Duration::from_secs(10), needle, || {
            let text = std::fs::read_to_string(&metrics).unwrap_or_default();
            if text.contains(needle) { Ok(()) } else { Err(text) }
        });
    };
    text("dsctl_masters{verdict=\"dead\"} 1");
    text("dsctl_unfinished_instances{verdict=\"dead\"} 5");
    watcher.signal("HUP");
    text("dsctl_up{source=\"database\"} 1");
    assert!(watcher.is_running());
    end(&world, watcher);
    world.check_untouched();
}
