//! The result of a run, in the form of the JSON documents.

use schemars::JsonSchema;
use serde::Serialize;

use super::reasons::{NOT_BEGUN, ReasonKeyword, pid, sentence};
use crate::commands::lock::taken::LockEntry;
use crate::commands::times;
use crate::failover::{LockTaken, MasterOutcome, Run, Unfinished};
use crate::model::{Address, InstanceId, SkipReason, Task, Verdict};
use crate::output::{Records, WORD};

/// A run.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(in crate::commands) struct RunReport {
    dry_run: bool,
    locks: Vec<LockEntry>,
    masters: Vec<MasterReport>,
    recovered: usize,
    skipped: usize,
    elapsed_ms: u64,
}

impl RunReport {
    /// The record of an empty run.
    pub(super) fn empty(dry_run: bool) -> Self {
        Self {
            dry_run,
            ..Self::default()
        }
    }

    pub(super) fn of(run: &Run, dry_run: bool) -> Self {
        let Run {
            locks,
            masters,
            failure: _,
            unreleased: _,
            elapsed,
            wrote,
        } = run;
        let lock = |LockTaken { path, waited }: &LockTaken| LockEntry::new(path, *waited);
        Self {
            dry_run,
            locks: locks.iter().map(lock).collect(),
            masters: masters
                .iter()
                .map(|master| MasterReport::of(master, *wrote))
                .collect(),
            recovered: run.recovered(),
            skipped: run.skipped(),
            elapsed_ms: times::milliseconds(*elapsed),
        }
    }

    /// Its masters as ndjson lines.
    pub(super) fn records(&mut self) -> Vec<Records<'_>> {
        vec![Records {
            key: "masters",
            record: "master",
            rows: &mut self.masters,
        }]
    }
}

/// What was done for one master.
#[derive(Debug, Serialize, JsonSchema)]
struct MasterReport {
    address: Address,
    verdict: Verdict,
    recovered: Vec<Recovered>,
    marked_tasks: Vec<i64>,
    skipped: Vec<Skipped>,
    error: Option<MasterError>,
}

impl MasterReport {
    /// `wrote` says whether the run has written anything.
    fn of(master: &MasterOutcome, wrote: bool) -> Self {
        let MasterOutcome {
            address,
            verdict,
            recovered,
            handed_over: _,
            marked_tasks,
            skipped,
            notes: _,
            original_states: _,
            trouble,
            asked: _,
        } = master;
        Self {
            address: address.clone(),
            verdict: *verdict,
            recovered: recovered.iter().copied().map(Recovered::from).collect(),
            marked_tasks: marked_tasks.clone(),
            skipped: skipped.iter().map(Skipped::from).collect(),
            error: trouble
                .as_ref()
                .map(|trouble| MasterError::of(trouble, wrote)),
        }
    }
}

/// Why a master's work was not completed.
#[derive(Debug, Serialize, JsonSchema)]
struct MasterError {
    #[schemars(regex(pattern = WORD))]
    kind: &'static str,
    message: String,
    hint: Option<String>,
}

impl MasterError {
    fn of(trouble: &Unfinished, wrote: bool) -> Self {
        match trouble {
            Unfinished::Failed(error) => Self {
                kind: error.kind(),
                message: error.to_string(),
                hint: error.hint(wrote),
            },
            Unfinished::NotBegun => Self {
                kind: "not_begun",
                message: NOT_BEGUN.to_owned(),
                hint: Some("run the same command again once the error above is fixed".to_owned()),
            },
        }
    }
}

/// An instance that was handed over.
#[derive(Debug, Serialize, JsonSchema)]
struct Recovered {
    instance_id: InstanceId,
    command_id: Option<i64>,
}

impl From<(InstanceId, Option<i64>)> for Recovered {
    fn from((instance_id, command_id): (InstanceId, Option<i64>)) -> Self {
        Self {
            instance_id,
            command_id,
        }
    }
}

/// An instance that was left alone.
#[derive(Debug, Serialize, JsonSchema)]
struct Skipped {
    instance_id: InstanceId,
    reason: ReasonKeyword,
    detail: String,
    task: Option<Box<RunningTask>>,
}

impl From<&(InstanceId, SkipReason)> for Skipped {
    fn from((instance_id, reason): &(InstanceId, SkipReason)) -> Self {
        let task = match reason {
            SkipReason::TaskStillRuns(task) => Some(Box::new(RunningTask::from(&**task))),
            _ => None,
        };
        Self {
            instance_id: *instance_id,
            reason: reason.into(),
            detail: sentence(reason),
            task,
        }
    }
}

/// A task that may still run.
#[derive(Debug, Serialize, JsonSchema)]
struct RunningTask {
    id: i64,
    name: Option<String>,
    worker: Option<String>,
    pid: Option<i64>,
    log_path: Option<String>,
    app_link: Option<String>,
}

impl From<&Task> for RunningTask {
    fn from(task: &Task) -> Self {
        let Task {
            id,
            instance_id: _,
            name,
            task_type: _,
            state: _,
            host,
            submit_time: _,
            start_time: _,
            pid: _,
            log_path,
            app_link,
        } = task.clone();
        Self {
            id,
            name,
            worker: host,
            pid: pid(task),
            log_path,
            app_link,
        }
    }
}
