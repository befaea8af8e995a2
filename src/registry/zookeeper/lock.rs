//! The lock: Curator's `InterProcessMutex`, so that masters and this program exclude each other
//! (F§1.6).
//!
//! The client library has this recipe too. It is not used: when its future is dropped while the
//! node is being created, it deletes the child's bare name instead of its path, and the node stays;
//! nor does it report the node that it waits for.

use std::time::{Duration, Instant};

use futures::future::join_all;
use jiff::Timestamp;
use uuid::Uuid;
use zookeeper_client::{Acls, CreateMode, Error, SessionState};

use super::names::{self, LOCK};
use super::probe;
use super::servers::{below as child, children, fresh_children, node, session_id};
use super::session::{Session, is_broken};
use crate::model::{Confirmed, LockNode};
use crate::registry::{Lease, OnWait, RegistryError};

/// How often the queue is read while waiting.
const LOOK: Duration = Duration::from_millis(150);

/// How often a held lock is checked.
const LOOK_HELD: Duration = Duration::from_secs(1);

/// A container may vanish between its creation and the next request, but not again and again.
const TRIES: usize = 10;

/// Curator's data is an IP address; a long text in its place is not shown.
const LONGEST_DATA: usize = 256;

/// How nodes are created, like those of this release's masters.
#[derive(Clone, Copy, Debug)]
pub(super) struct NodeOptions {
    /// Parents that the server removes once they are empty, if it supports containers.
    pub(super) containers: bool,
    /// Their ACL.
    pub(super) acls: Acls<'static>,
}

/// The own place in a queue.
struct Ticket {
    directory: String,
    /// `_c_<uuid>-lock-`: identifies the node if the answer to its creation was lost.
    prefix: String,
}

/// The state of the lock when it was acquired.
struct Acquired {
    name: String,
    foreign: Vec<String>,
}

/// The queue at a lock, holder first.
pub(super) async fn queue(
    session: &Session,
    directory: &str,
) -> Result<Vec<LockNode>, RegistryError> {
    let names = names::queue(
        fresh_children(session, directory)
            .await?
            .unwrap_or_default(),
    );
    let nodes = join_all(names.iter().map(|name| lock_node(session, directory, name))).await;
    let nodes: Result<Vec<Option<LockNode>>, RegistryError> = nodes.into_iter().collect();
    Ok(nodes?.into_iter().flatten().collect())
}

/// Children that are not lock nodes of any kind of client.
pub(super) async fn below(
    session: &Session,
    directory: &str,
) -> Result<Vec<String>, RegistryError> {
    let mut names = fresh_children(session, directory)
        .await?
        .unwrap_or_default();
    names.retain(|name| names::sequence(name).is_none() && !names::is_foreign(name));
    names.sort();
    Ok(names)
}

/// Lock nodes of another kind of client, in the order of their names.
pub(super) async fn foreign(
    session: &Session,
    directory: &str,
) -> Result<Vec<LockNode>, RegistryError> {
    let mut names = fresh_children(session, directory)
        .await?
        .unwrap_or_default();
    names.retain(|name| names::is_foreign(name));
    names.sort();
    let nodes = join_all(names.iter().map(|name| lock_node(session, directory, name))).await;
    let nodes: Result<Vec<Option<LockNode>>, RegistryError> = nodes.into_iter().collect();
    Ok(nodes?.into_iter().flatten().collect())
}

async fn lock_node(
    session: &Session,
    directory: &str,
    name: &str,
) -> Result<Option<LockNode>, RegistryError> {
    let found = node(session, &child(directory, name)).await?;
    Ok(found.map(|(data, stat)| LockNode {
        node: name.to_owned(),
        session_id: session_id(stat.ephemeral_owner),
        created_at: Timestamp::from_millisecond(stat.ctime).ok(),
        data: String::from_utf8_lossy(&data)
            .chars()
            .take(LONGEST_DATA)
            .collect(),
        in_doubt: false,
    }))
}

/// Acquires the lock, or withdraws: on every error the own node is gone, or the error is
/// `Interrupted` or `NotReleased`.
pub(super) async fn acquire(
    session: &Session,
    directory: String,
    node_options: NodeOptions,
    timeout: Duration,
    on_wait: OnWait<'_>,
) -> Result<Lease, RegistryError> {
    let started = Instant::now();
    let ticket = Ticket {
        directory,
        prefix: format!("_c_{}-{LOCK}", Uuid::new_v4()),
    };
    let made = enqueue(session, &ticket, node_options).await;
    let is_made = made.is_ok();
    let taken = match made {
        Ok(()) => wait(session, &ticket, started, timeout, on_wait).await,
        Err(error) => Err(error),
    };
    match taken {
        Ok(Acquired { name, foreign }) => {
            let node = child(&ticket.directory, &name);
            session.track_lock(&node);
            Ok(Lease {
                path: ticket.directory,
                node,
                waited: started.elapsed(),
                foreign,
            })
        }
        Err(error) => {
            match withdraw(session, &ticket).await {
                Err(left) if is_made => return Err(not_withdrawn(&ticket, &error, left)),
                Err(left @ RegistryError::Interrupted { .. }) => return Err(left),
                // If the server refused to create it, there is nothing to withdraw.
                Ok(()) | Err(_) => {}
            }
            Err(error)
        }
    }
}

