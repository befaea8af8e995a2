//! The service manager: it is notified of the status, and that the loop is alive.

use super::Sink;
use crate::watch::notify::Notify;
use crate::watch::{Event, Round, What};

/// The service manager. Failures to reach it are ignored: if it is gone, it reports that itself.
#[derive(Debug)]
pub struct ServiceManager {
    notify: Notify,
    /// Whether it was notified since the start, or since the last reload.
    ready: bool,
}

impl ServiceManager {
    /// A sink for this connection.
    #[must_use]
    pub fn new(notify: Notify) -> Self {
        Self {
            notify,
            ready: false,
        }
    }
}

impl Sink for ServiceManager {
    fn event(&mut self, event: &Event) {
        if let What::Stopped { .. } = event.what {
            let _ = self.notify.stopping();
        }
    }

    fn round(&mut self, round: &Round) {
        let (status, succeeded) = (round.status(), round.saw.is_ok());
        let sent = if succeeded && !self.ready {
            self.notify.ready(&status)
        } else {
            self.notify.status(&status)
        };
        self.ready |= succeeded;
        // A failed round counts as alive too: a restart would not help.
        let _ = sent.and_then(|()| self.notify.watchdog());
    }

    fn progress(&mut self) {
        let _ = self.notify.watchdog();
    }

    fn reloading(&mut self) {
        let _ = self.notify.reloading();
        self.ready = false;
    }
}
