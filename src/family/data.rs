//! The families. Facts and their upstream classes: `ProcessServiceImpl`, `MasterFailoverService`,
//! `RegistryNodeType`,
//! `WorkflowFailover` and the DDL of each release.

use std::time::Duration;

use super::CommandValue as V;
use super::{
    Claim, Columns, CommandTaker, CommandValue, DefinitionKey, Family, FamilyId, KillAnswer,
    LockPath, OPEN_END, ParameterForm, RegistryLayout, Remark, Since, Tables, TaskRule,
};
use crate::model::{AddressForm, Stage, Version, VersionRange};

/// Every family, oldest first.
pub static ALL: [Family; 7] = [V1_2, V1_3, V2_0, V3_0, V3_1, V3_2, V3_3];

/// The entry of a family.
#[must_use]
pub fn by_id(id: FamilyId) -> &'static Family {
    // The array is in the order of the enum; a test checks that.
    &ALL[id as usize]
}

/// The family that a release belongs to.
#[must_use]
pub fn family_of(version: Version) -> Option<&'static Family> {
    ALL.iter().find(|family| family.releases.contains(version))
}

/// The same for any version: one between two families, such as a development version, belongs to
/// the older one, and one before all of them to the oldest.
#[must_use]
pub fn nearest_family(version: Version) -> &'static Family {
    let first = |family: &Family| {
        let Version { major, minor, .. } = family.releases.from;
        Version::staged(major, minor, 0, Stage::Alpha)
    };
    ALL.iter()
        .rev()
        .find(|family| first(family) <= version)
        .unwrap_or(&ALL[0])
}

