//! A thread of the guard that looks for the processes of the program: a look can take long where
//! there are many processes, and the guard keeps its times all the same.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::descendants::{Descendants, Identity};
#[cfg(test)]
use super::descendants::{MARK, mark};

/// How often to check whether a process is left; the system sends no notification.
pub(super) const LOOK: Duration = Duration::from_millis(20);

/// How often to check for silence, and for new processes.
pub(super) const LOOK_AROUND: Duration = Duration::from_millis(200);

/// How long to try to kill processes that start others while they are killed.
pub(super) const LAST: Duration = Duration::from_millis(500);

/// The thread, as the guard sees it.
pub(super) struct Lookout {
    thread: JoinHandle<()>,
    deadlines: Sender<Deadline>,
    ran: Arc<Mutex<Option<Instant>>>,
}

/// When the processes are ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    /// The group that they are in, as far as that is known.
    pub(super) group: Option<Identity>,
    /// Until then they can end by themselves. If that is over, none of them is continued.
    pub(super) kill: Instant,
}

impl Lookout {
    pub(super) fn start(mut descendants: Descendants) -> io::Result<Self> {
        let (deadlines, told) = channel();
        let ran = Arc::default();
        let seen = Arc::clone(&ran);
        let thread = thread::Builder::new().spawn(move || {
            if let Some(deadline) = look_until_told(&mut descendants, &told, &seen) {
                end(&mut descendants, deadline);
            }
        })?;
        Ok(Self {
            thread,
            deadlines,
            ran,
        })
    }

    /// Whether the last look saw a process that can run, and began after this moment.
    pub(super) fn any_ran_since(&self, moment: Instant) -> bool {
        let ran = self.ran.lock().unwrap_or_else(PoisonError::into_inner);
        ran.is_some_and(|ran| ran > moment)
    }

    /// Ends all processes: asks them first, and kills them from this moment on.
    pub(super) fn end(self, deadline: Deadline) {
        _ = self.deadlines.send(deadline);
        let Deadline { group, kill } = deadline;
        // The group does not wait for a look.
        let signal = |signal| {
            if let Some(group) = group {
                group.signal_group(signal);
            }
        };
        if Instant::now() < kill {
            signal(Signal::SIGTERM);
            // Who is stopped hears nothing.
            signal(Signal::SIGCONT);
        }
        while Instant::now() < kill && !self.thread.is_finished() {
            thread::sleep(LOOK);
        }
        signal(Signal::SIGKILL);
        _ = self.thread.join();
    }
}

/// Looks again and again. One that was seen is known when its parent has ended.
fn look_until_told(
    descendants: &mut Descendants,
    told: &Receiver<Deadline>,
    ran: &Mutex<Option<Instant>>,
) -> Option<Deadline> {
    loop {
        let began = Instant::now();
        // The last look counts: who is about to stop as well may run for a moment.
        let runs = descendants.any_runs().then_some(began);
        *ran.lock().unwrap_or_else(PoisonError::into_inner) = runs;
        match told.recv_timeout(descendants.pace(LOOK_AROUND)) {
            Ok(deadline) => return Some(deadline),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
}

fn end(descendants: &mut Descendants, deadline: Deadline) {
    descendants.group = deadline.group;
    if Instant::now() < deadline.kill {
        descendants.signal_outside(Signal::SIGTERM);
        descendants.signal_outside(Signal::SIGCONT);
    }
    // A program that is just being started may not be found at once.
    let may_come = || deadline.group.is_none() && Instant::now() < deadline.kill;
    while descendants.any_alive() || may_come() {
        let now = Instant::now();
        if now > deadline.kill {
            descendants.signal(Signal::SIGKILL);
        }
        if now > deadline.kill + LAST {
            return;
        }
        let left = deadline.kill.saturating_duration_since(now);
        thread::sleep(if left.is_zero() {
            LOOK
        } else {
            descendants.pace(LOOK).min(left)
        });
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    use nix::unistd::Pid;

    use super::*;

    /// As where its parent was killed before it could say which group the program has.
    #[test]
    #[cfg_attr(not(target_os = "linux"), ignore = "only Linux has /proc")]
    fn a_program_of_a_dead_parent_is_found_by_its_mark() {
        let mut parent = Command::new("true").spawn().unwrap();
        let pid = i32::try_from(parent.id()).unwrap();
        let root = Identity::now(Pid::from_raw(pid));
        parent.wait().unwrap();
        let mark = mark();
        let sleep = |variable: &str| {
            Command::new("sleep")
                .arg("600")
                .env(variable, &mark)
                .spawn()
                .unwrap()
        };
        let (mut program, mut other) = (sleep(MARK), sleep("OTHER"));
        let lookout = Lookout::start(Descendants::new(root, Vec::new(), &mark)).unwrap();
        lookout.end(Deadline {
            group: None,
            kill: Instant::now() + LAST,
        });
        let signal = program.wait().unwrap().signal();
        assert_eq!(signal, Some(Signal::SIGTERM as i32));
        assert!(other.try_wait().unwrap().is_none());
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
