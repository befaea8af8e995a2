//! Merges command line, environment, files and defaults.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use strum::VariantNames;

use super::client_files::{self, ClientPassword};
use super::ds_home::{self, DsHome, Earlier, Login};
use super::secrets::{self, Candidate, SecretInput, SecretPlace};
use super::source::{Found, Sources};
use super::zk_tls::TlsFiles;
use super::{
    ConfigError, DbTarget, Environment, Key, Origin, RegistryKind, Scope, Settings, Warning,
};
use crate::model::Namespace;
use crate::options::GlobalArgs;
use crate::options::value::{positive_duration, secret, time_zone};
use crate::output::OutputSettings;
use crate::secret::{SaslLogin, Secret};

/// The resolved value of one option.
struct Picked<T> {
    value: T,
    origin: Origin,
    rank: usize,
}

/// Finds values and records their sources.
struct Resolver<'a> {
    sources: Sources<'a>,
    origins: Vec<(Key, Origin)>,
}

impl Resolver<'_> {
    /// The value from the command line, or else from the other sources.
    fn pick<T, E: ToString>(
        &mut self,
        key: Key,
        flag: Option<T>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Option<Picked<T>>, ConfigError> {
        let picked = match flag {
            Some(value) => Some(Picked {
                value,
                origin: Origin::Flag,
                rank: 0,
            }),
            None => self
                .sources
                .find(key)?
                .map(|found| parse_found(key, found, parse))
                .transpose()?,
        };
        if let Some(picked) = &picked {
            self.origins.push((key, picked.origin.clone()));
        }
        Ok(picked)
    }

    fn value<T, E: ToString>(
        &mut self,
        key: Key,
        flag: Option<T>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Option<T>, ConfigError> {
        Ok(self.pick(key, flag, parse)?.map(|picked| picked.value))
    }

    /// A flag without a value can only switch on; the other sources can also switch off.
    fn switch(&mut self, key: Key, flag: bool) -> Result<bool, ConfigError> {
        Ok(self
            .value(key, flag.then_some(true), boolean)?
            .unwrap_or(false))
    }

    fn duration(
        &mut self,
        key: Key,
        flag: Option<Duration>,
        default_seconds: u64,
    ) -> Result<Duration, ConfigError> {
        Ok(self
            .value(key, flag, positive_duration)?
            .unwrap_or(Duration::from_secs(default_seconds)))
    }
}

fn parse_found<T, E: ToString>(
    key: Key,
    found: Found,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Picked<T>, ConfigError> {
    let Found { text, origin, rank } = found;
    match parse(&text) {
        Ok(value) => Ok(Picked {
            value,
            origin,
            rank,
        }),
        Err(problem) => Err(ConfigError::Value {
            key: key.name(),
            origin,
            problem: problem.to_string(),
            hint: None,
        }),
    }
}

/// One keyword of a list.
fn keyword<T: FromStr + VariantNames>(text: &str) -> Result<T, String> {
    let (last, others) = T::VARIANTS.split_last().unwrap_or((&"", &[]));
    text.parse()
        .map_err(|_| format!("expected {} or {last}", others.join(", ")))
}

fn boolean(text: &str) -> Result<bool, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err("expected true or false"),
    }
}

fn verbosity(text: &str) -> Result<u8, &'static str> {
    text.parse().map_err(|_| "expected a number: 0, 1 or 2")
}

/// A path is valid until it is opened.
#[allow(clippy::unnecessary_wraps)]
fn path(text: &str) -> Result<PathBuf, std::convert::Infallible> {
    Ok(PathBuf::from(text))
}

