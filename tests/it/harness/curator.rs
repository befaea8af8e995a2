//! Curator's own lock, the one that masters take, in a Java process.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::guard::{run, signal};
use super::servers::debian_classpath;

/// A Curator client with an `InterProcessMutex`.
#[derive(Debug)]
pub struct Curator {
    child: Child,
    lines: Receiver<String>,
}

/// How a Curator client connects.
#[derive(Clone, Debug, Default)]
pub struct Settings {
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
        Self::with(connect, lock, &Settings::default())
    }

    /// Connects.
    pub fn with(connect: &str, lock: &str, settings: &Settings) -> Self {
        let session = if settings.session.is_zero() { Duration::from_secs(30) } else { settings.session };
        let mut child = Command::new("java")
            .args(["-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
            .arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=off")
            .args(["-cp", &format!("{}:{}", classes().display(), jars()), "CuratorLock"])
            .args([connect, &settings.namespace, lock, &session.as_millis().to_string(), &settings.digest])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let curator = Self { child, lines };
        curator.expect("connected");
        curator
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
    pub fn expect(&self, line: &str) {
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

    fn next(&self, limit: Duration) -> String {
        self.lines.recv_timeout(limit).unwrap_or_else(|error| panic!("Curator is silent: {error}"))
    }
}

impl Drop for Curator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn jars() -> String {
    let jars = ["curator-recipes", "curator-framework", "curator-client", "zookeeper", "zookeeper-jute", "slf4j-api"];
    let more = ["slf4j-simple", "guava", "snappy-java", "netty-all"];
    debian_classpath(&[jars.as_slice(), more.as_slice()].concat()).unwrap()
}

/// The folder with `CuratorLock.class`, compiled once for each test process.
fn classes() -> &'static Path {
    static CLASSES: OnceLock<PathBuf> = OnceLock::new();
    CLASSES.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("java-{}", std::process::id()));
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/java/CuratorLock.java");
        run(Command::new("javac").args(["-Xlint:all", "-cp", &jars(), "-d"]).arg(&folder).arg(source));
        let shared = Path::new(env!("CARGO_TARGET_TMPDIR")).join("java");
        let _ = std::fs::remove_dir_all(&shared);
        // Whoever is first keeps its own; the other one's is the same.
        if std::fs::rename(&folder, &shared).is_ok() { shared } else { folder }
    })
}
