//! Instances that a living master has, and that go on by nothing.

use std::collections::BTreeMap;

use crate::diagnosis::check::Check;
use crate::diagnosis::finding::{Finding, FindingKind, Severity, Subject, counted};
use crate::diagnosis::snapshot::Snapshot;
use crate::model::InstanceId;

/// DS-029.
pub(super) const FORGOTTEN: Check = Check {
    kind: &FindingKind {
        code: "DS-029",
        title: "instances of a living master of which no task runs or waits",
        severity: Severity::Look,
        meaning: "A master submits the next task, or ends the instance, within a moment. Of these no task was \
            unfinished, or had a retry to come, in two looks, and no new one came: the master may have lost them \
            from its memory. A stop of such an instance changes its state alone.",
        causes: &[
            "an event of the master was lost, or its thread for them has ended: see its log",
            "the instance was written while the master could not build its graph (3.2)",
            "the master is slow: a graph of a thousand tasks, a database that hangs",
        ],
        upstream: &[13149, 13389, 18246, 18318],
        remedy: "look for the instance in the master's log. What is only in a master's memory is mended by its \
            restart alone: then its instances are handed over. Nobody but the master may write these rows before",
    },
    find: forgotten,
};

fn forgotten(snapshot: &Snapshot) -> Vec<Finding> {
    // Between two tasks that is always so for a moment.
    if !snapshot.slow.seen_twice {
        return Vec::new();
    }
    let mut hosts: BTreeMap<&str, Vec<InstanceId>> = BTreeMap::new();
    for instance in &snapshot.slow.idle {
        let host = instance.host.as_deref().unwrap_or_default();
        hosts.entry(host).or_default().push(instance.id);
    }
    let found = hosts.into_iter().map(|(host, ids)| {
        let fact = format!(
            "{}: in two looks no task was unfinished or had a retry to come, and none came",
            counted(&ids, "instance")
        );
        Finding::new(FORGOTTEN.kind, Subject::master(host).of_instances(&ids))
            .fact(snapshot.table(), fact)
            .next("dsctl instances")
    });
    found.collect()
}
