//! Great tables: memory must not grow with them.
//!
//! `DSCTL_TEST_ROWS=1000000` gives the tables that size; what is measured is then also printed.

use std::time::Instant;

use super::world::{BY_HOST, DEAD, LIVING, Rows, prepare, registered};
use crate::harness::{Dsctl, Env, FakeRegistration, Output, Store};

/// The limit of the design.
const MEBIBYTES: u64 = 64;

struct Great {
    env: Env,
    rows: Rows,
    _living: Option<FakeRegistration>,
}

fn rows() -> i64 {
    std::env::var("DSCTL_TEST_ROWS")
        .ok()
        .and_then(|rows| rows.parse().ok())
        .unwrap_or(100_000)
}

fn great(store: Store) -> Great {
    let mut env = Env::new(store);
    prepare(&mut env, BY_HOST);
    let total = rows();
    let rows = Rows {
        total,
        one_in: if total < 1_000_000 {
            20
        } else {
            total / 10_000
        },
        padding: 500,
    };
    let start = Instant::now();
    rows.insert(&env, BY_HOST);
    eprintln!("{store:?}: {total} rows inserted in {:?}", start.elapsed());
    let living = if store == Store::Sqlite {
        // A file alone, with the registry in it.
        env.unset("DSCTL_ZK");
        env.register_in_database(BY_HOST, &registered(LIVING));
        None
    } else {
        Some(env.register(BY_HOST, &registered(LIVING)))
    };
    Great {
        env,
        rows,
        _living: living,
    }
}

#[track_caller]
fn fits(env: &Env, command: &str) -> Output {
    let start = Instant::now();
    let (peak, output) = Dsctl::new(env)
        .args(command.split_whitespace())
        .spawn()
        .finish_measured();
    let store = env.store;
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
    let Great { env, rows, _living } = great(store);
    let dead = i64::try_from(rows.dead().len()).unwrap();
    let masters = fits(&env, "masters -o json").json();
    assert!(
        masters["masters"]
            .to_string()
            .contains(&format!(r#""unfinished_instances":{dead}"#)),
        "{masters}"
    );
    fits(&env, "instances -o json");
    fits(&env, "instances");
    let listed = fits(&env, &format!("instances {DEAD} -o json")).json();
    assert_eq!(
        listed["instances"].as_array().map(Vec::len),
        usize::try_from(dead).ok()
    );
    let done = fits(
        &env,
        &format!("failover {DEAD} --yes -o json --session-timeout 2m"),
    )
    .json();
    assert_eq!(done["recovered"], dead);
    assert_eq!(
        env.number("SELECT COUNT(*) FROM t_ds_process_instance WHERE host = 'NULL'"),
        dead
    );
    assert_eq!(
        env.number("SELECT COUNT(DISTINCT process_instance_id) FROM t_ds_command"),
        dead
    );
    assert_eq!(env.number("SELECT COUNT(*) FROM t_ds_command"), dead);
    more_commands(&env, 100_000);
    for format in ["json", "ndjson", "table", "tsv"] {
        fits(&env, &format!("commands -o {format}"));
    }
    fits(&env, "recover --orphans --yes -o json --session-timeout 2m");
    long_errors(&env, 3_000);
    let listed = fits(&env, "commands -o json").json();
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
    let numbers = super::world::numbers(env.store, count);
    let trace = "at org.example.Long.method(Long.java:1)\n".repeat(500);
    env.sql(&format!(
        "INSERT INTO t_ds_error_command (id, command_type, process_definition_code, process_definition_version, \
         process_instance_id, executor_id, dry_run, test_flag, message) \
         SELECT n, 6, 1, 1, 0, 1, 0, 0, '{trace}' FROM {numbers}"
    ));
}

/// Commands of another type, with the parameter that a schedule gives.
fn more_commands(env: &Env, count: i64) {
    let numbers = super::world::numbers(env.store, count);
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
