//! Failover locks that stay.

use crate::diagnosis::beats;
use crate::diagnosis::check::Check;
use crate::diagnosis::finding::{Finding, FindingKind, Severity, Subject};
use crate::diagnosis::locks::LockQueue;
use crate::diagnosis::snapshot::Snapshot;
use crate::failover::{UNHEEDED, about_kept};
use crate::model::LockNode;
use crate::output::ago;

/// DS-020.
pub(super) const PERSISTENT: Check = Check {
    kind: &FindingKind {
        code: "DS-020",
        title: "a failover lock that no session keeps",
        severity: Severity::Act,
        meaning: "The lock stays for ever: no master and no dsctl can fail over what it guards.",
        causes: &["nodes were copied from another registry with a tool, or made by hand"],
        upstream: &[],
        remedy: "make sure that nobody does a failover, then delete the node",
    },
    find: persistent,
};

/// DS-021.
pub(super) const KEPT: Check = Check {
    kind: &FindingKind {
        code: "DS-021",
        title: "a failover lock that a living master may have forgotten",
        severity: Severity::Look,
        meaning: "Masters of 3.3.0-alpha to 3.4.1 keep the lock of a master that they failed over \
            until they are restarted: a later failover of it waits for ever.",
        causes: &["the defect of these releases", "a failover goes on"],
        upstream: &[18_197],
        remedy: "see in 'dsctl instances' whether anything is left to do; restart its holder at a \
            quiet time, since a failover of that master has to wait until then",
    },
    find: kept,
};

/// DS-022.
pub(super) const FOREIGN: Check = Check {
    kind: &FindingKind {
        code: "DS-022",
        title: "a lock of another kind of program at a failover lock",
        severity: Severity::Note,
        meaning: UNHEEDED,
        causes: &["a program that does not use Curator's recipe has made it"],
        upstream: &[],
        remedy: "find out whose it is",
    },
    find: foreign,
};

/// DS-035.
pub(super) const LONG: Check = Check {
    kind: &FindingKind {
        code: "DS-035",
        title: "a failover lock whose holder has been there for long",
        severity: Severity::Look,
        meaning: "As long as it is held, nobody else fails over what it guards. How long its holder waited \
            before it got the lock is not known: it may hold it for a moment only.",
        causes: &[
            "a large failover goes on",
            "a 'dsctl lock acquire', or a program under it, has not ended",
            "a master hangs in its failover: before a database that does not answer, for example",
        ],
        upstream: &[],
        remedy: "look again, and see who holds it and for what; restart a master only if its log shows \
            that it hangs",
    },
    find: long,
};

/// In seconds. A failover of many thousand instances takes less.
const HELD_FOR_LONG: i64 = 600;

fn long(snapshot: &Snapshot) -> Vec<Finding> {
    // One that a master may have forgotten is another finding.
    let is_forgotten = |node| about_kept(&snapshot.release, node, &snapshot.masters).is_some();
    let holders = snapshot
        .locks
        .iter()
        .filter_map(|lock| Some((lock, lock.nodes.first()?)));
    let found = holders.filter_map(|(lock, node)| {
        // By the registry's clock, as both are written by it.
        let now = beats::newest(&snapshot.masters)?;
        let held = now.duration_since(node.created_at?).as_secs();
        if held < HELD_FOR_LONG || node.is_persistent() || is_forgotten(node) {
            return None;
        }
        let fact = format!(
            "{} holds it, and was made {} before the newest heartbeat of a master",
            node.node,
            ago(held)
        );
        let finding = about(LONG.kind, lock, node).fact(format!("registry {}", lock.path), fact);
        Some(finding.next("dsctl lock status"))
    });
    found.collect()
}

fn about(kind: &'static FindingKind, lock: &LockQueue, node: &LockNode) -> Finding {
    let subject = Subject {
        lock: Some(lock.path.clone()),
        node: Some(format!("{}/{}", lock.path, node.node)),
        ..Subject::default()
    };
    Finding::new(kind, subject)
}

fn persistent(snapshot: &Snapshot) -> Vec<Finding> {
    let nodes = snapshot
        .locks
        .iter()
        .flat_map(|lock| lock.nodes.iter().map(move |node| (lock, node)));
    nodes
        .filter(|(_, node)| node.is_persistent())
        .map(|(lock, node)| {
            about(PERSISTENT.kind, lock, node)
                .fact(
                    format!("registry {}", lock.path),
                    format!("the node {} is not ephemeral", node.node),
                )
                .next("dsctl lock status")
        })
        .collect()
}

fn kept(snapshot: &Snapshot) -> Vec<Finding> {
    let holders = snapshot
        .locks
        .iter()
        .filter_map(|lock| Some((lock, lock.nodes.first()?)));
    holders
        .filter_map(|(lock, node)| {
            let fact = about_kept(&snapshot.release, node, &snapshot.masters)?;
            Some(
                about(KEPT.kind, lock, node)
                    .fact(format!("registry {}", lock.path), fact)
                    .next("dsctl lock status"),
            )
        })
        .collect()
}

fn foreign(snapshot: &Snapshot) -> Vec<Finding> {
    let nodes = snapshot
        .locks
        .iter()
        .flat_map(|lock| lock.foreign.iter().map(move |node| (lock, node)));
    nodes
        .map(|(lock, node)| {
            about(FOREIGN.kind, lock, node).fact(
                format!("registry {}", lock.path),
                format!("the node {} is another program's", node.node),
            )
        })
        .collect()
}
