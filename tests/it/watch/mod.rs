//! The failover loop on real servers: what it does, what it leaves alone, and what it lasts
//! through.

mod absence;
mod cycles;
mod database;
mod deaths;
mod ensemble;
mod findings;
mod guards;
mod hooks;
mod lasting;
mod left;
mod memories;
mod others;
mod pauses;
mod places;
mod readers;
mod reload;
mod resumes;
mod returns;
mod signals;
mod standby;
mod storms;
mod tables;
mod telling;
mod unreleased;
mod upgrades;
mod zombies;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::world::World;
use crate::harness::{Dsctl, Output, Running, assert_in_time, eventually};

/// With everything quick, and the state file in the test's own folder.
pub fn watch(world: &World, more: &str) -> Dsctl {
    let state = world.env.home().join("watch.json");
    let words = format!(
        "watch -o ndjson --yes --interval 1s --state-file {} {more}",
        state.display()
    );
    world.dsctl(&words)
}

/// What an operator says to the watchers of a state file.
fn aside(world: &World, words: &[&str]) {
    let state = world.env.home().join("watch.json");
    world
        .dsctl("watch --state-file")
        .args([state.to_str().unwrap()])
        .args(words)
        .run()
        .exit(0);
}

/// Another master was failed over a moment ago: with `--max-masters 1` the next one trips the storm
/// brake.
fn one_is_done(world: &World) {
    let now = jiff::Timestamp::now().as_millisecond();
    let text = format!(
        r#"{{"format": "dsctl watch state", "version": 1, "state": {{"missing": {{}},
        "failovers": [{{"master": "10.0.0.77:5678", "at_ms": {now}, "instances": 1}}], "brake": null}}}}"#
    );
    std::fs::write(world.env.home().join("watch.json"), text).unwrap();
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
    output
        .ndjson()
        .iter()
        .map(|line| line["event"].as_str().unwrap().to_owned())
        .collect()
}

/// The events of one kind.
pub fn told(output: &Output, word: &str) -> Vec<serde_json::Value> {
    output
        .ndjson()
        .into_iter()
        .filter(|line| line["event"] == word)
        .collect()
}

/// When an event was, by the watcher's own clock: what a test measures contains the time in which
/// it had no processor.
fn time(event: &serde_json::Value) -> jiff::Timestamp {
    event["time"].as_str().unwrap().parse().unwrap()
}

/// How long after the last error there was the only failover: a whole grace time, which begins with
/// the look after it.
fn after_the_error(output: &Output) -> jiff::SignedDuration {
    let last = |word| {
        told(output, word)
            .last()
            .map_or_else(|| panic!("no {word}: {output:?}"), time)
    };
    last("failover_started").duration_since(last("error"))
}

/// Asks it to end; it does so by the signal, within a second, and without a lock.
fn end(world: &World, running: Running) -> Output {
    running.signal("TERM");
    let asked = Instant::now();
    let output = world.end(running).exit(143);
    assert_in_time(asked, Duration::from_secs(5));
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

/// Waits until so much time has gone by: there is no other sign of a time that is over.
fn let_pass(time: Duration) {
    let start = Instant::now();
    eventually(time + SOON, "time", || {
        if start.elapsed() >= time {
            Ok(())
        } else {
            Err(start.elapsed())
        }
    });
}

/// Another process writes the program: a file that this one holds open for writing, be it in a fork
/// of another test, cannot be executed.
fn program(path: &Path, script: &str) {
    let install = Command::new("install")
        .args(["-m", "755", "/dev/stdin"])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn();
    let mut install = install.unwrap();
    install
        .stdin
        .take()
        .unwrap()
        .write_all(format!("#!/bin/sh\n{script}\n").as_bytes())
        .unwrap();
    assert!(install.wait().unwrap().success());
}

fn await_file(path: &Path) -> String {
    eventually(SOON, "a file", || std::fs::read_to_string(path))
}

/// The rounds of a watcher, as its file of metrics has them.
pub struct Rounds(PathBuf);

impl Rounds {
    pub fn of(world: &World) -> Self {
        Self(world.env.home().join("rounds.prom"))
    }

    /// The arguments that make the watcher write it.
    pub fn arguments(&self) -> String {
        format!("--metrics-file {}", self.0.display())
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.0).unwrap_or_default()
    }

    fn last_success(&self) -> Option<String> {
        let text = self.text();
        let line = text
            .lines()
            .find(|line| line.starts_with("dsctl_last_success_timestamp_seconds "))?;
        Some(line.to_owned())
    }

    /// Waits for the end of the first round, which may be over already, and gives when that was.
    fn first(&self) -> String {
        eventually(SOON, "a round", || {
            self.last_success().ok_or_else(|| self.text())
        })
    }

    /// Waits for so many more rounds that succeed.
    pub fn pass(&self, count: usize) {
        for _ in 0..count {
            let before = self.last_success();
            eventually(SOON, "a round", || {
                if self.last_success() == before {
                    Err(self.text())
                } else {
                    Ok(())
                }
            });
        }
    }
}
