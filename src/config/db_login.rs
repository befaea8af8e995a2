//! The metadata database, with the password from wherever it stands.

use super::client_certificate::OfOptions;
use super::client_files::{self, ClientPassword};
use super::db_tls::client_of_options;
use super::ds_home::Login;
use super::resolver::{Picked, Resolver};
use super::secrets::{self, Candidate, SecretInput, SecretPlace};
use super::{ConfigError, DbTarget, Key, Origin, Settings, Warning};
use crate::options::GlobalArgs;
use crate::options::value::secret;
use crate::secret::Secret;

/// The database, if one is set. What is to be said of its parameters and its password is added to the
/// settings.
///
/// # Errors
/// A URL or a password that cannot be used.
pub(super) fn database(
    resolver: &mut Resolver<'_>,
    arguments: &GlobalArgs,
    stdin: &mut dyn SecretInput,
    settings: &mut Settings,
) -> Result<Option<DbTarget>, ConfigError> {
    let flag = arguments.connection.db.clone();
    let Some(url) = resolver.pick(Key::Db, flag, secret)? else {
        return Ok(None);
    };
    let login = login_of_home(resolver, &url);
    let login = resolver.troubles.keep(login)?.unwrap_or_default();
    let client = client_of_options(resolver, arguments, settings, url.rank);
    let client = resolver.troubles.keep(client)?.flatten();
    let target = parse(&url, login.user.as_deref(), client.as_ref(), settings);
    let target = resolver.troubles.keep(target)?;
    if matches!(target, Some(DbTarget::Sqlite(_))) {
        return Ok(target);
    }
    let in_url = target.as_ref().and_then(DbTarget::password).cloned();
    if in_url.is_some() {
        let checked = check_place(resolver, &url, settings);
        resolver.troubles.keep(checked)?;
    }
    let flag = arguments.connection.db_password_file.clone();
    let file = resolver.secret_file(Key::DbPasswordFile, flag)?;
    let origin = url.origin.clone();
    let known = |(secret, origin)| Candidate {
        rank: url.rank,
        place: SecretPlace::Known { secret, origin },
    };
    let mut candidates = Vec::from_iter(file);
    candidates.extend(in_url.map(|secret| known((secret, origin))));
    candidates.extend(login.password.map(known));
    candidates.extend(others(resolver)?);
    let shown = target.as_ref().map(DbTarget::shown).unwrap_or_default();
    let asked = format!("Password of the database {shown}");
    let password = secrets::read(candidates, asked.trim_end(), stdin);
    let mut password = resolver.troubles.keep(password)?.flatten();
    let Some(target) = target else {
        return Ok(None);
    };
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

/// A login of DolphinScheduler's files belongs to their database, and is told to no other one.
fn login_of_home(resolver: &Resolver<'_>, url: &Picked<Secret>) -> Result<Login, ConfigError> {
    match resolver.sources.home() {
        Some((home, rank)) if rank == url.rank => home.login(),
        _ => Ok(Login::default()),
    }
}

fn parse(
    url: &Picked<Secret>,
    user: Option<&str>,
    client: Option<&OfOptions>,
    settings: &mut Settings,
) -> Result<DbTarget, ConfigError> {
    let target = DbTarget::parse_beside(url.value.expose(), user, client);
    let (target, misspelt) = target.map_err(|error| ConfigError::Value {
        key: Key::Db.name(),
        origin: url.origin.clone(),
        problem: error.problem,
        hint: error.hint.map(ToOwned::to_owned),
    })?;
    let of_url = |misspelt| Warning::MisspeltParameter(url.origin.clone(), misspelt);
    settings.warnings.extend(misspelt.into_iter().map(of_url));
    Ok(target)
}

/// Where a URL with a password in it stands: DolphinScheduler's own files are as open as it has them.
fn check_place(
    resolver: &Resolver<'_>,
    url: &Picked<Secret>,
    settings: &mut Settings,
) -> Result<(), ConfigError> {
    let home = resolver.sources.home();
    let is_of_home = home.is_some_and(|(_, rank)| rank == url.rank);
    match &url.origin {
        Origin::Flag => settings.warnings.push(Warning::PasswordOnCommandLine),
        Origin::File { path, .. } if !is_of_home => {
            secrets::check_file(Key::Db, &url.origin, path)?;
        }
        _ => {}
    }
    Ok(())
}

/// The variable and systemd's credential.
fn others(resolver: &mut Resolver<'_>) -> Result<impl Iterator<Item = Candidate>, ConfigError> {
    let sources = &resolver.sources;
    let variable = secrets::variable(sources, "db-password", "DSCTL_DB_PASSWORD");
    let variable = resolver.troubles.keep(variable)?.flatten();
    let credential = secrets::credential(sources, Key::DbPasswordFile, "dsctl-db-password");
    Ok(variable.into_iter().chain(credential))
}
