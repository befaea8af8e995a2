//! The result of a run: plain data, filled during the run, so that it is there whatever ends it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::error::{FailoverError, Refusal};
use super::handed_over::HandedOver;
use crate::exit_code::ExitCode;
use crate::metadata::database::DatabaseError;
use crate::model::{Address, InstanceId, SkipReason, Verdict};
use crate::registry::RegistryError;

/// A lock that was acquired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockTaken {
    /// Full path.
    pub path: String,
    /// How long it was waited for.
    pub waited: Duration,
}

/// Why a master's work was not completed.
#[derive(Clone, Debug)]
pub enum Unfinished {
    /// This error ended it.
    Failed(FailoverError),
    /// The run ended before it.
    NotBegun,
}

/// What was done for one master. In a dry run: what would be done.
#[derive(Clone, Debug)]
pub struct MasterOutcome {
    /// The master.
    pub address: Address,
    /// `dead`, `restarted`, `claimed` for instances handed over before, or `alive` for one that was refused.
    pub verdict: Verdict,
    /// Instances handed over, with the command's id: `None` if no command was inserted
    /// (`clear-hosts`, dry run) or a master had taken it up before its id could be read.
    pub recovered: Vec<(InstanceId, Option<i64>)>,
    /// The rows of these before, as far as a take-up is detected by the difference.
    pub handed_over: Vec<HandedOver>,
    /// Tasks marked.
    pub marked_tasks: Vec<i64>,
    /// Instances left untouched.
    pub skipped: Vec<(InstanceId, SkipReason)>,
    /// What the operator should know.
    pub notes: Vec<String>,
    /// 3.3 and newer, after claiming alone: instances by the state that is no longer stored
    /// anywhere else.
    pub original_states: Vec<(InstanceId, i64)>,
    /// Why its work may be incomplete.
    pub trouble: Option<Unfinished>,
    /// Tasks that workers were asked to end, each once in a run, and whether the worker reported
    /// that it has ended.
    pub asked: BTreeMap<i64, bool>,
}

impl MasterOutcome {
    /// Nothing done yet.
    #[must_use]
    pub fn new(address: Address, verdict: Verdict) -> Self {
        Self {
            address,
            verdict,
            recovered: Vec::new(),
            handed_over: Vec::new(),
            marked_tasks: Vec::new(),
            skipped: Vec::new(),
            notes: Vec::new(),
            original_states: Vec::new(),
            trouble: None,
            asked: BTreeMap::new(),
        }
    }

    /// The error that ended its work, if one did.
    #[must_use]
    pub fn failure(&self) -> Option<&FailoverError> {
        match &self.trouble {
            Some(Unfinished::Failed(error)) => Some(error),
            Some(Unfinished::NotBegun) | None => None,
        }
    }

    /// Whether any of its instances is reported.
    #[must_use]
    pub fn has_rows(&self) -> bool {
        !self.recovered.is_empty() || !self.skipped.is_empty()
    }
}

