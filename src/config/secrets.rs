//! Passwords from files, the environment and systemd's credentials.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::source::{ENVIRONMENT_RANK, Sources};
use super::{ConfigError, Key, Origin};
use crate::secret::Secret;

/// A secret that is not read yet, and the rank of its source: the smaller rank wins.
pub(super) struct Candidate {
    pub(super) rank: usize,
    pub(super) place: SecretPlace,
}

/// The source of a secret.
pub(super) enum SecretPlace {
    /// In a file that an option names.
    File {
        key: Key,
        origin: Origin,
        path: PathBuf,
    },
    /// In the environment, or in a URL.
    Known { secret: Secret, origin: Origin },
    /// In systemd's folder of credentials, whose access rights systemd guards.
    Credential { key: Key, path: PathBuf },
}

/// Reads the secret with the smallest rank; of equal ones the first.
pub(super) fn read(
    candidates: Vec<Candidate>,
    stdin: &mut dyn Read,
) -> Result<Option<(Secret, Origin)>, ConfigError> {
    let Some(best) = candidates
        .into_iter()
        .min_by_key(|candidate| candidate.rank)
    else {
        return Ok(None);
    };
    match best.place {
        SecretPlace::Known { secret, origin } => Ok(Some((secret, origin))),
        SecretPlace::File { key, origin, path } => {
            let secret = read_file(&path, Rights::Private, stdin);
            let secret = secret.map_err(|problem| problem.at(key, &origin, &path))?;
            Ok(Some((secret, origin)))
        }
        SecretPlace::Credential { key, path } => {
            let origin = Origin::Credential(path.clone());
            let secret = read_file(&path, Rights::Guarded, stdin)
                .map_err(|problem| problem.at(key, &origin, &path))?;
            Ok(Some((secret, origin)))
        }
    }
}

/// The credential with this name, if systemd provides one.
pub(super) fn credential(sources: &Sources<'_>, key: Key, name: &str) -> Option<Candidate> {
    let path = sources
        .environment
        .absolute_path("CREDENTIALS_DIRECTORY")?
        .join(name);
    path.exists().then_some(Candidate {
        rank: usize::MAX,
        place: SecretPlace::Credential { key, path },
    })
}

/// A secret in an environment variable.
pub(super) fn variable(
    sources: &Sources<'_>,
    key: &'static str,
    name: &str,
) -> Result<Option<Candidate>, ConfigError> {
    let found = sources.environment.text(key, name)?;
    Ok(found.map(|found| {
        let place = SecretPlace::Known {
            secret: Secret::new(found.text),
            origin: found.origin,
        };
        Candidate {
            rank: ENVIRONMENT_RANK,
            place,
        }
    }))
}

/// Checks that a file with a secret in it is readable only by its owner.
pub(super) fn check_file(key: Key, origin: &Origin, path: &Path) -> Result<(), ConfigError> {
    let metadata = std::fs::metadata(path).map_err(|error| Problem::new(error.to_string()));
    let checked = metadata.and_then(|metadata| check_rights(path, &metadata));
    checked.map_err(|problem| problem.at(key, origin, path))
}

/// The required permissions of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rights {
    /// Only its owner may read it.
    Private,
    /// Ensured by systemd or the operator.
    Guarded,
}

struct Problem {
    problem: String,
    hint: Option<String>,
}

impl Problem {
    fn new(problem: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
            hint: None,
        }
    }

    fn at(self, key: Key, origin: &Origin, path: &Path) -> ConfigError {
        let (origin, path) = (origin.clone(), path.to_owned());
        ConfigError::SecretFile {
            key: key.name(),
            origin,
            path,
            problem: self.problem,
            hint: self.hint,
        }
    }
}

/// No password is longer; a wrong file (a device, a log) must not be read completely.
const LONGEST: u64 = 64 * 1024;

fn read_file(path: &Path, rights: Rights, stdin: &mut dyn Read) -> Result<Secret, Problem> {
    let mut bytes = Vec::new();
    let unreadable = |error: std::io::Error| Problem::new(error.to_string());
    if path == Path::new("-") {
        stdin
            .take(LONGEST)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
    } else {
        let file = std::fs::File::open(path).map_err(unreadable)?;
        if rights == Rights::Private {
            // Checked on the open file, so that it cannot be replaced in between.
            check_rights(path, &file.metadata().map_err(unreadable)?)?;
        }
        file.take(LONGEST)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
    }
    let text = String::from_utf8(bytes).map_err(|_| Problem::new("it is not UTF-8"))?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(Problem::new("it is empty")),
        secret if secret.contains(['\n', '\0']) => Err(Problem::new("it has more than one line")),
        secret => Ok(Secret::new(secret)),
    }
}

#[cfg(unix)]
fn check_rights(path: &Path, metadata: &std::fs::Metadata) -> Result<(), Problem> {
    use std::os::unix::fs::MetadataExt;
    // The last six bits are the permissions of the group and of others.
    if metadata.mode().trailing_zeros() >= 6 {
        return Ok(());
    }
    let hint = Some(format!("chmod 600 {}", path.display()));
    Err(Problem {
        problem: "users other than its owner have access to it".to_owned(),
        hint,
    })
}

#[cfg(not(unix))]
fn check_rights(_: &Path, _: &std::fs::Metadata) -> Result<(), Problem> {
    Ok(())
}
