//! What an installation says of our settings.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use super::installation::{Installation, known};
use super::java;
use super::layouts::{LastStart, of_1, of_2, of_3, of_container};
use super::read::{read_properties, read_yaml};
use super::spring::{Properties, Property, Unknown};
use super::zk_client::{self, SaslOfMasters};
use crate::config::stated::Stated;
use crate::config::{ConfigError, Key, Origin};
use crate::secret::{KerberosLogin, Secret};

/// User and password of the database, where they stand outside its URL.
#[derive(Clone, Debug, Default)]
pub(in crate::config) struct Login {
    pub(in crate::config) user: Option<String>,
    pub(in crate::config) password: Option<(Secret, Origin)>,
}

/// What an installation says. A value that cannot be known is an error only for whom asks for it.
pub(in crate::config) struct DsHome {
    values: BTreeMap<Key, Result<Stated, ConfigError>>,
    login: Result<Login, ConfigError>,
    digest: Result<Option<(Secret, Origin)>, ConfigError>,
    sasl: Result<Option<SaslOfMasters>, ConfigError>,
    earlier: Option<Earlier>,
    java_unknown: Option<(String, Origin)>,
}

/// What the masters were last started with, where that differs from what they are to be started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct Earlier {
    /// What differs.
    pub(in crate::config) keys: Vec<Key>,
    /// The shell file whose values are used.
    pub(in crate::config) shared: PathBuf,
    /// The copy of an earlier one.
    pub(in crate::config) copy: PathBuf,
}

impl fmt::Debug for DsHome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The database's URL may hold a password.
        f.debug_struct("DsHome").finish_non_exhaustive()
    }
}

impl DsHome {
    /// Reads the files of an installation; `None` if the folder is none.
    ///
    /// # Errors
    /// Files that cannot be read, and lines of them that cannot be understood.
    pub(in crate::config) fn open(
        folder: &Path,
        environment: &BTreeMap<OsString, OsString>,
    ) -> Result<Option<Self>, ConfigError> {
        let servers = ["master-server", "api-server"].map(|server| folder.join(server));
        for server in servers.into_iter().chain([folder.to_owned()]) {
            if let Some(base) = read_yaml(&server.join("conf/application.yaml"))? {
                let (installation, last_start) = of_3(folder, &server, base, environment)?;
                let mut home = Self::from(&installation);
                home.earlier = last_start.and_then(|last_start| home.differs(last_start));
                return Ok(Some(home));
            }
        }
        let conf = folder.join("conf");
        if let Some(registry) = read_properties(&conf.join("registry.properties"))? {
            let installation = of_2(folder, registry, environment)?;
            return Ok(Some(Self::from(&installation)));
        }
        Ok(of_1(folder, environment)?.map(|installation| Self::from(&installation)))
    }

    /// What the environment alone says, as in a container; `None` if it does not name a database.
    pub(in crate::config) fn of_environment(
        environment: &BTreeMap<OsString, OsString>,
    ) -> Option<Self> {
        of_container(environment).map(|installation| Self::from(&installation))
    }

    pub(in crate::config) fn get(&self, key: Key) -> Result<Option<Stated>, ConfigError> {
        self.values.get(&key).cloned().transpose()
    }

    pub(in crate::config) fn login(&self) -> Result<Login, ConfigError> {
        self.login.clone()
    }

    /// The masters' login at ZooKeeper with SASL.
    pub(in crate::config) fn sasl(&self) -> Result<Option<SaslOfMasters>, ConfigError> {
        self.sasl.clone()
    }

    /// What the masters may still be running with.
    pub(in crate::config) fn earlier(&self) -> Option<&Earlier> {
        self.earlier.as_ref()
    }

    /// The variable with options of the masters' Java that only running its file would tell.
    pub(in crate::config) fn java_unknown(&self) -> Option<&(String, Origin)> {
        self.java_unknown.as_ref()
    }

    fn differs(&self, last_start: LastStart) -> Option<Earlier> {
        let other = Self::from(&last_start.installation);
        let keys: Vec<Key> = Key::OF_HOME
            .into_iter()
            .filter(|key| self.texts(*key) != other.texts(*key))
            .collect();
        (!keys.is_empty()).then_some(Earlier {
            keys,
            shared: last_start.shared,
            copy: last_start.own,
        })
    }

