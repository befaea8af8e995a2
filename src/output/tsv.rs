//! `tsv`: a header line, then a line for each row, separated by tabs; an empty line between tables.

use std::io::{self, Write};

use super::document::{Cell, Document, Table};
use super::sanitize::escaped;

pub(super) fn write(document: &Document, headers: bool, out: &mut dyn Write) -> io::Result<()> {
    for (index, table) in document.body.tables.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        write_table(table, headers, out)?;
    }
    Ok(())
}

fn write_table(table: &Table, headers: bool, out: &mut dyn Write) -> io::Result<()> {
    if headers {
        let names: Vec<String> = table
            .headers
            .iter()
            .map(|name| name.to_lowercase().replace(' ', "_"))
            .collect();
        writeln!(out, "{}", names.join("\t"))?;
    }
    for row in &table.rows {
        let cells: Vec<String> = row.cells.iter().map(text).collect();
        writeln!(out, "{}", cells.join("\t"))?;
    }
    Ok(())
}

/// A missing value has a placeholder here too: shells drop empty fields between tabs.
fn text(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) | Cell::Long(text) => escaped(text),
        Cell::Number(number) => number.to_string(),
        Cell::None => "-".to_owned(),
        Cell::Unknown => "?".to_owned(),
    }
}
