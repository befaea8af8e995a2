//! One dead master's turn in a round: its failover is delayed or done, and the outcome is reported
//! and saved.

use std::slice::from_ref;

use super::context::LoopContext;
use super::guard::Hold;
use super::looking::ANOTHERS;
use super::missing::ANOTHER_CLOCK;
use super::state::PastFailover;
use super::storm::StormBrake;
use super::watcher::Watcher;
use super::wording::outcome;
use super::{Event, Refused, What};
use crate::cluster::Cluster;
use crate::exit_code::ExitCode;
use crate::failover::{
    FailoverError, Handover, Limit, Observer, Refusal, Rules, Run, about_holder,
};
use crate::model::{Address, LockNode};
use crate::registry::RegistryError;

/// Whether a dead master may be failed over at this moment.
enum Standing {
    /// It is registered again.
    Back,
    Held(Hold),
    Free,
}

impl Watcher<'_> {
    /// Delays a dead master's failover, and reports why, or does it.
    pub(super) async fn process_master(
        &mut self,
        context: &mut LoopContext<'_>,
        cluster: &mut Cluster,
        master: &Address,
        unfinished: i64,
    ) -> Result<Option<Hold>, FailoverError> {
        match self.standing(context, cluster, master, unfinished).await? {
            Standing::Back => return Ok(None),
            Standing::Held(hold) => return Ok(Some(hold)),
            Standing::Free => {}
        }
        if self.is_refused_still(context, cluster, master).await {
            return Ok(None);
        }
        // The hook is ended when the loop is stopped.
        let stop = self.stop.clone();
        let asked = async { Ok::<_, FailoverError>(context.veto(master, unfinished).await) };
        let asked = self.looking_on(&mut *cluster.registry, stop.unless(asked));
        if let Some(why) = asked.await? {
            let veto = Refused::Veto {
                master: master.clone(),
                why,
            };
            context.emit(What::FailoverRefused(veto)).await;
            self.remember(context, master, 0, false);
            return Ok(None);
        }
        // Checked again, because the hook, and work before it, took time.
        let unfinished = if self.acted {
            self.scan_again(context, cluster, master).await?
        } else {
            unfinished
        };
        if unfinished == 0 {
            return Ok(None);
        }
        match self.standing(context, cluster, master, unfinished).await? {
            Standing::Back => return Ok(None),
            Standing::Held(hold) => return Ok(Some(hold)),
            Standing::Free => {}
        }
        self.fail_over(context, cluster, master, unfinished).await?;
        Ok(None)
    }

    /// Looks at the registry again, because what was done since the last look took time, and checks
    /// the guards.
    async fn standing(
        &mut self,
        context: &mut LoopContext<'_>,
        cluster: &mut Cluster,
        master: &Address,
        unfinished: i64,
    ) -> Result<Standing, FailoverError> {
        // A hook may have taken longer than servers keep an idle connection.
        cluster.store.reconnect_if_closed().await?;
        if self.look(cluster).await?.find(master).is_some() {
            // The next round reports that.
            return Ok(Standing::Back);
        }
        let now = self.now();
        self.memory.missing.begin(master.as_str(), now);
        self.mark(cluster).await?;
        let Some(hold) = self.hold(context, master, unfinished, now) else {
            return Ok(Standing::Free);
        };
        self.announce(context, master, unfinished, &hold, now).await;
        let doubt = self.memory.missing.doubt;
        if hold.needs_somebody()
            || doubt.is_some_and(|why| [ANOTHERS, ANOTHER_CLOCK].contains(&why))
        {
            self.set_exit_code(ExitCode::Refused);
        }
        Ok(Standing::Held(hold))
    }

    async fn fail_over(
        &mut self,
        context: &mut LoopContext<'_>,
        cluster: &mut Cluster,
        master: &Address,
        unfinished: i64,
    ) -> Result<(), FailoverError> {
        self.acted = true;
        let started = What::FailoverStarted {
            master: master.clone(),
            dry_run: self.plan.dry_run,
            unfinished,
        };
        // It probably stays on standby, which is not reported again.
        let stood_by = self.standing_by.remove(master.as_str());
        let mut unreported = Some(Event::from(started));
        if let Some(started) = unreported.take_if(|_| stood_by.is_none()) {
            context.emit(started).await;
        }
        let (rules, brake) = (self.rules(master), self.storm_brake());
        let (permit, _stop) = (self.permit.as_ref(), self.stop.clone());
        let mut passing = LoopObserver {
            context,
            brake,
            unreported,
        };
        let mut run = Handover::new(cluster, &rules, permit, &mut passing)
            .failover(from_ref(master))
            .await;
        let unreported = passing.unreported.take();
        self.wrote |= run.wrote;
        self.set_exit_code(run.exit_code());
        if let Some(obstacle) = obstacle_of(run.failure.as_ref()) {
            let is_known = stood_by.as_ref() == Some(&obstacle);
            self.standing_by.insert(master.to_string(), obstacle);
            // What was written before must be counted and reported.
            if is_known && !run.wrote {
                return Ok(());
            }
        }
        let holder = match &run.failure {
            Some(failure) => about_holder(cluster, failure).await,
            None => Vec::new(),
        };
        let event = Event::from(outcome(master, &run, self.plan.dry_run, holder));
        if let Some(started) = unreported {
            context.emit(started).await;
        }
        self.note(context, master, run.failure.as_ref());
        let unreleased = run.unreleased.take();
        let counted = self.count(context, master, run);
        // Saved by now: a hook takes time, and the process may be ended during it.
        context.emit(event).await;
        counted?;
        // The session still holds the lock: it is closed, or the next failover would queue behind
        // it.
        unreleased.map_or(Ok(()), |kept| Err((*kept).into()))
    }

    /// Records why a failover was refused, if it was.
    fn note(
        &mut self,
        context: &mut LoopContext<'_>,
        master: &Address,
        failure: Option<&FailoverError>,
    ) {
        self.record_sign(master, failure);
        match failure {
            Some(FailoverError::Refused(Refusal::Storm(reason))) => {
                self.trip(context, master, reason);
            }
            // These are guards themselves.
            Some(FailoverError::Refused(
                Refusal::Paused { .. } | Refusal::ShowsLife { .. } | Refusal::CameAndWent(_),
            )) => {}
            Some(FailoverError::Refused(refusal)) => {
                _ = self.refused.insert(master.to_string(), refusal.to_string());
            }
            _ => _ = self.refused.remove(master.as_str()),
        }
    }

    /// Counts what was done, for the cool-down and the storm brake.
    ///
    /// # Errors
    /// A failure that broke the connection ends the round. A failed safety check or another
    /// client's lock is reported, and the loop goes on.
    fn count(
        &mut self,
        context: &mut LoopContext<'_>,
        master: &Address,
        run: Run,
    ) -> Result<(), FailoverError> {
        let goes_on = match &run.failure {
            None | Some(FailoverError::Refused(_)) => true,
            Some(FailoverError::Registry(error)) => error.is_about_one_lock(),
            Some(_) => false,
        };
        self.handed_over(master, run.recovered());
        // A refusal, or a failover that another client is making, starts no cool-down.
        if run.wrote || run.failure.is_none() || !goes_on {
            self.remember(
                context,
                master,
                run.recovered() as u64,
                run.failure.is_some(),
            );
        }
        run.failure.filter(|_| !goes_on).map_or(Ok(()), Err)
    }

    fn rules(&self, master: &Address) -> Rules {
        let mut rules = self.plan.rules.clone();
        // Its registration was here, which proves that this registry belongs to the database.
        rules.allow_new_masters |= self.seen.knows(master);
        rules.before = self.memory.missing.before(master.as_str(), self.longest());
        rules
    }

    /// Whether a refused failover would still be refused for the same reason. Then no hook is run
    /// and nothing is reported again.
    async fn is_refused_still(
        &mut self,
        context: &mut LoopContext<'_>,
        cluster: &mut Cluster,
        master: &Address,
    ) -> bool {
        let Some(before) = self.refused.get(master.as_str()).cloned() else {
            return false;
        };
        let (rules, _stop) = (self.rules(master), self.stop.clone());
        let mut passing = LoopObserver {
            context,
            brake: self.storm_brake(),
            unreported: None,
        };
        let run = Handover::new(cluster, &rules, None, &mut passing)
            .failover(from_ref(master))
            .await;
        matches!(&run.failure, Some(FailoverError::Refused(refusal)) if refusal.to_string() == before)
    }

    fn remember(
        &mut self,
        context: &mut LoopContext<'_>,
        master: &Address,
        instances: u64,
        cut_short: bool,
    ) {
        let at_ms = self.now();
        self.memory.done.push(PastFailover {
            master: master.to_string(),
            at_ms,
            instances,
            cut_short,
        });
        self.save_state(context);
    }
}

