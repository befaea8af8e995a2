//! From the end of a master's session to the commit of its last instance, without the grace time.

use std::time::Duration;

use jiff::Timestamp;

use crate::bed::{Bed, VERSION};
use crate::harness::world::{DEAD, registered};
use crate::harness::{Running, Store};
use crate::report::{Table, milliseconds, percentile};

pub fn run() {
    let table = Table::new(&["store", "instances", "runs", "p50", "p99"]);
    for store in [Store::MariaDb, Store::Postgres] {
        for (instances, runs) in [(1, 50), (100, 50), (10_000, 10)] {
            let times = latencies(store, instances, runs);
            let [p50, p99] = [0.5, 0.99].map(|share| milliseconds(percentile(&times, share)));
            table.row(&[
                format!("{store:?}"),
                instances.to_string(),
                runs.to_string(),
                p50,
                p99,
            ]);
        }
    }
}

fn latencies(store: Store, instances: i64, runs: usize) -> Vec<Duration> {
    let bed = Bed::new(store, 2 * instances.max(5_000), instances);
    let state = bed.env.home().join("watch.json");
    let words = format!(
        "watch --yes -o ndjson --grace 0s --cool-down 0s --max-masters 1000000 --max-instances 100000000 \
         --interval 1h --state-file {}",
        state.display()
    );
    let mut master = bed.env.register(VERSION, &registered(DEAD));
    let mut watcher = bed.dsctl(&words).spawn();
    let mut times = Vec::new();
    for run in 1..=runs {
        await_events(&mut watcher, "master_registered", run, DEAD);
        bed.set_back();
        let ended = Timestamp::now();
        master.close();
        await_events(&mut watcher, "failover_finished", run, DEAD);
        times.push(
            finished_at(&watcher, run)
                .duration_since(ended)
                .unsigned_abs(),
        );
        assert_eq!(bed.commands(), bed.dead);
        master = bed.env.register(VERSION, &registered(DEAD));
    }
    watcher.signal("TERM");
    watcher.finish().exit(143);
    times
}

fn await_events(watcher: &mut Running, event: &str, count: usize, master: &str) {
    let found = |text: &str| text.lines().filter(|line| is(line, event, master)).count() >= count;
    watcher.await_stdout_where(&format!("{event} {count}"), found);
}

fn is(line: &str, event: &str, master: &str) -> bool {
    line.contains(&format!("\"event\":\"{event}\""))
        && line.contains(&format!("\"master\":\"{master}\""))
}

/// By the clock of the program, which runs on this machine. The lock is given back by then.
fn finished_at(watcher: &Running, count: usize) -> Timestamp {
    let text = watcher.stdout_so_far();
    let line = text
        .lines()
        .filter(|line| is(line, "failover_finished", DEAD))
        .nth(count - 1)
        .unwrap();
    let event: serde_json::Value = serde_json::from_str(line).unwrap();
    event["time"].as_str().unwrap().parse().unwrap()
}
