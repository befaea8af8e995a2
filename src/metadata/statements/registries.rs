//! Statements that check whether there is a registry in the metadata database.

use crate::metadata::database::Dialect;
use crate::metadata::query::Query;

/// The shapes that the JDBC registry's tables have had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JdbcShape {
    /// 3.2: an entry has its own last sign of life (`last_term`).
    OfEntries,
    /// 3.3 and newer: its client has.
    OfClients,
}

/// Masters that keep themselves registered in the JDBC registry's tables: key, and how many
/// milliseconds ago the last heartbeat was by the database's own clock.
pub(crate) fn jdbc_masters(dialect: Dialect, shape: JdbcShape) -> Query {
    // Without an argument, MySQL's function has no hour that is repeated when clocks change.
    let now = match dialect {
        Dialect::MySql => "CAST(UNIX_TIMESTAMP() AS SIGNED) * 1000",
        Dialect::Postgres => "CAST(date_part('epoch', clock_timestamp()) * 1000 AS bigint)",
        Dialect::Sqlite => "CAST(strftime('%s', 'now') AS INTEGER) * 1000",
    };
    let (last, joined) = match shape {
        // 1 is ephemeral.
        JdbcShape::OfEntries => ("d.last_term", "WHERE d.data_type = 1 AND"),
        JdbcShape::OfClients => (
            "h.last_heartbeat_time",
            "JOIN t_ds_jdbc_registry_client_heartbeat h ON h.id = d.client_id WHERE",
        ),
    };
    format!(
        "SELECT d.data_key, {now} - {last} FROM t_ds_jdbc_registry_data d {joined} \
         d.data_key LIKE '/nodes/master/%'"
    )
    .into()
}

/// Ephemeral entries of masters in the MySQL registry of 3.1: key, seconds since the last write, by
/// the database's own clock.
pub(crate) const MYSQL_REGISTRY_MASTERS: &str = "SELECT `key`, \
     TIMESTAMPDIFF(SECOND, last_update_time, CURRENT_TIMESTAMP) FROM t_ds_mysql_registry_data \
     WHERE `key` LIKE '/nodes/master/%' AND type = 1";
