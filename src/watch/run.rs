//! The loop itself: look, judge, delay or fail over, report, wait.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::clock::Clock;
use super::context::{LoopContext, Trouble};
use super::findings::Then;
use super::plan::Plan;
use super::round::{Round, Sight};
use super::seen::Seen;
use super::state::Reading;
use super::told::Diagnoses;
use super::watcher::Watcher;
use super::wording::{back_off, error_text, time_left};
use super::{Fault, LeftAlone, Refused, Source, Switch, What, left, picture, returned};
use crate::cluster::Cluster;
use crate::exit_code::ExitCode;
use crate::failover::{FailoverError, RegistryView, check_registry, dead_hosts, place};
use crate::metadata::HostCount;
use crate::model::Permit;
use crate::stop::{Stop, StopSignal, Stopped};

/// How the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The exit code.
    pub code: ExitCode,
}

/// Runs until a signal arrives, one round is done, or no round has succeeded for too long.
pub async fn watch(context: &mut LoopContext<'_>, plan: &Plan, stop: StopSignal) -> Ended {
    let mut memory = context.load_state();
    memory.follow(Reading::now().as_ref());
    let permit = (!plan.dry_run).then(Permit::by_operator);
    let mut watcher = Watcher {
        plan,
        stop,
        permit,
        memory,
        seen: Seen::default(),
        announced: BTreeMap::new(),
        paused: None,
        started: false,
        place: None,
        endpoints: None,
        strange: None,
        answered: BTreeMap::new(),
        wrote: false,
        came_to: ExitCode::Done,
        clock: Clock::new(Timestamp::now().as_millisecond(), Instant::now()),
        set_by: 0,
        last_success: Instant::now(),
        unsaved: None,
        refused: BTreeMap::new(),
        standing_by: BTreeMap::new(),
        acted: false,
        left: LeftAlone::default(),
        diagnoses: Diagnoses::default(),
    };
    let code = watcher.run(context).await;
    context
        .emit(What::Stopped {
            exit_code: code,
            once: plan.once,
        })
        .await;
    Ended { code }
}

/// The failure of a round.
struct Failure {
    text: String,
    code: ExitCode,
    /// Who did not answer.
    source: Option<Source>,
}

/// What to do after the connection to a cluster has ended.
enum Next {
    /// Connect again, after a failure with a pause: its text, and the exit code of a single round.
    Reopen(Option<Failure>),
    End(ExitCode),
}

