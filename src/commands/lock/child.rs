//! A program that runs while a lock is held: in its own process group, which is killed as a whole
//! before another client can get the lock, however this process ends.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg, raise};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::{Pid, getpid};
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal as Signals, SignalKind, signal};

use super::descendants::{Descendants, Identity, MARK};
use super::guard::{Guard, GuardEnd, Times};
use super::lookout;
use super::terminal::Terminal;
use crate::registry::{Lease, Registry, RegistryError};
use crate::signals::ClosingSignals;
use crate::stop::{Stop, StopSignal};

/// How long to wait for the end of killed processes.
const MOMENT: Duration = Duration::from_secs(2);

/// Its end.
#[derive(Debug)]
pub(super) struct End {
    pub(super) how: ProgramEnd,
    /// Processes of it that could not be killed, such as those of another user.
    pub(super) left: Vec<i32>,
}

/// How it ended.
#[derive(Debug)]
pub(super) enum ProgramEnd {
    /// By itself, or by a signal that was passed on; 128 + n for signal n.
    Status(u8),
    /// Killed by this process, because the lock was lost.
    LockLost(RegistryError),
    /// Killed by this process, because nobody would after a kill of this one.
    Unguarded,
}

/// Waits until one of the locks is lost.
pub(super) async fn any_lost(registry: &mut dyn Registry, leases: &[Lease]) -> RegistryError {
    let lost = registry.lost(leases).await;
    match leases.first() {
        Some(first) => midway(first, lost),
        None => lost,
    }
}

/// A lock whose registry does not answer counts as lost: another client may have it by now.
fn midway(lease: &Lease, error: RegistryError) -> RegistryError {
    match error {
        silent @ (RegistryError::Interrupted { .. } | RegistryError::Unreachable { .. }) => {
            RegistryError::LockLost {
                path: lease.path.clone(),
                cause: silent.to_string(),
            }
        }
        error => error,
    }
}

/// Checks the locks after a pause in which their loss could not be noticed.
async fn ensure_held(registry: &mut dyn Registry, leases: &[Lease]) -> Result<(), RegistryError> {
    for lease in leases {
        registry
            .confirm(lease)
            .await
            .map_err(|error| midway(lease, error))?;
    }
    Ok(())
}

/// A program to run while a lock is held.
pub(super) struct Program<'a> {
    /// Its name and arguments.
    pub(super) words: &'a [OsString],
    /// Its time limit.
    pub(super) limit: Option<Duration>,
    /// After this time without a heartbeat the lock is lost.
    pub(super) session: Duration,
}

