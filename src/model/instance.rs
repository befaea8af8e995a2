//! Process instances, their tasks and commands, and what is judged of them.

use std::sync::Arc;

use jiff::civil::DateTime;
use schemars::JsonSchema;
use serde::Serialize;
use strum::{IntoStaticStr, VariantArray};

/// `id` of a row in the instance table.
pub type InstanceId = i64;

/// What is known of the master that an instance names.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    IntoStaticStr,
    VariantArray,
    Serialize,
    JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Verdict {
    /// Registered, and nothing shows that the instance belongs to an earlier life of it.
    Alive,
    /// Not registered.
    Dead,
    /// Registered again, after the instance began.
    Restarted,
    /// Handed over already.
    Claimed,
    /// Handed over, and made a failed one when its recovery failed (3.4.0 and newer): nobody runs
    /// it.
    RecoveryFailed,
    /// The host is SQL NULL, empty, or a text that names nobody.
    Unknown,
}

impl Verdict {
    /// The word of the JSON contract.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.into()
    }
}

/// What an instance is judged by, and what its row is compared with again under its lock. A run
/// holds one for each instance of a dead master from its scan on, so it is kept small.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Instance {
    /// Primary key.
    pub id: InstanceId,
    /// `process_definition_id` (1.x) or the definition's code.
    pub definition: Option<i64>,
    /// The definition's version (2.0 and newer).
    pub definition_version: Option<i64>,
    /// State code; NULL is possible in the schema and never matches.
    pub state: Option<i64>,
    /// Host as it stands there. The instances of one master share it.
    pub host: Option<Arc<str>>,
    /// Start of the first run, in the masters' zone.
    pub start_time: Option<DateTime>,
    /// Start of the latest run, in the masters' zone (2.0.2 and newer).
    pub restart_time: Option<DateTime>,
    /// Time of the last entry of its own history, in the masters' zone (read in 3.3 and newer
    /// alone).
    pub last_change: Option<DateTime>,
    /// Whether a parent started it.
    pub sub_process: bool,
    /// `command_type`: what its latest run came from.
    pub command_type: Option<i64>,
}

/// An instance as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ListedInstance {
    /// What it is judged by.
    pub instance: Instance,
    /// Name as the database has it; may hold anything.
    pub name: Option<String>,
}

/// A whole row of the instance table, as far as a failover needs it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct InstanceRow {
    /// What it is judged by.
    pub instance: Instance,
    /// `command_param`, where start parameters stand.
    pub command_param: Option<String>,
    /// `executor_id`.
    pub executor_id: Option<i64>,
    /// Priority column.
    pub priority: Option<i64>,
    /// `test_flag`, where the schema has it.
    pub test_flag: Option<i64>,
    /// `state_history` (3.1 and newer).
    pub state_history: Option<String>,
}

/// A row of the command or error-command table.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct CommandRow {
    /// Primary key.
    pub id: i64,
    /// Type code; 2 is `RECOVER_TOLERANCE_FAULT_PROCESS`.
    pub command_type: Option<i64>,
    /// The instance it is about: from its column (2.0 and newer) or its parameter (1.x).
    pub instance_id: Option<InstanceId>,
    /// `command_param`.
    pub command_param: Option<String>,
    /// `start_time`, in the masters' zone.
    pub start_time: Option<DateTime>,
    /// `update_time`, in the masters' zone.
    pub update_time: Option<DateTime>,
    /// `message`, of error commands alone.
    pub message: Option<String>,
}

/// A row of the task table, as far as marking needs it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Task {
    /// Primary key.
    pub id: i64,
    /// The instance it belongs to.
    pub instance_id: InstanceId,
    /// Name as the database has it.
    pub name: Option<String>,
    /// Type, for example `SHELL` or `SUB_PROCESS`.
    pub task_type: Option<String>,
    /// State code.
    pub state: Option<i64>,
    /// Worker (or, for tasks that run inside a master, that master).
    pub host: Option<String>,
    /// When it was submitted, in the masters' zone.
    pub submit_time: Option<DateTime>,
    /// When it started, in the masters' zone.
    pub start_time: Option<DateTime>,
    /// Operating-system process on the worker.
    pub pid: Option<i64>,
    /// Log file on the worker.
    pub log_path: Option<String>,
    /// Application link (YARN ids).
    pub app_link: Option<String>,
}

/// Why an instance was left untouched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// A recovery command already waits for it: it is handed over, and this is success.
    CommandWaiting(i64),
    /// The row is no longer as it was read; somebody else acted.
    Changed,
    /// Several rows have its id, as in tables without their primary key: no master can read it.
    Doubled,
    /// The definition (code, version) is nowhere, so its command would end in the error table.
    DefinitionMissing,
    /// Begun after the master's registration started: it belongs to the living one.
    LivingMaster,
    /// A task sits on a registered worker that was not told to end it.
    TaskStillRuns(Box<Task>),
    /// Start parameters are an object or a list and the definition has a schedule: no master can
    /// read that (F§7.5).
    StartParameters,
    /// The command's parameter would not fit into its column: the instance's own start parameters
    /// fill that up.
    ParameterTooLong,
    /// 3.3 and newer: the state before the hand-over is written nowhere.
    OriginalStateUnknown,
    /// `recover` takes claimed instances alone; this one's verdict is another.
    NotClaimed(Verdict),
    /// Claimed by state, and its host can be no master's: there is no lock to take for it.
    StrangeHost,
    /// Its recovery failed, and the master ended it so: the error command, and the first line of
    /// its message.
    RecoveryFailed(i64, String),
    /// Masters fail over no instance in this state.
    Finished,
    /// No such row.
    NotFound,
    /// Another transaction keeps its row locked, or one that goes with it.
    Locked,
    /// The database refused to hand it over, in these words; the others of its batch were done
    /// without it.
    Refused(String),
}
