//! Definitions and start commands, as the API server would write them.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;

use super::world::World;
use crate::harness::{Env, Store};

/// Number of the project.
const PROJECT: i64 = 7;

/// A row in the making: values by column. Columns that the release lacks are left out.
#[derive(Debug, Default)]
pub struct Row(Vec<(String, Value)>);

/// What stands in a column.
#[derive(Debug)]
enum Value {
    Int(i64),
    Text(String),
    /// This moment.
    Now,
}

impl Value {
    /// In the database's own words.
    fn literal(&self, env: &Env) -> String {
        let is_mariadb = env.store == Store::MariaDb;
        match self {
            Self::Int(value) => value.to_string(),
            Self::Text(text) if is_mariadb => {
                format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
            }
            Self::Text(text) => format!("'{}'", text.replace('\'', "''")),
            Self::Now if is_mariadb => "utc_timestamp()".to_owned(),
            Self::Now => "now() AT TIME ZONE 'UTC'".to_owned(),
        }
    }
}

impl Row {
    /// Sets a number.
    pub fn int(mut self, column: &str, value: i64) -> Self {
        self.0.push((column.to_owned(), Value::Int(value)));
        self
    }

    /// Sets a text.
    pub fn text(mut self, column: &str, value: &str) -> Self {
        self.0
            .push((column.to_owned(), Value::Text(value.to_owned())));
        self
    }

    /// Sets times to now.
    pub fn now(mut self, columns: &[&str]) -> Self {
        self.0.extend(
            columns
                .iter()
                .map(|column| ((*column).to_owned(), Value::Now)),
        );
        self
    }

    /// Inserts it.
    pub fn insert(&self, env: &Env, table: &str) {
        let newer = is_3_3(env);
        let table = &named(newer, table);
        let known = columns(env, table);
        assert!(!known.is_empty(), "no table {table}");
        let taken = self
            .0
            .iter()
            .map(|(column, value)| (named(newer, column), value));
        let taken: Vec<(String, &Value)> =
            taken.filter(|(column, _)| known.contains(column)).collect();
        let names: Vec<String> = taken
            .iter()
            .map(|(column, _)| quoted(env, column))
            .collect();
        let values: Vec<String> = taken.iter().map(|(_, value)| value.literal(env)).collect();
        env.sql(&format!(
            "INSERT INTO {table} ({}) VALUES ({})",
            names.join(", "),
            values.join(", ")
        ));
    }
}

/// The columns of a table; none where there is no such table.
pub fn columns(env: &Env, table: &str) -> BTreeSet<String> {
    let sql = format!(
        "SELECT concat(column_name) FROM information_schema.columns WHERE {} AND table_name = '{table}'",
        here(env)
    );
    env.rows(&sql)
        .iter()
        .map(|row| row.text(0).unwrap())
        .collect()
}

/// What leaves other schemas' tables out of what a server tells of itself.
pub fn here(env: &Env) -> String {
    let function = if env.store == Store::MariaDb {
        "database()"
    } else {
        "current_schema()"
    };
    format!("table_schema = {function}")
}

/// A name as a database writes it where it might be a word of its language.
pub fn quoted(env: &Env, name: &str) -> String {
    if env.store == Store::MariaDb {
        format!("`{name}`")
    } else {
        format!("\"{name}\"")
    }
}

/// The name of a table or a column in this release: in 3.3 processes became workflows.
fn named(newer: bool, name: &str) -> String {
    if newer {
        name.replace("process_", "workflow_")
    } else {
        name.to_owned()
    }
}

fn is_3_3(env: &Env) -> bool {
    has_table(env, "t_ds_workflow_instance")
}

/// A task of a workflow.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its code, unique in the database.
    pub code: i64,
    /// Its type, for example `SHELL`.
    pub kind: &'static str,
    /// Its parameters.
    pub parameters: serde_json::Value,
}

impl Task {
    /// A shell script.
    pub fn shell(code: i64, script: &str) -> Self {
        let parameters = json!({"localParams": [], "rawScript": script, "resourceList": []});
        Self {
            code,
            kind: "SHELL",
            parameters,
        }
    }

