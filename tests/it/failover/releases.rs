//! What each release's masters do in a failover, as literal values: one description a release.

/// The mark of an instance that is handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// This text becomes the host.
    Host(&'static str),
    /// The state becomes 18.
    State,
}

/// How the command names its instance in `command_param`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Its id.
    Id,
    /// Its id, and the zone of the definition's schedule.
    Zone,
    /// The same, and the start parameters in front.
    StartParams,
    /// The typed object with the state that it had.
    Typed,
}

/// How an instance finds its definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Definitions {
    /// By id, and only while it is online.
    Id,
    /// By code and version, in the main or in the log table.
    MainOrLog,
    /// By code and version, in the log table alone, and the project must be there.
    Log,
}

/// A release. `{dead}` stands for the dead master's address.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools)] // each is a fact of its own, as the facts have them
pub struct Release {
    /// Its number.
    pub number: &'static str,
    /// Its family, as the report names it.
    pub family: &'static str,
    /// What the tables of a fresh installation tell of the point release.
    pub detected: Option<&'static str>,
    /// Whether that is too little for a failover, so that `--ds-version` is needed.
    pub undecided: bool,
    /// Port of masters and workers behind their host.
    pub ports: bool,
    /// Where masters register.
    pub masters: &'static str,
    /// Where workers register.
    pub workers: &'static str,
    /// The locks, in order.
    pub locks: &'static [&'static str],
    /// Instance table.
    pub instances: &'static str,
    /// Instance states that are failed over.
    pub states: &'static [i64],
    /// The mark.
    pub mark: Mark,
    /// Definitions.
    pub definitions: Definitions,
    /// Parameter.
    pub form: Form,
    /// Task states that are marked; empty where tasks are left alone.
    pub task_states: &'static [i64],
    /// Whether only tasks on dead or restarted hosts are marked.
    pub by_host: bool,
    /// Whether a marked task becomes invisible.
    pub clears_flag: bool,
    /// The type of a task that runs a sub-process.
    pub sub_process: &'static str,
    /// The whole command row, in the table's order; `<...>` depends on the instance.
    pub command: &'static str,
}

const V1_2: Release = Release {
    number: "1.2.1",
    family: "1.2",
    // 1.2.0 and 1.2.1 say the same of themselves.
    detected: None,
    undecided: false,
    ports: false,
    masters: "masters",
    workers: "workers",
    locks: &["lock/failover/startup-masters", "lock/failover/masters"],
    instances: "t_ds_process_instance",
    states: &[0, 1, 2, 4],
    mark: Mark::Host("null"),
    definitions: Definitions::Id,
    form: Form::Id,
    task_states: &[],
    by_host: false,
    clears_flag: false,
    sub_process: "SUB_PROCESS",
    command: r#"command_type="2" process_definition_id=<definition> command_param=<parameter> task_depend_type="2" failure_strategy="1" warning_type="0" warning_group_id=NULL schedule_time=NULL start_time=<now> executor_id=<executor> update_time=<now> process_instance_priority=NULL worker_group_id="0" dependence=NULL"#,
};

const V1_3: Release = Release {
    number: "1.3.9",
    family: "1.3",
    detected: Some("1.3.9"),
    ports: true,
    masters: "nodes/master",
    workers: "nodes/worker/default",
    locks: &["lock/failover/masters"],
    mark: Mark::Host("NULL"),
    command: r#"command_type="2" process_definition_id=<definition> command_param=<parameter> task_depend_type="2" failure_strategy="1" warning_type="0" warning_group_id=NULL schedule_time=NULL start_time=<now> executor_id=<executor> update_time=<now> process_instance_priority=NULL worker_group=NULL dependence=NULL"#,
    ..V1_2
};

const V2_0: Release = Release {
    number: "2.0.9",
    family: "2.0",
    detected: Some("2.0.9"),
    locks: &["lock/failover/masters/{dead}"],
    states: &[0, 1, 2, 4, 12],
    definitions: Definitions::MainOrLog,
    task_states: &[0, 1, 2, 4, 10, 11, 12, 14, 15, 16, 17, 18],
    by_host: true,
    command: r#"command_type="2" process_definition_code=<definition> process_definition_version=<version> process_instance_id=<instance> command_param=<parameter> task_depend_type="2" failure_strategy="1" warning_type="0" warning_group_id=NULL schedule_time=NULL start_time=<now> executor_id=<executor> update_time=<now> process_instance_priority=NULL worker_group=NULL environment_code="-1" dry_run="0""#,
    ..V1_3
};

const V3_0_ALPHA: Release = Release {
    number: "3.0.0-alpha",
    family: "3.0",
    // Every pre-release says 3.0.0, and these mark tasks in another way.
    detected: None,
    undecided: true,
    states: &[0, 1, 2, 4, 12, 17],
    task_states: &[0, 1, 2, 4, 10, 11, 12, 14, 15, 17, 18],
    ..V2_0
};

