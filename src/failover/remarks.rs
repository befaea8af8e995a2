//! Known behaviour of masters of this release with work that is handed over, if an operator can
//! still choose. Pure.

use super::guard::RegistryView;
use super::rules::Rules;
use crate::family::{READY_STOP, Release, Remark};
use crate::model::{Instance, InstanceId};

/// How many instances are named.
const NAMED: usize = 20;

/// The remarks to show before these instances are handed over.
pub(super) fn of(
    release: &Release,
    rules: &Rules,
    view: &RegistryView,
    selected: &[Instance],
) -> Vec<String> {
    if selected.is_empty() {
        return Vec::new();
    }
    let alone = rules.allow_no_masters && view.masters.servers.is_empty();
    release
        .remarks()
        .filter_map(|remark| text(remark, release, alone, selected))
        .collect()
}

/// `alone`: no master is registered, and all of this waits for the one that starts.
fn text(remark: Remark, release: &Release, alone: bool, selected: &[Instance]) -> Option<String> {
    match remark {
        Remark::ReadyStopHangs | Remark::ReadyStopHangsWithoutWorker => {
            ready_stop(remark, release, &ready_stopped(selected))
        }
        Remark::HandsOverAgain => Some(format!(
            "a master of 3.0.0 fails over its own instances, ten seconds after its start and at \
             every check, if they started before it (apache/dolphinscheduler issue 11445, fixed \
             in 3.0.1): tasks run again, and a workflow may end as FAILURE{}",
            if alone { "; with no master registered, the one that starts does so with all of these" } else { "" }
        )),
        Remark::FirstCommandFails => alone.then(|| {
            "a master of 1.2 that starts alone while commands wait makes the first of them fail: start it first, then hand over"
                .to_owned()
        }),
    }
}

fn ready_stopped(instances: &[Instance]) -> Vec<InstanceId> {
    let stopping = instances
        .iter()
        .filter(|instance| instance.state == Some(READY_STOP));
    stopping.map(|instance| instance.id).collect()
}

/// What becomes of these instances, which are READY_STOP, when a master of this release takes them
/// up; `None` if it ends them.
#[must_use]
pub fn about_ready_stop(release: &Release, stopping: &[InstanceId]) -> Option<String> {
    release
        .remarks()
        .find_map(|remark| ready_stop(remark, release, stopping))
}

fn ready_stop(remark: Remark, release: &Release, stopping: &[InstanceId]) -> Option<String> {
    let which = match remark {
        Remark::ReadyStopHangs => "",
        Remark::ReadyStopHangsWithoutWorker => " if its worker is gone",
        Remark::HandsOverAgain | Remark::FirstCommandFails => return None,
    };
    let mut ids: Vec<String> = stopping
        .iter()
        .take(NAMED)
        .map(ToString::to_string)
        .collect();
    if stopping.len() > NAMED {
        ids.push("…".to_owned());
    }
    let table = release.family.tables.instance;
    (!stopping.is_empty()).then(|| {
        format!(
            "instances {} are READY_STOP: a master of {} never ends one that it takes up{which}, \
             after its own failover too, and then shows it as running. To end it: make sure that \
             its tasks have ended on their workers, and set it to STOP while no master has it, \
             before the hand-over (UPDATE {table} SET state = 5, end_time = the present in the \
             masters' \
             zone WHERE id = its id AND state = 4)",
            ids.join(","),
            release.range,
        )
    })
}
