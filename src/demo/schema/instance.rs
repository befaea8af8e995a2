//! Process instances (workflow instances from 3.3 on) and the relation of parents and
//! sub-processes. Upstream: `ProcessInstance`, `WorkflowInstance`, `ProcessInstanceMap`,
//! `WorkflowInstanceRelation`.

use super::column::{
    ColumnDef, IndexDef, bigint, id, int, long_text, stamp, text, time, tiny, varchar,
};
use super::release::{R1_3, R2_0, R3_1, R3_2, R3_3, point};
use super::table::TableSpec;

pub(super) const TABLES: &[TableSpec] = &[
    TableSpec::new("t_ds_process_instance", &[INSTANCE], INSTANCE_INDEXES).before(R3_3),
    TableSpec::new("t_ds_workflow_instance", &[INSTANCE], INSTANCE_INDEXES).since(R3_3),
    TableSpec::new(
        "t_ds_relation_process_instance",
        &[RELATION],
        RELATION_INDEXES,
    )
    .before(R3_3),
    TableSpec::new(
        "t_ds_relation_workflow_instance",
        &[RELATION],
        RELATION_INDEXES,
    )
    .since(R3_3),
];

const INSTANCE: &[ColumnDef] = &[
    id(),
    varchar("name", 255),
    int("process_definition_id").before(R2_0),
    bigint("process_definition_code")
        .required()
        .since(R2_0)
        .before(R3_3),
    int("process_definition_version")
        .default(0)
        .since(R2_0)
        .before(point(3, 2, 1)),
    int("process_definition_version")
        .required()
        .default(1)
        .since(point(3, 2, 1))
        .before(R3_3),
    bigint("workflow_definition_code").required().since(R3_3),
    int("workflow_definition_version")
        .required()
        .default(1)
        .since(R3_3),
    bigint("project_code").since(R3_2),
    tiny("state"),
    text("state_history").since(R3_1),
    tiny("recovery"),
    time("start_time"),
    time("end_time"),
    int("run_times"),
    varchar("host", 45).before(point(1, 3, 5)),
    varchar("host", 135).since(point(1, 3, 5)),
    tiny("command_type"),
    text("command_param"),
    tiny("task_depend_type"),
    tiny("max_try_times").default(0),
    tiny("failure_strategy").default(0),
    tiny("warning_type").default(0),
    int("warning_group_id"),
    time("schedule_time"),
    time("command_start_time"),
    text("global_params"),
    long_text("process_instance_json").before(R2_0),
    tiny("flag").default(1),
    stamp("update_time").touched(),
    int("is_sub_process").default(0).before(R3_3),
    int("is_sub_workflow").default(0).since(R3_3),
    int("executor_id").required(),
    varchar("executor_name", 64).since(R3_2),
    text("locations").before(R2_0),
    text("connects").before(R2_0),
    text("history_cmd"),
    text("dependence_schedule_times").before(R2_0),
    int("process_instance_priority").before(point(3, 0, 1)),
    int("process_instance_priority")
        .default(2)
        .since(point(3, 0, 1))
        .before(R3_3),
    int("workflow_instance_priority").default(2).since(R3_3),
    int("worker_group_id").default(-1).before(R1_3),
    varchar("worker_group", 64).since(R1_3).before(R3_2),
    varchar("worker_group", 255).since(R3_2),
    bigint("environment_code").default(-1).since(R2_0),
    int("timeout").default(0),
    int("tenant_id").required().default(-1).before(R3_2),
    varchar("tenant_code", 64)
        .default_text("default")
        .since(R3_2),
    long_text("var_pool").since(R2_0),
    tiny("dry_run").default(0).since(R2_0),
    int("next_process_instance_id")
        .default(0)
        .since(point(2, 0, 1))
        .before(R3_3),
    int("next_workflow_instance_id").default(0).since(R3_3),
    time("restart_time").since(point(2, 0, 2)),
    tiny("test_flag").since(R3_2).before(point(3, 3, 1)),
];

/// None on host or state, in any release.
const INSTANCE_INDEXES: &[IndexDef] = &[
    IndexDef::on("process_instance_index", &["process_definition_id", "id"]).before(R2_0),
    IndexDef::on("process_instance_index", &["process_definition_code", "id"])
        .since(R2_0)
        .before(R3_3),
    IndexDef::on(
        "workflow_instance_index",
        &["workflow_definition_code", "id"],
    )
    .since(R3_3),
    IndexDef::on("start_time_index", &["start_time"]).before(point(2, 0, 1)),
    IndexDef::on("start_time_index", &["start_time", "end_time"]).since(point(2, 0, 1)),
    // Upstream's has the newest first.
    IndexDef::on("idx_project_start_time", &["project_code", "start_time"]).since(point(3, 4, 3)),
];

const RELATION: &[ColumnDef] = &[
    id(),
    int("parent_process_instance_id").before(R3_3),
    int("parent_workflow_instance_id").since(R3_3),
    int("parent_task_instance_id"),
    int("process_instance_id").before(R3_3),
    int("workflow_instance_id").since(R3_3),
];

const RELATION_INDEXES: &[IndexDef] = &[
    IndexDef::on(
        "idx_parent_process_task",
        &["parent_process_instance_id", "parent_task_instance_id"],
    )
    .since(R3_1)
    .before(R3_3),
    IndexDef::on("idx_process_instance_id", &["process_instance_id"])
        .since(R3_1)
        .before(R3_3),
    IndexDef::on(
        "idx_parent_workflow_task",
        &["parent_workflow_instance_id", "parent_task_instance_id"],
    )
    .since(R3_3),
    IndexDef::on("idx_workflow_instance_id", &["workflow_instance_id"]).since(R3_3),
];
