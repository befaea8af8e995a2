//! What a client of ZooKeeper needs for TLS.

use super::Secret;

/// Certificates and key as their files have them: texts in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZkTls {
    /// Certificates of the authorities that sign the servers' certificates.
    pub authorities: String,
    /// The client's own certificate, with those between it and its authority, and its private key.
    pub identity: Option<(String, Secret)>,
    /// Takes a server's certificate whatever host it names.
    pub any_host: bool,
}
