//! The best script that one can write by hand, run by the database's own client: one scan, one
//! transaction, no check of a lock or a registration. It is the limit that the program is measured
//! against.

use std::process::{Command, Output};

use crate::bed::Bed;
use crate::harness::world::DEAD;
use crate::harness::{PASSWORD, Store, USER};

pub const COLUMNS: &str = "command_type, process_definition_code, process_definition_version, process_instance_id, \
     command_param, task_depend_type, failure_strategy, start_time, executor_id, update_time, dry_run, \
     process_instance_priority, test_flag, tenant_code";

/// The values of these columns, of the instance `i`.
pub fn values(parameter: &str) -> String {
    format!(
        "2, i.process_definition_code, i.process_definition_version, i.id, {parameter}, 2, 1, CURRENT_TIMESTAMP, \
         i.executor_id, CURRENT_TIMESTAMP, 0, i.process_instance_priority, 0, i.tenant_code"
    )
}

fn of_mariadb() -> String {
    format!(
        "START TRANSACTION;
         CREATE TEMPORARY TABLE dead (id INT PRIMARY KEY) ENGINE=MEMORY
             AS SELECT id FROM t_ds_process_instance WHERE host = '{DEAD}' AND state IN (0, 1, 2, 4, 12);
         DELETE dead FROM t_ds_command c JOIN dead ON dead.id = c.process_instance_id WHERE c.command_type = 2;
         INSERT INTO t_ds_command ({COLUMNS}) SELECT {}
             FROM dead JOIN t_ds_process_instance i ON i.id = dead.id;
         UPDATE dead JOIN t_ds_process_instance i ON i.id = dead.id SET i.host = 'NULL';
         COMMIT;",
        values("CONCAT('{\"ProcessInstanceId\":', i.id, '}')")
    )
}

/// A scan that only reads is shared out among processes; one that writes is not.
fn of_postgres() -> String {
    let dead = format!("host = '{DEAD}' AND state IN (0, 1, 2, 4, 12)");
    format!(
        "SET jit = off;
         BEGIN;
         CREATE TEMPORARY TABLE dead ON COMMIT DROP AS SELECT id FROM t_ds_process_instance WHERE {dead};
         DELETE FROM dead USING t_ds_command c WHERE c.process_instance_id = dead.id AND c.command_type = 2;
         WITH i AS (
             UPDATE t_ds_process_instance p SET host = 'NULL' FROM dead WHERE p.id = dead.id AND {dead}
             RETURNING p.*)
         INSERT INTO t_ds_command ({COLUMNS}) SELECT {} FROM i;
         COMMIT;",
        values("'{\"ProcessInstanceId\":' || i.id || '}'")
    )
}

/// Runs the script in a client of its own. `port` is the server's, or that of a proxy before it.
pub fn run(bed: &Bed, port: u16) {
    let port = port.to_string();
    let output = match bed.env.store {
        Store::MariaDb => Command::new("mariadb")
            .args([
                "--no-defaults",
                "--protocol=TCP",
                "--host=127.0.0.1",
                "--port",
                &port,
                "--user",
                USER,
            ])
            .args(["--execute", &of_mariadb(), &bed.env.database])
            .env("MYSQL_PWD", PASSWORD)
            .output(),
        Store::Postgres => Command::new("psql")
            .args([
                "--no-psqlrc",
                "--quiet",
                "--host=127.0.0.1",
                "--port",
                &port,
                "--username",
                USER,
            ])
            .args(["--command", &of_postgres(), &bed.env.database])
            .env("PGPASSWORD", PASSWORD)
            .output(),
        Store::Sqlite => panic!("a file has no client of its own"),
    };
    assert_done(&output.unwrap());
    assert_eq!(bed.commands(), bed.dead);
}

fn assert_done(output: &Output) {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
