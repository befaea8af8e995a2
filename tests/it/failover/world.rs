//! One cluster of a release: its definitions, one living master, one living worker, and a master
//! that is dead.
//!
//! It is not the harness's `World`, whose registrations come out of the program's own tables: what
//! stands in the rows and registrations here is written out, release by release.

use dsctl::demo::Server;
use dsctl::demo::payload::{self, Beat};
use dsctl::demo::seed::{self, Seed};
use dsctl::model::Version;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value as Json;

use super::releases::{Mark, Release};
use crate::harness::{Dsctl, Dump, Env, FakeRegistration, Output, Store};

/// The masters' zone: eight hours ahead of everything that is written in UTC.
pub const ZONE: &str = "Asia/Shanghai";

/// When the living servers started: 08:00 of their own time.
pub const SERVERS_STARTED: &str = "2024-06-01T00:00:00Z";

/// When instances and tasks began, in the masters' own time: before the living servers started.
pub const BEGUN: &str = "2024-06-01 07:59:59";

/// The same, after it.
pub const BEGUN_LATER: &str = "2024-06-01 08:00:01";

/// What every instance's `update_time` is at first.
pub const UPDATED: &str = "2024-05-05 05:05:05";

/// A time as rows have it.
pub fn time(text: &str) -> DateTime {
    text.parse().unwrap()
}

/// A cluster in a database, and registrations in ZooKeeper.
#[derive(Debug)]
pub struct World {
    /// Where it is.
    pub env: Env,
    /// Its release.
    pub release: &'static Release,
    /// The same as a number.
    pub version: Version,
    registered: Vec<FakeRegistration>,
}

impl World {
    /// With definitions, without any instance.
    pub fn new(store: Store, release: &'static Release) -> Self {
        Self::in_env(Env::new(store), release)
    }

    /// In a world that is empty yet.
    pub fn in_env(mut env: Env, release: &'static Release) -> Self {
        env.set("DSCTL_TIME_ZONE", ZONE);
        let version = release.number.parse().unwrap();
        env.create_schema(version);
        let mut world = Self {
            env,
            release,
            version,
            registered: Vec::new(),
        };
        world.env.insert(world.definitions());
        // The living master has run something here before: it is this cluster's.
        let ended = seed::instance(version)
            .id(1_000_000)
            .name("ended")
            .state(7)
            .host(&world.living());
        world.env.insert([ended]);
        world
            .registered
            .push(world.register_master(&world.living()));
        world
            .registered
            .push(world.register(Server::Worker, release.workers, &world.worker()));
        world
    }

    /// An address as this release writes it.
    pub fn address(&self, host: &str, port: u16) -> String {
        if self.release.ports {
            format!("{host}:{port}")
        } else {
            host.to_owned()
        }
    }

    /// The master that lives.
    pub fn living(&self) -> String {
        self.address("master-l.ds", 5678)
    }

    /// The master that is dead.
    pub fn dead(&self) -> String {
        self.address("master-d.ds", 5678)
    }

    /// The worker that lives.
    pub fn worker(&self) -> String {
        self.address("worker-l.ds", 1234)
    }

    /// The worker that is dead.
    pub fn dead_worker(&self) -> String {
        self.address("worker-d.ds", 1234)
    }

    /// Registers a master that started at [`SERVERS_STARTED`].
    pub fn register_master(&self, address: &str) -> FakeRegistration {
        self.register(Server::Master, self.release.masters, address)
    }

    fn register(&self, server: Server, parent: &str, address: &str) -> FakeRegistration {
        let (host, port) = address.rsplit_once(':').unwrap_or((address, "0"));
        let beat = Beat {
            host,
            port: port.parse().unwrap(),
            started: SERVERS_STARTED.parse().unwrap(),
            reported: Timestamp::now(),
            process: 4711,
            zone: TimeZone::get(ZONE).unwrap(),
        };
        let payload = match server {
            Server::Master => payload::master(self.version, &beat),
            Server::Worker => payload::worker(self.version, &beat),
        };
        let path = self.env.path(&format!("{parent}/{address}"));
        FakeRegistration::new(&self.env.connect, &path, payload.as_bytes(), None)
    }

    /// A running instance of the dead master, of definition 1.
    pub fn instance(&self, id: i64) -> Seed {
        let row = seed::instance(self.version)
            .id(id)
            .host(&self.dead())
            .started(time(BEGUN));
        row.time("update_time", time(UPDATED))
    }

    /// A running task of an instance on the dead worker.
    pub fn task(&self, id: i64, instance: i64) -> Seed {
        seed::task(self.version, instance)
            .id(id)
            .host(&self.dead_worker())
            .started(time(BEGUN))
    }

