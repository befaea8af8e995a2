//! What the rows say about settings.

use crate::diagnosis::check::Check;
use crate::diagnosis::finding::{Finding, FindingKind, Severity, Subject};
use crate::diagnosis::snapshot::Snapshot;

/// DS-030.
pub(super) const ZONE: Check = Check {
    kind: &FindingKind {
        code: "DS-030",
        title: "the rows contradict the masters' zone that was given",
        severity: Severity::Look,
        meaning: "Times of the tables are those of another zone: as long as that is open, nothing \
            is judged by them, and no instance of an earlier run is found.",
        causes: &[
            "--time-zone is wrong",
            "masters run in different zones, or one clock is wrong",
        ],
        upstream: &[],
        remedy: "give the zone of the masters' JVM with --time-zone",
    },
    find: zone,
};

fn zone(snapshot: &Snapshot) -> Vec<Finding> {
    let found = snapshot.zone.iter().map(|disproof| {
        Finding::new(ZONE.kind, Subject::default())
            .fact(snapshot.table(), disproof.seen.clone())
            .fact("--time-zone", disproof.zone.clone())
    });
    found.collect()
}
