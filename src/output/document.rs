//! What a command has to say, before any format.

use serde::Serialize;
use serde_json::{Map, Value};

use super::escaped::write_compact;
use crate::exit_code::ExitCode;

/// The answer of one command: head, error, body.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// The command as it is typed, for example `lock status`.
    pub command: &'static str,
    /// The family of releases, as far as known.
    pub family: Option<String>,
    /// The release, as far as known.
    pub ds_version: Option<String>,
    /// What the operator should know besides.
    pub warnings: Vec<String>,
    /// Why it failed. The body may still hold what was done before.
    pub error: Option<ErrorBody>,
    /// What was asked for.
    pub body: Body,
}

impl Document {
    /// An answer with nothing in it yet.
    #[must_use]
    pub fn new(command: &'static str) -> Self {
        Self { command, ..Self::default() }
    }
}

/// A failure as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorBody {
    /// One word for programs, for example `lock_held`.
    pub kind: &'static str,
    /// What failed: lower case, no full stop.
    pub message: String,
    /// Why, from near to far.
    pub causes: Vec<String>,
    /// What to do, or the command to run.
    pub hint: Option<String>,
    /// The code that the process ends with.
    pub exit_code: ExitCode,
}

impl ErrorBody {
    /// A failure without causes and hint.
    pub fn new(kind: &'static str, message: impl Into<String>, exit_code: ExitCode) -> Self {
        Self { kind, message: message.into(), causes: Vec::new(), hint: None, exit_code }
    }

    /// Adds a cause.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// What was asked for, once for programs and once for people. The two say the same.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Body {
    /// Keys of the JSON document behind those of the head, in this order. Those of records have no value here.
    pub keys: Map<String, Value>,
    /// The arrays that become lines of ndjson.
    pub records: Vec<Records>,
    /// For `table` and `tsv`.
    pub tables: Vec<Table>,
    /// Last lines for people, for example what to run next. Formats for programs leave them out.
    pub closing: Vec<String>,
}

impl Body {
    /// Adds a key of the JSON document.
    #[must_use]
    pub fn key(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.keys.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a key whose array becomes lines of ndjson: `records("masters", "master", …)`.
    #[must_use]
    pub fn records<T: Serialize>(
        mut self,
        key: &'static str,
        record: &'static str,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        let texts = values.into_iter().map(|value| text(&value)).collect();
        self.records.push(Records { key, record, texts });
        self.key(key, Value::Null)
    }

    /// Leaves out what is for people.
    #[must_use]
    pub fn untold(self) -> Self {
        Self { tables: Vec::new(), closing: Vec::new(), ..self }
    }

    /// The keys with the records' arrays in their places, to become a part of another body.
    #[must_use]
    pub fn whole_keys(&self) -> Map<String, Value> {
        let mut keys = self.keys.clone();
        for records in &self.records {
            keys.insert(records.key.to_owned(), records.values().collect());
        }
        keys
    }

    /// Adds a table.
    #[must_use]
    pub fn table(mut self, table: Table) -> Self {
        self.tables.push(table);
        self
    }

    /// Adds a last line for people.
    #[must_use]
    pub fn closing(mut self, line: impl Into<String>) -> Self {
        self.closing.push(line.into());
        self
    }
}

/// An array that becomes lines of ndjson.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Records {
    /// Its key in the document, for example `masters`.
    pub key: &'static str,
    /// The first value of each line, for example `master`.
    pub record: &'static str,
    /// Its elements as JSON: a tenth of what they take in memory otherwise, and there may be many.
    texts: Vec<Box<str>>,
}

impl Records {
    /// Its elements, each as JSON in one line that no terminal obeys.
    pub fn texts(&self) -> impl ExactSizeIterator<Item = &str> {
        self.texts.iter().map(AsRef::as_ref)
    }

    fn values(&self) -> impl Iterator<Item = Value> + '_ {
        // What was written from a value can be read again.
        self.texts().map(|text| serde_json::from_str(text).unwrap_or_default())
    }
}

fn text(value: &impl Serialize) -> Box<str> {
    let mut bytes = Vec::new();
    // Memory takes everything, and records have no keys but texts.
    let written = write_compact(value, &mut bytes).ok().and_then(|()| String::from_utf8(bytes).ok());
    written.unwrap_or_else(|| "null".to_owned()).into_boxed_str()
}

/// Rows under headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Stands above it, where there are several.
    pub title: Option<String>,
    /// Names of the columns.
    pub headers: Vec<&'static str>,
    /// As many cells each as there are headers.
    pub rows: Vec<Row>,
}

impl Table {
    /// A table without rows.
    #[must_use]
    pub fn new(headers: &[&'static str]) -> Self {
        Self { title: None, headers: headers.to_vec(), rows: Vec::new() }
    }

    /// Gives it a title.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(Row { cells, alarm: false });
    }

    /// Adds a row that needs an operator now; it is red where there are colours.
    pub fn alarm(&mut self, cells: Vec<Cell>) {
        self.rows.push(Row { cells, alarm: true });
    }
}

/// A row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// From left to right.
    pub cells: Vec<Cell>,
    /// Whether it needs an operator now.
    pub alarm: bool,
}

/// One cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// A text that is never cut: addresses, paths, words.
    Text(String),
    /// A text that may be cut on a narrow terminal: names, messages.
    Long(String),
    /// A number, to the right.
    Number(i64),
    /// There is none.
    None,
    /// There may be one, and it is not known.
    Unknown,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::None, Into::into)
    }
}

impl Cell {
    /// A text that may be cut on a narrow terminal.
    pub fn long(text: impl Into<String>) -> Self {
        Self::Long(text.into())
    }

    /// A value that is unknown where it is `None`.
    pub fn or_unknown(value: Option<impl Into<Self>>) -> Self {
        value.map_or(Self::Unknown, Into::into)
    }
}
