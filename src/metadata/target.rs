//! Which database server to connect to, and how.

use std::path::PathBuf;

use crate::secret::Secret;

/// How the connection is encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    /// Never.
    Disable,
    /// If the server can; unencrypted if it cannot, or not in a way that is secure today.
    /// Certificates are not checked.
    #[default]
    Prefer,
    /// Always; certificates are not checked.
    Require,
    /// Always; the certificate must be signed by one of the authorities in this PEM file, or by a
    /// built-in public one.
    VerifyCa(PathBuf),
    /// As `VerifyCa`, and it must name the host. Without a file: the built-in public authorities.
    VerifyFull(Option<PathBuf>),
}

/// A database on a server, and the user to connect as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerTarget {
    /// Name or address; IPv6 addresses with or without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The user.
    pub user: String,
    /// The user's password, if there is one.
    pub password: Option<Secret>,
    /// The database.
    pub database: String,
    /// Encryption.
    pub tls: Tls,
    /// PostgreSQL only: the `search_path`, called `currentSchema` in JDBC URLs.
    pub schema: Option<String>,
    /// MySQL only: whether the server is asked for its public key, to send it the password encrypted
    /// where there is no TLS (`allowPublicKeyRetrieval`).
    pub asks_public_key: bool,
    /// Whether only a server that accepts writes is meant.
    pub primary_only: bool,
    /// Further servers with the same database, to be tried in this order.
    pub others: Vec<HostPort>,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// As in [`ServerTarget::host`].
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl ServerTarget {
    /// `host:port/database`, for display; several servers are separated by commas.
    #[must_use]
    pub fn endpoint(&self) -> String {
        let first = address(self.bare_host(), self.port);
        let others = self.others.iter();
        let others = others.map(|place| format!(",{}", address(bare(&place.host), place.port)));
        format!("{first}{}/{}", others.collect::<String>(), self.database)
    }

    /// The same for each of its servers alone.
    pub fn each(&self) -> impl Iterator<Item = Self> + '_ {
        let own = HostPort {
            host: self.host.clone(),
            port: self.port,
        };
        let places = std::iter::once(own).chain(self.others.iter().cloned());
        places.map(|HostPort { host, port }| Self {
            host,
            port,
            others: Vec::new(),
            ..self.clone()
        })
    }

    /// The host as the resolver needs it.
    pub(crate) fn bare_host(&self) -> &str {
        bare(&self.host)
    }

    /// Checks for the file of authorities, because the driver's error would not name it. The error
    /// is the cause.
    pub(super) fn check_files(&self) -> Result<(), String> {
        let (Tls::VerifyCa(file) | Tls::VerifyFull(Some(file))) = &self.tls else {
            return Ok(());
        };
        std::fs::File::open(file)
            .map(|_| ())
            .map_err(|error| format!("{}: {error}", file.display()))
    }
}

fn bare(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host)
}

fn address(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

#[cfg(test)]
mod tests {
    use super::{HostPort, ServerTarget, Tls};
    use crate::secret::Secret;

    fn target(host: &str) -> ServerTarget {
        ServerTarget {
            host: host.to_owned(),
            port: 3306,
            user: "ds".to_owned(),
            password: Some(Secret::new("hunter2")),
            database: "dolphinscheduler".to_owned(),
            tls: Tls::default(),
            schema: None,
            asks_public_key: true,
            primary_only: false,
            others: Vec::new(),
        }
    }

    #[test]
    fn the_endpoint_names_host_port_and_database_only() {
        assert_eq!(
            target("db.example").endpoint(),
            "db.example:3306/dolphinscheduler"
        );
        assert_eq!(target("::1").endpoint(), "[::1]:3306/dolphinscheduler");
        assert_eq!(target("[::1]").endpoint(), "[::1]:3306/dolphinscheduler");
    }

    #[test]
    fn several_servers_are_shown_together_and_tried_alone() {
        let mut target = target("db1");
        target.others = vec![HostPort {
            host: "::1".to_owned(),
            port: 3307,
        }];
        assert_eq!(target.endpoint(), "db1:3306,[::1]:3307/dolphinscheduler");
        let alone: Vec<String> = target.each().map(|server| server.endpoint()).collect();
        assert_eq!(
            alone,
            ["db1:3306/dolphinscheduler", "[::1]:3307/dolphinscheduler"]
        );
    }

    #[test]
    fn a_missing_file_of_authorities_is_named() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("ca.pem");
        let mut target = target("db.example");
        target.tls = Tls::VerifyCa(file.clone());
        assert!(target.check_files().unwrap_err().contains("ca.pem"));
        target.tls = Tls::VerifyFull(Some(file.clone()));
        assert!(target.check_files().is_err());
        std::fs::write(&file, "").unwrap();
        target.check_files().unwrap();
    }

    #[test]
    fn the_password_is_not_shown() {
        assert!(!format!("{:?}", target("db.example")).contains("hunter2"));
    }
}
