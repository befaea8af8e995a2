//! Attacks: a process instance that gets two commands, or none, or is taken from a master that
//! lives.

mod answers;
mod behind;
mod commit;
mod databases;
mod edges;
mod galera;
mod kills;
mod living;
mod orphans;
mod owners;
mod places;
mod races;
mod registries;
mod remarks;
mod takeup;
mod told;
mod types;
mod waiting;

use dsctl::demo::seed::{self, Seed};
use dsctl::demo::{Registered, Server};
use dsctl::model::Version;
use jiff::civil::DateTime;
use jiff::{Timestamp, ToSpan};

use crate::harness::{Dsctl, Env, FakeRegistration, Output, Store};

/// The master that died.
pub const DEAD: &str = "10.0.0.2:5678";
/// One that lives.
pub const ALIVE: &str = "10.0.0.1:5678";

/// A cluster of one release with a living master, a definition, and nothing else.
pub struct World {
    pub env: Env,
    pub version: Version,
    alive: Option<FakeRegistration>,
}

/// A server that started then.
pub fn server(address: &str, started: Timestamp) -> Registered<'_> {
    let (server, client, process) = (Server::Master, 1, 4711);
    Registered {
        server,
        address,
        client,
        process,
        started,
        reported: Timestamp::now(),
        session_millis: 60_000,
    }
}

/// So many seconds ago, to the second, as databases have it.
pub fn ago(seconds: i64) -> DateTime {
    jiff::tz::TimeZone::UTC
        .to_datetime(Timestamp::now() - seconds.seconds())
        .with()
        .subsec_nanosecond(0)
        .build()
        .unwrap()
}

impl World {
    pub fn new(store: Store, version: &str) -> Self {
        Self::in_env(Env::new(store), version)
    }

    /// As [`World::new`], in this environment.
    pub fn in_env(env: Env, version: &str) -> Self {
        let version: Version = version.parse().unwrap();
        env.create_schema(version);
        env.insert([seed::project(version), seed::definition(version)]);
        if version >= Version::new(2, 0, 0) {
            env.insert([seed::definition_log(version)]);
        }
        // The living master has run something here before: it is this cluster's.
        env.insert([seed::instance(version)
            .id(1_000_000)
            .name("ended")
            .state(7)
            .host(ALIVE)
            .started(ago(7200))]);
        let alive = env.register(version, &server(ALIVE, Timestamp::now() - 3.hours()));
        Self {
            env,
            version,
            alive: Some(alive),
        }
    }

    /// The living master goes; its place in the registry stays.
    pub fn leave(&mut self) {
        if let Some(alive) = self.alive.take() {
            alive.close();
        }
    }

    /// A running instance of the dead master, begun an hour ago.
    pub fn instance(&self, id: i64) -> Seed {
        seed::instance(self.version)
            .id(id)
            .name("hanging")
            .host(DEAD)
            .started(ago(3600))
    }

    pub fn instances(&self, ids: impl IntoIterator<Item = i64>) {
        self.env.insert(ids.into_iter().map(|id| self.instance(id)));
    }

    pub fn dsctl(&self, words: &str) -> Dsctl {
        Dsctl::new(&self.env)
            .args(["-o", "json"])
            .args(words.split_whitespace())
    }

    pub fn run(&self, words: &str) -> Output {
        self.dsctl(words).run()
    }

    pub fn table(&self) -> &'static str {
        let new = self.version >= "3.3.0-alpha".parse().unwrap();
        if new {
            "t_ds_workflow_instance"
        } else {
            "t_ds_process_instance"
        }
    }

    /// How many recovery commands there are.
    pub fn commands(&self) -> i64 {
        self.env
            .number("SELECT COUNT(*) FROM t_ds_command WHERE command_type = 2")
    }

    pub fn host(&self, id: i64) -> String {
        self.env.rows(&format!(
            "SELECT host FROM {} WHERE id = {id}",
            self.table()
        ))[0]
            .text(0)
            .unwrap()
    }

    pub fn state(&self, id: i64) -> i64 {
        self.env.number(&format!(
            "SELECT state FROM {} WHERE id = {id}",
            self.table()
        ))
    }
}
