//! The answer of a command, before any format.

use std::borrow::Cow;
use std::fmt::Debug;
use std::io;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use crate::exit_code::ExitCode;

/// The pattern of a keyword for programs, if a schema does not list the keywords.
pub const WORD: &str = "^[a-z][a-z0-9_]*$";

/// The answer of a command for programs: the keys of its document after those of the head. It is
/// serialised from the type that implements this, whose `Default` is the empty document.
pub trait Keys: erased_serde::Serialize + Debug + Send {
    /// The arrays that become ndjson lines.
    fn records(&mut self) -> Vec<Records<'_>> {
        Vec::new()
    }
}

erased_serde::serialize_trait_object!(Keys);

/// An array that becomes ndjson lines.
#[allow(missing_debug_implementations, reason = "a loan for a moment")]
pub struct Records<'a> {
    /// Its key in the document, for example `masters`.
    pub key: &'static str,
    /// The first value of each line, for example `master`.
    pub record: &'static str,
    /// Its elements.
    pub rows: &'a mut dyn Rows,
}

/// Elements of any type.
pub trait Rows {
    /// Passes on each of them, and keeps none.
    ///
    /// # Errors
    /// The first one of `each`.
    fn drain(
        &mut self,
        each: &mut dyn FnMut(&dyn erased_serde::Serialize) -> io::Result<()>,
    ) -> io::Result<()>;
}

impl<T: Serialize> Rows for Vec<T> {
    fn drain(
        &mut self,
        each: &mut dyn FnMut(&dyn erased_serde::Serialize) -> io::Result<()>,
    ) -> io::Result<()> {
        std::mem::take(self)
            .into_iter()
            .try_for_each(|row| each(&row))
    }
}

/// The keys of a command without its own document: none.
#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
pub struct NoKeys {}

impl Keys for NoKeys {}

/// The answer of one command: head, error, body.
#[derive(Debug)]
pub struct Document {
    /// The name of the command as it is typed, for example `lock status`.
    pub command: Cow<'static, str>,
    /// The family of releases, if known.
    pub family: Option<String>,
    /// The release, if known.
    pub ds_version: Option<String>,
    /// Warnings for the operator.
    pub warnings: Vec<String>,
    /// Why it failed. The body may still have what was done before.
    pub error: Option<ErrorBody>,
    /// The requested data.
    pub body: Body,
}

impl Document {
    /// A document with these keys and nothing else yet.
    pub fn new(command: impl Into<Cow<'static, str>>, keys: impl Keys + 'static) -> Self {
        let command = command.into();
        let body = Body::new(keys).boxed();
        Self {
            command,
            family: None,
            ds_version: None,
            warnings: Vec::new(),
            error: None,
            body,
        }
    }
}

/// A failure, as it is reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ErrorBody {
    /// A keyword for programs, for example `lock_held`.
    #[schemars(regex(pattern = WORD))]
    pub kind: &'static str,
    /// What failed: lower case, no full stop.
    pub message: String,
    /// The causes, from near to far.
    pub causes: Vec<String>,
    /// What to do, or the command to run.
    pub hint: Option<String>,
    /// The exit code of the process.
    #[schemars(schema_with = "exit_code_schema")]
    pub exit_code: ExitCode,
}

impl ErrorBody {
    /// A failure without causes and hint.
    pub fn new(kind: &'static str, message: impl Into<String>, exit_code: ExitCode) -> Self {
        Self {
            kind,
            message: message.into(),
            causes: Vec::new(),
            hint: None,
            exit_code,
        }
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

/// The exit codes that a failure may have.
fn exit_code_schema(_: &mut SchemaGenerator) -> Schema {
    let answers = [ExitCode::Done, ExitCode::Findings];
    let failures = ExitCode::ALL.iter().filter(|code| !answers.contains(code));
    json_schema!({ "enum": failures.map(|code| code.number()).collect::<Vec<_>>() })
}

/// The requested data, once for programs and once for people. Both have the same content.
#[derive(Clone, Debug, Default)]
pub struct Body<K = Box<dyn Keys>> {
    /// For `json` and `ndjson`.
    pub keys: K,
    /// For `table` and `tsv`.
    pub tables: Vec<Table>,
    /// Last lines for people, for example what to run next. Formats for programs omit them.
    pub closing: Vec<String>,
    /// Whether these are known nowhere else: where nobody reads stdout, they go to stderr.
    pub is_irretrievable: bool,
}

impl<K> Body<K> {
    /// A body with data for programs, and nothing for people yet.
    pub fn new(keys: K) -> Self {
        Self {
            keys,
            tables: Vec::new(),
            closing: Vec::new(),
            is_irretrievable: false,
        }
    }

    /// Drops what is for people.
    #[must_use]
    pub fn without_text(self) -> Self {
        Self::new(self.keys)
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

    /// The same with other keys.
    pub fn map<L>(self, keys: impl FnOnce(K) -> L) -> Body<L> {
        Body {
            keys: keys(self.keys),
            tables: self.tables,
            closing: self.closing,
            is_irretrievable: self.is_irretrievable,
        }
    }
}

impl<K: Keys + 'static> Body<K> {
    /// The same with the type of the keys erased.
    #[must_use]
    pub fn boxed(self) -> Body {
        self.map(|keys| Box::new(keys) as Box<dyn Keys>)
    }
}

/// Rows under headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Printed above it, if there are several.
    pub title: Option<String>,
    /// What each row is, for programs that read several tables with the same columns as one: the
    /// first value of an ndjson line.
    pub record: Option<&'static str>,
    /// Names of the columns.
    pub headers: Vec<&'static str>,
    /// As many cells each as there are headers.
    pub rows: Vec<TableRow>,
}

impl Table {
    /// A table without rows.
    #[must_use]
    pub fn new(headers: &[&'static str]) -> Self {
        Self {
            title: None,
            record: None,
            headers: headers.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Sets its title.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Sets what each of its rows is.
    #[must_use]
    pub fn record(mut self, record: &'static str) -> Self {
        self.record = Some(record);
        self
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(TableRow {
            cells,
            alarm: false,
        });
    }

    /// Adds a row that needs an operator now; it is red if there are colours.
    pub fn alarm(&mut self, cells: Vec<Cell>) {
        self.rows.push(TableRow { cells, alarm: true });
    }
}

/// A row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableRow {
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
    /// A number, aligned right.
    Number(i64),
    /// No value.
    None,
    /// An unknown value.
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

    /// A value that is unknown if it is `None`.
    pub fn or_unknown(value: Option<impl Into<Self>>) -> Self {
        value.map_or(Self::Unknown, Into::into)
    }
}
