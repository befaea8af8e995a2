//! Where a ZooKeeper registry is, and how to speak to it.

use std::fmt;
use std::time::Duration;

use crate::model::{Ensemble, Namespace};

/// Where the registry is, and how to speak to it.
#[derive(Clone)]
pub struct ZooKeeperSettings {
    /// The servers, and the chroot if there is one.
    pub ensemble: Ensemble,
    /// The root of the cluster's nodes.
    pub namespace: Namespace,
    /// `user:password`, if the masters use one; blank is none (the default of 1.2.1).
    pub digest: Option<String>,
    /// Limit of each step, connecting included.
    pub timeout: Duration,
    /// How long the server shall keep our locks when we fall silent. The server has its own bounds.
    pub session_timeout: Duration,
}

impl fmt::Debug for ZooKeeperSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZooKeeperSettings")
            .field("ensemble", &self.ensemble)
            .field("namespace", &self.namespace)
            .field("digest", &self.digest.as_ref().map(|_| "***"))
            .field("timeout", &self.timeout)
            .field("session_timeout", &self.session_timeout)
            .finish()
    }
}
