//! What surrounds the loop: settings read again, memory in a file, events told, hooks run, metrics kept.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Serialize;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::line::{EventLine, PreLine};
use super::setup::{Setup, alone, resume_marker};
use super::shapes::{level, memory, row, seen, state, status};
use crate::cluster::Cluster;
use crate::commands::connect::{self, Access};
use crate::commands::failure::CommandError;
use crate::config::{Scope, resolve};
use crate::exit_code::ExitCode;
use crate::failover::FailoverError;
use crate::metadata::StoreError;
use crate::metadata::database::DatabaseError;
use crate::model::Address;
use crate::output::{Format, Printer, in_one_line, sanitized};
use crate::registry::RegistryError;
use crate::signals;
use crate::stop::StopSignal;
use crate::watch::hooks::{HookOutcome, Hooks, Moment, parse_on};
use crate::watch::live::{self, Live, Stale};
use crate::watch::lone::Lone;
use crate::watch::metrics::Metrics;
use crate::watch::notify::Notify;
use crate::watch::pause::PauseFile;
use crate::watch::{Event, Fault, Memory, Refused, Source, Surroundings, Trouble, View, What, Word, metrics_http};

/// Events in the live view; more never fit.
const EVENTS_SHOWN: usize = 100;

/// The surroundings of a real run.
pub(super) struct Around<'a, 'w> {
    setup: Setup<'a>,
    printer: &'a mut Printer<'w>,
    pause: PauseFile,
    hooks: Hooks,
    metrics: Metrics,
    served: Arc<Mutex<String>>,
    notify: Notify,
    ready: bool,
    hangup: Option<Signal>,
    resized: Option<Signal>,
    live: Option<Live<File>>,
    picture: live::View,
    /// What was told of a connection without encryption, once.
    plain_text: Option<String>,
    /// Files that cannot be written, each of which is told when that begins, not in every round.
    unwritable: BTreeSet<PathBuf>,
    /// Events that nobody has read in time, until that is told.
    untold: u64,
    /// Nobody else writes the state file; `None` in a dry run, which does not write it either.
    _lone: Option<Lone>,
}

fn unusable(message: String, hint: &str) -> CommandError {
    CommandError::Other { message, cause: None, hint: Some(hint.to_owned()), exit: ExitCode::Usage }
}

impl<'a, 'w> Around<'a, 'w> {
    pub(super) async fn new(setup: Setup<'a>, printer: &'a mut Printer<'w>) -> Result<Self, CommandError> {
        let hooks = hooks(&setup)?;
        let metrics = Metrics::new();
        let served = Arc::new(Mutex::new(metrics.render()));
        listen(&setup, Arc::clone(&served)).await?;
        let notify = Notify::from_environment(setup.environment).map_err(|error| {
            unusable(format!("NOTIFY_SOCKET cannot be used: {error}"), "see systemd's sd_notify(3)")
        })?;
        let lone = if setup.arguments.guards.dry_run { None } else { alone(&setup.state_file)? };
        let live = if setup.arguments.live {
            if !printer.can_show() {
                return Err(unusable("--live needs a terminal".to_owned(), "leave it out, or use -o ndjson"));
            }
            let cannot =
                |error: io::Error| unusable(format!("the terminal cannot be used: {error}"), "leave --live out");
            signals::quit_in_order();
            signals::stop_in_order();
            Some(Live::on_terminal().map_err(cannot)?)
        } else {
            None
        };
        let pause = PauseFile::beside(setup.state_file.path());
        Ok(Self {
            pause,
            hooks,
            metrics,
            served,
            notify,
            ready: false,
            // Without a handler SIGHUP ends the process, as it does by default.
            hangup: signal(SignalKind::hangup()).ok(),
            resized: signal(SignalKind::window_change()).ok(),
            live,
            picture: live::View::default(),
            plain_text: None,
            unwritable: BTreeSet::new(),
            untold: 0,
            _lone: lone,
            setup,
            printer,
        })
    }

    /// Gives whether there is still a terminal to draw on; without a live view that is no question.
    fn draw(&mut self) -> bool {
        self.live.as_mut().is_none_or(|live| live.draw(&self.picture).is_ok())
    }

