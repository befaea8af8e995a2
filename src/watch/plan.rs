//! What the loop is given, what it keeps, and what surrounds it.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::guard::Limits;
use super::home::Home;
use super::missing::Missing;
use super::state::{Brake, PastFailover, Reading};
use super::{Event, LeftAlone, Source};
use crate::cluster::Cluster;
use crate::exit_code::ExitCode;
use crate::failover::Rules;
use crate::model::{Address, Verdict};
use crate::stop::StopSignal;

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

/// What is kept from one round, and from one process, to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Which cluster all of this is of.
    pub home: Option<Home>,
    /// Where the database is whose rows were seen.
    pub database: Option<String>,
    /// Since when masters with work are missing.
    pub missing: Missing,
    /// Failovers that were done, oldest first.
    pub done: Vec<PastFailover>,
    /// The storm brake, while it is on.
    pub brake: Option<Brake>,
    /// How many unfinished instances each dead master had when that was last counted.
    pub work: BTreeMap<String, i64>,
    /// When that was, in epoch milliseconds.
    pub work_at_ms: i64,
    /// The clocks when all of this was kept.
    pub kept: Option<Reading>,
}

/// A cluster that could not be opened.
#[derive(Debug)]
pub struct Trouble {
    /// In words; no password.
    pub text: String,
    /// Bad settings do not mend themselves: the loop ends with this code, unless they have been good already.
    pub fatal: Option<ExitCode>,
    /// What a single round ends with otherwise.
    pub code: ExitCode,
    /// Who did not answer.
    pub source: Option<Source>,
}

/// A master in the view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedMaster {
    /// Its address.
    pub address: String,
    /// What is known of it: without any registration nobody is known to be dead, and neither is who has shown life.
    pub verdict: Verdict,
    /// Its unfinished instances.
    pub unfinished: i64,
    /// What holds its failover back.
    pub guard: Option<String>,
}

/// What the last round saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// Every master with a registration or with work.
    pub masters: Vec<WatchedMaster>,
    /// Who paused the loop, and why.
    pub paused: Option<String>,
    /// The storm brake, while it is on.
    pub brake: Option<Brake>,
    /// What no failover takes.
    pub left: LeftAlone,
    /// When the last round succeeded.
    pub seen_at: Option<Timestamp>,
}

/// What came of a hook that may veto.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// Go on.
    Go,
    /// Do not; why.
    Veto(String),
}

/// Everything around the loop: where the cluster comes from, where memory is kept, who is told.
#[async_trait]
pub trait Surroundings: Send {
    /// Opens the cluster, with the newest settings; gives up, with nothing left open, when it is asked to stop.
    async fn open(&mut self, stop: &StopSignal) -> Result<Cluster, Trouble>;

    /// What was kept; asked once.
    fn recall(&mut self) -> Memory;

    /// Keeps it.
    ///
    /// # Errors
    /// Why it cannot be kept, in words. What was kept before is whole.
    fn keep(&mut self, memory: &Memory) -> Result<(), String>;

    /// Who paused the loop, and why.
    fn paused(&mut self) -> Option<(String, String)>;

    /// Whether an operator has resumed since this was asked last; asked once in each round.
    fn resumed(&mut self) -> bool;

    /// Tells an event.
    async fn tell(&mut self, event: Event);

    /// A round is over; `error` if it failed.
    async fn round(&mut self, view: &View, took: Duration, error: Option<&str>);

    /// As [`Surroundings::tell`], from within a failover.
    fn tell_at_once(&mut self, event: Event);

    /// A batch of a failover is done: the loop is alive, however long the whole takes.
    fn progress(&mut self);

    /// Before a failover: somebody may object.
    async fn ask(&mut self, master: &Address, unfinished: i64) -> Word;

    /// After a failover, or when one was held back by a safety check.
    async fn report(&mut self, event: &Event);

    /// Waits until the settings are to be read again.
    async fn reload(&mut self);
}

impl Memory {
    /// Moves everything by so many milliseconds.
    pub(super) fn shift(&mut self, by: i64) {
        let absences = self.missing.absences.values_mut().chain(self.missing.idle.values_mut());
        let since = absences.map(|absence| &mut absence.since);
        let times = since.chain(self.done.iter_mut().map(|done| &mut done.at_ms));
        let times = times.chain(self.brake.iter_mut().map(|brake| &mut brake.since_ms));
        times.chain([&mut self.work_at_ms]).for_each(|time| *time = time.saturating_add(by));
    }

    /// Follows a clock that was set forward since this was kept, by whatever process. One that was set back makes everything
    /// later by itself.
    pub(super) fn follow(&mut self, now: &Reading) {
        let set = self.kept.take().map_or(0, |kept| now.set_by(&kept));
        if set > 0 {
            self.shift(set);
        }
    }

    /// When a failover of this master was cut short last, if one was.
    pub(super) fn last_cut_short(&self, master: &str) -> Option<i64> {
        self.done.iter().filter(|done| done.master == master && done.cut_short).map(|done| done.at_ms).max()
    }
}
