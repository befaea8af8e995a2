//! What the loop works with: clusters, what it remembers, the operator's switches and hooks, and
//! who is told.

use async_trait::async_trait;

use super::event::{Event, Source};
use super::memory::Memory;
use super::pause::{Pause, PauseFile};
use super::round::Round;
use super::sinks::{Caller, Note, Sinks, while_it_lasts};
use super::state::StateFile;
use crate::cluster::Cluster;
use crate::exit_code::ExitCode;
use crate::model::Address;
use crate::stop::StopSignal;

/// A cluster that could not be opened.
#[derive(Debug)]
pub struct Trouble {
    /// In words; no password.
    pub text: String,
    /// Bad settings do not mend themselves: the loop ends with this code, unless they have been
    /// good already.
    pub fatal: Option<ExitCode>,
    /// What a single round ends with otherwise.
    pub code: ExitCode,
    /// Who did not answer.
    pub source: Option<Source>,
}

/// Where clusters come from: the settings, which may be read again.
#[async_trait]
pub trait Clusters: Send {
    /// Opens the cluster, with the newest settings; gives up, with nothing left open, when it is
    /// asked to stop.
    async fn open(&mut self, stop: &StopSignal) -> Result<Cluster, Trouble>;

    /// Waits until the settings are to be read again, and reads them.
    async fn reload(&mut self, sinks: &mut Sinks<'_>);
}

/// Everything around the loop.
pub struct Surroundings<'a> {
    clusters: Box<dyn Clusters + 'a>,
    sinks: Sinks<'a>,
    hooks: Caller,
    state: StateFile,
    pause: PauseFile,
    /// Whether a real watcher's memory and switches are left alone.
    dry_run: bool,
    /// What was told of a connection without encryption, once.
    plain_text: Option<String>,
}

impl std::fmt::Debug for Surroundings<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Surroundings")
            .field("sinks", &self.sinks)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl<'a> Surroundings<'a> {
    /// The loop remembers in this file, and obeys the switches beside it.
    #[must_use]
    pub fn new(
        clusters: Box<dyn Clusters + 'a>,
        sinks: Sinks<'a>,
        hooks: Caller,
        state: StateFile,
    ) -> Self {
        let (pause, dry_run) = (PauseFile::beside(state.path()), hooks.dry_run);
        Self {
            clusters,
            sinks,
            hooks,
            state,
            pause,
            dry_run,
            plain_text: None,
        }
    }

    /// Opens the cluster, and says what its servers make the operator know.
    pub(super) async fn open(&mut self, stop: &StopSignal) -> Result<Cluster, Trouble> {
        let cluster = self.clusters.open(stop).await?;
        let plain_text = cluster.store.plain_text();
        let news = plain_text.clone().filter(|_| plain_text != self.plain_text);
        self.plain_text = plain_text;
        let warnings = cluster
            .store
            .warnings()
            .into_iter()
            .chain(cluster.registry.warnings());
        news.into_iter()
            .chain(warnings)
            .for_each(|warning| self.sinks.note(&Note::Warning(warning)));
        Ok(cluster)
    }

    /// Waits until the settings have been read again.
    pub(super) async fn reload(&mut self) {
        self.clusters.reload(&mut self.sinks).await;
    }

    /// What was kept; nothing where that cannot be read.
    pub(super) fn recall(&self) -> Memory {
        self.state.load().unwrap_or_default().into()
    }

    /// Keeps it.
    ///
    /// # Errors
    /// Why it cannot be kept, in words. What was kept before is whole.
    pub(super) fn keep(&self, memory: &Memory) -> Result<(), String> {
        // A dry run leaves a real watcher's memory alone.
        if self.dry_run {
            return Ok(());
        }
        self.state
            .save(&memory.into())
            .map_err(|error| error.to_string())
    }

    /// Who paused the loop, and why.
    pub(super) fn paused(&self) -> Option<Pause> {
        self.pause.read()
    }

    /// Whether an operator has resumed since this was asked last; asked once in each round.
    pub(super) fn resumed(&self) -> bool {
        // The operator's word is a real watcher's to take.
        !self.dry_run && std::fs::remove_file(self.state.resume_marker()).is_ok()
    }

    /// Asks the hooks whether a master may be failed over; gives why not.
    pub(super) async fn veto(&mut self, master: &Address, unfinished: i64) -> Option<String> {
        let Self { hooks, sinks, .. } = self;
        let asked = hooks.ask(master, unfinished);
        let (veto, printed) = while_it_lasts(asked, || sinks.progress()).await;
        for note in &printed {
            self.sinks.note(note);
        }
        veto
    }

    /// Tells an event; whoever is told has done with it by then.
    pub(super) async fn tell(&mut self, event: impl Into<Event>) {
        self.sinks.tell(&event.into()).await;
    }

    /// The same from within a failover.
    pub(super) fn tell_at_once(&mut self, event: &Event) {
        self.sinks.tell_at_once(event);
    }

    /// A batch of a failover is done: the loop is alive, however long the whole takes.
    pub(super) fn progress(&mut self) {
        self.sinks.progress();
    }

    /// A round is over.
    pub(super) fn round(&mut self, round: &Round) {
        self.sinks.round(round);
    }
}
