//! A view of the loop that is redrawn in place, on a terminal.

mod frame;

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::sync::atomic::Ordering;

use jiff::Timestamp;

pub use frame::frame;

use super::pause::Pause;
use super::round::WatchedMaster;
use super::state::Brake;
use crate::config::TypedOptions;
use crate::output::terminal::{self, ENTER, SHOWN};

/// What the view shows.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The name of the cluster.
    pub title: String,
    /// When both sources last answered.
    pub looked_at: Option<Timestamp>,
    /// The current failure.
    pub stale: Option<Stale>,
    /// The pause, if the loop is paused.
    pub paused: Option<Pause>,
    /// The storm brake, while it is on.
    pub brake: Option<Brake>,
    /// The holder of the lock, while this process is on standby.
    pub standby: Option<String>,
    /// The masters.
    pub masters: Vec<WatchedMaster>,
    /// Events, the newest last.
    pub events: VecDeque<String>,
    /// What the next commands need.
    pub typed: TypedOptions,
}

/// A source does not answer; what is shown is older than it should be.
#[derive(Clone, Debug)]
pub struct Stale {
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub why: String,
}

/// A terminal that reports no size gets the traditional one.
const USUAL: (u16, u16) = (80, 24);

/// The view on a terminal, from its start until it is dropped.
pub struct Live<W: Write> {
    out: W,
    size: Option<(u16, u16)>,
    /// Whether it is the process's own terminal, which [`terminal::restore`] may already have
    /// restored.
    own: bool,
}

impl<W: Write> fmt::Debug for Live<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live")
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

impl Live<File> {
    /// Enters the alternate screen of the process's own terminal; every way out restores it.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn on_terminal() -> io::Result<Self> {
        terminal::restore_before_panics();
        SHOWN.store(true, Ordering::SeqCst);
        let mut live = Self::start(terminal::of_stdout()?)?;
        live.own = true;
        Ok(live)
    }
}

impl<W: Write> Live<W> {
    /// Enters the alternate screen. `out` may be a `&mut dyn Write`.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn start(out: W) -> io::Result<Self> {
        // Created before the write, so that its drop restores a terminal that received only half of
        // it.
        let mut live = Self {
            out,
            size: None,
            own: false,
        };
        live.out.write_all(ENTER.as_bytes())?;
        live.out.flush()?;
        Ok(live)
    }

    /// Draws the view in the terminal's present size: also right after SIGWINCH. What the terminal
    /// does not accept at once is dropped; the next frame is complete.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn draw(&mut self, view: &View) -> io::Result<()> {
        let size =
            terminal_size::terminal_size().map_or(USUAL, |(width, height)| (width.0, height.0));
        self.draw_in(view, size)
    }

    fn draw_in(&mut self, view: &View, size: (u16, u16)) -> io::Result<()> {
        let (width, height) = size;
        let mut text = String::new();
        if self.own && !SHOWN.swap(true, Ordering::SeqCst) {
            text.push_str(ENTER);
            self.size = None;
        }
        if self.size != Some(size) {
            // Terminals rearrange lines when they are resized.
            text.push_str("\u{1b}[2J");
            self.size = Some(size);
        }
        text.push_str("\u{1b}[H");
        let frame = frame(view, width, height);
        for (index, line) in frame.lines().enumerate() {
            // Erased first: after a full line the cursor is still on its last character.
            text.push_str(if index == 0 {
                "\u{1b}[2K"
            } else {
                "\r\n\u{1b}[2K"
            });
            text.push_str(line);
        }
        if frame.lines().count() < usize::from(height) {
            text.push_str("\r\n\u{1b}[J");
        }
        match self
            .out
            .write_all(text.as_bytes())
            .and_then(|()| self.out.flush())
        {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.size = None;
                Ok(())
            }
            drawn => drawn,
        }
    }
}

impl<W: Write> Drop for Live<W> {
    fn drop(&mut self) {
        SHOWN.store(false, Ordering::SeqCst);
        terminal::leave(&mut self.out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(title: &str) -> View {
        View {
            title: title.to_owned(),
            ..View::default()
        }
    }

    #[test]
    fn the_screen_is_entered_and_left() {
        let mut screen = Vec::new();
        let out: &mut dyn Write = &mut screen;
        let mut live = Live::start(out).unwrap();
        live.draw(&view("first")).unwrap();
        drop(live);
        let text = String::from_utf8(screen).unwrap();
        assert!(
            text.starts_with("\u{1b}[?1049h\u{1b}[?25l") && text.contains("first"),
            "{text:?}"
        );
        assert!(text.ends_with("\u{1b}[?25h\u{1b}[?1049l"), "{text:?}");
    }

    #[test]
    fn the_screen_is_left_after_an_error_too() {
        fn fails(out: &mut dyn Write) -> io::Result<()> {
            let mut live = Live::start(out)?;
            live.draw(&View::default())?;
            Err(io::ErrorKind::Other.into())
        }
        let mut screen = Vec::new();
        fails(&mut screen).unwrap_err();
        assert!(screen.ends_with(terminal::LEAVE.as_bytes()));
    }

    /// A real pipe whose reader is gone.
    #[test]
    fn a_terminal_that_is_gone_is_an_error() {
        let (reader, writer) = io::pipe().unwrap();
        let mut live = Live::start(writer).unwrap();
        drop(reader);
        assert_eq!(
            live.draw(&View::default()).unwrap_err().kind(),
            io::ErrorKind::BrokenPipe
        );
    }

    #[test]
    fn the_whole_screen_is_cleared_when_its_size_changes() {
        let mut screen = Vec::new();
        let mut live = Live::start(&mut screen).unwrap();
        let mut cleared = |size| {
            live.out.clear();
            live.draw_in(&view("x"), size).unwrap();
            String::from_utf8_lossy(live.out).contains("\u{1b}[2J")
        };
        assert!(cleared((80, 24)));
        assert!(!cleared((80, 24)));
        assert!(cleared((40, 24)));
        assert!(!cleared((40, 24)));
        assert!(cleared((0, 0)));
    }

    #[test]
    fn a_frame_never_scrolls_the_screen() {
        let mut view = view("x");
        view.events = (0..100).map(|number| format!("event {number}")).collect();
        let mut screen = Vec::new();
        let mut live = Live::start(&mut screen).unwrap();
        live.out.clear();
        live.draw_in(&view, (80, 10)).unwrap();
        assert_eq!(String::from_utf8_lossy(live.out).matches('\n').count(), 9);
    }
}
