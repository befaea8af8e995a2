//! How the cost of one failover grows with each thing that may be large, all others kept.

use std::time::Duration;

use crate::bed::{Bed, VERSION};
use crate::harness::Store;
use crate::report::{Table, median, milliseconds, rows, runs, timed};
use crate::world::{DEAD, numbers, registered};

/// What is varied, and where it stands.
#[derive(Clone, Copy)]
struct Size {
    rows: i64,
    dead: i64,
    masters: usize,
    waiting: i64,
}

const USUAL: Size = Size { rows: 100_000, dead: 1000, masters: 3, waiting: 0 };

pub fn run() {
    let table = Table::new(&["varied", "value", "MariaDb", "Postgres"]);
    let most = rows();
    let of_rows = [10_000, 100_000, 1_000_000, 5_000_000].into_iter().filter(|rows| *rows <= most);
    let of_dead = [100, 1000, 10_000, 100_000].into_iter().filter(|dead| *dead * 10 <= most);
    let of_waiting = [0, 10_000, 100_000, 1_000_000].into_iter().filter(|waiting| *waiting <= most);
    for rows in of_rows {
        show(&table, "rows of the table", rows, Size { rows, dead: 100, ..USUAL });
    }
    for dead in of_dead {
        show(&table, "instances of the dead master", dead, Size { dead, rows: (10 * dead).max(USUAL.rows), ..USUAL });
    }
    for masters in [3, 30, 300] {
        show(&table, "masters", i64::try_from(masters).unwrap(), Size { masters, ..USUAL });
    }
    for waiting in of_waiting {
        show(&table, "recovery commands that wait", waiting, Size { waiting, ..USUAL });
    }
}

fn show(table: &Table, what: &str, value: i64, size: Size) {
    let [mariadb, postgres] = [Store::MariaDb, Store::Postgres].map(|store| milliseconds(cost(store, size)));
    table.row(&[what.to_owned(), value.to_string(), mariadb, postgres]);
}

fn cost(store: Store, size: Size) -> Duration {
    let bed = Bed::new(store, size.rows, size.dead);
    let addresses: Vec<String> =
        (1..size.masters).map(|number| format!("10.1.{}.{}:5678", number / 250, number % 250)).collect();
    let _masters: Vec<_> = addresses.iter().map(|address| bed.env.register(VERSION, &registered(address))).collect();
    if size.waiting > 0 {
        bed.env.sql(&format!(
            "INSERT INTO t_ds_command (command_type, process_definition_code, process_definition_version, \
             process_instance_id, command_param, executor_id, dry_run, test_flag) \
             SELECT 2, 1, 1, 1000000000 + n, '{{}}', 1, 0, 0 FROM {}",
            numbers(store, size.waiting)
        ));
    }
    let mut times = Vec::new();
    for _ in 0..runs() {
        let (time, output) = timed(|| bed.failover().run().exit(0));
        assert_eq!(output.json()["recovered"], bed.dead, "{DEAD}");
        times.push(time);
        bed.set_back_but(1_000_000_000);
    }
    median(&times)
}
