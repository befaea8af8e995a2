//! Definitions that a master needs to take an instance up.

use crate::diagnosis::check::Check;
use crate::diagnosis::finding::{Finding, FindingKind, Severity, Subject, counted};
use crate::diagnosis::snapshot::Snapshot;

/// DS-017.
pub(super) const GONE: Check = Check {
    kind: &FindingKind {
        code: "DS-017",
        title: "instances without a master, whose workflow definition is gone",
        severity: Severity::Act,
        meaning: "A master that takes an instance up reads the definition in the version that the \
            instance was started with. Without it the recovery fails: its command goes to the error \
            commands, and from 3.4.0 on the instance becomes FAILURE. A failover leaves them alone.",
        causes: &[
            "the workflow, or that version of it, or its project was deleted while it ran",
            "the tables were restored without the log of the definitions",
        ],
        upstream: &[],
        remedy: "restore that version of the definition from a backup before the failover; if that \
            is impossible, see that their tasks have ended, and set them to their end by hand",
    },
    find: gone,
};

/// DS-018.
pub(super) const OFFLINE: Check = Check {
    kind: &FindingKind {
        code: "DS-018",
        title: "instances without a master, whose workflow definition is offline",
        severity: Severity::Act,
        meaning: "Masters of 1.x take a command only if its definition is online: the recovery of \
            these instances waits until then.",
        causes: &["the workflow was taken offline while it ran, for example to change it"],
        upstream: &[],
        remedy: "put the workflow online in DolphinScheduler; schedules have to be put online again, too",
    },
    find: offline,
};

fn gone(snapshot: &Snapshot) -> Vec<Finding> {
    let ids = &snapshot.without_definition;
    let finding = (!ids.is_empty()).then(|| {
        Finding::new(GONE.kind, Subject::default().of_instances(ids))
            .fact(
                snapshot.table(),
                format!("{} without a master", counted(ids, "unfinished instance")),
            )
            .fact(
                snapshot.definition_tables(),
                "not this version of their definitions",
            )
            .next("dsctl instances")
    });
    finding.into_iter().collect()
}

fn offline(snapshot: &Snapshot) -> Vec<Finding> {
    let ids = &snapshot.offline;
    let finding = (!ids.is_empty()).then(|| {
        Finding::new(OFFLINE.kind, Subject::default().of_instances(ids))
            .fact(
                snapshot.definition_tables(),
                format!(
                    "the definitions of {} are offline",
                    counted(ids, "unfinished instance")
                ),
            )
            .next("dsctl instances")
    });
    finding.into_iter().collect()
}
