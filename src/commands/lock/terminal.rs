//! The terminal's foreground, which is lent to a program and taken back.

use std::fs::File;
use std::io::{self, IsTerminal};

use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{Pid, getpgrp, tcgetpgrp, tcsetpgrp};

/// The controlling terminal of somebody who types.
pub(super) struct Terminal(File);

impl Terminal {
    /// That of this process, where its standard input is a terminal.
    pub(super) fn of_process() -> Option<Self> {
        let tty = || File::options().read(true).write(true).open("/dev/tty").ok();
        io::stdin().is_terminal().then(tty).flatten().map(Self)
    }

    /// Puts a group into the foreground, where this process is there now: what is typed, Ctrl-C
    /// among it, is that group's.
    pub(super) fn give(&self, group: Pid) {
        self.pass(getpgrp(), group);
    }

    /// Puts this process into the foreground again, where that group is there now.
    pub(super) fn take_back(&self, group: Pid) {
        self.pass(group, getpgrp());
    }

    /// Gives it to a group that asks for it. Whether that group is in the foreground then.
    pub(super) fn lend(&self, group: Pid) -> bool {
        self.give(group);
        tcgetpgrp(&self.0) == Ok(group)
    }

    fn pass(&self, from: Pid, to: Pid) {
        if tcgetpgrp(&self.0) != Ok(from) {
            return;
        }
        // Who does this in the background is stopped for it.
        let stop = SigSet::from(Signal::SIGTTOU);
        let blocked = stop.thread_block();
        // A terminal that is gone is nobody's any more.
        let _ = tcsetpgrp(&self.0, to);
        if blocked.is_ok() {
            let _ = stop.thread_unblock();
        }
    }
}
