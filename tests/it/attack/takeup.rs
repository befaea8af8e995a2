//! Whether the masters took work up: told of what is shown, and of nothing else.

use std::time::Duration;

use dsctl::demo::seed;
use serde_json::{Value, json};

use crate::harness::world::{DEAD, LIVING, World, registered};
use crate::harness::{Output, Running, Store, eventually};

/// A failover that waits, and whose commands are all there.
fn waiting(world: &World, count: i64) -> Running {
    let alpha = if world.version.to_string() == "3.3.0-alpha" {
        "--allow-recovered --ds-version 3.3.0-alpha"
    } else {
        ""
    };
    let running = world
        .dsctl(&format!("failover {DEAD} --yes --wait 4s {alpha}"))
        .spawn();
    await_commands(world, count);
    running
}

fn await_commands(world: &World, count: i64) {
    eventually(Duration::from_secs(20), "the commands", || {
        if world.command_count() == count {
            Ok(())
        } else {
            Err("not yet")
        }
    });
}

/// The command of an instance ends in the error table, as a master moves it there: with its own id.
fn fails(world: &World, instance: i64) {
    ends(world, instance, "no such node\n\tat Some.java");
}

fn ends(world: &World, instance: i64, message: &str) {
    let column = if world.table().contains("workflow") {
        "workflow_instance_id"
    } else {
        "process_instance_id"
    };
    let id = world.env.number(&format!(
        "SELECT id FROM t_ds_command WHERE {column} = {instance}"
    ));
    let parameter = seed::recovery_parameter(world.version, instance);
    let row = seed::error_command(world.version, id, 2, message).parameter(&parameter);
    world.env.insert([row.of_instance(instance)]);
}

fn ids(seen: &Value, key: &str) -> Vec<i64> {
    seen[key]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["instance_id"].as_i64().unwrap())
        .collect()
}

fn take_up(output: Output) -> Value {
    output.exit(7).json()["take_up"].clone()
}

/// From 3.4.0 on a recovery that fails makes its instance a failed one: nobody waits for it any
/// more, and nobody runs it.
#[test]
fn a_recovery_that_failed_is_no_take_up() {
    for store in Store::ALL {
        let world = World::idle(store, "3.4.1");
        world.instances(1..=5);
        let running = waiting(&world, 5);
        fails(&world, 2);
        fails(&world, 3);
        let now = "restart_time = '2026-06-01 00:00:00'";
        world.env.sql(&format!(
            "UPDATE t_ds_workflow_instance SET state = 1, host = '{LIVING}', {now} WHERE id = 1;\
             UPDATE t_ds_workflow_instance SET state = 6 WHERE id = 2;\
             UPDATE t_ds_workflow_instance SET state = 6, host = '{LIVING}', {now} WHERE id = 3;\
             UPDATE t_ds_workflow_instance SET state = 1 WHERE id = 4;\
             UPDATE t_ds_workflow_instance SET state = 7, host = '{LIVING}', {now} WHERE id = 5;\
             DELETE FROM t_ds_command"
        ));
        let seen = take_up(running.finish());
        assert_eq!(seen["taken_up"], json!([1, 5]), "{store:?} {seen}");
        assert_eq!(
            (ids(&seen, "failed"), ids(&seen, "other")),
            (vec![2, 3], vec![4]),
            "{store:?} {seen}"
        );
        assert!(
            seen["failed"][0]["message"]
                .as_str()
                .unwrap()
                .starts_with("no such node"),
            "{seen}"
        );
    }
}

/// A server of MySQL's that was started again counts from 1 where the command table was empty, and a
/// dump may be loaded without its sequences: numbers of old error commands are given out once more.
#[test]
fn an_old_error_command_with_the_number_of_a_new_command_is_another_one() {
    for store in Store::ALL {
        for version in ["2.0.9", "3.1.9", "3.2.2", "3.4.1"] {
            let world = World::idle(store, version);
            world.instances([1, 2]);
            let error = |id, instance| {
                let parameter = seed::recovery_parameter(world.version, instance);
                seed::error_command(world.version, id, 2, "long ago")
                    .parameter(&parameter)
                    .of_instance(instance)
            };
            world.env.insert((1..=40).map(|id| error(id, 900 + id)));
            // Of the same instance, with a greater number than its new command has.
            world.env.insert([error(70, 2)]);
            let running = waiting(&world, 2);
            let claimed = if version == "3.4.1" {
                ", state = 1, restart_time = '2026-06-01 00:00:00'"
            } else {
                ""
            };
            world.env.sql(&format!(
                "UPDATE {} SET host = '{LIVING}'{claimed} WHERE id IN (1, 2); DELETE FROM t_ds_command",
                world.table()
            ));
            let output = running.finish();
            let seen = &output.json()["take_up"];
            assert_eq!(
                seen["taken_up"],
                json!([1, 2]),
                "{store:?} {version} {seen}"
            );
            output.exit(0);
        }
    }
}

