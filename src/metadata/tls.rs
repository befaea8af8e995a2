//! Encryption that could not be agreed upon with a server, and why.

/// Whether encryption could not be agreed upon, so that [`Prefer`](super::target::Tls::Prefer) may
/// go without: old servers only know ciphers and certificates that are refused today.
pub(super) fn tls_failed(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Tls(_) => true,
        sqlx::Error::Io(error) => error.kind() == std::io::ErrorKind::InvalidData,
        _ => false,
    }
}

/// What the beginning of every such cause is.
pub(crate) const NO_TLS: &str = "TLS cannot be agreed upon with the server";

/// Why encryption could not be agreed upon, in words that say what to change.
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
            "no common cipher (it may know DHE only) or key (EC P-521)",
        ),
        ("UnknownProtocolVersion", "it speaks TLS 1.0 or 1.1 only"),
        (
            "ServerDoesNotSupportTls12Or13",
            "it speaks TLS 1.0 or 1.1 only",
        ),
        ("ProtocolVersion", "it speaks TLS 1.0 or 1.1 only"),
        (
            "CaUsedAsEndEntity",
            "its certificate is its own authority; give the one that signs it, or let it have one",
        ),
        ("NotValidForName", "its certificate is for another name"),
        (
            "UnknownIssuer",
            "its certificate is signed by nobody who is trusted here",
        ),
    ];
    match known.iter().find(|(sign, _)| words.contains(sign)) {
        Some((_, reason)) => format!("{NO_TLS}: {reason} ({words})"),
        None => format!("{NO_TLS}: {words}"),
    }
}
