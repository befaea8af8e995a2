//! The parts of the loop, and its files.

use std::path::PathBuf;

use anyhow::anyhow;

use super::args::WatchArgs;
use crate::commands::failure::CommandError;
use crate::config::{Environment, Settings};
use crate::exit_code::ExitCode;
use crate::files::lock::StateLock;
use crate::options::GlobalArgs;
use crate::watch::state::{StateFile, default_path};

/// The parts of the loop.
pub(super) struct Setup<'a> {
    pub(super) settings: Settings,
    pub(super) global: &'a GlobalArgs,
    pub(super) environment: &'a Environment,
    pub(super) arguments: &'a WatchArgs,
    pub(super) state_file: StateFile,
}

fn state_path(arguments: &WatchArgs, environment: &Environment) -> Result<PathBuf, CommandError> {
    let path = arguments
        .state_file
        .clone()
        .or_else(|| default_path(environment));
    let path = path.ok_or_else(|| {
        CommandError::usage(
            anyhow!("there is no default path for the state file"),
            "specify one with --state-file FILE",
        )
    })?;
    // Resolved, because the files next to it belong to the file, whatever its name; a link would
    // also be replaced.
    let file = path
        .is_symlink()
        .then(|| std::fs::canonicalize(&path).ok())
        .flatten();
    Ok(file.unwrap_or(path))
}

/// Opens the state file, which must be one of dsctl or absent.
pub(super) fn open_state(
    arguments: &WatchArgs,
    environment: &Environment,
) -> Result<StateFile, CommandError> {
    let path = state_path(arguments, environment)?;
    let open = StateFile::open(&path).and_then(|file| file.load().map(|_| file));
    open.map_err(|error| {
        CommandError::usage(error.into(), "specify another one with --state-file FILE")
    })
}

/// Two watchers with one state file would lose each other's failovers, and the storm brake.
pub(super) fn lock_state(file: &StateFile) -> Result<Option<StateLock>, CommandError> {
    match StateLock::acquire(file.path()) {
        Ok(Some(state_lock)) => Ok(Some(state_lock)),
        Ok(None) => Err(CommandError::Other {
            error: anyhow!(
                "another watcher runs with the state file {}",
                file.path().display()
            ),
            hint: "leave the work to it, or use another file for this one with --state-file FILE"
                .to_owned(),
            exit: ExitCode::LockHeld,
        }),
        // A folder that is not writable is reported when the state is saved; some file systems have
        // no locks.
        Err(error) => {
            tracing::info!("the state file cannot be locked for this watcher: {error}");
            Ok(None)
        }
    }
}
