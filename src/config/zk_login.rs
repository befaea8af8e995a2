//! Logins at ZooKeeper: the digest of its own scheme, and SASL.

use std::path::PathBuf;

use super::ds_home::SaslOfMasters;
use super::resolver::Resolver;
use super::secrets::{self, Candidate, SecretInput, SecretPlace};
use super::{ConfigError, Key, Origin, Settings, Warning};
use crate::options::GlobalArgs;
use crate::secret::{SaslLogin, Secret};

/// A login as `user:password`, and where it is looked for.
pub(super) struct Kind {
    key: Key,
    /// What it is called where it is listed; the variable and systemd's credential are named after it.
    name: &'static str,
    variable: &'static str,
    credential: &'static str,
    /// What a person is asked for.
    asked: &'static str,
    /// What it is called in errors.
    pub(super) told: &'static str,
    /// Whether the password may be empty.
    may_be_empty: bool,
}

pub(super) const DIGEST: Kind = Kind {
    key: Key::ZkDigestFile,
    name: "zk-digest",
    variable: "DSCTL_ZK_DIGEST",
    credential: "dsctl-zk-digest",
    asked: "user:password for ZooKeeper",
    told: "the ZooKeeper digest",
    may_be_empty: true,
};

pub(super) const SASL: Kind = Kind {
    key: Key::ZkSaslFile,
    name: "zk-sasl",
    variable: "DSCTL_ZK_SASL",
    credential: "dsctl-zk-sasl",
    asked: "user:password for ZooKeeper (SASL)",
    told: "ZooKeeper's SASL login",
    may_be_empty: false,
};

/// The digest, as it stands and with where it came from. `zk_rank` is the rank of ZooKeeper's servers:
/// a login of DolphinScheduler's files belongs to their servers, and is told to no other ones.
///
/// # Errors
/// It cannot be read, or is none.
pub(super) fn digest(
    resolver: &mut Resolver<'_>,
    arguments: &GlobalArgs,
    stdin: &mut dyn SecretInput,
    zk_rank: usize,
) -> Result<Option<(Secret, Origin)>, ConfigError> {
    let flag = arguments.connection.zk_digest_file.clone();
    let home = resolver.sources.home();
    let of_home = match home.filter(|(_, rank)| *rank == zk_rank) {
        Some((home, rank)) => home.digest()?.map(|(secret, origin)| Candidate {
            rank,
            place: SecretPlace::Known { secret, origin },
        }),
        None => None,
    };
    let read = read(&DIGEST, resolver, flag, of_home, stdin)?;
    Ok(read.map(|(secret, _, origin)| (secret, origin)))
}

/// The login with SASL, with where it came from. Of DolphinScheduler's files it is looked for where no
/// other place has one; a login that is not built in, or whose file cannot be read, is warned of.
///
/// # Errors
/// It cannot be read, or cannot be used.
pub(super) fn sasl(
    resolver: &mut Resolver<'_>,
    arguments: &GlobalArgs,
    stdin: &mut dyn SecretInput,
    settings: &mut Settings,
) -> Result<Option<(SaslLogin, Origin)>, ConfigError> {
    let flag = arguments.connection.zk_sasl_file.clone();
    let read = match read(&SASL, resolver, flag, None, stdin)? {
        Some((_, login, origin)) => Some((login, origin)),
        None => of_masters(resolver, settings)?,
    };
    let Some((login, origin)) = read else {
        return Ok(None);
    };
    match login.obstacle() {
        None => Ok(Some((login, origin))),
        Some(obstacle) => Err(refused(&SASL, origin, obstacle)),
    }
}

/// The login of the masters belongs to their servers, and is told to no other ones.
fn of_masters(
    resolver: &Resolver<'_>,
    settings: &mut Settings,
) -> Result<Option<(SaslLogin, Origin)>, ConfigError> {
    let Some(home) = resolver.sources.zk_of_home() else {
        return Ok(None);
    };
    match home.sasl()? {
        Some(SaslOfMasters::Digest(user, password, origin)) => {
            Ok(Some((SaslLogin { user, password }, origin)))
        }
        Some(SaslOfMasters::NotBuiltIn { name, origin }) => {
            let warning = Warning::SaslNotBuiltIn { name, origin };
            settings.warnings.push(warning);
            Ok(None)
        }
        Some(SaslOfMasters::Unreadable {
            path,
            origin,
            problem,
        }) => {
            let warning = Warning::SaslUnreadable {
                path,
                origin,
                problem,
            };
            settings.warnings.push(warning);
            Ok(None)
        }
        None => Ok(None),
    }
}

/// A login whole, in its two parts, and where it came from.
fn read(
    kind: &Kind,
    resolver: &mut Resolver<'_>,
    flag: Option<PathBuf>,
    of_home: Option<Candidate>,
    stdin: &mut dyn SecretInput,
) -> Result<Option<(Secret, SaslLogin, Origin)>, ConfigError> {
    let mut candidates = Vec::from_iter(resolver.secret_file(kind.key, flag)?);
    let sources = &resolver.sources;
    candidates.extend(secrets::variable(sources, kind.name, kind.variable)?);
    candidates.extend(secrets::credential(sources, kind.key, kind.credential));
    candidates.extend(of_home);
    let Some((secret, origin)) = secrets::read(candidates, kind.asked, stdin)? else {
        return Ok(None);
    };
    let parts = secret.expose().split_once(':');
    let is_whole = |(user, password): &(&str, &str)| {
        !user.is_empty() && (kind.may_be_empty || !password.is_empty())
    };
    let login = parts.filter(is_whole).map(|(user, password)| SaslLogin {
        user: user.to_owned(),
        password: Secret::new(password),
    });
    match login {
        Some(login) => Ok(Some((secret, login, origin))),
        None => Err(refused(kind, origin, "expected user:password")),
    }
}

fn refused(kind: &Kind, origin: Origin, problem: &str) -> ConfigError {
    ConfigError::Value {
        key: kind.told,
        origin,
        problem: problem.to_owned(),
        hint: None,
    }
}
