//! Exit codes: one meaning each.

use serde::Serialize;

/// What the process tells its caller. To programs it is its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "u8")]
pub enum ExitCode {
    /// Done, or nothing to do, or already so.
    Done,
    /// Unexpected failure.
    Failure,
    /// Usage or configuration error.
    Usage,
    /// Refused by a safety check, consent missing, or plan stale; nothing written.
    Refused,
    /// The lock is held by someone else.
    LockHeld,
    /// Registry or database unreachable; nothing written.
    Unreachable,
    /// Not all was done; what was left, and why, is printed.
    Partial,
    /// Lock or session lost midway; what was written is listed.
    Stopped,
    /// The answer to COMMIT is lost and reading back was impossible.
    Unknown,
    /// `lock acquire -- CMD`: CMD cannot be executed.
    NotExecutable,
    /// `lock acquire -- CMD`: there is no such CMD.
    NotFound,
    /// Ended by SIGINT.
    Interrupted,
    /// Ended by SIGTERM.
    Terminated,
}

impl ExitCode {
    /// Every code, in order of number.
    pub const ALL: [Self; 13] = [
        Self::Done,
        Self::Failure,
        Self::Usage,
        Self::Refused,
        Self::LockHeld,
        Self::Unreachable,
        Self::Partial,
        Self::Stopped,
        Self::Unknown,
        Self::NotExecutable,
        Self::NotFound,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// The number.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::Refused => 4,
            Self::LockHeld => 5,
            Self::Unreachable => 6,
            Self::Partial => 7,
            Self::Stopped => 8,
            Self::Unknown => 9,
            Self::NotExecutable => 126,
            Self::NotFound => 127,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// What it means, and whether a retry makes sense: `(meaning, retry)`.
    #[must_use]
    pub fn meaning(self) -> (&'static str, &'static str) {
        match self {
            Self::Done => ("done, or nothing to do, or already so", "-"),
            Self::Failure => ("unexpected failure", "look"),
            Self::Usage => ("usage or configuration error", "no"),
            Self::Refused => ("refused by a safety check, or consent missing; nothing written", "after a human"),
            Self::LockHeld => ("the lock is held by someone else; nothing written", "yes"),
            Self::Unreachable => ("ZooKeeper or database unreachable or timed out; nothing written", "yes"),
            Self::Partial => ("partial: not all was done; what was left, and why, is printed", "yes, it is idempotent"),
            Self::Stopped => ("stopped: lock or session lost midway; what was written is listed", "yes, after a look"),
            Self::Unknown => ("outcome unknown: the answer to COMMIT is lost", "look first"),
            Self::NotExecutable => ("lock acquire: CMD cannot be executed; the lock was given back", "no"),
            Self::NotFound => ("lock acquire: CMD was not found; the lock was given back", "no"),
            Self::Interrupted => ("ended by SIGINT", "-"),
            Self::Terminated => ("ended by SIGTERM", "-"),
        }
    }
}

impl From<ExitCode> for u8 {
    fn from(code: ExitCode) -> Self {
        code.number()
    }
}

#[cfg(test)]
mod tests {
    use super::ExitCode;

    #[test]
    fn every_code_means_one_thing() {
        let mut numbers: Vec<u8> = ExitCode::ALL.iter().map(|code| code.number()).collect();
        let mut meanings: Vec<&str> = ExitCode::ALL.iter().map(|code| code.meaning().0).collect();
        assert!(numbers.is_sorted());
        numbers.dedup();
        meanings.sort_unstable();
        meanings.dedup();
        assert_eq!((numbers.len(), meanings.len()), (ExitCode::ALL.len(), ExitCode::ALL.len()));
    }
}
