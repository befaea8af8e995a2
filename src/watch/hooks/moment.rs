//! When hooks are run, and their outcomes.

use strum::{EnumString, IntoStaticStr, VariantArray};

/// When a hook is run.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumString, IntoStaticStr, VariantArray,
)]
#[strum(serialize_all = "kebab-case", parse_err_ty = HookError, parse_err_fn = unknown)]
pub enum HookMoment {
    /// Before a failover; a hook that fails vetoes it.
    Pre,
    /// After a failover that succeeded.
    PostSuccess,
    /// After a failover that did not.
    PostFailure,
    /// After a guard or a safety check prevented a failover.
    Blocked,
}

impl HookMoment {
    /// Every moment.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// Its name: on the command line, in `DSCTL_HOOK`, and the name of the program in a folder of
    /// hooks.
    #[must_use]
    pub fn keyword(self) -> &'static str {
        self.into()
    }
}

/// A text that names no hook; says what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HookError(&'static str);

fn unknown(_: &str) -> HookError {
    HookError("expected pre, post-success, post-failure or blocked before the =")
}

/// Reads `EVENT=CMD`, as `--on` takes it.
///
/// # Errors
/// [`HookError`]: an unknown event, or no program.
pub fn parse_on(text: &str) -> Result<(HookMoment, String), HookError> {
    let (moment, line) = text
        .split_once('=')
        .ok_or(HookError("expected EVENT=PROGRAM"))?;
    let moment = moment.parse()?;
    match line.trim() {
        "" => Err(HookError("there is no program after the =")),
        line => Ok((moment, line.to_owned())),
    }
}

/// The outcome of the hooks of one moment. The output is the last part of what they printed, for
/// the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookOutcome {
    /// All succeeded, or there is no hook.
    Ok {
        /// Their output.
        output: String,
    },
    /// A `pre` hook vetoed.
    Veto {
        /// Which one.
        program: String,
        /// Its exit code.
        code: i32,
        /// Its output.
        output: String,
    },
    /// A hook could not be run, was refused, was ended by a signal, or (after a failover) did not
    /// exit with zero.
    Failed {
        /// Which one, and why.
        why: String,
        /// Its output.
        output: String,
    },
    /// A hook was ended because it took too long.
    TimedOut {
        /// Which one.
        program: String,
        /// Its output.
        output: String,
    },
}
