//! What the loop is made of, and its files.

use std::path::PathBuf;

use anyhow::anyhow;

use super::args::WatchArgs;
use crate::commands::failure::CommandError;
use crate::config::{Environment, Settings};
use crate::exit_code::ExitCode;
use crate::options::GlobalArgs;
use crate::watch::lone::Lone;
use crate::watch::state::{StateFile, default_path};

/// What the loop is made of.
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
            anyhow!("there is no place for the state file"),
            "give one with --state-file FILE",
        )
    })?;
    // What lies beside it is that of the file, by whatever name; a link would be replaced, too.
    let file = path
        .is_symlink()
        .then(|| std::fs::canonicalize(&path).ok())
        .flatten();
    Ok(file.unwrap_or(path))
}

/// Opens the state file, which must be one of ours or absent.
pub(super) fn open_state(
    arguments: &WatchArgs,
    environment: &Environment,
) -> Result<StateFile, CommandError> {
    let path = state_path(arguments, environment)?;
    let open = StateFile::open(&path).and_then(|file| file.load().map(|_| file));
    open.map_err(|error| {
        CommandError::usage(error.into(), "give another one with --state-file FILE")
    })
}

/// Two watchers with one state file would forget each other's failovers, and both their brakes.
pub(super) fn alone(file: &StateFile) -> Result<Option<Lone>, CommandError> {
    match Lone::beside(file.path()) {
        Ok(Some(lone)) => Ok(Some(lone)),
        Ok(None) => Err(CommandError::Other {
            error: anyhow!(
                "another watcher runs with the state file {}",
                file.path().display()
            ),
            hint: "let it do the work, or give this one a file of its own with --state-file FILE"
                .to_owned(),
            exit: ExitCode::LockHeld,
        }),
        // A folder that cannot be written to is told when the state is to be kept; some file
        // systems have no locks.
        Err(error) => {
            tracing::info!("the state file cannot be kept for this watcher alone: {error}");
            Ok(None)
        }
    }
}
