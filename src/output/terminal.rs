//! The process's own terminal, written to without ever blocking.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::hidden_input;

/// Enters the alternate screen and hides the cursor.
pub(crate) const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l";

/// Shows the cursor and leaves the alternate screen.
pub(crate) const LEAVE: &str = "\u{1b}[?25h\u{1b}[?1049l";

/// How often, and how long each time, to retry the last output to a terminal that accepts none.
const TRIES: u32 = 10;
const BETWEEN: Duration = Duration::from_millis(30);

/// The terminal of standard output, opened again: non-blocking mode belongs to the open file, and
/// that of standard output is shared with the shell. A user may have pressed Ctrl-S, or the
/// connection may be lost unnoticed; neither may block the loop.
pub(crate) fn of_stdout() -> io::Result<File> {
    let flags = nix::libc::O_NONBLOCK | nix::libc::O_NOCTTY;
    let reopened = OpenOptions::new()
        .write(true)
        .custom_flags(flags)
        .open("/proc/self/fd/1");
    // Another user's terminal cannot be opened, only inherited.
    reopened.or_else(|_| Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?)))
}

/// Leaves the screen. If the terminal is gone, that does not matter.
pub(crate) fn leave(out: &mut impl Write) {
    for _ in 0..TRIES {
        match out.write_all(LEAVE.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(BETWEEN),
            _ => return,
        }
    }
}

/// Whether the process's own terminal currently shows a view.
pub(crate) static SHOWN: AtomicBool = AtomicBool::new(false);

/// Restores the process's terminal if a view or a hidden prompt is shown on it. These do so when they
/// end; code that ends the process without that, after a signal or a panic, calls this first.
pub fn restore() {
    hidden_input::show_again();
    if SHOWN.swap(false, Ordering::SeqCst)
        && let Ok(mut out) = of_stdout()
    {
        leave(&mut out);
    }
}

/// A panic ends the process without dropping anything, and its message would vanish with the
/// alternate screen.
pub(crate) fn restore_before_panics() {
    static HOOKED: Once = Once::new();
    HOOKED.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            usual(panic);
        }));
    });
}
