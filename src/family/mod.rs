//! Everything that differs between releases of DolphinScheduler, as data.
//!
//! A family is a group of releases that share schema and protocol. A new release is a new entry
//! here.

mod data;
mod detect;
pub mod facts;
mod needs;
pub mod payload;
mod release;

pub use data::{ALL, by_id, family_of, nearest_family};
pub use detect::{Catalogue, DetectError, detect};
pub use needs::Need;
pub use release::Release;

use std::time::Duration;

use crate::model::{AddressForm, Version, VersionRange};

/// The name of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FamilyId {
    /// 1.2.0 and 1.2.1
    V1_2,
    /// 1.3.0 to 1.3.9
    V1_3,
    /// 2.0.0 to 2.0.9
    V2_0,
    /// 3.0.0-alpha to 3.0.6
    V3_0,
    /// 3.1.0 to 3.1.9
    V3_1,
    /// 3.2.0 to 3.2.2
    V3_2,
    /// 3.3.0-alpha and newer
    V3_3,
}

/// How an instance is marked as handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The host is replaced by this text (up to 3.2).
    Host(&'static str),
    /// The state is replaced by this code, the host stays (3.3 and newer).
    State(i64),
}

/// How a master that takes up a command finds the definition of the instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefinitionKey {
    /// `process_definition_id`; the definition must be online to be picked up (1.x).
    Id,
    /// Code and version, in the definition table or its log (2.0 to 3.2).
    CodeInMainOrLog,
    /// Code and version only in the log table, and the project's row (3.3 and newer).
    CodeInLog,
}

/// What happens to the tasks of a recovered instance (F§8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskRule {
    /// Never touched.
    Untouched,
    /// Those on dead or restarted hosts become state 8 (2.0, and the pre-releases of 3.0).
    OnDeadHosts {
        /// Whether those without a submit time are left alone.
        submitted: bool,
    },
    /// All unfinished ones become state 8; they run again, so a living worker must end the old
    /// attempt (3.0, 3.1).
    AllUnfinished,
}

/// Where a value of the command row comes from (F§7.4). A column that is not listed keeps its
/// default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandValue {
    /// This number.
    Number(i64),
    /// The instance's definition id or code.
    Definition,
    /// The instance's definition version.
    DefinitionVersion,
    /// The instance's id.
    Instance,
    /// The parameter text of F§7.5.
    Parameter,
    /// The current time.
    Now,
    /// The instance's executor.
    Executor,
    /// The instance's priority; the column is omitted if that is NULL.
    Priority,
    /// The instance's test flag, NULL as 0.
    TestFlag,
}

impl CommandValue {
    /// Whether it differs between the commands of one insert.
    #[must_use]
    pub fn is_own(self) -> bool {
        !matches!(self, Self::Number(_) | Self::Now)
    }
}

/// The form of `command_param` (F§7.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterForm {
    /// `{"ProcessInstanceId":N}`
    InstanceId,
    /// The same; with a schedule, every value as text, followed by its zone.
    WithScheduleZone,
    /// The same, start parameters first.
    WithStartParams,
    /// The typed object of 3.3 and newer.
    Typed,
}

/// A lock of DolphinScheduler's masters, below root or namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockPath {
    /// One for all masters.
    Global(&'static str),
    /// One for each dead master: this path, a slash, its address.
    PerMaster(&'static str),
}

/// Which master takes a waiting command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandTaker {
    /// The one that holds the lock of the commands takes the next one (1.x).
    LockHolder,
    /// The remainder of its id tells, among all registered masters: the share of one that is
    /// overloaded waits (`ServerNodeManager`, 2.0 to 3.1).
    SlotOfAll,
    /// The same among those that are not overloaded (`MasterSlotManager`, 3.2 and newer).
    SlotOfNormal,
}

/// A fact that holds for some releases of a family.
#[derive(Clone, Copy, Debug)]
pub struct Since<T: 'static> {
    /// The releases.
    pub releases: VersionRange,
    /// The fact.
    pub value: T,
}

