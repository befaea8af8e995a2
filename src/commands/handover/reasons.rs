//! Why an instance was left alone, as a keyword and as a sentence.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::{SkipReason, Task};

/// What is reported for a master that the run did not reach.
pub(super) const NOT_BEGUN: &str = "not started: the run ended before";

/// The keyword for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ReasonKeyword {
    CommandWaiting,
    Changed,
    Doubled,
    DefinitionMissing,
    LivingMaster,
    TaskStillRuns,
    StartParameters,
    ParameterTooLong,
    OriginalStateUnknown,
    NotClaimed,
    StrangeHost,
    RecoveryFailed,
    Finished,
    NotFound,
    Locked,
    Refused,
}

impl From<&SkipReason> for ReasonKeyword {
    fn from(reason: &SkipReason) -> Self {
        match reason {
            SkipReason::CommandWaiting(_) => Self::CommandWaiting,
            SkipReason::Changed => Self::Changed,
            SkipReason::Doubled => Self::Doubled,
            SkipReason::DefinitionMissing => Self::DefinitionMissing,
            SkipReason::LivingMaster => Self::LivingMaster,
            SkipReason::TaskStillRuns(_) => Self::TaskStillRuns,
            SkipReason::StartParameters => Self::StartParameters,
            SkipReason::ParameterTooLong => Self::ParameterTooLong,
            SkipReason::OriginalStateUnknown => Self::OriginalStateUnknown,
            SkipReason::NotClaimed(_) => Self::NotClaimed,
            SkipReason::StrangeHost => Self::StrangeHost,
            SkipReason::RecoveryFailed(..) => Self::RecoveryFailed,
            SkipReason::Finished => Self::Finished,
            SkipReason::NotFound => Self::NotFound,
            SkipReason::Locked => Self::Locked,
            SkipReason::Refused(_) => Self::Refused,
        }
    }
}

/// The sentence for people.
pub(super) fn sentence(reason: &SkipReason) -> String {
    match reason {
        SkipReason::CommandWaiting(command) => format!("command {command} already waits for it, \
            and starts it when a master takes the command"),
        SkipReason::Changed => "another client changed it meanwhile; run the same command \
            again".to_owned(),
        SkipReason::Doubled => {
            "several rows of the instance table have its id, so that no master can read it; \
             delete all but the right one, and make sure that the table has its primary key"
                .to_owned()
        }
        SkipReason::DefinitionMissing => {
            "its workflow definition (or that version, or its project) is gone; a master could not take it up"
                .to_owned()
        }
        SkipReason::LivingMaster => {
            "started after the registered master, or no proof that it was before".to_owned()
        }
        SkipReason::TaskStillRuns(task) => format!(
            "task {} ({}) may still run on worker {} ({}log {}, application {}): kill it there, \
             or allow it to run twice with --allow-duplicate-tasks",
            task.id,
            task.name.as_deref().unwrap_or("-"),
            task.host.as_deref().unwrap_or("-"),
            // Up to 3.1 it is 0 while the task runs.
            pid(task).map_or_else(String::new, |pid| format!("pid {pid}, ")),
            task.log_path.as_deref().unwrap_or("-"),
            task.app_link.as_deref().filter(|link| !link.is_empty()).unwrap_or("-"),
        ),
        SkipReason::StartParameters => {
            "its start parameters are not a text and its definition has a schedule; no master can \
             read that".to_owned()
        }
        SkipReason::ParameterTooLong => {
            "its start parameters are too long for a recovery command in the database".to_owned()
        }
        SkipReason::OriginalStateUnknown => {
            "what its state was before the hand-over is written nowhere (a request to pause or stop is not in its history), or its \
             history and its failed command say different things, or maybe what was before it began again, and neither is shown \
             to be the newer one; give it with --original-state"
                .to_owned()
        }
        SkipReason::NotClaimed(verdict) => match verdict {
            crate::model::Verdict::Dead => "not handed over: its master is dead, so use dsctl failover".to_owned(),
            verdict => format!("not handed over: its verdict is {}", verdict.keyword()),
        },
        SkipReason::StrangeHost => {
            "its host cannot be a master's, so there is no lock for it".to_owned()
        }
        SkipReason::RecoveryFailed(command, message) => format!(
            "its recovery failed (error command {command}: {message}), and its master set it to failed: no master runs it, and it gets no second command. Make sure that its tasks have ended on their workers, fix the cause, and run it again in DolphinScheduler"
        ),
        SkipReason::Finished => "masters do not fail over instances in its state".to_owned(),
        SkipReason::NotFound => "there is no such instance".to_owned(),
        SkipReason::Locked => {
            "another transaction has locked its row; run the same command again when that has \
             ended (one that was prepared and \
             left so does not end by itself: XA RECOVER, or pg_prepared_xacts, shows it)"
                .to_owned()
        }
        SkipReason::Refused(cause) => format!("the database refused to hand it over: {cause}"),
    }
}

/// The process of a task, if one is recorded: 0 means none.
pub(super) fn pid(task: &Task) -> Option<i64> {
    task.pid.filter(|pid| *pid > 0)
}
