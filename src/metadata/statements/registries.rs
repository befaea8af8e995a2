//! Statements that look whether a registry stands in the metadata database.

/// Masters that keep themselves registered in the JDBC registry's tables of 3.3 and newer: key, heartbeat (epoch ms).
pub(crate) const JDBC_MASTERS: &str = "SELECT d.data_key, h.last_heartbeat_time \
     FROM t_ds_jdbc_registry_data d JOIN t_ds_jdbc_registry_client_heartbeat h ON h.id = d.client_id \
     WHERE d.data_key LIKE '/nodes/master/%'";

/// Ephemeral entries of masters in the MySQL registry of 3.1: key, seconds since it was last written. The database's own
/// clock wrote the time.
pub(crate) const MYSQL_REGISTRY_MASTERS: &str = "SELECT `key`, \
     TIMESTAMPDIFF(SECOND, last_update_time, CURRENT_TIMESTAMP) FROM t_ds_mysql_registry_data \
     WHERE `key` LIKE '/nodes/master/%' AND type = 1";
