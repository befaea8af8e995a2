//! How the cost of one failover grows with each thing that may be large, all others kept.

use std::time::Duration;

use crate::bed::{Bed, VERSION};
use crate::harness::Store;
use crate::harness::world::{DEAD, numbers, registered};
use crate::plot::{self, Line};
use crate::report::{Table, median, milliseconds, rows, runs, timed};

/// What is varied, and where it stands.
#[derive(Clone, Copy)]
struct Size {
    rows: i64,
    dead: i64,
    masters: usize,
    waiting: i64,
}

/// What is varied, at which values, and how large everything is then.
type Series = (&'static str, Vec<i64>, fn(i64) -> Size);

const USUAL: Size = Size {
    rows: 100_000,
    dead: 1000,
    masters: 3,
    waiting: 0,
};

pub fn run() {
    let most = rows();
    let up_to = |values: &[i64], limit: i64| {
        values
            .iter()
            .copied()
            .filter(|value| *value <= limit)
            .collect::<Vec<_>>()
    };
    let series: [Series; 4] = [
        (
            "rows of the table",
            up_to(&[10_000, 100_000, 1_000_000, 5_000_000], most),
            |rows| Size {
                rows,
                dead: 100,
                ..USUAL
            },
        ),
        (
            "instances of the dead master",
            up_to(&[100, 1000, 10_000, 100_000], most / 10),
            |dead| Size {
                dead,
                rows: (10 * dead).max(USUAL.rows),
                ..USUAL
            },
        ),
        ("masters", vec![3, 30, 300], |masters| Size {
            masters: usize::try_from(masters).unwrap(),
            ..USUAL
        }),
        (
            "recovery commands that wait",
            up_to(&[0, 10_000, 100_000, 1_000_000], most),
            |waiting| Size { waiting, ..USUAL },
        ),
    ];
    let table = Table::new(&["varied", "value", "MariaDb", "Postgres"]);
    let mut lines = Vec::new();
    for (name, values, size) in series {
        let mut points = Vec::new();
        for value in values {
            let [mariadb, postgres] =
                [Store::MariaDb, Store::Postgres].map(|store| cost(store, size(value)));
            table.row(&[
                name.to_owned(),
                value.to_string(),
                milliseconds(mariadb),
                milliseconds(postgres),
            ]);
            points.push((value, mariadb));
        }
        lines.push(Line {
            name: name.to_owned(),
            points,
        });
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/growth.svg");
    plot::draw(path, "One failover in MariaDB, by what is varied", &lines);
    println!("\nplotted in benches/growth.svg");
}

fn cost(store: Store, size: Size) -> Duration {
    let bed = Bed::new(store, size.rows, size.dead);
    let addresses: Vec<String> = (1..size.masters)
        .map(|number| format!("10.1.{}.{}:5678", number / 250, number % 250))
        .collect();
    let _masters: Vec<_> = addresses
        .iter()
        .map(|address| bed.env.register(VERSION, &registered(address)))
        .collect();
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
