//! One run of one hook: it gets its input, its output is read, and it is ended in time with all its
//! child processes.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::FusedFuture;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::{Instant, timeout, timeout_at};

use super::moment::{HookMoment, HookOutcome};

/// How many bytes of a hook's output are kept.
const KEPT: usize = 8 * 1024;

/// How long output is read after a hook has ended: a process that it left running may keep the pipe
/// open.
const AFTERWARDS: Duration = Duration::from_millis(200);

/// After SIGKILL the kernel ends a process at once, unless it hangs in a device; then this process
/// stops waiting.
const REAPING: Duration = Duration::from_secs(1);

/// What is to be run.
pub(super) struct HookCall<'a> {
    pub(super) program: Vec<OsString>,
    pub(super) environment: &'a [(OsString, OsString)],
    pub(super) input: &'a [u8],
    pub(super) moment: HookMoment,
}

impl HookCall<'_> {
    /// Runs it until `deadline`; `whole` is the length of the time limit. The last part of it is
    /// reserved for an orderly end.
    pub(super) async fn run(&self, whole: Duration, deadline: Instant) -> HookOutcome {
        let name = self.name();
        if Instant::now() >= deadline {
            let why = format!("{name} was not run: other hooks used up the time limit");
            return HookOutcome::Failed {
                why,
                output: String::new(),
            };
        }
        let (child, output) = match self.start() {
            Ok(started) => started,
            Err(error) => {
                return HookOutcome::Failed {
                    why: format!("{name} cannot be run: {error}"),
                    output: String::new(),
                };
            }
        };
        let printed = Printed::default();
        let ended = self
            .attend(
                child,
                output,
                &printed,
                deadline - orderly_end(whole),
                deadline,
            )
            .await;
        self.outcome(name, ended, printed.text())
    }

    fn name(&self) -> String {
        self.program
            .first()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default()
    }

    /// Both outputs go into one pipe, so that their lines keep their order.
    fn start(&self) -> io::Result<(Child, Receiver)> {
        let Some((name, arguments)) = self.program.split_first() else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let (reader, writer) = io::pipe()?;
        let mut command = Command::new(name);
        command
            .args(arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
            .stdin(Stdio::piped())
            .stdout(writer.try_clone()?)
            .stderr(writer)
            .process_group(0)
            .kill_on_drop(true);
        let child = command.spawn()?;
        Ok((child, Receiver::from_owned_fd(OwnedFd::from(reader))?))
    }

    /// `None`: it took too long and was ended.
    async fn attend(
        &self,
        mut child: Child,
        output: Receiver,
        printed: &Printed,
        gently: Instant,
        deadline: Instant,
    ) -> Option<io::Result<ExitStatus>> {
        let mut group = Group::of(&child);
        let input = child.stdin.take();
        let talk = async { tokio::join!(feed(input, self.input), printed.listen(output)) };
        let mut end = pin!(wait_for_exit(&mut child, talk));
        if let Ok(status) = timeout_at(gently, &mut end).await {
            group.0 = None;
            return Some(status);
        }
        group.signal(Signal::SIGTERM);
        let ended = timeout_at(deadline, &mut end).await.is_ok();
        // Child processes may still run, though the program itself has ended.
        group.signal(Signal::SIGKILL);
        if !ended {
            let _ = timeout(REAPING, &mut end).await;
        }
        group.0 = None;
        None
    }

    fn outcome(
        &self,
        program: String,
        ended: Option<io::Result<ExitStatus>>,
        output: String,
    ) -> HookOutcome {
        let status = match ended {
            None => return HookOutcome::TimedOut { program, output },
            Some(Err(error)) => {
                return HookOutcome::Failed {
                    why: format!("{program} cannot be waited for: {error}"),
                    output,
                };
            }
            Some(Ok(status)) => status,
        };
        match (status.code(), status.signal()) {
            (Some(0), _) => HookOutcome::Ok { output },
            (Some(code), _) if self.moment == HookMoment::Pre => HookOutcome::Veto {
                program,
                code,
                output,
            },
            (Some(code), _) => HookOutcome::Failed {
                why: format!("{program} ended with exit code {code}"),
                output,
            },
            (None, signal) => {
                let signal = signal.unwrap_or_default();
                HookOutcome::Failed {
                    why: format!("{program} was ended by signal {signal}"),
                    output,
                }
            }
        }
    }
}

/// How much of the limit a program has to exit after SIGTERM.
fn orderly_end(whole: Duration) -> Duration {
    (whole / 4).min(Duration::from_secs(2))
}

/// Waits for the program to exit, and exchanges data with it meanwhile.
async fn wait_for_exit(child: &mut Child, talk: impl Future) -> io::Result<ExitStatus> {
    let mut talk = pin!(talk.fuse());
    let status = loop {
        tokio::select! {
            status = child.wait() => break status,
            _ = &mut talk, if !talk.is_terminated() => {}
        }
    };
    if !talk.is_terminated() {
        let _ = timeout(AFTERWARDS, talk).await;
    }
    status
}

/// A program need not read its input.
async fn feed(stdin: Option<ChildStdin>, input: &[u8]) {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(input).await;
    }
}

/// The end of what was printed.
#[derive(Default)]
struct Printed(Mutex<VecDeque<u8>>);

impl Printed {
    async fn listen(&self, mut output: Receiver) {
        let mut piece = [0; 4096];
        while let Ok(count @ 1..) = output.read(&mut piece).await {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.extend(piece.iter().take(count));
            let surplus = kept.len().saturating_sub(KEPT);
            kept.drain(..surplus);
        }
    }

    fn text(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept.iter().copied().collect::<Vec<u8>>()).into_owned()
    }
}

/// The process group of a program. It is killed when a caller stops waiting for it before its end.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(
            child
                .id()
                .and_then(|pid| i32::try_from(pid).ok())
                .map(Pid::from_raw),
        )
    }

    /// A group that is gone needs no signal.
    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            let _ = killpg(group, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
    }
}