impl Watcher<'_> {
    async fn run(&mut self, context: &mut LoopContext<'_>) -> ExitCode {
        let mut failures = 0_u32;
        // Rounds without a saved state would wait for ever, without any notice.
        if self.plan.once {
            self.save_state(context);
            if self.report_unsaved(context).await {
                return ExitCode::Failure;
            }
        }
        loop {
            let opened = context.open(&self.stop).await;
            self.note_answers(&opened);
            if let (Err(_), Err(Stopped(stop))) = (&opened, self.stop.check()) {
                return code_of(stop);
            }
            let next = match opened {
                Ok(mut cluster) => {
                    let next = self.on_cluster(context, &mut cluster, &mut failures).await;
                    cluster.registry.close().await;
                    cluster.store.close().await;
                    next
                }
                // Once a connection has worked, settings and schema are right: a failure may come
                // from another server that answers at the address for a while.
                Err(Trouble {
                    text: why,
                    fatal: Some(code),
                    source,
                    ..
                }) if !self.started => {
                    context
                        .emit(What::Error(Fault::Unusable { source, why }))
                        .await;
                    Next::End(code)
                }
                Err(Trouble {
                    text, code, source, ..
                }) => Next::Reopen(Some(Failure { text, code, source })),
            };
            match next {
                Next::End(code) => return code,
                Next::Reopen(None) => failures = 0,
                Next::Reopen(Some(failure)) => {
                    if let Some(code) = self.after_failure(context, failure, failures).await {
                        return code;
                    }
                    failures += 1;
                }
            }
        }
    }

    /// The database is opened first: if the registry did not answer, the database has.
    fn note_answers(&mut self, opened: &Result<Cluster, Trouble>) {
        let have_answered = match opened {
            Ok(_) => &Source::ALL[..],
            Err(Trouble {
                source: Some(Source::Registry),
                ..
            }) => &[Source::Database],
            Err(_) => &[],
        };
        self.answered
            .extend(have_answered.iter().map(|source| (*source, true)));
    }

    /// Reports the failure and pauses; returns an exit code if the loop must end.
    async fn after_failure(
        &mut self,
        context: &mut LoopContext<'_>,
        failure: Failure,
        failures: u32,
    ) -> Option<ExitCode> {
        let Failure { text, code, source } = failure;
        self.memory.missing.discard_absences();
        self.save_state(context);
        let pause = back_off(failures);
        let fault = Fault::Round {
            source,
            retry_after_seconds: pause.as_secs_f64(),
            why: text.clone(),
        };
        context.emit(What::Error(fault)).await;
        self.answered.extend(source.map(|source| (source, false)));
        let round = self.round_result(context, Duration::ZERO, Err(text));
        context.round(&round);
        if self.plan.once {
            return Some(code);
        }
        if self
            .plan
            .fail_after
            .is_some_and(|limit| self.last_success.elapsed() >= limit)
        {
            return Some(ExitCode::Unreachable);
        }
        let mut stop = self.stop.clone();
        tokio::select! {
            stop = stop.requested() => Some(code_of(stop)),
            // The settings may be wrong: without a reload no round would ever succeed.
            () = context.reload() => None,
            () = tokio::time::sleep(pause) => None,
        }
    }

    async fn on_cluster(
        &mut self,
        context: &mut LoopContext<'_>,
        cluster: &mut Cluster,
        failures: &mut u32,
    ) -> Next {
        self.enter_cluster(cluster);
        loop {
            let began = Instant::now();
            let held_until = match self.round(context, cluster, began).await {
                Ok(held_until) => held_until,
                Err(FailoverError::Stopped(stop)) => return Next::End(code_of(stop)),
                Err(error) => return Next::Reopen(Some(self.failure_of(&error))),
            };
            *failures = 0;
            self.last_success = Instant::now();
            let then = match self.diagnose_if_due(context, cluster, began).await {
                Err(FailoverError::Stopped(stop)) => return Next::End(code_of(stop)),
                _ if self.plan.once => return Next::End(self.came_to),
                Ok(then) => then,
                Err(error) => return Next::Reopen(Some(self.failure_of(&error))),
            };
            match then {
                Then::Wait => {}
                Then::Look => continue,
                Then::Reopen => return Next::Reopen(None),
            }
            let wait = self
                .plan
                .interval
                .saturating_sub(began.elapsed())
                .min(held_until);
            if let Some(next) = self.pause_between(context, cluster, wait).await {
                return next;
            }
            // How long its server keeps such a session, and with it a lock, is not known.
            if cluster.registry.is_resumed() {
                return Next::Reopen(None);
            }
        }
    }

    /// Waits for the next round, and looks at the registry whenever it may have changed: the
    /// database is scanned only if it has, or when a scan is due.
    async fn pause_between(
        &mut self,
        context: &mut LoopContext<'_>,
        cluster: &mut Cluster,
        wait: Duration,
    ) -> Option<Next> {
        let mut stop = self.stop.clone();
        let mut time = std::pin::pin!(tokio::time::sleep(wait));
        loop {
            tokio::select! {
                biased;
                stop = stop.requested() => return Some(Next::End(code_of(stop))),
                () = context.reload() => return Some(Next::Reopen(None)),
                () = &mut time => return None,
                () = cluster.registry.masters_changed() => {}
            }
            match self.look(cluster).await {
                Ok(masters) if self.seen.is_news(&masters) => return None,
                Ok(_) => {}
                Err(FailoverError::Stopped(stop)) => return Some(Next::End(code_of(stop))),
                Err(error) => return Some(Next::Reopen(Some(self.failure_of(&error)))),
            }
        }
    }

    fn failure_of(&self, error: &FailoverError) -> Failure {
        Failure {
            text: error_text(error),
            code: error.exit_code(self.wrote),
            source: Source::of(error),
        }
    }

    /// Another registry or database may be another cluster's: what was seen elsewhere makes no
    /// master known or dead here. Signs of life are forgotten only if it certainly is another
    /// cluster.
    fn enter_cluster(&mut self, cluster: &Cluster) {
        self.endpoints = Some((
            cluster.registry.endpoint().to_owned(),
            cluster.store.endpoint().to_owned(),
        ));
        // After an upgrade the rows may have been rewritten without any living master.
        let database = format!(
            "{} of {}",
            cluster.store.endpoint(),
            cluster.store.release().range
        );
        let place = (cluster.registry.endpoint().to_owned(), database);
        let other_database = self
            .memory
            .database
            .as_ref()
            .is_some_and(|before| *before != place.1);
        if other_database {
            // Work that is missing in another cluster's database was not handed over by others.
            self.memory.work.clear();
        }
        if other_database || self.place.as_ref().is_some_and(|before| *before != place) {
            self.memory.missing.discard_absences();
            self.forget_masters();
        }
        self.memory.database = Some(place.1.clone());
        self.place = Some(place);
    }

    /// Forgets all masters, so that everything is reported again.
    pub(super) fn forget_masters(&mut self) {
        self.seen = Seen::default();
        self.announced.clear();
        self.refused.clear();
        self.standing_by.clear();
        self.diagnoses = Diagnoses::default();
    }

    /// Looks at everything once and acts on it; returns how long until a guard ends.
    async fn round(
        &mut self,
        context: &mut LoopContext<'_>,
        cluster: &mut Cluster,
        began: Instant,
    ) -> Result<Duration, FailoverError> {
        self.wrote = false;
        self.acted = false;
        self.diagnoses.is_calm = false;
        // A connection that was closed since the last round is not a failure: otherwise no master
        // would ever be missing for a whole grace time.
        cluster.store.reconnect_if_closed().await?;
        cluster.store.ensure_same_release().await?;
        let masters = self.look(cluster).await?;
        let counts = self.scan(cluster).await?;
        if !self.started {
            self.started = true;
            context
                .emit(self.started_event(cluster, masters.servers.len()))
                .await;
        }
        for mut change in self.seen.look(&masters) {
            returned::count_older(cluster, &masters, &counts, &mut change).await;
            context.emit(change).await;
        }
        if let Some(why) = self.strange.take() {
            context.emit(What::Paused(Switch::Brake { why })).await;
        }
        self.report_pause(context).await;
        self.take_resume(context).await;
        self.report_left_alone(context, cluster, &counts).await?;
        let view = RegistryView {
            masters,
            ..RegistryView::default()
        };
        let (mut dead, _) = dead_hosts(&counts, &view, cluster.store.release());
        let now = self.now();
        // A master whose failover is cut short again and again must not keep the others waiting.
        dead.sort_by_key(|master| self.memory.last_cut_short(master.as_str()));
        let names: BTreeSet<String> = dead.iter().map(ToString::to_string).collect();
        self.seen.forget_all_but(&dead.iter().cloned().collect());
        self.memory.missing.name(&names, now);
        self.check_signs_of_life(cluster).await?;
        self.count_others(cluster.store.release().family, &counts, &dead);
        self.forget_old(now);
        self.save_state(context);
        let mut holds = BTreeMap::new();
        let mut reconnect_if_closed = self.plan.interval;
        if self.report_unsaved(context).await && self.plan.once {
            self.came_to = ExitCode::Failure;
            return Ok(reconnect_if_closed);
        }
        for (number, master) in dead.iter().enumerate() {
            // Each may have to wait for its lock: with many masters that is long.
            if number > 0 {
                context.progress();
            }
            let unfinished =
                picture::unfinished_of(cluster.store.release().family, &counts, master);
            if let Some(hold) = self
                .process_master(context, cluster, master, unfinished)
                .await?
            {
                reconnect_if_closed =
                    reconnect_if_closed.min(time_left(&hold, Timestamp::now().as_millisecond()));
                holds.insert(master.to_string(), hold);
            }
        }
        if self.plan.once {
            self.report_no_masters(context, cluster, &view).await;
        }
        self.announced.retain(|master, _| names.contains(master));
        self.refused.retain(|master, _| names.contains(master));
        self.standing_by.retain(|master, _| names.contains(master));
        self.memory.missing.doubt = None;
        if self.report_unsaved(context).await && self.plan.once {
            self.set_exit_code(ExitCode::Failure);
        }
        self.answered = Source::ALL.map(|source| (source, true)).into();
        let counts = self.left_after(cluster, counts).await;
        let family = cluster.store.release().family;
        let masters = picture::masters(family, &view, &counts, &holds);
        let round = self.round_result(
            context,
            began.elapsed(),
            Ok(Sight {
                masters,
                claimed: left::claimed(family, &counts),
                left: self.left,
            }),
        );
        context.round(&round);
        self.diagnoses.is_calm = dead.is_empty() && self.memory.missing.absences.is_empty();
        Ok(reconnect_if_closed)
    }

    /// The unfinished instances at the end of a round, without those that it has handed over. A
    /// source that does not answer here will not answer the next round either, which reports it.
    async fn left_after(
        &mut self,
        cluster: &mut Cluster,
        counts: Vec<HostCount>,
    ) -> Vec<HostCount> {
        if self.wrote {
            self.scan(cluster).await.unwrap_or(counts)
        } else {
            counts
        }
    }

    /// The result of a round. Pause and storm brake apply whether or not it succeeded.
    fn round_result(
        &self,
        context: &LoopContext<'_>,
        took: Duration,
        saw: Result<Sight, String>,
    ) -> Round {
        Round {
            ended: Timestamp::now(),
            took,
            endpoints: self.endpoints.clone(),
            answered: self.answered.clone(),
            paused: context.paused(),
            brake: self.memory.brake.clone(),
            saw,
        }
    }

    /// With `--once`, a round in which no master is registered at all refuses like `failover
    /// --all-dead`: there is no next round.
    async fn report_no_masters(
        &mut self,
        context: &mut LoopContext<'_>,
        cluster: &Cluster,
        view: &RegistryView,
    ) {
        let (family, allowed) = (
            cluster.store.release().family,
            self.plan.rules.allow_no_masters,
        );
        let Err(refusal) =
            check_registry(&view.masters, family, place(&*cluster.registry), allowed)
        else {
            return;
        };
        let why = format!("{refusal}; {}", refusal.hint());
        context
            .emit(What::FailoverRefused(Refused::Nobody { why }))
            .await;
        self.set_exit_code(ExitCode::Refused);
    }

    /// Reports a pause when it starts and when it ends, whether or not anything waits for that.
    async fn report_pause(&mut self, context: &mut LoopContext<'_>) {
        let now = context.paused().map(|pause| (pause.by, pause.reason));
        if now == self.paused {
            return;
        }
        context
            .emit(What::Paused(Switch::Pause { by: now.clone() }))
            .await;
        self.paused = now;
    }

    fn started_event(&self, cluster: &Cluster, masters: usize) -> What {
        What::Started {
            registry: cluster.registry.endpoint().to_owned(),
            database: cluster.store.endpoint().to_owned(),
            dry_run: self.plan.dry_run,
            masters,
            grace: self.plan.limits.grace,
        }
    }

    /// The time by the wall clock. If it was set, the state is adjusted: a master is not missing
    /// for longer because of that, and the storm brake is not forgotten.
    pub(super) fn now(&mut self) -> i64 {
        let now = Timestamp::now().as_millisecond();
        match self.clock.set_by(now, Instant::now()) {
            0 => {}
            set => {
                self.memory.shift(set);
                self.set_by = self.set_by.saturating_add(set);
            }
        }
        now
    }

    /// Forgets failovers that are older than both the window and the cool-down.
    fn forget_old(&mut self, now: i64) {
        let longest = self.plan.limits.window.max(self.plan.limits.cool_down);
        let oldest = now.saturating_sub(i64::try_from(longest.as_millis()).unwrap_or(i64::MAX));
        self.memory.done.retain(|done| done.at_ms >= oldest);
        // A clock that was set back must not make a cool-down, or the window, longer than it is.
        for done in &mut self.memory.done {
            done.at_ms = done.at_ms.min(now);
        }
    }
}

fn code_of(stop: Stop) -> ExitCode {
    match stop {
        Stop::Interrupt => ExitCode::Interrupted,
        Stop::Terminate => ExitCode::Terminated,
    }
}
