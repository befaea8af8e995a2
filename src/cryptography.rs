//! Which code does the cryptography of TLS, for every connection of this process.

use rustls::crypto::ring;

/// Chooses ring, before the first connection that may be encrypted: the libraries of the registry and
/// of the databases take the process's choice, and panic where there are two to choose from. Whoever
/// has chosen before has chosen the same.
pub fn choose() {
    let _ = ring::default_provider().install_default();
}
