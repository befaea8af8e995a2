//! The tables of a release and rows for them, in each database's own words. What a file gets is
//! what `dsctl demo` writes.

use std::fmt::Write as _;

use dsctl::demo::schema::{
    ColumnDef, ColumnType, DefaultValue, IndexDef, TableDef, Where, ddl, fresh_version_row, tables,
};
use dsctl::demo::seed::{self, Seed};
use dsctl::demo::{Story, rows};
use dsctl::metadata::Query;
use dsctl::metadata::database::{Database, DatabaseError, Dialect, Value};
use dsctl::model::{Stage, Version};

/// Statements that create the tables of a release in an empty database, in order.
pub fn create_statements(version: Version, dialect: Dialect) -> Vec<String> {
    if dialect == Dialect::Sqlite {
        return ddl::create_statements(version);
    }
    tables(version)
        .iter()
        .flat_map(|table| table_statements(table, version, dialect))
        .collect()
}

/// The cluster of `dsctl demo`, in any database, 3.3 or newer in a server: it is registered there.
pub async fn create_demo(
    database: &mut dyn Database,
    version: Version,
) -> Result<(), DatabaseError> {
    create_schema(database, version).await?;
    for row in rows(&Story::new(version, jiff::Timestamp::now())) {
        insert(database, row).await?;
    }
    Ok(())
}

/// Creates the tables of a release in an empty database, and the row of `t_ds_version` that a fresh
/// installation has.
pub async fn create_schema(
    database: &mut dyn Database,
    version: Version,
) -> Result<(), DatabaseError> {
    let dialect = database.dialect();
    for statement in create_statements(version, dialect) {
        database.execute(&statement.into()).await?;
    }
    let text = match dialect {
        Dialect::Postgres => postgres_version_row(version),
        Dialect::MySql | Dialect::Sqlite => fresh_version_row(version),
    };
    insert(database, seed::version_row(version, &text)).await
}

/// What `t_ds_version` says after a fresh installation by PostgreSQL's script, which differs from
/// MySQL's for one release.
fn postgres_version_row(version: Version) -> String {
    if version == Version::new(2, 0, 1) {
        "1.4.0".to_owned()
    } else {
        fresh_version_row(version)
    }
}

fn table_statements(table: &TableDef, version: Version, dialect: Dialect) -> Vec<String> {
    let mut statements = Vec::new();
    if dialect == Dialect::Postgres && table.generates_ids() {
        statements.push(format!("CREATE SEQUENCE {}", id_sequence(table.name)));
    }
    statements.push(create_table(table, version, dialect));
    if dialect != Dialect::MySql {
        statements.extend(indexes(table, dialect).map(|index| ddl::create_index(table, index)));
    }
    statements
}

fn create_table(table: &TableDef, version: Version, dialect: Dialect) -> String {
    let mut lines: Vec<String> = table
        .columns
        .iter()
        .map(|column| column_line(table, column, dialect))
        .collect();
    lines.push(format!("PRIMARY KEY ({})", quoted("id", dialect)));
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
    use Dialect::{MySql, Postgres};
    let name = match (kind, dialect) {
        (ColumnType::VarChar(length), _) => return format!("varchar({length})"),
        (ColumnType::Id | ColumnType::Int, _) | (ColumnType::TinyInt, Postgres) => "int",
        (ColumnType::BigId | ColumnType::BigInt, _) => "bigint",
        (ColumnType::TinyInt, _) => "tinyint",
        (ColumnType::LongText, MySql) => "longtext",
        (ColumnType::Text | ColumnType::LongText, _) => "text",
        (ColumnType::Time, MySql) => "datetime",
        (ColumnType::Stamp | ColumnType::Time, _) => "timestamp",
    };
    name.to_owned()
}

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

/// No name of ours is a reserved word in PostgreSQL; MySQL has more of them.
fn quoted(name: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::MySql => format!("`{name}`"),
        Dialect::Postgres | Dialect::Sqlite => name.to_owned(),
    }
}

/// Inserts a row.
pub async fn insert(database: &mut dyn Database, row: Seed) -> Result<(), DatabaseError> {
    let dialect = database.dialect();
    if dialect == Dialect::Sqlite {
        return row.insert(database).await;
    }
    for query in inserts(dialect, row) {
        database.execute(&query).await?;
    }
    Ok(())
}

/// What inserts a row into a server. An id that was given leaves PostgreSQL's sequence behind, and
/// the next insert without one would meet it.
fn inserts(dialect: Dialect, row: Seed) -> Vec<Query> {
    let (table, values) = row.row().unwrap_or_else(|error| panic!("{error}"));
    let mut queries = vec![statement(dialect, &table, &values)];
    let has_id = table.generates_ids() && values.iter().any(|(name, _)| *name == "id");
    if has_id && dialect == Dialect::Postgres {
        let (name, sequence) = (table.name, id_sequence(table.name));
        let sql = format!("SELECT setval('{sequence}', (SELECT MAX(id) FROM {name}))");
        queries.push(sql.as_str().into());
    }
    queries
}

