//! The library that strikes at system calls, and runs under it; and one whose resolver answers too
//! late.

use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use crate::harness::{Dsctl, Running, eventually};

/// Where `tests/c/faults.c` is, compiled once for each process.
fn library() -> &'static str {
    static LIBRARY: OnceLock<String> = OnceLock::new();
    LIBRARY.get_or_init(|| compiled("faults"))
}

/// A source of `tests/c`, compiled to be loaded before libc.
fn compiled(name: &str) -> String {
    let target = format!(
        "{}/{name}-{}.so",
        env!("CARGO_TARGET_TMPDIR"),
        std::process::id()
    );
    let options = [
        "-std=c11", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o", &target,
    ];
    let source = format!("{}/tests/c/{name}.c", env!("CARGO_MANIFEST_DIR"));
    let status = Command::new("cc")
        .args(options)
        .args([source.as_str(), "-ldl"])
        .status();
    assert!(status.unwrap().success(), "{source} is not compiled");
    target
}

/// A run for which names that end in `.invalid` are looked up for minutes, and those in `.several`
/// have the addresses 127.0.0.2 and 127.0.0.1.
pub fn without_resolver(dsctl: Dsctl) -> Dsctl {
    static LIBRARY: OnceLock<String> = OnceLock::new();
    dsctl.env("LD_PRELOAD", LIBRARY.get_or_init(|| compiled("resolver")))
}

/// Numbers a run's calls on this file and what belongs to it, and writes them to `log`.
pub fn counted(dsctl: Dsctl, file: &str, log: &str) -> Dsctl {
    dsctl
        .env("LD_PRELOAD", library())
        .env("FAULT_FILE", file)
        .env("FAULT_LOG", log)
}

/// Strikes a run at one of these calls: `kill`, `error` or `stop`.
pub fn struck(dsctl: Dsctl, file: &str, kind: &str, at: usize) -> Dsctl {
    dsctl
        .env("LD_PRELOAD", library())
        .env("FAULT_FILE", file)
        .env("FAULT_AT", &format!("{kind}:{at}"))
}

/// Waits until a run has stopped itself; `false` if it has ended instead.
pub fn await_stop(running: &mut Running) -> bool {
    eventually(Duration::from_secs(30), "the program's stop", || {
        if !running.is_running() {
            return Ok(false);
        }
        let stat =
            std::fs::read_to_string(format!("/proc/{}/stat", running.pid())).unwrap_or_default();
        let state = stat
            .rsplit_once(") ")
            .and_then(|(_, rest)| rest.chars().next());
        if state == Some('T') {
            Ok(true)
        } else {
            Err(stat)
        }
    })
}
