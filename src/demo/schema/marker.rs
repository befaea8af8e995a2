//! Tables that matter only by their presence: they distinguish a release from its neighbours
//! (F§5.1).

use super::column::{
    ColumnDef, IndexDef, Where, big_id, bigint, id, int, stamp, text, time, tiny, varchar,
};
use super::release::{R3_0, R3_1, R3_2, R3_3, R3_4, point};
use super::table::TableSpec;

pub(super) const TABLES: &[TableSpec] = &[
    TableSpec::new("t_ds_version", &[VERSION], VERSION_INDEXES),
    TableSpec::new("t_ds_task_group", &[TASK_GROUP], &[]).since(R3_0),
    TableSpec::new("t_ds_cluster", &[CLUSTER], CLUSTER_INDEXES).since(R3_1),
    TableSpec::new("t_ds_listener_event", &[LISTENER_EVENT], LISTENER_INDEXES)
        .since(point(3, 2, 1))
        .before(R3_3),
    TableSpec::new(
        "t_ds_relation_project_worker_group",
        &[WORKER_GROUP],
        WORKER_GROUP_INDEXES,
    )
    .since(point(3, 2, 2)),
    TableSpec::new("t_ds_serial_command", &[SERIAL_COMMAND], SERIAL_INDEXES).since(R3_4),
];

const VERSION: &[ColumnDef] = &[
    id(),
    varchar("version", 200).required().before(R3_2),
    varchar("version", 63).required().since(R3_2),
];

const VERSION_INDEXES: &[IndexDef] = &[
    IndexDef::on("version_unique", &["version"])
        .unique()
        .only(Where::MySql),
    IndexDef::on("version_index", &["version"]).only(Where::Postgres),
];

const TASK_GROUP: &[ColumnDef] = &[
    id(),
    varchar("name", 100).before(R3_2),
    varchar("name", 255).since(R3_2),
    varchar("description", 200).before(R3_1),
    varchar("description", 255).since(R3_1),
    int("group_size").required(),
    int("use_size").default(0),
    int("user_id"),
    bigint("project_code").default(0),
    tiny("status").default(1),
    stamp("create_time").now(),
    stamp("update_time").touched(),
];

const CLUSTER: &[ColumnDef] = &[
    big_id(),
    bigint("code"),
    varchar("name", 100).required().before(R3_2),
    varchar("name", 255).required().since(R3_2),
    text("config"),
    text("description"),
    int("operator"),
    stamp("create_time").now(),
    stamp("update_time").touched(),
];

const CLUSTER_INDEXES: &[IndexDef] = &[
    IndexDef::on("cluster_name_unique", &["name"]).unique(),
    IndexDef::on("cluster_code_unique", &["code"]).unique(),
];

const LISTENER_EVENT: &[ColumnDef] = &[
    id(),
    text("content"),
    varchar("sign", 64).required().default_text(""),
    tiny("post_status").required().default(0),
    int("event_type").required(),
    text("log"),
    time("create_time"),
    time("update_time"),
];

const LISTENER_INDEXES: &[IndexDef] = &[
    IndexDef::on("idx_status", &["post_status"]),
    IndexDef::on("idx_sign", &["sign"]),
];

const WORKER_GROUP: &[ColumnDef] = &[
    id(),
    bigint("project_code").required(),
    varchar("worker_group", 255),
    time("create_time"),
    time("update_time"),
];

const WORKER_GROUP_INDEXES: &[IndexDef] = &[IndexDef::on(
    "unique_project_worker_group",
    &["project_code", "worker_group"],
)
.unique()];

const SERIAL_COMMAND: &[ColumnDef] = &[
    id(),
    int("workflow_definition_code")
        .required()
        .before(point(3, 4, 1)),
    bigint("workflow_definition_code")
        .required()
        .since(point(3, 4, 1)),
    int("workflow_definition_version").required(),
    bigint("workflow_instance_id").required(),
    tiny("state").required().default(0),
    text("command"),
    stamp("create_time").required().now(),
    stamp("update_time").required().touched(),
];

const SERIAL_INDEXES: &[IndexDef] = &[IndexDef::on(
    "idx_workflow_instance_id",
    &["workflow_instance_id"],
)];
