//! Settings, and the source of each.
//!
//! The first source that has a value wins: command line, environment,
//! `$XDG_CONFIG_HOME/dsctl/config.toml`, `/etc/dsctl/config.toml`, DolphinScheduler's own files,
//! built-in defaults. The file of `--config` or `DSCTL_CONFIG` replaces those two files.

mod answers;
mod client_certificate;
mod client_files;
mod database;
mod db_login;
mod db_tls;
mod ds_home;
mod error;
mod file;
mod hosts;
mod key;
mod last_start;
mod listing;
mod mute;
mod option_file;
mod parameter_names;
mod parameters;
mod pgpass;
mod resolve;
mod resolver;
mod secrets;
mod socket;
mod source;
mod stated;
mod survey;
mod troubles;
mod typed;
mod warning;
mod zk_login;
mod zk_tls;

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;

pub use crate::options::value::RegistryKind;
pub use answers::output_settings;
pub use database::{DbTarget, UrlError};
pub use error::ConfigError;
pub use key::{Key, Origin};
pub use listing::Listed;
pub use mute::Mute;
pub use parameter_names::Misspelt;
pub use resolve::{resolve, survey};
pub use secrets::{SecretInput, SecretPrompt};
pub use source::Environment;
pub use survey::Survey;
pub use typed::TypedOptions;
pub use warning::Warning;

use crate::metadata::snapshot::is_snapshot;
use crate::model::{Ensemble, Namespace, Version};
use crate::output::OutputSettings;
use crate::secret::{SaslLogin, Secret, ZkTls};

/// The settings that a command needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything; passwords are read.
    Cluster,
    /// Nothing about servers: their settings are neither read nor checked (`demo`).
    Local,
}

/// All settings besides a command's own options.
#[derive(Clone, Debug)]
pub struct Settings {
    /// ZooKeeper's servers, and the chroot.
    pub zk: Option<Ensemble>,
    /// `user:password` for ZooKeeper.
    pub zk_digest: Option<Secret>,
    /// User and password for a login at ZooKeeper with SASL.
    pub zk_sasl: Option<SaslLogin>,
    /// How connections to ZooKeeper are encrypted, if they are.
    pub zk_tls: Option<ZkTls>,
    /// The metadata database.
    pub db: Option<DbTarget>,
    /// Which registry; `None` if it was not set. [`Settings::registry`] decides.
    pub registry: Option<RegistryKind>,
    /// Root of the cluster's entries in the registry.
    pub namespace: Namespace,
    /// The release, if the operator specifies it.
    pub ds_version: Option<Version>,
    /// The zone in which masters write times.
    pub time_zone: Option<TimeZone>,
    /// Timeout of each network operation.
    pub timeout: Duration,
    /// Timeout of each statement.
    pub statement_timeout: Duration,
    /// How long the registry keeps locks of a client without a heartbeat.
    pub session_timeout: Duration,
    /// How to answer.
    pub output: OutputSettings,
    /// What is found and is no alarm, of all files that are read.
    pub mutes: Vec<Mute>,
    /// Warnings about valid settings.
    pub warnings: Vec<Warning>,
    /// The installation whose files were read.
    pub ds_home: Option<PathBuf>,
    /// Where a master that runs here was started from, if nothing says which cluster is meant.
    pub(crate) running: Option<PathBuf>,
    /// Where the database's password came from.
    pub(crate) db_password_origin: Option<Origin>,
    /// Where the digest came from.
    pub(crate) zk_digest_origin: Option<Origin>,
    /// Where the SASL login came from.
    pub(crate) zk_sasl_origin: Option<Origin>,
    /// Whether ZooKeeper's certificates may name any host, also where there is no TLS for that.
    pub(crate) zk_tls_any_host: bool,
    /// The files of certificates and key.
    pub(crate) zk_tls_files: Vec<(Key, PathBuf)>,
    /// The files of the client's certificate for the database that are given as options.
    pub(crate) db_tls_files: Vec<(Key, PathBuf)>,
    /// The source of each value; values that are not listed are built-in defaults.
    pub(crate) origins: Vec<(Key, Origin)>,
}

/// The registry to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistryTarget<'a> {
    /// ZooKeeper.
    ZooKeeper(&'a Ensemble),
    /// DolphinScheduler's own, in this database.
    Jdbc(&'a DbTarget),
    /// What a snapshot has of it, whatever is set: in this file.
    Snapshot(&'a Path),
}

impl Settings {
    /// The metadata database.
    ///
    /// # Errors
    /// [`ConfigError::NothingConfigured`], [`ConfigError::NoDatabase`].
    pub fn database(&self) -> Result<&DbTarget, ConfigError> {
        self.db.as_ref().ok_or_else(|| self.without_database())
    }

    /// The registry. A snapshot has the one that it was taken of; what it shows belongs to no other.
    /// Another SQLite file without ZooKeeper settings has its own: `demo` creates such a file.
    ///
    /// # Errors
    /// [`ConfigError::NothingConfigured`], [`ConfigError::NoZooKeeper`],
    /// [`ConfigError::NoDatabase`], [`ConfigError::NoRegistry`].
    pub fn registry(&self) -> Result<RegistryTarget<'_>, ConfigError> {
        if let Some(DbTarget::Sqlite(file)) = &self.db
            && is_snapshot(file)
        {
            return Ok(RegistryTarget::Snapshot(file));
        }
        match (&self.zk, self.registry, &self.db) {
            (Some(zk), _, _) => Ok(RegistryTarget::ZooKeeper(zk)),
            (None, Some(RegistryKind::ZooKeeper), _) => Err(ConfigError::NoZooKeeper),
            (None, Some(RegistryKind::Jdbc), Some(db))
            | (None, None, Some(db @ DbTarget::Sqlite(_))) => Ok(RegistryTarget::Jdbc(db)),
            (None, None, Some(_)) => Err(ConfigError::NoRegistry),
            (None, _, None) => Err(self.without_database()),
        }
    }

    fn without_database(&self) -> ConfigError {
        if self.zk.is_none() && self.registry.is_none() {
            ConfigError::NothingConfigured {
                running: self.running.clone(),
            }
        } else {
            ConfigError::NoDatabase
        }
    }

    /// Where a value came from.
    #[must_use]
    pub fn origin(&self, key: Key) -> &Origin {
        self.origins
            .iter()
            .find(|(of, _)| *of == key)
            .map_or(&Origin::BuiltIn, |(_, origin)| origin)
    }
}

#[cfg(test)]
mod tests;
