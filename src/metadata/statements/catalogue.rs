//! Statements about the database's catalogue.

use super::list;
use crate::family::{Family, Tables};
use crate::metadata::database::Dialect;
use crate::metadata::query::Query;

/// The name of a table in the catalogue of MySQL's, as statements must write it to find the table:
/// on most servers `T_DS_COMMAND` is another table than `t_ds_command`.
macro_rules! mysql_table {
    ($column:literal) => {
        concat!(
            "IF(@@lower_case_table_names = 0, ",
            $column,
            ", LOWER(",
            $column,
            "))"
        )
    };
}

/// The schema of PostgreSQL's whose tables statements find first.
macro_rules! postgres_schema {
    () => {
        "COALESCE((SELECT t.relnamespace FROM pg_catalog.pg_class t WHERE t.oid = to_regclass('t_ds_command')), \
         (SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = current_schema()))"
    };
}

/// Columns of every table in the database that is connected to: table and column, each as our
/// statements must write it to find it (which write small letters), 1 if this user may read it, and in PostgreSQL whether row level security applies to this user (and not only by
/// policies that allow every row for everything), and whether statements find another table of this
/// name first. MySQL omits columns without any privilege. PostgreSQL's own catalogue, which every
/// user may read, takes half the time of the standard views, and only one schema is read, the one
/// that statements find first: another release's may follow it in the search path.
pub(crate) fn catalogue(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::MySql => {
            concat!(
                "SELECT ",
                mysql_table!("table_name"),
                ", LOWER(column_name), CAST(privileges LIKE '%select%' AS SIGNED) FROM information_schema.columns \
                 WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position"
            )
        }
        Dialect::Postgres => {
            concat!(
                "SELECT CAST(c.relname AS TEXT), CAST(a.attname AS TEXT), \
             CAST(has_column_privilege(c.oid, a.attnum, 'SELECT') AS INT), \
             CASE WHEN row_security_active(c.oid) THEN NOT EXISTS (SELECT 1 FROM pg_catalog.pg_policy p \
             WHERE p.polrelid = c.oid AND p.polcmd = '*' AND pg_get_expr(p.polqual, p.polrelid) = 'true' \
             AND (0 = ANY (p.polroles) OR EXISTS (SELECT 1 FROM pg_catalog.pg_roles r \
             WHERE r.oid = ANY (p.polroles) AND pg_has_role(r.oid, 'USAGE')))) \
             OR EXISTS (SELECT 1 FROM pg_catalog.pg_policy p \
             WHERE p.polrelid = c.oid AND to_json(p)->>'polpermissive' = 'false') ELSE false END, \
             NOT pg_table_is_visible(c.oid) \
             FROM pg_catalog.pg_class c \
             JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid WHERE c.relnamespace = ",
                postgres_schema!(),
                " AND c.relkind IN ('r', 'v', 'f', 'p') AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.relname, a.attnum"
            )
        }
        Dialect::Sqlite => {
            "SELECT LOWER(m.name), LOWER(p.name), 1 FROM sqlite_master m JOIN pragma_table_info(m.name) p \
             WHERE m.type IN ('table', 'view') ORDER BY m.name, p.cid"
        }
    }
}

/// The columns of DolphinScheduler's tables, in their order: table, column, 1 if this user may read
/// it, and of what it is: 1 whole numbers, 2 other numbers and bits, 3 times, 0 everything else. As
/// [`catalogue`] otherwise.
pub(crate) fn column_types(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::MySql => {
            concat!(
                "SELECT ",
                mysql_table!("table_name"),
                ", LOWER(column_name), CAST(privileges LIKE '%select%' AS SIGNED), \
                 CASE WHEN LOWER(data_type) IN ('tinyint', 'smallint', 'mediumint', 'int', 'bigint') THEN 1 \
                 WHEN LOWER(data_type) IN ('decimal', 'float', 'double', 'bit', 'year') THEN 2 \
                 WHEN LOWER(data_type) IN ('datetime', 'timestamp', 'date', 'time') THEN 3 ELSE 0 END \
                 FROM information_schema.columns WHERE table_schema = DATABASE() AND ",
                mysql_table!("table_name"),
                " LIKE 't\\_ds\\_%' ORDER BY table_name, ordinal_position"
            )
        }
        Dialect::Postgres => {
            concat!(
                "SELECT CAST(c.relname AS TEXT), CAST(a.attname AS TEXT), \
                 CAST(has_column_privilege(c.oid, a.attnum, 'SELECT') AS INT), \
                 CASE WHEN COALESCE(NULLIF(y.typbasetype, 0), y.oid) IN (16, 20, 21, 23) THEN 1 \
                 WHEN COALESCE(NULLIF(y.typbasetype, 0), y.oid) IN (700, 701, 1700) THEN 2 \
                 WHEN COALESCE(NULLIF(y.typbasetype, 0), y.oid) IN (1082, 1083, 1114, 1184, 1266) THEN 3 ELSE 0 END \
                 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid \
                 JOIN pg_catalog.pg_type y ON y.oid = a.atttypid WHERE c.relnamespace = ",
                postgres_schema!(),
                " AND c.relkind IN ('r', 'v', 'f', 'p') AND c.relname LIKE 't\\_ds\\_%' \
                 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.relname, a.attnum"
            )
        }
        Dialect::Sqlite => {
            "SELECT LOWER(m.name), LOWER(p.name), 1, CASE \
             WHEN LOWER(p.type) LIKE '%int%' OR LOWER(p.type) LIKE 'bool%' THEN 1 \
             WHEN LOWER(p.type) LIKE 'dec%' OR LOWER(p.type) LIKE 'num%' OR LOWER(p.type) LIKE 'real%' \
             OR LOWER(p.type) LIKE 'float%' OR LOWER(p.type) LIKE 'doub%' THEN 2 \
             WHEN LOWER(p.type) LIKE 'date%' OR LOWER(p.type) LIKE 'time%' THEN 3 ELSE 0 END \
             FROM sqlite_master m JOIN pragma_table_info(m.name) p \
             WHERE m.type IN ('table', 'view') AND LOWER(m.name) LIKE 't\\_ds\\_%' ESCAPE '\\' ORDER BY m.name, p.cid"
        }
    }
}

