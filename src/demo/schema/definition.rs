//! Definitions, their versions, their schedules and their projects. Upstream: `ProcessDefinition`,
//! `ProcessDefinitionLog`, `WorkflowDefinition`, `Schedule`, `Project`.

use super::column::{
    ColumnDef, IndexDef, Where, bigint, id, int, long_text, text, time, tiny, varchar,
};
use super::release::{R1_3, R2_0, R3_1, R3_2, R3_3, point};
use super::table::TableSpec;

pub(super) const TABLES: &[TableSpec] = &[
    TableSpec::new(
        "t_ds_process_definition",
        &[&[id()], DEFINITION],
        DEFINITION_INDEXES,
    )
    .before(R3_3),
    TableSpec::new(
        "t_ds_process_definition_log",
        &[&[id()], DEFINITION, LOG],
        LOG_INDEXES,
    )
    .since(R2_0)
    .before(R3_3),
    TableSpec::new(
        "t_ds_workflow_definition",
        &[&[id()], DEFINITION],
        DEFINITION_INDEXES,
    )
    .since(R3_3),
    TableSpec::new(
        "t_ds_workflow_definition_log",
        &[&[id()], DEFINITION, LOG],
        LOG_INDEXES,
    )
    .since(R3_3),
    TableSpec::new("t_ds_schedules", &[SCHEDULE], SCHEDULE_INDEXES),
    TableSpec::new("t_ds_project", &[PROJECT], PROJECT_INDEXES),
];

const DEFINITION: &[ColumnDef] = &[
    bigint("code").required().since(R2_0),
    varchar("name", 255),
    int("version").before(R2_0),
    int("version").default(0).since(R2_0).before(point(3, 2, 1)),
    int("version").required().default(1).since(point(3, 2, 1)),
    text("description"),
    int("project_id").before(R2_0),
    bigint("project_code").required().since(R2_0),
    tiny("release_state"),
    int("user_id"),
    long_text("process_definition_json").before(R2_0),
    text("global_params"),
    tiny("flag"),
    text("locations"),
    text("connects").before(R2_0),
    text("receivers").before(R2_0),
    text("receivers_cc").before(R2_0),
    int("warning_group_id").since(R2_0),
    int("timeout").default(0),
    int("tenant_id").required().default(-1).before(R3_2),
    tiny("execution_type").default(0).since(point(2, 0, 1)),
    varchar("modify_by", 255).since(R1_3).before(R2_0),
    varchar("resource_ids", 255).since(R1_3).before(R2_0),
    time("create_time").before(R2_0),
    time("create_time").required().since(R2_0),
    time("update_time").before(R2_0),
    time("update_time").required().since(R2_0),
];

const LOG: &[ColumnDef] = &[int("operator"), time("operate_time")];

const DEFINITION_INDEXES: &[IndexDef] = &[
    IndexDef::on("process_definition_index", &["project_id", "id"]).before(R2_0),
    IndexDef::on("process_definition_index", &["code", "id"])
        .only(Where::Postgres)
        .since(R2_0)
        .before(R3_3),
    IndexDef::on("workflow_definition_index", &["code", "id"])
        .only(Where::Postgres)
        .since(R3_3),
    IndexDef::on("process_definition_unique", &["name", "project_id"])
        .unique()
        .since(R1_3)
        .before(R2_0),
    IndexDef::on("process_unique", &["name", "project_code"])
        .unique()
        .since(R2_0)
        .before(R3_3),
    IndexDef::on("workflow_unique", &["name", "project_code"])
        .unique()
        .since(R3_3),
    IndexDef::on("uniq_workflow_definition_code", &["code"])
        .unique()
        .since(point(3, 3, 1)),
    IndexDef::on("idx_project_code", &["project_code"]).since(R3_3),
];

/// Upstream added it in 3.0.2, and on the younger line in 3.1.5.
const LOG_INDEXES: &[IndexDef] = &[
    IndexDef::on("uniq_idx_code_version", &["code", "version"])
        .unique()
        .since(point(3, 0, 2))
        .before(R3_1),
    IndexDef::on("uniq_idx_code_version", &["code", "version"])
        .unique()
        .since(point(3, 1, 5)),
    IndexDef::on("idx_project_code", &["project_code"]).since(R3_3),
];

const SCHEDULE: &[ColumnDef] = &[
    id(),
    int("process_definition_id").required().before(R2_0),
    bigint("process_definition_code")
        .required()
        .since(R2_0)
        .before(R3_3),
    bigint("workflow_definition_code").required().since(R3_3),
    time("start_time").required(),
    time("end_time").required(),
    varchar("timezone_id", 40).since(R2_0),
    varchar("crontab", 256).required().before(point(1, 3, 8)),
    varchar("crontab", 255).required().since(point(1, 3, 8)),
    tiny("failure_strategy").required(),
    int("user_id").required(),
    tiny("release_state").required(),
    tiny("warning_type").required(),
    int("warning_group_id"),
    int("process_instance_priority").before(point(3, 0, 1)),
    int("process_instance_priority")
        .default(2)
        .since(point(3, 0, 1))
        .before(R3_3),
    int("workflow_instance_priority").default(2).since(R3_3),
    int("worker_group_id").default(-1).before(R1_3),
    varchar("worker_group", 256)
        .default_text("")
        .since(R1_3)
        .before(point(1, 3, 8)),
    varchar("worker_group", 64)
        .default_text("")
        .since(point(1, 3, 8))
        .before(R3_2),
    varchar("worker_group", 255).default_text("").since(R3_2),
    varchar("tenant_code", 64)
        .default_text("default")
        .since(R3_2),
    bigint("environment_code").default(-1).since(R2_0),
    tiny("missed_fire_policy")
        .required()
        .default(2)
        .since(point(3, 4, 3)),
    time("create_time").required(),
    time("update_time").required(),
];

const SCHEDULE_INDEXES: &[IndexDef] = &[IndexDef::on(
    "uniq_workflow_definition_code",
    &["workflow_definition_code"],
)
.unique()
.since(point(3, 3, 2))];

const PROJECT: &[ColumnDef] = &[
    id(),
    varchar("name", 100).before(R3_2),
    varchar("name", 255).since(R3_2),
    bigint("code").required().since(R2_0),
    varchar("description", 200).before(R3_1),
    varchar("description", 255).since(R3_1),
    int("user_id"),
    tiny("flag").default(1),
    time("create_time").now().before(point(1, 3, 2)),
    time("create_time").since(point(1, 3, 2)).before(R2_0),
    time("create_time").required().since(R2_0),
    time("update_time").now().before(point(1, 3, 2)),
    time("update_time").since(point(1, 3, 2)),
];

const PROJECT_INDEXES: &[IndexDef] = &[
    IndexDef::on("user_id_index", &["user_id"]),
    IndexDef::on("unique_name", &["name"])
        .unique()
        .since(point(3, 0, 0)),
    IndexDef::on("unique_code", &["code"])
        .unique()
        .since(point(3, 0, 0)),
];
