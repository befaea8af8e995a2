//! What looks at everything: `doctor` and `snapshot`, beside the one scan that they cannot do without.

use std::time::Duration;

use crate::bed::Bed;
use crate::harness::Store;
use crate::report::{Table, median, milliseconds, ratio, rows, runs, timed};

/// Unfinished instances of the dead master.
const DEAD: i64 = 10_000;

/// Tasks of each instance.
const TASKS: i64 = 5;

/// No release has an index on the state.
const SCAN: &str = "SELECT COUNT(*) FROM t_ds_process_instance WHERE state IN (0, 1, 2, 4, 12)";

pub fn run() {
    let table = Table::new(&[
        "store",
        "command",
        "median",
        "one scan",
        "ratio",
        "peak, MiB",
    ]);
    for store in [Store::MariaDb, Store::Postgres] {
        let bed = Bed::new(store, rows(), DEAD);
        add_tasks(&bed);
        let scan = scan(&bed);
        for command in ["doctor", "snapshot"] {
            let (time, peak) = measured(&bed, command);
            table.row(&[
                format!("{store:?}"),
                format!("`dsctl {command}`"),
                milliseconds(time),
                milliseconds(scan),
                ratio(time, scan),
                format!("{peak:.1}"),
            ]);
        }
    }
}

/// Each instance had some, and all of them have ended.
fn add_tasks(bed: &Bed) {
    let numbers: Vec<String> = (1..=TASKS).map(|n| format!("SELECT {n} AS n")).collect();
    bed.env.sql(&format!(
        "INSERT INTO t_ds_task_instance (name, task_type, task_code, process_instance_id, state, flag, host) \
         SELECT 'a task', 'SHELL', n, i.id, 7, 1, '10.0.1.1:1234' FROM t_ds_process_instance i CROSS JOIN ({}) s",
        numbers.join(" UNION ALL ")
    ));
    bed.env.sql(match bed.env.store {
        Store::MariaDb => "ANALYZE TABLE t_ds_task_instance",
        _ => "VACUUM ANALYZE t_ds_task_instance",
    });
}

fn scan(bed: &Bed) -> Duration {
    let scans: Vec<Duration> = (0..=runs())
        .map(|_| timed(|| bed.env.number(SCAN)).0)
        .collect();
    // The first one reads the table into memory.
    median(&scans[1..])
}

/// The median time, and the most memory.
fn measured(bed: &Bed, command: &str) -> (Duration, f64) {
    let file = bed.env.home().join("bench.db");
    let (mut times, mut most) = (Vec::new(), 0);
    for _ in 0..=runs() {
        _ = std::fs::remove_file(&file);
        let dsctl = if command == "snapshot" {
            bed.dsctl(&format!("snapshot {}", file.display()))
        } else {
            bed.dsctl("doctor --once --fail-on never -o json")
        };
        let (time, (peak, output)) = timed(|| dsctl.spawn().finish_measured());
        output.exit(0);
        times.push(time);
        most = most.max(peak);
    }
    (median(&times[1..]), most as f64 / 1024.0)
}