/// A serial workflow that is discarded, one that waits in its queue, one whose new master is gone
/// again.
#[test]
fn what_was_taken_and_ended_otherwise_is_told_by_name() {
    for store in Store::ALL {
        let world = World::idle(store, "3.1.9");
        world.instances([1, 3, 4, 5]);
        world.env.insert([world.instance(2).state(4)]);
        // An older failure is none of this hand-over's.
        let parameter = seed::recovery_parameter(world.version, 4);
        world
            .env
            .insert([seed::error_command(world.version, 1, 2, "long ago").parameter(&parameter)]);
        world.env.insert([seed::command(world.version, 0).id(100)]);
        let running = waiting(&world, 5);
        world.env.sql(&format!(
            "UPDATE t_ds_process_instance SET host = '{LIVING}', state = 5 WHERE id IN (1, 2);\
             UPDATE t_ds_process_instance SET host = '10.0.0.9:5678' WHERE id = 3;\
             UPDATE t_ds_process_instance SET host = '{LIVING}' WHERE id = 4;\
             UPDATE t_ds_process_instance SET host = '{LIVING}', state = 14 WHERE id = 5;\
             DELETE FROM t_ds_command"
        ));
        let output = running.finish();
        let seen = take_up(output);
        assert_eq!(seen["taken_up"], json!([2, 4]), "{store:?} {seen}");
        assert_eq!(ids(&seen, "other"), [1, 3, 5], "{store:?} {seen}");
        let states: Vec<&Value> = seen["other"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| &entry["state"])
            .collect();
        assert_eq!(
            states,
            [
                &json!("stop"),
                &json!("running_execution"),
                &json!("serial_wait")
            ],
            "{seen}"
        );
    }
}

/// Two masters take one command: who comes second leaves an error command, and the first one runs
/// the instance.
#[test]
fn an_error_of_the_master_that_came_second_says_nothing_against_the_first() {
    let second = "org.apache.dolphinscheduler.service.exceptions.ServiceException: delete command fail, id:7";
    let world = World::idle(Store::Sqlite, "3.1.9");
    world.instances([1, 2, 3]);
    let running = waiting(&world, 3);
    ends(&world, 1, second);
    ends(&world, 2, second);
    fails(&world, 3);
    world.env.sql(&format!(
        "UPDATE t_ds_process_instance SET host = '{LIVING}' WHERE id IN (1, 3); DELETE FROM t_ds_command"
    ));
    let seen = take_up(running.finish());
    assert_eq!(
        (&seen["taken_up"], ids(&seen, "failed")),
        (&json!([1]), vec![2, 3]),
        "{seen}"
    );
}

/// Masters of 3.3.0 leave the dead master's address where it is.
#[test]
fn in_3_3_0_the_state_alone_shows_a_take_up() {
    let world = World::idle(Store::Postgres, "3.3.0-alpha");
    world.instances([1, 2]);
    let running = waiting(&world, 2);
    fails(&world, 2);
    world
        .env
        .sql("UPDATE t_ds_workflow_instance SET state = 1 WHERE id = 1; DELETE FROM t_ds_command");
    let seen = take_up(running.finish());
    assert_eq!(
        (&seen["taken_up"], ids(&seen, "failed")),
        (&json!([1]), vec![2]),
        "{seen}"
    );
}

/// A master that was restarted may take its own work up: its address says nothing then, the time of
/// the run does.
#[test]
fn a_restarted_master_is_seen_to_take_its_own_work_up() {
    let world = World::idle(Store::MariaDb, "3.4.1");
    let history = |row: seed::Seed| {
        row.set(
            "state_history",
            format!(
                r#"[{{"time":"{}","state":"RUNNING_EXECUTION"}}]"#,
                seed::time_text(crate::harness::world::ago(3600))
            ),
        )
    };
    world
        .env
        .insert([history(world.instance(1)), history(world.instance(2))]);
    let _again = world.env.register(
        world.version,
        &crate::harness::world::registered_since(DEAD, jiff::Timestamp::now()),
    );
    let running = world
        .dsctl(&format!(
            "failover {DEAD} --yes --allow-restarted --wait 4s"
        ))
        .spawn();
    await_commands(&world, 2);
    world.env.sql(
        "UPDATE t_ds_workflow_instance SET state = 1, restart_time = '2026-06-01 00:00:00' WHERE id = 1; \
         UPDATE t_ds_workflow_instance SET state = 1 WHERE id = 2; DELETE FROM t_ds_command",
    );
    let seen = take_up(running.finish());
    assert_eq!(
        (&seen["taken_up"], ids(&seen, "other")),
        (&json!([1]), vec![2]),
        "{seen}"
    );
}

