//! One failover three ways, in turns, on the same database: what the program takes, what the best
//! script takes, and what the masters' own way takes.

use std::time::Duration;

use crate::bed::Bed;
use crate::harness::Store;
use crate::report::{Table, median, milliseconds, ratio, rows, runs, timed};
use crate::{own_way, script};

/// What the masters' own way is measured on where a network delays every statement; its cost is the
/// same for each.
const SLOW: usize = 500;

pub fn run() {
    let columns = [
        "store",
        "delay",
        "a: dsctl",
        "b: script",
        "c: own way",
        "a/b",
        "c/a",
    ];
    let table = Table::new(&columns);
    for store in [Store::MariaDb, Store::Postgres] {
        let mut bed = Bed::new(store, rows(), (rows() / 100).max(10));
        let all = usize::try_from(bed.dead).unwrap();
        let port = bed.env.server_port();
        table.row(&row(&bed, "none", port, all));
        let proxy = bed.env.through_proxy();
        proxy.delay(Duration::from_millis(1));
        table.row(&row(&bed, "1 ms", proxy.port(), SLOW.min(all)));
    }
}

/// `own` is how many instances the masters' own way is measured on; its time is told for all of them.
fn row(bed: &Bed, delay: &str, port: u16, own: usize) -> Vec<String> {
    let (mut a, mut b, mut c) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..runs() {
        let (time, output) = timed(|| bed.failover().run().exit(0));
        assert_eq!(output.json()["recovered"], bed.dead);
        a.push(time);
        bed.set_back();
        b.push(timed(|| script::run(bed, port)).0);
        bed.set_back();
        let (time, ()) = timed(|| own_way::run(bed, port, own));
        c.push(time.mul_f64(bed.dead as f64 / own as f64));
        bed.set_back();
    }
    let [a, b, c] = [a, b, c].map(|times| median(&times));
    let store = format!("{:?}", bed.env.store);
    let times = [a, b, c].map(milliseconds);
    [store, delay.to_owned()]
        .into_iter()
        .chain(times)
        .chain([ratio(a, b), ratio(c, a)])
        .collect()
}
