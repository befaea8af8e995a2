//! The checks: pure functions on a snapshot.

mod commands;
mod database;
mod definitions;
mod hosts;
mod idle;
mod locks;
mod masters;
mod queues;
mod recoveries;
mod stops;
mod trees;
mod upgrade;
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
    commands::UNTAKEN,
    commands::UNSEEN,
    trees::APART,
    trees::UNSEEN,
    queues::COORDINATED,
    idle::FORGOTTEN,
    database::ZONE,
    database::RIGHTS,
    database::REPLICA,
    database::SCHEMA,
    masters::MARKED,
    locks::LONG,
    upgrade::UNENDED,
    upgrade::COMMANDS,
    upgrade::QUEUES,
    upgrade::SERVERS,
    upgrade::UNKNOWN_STATES,
    upgrade::OLD_PARAMETERS,
    upgrade::SCHEDULES,
];

/// What says whether an upgrade may begin, or what one has broken: that servers run, and that none
/// does, is right at one of these times.
const OF_AN_UPGRADE: &[&Check] = &[
    &recoveries::FAILED,
    &definitions::GONE,
    &queues::COORDINATED,
    &database::REPLICA,
    &database::SCHEMA,
    &upgrade::UNENDED,
    &upgrade::COMMANDS,
    &upgrade::QUEUES,
    &upgrade::SERVERS,
    &upgrade::UNKNOWN_STATES,
    &upgrade::OLD_PARAMETERS,
    &upgrade::SCHEDULES,
];

/// What is found only if it stands still for a while, or in a file never.
const OF_TWO_LOOKS: [&str; 2] = ["DS-024", "DS-029"];

/// The checks that a snapshot can be judged by: those about an upgrade, if it was read for one, else
/// all others. Which of them a user may not see all for, the snapshot says itself.
#[must_use]
pub fn judged(snapshot: &Snapshot) -> Vec<&'static Check> {
    let checks: Vec<&Check> = match &snapshot.upgrade {
        None => {
            let of_an_upgrade = upgrade::ALL.map(|check| check.kind.code);
            let others = CHECKS.iter();
            others
                .filter(|check| !of_an_upgrade.contains(&check.kind.code))
                .collect()
        }
        Some(_) => OF_AN_UPGRADE.to_vec(),
    };
    let is_seen =
        |check: &&Check| snapshot.has_settled() || !OF_TWO_LOOKS.contains(&check.kind.code);
    checks.into_iter().filter(is_seen).collect()
}

/// What these checks find; the most urgent first.
#[must_use]
pub fn findings(snapshot: &Snapshot) -> Vec<Finding> {
    let checks = judged(snapshot).into_iter();
    let mut found: Vec<Finding> = checks.flat_map(|check| check.run(snapshot)).collect();
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
