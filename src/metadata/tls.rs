//! Why encryption could not be negotiated with a server.

use std::sync::{Arc, Mutex, PoisonError};

/// Why the connection that is being made is not encrypted although that was tried; shared by clones.
#[derive(Clone, Debug, Default)]
pub(super) struct WhyPlain(Arc<Mutex<Option<String>>>);

impl WhyPlain {
    pub(super) fn set(&self, why: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    pub(super) fn get(&self) -> Option<String> {
        let why = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        why.clone()
    }
}

/// Whether encryption could not be negotiated, so that [`Prefer`](super::target::Tls::Prefer) may
/// connect without: old servers only support ciphers and certificates that are refused today.
pub(super) fn tls_failed(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Tls(_) => true,
        sqlx::Error::Io(error) => error.kind() == std::io::ErrorKind::InvalidData,
        _ => false,
    }
}

/// Whether the reason is that a MySQL server does not support TLS at all.
pub(super) fn no_tls_there(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Tls(error) if error.to_string() == "server does not support TLS")
}

/// The start of every such cause.
pub(crate) const NO_TLS: &str = "TLS cannot be negotiated with the server";

/// Why encryption could not be negotiated, as a text that says what to change.
pub(super) fn why_no_tls(error: &sqlx::Error) -> String {
    let words = match error {
        sqlx::Error::Tls(error) => error.to_string(),
        sqlx::Error::Io(error) => error.to_string(),
        other => other.to_string(),
    };
    let known = [
        (
            "UnsupportedCertVersion",
            "its certificate is X.509 v1, and v3 is needed",
        ),
        (
            "HandshakeFailure",
            "no common cipher (it may support only DHE) or key (EC P-521)",
        ),
        ("UnknownProtocolVersion", "it speaks TLS 1.0 or 1.1 only"),
        (
            "ServerDoesNotSupportTls12Or13",
            "it speaks TLS 1.0 or 1.1 only",
        ),
        ("ProtocolVersion", "it speaks TLS 1.0 or 1.1 only"),
        (
            "CaUsedAsEndEntity",
            "its certificate is its own authority; use the one that signs it, or have it signed \
             by one",
        ),
        (
            "UnsupportedSignatureAlgorithm",
            "its certificate is signed in a way that is not secure any more, such as with SHA-1; \
             ssl-mode=required (PostgreSQL: sslmode=require) does not check it",
        ),
        (
            "not valid for any names",
            "its certificate names no host (it may have a CN, but no subjectAltName); \
             ssl-mode=verify_ca (PostgreSQL: sslmode=verify-ca) checks who signed it alone",
        ),
        (
            "certificate not valid for name",
            "its certificate is for another name",
        ),
        (
            "UnknownIssuer",
            "its certificate is not signed by a trusted authority (ssl-ca=FILE, PostgreSQL: \
             sslrootcert=FILE)",
        ),
    ];
    match known.iter().find(|(sign, _)| words.contains(sign)) {
        Some((_, reason)) => format!("{NO_TLS}: {reason} ({words})"),
        None => format!("{NO_TLS}: {words}"),
    }
}
