//! The most memory that each command ever holds, at two sizes of the table: it should be flat.

use crate::bed::Bed;
use crate::harness::{Dsctl, Running, Store};
use crate::report::{Table, rows};
use crate::world::DEAD;

pub fn run() {
    let table = Table::new(&["store", "rows", "command", "peak, MiB"]);
    for store in [Store::MariaDb, Store::Postgres] {
        for total in [rows() / 5, rows()] {
            let bed = Bed::new(store, total, (rows() / 100).max(10));
            let dry_run = format!("failover {DEAD} --dry-run -o json --max-instances 1000000");
            let list = format!("instances {DEAD} -o json");
            for words in ["masters -o json", &list, "lock status", "commands -o json", &dry_run] {
                table.row(&cells(&bed, total, words, bed.dsctl(words)));
            }
            table.row(&cells(&bed, total, "failover", bed.failover()));
        }
    }
}

fn cells(bed: &Bed, total: i64, words: &str, dsctl: Dsctl) -> [String; 4] {
    let mebibytes = peak(dsctl.spawn()) as f64 / 1024.0;
    [format!("{:?}", bed.env.store), total.to_string(), format!("`dsctl {words}`"), format!("{mebibytes:.1}")]
}

/// In KiB. The kernel counts; it is asked until the end.
fn peak(mut running: Running) -> u64 {
    let status = format!("/proc/{}/status", running.pid());
    let mut peak = 0;
    while running.is_running() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(peak);
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    running.finish().exit(0);
    assert!(peak > 1024, "that was not measured: {peak} KiB");
    peak
}
