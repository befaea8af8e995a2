//! Everything that is printed. A command returns a [`Document`]; one file per format writes it.

mod color;
mod document;
mod duration;
mod escaped;
pub(crate) mod hidden_input;
mod instant;
mod journal;
mod json;
mod non_blocking;
pub mod plugin;
mod printer;
mod progress;
pub mod prometheus;
mod sanitize;
pub mod schema;
mod table;
pub mod terminal;
mod tsv;

use strum::{EnumString, IntoStaticStr, VariantNames};

pub use color::ColorChoice;
pub use document::{
    Body, Cell, Document, ErrorBody, Keys, NoKeys, Records, Rows, Table, TableRow, WORD,
};
pub use duration::{ago, short};
pub use escaped::in_one_line;
pub use instant::Instant;
pub use journal::{Journal, Level};
pub use non_blocking::{HURRY, LAST, NonBlockingWriter};
pub use printer::{Printer, Terminals, understood};
pub use sanitize::sanitized;

/// Output format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "lowercase")]
pub enum Format {
    /// Columns for people.
    #[default]
    Table,
    /// One document.
    Json,
    /// One document a line: each record, then a summary.
    Ndjson,
    /// Columns for scripts, separated by tabs.
    Tsv,
}

/// The settings of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputSettings {
    /// Output format.
    pub format: Format,
    /// Whether tables and tsv have header lines.
    pub headers: bool,
    /// No progress and remarks: results, warnings and errors only.
    pub quiet: bool,
    /// Log level on stderr: 0 none, 1 this program, 2 and more everything.
    pub verbosity: u8,
    /// When to use colours; the environment is already taken into account.
    pub color: ColorChoice,
}

impl Default for OutputSettings {
    fn default() -> Self {
        Self {
            format: Format::Table,
            headers: true,
            quiet: false,
            verbosity: 0,
            color: ColorChoice::Auto,
        }
    }
}

#[cfg(test)]
mod tests;