    /// Another workflow.
    pub fn sub_process(env: &Env, code: i64, workflow: i64) -> Self {
        let parameters = json!({
            "localParams": [], "processDefinitionCode": workflow, "processDefinitionId": workflow,
            "workflowDefinitionCode": workflow,
        });
        Self {
            code,
            kind: if is_3_3(env) {
                "SUB_WORKFLOW"
            } else {
                "SUB_PROCESS"
            },
            parameters,
        }
    }

    fn name(&self) -> String {
        format!("task {}", self.code)
    }

    /// As it stands in the definitions of 1.x.
    fn json(&self, before: Option<&Self>) -> serde_json::Value {
        json!({
            "type": self.kind, "id": format!("tasks-{}", self.code), "name": self.name(), "params": self.parameters,
            "description": "", "runFlag": "NORMAL", "conditionResult": {"successNode": [""], "failedNode": [""]},
            "dependence": {}, "maxRetryTimes": "0", "retryInterval": "1",
            "timeout": {"strategy": "", "interval": null, "enable": false}, "taskInstancePriority": "MEDIUM",
            "workerGroup": "default", "preTasks": before.iter().map(|task| task.name()).collect::<Vec<_>>(),
        })
    }
}

/// What every cluster has: a user, a tenant (whoever runs the tests), a project, a group of
/// workers.
pub fn cluster(env: &Env, tenant: &str) {
    // A release's own script has made some of them.
    for table in ["t_ds_user", "t_ds_tenant", "t_ds_queue"] {
        env.sql(&format!("DELETE FROM {table} WHERE id = 1"));
    }
    let times = ["create_time", "update_time"];
    Row::default()
        .int("id", 1)
        .text("user_name", "admin")
        .int("user_type", 0)
        .int("tenant_id", 1)
        .int("state", 1)
        .now(&times)
        .insert(env, "t_ds_user");
    Row::default()
        .int("id", 1)
        .text("tenant_code", tenant)
        .int("queue_id", 1)
        .now(&times)
        .insert(env, "t_ds_tenant");
    Row::default()
        .int("id", 1)
        .text("queue_name", "default")
        .text("queue", "default")
        .now(&times)
        .insert(env, "t_ds_queue");
    Row::default()
        .int("id", PROJECT)
        .int("code", PROJECT)
        .text("name", "warehouse")
        .int("user_id", 1)
        .int("flag", 1)
        .now(&times)
        .insert(env, "t_ds_project");
}

/// A workflow of tasks, each after the one before.
pub fn workflow(env: &Env, code: i64, tasks: &[Task]) {
    if !has_table(env, "t_ds_task_definition") {
        return workflow_1_x(env, code, tasks);
    }
    let times = ["create_time", "update_time", "operate_time"];
    for table in ["t_ds_process_definition", "t_ds_process_definition_log"] {
        Row::default()
            .int("code", code)
            .text("name", &format!("workflow {code}"))
            .int("version", 1)
            .int("project_code", PROJECT)
            .int("release_state", 1)
            .int("flag", 1)
            .int("user_id", 1)
            .int("timeout", 0)
            .int("tenant_id", 1)
            .int("execution_type", 0)
            .text("global_params", "[]")
            .text("locations", "[]")
            .int("operator", 1)
            .int("warning_group_id", 0)
            .now(&times)
            .insert(env, table);
    }
    let mut before = 0;
    for task in tasks {
        task_rows(env, task);
        relation_rows(env, code, before, task.code);
        before = task.code;
    }
}

/// Until 2.0 a definition is one row with everything in it.
fn workflow_1_x(env: &Env, id: i64, tasks: &[Task]) {
    let before = std::iter::once(None).chain(tasks.iter().map(Some));
    let tasks: Vec<serde_json::Value> = tasks
        .iter()
        .zip(before)
        .map(|(task, before)| task.json(before))
        .collect();
    let definition = json!({"globalParams": [], "tasks": tasks, "tenantId": 1, "timeout": 0});
    Row::default()
        .int("id", id)
        .text("name", &format!("workflow {id}"))
        .int("version", 1)
        .int("release_state", 1)
        .int("flag", 1)
        .int("project_id", PROJECT)
        .int("user_id", 1)
        .int("tenant_id", 1)
        .int("timeout", 0)
        .text("global_params", "[]")
        .text("locations", "{}")
        .text("connects", "[]")
        .text("process_definition_json", &definition.to_string())
        .now(&["create_time", "update_time"])
        .insert(env, "t_ds_process_definition");
}

