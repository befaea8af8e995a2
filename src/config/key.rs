//! The options that can be set on the command line, in the environment and in a file.

use std::fmt;
use std::path::PathBuf;

use strum::{EnumString, IntoStaticStr, VariantArray};

/// One such option. Its name is the flag without dashes, and the key in the file.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumString, IntoStaticStr, VariantArray,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Key {
    /// `--zk`
    Zk,
    /// `--db`
    Db,
    /// `--registry`
    Registry,
    /// `--namespace`
    Namespace,
    /// `--ds-home`
    DsHome,
    /// `--ds-version`
    DsVersion,
    /// `--time-zone`
    TimeZone,
    /// `--zk-digest-file`
    ZkDigestFile,
    /// `--zk-sasl-file`
    ZkSaslFile,
    /// `--zk-kerberos`
    ZkKerberos,
    /// `--zk-tls`
    ZkTls,
    /// `--zk-tls-ca`
    ZkTlsCa,
    /// `--zk-tls-cert`
    ZkTlsCert,
    /// `--zk-tls-key`
    ZkTlsKey,
    /// `--zk-tls-any-host`
    ZkTlsAnyHost,
    /// `--db-password-file`
    DbPasswordFile,
    /// `--db-tls-cert`
    DbTlsCert,
    /// `--db-tls-key`
    DbTlsKey,
    /// `--session-timeout`
    SessionTimeout,
    /// `--timeout`
    Timeout,
    /// `--statement-timeout`
    StatementTimeout,
    /// `--output`
    Output,
    /// `--no-headers`
    NoHeaders,
    /// `--quiet`
    Quiet,
    /// `--verbose`
    Verbose,
    /// `--color`
    Color,
}

impl Key {
    /// Every option, in the order of the help.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// What an installation of DolphinScheduler may say.
    pub(super) const OF_HOME: [Self; 14] = [
        Self::Registry,
        Self::Zk,
        Self::Db,
        Self::Namespace,
        Self::TimeZone,
        Self::ZkDigestFile,
        Self::ZkSaslFile,
        Self::ZkKerberos,
        Self::ZkTls,
        Self::ZkTlsCa,
        Self::ZkTlsCert,
        Self::ZkTlsKey,
        Self::ZkTlsAnyHost,
        Self::DbPasswordFile,
    ];

    /// The flag without its dashes.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The environment variable, for example `DSCTL_DS_VERSION`.
    #[must_use]
    pub fn variable(self) -> String {
        format!("DSCTL_{}", self.name().replace('-', "_").to_uppercase())
    }

    /// Whether it says which cluster is meant, or how it is reached and read: not how long anything
    /// may take, nor how it is shown.
    #[must_use]
    pub fn is_of_cluster(self) -> bool {
        self < Self::SessionTimeout
    }

    /// Whether it says how to log in at ZooKeeper, or to encrypt.
    #[must_use]
    pub(super) fn is_of_zookeepers_client(self) -> bool {
        (Self::ZkDigestFile..=Self::ZkTlsAnyHost).contains(&self)
    }

    /// The option with this name, if there is one.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        name.parse().ok()
    }
}

/// The source of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag,
    /// This environment variable.
    Environment(String),
    /// This configuration file.
    File {
        /// Which.
        path: PathBuf,
        /// Counted from one.
        line: usize,
    },
    /// A credential from systemd.
    Credential(PathBuf),
    /// The value was not set.
    BuiltIn,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("the command line"),
            Self::Environment(name) => f.write_str(name),
            Self::File { path, line } => write!(f, "{}, line {line}", path.display()),
            Self::Credential(path) => write!(f, "the credential {}", path.display()),
            Self::BuiltIn => f.write_str("the built-in default"),
        }
    }
}
