//! `kill -9`, and the same command again.

use std::collections::BTreeSet;
use std::time::Duration;

use dsctl::metadata::database::Database;

use super::moments::{Moment, SERVERS, at_second_batch};
use crate::harness::world::{BY_HOST, BY_STATE, World, reported};
use crate::harness::{At, Chance, Proxy, Running, Store, ZooKeeper, wait};

/// Of how many runs each is killed.
const LIVES: usize = 14;

/// The rule after a kill; then the rest is done by another run, which outwaits the dead session.
#[track_caller]
fn rest(world: &World, before: &BTreeSet<i64>) {
    let done = world.check();
    assert!(done.is_superset(before), "what was done is valid");
    let output = world.run(world.failover("--lock-timeout 30s")).exit(0);
    assert_eq!(
        reported(&output),
        world.ids.difference(&done).copied().collect()
    );
    world.check_complete();
}

/// Killed in the second batch, right before or after a message has arrived at the database.
/// Kills a run whose message the proxy holds, which arrives all the same or is lost.
fn kill(running: Running, proxy: &Proxy, arrives: bool) {
    running.signal("KILL");
    running.finish().exit(137);
    if arrives {
        proxy.go_on();
    } else {
        proxy.cut();
    }
}

fn killed_in_second_batch(store: Store, moment: Moment, arrives: bool) {
    let version = if store == Store::MariaDb {
        BY_HOST
    } else {
        BY_STATE
    };
    let mut world = World::new(store, version, 15);
    let proxy = world.env.through_proxy();
    let running = at_second_batch(&world, &proxy, "--session-timeout 2s");
    if moment != Moment::Begin {
        proxy.trap(moment.bytes_again(store), At::Hold);
        proxy.go_on();
        proxy.await_sprung_times(3);
    }
    kill(running, &proxy, arrives);
    let first = world.ids.iter().take(5).copied().collect();
    rest(&world, &first);
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
        let running = world.failover("--session-timeout 2s").spawn();
        proxy.await_sprung();
        kill(running, &proxy, arrives);
        world.check_untouched();
        rest(&world, &BTreeSet::new());
    }
}

/// One run after the other is killed: a few batches after it has begun, and a few milliseconds
/// more.
fn killed_at_random(world: &World, session: &str) {
    let mut chance = Chance::new();
    let seed = chance.seed;
    let arguments = format!("--batch 5 --lock-timeout 30s --session-timeout {session}");
    let mut database = world.env.database();
    let mut done = BTreeSet::new();
    for life in 0..LIVES {
        let goal = done.len() + 5 * usize::try_from(chance.below(6)).unwrap();
        let delay = Duration::from_micros(chance.below(5_000));
        let mut running = world.failover(&arguments).spawn();
        while running.is_running() && waiting_commands(&mut *database) < goal {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(delay);
        if running.is_running() {
            running.signal("KILL");
        }
        let output = running.finish();
        // On a busy machine, the servers may end a brief session, or a transaction, by themselves.
        assert!(
            matches!(output.code, Some(0 | 6..=8 | 137)),
            "DSCTL_TEST_SEED={seed}, life {life}: {output:?}"
        );
        let now = world.check();
        assert!(
            now.is_superset(&done),
            "DSCTL_TEST_SEED={seed}, life {life}: {output:?}"
        );
        done = now;
    }
    wait(database.close());
    eprintln!(
        "DSCTL_TEST_SEED={seed}: {} of {} after {LIVES} lives",
        done.len(),
        world.ids.len()
    );
    assert!(!done.is_empty());
    rest(world, &done);
}

fn waiting_commands(database: &mut dyn Database) -> usize {
    let mut count = 0;
    let sql = "SELECT COUNT(*) FROM t_ds_command WHERE command_type = 2";
    wait(database.query(&sql.into(), &mut |row| count = row.int(0).unwrap())).unwrap();
    usize::try_from(count).unwrap()
}

#[test]
fn killed_at_random_on_mariadb() {
    killed_at_random(&World::new(Store::MariaDb, BY_HOST, 400), "3s");
}

#[test]
fn killed_at_random_on_postgres() {
    killed_at_random(&World::new(Store::Postgres, BY_STATE, 400), "3s");
}

#[test]
fn killed_at_random_in_a_file() {
    killed_at_random(&World::in_a_file(BY_HOST, 400), "3s");
}
