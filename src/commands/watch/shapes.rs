//! What the loop knows, in the shapes of those who keep, show or count it.

use crate::model::Verdict;
use crate::output::Level;
use crate::watch::live::MasterRow;
use crate::watch::metrics::Seen;
use crate::watch::missing::{Absence, Look};
use crate::watch::state::{PastLook, Reading, State};
use crate::watch::{Kind, Memory, View, WatchedMaster};

pub(super) fn memory(state: State) -> Memory {
    let mut memory = Memory { done: state.failovers, ..Memory::default() };
    let mark = |address: &str| state.marks.get(address).cloned();
    let absence = |(address, since): (&String, &i64)| (address.clone(), Absence { since: *since, mark: mark(address) });
    memory.missing.absences = state.missing.iter().map(absence).collect();
    memory.missing.last = state.look.map(|look| Look { roll: look.roll, at_ms: look.at_ms, steady: None });
    (memory.missing.alive, memory.missing.idle) = (state.alive, state.idle);
    memory.missing.registered = state.registered;
    (memory.work, memory.work_at_ms) = (state.work, state.work_at_ms);
    (memory.home, memory.database) = (state.home, state.database);
    (memory.brake, memory.kept) = (state.brake, state.kept);
    memory
}

pub(super) fn state(memory: &Memory) -> State {
    let marks =
        memory.missing.absences.iter().filter_map(|(address, absence)| Some((address.clone(), absence.mark.clone()?)));
    State {
        missing: memory.missing.absences.iter().map(|(address, absence)| (address.clone(), absence.since)).collect(),
        failovers: memory.done.clone(),
        brake: memory.brake.clone(),
        look: memory.missing.last.as_ref().map(|look| PastLook { at_ms: look.at_ms, roll: look.roll.clone() }),
        marks: marks.collect(),
        alive: memory.missing.alive.clone(),
        idle: memory.missing.idle.clone(),
        registered: memory.missing.registered.clone(),
        work: memory.work.clone(),
        work_at_ms: memory.work_at_ms,
        home: memory.home.clone(),
        database: memory.database.clone(),
        kept: Reading::now(),
    }
}

/// How much an event matters to those who read the journal.
pub(super) fn level(kind: Kind) -> Level {
    match kind {
        Kind::Error => Level::Error,
        Kind::FailoverRefused | Kind::MasterLost | Kind::GraceStarted | Kind::LeftAlone => Level::Warning,
        Kind::FailoverStarted | Kind::FailoverFinished | Kind::Paused => Level::Notice,
        Kind::Started | Kind::MasterRegistered | Kind::Standby | Kind::Stopped => Level::Info,
    }
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

pub(super) fn seen(view: &View) -> Seen {
    let mut seen = Seen { left: view.left, ..Seen::default() };
    for master in &view.masters {
        *seen.masters.entry(master.verdict).or_default() += 1;
        *seen.unfinished.entry(master.verdict).or_default() += count(master.unfinished);
    }
    seen
}

pub(super) fn row(master: &WatchedMaster) -> MasterRow {
    MasterRow {
        address: master.address.clone(),
        verdict: master.verdict,
        unfinished: count(master.unfinished),
        guard: master.guard.clone().unwrap_or_default(),
    }
}

pub(super) fn status(view: &View) -> String {
    let of = |verdict| view.masters.iter().filter(|master| master.verdict == verdict).count();
    let (registered, dead, unknown) = (of(Verdict::Alive), of(Verdict::Dead), of(Verdict::Unknown));
    let unknown = if unknown > 0 { format!(", {unknown} with work of whom nothing is known") } else { String::new() };
    let state = match (&view.paused, &view.brake) {
        (Some(paused), _) => format!(", paused {paused}"),
        (None, Some(_)) => ", storm brake on".to_owned(),
        (None, None) => String::new(),
    };
    format!("{registered} masters registered, {dead} dead with work{unknown}{state}")
}
