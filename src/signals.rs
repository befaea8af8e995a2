//! SIGINT and SIGTERM: the first one asks to stop, the second one ends the process at once.

use signal_hook::low_level::{emulate_default_handler, raise};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::exit_code::ExitCode;
use crate::failover::Stop;
use crate::watch::live;

const SIGINT: i32 = 2;
const SIGQUIT: i32 = 3;
const SIGTERM: i32 = 15;
const SIGTSTP: i32 = nix::libc::SIGTSTP;
const SIGWINCH: i32 = nix::libc::SIGWINCH;

/// Listens from now on. Must be called within a runtime.
#[must_use]
pub fn listen() -> watch::Receiver<Option<Stop>> {
    let (sender, receiver) = watch::channel(None);
    // Where handlers cannot be installed, the signals do what they do by default.
    if let (Ok(interrupt), Ok(terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        tokio::spawn(wait(interrupt, terminate, sender));
    }
    receiver
}

async fn wait(mut interrupt: Signal, mut terminate: Signal, sender: watch::Sender<Option<Stop>>) {
    let mut asked_before = false;
    loop {
        let stop = tokio::select! {
            _ = interrupt.recv() => Stop::Interrupt,
            _ = terminate.recv() => Stop::Terminate,
        };
        if asked_before {
            end_by(stop);
        }
        asked_before = true;
        sender.send_replace(Some(stop));
    }
}

/// Ends the process the way its caller expects after a signal: by that signal, where the code says so.
pub fn end_like(code: u8) {
    if code == ExitCode::Interrupted.number() {
        end_by(Stop::Interrupt);
    } else if code == ExitCode::Terminated.number() {
        end_by(Stop::Terminate);
    }
}

/// Asks this process to stop, as SIGTERM from outside would.
pub(crate) fn terminate() {
    let _ = raise(SIGTERM);
}

/// SIGQUIT still ends the process at once, but leaves the terminal in order. Must be called within a runtime.
pub(crate) fn quit_in_order() {
    if let Ok(mut quit) = signal(SignalKind::quit()) {
        tokio::spawn(async move {
            quit.recv().await;
            live::restore();
            let _ = emulate_default_handler(SIGQUIT);
        });
    }
}

/// Ctrl-Z still stops this process, but leaves the terminal to the shell in order. Must be called within a runtime.
pub(crate) fn stop_in_order() {
    if let Ok(mut stop) = signal(SignalKind::from_raw(SIGTSTP)) {
        tokio::spawn(async move {
            while stop.recv().await.is_some() {
                live::restore();
                let _ = emulate_default_handler(SIGTSTP);
                // In the foreground again: the view is drawn as after a change of the terminal's size.
                let _ = raise(SIGWINCH);
            }
        });
    }
}

fn end_by(stop: Stop) {
    live::restore();
    let number = match stop {
        Stop::Interrupt => SIGINT,
        Stop::Terminate => SIGTERM,
    };
    // Where that is impossible, the exit code says the same.
    let _ = emulate_default_handler(number);
}