/// Whether the release has a table.
pub fn has_table(env: &Env, table: &str) -> bool {
    !columns(env, table).is_empty()
}

fn task_rows(env: &Env, task: &Task) {
    for table in ["t_ds_task_definition", "t_ds_task_definition_log"] {
        Row::default()
            .int("code", task.code)
            .text("name", &task.name())
            .int("version", 1)
            .int("project_code", PROJECT)
            .int("user_id", 1)
            .text("task_type", task.kind)
            .text("task_params", &task.parameters.to_string())
            .int("flag", 1)
            .int("task_priority", 2)
            .text("worker_group", "default")
            .int("environment_code", -1)
            .int("fail_retry_times", 0)
            .int("fail_retry_interval", 1)
            .int("timeout_flag", 0)
            .int("timeout", 0)
            .int("delay_time", 0)
            .int("task_group_id", 0)
            .int("task_group_priority", 0)
            .int("task_execute_type", 0)
            .int("cpu_quota", -1)
            .int("memory_max", -1)
            .int("operator", 1)
            .now(&["create_time", "update_time", "operate_time"])
            .insert(env, table);
    }
}

fn relation_rows(env: &Env, workflow: i64, before: i64, after: i64) {
    for table in [
        "t_ds_process_task_relation",
        "t_ds_process_task_relation_log",
    ] {
        Row::default()
            .int("process_definition_code", workflow)
            .int("process_definition_version", 1)
            .int("project_code", PROJECT)
            .int("pre_task_code", before)
            .int("pre_task_version", i64::from(before != 0))
            .int("post_task_code", after)
            .int("post_task_version", 1)
            .int("condition_type", 0)
            .text("condition_params", "{}")
            .int("operator", 1)
            .now(&["create_time", "update_time", "operate_time"])
            .insert(env, table);
    }
}

/// Asks the masters to start a workflow.
pub fn start(env: &Env, workflow: i64, parameter: &str) {
    if is_3_3(env) {
        return start_3_3(env, workflow, parameter);
    }
    Row::default()
        .int("command_type", 0)
        .int("process_definition_code", workflow)
        .int("process_definition_id", workflow)
        .int("process_definition_version", 1)
        .int("process_instance_id", 0)
        .text("command_param", parameter)
        .int("task_depend_type", 2)
        .int("failure_strategy", 1)
        .int("warning_type", 0)
        .int("warning_group_id", 0)
        .int("executor_id", 1)
        .int("process_instance_priority", 2)
        .text("worker_group", "default")
        .int("environment_code", -1)
        .int("dry_run", 0)
        .now(&["start_time", "update_time"])
        .insert(env, "t_ds_command");
}

/// A running instance of a master.
pub fn running(env: &Env, workflow: i64, host: &str) {
    Row::default()
        .text("name", &format!("workflow {workflow}"))
        .int("process_definition_code", workflow)
        .int("process_definition_version", 1)
        .int("state", 1)
        .text("host", host)
        .int("command_type", 0)
        .int("executor_id", 1)
        .now(&["start_time", "restart_time", "command_start_time"])
        .insert(env, "t_ds_process_instance");
}

/// What a master's failover writes for one instance, but for its tasks: it is nobody's, and a
/// command says that it is to go on.
pub fn hand_over(env: &Env, instance: i64, workflow: i64) {
    env.sql(&format!(
        "UPDATE t_ds_process_instance SET host = 'NULL' WHERE id = {instance}"
    ));
    Row::default()
        .int("command_type", 2)
        .int("process_definition_code", workflow)
        .int("process_definition_version", 1)
        .int("process_instance_id", instance)
        .text(
            "command_param",
            &json!({ "ProcessInstanceId": instance }).to_string(),
        )
        .int("task_depend_type", 2)
        .int("failure_strategy", 1)
        .int("executor_id", 1)
        .int("process_instance_priority", 2)
        .int("dry_run", 0)
        .now(&["start_time", "update_time"])
        .insert(env, "t_ds_command");
}

