//! Texts that nobody would write, for everything that reads what others wrote: no panic, no hang,
//! no password in a message, and what is read is what was written. The corpus is in `tests/corpus`.

mod engine;
mod parameters;

use dsctl::commands::Cli;
use dsctl::config::{ConfigError, DbTarget, Environment, Scope, resolve};
use dsctl::family::payload;
use dsctl::metadata::target::ServerTarget;
use dsctl::model::{Address, AddressForm, Heartbeat, PayloadProblem};
use dsctl::secret::Secret;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use self::engine::fuzz;
use crate::harness::Chance;
use crate::harness::MARKER;

#[test]
fn payloads() {
    fuzz("payloads", |input| {
        let heartbeat = payload::parse(input);
        if let Some(problem) = &heartbeat.problem {
            assert_eq!(
                Heartbeat {
                    problem: None,
                    ..heartbeat.clone()
                },
                Heartbeat::default()
            );
            if let PayloadProblem::Unreadable(reason) = problem {
                assert!(reason.len() < 120, "{reason}");
            }
            return format!("{problem:?}")
                .chars()
                .filter(|c| !c.is_ascii_digit())
                .collect();
        }
        assert_ne!(
            heartbeat,
            Heartbeat::default(),
            "nothing was read, and no problem either"
        );
        assert!(
            heartbeat
                .server_status
                .as_ref()
                .is_none_or(|status| status.chars().count() <= 120)
        );
        let read = [
            heartbeat.started_at.is_some(),
            heartbeat.reported_at.is_some(),
            heartbeat.cpu_usage.is_some(),
        ];
        format!("{read:?} {}", heartbeat.process_id.is_some())
    });
}

#[test]
fn addresses() {
    fuzz("addresses", |input| {
        let text = String::from_utf8_lossy(input);
        let forms =
            [AddressForm::Host, AddressForm::HostPort].map(|form| Address::typed(&text, form));
        assert!(
            forms.iter().any(Result::is_err) || text.parse::<std::net::Ipv6Addr>().is_ok(),
            "an address of both forms: {text:?}"
        );
        for address in forms.iter().flatten() {
            assert_eq!(address.as_str(), text);
            assert!(
                !text.contains(['/', '\'', '"', ';', '\\', '\0', '\n', ' ', '\u{1b}'])
                    && !text.is_empty()
            );
        }
        forms
            .map(|form| {
                form.map_err(|error| error.to_string().chars().rev().take(30).collect::<String>())
                    .err()
            })
            .map(Option::unwrap_or_default)
            .join("|")
    });
}

/// Where its servers listen.
fn places(target: &ServerTarget) -> Vec<(String, u16)> {
    target
        .each()
        .map(|server| (server.host, server.port))
        .collect()
}

/// A target, written as a URL again.
fn url(scheme: &str, target: &ServerTarget) -> String {
    let escaped = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let password = target
        .password
        .as_ref()
        .map(|password| format!(":{}", escaped(password.expose())));
    let hosts: Vec<String> = places(target)
        .into_iter()
        .map(|(host, port)| {
            if host.contains(':') {
                format!("[{host}]:{port}")
            } else {
                format!("{host}:{port}")
            }
        })
        .collect();
    let (user, database) = (escaped(&target.user), escaped(&target.database));
    let primary = if target.primary_only && hosts.len() == 1 {
        "?targetServerType=primary"
    } else {
        ""
    };
    format!(
        "{scheme}://{user}{}@{}/{database}{primary}",
        password.unwrap_or_default(),
        hosts.join(",")
    )
}

fn same_place(one: &ServerTarget, other: &ServerTarget) -> bool {
    let key = |target: &ServerTarget| {
        let password = target
            .password
            .as_ref()
            .map(|password| password.expose().to_owned());
        // An empty password is none.
        let password = password.filter(|password| !password.is_empty());
        (
            places(target),
            target.primary_only,
            target.user.clone(),
            target.database.clone(),
            password,
        )
    };
    key(one) == key(other)
}

