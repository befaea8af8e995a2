//! A master's outcome as a record for programs, written straight from what the run kept: it may hold very many instances.

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::report::{pid, sentence, word};
use crate::failover::MasterOutcome;
use crate::model::{InstanceId, SkipReason, Task};

/// One of `masters[]`.
pub(super) struct MasterRecord<'a>(pub(super) &'a MasterOutcome);

impl Serialize for MasterRecord<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(master) = self;
        let mut record = serializer.serialize_struct("master", 5)?;
        record.serialize_field("address", &master.address)?;
        record.serialize_field("verdict", &master.verdict)?;
        record.serialize_field("recovered", &Each(&master.recovered, recovered))?;
        record.serialize_field("marked_tasks", &master.marked_tasks)?;
        record.serialize_field("skipped", &Each(&master.skipped, skipped))?;
        record.end()
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
