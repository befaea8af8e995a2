//! `kill -9`, and the same command again.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::moments::{Moment, SERVERS, at_second_batch};
use super::world::{BY_HOST, BY_STATE, Chance, World, reported};
use crate::harness::{At, Proxy, Store, ZooKeeper};

/// The rule after a kill; then the rest is done by another run, which outwaits the dead session.
#[track_caller]
fn rest(world: &World, before: &BTreeSet<i64>) {
    let done = world.check();
    assert!(done.is_superset(before), "what was done stands");
    let output = world.run(world.failover("--lock-timeout 30s")).exit(0);
    assert_eq!(reported(&output), world.ids.difference(&done).copied().collect());
    world.check_complete();
}

/// Killed in the second batch, right before or after a message has arrived at the database.
fn killed_in_second_batch(store: Store, moment: Moment, arrives: bool) {
    let version = if store == Store::MariaDb { BY_HOST } else { BY_STATE };
    let mut world = World::new(store, version, 15);
    let proxy = world.env.through_proxy();
    let running = at_second_batch(&world, &proxy, "--session-timeout 1s");
    if moment != Moment::Begin {
        proxy.trap(moment.bytes(store), At::Hold);
        proxy.go_on();
        proxy.await_sprung_times(3);
    }
    running.signal("KILL");
    running.finish().exit(137);
    if arrives {
        proxy.go_on();
    } else {
        proxy.cut();
    }
    let first = world.ids.iter().take(5).copied().collect();
    rest(&world, &first);
    let ten = world.ids.iter().take(10).copied().collect();
    if moment == Moment::Commit && arrives {
        assert!(world.commands().len() >= BTreeSet::len(&ten));
    }
}

#[test]
fn killed_at_every_message_to_mariadb() {
    for moment in Moment::ALL {
        killed_in_second_batch(SERVERS[0], moment, false);
        killed_in_second_batch(SERVERS[0], moment, true);
    }
}

#[test]
fn killed_at_every_message_to_postgres() {
    for moment in Moment::ALL {
        killed_in_second_batch(SERVERS[1], moment, false);
        killed_in_second_batch(SERVERS[1], moment, true);
    }
}

#[test]
fn killed_while_it_takes_the_lock() {
    for arrives in [false, true] {
        let mut world = World::new(Store::MariaDb, BY_HOST, 5);
        let proxy = Proxy::to(ZooKeeper::shared().port());
        world.env.set("DSCTL_ZK", &proxy.address());
        proxy.trap(b"-lock-", At::Hold);
        let running = world.failover("--session-timeout 1s").spawn();
        proxy.await_sprung();
        running.signal("KILL");
        running.finish().exit(137);
        if arrives {
            proxy.go_on();
        } else {
            proxy.cut();
        }
        world.check_untouched();
        rest(&world, &BTreeSet::new());
    }
}

/// One run after the other is killed at a random moment, until one survives.
fn killed_at_random(world: &World, lives: u64, session: &str) {
    let mut chance = Chance::new();
    let seed = chance.seed;
    eprintln!("DSCTL_TEST_SEED={seed}");
    let arguments = format!("--batch 5 --lock-timeout 30s --session-timeout {session}");
    let whole = whole_run(world, &arguments);
    let mut done = BTreeSet::new();
    for life in 0..lives {
        let running = world.failover(&arguments).spawn();
        // The time until the dead one's session has ended is no interesting time.
        await_free_lock(world);
        let delay = Duration::from_micros(chance.below(u64::try_from(whole.as_micros()).unwrap()));
        std::thread::sleep(delay);
        running.signal("KILL");
        let output = running.finish();
        let now = world.check();
        assert!(now.is_superset(&done), "seed {seed}, life {life}, {delay:?}: {output:?}");
        done = now;
    }
    eprintln!("{} of {} after {lives} lives", done.len(), world.ids.len());
    rest(world, &done);
}

/// How long a whole run takes here.
fn whole_run(world: &World, arguments: &str) -> Duration {
    let start = Instant::now();
    world.run(world.failover(&format!("{arguments} --dry-run"))).exit(0);
    start.elapsed() * 2
}

/// Waits until nobody who is dead holds the lock.
fn await_free_lock(world: &World) {
    if world.has_zookeeper() {
        crate::harness::eventually(Duration::from_secs(20), "the dead one's end", || {
            let queue = world.queue();
            if queue.len() <= 1 { Ok(()) } else { Err(queue) }
        });
    }
}

#[test]
fn killed_at_random_on_mariadb() {
    killed_at_random(&World::new(Store::MariaDb, BY_HOST, 200), 14, "1s");
}

#[test]
fn killed_at_random_on_postgres() {
    killed_at_random(&World::new(Store::Postgres, BY_STATE, 200), 14, "1s");
}

#[test]
fn killed_at_random_in_a_file() {
    killed_at_random(&World::in_a_file(BY_HOST, 200), 14, "2s");
}