/// Resolves the settings. Files are read, and `stdin` if a secret's file is `-`; no connection is
/// made.
///
/// # Errors
/// [`ConfigError`] for invalid values. Missing values are reported by [`Settings::database`] and
/// [`Settings::registry`], when they are needed.
pub fn resolve(
    arguments: &GlobalArgs,
    environment: &Environment,
    stdin: &mut dyn SecretInput,
    scope: Scope,
) -> Result<Settings, ConfigError> {
    let mut sources = Sources::open(arguments, environment)?;
    let mut warnings = Vec::new();
    if scope == Scope::Cluster {
        warnings.extend(sources.read_home(arguments)?);
    }
    let home = sources.home_place();
    let mut resolver = Resolver {
        sources,
        origins: Vec::new(),
    };
    let output = output(&mut resolver, arguments, environment)?;
    let flags = &arguments.connection;
    let mut settings = Settings {
        zk: None,
        zk_digest: None,
        zk_sasl: None,
        zk_tls: None,
        db: None,
        registry: None,
        namespace: Namespace::default(),
        ds_version: resolver.value(Key::DsVersion, flags.ds_version, str::parse)?,
        time_zone: resolver.value(Key::TimeZone, flags.time_zone.clone(), time_zone)?,
        timeout: resolver.duration(Key::Timeout, flags.timeout, 10)?,
        statement_timeout: resolver.duration(
            Key::StatementTimeout,
            flags.statement_timeout,
            300,
        )?,
        session_timeout: resolver.duration(Key::SessionTimeout, flags.session_timeout, 18)?,
        output,
        warnings,
        ds_home: None,
        running: None,
        db_password_origin: None,
        zk_digest_origin: None,
        zk_sasl_origin: None,
        zk_tls_files: Vec::new(),
        origins: Vec::new(),
    };
    if scope == Scope::Cluster {
        if let Some(name) = resolver.value(Key::Namespace, flags.namespace.clone(), str::parse)? {
            settings.namespace = name;
        }
        let zk = registry(&mut resolver, arguments, &mut settings)?;
        settings.db = database(&mut resolver, arguments, stdin, &mut settings)?;
        if let Some(rank) = zk {
            if let Some((secret, origin)) = zk_digest(&mut resolver, arguments, stdin, rank)? {
                (settings.zk_digest, settings.zk_digest_origin) = (Some(secret), Some(origin));
            }
            if let Some((login, origin)) = zk_sasl(&mut resolver, arguments, stdin)? {
                (settings.zk_sasl, settings.zk_sasl_origin) = (Some(login), Some(origin));
            }
            zk_tls(&mut resolver, arguments, &mut settings)?;
        }
    }
    if scope == Scope::Cluster && settings.zk.is_none() && settings.db.is_none() {
        settings.running = ds_home::of_running_master(&environment.processes);
    }
    if let Some((folder, origin)) = home {
        settings.ds_home = folder;
        resolver.origins.push((Key::DsHome, origin));
    }
    settings.origins = resolver.origins;
    let other = resolver.sources.home().and_then(|(home, _)| {
        let earlier = home.earlier()?;
        other_at_last_start(&settings, home, earlier)
    });
    settings.warnings.extend(other);
    Ok(settings)
}

/// The warning about settings that a running master may have otherwise, if any of them is used.
fn other_at_last_start(settings: &Settings, home: &DsHome, earlier: &Earlier) -> Option<Warning> {
    let is_used = |key: &Key| {
        let origin = settings.listed_key(*key).origin;
        let of_home = match key {
            Key::ZkDigestFile => home.digest().ok()?.map(|(_, origin)| origin),
            Key::DbPasswordFile => home.login().ok()?.password.map(|(_, origin)| origin),
            key => home.get(*key).ok()?.map(|stated| stated.origin),
        };
        // What the file that is used does not say is built in.
        Some(of_home.map_or(origin == Origin::BuiltIn, |of_home| of_home == origin))
    };
    let names: Vec<&'static str> = earlier
        .keys
        .iter()
        .filter(|key| is_used(key) == Some(true))
        .map(|key| settings.listed_key(*key).name)
        .collect();
    (!names.is_empty()).then(|| Warning::OtherAtLastStart {
        names,
        shared: earlier.shared.clone(),
        copy: earlier.copy.clone(),
    })
}

