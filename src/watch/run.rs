//! The loop itself: look, judge, hold back or do, tell, wait.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::clock::Clock;
use super::guard::Hold;
use super::plan::{Memory, Plan, Surroundings, Trouble, View, Word};
use super::seen::Seen;
use super::state::PastFailover;
use super::words::{back_off, error_text, outcome_event, time_left};
use super::{Event, Kind, picture, returned};
use crate::exit_code::ExitCode;
use crate::failover::{
    Cluster, FailoverError, Observer, Permit, RegistryView, Stop, StopSignal, check_registry, dead_hosts, failover,
};
use crate::model::{Address, LockNode};
use crate::registry::RegistryError;

/// How the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The exit code.
    pub code: ExitCode,
}

/// Runs until a signal comes, one round is done, or nothing has succeeded for too long.
pub async fn watch(around: &mut dyn Surroundings, plan: &Plan, stop: StopSignal) -> Ended {
    let memory = around.recall();
    let permit = (!plan.dry_run).then(Permit::given);
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
        wrote: false,
        came_to: ExitCode::Done,
        clock: Clock::new(Timestamp::now().as_millisecond(), Instant::now()),
        last_success: Instant::now(),
    };
    let code = watcher.run(around).await;
    around.tell(Event::new(Kind::Stopped, ended_text(code, plan.once)).with("exit_code", code.number())).await;
    Ended { code }
}

fn ended_text(code: ExitCode, once: bool) -> &'static str {
    match code {
        ExitCode::Interrupted | ExitCode::Terminated => "asked to by a signal",
        _ if once => "the round is over",
        _ => "gave up",
    }
}

pub(super) struct Watcher<'a> {
    pub(super) plan: &'a Plan,
    stop: StopSignal,
    permit: Option<Permit>,
    pub(super) memory: Memory,
    seen: Seen,
    /// What was last told of each master's guard, so that it is told once.
    pub(super) announced: BTreeMap<String, String>,
    paused: Option<(String, String)>,
    started: bool,
    /// Which registry and database these are.
    place: Option<(String, String)>,
    /// Whether this round has written anything.
    wrote: bool,
    /// The first failover that did not come to a good end, for the exit code of a single round.
    came_to: ExitCode,
    clock: Clock,
    last_success: Instant,
}

/// What ends one cluster's connection.
enum Next {
    /// Open it again, after a failure with a pause: in words, and as the exit code of one round.
    Reopen(Option<(String, ExitCode)>),
    End(ExitCode),
}

