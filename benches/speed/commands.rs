//! Whole processes that read, and those that ask no server.

use std::process::Command;
use std::time::Duration;

use crate::bed::Bed;
use crate::harness::{Dsctl, Store};
use crate::report::{Table, median, milliseconds, timed};

/// A process takes a few milliseconds; the median of a few would be noise.
const RUNS: usize = 30;

pub fn run() {
    let table = Table::new(&["command", "store", "median", "server's own", "besides it"]);
    for words in ["--help", "--version", "completions bash"] {
        let times: Vec<Duration> = (0..RUNS).map(|_| timed(|| words_alone(words)).0).collect();
        let median = milliseconds(median(&times));
        table.row(&[
            format!("`dsctl {words}`"),
            "-".to_owned(),
            median.clone(),
            "-".to_owned(),
            median,
        ]);
    }
    for store in [Store::MariaDb, Store::Postgres] {
        // Small, so that the servers' own time is little beside the program's.
        let bed = Bed::new(store, 10_000, 100);
        for (words, sql) in [
            (
                "masters",
                "SELECT host, state, COUNT(*) FROM t_ds_process_instance WHERE state IN (0, 1, 2, 4, 12) GROUP BY host, state",
            ),
            (
                "instances",
                "SELECT * FROM t_ds_process_instance WHERE state IN (0, 1, 2, 4, 12)",
            ),
            ("lock status", "SELECT 1"),
        ] {
            let own = own_time(&bed, sql);
            let times: Vec<Duration> = (0..RUNS)
                .map(|_| timed(|| bed.dsctl(words).run().exit(0)).0)
                .collect();
            let time = median(&times);
            let besides = milliseconds(time.saturating_sub(own));
            let cells = [
                format!("`dsctl {words}`"),
                format!("{store:?}"),
                milliseconds(time),
                milliseconds(own),
                besides,
            ];
            table.row(&cells);
        }
    }
    compared_with_zookeepers_own();
}

fn words_alone(words: &str) {
    Dsctl::alone().args(words.split_whitespace()).run().exit(0);
}

/// What the statement takes on a connection that is open already.
fn own_time(bed: &Bed, sql: &str) -> Duration {
    let mut database = bed.env.database();
    let mut ask =
        || timed(|| crate::harness::wait(database.query(&sql.into(), &mut |_| {})).unwrap()).0;
    ask();
    median(&(0..RUNS).map(|_| ask()).collect::<Vec<_>>())
}

/// The list of masters, by what an operator has besides: ZooKeeper's own shell, and a Python
/// client.
fn compared_with_zookeepers_own() {
    let bed = Bed::new(Store::MariaDb, 1000, 100);
    let path = bed.env.path("nodes/master");
    let shell = [
        "java",
        "-cp",
        "/usr/share/java/*",
        "org.apache.zookeeper.ZooKeeperMain",
        "-server",
        &bed.env.connect,
        "ls",
        &path,
    ];
    let (shell, python) = (
        of_others(&shell),
        of_others(&["python3", "-c", KAZOO, &bed.env.connect, &path]),
    );
    let own: Vec<Duration> = (0..RUNS)
        .map(|_| timed(|| bed.dsctl("masters").run().exit(0)).0)
        .collect();
    println!();
    let table = Table::new(&["who lists the masters", "median"]);
    table.row(&[
        "`dsctl masters`, with their unfinished instances".to_owned(),
        milliseconds(median(&own)),
    ]);
    table.row(&["ZooKeeper's own shell".to_owned(), shell]);
    table.row(&["a script with kazoo".to_owned(), python]);
}

/// The median of another program, or why there is none.
fn of_others(words: &[&str]) -> String {
    let run = || Command::new(words[0]).args(&words[1..]).output();
    match run() {
        Ok(output) if output.status.success() => milliseconds(median(
            &(0..RUNS / 3).map(|_| timed(run).0).collect::<Vec<_>>(),
        )),
        Ok(output) => {
            format!(
                "cannot be run: {}",
                String::from_utf8_lossy(&output.stderr)
                    .lines()
                    .last()
                    .unwrap_or("")
            )
        }
        Err(error) => format!("cannot be run: {error}"),
    }
}

const KAZOO: &str = "import sys
from kazoo.client import KazooClient
client = KazooClient(hosts=sys.argv[1])
client.start()
for master in client.get_children(sys.argv[2]):
    print(master, client.get(sys.argv[2] + '/' + master)[0])
client.stop()";
