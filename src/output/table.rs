//! `table`: aligned columns for people, one line for each row.

use std::io::{self, Write};

use comfy_table::presets::NOTHING;
use comfy_table::{
    CellAlignment, ColumnConstraint, ContentArrangement, Row as Line, Table as Grid, Width,
};

use super::color::{Style, styled};
use super::document::{Cell, Document, Table, TableRow};
use super::sanitize::sanitized;

/// The properties of the terminal.
#[derive(Clone, Copy, Debug)]
pub(super) struct TableStyle {
    /// Whether to print header lines.
    pub(super) headers: bool,
    /// Whether there are colours.
    pub(super) colors: bool,
    /// Width of the terminal; `None` without one: then nothing is cut.
    pub(super) width: Option<u16>,
}

/// The minimum width of columns that may be cut.
const NARROWEST: u16 = 12;

pub(super) fn write(document: &Document, look: TableStyle, out: &mut dyn Write) -> io::Result<()> {
    let body = &document.body;
    for (index, table) in body.tables.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        if let Some(title) = &table.title {
            writeln!(
                out,
                "{}",
                styled(&sanitized(title), Style::Heading, look.colors)
            )?;
        }
        write_table(table, look, out)?;
    }
    if !body.tables.is_empty() && !body.closing.is_empty() {
        writeln!(out)?;
    }
    for line in &body.closing {
        writeln!(out, "{}", sanitized(line))?;
    }
    Ok(())
}

fn write_table(table: &Table, look: TableStyle, out: &mut dyn Write) -> io::Result<()> {
    let grid = grid(table, look);
    let header = look.headers.then_some(Style::Heading);
    let styles = header.map(Some).into_iter().chain(
        table
            .rows
            .iter()
            .map(|row| row.alarm.then_some(Style::Alarm)),
    );
    for (line, style) in grid.lines().zip(styles) {
        let line = line.trim_end();
        match style {
            Some(style) => writeln!(out, "{}", styled(line, style, look.colors))?,
            None => writeln!(out, "{line}")?,
        }
    }
    Ok(())
}

fn grid(table: &Table, look: TableStyle) -> Grid {
    let mut grid = Grid::new();
    grid.load_style(NOTHING);
    if look.headers {
        grid.set_header(table.headers.iter().map(|name| name.to_uppercase()));
    }
    for row in &table.rows {
        grid.add_row(line(row));
    }
    for column in grid.column_iter_mut() {
        column.set_padding((0, 2));
    }
    if let Some(width) = look.width {
        cut_to(&mut grid, table, width);
    }
    grid
}

fn line(row: &TableRow) -> Line {
    let mut line = Line::from(row.cells.iter().map(cell).collect::<Vec<_>>());
    line.max_height(1);
    line
}

fn cell(cell: &Cell) -> comfy_table::Cell {
    match cell {
        Cell::Text(text) | Cell::Long(text) => comfy_table::Cell::new(sanitized(text)),
        Cell::Number(number) => comfy_table::Cell::new(number).set_alignment(CellAlignment::Right),
        Cell::None => comfy_table::Cell::new("-"),
        Cell::Unknown => comfy_table::Cell::new("?"),
    }
}

/// Only columns of long texts are cut. If that is not enough, the terminal wraps the lines: no id
/// is ever cut.
fn cut_to(grid: &mut Grid, table: &Table, width: u16) {
    let may_be_cut: Vec<bool> = (0..table.headers.len())
        .map(|index| {
            table
                .rows
                .iter()
                .any(|row| matches!(row.cells.get(index), Some(Cell::Long(_))))
        })
        .collect();
    if !may_be_cut.contains(&true) {
        return;
    }
    let widths = grid.column_max_content_widths();
    let (mut fixed, mut long) = (0_u16, 0_u16);
    for (content, cut) in widths.iter().zip(&may_be_cut) {
        let column = content.saturating_add(2);
        if *cut {
            long = long.saturating_add(column);
        } else {
            fixed = fixed.saturating_add(column);
        }
    }
    if fixed.saturating_add(long) <= width {
        return;
    }
    grid.set_content_arrangement(ContentArrangement::Dynamic);
    grid.set_width(width);
    for ((column, cut), content) in grid.column_iter_mut().zip(&may_be_cut).zip(&widths) {
        column.set_constraint(if *cut {
            ColumnConstraint::LowerBoundary(Width::Fixed(NARROWEST.min(*content).saturating_add(2)))
        } else {
            ColumnConstraint::ContentWidth
        });
    }
}
