//! The statements about the registry's tables, in SQL that SQLite, MySQL and PostgreSQL share.

use crate::metadata::Query;
use crate::metadata::database::{Dialect, Value};

/// Statements that read nothing and fail if a table or column is missing.
pub(super) const SHAPE: [&str; 3] = [
    "SELECT data_key, data_value, client_id, data_type FROM t_ds_jdbc_registry_data WHERE 1 = 0",
    "SELECT id, lock_key, lock_owner, client_id FROM t_ds_jdbc_registry_lock WHERE 1 = 0",
    "SELECT id, last_heartbeat_time, connection_config FROM t_ds_jdbc_registry_client_heartbeat WHERE 1 = 0",
];
pub(super) const SHAPE_3_2: &str = "SELECT last_term FROM t_ds_jdbc_registry_lock WHERE 1 = 0";
pub(super) const SHAPE_3_1: &str = "SELECT id FROM t_ds_mysql_registry_lock WHERE 1 = 0";

/// The ephemeral entries below a key: key, value, and the client, its last heartbeat and its
/// configuration.
pub(super) fn entries_below(dialect: Dialect, parent: &str) -> Query {
    Query::builder(dialect)
        .push(
            "SELECT d.data_key, d.data_value, d.client_id, h.last_heartbeat_time, h.connection_config \
             FROM t_ds_jdbc_registry_data d \
             LEFT JOIN t_ds_jdbc_registry_client_heartbeat h ON h.id = d.client_id \
             WHERE d.data_key LIKE ",
        )
        .bind(format!("{parent}/%"))
        .push(" AND d.data_type = 'EPHEMERAL'")
        .build()
}

/// A lock: id, owner, and its client as above.
pub(super) fn lock(dialect: Dialect, key: &str) -> Query {
    Query::builder(dialect)
        .push(
            "SELECT l.id, l.lock_owner, l.client_id, h.last_heartbeat_time, h.connection_config \
             FROM t_ds_jdbc_registry_lock l \
             LEFT JOIN t_ds_jdbc_registry_client_heartbeat h ON h.id = l.client_id \
             WHERE l.lock_key = ",
        )
        .bind(key)
        .build()
}

/// The keys of locks below a key.
pub(super) fn lock_keys(dialect: Dialect, parent: &str) -> Query {
    Query::builder(dialect)
        .push("SELECT lock_key FROM t_ds_jdbc_registry_lock WHERE lock_key LIKE ")
        .bind(format!("{parent}/%"))
        .build()
}

/// A lock's row, if it belongs to this client.
pub(super) fn own_lock(dialect: Dialect, id: &str, client: i64) -> Query {
    Query::builder(dialect)
        .push("SELECT id FROM t_ds_jdbc_registry_lock WHERE id = ")
        .bind(row_id(id))
        .push(" AND client_id = ")
        .bind(client)
        .build()
}

pub(super) fn insert_lock(dialect: Dialect, key: &str, owner: &str, client: i64) -> Query {
    Query::builder(dialect)
        .push("INSERT INTO t_ds_jdbc_registry_lock (lock_key, lock_owner, client_id, create_time) VALUES (")
        .bind_each([key.into(), owner.into(), Value::from(client)], ", ")
        .push(", CURRENT_TIMESTAMP)")
        .build()
}

pub(super) fn delete_lock(dialect: Dialect, id: &str, client: i64) -> Query {
    Query::builder(dialect)
        .push("DELETE FROM t_ds_jdbc_registry_lock WHERE id = ")
        .bind(row_id(id))
        .push(" AND client_id = ")
        .bind(client)
        .build()
}

/// Deletes a client's lock. The condition prevents it if the client has written a heartbeat since
/// the last one was `seen`.
pub(super) fn delete_dead_lock(dialect: Dialect, id: i64, client: i64, seen: i64) -> Query {
    Query::builder(dialect)
        .push("DELETE FROM t_ds_jdbc_registry_lock WHERE id = ")
        .bind(id)
        .push(" AND client_id = ")
        .bind(client)
        .push(" AND NOT EXISTS (SELECT 1 FROM t_ds_jdbc_registry_client_heartbeat h WHERE h.id = ")
        .bind(client)
        .push(" AND h.last_heartbeat_time > ")
        .bind(seen)
        .push(")")
        .build()
}

pub(super) fn delete_locks_of_client(dialect: Dialect, client: i64) -> Query {
    Query::builder(dialect)
        .push("DELETE FROM t_ds_jdbc_registry_lock WHERE client_id = ")
        .bind(client)
        .build()
}

pub(super) fn insert_client(
    dialect: Dialect,
    id: i64,
    name: &str,
    heartbeat: i64,
    configuration: String,
) -> Query {
    Query::builder(dialect)
        .push(
            "INSERT INTO t_ds_jdbc_registry_client_heartbeat \
             (id, client_name, last_heartbeat_time, connection_config, create_time) VALUES (",
        )
        .bind_each(
            [
                id.into(),
                name.into(),
                heartbeat.into(),
                Value::from(configuration),
            ],
            ", ",
        )
        .push(", CURRENT_TIMESTAMP)")
        .build()
}

pub(super) fn refresh_client(dialect: Dialect, id: i64, heartbeat: i64) -> Query {
    Query::builder(dialect)
        .push("UPDATE t_ds_jdbc_registry_client_heartbeat SET last_heartbeat_time = ")
        .bind(heartbeat)
        .push(" WHERE id = ")
        .bind(id)
        .build()
}

/// The newest heartbeat of every other client.
pub(super) fn newest_heartbeat(dialect: Dialect, but: i64) -> Query {
    Query::builder(dialect)
        .push(
            "SELECT MAX(last_heartbeat_time) FROM t_ds_jdbc_registry_client_heartbeat WHERE id <> ",
        )
        .bind(but)
        .build()
}

pub(super) fn delete_client(dialect: Dialect, id: i64) -> Query {
    Query::builder(dialect)
        .push("DELETE FROM t_ds_jdbc_registry_client_heartbeat WHERE id = ")
        .bind(id)
        .build()
}

/// A row's id from a lease. A text that is not an id matches no row.
fn row_id(text: &str) -> Value {
    text.parse::<i64>().map_or(Value::Null, Value::Int)
}
