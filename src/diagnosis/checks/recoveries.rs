//! What became of instances that were handed over.

use crate::diagnosis::check::Check;
use crate::diagnosis::finding::{Finding, FindingKind, Severity, Subject, counted};
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
        remedy: "delete all but one of them from the command table while no master takes commands",
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

fn orphans(snapshot: &Snapshot) -> Vec<Finding> {
    let ids = &snapshot.orphans;
    if ids.is_empty() {
        return Vec::new();
    }
    let mut finding = Finding::new(ORPHANS.kind, Subject::default().of_instances(ids))
        .fact(
            snapshot.table(),
            format!("claimed by a failover: {}", counted(ids, "instance")),
        )
        .fact(
            format!("database {}", snapshot.release.family.tables.command),
            "no waiting command names them",
        )
        .next("dsctl recover --orphans --dry-run");
    let errors = ids
        .iter()
        .filter_map(|id| Some((id, snapshot.errors.get(id)?)));
    for (id, (error, message)) in errors.take(3) {
        finding = finding.fact(
            format!("database {}", snapshot.release.family.tables.error_command),
            failure(*id, *error, message.as_deref()),
        );
    }
    vec![finding]
}

fn failure(id: InstanceId, error: i64, message: Option<&str>) -> String {
    format!(
        "the recovery of instance {id} failed (error command {error}): {}",
        message.unwrap_or("without a message")
    )
}

fn failed(snapshot: &Snapshot) -> Vec<Finding> {
    let failed = snapshot.failed_recoveries.iter();
    let found = failed.map(|(id, error, message)| {
        Finding::new(FAILED.kind, Subject::default().of_instances(&[*id])).fact(
            format!("database {}", snapshot.release.family.tables.error_command),
            failure(*id, *error, message.as_deref()),
        )
    });
    found.collect()
}

fn doubled(snapshot: &Snapshot) -> Vec<Finding> {
    let several = snapshot
        .recoveries
        .iter()
        .filter(|(_, commands)| commands.len() > 1);
    let found = several.map(|(id, commands)| {
        let subject = Subject::default()
            .of_instances(&[*id])
            .of_commands(commands);
        Finding::new(DOUBLED.kind, subject)
            .fact(
                format!("database {}", snapshot.release.family.tables.command),
                format!("instance {id}: {}", counted(commands, "recovery command")),
            )
            .next("dsctl commands")
    });
    found.collect()
}

fn ended(snapshot: &Snapshot) -> Vec<Finding> {
    let found = snapshot.ended.iter().map(|(id, state)| {
        let commands = snapshot.recoveries.get(id).map_or(&[][..], Vec::as_slice);
        let subject = Subject::default()
            .of_instances(&[*id])
            .of_commands(commands);
        let state = snapshot.release.family.state_keyword(*state);
        Finding::new(ENDED.kind, subject)
            .fact(snapshot.table(), format!("instance {id} is {state}"))
            .fact(
                format!("database {}", snapshot.release.family.tables.command),
                format!("{} for it", counted(commands, "recovery command")),
            )
            .next("dsctl commands")
    });
    found.collect()
}
