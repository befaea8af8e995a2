//! The registry inside the database, and clocks that differ: a heartbeat that moves is a living
//! master's, whatever time it shows.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dsctl::demo::{Registered, seed};
use jiff::Timestamp;

use crate::harness::Store;
use crate::harness::world::{BY_STATE, DEAD, LIVING, World, registered};

/// The clock of this machine is that far ahead of all masters'.
const AHEAD: Duration = Duration::from_secs(65);

/// A master that died some time ago, and worked for this cluster.
const GONE: &str = "10.0.0.3:5678";

/// A minute's session, as DolphinScheduler has it.
const SESSION: i64 = 60_000;

fn with_clock(address: &'static str, client: i64, reported: Timestamp) -> Registered<'static> {
    Registered {
        client,
        reported,
        session_millis: SESSION,
        ..registered(address)
    }
}

/// Two masters that live, with clocks behind ours, and the row of a dead one whose clock was ahead
/// of both.
fn world(store: Store) -> World {
    let world = World::with_registry_inside(store, BY_STATE, 3);
    world.env.sql(
        "DELETE FROM t_ds_jdbc_registry_data; DELETE FROM t_ds_jdbc_registry_client_heartbeat",
    );
    let now = Timestamp::now();
    world
        .env
        .register_in_database(BY_STATE, &with_clock(DEAD, 8, now - AHEAD));
    world
        .env
        .register_in_database(BY_STATE, &with_clock(LIVING, 7, now - AHEAD));
    world
        .env
        .register_in_database(BY_STATE, &with_clock(GONE, 9, now + AHEAD));
    world.env.insert([seed::instance(BY_STATE)
        .id(5000)
        .name("ended")
        .state(7)
        .host(GONE)]);
    world
}

/// Heartbeats of these clients, as their masters write them, while something is done.
fn while_beating<T: Send>(world: &World, clients: &str, work: impl FnOnce() -> T + Send) -> T {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                let sql =
                    "UPDATE t_ds_jdbc_registry_client_heartbeat SET last_heartbeat_time = last_heartbeat_time + 500";
                world.env.sql(&format!("{sql} WHERE id IN ({clients})"));
                std::thread::sleep(Duration::from_millis(500));
            }
        });
        let result = work();
        done.store(true, Ordering::Release);
        result
    })
}

#[test]
fn a_master_whose_heartbeat_moves_is_alive_whatever_the_clocks_say() {
    for store in [Store::MariaDb, Store::Postgres] {
        let world = world(store);
        while_beating(&world, "7, 8", || world.failover("").run())
            .exit(4)
            .says_it_is_alive();
        let masters = while_beating(&world, "7, 8", || world.dsctl("masters -o json").run())
            .exit(0)
            .json();
        let verdicts = masters["masters"]
            .as_array()
            .unwrap()
            .iter()
            .map(|master| master["verdict"].as_str().unwrap());
        assert!(
            verdicts.clone().all(|verdict| verdict != "dead"),
            "{masters}"
        );
        assert_eq!(world.command_count(), 0);
    }
}

#[test]
fn a_heartbeat_that_stands_still_is_a_dead_masters() {
    let world = world(Store::MariaDb);
    while_beating(&world, "7", || {
        world.failover("").limit(Duration::from_mins(2)).run()
    })
    .exit(0);
    assert_eq!(world.command_count(), 3);
}

#[test]
fn a_master_without_a_row_is_not_waited_for() {
    let world = World::with_registry_inside(Store::MariaDb, BY_STATE, 3);
    let began = std::time::Instant::now();
    world.failover("").run().exit(0);
    let took = began.elapsed();
    assert!(took < Duration::from_secs(15), "{took:?}");
}

/// ZooKeeper is given, but the masters are registered in the database. What time it is where we run
/// does not matter.
#[test]
fn masters_in_the_database_are_found_whatever_our_own_clock_says() {
    for store in [Store::MariaDb, Store::Postgres] {
        for ours in ["-2h", "+0", "+2h"] {
            // A heartbeat of now, and one that is three hours old.
            for (age, code) in [(Duration::ZERO, 4), (Duration::from_hours(3), 0)] {
                let world = World::new(store, BY_STATE, 3);
                world
                    .env
                    .register_in_database(BY_STATE, &with_clock(DEAD, 8, Timestamp::now() - age));
                let skewed = crate::harness::Dsctl::new(&world.env)
                    .through("/usr/bin/faketime", &["-m", "-f", ours]);
                let output = skewed
                    .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
                    .args(["failover", DEAD, "--yes"])
                    .run();
                let output = output.exit(code);
                assert_eq!(
                    output.stderr.contains("--registry jdbc"),
                    code == 4,
                    "{store:?} {ours} {age:?}: {output:?}"
                );
            }
        }
    }
}