/// Known defects of a release's masters with handed-over work, whoever handed it over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remark {
    /// A `READY_STOP` instance that is taken up never ends.
    ReadyStopHangs,
    /// The same, if the worker of its task is gone.
    ReadyStopHangsWithoutWorker,
    /// A master fails over its own instances, again and again, if they started before it.
    HandsOverAgain,
    /// A master that starts alone makes the first waiting command fail.
    FirstCommandFails,
}

/// Texts for the answers of a release's workers to a kill request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KillAnswer {
    /// For tasks that the worker reports as ended.
    pub ended: &'static str,
    /// For the other tasks.
    pub silent: &'static str,
}

/// Names of tables; `None` if the family has no such table.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // the field names say it
pub struct Tables {
    pub instance: &'static str,
    pub task: &'static str,
    pub command: &'static str,
    pub error_command: &'static str,
    pub definition: &'static str,
    pub definition_log: Option<&'static str>,
    pub schedule: &'static str,
    pub relation: &'static str,
    pub project: &'static str,
}

/// Names of columns that differ between families; `None` if the family has no such column.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // the field names say it
pub struct Columns {
    /// In the instance and command tables: definition id or code.
    pub definition: &'static str,
    pub definition_version: Option<&'static str>,
    /// In the command table: the instance. 1.x has it only in `command_param`.
    pub command_instance: Option<&'static str>,
    /// In the task table: the instance.
    pub task_instance: &'static str,
    /// In the relation table: the parent.
    pub relation_parent: &'static str,
    /// In the relation table: the child; 0 until a master has made it.
    pub relation_child: &'static str,
    pub sub_process: &'static str,
    pub priority: &'static str,
    /// May be missing in point releases: looked up in the catalogue.
    pub restart_time: Option<&'static str>,
    pub state_history: Option<&'static str>,
    pub test_flag: Option<&'static str>,
    pub schedule_definition: &'static str,
    pub schedule_zone: Option<&'static str>,
}

/// Paths of the registry, below root or namespace, and the naming of nodes.
#[derive(Clone, Copy, Debug)]
pub struct RegistryLayout {
    /// Parent of the masters' nodes.
    pub masters: &'static str,
    /// Parent of the workers' nodes, or of the worker groups.
    pub workers: &'static str,
    /// Masters and workers written as `host` or `host:port`.
    pub address_form: AddressForm,
    /// The masters' client supports container nodes (Curator 5): lock parents are created as
    /// containers if the server supports them.
    pub container_parents: bool,
}

/// One family.
#[derive(Debug)]
pub struct Family {
    /// Its name.
    pub id: FamilyId,
    /// Its name as shown and as in JSON: `1.2` … `3.2`, `3.3+`.
    pub label: &'static str,
    /// Its releases.
    pub releases: VersionRange,
    /// Its registry.
    pub registry: RegistryLayout,
    /// Locks that a failover must hold, in the order of acquiring.
    pub locks: &'static [Since<LockPath>],
    /// Its tables.
    pub tables: Tables,
    /// Its columns.
    pub columns: Columns,
    /// State codes of instances and their upstream names.
    pub states: &'static [(i64, &'static str)],
    /// States that masters fail over (F§6.1).
    pub unfinished: &'static [i64],
    /// How an instance is claimed.
    pub claim: Claim,
    /// Columns of the command row that a failover writes.
    pub command: &'static [Since<(&'static str, CommandValue)>],
    /// The form of the command's parameter.
    pub parameter: &'static [Since<ParameterForm>],
    /// How a definition is found.
    pub definition: DefinitionKey,
    /// What happens to tasks.
    pub tasks: &'static [Since<TaskRule>],
    /// Task states that count as finished (F§6.2).
    pub finished_tasks: &'static [i64],
    /// Whether marking sets `flag` to 0 as well.
    pub mark_clears_flag: &'static [Since<bool>],
    /// How long its masters wait before they fail over a master whose registration is gone (F§7.8).
    pub failover_delay: Duration,
    /// Its servers write the times of their heartbeats in their own zone, without recording which.
    pub local_heartbeats: bool,
    /// Whether its masters keep the lock after a failover until they end (upstream issue 18197).
    pub keeps_lock: &'static [Since<bool>],
    /// Whether a recovered instance shows its dead master and its old state again (F§9.2).
    pub recovered_looks_unfinished: &'static [Since<bool>],
    /// Whether a master that others have marked dead stops itself at its next heartbeat.
    pub obeys_dead_mark: &'static [Since<bool>],
    /// Whether its masters look for dead ones every ten minutes (`master.failover-interval`), and
    /// not only when a registration ends or a master starts (F§11).
    pub looks_again: &'static [Since<bool>],
    /// `start_time` and `restart_time` of a first run are those of its trigger: a later take-up
    /// changes neither.
    pub starts_at_trigger: bool,
    /// Which master takes a waiting command.
    pub command_taker: CommandTaker,
    /// Whether the end of an instance wakes the next one of a serial workflow
    /// (`WorkflowExecuteRunnable`): 2.0 has no serial workflows, 3.3 neither, and 3.4 a coordinator.
    pub wakes_serial: bool,
    /// Whether the task of a sub-workflow names the child that it waits for in its application link,
    /// and follows that (`SubWorkflowLogicTask`).
    pub follows_app_link: &'static [Since<bool>],
    /// The state of an instance whose recovery command failed. In other families it stays claimed.
    pub failed_recovery: &'static [Since<i64>],
    /// Whether the master that takes up a parent starts its sub-workflows once more, in addition to
    /// those that are handed over with it: the task of a sub-workflow is not taken over from a dead
    /// master. The same happens after a master's own failover.
    pub restarts_children: &'static [Since<bool>],
    /// What an operator should know about its masters before work is handed to them.
    pub remarks: &'static [Since<Remark>],
    /// The ordinal of `TASK_KILL_REQUEST` in `CommandType`, if a failover sends it to the worker of
    /// a marked task.
    pub kill_request: &'static [Since<u8>],
    /// The meaning of a worker's answer to it: for tasks that it reports as ended, and for others.
    pub kill_answer: &'static [Since<KillAnswer>],
}

