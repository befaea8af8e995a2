//! What an operator allows and wants, and the observer of a run.

use std::time::Duration;

use super::life::AbsenceProof;
use super::parameter::GivenState;
use crate::family::Family;
use crate::metadata::{HostCount, Mark};
use crate::model::{Address, InstanceId, LockNode, Registrations};

/// Which halves of a failover are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steps {
    /// Only claim (`clear-hosts`).
    Claim,
    /// Only insert commands (`recover`).
    Command,
    /// Both, in one transaction (`failover`).
    Both,
}

/// What the operator allows and wants.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools)] // one for each named danger on the command line
pub struct Rules {
    /// Which halves of a failover are done.
    pub steps: Steps,
    /// Instances per transaction.
    pub batch: usize,
    /// Instances per second at most.
    pub rate: Option<u32>,
    /// How long to wait for the locks.
    pub lock_timeout: Duration,
    /// More instances than this for the whole run are refused.
    pub max_instances: usize,
    /// Go on without any registered master.
    pub allow_no_masters: bool,
    /// Instances older than the registration of a restarted master are failed over.
    pub allow_restarted: bool,
    /// Tasks are marked even if their old attempt may still run on a worker.
    pub allow_duplicate_tasks: bool,
    /// Masters that never ran an instance are taken for new ones, not for another cluster's.
    pub allow_new_masters: bool,
    /// 3.3.0: instances are taken although an earlier failover may have handed them over already.
    pub allow_recovered: bool,
    /// 3.3 and newer: the state before the hand-over.
    pub original_state: Option<GivenState>,
    /// What was seen when the absence of the one master that is failed over started; else the run's
    /// own first look is used.
    pub before: Option<AbsenceProof>,
    /// What masters had before anything was waited for, if that was looked at; else the run's own
    /// first look is used.
    pub mark: Option<Mark>,
}

impl Default for Rules {
    /// Both halves, and no consent to anything.
    fn default() -> Self {
        Self {
            steps: Steps::Both,
            batch: 1000,
            rate: None,
            lock_timeout: Duration::from_secs(30),
            max_instances: 10_000,
            allow_no_masters: false,
            allow_restarted: false,
            allow_duplicate_tasks: false,
            allow_new_masters: false,
            allow_recovered: false,
            original_state: None,
            before: None,
            mark: None,
        }
    }
}

/// Receives the progress of a run.
pub trait Observer: Send {
    /// A lock is held by another client and waited for.
    fn waiting_for_lock(&mut self, path: &str, holder: &LockNode);

    /// `done` of `total` instances of a master are done.
    fn batch_done(&mut self, master: &Address, done: usize, total: usize);

    /// A batch is about to be committed that overwrites these states, which nothing else may know.
    fn overwriting(&mut self, _states: &[(InstanceId, i64)]) {}

    /// A master's absence is observed again for this long, because its turn comes late.
    fn rechecking_absence(&mut self, _master: &Address, _time: Duration) {}

    /// Whether the run is to be paused before its next batch: by whom, and why. Called before each
    /// batch, with the locks held.
    fn paused(&mut self) -> Option<(String, String)> {
        None
    }

    /// The limit on how many masters are failed over by all clients; called with the locks held,
    /// before the first batch.
    fn limit(&self) -> Option<&dyn Limit> {
        None
    }
}

/// Decides whether one more failover is too much.
pub trait Limit: Sync {
    /// How long a failover counts.
    fn window(&self) -> Duration;

    /// Judges the other clients' failovers.
    fn capacity(&self, family: &Family, concurrent: &ConcurrentFailovers<'_>) -> Capacity;
}

/// What is known about other clients that fail masters over.
#[derive(Clone, Copy, Debug)]
pub struct ConcurrentFailovers<'a> {
    /// The master whose failover is about to start.
    pub master: &'a Address,
    /// The registered masters.
    pub masters: &'a Registrations,
    /// The unfinished instances in the database.
    pub counts: &'a [HostCount],
    /// Other masters with work whose lock is held.
    pub at_work: &'a [String],
}

/// Whether there is room for one more failover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Capacity {
    /// Yes, whatever others are doing.
    Enough,
    /// Only if others give up what they have started.
    Others,
    /// No, because of what is already done; why.
    Nobodys(String),
    /// No: this master alone has more instances than that.
    Never {
        /// Its unfinished instances.
        found: usize,
        /// How many are allowed.
        limit: usize,
    },
}
