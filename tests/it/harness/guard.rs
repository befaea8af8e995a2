//! Child processes that end with the test process, however that ends.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::wait::eventually;

/// Runs a server and waits for it. The end of its standard input, which only the test process holds
/// open, is the sign that the server is no longer wanted: it is then ended and its folder removed.
const GUARD: &str = r#"
folder=$1 signal=$2; shift 2
exec 3<&0 </dev/null
"$@" >>"$folder/log" 2>&1 3<&- &
server=$!
echo "$server"
(
    cat <&3
    : >"$folder/abandoned"
    kill -CONT "$server"
    kill -"$signal" "$server"
    sleep 5
    kill -KILL "$server"
) >/dev/null 2>&1 &
watch=$!
exec >/dev/null
wait "$server"; code=$?
kill "$watch"
if [ -e "$folder/abandoned" ]; then rm -rf "$folder"; fi
exit "$code"
"#;

/// A running (or ended) server process.
#[derive(Debug)]
pub struct Guarded {
    guard: Child,
    pid: u32,
}

impl Guarded {
    /// Starts `command`; its output goes to `log` in the folder. `last_signal` is sent when the
    /// test process is gone.
    pub fn spawn(folder: &Path, last_signal: &str, command: &[String]) -> Self {
        let mut guard = Command::new("sh")
            .args(["-c", GUARD, "guard"])
            .arg(folder)
            .arg(last_signal)
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Shells say there which of their children were killed.
            .stderr(Stdio::null())
            .current_dir("/")
            // Ctrl-C on the terminal is for the tests; the guard cleans up after them.
            .process_group(0)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(guard.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        Self {
            guard,
            pid: line.trim().parse().unwrap(),
        }
    }

    /// The server's process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether the server has not ended.
    pub fn is_running(&mut self) -> bool {
        self.guard.try_wait().unwrap().is_none()
    }

    /// Sends a signal by its name, for example `TERM`.
    pub fn signal(&mut self, name: &str) {
        assert!(self.is_running(), "no process to signal");
        signal(self.pid, name);
    }

    /// Sends a signal and waits for the end.
    pub fn end(&mut self, name: &str) {
        if !self.is_running() {
            return;
        }
        signal(self.pid, name);
        eventually(Duration::from_secs(30), "the end of a server", || {
            if self.is_running() {
                Err("still runs")
            } else {
                Ok(())
            }
        });
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// Sends a signal to a process of ours. After a `STOP` every thread of it stands: one thread takes
/// the signal, and until it has had a processor the others go on.
pub fn signal(pid: u32, name: &str) {
    // The shell's own `kill`: the program of that name is not on every machine.
    let status = Command::new("sh")
        .args(["-c", "kill -\"$1\" \"$2\"", "kill", name, &pid.to_string()])
        .status();
    assert!(status.unwrap().success(), "kill -{name} {pid}");
    if name == "STOP" {
        // A process that has ended at this very moment goes nowhere either.
        eventually(Duration::from_secs(30), "all threads to stand", || {
            let going = threads(pid)
                .into_iter()
                .filter(|state| !['T', 't', 'Z', 'X'].contains(state))
                .count();
            if going == 0 { Ok(()) } else { Err(going) }
        });
    }
}

/// The states of a process's threads, as `/proc` writes them.
fn threads(pid: u32) -> Vec<char> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let state = |thread: std::io::Result<fs::DirEntry>| {
        let stat = fs::read_to_string(thread.ok()?.path().join("stat")).ok()?;
        // The name before it may hold anything, parentheses too.
        stat.rsplit_once(") ")?.1.chars().next()
    };
    threads.filter_map(state).collect()
}

/// A folder for a server, which servers that give up root's rights can enter.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// A new, empty one.
    pub fn new(name: &str) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let path = tempfile::Builder::new()
            .prefix(&format!("dsctl-{name}-"))
            .tempdir()
            .unwrap()
            .keep();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A path inside, as text.
    pub fn join(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    /// The end of the server's log.
    pub fn log_tail(&self) -> String {
        let log = fs::read(self.0.join("log")).unwrap_or_default();
        let text = String::from_utf8_lossy(&log).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs a command to its end; panics with its output where it fails.
pub fn run(command: &mut Command) -> String {
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{text}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    text
}
