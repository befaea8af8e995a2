//! `--all-dead` sees first that masters stay away, for as long as the release's own masters wait.

use std::time::{Duration, Instant};

use crate::faults::world::{BY_HOST, BY_STATE, DEAD, World, registered};
use crate::harness::Store;

const ALL: &str = "failover --all-dead --yes -o json";

#[test]
fn a_master_that_is_back_in_a_moment_is_left_alone() {
    let world = World::new(Store::MariaDb, BY_STATE, 5);
    let mut running = world.dsctl(ALL).spawn();
    running.await_stderr("stay away");
    let _back = world.env.register(BY_STATE, &registered(DEAD));
    let output = world.end(running).exit(0);
    assert!(output.stdout.contains(&format!("{DEAD} is registered again: left alone")), "{output:?}");
    world.check_untouched();
}

#[test]
fn a_master_that_comes_and_goes_meanwhile_is_left_alone() {
    let world = World::new(Store::Postgres, BY_STATE, 5);
    let mut running = world.dsctl(ALL).spawn();
    running.await_stderr("stay away");
    world.env.register(BY_STATE, &registered(DEAD)).close();
    // Seen while it was there, or counted.
    let output = world.end(running);
    assert!(matches!(output.code, Some(0 | 4)), "{output:?}");
    world.check_untouched();
}

#[test]
fn it_waits_as_long_as_the_masters_do() {
    let world = World::new(Store::MariaDb, BY_STATE, 5);
    let began = Instant::now();
    world.run(world.dsctl(ALL)).exit(0);
    assert!(began.elapsed() >= Duration::from_secs(30), "{:?}", began.elapsed());
    world.check_complete();
}

/// Those of 3.2 and older do not wait; nor does a dry run, nor whoever names the master.
#[test]
fn nobody_waits_where_the_masters_do_not() {
    let world = World::new(Store::Postgres, BY_HOST, 5);
    let quiet = world.run(world.dsctl(ALL)).exit(0);
    assert!(!quiet.stderr.contains("stay away"), "{quiet:?}");
    world.check_complete();
    let world = World::new(Store::Postgres, BY_STATE, 5);
    for words in ["failover --all-dead --dry-run", "failover --all-dead --yes --grace 0s"] {
        let quiet = world.run(world.dsctl(words)).exit(0);
        assert!(!quiet.stderr.contains("stay away"), "{quiet:?}");
    }
    world.check_complete();
    world.run(world.dsctl(&format!("failover {DEAD} --yes --grace 5s"))).exit(2);
}

#[test]
fn what_it_has_begun_meanwhile_proves_that_it_lives() {
    let world = World::new(Store::MariaDb, BY_HOST, 5);
    let mut running = world.dsctl(&format!("{ALL} --grace 4s")).spawn();
    running.await_stderr("stay away");
    let begun = world.add_later(DEAD, jiff::Timestamp::now(), 1);
    world.end(running).exit(4).out("but it lives");
    assert_eq!(world.cells(&(&world.ids | &begun)), [(Some(DEAD.to_owned()), Some(1))].into());
    assert_eq!(world.command_count(), 0);
}
