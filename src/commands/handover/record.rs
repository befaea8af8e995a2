//! A master's outcome as a record for programs, written straight from what the run kept: it may hold very many instances.

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::words::{NOT_BEGUN, pid, sentence, word};
use crate::failover::{MasterOutcome, Trouble};
use crate::model::{InstanceId, SkipReason, Task};

/// One of `masters[]`.
pub(super) struct MasterRecord<'a> {
    pub(super) master: &'a MasterOutcome,
    /// Whether the run has written anything.
    pub(super) wrote: bool,
}

impl Serialize for MasterRecord<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { master, wrote } = self;
        let mut record = serializer.serialize_struct("master", 6)?;
        record.serialize_field("address", &master.address)?;
        record.serialize_field("verdict", &master.verdict)?;
        record.serialize_field("recovered", &Each(&master.recovered, recovered))?;
        record.serialize_field("marked_tasks", &master.marked_tasks)?;
        record.serialize_field("skipped", &Each(&master.skipped, skipped))?;
        record.serialize_field("error", &master.trouble.as_ref().map(|trouble| error(trouble, *wrote)))?;
        record.end()
    }
}

#[derive(serde::Serialize)]
struct MasterError {
    kind: &'static str,
    message: String,
    hint: Option<String>,
}

fn error(trouble: &Trouble, wrote: bool) -> MasterError {
    match trouble {
        Trouble::Failed(error) => {
            MasterError { kind: error.kind(), message: error.to_string(), hint: error.hint(wrote) }
        }
        Trouble::NotBegun => MasterError {
            kind: "not_begun",
            message: NOT_BEGUN.to_owned(),
            hint: Some("run the same command again once the error above is mended".to_owned()),
        },
    }
}

/// A list whose elements are made one at a time.
struct Each<'a, T, R>(&'a [T], fn(&'a T) -> R);

impl<T, R: Serialize> Serialize for Each<'_, T, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(self.1))
    }
}

#[derive(serde::Serialize)]
struct Recovered {
    instance_id: InstanceId,
    command_id: Option<i64>,
}

fn recovered(&(instance_id, command_id): &(InstanceId, Option<i64>)) -> Recovered {
    Recovered { instance_id, command_id }
}

#[derive(serde::Serialize)]
struct Skipped<'a> {
    instance_id: InstanceId,
    reason: &'static str,
    detail: String,
    task: Option<RunningTask<'a>>,
}

fn skipped((instance_id, reason): &(InstanceId, SkipReason)) -> Skipped<'_> {
    let task = match reason {
        SkipReason::TaskStillRuns(task) => Some(running_task(task)),
        _ => None,
    };
    Skipped { instance_id: *instance_id, reason: word(reason), detail: sentence(reason), task }
}

#[derive(serde::Serialize)]
struct RunningTask<'a> {
    id: i64,
    name: Option<&'a str>,
    worker: Option<&'a str>,
    pid: Option<i64>,
    log_path: Option<&'a str>,
    app_link: Option<&'a str>,
}

fn running_task(task: &Task) -> RunningTask<'_> {
    RunningTask {
        id: task.id,
        name: task.name.as_deref(),
        worker: task.host.as_deref(),
        pid: pid(task),
        log_path: task.log_path.as_deref(),
        app_link: task.app_link.as_deref(),
    }
}