#[test]
fn database_urls() {
    fuzz("urls", |input| {
        let text = String::from_utf8_lossy(input);
        let (target, misspelt) = match DbTarget::parse_with_user(&text, None) {
            Ok(read) => read,
            Err(error) => {
                assert!(!format!("{error} {error:?}").contains(MARKER), "{error:?}");
                return error.problem;
            }
        };
        assert!(!format!("{misspelt:?}").contains(MARKER), "{misspelt:?}");
        // Not a word of what is shown depends on the password.
        let shown = format!("{target:?}");
        if target.password().is_some() {
            assert_eq!(
                shown,
                format!("{:?}", target.clone().with_password(Secret::new("another")))
            );
        }
        let (scheme, server) = match &target {
            DbTarget::MySql(server) => ("mysql", server),
            DbTarget::Postgres(server) => ("postgres", server),
            DbTarget::Sqlite(_) => return "a file".to_owned(),
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-:".contains(c);
        let is_plain = |host: &str| host.chars().all(plain) && !host.is_empty();
        if places(server).iter().all(|(host, _)| is_plain(host)) {
            let again = DbTarget::parse(&url(scheme, server));
            let Ok(DbTarget::MySql(again) | DbTarget::Postgres(again)) = &again else {
                panic!("{again:?}: {target:?}")
            };
            assert!(same_place(server, again), "{server:?} {again:?}");
        }
        let tls = format!("{:?}", server.tls);
        format!(
            "{scheme} {:?} {} {} {} {:?}",
            tls.split('(').next(),
            server.schema.is_some(),
            server.others.len().min(2),
            server.primary_only,
            misspelt.first().map(|misspelt| misspelt.likely)
        )
    });
}

/// A password that says that it is one is not shown, wherever it stands. No input has this one
/// already, not even in parts with a line's end between, which URLs pass over.
#[test]
fn misplaced_passwords() {
    const PLANTED: &str = "pl4nted";
    let mut chance = Chance::new();
    fuzz("urls", |input| {
        let without = String::from_utf8_lossy(input);
        let labels = [
            "(password=",
            ";password=",
            "&password=",
            "?password=",
            "password=",
            "PassWord:",
            "&pwd=",
            ";Passwd=",
        ];
        let label = labels[usize::try_from(chance.below(labels.len() as u64)).unwrap()];
        let places: Vec<usize> = without
            .char_indices()
            .map(|(place, _)| place)
            .chain([without.len()])
            .collect();
        let (before, after) =
            without.split_at(places[usize::try_from(chance.below(places.len() as u64)).unwrap()]);
        let text = format!("{before}{label}{PLANTED}{after}");
        match DbTarget::parse_with_user(&text, None) {
            Ok((target, misspelt)) => {
                let shown = format!("{target:?} {} {misspelt:?}", target.shown());
                assert!(!shown.contains(PLANTED), "{shown}");
                format!("read, {}", target.password().is_some())
            }
            Err(error) => {
                assert!(!format!("{error} {error:?}").contains(PLANTED), "{error:?}");
                error.problem
            }
        }
    });
}

#[test]
fn configuration_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    let line = ["dsctl", "masters", "--config", path.to_str().unwrap()];
    let arguments = Cli::read(line).unwrap().global;
    fuzz("configs", |input| {
        std::fs::write(&path, input).unwrap();
        let settings = resolve(
            &arguments,
            &Environment::default(),
            &mut std::io::empty(),
            Scope::Cluster,
        );
        match settings {
            Ok(settings) => {
                let read = [
                    settings.zk.is_some(),
                    settings.db.is_some(),
                    settings.ds_version.is_some(),
                ];
                format!(
                    "{read:?} {:?} {}",
                    settings.output.format,
                    settings.time_zone.is_some()
                )
            }
            Err(error) => {
                let told = format!("{error} {error:?} {:?}", error.hint());
                // What stands where a key or a file's name belongs is named; a password may stand
                // where another value does.
                let named = matches!(&error, ConfigError::SecretFile { .. })
                    || told.contains("unknown key");
                assert!(named || !told.contains(MARKER), "{told}");
                kind(&error)
            }
        }
    });
}

/// An error without what it quotes, and counts.
fn kind(error: &ConfigError) -> String {
    let (ConfigError::File { problem, .. }
    | ConfigError::Value { problem, .. }
    | ConfigError::Line { problem, .. }
    | ConfigError::SecretFile { problem, .. }) = error
    else {
        return error.to_string();
    };
    problem
        .split('"')
        .step_by(2)
        .flat_map(str::chars)
        .filter(char::is_ascii_alphabetic)
        .take(40)
        .collect()
}