const V3_0: Release = Release {
    number: "3.0.6",
    detected: Some("3.0.6"),
    undecided: false,
    form: Form::Zone,
    by_host: false,
    clears_flag: true,
    command: r#"command_type="2" process_definition_code=<definition> process_definition_version=<version> process_instance_id=<instance> command_param=<parameter> task_depend_type="2" failure_strategy="1" warning_type="0" warning_group_id=NULL schedule_time=NULL start_time=<now> executor_id=<executor> update_time=<now> process_instance_priority="2" worker_group=NULL environment_code="-1" dry_run="0""#,
    ..V3_0_ALPHA
};

const V3_1: Release = Release {
    number: "3.1.0",
    family: "3.1",
    detected: Some("3.1.0"),
    states: &[0, 1, 2, 4, 12],
    task_states: &[0, 1, 2, 4, 5, 10, 11, 12, 13, 14, 15, 16, 17, 18],
    command: r#"command_type="2" process_definition_code=<definition> process_definition_version=<version> process_instance_id=<instance> command_param=<parameter> task_depend_type="2" failure_strategy="1" warning_type="0" warning_group_id=NULL schedule_time=NULL start_time=<now> executor_id=<executor> update_time=<now> process_instance_priority=<priority> worker_group=NULL environment_code="-1" dry_run="0""#,
    ..V3_0
};

const V3_1_6: Release = Release {
    number: "3.1.6",
    detected: Some("3.1.6"),
    workers: "nodes/worker",
    clears_flag: false,
    ..V3_1
};

const V3_1_9: Release = Release {
    number: "3.1.9",
    detected: Some("3.1.9"),
    form: Form::StartParams,
    ..V3_1_6
};

const V3_2: Release = Release {
    number: "3.2.2",
    family: "3.2",
    // Its own scripts say 3.3.0; the tables tell.
    detected: Some("3.2.2"),
    locks: &["lock/master-failover/{dead}"],
    task_states: &[],
    command: r#"command_type="2" process_definition_code=<definition> process_definition_version=<version> process_instance_id=<instance> command_param=<parameter> task_depend_type="2" failure_strategy="1" warning_type="0" warning_group_id=NULL schedule_time=NULL start_time=<now> executor_id=<executor> update_time=<now> process_instance_priority=<priority> worker_group=NULL environment_code="-1" dry_run="0" tenant_code="default" test_flag=<test flag>"#,
    ..V3_1_9
};

const V3_3_ALPHA: Release = Release {
    number: "3.3.0-alpha",
    family: "3.3+",
    detected: None,
    instances: "t_ds_workflow_instance",
    states: &[1, 2, 4],
    mark: Mark::State,
    definitions: Definitions::Log,
    form: Form::Typed,
    sub_process: "SUB_WORKFLOW",
    command: r#"command_type="2" workflow_definition_code=<definition> workflow_definition_version=<version> workflow_instance_id=<instance> command_param=<parameter> task_depend_type="2" failure_strategy="1" warning_type="0" warning_group_id=NULL schedule_time=NULL start_time=NULL executor_id="0" update_time=<now> workflow_instance_priority="2" worker_group=NULL environment_code="-1" dry_run="0" tenant_code="default" test_flag="0""#,
    ..V3_2
};

const V3_3: Release = Release {
    number: "3.3.2",
    detected: Some("3.3.2"),
    command: r#"command_type="2" workflow_definition_code=<definition> workflow_definition_version=<version> workflow_instance_id=<instance> command_param=<parameter> task_depend_type="2" failure_strategy="1" warning_type="0" warning_group_id=NULL schedule_time=NULL start_time=NULL executor_id="0" update_time=<now> workflow_instance_priority="2" worker_group=NULL environment_code="-1" dry_run="0" tenant_code="default""#,
    ..V3_3_ALPHA
};

/// Every release under test, oldest first.
pub const ALL: [Release; 14] = [
    V1_2,
    // 1.3.0 to 1.3.2 say the same of themselves; a starting master of theirs works under the first lock alone.
    Release {
        number: "1.3.1",
        detected: None,
        locks: &["lock/failover/startup-masters", "lock/failover/masters"],
        ..V1_3
    },
    V1_3,
    Release {
        number: "2.0.1",
        detected: Some("2.0.1"),
        locks: &["lock/failover/masters"],
        ..V2_0
    },
    V2_0,
    V3_0_ALPHA,
    V3_0,
    V3_1,
    V3_1_6,
    V3_1_9,
    V3_2,
    V3_3_ALPHA,
    V3_3,
    Release {
        number: "3.4.1",
        detected: Some("3.4.1"),
        ..V3_3
    },
];

/// The description of a release.
pub fn release(number: &str) -> &'static Release {
    ALL.iter()
        .find(|release| release.number == number)
        .expect("a described release")
}
