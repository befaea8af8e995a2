//! Programs of the operator that are run before a failover, where they may veto it, and after it.
//! No shell is involved.

mod call;
mod environment;
mod moment;

use std::ffi::OsString;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

pub use moment::{HookError, HookMoment, HookOutcome, parse_on};

use crate::config::Environment;
use call::HookCall;

/// Keeps clock arithmetic from overflowing; no hook needs a year.
const LONGEST: Duration = Duration::from_hours(365 * 24);

/// The hooks of a watcher.
#[derive(Clone, Debug)]
pub struct Hooks {
    /// A folder with programs named after the moments.
    pub dir: Option<PathBuf>,
    /// Further programs, with their arguments after white space.
    pub on: Vec<(HookMoment, String)>,
    /// How long all hooks of one moment may take together.
    pub timeout: Duration,
}

impl HookOutcome {
    /// Whether the failover may go on. A `pre` hook that fails or takes too long does not permit
    /// it.
    #[must_use]
    pub fn permits(&self) -> bool {
        matches!(self, Self::Ok { .. })
    }

    /// The output of the hooks.
    #[must_use]
    pub fn output(&self) -> &str {
        match self {
            Self::Ok { output }
            | Self::Veto { output, .. }
            | Self::Failed { output, .. }
            | Self::TimedOut { output, .. } => output,
        }
    }

    fn output_mut(&mut self) -> &mut String {
        match self {
            Self::Ok { output }
            | Self::Veto { output, .. }
            | Self::Failed { output, .. }
            | Self::TimedOut { output, .. } => output,
        }
    }

    /// The first one that does not permit counts; outputs follow each other.
    fn and(mut self, mut next: Self) -> Self {
        if self.permits() {
            next.output_mut().insert_str(0, self.output());
            return next;
        }
        self.output_mut().push_str(next.output());
        self
    }
}

impl Hooks {
    /// Whether there is a program for this moment, even one that will be refused.
    #[must_use]
    pub fn has(&self, moment: HookMoment) -> bool {
        !self.programs(moment).is_empty()
    }

    /// Checks that the folder and the programs in it exist and are safe, so that a mistake is
    /// reported at the start.
    ///
    /// # Errors
    /// The problem of the first one that would be refused.
    pub fn check(&self) -> Result<(), String> {
        HookMoment::ALL
            .iter()
            .flat_map(|moment| self.programs(*moment))
            .try_for_each(|program| program.map(drop))
    }

    /// Runs the hooks of a moment one after another: the folder's, then the others as given. After
    /// one that does not permit, no further `pre` hook is run; other hooks are all run.
    ///
    /// They get `DSCTL_HOOK`, `DSCTL_DRY_RUN`, the given variables, the environment of this process
    /// without its secrets, and the payload as JSON on stdin. When this returns, none of them is
    /// still running: a program that is still there shortly before the timeout gets SIGTERM with
    /// its whole process group, and SIGKILL at the timeout.
    pub async fn run(
        &self,
        moment: HookMoment,
        payload: &Value,
        variables: &[(&str, String)],
        dry_run: bool,
    ) -> HookOutcome {
        self.run_in(
            &Environment::of_process(),
            moment,
            payload,
            variables,
            dry_run,
        )
        .await
    }

    async fn run_in(
        &self,
        environment: &Environment,
        moment: HookMoment,
        payload: &Value,
        variables: &[(&str, String)],
        dry_run: bool,
    ) -> HookOutcome {
        let environment = environment::of_hook(environment, moment, variables, dry_run);
        let input = payload.to_string();
        let timeout = self.timeout.min(LONGEST);
        let deadline = Instant::now() + timeout;
        let mut outcome = HookOutcome::Ok {
            output: String::new(),
        };
        for program in self.programs(moment) {
            outcome = outcome.and(match program {
                Ok(program) => {
                    let call = HookCall {
                        program,
                        environment: &environment,
                        input: input.as_bytes(),
                        moment,
                    };
                    call.run(timeout, deadline).await
                }
                Err(why) => HookOutcome::Failed {
                    why,
                    output: String::new(),
                },
            });
            if moment == HookMoment::Pre && !outcome.permits() {
                break;
            }
        }
        outcome
    }

    /// Programs with their arguments, or why one is refused.
    fn programs(&self, moment: HookMoment) -> Vec<Result<Vec<OsString>, String>> {
        let in_folder = self
            .dir
            .as_deref()
            .and_then(|dir| in_folder(dir, moment).transpose());
        let in_folder = in_folder.map(|path| path.map(|path| vec![path.into_os_string()]));
        let given = self.on.iter().filter(|(of, _)| *of == moment);
        let given =
            given.map(|(_, line)| Ok(line.split_whitespace().map(OsString::from).collect()));
        in_folder.into_iter().chain(given).collect()
    }
}

/// The program of a moment in a folder of hooks; `None` if the folder has none.
fn in_folder(dir: &Path, moment: HookMoment) -> Result<Option<PathBuf>, String> {
    let at = |path: &Path, problem: &dyn std::fmt::Display| {
        Err(format!("{}: {problem}", path.display()))
    };
    let folder = match std::fs::metadata(dir) {
        Err(error) => return at(dir, &error),
        Ok(folder) if !folder.is_dir() => return at(dir, &"it is not a folder"),
        Ok(folder) => folder.permissions().mode(),
    };
    let path = dir.join(moment.keyword());
    let (is_file, mode) = match std::fs::metadata(&path) {
        // A dangling symbolic link was meant to be a hook.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => {
            return Ok(None);
        }
        Err(error) => return at(&path, &error),
        Ok(file) => (file.is_file(), file.permissions().mode()),
    };
    match () {
        () if !is_file => at(&path, &"it is not a file"),
        () if mode & 0o111 == 0 => at(&path, &"it is not executable"),
        () if mode & 0o022 != 0 => at(&path, &"users other than its owner can write to it"),
        () if folder & 0o022 != 0 => at(
            dir,
            &"users other than its owner can write to this folder of hooks",
        ),
        () => Ok(Some(path)),
    }
}

#[cfg(test)]
mod tests;
