//! SQL that creates the tables of a release, in each database's own words.

use std::fmt::Write as _;

use super::{ColumnDef, ColumnType, DefaultValue, IndexDef, TableDef, Where};
use crate::metadata::database::Dialect;
use crate::metadata::id_sequence;
use crate::model::{Stage, Version};

/// Statements that create the tables of a release in an empty database, in order.
///
/// A SQLite file also gets the tables of the JDBC registry, whatever the release.
#[must_use]
pub fn create_statements(version: Version, dialect: Dialect) -> Vec<String> {
    let mut tables = super::tables(version);
    if dialect == Dialect::Sqlite {
        let missing = super::registry_tables()
            .into_iter()
            .filter(|table| !tables.contains(table));
        let missing: Vec<TableDef> = missing.collect();
        tables.extend(missing);
    }
    tables
        .iter()
        .flat_map(|table| table_statements(table, version, dialect))
        .collect()
}

fn table_statements(table: &TableDef, version: Version, dialect: Dialect) -> Vec<String> {
    let mut statements = Vec::new();
    if dialect == Dialect::Postgres && table.gives_ids() {
        statements.push(format!("CREATE SEQUENCE {}", id_sequence(table.name)));
    }
    statements.push(create_table(table, version, dialect));
    if dialect != Dialect::MySql {
        statements.extend(indexes(table, dialect).map(|index| create_index(table, index)));
    }
    statements
}

fn create_table(table: &TableDef, version: Version, dialect: Dialect) -> String {
    let mut lines: Vec<String> = table
        .columns
        .iter()
        .map(|column| column_line(table, column, dialect))
        .collect();
    if !(dialect == Dialect::Sqlite && table.gives_ids()) {
        lines.push(format!("PRIMARY KEY ({})", quoted("id", dialect)));
    }
    if dialect == Dialect::MySql {
        lines.extend(indexes(table, dialect).map(mysql_key));
    }
    format!(
        "CREATE TABLE {} (\n  {}\n){}",
        quoted(table.name, dialect),
        lines.join(",\n  "),
        tail(version, dialect)
    )
}

fn tail(version: Version, dialect: Dialect) -> &'static str {
    match dialect {
        // The collation decides whether the claim texts `null` and `NULL` are told apart.
        Dialect::MySql if version >= Version::staged(3, 2, 0, Stage::Alpha) => {
            " ENGINE=InnoDB DEFAULT CHARSET=utf8 COLLATE=utf8_bin"
        }
        Dialect::MySql => " ENGINE=InnoDB DEFAULT CHARSET=utf8",
        Dialect::Postgres | Dialect::Sqlite => "",
    }
}

fn column_line(table: &TableDef, column: &ColumnDef, dialect: Dialect) -> String {
    let mut line = format!(
        "{} {}",
        quoted(column.name, dialect),
        type_name(column.kind, dialect)
    );
    match (column.kind, dialect) {
        (ColumnType::Id | ColumnType::BigId, Dialect::Postgres) => {
            let _ = write!(
                line,
                " NOT NULL DEFAULT nextval('{}')",
                id_sequence(table.name)
            );
        }
        (ColumnType::Id | ColumnType::BigId, Dialect::MySql) => {
            line.push_str(" NOT NULL AUTO_INCREMENT");
        }
        (ColumnType::Id | ColumnType::BigId, Dialect::Sqlite) => {
            line.push_str(" PRIMARY KEY AUTOINCREMENT");
        }
        _ => {
            // MySQL takes a bare `timestamp` for one that may not be NULL.
            line.push_str(if column.null { " NULL" } else { " NOT NULL" });
            line.push_str(&default_clause(column, dialect));
        }
    }
    line
}

fn default_clause(column: &ColumnDef, dialect: Dialect) -> String {
    match (column.default, dialect) {
        (Some(DefaultValue::Int(value)), _) => format!(" DEFAULT {value}"),
        (Some(DefaultValue::Text(value)), _) => format!(" DEFAULT '{value}'"),
        (Some(DefaultValue::Now), _) => " DEFAULT CURRENT_TIMESTAMP".to_owned(),
        (Some(DefaultValue::Touched), Dialect::MySql) => {
            " DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP".to_owned()
        }
        (Some(DefaultValue::Touched), _) if !column.null => " DEFAULT CURRENT_TIMESTAMP".to_owned(),
        (Some(DefaultValue::Touched) | None, _) => String::new(),
    }
}

fn type_name(kind: ColumnType, dialect: Dialect) -> String {
    use Dialect::{MySql, Postgres, Sqlite};
    let name = match (kind, dialect) {
        (ColumnType::VarChar(length), _) => return format!("varchar({length})"),
        // SQLite gives out ids for this very type name alone, so no other column may have it.
        (ColumnType::Id | ColumnType::BigId, Sqlite) => "INTEGER",
        (ColumnType::Id | ColumnType::Int, _) | (ColumnType::TinyInt, Postgres) => "int",
        (ColumnType::BigId | ColumnType::BigInt, _) => "bigint",
        (ColumnType::TinyInt, MySql | Sqlite) => "tinyint",
        (ColumnType::LongText, MySql) => "longtext",
        (ColumnType::Text | ColumnType::LongText, _)
        | (ColumnType::Time | ColumnType::Stamp, Sqlite) => "text",
        (ColumnType::Time, MySql) => "datetime",
        (ColumnType::Stamp, MySql) | (ColumnType::Time | ColumnType::Stamp, Postgres) => {
            "timestamp"
        }
    };
    name.to_owned()
}

