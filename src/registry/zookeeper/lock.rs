//! The lock: Curator's `InterProcessMutex`, so that masters and this program exclude each other
//! (F§1.6).
//!
//! The client library has this recipe too. It is not used: when its future is dropped while the
//! node is being created, it deletes the child's bare name instead of its path, and the node stays;
//! nor does it tell whom it waits for.

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

/// How often the queue is looked at while waiting.
const LOOK: Duration = Duration::from_millis(150);

/// How often a held lock is looked at.
const LOOK_HELD: Duration = Duration::from_secs(1);

/// A container may vanish between its creation and the next request, but not time and again.
const TRIES: usize = 10;

/// Curator's data is an IP address; a page of foreign text in its place is not shown.
const LONGEST_DATA: usize = 256;

/// How nodes are made, as this release's masters make theirs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Making {
    /// Parents that the server removes once they are empty, where it knows them.
    pub(super) containers: bool,
    /// Who may do what with them.
    pub(super) acls: Acls<'static>,
}

/// Our place in a queue.
struct Ticket {
    directory: String,
    /// `_c_<uuid>-lock-`: with it the node is found again when the answer to its creation was lost.
    prefix: String,
}

/// What stood at the lock when it was ours.
struct Taken {
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

/// Children that are no lock nodes of anybody's.
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

/// Takes the lock, or withdraws: on every error our node is gone, or the error is `Interrupted` or
/// `NotReleased`.
pub(super) async fn acquire(
    session: &Session,
    directory: String,
    making: Making,
    timeout: Duration,
    on_wait: OnWait<'_>,
) -> Result<Lease, RegistryError> {
    let started = Instant::now();
    let ticket = Ticket {
        directory,
        prefix: format!("_c_{}-{LOCK}", Uuid::new_v4()),
    };
    let made = enqueue(session, &ticket, making).await;
    let is_made = made.is_ok();
    let taken = match made {
        Ok(()) => wait(session, &ticket, started, timeout, on_wait).await,
        Err(error) => Err(error),
    };
    match taken {
        Ok(Taken { name, foreign }) => {
            let node = child(&ticket.directory, &name);
            session.hold(&node);
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
                // Where the server would not have it made, there is nothing to be withdrawn.
                Ok(()) | Err(_) => {}
            }
            Err(error)
        }
    }
}

/// Makes our node, and the parents where they are missing.
async fn enqueue(session: &Session, ticket: &Ticket, making: Making) -> Result<(), RegistryError> {
    let path = child(&ticket.directory, &ticket.prefix);
    let data = probe::own_address(session.hosts(), session.side_question()).await;
    let options = CreateMode::EphemeralSequential.with_acls(making.acls);
    for _ in 0..TRIES {
        match session
            .once(session.client().create(&path, data.as_bytes(), &options))
            .await
        {
            Ok(_) => return Ok(()),
            Err(Error::NoNode) => create_parents(session, &ticket.directory, making).await?,
            Err(error) if is_broken(&error) && is_seen(session, ticket).await? => return Ok(()),
            Err(error) if is_broken(&error) => {}
            Err(error) => return Err(session.error(&ticket.directory, &error)),
        }
    }
    Err(session.interrupted(format!(
        "the parents of {path} vanish as soon as they are made, or the connection breaks"
    )))
}

/// As Curator does: containers, which the server removes once they are empty, where masters and
/// servers know them.
async fn create_parents(
    session: &Session,
    directory: &str,
    making: Making,
) -> Result<(), RegistryError> {
    let containers = making.containers
        && probe::knows_containers(session.hosts(), session.side_question()).await;
    let mode = if containers {
        CreateMode::Container
    } else {
        CreateMode::Persistent
    };
    let options = mode.with_acls(making.acls);
    match session
        .retried(|| session.client().mkdir(directory, &options))
        .await
    {
        Ok(()) | Err(Error::NoNode) => Ok(()),
        Err(error) => Err(session.error(directory, &error)),
    }
}

/// Fresh: a node whose making was not answered must not stay in the queue because another server
/// does not have it yet.
async fn own_names(session: &Session, ticket: &Ticket) -> Result<Vec<String>, RegistryError> {
    let mut names = fresh_children(session, &ticket.directory)
        .await?
        .unwrap_or_default();
    names.retain(|name| name.starts_with(&ticket.prefix));
    Ok(names)
}

/// Waits until our node is the first; returns its name. Whoever stands before it was there when it
/// was made, and is seen since then: an old answer shows somebody who has gone, never nobody where
/// somebody is.
async fn wait(
    session: &Session,
    ticket: &Ticket,
    started: Instant,
    timeout: Duration,
    on_wait: OnWait<'_>,
) -> Result<Taken, RegistryError> {
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
                return Ok(Taken {
                    name: name.clone(),
                    foreign,
                });
            }
            (Some(_), Some(holder)) => holder,
            _ => {
                return Err(lost_lock(
                    &ticket.directory,
                    "our node was deleted while it waited",
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

/// Deletes our node, however often it was made, and returns once the server has answered.
async fn withdraw(session: &Session, ticket: &Ticket) -> Result<(), RegistryError> {
    if session.state().is_terminated() {
        // The server ends the nodes of a session with it.
        return Ok(());
    }
    for name in own_names(session, ticket).await? {
        delete(session, &child(&ticket.directory, &name)).await?;
    }
    Ok(())
}

/// Whether our node is there, after its making was not answered. It may be, where that cannot be
/// seen.
async fn is_seen(session: &Session, ticket: &Ticket) -> Result<bool, RegistryError> {
    match own_names(session, ticket).await {
        Ok(names) => Ok(!names.is_empty()),
        Err(error @ RegistryError::Interrupted { .. }) => Err(error),
        Err(unseen) => Err(session.interrupted(unseen.to_string())),
    }
}

/// Whoever may make a node may not see or delete it, maybe: then it stays as long as the session,
/// which must end.
fn not_withdrawn(ticket: &Ticket, why: &RegistryError, left: RegistryError) -> RegistryError {
    if matches!(left, RegistryError::Interrupted { .. }) {
        return left;
    }
    RegistryError::NotReleased {
        path: ticket.directory.clone(),
        cause: format!("{why}; and then: {left}"),
    }
}

/// Gives the lock back. Every error means that the node may still be there.
pub(super) async fn release(session: &Session, lease: &Lease) -> Result<(), RegistryError> {
    session.let_go(&lease.node);
    let released = delete(session, &lease.node).await;
    released.map_err(|error| {
        if session.state().is_terminated() {
            // It was not ours any more when it was to be given back: that is another thing to know.
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
        // The client also says so when it has heard nothing for too long; then the server may need
        // a moment more.
        Err(Error::SessionExpired) => {
            Err(session
                .interrupted("the session has expired, and its locks end with it".to_owned()))
        }
        Err(error) => Err(session.error(path, &error)),
    }
}

/// Asks the server whether our node is still there and still ours.
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
            "our node belongs to another session",
        )),
        Ok(None) | Err(Error::NoNode | Error::RuntimeInconsistent) => {
            Err(lost_lock(&lease.path, "our node was deleted"))
        }
        Err(Error::SessionExpired) => Err(lost_lock(&lease.path, "the session has expired")),
        Err(error) => Err(session.error(&lease.node, &error)),
    }
}

/// Waits until the lock is lost, or until nobody can say any more whether it is: before the server
/// could have given it to another, by our own clock. A session that has become shorter at a
/// reconnect is as good as lost, since everybody counts by its first length.
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
        // A change of state, such as the end of the session, is looked at without waiting.
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
