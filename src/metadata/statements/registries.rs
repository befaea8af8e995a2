//! Statements that check whether there is a registry in the metadata database.

use crate::metadata::database::Dialect;
use crate::metadata::query::Query;

/// Masters that keep themselves registered in the JDBC registry's tables of 3.3 and newer: key, and
/// how many milliseconds ago the last heartbeat was by the database's own clock.
pub(crate) fn jdbc_masters(dialect: Dialect) -> Query {
    // Without an argument, MySQL's function has no hour that is repeated when clocks change.
    let now = match dialect {
        Dialect::MySql => "CAST(UNIX_TIMESTAMP() AS SIGNED) * 1000",
        Dialect::Postgres => "CAST(date_part('epoch', clock_timestamp()) * 1000 AS bigint)",
        Dialect::Sqlite => "CAST(strftime('%s', 'now') AS INTEGER) * 1000",
    };
    format!(
        "SELECT d.data_key, {now} - h.last_heartbeat_time \
         FROM t_ds_jdbc_registry_data d JOIN t_ds_jdbc_registry_client_heartbeat h ON h.id = d.client_id \
         WHERE d.data_key LIKE '/nodes/master/%'"
    )
    .into()
}

/// Ephemeral entries of masters in the MySQL registry of 3.1: key, seconds since the last write, by
/// the database's own clock.
pub(crate) const MYSQL_REGISTRY_MASTERS: &str = "SELECT `key`, \
     TIMESTAMPDIFF(SECOND, last_update_time, CURRENT_TIMESTAMP) FROM t_ds_mysql_registry_data \
     WHERE `key` LIKE '/nodes/master/%' AND type = 1";