/// Type code of `RECOVER_TOLERANCE_FAULT_PROCESS`, in every release.
pub const RECOVERY_COMMAND: i64 = 2;

/// Type codes of `START_PROCESS`, `COMPLEMENT_DATA` and `SCHEDULER`, in every release: which create
/// a new instance (F§6.3).
pub const FIRST_RUN_COMMANDS: &[i64] = &[0, 5, 6];

/// Type codes of the commands by which a user runs an ended instance again, in every release:
/// `RECOVER_SUSPENDED_PROCESS`, `START_FAILURE_TASK_PROCESS`, `REPEAT_RUNNING`, `EXECUTE_TASK`.
pub const USER_RERUN_COMMANDS: &[i64] = &[3, 4, 7, 12];

/// Type codes of `PAUSE` and `STOP`, in every release: which start no instance.
const COMMANDS_THAT_START_NOTHING: &[i64] = &[8, 9];

/// The message of the error command of a master that lost the race for a command to another one: up
/// to 3.1, and from 3.3 on. The winner runs the instance (R§2.2).
pub const LOST_RACES: [&str; 2] = [
    "delete command fail, id:",
    "CommandDuplicateHandleException",
];

/// Command types of every release (F§6.3).
const COMMAND_TYPES: [&str; 14] = [
    "START_PROCESS",
    "START_CURRENT_TASK_PROCESS",
    "RECOVER_TOLERANCE_FAULT_PROCESS",
    "RECOVER_SUSPENDED_PROCESS",
    "START_FAILURE_TASK_PROCESS",
    "COMPLEMENT_DATA",
    "SCHEDULER",
    "REPEAT_RUNNING",
    "PAUSE",
    "STOP",
    "RECOVER_WAITING_THREAD",
    "RECOVER_SERIAL_WAIT",
    "EXECUTE_TASK",
    "DYNAMIC_GENERATION",
];

/// Whether a command of this type starts the instance that it names; one of an unknown type may.
#[must_use]
pub fn starts_instance(kind: Option<i64>) -> bool {
    kind.is_none_or(|kind| !COMMANDS_THAT_START_NOTHING.contains(&kind))
}

/// The upstream name of a command type.
#[must_use]
pub fn command_name(code: i64) -> Option<&'static str> {
    COMMAND_TYPES.get(usize::try_from(code).ok()?).copied()
}

/// `RUNNING_EXECUTION` of an instance, in every release.
pub const RUNNING: i64 = 1;

