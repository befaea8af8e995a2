//! How much at once: `--max-instances`, `--batch`, `--rate`; and a second run has nothing left to
//! do.

use jiff::Timestamp;

use super::expected::{Command, assert_changes, claim_line, settled};
use super::releases::release;
use super::world::{World, recovered};
use crate::harness::Store;

/// Five instances of the dead master, and one of another dead one.
fn world(number: &str, store: Store) -> World {
    let world = World::new(store, release(number));
    world.env.insert((1..=5).map(|id| world.instance(id)));
    world.env.insert([world.instance(6).host(&second(&world))]);
    world
}

fn second(world: &World) -> String {
    world.address("master-e.ds", 5678)
}

fn hand_over(world: &World, ids: std::ops::RangeInclusive<i64>, host: &str) -> Vec<String> {
    let lines = |id| {
        let command = Command::plain(world.release, id, 1);
        [
            claim_line(world.env.store, world.release, id, host, 1),
            command.line(world.release),
        ]
    };
    ids.flat_map(lines).collect()
}

/// A release for each of the two marks.
const NUMBERS: [&str; 2] = ["1.3.9", "3.4.1"];

#[test]
fn too_many_are_refused_before_anything_is_written() {
    for store in Store::ALL {
        for number in NUMBERS {
            let world = world(number, store);
            let (dead, second) = (world.dead(), second(&world));
            world.run_idly(&format!("failover {dead} --dry-run --max-instances 4"), 4);
            world
                .run_in_vain(&format!("failover {dead} --yes --max-instances 4"), 4)
                .out("--max-instances 5");
            // The limit is for the whole run, however many masters it is about.
            world.run_in_vain(
                &format!("failover {dead} {second} --yes --max-instances 5"),
                4,
            );
            world.run_in_vain("failover --all-dead --yes --grace 0s --max-instances 5", 4);
            let began = Timestamp::now();
            let (_, _, changes) =
                world.changes_of("failover --all-dead --yes --grace 0s --max-instances 6", 0);
            let expected = [
                hand_over(&world, 1..=5, &dead),
                hand_over(&world, 6..=6, &second),
            ]
            .concat();
            assert_changes(number, &expected, &settled(&changes, began));
        }
    }
}

#[test]
fn batches_of_one_come_to_the_same_and_nothing_is_left() {
    for store in Store::ALL {
        for number in NUMBERS {
            let world = world(number, store);
            let dead = world.dead();
            let began = Timestamp::now();
            let (report, after, changes) =
                world.changes_of(&format!("failover {dead} --yes --batch 1"), 0);
            assert_changes(
                number,
                &hand_over(&world, 1..=5, &dead),
                &settled(&changes, began),
            );
            assert_eq!(recovered(&report), [1, 2, 3, 4, 5]);
            assert_eq!(after.count("t_ds_command"), 5);
            let again = world
                .run_in_vain(&format!("failover {dead} --yes --batch 1"), 0)
                .json();
            assert_eq!(
                (&again["recovered"], &again["skipped"]),
                (&0.into(), &0.into())
            );
        }
    }
}

/// The server itself tells how many transactions wrote the commands.
#[test]
fn each_batch_is_a_transaction_of_its_own() {
    for (batch, transactions) in [("1", 5), ("2", 3), ("500", 1)] {
        let world = world("3.4.1", Store::Postgres);
        world.run(
            &format!("failover {} --yes --batch {batch}", world.dead()),
            0,
        );
        let of_commands = world
            .env
            .number("SELECT COUNT(DISTINCT CAST(xmin AS TEXT)) FROM t_ds_command");
        let both = world.env.number(
            "SELECT COUNT(*) FROM t_ds_command c JOIN t_ds_workflow_instance i \
             ON i.id = c.workflow_instance_id AND CAST(i.xmin AS TEXT) = CAST(c.xmin AS TEXT)",
        );
        // Each command came with its instance's mark.
        assert_eq!((of_commands, both), (transactions, 5), "{batch}");
    }
}

#[test]
fn a_rate_is_kept() {
    let world = world("3.4.1", Store::Sqlite);
    let (report, _, _) =
        world.changes_of(&format!("failover {} --yes --rate 4/s", world.dead()), 0);
    assert_eq!(recovered(&report), [1, 2, 3, 4, 5]);
    // Four may be done at once, and the fifth a second later.
    let elapsed = report["elapsed_ms"].as_f64().unwrap();
    assert!(elapsed >= 1000.0, "{elapsed}");
}
