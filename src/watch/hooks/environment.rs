//! The environment of a hook: that of this process without its secrets, and the variables of the
//! event.

use std::ffi::{OsStr, OsString};

use super::moment::HookMoment;
use crate::config::{Environment, Key};

/// Variables that a service manager sets for this process only.
const OURS_ALONE: [&str; 5] = [
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "CREDENTIALS_DIRECTORY",
    "LISTEN_FDS",
];

/// The environment of a hook.
pub(super) fn of_hook(
    environment: &Environment,
    moment: HookMoment,
    variables: &[(&str, String)],
    dry_run: bool,
) -> Vec<(OsString, OsString)> {
    let inherited = environment
        .variables
        .iter()
        .filter(|(name, value)| is_harmless(name, value));
    let mut all: Vec<_> = inherited
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    all.extend(
        variables
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value))),
    );
    all.push(("DSCTL_HOOK".into(), moment.keyword().into()));
    all.push((
        "DSCTL_DRY_RUN".into(),
        if dry_run { "1" } else { "0" }.into(),
    ));
    all
}

/// Of dsctl's own variables only settings that are not secret are passed on. It is a list of what
/// is harmless: a list of secrets could miss one that is added later.
fn is_harmless(name: &OsStr, value: &OsStr) -> bool {
    let Some(name) = name.to_str() else {
        return true;
    };
    if OURS_ALONE.contains(&name) {
        return false;
    }
    match Key::ALL.iter().find(|key| key.variable() == name) {
        Some(Key::Db) => !may_hold_password(value),
        Some(_) => true,
        None => !name.starts_with("DSCTL_") || name == "DSCTL_CONFIG",
    }
}

/// A URL with a user part or parameters may carry a password.
fn may_hold_password(url: &OsStr) -> bool {
    url.to_str().is_none_or(|url| url.contains(['@', '?', ';']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_stay_here() {
        let secret = [
            "DSCTL_DB_PASSWORD",
            "DSCTL_ZK_DIGEST",
            "DSCTL_ZK_SASL",
            "DSCTL_NEW_TOKEN",
            "NOTIFY_SOCKET",
            "WATCHDOG_USEC",
        ];
        let known = [
            "PATH",
            "HOME",
            "LANG",
            "DSCTL_ZK",
            "DSCTL_CONFIG",
            "DSCTL_DB_PASSWORD_FILE",
            "DSCTLX",
        ];
        let of_process = |name: &&str| (OsString::from(*name), OsString::from("MARKER"));
        let variables = secret.iter().chain(&known).map(of_process).collect();
        let environment = Environment {
            variables,
            ..Environment::default()
        };
        let names: Vec<_> = of_hook(&environment, HookMoment::Pre, &[], false)
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        for name in secret {
            assert!(!names.contains(&name.into()), "{name}");
        }
        for name in known {
            assert!(names.contains(&name.into()), "{name}");
        }
    }

    #[test]
    fn a_database_url_is_known_unless_it_may_hold_a_password() {
        let known = |url: &str| is_harmless(OsStr::new("DSCTL_DB"), OsStr::new(url));
        assert!(known("sqlite:/var/lib/x.db") && known("mysql://db1/dolphinscheduler"));
        assert!(
            !known("mysql://ds:MARKER@db1/d")
                && !known("jdbc:mysql://db1/d?user=ds&password=MARKER")
        );
    }
}