/// `FAILURE` of a task, in every release.
pub const FAILURE: i64 = 6;

/// `READY_PAUSE` of an instance: a pause was requested.
pub const READY_PAUSE: i64 = 2;

/// `READY_STOP` of an instance: a stop was requested.
pub const READY_STOP: i64 = 4;

/// `SERIAL_WAIT` of an instance, in every release that has it.
pub const SERIAL_WAIT: i64 = 14;

/// States in which an earlier instance of a serial workflow keeps a later one waiting, those
/// that wait themselves among them.
pub const SERIAL_BLOCKERS: &[i64] = &[0, 1, SERIAL_WAIT, 17];

/// State `SUBMITTED_SUCCESS` of instances and tasks, in every release.
pub const SUBMITTED: i64 = 0;

/// Task state `NEED_FAULT_TOLERANCE`, in every release.
pub const NEED_FAULT_TOLERANCE: i64 = 8;

/// Task types that run inside a master: no worker has a process for them (F§8.4).
pub const LOGIC_TASKS: &[&str] = &[
    "SUB_PROCESS",
    "SUB_WORKFLOW",
    "DEPENDENT",
    "CONDITIONS",
    "SWITCH",
    "BLOCKING",
    "DYNAMIC",
];

/// Task types whose rows are never marked: a marked one counts as failed on recovery (F§8.3).
pub const SUB_PROCESS_TASKS: &[&str] = &["SUB_PROCESS", "SUB_WORKFLOW"];

/// The states of tasks, by their codes: the same in every release that has them.
const TASK_STATES: [&str; 18] = [
    "SUBMITTED_SUCCESS",
    "RUNNING_EXECUTION",
    "READY_PAUSE",
    "PAUSE",
    "READY_STOP",
    "STOP",
    "FAILURE",
    "SUCCESS",
    "NEED_FAULT_TOLERANCE",
    "KILL",
    "WAITING_THREAD",
    "WAITING_DEPEND",
    "DELAY_EXECUTION",
    "FORCED_SUCCESS",
    "SERIAL_WAIT",
    "READY_BLOCK",
    "BLOCK",
    "DISPATCH",
];

/// The upstream name of a task's state, in lower case; `unknown` for a code that no release has.
#[must_use]
pub fn task_state_keyword(code: Option<i64>) -> String {
    let index = code.and_then(|code| usize::try_from(code).ok());
    let name = index.and_then(|index| TASK_STATES.get(index));
    name.map_or_else(|| "unknown".to_owned(), |name| name.to_lowercase())
}

impl Family {
    /// The upstream name of an instance state, in lower case; `unknown` for a code that the family
    /// does not have.
    #[must_use]
    pub fn state_keyword(&self, code: Option<i64>) -> String {
        let name = code.and_then(|code| self.state_name(code));
        name.map_or_else(|| "unknown".to_owned(), str::to_lowercase)
    }

    /// The upstream name of an instance state.
    #[must_use]
    pub fn state_name(&self, code: i64) -> Option<&'static str> {
        self.states
            .iter()
            .find(|(known, _)| *known == code)
            .map(|(_, name)| *name)
    }

    /// Whether an instance in this state has ended or was paused: no master works on it.
    #[must_use]
    pub fn is_finished(&self, state: Option<i64>) -> bool {
        state.is_some_and(|state| self.ended().any(|ended| ended == state))
    }

    /// The states in which an instance has ended or was paused.
    pub fn ended(&self) -> impl Iterator<Item = i64> {
        const FINISHED: [&str; 6] = ["PAUSE", "STOP", "FAILURE", "SUCCESS", "KILL", "BLOCK"];
        let states = self.states.iter();
        states
            .filter(|(_, name)| FINISHED.contains(name))
            .map(|(code, _)| *code)
    }

    /// Whether masters fail over an instance in this state.
    #[must_use]
    pub fn is_unfinished(&self, state: Option<i64>) -> bool {
        state.is_some_and(|state| self.unfinished.contains(&state))
    }
}

/// The end of open ranges, for families that are still developed.
pub(crate) const OPEN_END: Version = Version::new(u16::MAX, u16::MAX, u16::MAX);
