//! Where settings are looked for: command line, environment, files, DolphinScheduler's own files. The
//! first that says something wins.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use super::ds_home::DsHome;
use super::file::ConfigFile;
use super::mute::Mute;
use super::stated::Stated;
use super::troubles::Troubles;
use super::{ConfigError, Key, Origin, Warning};
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
    /// Where DolphinScheduler is installed, if nothing else is said: as its images have it.
    pub usual_home: PathBuf,
    /// Where the kernel shows its processes.
    pub processes: PathBuf,
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
            usual_home: PathBuf::from("/opt/dolphinscheduler"),
            processes: PathBuf::from("/proc"),
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

/// A place that may state settings. A new kind of place is one more of these in the list of
/// [`Sources::open`].
pub(super) trait SettingSource {
    /// What it states for a key.
    ///
    /// # Errors
    /// Something is stated there that cannot be known.
    fn get(&self, key: Key) -> Result<Option<Stated>, ConfigError>;
}

impl SettingSource for Environment {
    fn get(&self, key: Key) -> Result<Option<Stated>, ConfigError> {
        self.text(key.name(), &key.variable())
    }
}

impl Environment {
    /// A variable as text; empty ones count as not set.
    pub(super) fn text(
        &self,
        key: &'static str,
        name: &str,
    ) -> Result<Option<Stated>, ConfigError> {
        let Some(value) = self.variable(name) else {
            return Ok(None);
        };
        let origin = Origin::Environment(name.to_owned());
        match value.to_str() {
            Some(text) => Ok(Some(Stated {
                text: text.to_owned(),
                origin,
            })),
            None => Err(ConfigError::Value {
                key,
                origin,
                problem: "it is not UTF-8".to_owned(),
                hint: None,
            }),
        }
    }
}

impl SettingSource for ConfigFile {
    fn get(&self, key: Key) -> Result<Option<Stated>, ConfigError> {
        let entry = self.entries.iter().find(|entry| entry.key == key);
        Ok(entry.map(|entry| Stated {
            text: entry.text.clone(),
            origin: Origin::File {
                path: self.path.clone(),
                line: entry.line,
            },
        }))
    }
}

impl SettingSource for DsHome {
    fn get(&self, key: Key) -> Result<Option<Stated>, ConfigError> {
        DsHome::get(self, key)
    }
}

/// A value as text, where it stands, and how much that place counts.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) text: String,
    pub(super) origin: Origin,
    /// Zero is the command line; the smaller one wins.
    pub(super) rank: usize,
}

/// Rank of the environment; the files follow, and DolphinScheduler's own.
pub(super) const ENVIRONMENT_RANK: usize = 1;

/// What an installation says of its ZooKeeper besides the servers.
const OF_ZOOKEEPER: [Key; 5] = [
    Key::ZkKerberos,
    Key::ZkTls,
    Key::ZkTlsCa,
    Key::ZkTlsCert,
    Key::ZkTlsAnyHost,
];

/// All places in order; the command line comes before them.
#[derive(Debug)]
pub(super) struct Sources<'a> {
    pub(super) environment: &'a Environment,
    files: Vec<ConfigFile>,
    /// Whether all of them could be read.
    are_files_known: bool,
    /// Whether ZooKeeper's servers stand on the command line.
    is_zk_typed: bool,
    home: Option<(DsHome, HomePlace)>,
}

/// The folder of an installation, `None` for the environment alone; and where the folder is named.
pub(super) type HomePlace = (Option<PathBuf>, Origin);

impl<'a> Sources<'a> {
    /// Reads dsctl's own files. An explicit one must exist, and replaces the default files: their
    /// database must not be combined with another cluster's registry. The two default files need
    /// not exist. Behind one that cannot be read nothing else is: what it says would go before.
    pub(super) fn open(
        arguments: &GlobalArgs,
        environment: &'a Environment,
        troubles: &mut Troubles,
    ) -> Result<Self, ConfigError> {
        let mut sources = Self::without_files(environment);
        for file in Self::own_files(arguments, environment) {
            let Some(mut file) = troubles.keep(file)? else {
                sources.are_files_known = false;
                break;
            };
            for mistake in file.mistakes.drain(..) {
                troubles.keep::<()>(Err(mistake))?;
            }
            sources.files.push(file);
        }
        Ok(sources)
    }

    /// Each that is there, or why it cannot be read.
    fn own_files(
        arguments: &GlobalArgs,
        environment: &Environment,
    ) -> Vec<Result<ConfigFile, ConfigError>> {
        let asked_for = arguments.connection.config.clone();
        let asked_for =
            asked_for.or_else(|| environment.variable("DSCTL_CONFIG").map(PathBuf::from));
        if let Some(path) = asked_for {
            let missing = || ConfigError::File {
                path: path.clone(),
                problem: "no such file".to_owned(),
            };
            return vec![ConfigFile::read(&path).and_then(|file| file.ok_or_else(missing))];
        }
        let usual = environment.user_file();
        let usual = usual.iter().chain([&environment.system_file]);
        usual
            .filter_map(|path| ConfigFile::read(path).transpose())
            .collect()
    }

    /// Only the environment.
    pub(super) fn without_files(environment: &'a Environment) -> Self {
        Self {
            environment,
            files: Vec::new(),
            are_files_known: true,
            is_zk_typed: false,
            home: None,
        }
    }