/// A file follows MySQL's script.
fn indexes(table: &TableDef, dialect: Dialect) -> impl Iterator<Item = &IndexDef> {
    let left_out = if dialect == Dialect::Postgres {
        Where::MySql
    } else {
        Where::Postgres
    };
    table
        .indexes
        .iter()
        .filter(move |index| index.databases != left_out)
}

fn mysql_key(index: &IndexDef) -> String {
    let columns: Vec<String> = index
        .columns
        .iter()
        .map(|column| quoted(column, Dialect::MySql))
        .collect();
    let unique = if index.unique { "UNIQUE " } else { "" };
    format!(
        "{unique}KEY {} ({})",
        quoted(index.name, Dialect::MySql),
        columns.join(",")
    )
}

/// Outside MySQL an index's name stands for itself in the whole schema, so the table's name is put
/// in front.
fn create_index(table: &TableDef, index: &IndexDef) -> String {
    let unique = if index.unique { "UNIQUE " } else { "" };
    let name = format!("{}_{}", table.name.trim_start_matches("t_ds_"), index.name);
    format!(
        "CREATE {unique}INDEX {name} ON {} ({})",
        table.name,
        index.columns.join(", ")
    )
}

/// No name of ours is a reserved word in PostgreSQL or SQLite; MySQL has more of them.
pub(crate) fn quoted(name: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::MySql => format!("`{name}`"),
        Dialect::Postgres | Dialect::Sqlite => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(version: &str, dialect: Dialect, start: &str) -> String {
        let statements = create_statements(version.parse().unwrap(), dialect);
        statements
            .into_iter()
            .find(|statement| statement.starts_with(start))
            .unwrap()
    }

    #[test]
    fn each_database_gives_out_ids_in_its_own_way() {
        let mysql = statement("3.1.9", Dialect::MySql, "CREATE TABLE `t_ds_command`");
        assert!(
            mysql.contains("`id` int NOT NULL AUTO_INCREMENT"),
            "{mysql}"
        );
        let postgres = statement("3.1.9", Dialect::Postgres, "CREATE TABLE t_ds_command ");
        assert!(
            postgres.contains("id int NOT NULL DEFAULT nextval('t_ds_command_id_sequence')"),
            "{postgres}"
        );
        let sqlite = statement("3.1.9", Dialect::Sqlite, "CREATE TABLE t_ds_command ");
        assert!(
            sqlite.contains("id INTEGER PRIMARY KEY AUTOINCREMENT"),
            "{sqlite}"
        );
    }

    #[test]
    fn no_database_gives_out_ids_of_error_commands() {
        for (dialect, start) in [
            (Dialect::MySql, "CREATE TABLE `t_ds_error_command`"),
            (Dialect::Postgres, "CREATE TABLE t_ds_error_command "),
            (Dialect::Sqlite, "CREATE TABLE t_ds_error_command "),
        ] {
            let table = statement("3.1.9", dialect, start);
            assert!(
                !table.contains("AUTO") && !table.contains("nextval") && !table.contains("INTEGER"),
                "{table}"
            );
            assert!(table.contains("PRIMARY KEY"), "{table}");
        }
    }

    #[test]
    fn mysql_tells_case_apart_from_3_2_on() {
        let collated = |version| {
            statement(version, Dialect::MySql, "CREATE TABLE `t_ds_command`").contains("utf8_bin")
        };
        assert!(!collated("3.1.9"));
        assert!(collated("3.2.0"));
    }

    #[test]
    fn a_file_always_has_the_registry_and_has_it_once() {
        for version in ["1.2.0", "3.1.9", "3.4.1"] {
            let statements = create_statements(version.parse().unwrap(), Dialect::Sqlite);
            let registry = statements
                .iter()
                .filter(|text| text.starts_with("CREATE TABLE t_ds_jdbc_registry_"));
            assert_eq!(registry.count(), 4, "{version}");
        }
        let without = create_statements(Version::new(3, 1, 9), Dialect::MySql);
        assert!(without.iter().all(|text| !text.contains("jdbc_registry")));
    }

    #[test]
    fn names_fit_postgres() {
        for version in ["1.3.9", "3.1.9", "3.2.2", "3.4.1"] {
            for text in create_statements(version.parse().unwrap(), Dialect::Postgres) {
                let name = text
                    .split_whitespace()
                    .find(|word| !word.chars().all(char::is_uppercase))
                    .unwrap();
                assert!(name.len() <= 63, "{name}");
            }
        }
    }
}
