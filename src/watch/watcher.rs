//! What the loop keeps from round to round. What it does is in [`super::run`] and the files next to
//! it.

use std::collections::BTreeMap;
use std::time::Instant;

use super::clock::Clock;
use super::event::{LeftAlone, Released, Source};
use super::memory::Memory;
use super::plan::Plan;
use super::seen::Seen;
use super::told::Diagnoses;
use crate::exit_code::ExitCode;
use crate::model::Permit;
use crate::stop::StopSignal;

/// The state could not be saved.
pub(super) struct Unsaved {
    pub(super) why: String,
    pub(super) reported: bool,
}

/// The loop: its settings, its state, and what it has reported.
pub(super) struct Watcher<'a> {
    pub(super) plan: &'a Plan,
    pub(super) stop: StopSignal,
    pub(super) permit: Option<Permit>,
    pub(super) memory: Memory,
    pub(super) seen: Seen,
    /// The guard last reported for each master, so that it is reported once.
    pub(super) announced: BTreeMap<String, String>,
    pub(super) paused: Option<(String, String)>,
    pub(super) started: bool,
    /// The identity of registry and database.
    pub(super) place: Option<(String, String)>,
    /// Their addresses, for people.
    pub(super) endpoints: Option<(String, String)>,
    /// Whether a storm brake of another cluster was on, until that is reported.
    pub(super) strange: Option<Released>,
    /// Whether each source answered the last query.
    pub(super) answered: BTreeMap<Source, bool>,
    /// Whether this round has written anything.
    pub(super) wrote: bool,
    /// The exit code of the first failover that did not succeed, for that of a single round.
    pub(super) came_to: ExitCode,
    pub(super) clock: Clock,
    /// By how many milliseconds that was set, all together.
    pub(super) set_by: i64,
    pub(super) last_success: Instant,
    /// Why the last attempt to save the state failed.
    pub(super) unsaved: Option<Unsaved>,
    /// By master, why its last failover was refused.
    pub(super) refused: BTreeMap<String, String>,
    /// By master, the lock node that its failover waited for until the timeout.
    pub(super) standing_by: BTreeMap<String, String>,
    /// Whether something was done in this round since the database was scanned.
    pub(super) acted: bool,
    /// What no failover takes, as last reported.
    pub(super) left: LeftAlone,
    pub(super) diagnoses: Diagnoses,
}

impl Watcher<'_> {
    /// Sets the exit code of a single round; the first one stays.
    pub(super) fn set_exit_code(&mut self, code: ExitCode) {
        if self.came_to == ExitCode::Done {
            self.came_to = code;
        }
    }
}
