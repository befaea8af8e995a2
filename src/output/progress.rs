//! Progress on stderr: a spinner or bar on a terminal, plain lines elsewhere.

use std::io::{self, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::sanitize::sanitized;

/// A line at the bottom of a terminal, if there is one.
#[derive(Debug, Default)]
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    last_line: String,
}

impl Progress {
    /// Shows what is waited for. `moving`: stderr is a terminal.
    pub(super) fn waiting(
        &mut self,
        what: &str,
        moving: bool,
        err: &mut dyn Write,
    ) -> io::Result<()> {
        let line = format!("waiting for {}", sanitized(what));
        if moving {
            self.spinner().set_message(line);
        } else if self.last_line != line {
            writeln!(err, "{line}")?;
            self.last_line = line;
        }
        Ok(())
    }

    fn spinner(&mut self) -> &ProgressBar {
        self.replace_if(
            |bar| bar.length().is_some(),
            || {
                let bar = ProgressBar::new_spinner();
                bar.enable_steady_tick(Duration::from_millis(120));
                bar
            },
        )
    }

    /// Shows the progress; only on terminals.
    pub(super) fn steps(&mut self, done: u64, total: u64, what: &str) {
        let bar = self.replace_if(
            |bar| bar.length() != Some(total),
            || {
                let style = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len}");
                ProgressBar::new(total)
                    .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
            },
        );
        bar.set_message(sanitized(what).into_owned());
        bar.set_position(done);
    }

    fn replace_if(
        &mut self,
        unfit: impl Fn(&ProgressBar) -> bool,
        new: impl Fn() -> ProgressBar,
    ) -> &ProgressBar {
        if self.bar.as_ref().is_some_and(unfit) {
            self.end();
        }
        self.bar.get_or_insert_with(new)
    }

    /// Writes something without leaving parts of a bar behind.
    pub(super) fn with_bar_hidden<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Removes the spinner or bar.
    pub(super) fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        self.last_line.clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}
