//! A secret that is typed on the terminal, and not shown there.

use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::sync::{Mutex, PoisonError};

use nix::sys::termios::{
    LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr,
};

use super::sanitize::sanitized;

/// The terminal's mode from before a prompt, while one is open.
static USUAL: Mutex<Option<Termios>> = Mutex::new(None);

/// Asks for a secret on the terminal that is standard input, and reads one line of at most `limit`
/// bytes.
///
/// # Errors
/// Standard input is no terminal, or cannot be read. What is typed is shown again.
pub(crate) fn ask(question: &str, limit: u64) -> io::Result<Vec<u8>> {
    hide()?;
    let answer = prompt(question).and_then(|()| {
        let mut line = Vec::new();
        io::stdin()
            .lock()
            .take(limit)
            .read_until(b'\n', &mut line)?;
        Ok(line)
    });
    show_again();
    answer
}

/// Standard error may lead elsewhere.
fn prompt(question: &str) -> io::Result<()> {
    let text = format!("{}: ", sanitized(question));
    match File::options().write(true).open("/dev/tty") {
        Ok(mut terminal) => terminal.write_all(text.as_bytes()),
        Err(_) => io::stderr()
            .write_all(text.as_bytes())
            .and_then(|()| io::stderr().flush()),
    }
}

fn hide() -> io::Result<()> {
    let usual = tcgetattr(io::stdin())?;
    let mut hidden = usual.clone();
    hidden.local_flags.remove(LocalFlags::ECHO);
    hidden.local_flags.insert(LocalFlags::ECHONL);
    // Ctrl-\ would end the process and leave the terminal like this.
    hidden.control_chars[SpecialCharacterIndices::VQUIT as usize] = 0;
    *USUAL.lock().unwrap_or_else(PoisonError::into_inner) = Some(usual);
    tcsetattr(io::stdin(), SetArg::TCSADRAIN, &hidden)?;
    Ok(())
}

/// Shows again what is typed, if a prompt is open. A signal may end the process while it is.
pub(super) fn show_again() {
    let usual = USUAL.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(usual) = usual {
        // A terminal that is gone shows nothing.
        let _ = tcsetattr(io::stdin(), SetArg::TCSADRAIN, &usual);
    }
}
