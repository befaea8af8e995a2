//! The program under test.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::env::Env;
use super::guard::signal;
use super::schema;
use super::wait::{patient, runtime, wait, wait_at_most};
use super::{MARKER, PASSWORD};

/// No run may take longer on an idle machine, unless it says so.
const LIMIT: Duration = Duration::from_mins(1);

/// Nor may any text be longer in coming.
const TEXT: Duration = Duration::from_secs(30);

/// A command line to be run.
#[derive(Clone, Debug)]
pub struct Dsctl {
    program: String,
    terminal: bool,
    arguments: Vec<String>,
    variables: BTreeMap<String, String>,
    home: PathBuf,
    input: Option<String>,
    typed: bool,
    limit: Duration,
}

impl Dsctl {
    /// In this world, without arguments, with an environment that holds nothing but what the world
    /// sets.
    pub fn new(env: &Env) -> Self {
        Self {
            variables: env.variables().clone(),
            home: env.home(),
            ..Self::alone()
        }
    }

    /// Without any world: no `DSCTL_*` variable is set, and the home folder is empty or missing.
    pub fn alone() -> Self {
        Self::of_program(env!("CARGO_BIN_EXE_dsctl"))
    }

    /// Another program in its place: for tests of this very tool.
    pub fn of_program(program: &str) -> Self {
        let (arguments, variables, home) =
            (Vec::new(), BTreeMap::new(), PathBuf::from("/nonexistent"));
        Self {
            program: program.to_owned(),
            terminal: false,
            arguments,
            variables,
            home,
            input: None,
            typed: false,
            limit: LIMIT,
        }
    }

    /// On a terminal of its own: all three streams are that terminal, and everything it shows is in
    /// `stdout`. What [`Dsctl::stdin`] gives is typed, and shown as typed.
    #[must_use]
    pub fn on_terminal(mut self) -> Self {
        self.terminal = true;
        self
    }

    /// Started by another program, whose last arguments are the program and its own.
    #[must_use]
    pub fn through(mut self, program: &str, arguments: &[&str]) -> Self {
        let own = std::mem::replace(&mut self.program, program.to_owned());
        self.args(arguments.iter().copied().chain([own.as_str()]))
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<str>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(
            arguments
                .into_iter()
                .map(|argument| argument.as_ref().to_owned()),
        );
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Takes a variable away.
    #[must_use]
    pub fn env_remove(mut self, name: &str) -> Self {
        self.variables.remove(name);
        self
    }

    /// What it reads from standard input; nothing otherwise.
    #[must_use]
    pub fn stdin(mut self, text: &str) -> Self {
        self.input = Some(text.to_owned());
        self
    }

    /// On a terminal on which [`Running::type_text`] types.
    #[must_use]
    pub fn typed(mut self) -> Self {
        self.typed = true;
        self.on_terminal().stdin("")
    }

    /// Panics when it runs longer.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs it to its end.
    pub fn run(self) -> Output {
        self.spawn().finish()
    }

    /// The program itself, or `script`, which runs it on a terminal.
    fn command(&self) -> Command {
        let words = std::iter::once(&self.program).chain(&self.arguments);
        if self.terminal {
            let quoted: Vec<String> = words
                .map(|word| format!("'{}'", word.replace('\'', r"'\''")))
                .collect();
            let mut command = Command::new("script");
            command.args([
                "--quiet",
                "--return",
                "--flush",
                "--command",
                &quoted.join(" "),
                "/dev/null",
            ]);
            return command;
        }
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        command
    }

    /// Starts it.
    pub fn spawn(self) -> Running {
        let _context = runtime().enter();
        let mut command = self.command();
        command
            .env_clear()
            .envs(&self.variables)
            .kill_on_drop(true)
            .current_dir("/");
        command
            .env("HOME", &self.home)
            .env("PATH", "/usr/bin:/bin")
            .env("TZ", "UTC")
            .env("LC_ALL", "C.UTF-8");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.stdin(if self.input.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        });
        let mut child = command.spawn().unwrap();
        let mut keyboard = child.stdin.take();
        if let (Some(text), Some(mut pipe)) =
            (self.input.clone(), keyboard.take_if(|_| !self.typed))
        {
            // A program that does not read to the end is no failure of this task.
            tokio::spawn(async move { _ = pipe.write_all(text.as_bytes()).await });
        }
        let (stdout, stderr) = (
            Collected::of(child.stdout.take().unwrap()),
            Collected::of(child.stderr.take().unwrap()),
        );
        Running {
            child,
            keyboard,
            stdout,
            stderr,
            command: self,
            counted: BTreeMap::new(),
        }
    }
}

/// What a pipe has given so far.
#[derive(Debug)]
struct Collected {
    bytes: watch::Receiver<Vec<u8>>,
    end: JoinHandle<()>,
}

