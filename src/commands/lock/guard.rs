//! A process that kills the program of `lock acquire -- CMD` if this one no longer can, as after
//! `kill -9` or `kill -STOP`.
//!
//! It is the same executable. It waits for the end of its standard input, which the system closes
//! when its parent dies, and for a silence there that is so long that the registry might consider
//! its parent dead. A signal at the parent's death would reach only the program, and not the
//! children that it has started.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{Pid, getpid, getppid};
use tokio::task::JoinHandle;

use super::descendants::{self, Descendants};

/// The first argument of a guard process. No command has this name.
const NAME: &str = "__end-group";

/// Sent to it when there is nothing to kill.
const DONE: &str = "done";

/// Sent regularly by a parent that is not stopped.
const BEAT: &str = "beat";

/// Sent by a parent that is about to stop, because the program is stopped.
const REST: &str = "rest";

/// How often to check whether a process is left; the system sends no notification.
pub(super) const LOOK: Duration = Duration::from_millis(20);

/// How often to check for new processes.
const LOOK_AROUND: Duration = Duration::from_millis(200);

/// How long to try to kill processes that start others while they are killed.
const LAST: Duration = Duration::from_millis(500);

/// The time limits. The registry gets at least three heartbeats from the parent per session
/// timeout, so that the lock is its own for two thirds of that time after the last one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// For a program to end after SIGTERM, while the lock is held.
    pub(super) grace: Duration,
    /// The same, after the end of the parent.
    orphans_grace: Duration,
    /// The silence after which the program is killed.
    silence: Duration,
    /// For its end after that.
    short_grace: Duration,
}

impl Times {
    pub(super) fn of_session(session: Duration) -> Self {
        Self {
            grace: session / 3,
            orphans_grace: session / 5,
            silence: session / 3,
            short_grace: session / 10,
        }
    }
}

/// The guard, as its parent sees it.
pub(super) struct Guard {
    child: Child,
    beats: Option<JoinHandle<()>>,
    /// The processes below this one that the program has not started.
    pub(super) spared: Vec<i32>,
    /// The mark of the program, see [`descendants::MARK`].
    pub(super) mark: String,
    beat_every: Duration,
}

impl Guard {
    /// Starts it.
    pub(super) fn start(session: Duration) -> io::Result<Self> {
        let mut command = Command::new(own_program()?);
        let mark = descendants::mark();
        command
            .args([NAME, &session.as_millis().to_string(), &mark])
            .env_clear()
            .current_dir("/");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // A signal to its parent's group, from a terminal for example, must not end it.
        let child = command.process_group(0).spawn()?;
        descendants::adopt_orphans();
        Ok(Self {
            child,
            beats: None,
            spared: descendants::below(getpid()),
            mark,
            beat_every: session / 30,
        })
    }

    /// From now on this group and all its descendants end with this process.
    pub(super) fn watch(&mut self, group: Pid) -> io::Result<()> {
        let numbers: Vec<String> = [group.as_raw()]
            .iter()
            .chain(&self.spared)
            .map(ToString::to_string)
            .collect();
        self.say(&numbers.join(" "))?;
        let Some(pipe) = &self.child.stdin else {
            return Ok(());
        };
        let mut pipe = File::from(pipe.as_fd().try_clone_to_owned()?);
        let mut ticks = tokio::time::interval(self.beat_every);
        self.beats = Some(tokio::spawn(async move {
            while pipe.write_all(format!("{BEAT}\n").as_bytes()).is_ok() {
                ticks.tick().await;
            }
        }));
        Ok(())
    }

    /// This process is about to be stopped with the program.
    pub(super) fn rest(&mut self) {
        let _ = self.say(REST);
    }

    /// The group has ended, or never existed.
    pub(super) fn dismiss(&mut self) {
        if let Some(beats) = self.beats.take() {
            beats.abort();
        }
        // A guard that has ended needs no message.
        let _ = self.say(DONE);
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }

    fn say(&mut self, keyword: &str) -> io::Result<()> {
        match &mut self.child.stdin {
            Some(pipe) => pipe.write_all(format!("{keyword}\n").as_bytes()),
            None => Ok(()),
        }
    }
}

/// The file may have been replaced on disk; Linux still has the running executable.
fn own_program() -> io::Result<PathBuf> {
    let running = Path::new("/proc/self/exe");
    if running.exists() {
        Ok(running.to_owned())
    } else {
        std::env::current_exe()
    }
}

