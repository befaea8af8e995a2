//! What became of instances that wait for a command to be taken up.

use crate::diagnosis::check::Check;
use crate::diagnosis::finding::{Finding, FindingKind, Severity, UNNAMED, about_all, counted};
use crate::diagnosis::snapshot::Snapshot;
use crate::model::InstanceId;

/// DS-003.
pub(super) const ORPHANS: Check = Check {
    kind: &FindingKind {
        code: "DS-003",
        title: "orphans: handed over, and no command starts them",
        severity: Severity::Act,
        meaning: "They were claimed for a failover, but have no recovery command: no master will \
            ever take them up.",
        causes: &[
            "the first half of a failover was done alone, as clear-hosts does",
            "a master took the command, and could not carry it out: see its error command",
            "somebody deleted the command",
        ],
        upstream: &[],
        remedy: "let 'recover' write their commands; a living master takes them up then",
    },
    find: orphans,
};

/// DS-004.
pub(super) const FAILED: Check = Check {
    kind: &FindingKind {
        code: "DS-004",
        title: "a recovery that failed and ended its instance",
        severity: Severity::Look,
        meaning: "From 3.4.0 on a master that cannot carry out a recovery command sets its \
            instance to FAILURE: the workflow is not finished, and nobody finishes it. A master \
            that loses the race for a command may do so, too, while another one runs the instance.",
        causes: &[
            "the instance's own parameter has the form of an older release",
            "the definition is gone",
            "two masters took the command",
        ],
        upstream: &[],
        remedy: "make sure that no master runs it and that its tasks have ended, then start the \
            workflow anew in DolphinScheduler; this finding stays as long as the error command",
    },
    find: failed,
};

/// DS-005.
pub(super) const DOUBLED: Check = Check {
    kind: &FindingKind {
        code: "DS-005",
        title: "several recovery commands wait for one instance",
        severity: Severity::Act,
        meaning: "Each of them starts the instance once more: its tasks run twice.",
        causes: &["two programs or masters failed the same master over without one lock"],
        upstream: &[],
        remedy: "for each of these instances, delete all but one of its recovery commands from the command table, \
            while no master takes commands",
    },
    find: doubled,
};

/// DS-006.
pub(super) const ENDED: Check = Check {
    kind: &FindingKind {
        code: "DS-006",
        title: "a recovery command waits for an instance that has ended",
        severity: Severity::Act,
        meaning: "From 3.3 on the master that takes it sets the instance back and runs it again. \
            In 1.x it does nothing; what masters of 2.0 to 3.2 make of it is not known.",
        causes: &["the instance was set to its end by hand while its command waited"],
        upstream: &[],
        remedy: "if it is not to run again, delete the command from the command table",
    },
    find: ended,
};

/// DS-016.
pub(super) const NEVER_STARTED: Check = Check {
    kind: &FindingKind {
        code: "DS-016",
        title: "triggered, and no command starts them",
        severity: Severity::Act,
        meaning: "From 3.3 on an instance and the command that starts it are written together, and \
            taken up together. These have no command any more: no master will ever start them.",
        causes: &[
            "up to 3.3.2: a master took the command, and could not carry it out; see the error commands",
            "somebody deleted the command",
            "the instance is from before an upgrade to 3.3",
        ],
        upstream: &[],
        remedy: "look for the reason in the error commands. Where an instance has tasks, it was to go \
            on after a failure or a pause: see which of them have succeeded before the workflow is \
            started anew. No command of dsctl starts these instances",
    },
    find: never_started,
};

/// Of how many instances of a finding the evidence is shown.
const SHOWN: usize = 3;

fn orphans(snapshot: &Snapshot) -> Vec<Finding> {
    let ids = &snapshot.orphans;
    about_all(ORPHANS.kind, ids, &[], |finding| {
        let mut finding = finding
            .fact(
                snapshot.table(),
                format!("claimed by a failover: {}", counted(ids, "instance")),
            )
            .fact(snapshot.command_table(), UNNAMED)
            .next("dsctl recover --orphans --dry-run");
        let errors = ids
            .iter()
            .filter_map(|id| Some((id, snapshot.errors.get(id)?)));
        for (id, (error, message)) in errors.take(SHOWN) {
            finding = finding.fact(
                snapshot.error_command_table(),
                failure(*id, *error, message.as_deref()),
            );
        }
        finding
    })
}

fn failure(id: InstanceId, error: i64, message: Option<&str>) -> String {
    format!(
        "the recovery of instance {id} failed (error command {error}): {}",
        message.unwrap_or("without a message")
    )
}

fn failed(snapshot: &Snapshot) -> Vec<Finding> {
    let failed = &snapshot.failed_recoveries;
    let ids: Vec<InstanceId> = failed.iter().map(|(id, ..)| *id).collect();
    about_all(FAILED.kind, &ids, &[], |mut finding| {
        for (id, error, message) in failed.iter().take(SHOWN) {
            finding = finding.fact(
                snapshot.error_command_table(),
                failure(*id, *error, message.as_deref()),
            );
        }
        finding.next("dsctl commands")
    })
}

fn doubled(snapshot: &Snapshot) -> Vec<Finding> {
    let several: Vec<(&InstanceId, &Vec<i64>)> = snapshot
        .recoveries
        .iter()
        .filter(|(_, commands)| commands.len() > 1)
        .collect();
    let ids: Vec<InstanceId> = several.iter().map(|(id, _)| **id).collect();
    let commands: Vec<i64> = several.iter().flat_map(|(_, ids)| *ids).copied().collect();
    about_all(DOUBLED.kind, &ids, &commands, |mut finding| {
        for (id, commands) in several.iter().take(SHOWN) {
            finding = finding.fact(
                snapshot.command_table(),
                format!("instance {id}: {}", counted(commands, "recovery command")),
            );
        }
        finding.next("dsctl commands")
    })
}

fn ended(snapshot: &Snapshot) -> Vec<Finding> {
    let of = |id| snapshot.recoveries.get(id).map_or(&[][..], Vec::as_slice);
    let ids: Vec<InstanceId> = snapshot.ended.iter().map(|(id, _)| *id).collect();
    let commands: Vec<i64> = ids.iter().flat_map(of).copied().collect();
    about_all(ENDED.kind, &ids, &commands, |mut finding| {
        for (id, state) in snapshot.ended.iter().take(SHOWN) {
            let state = snapshot.release.family.state_keyword(*state);
            finding = finding
                .fact(snapshot.table(), format!("instance {id} is {state}"))
                .fact(
                    snapshot.command_table(),
                    format!("{} for it", counted(of(id), "recovery command")),
                );
        }
        finding.next("dsctl commands")
    })
}

fn never_started(snapshot: &Snapshot) -> Vec<Finding> {
    let ids = &snapshot.never_started;
    about_all(NEVER_STARTED.kind, ids, &[], |finding| {
        finding
            .fact(
                snapshot.table(),
                format!("{} in SUBMITTED_SUCCESS", counted(ids, "instance")),
            )
            .fact(snapshot.command_table(), UNNAMED)
            .next("dsctl commands")
    })
}
