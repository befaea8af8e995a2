//! The sources of settings: command line, environment, files. The first that has a value wins.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use super::file::ConfigFile;
use super::{ConfigError, Key, Origin};
use crate::options::GlobalArgs;

/// The environment of the process, as a value, so that tests need no real one.
#[derive(Clone, Default)]
pub struct Environment {
    /// Its variables.
    pub variables: BTreeMap<OsString, OsString>,
    /// The system-wide configuration file.
    pub system_file: PathBuf,
    /// The folder where systemd keeps the state of an installed service.
    pub service_folder: PathBuf,
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Variables may contain passwords.
        f.debug_struct("Environment")
            .field("system_file", &self.system_file)
            .finish_non_exhaustive()
    }
}

impl Environment {
    /// The environment of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self {
            variables: std::env::vars_os().collect(),
            system_file: PathBuf::from("/etc/dsctl/config.toml"),
            service_folder: PathBuf::from("/var/lib/dsctl"),
        }
    }

    /// A variable that is set and not empty.
    pub(crate) fn variable(&self, name: &str) -> Option<&OsString> {
        self.variables
            .get(std::ffi::OsStr::new(name))
            .filter(|value| !value.is_empty())
    }

    /// A variable that names an absolute path; the XDG specification says to ignore relative ones.
    pub(crate) fn absolute_path(&self, name: &str) -> Option<PathBuf> {
        self.variable(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    }

    fn user_file(&self) -> Option<PathBuf> {
        let home = || self.absolute_path("HOME").map(|home| home.join(".config"));
        Some(
            self.absolute_path("XDG_CONFIG_HOME")
                .or_else(home)?
                .join("dsctl/config.toml"),
        )
    }
}

/// A value as text, and its source.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) text: String,
    pub(super) origin: Origin,
    /// Zero is the command line, one the environment; the smaller one wins.
    pub(super) rank: usize,
}

/// Rank of the environment; the files follow.
pub(super) const ENVIRONMENT_RANK: usize = 1;

/// Environment and files in order; the command line comes before them.
#[derive(Debug)]
pub(super) struct Sources<'a> {
    pub(super) environment: &'a Environment,
    files: Vec<ConfigFile>,
}

impl<'a> Sources<'a> {
    /// Reads the files. An explicit one must exist, and replaces the default files: their database
    /// must not be combined with another cluster's registry. The two default files need not exist.
    pub(super) fn open(
        arguments: &GlobalArgs,
        environment: &'a Environment,
    ) -> Result<Self, ConfigError> {
        let asked_for = arguments.connection.config.clone();
        let asked_for =
            asked_for.or_else(|| environment.variable("DSCTL_CONFIG").map(PathBuf::from));
        if let Some(path) = asked_for {
            let missing = || ConfigError::File {
                path: path.clone(),
                problem: "no such file".to_owned(),
            };
            let file = ConfigFile::read(&path)?.ok_or_else(missing)?;
            return Ok(Self {
                environment,
                files: vec![file],
            });
        }
        let mut files = Vec::new();
        for path in environment
            .user_file()
            .iter()
            .chain([&environment.system_file])
        {
            files.extend(ConfigFile::read(path)?);
        }
        Ok(Self { environment, files })
    }

    /// Only the environment.
    pub(super) fn without_files(environment: &'a Environment) -> Self {
        Self {
            environment,
            files: Vec::new(),
        }
    }

    /// The value from the environment or else from the first file.
    pub(super) fn find(&self, key: Key) -> Result<Option<Found>, ConfigError> {
        Ok(self.in_environment(key)?.or_else(|| self.in_files(key)))
    }

    fn in_environment(&self, key: Key) -> Result<Option<Found>, ConfigError> {
        self.text_variable(key.name(), &key.variable())
    }

    /// A variable as text; empty ones count as not set.
    pub(super) fn text_variable(
        &self,
        key: &'static str,
        name: &str,
    ) -> Result<Option<Found>, ConfigError> {
        let Some(value) = self.environment.variable(name) else {
            return Ok(None);
        };
        let origin = Origin::Environment(name.to_owned());
        match value.to_str() {
            Some(text) => Ok(Some(Found {
                text: text.to_owned(),
                origin,
                rank: ENVIRONMENT_RANK,
            })),
            None => Err(ConfigError::Value {
                key,
                origin,
                problem: "it is not UTF-8".to_owned(),
                hint: None,
            }),
        }
    }

    fn in_files(&self, key: Key) -> Option<Found> {
        self.files.iter().enumerate().find_map(|(index, file)| {
            let entry = file.entries.iter().find(|entry| entry.key == key)?;
            let origin = Origin::File {
                path: file.path.clone(),
                line: entry.line,
            };
            Some(Found {
                text: entry.text.clone(),
                origin,
                rank: ENVIRONMENT_RANK + 1 + index,
            })
        })
    }
}
