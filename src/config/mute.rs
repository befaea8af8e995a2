//! `[[mute]]`: what `doctor` finds and somebody knows of already.

use std::fmt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{ConfigError, Origin};
use crate::options::value::moment;

/// The keys of a mute, those that it needs first.
const KEYS: &str = "a mute has the keys code, until and reason, and may have subject";

/// A finding that is no alarm until a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mute {
    /// The code of the findings, in capitals: whether there is such a code is not known here.
    pub code: String,
    /// What the findings are about; `None`: whatever it is.
    pub subject: Option<String>,
    /// From this moment on it has no effect.
    pub until: Timestamp,
    /// Why.
    pub reason: String,
    /// The file in which it stands.
    pub path: PathBuf,
    /// The line there, counted from one.
    pub line: usize,
}

impl Mute {
    /// Where it stands.
    pub(super) fn origin(&self) -> Origin {
        Origin::File {
            path: self.path.clone(),
            line: self.line,
        }
    }

    /// It in one line: what is muted, until when and why.
    pub(super) fn listed(&self) -> String {
        let Self { until, reason, .. } = self;
        format!("{} until {until:.0}: {reason}", self.what())
    }

    fn what(&self) -> String {
        match &self.subject {
            Some(subject) => format!("{} ({subject})", self.code),
            None => self.code.clone(),
        }
    }

    /// The error that it cannot be used.
    #[must_use]
    pub fn mistake(&self, problem: String, hint: &str) -> ConfigError {
        ConfigError::Line {
            path: self.path.clone(),
            line: self.line,
            problem,
            hint: Some(hint.to_owned()),
        }
    }
}

impl fmt::Display for Mute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the mute of {} ({})", self.what(), self.origin())
    }
}

/// Why one cannot be used, and where that begins.
pub(super) struct Mistake {
    pub(super) offset: usize,
    pub(super) problem: String,
    pub(super) hint: String,
}

impl Mistake {
    fn new(offset: usize, problem: impl Into<String>) -> Self {
        Self {
            offset,
            problem: problem.into(),
            hint: KEYS.to_owned(),
        }
    }
}

/// Where something stands in a file: the line of an offset.
pub(super) type LineOf<'a> = &'a dyn Fn(usize) -> usize;

/// Reads the tables, and of each that cannot be used the first mistake.
pub(super) fn read(
    path: &Path,
    value: &Spanned<DeValue<'_>>,
    line_of: LineOf<'_>,
) -> Vec<Result<Mute, Mistake>> {
    const TABLES: &str = "a mute is a table of its own, below a line [[mute]]";
    let DeValue::Array(tables) = value.get_ref() else {
        return vec![Err(Mistake::new(value.span().start, TABLES))];
    };
    let each = |table: &Spanned<DeValue<'_>>| {
        let offset = table.span().start;
        let DeValue::Table(keys) = table.get_ref() else {
            return Err(Mistake::new(offset, TABLES));
        };
        let [code, subject, until, reason] = texts(keys)?;
        let needed = |text: Option<(usize, String)>, key: &str| {
            text.ok_or_else(|| Mistake::new(offset, format!("this mute has no {key}")))
        };
        let (code_at, code) = needed(code, "code")?;
        let (until_at, until) = needed(until, "until: nothing is muted for ever")?;
        let (_, reason) = needed(reason, "reason")?;
        Ok(Mute {
            code: code_of(&code).ok_or_else(|| {
                let problem = "code must be that of a finding, for example DS-003";
                Mistake::new(code_at, problem)
            })?,
            subject: subject.map(|(_, text)| text),
            until: moment(&until)
                .map_err(|error| Mistake::new(until_at, format!("until: {error}")))?,
            reason,
            path: path.to_owned(),
            line: line_of(offset),
        })
    };
    tables.iter().map(each).collect()
}

/// The values of code, subject, until and reason, each with its offset.
fn texts(keys: &DeTable<'_>) -> Result<[Option<(usize, String)>; 4], Mistake> {
    let mut found = [const { None }; 4];
    for (name, value) in keys {
        let offset = name.span().start;
        let place = match &**name.get_ref() {
            "code" => 0,
            "subject" => 1,
            "until" => 2,
            "reason" => 3,
            other => {
                let problem = format!("unknown key {other:?} in a mute");
                return Err(Mistake::new(offset, problem));
            }
        };
        let text = match value.get_ref() {
            DeValue::String(text) => text.trim().to_owned(),
            // The id of an instance, and TOML's own times.
            DeValue::Integer(number) if place == 1 => number.to_string(),
            DeValue::Datetime(time) if place == 2 => time.to_string(),
            _ => {
                let problem = format!("{} of a mute must be a text", name.get_ref());
                return Err(Mistake::new(offset, problem));
            }
        };
        if text.is_empty() {
            let problem = format!("{} of a mute must not be empty", name.get_ref());
            return Err(Mistake::new(offset, problem));
        }
        found[place] = Some((offset, text));
    }
    Ok(found)
}

fn code_of(text: &str) -> Option<String> {
    let code = text.to_ascii_uppercase();
    let digits = code.strip_prefix("DS-")?;
    let is_code = digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_code.then_some(code)
}
