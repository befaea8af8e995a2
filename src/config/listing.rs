//! Every setting as it came out, and where it came from.

use super::{DbTarget, Key, Origin, Settings};
use crate::options::value::zone_text;
use crate::output::OutputSettings;
use crate::secret::{KerberosLogin, PasswordLogin, SaslLogin};

/// What stands in place of a secret.
const SECRET: &str = "***";

/// A setting that can be shown: a secret is not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The flag without its dashes, and the key in a file; secrets have names of their own.
    pub name: &'static str,
    /// `None` if nothing is set, and nothing built in.
    pub value: Option<String>,
    /// Where it came from.
    pub origin: Origin,
}

impl Settings {
    /// The options of the command line that say which cluster is meant, and how it is reached and
    /// read.
    pub(super) fn typed(&self) -> Vec<&'static str> {
        let is_typed = |key: &&Key| key.is_of_cluster() && *self.origin(**key) == Origin::Flag;
        Key::ALL
            .iter()
            .filter(is_typed)
            .map(|key| key.name())
            .collect()
    }

    pub(super) fn listed_key(&self, key: Key) -> Listed {
        // What names a file with a secret is told by where the secret came from.
        let (name, value, origin) = match key {
            Key::DbPasswordFile => (
                "db-password",
                self.db
                    .as_ref()
                    .and_then(DbTarget::password)
                    .map(|_| SECRET.to_owned()),
                self.db_password_origin.clone(),
            ),
            Key::ZkDigestFile => (
                "zk-digest",
                self.zk_digest.as_ref().map(|_| SECRET.to_owned()),
                self.zk_digest_origin.clone(),
            ),
            Key::ZkSaslFile => {
                let user = match &self.zk_sasl {
                    Some(SaslLogin::Password(PasswordLogin { user, .. })) => Some(user),
                    _ => None,
                };
                (
                    "zk-sasl",
                    user.map(|user| format!("{user}:{SECRET}")),
                    user.and(self.zk_sasl_origin.clone()),
                )
            }
            key => (key.name(), self.value(key), Some(self.origin(key).clone())),
        };
        Listed {
            name,
            value,
            origin: origin.unwrap_or(Origin::BuiltIn),
        }
    }

    /// A setting as text, in the form in which it is given.
    fn value(&self, key: Key) -> Option<String> {
        let OutputSettings {
            format,
            headers,
            quiet,
            verbosity,
            color,
        } = self.output;
        match key {
            Key::Zk => self.zk.as_ref().map(ToString::to_string),
            Key::Db => self.db.as_ref().map(DbTarget::shown),
            Key::Registry => self.registry.map(|kind| <&str>::from(kind).to_owned()),
            Key::Namespace => Some(self.namespace.to_string()),
            Key::DsHome => self
                .ds_home
                .as_ref()
                .map(|folder| folder.display().to_string()),
            Key::DsVersion => self.ds_version.map(|version| version.to_string()),
            Key::TimeZone => self.time_zone.as_ref().and_then(zone_text),
            Key::SessionTimeout => Some(format!("{:?}", self.session_timeout)),
            Key::Timeout => Some(format!("{:?}", self.timeout)),
            Key::StatementTimeout => Some(format!("{:?}", self.statement_timeout)),
            Key::Output => Some(<&str>::from(format).to_owned()),
            Key::NoHeaders => Some((!headers).to_string()),
            Key::Quiet => Some(quiet.to_string()),
            Key::Verbose => Some(verbosity.to_string()),
            Key::Color => Some(<&str>::from(color).to_owned()),
            Key::ZkKerberos => match &self.zk_sasl {
                Some(SaslLogin::Kerberos(KerberosLogin { service, .. })) => {
                    Some(service.to_string())
                }
                _ => None,
            },
            Key::ZkTls => Some(self.zk_tls.is_some().to_string()),
            Key::ZkTlsAnyHost => Some(self.zk_tls_any_host.to_string()),
            Key::ZkTlsCa | Key::ZkTlsCert | Key::ZkTlsKey | Key::DbTlsCert | Key::DbTlsKey => self
                .zk_tls_files
                .iter()
                .chain(&self.db_tls_files)
                .find(|(of, _)| *of == key)
                .map(|(_, path)| path.display().to_string()),
            Key::ZkDigestFile | Key::ZkSaslFile | Key::DbPasswordFile => None,
        }
    }
}
