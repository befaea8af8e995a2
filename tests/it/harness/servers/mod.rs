//! The servers: started once for all tests, or privately for tests that stop or kill them.

pub mod balancer;
mod certificates;
mod ensemble;
pub mod kdc;
pub mod mariadb;
pub mod mysql;
pub mod poolers;
pub mod postgres;
mod template;
mod zookeeper;

use std::sync::OnceLock;
use std::time::{Duration, Instant};

pub use certificates::Certificates;
pub use ensemble::Ensemble;
pub use kdc::Kdc;
pub use mariadb::MariaDb;
pub use mysql::{MySql, MySqlRelease};
pub use postgres::{Postgres, PostgresRelease};
pub use zookeeper::{Release, ZooKeeper};

use super::guard::{Folder, Guarded};
use super::ports::free_port;
use super::wait::patient;

/// How much of their tables the databases keep in memory (in MiB), where the tests' own measure
/// would make them read great tables from the disk.
pub static MEMORY: OnceLock<u32> = OnceLock::new();

/// How long a server may take until it answers.
const START: Duration = Duration::from_mins(1);

/// Whether the tests run as root: the databases refuse to, and get a user of their own.
pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// What all servers have in common: a folder, a port, a command line, and at times a process.
#[derive(Debug)]
struct Server {
    name: &'static str,
    process: Option<Guarded>,
    port: u16,
    command: Vec<String>,
    stop_signal: &'static str,
    probe: fn(u16) -> Result<(), String>,
    folder: Folder,
}

impl Server {
    fn new(
        name: &'static str,
        stop_signal: &'static str,
        probe: fn(u16) -> Result<(), String>,
    ) -> Self {
        let (folder, port) = (Folder::new(name), free_port());
        Self {
            name,
            process: None,
            port,
            command: Vec::new(),
            stop_signal,
            probe,
            folder,
        }
    }

    /// Starts it and waits until it answers.
    fn start(&mut self) -> Result<(), String> {
        // Processes of a PostgreSQL that was killed may still end what they were at.
        let in_use = "pre-existing shared memory block";
        let begun = Instant::now();
        loop {
            self.spawn();
            match self.await_answer() {
                Err(error) if error.contains(in_use) && begun.elapsed() < patient(START) => {}
                answered => return answered,
            }
        }
    }

    /// Starts it without waiting for anything.
    fn spawn(&mut self) {
        assert!(self.process.is_none(), "{} runs already", self.name);
        self.process = Some(Guarded::spawn(
            self.folder.path(),
            self.stop_signal,
            &self.command,
        ));
    }

    fn await_answer(&mut self) -> Result<(), String> {
        let start = Instant::now();
        while let Err(error) = (self.probe)(self.port) {
            let ended = !self.process.as_mut().is_some_and(Guarded::is_running);
            if ended || start.elapsed() > patient(START) {
                let state = if ended { "ended" } else { "does not answer" };
                self.process = None;
                return Err(format!(
                    "{} {state}: {error}\n{}",
                    self.name,
                    self.folder.log_tail()
                ));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn stop(&mut self) {
        let signal = self.stop_signal;
        self.end(signal);
    }

    fn end(&mut self, signal: &str) {
        let mut process = self
            .process
            .take()
            .unwrap_or_else(|| panic!("{} does not run", self.name));
        process.end(signal);
    }

    fn signal(&mut self, signal: &str) {
        self.process
            .as_mut()
            .unwrap_or_else(|| panic!("{} does not run", self.name))
            .signal(signal);
    }
}

/// What the manuals' `openssl x509 -req` makes: a certificate without extensions, which is one of
/// version 1.
fn old_certificate(folder: &std::path::Path, owner: &str) -> (String, String) {
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (key, request, certificate) = (
        file("key.pem"),
        file("request.pem"),
        file("certificate.pem"),
    );
    certificates::openssl(&[
        "req",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        &key,
        "-subj",
        "/CN=127.0.0.1",
        "-out",
        &request,
    ]);
    certificates::openssl(&[
        "x509",
        "-req",
        "-in",
        &request,
        "-signkey",
        &key,
        "-days",
        "2",
        "-out",
        &certificate,
    ]);
    let text = certificates::openssl(&["x509", "-in", &certificate, "-noout", "-text"]);
    assert!(
        text.contains("Version: 1 "),
        "this openssl makes another version: {text}"
    );
    if is_root() {
        super::guard::run(std::process::Command::new("chown").args([owner, &key, &certificate]));
    }
    (key, certificate)
}

/// What a test may do to a server of its own.
macro_rules! private_server {
    ($server:ty) => {
        impl $server {
            /// One for all tests of this process, started when the first of them asks.
            pub fn shared() -> &'static Self {
                static SHARED: std::sync::OnceLock<Result<$server, String>> =
                    std::sync::OnceLock::new();
                SHARED
                    .get_or_init(Self::start_new)
                    .as_ref()
                    .unwrap_or_else(|error| panic!("{error}"))
            }

            /// One for this test alone. It ends with the value.
            pub fn private() -> Self {
                Self::start_new().unwrap_or_else(|error| panic!("{error}"))
            }

            /// Where it listens, on the loopback interface.
            pub fn port(&self) -> u16 {
                self.server.port
            }

            /// Asks it to stop, and waits for that.
            pub fn stop(&mut self) {
                self.server.stop();
            }

            /// `kill -9`.
            pub fn kill(&mut self) {
                self.server.end("KILL");
            }

            /// Stops the process without a word to its clients.
            pub fn freeze(&mut self) {
                self.server.signal("STOP");
            }

            /// Lets a frozen process go on.
            pub fn thaw(&mut self) {
                self.server.signal("CONT");
            }

            /// Starts it again: same folder, same port.
            pub fn start(&mut self) {
                self.server
                    .start()
                    .unwrap_or_else(|error| panic!("{error}"));
            }

            /// The end of its log.
            pub fn log_tail(&self) -> String {
                self.server.folder.log_tail()
            }
        }
    };
}
pub(crate) use private_server;
