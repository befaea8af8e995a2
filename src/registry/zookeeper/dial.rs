//! How connections are made: what this client shows to the servers.

use std::fmt;
use std::time::Duration;

use zookeeper_client::{Client, Connector, Error, SaslOptions};

use super::kerberos;
use super::settings::ZooKeeperSettings;
use super::tls::Encryption;
use crate::registry::Barrier;
use crate::secret::{KerberosLogin, PasswordLogin, SaslLogin};

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
    /// `Err` says what cannot be used: of the certificates and the key, or a login that is not built in.
    pub(super) fn new(settings: &ZooKeeperSettings) -> Result<Self, String> {
        let is_kerberos = matches!(settings.sasl, Some(SaslLogin::Kerberos(_)));
        if is_kerberos && !KerberosLogin::IS_BUILT_IN {
            return Err("with Kerberos: it is not built into this dsctl".to_owned());
        }
        let digest = settings.digest.clone();
        let servers = &settings.ensemble.servers;
        let tls = settings.tls.as_ref().map(|tls| {
            Encryption::new(tls, servers).map_err(|problem| format!("with TLS: {problem}"))
        });
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

    /// The login that is made by a ticket, and is for the servers' names.
    pub(super) fn kerberos(&self) -> Option<&KerberosLogin> {
        match &self.sasl {
            Some(SaslLogin::Kerberos(login)) => Some(login),
            _ => None,
        }
    }

    /// What a server means that opens a session and ends it for want of authentication. It accepts
    /// any digest, right or wrong: whether that is right shows only in access to nodes.
    pub(super) fn barrier(&self) -> Barrier {
        match &self.sasl {
            None => Barrier::LoginDemanded,
            Some(SaslLogin::Password(login)) => Barrier::LoginRefused {
                user: login.user.clone(),
            },
            Some(SaslLogin::Kerberos(login)) => Barrier::TicketRefused {
                service: login.service.to_string(),
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
        match self.sasl.clone() {
            None => {}
            Some(SaslLogin::Password(PasswordLogin { user, password })) => {
                let password = password.expose().to_owned();
                connector = connector.with_sasl(SaslOptions::digest_md5(user, password));
            }
            Some(SaslLogin::Kerberos(login)) => connector = kerberos::with(connector, login),
        }
        match &self.digest {
            Some(digest) => connector.with_auth("digest", digest.as_bytes()),
            None => connector,
        }
    }
}
