//! How connections are made: what this client shows to the servers.

use std::fmt;
use std::time::Duration;

use zookeeper_client::{Client, Connector, Error, SaslOptions};

use super::settings::ZooKeeperSettings;
use super::tls::Encryption;
use crate::registry::Barrier;
use crate::secret::SaslLogin;

/// A host that does not answer at all must leave time for the next one, but a slow one must get a
/// chance.
const SHORTEST_TRY: Duration = Duration::from_secs(1);

/// Makes connections that are all alike.
#[derive(Clone)]
pub(super) struct Dial {
    digest: Option<String>,
    sasl: Option<SaslLogin>,
    tls: Option<Encryption>,
}

impl fmt::Debug for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dial")
            .field("sasl", &self.sasl)
            .finish_non_exhaustive()
    }
}

impl Dial {
    /// `Err` says what of the certificates and the key cannot be used.
    pub(super) fn new(settings: &ZooKeeperSettings) -> Result<Self, String> {
        let digest = settings.digest.clone();
        let servers = &settings.ensemble.servers;
        let tls = settings
            .tls
            .as_ref()
            .map(|tls| Encryption::new(tls, servers));
        Ok(Self {
            digest: digest.filter(|digest| !digest.trim().is_empty()),
            sasl: settings.sasl.clone(),
            tls: tls.transpose()?,
        })
    }

    pub(super) fn tls(&self) -> Option<&Encryption> {
        self.tls.as_ref()
    }

    /// Whether a digest was given. The server accepts any, right or wrong.
    pub(super) fn has_digest(&self) -> bool {
        self.digest.is_some()
    }

    /// Whether there is a login with SASL.
    pub(super) fn has_login(&self) -> bool {
        self.sasl.is_some()
    }

    /// The same without it.
    pub(super) fn without_login(&self) -> Self {
        Self {
            sasl: None,
            ..self.clone()
        }
    }

    /// What a server means that opens a session and ends it for want of authentication. It accepts
    /// any digest, right or wrong: whether that is right shows only in access to nodes.
    pub(super) fn barrier(&self) -> Barrier {
        match &self.sasl {
            None => Barrier::LoginDemanded,
            Some(login) => Barrier::LoginRefused {
                user: login.user.clone(),
            },
        }
    }

    /// Opens a session; `session` is the timeout that is asked for, `connection` how long each
    /// server is tried.
    pub(super) async fn connect(
        &self,
        servers: &str,
        session: Duration,
        connection: Duration,
    ) -> Result<Client, Error> {
        let connector = self.connector(session, connection);
        match &self.tls {
            Some(tls) => {
                connector
                    .with_tls(tls.options())
                    .secure_connect(servers)
                    .await
            }
            None => connector.connect(servers).await,
        }
    }

    fn connector(&self, session: Duration, connection: Duration) -> Connector {
        let mut connector = Client::connector()
            .with_session_timeout(session)
            .with_connection_timeout(connection.max(SHORTEST_TRY))
            .with_fail_eagerly()
            // The newer request to create a node would only return more; a 3.4 server does not know it.
            .with_server_version(3, 4, 14);
        if let Some(SaslLogin { user, password }) = self.sasl.clone() {
            connector =
                connector.with_sasl(SaslOptions::digest_md5(user, password.expose().to_owned()));
        }
        match &self.digest {
            Some(digest) => connector.with_auth("digest", digest.as_bytes()),
            None => connector,
        }
    }
}
