//! What a run did: plain data, filled while it goes on, so that it is there whatever ends the run.

use std::time::Duration;

use super::error::FailoverError;
use crate::exit_code::ExitCode;
use crate::model::{Address, InstanceId, SkipReason, Verdict};
use crate::registry::RegistryError;

/// A lock that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockTaken {
    /// Full path.
    pub path: String,
    /// How long was waited for it.
    pub waited: Duration,
}

/// What was done for one master. In a dry run: what would be done.
#[derive(Clone, Debug, PartialEq)]
pub struct MasterOutcome {
    /// The master.
    pub address: Address,
    /// `dead`, `restarted`, or `claimed` for instances handed over before.
    pub verdict: Verdict,
    /// Instances handed over, with the command's id: `None` where no command was inserted (`clear-hosts`, dry run) or
    /// a master had taken it up before its id could be read.
    pub recovered: Vec<(InstanceId, Option<i64>)>,
    /// Tasks marked.
    pub marked_tasks: Vec<i64>,
    /// Instances left untouched.
    pub skipped: Vec<(InstanceId, SkipReason)>,
    /// What the operator should know.
    pub notes: Vec<String>,
    /// 3.3 and newer, after claiming alone: instances by the state that is now written nowhere else.
    pub original_states: Vec<(InstanceId, i64)>,
}

impl MasterOutcome {
    /// Nothing done yet.
    #[must_use]
    pub fn new(address: Address, verdict: Verdict) -> Self {
        Self {
            address,
            verdict,
            recovered: Vec::new(),
            marked_tasks: Vec::new(),
            skipped: Vec::new(),
            notes: Vec::new(),
            original_states: Vec::new(),
        }
    }
}

/// A whole run.
#[derive(Debug, Default)]
pub struct Run {
    /// Locks taken, in order.
    pub locks: Vec<LockTaken>,
    /// Each master that was begun.
    pub masters: Vec<MasterOutcome>,
    /// What ended the run early.
    pub failure: Option<FailoverError>,
    /// That a lock was not given back ([`RegistryError::NotReleased`]): the session must be ended.
    pub unreleased: Option<Box<RegistryError>>,
    /// How long it took.
    pub elapsed: Duration,
    /// Whether anything was committed.
    pub wrote: bool,
}

impl Run {
    /// Number of instances handed over.
    #[must_use]
    pub fn recovered(&self) -> usize {
        self.masters.iter().map(|master| master.recovered.len()).sum()
    }

    /// Number of instances left untouched.
    #[must_use]
    pub fn skipped(&self) -> usize {
        self.masters.iter().map(|master| master.skipped.len()).sum()
    }

    /// The exit code: what ended the run, else whether an instance was left that should not have been.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match &self.failure {
            Some(failure) => failure.exit_code(self.wrote),
            None if self.masters.iter().flat_map(|master| &master.skipped).any(|(_, reason)| reason.is_trouble()) => {
                ExitCode::Partial
            }
            None => ExitCode::Done,
        }
    }
}

impl SkipReason {
    /// Whether the instance still needs somebody: not where it is handed over, alive or ended.
    #[must_use]
    pub fn is_trouble(&self) -> bool {
        !matches!(
            self,
            Self::CommandWaiting(_) | Self::LivingMaster | Self::Finished | Self::NotClaimed(Verdict::Alive)
        )
    }
}
