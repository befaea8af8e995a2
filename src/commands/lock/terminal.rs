//! The terminal's foreground, which is lent to a program and taken back.

use std::fs::File;
use std::io::{self, IsTerminal};

use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{Pid, getpgrp, tcgetpgrp, tcsetpgrp};

/// The controlling terminal of an interactive user.
pub(super) struct Terminal(File);

impl Terminal {
    /// That of this process, if its standard input is a terminal.
    pub(super) fn of_process() -> Option<Self> {
        let tty = || File::options().read(true).write(true).open("/dev/tty").ok();
        io::stdin().is_terminal().then(tty).flatten().map(Self)
    }

    /// Puts a group into the foreground, if this process is in it now: input, including Ctrl-C,
    /// goes to that group.
    pub(super) fn give(&self, group: Pid) {
        self.pass(getpgrp(), group);
    }

    /// Puts this process into the foreground again, if that group is in it now.
    pub(super) fn take_back(&self, group: Pid) {
        self.pass(group, getpgrp());
    }

    /// Gives it to a group that requests it. Returns whether that group is in the foreground then.
    pub(super) fn lend(&self, group: Pid) -> bool {
        self.give(group);
        tcgetpgrp(&self.0) == Ok(group)
    }

    fn pass(&self, from: Pid, to: Pid) {
        if tcgetpgrp(&self.0) != Ok(from) {
            return;
        }
        // In the background this would stop the process.
        let stop = SigSet::from(Signal::SIGTTOU);
        let blocked = stop.thread_block();
        // A terminal that is gone needs nothing.
        let _ = tcsetpgrp(&self.0, to);
        if blocked.is_ok() {
            let _ = stop.thread_unblock();
        }
    }
}