/// Reads no row of the tables whose columns identify the release; refused to users who may not read
/// every column.
pub(crate) fn whole_tables(family: &Family) -> Query {
    let Tables {
        instance,
        task,
        command,
        ..
    } = family.tables;
    format!("SELECT i.*, t.*, c.* FROM {instance} i, {task} t, {command} c WHERE 1 = 0").into()
}

/// The catalogue's entries of the columns of these tables: table, column, 1 if an insert may omit
/// it, 1 if this user may insert into it, 1 if it may update it, 1 if it may delete from the table
/// (MySQL does not show this privilege for a column), and the sequence of its default if this user
/// may not use it. In a view, and in a PostgreSQL table whose triggers may fill what is omitted,
/// everything may be omitted; MariaDB refuses an INSERT ... SELECT that leaves a column without a
/// default to a trigger, unlike the masters' INSERT ... VALUES.
pub(crate) fn written_tables(dialect: Dialect, tables: &[&str]) -> Query {
    let names = |wrap: &dyn Fn(&str) -> String| list(tables.iter().map(|table| wrap(table)));
    let sql = match dialect {
        Dialect::MySql => format!(
            "SELECT {table}, LOWER(c.column_name), c.is_nullable = 'YES' OR c.column_default IS NOT NULL \
             OR c.extra LIKE '%auto_increment%' OR c.extra LIKE '%generated%' OR c.data_type = 'enum' \
             OR t.table_type <> 'BASE TABLE', c.privileges LIKE '%insert%', c.privileges LIKE '%update%', 1, NULL \
             FROM information_schema.columns c JOIN information_schema.tables t \
             ON t.table_schema = c.table_schema AND t.table_name = c.table_name \
             WHERE c.table_schema = DATABASE() AND t.table_schema = DATABASE() AND CAST({table} AS BINARY) IN ({})",
            names(&|table| format!("'{table}'")),
            table = mysql_table!("c.table_name")
        ),
        Dialect::Postgres => format!(
            "SELECT CAST(c.relname AS TEXT), CAST(a.attname AS TEXT), CAST(c.relkind NOT IN ('r', 'p') OR NOT a.attnotnull \
             OR a.atthasdef OR EXISTS (SELECT 1 FROM pg_catalog.pg_depend i \
             WHERE i.refclassid = CAST('pg_catalog.pg_class' AS regclass) AND i.refobjid = c.oid \
             AND i.refobjsubid = a.attnum AND i.deptype = 'i') OR EXISTS (SELECT 1 FROM pg_catalog.pg_trigger g \
             WHERE g.tgrelid = c.oid AND NOT g.tgisinternal) AS INT), \
             CAST(has_column_privilege(c.oid, a.attnum, 'INSERT') AS INT), \
             CAST(has_column_privilege(c.oid, a.attnum, 'UPDATE') AS INT), \
             CAST(has_table_privilege(c.oid, 'DELETE') AS INT), \
             (SELECT MIN(CAST(s.relname AS TEXT)) FROM pg_catalog.pg_attrdef d JOIN pg_catalog.pg_depend u ON u.objid = d.oid \
             AND u.classid = CAST('pg_catalog.pg_attrdef' AS regclass) \
             AND u.refclassid = CAST('pg_catalog.pg_class' AS regclass) \
             JOIN pg_catalog.pg_class s ON s.oid = u.refobjid WHERE d.adrelid = c.oid AND d.adnum = a.attnum \
             AND CASE WHEN s.relkind = 'S' THEN NOT has_sequence_privilege(s.oid, 'USAGE, UPDATE') ELSE false END) \
             FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid \
             WHERE c.oid IN ({}) AND a.attnum > 0 AND NOT a.attisdropped",
            names(&|table| format!("to_regclass('{table}')"))
        ),
        Dialect::Sqlite => format!(
            "SELECT LOWER(m.name), LOWER(p.name), m.type = 'view' OR p.\"notnull\" = 0 OR p.dflt_value IS NOT NULL OR p.pk > 0, 1, 1, 1, NULL \
             FROM sqlite_master m JOIN pragma_table_info(m.name) p WHERE LOWER(m.name) IN ({})",
            names(&|table| format!("'{table}'"))
        ),
    };
    sql.into()
}

