//! A stream that never keeps its writer waiting: what nobody reads in time is refused, not waited for.

use std::io::{self, ErrorKind, Write};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, channel, sync_channel};
use std::thread;
use std::time::Duration;

/// Lines that wait for their reader; with those a pipe holds itself, some thousands of events.
const LINES: usize = 1000;

/// At the end, whoever reads slowly has so long for the rest.
const LAST: Duration = Duration::from_secs(1);

/// Writes whole lines, by a thread of its own.
#[derive(Debug)]
pub struct Patient {
    line: Vec<u8>,
    lines: Option<SyncSender<Vec<u8>>>,
    /// Ends with the thread, which says how writing went.
    ended: Receiver<io::Result<()>>,
}

impl Patient {
    /// Before a stream that may block.
    #[must_use]
    pub fn before(mut stream: impl Write + Send + 'static) -> Self {
        let (lines, waiting) = sync_channel::<Vec<u8>>(LINES);
        let (end, ended) = channel();
        thread::spawn(move || {
            let mut written = Ok(());
            while let Ok(line) = waiting.recv()
                && written.is_ok()
            {
                written = stream.write_all(&line).and_then(|()| stream.flush());
            }
            // Whoever waits for that may be gone.
            let _ = end.send(written);
        });
        Self { line: Vec::new(), lines: Some(lines), ended }
    }

    /// Waits a moment for the rest to be written.
    ///
    /// # Errors
    /// The stream's, as of a full disk. A reader that went away is nobody to write for, and one that is slow has what it takes.
    pub fn finish(mut self) -> io::Result<()> {
        match self.end() {
            Some(Err(error)) if error.kind() != ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }

    /// How writing went, where that is known in time.
    fn end(&mut self) -> Option<io::Result<()>> {
        let _ = self.flush();
        self.lines = None;
        self.ended.recv_timeout(LAST).ok()
    }

    fn send(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        match self.lines.as_ref().map(|lines| lines.try_send(line)) {
            Some(Err(TrySendError::Full(_))) => Err(ErrorKind::WouldBlock.into()),
            _ => Ok(()),
        }
    }
}

impl Write for Patient {
    /// Takes everything, or, with [`ErrorKind::WouldBlock`], drops the line that this ends.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        if bytes.ends_with(b"\n") {
            self.send()?;
        }
        Ok(bytes.len())
    }

    /// Does not wait for the stream.
    fn flush(&mut self) -> io::Result<()> {
        if self.line.is_empty() { Ok(()) } else { self.send() }
    }
}

impl Drop for Patient {
    fn drop(&mut self) {
        // After `finish` there is nobody to wait for.
        if self.lines.is_some() {
            let _ = self.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Condvar, Mutex};

    use super::*;

    /// Takes lines only while it is open.
    #[derive(Clone, Default)]
    struct Gate(Arc<(Mutex<(bool, String)>, Condvar)>);

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let (state, opened) = &*self.0;
            let mut state = opened.wait_while(state.lock().unwrap(), |(open, _)| !*open).unwrap();
            state.1.push_str(std::str::from_utf8(bytes).unwrap());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_nobody_reads_is_refused_and_the_rest_is_whole() {
        let gate = Gate::default();
        let mut patient = Patient::before(gate.clone());
        let mut taken = 0;
        let refused = loop {
            match writeln!(patient, "line {taken}") {
                Ok(()) => taken += 1,
                Err(error) => break error,
            }
        };
        assert!(refused.kind() == ErrorKind::WouldBlock && (LINES..=LINES + 1).contains(&taken), "{taken}");
        gate.0.0.lock().unwrap().0 = true;
        gate.0.1.notify_all();
        drop(patient);
        let text = gate.0.0.lock().unwrap().1.clone();
        let expected: Vec<String> = (0..taken).map(|number| format!("line {number}")).collect();
        assert!(text.ends_with('\n') && text.lines().eq(expected));
    }

    #[test]
    fn a_reader_that_went_away_is_no_error() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let mut patient = Patient::before(writer);
        for _ in 0..LINES * 2 {
            while writeln!(patient, "x").is_err() {}
        }
    }
}
