//! The checks: pure functions on a snapshot.

mod database;
mod definitions;
mod hosts;
mod locks;
mod masters;
mod queues;
mod recoveries;
mod stops;
mod trees;
mod workers;

use super::check::Check;
use super::finding::{Finding, FindingKind};
use super::snapshot::Snapshot;

/// All checks, in order of code.
pub const CHECKS: &[Check] = &[
    masters::DEAD,
    masters::EARLIER_RUN,
    recoveries::ORPHANS,
    recoveries::FAILED,
    recoveries::DOUBLED,
    recoveries::ENDED,
    stops::UNFINISHED,
    hosts::STRANGE,
    masters::NONE,
    masters::PERSISTENT,
    masters::SILENT,
    masters::CLOCK,
    masters::DOUBTED,
    workers::NO_WORKER,
    masters::OVERLOADED,
    recoveries::NEVER_STARTED,
    definitions::GONE,
    definitions::OFFLINE,
    queues::SERIAL,
    locks::PERSISTENT,
    locks::KEPT,
    locks::FOREIGN,
    queues::TASK_GROUP,
    trees::APART,
    trees::UNSEEN,
    database::ZONE,
];

/// What all checks find, the most urgent first.
#[must_use]
pub fn findings(snapshot: &Snapshot) -> Vec<Finding> {
    let mut found: Vec<Finding> = CHECKS
        .iter()
        .flat_map(|check| check.run(snapshot))
        .collect();
    found.sort_by_key(|finding| (finding.severity(), finding.kind.code));
    found
}

/// The kind with a code, in whatever case it is written.
#[must_use]
pub fn kind(code: &str) -> Option<&'static FindingKind> {
    let kinds = CHECKS.iter().map(|check| check.kind);
    kinds
        .into_iter()
        .find(|kind| kind.code.eq_ignore_ascii_case(code))
}
