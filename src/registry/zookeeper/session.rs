//! A session: requests with limits of time, and the client's errors in our words.

use std::future::{Future, ready};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use zookeeper_client::{Client, Connector, Error, SessionState, StateWatcher};

use super::place::Place;
use super::probe;
use super::settings::ZooKeeperSettings;
use crate::model::EnsembleServer;
use crate::registry::RegistryError;

/// A host that does not answer at all must leave time for the next one, but a slow one must get a
/// chance.
const SHORTEST_TRY: Duration = Duration::from_secs(1);

/// The protocol counts milliseconds in 31 bits.
const LONGEST_SESSION: Duration = Duration::from_millis(2_147_483_647);

/// Limit of questions whose answer only makes a message better.
const SIDE_QUESTION: Duration = Duration::from_secs(1);

/// A session that was open at least once.
#[derive(Debug)]
pub(super) struct Session {
    client: Client,
    place: Place,
    endpoint: String,
    timeout: Duration,
    /// How long a session was asked for.
    wanted: Duration,
    /// Whether a digest was given. The server takes any, right or wrong.
    has_digest: bool,
    /// Our nodes in the locks that we hold, the newest last.
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
        let digest = settings
            .digest
            .as_deref()
            .filter(|digest| !digest.trim().is_empty());
        let servers = u32::try_from(place.ensemble.servers.len()).unwrap_or(u32::MAX);
        let wanted = settings.session_timeout.min(LONGEST_SESSION);
        let connector = connector(wanted, settings.timeout / servers);
        let connector = match digest {
            Some(digest) => connector.with_auth("digest", digest.as_bytes()),
            None => connector,
        };
        let started = Instant::now();
        let opened = tokio::time::timeout(
            settings.timeout,
            connector.connect(&place.ensemble.servers()),
        )
        .await;
        let client = match opened {
            Ok(Ok(client)) => client,
            // A digest is taken from anybody, right or wrong: what it opens shows at the nodes.
            Ok(Err(Error::AuthFailed)) => return Err(RegistryError::SaslDemanded { endpoint }),
            failed => {
                let rest = settings
                    .timeout
                    .saturating_sub(started.elapsed())
                    .min(SIDE_QUESTION);
                let cause = match failed {
                    Ok(_) => probe::diagnose(&place.ensemble.servers, rest).await,
                    Err(_) => format!("no session within {:?}", settings.timeout),
                };
                return Err(RegistryError::Unreachable { endpoint, cause });
            }
        };
        let (timeout, has_digest) = (settings.timeout, digest.is_some());
        let first = Mutex::new(FirstConnection::of(&client));
        Ok(Self {
            client,
            first,
            place,
            endpoint,
            timeout,
            wanted,
            has_digest,
            held: Mutex::default(),
        })
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn hosts(&self) -> &[EnsembleServer] {
        &self.place.ensemble.servers
    }

    pub(super) fn has_digest(&self) -> bool {
        self.has_digest
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

    /// For how long the servers would keep such a session if it were made now: the shortest time
    /// that one of those who answer gives to a session that is made for that alone. Whoever takes
    /// a session over goes by the same bounds; what it came to is told to the client, which keeps it
    /// for itself. Nothing where none answers.
    pub(super) async fn length_now(&self) -> Option<Duration> {
        // Who asks holds a lock, and may not wait for a server that hangs until that is lost.
        let limit = self.timeout.min(self.session_timeout() / 6);
        let ask = |server: &EnsembleServer| {
            let address = server.to_string();
            async move {
                let connecting = connector(self.wanted, limit).connect(&address);
                let opened = tokio::time::timeout(limit, connecting).await;
                opened.ok()?.ok().map(|client| client.session_timeout())
            }
        };
        let lengths = join_all(self.hosts().iter().map(ask)).await;
        lengths.into_iter().flatten().min()
    }

    /// Limit of a question that nothing depends on.
    pub(super) fn side_question(&self) -> Duration {
        self.timeout.min(SIDE_QUESTION)
    }

    /// The owner of our ephemeral nodes.
    pub(super) fn id(&self) -> i64 {
        self.client.session_id().0
    }

    pub(super) fn state(&self) -> SessionState {
        self.client.state()
    }

    pub(super) fn state_watcher(&self) -> StateWatcher {
        self.client.state_watcher()
    }

    /// Sends one request, and gives up after the configured time.
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

    /// A lock is ours from now on, by this node.
    pub(super) fn hold(&self, node: &str) {
        self.nodes().push(node.to_owned());
    }

    /// That lock is to be given back.
    pub(super) fn let_go(&self, node: &str) {
        self.nodes().retain(|held| held != node);
    }

    fn nodes(&self) -> MutexGuard<'_, Vec<String>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the server catch up before it answers what stands behind this in the session. The
    /// request is on its way when this returns.
    ///
    /// `sync` alone asks whoever the server takes for the leader. One that was cut off from all others does not know for a
    /// while that there is a new one, and answers. So whoever holds a lock, under which writes rest
    /// on the answer, has the ensemble agree on something first: that our node is there. That
    /// changes nothing, wakes nobody, and cannot be had from a leader without followers.
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

    /// As [`Session::retried`], for a question whose answer must not be old: a server that follows
    /// may lag behind, and must catch up with the leader before it answers.
    ///
    /// It costs no round trip of its own. Where the connection breaks between the two, both are
    /// repeated. Whatever is asked in this session later is answered from the same state or a newer
    /// one, even after a broken connection: no server gives the session on that is behind the
    /// newest answer that the client has had.
    pub(super) async fn fresh<T, F>(&self, path: &str, request: impl Fn() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        self.retried(|| behind(self.caught_up(path), request()))
            .await
    }

    /// As [`Session::fresh`], and no second try: whether the connection broke is part of the
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

    /// The client's error in our words.
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
            // Of the node that is asked for first.
            Error::RuntimeInconsistent => RegistryError::LockLost {
                path: self
                    .nodes()
                    .last()
                    .cloned()
                    .unwrap_or_else(|| path.to_owned()),
                cause: "our node was deleted".to_owned(),
            },
            // Answers, and the same ones whoever asks again.
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

    /// Ends the session, and waits until the server has answered, but no longer than the limit.
    /// Gives whether it has.
    pub(super) async fn close(self, limit: Duration) -> bool {
        let mut watcher = self.client.state_watcher();
        // The session ends when the last client is gone; there is no other.
        drop(self.client);
        let ended = async {
            let mut state = watcher.state();
            while !state.is_terminated() {
                state = watcher.changed().await;
            }
        };
        let answered = tokio::time::timeout(limit, ended).await.is_ok();
        if !answered {
            tracing::debug!(
                endpoint = self.endpoint,
                "no answer to the end of the session"
            );
        }
        answered
    }
}

fn connector(session: Duration, connection: Duration) -> Connector {
    Client::connector()
        .with_session_timeout(session)
        .with_connection_timeout(connection.max(SHORTEST_TRY))
        .with_fail_eagerly()
        // The newer request to create a node would only return more; a 3.4 server does not know it.
        .with_server_version(3, 4, 14)
}

/// Whether the connection broke, so that nobody knows whether the server has had the request: it
/// ended, was reset, or nothing came through it for too long. These are the only errors of the
/// client's that it has no name for.
pub(super) fn is_broken(error: &Error) -> bool {
    matches!(error, Error::ConnectionLoss | Error::Custom(_))
}

/// The client has sent both by now, in the order in which they were made.
async fn behind<T>(
    synced: impl Future<Output = Result<(), Error>>,
    asked: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    synced.await.and(asked.await)
}
