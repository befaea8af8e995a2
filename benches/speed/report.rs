//! Numbers as people read them.

use std::time::{Duration, Instant};

/// How often each thing is measured.
pub fn runs() -> usize {
    from_environment("DSCTL_BENCH_RUNS", 5)
}

/// How many rows the instance table has.
pub fn rows() -> i64 {
    from_environment("DSCTL_BENCH_ROWS", 1_000_000)
}

fn from_environment<T: std::str::FromStr>(name: &str, usual: T) -> T {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(usual)
}

pub fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let value = work();
    (start.elapsed(), value)
}

/// The value below which this share of all lies: 0.5 is the median.
pub fn percentile(times: &[Duration], share: f64) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    let last = sorted.len() - 1;
    sorted[((last as f64) * share).round() as usize]
}

pub fn median(times: &[Duration]) -> Duration {
    percentile(times, 0.5)
}

pub fn milliseconds(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1000.0;
    if milliseconds < 100.0 {
        format!("{milliseconds:.1} ms")
    } else {
        format!("{milliseconds:.0} ms")
    }
}

pub fn ratio(one: Duration, other: Duration) -> String {
    format!("{:.2}", one.as_secs_f64() / other.as_secs_f64())
}

/// A table in Markdown, printed row by row, so that a long run shows what it has.
pub struct Table;

impl Table {
    pub fn new(columns: &[&str]) -> Self {
        println!("| {} |", columns.join(" | "));
        println!("|{}", " --- |".repeat(columns.len()));
        Self
    }

    #[allow(clippy::unused_self, reason = "a row needs its table's head before it")]
    pub fn row(&self, cells: &[String]) {
        println!("| {} |", cells.join(" | "));
    }
}
