//! Which guard holds a dead master's failover back, and how that is told.

use super::guard::{self, Hold};
use super::plan::Surroundings;
use super::run::Watcher;
use super::{Event, Kind};
use crate::model::Address;

impl Watcher<'_> {
    pub(super) fn hold(
        &mut self,
        around: &mut dyn Surroundings,
        master: &Address,
        unfinished: i64,
        now: i64,
    ) -> Option<Hold> {
        let limits = &self.plan.limits;
        if self.memory.missing.blind {
            return Some(Hold::NoMasters);
        }
        let since = self.memory.missing.since.get(master.as_str()).copied().unwrap_or(now);
        if let Some(hold) = guard::grace(since, now, limits) {
            return Some(hold);
        }
        if let Some((by, reason)) = around.paused() {
            return Some(Hold::Paused { by, reason });
        }
        let past = &self.memory.done;
        if let Some(hold) = guard::cool_down(master.as_str(), past, now, limits) {
            return Some(hold);
        }
        let storm = guard::storm(master.as_str(), past, u64::try_from(unfinished).unwrap_or(0), now, limits);
        self.braked(around, storm).map(Hold::Brake)
    }

    /// The brake stays on until somebody resumes.
    fn braked(&mut self, around: &mut dyn Surroundings, storm: Option<String>) -> Option<String> {
        if self.memory.brake.is_none() && storm.is_some() {
            self.memory.brake = storm;
            around.keep(&self.memory);
        }
        self.memory.brake.clone()
    }

    /// An operator's word is taken in the round after it, whether or not anything waits for that: later it would release
    /// a brake that nobody has seen yet. What came before is then no storm any more.
    pub(super) async fn take_resume(&mut self, around: &mut dyn Surroundings) {
        if !around.resumed() || self.memory.brake.take().is_none() {
            return;
        }
        self.memory.done.clear();
        around.keep(&self.memory);
        around.tell(Event::new(Kind::Paused, "the storm brake is released").with("storm_brake", false)).await;
    }

    /// Tells a guard once, not in every round.
    pub(super) async fn announce(
        &mut self,
        around: &mut dyn Surroundings,
        master: &Address,
        unfinished: i64,
        hold: &Hold,
        now: i64,
    ) {
        let (kind, key) = match hold {
            Hold::NoMasters => (Kind::FailoverRefused, "no masters".to_owned()),
            Hold::Grace(until) => (Kind::GraceStarted, format!("grace {until}")),
            Hold::CoolDown(until) => (Kind::FailoverRefused, format!("cool-down {until}")),
            Hold::Paused { by, reason } => (Kind::FailoverRefused, format!("paused {by} {reason}")),
            Hold::Brake(reason) => (Kind::FailoverRefused, format!("brake {reason}")),
        };
        if self.announced.insert(master.to_string(), key.clone()) == Some(key) {
            return;
        }
        let event = Event::new(kind, hold.sentence(now)).about(master).with("unfinished_instances", unfinished);
        if kind == Kind::FailoverRefused {
            around.report(&event).await;
        }
        around.tell(event).await;
    }
}
