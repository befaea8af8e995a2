//! What a check is.

use super::finding::{Finding, FindingKind};
use super::snapshot::Snapshot;

/// A check, with the kind of what it finds.
#[derive(Debug)]
pub struct Check {
    /// The kind of its findings.
    pub kind: &'static FindingKind,
    pub(super) find: fn(&Snapshot) -> Vec<Finding>,
}

impl Check {
    /// What it finds.
    pub(super) fn run(&self, snapshot: &Snapshot) -> Vec<Finding> {
        (self.find)(snapshot)
    }
}