type CommandColumn = Since<(&'static str, CommandValue)>;

const EVER: VersionRange = VersionRange::new(Version::new(0, 0, 0), OPEN_END);

const fn ever<T>(value: T) -> Since<T> {
    Since {
        releases: EVER,
        value,
    }
}

const fn between<T: Copy>(from: Version, to: Version, value: T) -> Since<T> {
    Since {
        releases: VersionRange::new(from, to),
        value,
    }
}

const fn column(name: &'static str, value: CommandValue) -> CommandColumn {
    ever((name, value))
}

const ALPHA_3_0: Version = Version::staged(3, 0, 0, Stage::Alpha);
const BETA_3_0: Version = Version::staged(3, 0, 0, Stage::Beta(1));
const LAST_BETA_3_0: Version = Version::staged(3, 0, 0, Stage::Beta(u8::MAX));
const ALPHA_3_3: Version = Version::staged(3, 3, 0, Stage::Alpha);

const STARTUP_LOCK: LockPath = LockPath::Global("lock/failover/startup-masters");
const GLOBAL_LOCK: LockPath = LockPath::Global("lock/failover/masters");
const HOST_LOCK: LockPath = LockPath::PerMaster("lock/failover/masters");
const HOST_LOCK_3_2: LockPath = LockPath::PerMaster("lock/master-failover");

const TABLES: Tables = Tables {
    instance: "t_ds_process_instance",
    task: "t_ds_task_instance",
    command: "t_ds_command",
    error_command: "t_ds_error_command",
    definition: "t_ds_process_definition",
    definition_log: Some("t_ds_process_definition_log"),
    schedule: "t_ds_schedules",
    relation: "t_ds_relation_process_instance",
    project: "t_ds_project",
};

const COLUMNS_1_X: Columns = Columns {
    definition: "process_definition_id",
    definition_version: None,
    command_instance: None,
    task_instance: "process_instance_id",
    relation_parent: "parent_process_instance_id",
    relation_child: "process_instance_id",
    sub_process: "is_sub_process",
    priority: "process_instance_priority",
    restart_time: None,
    state_history: None,
    test_flag: None,
    schedule_definition: "process_definition_id",
    schedule_zone: None,
};

const COLUMNS_2_0: Columns = Columns {
    definition: "process_definition_code",
    definition_version: Some("process_definition_version"),
    command_instance: Some("process_instance_id"),
    restart_time: Some("restart_time"),
    schedule_definition: "process_definition_code",
    schedule_zone: Some("timezone_id"),
    ..COLUMNS_1_X
};

const NODES: RegistryLayout = RegistryLayout {
    masters: "nodes/master",
    workers: "nodes/worker",
    address_form: AddressForm::HostPort,
    container_parents: false,
};

const STATES_1_X: &[(i64, &str)] = &[
    (0, "SUBMITTED_SUCCESS"),
    (1, "RUNNING_EXECUTION"),
    (2, "READY_PAUSE"),
    (3, "PAUSE"),
    (4, "READY_STOP"),
    (5, "STOP"),
    (6, "FAILURE"),
    (7, "SUCCESS"),
    (8, "NEED_FAULT_TOLERANCE"),
    (9, "KILL"),
    (10, "WAITING_THREAD"),
    (11, "WAITING_DEPEND"),
];

const STATES_2_0: &[(i64, &str)] = &[
    (0, "SUBMITTED_SUCCESS"),
    (1, "RUNNING_EXECUTION"),
    (2, "READY_PAUSE"),
    (3, "PAUSE"),
    (4, "READY_STOP"),
    (5, "STOP"),
    (6, "FAILURE"),
    (7, "SUCCESS"),
    (8, "NEED_FAULT_TOLERANCE"),
    (9, "KILL"),
    (10, "WAITING_THREAD"),
    (11, "WAITING_DEPEND"),
    (12, "DELAY_EXECUTION"),
    (13, "FORCED_SUCCESS"),
];

const STATES_3_0: &[(i64, &str)] = &[
    (0, "SUBMITTED_SUCCESS"),
    (1, "RUNNING_EXECUTION"),
    (2, "READY_PAUSE"),
    (3, "PAUSE"),
    (4, "READY_STOP"),
    (5, "STOP"),
    (6, "FAILURE"),
    (7, "SUCCESS"),
    (8, "NEED_FAULT_TOLERANCE"),
    (9, "KILL"),
    (10, "WAITING_THREAD"),
    (11, "WAITING_DEPEND"),
    (12, "DELAY_EXECUTION"),
    (13, "FORCED_SUCCESS"),
    (14, "SERIAL_WAIT"),
    (15, "READY_BLOCK"),
    (16, "BLOCK"),
    (17, "DISPATCH"),
];

const STATES_3_1: &[(i64, &str)] = &[
    (0, "SUBMITTED_SUCCESS"),
    (1, "RUNNING_EXECUTION"),
    (2, "READY_PAUSE"),
    (3, "PAUSE"),
    (4, "READY_STOP"),
    (5, "STOP"),
    (6, "FAILURE"),
    (7, "SUCCESS"),
    (12, "DELAY_EXECUTION"),
    (14, "SERIAL_WAIT"),
    (15, "READY_BLOCK"),
    (16, "BLOCK"),
];

const STATES_3_2: &[(i64, &str)] = &[
    (0, "SUBMITTED_SUCCESS"),
    (1, "RUNNING_EXECUTION"),
    (2, "READY_PAUSE"),
    (3, "PAUSE"),
    (4, "READY_STOP"),
    (5, "STOP"),
    (6, "FAILURE"),
    (7, "SUCCESS"),
    (12, "DELAY_EXECUTION"),
    (14, "SERIAL_WAIT"),
    (15, "READY_BLOCK"),
    (16, "BLOCK"),
    (17, "WAIT_TO_RUN"),
];

const STATES_3_3: &[(i64, &str)] = &[
    (0, "SUBMITTED_SUCCESS"),
    (1, "RUNNING_EXECUTION"),
    (2, "READY_PAUSE"),
    (3, "PAUSE"),
    (4, "READY_STOP"),
    (5, "STOP"),
    (6, "FAILURE"),
    (7, "SUCCESS"),
    (14, "SERIAL_WAIT"),
    (18, "FAILOVER"),
];

const COMMAND_TYPE: CommandColumn = column("command_type", V::Number(super::RECOVERY_COMMAND));
const PARAMETER: CommandColumn = column("command_param", V::Parameter);
const DEPEND_TYPE: CommandColumn = column("task_depend_type", V::Number(2));
const FAILURE_STRATEGY: CommandColumn = column("failure_strategy", V::Number(1));
const START_TIME: CommandColumn = column("start_time", V::Now);
const UPDATE_TIME: CommandColumn = column("update_time", V::Now);
const EXECUTOR: CommandColumn = column("executor_id", V::Executor);
const DRY_RUN: CommandColumn = column("dry_run", V::Number(0));
const DEFINITION_ID: CommandColumn = column("process_definition_id", V::Definition);
const DEFINITION_CODE: CommandColumn = column("process_definition_code", V::Definition);
const DEFINITION_VERSION: CommandColumn =
    column("process_definition_version", V::DefinitionVersion);
const INSTANCE: CommandColumn = column("process_instance_id", V::Instance);

const COMMAND_2_0: &[CommandColumn] = &[
    COMMAND_TYPE,
    DEFINITION_CODE,
    DEFINITION_VERSION,
    INSTANCE,
    PARAMETER,
    DEPEND_TYPE,
    FAILURE_STRATEGY,
    START_TIME,
    EXECUTOR,
    UPDATE_TIME,
    DRY_RUN,
];

const V1_2: Family = Family {
    id: FamilyId::V1_2,
    label: "1.2",
    releases: VersionRange::new(Version::new(1, 2, 0), Version::new(1, 2, 1)),
    registry: RegistryLayout {
        masters: "masters",
        workers: "workers",
        address_form: AddressForm::Host,
        container_parents: false,
    },
    // A starting master fails over only under the start-up lock.
    locks: &[ever(STARTUP_LOCK), ever(GLOBAL_LOCK)],
    tables: Tables {
        definition_log: None,
        ..TABLES
    },
    columns: COLUMNS_1_X,
    states: STATES_1_X,
    unfinished: &[0, 1, 2, 4],
    claim: Claim::Host("null"),
    command: &[
        COMMAND_TYPE,
        DEFINITION_ID,
        PARAMETER,
        DEPEND_TYPE,
        FAILURE_STRATEGY,
        START_TIME,
        EXECUTOR,
        UPDATE_TIME,
        column("worker_group_id", V::Number(0)),
    ],
    parameter: &[ever(ParameterForm::InstanceId)],
    definition: DefinitionKey::Id,
    tasks: &[ever(TaskRule::Untouched)],
    finished_tasks: &[3, 5, 6, 7, 8, 9],
    mark_clears_flag: &[ever(false)],
    failover_delay: Duration::ZERO,
    local_heartbeats: true,
    keeps_lock: &[],
    recovered_looks_unfinished: &[],
    obeys_dead_mark: &[
        between(Version::new(1, 2, 0), Version::new(1, 2, 1), true),
        between(Version::new(1, 3, 6), Version::new(3, 0, 6), true),
    ],
    looks_again: &[],
    starts_at_trigger: false,
    command_taker: CommandTaker::LockHolder,
    follows_app_link: &[],
    wakes_serial: false,
    failed_recovery: &[],
    restarts_children: &[],
    remarks: &[between(
        Version::new(1, 2, 0),
        Version::new(1, 2, 1),
        Remark::FirstCommandFails,
    )],
    kill_request: &[],
    kill_answer: &[],
};

const V1_3: Family = Family {
    remarks: &[],
    id: FamilyId::V1_3,
    label: "1.3",
    releases: VersionRange::new(Version::new(1, 3, 0), Version::new(1, 3, 9)),
    registry: NODES,
    // Until 1.3.2 a starting master fails over only under the start-up lock; later under both.
    locks: &[
        between(Version::new(1, 3, 0), Version::new(1, 3, 2), STARTUP_LOCK),
        ever(GLOBAL_LOCK),
    ],
    claim: Claim::Host("NULL"),
    command: &[
        COMMAND_TYPE,
        DEFINITION_ID,
        PARAMETER,
        DEPEND_TYPE,
        FAILURE_STRATEGY,
        START_TIME,
        EXECUTOR,
        UPDATE_TIME,
    ],
    ..V1_2
};

const V2_0: Family = Family {
    id: FamilyId::V2_0,
    label: "2.0",
    releases: VersionRange::new(Version::new(2, 0, 0), Version::new(2, 0, 9)),
    registry: NODES,
    locks: &[
        between(Version::new(2, 0, 0), Version::new(2, 0, 1), GLOBAL_LOCK),
        between(Version::new(2, 0, 2), Version::new(2, 0, 9), HOST_LOCK),
    ],
    tables: TABLES,
    columns: COLUMNS_2_0,
    states: STATES_2_0,
    unfinished: &[0, 1, 2, 4, 12],
    claim: Claim::Host("NULL"),
    command: COMMAND_2_0,
    parameter: &[ever(ParameterForm::InstanceId)],
    definition: DefinitionKey::CodeInMainOrLog,
    tasks: &[ever(TaskRule::OnDeadHosts { submitted: true })],
    finished_tasks: &[3, 5, 6, 7, 8, 9, 13],
    mark_clears_flag: &[ever(false)],
    failover_delay: Duration::ZERO,
    local_heartbeats: false,
    keeps_lock: &[],
    recovered_looks_unfinished: &[],
    obeys_dead_mark: &[between(Version::new(2, 0, 0), Version::new(3, 0, 6), true)],
    looks_again: &[between(
        Version::new(2, 0, 2),
        Version::new(3, 2, u16::MAX),
        true,
    )],
    starts_at_trigger: false,
    command_taker: CommandTaker::SlotOfAll,
    follows_app_link: &[],
    wakes_serial: false,
    failed_recovery: &[],
    restarts_children: &[],
    remarks: &[between(
        Version::new(2, 0, 9),
        Version::new(2, 0, 9),
        Remark::ReadyStopHangsWithoutWorker,
    )],
    kill_request: &[],
    kill_answer: &[],
};

const V3_0: Family = Family {
    id: FamilyId::V3_0,
    label: "3.0",
    releases: VersionRange::new(ALPHA_3_0, Version::new(3, 0, 6)),
    locks: &[ever(HOST_LOCK)],
    states: STATES_3_0,
    unfinished: &[0, 1, 2, 4, 12, 17],
    wakes_serial: true,
    parameter: &[
        between(ALPHA_3_0, ALPHA_3_0, ParameterForm::InstanceId),
        between(
            BETA_3_0,
            Version::new(3, 0, 6),
            ParameterForm::WithScheduleZone,
        ),
    ],
    tasks: &[
        between(
            ALPHA_3_0,
            ALPHA_3_0,
            TaskRule::OnDeadHosts { submitted: true },
        ),
        between(
            BETA_3_0,
            LAST_BETA_3_0,
            TaskRule::OnDeadHosts { submitted: false },
        ),
        between(
            Version::new(3, 0, 0),
            Version::new(3, 0, 6),
            TaskRule::AllUnfinished,
        ),
    ],
    finished_tasks: &[3, 5, 6, 7, 8, 9, 13, 16],
    mark_clears_flag: &[
        between(ALPHA_3_0, LAST_BETA_3_0, false),
        between(Version::new(3, 0, 0), Version::new(3, 0, 6), true),
    ],
    kill_request: &[
        between(Version::new(3, 0, 0), Version::new(3, 0, 0), 15),
        between(Version::new(3, 0, 1), Version::new(3, 0, 6), 17),
    ],
    // `kill -9` of all listed processes: it fails if one of these has ended by then.
    kill_answer: &[ever(KillAnswer {
        ended: "reports that it has ended",
        silent: "was asked to end, but did not confirm it for (in 3.0 it often does not, although \
            the script has ended)",
    })],
    remarks: &[between(
        Version::new(3, 0, 0),
        Version::new(3, 0, 0),
        Remark::HandsOverAgain,
    )],
    ..V2_0
};

const V3_1: Family = Family {
    id: FamilyId::V3_1,
    label: "3.1",
    releases: VersionRange::new(Version::new(3, 1, 0), Version::new(3, 1, 9)),
    registry: RegistryLayout {
        container_parents: true,
        ..NODES
    },
    columns: Columns {
        state_history: Some("state_history"),
        ..COLUMNS_2_0
    },
    states: STATES_3_1,
    unfinished: &[0, 1, 2, 4, 12],
    command: &[
        COMMAND_TYPE,
        DEFINITION_CODE,
        DEFINITION_VERSION,
        INSTANCE,
        PARAMETER,
        DEPEND_TYPE,
        FAILURE_STRATEGY,
        START_TIME,
        EXECUTOR,
        UPDATE_TIME,
        DRY_RUN,
        column("process_instance_priority", V::Priority),
    ],
    parameter: &[
        between(
            Version::new(3, 1, 0),
            Version::new(3, 1, 6),
            ParameterForm::WithScheduleZone,
        ),
        between(
            Version::new(3, 1, 7),
            Version::new(3, 1, 9),
            ParameterForm::WithStartParams,
        ),
    ],
    tasks: &[ever(TaskRule::AllUnfinished)],
    finished_tasks: &[3, 6, 7, 8, 9],
    mark_clears_flag: &[
        between(Version::new(3, 1, 0), Version::new(3, 1, 0), true),
        between(Version::new(3, 1, 1), Version::new(3, 1, 9), false),
    ],
    kill_request: &[between(Version::new(3, 1, 0), Version::new(3, 1, 9), 18)],
    // The shell is killed, and its children are searched after that.
    kill_answer: &[ever(KillAnswer {
        ended: "reports that it has ended (in 3.1 only the shell: the script that it started \
            mostly goes on; kill it there)",
        silent: "did not report that it has ended",
    })],
    remarks: &[between(
        Version::new(3, 1, 9),
        Version::new(3, 1, 9),
        Remark::ReadyStopHangs,
    )],
    ..V3_0
};

const V3_2: Family = Family {
    id: FamilyId::V3_2,
    label: "3.2",
    releases: VersionRange::new(Version::new(3, 2, 0), Version::new(3, 2, 2)),
    locks: &[ever(HOST_LOCK_3_2)],
    columns: Columns {
        state_history: Some("state_history"),
        test_flag: Some("test_flag"),
        ..COLUMNS_2_0
    },
    states: STATES_3_2,
    command_taker: CommandTaker::SlotOfNormal,
    command: &[
        COMMAND_TYPE,
        DEFINITION_CODE,
        DEFINITION_VERSION,
        INSTANCE,
        PARAMETER,
        DEPEND_TYPE,
        FAILURE_STRATEGY,
        START_TIME,
        EXECUTOR,
        UPDATE_TIME,
        DRY_RUN,
        column("process_instance_priority", V::Priority),
        column("test_flag", V::TestFlag),
    ],
    parameter: &[ever(ParameterForm::WithStartParams)],
    tasks: &[ever(TaskRule::Untouched)],
    finished_tasks: &[3, 5, 6, 7, 8, 9, 13],
    mark_clears_flag: &[ever(false)],
    restarts_children: &[ever(true)],
    remarks: &[],
    kill_request: &[],
    kill_answer: &[],
    ..V3_1
};

const V3_3: Family = Family {
    id: FamilyId::V3_3,
    label: "3.3+",
    releases: VersionRange::new(ALPHA_3_3, OPEN_END),
    tables: Tables {
        instance: "t_ds_workflow_instance",
        definition: "t_ds_workflow_definition",
        definition_log: Some("t_ds_workflow_definition_log"),
        relation: "t_ds_relation_workflow_instance",
        ..TABLES
    },
    columns: Columns {
        definition: "workflow_definition_code",
        definition_version: Some("workflow_definition_version"),
        command_instance: Some("workflow_instance_id"),
        task_instance: "workflow_instance_id",
        relation_parent: "parent_workflow_instance_id",
        relation_child: "workflow_instance_id",
        sub_process: "is_sub_workflow",
        priority: "workflow_instance_priority",
        restart_time: Some("restart_time"),
        state_history: Some("state_history"),
        test_flag: None,
        schedule_definition: "workflow_definition_code",
        schedule_zone: Some("timezone_id"),
    },
    states: STATES_3_3,
    unfinished: &[1, 2, 4],
    claim: Claim::State(18),
    // `start_time` stays NULL: upstream's builder ignores the initialiser.
    command: &[
        COMMAND_TYPE,
        column("workflow_definition_code", V::Definition),
        column("workflow_definition_version", V::DefinitionVersion),
        column("workflow_instance_id", V::Instance),
        PARAMETER,
        DEPEND_TYPE,
        FAILURE_STRATEGY,
        column("executor_id", V::Number(0)),
        UPDATE_TIME,
        DRY_RUN,
        between(
            ALPHA_3_3,
            Version::new(3, 3, 0),
            ("test_flag", V::Number(0)),
        ),
    ],
    parameter: &[ever(ParameterForm::Typed)],
    definition: DefinitionKey::CodeInLog,
    failover_delay: Duration::from_secs(30),
    keeps_lock: &[between(ALPHA_3_3, Version::new(3, 4, 1), true)],
    recovered_looks_unfinished: &[between(ALPHA_3_3, Version::new(3, 3, 0), true)],
    looks_again: &[],
    starts_at_trigger: true,
    follows_app_link: &[ever(true)],
    wakes_serial: false,
    // From 3.3.1 on the child that runs is adopted.
    restarts_children: &[between(ALPHA_3_3, Version::new(3, 3, 0), true)],
    failed_recovery: &[between(Version::new(3, 4, 0), OPEN_END, 6)],
    ..V3_2
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_stand_in_the_order_of_their_names() {
        for family in &ALL {
            assert_eq!(by_id(family.id).label, family.label);
        }
        assert!(ALL.iter().map(|family| family.id).is_sorted());
    }

    /// F§6.1.
    #[test]
    fn state_17_is_named_where_it_exists() {
        let name = |family: &Family| {
            family
                .states
                .iter()
                .find(|(code, _)| *code == 17)
                .map(|(_, name)| *name)
        };
        let named: Vec<_> = ALL
            .iter()
            .filter_map(|family| Some((family.label, name(family)?)))
            .collect();
        assert_eq!(named, [("3.0", "DISPATCH"), ("3.2", "WAIT_TO_RUN")]);
    }

    #[test]
    fn every_unfinished_state_has_a_name() {
        for family in &ALL {
            for state in family.unfinished {
                assert!(
                    family.state_name(*state).is_some(),
                    "{} {state}",
                    family.label
                );
            }
        }
    }

    #[test]
    fn a_claimed_instance_is_never_selected_again() {
        for family in &ALL {
            match family.claim {
                Claim::Host(text) => assert!(text.eq_ignore_ascii_case("null"), "{}", family.label),
                Claim::State(code) => {
                    assert!(!family.unfinished.contains(&code), "{}", family.label);
                }
            }
        }
    }
}
