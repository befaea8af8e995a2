//! Which database server to connect to, and how.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::cryptography::is_encrypted_key;
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
    /// Name or address; IPv6 addresses with or without brackets. With a slash at its start it is a
    /// socket of this machine: for MySQL its file, for PostgreSQL the folder that it is in.
    pub host: String,
    /// TCP port. In a folder of PostgreSQL's sockets it tells them apart; a file has 0.
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
    /// By what the server knows this client, where it wants that. It takes TLS.
    pub client_certificate: Option<ClientCertificate>,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// As in [`ServerTarget::host`].
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// A client's certificate and its key, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The file with the certificate, and those of the authorities between.
    pub certificate: PathBuf,
    /// The file with its key, which has no password.
    pub key: PathBuf,
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

    /// The socket of this machine that it is, instead of a host.
    pub(crate) fn socket(&self) -> Option<&Path> {
        self.host.starts_with('/').then(|| Path::new(&self.host))
    }

    /// The name whose addresses can be tried one by one, and the port. A certificate that must name
    /// the host is checked by the name alone.
    pub(super) fn name(&self) -> Option<(&str, u16)> {
        let host = self.bare_host();
        let is_name = self.socket().is_none() && host.parse::<IpAddr>().is_err();
        let may_be_address = !matches!(self.tls, Tls::VerifyFull(_));
        (is_name && may_be_address).then_some((host, self.port))
    }

    /// Checks the files for TLS, because the driver's error would not name them. The error is the
    /// cause.
    pub(super) fn check_files(&self) -> Result<(), String> {
        if let Tls::VerifyCa(file) | Tls::VerifyFull(Some(file)) = &self.tls {
            // Not read: it may be a pipe, which gives its content once.
            std::fs::File::open(file).map_err(|error| format!("{}: {error}", file.display()))?;
        }
        if let Some(client) = &self.client_certificate {
            check_pem(&client.certificate, "CERTIFICATE")?;
            check_pem(&client.key, "PRIVATE KEY")?;
        }
        Ok(())
    }
}

fn bare(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host)
}

fn address(host: &str, port: u16) -> String {
    if host.starts_with('/') && port == 0 {
        host.to_owned()
    } else if host.contains(':') && !host.starts_with('/') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))
}

/// Java's drivers read other formats under the same names.
fn check_pem(file: &Path, what: &str) -> Result<(), String> {
    let content = String::from_utf8_lossy(&read(file)?).into_owned();
    if is_encrypted_key(&content) {
        return Err(format!(
            "{0}: the private key is encrypted; decrypt it: umask 077; openssl pkey -in {0} -out key.pem",
            file.display()
        ));
    }
    let is_pem = |line: &str| line.starts_with("-----BEGIN ") && line.contains(what);
    if content.lines().any(is_pem) {
        return Ok(());
    }
    Err(format!(
        "{}: this is no {} in PEM; `openssl pkcs8 -inform DER -nocrypt` makes one of a .pk8 file, \
         `openssl pkcs12 -nodes` of a .p12 file",
        file.display(),
        what.to_lowercase()
    ))
}

#[cfg(test)]
mod tests {
    use super::{ClientCertificate, HostPort, ServerTarget, Tls};
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
            client_certificate: None,
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
    fn a_name_has_addresses_and_nothing_else_has() {
        assert_eq!(target("db.example").name(), Some(("db.example", 3306)));
        for other in ["10.0.0.1", "::1", "[::1]", "/run/mysqld/mysqld.sock"] {
            assert_eq!(target(other).name(), None, "{other}");
        }
        let mut checked = target("db.example");
        checked.tls = Tls::VerifyFull(None);
        assert_eq!(checked.name(), None);
    }

    #[test]
    fn a_socket_has_no_port() {
        let mut target = target("/run/mysqld/mysqld.sock");
        target.port = 0;
        assert_eq!(
            target.endpoint(),
            "/run/mysqld/mysqld.sock/dolphinscheduler"
        );
        let mut target = self::target("/run/a:b");
        target.port = 5433;
        assert_eq!(target.endpoint(), "/run/a:b:5433/dolphinscheduler");
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
    fn a_key_that_only_java_reads_is_named() {
        let folder = tempfile::TempDir::new().unwrap();
        let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("k.pk8"));
        std::fs::write(&certificate, "-----BEGIN CERTIFICATE-----\n").unwrap();
        std::fs::write(&key, [0x30, 0x82, 0xff]).unwrap();
        let mut target = target("db.example");
        target.client_certificate = Some(ClientCertificate {
            certificate,
            key: key.clone(),
        });
        let why = target.check_files().unwrap_err();
        assert!(
            why.contains("k.pk8: this is no private key in PEM"),
            "{why}"
        );
        std::fs::write(&key, "-----BEGIN EC PRIVATE KEY-----\n").unwrap();
        target.check_files().unwrap();
    }

    #[test]
    fn the_password_is_not_shown() {
        assert!(!format!("{:?}", target("db.example")).contains("hunter2"));
    }
}
