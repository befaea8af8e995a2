//! What the loop keeps from round to round. What it does stands in [`super::run`] and beside it.

use std::collections::BTreeMap;
use std::time::Instant;

use super::clock::Clock;
use super::event::{LeftAlone, Released, Source};
use super::memory::Memory;
use super::plan::Plan;
use super::seen::Seen;
use crate::exit_code::ExitCode;
use crate::model::Permit;
use crate::stop::StopSignal;

/// That the memory could not be kept.
pub(super) struct Unkept {
    pub(super) why: String,
    pub(super) told: bool,
}

/// The loop: what it is to do, what it remembers, and what it has told.
pub(super) struct Watcher<'a> {
    pub(super) plan: &'a Plan,
    pub(super) stop: StopSignal,
    pub(super) permit: Option<Permit>,
    pub(super) memory: Memory,
    pub(super) seen: Seen,
    /// What was last told of each master's guard, so that it is told once.
    pub(super) announced: BTreeMap<String, String>,
    pub(super) paused: Option<(String, String)>,
    pub(super) started: bool,
    /// Which registry and database these are.
    pub(super) place: Option<(String, String)>,
    /// Where they are, for people.
    pub(super) endpoints: Option<(String, String)>,
    /// That a brake was on which is another cluster's, until that is told.
    pub(super) strange: Option<Released>,
    /// Whether each source answered when it was asked last.
    pub(super) answered: BTreeMap<Source, bool>,
    /// Whether this round has written anything.
    pub(super) wrote: bool,
    /// The first failover that did not come to a good end, for the exit code of a single round.
    pub(super) came_to: ExitCode,
    pub(super) clock: Clock,
    /// By how many milliseconds that was set, all together.
    pub(super) set_by: i64,
    pub(super) last_success: Instant,
    /// Why the memory could not be kept when that was last tried.
    pub(super) unkept: Option<Unkept>,
    /// By master, why its last failover was refused.
    pub(super) refused: BTreeMap<String, String>,
    /// By master, the lock node behind which its failover waited in vain.
    pub(super) standing_by: BTreeMap<String, String>,
    /// Whether something was done in this round since the store was scanned.
    pub(super) acted: bool,
    /// What no failover takes, as it was told last.
    pub(super) left: LeftAlone,
}

impl Watcher<'_> {
    /// Notes what a round came to; what was noted first stays.
    pub(super) fn comes_to(&mut self, code: ExitCode) {
        if self.came_to == ExitCode::Done {
            self.came_to = code;
        }
    }
}
