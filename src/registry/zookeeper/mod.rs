//! DolphinScheduler's registry in ZooKeeper.
//!
//! Every step has a timeout. Nothing is written except by [`Registry::acquire`]. No watch is ever
//! set: dropping one that has not fired makes the client library send `removeWatches`, to which a
//! 3.4 server answers by closing the connection. So waiting means polling, which costs next to
//! nothing.

mod access;
mod diagnosis;
mod dial;
mod endpoints;
mod kerberos;
mod lock;
mod names;
mod observer;
mod place;
mod probe;
mod servers;
mod session;
mod settings;
mod tls;

use std::time::Duration;

use async_trait::async_trait;

pub use self::settings::ZooKeeperSettings;

use self::lock::NodeOptions;
use self::observer::ChildrenObserver;
use self::session::Session;
use super::{Lease, OnWait, Registry, RegistryError};
use crate::family::RegistryLayout;
use crate::model::{Confirmed, LockNode, Registrations};

/// How long closing a session waits for the server's answer.
pub const GOODBYE: Duration = Duration::from_secs(2);

/// A session with a ZooKeeper ensemble. It does not need the release yet: the database shows it,
/// and may be read meanwhile.
#[derive(Debug)]
pub struct ZooKeeperSession(Session);

impl ZooKeeperSession {
    /// Opens a session. Tries every host once, in random order.
    ///
    /// # Errors
    /// [`RegistryError::Unreachable`] if no host opens a session within the timeout,
    /// [`RegistryError::NotAdmitted`] if a server refuses what it is shown,
    /// [`RegistryError::Unsupported`] for an invalid connect string.
    pub async fn open(settings: &ZooKeeperSettings) -> Result<Self, RegistryError> {
        Session::open(settings).await.map(Self)
    }

    /// The registry of a release: `layout` has its family's paths.
    #[must_use]
    pub fn registry(self, layout: RegistryLayout) -> ZooKeeperRegistry {
        ZooKeeperRegistry {
            session: self.0,
            layout,
            observer: None,
            places: 0,
        }
    }

    /// Closes the session; returns once the server has answered or after a short time without an
    /// answer.
    pub async fn close(self) {
        self.0.close(GOODBYE).await;
    }
}

/// DolphinScheduler's registry, accessed through a session.
#[derive(Debug)]
pub struct ZooKeeperRegistry {
    session: Session,
    layout: RegistryLayout,
    /// Created at the first wait for a change.
    observer: Option<ChildrenObserver>,
    /// How many lock nodes of this session may exist.
    places: usize,
}

/// Where servers mark each other dead (`AbstractZKClient`, `RegistryClient`).
const DEAD_SERVERS: &str = "dead-servers";

/// What a master's name begins with there.
const DEAD_MASTER: &str = "master_";

