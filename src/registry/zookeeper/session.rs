//! A session: requests with timeouts, and conversion of the client library's errors.

use std::future::{Future, ready};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use zookeeper_client::{Client, Error, SessionState, StateWatcher};

use super::diagnosis::{Diagnosis, diagnose};
use super::dial::Dial;
use super::endpoints;
use super::kerberos;
use super::place::Place;
use super::settings::ZooKeeperSettings;
use super::tls::Encryption;
use crate::model::EnsembleServer;
use crate::registry::{Barrier, RegistryError};

/// The protocol counts milliseconds in 31 bits.
const LONGEST_SESSION: Duration = Duration::from_millis(2_147_483_647);

/// Timeout of requests whose answer only improves a message.
const SIDE_QUESTION: Duration = Duration::from_secs(1);

/// A session that was open at least once.
#[derive(Debug)]
pub(super) struct Session {
    client: Client,
    place: Place,
    endpoint: String,
    /// The servers that are tried: more than were named if a name has several addresses.
    servers: Vec<EnsembleServer>,
    timeout: Duration,
    /// The session timeout that was requested.
    wanted: Duration,
    dial: Dial,
    /// The session's nodes in the locks that it holds, the newest last.
    held: Mutex<Vec<String>>,
    /// Sees that the connection in which the session was made is no more.
    first: Mutex<FirstConnection>,
}

#[derive(Debug)]
struct FirstConnection {
    watcher: StateWatcher,
    is_gone: bool,
}

impl FirstConnection {
    fn of(client: &Client) -> Self {
        let mut watcher = client.state_watcher();
        // The state that it has now is no change.
        let is_gone = watcher.state() != SessionState::SyncConnected;
        Self { watcher, is_gone }
    }

    fn is_gone(&mut self) -> bool {
        self.is_gone |= self.watcher.changed().now_or_never().is_some();
        self.is_gone
    }
}