    fn show_line(&mut self, event: &Event) {
        self.picture.events.push_back(event.to_line());
        while self.picture.events.len() > EVENTS_SHOWN {
            self.picture.events.pop_front();
        }
        if self.live.is_some() {
            self.draw();
            return;
        }
        let line = self.line_of(event);
        if self.untold > 0 {
            let before = self.untold_line();
            if self.print(&before) {
                self.untold = 0;
            }
        }
        if !self.print(&line) {
            self.untold += 1;
        }
    }

    /// Whether a line was taken. One that nobody reads in time is not; where nobody reads any more, the loop is not there
    /// for its readers.
    fn print(&mut self, line: &str) -> bool {
        let printed = self.printer.text(&format!("{line}\n"));
        !matches!(printed, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    fn untold_line(&self) -> String {
        self.line_of(&What::Error(Fault::Untold { untold: self.untold }).into())
    }

    fn line_of(&self, event: &Event) -> String {
        match self.setup.settings.output.format {
            Format::Ndjson => in_one_line(&EventLine::from(event)),
            _ if self.printer.is_journal() => level(event.what.kind()).prefix() + &sanitized(&event.what.to_words()),
            _ => sanitized(&event.to_line()).into_owned(),
        }
    }

    /// How long there may be between two rounds, if the service manager waits for them.
    pub(super) fn longest_interval(&self) -> Option<Duration> {
        self.notify.watchdog_interval()
    }

    /// What hooks say; among the events of the live view, which owns the screen.
    fn say(&mut self, text: &str, print: impl FnOnce(&mut Printer<'w>, &str)) {
        if self.live.is_none() {
            print(self.printer, text);
            return;
        }
        self.picture.events.push_back(text.to_owned());
        self.draw();
    }

    /// Metrics leave, and the service manager hears that a round is over.
    fn publish(&mut self, status: &str, alive: bool) {
        let text = self.metrics.render();
        if let Ok(mut served) = self.served.lock() {
            served.clone_from(&text);
        }
        if let Some(file) = &self.setup.arguments.telling.metrics_file {
            match self.metrics.write_file(file) {
                Ok(()) => _ = self.unwritable.remove(file),
                Err(error) => self.cannot_write(file, &format!("{}: {error}", file.display())),
            }
        }
        let told = if alive && !self.ready { self.notify.ready(status) } else { self.notify.status(status) };
        self.ready |= alive;
        // A round that failed has ended too: to be restarted would mend nothing. The service manager may be gone; it
        // will say so itself.
        let _ = told.and_then(|()| self.notify.watchdog());
    }

    fn cannot_write(&mut self, file: &Path, what: &str) {
        if self.unwritable.insert(file.to_owned()) {
            self.show_line(&What::Error(Fault::Unwritable { why: what.to_owned() }).into());
        }
    }

    async fn hook(&mut self, moment: Moment, payload: &(impl Serialize + Sync), master: &str) -> HookOutcome {
        // What is written as a line for programs is a value, too.
        let payload = serde_json::to_value(payload).unwrap_or_default();
        let variables = [("DSCTL_MASTER", master.to_owned()), ("DSCTL_EVENT", moment.word().to_owned())];
        let outcome = self.hooks.run(moment, &payload, &variables, self.setup.arguments.guards.dry_run).await;
        for line in outcome.output().lines() {
            self.say(&format!("hook {}: {line}", moment.word()), Printer::remark);
        }
        outcome
    }
}

fn hooks(setup: &Setup<'_>) -> Result<Hooks, CommandError> {
    let telling = &setup.arguments.telling;
    let on = telling.on.iter().map(|text| parse_on(text)).collect::<Result<Vec<_>, _>>();
    let on =
        on.map_err(|error| unusable(format!("--on cannot be used: {error}"), "for example --on pre=/usr/bin/true"))?;
    let hooks = Hooks { dir: telling.hook.clone(), on, timeout: telling.hook_timeout };
    hooks.check().map_err(|problem| {
        unusable(
            problem,
            "the folder of --hook has to be there, and nobody but their owner may be able to change hooks",
        )
    })?;
    Ok(hooks)
}

async fn listen(setup: &Setup<'_>, served: Arc<Mutex<String>>) -> Result<(), CommandError> {
    let Some(text) = &setup.arguments.telling.metrics_listen else { return Ok(()) };
    let address = metrics_http::parse_listen(text)
        .map_err(|problem| unusable(format!("--metrics-listen {text:?}: {problem}"), "for example 9187"))?;
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .map_err(|error| unusable(format!("cannot listen on {address}: {error}"), "give another port"))?;
    tokio::spawn(metrics_http::serve(listener, served));
    Ok(())
}

#[async_trait]
impl Surroundings for Around<'_, '_> {
    async fn open(&mut self, stop: &StopSignal) -> Result<Cluster, Trouble> {
        let access = if self.setup.arguments.guards.dry_run { Access::Look } else { Access::Write };
        let opened = connect::cluster(&self.setup.settings, access, stop).await.map_err(|error| trouble(&error));
        // The database is told of first: where the registry is, that one has answered.
        if opened.as_ref().err().is_none_or(|trouble| trouble.source == Some(Source::Registry)) {
            self.metrics.set_up(Source::Database, true);
        }
        let cluster = opened?;
        self.metrics.set_up(Source::Registry, true);
        let plain_text = cluster.store.plain_text();
        if let Some(text) = plain_text.as_ref().filter(|_| plain_text != self.plain_text) {
            self.say(text, Printer::warning);
        }
        self.plain_text = plain_text;
        self.picture.title = format!("{}, {}", cluster.registry.endpoint(), cluster.store.endpoint());
        for warning in cluster.store.warnings().into_iter().chain(cluster.registry.warnings()) {
            self.say(&warning, Printer::warning);
        }
        Ok(cluster)
    }

    fn recall(&mut self) -> Memory {
        memory(self.setup.state_file.load().unwrap_or_default())
    }

    fn keep(&mut self, memory: &Memory) -> Result<(), String> {
        // A dry run leaves a real watcher's memory alone.
        if self.setup.arguments.guards.dry_run {
            return Ok(());
        }
        self.setup.state_file.save(&state(memory)).map_err(|error| error.to_string())
    }

    fn paused(&mut self) -> Option<(String, String)> {
        self.pause.read().map(|pause| (pause.by, pause.reason))
    }

    fn resumed(&mut self) -> bool {
        // The operator's word is a real watcher's to take.
        !self.setup.arguments.guards.dry_run && std::fs::remove_file(resume_marker(&self.setup.state_file)).is_ok()
    }

    async fn tell(&mut self, event: Event) {
        self.tell_at_once(event);
    }

    fn tell_at_once(&mut self, event: Event) {
        self.metrics.record(&event.what);
        self.picture.standby = matches!(event.what, What::Standby { .. }).then(|| event.what.to_string());
        self.show_line(&event);
        if let What::Stopped { .. } = event.what {
            let _ = self.notify.stopping();
            self.live = None;
        }
    }

    async fn round(&mut self, view: &View, took: Duration, error: Option<&str>) {
        let now = Timestamp::now();
        self.metrics.set_paused(view.paused.is_some());
        self.metrics.set_brake(view.brake.is_some());
        self.picture.paused = self.pause.read();
        self.picture.brake.clone_from(&view.brake);
        if let Some(why) = error {
            self.metrics.round_failed(now, took);
            let since = self.picture.stale.as_ref().map_or(now, |stale| stale.since);
            self.picture.stale = Some(Stale { since, why: why.to_owned() });
            self.draw();
            self.publish(why, false);
            return;
        }
        self.metrics.round_succeeded(now, took, seen(view));
        self.picture.looked_at = view.seen_at;
        self.picture.stale = None;
        self.picture.masters = view.masters.iter().map(row).collect();
        self.draw();
        self.publish(&status(view), true);
    }

    fn progress(&mut self) {
        let _ = self.notify.watchdog();
    }

    async fn ask(&mut self, master: &Address, unfinished: i64) -> Word {
        if !self.hooks.has(Moment::Pre) {
            return Word::Go;
        }
        let payload = PreLine::new(master, unfinished);
        let outcome = self.hook(Moment::Pre, &payload, master.as_str()).await;
        if outcome.permits() { Word::Go } else { Word::Veto(format!("hook pre: {}", in_words(&outcome))) }
    }

    async fn report(&mut self, event: &Event) {
        let Some(moment) = moment_of(&event.what) else { return };
        if self.hooks.has(moment) {
            let master = event.what.master().map(ToString::to_string).unwrap_or_default();
            let outcome = self.hook(moment, &EventLine::from(event), &master).await;
            if !matches!(outcome, HookOutcome::Ok { .. }) {
                self.say(&format!("hook {}: {}", moment.word(), in_words(&outcome)), Printer::warning);
            }
        }
    }

    async fn reload(&mut self) {
        while !arrives_first(&mut self.hangup, &mut self.resized).await {
            self.draw();
        }
        if !self.draw() {
            // The terminal was closed: nobody wants the loop any more, and it ends in order.
            signals::terminate();
            return std::future::pending().await;
        }
        let _ = self.notify.reloading();
        self.ready = false;
        match resolve(self.setup.global, self.setup.environment, &mut io::empty(), Scope::Cluster) {
            Ok(settings) => self.setup.settings = settings,
            Err(error) => {
                self.show_line(&What::Error(Fault::Settings { why: error.to_string() }).into());
            }
        }
    }
}

/// The hooks that are told of an event.
fn moment_of(what: &What) -> Option<Moment> {
    match what {
        What::FailoverFinished { summary, .. } if summary.exit_code == ExitCode::Done => Some(Moment::PostSuccess),
        // Whoever is told of failures is told of what hangs still.
        What::FailoverFinished { .. } | What::Error(Fault::Failover { .. }) => Some(Moment::PostFailure),
        What::FailoverRefused(Refused::Guard { .. } | Refused::Check { .. }) => Some(Moment::Blocked),
        // Who has vetoed knows that.
        What::FailoverRefused(Refused::Veto { .. } | Refused::Nobody { .. })
        | What::Error(
            Fault::Unusable { .. }
            | Fault::Round { .. }
            | Fault::Untold { .. }
            | Fault::Unkept { .. }
            | Fault::Unwritable { .. }
            | Fault::Settings { .. },
        )
        | What::Started { .. }
        | What::MasterRegistered { .. }
        | What::MasterLost { .. }
        | What::GraceStarted { .. }
        | What::FailoverStarted { .. }
        | What::Standby { .. }
        | What::LeftAlone { .. }
        | What::Paused(_)
        | What::Stopped { .. } => None,
    }
}

/// Settings that cannot be used, and a database of another kind, do not mend themselves.
fn trouble(error: &CommandError) -> Trouble {
    let body = error.body();
    let text = std::iter::once(body.message).chain(body.causes).collect::<Vec<_>>().join(": ");
    let schema = matches!(error, CommandError::Failover(FailoverError::Store(StoreError::Schema(_))));
    let fatal = (matches!(error, CommandError::Config(_)) || schema).then_some(body.exit_code);
    let replica = matches!(
        error,
        CommandError::Failover(
            FailoverError::Registry(RegistryError::Doubtful { .. })
                | FailoverError::Database(DatabaseError::Doubtful { .. })
                | FailoverError::Store(StoreError::Database(DatabaseError::Doubtful { .. }))
        )
    );
    let code = if replica { ExitCode::Refused } else { ExitCode::Unreachable };
    let source = match error {
        CommandError::Failover(error) => Source::of(error),
        _ => None,
    };
    Trouble { text, fatal, code, source }
}

fn in_words(outcome: &HookOutcome) -> String {
    match outcome {
        HookOutcome::Ok { .. } => "done".to_owned(),
        HookOutcome::Veto { program, code, .. } => format!("{program} ended with {code}"),
        HookOutcome::Failed { why, .. } => why.clone(),
        HookOutcome::TimedOut { program, .. } => format!("{program} took too long"),
    }
}

/// Whether the first of two signals comes before the second; one without a handler never comes.
async fn arrives_first(first: &mut Option<Signal>, second: &mut Option<Signal>) -> bool {
    async fn arrival(signal: &mut Option<Signal>) {
        match signal {
            Some(signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        }
    }
    tokio::select! {
        () = arrival(first) => true,
        () = arrival(second) => false,
    }
}
