//! Watching the masters' registrations.
//!
//! A watch that is dropped before it fires makes the client send a request that servers of 3.4 do
//! not know. So a task keeps each watch until it fires, and ends only together with the session.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use zookeeper_client::{Client, Error};

/// The time between two tries while the server cannot be reached.
const PAUSE: Duration = Duration::from_millis(500);

/// A task that reports when the children of a node may have changed.
#[derive(Debug)]
pub(super) struct ChildrenObserver {
    task: JoinHandle<()>,
    changes: watch::Receiver<u64>,
}

impl ChildrenObserver {
    pub(super) fn start(client: Client, path: String) -> Self {
        let (sender, changes) = watch::channel(0);
        let task =
            tokio::spawn(
                async move { while observe_once(&client, &path, &sender).await.is_ok() {} },
            );
        Self { task, changes }
    }

    /// Waits for the next change; for ever if the session has ended, which the next request
    /// detects.
    pub(super) async fn changed(&mut self) {
        if self.changes.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Ends the task, so that it no longer uses the session.
    pub(super) async fn end(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

/// Sets a watch, reports that it is set (a read after that misses nothing), and waits until it
/// fires.
async fn observe_once(
    client: &Client,
    path: &str,
    changes: &watch::Sender<u64>,
) -> Result<(), Error> {
    let watcher = match client.list_and_watch_children(path).await {
        Ok((_, watcher)) => watcher,
        // Without the parent it waits for its creation.
        Err(Error::NoNode) => match client.check_and_watch_stat(path).await {
            Ok((_, watcher)) => watcher,
            Err(error) => return pause_or_end(error).await,
        },
        Err(error) => return pause_or_end(error).await,
    };
    changes.send_modify(|count| *count = count.wrapping_add(1));
    let event = watcher.changed().await;
    if event.session_state.is_terminated() {
        Err(Error::SessionExpired)
    } else {
        Ok(())
    }
}

async fn pause_or_end(error: Error) -> Result<(), Error> {
    if matches!(
        error,
        Error::SessionExpired | Error::ClientClosed | Error::AuthFailed | Error::NoAuth
    ) {
        return Err(error);
    }
    tokio::time::sleep(PAUSE).await;
    Ok(())
}
