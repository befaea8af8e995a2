//! The registry goes away and comes back, and so does the watcher itself.

use std::time::Duration;

use super::{Rounds, after_the_error, end, event, let_pass, of, time, told, watch, words};
use crate::harness::world::{BY_HOST, BY_STATE, DEAD, LIVING, World, registered};
use crate::harness::{Env, FakeRegistration, Proxy, Store, ZooKeeper};

#[test]
fn a_registry_that_was_away_makes_nobody_dead() {
    let mut server = ZooKeeper::private();
    let world = World::in_env(
        Env::at(Store::MariaDb, &server.connect_string()),
        BY_HOST,
        5,
    );
    let master = world.env.register(BY_HOST, &registered(DEAD));
    // The grace time is over long before the registry is back, and begins anew then.
    let mut watcher = watch(&world, "--grace 12s --session-timeout 6s --timeout 6s").spawn();
    watcher.await_stdout(&event("started"));
    server.stop();
    watcher.await_stdout(&event("error"));
    // Longer than every session and the grace time.
    let_pass(Duration::from_secs(13));
    server.start();
    // The server starts with the sessions of before. One ends, since nobody speaks for it; and that
    // master comes back.
    drop(master);
    world
        .env
        .zk()
        .await_absence(&world.env.path(&format!("nodes/master/{DEAD}")));
    let back = world.env.register(BY_HOST, &registered(DEAD));
    watcher.await_stdout(&event("master_registered"));
    let output = end(&world, watcher);
    assert!(
        !words(&output).iter().any(|word| word == "failover_started"),
        "{output:?}"
    );
    world.check_untouched();
    back.close();
}

/// A master with a short session.
fn short(world: &World, address: &str) -> FakeRegistration {
    let session = Duration::from_secs(5);
    world.env.register_through(
        &world.env.connect,
        world.version,
        &registered(address),
        session,
    )
}

#[test]
fn a_registry_away_for_longer_than_every_session_makes_nobody_dead() {
    let mut server = ZooKeeper::private();
    let mut world = World::in_env(
        Env::at(Store::Postgres, &server.connect_string()),
        BY_STATE,
        5,
    );
    world.close_living();
    let masters = [LIVING, DEAD].map(|address| short(&world, address));
    let paths = [LIVING, DEAD].map(|address| world.env.path(&format!("nodes/master/{address}")));
    let mut watcher = watch(&world, "--grace 12s --session-timeout 6s --timeout 6s").spawn();
    watcher.await_stdout(&of("master_registered", LIVING));
    server.stop();
    watcher.await_stdout(&event("error"));
    let_pass(Duration::from_secs(7));
    server.start();
    drop(masters);
    for path in paths {
        world.env.zk().await_absence(&path);
    }
    // First one of them is back, which ends the time in which there is nobody; the other one
    // follows within the grace.
    let living = short(&world, LIVING);
    watcher.await_stdout(&of("grace_started", DEAD));
    let back = short(&world, DEAD);
    let session = back.session_id();
    watcher.await_stdout(&session);
    world.check_untouched();
    // And a real death is one again.
    back.close();
    watcher.await_stdout(&of("failover_finished", DEAD));
    let output = end(&world, watcher);
    assert_eq!(told(&output, "failover_started").len(), 1, "{output:?}");
    world.check_complete();
    drop(living);
}

#[test]
fn rounds_of_cron_remember_that_the_registry_was_away() {
    let mut server = ZooKeeper::private();
    let world = World::in_env(
        Env::at(Store::MariaDb, &server.connect_string()),
        BY_HOST,
        5,
    );
    let round = |code| {
        watch(&world, "--once --grace 3s --timeout 6s")
            .run()
            .exit(code)
    };
    assert!(round(0).stdout.contains(&of("grace_started", DEAD)));
    server.stop();
    round(6);
    let_pass(Duration::from_secs(4));
    server.start();
    // It may be the registry's failure that this one is still missing.
    let after = round(0);
    assert!(
        told(&after, "failover_started").is_empty() && after.stdout.contains("grace_started"),
        "{after:?}"
    );
    world.check_untouched();
    let_pass(Duration::from_secs(4));
    assert_eq!(told(&round(0), "failover_finished").len(), 1);
    world.check_complete();
}

