//! What the loop works with: clusters, its saved state, the operator's switches and hooks, and the
//! sinks.

use async_trait::async_trait;

use super::event::{Event, Source};
use super::memory::Memory;
use super::pause::{Pause, PauseFile};
use super::round::Round;
use super::sinks::{Caller, Note, Sinks, while_it_lasts};
use super::state::StateFile;
use crate::cluster::Cluster;
use crate::config::{Mute, TypedOptions};
use crate::diagnosis::FindingCounts;
use crate::exit_code::ExitCode;
use crate::model::Address;
use crate::stop::StopSignal;

/// A cluster that could not be opened.
#[derive(Debug)]
pub struct Trouble {
    /// Its text, without passwords.
    pub text: String,
    /// Wrong settings stay wrong: the loop ends with this code, unless they have worked before.
    pub fatal: Option<ExitCode>,
    /// The exit code of a single round otherwise.
    pub code: ExitCode,
    /// Who did not answer.
    pub source: Option<Source>,
}

/// Opens clusters from the settings, which may be reloaded.
#[async_trait]
pub trait Clusters: Send {
    /// Opens the cluster, with the newest settings; gives up, with nothing left open, when a stop
    /// is requested.
    async fn open(&mut self, stop: &StopSignal) -> Result<Cluster, Trouble>;

    /// What the newest settings say is no alarm.
    fn mutes(&self) -> &[Mute];

    /// Waits until a reload is requested, and reads the settings.
    async fn reload(&mut self, sinks: &mut Sinks<'_>);
}

/// Everything that the loop works with.
pub struct LoopContext<'a> {
    clusters: Box<dyn Clusters + 'a>,
    sinks: Sinks<'a>,
    hooks: Caller,
    state: StateFile,
    pause: PauseFile,
    /// Whether this is a dry run, which leaves a real watcher's state and switches alone.
    dry_run: bool,
    /// What the next commands in the texts of events need.
    typed: TypedOptions,
    /// The warning about an unencrypted connection, once it was given.
    plain_text: Option<String>,
}

impl std::fmt::Debug for LoopContext<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoopContext")
            .field("sinks", &self.sinks)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl<'a> LoopContext<'a> {
    /// The loop saves its state in this file, and obeys the switches next to it. The next commands
    /// that its events name need `typed`.
    #[must_use]
    pub fn new(
        clusters: Box<dyn Clusters + 'a>,
        sinks: Sinks<'a>,
        hooks: Caller,
        state: StateFile,
        typed: TypedOptions,
    ) -> Self {
        let (pause, dry_run) = (PauseFile::sibling(state.path()), hooks.dry_run);
        Self {
            clusters,
            sinks,
            hooks,
            state,
            pause,
            dry_run,
            typed,
            plain_text: None,
        }
    }

    /// Opens the cluster, and passes on the warnings of its servers.
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

    /// Loads the saved state; an empty one if it cannot be read.
    pub(super) fn load_state(&self) -> Memory {
        self.state.load().unwrap_or_default().into()
    }

    /// Saves it.
    ///
    /// # Errors
    /// Why it cannot be saved, as text. The old state is unchanged.
    pub(super) fn save_state(&self, memory: &Memory) -> Result<(), String> {
        // A dry run leaves a real watcher's state alone.
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

    /// Whether an operator has resumed since the last call; called once in each round.
    pub(super) fn resumed(&self) -> bool {
        // The resume is meant for a real watcher, not for a dry run.
        !self.dry_run && std::fs::remove_file(self.state.resume_marker()).is_ok()
    }

    /// Runs the `pre` hooks; returns why a master may not be failed over, if so.
    pub(super) async fn veto(&mut self, master: &Address, unfinished: i64) -> Option<String> {
        let Self { hooks, sinks, .. } = self;
        let asked = hooks.run_pre(master, unfinished);
        let (veto, printed) = while_it_lasts(asked, || sinks.progress()).await;
        for note in &printed {
            self.sinks.note(note);
        }
        veto
    }

    /// Sends an event to the sinks, and waits until they have finished with it.
    pub(super) async fn emit(&mut self, event: impl Into<Event>) {
        let mut event = event.into();
        event.typed.clone_from(&self.typed);
        self.sinks.emit(&event).await;
    }

    /// Sends an event from within a failover, without waiting.
    pub(super) fn emit_without_waiting(&mut self, event: &Event) {
        let mut event = event.clone();
        event.typed.clone_from(&self.typed);
        self.sinks.emit_without_waiting(&event);
    }

    /// Reports that the loop is alive, for example after a batch of a long failover.
    pub(super) fn progress(&mut self) {
        self.sinks.progress();
    }

    /// What is no alarm, as the newest settings say.
    pub(super) fn mutes(&self) -> &[Mute] {
        self.clusters.mutes()
    }

    /// Warns the operator of what is no event.
    pub(super) fn warn(&mut self, text: &str) {
        self.sinks.note(&Note::Warning(text.to_owned()));
    }

    /// Reports how much a diagnosis has found.
    pub(super) fn diagnosed(&mut self, counts: &FindingCounts) {
        self.sinks.diagnosed(counts);
    }

    /// Reports the end of a round.
    pub(super) fn round(&mut self, round: &Round) {
        self.sinks.round(round);
    }
}
