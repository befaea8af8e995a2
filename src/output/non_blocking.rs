//! A stream that never blocks its writer: output that is not read in time is refused, not waited
//! for.

use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{
    Receiver, RecvTimeoutError, SyncSender, TrySendError, channel, sync_channel,
};
use std::thread;
use std::time::Duration;

/// How many lines wait for their reader; with those in a pipe itself, some thousands of events.
const LINES: usize = 1000;

/// At the end, how long a slow reader has for each further line.
pub const LAST: Duration = Duration::from_secs(10);

/// The same after a signal.
pub const HURRY: Duration = Duration::from_secs(1);

/// How often writing to a full disk is tried again.
const ROOM: Duration = Duration::from_millis(200);

/// The thread's side: writes each line completely.
struct LineWriter<W> {
    stream: W,
    count: Arc<AtomicU64>,
    ending: Arc<AtomicBool>,
    /// Whether the last line was truncated.
    broken: bool,
}

impl<W: Write> LineWriter<W> {
    /// A full disk may have space again: until then it is like a reader that does not read. Output
    /// after a truncated line starts on a new one.
    fn put(&mut self, line: &[u8]) -> io::Result<()> {
        if self.broken {
            self.all(b"\n").1?;
            self.broken = false;
        }
        let (done, written) = self.all(line);
        self.broken = written.is_err() && (1..line.len()).contains(&done);
        written.and_then(|()| self.stream.flush())?;
        self.count.fetch_add(line.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Returns how much was written, and the result.
    fn all(&mut self, bytes: &[u8]) -> (usize, io::Result<()>) {
        let mut done = 0;
        while let Some(rest) = bytes.get(done..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(0) => return (done, Err(ErrorKind::WriteZero.into())),
                Ok(count) => done += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_full(&error) && !self.ending.load(Ordering::Relaxed) => {
                    thread::sleep(ROOM);
                }
                Err(error) => return (done, Err(error)),
            }
        }
        (done, Ok(()))
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded
    )
}

/// Writes whole lines, in a separate thread.
#[derive(Debug)]
pub struct NonBlockingWriter {
    line: Vec<u8>,
    lines: Option<SyncSender<Vec<u8>>>,
    /// How many bytes were accepted, and how many of these are written.
    taken: u64,
    /// How many bytes were refused since one was accepted: the writer reports that with the next
    /// line.
    refused: u64,
    written: Arc<AtomicU64>,
    /// Set when the writer no longer waits for space.
    ending: Arc<AtomicBool>,
    /// Ends with the thread, which returns the result of writing.
    ended: Receiver<io::Result<()>>,
}

impl NonBlockingWriter {
    /// Wraps a stream that may block.
    #[must_use]
    pub fn before(stream: impl Write + Send + 'static) -> Self {
        let (lines, waiting) = sync_channel::<Vec<u8>>(LINES);
        let (end, ended) = channel();
        let written = Arc::new(AtomicU64::new(0));
        let ending = Arc::new(AtomicBool::new(false));
        let mut writer_thread = LineWriter {
            stream,
            count: Arc::clone(&written),
            ending: Arc::clone(&ending),
            broken: false,
        };
        thread::spawn(move || {
            let mut result = Ok(());
            while let Ok(line) = waiting.recv() {
                match writer_thread.put(&line) {
                    Ok(()) => {}
                    Err(gone) if gone.kind() == ErrorKind::BrokenPipe => {
                        result = Err(gone);
                        break;
                    }
                    Err(error) => result = Err(error),
                }
            }
            // The receiver may be gone.
            let _ = end.send(result);
        });
        Self {
            line: Vec::new(),
            lines: Some(lines),
            taken: 0,
            refused: 0,
            written,
            ending,
            ended,
        }
    }

    /// Waits until the rest is written, as long as the reader takes a line within `patience`.
    ///
    /// # Errors
    /// Those of the stream, such as a full disk; or how many bytes are lost because they are not
    /// read. A reader that has gone away is not an error.
    pub fn finish(mut self, patience: Duration) -> io::Result<()> {
        let lost = match self.end(patience) {
            Some(Ok(())) => self.refused,
            Some(Err(error)) if error.kind() == ErrorKind::BrokenPipe => 0,
            Some(Err(error)) => return Err(error),
            None => self
                .taken
                .saturating_sub(self.written.load(Ordering::Relaxed))
                .saturating_add(self.refused),
        };
        let words = || format!("it is not read in time, and {lost} bytes of it are lost");
        if lost == 0 {
            Ok(())
        } else {
            Err(io::Error::new(ErrorKind::TimedOut, words()))
        }
    }

    /// The result of writing, if it is known in time.
    fn end(&mut self, patience: Duration) -> Option<io::Result<()>> {
        let _ = self.flush();
        self.lines = None;
        self.ending.store(true, Ordering::Relaxed);
        loop {
            let before = self.written.load(Ordering::Relaxed);
            match self.ended.recv_timeout(patience) {
                Ok(result) => return Some(result),
                Err(RecvTimeoutError::Timeout) if self.written.load(Ordering::Relaxed) > before => {
                }
                Err(_) => return None,
            }
        }
    }

    fn send(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        let length = line.len() as u64;
        if let Some(Err(TrySendError::Full(_))) =
            self.lines.as_ref().map(|lines| lines.try_send(line))
        {
            self.refused += length;
            return Err(ErrorKind::WouldBlock.into());
        }
        (self.taken, self.refused) = (self.taken + length, 0);
        Ok(())
    }
}

impl Write for NonBlockingWriter {
    /// Accepts everything, or, with [`ErrorKind::WouldBlock`], drops the line that this ends.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        if bytes.ends_with(b"\n") {
            self.send()?;
        }
        Ok(bytes.len())
    }

    /// Does not wait for the stream.
    fn flush(&mut self) -> io::Result<()> {
        if self.line.is_empty() {
            Ok(())
        } else {
            self.send()
        }
    }
}

