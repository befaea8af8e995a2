//! The result of a round of the loop: one value for all sinks.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::event::{LeftAlone, Source};
use super::pause::Pause;
use super::state::Brake;
use crate::model::Verdict;

/// A round that has ended.
#[derive(Clone, Debug)]
pub struct Round {
    /// When it ended, by this process's clock.
    pub ended: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// The addresses of registry and database, once they were reached.
    pub endpoints: Option<(String, String)>,
    /// For each source that was queried before, whether it answered the last query.
    pub answered: BTreeMap<Source, bool>,
    /// The pause, if the loop is paused.
    pub paused: Option<Pause>,
    /// The storm brake, while it is on.
    pub brake: Option<Brake>,
    /// What it saw, or why it failed.
    pub saw: Result<Sight, String>,
}

/// What a successful round saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// Every master with a registration or with work.
    pub masters: Vec<WatchedMaster>,
    /// How many instances were handed over and not yet taken up by a master.
    pub claimed: u64,
    /// What no failover takes.
    pub left: LeftAlone,
}

/// One master.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedMaster {
    /// Its address.
    pub address: String,
    /// Its verdict: without any registration no master is known to be dead, and neither is one that
    /// has shown a sign of life.
    pub verdict: Verdict,
    /// Its unfinished instances.
    pub unfinished: u64,
    /// The guard that delays its failover, as text.
    pub guard: Option<String>,
}

impl Round {
    /// The round in one line, for people.
    #[must_use]
    pub fn status(&self) -> String {
        let Sight { masters, .. } = match &self.saw {
            Ok(sight) => sight,
            Err(why) => return why.clone(),
        };
        let of = |verdict| {
            masters
                .iter()
                .filter(|master| master.verdict == verdict)
                .count()
        };
        let (registered, dead, unknown) =
            (of(Verdict::Alive), of(Verdict::Dead), of(Verdict::Unknown));
        let unknown = if unknown > 0 {
            format!(", {unknown} with work and unknown state")
        } else {
            String::new()
        };
        let state = match (&self.paused, &self.brake) {
            (Some(Pause { by, reason, .. }), _) => format!(", paused by {by}: {reason}"),
            (None, Some(_)) => ", storm brake on".to_owned(),
            (None, None) => String::new(),
        };
        format!("{registered} masters registered, {dead} dead with work{unknown}{state}")
    }
}
