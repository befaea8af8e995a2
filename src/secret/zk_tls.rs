//! What a client of ZooKeeper needs for TLS.

use std::fmt;

use super::Secret;

/// Certificates and key as their files have them: texts in PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct ZkTls {
    /// Certificates of the authorities that sign the servers' certificates.
    pub authorities: String,
    /// The client's own certificate, with those between it and its authority, and its private key.
    pub identity: Option<(String, Secret)>,
    /// Takes a server's certificate whatever host it names.
    pub any_host: bool,
}

impl fmt::Debug for ZkTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A file of certificates may have a private key in it, too.
        f.debug_struct("ZkTls")
            .field("any_host", &self.any_host)
            .finish_non_exhaustive()
    }
}