    /// The mutes of all files: none of them takes another's place.
    pub(super) fn mutes(&self) -> Vec<Mute> {
        let files = self.files.iter();
        files.flat_map(|file| file.mutes.iter().cloned()).collect()
    }

    /// Whether dsctl's own files could be read.
    pub(super) fn are_files_known(&self) -> bool {
        self.are_files_known
    }

    /// Reads DolphinScheduler's own files: of the folder that was asked for, or else, as long as
    /// nothing says which cluster is meant, of the folder that the environment names, of the usual
    /// one, or what the environment itself says. So a registry that was given is never put together
    /// with the database of an installation that only happens to be there.
    pub(super) fn read_home(
        &mut self,
        arguments: &GlobalArgs,
    ) -> Result<Option<Warning>, ConfigError> {
        if !self.are_files_known {
            return Ok(None);
        }
        self.is_zk_typed = arguments.connection.zk.is_some();
        let flag = arguments
            .connection
            .ds_home
            .clone()
            .map(|path| (path, Origin::Flag, 0));
        let stated = self.find(Key::DsHome)?;
        let asked_for = flag
            .or_else(|| stated.map(|found| (PathBuf::from(found.text), found.origin, found.rank)));
        let servers = self.stated_servers(arguments)?;
        let variables = &self.environment.variables;
        if let Some((folder, origin, rank)) = asked_for {
            // Closer to the command line they may mean another cluster, which the rest of the
            // installation must not complete.
            if servers.iter().any(|(.., stated)| *stated < rank) {
                return Ok(Some(Warning::InstallationNotRead));
            }
            // Whoever names an installation means its cluster: those that are stated further away
            // must neither take its place nor be put together with the rest of it.
            if let Some((key, stated, _)) = servers.into_iter().find(|(.., stated)| *stated > rank)
            {
                return Err(ConfigError::TwoClusters {
                    home: origin,
                    key: key.name(),
                    stated,
                });
            }
            let Some(home) = DsHome::open(&folder, variables)? else {
                return Err(ConfigError::NoInstallation { folder, origin });
            };
            self.home = Some((home, (Some(folder), origin)));
            return Ok(None);
        }
        if !servers.is_empty() {
            return Ok(None);
        }
        let variable = "DOLPHINSCHEDULER_HOME";
        let named = self
            .environment
            .absolute_path(variable)
            .map(|folder| (folder, Origin::Environment(variable.to_owned())));
        let usual = Some(self.environment.usual_home.clone())
            .filter(|folder| folder.is_absolute())
            .map(|folder| (folder, Origin::BuiltIn));
        for (folder, origin) in named.into_iter().chain(usual) {
            if let Some(home) = DsHome::open(&folder, variables)? {
                self.home = Some((home, (Some(folder), origin)));
                return Ok(None);
            }
        }
        self.home = DsHome::of_environment(variables).map(|home| (home, (None, Origin::BuiltIn)));
        Ok(None)
    }

    /// Which installation is read, and where that is said.
    pub(super) fn home_place(&self) -> Option<HomePlace> {
        self.home.as_ref().map(|(_, place)| place.clone())
    }

    /// Where servers are stated, each by the place that is closest to the command line, with its
    /// rank.
    fn stated_servers(
        &self,
        arguments: &GlobalArgs,
    ) -> Result<Vec<(Key, Origin, usize)>, ConfigError> {
        let connection = &arguments.connection;
        let mut stated = Vec::new();
        for (key, flagged) in [
            (Key::Zk, connection.zk.is_some()),
            (Key::Db, connection.db.is_some()),
            (Key::Registry, connection.registry.is_some()),
        ] {
            if flagged {
                stated.push((key, Origin::Flag, 0));
            } else if let Some(found) = self.find(key)? {
                stated.push((key, found.origin, found.rank));
            }
        }
        Ok(stated)
    }

    /// DolphinScheduler's own files, and their rank.
    pub(super) fn home(&self) -> Option<(&DsHome, usize)> {
        let rank = ENVIRONMENT_RANK + 1 + self.files.len();
        self.home.as_ref().map(|(home, _)| (home, rank))
    }

    /// DolphinScheduler's own files, where ZooKeeper's servers are theirs: how they log in there and
    /// encrypt is for no other servers.
    pub(super) fn zk_of_home(&self) -> Option<&DsHome> {
        let (home, rank) = self.home()?;
        let servers = self.find(Key::Zk).ok()??;
        (!self.is_zk_typed && servers.rank == rank).then_some(home)
    }

    /// What the first place says that says anything.
    pub(super) fn find(&self, key: Key) -> Result<Option<Found>, ConfigError> {
        let environment: &dyn SettingSource = self.environment;
        let files = self.files.iter().map(|file| file as &dyn SettingSource);
        let home = self.home.iter().map(|(home, _)| home as &dyn SettingSource);
        let home = home.filter(|_| !OF_ZOOKEEPER.contains(&key) || self.zk_of_home().is_some());
        let places = std::iter::once(environment).chain(files).chain(home);
        for (rank, place) in places.enumerate() {
            if let Some(Stated { text, origin }) = place.get(key)? {
                return Ok(Some(Found {
                    text,
                    origin,
                    rank: ENVIRONMENT_RANK + rank,
                }));
            }
        }
        Ok(None)
    }
}