fn output(
    resolver: &mut Resolver<'_>,
    arguments: &GlobalArgs,
    environment: &Environment,
) -> Result<OutputSettings, ConfigError> {
    let flags = &arguments.output;
    let choice = resolver
        .value(Key::Color, flags.color, keyword)?
        .unwrap_or_default();
    let variable = |name: &str| {
        environment
            .variable(name)
            .map(|value| value.to_string_lossy().into_owned())
    };
    Ok(OutputSettings {
        format: resolver
            .value(Key::Output, flags.output, keyword)?
            .unwrap_or_default(),
        headers: !resolver.switch(Key::NoHeaders, flags.no_headers)?,
        quiet: resolver.switch(Key::Quiet, flags.quiet)?,
        verbosity: resolver
            .value(
                Key::Verbose,
                (flags.verbose > 0).then_some(flags.verbose),
                verbosity,
            )?
            .unwrap_or(0),
        color: choice.with_environment(variable),
    })
}

/// Servers and kind of the registry may come from different sources and contradict each other. Then
/// the one closer to the command line is used. Gives the rank of the place that says ZooKeeper's
/// servers.
fn registry(
    resolver: &mut Resolver<'_>,
    arguments: &GlobalArgs,
    settings: &mut Settings,
) -> Result<Option<usize>, ConfigError> {
    let zk = resolver.pick(Key::Zk, arguments.connection.zk.clone(), str::parse)?;
    let kind = resolver.pick(Key::Registry, arguments.connection.registry, keyword)?;
    let (zk, kind) = match (zk, kind) {
        (Some(zk), Some(kind)) if kind.value == RegistryKind::Jdbc => match zk.rank.cmp(&kind.rank)
        {
            std::cmp::Ordering::Less => (Some(zk), None),
            std::cmp::Ordering::Greater => (None, Some(kind)),
            std::cmp::Ordering::Equal => {
                return Err(ConfigError::TwoRegistries {
                    zk: zk.origin,
                    registry: kind.origin,
                });
            }
        },
        both => both,
    };
    let rank = zk.as_ref().map(|zk| zk.rank);
    settings.zk = zk.map(|zk| zk.value);
    settings.registry = kind.map(|kind| kind.value);
    Ok(rank)
}

fn database(
    resolver: &mut Resolver<'_>,
    arguments: &GlobalArgs,
    stdin: &mut dyn SecretInput,
    settings: &mut Settings,
) -> Result<Option<DbTarget>, ConfigError> {
    let flag = arguments.connection.db.clone();
    let Some(url) = resolver.pick(Key::Db, flag, secret)? else {
        return Ok(None);
    };
    // A login of DolphinScheduler's files belongs to their database, and is told to no other one.
    let home = resolver.sources.home();
    let of_home = home.filter(|(_, rank)| *rank == url.rank);
    let login = of_home.map_or(Ok(Login::default()), |(home, _)| home.login())?;
    let target = DbTarget::parse_with_user(url.value.expose(), login.user.as_deref());
    let (target, misspelt) = target.map_err(|error| ConfigError::Value {
        key: Key::Db.name(),
        origin: url.origin.clone(),
        problem: error.problem,
        hint: error.hint.map(ToOwned::to_owned),
    })?;
    let of_url = |misspelt| Warning::MisspeltParameter(url.origin.clone(), misspelt);
    settings.warnings.extend(misspelt.into_iter().map(of_url));
    if matches!(target, DbTarget::Sqlite(_)) {
        return Ok(Some(target));
    }
    let in_url = target.password().cloned();
    if let (true, None, Origin::File { path, .. }) = (in_url.is_some(), of_home, &url.origin) {
        secrets::check_file(Key::Db, &url.origin, path)?;
    }
    if in_url.is_some() && url.origin == Origin::Flag {
        settings.warnings.push(Warning::PasswordOnCommandLine);
    }
    let mut candidates = Vec::new();
    candidates.extend(secret_file(
        resolver,
        Key::DbPasswordFile,
        arguments.connection.db_password_file.clone(),
    )?);
    let origin = url.origin;
    candidates.extend(in_url.map(|secret| Candidate {
        rank: url.rank,
        place: SecretPlace::Known { secret, origin },
    }));
    candidates.extend(login.password.map(|(secret, origin)| Candidate {
        rank: url.rank,
        place: SecretPlace::Known { secret, origin },
    }));
    candidates.extend(secrets::variable(
        &resolver.sources,
        "db-password",
        "DSCTL_DB_PASSWORD",
    )?);
    candidates.extend(secrets::credential(
        &resolver.sources,
        Key::DbPasswordFile,
        "dsctl-db-password",
    ));
    let asked = format!("Password of the database {}", target.shown());
    let mut password = secrets::read(candidates, &asked, stdin)?;
    if password.is_none() {
        match client_files::look_up(resolver.sources.environment, &target) {
            Some(ClientPassword::Usable(secret, origin)) => password = Some((secret, origin)),
            Some(ClientPassword::Unused(warning)) => settings.warnings.push(warning),
            None => {}
        }
    }
    Ok(Some(match password {
        Some((secret, origin)) => {
            settings.db_password_origin = Some(origin);
            target.with_password(secret)
        }
        None => target,
    }))
}

