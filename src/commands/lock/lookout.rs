//! A thread of the guard that looks for the processes of the program: a look can take long where
//! there are many processes, and the guard keeps its times all the same.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::descendants::{Descendants, Identity};

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

/// From when on the processes are ended.
#[derive(Clone, Copy, Debug)]
struct Deadline {
    group: Option<Identity>,
    /// Until then they can end by themselves.
    kill: Instant,
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

    /// Whether a look that began after this moment saw a process that can run.
    pub(super) fn any_ran_since(&self, moment: Instant) -> bool {
        let ran = self.ran.lock().unwrap_or_else(PoisonError::into_inner);
        ran.is_some_and(|ran| ran > moment)
    }

    /// Ends all processes: asks them first, and kills them after this time.
    pub(super) fn end(self, group: Option<Identity>, grace: Duration) {
        let kill = Instant::now() + grace;
        _ = self.deadlines.send(Deadline { group, kill });
        // The group does not wait for a look.
        let signal = |signal| {
            if let Some(group) = group {
                group.signal_group(signal);
            }
        };
        signal(Signal::SIGTERM);
        // Who is stopped hears nothing.
        signal(Signal::SIGCONT);
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
        if descendants.any_runs() {
            *ran.lock().unwrap_or_else(PoisonError::into_inner) = Some(began);
        }
        match told.recv_timeout(descendants.pace(LOOK_AROUND)) {
            Ok(deadline) => return Some(deadline),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
}

fn end(descendants: &mut Descendants, deadline: Deadline) {
    descendants.group = deadline.group;
    descendants.signal_outside(Signal::SIGTERM);
    descendants.signal_outside(Signal::SIGCONT);
    while descendants.any_alive() {
        let now = Instant::now();
        if now > deadline.kill {
            descendants.signal(Signal::SIGKILL);
        }
        if now > deadline.kill + LAST {
            return;
        }
        thread::sleep(descendants.pace(LOOK).min(LAST));
    }
}
