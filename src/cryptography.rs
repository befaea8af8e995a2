//! What all connections with TLS have in common: which code does the cryptography, and which keys can
//! be used.

use rustls::crypto::ring;

/// Chooses ring, before the first connection that may be encrypted: the libraries of the registry and
/// of the databases take the process's choice, and panic where there are two to choose from. Whoever
/// has chosen before has chosen the same.
pub fn choose() {
    let _ = ring::default_provider().install_default();
}

/// Whether a private key in PEM is encrypted, in the newer form or the older one. No such key is read.
#[must_use]
pub fn is_encrypted_key(pem: &str) -> bool {
    pem.contains("BEGIN ENCRYPTED PRIVATE KEY") || pem.contains("Proc-Type: 4,ENCRYPTED")
}
