//! Somebody upgrades the schema while we run: a table or a column has another name from one message
//! to the next. Each batch is whole or not there, and the exit code is no success.

use std::time::Duration;

use dsctl::metadata::database::DatabaseError;

use super::moments::{Moment, SERVERS, at_second_batch};
use crate::harness::world::{BY_HOST, BY_STATE, World, reported};
use crate::harness::{At, Limits, Output, Store, wait};

/// A step of the upgrade, and the way back.
fn steps(store: Store) -> [(String, String); 4] {
    let (instance, host, id) = if store == Store::MariaDb {
        ("t_ds_process_instance", "host", "process_instance_id")
    } else {
        ("t_ds_workflow_instance", "host", "workflow_instance_id")
    };
    let table = |name: &str| {
        (
            format!("ALTER TABLE {name} RENAME TO {name}_new"),
            format!("ALTER TABLE {name}_new RENAME TO {name}"),
        )
    };
    let column = |name: &str, column: &str| {
        (
            format!("ALTER TABLE {name} RENAME COLUMN {column} TO {column}_new"),
            format!("ALTER TABLE {name} RENAME COLUMN {column}_new TO {column}"),
        )
    };
    [
        table(instance),
        table("t_ds_command"),
        column(instance, host),
        column("t_ds_command", id),
    ]
}

fn version(store: Store) -> dsctl::model::Version {
    if store == Store::MariaDb {
        BY_HOST
    } else {
        BY_STATE
    }
}

/// It failed, and says at what.
#[track_caller]
fn assert_told(output: &Output, step: &str) {
    let document = output.json();
    assert_eq!(document["ok"], false, "{step}: {output:?}");
    assert!(says(&document["error"], step), "{step}: {output:?}");
}

/// Whether words of the database's speak of what the step renames.
fn says(words: &serde_json::Value, step: &str) -> bool {
    [2, 5].iter().any(|word| {
        words
            .to_string()
            .contains(step.split_whitespace().nth(*word).unwrap())
    })
}

/// The first batch stands, and the rest failed: as a whole, or row by row.
#[track_caller]
fn assert_rest_told(output: &Output, step: &str) {
    let document = output.json();
    if document["ok"] == false {
        return assert_told(output, step);
    }
    let skipped = document["masters"][0]["skipped"].as_array().unwrap();
    let refused = skipped
        .iter()
        .filter(|row| row["reason"] == "refused" && says(&row["detail"], step));
    assert_eq!(
        (output.code, refused.count()),
        (Some(7), 5),
        "{step}: {output:?}"
    );
}

/// The run has failed because of the step and has written nothing; another one does everything.
#[track_caller]
fn assert_nothing_done(world: &World, output: &Output, place: &str, step: &str) {
    assert!(
        matches!(output.code, Some(1 | 4 | 6)),
        "{place}: {output:?}"
    );
    assert_told(output, step);
    assert!(reported(output).is_empty(), "{place}: {output:?}");
    world.check_untouched();
    world.complete();
}

/// Between our look and the first write.
#[test]
fn before_the_first_batch() {
    for store in SERVERS {
        for moment in [Moment::Begin, Moment::Lock] {
            for (step, back) in steps(store) {
                let mut world = World::new(store, version(store), 5);
                let proxy = world.env.through_proxy();
                proxy.trap(moment.bytes(store), At::Hold);
                let running = world.failover("").spawn();
                proxy.await_sprung();
                world.env.sql(&step);
                proxy.go_on();
                let output = world.end(running);
                world.env.sql(&back);
                assert_nothing_done(&world, &output, &format!("{moment:?} {step}"), &step);
            }
        }
    }
}

/// Whether the step can be made, while our transaction goes on.
fn can_be_made(world: &World, step: &str) -> bool {
    let limits = Limits {
        timeout: Duration::from_secs(1),
        ..Limits::default()
    };
    let mut database = world.env.database_with(limits);
    let made = wait(database.execute(&step.into()));
    wait(database.close());
    assert!(
        matches!(made, Ok(_) | Err(DatabaseError::Refused { .. })),
        "{step}: {made:?}"
    );
    made.is_ok()
}

/// In the middle of a batch: our own transaction holds off whoever would change its tables, or it
/// fails as a whole.
#[test]
fn within_a_batch() {
    for store in SERVERS {
        for moment in [Moment::Claim, Moment::Command] {
            for (step, back) in steps(store) {
                let mut world = World::new(store, version(store), 5);
                let proxy = world.env.through_proxy();
                proxy.trap(moment.bytes(store), At::Hold);
                let running = world.failover("").spawn();
                proxy.await_sprung();
                let made = can_be_made(&world, &step);
                proxy.go_on();
                let output = world.end(running);
                if !made {
                    assert_eq!(
                        (output.code, reported(&output)),
                        (Some(0), world.ids.clone()),
                        "{step}: {output:?}"
                    );
                    world.check_complete();
                    continue;
                }
                world.env.sql(&back);
                assert_nothing_done(&world, &output, &format!("{moment:?} {step}"), &step);
            }
        }
    }
}

/// Between two batches: the first one stands and is told.
#[test]
fn between_two_batches() {
    for store in SERVERS {
        for (step, back) in steps(store) {
            let mut world = World::new(store, version(store), 10);
            let proxy = world.env.through_proxy();
            let running = at_second_batch(&world, &proxy, "");
            world.env.sql(&step);
            proxy.go_on();
            let output = world.end(running);
            world.env.sql(&back);
            assert!(matches!(output.code, Some(7 | 8)), "{step}: {output:?}");
            assert_rest_told(&output, &step);
            let first = world.ids.iter().take(5).copied().collect();
            assert_eq!(
                (reported(&output), world.check()),
                (first, reported(&output)),
                "{step}: {output:?}"
            );
            world.complete();
        }
    }
}

/// While the lock is waited for, to another release whose tables are the same: its masters want
/// another form of command.
#[test]
fn while_the_lock_is_waited_for() {
    for store in SERVERS {
        let mut world = World::new(store, dsctl::model::Version::new(3, 1, 6), 5);
        world.env.unset("DSCTL_DS_VERSION");
        let holder = world.holder();
        let mut running = world.failover("--lock-timeout 60s").spawn();
        running.await_stderr("held by session");
        world.env.sql("UPDATE t_ds_version SET version = '3.1.9'");
        holder.signal("TERM");
        holder.finish().exit(0);
        let output = world.end(running).exit(4);
        let error = &output.json()["error"];
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains("were those of 3.1.6") && message.contains("now those of 3.1.9"),
            "{output:?}"
        );
        assert!(
            error["hint"]
                .as_str()
                .unwrap()
                .contains("run the same command again"),
            "{output:?}"
        );
        assert_eq!(world.command_count(), 0);
        world.run(world.failover("")).exit(0);
        assert_eq!(world.command_count(), 5);
    }
}
