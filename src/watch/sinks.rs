//! The sinks, which receive what the loop does.

mod hooks;
mod lines;
mod live;
mod manager;
mod metrics;

use std::time::Duration;

use async_trait::async_trait;

pub use hooks::{Caller, HookSink};
pub use lines::Lines;
pub use live::LiveView;
pub use manager::ServiceManager;
pub use metrics::MetricsSink;

use super::{Event, Round};
use crate::diagnosis::FindingCounts;

/// A receiver of events. A new one is a file here, and a line where the list is made.
///
/// None of these methods may block for long, except [`Sink::follow_up`].
#[async_trait]
pub trait Sink: Send {
    /// Something has happened.
    fn event(&mut self, _event: &Event) {}

    /// Does what takes time after an event; the loop waits for it.
    async fn follow_up(&mut self) {}

    /// A round has ended.
    fn round(&mut self, _round: &Round) {}

    /// A diagnosis has ended.
    fn diagnosed(&mut self, _counts: &FindingCounts) {}

    /// The loop is alive, during something that takes long.
    fn progress(&mut self) {}

    /// The settings are about to be reloaded.
    fn reloading(&mut self) {}

    /// Shows a note, which is not an event.
    fn note(&mut self, _note: &Note) {}

    /// Its notes for the other sinks since the last call.
    fn notes(&mut self) -> Vec<Note> {
        Vec::new()
    }

    /// Redraws what it shows; returns whether it can still be seen.
    fn refresh(&mut self) -> bool {
        true
    }
}

/// A note, shown in addition to the events of the loop.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// It matters only to an operator who is watching.
    Remark(String),
    /// The operator should see it.
    Warning(String),
    /// It is shown like an event of the loop, but is not counted, and runs no hook.
    Event(Event),
}

/// How often it is told that the loop is alive while somebody is waited for who has a limit of
/// time.
const PULSE: Duration = Duration::from_secs(1);

/// Waits for the end of something that ends in its time, and says meanwhile that the loop is alive.
pub(super) async fn while_it_lasts<T>(
    work: impl Future<Output = T>,
    mut is_alive: impl FnMut(),
) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        match tokio::time::timeout(PULSE, &mut work).await {
            Ok(done) => return done,
            Err(_) => is_alive(),
        }
    }
}

/// All sinks, in this order.
#[derive(Default)]
pub struct Sinks<'a>(Vec<Box<dyn Sink + 'a>>);

impl std::fmt::Debug for Sinks<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Sinks").field(&self.0.len()).finish()
    }
}

impl<'a> Sinks<'a> {
    /// Exactly these sinks.
    #[must_use]
    pub fn new(sinks: Vec<Box<dyn Sink + 'a>>) -> Self {
        Self(sinks)
    }

    /// Sends an event to all sinks, and waits until all have finished with it.
    pub async fn emit(&mut self, event: &Event) {
        self.emit_without_waiting(event);
        for place in 0..self.0.len() {
            self.follow_up(place).await;
        }
        self.pass_notes_on();
    }

    /// Waits for one of them; all others hear meanwhile that the loop is alive.
    async fn follow_up(&mut self, place: usize) {
        let (before, rest) = self.0.split_at_mut(place);
        let Some((sink, behind)) = rest.split_first_mut() else {
            return;
        };
        let others = || {
            before
                .iter_mut()
                .chain(&mut *behind)
                .for_each(|sink| sink.progress());
        };
        while_it_lasts(sink.follow_up(), others).await;
    }

    /// Sends an event from code that cannot wait. Work that takes time is done after the next
    /// event.
    pub fn emit_without_waiting(&mut self, event: &Event) {
        self.0.iter_mut().for_each(|sink| sink.event(event));
    }

    /// Reports the end of a round.
    pub fn round(&mut self, round: &Round) {
        self.0.iter_mut().for_each(|sink| sink.round(round));
        self.pass_notes_on();
    }

    /// Reports how much a diagnosis has found.
    pub fn diagnosed(&mut self, counts: &FindingCounts) {
        self.0.iter_mut().for_each(|sink| sink.diagnosed(counts));
        self.pass_notes_on();
    }

    /// Reports that the loop is alive.
    pub fn progress(&mut self) {
        self.0.iter_mut().for_each(|sink| sink.progress());
    }

    /// Reports that the settings are about to be reloaded.
    pub fn reloading(&mut self) {
        self.0.iter_mut().for_each(|sink| sink.reloading());
    }

    /// Shows a note.
    pub fn note(&mut self, note: &Note) {
        self.0.iter_mut().for_each(|sink| sink.note(note));
    }

    /// Redraws everything; returns whether all sinks can still be seen.
    pub fn refresh(&mut self) -> bool {
        let mut is_seen = true;
        for sink in &mut self.0 {
            is_seen &= sink.refresh();
        }
        is_seen
    }

    fn pass_notes_on(&mut self) {
        let notes: Vec<Note> = self.0.iter_mut().flat_map(|sink| sink.notes()).collect();
        for note in &notes {
            self.note(note);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::exit_code::ExitCode;
    use crate::watch::What;

    /// A sink that records what it receives, in a book that all of them share.
    struct Scribe {
        name: &'static str,
        book: Arc<Mutex<Vec<String>>>,
        to_say: Vec<Note>,
        is_seen: bool,
    }

    impl Scribe {
        fn write(&self, what: &str) {
            self.book
                .lock()
                .unwrap()
                .push(format!("{} {what}", self.name));
        }
    }

    #[async_trait]
    impl Sink for Scribe {
        fn event(&mut self, event: &Event) {
            self.write(event.what.kind().keyword());
        }

        async fn follow_up(&mut self) {
            self.write("follows up");
        }

        fn note(&mut self, note: &Note) {
            self.write(&format!("{note:?}"));
        }

        fn notes(&mut self) -> Vec<Note> {
            std::mem::take(&mut self.to_say)
        }

        fn refresh(&mut self) -> bool {
            self.write("refreshes");
            self.is_seen
        }
    }

    fn stopped() -> Event {
        What::Stopped {
            exit_code: ExitCode::Done,
            once: true,
        }
        .into()
    }

    #[tokio::test]
    async fn all_sinks_get_an_event_before_any_is_waited_for_and_notes_come_last() {
        let book = Arc::new(Mutex::new(Vec::new()));
        let scribe = |name, to_say, is_seen| -> Box<dyn Sink> {
            Box::new(Scribe {
                name,
                book: Arc::clone(&book),
                to_say,
                is_seen,
            })
        };
        let written = || std::mem::take(&mut *book.lock().unwrap());
        let note = Note::Warning("it is late".to_owned());
        let mut sinks = Sinks::new(vec![
            scribe("a", vec![note], true),
            scribe("b", Vec::new(), false),
        ]);
        sinks.emit_without_waiting(&stopped());
        assert_eq!(written(), ["a stopped", "b stopped"]);
        sinks.emit(&stopped()).await;
        let warned = r#"Warning("it is late")"#;
        let (to_a, to_b) = (format!("a {warned}"), format!("b {warned}"));
        assert_eq!(
            written(),
            [
                "a stopped",
                "b stopped",
                "a follows up",
                "b follows up",
                &to_a,
                &to_b
            ]
        );
        sinks.emit(&stopped()).await;
        assert_eq!(written().len(), 4, "a note is shown once");
        assert!(!sinks.refresh());
        assert_eq!(written(), ["a refreshes", "b refreshes"]);
    }
}
