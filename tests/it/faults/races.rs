//! Many at once: the lock and the compare-and-set let each instance have exactly one command.

use std::collections::BTreeSet;

use crate::harness::world::{BY_HOST, BY_STATE, DEAD, World, reported};
use crate::harness::{Dsctl, Output, Running, Store};

fn start(world: &World, runs: impl IntoIterator<Item = Dsctl>) -> Vec<Output> {
    let running: Vec<Running> = runs.into_iter().map(Dsctl::spawn).collect();
    let outputs = running.into_iter().map(Running::finish).collect();
    assert_eq!(
        world.queue(),
        [""; 0],
        "the locks are gone when the processes are"
    );
    outputs
}

/// So many failovers at once: together they hand each instance over once, and who comes too late
/// says so.
fn failovers(world: &World, count: usize) {
    let outputs = start(world, (0..count).map(|_| world.failover("")));
    let mut done = BTreeSet::new();
    for output in &outputs {
        assert!(matches!(output.code, Some(0 | 5)), "{output:?}");
        for id in reported(output) {
            assert!(done.insert(id), "{id} was handed over twice: {outputs:?}");
        }
    }
    assert_eq!(done, world.ids, "{outputs:?}");
    world.check_complete();
}

#[test]
fn failovers_at_once_on_mariadb() {
    for (count, version) in [(2, BY_HOST), (8, BY_STATE), (20, BY_HOST)] {
        failovers(&World::new(Store::MariaDb, version, 30), count);
    }
}

#[test]
fn failovers_at_once_on_postgres() {
    for (count, version) in [(2, BY_STATE), (8, BY_HOST), (20, BY_STATE)] {
        failovers(&World::new(Store::Postgres, version, 30), count);
    }
}

#[test]
fn failovers_at_once_in_a_file() {
    for (count, version) in [(2, BY_HOST), (8, BY_STATE), (20, BY_HOST)] {
        failovers(&World::in_a_file(version, 30), count);
    }
}

/// The whole against its two halves: after all of them, and one more `recover`, each instance has
/// one command.
fn whole_against_halves(world: &World) {
    let halves = [
        format!("clear-hosts {DEAD} --yes -o json"),
        "recover --orphans --yes -o json".to_owned(),
    ];
    let original = if world.version == BY_STATE {
        " --original-state running"
    } else {
        ""
    };
    let halves = [halves[0].clone(), format!("{}{original}", halves[1])];
    let runs = [
        world.failover("--batch 3"),
        world.dsctl(&halves[0]),
        world.dsctl(&halves[1]),
        world.dsctl(&halves[1]),
    ];
    for output in start(world, runs) {
        // 7: an instance that was to be given a command was changed by another run meanwhile.
        assert!(matches!(output.code, Some(0 | 5 | 7)), "{output:?}");
    }
    world.run(world.dsctl(&halves[1])).exit(0);
    world.check_complete();
}

#[test]
fn the_whole_against_its_halves() {
    for store in [Store::MariaDb, Store::Postgres] {
        for version in [BY_HOST, BY_STATE] {
            whole_against_halves(&World::new(store, version, 30));
        }
    }
    whole_against_halves(&World::in_a_file(BY_HOST, 30));
}

/// Orphans that many pick up at once.
fn recoveries(world: &World) {
    world
        .run(world.dsctl(&format!("clear-hosts {DEAD} --yes")))
        .exit(0);
    assert!(world.commands().is_empty());
    let original = if world.version == BY_STATE {
        "--original-state running"
    } else {
        ""
    };
    let outputs = start(
        world,
        (0..8).map(|_| world.dsctl(&format!("recover --orphans --yes -o json {original}"))),
    );
    let mut done = BTreeSet::new();
    for output in &outputs {
        assert!(matches!(output.code, Some(0 | 5)), "{output:?}");
        for id in reported(output) {
            assert!(
                done.insert(id),
                "{id} was given a command twice: {outputs:?}"
            );
        }
    }
    assert_eq!(done, world.ids, "{outputs:?}");
    world.check_complete();
}

#[test]
fn recoveries_at_once() {
    recoveries(&World::new(Store::MariaDb, BY_HOST, 30));
    recoveries(&World::new(Store::MariaDb, BY_STATE, 30));
    recoveries(&World::new(Store::Postgres, BY_HOST, 30));
    recoveries(&World::in_a_file(BY_HOST, 30));
}
