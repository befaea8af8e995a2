//! The pause switch: a file next to the state file. As long as it exists, whatever it is, the loop
//! is paused.

use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::config::Environment;
use crate::files::regular::{read_regular, sibling};
use crate::files::replace::replace;

/// A pause of the loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Since when, if known.
    pub since: Option<Timestamp>,
}

impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "paused by {}", self.by)?;
        if let Some(since) = self.since {
            write!(f, " since {since:.0}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// The switch.
#[derive(Clone, Debug)]
pub struct PauseFile {
    path: PathBuf,
}

/// A reason is a sentence; a wrong file must not be read completely.
const LARGEST: u64 = 64 * 1024;

impl PauseFile {
    /// The switch that belongs to a state file.
    #[must_use]
    pub fn sibling(state_file: &Path) -> Self {
        Self {
            path: sibling(state_file, ".pause"),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Pauses the loop from its next round on; an earlier pause is replaced.
    ///
    /// # Errors
    /// The file cannot be written; the switch is as it was.
    pub fn pause(&self, by: &str, reason: &str) -> io::Result<Pause> {
        // Whole seconds are precise enough.
        let since = Timestamp::from_second(Timestamp::now().as_second()).ok();
        let pause = Pause {
            by: by.to_owned(),
            reason: reason.to_owned(),
            since,
        };
        let since = pause.since.map(|since| since.to_string());
        let text = json!({ "by": by, "reason": reason, "since": since }).to_string();
        replace(&self.path, text.as_bytes())?;
        Ok(pause)
    }

    /// Resumes the loop. Returns the pause that ended; `None` if there was none.
    ///
    /// # Errors
    /// The file cannot be removed; the loop stays paused.
    pub fn resume(&self) -> io::Result<Option<Pause>> {
        let pause = self.read();
        match std::fs::remove_file(&self.path) {
            Ok(()) => Ok(pause),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            // A disk that cannot be written to says so, whatever is there.
            Err(_) if pause.is_none() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the loop is paused. A file that cannot be read or understood pauses it as well:
    /// `touch` is enough, and a mistake must not resume failovers that an operator wanted to stop.
    #[must_use]
    pub fn read(&self) -> Option<Pause> {
        let problem = match read_regular(&self.path, LARGEST) {
            Ok(None) => return None,
            Ok(Some(bytes)) if bytes.trim_ascii().is_empty() => "no reason given".to_owned(),
            Ok(Some(bytes)) => match parse(&bytes) {
                Some(pause) => return Some(pause),
                None => "the pause file was not written by dsctl".to_owned(),
            },
            Err(error) => format!("the pause file cannot be read: {error}"),
        };
        Some(Pause {
            by: "an unknown user".to_owned(),
            reason: problem,
            since: self.modified_at(),
        })
    }

    fn modified_at(&self) -> Option<Timestamp> {
        let modified = std::fs::symlink_metadata(&self.path)
            .and_then(|metadata| metadata.modified())
            .ok()?;
        Timestamp::from_second(Timestamp::try_from(modified).ok()?.as_second()).ok()
    }
}

fn parse(bytes: &[u8]) -> Option<Pause> {
    let value: Value = serde_json::from_slice(bytes).ok()?;
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    let since = text("since").and_then(|since| since.parse().ok());
    Some(Pause {
        by: text("by")?.to_owned(),
        reason: text("reason")?.to_owned(),
        since,
    })
}

/// The name of the operator, for [`PauseFile::pause`]: the user who ran sudo, the user, or else the
/// user ID.
#[must_use]
pub fn operator(environment: &Environment) -> String {
    let name = ["SUDO_USER", "LOGNAME", "USER"]
        .into_iter()
        .find_map(|name| environment.variable(name)?.to_str());
    name.map_or_else(user_number, str::to_owned)
}

fn user_number() -> String {
    // The folder of a process in `/proc` belongs to its user.
    let owner = std::fs::metadata("/proc/self").map(|metadata| metadata.uid());
    owner.map_or_else(|_| "an unknown user".to_owned(), |uid| format!("uid {uid}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn switch(folder: &Path) -> PauseFile {
        PauseFile::sibling(&folder.join("watch.json"))
    }

    #[test]
    fn a_pause_says_who_and_why_and_ends() {
        let folder = tempfile::tempdir().unwrap();
        let file = switch(folder.path());
        assert_eq!(file.path(), folder.path().join("watch.json.pause"));
        assert_eq!(file.read(), None);
        assert_eq!(file.resume().unwrap(), None);
        let pause = file.pause("alice", "network work\nuntil 6").unwrap();
        assert_eq!(switch(folder.path()).read().as_ref(), Some(&pause));
        let age = Timestamp::now()
            .duration_since(pause.since.unwrap())
            .as_secs();
        assert!((0..60).contains(&age), "{age}");
        let later = file.pause("bob", "more").unwrap();
        assert_eq!(file.resume().unwrap(), Some(later));
        assert_eq!(file.read(), None);
    }

    #[test]
    fn whatever_lies_there_is_a_pause() {
        let folder = tempfile::tempdir().unwrap();
        let file = switch(folder.path());
        for text in [
            "",
            "\n",
            "{}",
            "[1]",
            "{\"by\": 1}",
            "work in progress",
            "\u{0}",
        ] {
            std::fs::write(file.path(), text).unwrap();
            let pause = file.read().unwrap();
            assert!(
                pause.by == "an unknown user" && pause.since.is_some() && !pause.reason.is_empty(),
                "{text}: {pause:?}"
            );
        }
        std::fs::remove_file(file.path()).unwrap();
        std::os::unix::fs::symlink("nowhere", file.path()).unwrap();
        assert!(
            file.read()
                .unwrap()
                .reason
                .starts_with("the pause file cannot be read")
        );
        assert!(file.resume().unwrap().is_some());
        std::fs::create_dir(file.path()).unwrap();
        assert!(file.read().is_some());
        file.resume().unwrap_err();
        assert!(
            file.read().is_some(),
            "a pause that cannot be removed stays"
        );
    }

    #[test]
    fn an_unwritable_switch_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        switch(&folder.path().join("missing"))
            .pause("alice", "x")
            .unwrap_err();
    }

    #[test]
    fn a_pause_as_text() {
        let pause = Pause {
            by: "alice".to_owned(),
            reason: "work".to_owned(),
            since: Timestamp::from_second(0).ok(),
        };
        assert_eq!(
            pause.to_string(),
            "paused by alice since 1970-01-01T00:00:00Z: work"
        );
        assert_eq!(
            Pause {
                since: None,
                ..pause
            }
            .to_string(),
            "paused by alice: work"
        );
    }

    #[test]
    fn the_person_behind_sudo_is_the_operator() {
        let operator = |variables: &[(&str, &str)]| {
            let variables = variables
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect();
            super::operator(&Environment {
                variables,
                ..Environment::default()
            })
        };
        assert_eq!(
            operator(&[
                ("USER", "root"),
                ("LOGNAME", "root"),
                ("SUDO_USER", "alice")
            ]),
            "alice"
        );
        assert_eq!(operator(&[("USER", "bob"), ("LOGNAME", "")]), "bob");
        assert!(operator(&[]).starts_with("uid "), "{}", operator(&[]));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(by in any::<String>(), reason in any::<String>()) {
            let folder = tempfile::tempdir().unwrap();
            let file = switch(folder.path());
            let pause = file.pause(&by, &reason).unwrap();
            prop_assert_eq!(file.read(), Some(pause));
        }
    }
}
