//! Lines on stdout: one for each event, for people, for the journal, or as ndjson.

use std::io;

use super::{Note, Sink};
use crate::output::{Format, Level, Printer, in_one_line, sanitized};
use crate::watch::line::EventLine;
use crate::watch::{Event, Fault, Kind, What};

/// Lines.
#[derive(Debug)]
pub struct Lines<'a, 'w> {
    printer: &'a mut Printer<'w>,
    /// How many events were dropped because they were not read in time, until that is reported.
    untold: u64,
}

impl<'a, 'w> Lines<'a, 'w> {
    /// In the format of the printer.
    pub fn new(printer: &'a mut Printer<'w>) -> Self {
        Self { printer, untold: 0 }
    }

    /// Whether a line was written. A line that is not read in time is not; if the reader is gone,
    /// the loop goes on without it.
    fn print(&mut self, line: &str) -> bool {
        let printed = self.printer.text(&format!("{line}\n"));
        !matches!(printed, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    fn line_of(&self, event: &Event) -> String {
        match self.printer.settings().format {
            Format::Ndjson => in_one_line(&EventLine::from(event)),
            _ if self.printer.is_journal() => {
                level(event.what.kind()).prefix() + &sanitized(&event.to_text())
            }
            _ => sanitized(&event.to_line()).into_owned(),
        }
    }
}

impl Sink for Lines<'_, '_> {
    fn event(&mut self, event: &Event) {
        let line = self.line_of(event);
        if self.untold > 0 {
            let before = self.line_of(
                &What::Error(Fault::Untold {
                    untold: self.untold,
                })
                .into(),
            );
            if self.print(&before) {
                self.untold = 0;
            }
        }
        if !self.print(&line) {
            self.untold += 1;
        }
    }

    fn note(&mut self, note: &Note) {
        match note {
            Note::Remark(text) => self.printer.remark(text),
            Note::Warning(text) => self.printer.warning(text),
            Note::Event(event) => self.event(event),
        }
    }
}

/// The journal's priority of an event.
fn level(kind: Kind) -> Level {
    match kind {
        Kind::Error => Level::Error,
        Kind::FailoverRefused
        | Kind::MasterLost
        | Kind::GraceStarted
        | Kind::LeftAlone
        | Kind::FindingAppeared => Level::Warning,
        Kind::FailoverStarted | Kind::FailoverFinished | Kind::FindingCleared | Kind::Paused => {
            Level::Notice
        }
        Kind::Started | Kind::MasterRegistered | Kind::Standby | Kind::Stopped => Level::Info,
    }
}
