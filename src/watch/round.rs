//! What a round of the loop came to: one value for whoever shows it, counts it or passes it on.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::event::{LeftAlone, Source};
use super::pause::Pause;
use super::state::Brake;
use crate::model::Verdict;

/// A round that is over.
#[derive(Clone, Debug)]
pub struct Round {
    /// When it ended, by our clock.
    pub ended: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// Where registry and database are, once they were reached.
    pub endpoints: Option<(String, String)>,
    /// Of each source that was asked before, whether it answered when it was asked last.
    pub answered: BTreeMap<Source, bool>,
    /// Who paused the loop, and why.
    pub paused: Option<Pause>,
    /// The storm brake, while it is on.
    pub brake: Option<Brake>,
    /// What it saw, or why it failed.
    pub saw: Result<Sight, String>,
}

/// What a round saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// Every master with a registration or with work.
    pub masters: Vec<WatchedMaster>,
    /// How many instances were handed over, and no master has taken them up yet.
    pub claimed: u64,
    /// What no failover takes.
    pub left: LeftAlone,
}

/// One master.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedMaster {
    /// Its address.
    pub address: String,
    /// What is known of it: without any registration nobody is known to be dead, and neither is who
    /// has shown life.
    pub verdict: Verdict,
    /// Its unfinished instances.
    pub unfinished: u64,
    /// What holds its failover back, in words.
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
            format!(", {unknown} with work of whom nothing is known")
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
