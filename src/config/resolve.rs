//! Merges command line, environment, files and defaults.

use super::answers::{keyword, output};
use super::db_login::database;
use super::ds_home;
use super::last_start::other_at_last_start;
use super::resolver::Resolver;
use super::secrets::SecretInput;
use super::source::Sources;
use super::survey::Survey;
use super::troubles::Troubles;
use super::zk_tls::zk_tls;
use super::{
    ConfigError, Environment, Key, Origin, RegistryKind, Scope, Settings, Warning, zk_login,
};
use crate::model::Namespace;
use crate::options::GlobalArgs;
use crate::options::value::time_zone;

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
    let troubles = Troubles::First;
    read(arguments, environment, stdin, (scope, troubles)).map(|survey| survey.settings)
}

/// Resolves the settings, and goes on behind each one that cannot be used.
///
/// # Errors
/// None of a single setting.
pub fn survey(
    arguments: &GlobalArgs,
    environment: &Environment,
    stdin: &mut dyn SecretInput,
) -> Result<Survey, ConfigError> {
    let troubles = Troubles::All(Vec::new());
    read(arguments, environment, stdin, (Scope::Cluster, troubles))
}

fn read(
    arguments: &GlobalArgs,
    environment: &Environment,
    stdin: &mut dyn SecretInput,
    (scope, mut troubles): (Scope, Troubles),
) -> Result<Survey, ConfigError> {
    let mut sources = Sources::open(arguments, environment, &mut troubles)?;
    let mut warnings = Vec::new();
    let mut is_home_known = true;
    if scope == Scope::Cluster {
        let home = sources.read_home(arguments);
        let home = troubles.keep(home)?;
        is_home_known = home.is_some();
        warnings.extend(home.flatten());
    }
    let mut resolver = Resolver::new(sources, troubles);
    let mut settings = Settings {
        warnings,
        ..of_every_scope(&mut resolver, arguments, environment)?
    };
    if scope == Scope::Cluster {
        of_cluster(&mut resolver, arguments, stdin, &mut settings)?;
        if settings.zk.is_none() && settings.db.is_none() {
            settings.running = ds_home::of_running_master(&environment.processes);
        }
    }
    let Resolver {
        sources,
        troubles,
        mut origins,
    } = resolver;
    if let Some((folder, origin)) = sources.home_place() {
        settings.ds_home = folder;
        origins.push((Key::DsHome, origin));
    }
    settings.origins = origins;
    if let Some((home, _)) = sources.home() {
        let other = other_at_last_start(&settings, home);
        settings.warnings.extend(other);
        let java = home.java_unknown().cloned();
        let java = java.map(|(name, origin)| Warning::JavaOptionsUnknown { name, origin });
        settings.warnings.extend(java);
    }
    Ok(Survey {
        settings,
        troubles: troubles.into_kept(),
        are_files_known: sources.are_files_known(),
        is_home_known,
    })
}

/// What no cluster is needed for.
fn of_every_scope(
    resolver: &mut Resolver<'_>,
    arguments: &GlobalArgs,
    environment: &Environment,
) -> Result<Settings, ConfigError> {
    let output = output(resolver, arguments, environment)?;
    let flags = &arguments.connection;
    Ok(Settings {
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
        mutes: resolver.sources.mutes(),
        warnings: Vec::new(),
        ds_home: None,
        running: None,
        db_password_origin: None,
        zk_digest_origin: None,
        zk_sasl_origin: None,
        zk_tls_any_host: false,
        zk_tls_files: Vec::new(),
        db_tls_files: Vec::new(),
        origins: Vec::new(),
    })
}

fn of_cluster(
    resolver: &mut Resolver<'_>,
    arguments: &GlobalArgs,
    stdin: &mut dyn SecretInput,
    settings: &mut Settings,
) -> Result<(), ConfigError> {
    let namespace = arguments.connection.namespace.clone();
    if let Some(name) = resolver.value(Key::Namespace, namespace, str::parse)? {
        settings.namespace = name;
    }
    let zk = registry(resolver, arguments, settings);
    let zk = resolver.troubles.keep(zk)?.flatten();
    let db = database(resolver, arguments, stdin, settings);
    settings.db = resolver.troubles.keep(db)?.flatten();
    // Of servers that cannot be used it is not known whose they are; the rest is looked at all the same.
    let unusable = resolver.troubles.are_about(Key::Zk.name());
    let Some(rank) = zk.or(unusable.then_some(usize::MAX)) else {
        return Ok(());
    };
    let digest = zk_login::digest(resolver, arguments, stdin, rank);
    if let Some((secret, origin)) = resolver.troubles.keep(digest)?.flatten() {
        (settings.zk_digest, settings.zk_digest_origin) = (Some(secret), Some(origin));
    }
    let sasl = zk_login::sasl(resolver, arguments, stdin, settings);
    if let Some((login, origin)) = resolver.troubles.keep(sasl)?.flatten() {
        (settings.zk_sasl, settings.zk_sasl_origin) = (Some(login), Some(origin));
    }
    let tls = zk_tls(resolver, arguments, settings);
    resolver.troubles.keep(tls)?;
    Ok(())
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
    // What an installation says is not set by whoever says something else closer.
    let home = resolver.sources.home().map(|(_, rank)| rank);
    let mut ineffective = |key, origin: &Origin, rank, why| {
        if home != Some(rank) {
            let origin = origin.clone();
            settings
                .warnings
                .push(Warning::NoEffect { key, origin, why });
        }
    };
    let (zk, kind) = match (zk, kind) {
        (Some(zk), Some(kind)) if kind.value == RegistryKind::Jdbc => match zk.rank.cmp(&kind.rank)
        {
            std::cmp::Ordering::Less => {
                let why = "the servers of ZooKeeper are given closer to the command line";
                ineffective(Key::Registry, &kind.origin, kind.rank, why);
                (Some(zk), None)
            }
            std::cmp::Ordering::Greater => {
                let why = "the registry is in the database (--registry jdbc)";
                ineffective(Key::Zk, &zk.origin, zk.rank, why);
                (None, Some(kind))
            }
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
