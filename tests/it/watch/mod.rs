//! The failover loop on real servers: what it does, what it leaves alone, and what it lasts through.

mod cycles;
mod database;
mod deaths;
mod ensemble;
mod guards;
mod hooks;
mod lasting;
mod places;
mod reload;
mod resumes;
mod returns;
mod signals;
mod standby;
mod tables;
mod telling;
mod unreleased;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::faults::world::World;
use crate::harness::{Dsctl, Output, Running, eventually};

/// With everything quick, and the state file in the test's own folder.
fn watch(world: &World, more: &str) -> Dsctl {
    let state = world.env.home().join("watch.json");
    let words = format!("watch -o ndjson --yes --interval 1s --state-file {} {more}", state.display());
    world.dsctl(&words)
}

fn event(word: &str) -> String {
    format!("\"event\":\"{word}\"")
}

/// An event of one master.
fn of(word: &str, master: &str) -> String {
    format!("\"event\":\"{word}\",\"master\":\"{master}\"")
}

/// The events of a run, in order.
fn words(output: &Output) -> Vec<String> {
    output.ndjson().iter().map(|line| line["event"].as_str().unwrap().to_owned()).collect()
}

/// The events of one kind.
fn told(output: &Output, word: &str) -> Vec<serde_json::Value> {
    output.ndjson().into_iter().filter(|line| line["event"] == word).collect()
}

/// Asks it to end; it does so by the signal, within a second, and without a lock.
fn end(world: &World, running: Running) -> Output {
    running.signal("TERM");
    let asked = Instant::now();
    let output = world.end(running).exit(143);
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    assert_eq!(words(&output).last().map(String::as_str), Some("stopped"));
    output
}

/// Before any master of these tests started.
fn long_ago() -> jiff::Timestamp {
    "2024-06-01T02:00:00Z".parse().unwrap()
}

const SOON: Duration = Duration::from_secs(20);

fn await_commands(world: &World, count: i64) {
    eventually(SOON, &format!("{count} commands"), || {
        let now = world.command_count();
        if now >= count { Ok(()) } else { Err(now) }
    });
}

/// The rounds of a watcher, as its file of metrics has them.
struct Rounds(PathBuf);

impl Rounds {
    fn of(world: &World) -> Self {
        Self(world.env.home().join("rounds.prom"))
    }

    /// The arguments that make the watcher write it.
    fn arguments(&self) -> String {
        format!("--metrics-file {}", self.0.display())
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.0).unwrap_or_default()
    }

    fn last_success(&self) -> Option<String> {
        let text = self.text();
        let line = text.lines().find(|line| line.starts_with("dsctl_last_success_timestamp_seconds "))?;
        Some(line.to_owned())
    }

    /// Waits for so many more rounds that succeed.
    fn pass(&self, count: usize) {
        for _ in 0..count {
            let before = self.last_success();
            eventually(SOON, "a round", || if self.last_success() == before { Err(self.text()) } else { Ok(()) });
        }
    }
}