impl Collected {
    fn of(mut pipe: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let (sender, bytes) = watch::channel(Vec::new());
        let end = tokio::spawn(async move {
            let mut buffer = vec![0; 16 * 1024];
            while let Ok(length @ 1..) = pipe.read(&mut buffer).await {
                sender.send_modify(|bytes| bytes.extend_from_slice(&buffer[..length]));
            }
        });
        Self { bytes, end }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.borrow()).into_owned()
    }

    async fn contains(&mut self, text: &str) {
        let found = self
            .bytes
            .wait_for(|bytes| String::from_utf8_lossy(bytes).contains(text))
            .await
            .is_ok();
        if !found {
            // The pipe is closed and the text will never come: let the time limit speak.
            std::future::pending::<()>().await;
        }
    }
}

/// A run in the background. Dropping it kills it.
#[derive(Debug)]
pub struct Running {
    child: Child,
    /// Closed when the run is over.
    keyboard: Option<ChildStdin>,
    stdout: Collected,
    stderr: Collected,
    command: Dsctl,
    /// Up to where standard output was looked through for a text, and how often it was found.
    counted: BTreeMap<String, (usize, usize)>,
}

impl Running {
    /// Waits until standard output has this text.
    pub fn await_stdout(&mut self, text: &str) {
        self.await_text(text, Self::wait_stdout);
    }

    /// Waits until standard output has this text so many times. It is looked for behind the last
    /// place only.
    pub fn await_stdout_times(&mut self, text: &str, count: usize) {
        let (mut from, mut found) = self.counted.remove(text).unwrap_or_default();
        let mut enough = |bytes: &Vec<u8>| {
            while found < count {
                let rest = bytes[from..].windows(text.len());
                let Some(place) = rest
                    .into_iter()
                    .position(|window| window == text.as_bytes())
                else {
                    break;
                };
                (from, found) = (from + place + text.len(), found + 1);
            }
            found >= count
        };
        let waiting = async {
            tokio::time::timeout(patient(TEXT), self.stdout.bytes.wait_for(&mut enough)).await
        };
        let came = wait(waiting).is_ok_and(|came| came.is_ok());
        self.counted.insert(text.to_owned(), (from, found));
        assert!(
            came,
            "not {count} times {text:?} in\n{:?}",
            self.so_far(None)
        );
    }

    /// Waits until what standard output has so far is as wanted.
    pub fn await_stdout_where(&mut self, what: &str, wanted: impl Fn(&str) -> bool) {
        let limit = patient(self.command.limit);
        let bytes = &mut self.stdout.bytes;
        let found = wait(async {
            tokio::time::timeout(
                limit,
                bytes.wait_for(|bytes| wanted(&String::from_utf8_lossy(bytes))),
            )
            .await
        });
        assert!(
            found.is_ok_and(|found| found.is_ok()),
            "no {what} in\n{:?}",
            self.so_far(None)
        );
    }

    /// Types on the terminal of [`Dsctl::typed`].
    pub fn type_text(&mut self, text: &str) {
        let keyboard = self.keyboard.as_mut().expect("a terminal to type on");
        wait(keyboard.write_all(text.as_bytes())).unwrap();
    }

    /// What standard output has so far.
    pub fn stdout_so_far(&self) -> String {
        self.stdout.text()
    }

    /// Waits until standard error has this text.
    pub fn await_stderr(&mut self, text: &str) {
        self.await_text(text, Self::wait_stderr);
    }

    fn await_text(&mut self, text: &str, wait_for: impl AsyncFnOnce(&mut Self, &str)) {
        let found = wait(async {
            tokio::time::timeout(patient(TEXT), wait_for(self, text))
                .await
                .is_ok()
        });
        assert!(found, "no {text:?} in\n{:?}", self.so_far(None));
    }

    async fn wait_stdout(&mut self, text: &str) {
        self.stdout.contains(text).await;
    }

    async fn wait_stderr(&mut self, text: &str) {
        self.stderr.contains(text).await;
    }

