//! The view that is redrawn in place.

use std::fs::File;
use std::io;

use super::{Note, Sink};
use crate::config::TypedOptions;
use crate::watch::live::{Live, Stale, View};
use crate::watch::{Event, Round, What};

/// How many events the view keeps; more never fit.
const EVENTS_SHOWN: usize = 100;

/// The view on the process's own terminal, until the loop has ended.
#[derive(Debug)]
pub struct LiveView {
    live: Option<Live<File>>,
    view: View,
}

impl LiveView {
    /// Enters the alternate screen. The next commands that are shown need `typed`.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn on_terminal(typed: TypedOptions) -> io::Result<Self> {
        Ok(Self {
            live: Some(Live::on_terminal()?),
            view: View {
                typed,
                ..View::default()
            },
        })
    }

    fn push(&mut self, line: String) {
        self.view.events.push_back(line);
        while self.view.events.len() > EVENTS_SHOWN {
            self.view.events.pop_front();
        }
        self.refresh();
    }
}

impl Sink for LiveView {
    fn event(&mut self, event: &Event) {
        self.view.standby = matches!(event.what, What::Standby { .. }).then(|| event.text());
        if let What::Started {
            registry, database, ..
        } = &event.what
        {
            self.view.title = title(registry, database);
        }
        self.push(event.to_line());
        if let What::Stopped { .. } = event.what {
            self.live = None;
        }
    }

    fn round(&mut self, round: &Round) {
        let view = &mut self.view;
        if let Some((registry, database)) = &round.endpoints {
            view.title = title(registry, database);
        }
        view.paused.clone_from(&round.paused);
        view.brake.clone_from(&round.brake);
        match &round.saw {
            Ok(sight) => {
                view.looked_at = Some(round.ended);
                view.stale = None;
                view.masters.clone_from(&sight.masters);
                for guard in view.masters.iter_mut().filter_map(|row| row.guard.as_mut()) {
                    *guard = view.typed.complete(guard);
                }
            }
            Err(why) => {
                let since = view.stale.as_ref().map_or(round.ended, |stale| stale.since);
                view.stale = Some(Stale {
                    since,
                    why: why.clone(),
                });
            }
        }
        self.refresh();
    }

    /// The view owns the screen, so notes are shown among its events.
    fn note(&mut self, note: &Note) {
        self.push(match note {
            Note::Remark(text) | Note::Warning(text) => text.clone(),
            Note::Event(event) => event.to_line(),
        });
    }

    fn refresh(&mut self) -> bool {
        self.live
            .as_mut()
            .is_none_or(|live| live.draw(&self.view).is_ok())
    }
}

fn title(registry: &str, database: &str) -> String {
    format!("{registry}, {database}")
}
