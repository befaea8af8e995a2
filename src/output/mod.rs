//! Everything that is printed. A command hands over a [`Document`]; one file per format writes it.

mod color;
mod document;
mod escaped;
mod instant;
mod journal;
mod json;
mod patient;
mod printer;
mod progress;
mod sanitize;
pub mod schema;
mod table;
pub mod terminal;
mod tsv;

use std::str::FromStr;

pub use color::ColorChoice;
pub use document::{Body, Cell, Document, ErrorBody, Keys, NoKeys, Records, Row, Rows, Table, WORD};
pub use escaped::in_one_line;
pub use instant::Instant;
pub use journal::{Journal, Level};
pub use patient::{HURRY, LAST, Patient};
pub use printer::{Printer, Terminals, understood};
pub use sanitize::sanitized;

/// Format of the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Columns for people.
    #[default]
    Table,
    /// One document.
    Json,
    /// One document a line: each record, then a summary.
    Ndjson,
    /// Columns for scripts, with tabs between.
    Tsv,
}

impl Format {
    /// The words for all formats, in the order of the help.
    pub const WORDS: [&'static str; 4] = ["table", "json", "ndjson", "tsv"];
}

impl FromStr for Format {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "table" => Ok(Self::Table),
            "json" => Ok(Self::Json),
            "ndjson" => Ok(Self::Ndjson),
            "tsv" => Ok(Self::Tsv),
            _ => Err("expected table, json, ndjson or tsv"),
        }
    }
}

/// How to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputSettings {
    /// Format of the answer.
    pub format: Format,
    /// Whether tables and tsv have header lines.
    pub headers: bool,
    /// No chatter: results, warnings and errors only.
    pub quiet: bool,
    /// Log level on stderr: 0 none, 1 what is done, 2 and more everything.
    pub verbosity: u8,
    /// When to use colours; the environment's wishes are in it already.
    pub color: ColorChoice,
}

impl Default for OutputSettings {
    fn default() -> Self {
        Self { format: Format::Table, headers: true, quiet: false, verbosity: 0, color: ColorChoice::Auto }
    }
}

#[cfg(test)]
mod tests;
