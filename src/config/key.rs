//! The options that can be given on the command line, in the environment and in a file.

use std::fmt;
use std::path::PathBuf;

/// One such option. Its name is the flag without dashes, and the key in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// `--zk`
    Zk,
    /// `--db`
    Db,
    /// `--registry`
    Registry,
    /// `--namespace`
    Namespace,
    /// `--ds-version`
    DsVersion,
    /// `--time-zone`
    TimeZone,
    /// `--zk-digest-file`
    ZkDigestFile,
    /// `--db-password-file`
    DbPasswordFile,
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
    pub const ALL: [Self; 16] = [
        Self::Zk,
        Self::Db,
        Self::Registry,
        Self::Namespace,
        Self::DsVersion,
        Self::TimeZone,
        Self::ZkDigestFile,
        Self::DbPasswordFile,
        Self::SessionTimeout,
        Self::Timeout,
        Self::StatementTimeout,
        Self::Output,
        Self::NoHeaders,
        Self::Quiet,
        Self::Verbose,
        Self::Color,
    ];

    /// The flag without its dashes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Zk => "zk",
            Self::Db => "db",
            Self::Registry => "registry",
            Self::Namespace => "namespace",
            Self::DsVersion => "ds-version",
            Self::TimeZone => "time-zone",
            Self::ZkDigestFile => "zk-digest-file",
            Self::DbPasswordFile => "db-password-file",
            Self::SessionTimeout => "session-timeout",
            Self::Timeout => "timeout",
            Self::StatementTimeout => "statement-timeout",
            Self::Output => "output",
            Self::NoHeaders => "no-headers",
            Self::Quiet => "quiet",
            Self::Verbose => "verbose",
            Self::Color => "color",
        }
    }

    /// The environment variable, for example `DSCTL_DS_VERSION`.
    #[must_use]
    pub fn variable(self) -> String {
        format!("DSCTL_{}", self.name().replace('-', "_").to_uppercase())
    }

    /// The option of a name, if there is one.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.name() == name)
    }
}

/// Where a value came from.
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
    /// A credential that systemd handed over.
    Credential(PathBuf),
    /// Nobody said anything.
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
