//! When hooks are run, and what comes of them.

use std::str::FromStr;

/// When a hook is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// Before a failover; a hook that does not agree vetoes it.
    Pre,
    /// After one that did all it should.
    PostSuccess,
    /// After one that did not.
    PostFailure,
    /// A guard or a safety check held one back.
    Blocked,
}

impl Moment {
    /// Every moment.
    pub const ALL: [Self; 4] = [Self::Pre, Self::PostSuccess, Self::PostFailure, Self::Blocked];

    /// Its word: on the command line, in `DSCTL_HOOK`, and the name of the program in a folder of hooks.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pre => "pre",
            Self::PostSuccess => "post-success",
            Self::PostFailure => "post-failure",
            Self::Blocked => "blocked",
        }
    }
}

impl FromStr for Moment {
    type Err = HookError;

    fn from_str(text: &str) -> Result<Self, HookError> {
        let known = Self::ALL.into_iter().find(|moment| moment.word() == text);
        known.ok_or(HookError("expected pre, post-success, post-failure or blocked before the ="))
    }
}

/// A text that names no hook; says what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HookError(&'static str);

/// Reads `EVENT=CMD`, as `--on` takes it.
///
/// # Errors
/// [`HookError`]: an unknown event, or no program.
pub fn parse_on(text: &str) -> Result<(Moment, String), HookError> {
    let (moment, line) = text.split_once('=').ok_or(HookError("expected EVENT=PROGRAM"))?;
    let moment = moment.parse()?;
    match line.trim() {
        "" => Err(HookError("there is no program after the =")),
        line => Ok((moment, line.to_owned())),
    }
}

/// What came of the hooks of one moment. The output is the end of what they printed, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookOutcome {
    /// All agree, or there is none.
    Ok {
        /// What they printed.
        output: String,
    },
    /// A `pre` hook said no.
    Veto {
        /// Which one.
        program: String,
        /// Its exit code.
        code: i32,
        /// What it printed.
        output: String,
    },
    /// A hook could not be run, was refused, was ended by a signal, or (after a failover) did not exit with zero.
    Failed {
        /// Which one, and why.
        why: String,
        /// What it printed.
        output: String,
    },
    /// A hook was ended, since it took too long.
    TimedOut {
        /// Which one.
        program: String,
        /// What it printed.
        output: String,
    },
}
