//! SQL that creates the tables of a release in a SQLite file.

use super::{ColumnDef, ColumnType, DefaultValue, IndexDef, TableDef, Where};
use crate::model::Version;

/// Statements that create the tables of a release in an empty file, in order, and those of the JDBC
/// registry for any release.
#[must_use]
pub fn create_statements(version: Version) -> Vec<String> {
    let mut tables = super::tables(version);
    let missing: Vec<TableDef> = super::registry_tables()
        .into_iter()
        .filter(|table| !tables.contains(table))
        .collect();
    tables.extend(missing);
    tables.iter().flat_map(table_statements).collect()
}

fn table_statements(table: &TableDef) -> Vec<String> {
    // A file follows MySQL's script.
    let indexes = table
        .indexes
        .iter()
        .filter(|index| index.databases != Where::Postgres);
    std::iter::once(create_table(table))
        .chain(indexes.map(|index| create_index(table, index)))
        .collect()
}

fn create_table(table: &TableDef) -> String {
    let mut lines: Vec<String> = table.columns.iter().map(column_line).collect();
    if !table.generates_ids() {
        lines.push("PRIMARY KEY (id)".to_owned());
    }
    format!(
        "CREATE TABLE {} (\n  {}\n)",
        table.name,
        lines.join(",\n  ")
    )
}

fn column_line(column: &ColumnDef) -> String {
    let line = format!("{} {}", column.name, type_name(column.kind));
    match column.kind {
        ColumnType::Id | ColumnType::BigId => line + " PRIMARY KEY AUTOINCREMENT",
        _ => {
            let null = if column.null { " NULL" } else { " NOT NULL" };
            line + null + &default_clause(column)
        }
    }
}

fn default_clause(column: &ColumnDef) -> String {
    match column.default {
        Some(DefaultValue::Int(value)) => format!(" DEFAULT {value}"),
        Some(DefaultValue::Text(value)) => format!(" DEFAULT '{value}'"),
        Some(DefaultValue::Now) => " DEFAULT CURRENT_TIMESTAMP".to_owned(),
        Some(DefaultValue::Touched) if !column.null => " DEFAULT CURRENT_TIMESTAMP".to_owned(),
        Some(DefaultValue::Touched) | None => String::new(),
    }
}

fn type_name(kind: ColumnType) -> String {
    let name = match kind {
        ColumnType::VarChar(length) => return format!("varchar({length})"),
        // SQLite generates ids only for exactly this type name, so no other column may have it.
        ColumnType::Id | ColumnType::BigId => "INTEGER",
        ColumnType::Int => "int",
        ColumnType::BigInt => "bigint",
        ColumnType::TinyInt => "tinyint",
        ColumnType::Text | ColumnType::LongText | ColumnType::Time | ColumnType::Stamp => "text",
    };
    name.to_owned()
}

/// The statement that creates an index. Outside MySQL its name must be unique in the whole schema,
/// so it is prefixed with the table's name.
#[must_use]
pub fn create_index(table: &TableDef, index: &IndexDef) -> String {
    let unique = if index.unique { "UNIQUE " } else { "" };
    let name = format!("{}_{}", table.name.trim_start_matches("t_ds_"), index.name);
    format!(
        "CREATE {unique}INDEX {name} ON {} ({})",
        table.name,
        index.columns.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_always_has_the_registry_and_has_it_once() {
        for version in ["1.2.0", "3.1.9", "3.4.1"] {
            let statements = create_statements(version.parse().unwrap());
            let registry = statements
                .iter()
                .filter(|text| text.starts_with("CREATE TABLE t_ds_jdbc_registry_"));
            assert_eq!(registry.count(), 4, "{version}");
        }
    }
}
