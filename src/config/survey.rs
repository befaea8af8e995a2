//! Settings as far as they can be used, and all that cannot be.

use super::{ConfigError, Key, Listed, Origin, Settings, zk_login};

/// The settings, and each trouble with them.
#[derive(Debug)]
pub struct Survey {
    /// Where there is trouble, as if nothing were set there.
    pub settings: Settings,
    /// In the order in which they were found.
    pub troubles: Vec<ConfigError>,
    /// Whether dsctl's own files could be read.
    pub(super) are_files_known: bool,
    /// Whether it is known which installation is meant, and what it says.
    pub(super) is_home_known: bool,
}

/// What errors call the option, and what stands in the file that it names.
fn names(key: Key) -> [&'static str; 2] {
    let secret = match key {
        Key::ZkDigestFile => zk_login::DIGEST.told,
        Key::ZkSaslFile => zk_login::SASL.told,
        other => other.name(),
    };
    [key.name(), secret]
}

impl Survey {
    /// All of them, in the order of the help, and the mutes. What cannot be used has no value, nor has what may be set
    /// where nothing could be read.
    #[must_use]
    pub fn listed(&self) -> Vec<Listed> {
        let keys = Key::ALL.iter().map(|key| self.listed_key(*key));
        let mutes = self.settings.mutes.iter().map(|mute| Listed {
            name: "mute",
            value: Some(mute.listed()),
            origin: mute.origin(),
        });
        keys.chain(mutes).collect()
    }

    fn listed_key(&self, key: Key) -> Listed {
        let listed = self.settings.listed_key(key);
        let is_about = |trouble: &&ConfigError| {
            trouble
                .setting()
                .is_some_and(|name| name == listed.name || names(key).contains(&name))
        };
        let trouble = self.troubles.iter().find(is_about);
        let is_hidden = listed.origin == Origin::BuiltIn
            && (!self.are_files_known || !self.is_home_known && Key::OF_HOME.contains(&key));
        if !is_hidden && trouble.is_none() {
            return listed;
        }
        let origin = trouble.and_then(ConfigError::origin);
        let origin = origin.filter(|_| listed.origin == Origin::BuiltIn).cloned();
        Listed {
            value: None,
            origin: origin.unwrap_or(listed.origin),
            ..listed
        }
    }

    /// What a command that needs the cluster would ask for. Where it is not known what is set, nothing
    /// is called missing.
    #[must_use]
    pub fn missing(&self) -> Vec<ConfigError> {
        let is_unusable = |trouble: &ConfigError| match trouble {
            ConfigError::TwoRegistries { .. } => true,
            other => [Key::Zk, Key::Db, Key::Registry]
                .iter()
                .any(|key| other.setting() == Some(key.name())),
        };
        if !self.are_files_known || !self.is_home_known || self.troubles.iter().any(is_unusable) {
            return Vec::new();
        }
        let mut missing: Vec<ConfigError> = [
            self.settings.registry().err(),
            self.settings.database().err(),
        ]
        .into_iter()
        .flatten()
        .collect();
        missing.dedup();
        missing
    }
}