    /// Sends a signal by name: `INT`, `TERM`, `KILL`, `STOP`, `CONT`, `HUP`.
    pub fn signal(&self, name: &str) {
        signal(self.child.id().expect("a running program"), name);
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("a running program")
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        let _context = runtime().enter();
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for something else; `None` if the program ends first.
    pub fn until<T>(&mut self, event: impl Future<Output = T>) -> Option<T> {
        wait_at_most(
            self.command.limit,
            "an event, or the end of the program",
            async {
                tokio::select! {
                    event = event => Some(event),
                    _ = self.child.wait() => None,
                }
            },
        )
    }

    /// Waits for its end.
    pub fn finish(mut self) -> Output {
        let limit = patient(self.command.limit);
        let ended = wait(async { tokio::time::timeout(limit, self.child.wait()).await });
        let Ok(status) = ended else {
            panic!("still runs after {limit:?}\n{:?}", self.so_far(None))
        };
        // A grandchild may hold the pipes open; what it writes is not waited for without end.
        wait_at_most(Duration::from_secs(20), "the end of the output", async {
            let _ = (&mut self.stdout.end).await;
            let _ = (&mut self.stderr.end).await;
        });
        let status = status.unwrap();
        let mut output = self.so_far(exit_code(status));
        output.signal = std::os::unix::process::ExitStatusExt::signal(&status);
        output.assert_no_password();
        schema::assert_output(&output.stdout);
        output
    }

    /// As [`Running::finish`], with the most memory that it ever held, in KiB. The kernel counts;
    /// it is asked until the end.
    pub fn finish_measured(mut self) -> (u64, Output) {
        let status = format!("/proc/{}/status", self.pid());
        let mut peak = 0;
        while self.is_running() {
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            peak = line
                .and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
                .unwrap_or(peak);
            std::thread::sleep(Duration::from_millis(1));
        }
        let output = self.finish();
        assert!(peak > 1024, "that was not measured: {peak} KiB\n{output:?}");
        (peak, output)
    }

    fn so_far(&self, code: Option<i32>) -> Output {
        let command = self.command.arguments.clone();
        let is_dsctl = self.command.program == env!("CARGO_BIN_EXE_dsctl");
        Output {
            command,
            is_dsctl,
            code,
            signal: None,
            stdout: self.stdout.text(),
            stderr: self.stderr.text(),
        }
    }
}

/// The exit code as a shell reports it: 128 and the signal's number for a killed program.
fn exit_code(status: std::process::ExitStatus) -> Option<i32> {
    use std::os::unix::process::ExitStatusExt;
    status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
}

/// What came of a run.
#[derive(Clone, PartialEq, Eq)]
pub struct Output {
    /// Its arguments.
    pub command: Vec<String>,
    /// Whether it is the program under test itself, and nobody between.
    pub is_dsctl: bool,
    /// Its exit code, as a shell reports it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// As a reader of a failed test wants to see it.
impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self
            .code
            .map_or_else(|| "none".to_owned(), |code| code.to_string());
        writeln!(f, "$ dsctl {}\nexit code {code}", self.command.join(" "))?;
        write!(
            f,
            "--- stdout\n{}--- stderr\n{}---",
            self.stdout, self.stderr
        )
    }
}

impl Output {
    /// Checks the exit code.
    #[track_caller]
    pub fn exit(self, code: i32) -> Self {
        assert!(
            self.code == Some(code),
            "expected exit code {code}:\n{self:?}"
        );
        self
    }

    /// Checks that standard output has this text.
    #[track_caller]
    pub fn out(self, text: &str) -> Self {
        assert!(
            self.stdout.contains(text),
            "no {text:?} on stdout:\n{self:?}"
        );
        self
    }

    /// Checks that standard error has this text.
    #[track_caller]
    pub fn err(self, text: &str) -> Self {
        assert!(
            self.stderr.contains(text),
            "no {text:?} on stderr:\n{self:?}"
        );
        self
    }

    /// Checks that either has this text.
    #[track_caller]
    pub fn tells(self, text: &str) -> Self {
        assert!(
            self.stdout.contains(text) || self.stderr.contains(text),
            "no {text:?} in:\n{self:?}"
        );
        self
    }

    /// Checks that the error of its document says at last that the master is alive.
    #[track_caller]
    pub fn says_it_is_alive(self) -> Self {
        let document = self.json();
        let message = document["error"]["message"].as_str().unwrap_or_default();
        assert!(message.ends_with("it is alive"), "{self:?}");
        self
    }

    /// The one JSON document on standard output, which is what its schema says.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        let document = serde_json::from_str(&self.stdout);
        let document =
            document.unwrap_or_else(|error| panic!("not one JSON document: {error}\n{self:?}"));
        if self.is_dsctl {
            schema::assert_document(&document);
        }
        document
    }

    /// Every line of standard output as JSON, which is what its schema says.
    #[track_caller]
    pub fn ndjson(&self) -> Vec<serde_json::Value> {
        let parse = |line| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}\n{self:?}"))
        };
        let lines: Vec<_> = self.stdout.lines().map(parse).collect();
        if self.is_dsctl {
            schema::assert_lines(&lines);
        }
        lines
    }

    fn assert_no_password(&self) {
        for text in [&self.stdout, &self.stderr] {
            assert!(
                !text.contains(MARKER) && !text.contains(PASSWORD),
                "a password is shown:\n{self:?}"
            );
        }
    }
}