/// A whole run.
#[derive(Debug, Default)]
pub struct Run {
    /// Locks taken, in order.
    pub locks: Vec<LockTaken>,
    /// Each master, also one whose work failed or was not started.
    pub masters: Vec<MasterOutcome>,
    /// The error that ended the run early, or else the worst error of one of its masters.
    pub failure: Option<FailoverError>,
    /// That a lock was not released ([`RegistryError::NotReleased`]): the session must be ended.
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
        self.masters
            .iter()
            .map(|master| master.recovered.len())
            .sum()
    }

    /// Number of instances left untouched.
    #[must_use]
    pub fn skipped(&self) -> usize {
        self.masters.iter().map(|master| master.skipped.len()).sum()
    }

    /// Whether the run ended early; otherwise each master had its turn.
    #[must_use]
    pub fn ended_early(&self) -> bool {
        self.failure.as_ref().is_some_and(ends_run)
    }

    /// Records the result of one master. Returns the error if the others cannot be done either.
    pub(super) fn record_result(
        &mut self,
        address: &Address,
        verdict: Verdict,
        result: Result<(), FailoverError>,
    ) -> Result<(), FailoverError> {
        let Err(error) = result else { return Ok(()) };
        // It is registered, and nothing shows that it was restarted.
        let lives = matches!(
            error,
            FailoverError::Refused(Refusal::MasterRegistered {
                older: None | Some(0),
                ..
            })
        );
        let verdict = if lives { Verdict::Alive } else { verdict };
        self.outcome_of(address, verdict).trouble = Some(Unfinished::Failed(error.clone()));
        if ends_run(&error) { Err(error) } else { Ok(()) }
    }

    /// Adds the masters that the run did not reach.
    pub(super) fn name_others(&mut self, masters: &[(&Address, Verdict)]) {
        for (address, verdict) in masters {
            if !self
                .masters
                .iter()
                .any(|master| master.address == **address)
            {
                self.outcome_of(address, *verdict).trouble = Some(Unfinished::NotBegun);
            }
        }
        // In the given order; a held lock has moved its master behind the others.
        let place = |master: &MasterOutcome| {
            masters
                .iter()
                .position(|(address, _)| **address == master.address)
        };
        self.masters.sort_by_key(place);
    }

    /// Adds a master's outcome, replacing one that says only why its work was not started.
    pub(super) fn put(&mut self, outcome: MasterOutcome) {
        self.masters
            .retain(|master| master.address != outcome.address || master.has_rows());
        self.masters.push(outcome);
    }

    /// A master's newest outcome, created if there is none yet.
    fn outcome_of(&mut self, address: &Address, verdict: Verdict) -> &mut MasterOutcome {
        let place = self
            .masters
            .iter()
            .rposition(|master| master.address == *address)
            .unwrap_or_else(|| {
                self.masters
                    .push(MasterOutcome::new(address.clone(), verdict));
                self.masters.len() - 1
            });
        &mut self.masters[place]
    }

    /// The worst error of a master.
    pub(super) fn worst(&self) -> Option<&FailoverError> {
        let failures = self.masters.iter().filter_map(MasterOutcome::failure);
        // The first of equals.
        failures
            .rev()
            .max_by_key(|error| severity(error.exit_code(self.wrote)))
    }

    /// The exit code: that of the error that ended the run, else the worst of the masters' errors
    /// and of instances that should not have been left.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        let left = self
            .masters
            .iter()
            .flat_map(|master| &master.skipped)
            .any(|(_, reason)| reason.is_trouble());
        match &self.failure {
            Some(failure) => {
                let code = failure.exit_code(self.wrote);
                let is_worse = severity(ExitCode::Partial) > severity(code);
                if left && is_worse && !ends_run(failure) {
                    ExitCode::Partial
                } else {
                    code
                }
            }
            None if left => ExitCode::Partial,
            None => ExitCode::Done,
        }
    }
}

/// Whether the masters after this one cannot or must not be done either. A safety check about one
/// master does not concern the next; every other one is about the cluster.
pub(super) fn ends_run(error: &FailoverError) -> bool {
    match error {
        FailoverError::Refused(refusal) => !matches!(
            refusal,
            Refusal::MasterRegistered { .. }
                | Refusal::PersistentRegistration { .. }
                | Refusal::InDoubt(_)
                | Refusal::ShowsLife { .. }
                | Refusal::CameAndWent(_)
                | Refusal::NoTimeZone(_)
                | Refusal::RecoveredLooksHanging(_)
        ),
        FailoverError::Registry(RegistryError::Refused { .. } | RegistryError::Unsupported(_)) => {
            false
        }
        FailoverError::Registry(error) => !error.is_about_one_lock(),
        FailoverError::Database(error) => !is_refusal(error),
        FailoverError::Store(_)
        | FailoverError::OutcomeUnknown { .. }
        | FailoverError::Stopped(_) => true,
    }
}

/// Whether the database refused a statement, and the connection is intact. An id that was generated
/// twice is not caused by a row: trying again would advance the sequence until it seems to be
/// repaired.
pub(super) fn is_refusal(error: &DatabaseError) -> bool {
    matches!(error, DatabaseError::Refused { .. })
}

/// What a retry will fix is the least severe.
fn severity(code: ExitCode) -> u8 {
    match code {
        ExitCode::LockHeld => 0,
        ExitCode::Usage => 1,
        ExitCode::Refused => 2,
        ExitCode::Unreachable => 3,
        _ => 4,
    }
}

impl SkipReason {
    /// Whether the instance still needs an operator: not if it is handed over, alive or ended.
    #[must_use]
    pub fn is_trouble(&self) -> bool {
        !matches!(
            self,
            Self::CommandWaiting(_)
                | Self::LivingMaster
                | Self::Finished
                | Self::NotClaimed(Verdict::Alive)
        )
    }
}
