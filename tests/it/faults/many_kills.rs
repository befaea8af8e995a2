//! `kill -9` at random times, in all stores, again and again. `DSCTL_TEST_KILLS=1000` kills so many; `DSCTL_TEST_SEED`
//! repeats the times.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dsctl::metadata::database::Database;

use crate::harness::Chance;
use crate::harness::world::{BY_HOST, BY_STATE, World, reported};
use crate::harness::{Running, Store, wait};

const USUAL: usize = 60;
const INSTANCES: i64 = 60;

/// Each store has so many worlds, in which one run after the other is killed.
const WORLDS: u64 = 4;

fn world(store: Store) -> World {
    match store {
        Store::Sqlite => World::in_a_file(BY_HOST, INSTANCES),
        Store::MariaDb => World::new(store, BY_HOST, INSTANCES),
        Store::Postgres => World::new(store, BY_STATE, INSTANCES),
    }
}

fn commands(database: &mut dyn Database) -> u64 {
    let mut count = 0;
    let sql = "SELECT COUNT(*) FROM t_ds_command WHERE command_type = 2";
    wait(database.query(&sql.into(), &mut |row| count = row.int(0).unwrap())).unwrap();
    u64::try_from(count).unwrap()
}

/// Waits for the random moment: at any time from the start on, or a moment after so many commands.
fn random_moment(world: &World, running: &mut Running, chance: &mut Chance, whole: Duration) {
    if chance.below(2) == 0 {
        let micros = u64::try_from(whole.as_micros()).unwrap();
        std::thread::sleep(Duration::from_micros(chance.below(micros)));
        return;
    }
    let mut database = world.env.database();
    let goal = commands(&mut *database) + chance.below(12);
    while running.is_running() && commands(&mut *database) < goal {
        std::thread::sleep(Duration::from_millis(1));
    }
    wait(database.close());
    std::thread::sleep(Duration::from_micros(chance.below(8_000)));
}

/// Runs one after the other until there were enough kills; gives the number of runs that were too
/// quick.
fn kill_again_and_again(store: Store, seed: u64, left: &AtomicUsize) -> usize {
    let (world, mut chance, mut escaped) = (world(store), Chance::of(seed), 0);
    let start = Instant::now();
    world.run(world.failover("--batch 2")).exit(0);
    let whole = start.elapsed();
    world.reset();
    let arguments = "--batch 2 --lock-timeout 30s --session-timeout 2s";
    let mut done = BTreeSet::new();
    while left.load(Ordering::Relaxed) > 0 {
        let mut running = world.failover(arguments).spawn();
        random_moment(&world, &mut running, &mut chance, whole);
        if running.is_running() {
            running.signal("KILL");
        }
        let output = running.finish();
        match output.code {
            Some(137) => {
                _ = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                    left.checked_sub(1)
                });
            }
            // On a busy machine, the servers may end a brief session, or a transaction, by
            // themselves.
            Some(0 | 6..=8) => escaped += 1,
            _ => panic!("{store:?}, seed {seed}: {output:?}"),
        }
        let now = world.check();
        assert!(
            now.is_superset(&done),
            "{store:?}, seed {seed}: what was done stands: {output:?}"
        );
        done = now;
        if done == world.ids {
            world.reset();
            done.clear();
        }
    }
    let output = world.run(world.failover("--lock-timeout 30s")).exit(0);
    assert_eq!(
        reported(&output),
        &world.ids - &done,
        "{store:?}, seed {seed}"
    );
    world.check_complete();
    escaped
}

#[test]
fn killed_at_any_time_in_any_store() {
    let given = std::env::var("DSCTL_TEST_KILLS")
        .ok()
        .and_then(|kills| kills.parse().ok());
    let (kills, seed) = (given.unwrap_or(USUAL), Chance::new().seed);
    eprintln!("DSCTL_TEST_SEED={seed}: {kills} kills");
    let (left, escaped) = (
        Store::ALL.map(|_| AtomicUsize::new(kills.div_ceil(3))),
        AtomicUsize::new(0),
    );
    std::thread::scope(|scope| {
        for (store, left) in Store::ALL.iter().zip(&left) {
            for number in 0..WORLDS {
                let escaped = &escaped;
                scope.spawn(move || {
                    let quick = kill_again_and_again(*store, seed.wrapping_add(number), left);
                    escaped.fetch_add(quick, Ordering::Relaxed);
                });
            }
        }
    });
    eprintln!(
        "DSCTL_TEST_SEED={seed}: {kills} kills, {} runs ended before",
        escaped.into_inner()
    );
}
