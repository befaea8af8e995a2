//! Errors in the settings.

use std::path::PathBuf;

use super::Origin;

/// Settings that are invalid or missing. No connection was made. No message contains a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Neither registry nor database is configured.
    #[error("neither the registry nor the metadata database is configured")]
    NothingConfigured {
        /// Where a master that runs here was started from.
        running: Option<PathBuf>,
    },
    /// No database is configured.
    #[error("the metadata database is not configured")]
    NoDatabase,
    /// A database server is configured, but no registry.
    #[error("the registry that the masters use is not configured")]
    NoRegistry,
    /// `--registry zookeeper` without servers.
    #[error("the registry is ZooKeeper, but its servers are not configured")]
    NoZooKeeper,
    /// `--registry jdbc` and ZooKeeper servers from the same source.
    #[error(
        "ZooKeeper servers are configured ({zk}), but also another registry than ZooKeeper \
         ({registry})"
    )]
    TwoRegistries {
        /// Where the servers are configured.
        zk: Origin,
        /// Where the registry's kind is configured.
        registry: Origin,
    },
    /// An installation is asked for, but a source that goes before its files states another place.
    #[error(
        "--ds-home ({home}) asks for an installation, but {key} is set in {stated} and would go before the installation's own"
    )]
    TwoClusters {
        /// Where the installation is named.
        home: Origin,
        /// The option that is set as well.
        key: &'static str,
        /// Where it is set.
        stated: Origin,
    },
    /// A value is invalid for the option.
    #[error("{key} from {origin} cannot be used: {problem}")]
    Value {
        /// The option's name.
        key: &'static str,
        /// The source of the value.
        origin: Origin,
        /// What is wrong, without the value.
        problem: String,
        /// What to do.
        hint: Option<String>,
    },
    /// A configuration file cannot be read.
    #[error("the configuration file {} cannot be read: {problem}", path.display())]
    File {
        /// The path.
        path: PathBuf,
        /// The system's message.
        problem: String,
    },
    /// A configuration file is not TOML, or has an unknown key.
    #[error("{}, line {line}: {problem}", path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// Counted from one.
        line: usize,
        /// What is wrong, without the value.
        problem: String,
        /// What to do.
        hint: Option<String>,
    },
    /// A folder that was given as an installation is none.
    #[error("{} ({origin}) has no configuration of DolphinScheduler", folder.display())]
    NoInstallation {
        /// The path.
        folder: PathBuf,
        /// Where it is given.
        origin: Origin,
    },
    /// A file with a secret cannot be used.
    #[error("the file {} ({key} from {origin}) cannot be used: {problem}", path.display())]
    SecretFile {
        /// The option's name.
        key: &'static str,
        /// The source of the option.
        origin: Origin,
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
        /// What to do.
        hint: Option<String>,
    },
}

impl ConfigError {
    /// The option whose value cannot be used, if it is about one.
    #[must_use]
    pub fn setting(&self) -> Option<&'static str> {
        match self {
            Self::Value { key, .. } | Self::SecretFile { key, .. } => Some(key),
            _ => None,
        }
    }

    /// Where that value came from.
    #[must_use]
    pub fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Value { origin, .. } | Self::SecretFile { origin, .. } => Some(origin),
            _ => None,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NothingConfigured { running: Some(folder) } => Some(format!(
                "a master runs here from {0}: try --ds-home {0}; or {ZK}; {DB}",
                folder.display()
            )),
            Self::NothingConfigured { running: None } => Some(format!(
                "on a node of DolphinScheduler give its folder with --ds-home DIR; or {ZK}; {DB}; `dsctl demo` needs nothing"
            )),
            Self::NoDatabase => Some(format!("{DB}; `dsctl demo` needs nothing")),
            Self::NoRegistry => Some(format!(
                "{ZK}; or --registry jdbc if the masters' registry is in the database"
            )),
            Self::NoZooKeeper => Some(ZK.to_owned()),
            Self::TwoRegistries { .. } => Some("omit one of the two".to_owned()),
            Self::TwoClusters { .. } => Some(
                "they may be two clusters: omit one of the two, or give --zk and --db next to --ds-home"
                    .to_owned(),
            ),
            Self::NoInstallation { .. } => Some(
                "give the folder that has master-server/conf/application.yaml (3.x) or conf/ (1.x, 2.0) in it"
                    .to_owned(),
            ),
            Self::File { problem, .. } if problem.contains("ermission denied") => Some(
                "run dsctl as a user that may read it; DolphinScheduler's files are its own user's".to_owned(),
            ),
            Self::File { .. } => {
                Some("see `dsctl help environment` for the files that are read".to_owned())
            }
            Self::Value { hint, .. } | Self::Line { hint, .. } | Self::SecretFile { hint, .. } => {
                hint.clone()
            }
        }
    }
}

const ZK: &str =
    "set the registry with --zk HOST:PORT (or DSCTL_ZK, or zk in the configuration file)";
const DB: &str = "set the database with --db mysql://USER@HOST/DATABASE (or DSCTL_DB, or db in \
    the configuration file)";