/// Whether this process is a guard: then it runs as one until its parent has ended, and returns
/// `true`.
pub fn is_guard(arguments: impl IntoIterator<Item = OsString>) -> bool {
    let mut arguments = arguments.into_iter().skip(1);
    if arguments.next().is_none_or(|name| name != NAME) {
        return false;
    }
    let session = arguments
        .next()
        .and_then(|text| text.to_str()?.parse().ok())
        .unwrap_or_default();
    let mark = arguments
        .next()
        .and_then(|text| text.into_string().ok())
        .unwrap_or_default();
    ignore_signals();
    let (sender, words) = channel();
    std::thread::spawn(move || {
        hear(&mut BufReader::new(io::stdin()), &mut |keyword| {
            _ = sender.send(keyword);
        });
    });
    run_guard(
        &words,
        getppid(),
        &mark,
        Times::of_session(Duration::from_millis(session)),
    );
    true
}

/// Ignores signals, so that it ends only after its parent: not by the service manager's signal to
/// all processes of a service, and not by the SIGHUP that the system sends to stopped processes
/// when their parent ends. Must be called before there are other threads.
fn ignore_signals() {
    let signals = [
        Signal::SIGHUP,
        Signal::SIGINT,
        Signal::SIGQUIT,
        Signal::SIGTERM,
    ];
    // If this fails, it guards all the same.
    let _ = SigSet::from_iter(signals).thread_block();
}

/// Passes on every complete line, until the end of input.
fn hear(parent: &mut BufReader<impl Read>, say: &mut dyn FnMut(String)) {
    let mut line = String::new();
    while matches!(parent.read_line(&mut line), Ok(length) if length > 0) {
        if let Some(keyword) = line.strip_suffix('\n') {
            say(keyword.to_owned());
        }
        line.clear();
    }
}

fn run_guard(words: &Receiver<String>, parent: Pid, mark: &str, times: Times) {
    let (mut descendants, mut last_message, mut resting) = (None, Instant::now(), false);
    loop {
        match words.recv_timeout(LOOK_AROUND) {
            Ok(keyword) if keyword == DONE => return,
            Ok(keyword) => {
                (last_message, resting) = (Instant::now(), keyword == REST);
                descendants = descendants.or_else(|| guarded(&keyword, parent, mark));
            }
            Err(RecvTimeoutError::Disconnected) => {
                if let Some(descendants) = &mut descendants {
                    end(descendants, times.orphans_grace);
                }
                return;
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        let Some(descendants) = &mut descendants else {
            continue;
        };
        descendants.look();
        // The program is stopped as well and does nothing; before it continues, the lock is
        // confirmed.
        if last_message.elapsed() > times.silence && (!resting || descendants.any_runs()) {
            end(descendants, times.short_grace);
            return;
        }
    }
}

/// The group to guard, and the processes that are not part of it, if the message says so.
fn guarded(said: &str, parent: Pid, mark: &str) -> Option<Descendants> {
    let mut numbers = said.split(' ').map(|keyword| keyword.parse::<i32>().ok());
    // Values below 2 mean "all" and "the own group".
    let group = numbers.next()?.filter(|group| *group > 1)?;
    Some(Descendants::new(
        parent,
        Pid::from_raw(group),
        numbers.flatten().collect(),
        mark,
    ))
}

fn end(descendants: &mut Descendants, grace: Duration) {
    let began = Instant::now();
    descendants.signal(Signal::SIGTERM);
    // Who is stopped hears nothing.
    descendants.signal(Signal::SIGCONT);
    while descendants.any_alive() {
        if began.elapsed() > grace {
            descendants.signal(Signal::SIGKILL);
        }
        if began.elapsed() > grace + LAST {
            return;
        }
        std::thread::sleep(LOOK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_group_is_guarded() {
        let parent = Pid::from_raw(7);
        assert!(
            guarded("4711", parent, "").is_some() && guarded("4711 12 13", parent, "").is_some()
        );
        for said in ["", "done", "beat", "rest", "0", "1", "-1", "x 4711"] {
            assert!(guarded(said, parent, "").is_none(), "{said:?}");
        }
    }

    #[test]
    fn half_a_line_is_no_word() {
        let mut last_message = Vec::new();
        hear(
            &mut BufReader::new(&b"4711\nbeat\ndon"[..]),
            &mut |keyword| {
                last_message.push(keyword);
            },
        );
        assert_eq!(last_message, ["4711", "beat"]);
    }

    #[test]
    fn what_is_ended_has_ended_before_the_lock_can_be_anothers() {
        let session = Duration::from_secs(9);
        let times = Times::of_session(session);
        assert!(times.silence + LOOK_AROUND + times.short_grace + LAST <= session * 2 / 3);
        assert!(times.orphans_grace + LAST <= session / 3);
    }
}