#[test]
fn rounds_of_cron_remember_that_nobody_was_there() {
    let mut world = World::new(Store::MariaDb, BY_HOST, 5);
    world.close_living();
    let round = || watch(&world, "--once --grace 3s").run();
    assert!(
        round()
            .exit(4)
            .stdout
            .contains("no master is registered at all")
    );
    let_pass(Duration::from_secs(4));
    let _living = world.env.register(BY_HOST, &registered(LIVING));
    let after = round().exit(0);
    assert!(
        told(&after, "failover_started").is_empty() && after.stdout.contains("grace_started"),
        "{after:?}"
    );
    world.check_untouched();
}

#[test]
fn a_watcher_that_sleeps_through_its_session_knows_nothing_when_it_wakes_up() {
    let world = World::new(Store::Postgres, BY_STATE, 5);
    let master = world.env.register(BY_STATE, &registered(DEAD));
    let more = String::from("--grace 4s --session-timeout 2s --timeout 6s");
    let mut watcher = watch(&world, &more).spawn();
    watcher.await_stdout(&of("master_registered", DEAD));
    master.close();
    watcher.await_stdout(&of("grace_started", DEAD));
    watcher.signal("STOP");
    // The master is back before the grace time is over, and goes again long after: no look has seen
    // that.
    let back = world.env.register(BY_STATE, &registered(DEAD));
    let_pass(Duration::from_secs(6));
    back.close();
    watcher.signal("CONT");
    watcher.await_stdout(&event("error"));
    watcher.await_stdout(&of("failover_finished", DEAD));
    let output = end(&world, watcher);
    world.check_complete();
    assert_eq!(told(&output, "failover_started").len(), 1, "{output:?}");
    // A whole grace time after it has seen the master missing once more.
    assert!(
        words(&output)
            .iter()
            .filter(|word| *word == "grace_started")
            .count()
            > 1,
        "{output:?}"
    );
    assert!(
        after_the_error(&output) >= jiff::SignedDuration::from_secs(4),
        "{output:?}"
    );
}

#[test]
fn it_gives_up_when_nothing_succeeds_for_long_enough() {
    let mut server = ZooKeeper::private();
    let world = World::in_env(
        Env::at(Store::MariaDb, &server.connect_string()),
        BY_HOST,
        5,
    );
    let rounds = Rounds::of(&world);
    let more = format!(
        "--grace 1h --fail-after 12s --timeout 3s --session-timeout 6s {}",
        rounds.arguments()
    );
    let mut watcher = watch(&world, &more).spawn();
    watcher.await_stdout(&event("started"));
    rounds.pass(1);
    server.stop();
    let output = watcher.finish().exit(6);
    assert!(told(&output, "error").len() > 1, "{output:?}");
    let last = output.ndjson().pop().unwrap();
    let success = rounds
        .last_success()
        .and_then(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
        .unwrap();
    let without = time(&last).as_duration().as_secs_f64() - success;
    assert!(without >= 12.0, "{without}: {output:?}");
    assert_eq!(
        (&last["event"], &last["exit_code"]),
        (&"stopped".into(), &6.into()),
        "{output:?}"
    );
    // Nothing ever succeeds: that counts from the start.
    watch(&world, "--fail-after 2s --timeout 3s").run().exit(6);
    server.start();
    world.check_untouched();
}

/// The server that it speaks with hangs, and the next one answers: that is no failure of the
/// registry, which would begin every grace time anew.
#[test]
fn a_server_that_hangs_is_left_for_the_next_one() {
    let mut world = World::new(Store::MariaDb, BY_HOST, 5);
    let port = ZooKeeper::shared().port();
    let proxies = [Proxy::to(port), Proxy::to(port)];
    world.env.set(
        "DSCTL_ZK",
        &format!("{},{}", proxies[0].address(), proxies[1].address()),
    );
    let rounds = Rounds::of(&world);
    let more = format!(
        "--grace 1h --timeout 8s --session-timeout 40s {}",
        rounds.arguments()
    );
    let mut watcher = watch(&world, &more).spawn();
    watcher.await_stdout(&event("grace_started"));
    let used = proxies
        .iter()
        .find(|proxy| proxy.accepted() > 0)
        .expect("a proxy");
    used.black_hole();
    let_pass(Duration::from_secs(6));
    rounds.pass(2);
    let output = end(&world, watcher);
    assert!(told(&output, "error").is_empty(), "{output:?}");
    assert_eq!(told(&output, "grace_started").len(), 1, "{output:?}");
}
