//! What a run did: plain data, filled while it goes on, so that it is there whatever ends the run.

use std::collections::BTreeMap;
use std::time::Duration;

use super::error::{FailoverError, Refusal};
use super::handed_over::HandedOver;
use crate::exit_code::ExitCode;
use crate::metadata::database::DatabaseError;
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

/// Why a master's work did not come to its end.
#[derive(Clone, Debug)]
pub enum Unfinished {
    /// This befell it.
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
    /// Instances handed over, with the command's id: `None` where no command was inserted
    /// (`clear-hosts`, dry run) or a master had taken it up before its id could be read.
    pub recovered: Vec<(InstanceId, Option<i64>)>,
    /// What the rows of these were before, as far as a take-up is seen by the difference.
    pub handed_over: Vec<HandedOver>,
    /// Tasks marked.
    pub marked_tasks: Vec<i64>,
    /// Instances left untouched.
    pub skipped: Vec<(InstanceId, SkipReason)>,
    /// What the operator should know.
    pub notes: Vec<String>,
    /// 3.3 and newer, after claiming alone: instances by the state that is now written nowhere else.
    pub original_states: Vec<(InstanceId, i64)>,
    /// Why there may be more to do for it.
    pub trouble: Option<Unfinished>,
    /// Tasks that workers were asked to end, each once in a run, and whether they said that it has.
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

    /// What befell it, if that ended its work.
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
    /// Each master, also one whose work failed or was not begun.
    pub masters: Vec<MasterOutcome>,
    /// What ended the run early, or else the worst that befell one of its masters.
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

    /// Whether the run ended before its end; else each master had its turn.
    #[must_use]
    pub fn ended_early(&self) -> bool {
        self.failure.as_ref().is_some_and(ends_run)
    }

    /// What became of one master. Gives the error back where the others cannot be done either.
    pub(super) fn settle(
        &mut self,
        address: &Address,
        verdict: Verdict,
        result: Result<(), FailoverError>,
    ) -> Result<(), FailoverError> {
        let Err(error) = result else { return Ok(()) };
        // It is registered, and nothing shows that it was started anew.
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

    /// Names those that the run did not come to.
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
        // As they were given; a lock that was held has put its master behind the others.
        let place = |master: &MasterOutcome| {
            masters
                .iter()
                .position(|(address, _)| **address == master.address)
        };
        self.masters.sort_by_key(place);
    }

    /// A master's outcome, in the place of one that says only why its work was not begun.
    pub(super) fn put(&mut self, outcome: MasterOutcome) {
        self.masters
            .retain(|master| master.address != outcome.address || master.has_rows());
        self.masters.push(outcome);
    }

    /// A master's newest outcome, made where there is none yet.
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

    /// The worst that befell a master.
    pub(super) fn worst(&self) -> Option<&FailoverError> {
        let failures = self.masters.iter().filter_map(MasterOutcome::failure);
        // Of equals, the first.
        failures
            .rev()
            .max_by_key(|error| severity(error.exit_code(self.wrote)))
    }

    /// The exit code: what ended the run, else the worst of what befell a master and of an instance
    /// that was left and should not have been.
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

/// Whether the masters behind this one cannot be done either, or must not be. A safety check that
/// speaks of one master says nothing of the next; every other one is about the cluster.
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

/// Whether the database said no to a statement, and goes on. An id that is given out twice is no
/// row's fault: trying again would move the sequence, until it looks mended.
pub(super) fn is_refusal(error: &DatabaseError) -> bool {
    matches!(error, DatabaseError::Refused { .. })
}

/// What a retry alone will mend is the least.
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
    /// Whether the instance still needs somebody: not where it is handed over, alive or ended.
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