    /// A value alone, so that it can be compared with that of another file; the user belongs to the
    /// database. `None` if it cannot be known.
    fn texts(&self, key: Key) -> Option<Vec<String>> {
        let login = self.login.as_ref();
        let secret = |(secret, _): &(Secret, Origin)| secret.expose().to_owned();
        Some(match key {
            Key::ZkDigestFile => self.digest.as_ref().ok()?.iter().map(secret).collect(),
            Key::ZkSaslFile => match self.sasl.as_ref().ok()? {
                None => Vec::new(),
                Some(SaslOfMasters::Digest(user, password, _)) => {
                    vec![user.clone(), password.expose().to_owned()]
                }
                // For which service, the key for that says.
                Some(SaslOfMasters::Kerberos(..)) => vec![KerberosLogin::NAME.to_owned()],
                Some(SaslOfMasters::NotBuiltIn { name, .. }) => vec![name.clone()],
                Some(SaslOfMasters::Unreadable { .. }) => return None,
            },
            Key::DbPasswordFile => login.ok()?.password.iter().map(secret).collect(),
            key => {
                let stated = self.get(key).ok()?.map(|stated| stated.text);
                let user = match key {
                    Key::Db => login.ok()?.user.clone(),
                    _ => None,
                };
                stated.into_iter().chain(user).collect()
            }
        })
    }

    /// `user:password` for ZooKeeper.
    pub(in crate::config) fn digest(&self) -> Result<Option<(Secret, Origin)>, ConfigError> {
        self.digest.clone()
    }
}

impl From<&Installation> for DsHome {
    fn from(installation: &Installation) -> Self {
        let names = &installation.registry;
        let kind = installation.kind().transpose();
        // Servers of ZooKeeper stand in every file, also where the registry is another one.
        let zookeeper = kind.is_none();
        let values = [
            (Key::Registry, kind),
            (
                Key::Zk,
                stated("zk", installation.of_registry(names.servers)).filter(|_| zookeeper),
            ),
            (
                Key::Namespace,
                installation.namespace().transpose().filter(|_| zookeeper),
            ),
            (
                Key::Db,
                stated("db", installation.properties.get("spring.datasource.url")),
            ),
            (
                Key::TimeZone,
                stated("time-zone", installation.time_zone.clone()),
            ),
        ];
        let (system, folder) = (&installation.system, &installation.folder);
        let sasl = if zookeeper {
            zk_client::sasl(system, folder)
        } else {
            Ok(None)
        };
        let kerberos = kerberos(&sasl).map(|stated| (Key::ZkKerberos, Ok(stated)));
        let tls = zk_client::tls(system, folder).into_iter();
        let tls = tls.filter(|_| zookeeper).map(|(key, tls)| (key, Ok(tls)));
        Self {
            values: values
                .into_iter()
                .filter_map(|(key, value)| Some((key, value?)))
                .chain(kerberos)
                .chain(tls)
                .collect(),
            login: login(&installation.properties),
            digest: known(
                "the ZooKeeper digest",
                installation.of_registry(names.digest),
            )
            .map(|digest| {
                digest
                    .filter(|digest| zookeeper && !digest.text.trim().is_empty())
                    .map(|digest| (Secret::new(digest.text), digest.origin))
            }),
            sasl,
            earlier: None,
            java_unknown: java::unknown(system)
                .map(|options| (options.name.clone(), options.origin.clone())),
        }
    }
}

/// The service of a login that is built in.
fn kerberos(sasl: &Result<Option<SaslOfMasters>, ConfigError>) -> Option<Stated> {
    match sasl {
        Ok(Some(SaslOfMasters::Kerberos(login, origin))) if KerberosLogin::IS_BUILT_IN => {
            Some(Stated {
                text: login.service.to_string(),
                origin: origin.clone(),
            })
        }
        _ => None,
    }
}

fn login(properties: &Properties) -> Result<Login, ConfigError> {
    let user = known("db", properties.get("spring.datasource.username"))?;
    let password = known("db-password", properties.get("spring.datasource.password"))?;
    Ok(Login {
        user: user.map(|user| user.text),
        password: password.map(|password| (Secret::new(password.text), password.origin)),
    })
}

fn stated(
    key: &'static str,
    property: Result<Option<Property>, Unknown>,
) -> Option<Result<Stated, ConfigError>> {
    let stated = |property: Property| Stated {
        text: property.text,
        origin: property.origin,
    };
    known(key, property)
        .map(|property| property.map(stated))
        .transpose()
}
