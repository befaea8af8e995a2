//! Waiting: for futures from plain test functions, and for things that nobody announces.

use std::fmt::Debug;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle};

/// How many times longer than on an idle machine anything may take: limits of time are there for
/// what would never come, and a busy machine is no failure.
const PATIENCE: u32 = 4;

/// A limit of an idle machine, as it is for this one.
pub fn patient(limit: Duration) -> Duration {
    limit * PATIENCE
}

/// That something did not take longer than it should. What it would take otherwise must be longer
/// by far.
#[track_caller]
pub fn assert_in_time(start: Instant, limit: Duration) {
    let (took, limit) = (start.elapsed(), patient(limit));
    assert!(
        took < limit,
        "{took:?}, and {limit:?} would have been patient"
    );
}

/// The runtime that drives proxies, sessions and child processes; it has a thread of its own, so
/// that they go on while a test waits for something else.
pub fn runtime() -> &'static Handle {
    static RUNTIME: OnceLock<Handle> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            sender.send(runtime.handle().clone()).unwrap();
            runtime.block_on(std::future::pending::<()>());
        });
        receiver.recv().unwrap()
    })
}

/// Waits for a future. May be called from inside another one: the test then stands still, the
/// runtime does not.
pub fn wait<F: Future>(future: F) -> F::Output {
    let _context = runtime().enter();
    let mut future = pin!(future);
    let alarm = Arc::new(Alarm {
        rung: AtomicBool::new(false),
        sleeper: thread::current(),
    });
    let waker = Waker::from(Arc::clone(&alarm));
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        while !alarm.rung.swap(false, Ordering::AcqRel) {
            thread::park();
        }
    }
}

/// As [`wait`]; panics when it takes too long.
pub fn wait_at_most<F: Future>(limit: Duration, what: &str, future: F) -> F::Output {
    let limit = patient(limit);
    wait(async move { tokio::time::timeout(limit, future).await })
        .unwrap_or_else(|_| panic!("{what}: not within {limit:?}"))
}

struct Alarm {
    rung: AtomicBool,
    sleeper: Thread,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.sleeper.unpark();
    }
}

/// Asks again and again until the answer is `Ok`; panics with the last answer when it takes too
/// long. Only for things that give no sign of their own.
pub fn eventually<T, E: Debug>(
    limit: Duration,
    what: &str,
    mut ask: impl FnMut() -> Result<T, E>,
) -> T {
    let (start, limit) = (Instant::now(), patient(limit));
    loop {
        match ask() {
            Ok(value) => return value,
            Err(error) if start.elapsed() > limit => {
                panic!("{what}: not within {limit:?}: {error:?}")
            }
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}
