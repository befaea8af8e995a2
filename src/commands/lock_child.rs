//! A program that runs while a lock is held: signals are passed on to it, and it is ended when the lock is lost.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

use crate::failover::{Stop, StopSignal};
use crate::registry::{Lease, Registry, RegistryError};

/// How it ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// By itself, or by a signal that was passed on; 128 + n for signal n.
    Status(u8),
    /// Ended by us, since the lock was lost.
    LockLost(RegistryError),
}

/// Waits until one of the locks is lost.
pub(super) async fn any_lost(registry: &mut dyn Registry, leases: &[Lease]) -> RegistryError {
    // One session holds them all: what ends that ends the last one too.
    match leases.last() {
        Some(lease) => midway(lease, registry.lost(lease).await),
        None => std::future::pending().await,
    }
}

/// Whoever holds a lock and hears nothing more of it has lost it: another may have it by now.
fn midway(lease: &Lease, error: RegistryError) -> RegistryError {
    match error {
        silent @ (RegistryError::Interrupted { .. } | RegistryError::Unreachable { .. }) => {
            RegistryError::LockLost { path: lease.path.clone(), cause: silent.to_string() }
        }
        error => error,
    }
}

/// Runs a program without a shell between, for `limit` at most.
pub(super) async fn run(
    program: &[OsString],
    limit: Option<Duration>,
    grace: Duration,
    registry: &mut dyn Registry,
    leases: &[Lease],
    mut stop: StopSignal,
) -> io::Result<Ended> {
    let Some((name, arguments)) = program.split_first() else { return Ok(Ended::Status(0)) };
    let mut target = Target::start(name, arguments)?;
    let over = async {
        match limit {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        status = target.child.wait() => status.map(|status| Ended::Status(code_of(status))),
        lost = any_lost(registry, leases) => {
            target.end(Signal::SIGTERM, grace).await?;
            Ok(Ended::LockLost(lost))
        }
        signal = stop.requested() => {
            let signal = if signal == Stop::Interrupt { Signal::SIGINT } else { Signal::SIGTERM };
            target.pass_on(signal).await.map(|status| Ended::Status(code_of(status)))
        }
        () = over => target.end(Signal::SIGTERM, grace).await.map(|status| Ended::Status(code_of(status))),
    }
}

fn code_of(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// The program, and whether it leads a process group of its own.
struct Target {
    child: Child,
    pid: Option<Pid>,
    group: bool,
}

impl Target {
    fn start(name: &OsString, arguments: &[OsString]) -> io::Result<Self> {
        let mut command = Command::new(name);
        command.args(arguments);
        // A background group may not read from the terminal, so there it stays in ours and gets Ctrl-C by itself.
        let group = !io::stdin().is_terminal();
        if group {
            command.process_group(0);
        }
        let child = command.spawn()?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).map(Pid::from_raw);
        Ok(Self { child, pid, group })
    }

    /// A process that is gone needs no signal.
    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid {
            let _ = if self.group { killpg(pid, signal) } else { kill(pid, signal) };
        }
    }

    async fn pass_on(&mut self, signal: Signal) -> io::Result<ExitStatus> {
        if self.group || signal != Signal::SIGINT {
            self.signal(signal);
        }
        self.child.wait().await
    }

    async fn end(&mut self, signal: Signal, grace: Duration) -> io::Result<ExitStatus> {
        self.signal(signal);
        if let Ok(status) = tokio::time::timeout(grace, self.child.wait()).await {
            return status;
        }
        self.signal(Signal::SIGKILL);
        self.child.wait().await
    }
}
