//! Great tables: memory must not grow with them.
//!
//! `DSCTL_TEST_ROWS=1000000` gives the tables that size; what is measured is then also printed.

use std::time::Instant;

use crate::harness::world::{BY_HOST, Cluster, DEAD, Rows, World, numbers};
use crate::harness::{Env, Output, Store};

/// The limit of the design.
const MEBIBYTES: u64 = 64;

fn rows() -> i64 {
    std::env::var("DSCTL_TEST_ROWS")
        .ok()
        .and_then(|rows| rows.parse().ok())
        .unwrap_or(100_000)
}

fn great(store: Store) -> World {
    let total = rows();
    let one_in = if total < 1_000_000 {
        20
    } else {
        total / 10_000
    };
    let cluster = Cluster::of(BY_HOST).great(Rows {
        total,
        one_in,
        padding: 500,
    });
    let start = Instant::now();
    let world = if store == Store::Sqlite {
        // A file alone, with the registry in it.
        cluster.registry_inside().on(store)
    } else {
        cluster.on(store)
    };
    eprintln!("{store:?}: {total} rows inserted in {:?}", start.elapsed());
    world
}

#[track_caller]
fn fits(world: &World, command: &str) -> Output {
    let start = Instant::now();
    let (peak, output) = world.dsctl(command).spawn().finish_measured();
    let store = world.env.store;
    eprintln!(
        "{store:?}: {peak} KiB, {:?}: dsctl {command}",
        start.elapsed()
    );
    let output = output.exit(0);
    assert!(
        peak < MEBIBYTES * 1024,
        "{store:?}: {peak} KiB: dsctl {command}"
    );
    output
}

fn stays_small(store: Store) {
    let world = great(store);
    let dead = i64::try_from(world.ids.len()).unwrap();
    let masters = fits(&world, "masters -o json").json();
    assert!(
        masters["masters"]
            .to_string()
            .contains(&format!(r#""unfinished_instances":{dead}"#)),
        "{masters}"
    );
    fits(&world, "instances -o json");
    fits(&world, "instances");
    let listed = fits(&world, &format!("instances {DEAD} -o json")).json();
    assert_eq!(
        listed["instances"].as_array().map(Vec::len),
        usize::try_from(dead).ok()
    );
    let done = fits(
        &world,
        &format!("failover {DEAD} --yes -o json --session-timeout 2m"),
    )
    .json();
    assert_eq!(done["recovered"], dead);
    assert_eq!(
        world
            .env
            .number("SELECT COUNT(*) FROM t_ds_process_instance WHERE host = 'NULL'"),
        dead
    );
    assert_eq!(
        world
            .env
            .number("SELECT COUNT(DISTINCT process_instance_id) FROM t_ds_command"),
        dead
    );
    assert_eq!(world.env.number("SELECT COUNT(*) FROM t_ds_command"), dead);
    more_commands(&world.env, 100_000);
    for format in ["json", "ndjson", "table", "tsv"] {
        fits(&world, &format!("commands -o {format}"));
    }
    fits(
        &world,
        "recover --orphans --yes -o json --session-timeout 2m",
    );
    long_errors(&world.env, 3_000);
    let listed = fits(&world, "commands -o json").json();
    let (errors, shown) = (
        listed["error_commands"].as_array().unwrap().len(),
        listed["warnings"].to_string(),
    );
    assert!(
        errors > 300 && shown.contains(&format!("{errors} of 3000 error commands are shown")),
        "{errors}: {shown}"
    );
}

/// Error commands with a stack trace each, as those of 3.3 have.
fn long_errors(env: &Env, count: i64) {
    let numbers = numbers(env.store, count);
    let trace = "at org.example.Long.method(Long.java:1)\n".repeat(500);
    env.sql(&format!(
        "INSERT INTO t_ds_error_command (id, command_type, process_definition_code, process_definition_version, \
         process_instance_id, executor_id, dry_run, test_flag, message) \
         SELECT n, 6, 1, 1, 0, 1, 0, 0, '{trace}' FROM {numbers}"
    ));
}

/// Commands of another type, with the parameter that a schedule gives.
fn more_commands(env: &Env, count: i64) {
    let numbers = numbers(env.store, count);
    env.sql(&format!(
        "INSERT INTO t_ds_command (command_type, process_definition_code, process_definition_version, \
         process_instance_id, command_param, executor_id, dry_run, test_flag) \
         SELECT 6, 1, 1, 0, '{{\"schedule_timezone\":\"Asia/Shanghai\",\"StartParams\":\"{}\"}}', 1, 0, 0 FROM {numbers}",
        "x".repeat(150),
    ));
}

#[test]
fn memory_stays_small_with_mariadb() {
    stays_small(Store::MariaDb);
}

#[test]
fn memory_stays_small_with_postgres() {
    stays_small(Store::Postgres);
}

#[test]
fn memory_stays_small_with_a_file() {
    stays_small(Store::Sqlite);
}
