//! Lines for systemd's journal, which records the time itself and reads a level from the start of a
//! line.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;

/// The level of a line: those of syslog(3) that are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something failed.
    Error = 3,
    /// An operator should look at it.
    Warning = 4,
    /// Normal, but significant.
    Notice = 5,
    /// Informational.
    Info = 6,
}

impl Level {
    /// The prefix of the line, see sd-daemon(3).
    #[must_use]
    pub fn prefix(self) -> String {
        format!("<{}>", self as u8)
    }
}

/// Which streams lead to the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Journal {
    /// Whether stdout does.
    pub stdout: bool,
    /// Whether stderr does.
    pub stderr: bool,
}

impl Journal {
    /// Of this process; `journal_stream` is the variable `JOURNAL_STREAM`.
    #[must_use]
    pub fn of_process(journal_stream: Option<&str>) -> Self {
        let is_it = |stream| is_journal(journal_stream, stream);
        Self {
            stdout: is_it(std::io::stdout().as_fd()),
            stderr: is_it(std::io::stderr().as_fd()),
        }
    }
}

/// Whether a stream is the one that `JOURNAL_STREAM` names, as `device:inode`: a program may
/// inherit the variable and write somewhere else.
fn is_journal(journal_stream: Option<&str>, stream: BorrowedFd<'_>) -> bool {
    let Some((device, inode)) = journal_stream.and_then(|text| text.split_once(':')) else {
        return false;
    };
    let (Ok(device), Ok(inode)) = (device.parse::<u64>(), inode.parse::<u64>()) else {
        return false;
    };
    let metadata = stream
        .try_clone_to_owned()
        .and_then(|stream| File::from(stream).metadata());
    metadata.is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == (device, inode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_is_distinguished_from_other_streams() {
        let (file, other) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        let metadata = file.metadata().unwrap();
        let name = format!("{}:{}", metadata.dev(), metadata.ino());
        assert!(is_journal(Some(&name), file.as_fd()));
        assert!(!is_journal(Some(&name), other.as_fd()));
        for strange in [
            None,
            Some(""),
            Some(":"),
            Some("1"),
            Some("a:b"),
            Some("-1:2"),
            Some("1:2:3"),
        ] {
            assert!(!is_journal(strange, file.as_fd()), "{strange:?}");
        }
    }

    #[test]
    fn levels_are_those_of_syslog() {
        assert_eq!(
            [Level::Error, Level::Warning, Level::Notice, Level::Info].map(Level::prefix),
            ["<3>", "<4>", "<5>", "<6>"]
        );
    }
}