fn zk_digest(
    resolver: &mut Resolver<'_>,
    arguments: &GlobalArgs,
    stdin: &mut dyn SecretInput,
    zk_rank: usize,
) -> Result<Option<(Secret, Origin)>, ConfigError> {
    let mut candidates = Vec::new();
    candidates.extend(secret_file(
        resolver,
        Key::ZkDigestFile,
        arguments.connection.zk_digest_file.clone(),
    )?);
    candidates.extend(secrets::variable(
        &resolver.sources,
        "zk-digest",
        "DSCTL_ZK_DIGEST",
    )?);
    candidates.extend(secrets::credential(
        &resolver.sources,
        Key::ZkDigestFile,
        "dsctl-zk-digest",
    ));
    // One of DolphinScheduler's files belongs to their servers, and is told to no other ones.
    if let Some((home, rank)) = resolver.sources.home().filter(|(_, rank)| *rank == zk_rank) {
        candidates.extend(home.digest()?.map(|(secret, origin)| Candidate {
            rank,
            place: SecretPlace::Known { secret, origin },
        }));
    }
    let Some((secret, origin)) = secrets::read(candidates, "user:password for ZooKeeper", stdin)?
    else {
        return Ok(None);
    };
    match secret.expose().split_once(':') {
        Some((user, _)) if !user.is_empty() => Ok(Some((secret, origin))),
        _ => Err(ConfigError::Value {
            key: "the ZooKeeper digest",
            origin,
            problem: "expected user:password".to_owned(),
            hint: None,
        }),
    }
}

fn zk_sasl(
    resolver: &mut Resolver<'_>,
    arguments: &GlobalArgs,
    stdin: &mut dyn SecretInput,
) -> Result<Option<(SaslLogin, Origin)>, ConfigError> {
    let key = Key::ZkSaslFile;
    let flag = arguments.connection.zk_sasl_file.clone();
    let mut candidates = Vec::from_iter(secret_file(resolver, key, flag)?);
    candidates.extend(secrets::variable(
        &resolver.sources,
        "zk-sasl",
        "DSCTL_ZK_SASL",
    )?);
    candidates.extend(secrets::credential(&resolver.sources, key, "dsctl-zk-sasl"));
    let Some((secret, origin)) =
        secrets::read(candidates, "user:password for ZooKeeper (SASL)", stdin)?
    else {
        return Ok(None);
    };
    let refused = |origin, problem: &str| ConfigError::Value {
        key: "ZooKeeper's SASL login",
        origin,
        problem: problem.to_owned(),
        hint: None,
    };
    let Some((user, password)) = secret
        .expose()
        .split_once(':')
        .filter(|(user, password)| !user.is_empty() && !password.is_empty())
    else {
        return Err(refused(origin, "expected user:password"));
    };
    let login = SaslLogin {
        user: user.to_owned(),
        password: Secret::new(password),
    };
    match login.obstacle() {
        None => Ok(Some((login, origin))),
        Some(obstacle) => Err(refused(origin, obstacle)),
    }
}

