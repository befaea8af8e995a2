//! Many of Curator's waiters in one Java process.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::curator::{CuratorRelease, classpath};
use super::wait::patient;

/// So many sessions share the waiters: two waiters of one session are two waiters all the same.
pub const SESSIONS: u64 = 4;

/// A process with waiters.
#[derive(Debug)]
pub struct Crowd {
    child: Child,
    lines: Receiver<String>,
    answers: BTreeMap<String, String>,
}

impl Crowd {
    /// Connects all sessions.
    pub fn connect(connect: &str) -> Self {
        let classpath = classpath(CuratorRelease::Debian).unwrap();
        let mut child = Command::new("java")
            .args(["-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
            .args([
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=off",
                "-cp",
                &classpath,
                "CuratorCrowd",
            ])
            .args([connect, &SESSIONS.to_string(), "30000"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            output
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        let crowd = Self {
            child,
            lines,
            answers: BTreeMap::new(),
        };
        assert_eq!(
            crowd
                .lines
                .recv_timeout(patient(Duration::from_secs(30)))
                .as_deref(),
            Ok("ready")
        );
        crowd
    }

    /// One more waits for the lock, for at most `limit`, and holds it for `hold` then; both are
    /// noted in the file.
    pub fn send(
        &mut self,
        name: &str,
        session: u64,
        lock: &str,
        limit: Duration,
        hold: Duration,
        file: &str,
    ) {
        let (limit, hold) = (limit.as_millis(), hold.as_millis());
        writeln!(
            self.child.stdin.as_mut().unwrap(),
            "{name} {session} {lock} {limit} {hold} {file}"
        )
        .unwrap();
    }

    /// Waits until one has come to its end: `left`, `timeout`, or why it failed.
    pub fn end_of(&mut self, name: &str) -> String {
        loop {
            if let Some(answer) = self.answers.remove(name) {
                return answer;
            }
            let line = self.lines.recv_timeout(patient(Duration::from_mins(2)));
            let line =
                line.unwrap_or_else(|error| panic!("Curator says nothing of {name}: {error}"));
            let (name, answer) = line.split_once(' ').unwrap();
            self.answers.insert(name.to_owned(), answer.to_owned());
        }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
