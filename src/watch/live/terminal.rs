//! The process's own terminal, written to without ever waiting for it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use super::LEAVE;

/// So often, and so long each time, the last words are held out to a terminal that takes none.
const TRIES: u32 = 10;
const BETWEEN: Duration = Duration::from_millis(30);

/// The terminal behind standard output, opened anew: whether writing waits belongs to the opening, and that of standard
/// output is the shell's too. Somebody may have pressed Ctrl-S, or the connection may be lost without a word; neither
/// may hold the loop.
pub(super) fn of_stdout() -> io::Result<File> {
    let flags = nix::libc::O_NONBLOCK | nix::libc::O_NOCTTY;
    let anew = OpenOptions::new().write(true).custom_flags(flags).open("/proc/self/fd/1");
    // Another user's terminal cannot be opened, only inherited.
    anew.or_else(|_| Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?)))
}

/// Leaves the screen. A terminal that is gone needs that no more.
pub(super) fn leave(out: &mut impl Write) {
    for _ in 0..TRIES {
        match out.write_all(LEAVE.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(BETWEEN),
            _ => return,
        }
    }
}
