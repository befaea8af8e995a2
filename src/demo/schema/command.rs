//! Waiting commands, and failed ones. Upstream: `Command`, `ErrorCommand`.

use super::column::{ColumnDef, IndexDef, bigint, id, int, text, time, tiny, varchar};
use super::release::{R1_3, R2_0, R3_2, R3_3, point};
use super::table::TableSpec;

pub(super) const TABLES: &[TableSpec] = &[
    TableSpec::new(
        "t_ds_command",
        &[&[id()], SHARED, &[varchar("dependence", 255).before(R2_0)]],
        INDEXES,
    ),
    TableSpec::new(
        "t_ds_error_command",
        // The id is that of the failed command.
        &[
            &[int("id").required()],
            SHARED,
            &[text("dependence").before(R2_0), text("message")],
        ],
        &[],
    ),
];

/// The columns of both tables.
const SHARED: &[ColumnDef] = &[
    tiny("command_type"),
    int("process_definition_id").before(R2_0),
    bigint("process_definition_code")
        .required()
        .since(R2_0)
        .before(R3_3),
    int("process_definition_version")
        .default(0)
        .since(R2_0)
        .before(R3_3),
    int("process_instance_id")
        .default(0)
        .since(R2_0)
        .before(R3_3),
    bigint("workflow_definition_code").required().since(R3_3),
    int("workflow_definition_version").default(0).since(R3_3),
    int("workflow_instance_id").default(0).since(R3_3),
    text("command_param"),
    tiny("task_depend_type"),
    tiny("failure_strategy").default(0),
    tiny("warning_type").default(0),
    int("warning_group_id"),
    time("schedule_time"),
    time("start_time"),
    int("executor_id"),
    time("update_time"),
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
    tiny("dry_run").default(0).since(R2_0),
    varchar("tenant_code", 64)
        .default_text("default")
        .since(R3_2),
    tiny("test_flag").since(R3_2).before(point(3, 3, 1)),
];

const INDEXES: &[IndexDef] = &[
    IndexDef::on("priority_id_index", &["process_instance_priority", "id"])
        .since(R2_0)
        .before(R3_3),
    IndexDef::on("priority_id_index", &["workflow_instance_priority", "id"]).since(R3_3),
];
