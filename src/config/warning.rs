//! What is valid and should be changed all the same.

use std::fmt;
use std::path::PathBuf;

use super::{ConfigError, Key, Misspelt, Origin};
use crate::secret::KerberosLogin;

/// A valid setting that should be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// Every user of the machine can read command lines.
    PasswordOnCommandLine,
    /// This setting changes nothing.
    NoEffect {
        /// The setting.
        key: Key,
        /// Where it is set.
        origin: Origin,
        /// Why not.
        why: &'static str,
    },
    /// Servers are given closer to the command line than the installation is.
    InstallationNotRead,
    /// Others have access to this file, so that the password in it is not used.
    OpenPasswordFile(PathBuf),
    /// This file has a password for one of the servers, and none or another for the others.
    PasswordNotOfAll(PathBuf),
    /// A parameter of the database URL from here that no driver knows.
    MisspeltParameter(Origin, Misspelt),
    /// The masters log in at ZooKeeper in a way that is not built in.
    SaslNotBuiltIn {
        /// The class that logs in.
        name: String,
        /// Where it is configured.
        origin: Origin,
    },
    /// The masters log in at ZooKeeper with Kerberos, by what stands here, and that is not built in.
    KerberosNotBuiltIn(Origin),
    /// Only running a shell file would tell options of the masters' Java.
    JavaOptionsUnknown {
        /// The variable.
        name: String,
        /// Where it is set.
        origin: Origin,
    },
    /// The file by which the masters log in at ZooKeeper cannot be read.
    SaslUnreadable {
        /// The `jaas.conf`.
        path: PathBuf,
        /// Where it is named.
        origin: Origin,
        /// The system's message.
        problem: String,
    },
    /// The key store with which the masters show themselves to ZooKeeper cannot be used, for this
    /// reason.
    KeyStoreUnusable(Box<ConfigError>),
    /// These settings of an installation would be others by the copy that a server was last started
    /// with.
    OtherAtLastStart {
        /// Their names.
        names: Vec<&'static str>,
        /// The shell file that is used.
        shared: PathBuf,
        /// The copy of it that each start makes, and that the server reads.
        copy: PathBuf,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PasswordOnCommandLine => f.write_str(
                "the password in --db is visible to every user of this machine; put it into a file and use --db-password-file",
            ),
            Self::NoEffect { key, origin, why } => {
                write!(f, "{} from {origin} has no effect: {why}", key.name())
            }
            Self::InstallationNotRead => f.write_str(
                "DolphinScheduler's files are not read, as --zk, --db or --registry is given closer to the command line than \
                 --ds-home and may mean another cluster; give them in the same place",
            ),
            Self::MisspeltParameter(origin, Misspelt { written, likely }) => write!(
                f,
                "the database URL from {origin} has a parameter {written}, which is not known and has no effect; {likely} is \
                 probably meant"
            ),
            Self::OtherAtLastStart { names, shared, copy } => write!(
                f,
                "the masters that run may have another {}: dsctl reads {}, and the copy of it that was made when the master was last \
                 started, {}, differs; if none was started since, give dsctl the copy's values as options of its own",
                names.join(", "),
                shared.display(),
                copy.display()
            ),
            Self::SaslNotBuiltIn { name, origin } => write!(
                f,
                "the masters log in at ZooKeeper with {name} ({origin}), which is not built into dsctl: it connects without a login, \
                 and where the servers demand one, or protect their nodes, it is refused for that"
            ),
            Self::KerberosNotBuiltIn(origin) => write!(
                f,
                "the masters log in at ZooKeeper with Kerberos ({origin}), which is not built into this dsctl: it connects without a \
                 login, and where the servers demand one, or protect their nodes, it is refused for that; build one with Kerberos: {}",
                KerberosLogin::BUILD
            ),
            Self::JavaOptionsUnknown { name, origin } => write!(
                f,
                "only running DolphinScheduler's start script would tell {name} ({origin}): what -D words in it say to the masters (a \
                 login at ZooKeeper, TLS, another address) is not used; where there are some, give dsctl the same as options of its own"
            ),
            Self::SaslUnreadable {
                path,
                origin,
                problem,
            } => write!(
                f,
                "the masters' login at ZooKeeper stands in {} ({origin}), which cannot be read ({problem}): dsctl connects without a \
                 login, and where the servers demand one, or protect their nodes, it is refused for that; give the login with \
                 --zk-sasl-file FILE (user:password)",
                path.display()
            ),
            Self::KeyStoreUnusable(error) => {
                write!(
                    f,
                    "{error}: dsctl connects to ZooKeeper without a client's certificate, and where the servers demand one, it is \
                     refused for that"
                )?;
                error.hint().map_or(Ok(()), |hint| write!(f, "; then {hint}"))
            }
            Self::PasswordNotOfAll(path) => write!(
                f,
                "no password of {} is used, as it does not have the same one for every server that --db names",
                path.display()
            ),
            Self::OpenPasswordFile(path) => write!(
                f,
                "the password in {0} is not used, as users other than its owner have access to the file: chmod 600 {0}",
                path.display()
            ),
        }
    }
}
