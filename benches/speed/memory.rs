//! The most memory that each command ever holds, at two sizes of the table: it should be flat. The
//! dead master has more instances than any cluster should have.

use crate::bed::Bed;
use crate::harness::world::DEAD;
use crate::harness::{Dsctl, Store};
use crate::report::{Table, rows};

/// Instances of the dead master, where the table has room for them.
const SHARE: i64 = 100_000;

pub fn run() {
    let table = Table::new(&["store", "rows", "command", "peak, MiB"]);
    for store in [Store::MariaDb, Store::Postgres] {
        for total in [rows() / 5, rows()] {
            let bed = Bed::new(store, total, SHARE.min(total / 2));
            let dry_run = format!("failover {DEAD} --dry-run -o json --max-instances 1000000");
            let list = format!("instances {DEAD} -o json");
            for words in [
                "masters -o json",
                &list,
                "lock status",
                "commands -o json",
                &dry_run,
            ] {
                table.row(&cells(&bed, total, words, bed.dsctl(words)));
            }
            table.row(&cells(&bed, total, "failover", bed.failover()));
        }
    }
}

fn cells(bed: &Bed, total: i64, words: &str, dsctl: Dsctl) -> [String; 4] {
    let (peak, output) = dsctl.spawn().finish_measured();
    output.exit(0);
    let mebibytes = peak as f64 / 1024.0;
    [
        format!("{:?}", bed.env.store),
        total.to_string(),
        format!("`dsctl {words}`"),
        format!("{mebibytes:.1}"),
    ]
}
