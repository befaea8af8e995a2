//! What the loop knows, in the shapes of those who keep, show or count it.

use std::collections::BTreeMap;

use crate::model::Verdict;
use crate::output::Level;
use crate::watch::live::MasterRow;
use crate::watch::metrics::Seen;
use crate::watch::state::{Brake, State};
use crate::watch::{Kind, Memory, View, WatchedMaster};

pub(super) fn memory(state: State) -> Memory {
    let mut memory = Memory { done: state.failovers, ..Memory::default() };
    memory.missing.since = state.missing;
    memory.brake = state.brake.map(|brake| brake.reason);
    memory
}

pub(super) fn state(memory: &Memory) -> State {
    let since_ms = memory.done.last().map_or(0, |done| done.at_ms);
    State {
        missing: memory.missing.since.clone(),
        failovers: memory.done.clone(),
        brake: memory.brake.clone().map(|reason| Brake { since_ms, reason }),
    }
}

/// How much an event matters to those who read the journal.
pub(super) fn level(kind: Kind) -> Level {
    match kind {
        Kind::Error => Level::Error,
        Kind::FailoverRefused | Kind::MasterLost | Kind::GraceStarted => Level::Warning,
        Kind::FailoverStarted | Kind::FailoverFinished | Kind::Paused => Level::Notice,
        Kind::Started | Kind::MasterRegistered | Kind::Standby | Kind::Stopped => Level::Info,
    }
}

fn verdict(registered: bool) -> Verdict {
    if registered { Verdict::Alive } else { Verdict::Dead }
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

pub(super) fn seen(view: &View) -> Seen {
    let mut seen = Seen { masters: BTreeMap::new(), unfinished: BTreeMap::new() };
    for master in &view.masters {
        *seen.masters.entry(verdict(master.registered)).or_default() += 1;
        *seen.unfinished.entry(verdict(master.registered)).or_default() += count(master.unfinished);
    }
    seen
}

pub(super) fn row(master: &WatchedMaster) -> MasterRow {
    MasterRow {
        address: master.address.clone(),
        verdict: verdict(master.registered),
        unfinished: count(master.unfinished),
        guard: master.guard.clone().unwrap_or_default(),
    }
}

pub(super) fn status(view: &View) -> String {
    let registered = view.masters.iter().filter(|master| master.registered).count();
    let dead = view.masters.len() - registered;
    let state = match (&view.paused, &view.brake) {
        (Some(paused), _) => format!(", paused {paused}"),
        (None, Some(_)) => ", storm brake on".to_owned(),
        (None, None) => String::new(),
    };
    format!("{registered} masters registered, {dead} dead with work{state}")
}
