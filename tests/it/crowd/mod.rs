//! Masters and operators who want one lock: Curator's waiters and ours, in one queue.

mod detector;
mod interleavings;
mod losses;
mod order;

use std::time::Duration;

use dsctl::model::Version;

use crate::faults::world::{LIVING, prepare, registered};
use crate::harness::{Dsctl, Env, FakeRegistration, Store};

const VERSION: Version = Version::new(3, 2, 2);
const SOON: Duration = Duration::from_secs(20);

/// A cluster with a living master, and nothing but its locks.
pub struct World {
    pub env: Env,
    _living: FakeRegistration,
}

impl World {
    pub fn new() -> Self {
        let mut env = Env::new(Store::Sqlite);
        prepare(&mut env, VERSION);
        let living = env.register(VERSION, &registered(LIVING));
        Self {
            env,
            _living: living,
        }
    }

    /// The lock of a master at this port.
    pub fn lock(&self, port: usize) -> String {
        self.env
            .path(&format!("lock/master-failover/10.0.0.2:{port}"))
    }

    /// An empty file for the notes of who comes and goes.
    pub fn notes(&self, name: &str) -> String {
        self.env.file(name, "")
    }

    /// Takes that lock, and runs a program that does as a waiter of Curator does: it notes that it
    /// has entered, holds the lock so long, and notes that it leaves, even if it is asked to end.
    pub fn dsctl(
        &self,
        name: &str,
        port: usize,
        limit: Duration,
        hold: Duration,
        file: &str,
    ) -> Dsctl {
        let script = format!(
            "trap : INT TERM; echo enter {name} >>'{file}'; sleep {}; echo leave {name} >>'{file}'",
            hold.as_secs_f64()
        );
        let limit = format!("{}ms", limit.as_millis());
        let dsctl = Dsctl::new(&self.env).args(["lock", "acquire", &format!("10.0.0.2:{port}")]);
        dsctl.args([
            "--lock-timeout",
            &limit,
            "--session-timeout",
            "8s",
            "--",
            "sh",
            "-c",
            &script,
        ])
    }
}
