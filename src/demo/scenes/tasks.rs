//! The tasks of the story's instances.

use crate::demo::cast::{Role, Situation};
use crate::demo::schema::{R3_0, is_typed};
use crate::demo::seed::{self, Seed};
use crate::demo::story::Story;
use crate::family::{NEED_FAULT_TOLERANCE, Release, TaskRule};
use crate::model::InstanceId;

/// The instances with [`Situation::Parent`] and [`Situation::Child`].
pub(super) const PARENT_INSTANCE: InstanceId = 113;
const CHILD_INSTANCE: InstanceId = 114;

/// Every instance has two tasks, whose ids follow from its own; the last one of
/// [`Situation::Running`] is a third.
const fn task_id(role: &Role, place: i64) -> i64 {
    role.instance * 10 + place
}

pub(super) fn rows(story: &Story, role: &Role) -> Vec<Seed> {
    let first = task(story, role, 1, "extract", "SHELL")
        .state(7)
        .host(story.living_worker.as_str());
    let second = match role.part {
        Situation::Finished => finished(story, role),
        Situation::Parent => sub_process(story, role),
        Situation::WaitingCommand | Situation::Orphan => handed_over(story, role),
        _ => unfinished(story, role),
    };
    let mut rows = vec![
        first.time("end_time", story.ago(role.minutes_ago - 2)),
        second,
    ];
    match role.part {
        Situation::Running => rows.push(submitted(story, role)),
        Situation::Parent => {
            let parent_task = task_id(role, 2);
            rows.push(seed::relation(
                story.version,
                role.instance,
                parent_task,
                CHILD_INSTANCE,
            ));
        }
        _ => {}
    }
    rows
}

fn task(story: &Story, role: &Role, place: i64, name: &str, task_type: &str) -> Seed {
    let (version, id) = (story.version, task_id(role, place));
    let started = story.ago(role.minutes_ago - place);
    let log = format!(
        "/opt/dolphinscheduler/worker-server/logs/{}/{id}.log",
        started.strftime("%Y%m%d")
    );
    seed::task(version, role.instance)
        .id(id)
        .name(name)
        .set("task_type", task_type)
        .maybe("task_code", role.workflow.key(version) + 1000 * place)
        .maybe("process_definition_id", role.workflow.key(version))
        .started(started)
        .set("pid", 20_000 + id)
        .set("log_path", log)
}

fn finished(story: &Story, role: &Role) -> Seed {
    let state = if role.state == 7 { 7 } else { 6 };
    let row = task(story, role, 2, "load", "SQL")
        .state(state)
        .host(story.living_worker.as_str());
    row.time("end_time", story.ago(role.minutes_ago - 5))
}

fn unfinished(story: &Story, role: &Role) -> Seed {
    let on_dead_worker = match (role.part, Release::exact(story.version).task_rule()) {
        (Situation::OfLivingMaster, _) => false,
        // Tasks of these releases are run again, so a living worker would have to end the old
        // attempt first.
        (_, TaskRule::AllUnfinished) => true,
        // In these releases tasks on dead workers are run again, the others go on.
        (part, TaskRule::OnDeadHosts { .. }) => part == Situation::Running,
        _ => false,
    };
    let worker = if on_dead_worker {
        &story.dead_worker
    } else {
        &story.living_worker
    };
    let row = task(story, role, 2, "aggregate", "SPARK")
        .host(worker.as_str())
        .state(unfinished_state(story, role));
    row.set(
        "app_link",
        format!("application_1717200000000_{:04}", role.instance),
    )
}

/// Dispatched (3.0 and newer), else running.
fn unfinished_state(story: &Story, role: &Role) -> i64 {
    let dispatched = role.part == Situation::Scheduled && story.version >= R3_0;
    if dispatched { 17 } else { 1 }
}

/// A waiting task: no worker has it yet.
fn submitted(story: &Story, role: &Role) -> Seed {
    let row = task(story, role, 3, "publish", "SHELL")
        .state(0)
        .without("start_time");
    row.without("pid").without("log_path")
}

/// The task that started the child. It runs inside the master.
fn sub_process(story: &Story, role: &Role) -> Seed {
    let task_type = if is_typed(story.version) {
        "SUB_WORKFLOW"
    } else {
        "SUB_PROCESS"
    };
    let row = task(story, role, 2, "refresh_profiles", task_type)
        .state(1)
        .host(story.dead_master.as_str());
    row.without("pid")
}

/// As a master's failover left it (F§8.1).
fn handed_over(story: &Story, role: &Role) -> Seed {
    let row = task(story, role, 2, "aggregate", "SPARK");
    let release = Release::exact(story.version);
    if release.task_rule() == TaskRule::Untouched {
        return row.host(story.living_worker.as_str()).state(1);
    }
    let row = row
        .host(story.dead_worker.as_str())
        .state(NEED_FAULT_TOLERANCE);
    row.set("flag", i64::from(!release.mark_clears_flag()))
}
