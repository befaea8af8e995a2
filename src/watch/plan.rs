//! What the loop is to do.

use std::time::Duration;

use super::guard::Limits;
use crate::failover::Rules;

/// What the loop is to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Between two scans of the store, from start to start.
    pub interval: Duration,
    /// What holds a failover back.
    pub limits: Limits,
    /// How a failover is done.
    pub rules: Rules,
    /// One round.
    pub once: bool,
    /// Give up after so long without a round that succeeded.
    pub fail_after: Option<Duration>,
    /// Consent; without it every failover is a dry run.
    pub dry_run: bool,
}
