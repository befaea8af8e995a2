//! Whether the masters took work up: told of what is shown, and of nothing else.

use std::time::Duration;

use dsctl::demo::seed;
use serde_json::{Value, json};

use crate::attack::{ALIVE, DEAD, World};
use crate::harness::{Output, Running, Store, eventually};

/// A failover that waits, and whose commands are all there.
fn waiting(world: &World, count: i64) -> Running {
    let alpha = if world.version.to_string() == "3.3.0-alpha" { "--allow-recovered --ds-version 3.3.0-alpha" } else { "" };
    let running = world.dsctl(&format!("failover {DEAD} --yes --wait 4s {alpha}")).spawn();
    eventually(Duration::from_secs(20), "the commands", || {
        if world.commands() == count { Ok(()) } else { Err("not yet") }
    });
    running
}

/// The command of an instance ends in the error table, as a master moves it there: with its own id.
fn fails(world: &World, instance: i64) {
    let column = if world.table().contains("workflow") { "workflow_instance_id" } else { "process_instance_id" };
    let id = world.env.number(&format!("SELECT id FROM t_ds_command WHERE {column} = {instance}"));
    let parameter = seed::recovery_parameter(world.version, instance);
    let row = seed::error_command(world.version, id, 2, "no such node\n\tat Some.java").parameter(&parameter);
    world.env.insert([row.of_instance(instance)]);
}

fn ids(seen: &Value, key: &str) -> Vec<i64> {
    seen[key].as_array().unwrap().iter().map(|entry| entry["instance_id"].as_i64().unwrap()).collect()
}

fn take_up(output: Output) -> Value {
    output.exit(7).json()["take_up"].clone()
}

/// From 3.4.0 on a recovery that fails makes its instance a failed one: nobody waits for it any more, and nobody runs it.
#[test]
fn a_recovery_that_failed_is_no_take_up() {
    for store in Store::ALL {
        let world = World::new(store, "3.4.1");
        world.instances(1..=5);
        let running = waiting(&world, 5);
        fails(&world, 2);
        fails(&world, 3);
        let now = "restart_time = '2026-06-01 00:00:00'";
        world.env.sql(&format!(
            "UPDATE t_ds_workflow_instance SET state = 1, host = '{ALIVE}', {now} WHERE id = 1;\
             UPDATE t_ds_workflow_instance SET state = 6 WHERE id = 2;\
             UPDATE t_ds_workflow_instance SET state = 6, host = '{ALIVE}', {now} WHERE id = 3;\
             UPDATE t_ds_workflow_instance SET state = 1 WHERE id = 4;\
             UPDATE t_ds_workflow_instance SET state = 7, host = '{ALIVE}', {now} WHERE id = 5;\
             DELETE FROM t_ds_command"
        ));
        let seen = take_up(running.finish());
        assert_eq!(seen["taken_up"], json!([1, 5]), "{store:?} {seen}");
        assert_eq!((ids(&seen, "failed"), ids(&seen, "other")), (vec![2, 3], vec![4]), "{store:?} {seen}");
        assert!(seen["failed"][0]["message"].as_str().unwrap().starts_with("no such node"), "{seen}");
    }
}

/// A serial workflow that is discarded, one that waits in its queue, one whose new master is gone again.
#[test]
fn what_was_taken_and_ended_otherwise_is_told_by_name() {
    for store in Store::ALL {
        let world = World::new(store, "3.1.9");
        world.instances([1, 3, 4, 5]);
        world.env.insert([world.instance(2).state(4)]);
        // An older failure is none of this hand-over's.
        let parameter = seed::recovery_parameter(world.version, 4);
        world.env.insert([seed::error_command(world.version, 1, 2, "long ago").parameter(&parameter)]);
        world.env.insert([seed::command(world.version, 0).id(100)]);
        let running = waiting(&world, 5);
        world.env.sql(&format!(
            "UPDATE t_ds_process_instance SET host = '{ALIVE}', state = 5 WHERE id IN (1, 2);\
             UPDATE t_ds_process_instance SET host = '10.0.0.9:5678' WHERE id = 3;\
             UPDATE t_ds_process_instance SET host = '{ALIVE}' WHERE id = 4;\
             UPDATE t_ds_process_instance SET host = '{ALIVE}', state = 14 WHERE id = 5;\
             DELETE FROM t_ds_command"
        ));
        let output = running.finish();
        let seen = take_up(output);
        assert_eq!(seen["taken_up"], json!([2, 4]), "{store:?} {seen}");
        assert_eq!(ids(&seen, "other"), [1, 3, 5], "{store:?} {seen}");
        let states: Vec<&Value> = seen["other"].as_array().unwrap().iter().map(|entry| &entry["state"]).collect();
        assert_eq!(states, [&json!("stop"), &json!("running_execution"), &json!("serial_wait")], "{seen}");
    }
}

/// Masters of 3.3.0 leave the dead master's address where it is.
#[test]
fn in_3_3_0_the_state_alone_shows_a_take_up() {
    let world = World::new(Store::Postgres, "3.3.0-alpha");
    world.instances([1, 2]);
    let running = waiting(&world, 2);
    fails(&world, 2);
    world.env.sql("UPDATE t_ds_workflow_instance SET state = 1 WHERE id = 1; DELETE FROM t_ds_command");
    let seen = take_up(running.finish());
    assert_eq!((&seen["taken_up"], ids(&seen, "failed")), (&json!([1]), vec![2]), "{seen}");
}

/// A master that was restarted may take its own work up: its address says nothing then, the time of the run does.
#[test]
fn a_restarted_master_is_seen_to_take_its_own_work_up() {
    let world = World::new(Store::MariaDb, "3.4.1");
    let history = |row: seed::Seed| {
        row.set("state_history", format!(r#"[{{"time":"{}","state":"RUNNING_EXECUTION"}}]"#, seed::time_text(super::ago(3600))))
    };
    world.env.insert([history(world.instance(1)), history(world.instance(2))]);
    let _again = world.env.register(world.version, &super::server(DEAD, jiff::Timestamp::now()));
    let running = world.dsctl(&format!("failover {DEAD} --yes --allow-restarted --wait 4s")).spawn();
    eventually(Duration::from_secs(20), "the commands", || if world.commands() == 2 { Ok(()) } else { Err("not yet") });
    world.env.sql(
        "UPDATE t_ds_workflow_instance SET state = 1, restart_time = '2026-06-01 00:00:00' WHERE id = 1; \
         UPDATE t_ds_workflow_instance SET state = 1 WHERE id = 2; DELETE FROM t_ds_command",
    );
    let seen = take_up(running.finish());
    assert_eq!((&seen["taken_up"], ids(&seen, "other")), (&json!([1]), vec![2]), "{seen}");
}
