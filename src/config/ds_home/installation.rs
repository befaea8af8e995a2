//! An installation, before it is asked for our settings.

use std::path::PathBuf;

use super::assignment::Assignment;
use super::spring::{Properties, Property, Unknown};
use crate::config::stated::Stated;
use crate::config::{ConfigError, Key};

/// How a release calls what it says of its registry.
pub(super) struct RegistryNames {
    pub(super) kind: Option<&'static str>,
    pub(super) servers: &'static str,
    pub(super) namespace: &'static str,
    pub(super) digest: &'static str,
}

impl RegistryNames {
    /// 1.x: `org.apache.dolphinscheduler.service.zk.ZookeeperConfig`.
    pub(super) const ZOOKEEPER: Self = Self {
        kind: None,
        servers: "zookeeper.quorum",
        namespace: "zookeeper.dolphinscheduler.root",
        digest: "zookeeper.connection.digest",
    };
    /// 2.0: `org.apache.dolphinscheduler.service.registry.RegistryCenter`.
    pub(super) const PLUGIN: Self = Self {
        kind: Some("registry.plugin.name"),
        servers: "registry.servers",
        namespace: "registry.namespace",
        digest: "registry.digest",
    };
    /// 3.x: `org.apache.dolphinscheduler.plugin.registry.zookeeper.ZookeeperRegistryProperties`.
    pub(super) const SPRING: Self = Self {
        kind: Some("registry.type"),
        servers: "registry.zookeeper.connect-string",
        namespace: "registry.zookeeper.namespace",
        digest: "registry.zookeeper.digest",
    };
}

/// An installation, before it is asked for our settings.
pub(super) struct Installation {
    pub(super) registry: RegistryNames,
    /// 2.0 keeps its registry's properties apart from Spring's.
    pub(super) registry_properties: Option<Properties>,
    pub(super) properties: Properties,
    /// The system properties of the master's Java.
    pub(super) system: Vec<Assignment>,
    /// Where the master is started.
    pub(super) folder: PathBuf,
    /// The zone that the master's start script gives to Java.
    pub(super) time_zone: Result<Option<Property>, Unknown>,
}

impl Installation {
    pub(super) fn of_registry(&self, name: &str) -> Result<Option<Property>, Unknown> {
        let properties = self.registry_properties.as_ref();
        properties.unwrap_or(&self.properties).get(name)
    }

    /// The namespace. An empty one is no unset one: the masters then register at the top of the
    /// tree, and not in the namespace that they have by default.
    ///
    /// # Errors
    /// It is empty, or only running something would tell it.
    pub(super) fn namespace(&self) -> Result<Option<Stated>, ConfigError> {
        let properties = self.registry_properties.as_ref();
        let properties = properties.unwrap_or(&self.properties);
        let key = Key::Namespace.name();
        let set = known(key, properties.get_even_empty(self.registry.namespace))?;
        let Some(Property { text, origin }) = set else {
            return Ok(None);
        };
        if text.trim().is_empty() {
            return Err(ConfigError::Value {
                key,
                origin,
                problem: "it is empty: these masters register at the top of ZooKeeper's tree, where dsctl cannot look".to_owned(),
                hint: Some(
                    "where the servers end in a chroot, that is the namespace: --zk HOST:PORT --namespace CHROOT".to_owned(),
                ),
            });
        }
        Ok(Some(Stated { text, origin }))
    }

    /// The name of our kind of registry, and for ZooKeeper nothing: its servers say it.
    pub(super) fn kind(&self) -> Result<Option<Stated>, ConfigError> {
        let Some(name) = self.registry.kind else {
            return Ok(None);
        };
        let Some(kind) = known("registry", self.of_registry(name))? else {
            return Ok(None);
        };
        let refused = |problem: String, hint: &str| {
            Err(ConfigError::Value {
                key: Key::Registry.name(),
                origin: kind.origin.clone(),
                problem,
                hint: Some(hint.to_owned()),
            })
        };
        match kind.text.to_ascii_lowercase().as_str() {
            "zookeeper" => Ok(None),
            "jdbc" => {
                let own = known(
                    "registry",
                    self.properties.get("registry.hikari-config.jdbc-url"),
                )?;
                let main = known("db", self.properties.get("spring.datasource.url"))?;
                let place = |url: &Property| url.text.split('?').next().map(str::to_owned);
                match (own, main) {
                    (Some(own), Some(main)) if place(&own) != place(&main) => refused(
                        format!("the registry is in a database of its own ({})", own.origin),
                        "a registry outside the metadata database cannot be read yet",
                    ),
                    _ => Ok(Some(Stated {
                        text: "jdbc".to_owned(),
                        origin: kind.origin,
                    })),
                }
            }
            other => refused(
                format!("the masters' registry is {other:?}"),
                "ZooKeeper and the JDBC registry of 3.2 and newer can be read",
            ),
        }
    }
}

/// A value, or the error that it cannot be known.
pub(super) fn known<T>(key: &'static str, value: Result<T, Unknown>) -> Result<T, ConfigError> {
    value.map_err(|Unknown(origin)| ConfigError::Value {
        key,
        origin,
        problem: "only running DolphinScheduler's start script would tell what it is".to_owned(),
        hint: Some(
            "give it on the command line, in the environment or in dsctl's own file".to_owned(),
        ),
    })
}
