//! Logins at ZooKeeper: the digest of its own scheme, and SASL.

use std::path::PathBuf;

use super::ds_home::{DsHome, SaslOfMasters};
use super::resolver::{Picked, Resolver};
use super::secrets::{self, Candidate, SecretInput, SecretPlace};
use super::{ConfigError, Key, Origin, Settings, Warning};
use crate::options::GlobalArgs;
use crate::secret::{
    KerberosLogin, KerberosService, MastersTicket, PasswordLogin, SaslLogin, Secret,
};

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
    let mut candidates = candidates(&DIGEST, resolver, flag)?;
    candidates.extend(of_home);
    let read = read(&DIGEST, candidates, stdin)?;
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
    let flags = &arguments.connection;
    let service = resolver.pick(Key::ZkKerberos, flags.zk_kerberos.clone(), str::parse)?;
    let candidates = candidates(&SASL, resolver, flags.zk_sasl_file.clone())?;
    if let Some(service) = service {
        if is_kerberos_closer(&service, &candidates, resolver)? {
            return kerberos(service, resolver).map(Some);
        }
        resolver.origins.retain(|(key, _)| *key != Key::ZkKerberos);
    }
    let read = match read(&SASL, candidates, stdin)? {
        Some((_, login, origin)) => Some((login, origin)),
        None => of_masters(resolver, settings)?,
    };
    let Some((login, origin)) = read else {
        return Ok(None);
    };
    match login.obstacle() {
        None => Ok(Some((SaslLogin::Password(login), origin))),
        Some(obstacle) => Err(refused(&SASL, origin, obstacle)),
    }
}

/// Whether it is Kerberos, and not user and password, that is said closer to the command line. What an
/// installation says comes last.
fn is_kerberos_closer(
    service: &Picked<KerberosService>,
    passwords: &[Candidate],
    resolver: &Resolver<'_>,
) -> Result<bool, ConfigError> {
    let Some(password) = passwords.iter().map(|candidate| candidate.rank).min() else {
        return Ok(true);
    };
    let is_of_home = resolver.sources.home().map(|(_, rank)| rank) == Some(service.rank);
    if service.rank == password {
        return Err(ConfigError::Value {
            key: Key::ZkKerberos.name(),
            origin: service.origin.clone(),
            problem: "a login with user and password is given in the same place".to_owned(),
            hint: Some("leave one of the two out".to_owned()),
        });
    }
    Ok(!is_of_home && service.rank < password)
}

fn kerberos(
    service: Picked<KerberosService>,
    resolver: &Resolver<'_>,
) -> Result<(SaslLogin, Origin), ConfigError> {
    if !KerberosLogin::IS_BUILT_IN {
        return Err(ConfigError::Value {
            key: Key::ZkKerberos.name(),
            origin: service.origin,
            problem: "Kerberos is not built into this dsctl".to_owned(),
            hint: Some(format!(
                "it needs a C library, which the standard build does without; build one with it: {}",
                KerberosLogin::BUILD
            )),
        });
    }
    let home = resolver.sources.zk_of_home();
    let masters = match home.map(DsHome::sasl) {
        Some(Ok(Some(SaslOfMasters::Kerberos(login, _)))) => login.masters,
        _ => MastersTicket::default(),
    };
    let login = KerberosLogin {
        service: service.value,
        masters,
    };
    Ok((SaslLogin::Kerberos(login), service.origin))
}

/// The login of the masters belongs to their servers, and is told to no other ones.
fn of_masters(
    resolver: &Resolver<'_>,
    settings: &mut Settings,
) -> Result<Option<(PasswordLogin, Origin)>, ConfigError> {
    let Some(home) = resolver.sources.zk_of_home() else {
        return Ok(None);
    };
    let warning = match home.sasl()? {
        Some(SaslOfMasters::Digest(user, password, origin)) => {
            return Ok(Some((PasswordLogin { user, password }, origin)));
        }
        Some(SaslOfMasters::Kerberos(_, origin)) => Warning::KerberosNotBuiltIn(origin),
        Some(SaslOfMasters::NotBuiltIn { name, origin }) => {
            Warning::SaslNotBuiltIn { name, origin }
        }
        Some(SaslOfMasters::Unreadable {
            path,
            origin,
            problem,
        }) => Warning::SaslUnreadable {
            path,
            origin,
            problem,
        },
        None => return Ok(None),
    };
    settings.warnings.push(warning);
    Ok(None)
}

/// Where a login may stand outside an installation.
fn candidates(
    kind: &Kind,
    resolver: &mut Resolver<'_>,
    flag: Option<PathBuf>,
) -> Result<Vec<Candidate>, ConfigError> {
    let mut candidates = Vec::from_iter(resolver.secret_file(kind.key, flag)?);
    let sources = &resolver.sources;
    candidates.extend(secrets::variable(sources, kind.name, kind.variable)?);
    candidates.extend(secrets::credential(sources, kind.key, kind.credential));
    Ok(candidates)
}

/// A login whole, in its two parts, and where it came from.
fn read(
    kind: &Kind,
    candidates: Vec<Candidate>,
    stdin: &mut dyn SecretInput,
) -> Result<Option<(Secret, PasswordLogin, Origin)>, ConfigError> {
    let Some((secret, origin)) = secrets::read(candidates, kind.asked, stdin)? else {
        return Ok(None);
    };
    let parts = secret.expose().split_once(':');
    let is_whole = |(user, password): &(&str, &str)| {
        !user.is_empty() && (kind.may_be_empty || !password.is_empty())
    };
    let login = parts
        .filter(is_whole)
        .map(|(user, password)| PasswordLogin {
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