impl Watcher<'_> {
    async fn run(&mut self, around: &mut dyn Surroundings) -> ExitCode {
        let mut failures = 0_u32;
        loop {
            let opened = around.open(&self.stop).await;
            if let (Err(_), Err(FailoverError::Stopped(stop))) = (&opened, self.stop.check()) {
                return code_of(stop);
            }
            let next = match opened {
                Ok(mut cluster) => {
                    let next = self.on_cluster(around, &mut cluster, &mut failures).await;
                    cluster.registry.close().await;
                    cluster.store.close().await;
                    next
                }
                // Once it has worked, settings and schema are right: another server may answer at the address for a while.
                Err(Trouble { text, fatal: Some(code) }) if !self.started => {
                    around.tell(Event::new(Kind::Error, text)).await;
                    Next::End(code)
                }
                Err(Trouble { text, .. }) => Next::Reopen(Some((text, ExitCode::Unreachable))),
            };
            match next {
                Next::End(code) => return code,
                Next::Reopen(None) => failures = 0,
                Next::Reopen(Some((text, code))) => {
                    if let Some(code) = self.after_failure(around, &text, code, failures).await {
                        return code;
                    }
                    failures += 1;
                }
            }
        }
    }

    /// Tells the failure and pauses; gives a code if that is the end.
    async fn after_failure(
        &mut self,
        around: &mut dyn Surroundings,
        text: &str,
        code: ExitCode,
        failures: u32,
    ) -> Option<ExitCode> {
        self.memory.missing.lose_sight();
        around.keep(&self.memory);
        let pause = back_off(failures);
        let seconds = pause.as_secs_f64();
        let event = Event::new(Kind::Error, format!("{text}; trying again in {seconds:.1}s"));
        around.tell(event.with("retry_after_seconds", seconds)).await;
        around.round(&View::default(), Duration::ZERO, Some(text)).await;
        if self.plan.once {
            return Some(code);
        }
        if self.plan.fail_after.is_some_and(|limit| self.last_success.elapsed() >= limit) {
            return Some(ExitCode::Unreachable);
        }
        let mut stop = self.stop.clone();
        tokio::select! {
            stop = stop.requested() => Some(code_of(stop)),
            // It may be the settings that are wrong: no round would ever succeed before they are read.
            () = around.reload() => None,
            () = tokio::time::sleep(pause) => None,
        }
    }

    async fn on_cluster(&mut self, around: &mut dyn Surroundings, cluster: &mut Cluster, failures: &mut u32) -> Next {
        self.arrive(cluster);
        loop {
            let began = Instant::now();
            let held_until = match self.round(around, cluster, began).await {
                Ok(held_until) => held_until,
                Err(FailoverError::Stopped(stop)) => return Next::End(code_of(stop)),
                Err(error) => return Next::Reopen(Some((error_text(&error), error.exit_code(self.wrote)))),
            };
            *failures = 0;
            self.last_success = Instant::now();
            if self.plan.once {
                return Next::End(self.came_to);
            }
            let mut stop = self.stop.clone();
            let wait = self.plan.interval.saturating_sub(began.elapsed()).min(held_until);
            tokio::select! {
                biased;
                stop = stop.requested() => return Next::End(code_of(stop)),
                () = around.reload() => return Next::Reopen(None),
                () = cluster.registry.masters_changed() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Another registry or database may be another cluster's: what was seen elsewhere makes nobody known or dead here.
    fn arrive(&mut self, cluster: &Cluster) {
        let place = (cluster.registry.endpoint().to_owned(), cluster.store.endpoint().to_owned());
        if self.place.as_ref().is_some_and(|before| *before != place) {
            self.seen = Seen::default();
            self.memory.missing.lose_sight();
            self.announced.clear();
        }
        self.place = Some(place);
    }

    /// One look at everything, and what follows from it; gives how long until a guard lets go.
    async fn round(
        &mut self,
        around: &mut dyn Surroundings,
        cluster: &mut Cluster,
        began: Instant,
    ) -> Result<Duration, FailoverError> {
        self.wrote = false;
        let stop = self.stop.clone();
        let masters = stop.unless(cluster.registry.masters()).await?;
        let family = cluster.store.release().family;
        // No master at all is the registry's failure until one is back, and no reason to end the round.
        check_registry(&masters, family, cluster.registry.endpoint(), true)?;
        let counts = stop.unless(cluster.store.host_counts()).await?;
        if !self.started {
            self.started = true;
            around.tell(self.greeting(cluster, masters.servers.len())).await;
        }
        for event in self.seen.look(&masters) {
            let told = stop.unless(returned::with_older(cluster, &masters, &counts, event)).await?;
            around.tell(told).await;
        }
        self.tell_pause(around).await;
        self.take_resume(around).await;
        let view = RegistryView { masters, ..RegistryView::default() };
        let (mut dead, _) = dead_hosts(&counts, &view, cluster.store.release());
        let now = self.now();
        // One whose failover is cut short time and again must not keep the others waiting.
        dead.sort_by_key(|master| self.memory.last_cut_short(master.as_str()));
        let names: BTreeSet<String> = dead.iter().map(ToString::to_string).collect();
        self.seen.forget_all_but(&dead.iter().cloned().collect());
        let any = !view.masters.servers.is_empty();
        self.memory.missing.look(&names, any || self.plan.rules.allow_no_masters, now);
        self.forget_old(now);
        around.keep(&self.memory);
        let mut holds = BTreeMap::new();
        let mut wake = self.plan.interval;
        for master in &dead {
            let unfinished = picture::unfinished_of(cluster.store.release().family, &counts, master);
            if let Some(hold) = self.consider(around, cluster, master, unfinished).await? {
                wake = wake.min(time_left(&hold, Timestamp::now().as_millisecond()));
                holds.insert(master.to_string(), hold);
            }
        }
        self.announced.retain(|master, _| names.contains(master));
        let view = View {
            masters: picture::masters(cluster.store.release().family, &view, &counts, &holds),
            paused: around.paused().map(|(by, reason)| format!("by {by}: {reason}")),
            brake: self.memory.brake.clone(),
            seen_at: Some(Timestamp::now()),
        };
        around.round(&view, began.elapsed(), None).await;
        Ok(wake)
    }

    /// A pause is told when it begins and when it ends, whether or not anything waits for that.
    async fn tell_pause(&mut self, around: &mut dyn Surroundings) {
        let now = around.paused();
        if now == self.paused {
            return;
        }
        let event = match &now {
            Some((by, reason)) => Event::new(Kind::Paused, format!("by {by}: {reason}")).with("paused", true),
            None => Event::new(Kind::Paused, "resumed").with("paused", false),
        };
        around.tell(event).await;
        self.paused = now;
    }

    fn greeting(&self, cluster: &Cluster, masters: usize) -> Event {
        let (grace, mode) = (self.plan.limits.grace.as_secs(), if self.plan.dry_run { "dry run, " } else { "" });
        let text = format!(
            "{mode}{masters} masters registered; a master is failed over when it is gone for {grace}s, which should be \
             longer than the masters' session with the registry"
        );
        Event::new(Kind::Started, text)
            .with("registry", cluster.registry.endpoint())
            .with("database", cluster.store.endpoint())
            .with("dry_run", self.plan.dry_run)
    }

    /// Holds a dead master's failover back, and says why, or does it.
    async fn consider(
        &mut self,
        around: &mut dyn Surroundings,
        cluster: &mut Cluster,
        master: &Address,
        unfinished: i64,
    ) -> Result<Option<Hold>, FailoverError> {
        let now = self.now();
        if let Some(hold) = self.hold(around, master, unfinished, now) {
            self.announce(around, master, unfinished, &hold, now).await;
            return Ok(Some(hold));
        }
        // Nobody waits for an answer any more once the loop is to end; the hook is ended with it.
        let asked = async { Ok::<_, FailoverError>(around.ask(master, unfinished).await) };
        if let Word::Veto(why) = self.stop.unless(asked).await? {
            let event = Event::new(Kind::FailoverRefused, format!("vetoed: {why}")).about(master);
            around.tell(event).await;
            self.remember(around, master, 0, false);
            return Ok(None);
        }
        self.fail_over(around, cluster, master, unfinished).await?;
        Ok(None)
    }

    async fn fail_over(
        &mut self,
        around: &mut dyn Surroundings,
        cluster: &mut Cluster,
        master: &Address,
        unfinished: i64,
    ) -> Result<(), FailoverError> {
        let text = format!("{unfinished} unfinished instances");
        around.tell(Event::new(Kind::FailoverStarted, text).about(master).with("dry_run", self.plan.dry_run)).await;
        let masters = [master.clone()];
        let mut rules = self.plan.rules.clone();
        // Its registration was here: that is proof enough that this registry is the database's.
        rules.allow_new_masters |= self.seen.knows(master);
        let (permit, stop) = (self.permit.as_ref(), self.stop.clone());
        let mut run = failover(cluster, &masters, &rules, permit, &mut Passing(around), stop).await;
        let unreleased = run.unreleased.take();
        self.wrote |= run.wrote;
        if self.came_to == ExitCode::Done {
            self.came_to = run.exit_code();
        }
        let event = outcome_event(master, &run, self.plan.dry_run);
        // Asked to end, it ends: hooks would take their time, and nothing has failed.
        if !matches!(run.failure, Some(FailoverError::Stopped(_))) {
            around.report(&event).await;
        }
        let standby = event.kind == Kind::Standby;
        around.tell(event).await;
        // A safety check or another's lock is told, and the loop goes on; what broke the connection ends the round.
        let goes_on = match &run.failure {
            None | Some(FailoverError::Refused(_) | FailoverError::Registry(RegistryError::Held { .. })) => true,
            Some(_) => false,
        };
        if !standby || run.wrote {
            self.remember(around, master, run.recovered() as u64, !goes_on);
        }
        run.failure.filter(|_| !goes_on).map_or(Ok(()), Err)?;
        // The session has the lock still: it is ended, or the next failover would queue behind this one.
        unreleased.map_or(Ok(()), |kept| Err((*kept).into()))
    }

    /// The time by the wall clock. When that was set, what is remembered follows it: a master is not gone for longer by
    /// that, and no brake is forgotten.
    fn now(&mut self) -> i64 {
        let now = Timestamp::now().as_millisecond();
        match self.clock.set_by(now, Instant::now()) {
            0 => {}
            set => self.memory.shift(set),
        }
        now
    }

    fn remember(&mut self, around: &mut dyn Surroundings, master: &Address, instances: u64, cut_short: bool) {
        let at_ms = self.now();
        self.memory.done.push(PastFailover { master: master.to_string(), at_ms, instances, cut_short });
        around.keep(&self.memory);
    }

    /// What neither window nor cool-down looks back on any more.
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

/// The loop tells what a failover came to; steps in between are nobody's news, but show that it lives.
struct Passing<'a>(&'a mut dyn Surroundings);

impl Observer for Passing<'_> {
    fn waiting_for_lock(&mut self, _path: &str, _holder: &LockNode) {}

    fn batch_done(&mut self, _master: &Address, _done: usize, _total: usize) {
        self.0.progress();
    }
}