/// Runs a program without a shell. Processes that are left when it has ended, inside its process
/// group or outside, are killed, too: none of them goes on without the lock.
pub(super) async fn run(
    program: Program<'_>,
    registry: &mut dyn Registry,
    leases: &[Lease],
    mut stop: StopSignal,
) -> io::Result<End> {
    let Program {
        words,
        limit,
        session,
    } = program;
    let Some((name, arguments)) = words.split_first() else {
        return Ok(End {
            how: ProgramEnd::Status(0),
            left: Vec::new(),
        });
    };
    let mut farewells = ClosingSignals::listen();
    let mut children = signal(SignalKind::child())?;
    let guard = Guard::start(session).await;
    // That may have taken long, and failed because it did.
    if let Err(lost) = ensure_held(registry, leases).await {
        if let Ok(mut guard) = guard {
            guard.dismiss();
        }
        return Ok(End {
            how: ProgramEnd::LockLost(lost),
            left: Vec::new(),
        });
    }
    let guard = guard?;
    let mut target = Target::start(name, arguments, session, guard)?;
    let over = async {
        match limit {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    };
    let mut over = std::pin::pin!(over);
    let (mut asked, mut is_guarded) = (false, true);
    let how = loop {
        tokio::select! {
            status = target.child.wait() => {
                let code = code_of(Some(status?));
                target.end(Signal::SIGTERM).await?;
                break ProgramEnd::Status(code);
            }
            lost = any_lost(registry, leases) => {
                target.end(Signal::SIGTERM).await?;
                break ProgramEnd::LockLost(lost);
            }
            // The program decides how to handle it; the lock is held and checked until it has
            // ended.
            stop = stop.requested(), if !asked => {
                asked = true;
                target.signal(if stop == Stop::Interrupt { Signal::SIGINT } else { Signal::SIGTERM });
            }
            // Why the program has ended is for the others to say.
            end = target.guard.gone(), if is_guarded => match end {
                GuardEnd::Done => is_guarded = false,
                GuardEnd::Lost => {
                    let held = ensure_held(registry, leases).await;
                    target.end(Signal::SIGTERM).await?;
                    break held.map_or_else(ProgramEnd::LockLost, |()| ProgramEnd::Unguarded);
                }
            },
            signal = farewells.recv() => break ProgramEnd::Status(code_of(target.end(signal).await?)),
            () = &mut over => break ProgramEnd::Status(code_of(target.end(Signal::SIGTERM).await?)),
            () = stopped(&mut children, &target.descendants, target.terminal.as_ref(), target.group) => {
                target.rest();
                if let Err(lost) = ensure_held(registry, leases).await {
                    target.end(Signal::SIGTERM).await?;
                    break ProgramEnd::LockLost(lost);
                }
                target.go_on();
            }
        }
    };
    target.guard.dismiss();
    Ok(End {
        how,
        left: target.descendants.left(),
    })
}

/// Waits until a user at a terminal has stopped the program; meanwhile reaps adopted processes that
/// end.
async fn stopped(
    children: &mut Signals,
    descendants: &Descendants,
    terminal: Option<&Terminal>,
    group: Pid,
) {
    let flags = WaitPidFlag::WSTOPPED | WaitPidFlag::WNOHANG;
    while children.recv().await.is_some() {
        descendants.reap();
        let Some(terminal) = terminal else { continue };
        match waitid(Id::Pid(group), flags) {
            // It was stopped because it used the terminal before it had it.
            Ok(WaitStatus::Stopped(_, Signal::SIGTTIN | Signal::SIGTTOU))
                if terminal.lend(group) =>
            {
                let _ = killpg(group, Signal::SIGCONT);
            }
            Ok(WaitStatus::Stopped(..)) => return,
            _ => {}
        }
    }
    std::future::pending::<()>().await;
}

async fn empty(descendants: &mut Descendants) {
    while descendants.any_alive() {
        tokio::time::sleep(descendants.pace(lookout::LOOK)).await;
        descendants.reap();
    }
}

/// A process that goes on has none.
fn code_of(status: Option<ExitStatus>) -> u8 {
    let code = status.and_then(|status| {
        status
            .code()
            .or_else(|| status.signal().map(|signal| 128 + signal))
    });
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// The program, which leads a process group.
struct Target {
    child: Child,
    group: Pid,
    /// All its descendants.
    descendants: Descendants,
    grace: Duration,
    /// The terminal, if there is one.
    terminal: Option<Terminal>,
    guard: Guard,
}

impl Target {
    fn start(
        name: &OsString,
        arguments: &[OsString],
        session: Duration,
        mut guard: Guard,
    ) -> io::Result<Self> {
        guard.check()?;
        let mut command = Command::new(name);
        let spawned = command
            .args(arguments)
            .env(MARK, &guard.mark)
            .process_group(0)
            .spawn();
        let child = match spawned {
            Ok(child) => child,
            Err(error) => {
                guard.dismiss();
                return Err(error);
            }
        };
        let group = child
            .id()
            .and_then(|pid| i32::try_from(pid).ok())
            .map(Pid::from_raw);
        let group = group.ok_or_else(|| io::Error::other("it has no process id"))?;
        let leader = Identity::now(group);
        if let Err(error) = guard.watch(leader) {
            // Nobody would end it.
            leader.signal_group(Signal::SIGKILL);
            return Err(error);
        }
        let (root, spared) = (Identity::now(getpid()), guard.spared.clone());
        let mut descendants = Descendants::new(root, spared, &guard.mark);
        descendants.group = Some(leader);
        let grace = Times::of_session(session).grace;
        let terminal = Terminal::of_process();
        // It may have been stopped by a user: so it is never continued without knowing why it is
        // stopped. If others read its output, for example a pager, they may need the terminal: then
        // it has to request it.
        if let Some(terminal) = terminal.as_ref().filter(|_| io::stdout().is_terminal()) {
            terminal.give(group);
        }
        Ok(Self {
            child,
            group,
            descendants,
            grace,
            terminal,
            guard,
        })
    }

    /// A group that is gone needs no signal.
    fn signal(&self, signal: Signal) {
        let _ = killpg(self.group, signal);
    }

    /// Gives it the terminal, if this process has it, and continues it.
    fn go_on(&self) {
        if let Some(terminal) = &self.terminal {
            terminal.give(self.group);
            self.signal(Signal::SIGCONT);
        }
    }

    /// Stops this process as well, until the shell continues it. Without a shell that would, it
    /// returns at once.
    fn rest(&mut self) {
        self.guard.rest();
        if let Some(terminal) = &self.terminal {
            terminal.take_back(self.group);
        }
        let _ = raise(Signal::SIGTSTP);
    }

    /// Kills the program with everything that it has started. `None` if it does not end.
    async fn end(&mut self, signal: Signal) -> io::Result<Option<ExitStatus>> {
        self.descendants.signal(signal);
        // A stopped process gets no signal but SIGKILL.
        self.descendants.signal(Signal::SIGCONT);
        let (child, descendants) = (&mut self.child, &mut self.descendants);
        let gone = async {
            let status = child.wait().await;
            empty(descendants).await;
            status
        };
        if let Ok(status) = tokio::time::timeout(self.grace, gone).await {
            return status.map(Some);
        }
        let (child, descendants) = (&mut self.child, &mut self.descendants);
        // Only another user's process survives that; and a process may have started another one
        // meanwhile.
        let gone = async {
            while descendants.any_alive() {
                descendants.signal(Signal::SIGKILL);
                tokio::time::sleep(descendants.pace(lookout::LOOK)).await;
            }
            child.wait().await
        };
        match tokio::time::timeout(MOMENT, gone).await {
            Ok(status) => status.map(Some),
            Err(_) => self.child.try_wait(),
        }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Some(terminal) = &self.terminal {
            terminal.take_back(self.group);
        }
    }
}
