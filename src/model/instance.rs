//! Process instances, their tasks and commands, and the verdicts on them.

use std::sync::Arc;

use jiff::SignedDuration;
use jiff::civil::DateTime;
use schemars::JsonSchema;
use serde::Serialize;
use strum::{IntoStaticStr, VariantArray};

/// `id` of a row in the instance table.
pub type InstanceId = i64;

/// The verdict on the master that an instance names.
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
    /// Registered, and nothing proves that the instance belongs to an earlier run of it.
    Alive,
    /// Not registered.
    Dead,
    /// Registered again, after the instance started.
    Restarted,
    /// Already handed over.
    Claimed,
    /// Handed over, and set to failed when its recovery failed (3.4.0 and newer): no master runs
    /// it.
    RecoveryFailed,
    /// The host is SQL NULL, empty, or a text that names no master.
    Unknown,
}

impl Verdict {
    /// Its name in the JSON contract.
    #[must_use]
    pub fn keyword(self) -> &'static str {
        self.into()
    }
}

/// The columns by which an instance is judged, and which are compared again under its lock. A run
/// keeps one for each instance of a dead master from its scan on, so it is small.
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
    /// Host as stored. The instances of one master share it.
    pub host: Option<Arc<str>>,
    /// Start of the first run, in the masters' zone.
    pub start_time: Option<DateTime>,
    /// Start of the latest run, in the masters' zone (2.0.2 and newer).
    pub restart_time: Option<DateTime>,
    /// Time of the last entry of its own history, in the masters' zone (read only in 3.3 and
    /// newer).
    pub last_change: Option<DateTime>,
    /// Whether a parent started it.
    pub sub_process: bool,
    /// `command_type`: the origin of its latest run.
    pub command_type: Option<i64>,
}

/// An instance as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ListedInstance {
    /// The columns by which it is judged.
    pub instance: Instance,
    /// Name as stored; may contain anything.
    pub name: Option<String>,
}

/// A whole row of the instance table, as far as a failover needs it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct InstanceRow {
    /// The columns by which it is judged.
    pub instance: Instance,
    /// `command_param`, which has the start parameters.
    pub command_param: Option<String>,
    /// `executor_id`.
    pub executor_id: Option<i64>,
    /// Priority column.
    pub priority: Option<i64>,
    /// `test_flag`, if the schema has it.
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
    /// `message`, only of error commands.
    pub message: Option<String>,
}

/// No two zones are further apart.
pub const FARTHEST_ZONES: SignedDuration = SignedDuration::from_hours(26);

impl CommandRow {
    /// When it was written last.
    #[must_use]
    pub fn written(&self) -> Option<DateTime> {
        self.update_time.or(self.start_time)
    }

    /// The newer one of two about the same instance, the second of which has the greater id. A
    /// server of MySQL's gives ids out once more if it is started again while the table is empty; so
    /// does one whose dump was loaded without the sequences. And each may have been written in
    /// another zone. If it is unproven which one is newer, and they say different things, the result
    /// has no parameter.
    #[must_use]
    pub fn newer_of(before: Self, next: Self) -> Self {
        let times = next.written().zip(before.written());
        match times.map(|(next, before)| next.duration_since(before)) {
            Some(ahead) if ahead < -FARTHEST_ZONES => before,
            // The later time stays: a third one is compared with it, too.
            Some(ahead) if ahead.is_negative() => Self {
                update_time: before.written(),
                command_param: next
                    .command_param
                    .filter(|parameter| before.command_param.as_ref() == Some(parameter)),
                ..next
            },
            _ => next,
        }
    }
}

/// A row of the task table, with the columns that marking needs.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Task {
    /// Primary key.
    pub id: i64,
    /// The instance it belongs to.
    pub instance_id: InstanceId,
    /// Name as stored.
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
    /// The row has changed since it was read, by another client.
    Changed,
    /// Several rows have its id, as in tables without their primary key: no master can read it.
    Doubled,
    /// The definition (code, version) does not exist, so its command would end in the error table.
    DefinitionMissing,
    /// Started after the registered master: it belongs to the living one.
    LivingMaster,
    /// A task may run on a registered worker that was not asked to end it.
    TaskStillRuns(Box<Task>),
    /// Start parameters are an object or a list and the definition has a schedule: no master can
    /// read that (F§7.5).
    StartParameters,
    /// The command's parameter would not fit into its column: the instance's own start parameters
    /// fill it.
    ParameterTooLong,
    /// 3.3 and newer: the state before the hand-over is not stored.
    OriginalStateUnknown,
    /// `recover` takes only claimed instances; this one has another verdict.
    NotClaimed(Verdict),
    /// Claimed by state, and its host cannot be a master's: there is no lock to acquire for it.
    StrangeHost,
    /// Its recovery failed, and the master ended it: the error command, and the first line of its
    /// message.
    RecoveryFailed(i64, String),
    /// Masters do not fail over instances in this state.
    Finished,
    /// No such row.
    NotFound,
    /// Another transaction has locked its row, or a row of its tasks.
    Locked,
    /// The database refused to hand it over, with this message; the others of its batch were handed
    /// over without it.
    Refused(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(id: i64, parameter: &str, written: &str) -> CommandRow {
        CommandRow {
            id,
            command_type: Some(2),
            instance_id: Some(7),
            command_param: Some(parameter.to_owned()),
            start_time: None,
            update_time: written.parse().ok(),
            message: None,
        }
    }

    #[test]
    fn ids_that_went_back_do_not_make_a_command_newer() {
        let of = |before: CommandRow, next: CommandRow| {
            let newer = CommandRow::newer_of(before, next);
            (newer.id, newer.command_param)
        };
        let (old, new) = ("2024-06-01T02:00:00", "2024-06-03T02:00:00");
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(of(error(3, "b", new), error(50, "a", old)), (3, some("b")));
        assert_eq!(of(error(3, "b", old), error(50, "a", new)), (50, some("a")));
        // Eight hours may be those between two zones.
        let earlier = "2024-06-02T18:00:00";
        assert_eq!(of(error(3, "b", new), error(50, "a", earlier)), (50, None));
        assert_eq!(
            of(error(3, "a", new), error(50, "a", earlier)),
            (50, some("a"))
        );
        assert_eq!(of(error(3, "b", ""), error(50, "a", new)), (50, some("a")));
        // A third one is no newer than the first because the second one is not.
        let doubtful = CommandRow::newer_of(error(1, "b", new), error(2, "a", earlier));
        assert_eq!(
            of(doubtful, error(3, "a", "2024-06-02T20:00:00")),
            (3, None)
        );
    }
}
