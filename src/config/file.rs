//! Configuration files: TOML with the names of the flags as keys.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::mute::{self, Mute};
use super::{ConfigError, Key};

/// The content of one file: each value as text, as if it came from the environment, and its line.
#[derive(Debug, Default)]
pub(super) struct ConfigFile {
    pub(super) path: PathBuf,
    pub(super) entries: Vec<FileEntry>,
    /// What is no alarm.
    pub(super) mutes: Vec<Mute>,
    /// Lines that say nothing that could be used.
    pub(super) mistakes: Vec<ConfigError>,
}

#[derive(Debug)]
pub(super) struct FileEntry {
    pub(super) key: Key,
    pub(super) text: String,
    pub(super) line: usize,
}

impl ConfigFile {
    /// Reads a file; `None` if it does not exist.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, ConfigError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(path, &text).map(Some),
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                Ok(None)
            }
            Err(error) => Err(ConfigError::File {
                path: path.to_owned(),
                problem: error.to_string(),
            }),
        }
    }

    fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let mistake = |offset: usize, problem: String, hint| ConfigError::Line {
            path: path.to_owned(),
            line: line_at(text, offset),
            problem,
            hint,
        };
        let table = match DeTable::parse(text) {
            Ok(table) => table.into_inner(),
            // The parser's own display quotes the line, which may contain a password.
            Err(error) => {
                let offset = error.span().map_or(0, |span| span.start);
                let hint = Some(QUOTES.to_owned());
                return Err(mistake(offset, "this is not valid TOML".to_owned(), hint));
            }
        };
        let mut file = Self {
            path: path.to_owned(),
            ..Self::default()
        };
        for (name, value) in &table {
            let offset = name.span().start;
            if name.get_ref() == MUTE {
                for read in mute::read(path, value, &|offset| line_at(text, offset)) {
                    match read {
                        Ok(mute) => file.mutes.push(mute),
                        Err(wrong) => {
                            let wrong = mistake(wrong.offset, wrong.problem, Some(wrong.hint));
                            file.mistakes.push(wrong);
                        }
                    }
                }
                continue;
            }
            let Some(key) = Key::named(name.get_ref()) else {
                let problem = format!("unknown key {:?}", name.get_ref());
                file.mistakes
                    .push(mistake(offset, problem, Some(known_keys())));
                continue;
            };
            let Some(text_of_value) = as_text(value.get_ref()) else {
                let problem = format!("{} must be a text, a number or true/false", key.name());
                file.mistakes.push(mistake(offset, problem, None));
                continue;
            };
            file.entries.push(FileEntry {
                key,
                text: text_of_value,
                line: line_at(text, offset),
            });
        }
        Ok(file)
    }
}

/// The tables that are no settings.
const MUTE: &str = "mute";

const QUOTES: &str = "each line is KEY = \"VALUE\", with the value in quotes";

fn known_keys() -> String {
    format!(
        "known keys: {}; and tables [[{MUTE}]]",
        Key::ALL
            .iter()
            .map(|key| key.name())
            .collect::<Vec<_>>()
            .join(", ")
    )
}

fn as_text(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Boolean(truth) => Some(truth.to_string()),
        _ => None,
    }
}

fn line_at(text: &str, offset: usize) -> usize {
    text.bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
        + 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<ConfigFile, ConfigError> {
        ConfigFile::parse(Path::new("/c.toml"), text)
    }

    #[test]
    fn values_keep_their_lines() {
        let file = parse("# cluster\nzk = \"zk1\"\n\nquiet = true\nverbose = 2\n").unwrap();
        let mut entries: Vec<_> = file
            .entries
            .iter()
            .map(|entry| (entry.line, entry.key, entry.text.as_str()))
            .collect();
        entries.sort_unstable();
        assert_eq!(
            entries,
            [
                (2, Key::Zk, "zk1"),
                (4, Key::Quiet, "true"),
                (5, Key::Verbose, "2")
            ]
        );
    }

    #[test]
    fn mistakes_name_their_line() {
        let cases = [
            (
                "zk = \"a\"\nzookeeper = \"b\"",
                "/c.toml, line 2: unknown key \"zookeeper\"",
            ),
            (
                "\n\n[db]\nurl = 1",
                "/c.toml, line 3: db must be a text, a number or true/false",
            ),
            (
                "zk = \"a\"\ndb = mysql://u:MARKER@h/d",
                "/c.toml, line 2: this is not valid TOML",
            ),
            (
                "zk = \"a\"\nzk = \"b\"",
                "/c.toml, line 2: this is not valid TOML",
            ),
        ];
        for (text, message) in cases {
            let first = parse(text).map(|file| file.mistakes[0].clone());
            let (Ok(first) | Err(first)) = first;
            assert_eq!(first.to_string(), message);
        }
    }

    #[test]
    fn mutes_are_read_or_told_by_their_line() {
        let whole = "code = \"ds-003\"\nuntil = 2026-12-24T18:00:00+08:00\nreason = \"known\"\n";
        let file = parse(&format!(
            "[[mute]]\n{whole}\nsubject = 7\n[[mute]]\n{whole}quiet = true"
        ));
        let file = file.unwrap();
        let [mute] = &file.mutes[..] else {
            panic!("{file:?}")
        };
        assert_eq!((mute.line, mute.code.as_str()), (1, "DS-003"));
        assert_eq!(mute.subject.as_deref(), Some("7"));
        assert_eq!(mute.until.to_string(), "2026-12-24T10:00:00Z");
        let told = |text: &str| {
            let wrong = parse(text).unwrap().mistakes[0].clone();
            (wrong.to_string(), wrong.hint().unwrap())
        };
        let keys = "a mute has the keys code, until and reason, and may have subject";
        for (text, message) in [
            (
                "mute = 1",
                "1: a mute is a table of its own, below a line [[mute]]",
            ),
            (
                "[mute]\ncode = \"DS-003\"",
                "1: a mute is a table of its own, below a line [[mute]]",
            ),
            (
                "zk = \"a\"\n[[mute]]\nwhy = 1",
                "3: unknown key \"why\" in a mute",
            ),
            ("[[mute]]\n\ncode = 3", "3: code of a mute must be a text"),
            (
                "[[mute]]\nreason = \" \"",
                "2: reason of a mute must not be empty",
            ),
            (
                "[[mute]]\ncode = \"DS-003\"",
                "1: this mute has no until: nothing is muted for ever",
            ),
            (
                "[[mute]]\nuntil = \"2026-12-24\"",
                "1: this mute has no code",
            ),
            (
                "[[mute]]\ncode = \"DS-003\"\nuntil = 2026-12-24",
                "1: this mute has no reason",
            ),
            (
                "[[mute]]\ncode = \"3\"\nuntil = 2026-12-24\nreason = \"x\"",
                "2: code must be that of a finding, for example DS-003",
            ),
        ] {
            let (told, hint) = told(text);
            assert_eq!(told, format!("/c.toml, line {message}"));
            assert_eq!(hint, keys, "{text}");
        }
    }

    #[test]
    fn a_missing_file_is_none() {
        let folder = tempfile::tempdir().unwrap();
        assert!(
            ConfigFile::read(&folder.path().join("a/config.toml"))
                .unwrap()
                .is_none()
        );
        assert!(matches!(
            ConfigFile::read(folder.path()),
            Err(ConfigError::File { .. })
        ));
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in any::<String>()) {
            let _ = parse(&text);
        }
    }
}