    /// An instance that was claimed.
    pub fn claimed(&self, id: i64) -> Seed {
        match self.release.mark {
            Mark::Host(text) => self.instance(id).host(text),
            Mark::State => self.instance(id).state(18),
        }
    }

    /// 1 is in every table, and its second version in the log alone; 2 and 3 have schedules; 4 and
    /// 5 are not to be started; the project of 6 is gone; 7 is in no log.
    fn definitions(&self) -> Vec<Seed> {
        let version = self.version;
        let definition = |number| seed::definition(version).definition(number, 1);
        let mut rows = vec![
            seed::project(version),
            definition(1),
            definition(2),
            seed::schedule(version)
                .definition(2, 1)
                .maybe("timezone_id", "Asia/Tokyo"),
            definition(3),
            seed::schedule(version)
                .definition(3, 1)
                .without("timezone_id"),
            definition(4).set("release_state", 0),
            definition(5).set("flag", 0),
            definition(6).maybe("project_code", 999),
            definition(7),
        ];
        if self.release.definitions != super::releases::Definitions::Id {
            let logged =
                |number, version_of| seed::definition_log(version).definition(number, version_of);
            rows.extend((1..=5).map(|number| logged(number, 1)));
            rows.extend([logged(1, 2), logged(6, 1).set("project_code", 999)]);
        }
        rows
    }

    /// The program with these words, and JSON as its output.
    pub fn dsctl(&self, words: &str) -> Dsctl {
        let program = Dsctl::new(&self.env)
            .args(words.split_whitespace())
            .args(["-o", "json"]);
        // 3.3.0 alone cannot be failed over without it.
        let hands_over = ["failover", "clear-hosts"]
            .iter()
            .any(|command| words.starts_with(command));
        let unclear = hands_over && self.release.number == "3.3.0-alpha";
        let program = if unclear {
            program.args(["--allow-recovered"])
        } else {
            program
        };
        if self.release.undecided {
            program.args(["--ds-version", self.release.number])
        } else {
            program
        }
    }

    /// Runs the program, checks its exit code, and checks that it leaves no lock behind.
    #[track_caller]
    pub fn run(&self, words: &str, exit: i32) -> Output {
        let output = self.dsctl(words).run().exit(exit);
        let left: Vec<String> = self
            .env
            .registry_dump()
            .into_keys()
            .filter(|node| node.contains("-lock-"))
            .collect();
        assert!(left.is_empty(), "{left:?} after\n{output:?}");
        output
    }

    /// Runs the program, which must change nothing in the database and nothing in the registry.
    /// Only before the first lock is taken: ZooKeeper itself removes empty containers when it
    /// likes.
    #[track_caller]
    pub fn run_idly(&self, words: &str, exit: i32) -> Output {
        let (database, registry) = (self.env.dump(), self.env.registry_dump());
        let output = self.dsctl(words).run().exit(exit);
        database.assert_same(&self.env.dump());
        assert_eq!(registry, self.env.registry_dump(), "{output:?}");
        output
    }

    /// Runs the program, which must change nothing in the database. It may take locks.
    #[track_caller]
    pub fn run_in_vain(&self, words: &str, exit: i32) -> Output {
        let database = self.env.dump();
        let output = self.run(words, exit);
        database.assert_same(&self.env.dump());
        output
    }

    /// Runs the program; gives its report and what it changed.
    #[track_caller]
    pub fn changes_of(&self, words: &str, exit: i32) -> (Json, Dump, Vec<String>) {
        let before = self.env.dump();
        let output = self.run(words, exit);
        let after = self.env.dump();
        let changes = before.changes(&after);
        (output.json(), after, changes)
    }
}

/// Ids of the instances that were recovered, of the first master.
pub fn recovered(report: &Json) -> Vec<i64> {
    let entries = report["masters"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|master| master["recovered"].as_array().unwrap());
    let mut ids: Vec<i64> = entries
        .map(|entry| entry["instance_id"].as_i64().unwrap())
        .collect();
    ids.sort_unstable();
    ids
}

/// Instances that were left alone, and why.
pub fn skipped(report: &Json) -> Vec<(i64, String)> {
    let entries = report["masters"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|master| master["skipped"].as_array().unwrap());
    let read = |entry: &Json| {
        (
            entry["instance_id"].as_i64().unwrap(),
            entry["reason"].as_str().unwrap().to_owned(),
        )
    };
    let mut all: Vec<(i64, String)> = entries.map(read).collect();
    all.sort();
    all
}
