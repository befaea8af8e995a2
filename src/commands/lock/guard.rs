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
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::getpid;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::descendants::{self, Descendants, Identity};
use super::lookout::{Deadline, LAST, LOOK, LOOK_AROUND, Lookout};

/// The first argument of a guard process. No command has this name.
const NAME: &str = "__end-group";

/// What it says when it guards.
const READY: &str = "ready";

/// Sent regularly by a parent that is not stopped.
const BEAT: &str = "beat";

/// Sent by a parent that is about to stop, because the program is stopped.
const REST: &str = "rest";

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
    /// Until this long after the last message the lock is nobody else's, whatever happens; without
    /// the time that killing takes.
    certain: Duration,
}

impl Times {
    pub(super) fn of_session(session: Duration) -> Self {
        Self {
            grace: session / 3,
            orphans_grace: session / 5,
            silence: session / 3,
            short_grace: session / 10,
            certain: (session * 2 / 3).saturating_sub(LAST),
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
}

/// Why there is no guard any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GuardEnd {
    /// It has ended the program, because this process was silent for long.
    Done,
    /// Somebody has killed it, or it has been stopped for so long that what it is told has nowhere to
    /// go.
    Lost,
}

/// What a guard is told when it starts. All that it must know, so that nothing can be started of
/// which it has not yet heard.
#[derive(Debug, PartialEq, Eq)]
struct Duty {
    session: Duration,
    /// The process whose descendants end with it. Not "its parent": that can have ended by now.
    root: Identity,
    mark: String,
    spared: Vec<i32>,
}

impl Duty {
    fn words(&self) -> Vec<String> {
        [
            self.session.as_millis().to_string(),
            self.root.to_string(),
            self.mark.clone(),
        ]
        .into_iter()
        .chain(self.spared.iter().map(ToString::to_string))
        .collect()
    }

