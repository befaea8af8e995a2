//! Logins that cannot succeed, in words that say what to change.

use super::super::driver::said;
use super::super::proxies::SHARDING_SPHERE;

/// Why a login cannot succeed although the password may be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LoginObstacle {
    /// The server wants the password encrypted with its public key, and may not be asked for it.
    WantsKey,
    /// The driver answers a change of plugin as if there were a password. Unlike in [`super::login`], a
    /// login by the book does not help: there is nothing that the server would keep for the driver's own.
    EmptyPassword,
    /// The server has accepted it a moment before; this is what it says now.
    PasswordIsRight(String),
    /// The password is longer than what fits into one message encrypted with the server's key.
    TooLong,
    /// The driver does not support the plugin of this name.
    Plugin(String),
    /// ShardingSphere-Proxy answers, with this version.
    ShardingSphere(String),
    /// The server does not know a setting that every session needs.
    TooOld {
        /// As it names its version.
        version: String,
        /// Its error.
        words: String,
    },
}

const KEY: &str = "without TLS this login needs the server's public key, and \
                   allowPublicKeyRetrieval=false forbids to ask for it";
const EMPTY: &str = "the account has no password, and that is not supported for one whose plugin is \
                     not the server's default";
const RIGHT: &str = "the server accepted the password and refused it right after";
const LONG: &str = "the password is too long to be sent encrypted with the server's public key";
const PLUGIN: &str = "the account's authentication plugin is not supported";
const OLD: &str = "MySQL 5.7 or newer, or MariaDB 10.1 or newer, is needed";

impl LoginObstacle {
    pub(super) fn into_error(self) -> sqlx::Error {
        said(match self {
            Self::WantsKey => KEY.to_owned(),
            Self::EmptyPassword => EMPTY.to_owned(),
            Self::PasswordIsRight(words) => format!("{RIGHT}: {words}"),
            Self::TooLong => LONG.to_owned(),
            Self::Plugin(name) => format!("{PLUGIN}: {name}"),
            Self::ShardingSphere(version) => format!("{SHARDING_SPHERE}; its version is {version}"),
            Self::TooOld { version, words } => format!("{OLD}; this is {version}: {words}"),
        })
    }
}

/// What to do about such a cause, as it is shown.
pub(crate) fn hint(cause: &str) -> Option<&'static str> {
    let known = [
        (
            KEY,
            "set allowPublicKeyRetrieval=true in --db, or connect with TLS (ssl-mode=required)",
        ),
        (EMPTY, "give the account a password"),
        (
            RIGHT,
            "run the same command again; if the address leads to several servers, use one server's own, or connect with TLS \
             (ssl-mode=required)",
        ),
        (
            LONG,
            "connect with TLS (ssl-mode=required in --db), or give the account a shorter password",
        ),
        (
            OLD,
            "use the server of the masters' database in --db: DolphinScheduler itself needs MySQL 5.7 or newer",
        ),
        (
            SHARDING_SPHERE,
            "use the address of the database server behind it in --db",
        ),
        (
            PLUGIN,
            "give dsctl an account of its own with caching_sha2_password (MySQL) or mysql_native_password (MariaDB)",
        ),
    ];
    let found = known.iter().find(|(start, _)| cause.contains(start));
    found.map(|(_, hint)| *hint)
}

/// What an error of the driver's means, if it is none of the server's.
pub(super) fn obstacle(error: &sqlx::Error) -> Option<LoginObstacle> {
    let sqlx::Error::Protocol(words) = error else {
        return None;
    };
    if let Some((_, plugin)) = words.split_once("unknown authentication plugin: ") {
        let name = plugin.split_whitespace().next().unwrap_or_default();
        return Some(LoginObstacle::Plugin(name.to_owned()));
    }
    if words.contains("mysql_cleartext_plugin disabled") {
        return Some(LoginObstacle::Plugin("mysql_clear_password".to_owned()));
    }
    words
        .contains("message too long")
        .then_some(LoginObstacle::TooLong)
}

/// Whether the server asked for a password that the driver does not have.
pub(super) fn is_of_empty_password(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Protocol(words) if words.contains("during authentication"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_obstacle_has_a_hint() {
        for obstacle in [
            LoginObstacle::WantsKey,
            LoginObstacle::EmptyPassword,
            LoginObstacle::PasswordIsRight("1045".to_owned()),
            LoginObstacle::TooLong,
            LoginObstacle::Plugin("client_ed25519".to_owned()),
            LoginObstacle::ShardingSphere("5.7.22-ShardingSphere-Proxy 5.1.0".to_owned()),
            LoginObstacle::TooOld {
                version: "5.6.14".to_owned(),
                words: "1193 (HY000): Unknown system variable 'max_execution_time'".to_owned(),
            },
        ] {
            let sqlx::Error::Io(error) = obstacle.clone().into_error() else {
                panic!("{obstacle:?}");
            };
            assert!(hint(&error.to_string()).is_some(), "{obstacle:?}: {error}");
        }
        assert_eq!(hint("1045 (28000): Access denied"), None);
    }

    #[test]
    fn the_plugin_is_named_without_the_place_in_the_source() {
        let error = sqlx::Error::Protocol(
            "unknown authentication plugin: client_ed25519 (sqlx_mysql::protocol::auth:36)".into(),
        );
        assert_eq!(
            obstacle(&error),
            Some(LoginObstacle::Plugin("client_ed25519".to_owned()))
        );
    }
}