/// Whether a table of MySQL's, by its engine `e`, has transactions that this server commits. MariaDB
/// says that FEDERATED has transactions: those are another server's.
const HAS_TRANSACTIONS: &str =
    "(COALESCE(e.transactions, 'NO') = 'YES' AND e.engine NOT IN ('FEDERATED', 'SPIDER'))";

/// Which of these tables of MySQL's have an engine without transactions; and those that are views,
/// which have none: table, 1 where it is a view.
pub(crate) fn without_transactions(dialect: Dialect, tables: &[&str]) -> Query {
    Query::builder(dialect)
        .push(concat!(
            "SELECT t.table_name, t.table_type = 'VIEW' FROM information_schema.tables t \
             LEFT JOIN information_schema.engines e ON e.engine = t.engine \
             WHERE t.table_schema = DATABASE() AND CAST(",
            mysql_table!("t.table_name"),
            " AS BINARY) IN (",
        ))
        .bind_each(tables.iter().copied(), ", ")
        .push(&format!(") AND NOT {HAS_TRANSACTIONS}"))
        .build()
}

/// Which of these views of MySQL's have only tables with transactions behind them. The definition,
/// which is empty for those who may not see it, names them all in full.
pub(crate) fn views_with_transactions(dialect: Dialect, views: &[String]) -> Query {
    let behind = "FROM information_schema.tables b LEFT JOIN information_schema.engines e ON e.engine = b.engine \
                  WHERE LOCATE(CONCAT('`', b.table_schema, '`.`', b.table_name, '`'), v.view_definition) > 0 AND";
    Query::builder(dialect)
        .push(
            "SELECT v.table_name FROM information_schema.views v \
             WHERE v.table_schema = DATABASE() AND CAST(v.table_name AS BINARY) IN (",
        )
        .bind_each(views.iter().map(String::as_str), ", ")
        .push(&format!(
            ") AND EXISTS (SELECT 1 {behind} {HAS_TRANSACTIONS}) AND NOT EXISTS (SELECT 1 {behind} NOT {HAS_TRANSACTIONS})"
        ))
        .build()
}

/// Which of these tables of PostgreSQL's have their rows, or some of them, on another server, which
/// commits by itself: foreign tables, and those whose partitions or views lead to one.
pub(crate) fn foreign_tables(tables: &[&str]) -> Query {
    format!(
        "SELECT f.shown FROM (WITH RECURSIVE behind(shown, oid) AS (\
         SELECT CAST(c.relname AS TEXT), c.oid FROM pg_catalog.pg_class c WHERE c.oid IN ({}) \
         UNION SELECT b.shown, n.oid FROM behind b JOIN (\
         SELECT i.inhparent AS parent, i.inhrelid AS oid FROM pg_catalog.pg_inherits i \
         UNION ALL SELECT v.oid, d.refobjid FROM pg_catalog.pg_class v \
         JOIN pg_catalog.pg_rewrite r ON r.ev_class = v.oid AND v.relkind = 'v' \
         JOIN pg_catalog.pg_depend d ON d.objid = r.oid AND d.classid = CAST('pg_catalog.pg_rewrite' AS regclass) \
         AND d.refclassid = CAST('pg_catalog.pg_class' AS regclass)) n ON n.parent = b.oid) \
         SELECT DISTINCT b.shown FROM behind b JOIN pg_catalog.pg_class c ON c.oid = b.oid \
         WHERE c.relkind = 'f') f ORDER BY f.shown",
        list(tables.iter().map(|table| format!("to_regclass('{table}')")))
    )
    .into()
}

/// Rows of `t_ds_version`, the newest last.
pub(crate) const VERSIONS: &str = "SELECT version FROM t_ds_version ORDER BY id";