impl Drop for NonBlockingWriter {
    fn drop(&mut self) {
        // After `finish` there is nothing to wait for.
        if self.lines.is_some() {
            let _ = self.end(HURRY);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Condvar, Mutex};

    use super::*;

    /// Accepts lines only while it is open.
    #[derive(Clone, Default)]
    struct Gate(Arc<(Mutex<(bool, String)>, Condvar)>);

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let (state, opened) = &*self.0;
            let mut state = opened
                .wait_while(state.lock().unwrap(), |(open, _)| !*open)
                .unwrap();
            state.1.push_str(std::str::from_utf8(bytes).unwrap());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_is_not_read_is_refused_and_the_rest_is_whole() {
        let gate = Gate::default();
        let mut non_blocking = NonBlockingWriter::before(gate.clone());
        let mut taken = 0;
        let refused = loop {
            match writeln!(non_blocking, "line {taken}") {
                Ok(()) => taken += 1,
                Err(error) => break error,
            }
        };
        assert!(
            refused.kind() == ErrorKind::WouldBlock && (LINES..=LINES + 1).contains(&taken),
            "{taken}"
        );
        gate.0.0.lock().unwrap().0 = true;
        gate.0.1.notify_all();
        let lost = non_blocking.finish(LAST).unwrap_err();
        let length = format!("line {taken}\n").len();
        assert!(
            lost.to_string().contains(&format!("and {length} bytes")),
            "{lost}"
        );
        let text = gate.0.0.lock().unwrap().1.clone();
        let expected: Vec<String> = (0..taken).map(|number| format!("line {number}")).collect();
        assert!(text.ends_with('\n') && text.lines().eq(expected));
    }

    #[test]
    fn what_is_not_taken_at_the_end_is_counted() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut non_blocking = NonBlockingWriter::before(writer);
        for _ in 0..100 {
            writeln!(non_blocking, "{}", "x".repeat(1023)).unwrap();
        }
        let lost = non_blocking.finish(Duration::from_millis(500)).unwrap_err();
        assert!(
            lost.kind() == ErrorKind::TimedOut && lost.to_string().contains("36864 bytes"),
            "{lost}"
        );
        io::Read::read_exact(&mut reader, &mut vec![0; 65536]).unwrap();
    }

    /// Accepts this many bytes before it fails, once or for ever.
    #[derive(Clone)]
    struct Disk {
        text: Arc<Mutex<Vec<u8>>>,
        room: Arc<Mutex<usize>>,
        error: ErrorKind,
        once: bool,
    }

    impl Disk {
        fn new(room: usize, error: ErrorKind, once: bool) -> Self {
            Self {
                text: Arc::default(),
                room: Arc::new(Mutex::new(room)),
                error,
                once,
            }
        }

        fn text(&self) -> String {
            String::from_utf8(self.text.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut room = self.room.lock().unwrap();
            let taken = bytes.len().min(*room);
            if taken == 0 {
                *room = if self.once { usize::MAX } else { 0 };
                return Err(self.error.into());
            }
            *room -= taken;
            self.text.lock().unwrap().extend(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn write_to(disk: &Disk, until: impl Fn(&Disk) -> bool) -> io::Result<()> {
        let mut non_blocking = NonBlockingWriter::before(disk.clone());
        for number in 0..4 {
            writeln!(non_blocking, "line {number}").unwrap();
        }
        while !until(disk) {
            thread::sleep(Duration::from_millis(1));
        }
        non_blocking.finish(LAST)
    }

    const ALL: &str = "line 0\nline 1\nline 2\nline 3\n";

    #[test]
    fn what_a_full_disk_has_no_room_for_is_written_when_it_has() {
        for room in [0, 7, 10] {
            let disk = Disk::new(room, ErrorKind::StorageFull, true);
            write_to(&disk, |disk| disk.text() == ALL).unwrap();
            assert_eq!(disk.text(), ALL);
        }
    }

    #[test]
    fn a_disk_that_stays_full_is_reported_and_not_waited_for_at_the_end() {
        let (disk, began) = (
            Disk::new(10, ErrorKind::StorageFull, false),
            std::time::Instant::now(),
        );
        let error = write_to(&disk, |disk| *disk.room.lock().unwrap() == 0).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        assert!(began.elapsed() < LAST, "{:?}", began.elapsed());
        assert_eq!(disk.text(), "line 0\nlin");
    }

    #[test]
    fn what_comes_after_an_error_is_written_in_lines_of_its_own_and_the_error_is_reported() {
        for (room, text) in [
            (7, "line 0\nline 2\nline 3\n"),
            (10, "line 0\nlin\nline 2\nline 3\n"),
        ] {
            let disk = Disk::new(room, ErrorKind::FileTooLarge, true);
            assert_eq!(
                write_to(&disk, |_| true).unwrap_err().kind(),
                ErrorKind::FileTooLarge
            );
            assert_eq!(disk.text(), text);
        }
    }

    #[test]
    fn a_reader_that_went_away_is_no_error() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let mut non_blocking = NonBlockingWriter::before(writer);
        for _ in 0..LINES * 2 {
            while writeln!(non_blocking, "x").is_err() {}
        }
    }
}