/// One of the files of TLS switches it on, too.
fn zk_tls(
    resolver: &mut Resolver<'_>,
    arguments: &GlobalArgs,
    settings: &mut Settings,
) -> Result<(), ConfigError> {
    let flags = &arguments.connection;
    let switch = |flag: bool| flag.then_some(true);
    let mut tls = resolver.pick(Key::ZkTls, switch(flags.zk_tls), boolean)?;
    let mut file = |key, flag: &Option<PathBuf>| resolver.pick(key, flag.clone(), path);
    let picked = [
        file(Key::ZkTlsCa, &flags.zk_tls_ca)?,
        file(Key::ZkTlsCert, &flags.zk_tls_cert)?,
        file(Key::ZkTlsKey, &flags.zk_tls_key)?,
    ];
    let closest = picked.iter().flatten().map(|file| file.rank).min();
    if let Some(off) = tls.take_if(|tls| !tls.value)
        && closest.is_none_or(|closest| off.rank <= closest)
    {
        return Ok(());
    }
    let [authorities, certificate, key] =
        picked.map(|picked| picked.map(|picked| (picked.value, picked.origin)));
    let files = TlsFiles {
        authorities,
        certificate,
        key,
    };
    let any_host = switch(flags.zk_tls_any_host);
    let any_host = resolver.pick(Key::ZkTlsAnyHost, any_host, boolean)?;
    let given = [
        (Key::ZkTlsCa, &files.authorities),
        (Key::ZkTlsCert, &files.certificate),
        (Key::ZkTlsKey, &files.key),
    ];
    let first = given
        .iter()
        .find_map(|(_, file)| file.as_ref().map(|(_, origin)| origin));
    let Some(origin) = tls.as_ref().map(|tls| &tls.origin).or(first) else {
        return Ok(());
    };
    if tls.is_none() {
        resolver.origins.retain(|(key, _)| *key != Key::ZkTls);
        resolver.origins.push((Key::ZkTls, origin.clone()));
    }
    let any_host = any_host.is_some_and(|picked| picked.value);
    let guarded = resolver
        .sources
        .environment
        .absolute_path("CREDENTIALS_DIRECTORY");
    settings.zk_tls = Some(files.read(any_host, origin, guarded.as_deref())?);
    settings.zk_tls_files = given
        .iter()
        .filter_map(|(key, file)| Some((*key, file.as_ref()?.0.clone())))
        .collect();
    Ok(())
}

fn secret_file(
    resolver: &mut Resolver<'_>,
    key: Key,
    flag: Option<PathBuf>,
) -> Result<Option<Candidate>, ConfigError> {
    let picked = resolver.pick(key, flag, path)?;
    Ok(picked.map(
        |Picked {
             value,
             origin,
             rank,
         }| Candidate {
            rank,
            place: SecretPlace::File {
                key,
                origin,
                path: value,
            },
        },
    ))
}

/// The output settings, even if the settings are invalid: needed to report just that.
#[must_use]
pub fn output_settings(arguments: &GlobalArgs, environment: &Environment) -> OutputSettings {
    let of = |sources: Sources<'_>| {
        output(
            &mut Resolver {
                sources,
                origins: Vec::new(),
            },
            arguments,
            environment,
        )
    };
    let flags_alone = || OutputSettings {
        format: arguments.output.output.unwrap_or_default(),
        ..Default::default()
    };
    let with_files = Sources::open(arguments, environment).and_then(of);
    with_files
        .or_else(|_| of(Sources::without_files(environment)))
        .unwrap_or_else(|_| flags_alone())
}
