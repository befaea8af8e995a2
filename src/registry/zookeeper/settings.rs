//! The address of a ZooKeeper registry, and how to connect to it.

use std::fmt;
use std::time::Duration;

use crate::model::{Ensemble, Namespace};
use crate::secret::{SaslLogin, ZkTls};

/// The address of the registry, and how to connect to it.
#[derive(Clone)]
pub struct ZooKeeperSettings {
    /// The servers, and the chroot if there is one.
    pub ensemble: Ensemble,
    /// The root of the cluster's nodes.
    pub namespace: Namespace,
    /// `user:password`, if the masters use one; blank means none (the default of 1.2.1).
    pub digest: Option<String>,
    /// The login with SASL, if the servers require one.
    pub sasl: Option<SaslLogin>,
    /// If connections are encrypted.
    pub tls: Option<ZkTls>,
    /// Timeout of each step, including connecting.
    pub timeout: Duration,
    /// How long the server should keep this session's locks without a heartbeat. The server has its
    /// own limits.
    pub session_timeout: Duration,
}

impl fmt::Debug for ZooKeeperSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZooKeeperSettings")
            .field("ensemble", &self.ensemble)
            .field("namespace", &self.namespace)
            .field("digest", &self.digest.as_ref().map(|_| "***"))
            .field("sasl", &self.sasl)
            .field("tls", &self.tls.is_some())
            .field("timeout", &self.timeout)
            .field("session_timeout", &self.session_timeout)
            .finish()
    }
}