/// Since 3.3 it is not the master that makes the instance, but whoever asks for it.
fn start_3_3(env: &Env, workflow: i64, parameter: &str) {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    let name = format!("start {}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let parameter = parameter_3_3(parameter);
    Row::default()
        .text("name", &name)
        .int("workflow_definition_code", workflow)
        .int("workflow_definition_version", 1)
        .int("project_code", PROJECT)
        .int("command_type", 0)
        .text("command_param", &parameter)
        .int("state", 0)
        .text("state_history", "[]")
        .int("recovery", 0)
        .int("run_times", 1)
        .int("task_depend_type", 2)
        .int("failure_strategy", 1)
        .int("warning_type", 0)
        .int("warning_group_id", 0)
        .int("flag", 1)
        .int("executor_id", 1)
        .text("executor_name", "admin")
        .text("history_cmd", "START_PROCESS")
        .text("worker_group", "default")
        .int("environment_code", -1)
        .int("timeout", 0)
        .int("dry_run", 0)
        .int("test_flag", 0)
        .now(&["start_time", "restart_time"])
        .insert(env, "t_ds_workflow_instance");
    let id = env.number(&format!(
        "SELECT id FROM t_ds_workflow_instance WHERE name = '{name}'"
    ));
    Row::default()
        .int("command_type", 0)
        .int("workflow_definition_code", workflow)
        .int("workflow_definition_version", 1)
        .int("workflow_instance_id", id)
        .int("workflow_instance_priority", 2)
        .text("command_param", &parameter)
        .now(&["update_time"])
        .insert(env, "t_ds_command");
}

/// What older releases know as `StartParams`, in the form of 3.3.
fn parameter_3_3(older: &str) -> String {
    let older: serde_json::Value = serde_json::from_str(older).unwrap();
    let given = older["StartParams"]
        .as_str()
        .map(|text| serde_json::from_str::<serde_json::Value>(text).unwrap());
    let given = given.as_ref().and_then(serde_json::Value::as_object);
    let property =
        |(name, value)| json!({"prop": name, "direct": "IN", "type": "VARCHAR", "value": value});
    let given = given.map(|given| given.iter().map(property).collect::<Vec<_>>());
    json!({"commandType": "START_PROCESS", "startNodes": null, "commandParams": given, "timeZone": "UTC"}).to_string()
}

/// A schedule of a workflow, which gives recovery commands its time zone.
pub fn schedule(env: &Env, workflow: i64, zone: &str) {
    Row::default()
        .int("process_definition_code", workflow)
        .int("process_definition_id", workflow)
        .text("crontab", "0 0 2 * * ? *")
        .text("timezone_id", zone)
        .int("failure_strategy", 1)
        .int("warning_type", 0)
        .int("warning_group_id", 0)
        .int("release_state", 0)
        .int("user_id", 1)
        .int("process_instance_priority", 2)
        .text("worker_group", "default")
        .int("environment_code", -1)
        .now(&["start_time", "end_time", "create_time", "update_time"])
        .insert(env, "t_ds_schedules");
}

/// Running instances of a master, made in the likeness of one that has run: without tasks, for
/// nothing had begun yet.
pub fn again(world: &World, model: i64, host: &str, count: i64) {
    let World { env, release, .. } = world;
    let table = release.sql("t_ds_process_instance");
    let mut kept = columns(env, &table);
    kept.retain(|column| !["id", "host", "state", "end_time"].contains(&column.as_str()));
    let kept = kept
        .iter()
        .map(|column| quoted(env, column))
        .collect::<Vec<_>>()
        .join(", ");
    let insert = format!(
        "INSERT INTO {table} (host, state, {kept}) SELECT '{host}', 1, {kept} FROM {table} WHERE id = {model};"
    );
    env.sql(&insert.repeat(usize::try_from(count).unwrap()));
}
