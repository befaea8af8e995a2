//! Exit codes: one meaning each.

use serde::Serialize;
use strum::VariantArray;

/// The exit status of the process. In JSON it is its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, VariantArray)]
#[serde(into = "u8")]
#[repr(u8)]
pub enum ExitCode {
    /// Done, or nothing to do, or already done.
    Done = 0,
    /// Unexpected failure.
    Failure = 1,
    /// Usage or configuration error.
    Usage = 2,
    /// `doctor`: something was found.
    Findings = 3,
    /// Refused by a safety check, consent missing, or plan stale; nothing written.
    Refused = 4,
    /// The lock is held by another client.
    LockHeld = 5,
    /// Registry or database unreachable; nothing written.
    Unreachable = 6,
    /// Not all was done; what was left, and why, is printed.
    Partial = 7,
    /// Lock or session lost midway; what was written is listed.
    Stopped = 8,
    /// The answer to COMMIT is lost and reading back was impossible.
    Unknown = 9,
    /// `lock acquire -- CMD`: CMD cannot be executed.
    NotExecutable = 126,
    /// `lock acquire -- CMD`: CMD does not exist.
    NotFound = 127,
    /// Ended by SIGINT.
    Interrupted = 130,
    /// Ended by SIGTERM.
    Terminated = 143,
}

impl ExitCode {
    /// Every code, in order of number.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The number.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// What it means, and whether a retry makes sense: `(meaning, retry)`.
    #[must_use]
    pub fn meaning(self) -> (&'static str, &'static str) {
        match self {
            Self::Done => ("done, or nothing to do, or already done", "-"),
            Self::Failure => ("unexpected failure", "check first"),
            Self::Usage => ("usage or configuration error", "no"),
            Self::Findings => ("doctor: something was found", "after it was mended"),
            Self::Refused => (
                "refused by a safety check, or consent missing; nothing written",
                "after an operator has checked",
            ),
            Self::LockHeld => ("the lock is held by another client; nothing written", "yes"),
            Self::Unreachable => (
                "ZooKeeper or database unreachable or timed out; nothing written",
                "yes",
            ),
            Self::Partial => (
                "partial: not all was done; what was left, and why, is printed",
                "yes, it is idempotent",
            ),
            Self::Stopped => (
                "stopped: lock or session lost midway; what was written is listed",
                "yes, after a check",
            ),
            Self::Unknown => (
                "outcome unknown: the answer to COMMIT is lost",
                "check first",
            ),
            Self::NotExecutable => (
                "lock acquire: CMD cannot be executed; the lock was released",
                "no",
            ),
            Self::NotFound => (
                "lock acquire: CMD was not found; the lock was released",
                "no",
            ),
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
        assert_eq!(
            (numbers.len(), meanings.len()),
            (ExitCode::ALL.len(), ExitCode::ALL.len())
        );
    }
}
