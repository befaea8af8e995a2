//! What can be wrong with the settings.

use std::path::PathBuf;

use super::Origin;

/// Settings that cannot be used, or that are missing. Nothing was connected to. No message holds a
/// password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Neither registry nor database is known.
    #[error("neither the registry nor the metadata database is configured")]
    NothingConfigured {
        /// Where a master that runs here was started from.
        running: Option<PathBuf>,
    },
    /// No database is known.
    #[error("the metadata database is not configured")]
    NoDatabase,
    /// A database server is known, but no registry.
    #[error("the registry that the masters use is not configured")]
    NoRegistry,
    /// `--registry zookeeper` without servers.
    #[error("the registry is ZooKeeper, but its servers are not configured")]
    NoZooKeeper,
    /// `--registry jdbc` beside ZooKeeper servers from the same place.
    #[error(
        "ZooKeeper servers are given ({zk}), and also that the registry is not ZooKeeper ({registry})"
    )]
    TwoRegistries {
        /// Where the servers are given.
        zk: Origin,
        /// Where the registry's kind is given.
        registry: Origin,
    },
    /// An installation is asked for, but servers stated further away would go before its own.
    #[error(
        "--ds-home ({home}) asks for an installation, but {key} is set in {stated} and would go before the installation's own"
    )]
    TwoClusters {
        /// Where the installation is named.
        home: Origin,
        /// What is stated besides.
        key: &'static str,
        /// Where.
        stated: Origin,
    },
    /// A value is not what the option needs.
    #[error("{key} from {origin} cannot be used: {problem}")]
    Value {
        /// The option's name.
        key: &'static str,
        /// Where the value stands.
        origin: Origin,
        /// What is wrong, without the value.
        problem: String,
        /// What to do.
        hint: Option<String>,
    },
    /// A configuration file cannot be read.
    #[error("the configuration file {} cannot be read: {problem}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        problem: String,
    },
    /// A configuration file is no TOML, or says something unknown.
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
        /// Which.
        folder: PathBuf,
        /// Where it is given.
        origin: Origin,
    },
    /// A file with a secret cannot be used.
    #[error("the file {} ({key} from {origin}) cannot be used: {problem}", path.display())]
    SecretFile {
        /// The option's name.
        key: &'static str,
        /// Where the option stands.
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
                "{ZK}; or --registry jdbc if the masters keep it in the database"
            )),
            Self::NoZooKeeper => Some(ZK.to_owned()),
            Self::TwoRegistries { .. } => Some("leave one of the two out".to_owned()),
            Self::TwoClusters { .. } => Some(
                "they may be two clusters: leave one of the two out, or give --zk and --db beside --ds-home"
                    .to_owned(),
            ),
            Self::NoInstallation { .. } => Some(
                "give the folder that has master-server/conf/application.yaml (3.x) or conf/ (1.x, 2.0) in it"
                    .to_owned(),
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
    "give the registry with --zk HOST:PORT (or DSCTL_ZK, or zk in the configuration file)";
const DB: &str = "give the database with --db mysql://USER@HOST/DATABASE (or DSCTL_DB, or db in the configuration file)";
