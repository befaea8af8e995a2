//! Every row of every table as text: what a run changed, and that it changed nothing else.

use std::collections::BTreeMap;
use std::fmt::Write;

use dsctl::metadata::database::{Database, Dialect, Row};

use super::wait::wait;

/// Tables, in order of name. Two dumps are equal only if no row differs in any column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dump(BTreeMap<String, Table>);

/// Columns, and the rows in order of their first column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<Option<String>>>,
}

impl Dump {
    /// Dumps these tables.
    pub fn of(database: &mut dyn Database, tables: &[&str]) -> Self {
        let mut all = wait(column_names(&mut *database));
        let table = |name: &&str| {
            let columns = all.remove(*name);
            let columns = columns.unwrap_or_else(|| panic!("no table {name}"));
            let table = wait(dump_table(&mut *database, name, columns));
            ((*name).to_owned(), table)
        };
        Self(tables.iter().map(table).collect())
    }

    /// Dumps all tables.
    pub fn all(database: &mut dyn Database) -> Self {
        let all = wait(column_names(&mut *database)).into_iter();
        let dumped = all.map(|(name, columns)| {
            let table = wait(dump_table(&mut *database, &name, columns));
            (name, table)
        });
        Self(dumped.collect())
    }

    /// How many rows a table has.
    pub fn count(&self, table: &str) -> usize {
        self.0[table].rows.len()
    }

    /// A cell, found by the text of the row's first column.
    #[track_caller]
    pub fn cell(&self, table: &str, key: &impl ToString, column: &str) -> Option<&str> {
        let (table, key) = (&self.0[table], key.to_string());
        let column = table
            .columns
            .iter()
            .position(|name| name == column)
            .expect("the column");
        table
            .rows
            .iter()
            .find(|row| row[0].as_deref() == Some(&key))
            .expect("the row")[column]
            .as_deref()
    }

    /// What a second dump has otherwise: one line for each new row, lost row, or changed cell.
    pub fn changes(&self, later: &Self) -> Vec<String> {
        let names = self
            .0
            .keys()
            .chain(later.0.keys().filter(|name| !self.0.contains_key(*name)));
        let none = Table::default();
        let both = names.map(|name| {
            (
                name,
                self.0.get(name).unwrap_or(&none),
                later.0.get(name).unwrap_or(&none),
            )
        });
        both.flat_map(|(name, before, after)| before.changes(name, after))
            .collect()
    }

    /// Panics, and says what differs, unless both are the same.
    #[track_caller]
    pub fn assert_same(&self, later: &Self) {
        assert!(
            self == later,
            "the database has changed:\n{}",
            self.changes(later).join("\n")
        );
    }
}

impl Table {
    fn changes(&self, name: &str, after: &Self) -> Vec<String> {
        let (old, new) = (self.by_key(), after.by_key());
        let mut changes = Vec::new();
        for (key, row) in &old {
            match new.get(key) {
                None => changes.push(format!("- {name} {}", self.describe(row))),
                Some(other) if other != row => {
                    changes.push(format!("~ {name} {key}:{}", self.cells(row, other)));
                }
                Some(_) => {}
            }
        }
        let added = new.iter().filter(|(key, _)| !old.contains_key(*key));
        changes.extend(added.map(|(_, row)| format!("+ {name} {}", after.describe(row))));
        changes
    }

    fn by_key(&self) -> BTreeMap<String, &Vec<Option<String>>> {
        self.rows
            .iter()
            .map(|row| (show(row[0].as_ref()), row))
            .collect()
    }

    fn describe(&self, row: &[Option<String>]) -> String {
        let cells = self
            .columns
            .iter()
            .zip(row)
            .map(|(column, cell)| format!("{column}={}", show(cell.as_ref())));
        cells.collect::<Vec<_>>().join(" ")
    }

    fn cells(&self, old: &[Option<String>], new: &[Option<String>]) -> String {
        let mut text = String::new();
        for ((column, old), new) in self
            .columns
            .iter()
            .zip(old)
            .zip(new)
            .filter(|((_, old), new)| old != new)
        {
            let _ = write!(
                text,
                " {column} {} -> {}",
                show(old.as_ref()),
                show(new.as_ref())
            );
        }
        text
    }
}

fn show(cell: Option<&String>) -> String {
    cell.map_or_else(|| "NULL".to_owned(), |text| format!("{text:?}"))
}

async fn rows(database: &mut dyn Database, sql: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    database
        .query(&sql.into(), &mut |row| rows.push(row))
        .await
        .unwrap_or_else(|error| panic!("{error}\n{sql}"));
    rows
}

/// The columns of every table and every view, in order: asked for all at once, as the catalogues of
/// servers are slow.
async fn column_names(database: &mut dyn Database) -> BTreeMap<String, Vec<String>> {
    let sql = match database.dialect() {
        Dialect::Sqlite => {
            "SELECT m.name, c.name FROM sqlite_master AS m, pragma_table_info(m.name) AS c \
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' ORDER BY m.name, c.cid"
        }
        Dialect::MySql => {
            "SELECT table_name, column_name FROM information_schema.columns \
             WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position"
        }
        Dialect::Postgres => {
            "SELECT relname::text, attname::text FROM pg_attribute \
             JOIN pg_class ON pg_class.oid = attrelid AND relkind IN ('r', 'p', 'v', 'f') \
             WHERE relnamespace = current_schema()::regnamespace AND attnum > 0 AND NOT attisdropped \
             ORDER BY attrelid, attnum"
        }
    };
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in rows(database, sql).await {
        let (table, column) = (row.text(0).unwrap(), row.text(1).unwrap());
        all.entry(table).or_default().push(column);
    }
    all
}

async fn dump_table(database: &mut dyn Database, table: &str, columns: Vec<String>) -> Table {
    let dialect = database.dialect();
    let cells: Vec<String> = columns
        .iter()
        .map(|column| as_text(dialect, column))
        .collect();
    let quote = if dialect == Dialect::MySql { '`' } else { '"' };
    let sql = format!(
        "SELECT {} FROM {quote}{table}{quote} ORDER BY 1",
        cells.join(", ")
    );
    let rows = rows(database, &sql).await;
    let rows = rows
        .iter()
        .map(|row| (0..columns.len()).map(|column| row.text(column)).collect())
        .collect();
    Table { columns, rows }
}

/// Whatever the column's type is, the database itself writes it out.
fn as_text(dialect: Dialect, column: &str) -> String {
    match dialect {
        Dialect::Sqlite => format!("CAST(\"{column}\" AS TEXT)"),
        Dialect::MySql => format!("CAST(`{column}` AS CHAR)"),
        Dialect::Postgres => format!("\"{column}\"::text"),
    }
}
