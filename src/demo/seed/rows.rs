//! One function for each table: a row with everything that a master would have written and that a
//! reader may expect.

use serde_json::json;

use super::Seed;
use crate::demo::schema;
use crate::family::RECOVERY_COMMAND;
use crate::model::{InstanceId, Version};

/// Number of the default project of rows: its code, or its id in 1.x.
const PROJECT: i64 = 7;
/// The user who runs everything.
const USER: i64 = 1;
/// A time before that of every release.
const LONG_AGO: &str = "2024-01-15 09:30:00";

/// A running instance without host, definition and times.
pub fn instance(version: Version) -> Seed {
    let new = schema::is_typed(version);
    let parameter = if new {
        r#"{"commandType":"START_PROCESS","subWorkflowInstance":false}"#
    } else {
        "{}"
    };
    Seed::new(version, "t_ds_process_instance")
        .state(1)
        .parameter(parameter)
        .definition(1, 1)
        .set("run_times", 1)
        .set("recovery", 0)
        .set("flag", 1)
        .set("timeout", 0)
        .set("command_type", 0)
        .set("task_depend_type", 2)
        .set("failure_strategy", 1)
        .set("warning_type", 0)
        .set("history_cmd", "START_PROCESS")
        .set("global_params", "[]")
        .set("executor_id", USER)
        .set("is_sub_process", 0)
        .set("process_instance_priority", 2)
        .maybe("worker_group", "default")
        .maybe("project_code", PROJECT)
        .maybe("executor_name", "admin")
        .maybe("dry_run", 0)
        .maybe("test_flag", 0)
}

/// A running task of an instance, without host and times.
pub fn task(version: Version, instance: InstanceId) -> Seed {
    Seed::new(version, "t_ds_task_instance")
        .of_instance(instance)
        .state(1)
        .name("task")
        .set("task_type", "SHELL")
        .maybe("task_code", 1)
        .maybe("task_definition_version", 1)
        .set("flag", 1)
        .set("alert_flag", 0)
        .set("retry_times", 0)
        .set("max_retry_times", 0)
        .maybe("worker_group", "default")
        .maybe("project_code", PROJECT)
        .maybe("executor_id", USER)
        .maybe("dry_run", 0)
        .maybe("test_flag", 0)
        .maybe("process_definition_id", 1)
}

/// A definition that is online.
pub fn definition(version: Version) -> Seed {
    defined(Seed::new(version, "t_ds_process_definition"))
}

/// A version of a definition in the log table (2.0 and newer).
pub fn definition_log(version: Version) -> Seed {
    defined(Seed::new(version, "t_ds_process_definition_log"))
        .set("operator", USER)
        .set("operate_time", LONG_AGO)
}

fn defined(row: Seed) -> Seed {
    row.definition(1, 1)
        .set("release_state", 1)
        .set("flag", 1)
        .set("user_id", USER)
        .set("timeout", 0)
        .maybe("project_id", PROJECT)
        .maybe("project_code", PROJECT)
        .maybe("process_definition_json", "{}")
        .set("global_params", "[]")
        .set("create_time", LONG_AGO)
        .set("update_time", LONG_AGO)
}

/// The project that rows belong to.
pub fn project(version: Version) -> Seed {
    Seed::new(version, "t_ds_project")
        .id(PROJECT)
        .name("warehouse")
        .maybe("code", PROJECT)
        .set("user_id", USER)
        .set("flag", 1)
        .set("create_time", LONG_AGO)
        .set("update_time", LONG_AGO)
}

/// A schedule, online, without a definition.
pub fn schedule(version: Version) -> Seed {
    Seed::new(version, "t_ds_schedules")
        .definition(1, 1)
        .set("crontab", "0 0 2 * * ? *")
        .set("start_time", LONG_AGO)
        .set("end_time", "2099-01-01 00:00:00")
        .set("failure_strategy", 1)
        .set("warning_type", 0)
        .set("release_state", 1)
        .set("user_id", USER)
        .maybe("worker_group", "default")
        .maybe("timezone_id", "UTC")
        .set("create_time", LONG_AGO)
        .set("update_time", LONG_AGO)
}

/// A parent, the task of it that started the child, and the child.
pub fn relation(version: Version, parent: InstanceId, task: i64, child: InstanceId) -> Seed {
    Seed::new(version, "t_ds_relation_process_instance")
        .set("parent_process_instance_id", parent)
        .set("parent_task_instance_id", task)
        .set("process_instance_id", child)
}

/// A command of a type, with only the columns that every command has.
pub fn command(version: Version, command_type: i64) -> Seed {
    commanded(Seed::new(version, "t_ds_command"), command_type)
}

/// A command that failed. Its id is the failed command's.
pub fn error_command(version: Version, id: i64, command_type: i64, message: &str) -> Seed {
    commanded(Seed::new(version, "t_ds_error_command"), command_type)
        .id(id)
        .set("message", message)
}

fn commanded(row: Seed, command_type: i64) -> Seed {
    row.set("command_type", command_type)
        .definition(1, 1)
        .parameter("{}")
        .set("task_depend_type", 2)
        .set("failure_strategy", 1)
        .set("executor_id", USER)
        .maybe("dry_run", 0)
        .maybe("test_flag", 0)
}

/// A recovery command for an instance, as a master would write it for one that was running.
pub fn recovery_command(version: Version, instance: InstanceId) -> Seed {
    command(version, RECOVERY_COMMAND)
        .of_instance(instance)
        .parameter(&recovery_parameter(version, instance))
}

/// The parameter of a recovery command without schedule and start parameters; from 3.3 on for an
/// instance that was running.
#[must_use]
pub fn recovery_parameter(version: Version, instance: InstanceId) -> String {
    let parameter = if schema::is_typed(version) {
        json!({
            "commandType": "RECOVER_TOLERANCE_FAULT",
            "subWorkflowInstance": false,
            "startNodes": null,
            "commandParams": null,
            "timeZone": null,
            "workflowExecutionStatus": "RUNNING_EXECUTION",
        })
    } else {
        json!({ "ProcessInstanceId": instance })
    };
    parameter.to_string()
}

/// An alert that is waiting to be sent.
pub fn alert(version: Version, title: &str, content: &str) -> Seed {
    Seed::new(version, "t_ds_alert")
        .set("title", title)
        .set("content", content)
        .set("alert_status", 0)
        .set("alertgroup_id", 1)
        .set("create_time", LONG_AGO)
        .set("update_time", LONG_AGO)
}

/// The row of `t_ds_version`.
pub fn version_row(version: Version, text: &str) -> Seed {
    Seed::new(version, "t_ds_version").set("version", text)
}
