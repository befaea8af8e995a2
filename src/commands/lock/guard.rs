//! A process that ends the program under `lock acquire -- CMD` where this one cannot any more, as
//! after `kill -9` or `kill -STOP`.
//!
//! It is this very program. It waits for the end of its standard input, which the system closes for
//! whoever dies, and for a silence there that is so long that the registry might believe its parent
//! dead. A signal at the parent's death would reach the program alone, and not the children that it
//! has started.

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

use super::kin::{self, Kin};

/// The first argument of a process that is to be a guard. No command has such a name.
const NAME: &str = "__end-group";

/// What is said to it where there is nothing to end.
const DONE: &str = "done";

/// Said now and then by a parent that is not stopped.
const BEAT: &str = "beat";

/// Said by a parent that is about to stop, as the program is stopped.
const REST: &str = "rest";

/// How often it is looked whether anybody is left; the system tells nobody.
pub(super) const LOOK: Duration = Duration::from_millis(20);

/// How often it is looked who has come.
const LOOK_AROUND: Duration = Duration::from_millis(200);

/// So long it is tried to end what begins something anew while it is ended.
const LAST: Duration = Duration::from_millis(500);

/// How long what may take. The registry hears of the parent at least three times while its session
/// lasts, so that the lock is its own for two thirds of that after it falls silent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// A program's end, which was asked for.
    pub(super) grace: Duration,
    /// A silence after which the program is ended.
    silence: Duration,
    /// Its end then.
    short_grace: Duration,
}

impl Times {
    pub(super) fn of_session(session: Duration) -> Self {
        Self {
            grace: session / 3,
            silence: session / 3,
            short_grace: session / 10,
        }
    }
}

/// The guard, as its parent sees it.
pub(super) struct Guard {
    child: Child,
    beats: Option<JoinHandle<()>>,
    /// Who is below this process without having been started by the program.
    pub(super) spared: Vec<i32>,
    /// Of the program, as [`kin::MARK`] has it.
    pub(super) mark: String,
    beat_every: Duration,
}

impl Guard {
    /// Starts it.
    pub(super) fn start(session: Duration) -> io::Result<Self> {
        let mut command = Command::new(own_program()?);
        let mark = kin::mark();
        command
            .args([NAME, &session.as_millis().to_string(), &mark])
            .env_clear()
            .current_dir("/");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // What ends its parent's group, at a terminal for example, must not end it.
        let child = command.process_group(0).spawn()?;
        kin::adopt_orphans();
        Ok(Self {
            child,
            beats: None,
            spared: kin::below(getpid()),
            mark,
            beat_every: session / 30,
        })
    }

    /// From now on this group, and all that comes from it, ends with this process.
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

    /// The group has ended, or was never there.
    pub(super) fn dismiss(&mut self) {
        if let Some(beats) = self.beats.take() {
            beats.abort();
        }
        // A guard that is gone itself needs no word.
        let _ = self.say(DONE);
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }

    fn say(&mut self, word: &str) -> io::Result<()> {
        match &mut self.child.stdin {
            Some(pipe) => pipe.write_all(format!("{word}\n").as_bytes()),
            None => Ok(()),
        }
    }
}

/// It may have been replaced on disk meanwhile; Linux still knows the one that runs.
fn own_program() -> io::Result<PathBuf> {
    let running = Path::new("/proc/self/exe");
    if running.exists() {
        Ok(running.to_owned())
    } else {
        std::env::current_exe()
    }
}

/// Whether this process is to be a guard: then it is one until its parent has ended, and `true`
/// comes back.
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
    be_deaf();
    let (sender, words) = channel();
    std::thread::spawn(move || {
        hear(&mut BufReader::new(io::stdin()), &mut |word| {
            _ = sender.send(word);
        });
    });
    stand_guard(
        &words,
        getppid(),
        &mark,
        Times::of_session(Duration::from_millis(session)),
    );
    true
}

/// Only its parent's end ends it: not the service manager's word to all of a service, and not the
/// hang-up that the system sends to who is stopped when his parent ends. Must be called before
/// there are other threads.
fn be_deaf() {
    let signals = [
        Signal::SIGHUP,
        Signal::SIGINT,
        Signal::SIGQUIT,
        Signal::SIGTERM,
    ];
    // Who could not do this would guard all the same.
    let _ = SigSet::from_iter(signals).thread_block();
}

/// Every whole line, until nobody can write any more.
fn hear(parent: &mut BufReader<impl Read>, say: &mut dyn FnMut(String)) {
    let mut line = String::new();
    while matches!(parent.read_line(&mut line), Ok(length) if length > 0) {
        if let Some(word) = line.strip_suffix('\n') {
            say(word.to_owned());
        }
        line.clear();
    }
}

fn stand_guard(words: &Receiver<String>, parent: Pid, mark: &str, times: Times) {
    let (mut kin, mut heard, mut resting) = (None, Instant::now(), false);
    loop {
        match words.recv_timeout(LOOK_AROUND) {
            Ok(word) if word == DONE => return,
            Ok(word) => {
                (heard, resting) = (Instant::now(), word == REST);
                kin = kin.or_else(|| guarded(&word, parent, mark));
            }
            Err(RecvTimeoutError::Disconnected) => {
                if let Some(kin) = &mut kin {
                    end(kin, times.grace);
                }
                return;
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        let Some(kin) = &mut kin else { continue };
        kin.look();
        // What is stopped as well does nothing; whoever goes on with it confirms the lock first.
        if heard.elapsed() > times.silence && (!resting || kin.any_runs()) {
            end(kin, times.short_grace);
            return;
        }
    }
}

/// The group that is to be guarded, and who is not of it, where that is said.
fn guarded(said: &str, parent: Pid, mark: &str) -> Option<Kin> {
    let mut numbers = said.split(' ').map(|word| word.parse::<i32>().ok());
    // Below 2 these are "all" and "one's own".
    let group = numbers.next()?.filter(|group| *group > 1)?;
    Some(Kin::new(
        parent,
        Pid::from_raw(group),
        numbers.flatten().collect(),
        mark,
    ))
}

fn end(kin: &mut Kin, grace: Duration) {
    let began = Instant::now();
    kin.signal(Signal::SIGTERM);
    // Who is stopped hears nothing.
    kin.signal(Signal::SIGCONT);
    while kin.lives() {
        if began.elapsed() > grace {
            kin.signal(Signal::SIGKILL);
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
        let mut heard = Vec::new();
        hear(&mut BufReader::new(&b"4711\nbeat\ndon"[..]), &mut |word| {
            heard.push(word);
        });
        assert_eq!(heard, ["4711", "beat"]);
    }

    #[test]
    fn what_is_ended_has_ended_before_the_lock_can_be_anothers() {
        let session = Duration::from_secs(9);
        let times = Times::of_session(session);
        assert!(times.silence + LOOK_AROUND + times.short_grace + LAST <= session * 2 / 3);
    }
}
