//! What waits for its turn, and gets none.

use crate::diagnosis::check::Check;
use crate::diagnosis::finding::{Finding, FindingKind, Severity, UNNAMED, about_all, counted};
use crate::diagnosis::snapshot::Snapshot;
use crate::metadata::IdleTaskGroup;
use crate::model::InstanceId;

/// DS-019.
pub(super) const SERIAL: Check = Check {
    kind: &FindingKind {
        code: "DS-019",
        title: "serial workflows that nobody wakes",
        severity: Severity::Act,
        meaning: "In 3.0 to 3.2 the end of an instance of a serial workflow wakes the one that waits \
            next. Nothing that was there before these has still to end: they wait for ever, and so \
            does all that waits behind them.",
        causes: &[
            "the wake-up came while the row of the predecessor still said that it ran",
            "the master of the predecessor ended before it woke the next one",
            "3.0.0 to 3.0.6: the workflow discards or prefers instances, which does not work there",
        ],
        upstream: &[15762, 16369],
        remedy: "DolphinScheduler stops none of them, and a new instance would wait behind them. What \
            helps is the command that was lost: for the first of each definition, a row in t_ds_command with \
            command_type 11, its own process_definition_code and _version and process_instance_id, and \
            command_param {\"ProcessInstanceId\":ID}; its end wakes the next one",
    },
    find: serial,
};

/// DS-023.
pub(super) const TASK_GROUP: Check = Check {
    kind: &FindingKind {
        code: "DS-023",
        title: "tasks wait for a slot of a task group, and no task has one",
        severity: Severity::Act,
        meaning: "Up to 3.2.0 a task that gives its slot back wakes the next one: where none has a \
            slot, nobody is woken any more. From 3.2.1 on a coordinator gives free slots away every \
            few seconds: then none is at work.",
        causes: &[
            "a task that had a slot was ended without giving it back: a kill, a stop, or the end of its master",
            "the wake-up was lost",
            "3.2.1 and newer: no master is the coordinator, or it fails in every round (see the masters' logs)",
        ],
        upstream: &[13107, 13726],
        remedy: "up to 3.2.0, in DolphinScheduler: where all slots count as used, make the group larger \
            by one first; then force the start of one waiting task (Resource, Task Group Queue) whose in_queue is \
            0, and wait for its end, which wakes the next: a task that is forced while it is being woken may run \
            twice. From 3.2.1 on look for the coordinator's errors in the masters' logs",
    },
    find: task_groups,
};

/// DS-028.
pub(super) const COORDINATED: Check = Check {
    kind: &FindingKind {
        code: "DS-028",
        title: "a serial queue that nobody moves",
        severity: Severity::Act,
        meaning: "In 3.4 and newer a coordinator, which one of the masters is, launches the next instance of \
            every serial workflow within five seconds, and the end of an instance takes it out of its queue. Here \
            that has stopped: what waits behind it waits for ever.",
        causes: &[
            "an instance was ended without its row in the queue: by a command that failed, or by hand",
            "an instance has waited since before an upgrade to 3.4, and has no row",
            "no master is the coordinator, or its rounds fail: see the masters' logs",
            "3.4.0 on MySQL: t_ds_serial_command.workflow_definition_code is an int, which no code fits into",
        ],
        upstream: &[17979, 18624, 18644],
        remedy: "where a queue has an instance that has ended, delete its row of t_ds_serial_command, and no \
            other. Where none is launched, restart the master that is the coordinator, whose address \
            nodes/master-coordinator in the registry has. An instance without a row is started by nobody: start \
            its workflow anew",
    },
    find: coordinated,
};

/// What one look cannot prove says so, and is no reason to act.
pub(super) fn marked(finding: Finding, snapshot: &Snapshot) -> Finding {
    if snapshot.slow.seen_twice {
        return finding;
    }
    let finding = finding.fact(
        "this command",
        "seen in one look alone: it may pass by itself in a moment, which a second look would show",
    );
    Finding {
        is_unproven: true,
        ..finding
    }
}

/// How many groups are described.
const SHOWN: usize = 5;

fn serial(snapshot: &Snapshot) -> Vec<Finding> {
    let ids = &snapshot.slow.unwoken;
    about_all(SERIAL.kind, ids, &[], |finding| {
        let fact = format!(
            "{} in SERIAL_WAIT, and no earlier one of the same definition is unfinished",
            counted(ids, "instance")
        );
        let finding = finding
            .fact(snapshot.table(), fact)
            .fact(snapshot.command_table(), UNNAMED)
            .next("dsctl commands");
        marked(finding, snapshot)
    })
}

fn coordinated(snapshot: &Snapshot) -> Vec<Finding> {
    let slow = &snapshot.slow;
    let queue = "database t_ds_serial_command";
    let facts = [
        (
            &slow.ended_in_queue,
            queue,
            "launched, and ended or gone: their rows hold up what waits behind them",
        ),
        (
            &slow.not_launched,
            queue,
            "the first ones of queues in which none is launched",
        ),
        (
            &slow.unqueued,
            "database t_ds_workflow_instance",
            "in SERIAL_WAIT, without a row in t_ds_serial_command and without a command",
        ),
    ];
    let mut ids: Vec<InstanceId> = facts.iter().flat_map(|(ids, ..)| *ids).copied().collect();
    ids.sort_unstable();
    about_all(COORDINATED.kind, &ids, &[], |finding| {
        let there = facts.iter().filter(|(ids, ..)| !ids.is_empty());
        let finding = there.fold(finding, |finding, (ids, source, what)| {
            finding.fact(*source, format!("{}: {what}", counted(ids, "instance")))
        });
        marked(finding.next("dsctl instances"), snapshot)
    })
}

fn task_groups(snapshot: &Snapshot) -> Vec<Finding> {
    let groups = &snapshot.slow.idle_groups;
    let mut ids: Vec<InstanceId> = groups
        .iter()
        .flat_map(|group| group.waiting.values())
        .copied()
        .collect();
    ids.sort_unstable();
    ids.dedup();
    about_all(TASK_GROUP.kind, &ids, &[], |finding| {
        let source = "database t_ds_task_group_queue";
        let described = groups.iter().take(SHOWN);
        let finding = described.fold(finding, |finding, group| finding.fact(source, about(group)));
        marked(finding, snapshot)
    })
}

fn about(group: &IdleTaskGroup) -> String {
    let tasks: Vec<i64> = group.waiting.keys().copied().collect();
    format!(
        "group {} ({:?}): {} of {} slots count as used, no unfinished task has one; {}",
        group.id,
        group.name.as_deref().unwrap_or("without a name"),
        group.used,
        group.size,
        counted(&tasks, "waiting task")
    )
}
