//! Metrics: updated with every event, and published after every round and every failover.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::{Note, Sink};
use crate::diagnosis::FindingCounts;
use crate::watch::metrics::Metrics;
use crate::watch::{Event, Fault, Round, What};

/// Metrics, published in a file and over HTTP.
#[derive(Debug)]
pub struct MetricsSink {
    metrics: Metrics,
    served: Arc<Mutex<String>>,
    file: Option<PathBuf>,
    /// Whether the last write of the file failed: reported when that starts, not in every round.
    unwritable: bool,
    notes: Vec<Note>,
}

impl MetricsSink {
    /// Writes them into `file`, if there is one. Also returns the page that is served.
    #[must_use]
    pub fn new(file: Option<PathBuf>) -> (Self, Arc<Mutex<String>>) {
        let metrics = Metrics::new();
        let served = Arc::new(Mutex::new(metrics.render()));
        (
            Self {
                metrics,
                served: Arc::clone(&served),
                file,
                unwritable: false,
                notes: Vec::new(),
            },
            served,
        )
    }

    fn publish(&mut self) {
        if let Ok(mut served) = self.served.lock() {
            *served = self.metrics.render();
        }
        self.write_file();
    }

    fn write_file(&mut self) {
        let Some(file) = &self.file else { return };
        let written = self.metrics.write_file(file);
        let was_unwritable = std::mem::replace(&mut self.unwritable, written.is_err());
        if let (Err(error), false) = (written, was_unwritable) {
            let why = format!("{}: {error}", file.display());
            self.notes
                .push(Note::Event(What::Error(Fault::Unwritable { why }).into()));
        }
    }
}

impl Sink for MetricsSink {
    fn event(&mut self, event: &Event) {
        self.metrics.record(&event.what);
        // Published at once, because a round may take long, and a signal may end it.
        let ends = event.what.failover_end().is_some();
        if ends || matches!(event.what, What::Stopped { .. }) {
            self.publish();
        }
    }

    fn round(&mut self, round: &Round) {
        self.metrics.round(round);
        self.publish();
    }

    fn diagnosed(&mut self, counts: &FindingCounts) {
        self.metrics.diagnosed(counts);
        self.publish();
    }

    fn notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }
}
