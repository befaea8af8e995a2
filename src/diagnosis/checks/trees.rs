//! Parents and children that are apart.

use std::time::Duration;

use super::queues::marked;
use crate::diagnosis::check::Check;
use crate::diagnosis::finding::{Finding, FindingKind, Severity, about_all, counted};
use crate::diagnosis::snapshot::Snapshot;
use crate::diagnosis::trees::ApartPair;
use crate::model::InstanceId;

/// DS-026.
pub(super) const APART: Check = Check {
    kind: &FindingKind {
        code: "DS-026",
        title: "a child and its parent are apart",
        severity: Severity::Look,
        meaning: "A sub-workflow goes on although the instance that started it has ended or is gone: \
            nobody waits for its result. Or, up to 3.2, a parent waits for a child that no master has made: the \
            command for it is gone, and nobody writes it again.",
        causes: &[
            "the parent was ended, or its row was deleted, while its child went on",
            "a failover of 3.2 or 3.3.0 has started the child once more, and the parent followed the other one",
            "the command that makes the child has failed (see the error commands), or was deleted",
        ],
        upstream: &[16767],
        remedy: "a child without a parent: leave it to its end if its work is wanted, else stop it in \
            DolphinScheduler. A parent without a child: let a new instance do its work, and stop this one in \
            DolphinScheduler, which may hang, too; a failover does not help, since the row says that its child was \
            started",
    },
    find: apart,
};

/// DS-027.
pub(super) const UNSEEN: Check = Check {
    kind: &FindingKind {
        code: "DS-027",
        title: "a parent waits for a child that has ended",
        severity: Severity::Look,
        meaning: "A master looks every 1 to 10 seconds whether the child of a sub-workflow's task has \
            ended. These have, and the tasks of their parents wait on: such a parent does not end by itself. In \
            3.1.0 to 3.1.7 this becomes of every parent whose child was stopped: up to 3.1.6 its master cannot \
            read that state (its log has \"The task execution status code: 5 is invalidated\"), and 3.1.7 does \
            not count it as an end.",
        causes: &[
            "3.1.0 to 3.1.7: the child was stopped",
            "the parent's master has lost the task, or the event of its child's end",
        ],
        upstream: &[13940, 14303],
        remedy: "see the log of the parent's master for the task. After a restart of that master, whoever \
            takes the parent up looks at the child anew; but in 3.0, 3.2 and 3.3.0 that may run the child once \
            more, and in 3.1 masters then end the parent as FAILURE. A child that was stopped in 3.1.0 to 3.1.7 \
            stays such a one: only 3.1.8 and newer take that for an end",
    },
    find: unseen,
};

/// How many pairs are described.
const SHOWN: usize = 5;

/// The tree shows both sides.
const NEXT: &str = "dsctl instances --tree";

fn apart(snapshot: &Snapshot) -> Vec<Finding> {
    let (left, never_made) = (&snapshot.slow.trees.left, &snapshot.slow.trees.never_made);
    let orphans = children(left);
    let waiting = parents(never_made);
    let mut all = [orphans.clone(), waiting.clone()].concat();
    all.sort_unstable();
    all.dedup();
    about_all(APART.kind, &all, &[], |finding| {
        let table = relations(snapshot);
        let mut finding = finding;
        if !orphans.is_empty() {
            let fact = format!(
                "{} unfinished, whose parents have ended or are gone",
                counted(&orphans, "child instance")
            );
            finding = finding.fact(snapshot.table(), fact);
        }
        finding = left.iter().take(SHOWN).fold(finding, |finding, pair| {
            let fact = format!(
                "instance {} is a child of instance {}, which {}",
                shown(pair.relation.child),
                pair.relation.parent,
                became(snapshot, pair)
            );
            finding.fact(&table, fact)
        });
        finding = never_made.iter().take(SHOWN).fold(finding, |finding, pair| {
            let fact = format!(
                "task {} of instance {} waits for a child that was not made, and no waiting command makes it",
                pair.relation.task, pair.relation.parent
            );
            finding.fact(&table, fact)
        });
        marked(finding.next(NEXT), snapshot)
    })
}

fn unseen(snapshot: &Snapshot) -> Vec<Finding> {
    let pairs = &snapshot.slow.trees.unseen;
    about_all(UNSEEN.kind, &parents(pairs), &[], |finding| {
        let table = relations(snapshot);
        let described = pairs.iter().take(SHOWN);
        let finding = described.fold(finding, |finding, pair| {
            let fact = format!(
                "task {} of instance {} waits for instance {}, which {}",
                pair.relation.task,
                pair.relation.parent,
                shown(pair.relation.child),
                became(snapshot, pair)
            );
            finding.fact(&table, fact)
        });
        let finding = marked(finding.next(NEXT), snapshot);
        let seen_for = snapshot.slow.trees.seen_for;
        if snapshot.slow.seen_twice && seen_for < POLL {
            let fact = format!(
                "the two looks were {} s apart: masters of 3.2 and newer look every 10 s",
                seen_for.as_secs()
            );
            return finding.fact("this command", fact);
        }
        finding
    })
}

/// Masters look at a child within this time.
const POLL: Duration = Duration::from_secs(11);

/// The table of parents and children, as a source of evidence.
fn relations(snapshot: &Snapshot) -> String {
    format!("database {}", snapshot.release.family.tables.relation)
}

fn became(snapshot: &Snapshot, pair: &ApartPair) -> String {
    match pair.ended {
        None => "is gone".to_owned(),
        state => format!(
            "has ended ({})",
            snapshot.release.family.state_keyword(state)
        ),
    }
}

fn shown(id: Option<InstanceId>) -> InstanceId {
    id.unwrap_or_default()
}

fn parents(pairs: &[ApartPair]) -> Vec<InstanceId> {
    ascending(pairs.iter().map(|pair| pair.relation.parent))
}

fn children(pairs: &[ApartPair]) -> Vec<InstanceId> {
    ascending(pairs.iter().filter_map(|pair| pair.relation.child))
}

fn ascending(ids: impl Iterator<Item = InstanceId>) -> Vec<InstanceId> {
    let mut ids: Vec<InstanceId> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
