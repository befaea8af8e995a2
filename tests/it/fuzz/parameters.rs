//! Command parameters: what instances have goes through a whole failover, and comes out as what a
//! master can read.

use std::collections::HashMap;

use dsctl::failover::OriginalState;
use dsctl::model::{CommandRow, InstanceRow, Version};
use serde_json::Value;
use serde_json::value::RawValue;

use super::engine::{corpus, fuzz, mutated};
use crate::harness::Chance;
use crate::harness::world::{BY_HOST, BY_STATE, World, reported};

const INSTANCES: i64 = 600;

#[test]
fn parameters() {
    fuzz("parameters", |input| {
        let text = String::from_utf8_lossy(input).into_owned();
        let instance = InstanceRow {
            state_history: Some(text.clone()),
            ..InstanceRow::default()
        };
        let command = CommandRow {
            command_param: Some(text.clone()),
            ..CommandRow::default()
        };
        let (of_command, of_history) = (
            OriginalState::found(&InstanceRow::default(), Some(&command)),
            OriginalState::found(&instance, None),
        );
        for found in [of_command, of_history].into_iter().flatten() {
            assert_eq!(OriginalState::from_name(found.name()), Some(found));
            // Any escape may stand for a letter of the name.
            assert!(
                text.contains(found.name()) || text.contains("\\u"),
                "{found:?} stands nowhere"
            );
        }
        format!(
            "{of_command:?} {of_history:?} {:?}",
            serde_json::from_str::<Value>(&text)
                .map(|value| kind(&value))
                .ok()
        )
    });
}

fn kind(value: &Value) -> usize {
    match value {
        Value::Object(object) => 10 + object.len().min(5),
        Value::Array(array) => 20 + array.len().min(5),
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
    }
}

/// Gives the dead master's instances parameters and histories as strange as they come.
fn make_strange(world: &World, table: &str, chance: &mut Chance) {
    let pool = corpus("parameters");
    let mut database = rusqlite::Connection::open(&world.env.database).unwrap();
    let transaction = database.transaction().unwrap();
    let sql = format!("UPDATE {table} SET command_param = ?, state_history = ? WHERE id = ?");
    for id in &world.ids {
        let [own, history] =
            [0; 2].map(|_| String::from_utf8_lossy(&mutated(&pool, chance)).into_owned());
        transaction
            .execute(&sql, rusqlite::params![own, history, id])
            .unwrap();
    }
    transaction.commit().unwrap();
}

fn texts(world: &World, sql: &str) -> Vec<(i64, String)> {
    world
        .env
        .rows(sql)
        .iter()
        .map(|row| (row.int(0).unwrap(), row.text(1).unwrap_or_default()))
        .collect()
}

/// An object's values, to the letter: a number may be too great for any type of ours.
fn keys(text: &str) -> Option<HashMap<String, String>> {
    let keys: HashMap<String, Box<RawValue>> = serde_json::from_str(text).ok()?;
    Some(
        keys.into_iter()
            .map(|(key, value)| (key, value.get().to_owned()))
            .collect(),
    )
}

fn through_a_failover(version: Version, table: &str, column: &str) {
    let (world, mut chance) = (World::in_a_file(version, INSTANCES), Chance::new());
    let seed = chance.seed;
    make_strange(&world, table, &mut chance);
    let own = texts(&world, &format!("SELECT id, command_param FROM {table}"));
    let output = world.run(world.failover("--batch 10000"));
    assert!(
        matches!(output.code, Some(0 | 7)),
        "DSCTL_TEST_SEED={seed}: {output:?}"
    );
    let commands = texts(
        &world,
        &format!("SELECT {column}, command_param FROM t_ds_command ORDER BY 1"),
    );
    let done: Vec<i64> = reported(&output).into_iter().collect();
    assert_eq!(
        commands.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
        done,
        "DSCTL_TEST_SEED={seed}"
    );
    assert!(
        done.len() * 2 > world.ids.len(),
        "{} of {}",
        done.len(),
        world.ids.len()
    );
    for (id, text) in &commands {
        let keys = keys(text).unwrap_or_else(|| panic!("{seed} {id}: no JSON object: {text}"));
        if version == BY_STATE {
            assert_eq!(
                keys["workflowExecutionStatus"], r#""RUNNING_EXECUTION""#,
                "{seed}: {text}"
            );
            continue;
        }
        assert_eq!(keys["ProcessInstanceId"], id.to_string(), "{seed}: {text}");
        let own = &own.iter().find(|(of, _)| of == id).unwrap().1;
        let start = self::keys(own)
            .and_then(|keys| keys.get("StartParams").cloned())
            .filter(|value| value != "null");
        assert_eq!(keys.get("StartParams"), start.as_ref(), "{seed}: {own}");
    }
    eprintln!(
        "DSCTL_TEST_SEED={seed}: {version}: {} of {} handed over",
        done.len(),
        world.ids.len()
    );
}

#[test]
fn parameters_of_instances_that_claim_by_host() {
    through_a_failover(BY_HOST, "t_ds_process_instance", "process_instance_id");
}

#[test]
fn parameters_of_instances_that_claim_by_state() {
    through_a_failover(BY_STATE, "t_ds_workflow_instance", "workflow_instance_id");
}
