//! The JDBC registry as redesigned in 3.3 (F§4.3). Upstream: `JdbcRegistryData`,
//! `JdbcRegistryLock`, `JdbcRegistryClientHeartbeat`, `JdbcRegistryDataChangeEvent`.

use super::column::{ColumnDef, IndexDef, big_id, bigint, stamp, text, varchar};
use super::release::R3_3;
use super::table::TableSpec;

pub(super) const TABLES: &[TableSpec] = &[
    TableSpec::new("t_ds_jdbc_registry_data", &[DATA], DATA_INDEXES).since(R3_3),
    TableSpec::new("t_ds_jdbc_registry_lock", &[LOCK], LOCK_INDEXES).since(R3_3),
    TableSpec::new("t_ds_jdbc_registry_client_heartbeat", &[HEARTBEAT], &[]).since(R3_3),
    TableSpec::new("t_ds_jdbc_registry_data_change_event", &[EVENT], &[]).since(R3_3),
];

const DATA: &[ColumnDef] = &[
    big_id(),
    varchar("data_key", 256).required(),
    text("data_value").required(),
    varchar("data_type", 64).required(),
    bigint("client_id").required(),
    stamp("create_time").required().now(),
    stamp("last_update_time").required().now(),
];

const DATA_INDEXES: &[IndexDef] =
    &[IndexDef::on("uk_t_ds_jdbc_registry_datakey", &["data_key"]).unique()];

const LOCK: &[ColumnDef] = &[
    big_id(),
    varchar("lock_key", 256).required(),
    varchar("lock_owner", 256).required(),
    bigint("client_id").required(),
    stamp("create_time").required().now(),
];

const LOCK_INDEXES: &[IndexDef] =
    &[IndexDef::on("uk_t_ds_jdbc_registry_lockkey", &["lock_key"]).unique()];

/// The id is chosen by the client.
const HEARTBEAT: &[ColumnDef] = &[
    bigint("id").required(),
    varchar("client_name", 256).required(),
    bigint("last_heartbeat_time").required(),
    text("connection_config").required(),
    stamp("create_time").required().now(),
];

const EVENT: &[ColumnDef] = &[
    big_id(),
    varchar("event_type", 64).required(),
    text("jdbc_registry_data").required(),
    stamp("create_time").required().now(),
];
