//! The one place that writes to stdout and stderr.

use std::fmt;
use std::io::{self, BufRead, BufWriter, ErrorKind, IsTerminal, Write};

use super::color::{Style, styled};
use super::document::{Document, ErrorBody};
use super::journal::{Journal, Level};
use super::plugin::PluginState;
use super::progress::Progress;
use super::sanitize::sanitized;
use super::table::TableStyle;
use super::{Format, OutputSettings, json, plugin, table, tsv};
use crate::exit_code::ExitCode;

/// Which streams are terminals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terminals {
    /// Whether stdin is a terminal, so that questions can be answered.
    pub stdin: bool,
    /// Columns of stdout, if it is a terminal.
    pub stdout_width: Option<u16>,
    /// Whether stderr is a terminal.
    pub stderr: bool,
    /// Which ones lead to systemd's journal.
    pub journal: Journal,
}

impl Terminals {
    /// The streams of this process; `journal_stream` is the variable `JOURNAL_STREAM`.
    #[must_use]
    pub fn of_process(journal_stream: Option<&str>) -> Self {
        let width =
            || terminal_size::terminal_size_of(io::stdout()).map_or(80, |(width, _)| width.0);
        Self {
            stdin: io::stdin().is_terminal(),
            stdout_width: io::stdout().is_terminal().then(width),
            stderr: io::stderr().is_terminal(),
            journal: Journal::of_process(journal_stream),
        }
    }
}

/// Results go to `out`, everything else to `err`.
pub struct Printer<'w> {
    out: &'w mut (dyn Write + Send),
    err: &'w mut (dyn Write + Send),
    settings: OutputSettings,
    terminals: Terminals,
    progress: Progress,
    failure: Option<ExitCode>,
    /// Whether a monitoring system reads the answer.
    is_plugin: bool,
}

impl fmt::Debug for Printer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Printer")
            .field("settings", &self.settings)
            .field("terminals", &self.terminals)
            .finish_non_exhaustive()
    }
}

impl<'w> Printer<'w> {
    /// A printer on two streams.
    pub fn new(
        out: &'w mut (dyn Write + Send),
        err: &'w mut (dyn Write + Send),
        settings: OutputSettings,
        terminals: Terminals,
    ) -> Self {
        Self {
            out,
            err,
            settings,
            terminals,
            progress: Progress::default(),
            failure: None,
            is_plugin: false,
        }
    }

    /// The exit code of the last failure that an answer had, whether it could be written or not.
    #[must_use]
    pub fn failure(&self) -> Option<ExitCode> {
        self.failure
    }

    /// From now on it answers as a plugin of a monitoring system: a failure is one line on stdout, and
    /// its exit code is [`PluginState::Unknown`].
    pub fn answer_as_plugin(&mut self) {
        self.is_plugin = true;
    }

    /// The exit code of the process after a failure with this one.
    #[must_use]
    pub fn exit_code(&self, failure: ExitCode) -> u8 {
        if self.is_plugin {
            PluginState::Unknown.number()
        } else {
            failure.number()
        }
    }

    /// How to answer.
    #[must_use]
    pub fn settings(&self) -> &OutputSettings {
        &self.settings
    }

    /// Prints an answer: the result on stdout; for people and `tsv` also warnings and the error on
    /// stderr. Where stdout takes nothing, warnings and last lines go to stderr in every format.
    ///
    /// # Errors
    /// Stdout cannot be written. A reader that has gone away (`| head`) is not an error.
    pub fn document(&mut self, mut document: Document) -> io::Result<()> {
        self.progress.end();
        if let Some(error) = document.error.as_ref().filter(|_| self.is_plugin) {
            self.failure = Some(error.exit_code);
            return self.text(&plugin::unknown(error));
        }
        let mut out = BufWriter::new(&mut *self.out);
        let colors = self
            .settings
            .color
            .applies(self.terminals.stdout_width.is_some());
        let look = TableStyle {
            headers: self.settings.headers,
            colors,
            width: self.terminals.stdout_width,
        };
        let written = match self.settings.format {
            Format::Table => table::write(&document, look, &mut out),
            Format::Json => json::write_json(&document, &mut out),
            Format::Ndjson => json::write_ndjson(&mut document, &mut out),
            Format::Tsv => tsv::write(&document, self.settings.headers, &mut out),
        };
        let flushed = written.and_then(|()| out.flush());
        // The rest of a failed write must not be written when the buffer is dropped.
        drop(out.into_parts());
        let is_lost = flushed.as_ref().is_err_and(|error| !is_gone(error));
        if is_lost || flushed.is_err() && document.body.is_irretrievable {
            for line in &document.body.closing {
                self.line("", Style::Caution, Level::Warning, line);
            }
        }
        if is_lost || matches!(self.settings.format, Format::Table | Format::Tsv) {
            document
                .warnings
                .iter()
                .for_each(|warning| self.warning(warning));
        }
        if let Some(error) = &document.error {
            self.failure = Some(error.exit_code);
            self.error(error);
        }
        quietly(flushed)
    }

