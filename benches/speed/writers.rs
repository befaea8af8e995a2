//! What a master that writes meanwhile has to wait: the scan must hold no lock that stops it, and a
//! batch only those of its own rows.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::bed::Bed;
use crate::harness::Store;
use crate::harness::world::LIVING;
use crate::report::{Table, milliseconds, percentile, rows, timed};

pub fn run() {
    let table = Table::new(&["store", "meanwhile", "writes", "p50", "p99", "worst"]);
    for store in [Store::MariaDb, Store::Postgres] {
        let bed = Bed::new(store, rows(), (rows() / 100).max(10));
        let ((), usual) = beside(&bed, || std::thread::sleep(Duration::from_secs(2)));
        table.row(&cells(store, "nothing", &usual));
        let (took, times) = beside(&bed, || timed(|| bed.failover().run().exit(0)).0);
        table.row(&cells(
            store,
            &format!("`dsctl failover` ({})", milliseconds(took)),
            &times,
        ));
    }
}

fn cells(store: Store, what: &str, times: &[Duration]) -> [String; 6] {
    let [half, most, worst] = [0.5, 0.99, 1.0].map(|share| milliseconds(percentile(times, share)));
    [
        format!("{store:?}"),
        what.to_owned(),
        times.len().to_string(),
        half,
        most,
        worst,
    ]
}

/// Does the work while a living master's instance is written again and again; gives how long each
/// of these writes took.
fn beside<T>(bed: &Bed, work: impl FnOnce() -> T) -> (T, Vec<Duration>) {
    let over = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let writer = threads.spawn(|| writes(bed, &over));
        let value = work();
        over.store(true, Ordering::SeqCst);
        (value, writer.join().unwrap())
    })
}

fn writes(bed: &Bed, over: &AtomicBool) -> Vec<Duration> {
    let ids: Vec<i64> = bed
        .env
        .rows(&format!(
            "SELECT id FROM t_ds_process_instance WHERE host = '{LIVING}' AND state = 1 ORDER BY id"
        ))
        .iter()
        .map(|row| row.int(0).unwrap())
        .collect();
    let mut database = bed.env.database();
    let mut times = Vec::new();
    for (run, id) in ids.iter().cycle().enumerate() {
        if over.load(Ordering::SeqCst) {
            break;
        }
        // A row beside those of the dead master, which a gap lock or a page lock would stop.
        let sql = format!("UPDATE t_ds_process_instance SET run_times = {run} WHERE id = {id}");
        let start = Instant::now();
        crate::harness::wait(database.execute(&sql.into())).unwrap();
        times.push(start.elapsed());
    }
    times
}
