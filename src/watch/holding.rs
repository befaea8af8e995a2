//! Which guard delays a dead master's failover, and how that is reported.

use super::context::LoopContext;
use super::event::Released;
use super::guard::{self, Hold};
use super::pause::Pause;
use super::state::Brake;
use super::watcher::Watcher;
use super::{Refused, Switch, What};
use crate::model::Address;

impl Watcher<'_> {
    pub(super) fn hold(
        &mut self,
        context: &mut LoopContext<'_>,
        master: &Address,
        unfinished: i64,
        now: i64,
    ) -> Option<Hold> {
        let limits = &self.plan.limits;
        if self.memory.missing.blind {
            return Some(Hold::NoMasters);
        }
        if let Some(sign) = self.memory.missing.alive.get(master.as_str()) {
            return Some(Hold::Alive(sign.clone()));
        }
        let absence = self.memory.missing.absences.get(master.as_str());
        if let Some(hold) = guard::grace(absence.map_or(now, |absence| absence.since), now, limits)
        {
            return Some(hold);
        }
        if let Some(Pause { by, reason, .. }) = context.paused() {
            return Some(Hold::Paused { by, reason });
        }
        if let Some(hold) = guard::cool_down(master.as_str(), &self.memory.done, now, limits) {
            return Some(hold);
        }
        let waiting = u64::try_from(unfinished).unwrap_or(0);
        let too_large = guard::too_large(master.as_str(), waiting, limits);
        // What is not done anyway trips no brake.
        let storm = if too_large.is_none() {
            guard::storm(master.as_str(), &self.memory.done, waiting, now, limits)
        } else {
            None
        };
        let brake = if self.plan.dry_run {
            Hold::BrakeOfDryRun
        } else {
            Hold::Brake
        };
        self.braked(context, storm, now).map(brake).or(too_large)
    }

    /// The storm brake stays on until an operator resumes.
    fn braked(
        &mut self,
        context: &mut LoopContext<'_>,
        storm: Option<String>,
        now: i64,
    ) -> Option<String> {
        if let (None, Some(reason)) = (&self.memory.brake, storm) {
            // What an operator said before this is no word about a brake that nobody has seen.
            context.resumed();
            self.memory.brake = Some(Brake {
                since_ms: now,
                reason,
            });
            self.save_state(context);
        }
        self.memory.brake.as_ref().map(|brake| brake.reason.clone())
    }

    /// Trips the storm brake: under a master's lock it was seen that others have done too much
    /// already. The refusal reports it.
    pub(super) fn trip(&mut self, context: &mut LoopContext<'_>, master: &Address, reason: &str) {
        self.announced
            .insert(master.to_string(), format!("brake {reason}"));
        let now = self.now();
        self.braked(context, Some(reason.to_owned()), now);
    }

    /// A resume takes effect in the next round, whether or not anything waits for it: later it
    /// would release a brake that the operator has not seen yet. Failovers before it no longer
    /// count for the brake.
    pub(super) async fn take_resume(&mut self, context: &mut LoopContext<'_>) {
        if !context.resumed() || self.memory.brake.take().is_none() {
            return;
        }
        self.memory.done.clear();
        self.save_state(context);
        context
            .emit(What::Paused(Switch::Brake {
                why: Released::Resumed,
            }))
            .await;
    }

    /// Reports a guard once, not in every round.
    pub(super) async fn announce(
        &mut self,
        context: &mut LoopContext<'_>,
        master: &Address,
        unfinished: i64,
        hold: &Hold,
        now: i64,
    ) {
        let key = match hold {
            Hold::NoMasters => "no masters".to_owned(),
            Hold::Alive(sign) => format!("alive {sign}"),
            // A clock that is set moves them, which is no news.
            Hold::Grace(until) => format!("grace {}", until.saturating_sub(self.set_by)),
            Hold::CoolDown(until) => format!("cool-down {}", until.saturating_sub(self.set_by)),
            Hold::Paused { by, reason } => format!("paused {by} {reason}"),
            // Their number alone is no news.
            Hold::TooLarge { limit, .. } => format!("too large {limit}"),
            Hold::Brake(reason) | Hold::BrakeOfDryRun(reason) => format!("brake {reason}"),
        };
        if self.announced.insert(master.to_string(), key.clone()) == Some(key) {
            return;
        }
        let (master, unfinished_instances, guard) =
            (master.clone(), unfinished, hold.sentence(now));
        if let Hold::Grace(_) = hold {
            let restarted_because = self.memory.missing.doubt;
            context
                .emit(What::GraceStarted {
                    master,
                    unfinished_instances,
                    guard,
                    restarted_because,
                })
                .await;
            return;
        }
        context
            .emit(What::FailoverRefused(Refused::Guard {
                master,
                unfinished_instances,
                guard,
            }))
            .await;
    }
}