fn statement(dialect: Dialect, table: &TableDef, values: &[(&str, Value)]) -> Query {
    let known = || {
        values
            .iter()
            .filter_map(|(name, value)| Some((table.column(name)?, value)))
    };
    let names: Vec<String> = known()
        .map(|(column, _)| quoted(column.name, dialect))
        .collect();
    Query::builder(dialect)
        .push(&format!(
            "INSERT INTO {} ({}) VALUES (",
            quoted(table.name, dialect),
            names.join(", ")
        ))
        .each(known(), ", ", |query, (column, value)| {
            if dialect == Dialect::Postgres && column.kind.is_time() {
                query
                    .push("CAST(")
                    .bind(value.clone())
                    .push(" AS timestamp)")
            } else {
                query.bind(value.clone())
            }
        })
        .push(")")
        .build()
}

/// As DolphinScheduler's script names it.
fn id_sequence(table: &str) -> String {
    format!("{table}_id_sequence")
}

mod tests {
    use super::{
        Dialect, Seed, Value, Version, create_statements, inserts, postgres_version_row, seed,
    };

    fn found(version: &str, dialect: Dialect, start: &str) -> String {
        let statements = create_statements(version.parse().unwrap(), dialect);
        statements
            .into_iter()
            .find(|statement| statement.starts_with(start))
            .unwrap()
    }

    #[test]
    fn each_database_gives_out_ids_in_its_own_way() {
        let mysql = found("3.1.9", Dialect::MySql, "CREATE TABLE `t_ds_command`");
        assert!(
            mysql.contains("`id` int NOT NULL AUTO_INCREMENT"),
            "{mysql}"
        );
        let postgres = found("3.1.9", Dialect::Postgres, "CREATE TABLE t_ds_command ");
        assert!(
            postgres.contains("id int NOT NULL DEFAULT nextval('t_ds_command_id_sequence')"),
            "{postgres}"
        );
        let sqlite = found("3.1.9", Dialect::Sqlite, "CREATE TABLE t_ds_command ");
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
            let table = found("3.1.9", dialect, start);
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
            found(version, Dialect::MySql, "CREATE TABLE `t_ds_command`").contains("utf8_bin")
        };
        assert!(!collated("3.1.9"));
        assert!(collated("3.2.0"));
    }

    #[test]
    fn a_server_has_the_registry_where_the_release_has_it() {
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

    fn made(dialect: Dialect, row: Seed) -> Vec<(String, Vec<Value>)> {
        inserts(dialect, row)
            .iter()
            .map(|query| (query.sql().to_owned(), query.values().to_vec()))
            .collect()
    }

    fn release(text: &str) -> Version {
        text.parse().unwrap()
    }

    fn alert_row() -> Seed {
        Seed::new(release("3.1.9"), "t_ds_alert")
            .set("title", "it's")
            .set("content", Option::<i64>::None)
            .set("create_time", "2024-06-01 00:00:00")
    }

    #[test]
    fn each_database_gets_its_own_words() {
        let parameters = vec![Value::from("it's"), Value::from("2024-06-01 00:00:00")];
        let mysql =
            "INSERT INTO `t_ds_alert` (`title`, `content`, `create_time`) VALUES (?, NULL, ?)"
                .to_owned();
        assert_eq!(
            made(Dialect::MySql, alert_row()),
            [(mysql, parameters.clone())]
        );
        let sqlite =
            "INSERT INTO t_ds_alert (title, content, create_time) VALUES (?, NULL, ?)".to_owned();
        assert_eq!(
            made(Dialect::Sqlite, alert_row()),
            [(sqlite, parameters.clone())]
        );
        let postgres =
            "INSERT INTO t_ds_alert (title, content, create_time) VALUES ($1::text, NULL, CAST($2::text AS timestamp))"
                .to_owned();
        assert_eq!(
            made(Dialect::Postgres, alert_row()),
            [(postgres, parameters)]
        );
    }

    #[test]
    fn postgres_sequences_follow_given_ids_where_there_are_sequences() {
        let command = seed::command(release("3.1.9"), 2).id(9);
        let asked = made(Dialect::Postgres, command);
        let moved = "SELECT setval('t_ds_command_id_sequence', (SELECT MAX(id) FROM t_ds_command))";
        assert_eq!(asked.last().unwrap().0, moved);
        let failed = seed::error_command(release("3.1.9"), 9, 2, "x");
        assert_eq!(made(Dialect::Postgres, failed).len(), 1);
        let without_id = seed::command(release("3.1.9"), 2);
        assert_eq!(made(Dialect::Postgres, without_id).len(), 1);
    }

    #[test]
    fn what_fresh_installations_in_postgres_say_of_themselves() {
        assert_eq!(postgres_version_row(release("2.0.1")), "1.4.0");
        assert_eq!(postgres_version_row(release("2.0.2")), "2.0.2");
    }
}
