//! SIGINT and SIGTERM: the first one asks to stop, the second one ends the process at once.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

use signal_hook::low_level::{emulate_default_handler, raise};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::exit_code::ExitCode;
use crate::output::terminal;
use crate::stop::{Stop, StopSignal};

const SIGHUP: i32 = 1;
const SIGINT: i32 = 2;
const SIGQUIT: i32 = 3;
const SIGTERM: i32 = 15;
const SIGTSTP: i32 = nix::libc::SIGTSTP;
const SIGWINCH: i32 = nix::libc::SIGWINCH;
const SIGXFSZ: i32 = nix::libc::SIGXFSZ;

/// A limit on the size of files is a full disk from now on: without a handler the signal would end the
/// process in mid-report, behind a COMMIT. Programs that are started have their default again.
pub fn outlive_file_limits() {
    // Without it the signal has its default effect, as before.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::default());
}

/// Listens from now on. Must be called within a runtime.
#[must_use]
pub fn listen() -> watch::Receiver<Option<Stop>> {
    let (sender, receiver) = watch::channel(None);
    // The shell of a script makes its background processes ignore Ctrl-C.
    tokio::spawn(wait(
        listen_unless_ignored(SIGINT),
        signal(SignalKind::terminate()).ok(),
        sender,
    ));
    receiver
}

/// Answers the first signal at once where it cannot be followed at once, since a batch is being written:
/// a database that is silent may let that last for minutes. Must be called within a runtime.
pub fn answer(mut stop: StopSignal) {
    tokio::spawn(async move {
        let signal = stop.requested().await;
        if !stop.is_shielded() {
            return;
        }
        let behind_control_c = if io::stderr().is_terminal() { "\n" } else { "" };
        let told = format!(
            "{behind_control_c}{signal}: a batch is being written; this program ends as soon as the database has \
             answered, or has not answered for --statement-timeout. A second signal ends it at once: whether this batch was \
             written is then shown by 'dsctl instances'\n"
        );
        // Nobody may read that, and nothing waits for it.
        std::thread::spawn(move || io::stderr().write_all(told.as_bytes()));
    });
}

/// Listens to a signal, unless it is ignored. If no handler can be installed, the signal has its
/// default effect.
fn listen_unless_ignored(number: i32) -> Option<Signal> {
    if is_ignored(number) {
        None
    } else {
        signal(SignalKind::from_raw(number)).ok()
    }
}

async fn wait(
    mut interrupt: Option<Signal>,
    mut terminate: Option<Signal>,
    sender: watch::Sender<Option<Stop>>,
) {
    let mut asked_before = false;
    loop {
        let stop = tokio::select! {
            () = arrival(&mut interrupt) => Stop::Interrupt,
            () = arrival(&mut terminate) => Stop::Terminate,
        };
        if asked_before {
            end_by(stop);
        }
        asked_before = true;
        sender.send_replace(Some(stop));
    }
}

/// SIGHUP and SIGQUIT, for code that must do something before they end the process.
pub(crate) struct ClosingSignals {
    hangup: Option<Signal>,
    quit: Option<Signal>,
}

impl ClosingSignals {
    /// Listens from now on. A signal that is ignored stays so, for `nohup`. Must be called within a
    /// runtime.
    pub(crate) fn listen() -> Self {
        Self {
            hangup: listen_unless_ignored(SIGHUP),
            quit: listen_unless_ignored(SIGQUIT),
        }
    }

    /// Waits for one of them, and returns it.
    pub(crate) async fn recv(&mut self) -> nix::sys::signal::Signal {
        tokio::select! {
            () = arrival(&mut self.hangup) => nix::sys::signal::Signal::SIGHUP,
            () = arrival(&mut self.quit) => nix::sys::signal::Signal::SIGQUIT,
        }
    }
}

/// One without a handler never arrives.
async fn arrival(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// Whether this process was started with a signal ignored, if the system shows that.
fn is_ignored(number: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask
        .and_then(|text| u64::from_str_radix(text.trim(), 16).ok())
        .unwrap_or(0);
    mask & (1 << (number - 1)) != 0
}

/// Ends the process the way its caller expects after a signal: by that signal, if it is the code of
/// one.
pub fn end_like(code: u8) {
    if code == ExitCode::Interrupted.number() {
        end_by(Stop::Interrupt);
    } else if code == ExitCode::Terminated.number() {
        end_by(Stop::Terminate);
    }
}

/// Makes this process stop, as SIGTERM from outside would.
pub(crate) fn terminate() {
    let _ = raise(SIGTERM);
}

/// SIGQUIT still ends the process at once, but leaves the terminal in order. Must be called within
/// a runtime.
pub(crate) fn quit_in_order() {
    if let Ok(mut quit) = signal(SignalKind::quit()) {
        tokio::spawn(async move {
            quit.recv().await;
            terminal::restore();
            let _ = emulate_default_handler(SIGQUIT);
        });
    }
}

/// Ctrl-Z still stops this process, but leaves the terminal to the shell in order. Must be called
/// within a runtime.
pub(crate) fn stop_in_order() {
    if let Ok(mut stop) = signal(SignalKind::from_raw(SIGTSTP)) {
        tokio::spawn(async move {
            while stop.recv().await.is_some() {
                terminal::restore();
                let _ = emulate_default_handler(SIGTSTP);
                // In the foreground again: the view is redrawn as after a change of the terminal's
                // size.
                let _ = raise(SIGWINCH);
            }
        });
    }
}

fn end_by(stop: Stop) {
    terminal::restore();
    let number = match stop {
        Stop::Interrupt => SIGINT,
        Stop::Terminate => SIGTERM,
    };
    // If that is impossible, the exit code has the same meaning.
    let _ = emulate_default_handler(number);
}
