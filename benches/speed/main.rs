//! How fast the program is, measured against what is possible: whole processes, real servers,
//! ratios within one run.
//!
//! `cargo bench` runs everything, `cargo bench -- watch` one part. `DSCTL_BENCH_ROWS` is the size of the instance table
//! (1,000,000), `DSCTL_BENCH_RUNS` how often each thing is measured (5).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    missing_docs,
    unreachable_pub,
    reason = "a program that measures, not one that is shipped"
)]

#[path = "../../tests/it/harness/mod.rs"]
mod harness;

mod bed;
mod commands;
mod doctor;
mod growth;
mod memory;
mod own_way;
mod plot;
mod report;
mod script;
mod side_by_side;
mod size;
mod watch;
mod writers;

/// A part: its name, what it measures, and how.
type Part = (&'static str, &'static str, fn());

const PARTS: [Part; 8] = [
    (
        "side-by-side",
        "one failover: dsctl, the best script, the masters' own way",
        side_by_side::run,
    ),
    ("commands", "whole processes that read", commands::run),
    (
        "watch",
        "from the end of a session to the commit",
        watch::run,
    ),
    (
        "memory",
        "the most memory that each command holds",
        memory::run,
    ),
    (
        "doctor",
        "what looks at everything, beside one scan",
        doctor::run,
    ),
    ("growth", "how cost grows", growth::run),
    (
        "writers",
        "what a writer waits during the scan",
        writers::run,
    ),
    ("size", "the binary", size::run),
];

fn main() {
    // As an operator's servers have it: the instance table fits into memory.
    harness::servers::MEMORY.set(2048).unwrap();
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    for (name, what, run) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            println!("\n## {name}: {what}\n");
            run();
        }
    }
}