    fn of_words(words: impl IntoIterator<Item = OsString>) -> Option<Self> {
        let mut words = words.into_iter().map(|word| word.into_string().ok());
        Some(Self {
            session: Duration::from_millis(words.next()??.parse().ok()?),
            root: Identity::parse(&words.next()??)?,
            mark: words.next()??,
            spared: words
                .map(|word| word?.parse().ok())
                .collect::<Option<Vec<i32>>>()?,
        })
    }
}

impl Guard {
    /// Starts it. From now on all descendants of this process that it does not have yet end with
    /// it, and with its silence.
    ///
    /// It is waited for, but no longer than the lock is certain to be ours: confirm it then.
    pub(super) async fn start(session: Duration) -> io::Result<Self> {
        descendants::adopt_orphans();
        let duty = Duty {
            session,
            root: Identity::now(getpid()),
            mark: descendants::mark(),
            spared: descendants::below(getpid()),
        };
        let mut command = Command::new(own_program()?);
        command
            .arg(NAME)
            .args(duty.words())
            .env_clear()
            .current_dir("/");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        // A signal to its parent's group, from a terminal for example, must not end it.
        let mut child = command.process_group(0).spawn()?;
        let Duty {
            mark, mut spared, ..
        } = duty;
        spared.extend(i32::try_from(child.id()));
        let pipe = child
            .stdin
            .as_ref()
            .map(|pipe| pipe.as_fd().try_clone_to_owned());
        let pipe = pipe.transpose()?.map(File::from);
        if let Some(pipe) = &pipe {
            // One that is stopped must not hold this process up.
            fcntl(pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        }
        let answer = child.stdout.take();
        let mut guard = Self {
            child,
            beats: pipe.map(|pipe| tokio::spawn(beat(pipe, session / 30))),
            spared,
            mark,
        };
        let is_ready = tokio::task::spawn_blocking(|| {
            let mut said = String::new();
            let read = answer.map(|pipe| BufReader::new(pipe).read_line(&mut said));
            read.is_some_and(|read| read.is_ok()) && said.trim_end() == READY
        });
        let is_ready = tokio::time::timeout(session / 3, is_ready).await;
        if !matches!(is_ready, Ok(Ok(true))) {
            guard.dismiss();
            return Err(io::Error::other(
                "the process that would end it after a kill of this one did not start",
            ));
        }
        Ok(guard)
    }

    /// Checks that it still guards, right before something is started.
    pub(super) fn check(&mut self) -> io::Result<()> {
        self.say(BEAT)
    }

    /// Waits until it is gone, or hears nothing any more. May be dropped while it waits.
    pub(super) async fn gone(&mut self) -> GuardEnd {
        match &mut self.beats {
            Some(beats) if beats.is_finished() => {}
            Some(beats) => _ = beats.await,
            None => std::future::pending().await,
        }
        // Its pipe is closed a moment before its end is known.
        for _ in 0..LAST.as_millis() / LOOK.as_millis() {
            match self.child.try_wait() {
                Ok(None) => tokio::time::sleep(LOOK).await,
                Ok(Some(status)) if status.success() => return GuardEnd::Done,
                _ => break,
            }
        }
        GuardEnd::Lost
    }

    /// From now on it is certain, too, which group to end.
    pub(super) fn watch(&mut self, group: Identity) -> io::Result<()> {
        self.say(&group.to_string())
    }

    /// This process is about to be stopped with the program.
    pub(super) fn rest(&mut self) {
        let _ = self.say(REST);
    }

    /// The program has ended, or never existed.
    pub(super) fn dismiss(&mut self) {
        if let Some(beats) = self.beats.take() {
            beats.abort();
        }
        // It may be stopped itself, and hear nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn say(&mut self, keyword: &str) -> io::Result<()> {
        let pipe = self.child.stdin.as_mut();
        let pipe = pipe.ok_or(io::ErrorKind::BrokenPipe)?;
        pipe.write_all(format!("{keyword}\n").as_bytes())
    }
}

/// Says regularly that this process is not stopped.
async fn beat(mut pipe: File, every: Duration) {
    let mut ticks = tokio::time::interval(every);
    // After a stop one is enough.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while pipe.write_all(format!("{BEAT}\n").as_bytes()).is_ok() {
        ticks.tick().await;
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
    // Whoever does not say that it is ready has failed, and nothing is started.
    if let Some(duty) = Duty::of_words(arguments) {
        _ = guard(duty);
    }
    true
}

fn guard(mut duty: Duty) -> io::Result<()> {
    ignore_signals();
    let (sender, words) = channel();
    thread::Builder::new().spawn(move || {
        hear(&mut BufReader::new(io::stdin()), &mut |keyword| {
            _ = sender.send((Instant::now(), keyword));
        });
    })?;
    duty.spared.extend(i32::try_from(std::process::id()));
    let lookout = Lookout::start(Descendants::new(duty.root, duty.spared, &duty.mark))?;
    writeln!(io::stdout(), "{READY}")?;
    run_guard(&words, lookout, Times::of_session(duty.session));
    Ok(())
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

/// What the parent has said so far.
#[derive(Debug)]
struct Said {
    /// When it was heard, however late it is looked at.
    last_message: Instant,
    resting: bool,
    /// The group to guard.
    group: Option<Identity>,
    /// The parent has died, or closed the pipe.
    ended: bool,
}

impl Said {
    fn nothing() -> Self {
        Self {
            last_message: Instant::now(),
            resting: false,
            group: None,
            ended: false,
        }
    }

    /// Takes all messages there are, after waiting for one: old ones must hide no silence and no
    /// end.
    fn listen(&mut self, words: &Receiver<(Instant, String)>, wait: Duration) {
        let mut next = words.recv_timeout(wait);
        while let Ok((heard, keyword)) = next {
            (self.last_message, self.resting) = (heard, keyword == REST);
            if !matches!(keyword.as_str(), BEAT | REST) {
                let group = Identity::parse(&keyword).filter(|group| group.can_lead());
                self.group = self.group.or(group);
            }
            next = words.recv_timeout(Duration::ZERO);
        }
        self.ended |= next == Err(RecvTimeoutError::Disconnected);
    }

    /// Whether the program may do something while the registry may consider the parent dead. One
    /// that rests has stopped the program as well, which does nothing then; before it continues,
    /// the lock is confirmed.
    fn is_too_silent(&self, lookout: &Lookout, times: Times) -> bool {
        self.last_message.elapsed() > times.silence
            && (!self.resting || lookout.any_ran_since(self.last_message))
    }

    /// When the program must be dead: after this time to end by itself, but as long as the lock is
    /// certainly nobody else's.
    fn deadline(&self, grace: Duration, times: Times) -> Deadline {
        Deadline {
            group: self.group,
            kill: (Instant::now() + grace).min(self.last_message + times.certain),
        }
    }
}

fn run_guard(words: &Receiver<(Instant, String)>, lookout: Lookout, times: Times) {
    let mut said = Said::nothing();
    loop {
        said.listen(words, LOOK_AROUND);
        if said.ended {
            return lookout.end(said.deadline(times.orphans_grace, times));
        }
        if said.is_too_silent(&lookout, times) {
            // It may have been this one that stood still, with the messages yet to come.
            said.listen(words, LOOK_AROUND);
            if said.is_too_silent(&lookout, times) {
                return lookout.end(said.deadline(times.short_grace, times));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duty_is_told_and_understood() {
        let duty = Duty {
            session: Duration::from_secs(9),
            root: Identity::now(getpid()),
            mark: descendants::mark(),
            spared: vec![12, 13],
        };
        let read = |words: &[String]| Duty::of_words(words.iter().map(OsString::from));
        let words = duty.words();
        assert_eq!(read(&words), Some(duty));
        for length in 0..3 {
            assert_eq!(read(&words[..length]), None, "{length}");
        }
        assert_eq!(read(&[&words[..], &["x".to_owned()]].concat()), None);
    }

    #[test]
    fn half_a_line_is_no_word() {
        let mut last_message = Vec::new();
        hear(
            &mut BufReader::new(&b"4711\nbeat\nres"[..]),
            &mut |keyword| {
                last_message.push(keyword);
            },
        );
        assert_eq!(last_message, ["4711", "beat"]);
    }

    #[test]
    fn old_beats_hide_neither_a_silence_nor_an_end() {
        let (sender, words) = channel();
        let first = Instant::now();
        let group = Identity::now(getpid());
        let first_word = group.to_string();
        for said in std::iter::once(first_word.as_str()).chain([BEAT; 1000]) {
            sender.send((first, said.to_owned())).unwrap();
        }
        let mut said = Said::nothing();
        said.listen(&words, Duration::ZERO);
        assert_eq!((said.last_message, said.ended), (first, false));
        assert_eq!(said.group, Some(group));
        sender.send((first, BEAT.to_owned())).unwrap();
        drop(sender);
        said.listen(&words, Duration::ZERO);
        assert!(said.ended);
        // What is over is over: nobody is given time then.
        let times = Times::of_session(Duration::from_secs(9));
        said.last_message = Instant::now().checked_sub(Duration::from_secs(7)).unwrap();
        assert!(said.deadline(times.orphans_grace, times).kill < Instant::now());
    }

    #[test]
    fn what_is_ended_has_ended_before_the_lock_can_be_anothers() {
        let session = Duration::from_secs(9);
        let times = Times::of_session(session);
        assert!(times.silence + LOOK_AROUND * 2 + times.short_grace <= times.certain);
        assert!(times.orphans_grace + LAST <= session / 3 && times.certain < session * 2 / 3);
    }
}
