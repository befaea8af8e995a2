//! What an operator allows and wants, and who is told how a run goes on.

use std::time::Duration;

use super::life::Before;
use super::parameter::GivenState;
use crate::family::Family;
use crate::metadata::HostCount;
use crate::model::{Address, LockNode, Registrations};

/// Which halves of a failover are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steps {
    /// Claim alone (`clear-hosts`).
    Claim,
    /// Command alone (`recover`).
    Command,
    /// Both, in one transaction (`failover`).
    Both,
}

/// What the operator allows and wants.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools)] // one for each named danger on the command line
pub struct Rules {
    /// Which halves.
    pub steps: Steps,
    /// Instances per transaction.
    pub batch: usize,
    /// Instances per second at most.
    pub rate: Option<u32>,
    /// How long to wait for the locks.
    pub lock_timeout: Duration,
    /// More instances than this for the whole run are refused.
    pub max_instances: usize,
    /// No registered master is no reason to refuse.
    pub allow_no_masters: bool,
    /// Instances older than the registration of a restarted master are failed over.
    pub allow_restarted: bool,
    /// Tasks are marked though their old attempt may still run on a worker.
    pub allow_duplicate_tasks: bool,
    /// Masters that no instance was ever run by are taken for new ones, not for another cluster's.
    pub allow_new_masters: bool,
    /// 3.3.0: instances are taken although an earlier failover may have handed them over already.
    pub allow_recovered: bool,
    /// 3.3 and newer: the state before the hand-over.
    pub original_state: Option<GivenState>,
    /// What was seen when the absence of the one master that is failed over began; else it is the
    /// run's own first look.
    pub before: Option<Before>,
}

impl Default for Rules {
    /// Both halves, and no consent to anything.
    fn default() -> Self {
        Self {
            steps: Steps::Both,
            batch: 500,
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
        }
    }
}

/// Is told how a run goes on. Prints, or does not.
pub trait Observer: Send {
    /// A lock is held by someone else, who is waited for.
    fn waiting_for_lock(&mut self, path: &str, holder: &LockNode);

    /// So many of so many instances of a master are done.
    fn batch_done(&mut self, master: &Address, done: usize, total: usize);

    /// A master's absence is seen anew, for so long, as its turn comes late.
    fn seeing_away(&mut self, _master: &Address, _time: Duration) {}

    /// Who wants the run to end before its next batch, and why; asked before each one, with the
    /// locks held.
    fn paused(&mut self) -> Option<(String, String)> {
        None
    }

    /// Who limits how many masters are failed over, whoever does it; asked with the locks held,
    /// before the first batch.
    fn limit(&self) -> Option<&dyn Limit> {
        None
    }
}

/// Says whether one more failover is too much.
pub trait Limit: Sync {
    /// For how long what was done counts.
    fn window(&self) -> Duration;

    /// Judges what is seen.
    fn room(&self, family: &Family, crowd: &Crowd<'_>) -> Room;
}

/// What is seen of the others that fail masters over.
#[derive(Clone, Copy, Debug)]
pub struct Crowd<'a> {
    /// Whose failover is about to begin.
    pub master: &'a Address,
    /// Who is registered.
    pub masters: &'a Registrations,
    /// What stands in the store.
    pub counts: &'a [HostCount],
    /// Other masters with work whose lock is held.
    pub at_work: &'a [String],
}

/// Whether there is room for one more failover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Room {
    /// Yes, whatever others are doing.
    Enough,
    /// Only if others who have begun leave it at that.
    Others,
    /// No, by what is done already; why.
    Nobodys(String),
}
