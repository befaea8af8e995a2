//! Definitions that a master needs to take an instance up.

use crate::diagnosis::check::Check;
use crate::diagnosis::finding::{Finding, FindingKind, Severity, about_all, counted};
use crate::diagnosis::snapshot::Snapshot;
use crate::family::DefinitionKey;

/// DS-017.
pub(super) const GONE: Check = Check {
    kind: &FindingKind {
        code: "DS-017",
        title: "instances that wait for a master, and whose workflow definition is gone",
        severity: Severity::Act,
        meaning: "A master that takes an instance up reads its definition, from 2.0 on in the version \
            that it was started with, and from 3.3 on its project, too. Without it no master of 1.x takes its \
            command; from 2.0 on the recovery fails and its command goes to the error commands; and from 3.4.0 on \
            the instance becomes FAILURE. dsctl hands such an instance over to nobody.",
        causes: &[
            "the workflow, or that version of it, or its project was deleted while it ran",
            "the tables were restored without the log of the definitions",
        ],
        upstream: &[],
        remedy: "restore the definition, in that version and with its project, from a backup before a \
            master takes a command for one of these; if that is impossible, see that their tasks have ended, and \
            set them to their end by hand",
    },
    find: gone,
};

/// DS-018.
pub(super) const OFFLINE: Check = Check {
    kind: &FindingKind {
        code: "DS-018",
        title: "instances that wait for a master, and whose workflow definition is not online",
        severity: Severity::Act,
        meaning: "Masters of 1.x take a command only if its definition is online: the recovery of \
            these instances waits until then.",
        causes: &[
            "the workflow was taken offline while it ran, for example to change it",
            "it was deleted, which leaves its row with flag 0",
            "the instance names no definition (0)",
        ],
        upstream: &[],
        remedy: "put the workflow online in DolphinScheduler, and its schedule, too; where it is deleted, \
            or there is none, see that the tasks have ended, and set the instances to their end by hand",
    },
    find: offline,
};

fn gone(snapshot: &Snapshot) -> Vec<Finding> {
    let ids = &snapshot.without_definition;
    about_all(GONE.kind, ids, &[], |finding| {
        finding
            .fact(
                snapshot.table(),
                format!(
                    "{} without a master that runs them",
                    counted(ids, "unfinished instance")
                ),
            )
            .fact(
                snapshot.definition_tables(),
                missing(snapshot.release.family.definition),
            )
            .next("dsctl instances")
    })
}

fn missing(key: DefinitionKey) -> &'static str {
    match key {
        DefinitionKey::Id => "their definitions are not there",
        DefinitionKey::CodeInMainOrLog => "their definitions are not there in this version",
        DefinitionKey::CodeInLog => {
            "their definitions are not there in this version, or not their projects"
        }
    }
}

fn offline(snapshot: &Snapshot) -> Vec<Finding> {
    let ids = &snapshot.offline;
    about_all(OFFLINE.kind, ids, &[], |finding| {
        finding
            .fact(
                snapshot.definition_tables(),
                format!(
                    "the definitions of {} are offline or deleted, or they name none",
                    counted(ids, "unfinished instance")
                ),
            )
            .next("dsctl instances")
    })
}