/// Creates the own node, and missing parents.
async fn enqueue(
    session: &Session,
    ticket: &Ticket,
    node_options: NodeOptions,
) -> Result<(), RegistryError> {
    let path = child(&ticket.directory, &ticket.prefix);
    let data = probe::own_address(session.hosts(), session.side_question()).await;
    let options = CreateMode::EphemeralSequential.with_acls(node_options.acls);
    for _ in 0..TRIES {
        match session
            .once(session.client().create(&path, data.as_bytes(), &options))
            .await
        {
            Ok(_) => return Ok(()),
            Err(Error::NoNode) => create_parents(session, &ticket.directory, node_options).await?,
            Err(error) if is_broken(&error) && is_seen(session, ticket).await? => return Ok(()),
            Err(error) if is_broken(&error) => {}
            Err(error) => return Err(session.error(&ticket.directory, &error)),
        }
    }
    Err(session.interrupted(format!(
        "the parents of {path} vanish as soon as they are created, or the connection breaks"
    )))
}

/// As in Curator: containers, which the server removes once they are empty, if masters and servers
/// support them.
async fn create_parents(
    session: &Session,
    directory: &str,
    node_options: NodeOptions,
) -> Result<(), RegistryError> {
    let containers = node_options.containers
        && probe::knows_containers(session.hosts(), session.tls(), session.side_question()).await;
    let mode = if containers {
        CreateMode::Container
    } else {
        CreateMode::Persistent
    };
    let options = mode.with_acls(node_options.acls);
    match session
        .retried(|| session.client().mkdir(directory, &options))
        .await
    {
        Ok(()) | Err(Error::NoNode) => Ok(()),
        Err(error) => Err(session.error(directory, &error)),
    }
}

/// Read after a sync: a node whose creation was not answered must not stay in the queue because
/// another server does not have it yet.
async fn own_names(session: &Session, ticket: &Ticket) -> Result<Vec<String>, RegistryError> {
    let mut names = fresh_children(session, &ticket.directory)
        .await?
        .unwrap_or_default();
    names.retain(|name| name.starts_with(&ticket.prefix));
    Ok(names)
}

/// Waits until the own node is the first; returns its name. Every node before it existed when it
/// was created, and is visible since then: an old answer may show a node that is gone, but never
/// hides one that exists.
async fn wait(
    session: &Session,
    ticket: &Ticket,
    started: Instant,
    timeout: Duration,
    on_wait: OnWait<'_>,
) -> Result<Acquired, RegistryError> {
    let mut announced = String::new();
    loop {
        let all = children(session, &ticket.directory)
            .await?
            .unwrap_or_default();
        let foreign = all
            .iter()
            .filter(|name| names::is_foreign(name))
            .cloned()
            .collect();
        let names = names::queue(all);
        if names.iter().any(|name| names::is_spent(name)) {
            return Err(RegistryError::CounterSpent(ticket.directory.clone()));
        }
        let own = names
            .iter()
            .position(|name| name.starts_with(&ticket.prefix));
        let holder = match (own, names.first()) {
            (Some(0), Some(name)) => {
                return Ok(Acquired {
                    name: name.clone(),
                    foreign,
                });
            }
            (Some(_), Some(holder)) => holder,
            _ => {
                return Err(lost_lock(
                    &ticket.directory,
                    "its node was deleted while it waited",
                ));
            }
        };
        let rest = timeout.saturating_sub(started.elapsed());
        let known = if rest.is_zero() || announced != *holder {
            lock_node(session, &ticket.directory, holder).await?
        } else {
            None
        };
        if rest.is_zero() {
            let path = ticket.directory.clone();
            return Err(RegistryError::Held {
                path,
                holder: known.map(Box::new),
                waited: started.elapsed(),
            });
        }
        if let Some(known) = known {
            on_wait(&known);
            announced.clone_from(holder);
        }
        tokio::time::sleep(rest.min(LOOK)).await;
    }
}

/// Deletes the own node, however often it was created, and returns once the server has answered.
async fn withdraw(session: &Session, ticket: &Ticket) -> Result<(), RegistryError> {
    if session.state().is_terminated() {
        // The server removes the nodes of a session with it.
        return Ok(());
    }
    for name in own_names(session, ticket).await? {
        delete(session, &child(&ticket.directory, &name)).await?;
    }
    Ok(())
}

/// Whether the own node exists, after its creation was not answered; `true` if that cannot be read.
async fn is_seen(session: &Session, ticket: &Ticket) -> Result<bool, RegistryError> {
    match own_names(session, ticket).await {
        Ok(names) => Ok(!names.is_empty()),
        Err(error @ RegistryError::Interrupted { .. }) => Err(error),
        Err(unseen) => Err(session.interrupted(unseen.to_string())),
    }
}

