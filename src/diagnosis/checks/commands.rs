//! Commands that wait, and that no master takes.

use std::collections::BTreeMap;

use super::masters::overload;
use crate::diagnosis::check::Check;
use crate::diagnosis::finding::{Finding, FindingKind, Severity, Subject, counted};
use crate::diagnosis::snapshot::Snapshot;

/// DS-024.
pub(super) const UNTAKEN: Check = Check {
    kind: &FindingKind {
        code: "DS-024",
        title: "commands wait, and no master takes any of them",
        severity: Severity::Look,
        meaning: "A master looks for commands every second. Of these none was taken between two looks: \
            what they are to start, or to go on with, stands still. From 2.0 on commands are shared out among \
            the masters by the remainder of their ids, so that one master that takes none holds up its share alone.",
        causes: &[
            "a master that is busy with a large workflow, or whose thread for commands has ended, although it is \
             registered",
            "the masters do not agree on who takes what, after one of them came or went: 3.0.5, and 3.3.0 to 3.3.1",
            "a master that says that it is overloaded takes none",
            "1.x: the master that holds the lock of the commands hangs",
        ],
        upstream: &[5364, 13913, 17050, 17232, 18570],
        remedy: "look at the logs of the masters, and restart one that takes no commands. Delete no \
            command: what it was to start would never start",
    },
    find: untaken,
};

/// DS-025.
pub(super) const UNSEEN: Check = Check {
    kind: &FindingKind {
        code: "DS-025",
        title: "commands that no master sees: their workflow definition is not online",
        severity: Severity::Look,
        meaning: "Masters of 1.x look for commands only of definitions that are online: these wait until \
            theirs is, and start then, however old they are.",
        causes: &["the workflow was taken offline, or deleted, while commands for it waited"],
        upstream: &[],
        remedy: "put the workflow online in DolphinScheduler if they are to start",
    },
    find: unseen,
};

/// How many slots are described.
const SHOWN: usize = 5;

fn untaken(snapshot: &Snapshot) -> Vec<Finding> {
    let commands = &snapshot.slow.commands;
    // A queue may always be long: only one that does not move says something.
    if !snapshot.slow.seen_twice || commands.ids.is_empty() || snapshot.doubt.is_some() {
        return Vec::new();
    }
    let subject = Subject::default().of_commands(&commands.ids);
    let all = counted(&commands.ids, "waiting command");
    let mut finding = Finding::new(UNTAKEN.kind, subject).fact(
        snapshot.command_table(),
        format!("{all}, of which none was taken between two looks"),
    );
    if commands.slots > 1 {
        let mut slots: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for id in &commands.ids {
            slots.entry(commands.slot(*id)).or_default().push(*id);
        }
        for (slot, ids) in slots.into_iter().take(SHOWN) {
            let fact = format!(
                "with {} masters, remainder {slot}: {}",
                commands.slots,
                counted(&ids, "command")
            );
            finding = finding.fact(snapshot.command_table(), fact);
        }
    }
    for server in &snapshot.masters.servers {
        let status = overload(server).unwrap_or_else(|| "registered".to_owned());
        finding = finding.fact(format!("registry {}", server.node), status);
    }
    vec![finding.next("dsctl commands")]
}

fn unseen(snapshot: &Snapshot) -> Vec<Finding> {
    let ids = &snapshot.unseen_commands;
    if ids.is_empty() {
        return Vec::new();
    }
    let finding = Finding::new(UNSEEN.kind, Subject::default().of_commands(ids))
        .fact(snapshot.command_table(), counted(ids, "waiting command"))
        .fact(
            snapshot.definition_tables(),
            "their definitions are offline, deleted, or not there",
        );
    vec![finding.next("dsctl commands")]
}
