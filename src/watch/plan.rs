//! The settings of the loop.

use std::time::Duration;

use super::guard::Limits;
use crate::failover::Rules;

/// The settings of the loop.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The time between two scans of the database, from start to start.
    pub interval: Duration,
    /// The limits of the guards.
    pub limits: Limits,
    /// The rules of a failover.
    pub rules: Rules,
    /// Only one round.
    pub once: bool,
    /// Give up after this long without a successful round.
    pub fail_after: Option<Duration>,
    /// How often is looked for what hangs, if at all.
    pub diagnose_every: Option<Duration>,
    /// Consent; without it every failover is a dry run.
    pub dry_run: bool,
}
