//! Several at once, and processes that sleep through their own end.

use std::time::Duration;

use dsctl::demo::seed;

use crate::harness::world::World;
use crate::harness::{At, MYSQL_COMMIT, Running, Store};

const ONE_COMMAND_EACH: &str = "SELECT COUNT(*) FROM (SELECT process_instance_id FROM t_ds_command WHERE command_type = 2 \
     GROUP BY process_instance_id HAVING COUNT(*) = 1) one";

#[test]
fn operators_who_run_it_at_the_same_time_make_one_command_each() {
    for store in Store::ALL {
        let world = World::idle(store, "3.2.2");
        world.instances(1..=40);
        let words = [
            "failover 10.0.0.2:5678 --yes --batch 7",
            "failover --all-dead --yes --grace 0s --batch 3",
        ];
        let more = [
            "recover --orphans --yes",
            "clear-hosts 10.0.0.2:5678 --yes --batch 5",
        ];
        let running: Vec<Running> = words
            .iter()
            .chain(&more)
            .map(|words| world.dsctl(words).spawn())
            .collect();
        let outputs: Vec<_> = running.into_iter().map(Running::finish).collect();
        let codes: Vec<_> = outputs.iter().map(|output| output.code).collect();
        // Who comes late may find rows changed; nobody fails.
        assert!(
            codes.iter().all(|code| matches!(code, Some(0 | 7))),
            "{store:?} {outputs:?}"
        );
        world.run("recover --orphans --yes").exit(0);
        assert_eq!(
            (world.command_count(), world.env.number(ONE_COMMAND_EACH)),
            (40, 40),
            "{store:?}"
        );
        assert!(world.queue().is_empty());
    }
}

/// COMMIT is on its way when the process falls asleep; by the time it arrives, another one has done
/// the work.
#[test]
fn a_process_that_sleeps_through_its_session_at_commit_adds_nothing() {
    for (store, bytes) in [
        (Store::MariaDb, MYSQL_COMMIT),
        (Store::Postgres, &b"COMMIT\0"[..]),
    ] {
        let mut world = World::idle(store, "3.2.2");
        let proxy = world.env.through_proxy();
        world.instances([1, 2]);
        proxy.trap(bytes, At::Hold);
        let sleeper = world
            .dsctl("failover 10.0.0.2:5678 --yes --session-timeout 4s")
            .spawn();
        proxy.await_sprung();
        sleeper.signal("STOP");
        let second = world
            .dsctl("failover 10.0.0.2:5678 --yes")
            .env("DSCTL_DB", &world.env.url());
        let second = second.run().exit(0);
        assert_eq!(world.command_count(), 2, "{second:?}");
        proxy.go_on();
        sleeper.signal("CONT");
        let output = sleeper.finish();
        assert_eq!(
            (world.command_count(), world.env.number(ONE_COMMAND_EACH)),
            (2, 2),
            "{store:?} {output:?}"
        );
    }
}

#[test]
fn a_signal_between_two_batches_leaves_whole_batches_and_no_lock() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let world = World::idle(Store::Postgres, "3.2.2");
        world.instances(1..=4);
        let mut running = world
            .dsctl("failover 10.0.0.2:5678 --yes --batch 1 --rate 1/s")
            .spawn();
        crate::harness::eventually(Duration::from_secs(20), "the first batch", || {
            if world.command_count() >= 1 {
                Ok(())
            } else {
                Err("not yet")
            }
        });
        assert!(running.is_running());
        running.signal(signal);
        let output = running.finish().exit(code);
        let claimed = world
            .env
            .number("SELECT COUNT(*) FROM t_ds_process_instance WHERE host = 'NULL'");
        assert_eq!(claimed, world.command_count(), "{output:?}");
        assert!(claimed < 4);
        assert_eq!(output.json()["recovered"], claimed);
        assert!(world.queue().is_empty());
    }
}

/// Registry and metadata in one file, and one transaction that is larger than the file's cache.
#[test]
fn the_largest_batch_fits_into_a_file_that_is_its_own_registry() {
    let mut world = World::idle(Store::Sqlite, "3.4.1");
    world.move_registry_inside();
    world.instances([1]);
    world.env.sql(
        "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 12000) \
         INSERT INTO t_ds_workflow_instance (id, name, workflow_definition_code, workflow_definition_version, state, host, \
         start_time, executor_id, command_param, state_history) \
         SELECT i, name, 1, 1, 1, host, start_time, 1, command_param, hex(randomblob(400)) \
         FROM t_ds_workflow_instance, n WHERE id = 1",
    );
    let words = "failover 10.0.0.2:5678 --yes --batch 100000 --max-instances 12000 --timeout 2s";
    let output = world.run(words).exit(0);
    assert_eq!(output.json()["recovered"], 12_000);
    assert_eq!(world.command_count(), 12_000);
}

#[test]
fn what_becomes_of_each_instance_is_told_apart() {
    let world = World::idle(Store::MariaDb, "3.2.2");
    world.instances(1..=4);
    let mut waiting = world
        .dsctl("failover 10.0.0.2:5678 --yes --wait 6s")
        .spawn();
    crate::harness::eventually(Duration::from_secs(20), "the commands", || {
        if world.command_count() == 4 {
            Ok(())
        } else {
            Err("not yet")
        }
    });
    // 1 is taken up, 2 waits, the command of 3 fails, that of 4 vanishes.
    world.env.sql(
        "UPDATE t_ds_process_instance SET host = '10.0.0.1:5678' WHERE id = 1; \
         DELETE FROM t_ds_command WHERE process_instance_id IN (1, 3, 4)",
    );
    let version = world.version;
    let parameter = seed::recovery_parameter(version, 3);
    world
        .env
        .insert([seed::error_command(version, 3, 2, "no such definition")
            .of_instance(3)
            .parameter(&parameter)]);
    assert!(waiting.is_running());
    let output = waiting.finish().exit(7);
    let seen = &output.json()["take_up"];
    assert_eq!(seen["taken_up"], serde_json::json!([1]), "{output:?}");
    assert_eq!(seen["waiting"], serde_json::json!([2]));
    assert_eq!(seen["failed"][0]["instance_id"], 3);
    assert_eq!(seen["lost"], serde_json::json!([4]));
}