#[async_trait]
impl Registry for ZooKeeperRegistry {
    fn kind(&self) -> &'static str {
        "zookeeper"
    }

    fn endpoint(&self) -> &str {
        self.session.endpoint()
    }

    fn session_timeout(&self) -> Duration {
        self.session.session_timeout()
    }

    fn is_resumed(&self) -> bool {
        self.session.is_resumed()
    }

    fn full_path(&self, path: &str) -> String {
        self.session.path(path)
    }

    async fn masters(&mut self) -> Result<Registrations, RegistryError> {
        servers::masters(&self.session, &self.layout).await
    }

    async fn workers(&mut self) -> Result<Registrations, RegistryError> {
        servers::workers(&self.session, &self.layout).await
    }

    async fn lock_queue(&mut self, path: &str) -> Result<Vec<LockNode>, RegistryError> {
        lock::queue(&self.session, &self.session.path(path)).await
    }

    async fn locks_below(&mut self, path: &str) -> Result<Vec<String>, RegistryError> {
        lock::below(&self.session, &self.session.path(path)).await
    }

    async fn foreign_locks(&mut self, path: &str) -> Result<Vec<LockNode>, RegistryError> {
        lock::foreign(&self.session, &self.session.path(path)).await
    }

    async fn dead_masters(&mut self) -> Result<Vec<String>, RegistryError> {
        let names = lock::below(&self.session, &self.session.path(DEAD_SERVERS)).await?;
        let masters = names
            .iter()
            .filter_map(|name| name.strip_prefix(DEAD_MASTER));
        Ok(masters.map(str::to_owned).collect())
    }

    /// Acquires a lock. If the future is dropped while it waits, the node stays in the queue until
    /// [`Registry::close`].
    async fn acquire(
        &mut self,
        path: &str,
        timeout: Duration,
        on_wait: OnWait<'_>,
    ) -> Result<Lease, RegistryError> {
        let directory = self.session.path(path);
        let acls =
            access::of_masters(&self.session, &self.session.path(self.layout.masters)).await?;
        let node_options = NodeOptions {
            containers: self.layout.container_parents,
            acls,
        };
        self.places += 1;
        let taken = lock::acquire(&self.session, directory, node_options, timeout, on_wait).await;
        if let Err(RegistryError::Held { .. }) = &taken {
            self.places -= 1;
        }
        taken
    }

    async fn confirm(&mut self, lease: &Lease) -> Result<Confirmed, RegistryError> {
        lock::confirm(&self.session, lease).await
    }

    async fn lost(&mut self, leases: &[Lease]) -> RegistryError {
        let each = leases
            .iter()
            .map(|lease| Box::pin(lock::lost(&self.session, lease)));
        match each.collect::<Vec<_>>() {
            none if none.is_empty() => std::future::pending().await,
            any => futures::future::select_all(any).await.0,
        }
    }

    async fn release(&mut self, lease: Lease) -> Result<(), RegistryError> {
        lock::release(&self.session, &lease).await?;
        self.places = self.places.saturating_sub(1);
        Ok(())
    }

    async fn masters_changed(&mut self) {
        let (session, masters) = (&self.session, self.layout.masters);
        let start = || ChildrenObserver::start(session.client().clone(), session.path(masters));
        self.observer.get_or_insert_with(start).changed().await;
    }

    async fn close(self: Box<Self>) -> bool {
        if let Some(observer) = self.observer {
            observer.end().await;
        }
        self.session.close(GOODBYE).await || self.places == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Namespace;
    use crate::secret::{PasswordLogin, SaslLogin, Secret};

    fn settings(connect: &str) -> ZooKeeperSettings {
        ZooKeeperSettings {
            ensemble: connect.parse().unwrap(),
            namespace: Namespace::default(),
            digest: Some("user:marker-password".to_owned()),
            sasl: Some(SaslLogin::Password(PasswordLogin {
                user: "user".to_owned(),
                password: Secret::new("marker-password"),
            })),
            tls: None,
            timeout: Duration::from_secs(5),
            session_timeout: Duration::from_secs(10),
        }
    }

    #[test]
    fn debug_output_keeps_the_password() {
        let text = format!("{:?}", settings("zk"));
        assert!(text.contains("***") && !text.contains("marker"), "{text}");
    }

    #[tokio::test]
    async fn a_port_without_a_listener_is_named_at_once() {
        // The listener is dropped, so its port refuses connections.
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let error = ZooKeeperSession::open(&settings(&format!("127.0.0.1:{port}")))
            .await
            .unwrap_err();
        let RegistryError::Unreachable { endpoint, cause } = &error else {
            panic!("{error:?}")
        };
        assert_eq!(endpoint, &format!("127.0.0.1:{port}/dolphinscheduler"));
        assert!(cause.contains("refused"), "{cause}");
        assert!(!format!("{error:?}").contains("marker"), "{error:?}");
    }

    #[tokio::test]
    async fn a_server_that_never_answers_is_given_up() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut settings = settings(&silent.local_addr().unwrap().to_string());
        settings.timeout = Duration::from_millis(200);
        let error = ZooKeeperSession::open(&settings).await.unwrap_err();
        assert!(
            matches!(error, RegistryError::Unreachable { .. }),
            "{error:?}"
        );
    }
}