/// Why a lock was not acquired: the node that was waited for, or the registry's answer.
fn obstacle_of(failure: Option<&FailoverError>) -> Option<String> {
    match failure? {
        // A client whose transaction has not ended yet cannot be seen.
        FailoverError::Registry(RegistryError::Held { path, holder, .. }) => Some(
            holder
                .as_ref()
                .map_or_else(|| path.clone(), |holder| holder.node.clone()),
        ),
        FailoverError::Registry(error) if error.is_about_one_lock() => Some(error.to_string()),
        _ => None,
    }
}

/// The loop reports the outcome of a failover; steps in between are not reported, but show that it
/// is alive.
struct LoopObserver<'a, 'b> {
    context: &'a mut LoopContext<'b>,
    brake: StormBrake,
    /// The event that it has started, reported later unless it stays on standby.
    unreported: Option<Event>,
}

impl Observer for LoopObserver<'_, '_> {
    fn waiting_for_lock(&mut self, _path: &str, _holder: &LockNode) {}

    fn batch_done(&mut self, _master: &Address, _done: usize, _total: usize) {
        // The failover goes on however this ends, and whether or not it was received.
        if let Some(started) = self.unreported.take() {
            self.context.emit_without_waiting(&started);
        }
        self.context.progress();
    }

    fn paused(&mut self) -> Option<(String, String)> {
        self.context.paused().map(|pause| (pause.by, pause.reason))
    }

    fn limit(&self) -> Option<&dyn Limit> {
        Some(&self.brake)
    }
}
