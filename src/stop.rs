//! The request to stop: SIGINT or SIGTERM, and what it interrupts.
//!
//! It interrupts calls at the two interfaces, in [`crate::metadata::interruptible`] and
//! [`crate::registry::interruptible`], so that no command needs to handle it. Work that must not be
//! interrupted, such as a transaction that writes, holds a [`Shield`].

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;

/// The signal that requested the stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// SIGINT.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        })
    }
}

/// A call was interrupted by a signal. It was reading or waiting; it has written nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("ended by {0}")]
pub struct Stopped(pub Stop);

/// The stop signal of a run: it stops at once while it waits or reads, after the batch while it
/// writes.
#[derive(Clone, Debug)]
pub struct StopSignal {
    asked: watch::Receiver<Option<Stop>>,
    shields: Arc<AtomicUsize>,
}

/// As long as it exists, calls are not interrupted.
#[derive(Debug)]
pub struct Shield(Arc<AtomicUsize>);

impl Drop for Shield {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl StopSignal {
    /// From the receiving end of a channel that signal handlers write to.
    #[must_use]
    pub fn new(asked: watch::Receiver<Option<Stop>>) -> Self {
        Self {
            asked,
            shields: Arc::default(),
        }
    }

    /// Checks whether a stop was requested.
    ///
    /// # Errors
    /// [`Stopped`] if so.
    pub fn check(&self) -> Result<(), Stopped> {
        (*self.asked.borrow()).map_or(Ok(()), |stop| Err(Stopped(stop)))
    }

    /// Waits until a stop is requested.
    pub async fn requested(&mut self) -> Stop {
        // The sender lives as long as the process; without one no stop is ever requested.
        match self.asked.wait_for(Option::is_some).await.map(|stop| *stop) {
            Ok(Some(stop)) => stop,
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    /// Keeps calls from being interrupted until the shield is dropped.
    #[must_use]
    pub fn shield(&self) -> Shield {
        self.shields.fetch_add(1, Ordering::Relaxed);
        Shield(Arc::clone(&self.shields))
    }

    /// Whether something goes on that must not be interrupted.
    #[must_use]
    pub fn is_shielded(&self) -> bool {
        self.shields.load(Ordering::Relaxed) > 0
    }

    /// Runs work that may be dropped midway, unless a shield is held.
    ///
    /// # Errors
    /// Those of the work, or [`Stopped`].
    pub async fn unless<T, E: From<Stopped>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        if self.is_shielded() {
            return work.await;
        }
        let mut signal = self.clone();
        tokio::select! {
            biased;
            stop = signal.requested() => Err(Stopped(stop).into()),
            result = work => result,
        }
    }

    /// Waits for a time.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn pause(&self, time: Duration) -> Result<(), Stopped> {
        self.unless(async {
            tokio::time::sleep(time).await;
            Ok(())
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_signal_ends_what_is_not_shielded() {
        let (sender, receiver) = watch::channel(None);
        let stop = StopSignal::new(receiver);
        assert_eq!(stop.pause(Duration::ZERO).await, Ok(()));
        sender.send_replace(Some(Stop::Terminate));
        assert_eq!(
            stop.pause(Duration::from_hours(1)).await,
            Err(Stopped(Stop::Terminate))
        );
        let shield = stop.clone().shield();
        assert!(stop.is_shielded());
        assert_eq!(stop.unless(async { Ok::<_, Stopped>(7) }).await, Ok(7));
        drop(shield);
        assert!(!stop.is_shielded());
        assert_eq!(
            stop.unless(async { Ok::<_, Stopped>(7) }).await,
            Err(Stopped(Stop::Terminate))
        );
        assert_eq!(stop.check(), Err(Stopped(Stop::Terminate)));
    }
}
