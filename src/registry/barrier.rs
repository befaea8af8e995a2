//! What keeps a client out of a registry that can be reached.

use std::fmt;

/// Why a server that answers opens no session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Barrier {
    /// It ends the sessions of clients that do not authenticate, and there is no login.
    LoginDemanded,
    /// It ends the session after this user's login with SASL.
    LoginRefused {
        /// Never with the password.
        user: String,
    },
    /// Kerberos gives no ticket for it.
    NoTicket {
        /// Whom the ticket is to be for, at each of the servers.
        services: Vec<String>,
        /// The reason.
        problem: String,
        /// How a ticket to begin with is got.
        command: String,
    },
    /// It ends the session after the login with a ticket.
    TicketRefused {
        /// Whom the ticket is for.
        service: String,
    },
    /// It speaks TLS, and the client does not.
    TlsWanted,
    /// The client speaks TLS, and the server does not.
    NoTlsThere,
    /// Its certificate is signed by an authority that is not among the given ones.
    UnknownAuthority,
    /// Its certificate names other hosts than the one that it was called by.
    OtherHost {
        /// Which it names.
        names: Vec<String>,
    },
    /// Its certificate has expired.
    CertificateExpired,
    /// Its certificate is not accepted for another reason.
    CertificateInvalid {
        /// The reason.
        problem: String,
    },
    /// It asks for a certificate of the client, and there is none.
    CertificateDemanded,
    /// It refuses the client's certificate.
    CertificateRefused {
        /// By which of TLS's alerts.
        alert: String,
    },
    /// TLS fails for another reason.
    TlsFails {
        /// The reason.
        problem: String,
    },
}

impl fmt::Display for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LoginDemanded => f.write_str(
                "it requires authentication, usually SASL, from its clients, and no SASL login is given",
            ),
            Self::LoginRefused { user } => write!(
                f,
                "it refuses the SASL login of {user:?}: the user is unknown, the password is wrong, or another kind of \
                 authentication is required, too"
            ),
            Self::NoTicket {
                services, problem, ..
            } => write!(
                f,
                "there is no Kerberos ticket for its service {}: {problem}",
                services.join(" or ")
            ),
            Self::TicketRefused { service } => write!(
                f,
                "it refuses the Kerberos ticket for its service {service}, or requires another kind of authentication, too"
            ),
            Self::TlsWanted => f.write_str("it speaks TLS here, and TLS is not switched on"),
            Self::NoTlsThere => f.write_str("it does not speak TLS here"),
            Self::UnknownAuthority => {
                f.write_str("its certificate is signed by an authority that is not in --zk-tls-ca")
            }
            Self::OtherHost { names } if names.is_empty() => f.write_str(
                "its certificate does not name the host as it is given in --zk (the common name does not count)",
            ),
            Self::OtherHost { names } => write!(
                f,
                "its certificate does not name the host as it is given in --zk, but {}",
                names.join(", ")
            ),
            Self::CertificateExpired => f.write_str("its certificate has expired by this machine's clock"),
            Self::CertificateInvalid { problem } => {
                write!(f, "its certificate is not accepted: {problem}")
            }
            Self::CertificateDemanded => {
                f.write_str("it demands a certificate of the client, and none is given")
            }
            Self::CertificateRefused { alert } => {
                write!(f, "it refuses the client's certificate (TLS alert {alert})")
            }
            Self::TlsFails { problem } => write!(f, "the TLS handshake fails: {problem}"),
        }
    }
}

impl Barrier {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::LoginDemanded => {
                "no digest helps (--zk-digest-file) where SASL is required: give user:password from the section Client of the \
                 masters' jaas.conf with --zk-sasl-file; where that has a Krb5LoginModule, --zk-kerberos zookeeper"
            }
            Self::LoginRefused { .. } => {
                "give user:password from the section Client of the masters' jaas.conf with --zk-sasl-file; the server's log says \
                 which of these it was"
            }
            Self::NoTicket { command, .. } => {
                return format!(
                    "get a ticket first: {command} (klist shows those that are there), or let it be got from a keytab: \
                     KRB5_CLIENT_KTNAME=FILE; the service is the first part of the servers' own principal, for their host as it \
                     is given in --zk"
                );
            }
            Self::TicketRefused { .. } => {
                "the servers' log says why: their keytab is of an older key, clocks differ, or their jaas.conf has no section Server \
                 with a Krb5LoginModule"
            }
            Self::TlsWanted => {
                "give --zk-tls-ca FILE, the certificate of the authority that signs the servers' (in PEM), or the port for \
                 clients without TLS"
            }
            Self::NoTlsThere => {
                "give the servers' secureClientPort in --zk, or leave --zk-tls and --zk-tls-ca out"
            }
            Self::UnknownAuthority => {
                "give the certificate of the authority that signs the servers'; a Java trust store as PEM: \
                 keytool -list -rfc -keystore FILE > ca.pem"
            }
            Self::OtherHost { .. } => {
                "give the hosts in --zk as the certificate names them; --zk-tls-any-host takes the certificate of any host, as \
                 ssl.hostnameVerification=false does for the masters"
            }
            Self::CertificateExpired => "renew it, or compare the clocks",
            Self::CertificateInvalid { .. } => {
                "if it is not valid yet, compare the clocks; certificates must be of version 3 and not signed with SHA-1 or MD5, and the \
                 server's own must not be an authority"
            }
            Self::CertificateDemanded => {
                "give --zk-tls-cert and --zk-tls-key, in PEM; from a Java key store: openssl pkcs12 -in FILE -nodes (after \
                 keytool -importkeystore -deststoretype PKCS12, if it is a JKS)"
            }
            Self::CertificateRefused { .. } => {
                "give a certificate that is valid and signed by an authority in the servers' trust store; their log says why it \
                 was refused"
            }
            Self::TlsFails { .. } => "check what the servers allow: TLS 1.2 or 1.3 is needed",
        }
        .to_owned()
    }
}