/// A client that may create a node possibly may not read or delete it: then it stays as long as the
/// session, which must be closed.
fn not_withdrawn(ticket: &Ticket, why: &RegistryError, left: RegistryError) -> RegistryError {
    if matches!(left, RegistryError::Interrupted { .. }) {
        return left;
    }
    RegistryError::NotReleased {
        path: ticket.directory.clone(),
        cause: format!("{why}; and then: {left}"),
    }
}

/// Releases the lock. Every error means that the node may still exist.
pub(super) async fn release(session: &Session, lease: &Lease) -> Result<(), RegistryError> {
    session.untrack_lock(&lease.node);
    let released = delete(session, &lease.node).await;
    released.map_err(|error| {
        if session.state().is_terminated() {
            // The lock was already lost before its release: that is reported differently.
            return lost_lock(&lease.path, "the session has expired");
        }
        RegistryError::NotReleased {
            path: lease.path.clone(),
            cause: error.to_string(),
        }
    })
}

async fn delete(session: &Session, path: &str) -> Result<(), RegistryError> {
    match session
        .retried(|| session.client().delete(path, None))
        .await
    {
        Ok(()) | Err(Error::NoNode) => Ok(()),
        // The client library also reports this after a long silence; then the server may need a
        // moment more.
        Err(Error::SessionExpired) => {
            Err(session
                .interrupted("the session has expired, and its locks end with it".to_owned()))
        }
        Err(error) => Err(session.error(path, &error)),
    }
}

/// Asks the server whether the own node still exists and still belongs to this session.
pub(super) async fn confirm(session: &Session, lease: &Lease) -> Result<Confirmed, RegistryError> {
    match session.state() {
        SessionState::SyncConnected => {}
        SessionState::Disconnected | SessionState::ConnectedReadOnly => {
            return Err(session.interrupted("the session is suspended".to_owned()));
        }
        ended => {
            return Err(lost_lock(
                &lease.path,
                &format!("the session has ended ({ended})"),
            ));
        }
    }
    match session
        .fresh_once(&lease.node, || session.client().check_stat(&lease.node))
        .await
    {
        Ok(Some(stat)) if stat.ephemeral_owner == session.id() => Ok(Confirmed::by_registry()),
        Ok(Some(_)) => Err(lost_lock(
            &lease.path,
            "its node belongs to another session",
        )),
        Ok(None) | Err(Error::NoNode) => Err(lost_lock(&lease.path, "its node was deleted")),
        Err(Error::RuntimeInconsistent) => {
            // Each request is made behind a check of the last lock's node.
            let nodes = session.nodes();
            let last = nodes.last().and_then(|node| node.rsplit_once('/'));
            let path = last.map_or(lease.path.as_str(), |(lock, _)| lock);
            Err(lost_lock(path, "its node was deleted"))
        }
        Err(Error::SessionExpired) => Err(lost_lock(&lease.path, "the session has expired")),
        Err(error) => Err(session.error(&lease.node, &error)),
    }
}

/// Waits until the lock is lost, or until that is unknown: before the server could have given it to
/// another client, by the local clock. A session that has become shorter at a reconnect counts as
/// lost, because everything else counts by its first length.
pub(super) async fn lost(session: &Session, lease: &Lease) -> RegistryError {
    let length = session.session_timeout();
    let patience = length * 2 / 3;
    let mut watcher = session.state_watcher();
    // The state that it has now is no change.
    watcher.state();
    let mut is_as_long = !session.is_resumed();
    let mut confirmed = Instant::now();
    loop {
        let asked = Instant::now();
        let rest = patience.saturating_sub(confirmed.elapsed());
        let looks = async {
            let confirmed = confirm(session, lease).await?;
            let now = if is_as_long {
                Some(length)
            } else {
                session.length_now().await
            };
            Ok::<_, RegistryError>((confirmed, now))
        };
        match tokio::time::timeout(rest, looks).await {
            Ok(Ok((_, Some(now)))) if now < length => {
                let cause = format!(
                    "its session goes on in another connection, in which it may be kept for {now:?} alone, not for {length:?}"
                );
                return lost_lock(&lease.path, &cause);
            }
            Ok(Ok((_, Some(_)))) => (is_as_long, confirmed) = (true, asked),
            Ok(Err(error @ RegistryError::LockLost { .. })) => return error,
            Ok(Err(error)) if confirmed.elapsed() >= patience => return error,
            Ok(_) => {}
            Err(_) => {
                return session.interrupted(format!("nothing heard for {:?}", confirmed.elapsed()));
            }
        }
        let pause = LOOK_HELD.min(patience.saturating_sub(confirmed.elapsed()));
        // A change of state, such as the end of the session, is checked at once.
        let changed = tokio::time::timeout(pause, watcher.changed()).await;
        is_as_long &= changed.is_err();
    }
}

fn lost_lock(path: &str, cause: &str) -> RegistryError {
    RegistryError::LockLost {
        path: path.to_owned(),
        cause: cause.to_owned(),
    }
}
