//! Passwords from files, the environment and systemd's credentials.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::source::{ENVIRONMENT_RANK, Sources};
use super::{ConfigError, Key, Origin};
use crate::output::hidden_input;
use crate::secret::Secret;

/// Where a secret is read from whose file is `-`.
pub trait SecretInput {
    /// Reads one secret of at most `limit` bytes, with the end of its line. `what` tells a person
    /// which one is asked for.
    ///
    /// # Errors
    /// It cannot be read.
    fn read_secret(&mut self, what: &str, limit: u64) -> io::Result<Vec<u8>>;
}

/// From a pipe or a file, everything to its end.
impl<R: Read> SecretInput for R {
    fn read_secret(&mut self, _: &str, limit: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// From a terminal, where a person types it.
#[derive(Clone, Copy, Debug)]
pub struct SecretPrompt;

impl SecretInput for SecretPrompt {
    fn read_secret(&mut self, what: &str, limit: u64) -> io::Result<Vec<u8>> {
        hidden_input::ask(what, limit)
    }
}

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
    what: &str,
    stdin: &mut dyn SecretInput,
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
            let secret = if path == Path::new("-") {
                read_input(what, stdin)
            } else {
                read_file(&path, Rights::Private)
            };
            let secret = secret.map_err(|problem| problem.at(key, &origin, &path))?;
            Ok(Some((secret, origin)))
        }
        SecretPlace::Credential { key, path } => {
            let origin = Origin::Credential(path.clone());
            let secret = read_file(&path, Rights::Guarded)
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

fn read_input(what: &str, input: &mut dyn SecretInput) -> Result<Secret, Problem> {
    let bytes = input.read_secret(what, LONGEST);
    one_line(bytes.map_err(|error| Problem::new(error.to_string()))?)
}

fn read_file(path: &Path, rights: Rights) -> Result<Secret, Problem> {
    let mut bytes = Vec::new();
    let unreadable = |error: io::Error| Problem::new(error.to_string());
    let file = std::fs::File::open(path).map_err(unreadable)?;
    if rights == Rights::Private {
        // Checked on the open file, so that it cannot be replaced in between.
        check_rights(path, &file.metadata().map_err(unreadable)?)?;
    }
    file.take(LONGEST)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    one_line(bytes)
}

fn one_line(bytes: Vec<u8>) -> Result<Secret, Problem> {
    let text = String::from_utf8(bytes).map_err(|_| Problem::new("it is not UTF-8"))?;
    // Editors of other systems begin a file with a mark of the encoding.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(Problem::new("it is empty")),
        secret if secret.contains(['\n', '\0']) => Err(Problem::new("it has more than one line")),
        secret => Ok(Secret::new(secret)),
    }
}

fn check_rights(path: &Path, metadata: &std::fs::Metadata) -> Result<(), Problem> {
    if !others_have_access(metadata) {
        return Ok(());
    }
    let hint = Some(format!("chmod 600 {}", path.display()));
    Err(Problem {
        problem: "users other than its owner have access to it".to_owned(),
        hint,
    })
}

/// Whether users other than its owner have access to a file.
#[cfg(unix)]
pub(super) fn others_have_access(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    // The last six bits are the permissions of the group and of others.
    metadata.mode().trailing_zeros() < 6
}

#[cfg(not(unix))]
pub(super) fn others_have_access(_: &std::fs::Metadata) -> bool {
    false
}
