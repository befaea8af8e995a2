//! Commands that wait for an instance already, in every form in which masters and the API server
//! name one.

use dsctl::demo::seed::{self, Seed};
use serde_json::{Value, json};

use crate::harness::Store;
use crate::harness::world::World;

fn command(world: &World, id: i64, kind: i64, parameter: &str) -> Seed {
    seed::command(world.version, kind)
        .id(id)
        .parameter(parameter)
}

fn left_alone(report: &Value) -> Vec<(i64, String)> {
    let skipped = report["masters"][0]["skipped"].as_array().unwrap();
    skipped
        .iter()
        .map(|entry| {
            (
                entry["instance_id"].as_i64().unwrap(),
                entry["reason"].as_str().unwrap().to_owned(),
            )
        })
        .collect()
}

fn waited(ids: &[i64]) -> Vec<(i64, String)> {
    ids.iter()
        .map(|id| (*id, "command_waiting".to_owned()))
        .collect()
}

/// What stands in parameters alone. A parent that is named beside its child is not meant.
fn in_parameters(version: &str, store: Store) {
    let world = World::idle(store, version);
    world.instances(2..=8);
    world.env.insert([
        command(
            &world,
            101,
            2,
            r#"{"id":1,"parentProcessInstanceId":2,"parentTaskInstanceId":2,"processInstanceId":7}"#,
        ),
        command(&world, 102, 10, r#"{"WaitingThreadInstanceId":"3"}"#),
        command(&world, 103, 3, r#"{"ProcessInstanceId":4}"#),
        command(
            &world,
            104,
            0,
            r#"{"parentProcessInstanceId":"5","parentTaskInstanceId":"9","processInstanceId":"0"}"#,
        ),
        // Neither pauses nor stops start anything; they are told.
        command(&world, 105, 9, r#"{"ProcessInstanceId":"6"}"#),
        command(&world, 106, 4, r#"{"processInstanceId":"8"}"#),
    ]);
    let plan = world.run("failover 10.0.0.2:5678 --dry-run").exit(0).json();
    let report = world.run("failover 10.0.0.2:5678 --yes").exit(0).json();
    for told in [&plan, &report] {
        assert_eq!(
            left_alone(told),
            waited(&[3, 4, 7, 8]),
            "{version} {store:?} {told}"
        );
        let warnings = told["warnings"].to_string();
        for (id, name, instance) in [
            (102, "RECOVER_WAITING_THREAD", 3),
            (103, "RECOVER_SUSPENDED_PROCESS", 4),
            (105, "STOP", 6),
            (106, "START_FAILURE_TASK_PROCESS", 8),
        ] {
            assert!(
                warnings.contains(&format!("command {id} ({name}) names instance {instance}")),
                "{warnings}"
            );
        }
        assert!(
            !warnings.contains("instance 7") && !warnings.contains("instance 5"),
            "{warnings}"
        );
    }
    assert_eq!(
        world.command_count(),
        4,
        "one of each of 2, 5 and 6, and the one that waited"
    );
    let pending = world.run("instances").exit(0).json();
    let of = |id: i64| {
        pending["instances"]
            .as_array()
            .unwrap()
            .iter()
            .find(|row| row["id"] == id)
            .cloned()
            .unwrap()
    };
    assert_eq!(
        [3, 4, 7, 8].map(|id| of(id)["pending_command_id"].clone()),
        [102, 103, 101, 106].map(|id| json!(id))
    );
}

#[test]
fn every_form_of_a_parameter_counts() {
    for store in Store::ALL {
        for version in ["1.3.9", "2.0.1"] {
            in_parameters(version, store);
        }
    }
}

/// Claimed already: no second one either.
#[test]
fn an_orphan_is_none_while_any_command_would_start_it() {
    for (version, parameter) in [
        (
            "1.3.9",
            r#"{"id":1,"parentProcessInstanceId":2,"processInstanceId":1}"#,
        ),
        ("3.4.1", "{}"),
    ] {
        for store in Store::ALL {
            let world = World::idle(store, version);
            let claimed = if version == "3.4.1" {
                world.instance(1).state(18)
            } else {
                world.instance(1).host("NULL")
            };
            let kind = if version == "3.4.1" { 7 } else { 2 };
            world.env.insert([
                claimed,
                command(&world, 101, kind, parameter).of_instance(1),
            ]);
            let before = world.env.dump();
            world
                .run("recover --orphans --yes")
                .exit(0)
                .out("\"recovered\": 0");
            world
                .run("recover --instance 1 --yes")
                .exit(0)
                .out("\"command_waiting\"");
            before.assert_same(&world.env.dump());
        }
    }
}

/// What stands in the column, as everything does from 3.3 on.
#[test]
fn a_rerun_that_waits_counts() {
    for store in Store::ALL {
        for version in ["3.2.2", "3.4.1"] {
            let world = World::idle(store, version);
            world.instances([1, 2]);
            world
                .env
                .insert([command(&world, 101, 7, "{}").of_instance(1)]);
            let report = world.run("failover 10.0.0.2:5678 --yes").exit(0).json();
            assert_eq!(
                (left_alone(&report), world.command_count()),
                (waited(&[1]), 1),
                "{version} {store:?} {report}"
            );
            assert!(
                report["warnings"]
                    .to_string()
                    .contains("command 101 (REPEAT_RUNNING) names instance 1"),
                "{report}"
            );
        }
    }
}