/// Its address is registered again, but it has forgotten what it took up before. Nobody runs that.
#[test]
fn what_a_master_took_up_before_it_was_restarted_is_not_taken_up() {
    for version in ["2.0.9", "3.2.2", "3.4.1"] {
        let world = World::idle(Store::MariaDb, version);
        world.instances([1, 2]);
        let master = "10.0.0.7:5678";
        let register = || world.env.register(world.version, &registered(master));
        let takes = |id: i64| {
            let claimed = if version == "3.4.1" {
                ", state = 1, restart_time = '2026-06-01 00:00:00'"
            } else {
                ""
            };
            world.env.sql(&format!(
                "UPDATE {} SET host = '{master}'{claimed} WHERE id = {id}; DELETE FROM t_ds_command WHERE {} = {id}",
                world.table(),
                world.table().replace("t_ds_", "") + "_id",
            ));
        };
        let first = register();
        let mut running = world
            .dsctl(&format!("failover {DEAD} --yes --wait 4s -v"))
            .spawn();
        await_commands(&world, 2);
        takes(1);
        running.await_stderr("taken_up=1 of=2");
        drop(first);
        let _again = register();
        takes(2);
        let seen = take_up(running.finish());
        assert_eq!(
            (&seen["taken_up"], ids(&seen, "other")),
            (&json!([2]), vec![1]),
            "{version} {seen}"
        );
        assert!(seen.to_string().contains("may have forgotten it"), "{seen}");
    }
}

/// From 3.4.0 on such an instance is a failed one: no scan for unfinished ones finds it, and it
/// must not begin anew unasked.
#[test]
fn an_instance_whose_recovery_failed_is_shown_and_not_queued_again() {
    for store in Store::ALL {
        let world = World::idle(store, "3.4.1");
        let failed = |id: i64, instance: i64, kind: i64| {
            seed::error_command(world.version, id, kind, "no such node\n\tat Some.java")
                .of_instance(instance)
        };
        let ended = |id: i64| {
            world
                .instance(id)
                .state(6)
                .time("end_time", crate::harness::world::ago(60))
        };
        // 1 failed in its recovery. 2 was run again since and failed by itself; 3 by a start that
        // failed; 4 runs.
        world.env.insert([
            world.instance(1).state(6),
            ended(2),
            world.instance(3).state(6),
            world.instance(4).host(LIVING),
        ]);
        world.env.insert([
            failed(20, 1, 2),
            failed(21, 1, 2),
            failed(22, 2, 2),
            failed(23, 3, 0),
            failed(24, 4, 2),
        ]);
        let before = world.env.dump();
        let listed = world.run("instances").exit(0).json();
        let of = |id: i64| {
            listed["instances"]
                .as_array()
                .unwrap()
                .iter()
                .find(|row| row["id"] == id)
                .cloned()
        };
        let row = of(1).unwrap();
        assert_eq!(
            (&row["verdict"], &row["state"]),
            (&json!("recovery_failed"), &json!("failure")),
            "{listed}"
        );
        assert_eq!(
            (&row["error_command_id"], &row["error_message"]),
            (&json!(21), &json!("no such node")),
            "{listed}"
        );
        assert_eq!((of(2), of(3)), (None, None), "{listed}");
        assert_eq!(of(4).unwrap()["verdict"], "alive", "{listed}");
        assert!(
            !world
                .run(&format!("instances {LIVING}"))
                .exit(0)
                .stdout
                .contains("recovery_failed")
        );
        world
            .run("instances -o table")
            .exit(0)
            .out("instance 1: its recovery failed: no such node");
        for which in ["--orphans", "--instance 1"] {
            let report = world.run(&format!("recover {which} --yes")).exit(7).json();
            assert_eq!(
                (report["recovered"].clone(), report["skipped"].clone()),
                (json!(0), json!(1)),
                "{report}"
            );
            let skipped = &report["masters"][0]["skipped"][0];
            assert_eq!(
                (&skipped["instance_id"], &skipped["reason"]),
                (&json!(1), &json!("recovery_failed"))
            );
            assert!(
                skipped["detail"]
                    .as_str()
                    .unwrap()
                    .contains("error command 21: no such node"),
                "{skipped}"
            );
        }
        world
            .run("recover --instance 2 --yes")
            .exit(0)
            .out("\"finished\"");
        before.assert_same(&world.env.dump());
    }
}

/// Before 3.4.0 a failed instance has failed by itself, whatever the error table holds.
#[test]
fn before_3_4_0_a_failed_instance_failed_by_itself() {
    let world = World::idle(Store::Sqlite, "3.3.2");
    world.env.insert([world.instance(1).state(6)]);
    world
        .env
        .insert([seed::error_command(world.version, 20, 2, "no such node").of_instance(1)]);
    assert!(
        !world
            .run("instances")
            .exit(0)
            .stdout
            .contains("recovery_failed")
    );
    world
        .run("recover --orphans --yes")
        .exit(0)
        .out("\"skipped\": 0");
}