impl Session {
    pub(super) async fn open(settings: &ZooKeeperSettings) -> Result<Self, RegistryError> {
        let place = Place::new(&settings.ensemble, &settings.namespace);
        let endpoint = place.endpoint();
        let dial = Dial::new(settings).map_err(|problem| {
            RegistryError::Unsupported(format!(
                "the registry at {endpoint} cannot be reached {problem}"
            ))
        })?;
        let started = Instant::now();
        let servers = &place.ensemble.servers;
        if let Some(login) = dial.kerberos() {
            let hosts = servers.iter().map(|server| server.host.clone()).collect();
            let asked = kerberos::ticket(login, hosts, settings.timeout).await;
            asked.map_err(|barrier| not_admitted(&endpoint, barrier))?;
        }
        let servers = if dial.tls().is_some() || dial.kerberos().is_some() {
            // Certificates and tickets are for names.
            servers.clone()
        } else {
            // The library looks names up by itself, too.
            endpoints::of(servers, settings.timeout / 4).await
        };
        let wanted = settings.session_timeout.min(LONGEST_SESSION);
        let number = u32::try_from(servers.len()).unwrap_or(u32::MAX);
        let listed = servers
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(",");
        let rest = settings.timeout.saturating_sub(started.elapsed());
        let opened = tokio::time::timeout(
            rest,
            dial.connect(&listed, wanted, settings.timeout / number),
        )
        .await;
        let client = match opened {
            Ok(Ok(client)) => client,
            Ok(Err(Error::AuthFailed)) => return Err(not_admitted(&endpoint, dial.barrier())),
            failed => {
                let rest = settings.timeout.saturating_sub(started.elapsed());
                let again = match failed {
                    Ok(_) => Box::pin(without_session(&dial, &place, wanted, rest)).await,
                    Err(_) => Err(Diagnosis {
                        seen: format!("no session within {:?}", settings.timeout),
                        barrier: None,
                    }),
                };
                again.map_err(
                    |Diagnosis {
                         seen: cause,
                         barrier,
                     }| match barrier {
                        Some(barrier) => RegistryError::NotAdmitted {
                            endpoint: endpoint.clone(),
                            cause,
                            barrier,
                        },
                        None => RegistryError::Unreachable {
                            endpoint: endpoint.clone(),
                            cause,
                        },
                    },
                )?
            }
        };
        let timeout = settings.timeout;
        let first = Mutex::new(FirstConnection::of(&client));
        Ok(Self {
            client,
            first,
            place,
            endpoint,
            servers,
            timeout,
            wanted,
            dial,
            held: Mutex::default(),
        })
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn hosts(&self) -> &[EnsembleServer] {
        &self.servers
    }

    pub(super) fn tls(&self) -> Option<&Encryption> {
        self.dial.tls()
    }

    pub(super) fn has_digest(&self) -> bool {
        self.dial.has_digest()
    }

    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub(super) fn path(&self, below: &str) -> String {
        self.place.path(below)
    }

    pub(super) fn session_timeout(&self) -> Duration {
        self.client.session_timeout()
    }

    /// Whether the session goes on in another connection than that in which it was made.
    pub(super) fn is_resumed(&self) -> bool {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.is_gone() && self.state() == SessionState::SyncConnected
    }

    /// How long the servers would keep such a session if it were made now: the shortest timeout that
    /// one of those that answer grants to a session made for this alone. A server that takes a
    /// session over has the same bounds, but the client library does not report the timeout that it
    /// grants. `None` if no server answers.
    pub(super) async fn length_now(&self) -> Option<Duration> {
        // The caller holds a lock, which may be lost while a server that hangs is waited for.
        let limit = self.timeout.min(self.session_timeout() / 6);
        let ask = |server: &EnsembleServer| {
            let address = server.to_string();
            async move {
                let connecting = self.dial.connect(&address, self.wanted, limit);
                let opened = tokio::time::timeout(limit, connecting).await;
                opened.ok()?.ok().map(|client| client.session_timeout())
            }
        };
        let lengths = join_all(self.hosts().iter().map(ask)).await;
        lengths.into_iter().flatten().min()
    }

    /// Timeout of a request that nothing depends on.
    pub(super) fn side_question(&self) -> Duration {
        self.timeout.min(SIDE_QUESTION)
    }

    /// The owner of this session's ephemeral nodes.
    pub(super) fn id(&self) -> i64 {
        self.client.session_id().0
    }

    pub(super) fn state(&self) -> SessionState {
        self.client.state()
    }

    pub(super) fn state_watcher(&self) -> StateWatcher {
        self.client.state_watcher()
    }

    /// Sends one request, with the configured timeout.
    pub(super) async fn once<T>(
        &self,
        request: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        tokio::time::timeout(self.timeout, request)
            .await
            .unwrap_or(Err(Error::Timeout))
    }

    /// Sends a request that may be sent again: after a broken connection the client finds another
    /// server by itself.
    pub(super) async fn retried<T, F>(&self, request: impl Fn() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        self.once(async {
            loop {
                match request().await {
                    Err(error) if is_broken(&error) => tokio::task::yield_now().await,
                    answer => return answer,
                }
            }
        })
        .await
    }

    /// Records that a lock is held from now on, by this node.
    pub(super) fn track_lock(&self, node: &str) {
        self.nodes().push(node.to_owned());
    }

    /// Records that this lock is being released.
    pub(super) fn untrack_lock(&self, node: &str) {
        self.nodes().retain(|held| held != node);
    }

    /// The nodes of the locks that this session holds, or waits with, in the order of their making.
    pub(super) fn nodes(&self) -> MutexGuard<'_, Vec<String>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the server catch up before it answers later requests of the session. The request has
    /// been sent when this returns.
    ///
    /// `sync` alone asks the server's current leader. A leader that was cut off from all others
    /// does not know for a while that there is a new one, and answers. So with a held lock, under
    /// which writes rely on the answer, the ensemble must first agree on something: that the lock
    /// node exists. That changes nothing, triggers no watch, and is impossible for a leader without
    /// followers.
    fn caught_up<'s>(&'s self, path: &'s str) -> BoxFuture<'s, Result<(), Error>> {
        let Some(node) = self.nodes().last().cloned() else {
            return self.client.sync(path).boxed();
        };
        match self.client.new_check_writer(&node, None) {
            Ok(writer) => {
                let agreed = writer.commit();
                async move { agreed.await.map(drop).map_err(Into::into) }.boxed()
            }
            Err(error) => ready(Err(error)).boxed(),
        }
    }

    /// Like [`Session::retried`], for a request whose answer must be current: a follower may lag
    /// behind, and must catch up with the leader before it answers.
    ///
    /// It costs no extra round trip. If the connection breaks between the two, both are repeated.
    /// Every later request in this session is answered from the same state or a newer one, even
    /// after a broken connection: no server continues the session if it is behind the newest answer
    /// that the client has had.
    pub(super) async fn fresh<T, F>(&self, path: &str, request: impl Fn() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        self.retried(|| behind(self.caught_up(path), request()))
            .await
    }

    /// Like [`Session::fresh`], without a second try: whether the connection broke is part of the
    /// answer.
    pub(super) async fn fresh_once<T, F>(
        &self,
        path: &str,
        request: impl Fn() -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        self.once(behind(self.caught_up(path), request())).await
    }

    /// Converts an error of the client library.
    pub(super) fn error(&self, path: &str, error: &Error) -> RegistryError {
        let endpoint = self.endpoint.clone();
        match error {
            Error::NoAuth | Error::AuthFailed | Error::InvalidAcl => RegistryError::Denied {
                endpoint,
                path: path.to_owned(),
            },
            Error::BadArguments(_) | Error::Unimplemented => RegistryError::Unsupported(format!(
                "the registry at {endpoint} cannot work with {path:?}: {error}"
            )),
            // For the node of the request.
            Error::RuntimeInconsistent => RegistryError::LockLost {
                path: self
                    .nodes()
                    .last()
                    .cloned()
                    .unwrap_or_else(|| path.to_owned()),
                cause: "its node was deleted".to_owned(),
            },
            // These are answers, and a retry would give the same ones.
            Error::NoChildrenForEphemerals
            | Error::QuotaExceeded
            | Error::NodeExists
            | Error::NotEmpty
            | Error::MarshallingError
            | Error::UnexpectedErrorCode(_) => RegistryError::Rejected {
                endpoint,
                path: path.to_owned(),
                cause: error.to_string(),
            },
            Error::Timeout => self.interrupted(format!("no answer within {:?}", self.timeout)),
            error => self.interrupted(error.to_string()),
        }
    }

    pub(super) fn interrupted(&self, cause: String) -> RegistryError {
        RegistryError::Interrupted {
            endpoint: self.endpoint.clone(),
            cause,
        }
    }

    /// Closes the session, and waits until the server has answered, but no longer than the limit.
    /// Returns whether it has.
    pub(super) async fn close(self, limit: Duration) -> bool {
        let mut watcher = self.client.state_watcher();
        // The session ends when the last `Client` is dropped; there is no other one.
        drop(self.client);
        let ended = async {
            let mut state = watcher.state();
            while !state.is_terminated() {
                state = watcher.changed().await;
            }
        };
        let answered = tokio::time::timeout(limit, ended).await.is_ok();
        if !answered {
            tracing::debug!(endpoint = self.endpoint, "no answer to closing the session");
        }
        answered
    }
}

fn not_admitted(endpoint: &str, barrier: Barrier) -> RegistryError {
    RegistryError::NotAdmitted {
        endpoint: endpoint.to_owned(),
        cause: barrier.to_string(),
        barrier,
    }
}

/// Why servers that were tried open no session. Some only hang up on a login that they refuse: it is the
/// login if there is a session without it, and then again none with it. Servers that have started
/// meanwhile give one.
async fn without_session(
    dial: &Dial,
    place: &Place,
    session: Duration,
    limit: Duration,
) -> Result<Client, Diagnosis> {
    let deadline = tokio::time::Instant::now() + limit;
    let rest = || deadline.saturating_duration_since(tokio::time::Instant::now());
    let diagnosis = diagnose(&place.ensemble.servers, dial.tls(), limit).await;
    if diagnosis.barrier.is_some() || !dial.has_login() {
        return Err(diagnosis);
    }
    let (servers, without_login) = (place.ensemble.servers(), dial.without_login());
    let opened = without_login.connect(&servers, session, rest());
    if !matches!(
        tokio::time::timeout_at(deadline, opened).await,
        Ok(Ok(_) | Err(Error::AuthFailed))
    ) {
        return Err(diagnosis);
    }
    match tokio::time::timeout_at(deadline, dial.connect(&servers, session, rest())).await {
        Ok(Ok(client)) => Ok(client),
        Ok(Err(Error::AuthFailed | Error::NoHosts)) => Err(Diagnosis {
            seen: dial.barrier().to_string(),
            barrier: Some(dial.barrier()),
        }),
        _ => Err(diagnosis),
    }
}

/// Whether the connection broke, so that nobody knows whether the server has had the request: it
/// ended, was reset, or nothing came through it for too long. These are the only errors of the
/// client's that it has no name for.
pub(super) fn is_broken(error: &Error) -> bool {
    matches!(error, Error::ConnectionLoss | Error::Custom(_))
}

/// The client library has sent both by now, in their order.
async fn behind<T>(
    synced: impl Future<Output = Result<(), Error>>,
    asked: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    synced.await.and(asked.await)
}