    /// Prints a finished text, such as help or a completion script, as it is.
    ///
    /// # Errors
    /// As [`Printer::document`].
    pub fn text(&mut self, text: &str) -> io::Result<()> {
        self.progress.end();
        quietly(
            self.out
                .write_all(text.as_bytes())
                .and_then(|()| self.out.flush()),
        )
    }

    /// Whether stdout is connected to systemd's journal, which needs levels and records times
    /// itself.
    #[must_use]
    pub fn is_journal(&self) -> bool {
        self.terminals.journal.stdout
    }

    /// Prints a remark, which only matters to people who watch; `--quiet` drops it.
    pub fn remark(&mut self, text: &str) {
        if !self.settings.quiet {
            self.line("", Style::Remark, Level::Info, text);
        }
    }

    /// Prints a warning.
    pub fn warning(&mut self, text: &str) {
        self.line("warning: ", Style::Caution, Level::Warning, text);
    }

    /// Prints what failed, why, and what to do.
    pub fn error(&mut self, error: &ErrorBody) {
        self.line("error: ", Style::Alarm, Level::Error, &error.message);
        for cause in &error.causes {
            self.line("cause: ", Style::Caution, Level::Error, cause);
        }
        if let Some(hint) = &error.hint {
            self.line("hint: ", Style::Remark, Level::Error, hint);
        }
    }

    /// A failure of stderr cannot be reported.
    fn line(&mut self, label: &str, style: Style, level: Level, text: &str) {
        let level = if self.terminals.journal.stderr {
            level.prefix()
        } else {
            String::new()
        };
        let label = styled(
            label,
            style,
            self.settings.color.applies(self.terminals.stderr),
        );
        let err = &mut *self.err;
        let _ = self
            .progress
            .with_bar_hidden(|| writeln!(err, "{level}{label}{}", sanitized(text)));
    }

    /// Shows what is waited for. On a terminal it is a spinner until [`Printer::settled`] or the
    /// next output; elsewhere a line, printed once as long as the text stays the same.
    pub fn waiting(&mut self, what: &str) {
        if !self.settings.quiet {
            let _ = self.progress.waiting(what, self.terminals.stderr, self.err);
        }
    }

    /// Shows the progress, only on terminals.
    pub fn progress(&mut self, done: u64, total: u64, what: &str) {
        if !self.settings.quiet && self.terminals.stderr {
            self.progress.steps(done, total, what);
        }
    }

    /// Removes the spinner or progress bar.
    pub fn settled(&mut self) {
        self.progress.end();
    }

    /// Whether a view that is redrawn in place can be shown.
    #[must_use]
    pub fn can_show(&self) -> bool {
        self.terminals.stdout_width.is_some()
    }

    /// Whether a question can be answered.
    #[must_use]
    pub fn can_ask(&self) -> bool {
        self.terminals.stdin && self.terminals.stderr
    }

    /// Asks; everything but `y` and `yes` means no, and so does a stream that is no terminal. May
    /// be dropped while it waits, so a signal can end it.
    pub async fn confirm(&mut self, question: &str) -> bool {
        if !self.can_ask() {
            return false;
        }
        self.progress.end();
        let _ = write!(self.err, "{} [y/N] ", sanitized(question)).and_then(|()| self.err.flush());
        let (answer, wait) = tokio::sync::oneshot::channel();
        // In a separate thread: a read from a terminal cannot be cancelled, and must not keep the
        // process from ending.
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = io::stdin().lock().read_line(&mut line);
            let _ = answer.send(read.is_ok() && understood(&line));
        });
        wait.await.unwrap_or(false)
    }
}

/// Whether an answer means yes.
#[must_use]
pub fn understood(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

fn quietly(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if is_gone(&error) => Ok(()),
        other => other,
    }
}

/// Whether the reader went away.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == ErrorKind::BrokenPipe
}
