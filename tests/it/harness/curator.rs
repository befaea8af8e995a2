//! Curator's own lock, the one that masters take, in a Java process.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::guard::signal;
use super::java;
use super::wait::patient;

/// A Curator client with an `InterProcessMutex`.
#[derive(Debug)]
pub struct Curator {
    child: Child,
    lines: Receiver<String>,
    complaints: Option<JoinHandle<String>>,
}

/// Which release of Curator, and of the ZooKeeper client below it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum CuratorRelease {
    /// Debian's, 5.4 or newer: near to that of DolphinScheduler 3.1 and newer.
    #[default]
    Debian,
    /// 4.3.0 with 3.4.14: DolphinScheduler 1.3 to 3.0.
    V4_3,
    /// 2.12.0 with 3.4.14: DolphinScheduler 1.2.
    V2_12,
}

/// How a Curator client connects.
#[derive(Clone, Debug, Default)]
pub struct CuratorSettings {
    /// Its release.
    pub release: CuratorRelease,
    /// Curator's namespace; the lock path is below it.
    pub namespace: String,
    /// `user:password`
    pub digest: String,
    /// Session timeout; 30 seconds where it is zero.
    pub session: Duration,
}

impl Curator {
    /// Connects with defaults. `lock` is the full path.
    pub fn connect(connect: &str, lock: &str) -> Self {
        Self::with(connect, lock, &CuratorSettings::default()).unwrap()
    }

    /// Connects; `Err` says why this release cannot be had here.
    pub fn with(connect: &str, lock: &str, settings: &CuratorSettings) -> Result<Self, String> {
        let classpath = classpath(settings.release)?;
        let session = if settings.session.is_zero() {
            Duration::from_secs(30)
        } else {
            settings.session
        };
        let mut child = Command::new("java")
            .args(["-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
            .arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=off")
            // For SASL, the client of 3.4 reads addresses as older JVMs wrote them, and fails with
            // newer ones.
            .arg("-Dzookeeper.sasl.client=false")
            .args(["-cp", &classpath, "CuratorLock"])
            .args([
                connect,
                &settings.namespace,
                lock,
                &session.as_millis().to_string(),
                &settings.digest,
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
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
        let mut errors = child.stderr.take().unwrap();
        let complaints = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = errors.read_to_string(&mut text);
            text
        });
        let mut curator = Self {
            child,
            lines,
            complaints: Some(complaints),
        };
        curator.expect("connected");
        Ok(curator)
    }

    /// Tries to take the lock, for at most `limit`; says whether it is ours.
    pub fn acquire(&mut self, limit: Duration) -> bool {
        self.ask_to_acquire(limit);
        match self.next(limit + Duration::from_secs(20)).as_str() {
            "acquired" => true,
            "timeout" => false,
            other => panic!("Curator says {other:?}"),
        }
    }

    /// As [`Curator::acquire`], without waiting: the answer is for [`Curator::expect`].
    pub fn ask_to_acquire(&mut self, limit: Duration) {
        self.say(&format!("acquire {}", limit.as_millis()));
    }

    /// Lets the lock go.
    pub fn release(&mut self) {
        self.say("release");
        self.expect("released");
    }

    /// Waits for a line; any other line is a failure.
    pub fn expect(&mut self, line: &str) {
        assert_eq!(self.next(Duration::from_secs(30)), line);
    }

    /// Whether it has said nothing since.
    pub fn is_silent(&self) -> bool {
        self.lines.try_recv().is_err()
    }

    /// Closes the session and waits for the process' end.
    pub fn close(mut self) {
        self.say("close");
        assert!(self.child.wait().unwrap().success());
    }

    /// `kill -9`: the session stays until it expires.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Freezes the process, as a long pause of the garbage collector would.
    pub fn freeze(&self) {
        signal(self.child.id(), "STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        signal(self.child.id(), "CONT");
    }

    fn say(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    fn next(&mut self, limit: Duration) -> String {
        self.lines
            .recv_timeout(patient(limit))
            .unwrap_or_else(|error| {
                let _ = self.child.kill();
                let complaints = self.complaints.take().map(JoinHandle::join);
                panic!(
                    "Curator is silent: {error}\n{}",
                    complaints.and_then(Result::ok).unwrap_or_default()
                )
            })
    }
}

impl Drop for Curator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn jars(release: CuratorRelease) -> Result<String, String> {
    match release {
        CuratorRelease::Debian => {
            let jars = [
                "curator-recipes",
                "curator-framework",
                "curator-client",
                "zookeeper",
                "zookeeper-jute",
            ];
            let more = [
                "slf4j-api",
                "slf4j-simple",
                "guava",
                "snappy-java",
                "netty-all",
            ];
            java::debian(&[jars, more].concat())
        }
        CuratorRelease::V4_3 => java::maven("curator-4.3"),
        CuratorRelease::V2_12 => java::maven("curator-2.12"),
    }
}

/// The class path with the programs of `tests/java`, which are compiled once for each process and
/// release.
pub fn classpath(release: CuratorRelease) -> Result<String, String> {
    static COMPILED: Mutex<BTreeMap<CuratorRelease, Result<String, String>>> =
        Mutex::new(BTreeMap::new());
    let mut compiled = COMPILED.lock().unwrap();
    let compile = || {
        let jars = jars(release)?;
        let sources: &[&str] = match release {
            CuratorRelease::Debian => &["CuratorLock.java", "CuratorCrowd.java"],
            CuratorRelease::V4_3 | CuratorRelease::V2_12 => {
                &["CuratorLock.java", "StaticHostProvider.java"]
            }
        };
        let classes = java::compile(sources, &jars, &format!("classes-{release:?}"));
        Ok(format!("{classes}:{jars}"))
    };
    compiled.entry(release).or_insert_with(compile).clone()
}
