//! Task instances. Upstream: `TaskInstance`.

use super::column::{
    ColumnDef, IndexDef, Where, bigint, id, int, long_text, text, time, tiny, varchar,
};
use super::release::{R1_3, R2_0, R3_0, R3_1, R3_2, R3_3, point};
use super::table::TableSpec;

pub(super) const TABLES: &[TableSpec] = &[TableSpec::new("t_ds_task_instance", &[TASK], INDEXES)];

const TASK: &[ColumnDef] = &[
    id(),
    varchar("name", 255),
    varchar("task_type", 64).before(R2_0),
    varchar("task_type", 50).required().since(R2_0),
    int("task_execute_type").default(0).since(R3_1),
    bigint("task_code").required().since(R2_0),
    int("task_definition_version")
        .default(0)
        .since(R2_0)
        .before(point(3, 2, 1)),
    int("task_definition_version")
        .required()
        .default(1)
        .since(point(3, 2, 1)),
    int("process_definition_id").before(R2_0),
    int("process_instance_id").before(R3_3),
    varchar("process_instance_name", 255)
        .since(R3_2)
        .before(R3_3),
    int("workflow_instance_id").since(R3_3),
    varchar("workflow_instance_name", 255).since(R3_3),
    bigint("project_code").since(R3_2),
    long_text("task_json").before(R2_0),
    tiny("state"),
    time("submit_time"),
    time("start_time"),
    time("end_time"),
    varchar("host", 45).before(point(1, 3, 5)),
    varchar("host", 135).since(point(1, 3, 5)),
    varchar("execute_path", 200),
    varchar("log_path", 200).before(point(3, 0, 0)),
    long_text("log_path").since(point(3, 0, 0)),
    tiny("alert_flag"),
    int("retry_times").default(0),
    int("pid"),
    varchar("app_link", 255).before(point(1, 3, 6)),
    text("app_link")
        .since(point(1, 3, 6))
        .before(point(2, 0, 3)),
    long_text("app_link").since(point(2, 0, 3)).before(R3_0),
    text("app_link").since(R3_0),
    text("task_params").since(R2_0).before(point(2, 0, 3)),
    long_text("task_params").since(point(2, 0, 3)),
    tiny("flag").default(1),
    tiny("is_cache").default(0).since(R3_2).before(R3_3),
    varchar("cache_key", 200).since(R3_2).before(R3_3),
    int("retry_interval"),
    int("max_retry_times"),
    int("task_instance_priority"),
    int("worker_group_id").default(-1).before(R1_3),
    varchar("worker_group", 64).since(R1_3).before(R3_2),
    varchar("worker_group", 255).since(R3_2),
    bigint("environment_code").default(-1).since(R2_0),
    text("environment_config").since(R2_0),
    int("executor_id").since(R1_3),
    varchar("executor_name", 64).since(R3_2),
    time("first_submit_time").since(R2_0),
    int("delay_time").default(0).since(R2_0),
    long_text("var_pool").since(R2_0),
    int("task_group_id").since(R3_0),
    tiny("dry_run").default(0).since(R2_0),
    int("cpu_quota").required().default(-1).since(R3_1),
    int("memory_max").required().default(-1).since(R3_1),
    tiny("test_flag").since(R3_2).before(point(3, 3, 1)),
];

/// PostgreSQL's scripts never had an index on the instance.
const INDEXES: &[IndexDef] = &[
    IndexDef::on("process_instance_id", &["process_instance_id"])
        .only(Where::MySql)
        .before(R3_3),
    IndexDef::on("workflow_instance_id", &["workflow_instance_id"])
        .only(Where::MySql)
        .since(R3_3),
    IndexDef::on(
        "task_instance_index",
        &["process_definition_id", "process_instance_id"],
    )
    .only(Where::MySql)
    .before(R2_0),
    IndexDef::on(
        "idx_code_version",
        &["task_code", "task_definition_version"],
    )
    .since(point(2, 0, 4)),
    IndexDef::on("idx_cache_key", &["cache_key"])
        .since(R3_2)
        .before(R3_3),
    // Upstream's has the newest first.
    IndexDef::on("idx_project_submit_time", &["project_code", "submit_time"]).since(point(3, 4, 3)),
];
