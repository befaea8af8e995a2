//! Alerts. Upstream: `Alert`.

use super::column::{ColumnDef, IndexDef, bigint, id, int, text, time, tiny, varchar};
use super::release::{R2_0, R3_0, R3_0_BETA, R3_2, R3_3};
use super::table::TableSpec;

pub(super) const TABLES: &[TableSpec] = &[TableSpec::new("t_ds_alert", &[ALERT], INDEXES)];

const ALERT: &[ColumnDef] = &[
    id(),
    varchar("title", 64).before(R3_2),
    varchar("title", 512).since(R3_2),
    varchar("sign", 40)
        .required()
        .default_text("")
        .since(R3_0_BETA),
    tiny("show_type").before(R2_0),
    text("content"),
    tiny("alert_type").before(R2_0),
    tiny("alert_status").default(0),
    tiny("warning_type").default(2).since(R3_0),
    text("log"),
    int("alertgroup_id"),
    text("receivers").before(R2_0),
    text("receivers_cc").before(R2_0),
    time("create_time"),
    time("update_time"),
    bigint("project_code").since(R3_0_BETA),
    bigint("process_definition_code")
        .since(R3_0_BETA)
        .before(R3_3),
    int("process_instance_id").since(R3_0_BETA).before(R3_3),
    bigint("workflow_definition_code").since(R3_3),
    int("workflow_instance_id").since(R3_3),
    int("alert_type").since(R3_0_BETA),
];

const INDEXES: &[IndexDef] = &[
    IndexDef::on("idx_status", &["alert_status"]).since(R3_0),
    IndexDef::on("idx_sign", &["sign"]).since(R3_0_BETA),
];
