//! `tsv`: a header line, then a line for each row, separated by tabs. Several kinds of rows with the
//! same columns are one table, with a last column `record` that says which kind a row is; the steps
//! of `demo`, which have nothing in common, have an empty line between them.

use std::io::{self, Write};

use super::document::{Cell, Document, Table};
use super::sanitize::escaped;

pub(super) fn write(document: &Document, headers: bool, out: &mut dyn Write) -> io::Result<()> {
    let mut before: Option<&Table> = None;
    for table in &document.body.tables {
        let goes_on = before.is_some_and(|before| {
            before.record.is_some() && table.record.is_some() && before.headers == table.headers
        });
        if before.is_some() && !goes_on {
            writeln!(out)?;
        }
        write_table(table, headers && !goes_on, out)?;
        before = Some(table);
    }
    Ok(())
}

fn write_table(table: &Table, headers: bool, out: &mut dyn Write) -> io::Result<()> {
    if headers {
        let names = table
            .headers
            .iter()
            .map(|name| name.to_lowercase().replace(' ', "_"));
        // The last one, so that the others stay where they are in tables of one kind.
        let names = names.chain(table.record.map(|_| "record".to_owned()));
        writeln!(out, "{}", names.collect::<Vec<_>>().join("\t"))?;
    }
    for row in &table.rows {
        let cells = row.cells.iter().map(text);
        let cells = cells.chain(table.record.map(str::to_owned));
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("\t"))?;
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
