//! Values that are bound to a statement or read from a row, and SQL dialects.

/// An SQL dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// MySQL 5.7 and newer, MariaDB.
    MySql,
    /// PostgreSQL 9.6 and newer.
    Postgres,
    /// SQLite, inside this program.
    Sqlite,
}

/// A value bound to a placeholder, or read from a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// Any integer type, and booleans.
    Int(i64),
    /// Any text type; bytes that are not UTF-8 are replaced.
    Text(String),
}

impl Value {
    /// The text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::Int(_) => None,
        }
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A number without its fraction, if that is zero: 7.00 is 7.
fn whole(text: &str) -> &str {
    match text.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|digit| digit == b'0') => whole,
        _ => text,
    }
}

/// One row. Columns are taken by position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row(pub Vec<Value>);

impl Row {
    /// The integer in a column; text that is one counts too. `None` for NULL and everything else.
    #[must_use]
    pub fn int(&self, column: usize) -> Option<i64> {
        match self.0.get(column)? {
            Value::Int(value) => Some(*value),
            Value::Text(text) => whole(text.trim()).parse().ok(),
            Value::Null => None,
        }
    }

    /// The text in a column; integers are converted. `None` for NULL.
    #[must_use]
    pub fn text(&self, column: usize) -> Option<String> {
        match self.0.get(column)? {
            Value::Int(value) => Some(value.to_string()),
            Value::Text(text) => Some(text.clone()),
            Value::Null => None,
        }
    }
}
