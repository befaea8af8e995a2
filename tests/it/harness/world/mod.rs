//! A cluster of a release, as a test wants it: what is there ([`Cluster`]), what is run, and what
//! must hold then ([`World`]).
//!
//! The words are the same in all tests. A master is *living* (registered) or *dead* (not
//! registered, with rows that name it). An instance *hangs* when it is unfinished and its master is
//! dead. It is *claimed* when its row says that a failover has taken it, and *handed over* when it
//! is claimed and has its recovery command.

mod rows;
mod rule;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use dsctl::demo::seed::{self, Seed};
use dsctl::demo::{Registered, Server};
use dsctl::metadata::database::{Access, Database};
use dsctl::model::Version;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::dsctl::{Dsctl, Output, Running};
use super::dump::Dump;
use super::env::{Env, Store};
use super::wait::wait;
use super::zk::{FakeRegistration, Zk};

pub use rows::{Rows, numbers};

/// A release that claims by the host.
pub const BY_HOST: Version = Version::new(3, 2, 2);
/// A release that claims by the state.
pub const BY_STATE: Version = Version::new(3, 4, 2);

/// The master that is dead.
pub const DEAD: &str = "10.0.0.2:5678";
/// The master that is registered.
pub const LIVING: &str = "10.0.0.1:5678";

/// The ended instance of the living master, which says that it is this cluster's. It is also the
/// pattern of all others, whose ids begin above it.
const ENDED: i64 = 1000;

/// An id so great that two connections share the scan where that is done at all.
const FAR: i64 = 1_000_000;

/// In milliseconds: longer than any test takes.
const HOUR: i64 = 3_600_000;

/// What is to be there. Without another word: a definition, the living master, and an ended
/// instance of it.
#[derive(Clone, Copy, Debug)]
pub struct Cluster {
    version: Version,
    is_told: bool,
    json: bool,
    registry_inside: bool,
    living_since: Timestamp,
    ended: i64,
    rows: Option<Rows>,
}

impl Cluster {
    /// A cluster of a release, which the program is told.
    pub fn of(version: Version) -> Self {
        Self {
            version,
            is_told: true,
            json: false,
            registry_inside: false,
            living_since: Timestamp::now(),
            ended: ENDED,
            rows: None,
        }
    }

    /// So many instances hang, and as many are run by the living master.
    #[must_use]
    pub fn hanging(self, count: i64) -> Self {
        let rows = Rows {
            total: 2 * count,
            one_in: 2,
            padding: 0,
        };
        Self {
            rows: Some(rows),
            ..self
        }
    }

    /// These instances, as wide as real ones and too many for [`World::check`], which compares all of
    /// them.
    #[must_use]
    pub fn great(self, rows: Rows) -> Self {
        Self {
            rows: Some(rows),
            ..self
        }
    }

    /// With the registry inside the database.
    #[must_use]
    pub fn registry_inside(self) -> Self {
        Self {
            registry_inside: true,
            ..self
        }
    }

    /// The program has to find the release by itself.
    #[must_use]
    pub fn release_untold(self) -> Self {
        Self {
            is_told: false,
            ..self
        }
    }

    /// What [`World::dsctl`] and [`World::run`] run answers in JSON.
    #[must_use]
    pub fn in_json(self) -> Self {
        Self { json: true, ..self }
    }

    /// The living master has been there for three hours.
    #[must_use]
    pub fn long_living(self) -> Self {
        Self {
            living_since: Timestamp::now() - 3.hours(),
            ..self
        }
    }

    /// The ended instance has a great id.
    #[must_use]
    pub fn far(self) -> Self {
        Self { ended: FAR, ..self }
    }

    /// Makes it in a database of its own, and in the shared ZooKeeper.
    pub fn on(self, store: Store) -> World {
        self.in_env(Env::new(store))
    }

    /// Makes it where nothing is yet.
    pub fn in_env(self, mut env: Env) -> World {
        if self.registry_inside {
            env.unset("DSCTL_ZK");
            env.set("DSCTL_REGISTRY", "jdbc");
        }
        self.fill(&mut env);
        let master = registered_since(LIVING, self.living_since);
        let living = if self.registry_inside {
            env.register_in_database(self.version, &master);
            None
        } else {
            Some(env.register(self.version, &master))
        };
        World {
            ids: self.rows.map(Rows::dead).unwrap_or_default(),
            others: BTreeMap::new(),
            before: self.can_be_compared().then(|| env.dump()),
            version: self.version,
            json: self.json,
            zk: (!self.registry_inside).then(|| env.zk()),
            living,
            env,
        }
    }

    fn can_be_compared(&self) -> bool {
        self.rows.is_none_or(|rows| rows.padding == 0)
    }

    /// The rows alone: what a second server has, for example.
    pub fn fill(self, env: &mut Env) {
        let version = self.version;
        if self.is_told {
            env.set("DSCTL_DS_VERSION", &version.to_string());
        }
        env.create_schema(version);
        env.insert([seed::project(version), seed::definition(version)]);
        if version >= Version::new(2, 0, 0) {
            env.insert([seed::definition_log(version)]);
        }
        // From 3.3 on the history alone says when a master took an instance up.
        let history = r#"[{"time":"2024-06-01 02:00:01","state":"RUNNING_EXECUTION"}]"#;
        let ended =
            ended(version, self.ended).started(jiff::civil::date(2024, 6, 1).at(2, 0, 0, 0));
        env.insert([ended.maybe("state_history", history)]);
        if let Some(rows) = self.rows {
            rows.insert(env, version);
        }
    }
}

fn ended(version: Version, id: i64) -> Seed {
    seed::instance(version)
        .id(id)
        .name("ended")
        .state(7)
        .host(LIVING)
}

/// A master that starts now, with a session that no test outlasts.
pub fn registered(address: &str) -> Registered<'_> {
    registered_since(address, Timestamp::now())
}

/// A master that started then.
pub fn registered_since(address: &str, started: Timestamp) -> Registered<'_> {
    Registered {
        server: Server::Master,
        address,
        client: 7,
        process: 77,
        started,
        reported: Timestamp::now(),
        session_millis: HOUR,
    }
}

/// So many seconds ago, to the second, as databases have it.
pub fn ago(seconds: i64) -> DateTime {
    TimeZone::UTC
        .to_datetime(Timestamp::now() - seconds.seconds())
        .with()
        .subsec_nanosecond(0)
        .build()
        .unwrap()
}

/// From 3.3 on, the first of which is this one.
pub fn claims_by_state(version: Version) -> bool {
    version >= "3.3.0-alpha".parse().unwrap()
}

fn instance_table(version: Version) -> &'static str {
    if claims_by_state(version) {
        "t_ds_workflow_instance"
    } else {
        "t_ds_process_instance"
    }
}

/// What can be run in a world: words, or a program that was made ready.
pub trait Program {
    fn made_in(self, world: &World) -> Dsctl;
}

impl Program for &str {
    fn made_in(self, world: &World) -> Dsctl {
        world.dsctl(self)
    }
}

impl Program for &String {
    fn made_in(self, world: &World) -> Dsctl {
        world.dsctl(self)
    }
}

impl Program for Dsctl {
    fn made_in(self, _: &World) -> Dsctl {
        self
    }
}

/// A cluster whose master [`DEAD`] is dead and whose master [`LIVING`] is registered.
#[derive(Debug)]
pub struct World {
    pub env: Env,
    pub version: Version,
    json: bool,
    /// Those that hang since the cluster was made.
    pub ids: BTreeSet<i64>,
    /// Unfinished instances that were added, with their hosts.
    others: BTreeMap<i64, String>,
    /// The database before anybody came.
    before: Option<Dump>,
    zk: Option<Zk>,
    living: Option<FakeRegistration>,
}

/// The clusters that most tests want.
impl World {
    /// With ZooKeeper as the registry; `count` instances hang.
    pub fn new(store: Store, version: Version, count: i64) -> Self {
        Cluster::of(version).hanging(count).on(store)
    }

    /// The same where nothing is yet.
    pub fn in_env(env: Env, version: Version, count: i64) -> Self {
        Cluster::of(version).hanging(count).in_env(env)
    }

    /// With the registry inside the database.
    pub fn with_registry_inside(store: Store, version: Version, count: i64) -> Self {
        Self::with_registry_on(Env::new(store), version, count)
    }

    /// The same where nothing is yet.
    pub fn with_registry_on(env: Env, version: Version, count: i64) -> Self {
        Cluster::of(version)
            .hanging(count)
            .registry_inside()
            .in_env(env)
    }

    /// In a file that holds the registry too: no server is needed.
    pub fn in_a_file(version: Version, count: i64) -> Self {
        Self::with_registry_inside(Store::Sqlite, version, count)
    }

    /// A cluster that has been at work for hours, of a release that the program has to find by
    /// itself, and nothing that hangs; the program answers in JSON.
    pub fn idle(store: Store, version: &str) -> Self {
        Self::idle_in(Env::new(store), version)
    }

    /// The same where nothing is yet.
    pub fn idle_in(env: Env, version: &str) -> Self {
        Cluster::of(version.parse().unwrap())
            .release_untold()
            .in_json()
            .long_living()
            .far()
            .in_env(env)
    }
}

/// What is there, and what comes.
impl World {
    /// A running instance of the dead master, begun an hour ago, to be inserted.
    pub fn instance(&self, id: i64) -> Seed {
        seed::instance(self.version)
            .id(id)
            .name("hanging")
            .host(DEAD)
            .started(ago(3600))
    }

    /// Inserts such instances.
    pub fn instances(&self, ids: impl IntoIterator<Item = i64>) {
        self.env.insert(ids.into_iter().map(|id| self.instance(id)));
    }

    /// Adds running instances of another master, or of another life of the same one, and says their
    /// ids. Nothing may have been done yet to what is there.
    pub fn add(&mut self, host: &str, started: Timestamp, count: i64) -> BTreeSet<i64> {
        self.check_untouched();
        let ids = self.add_later(host, started, count);
        self.others
            .extend(ids.iter().map(|id| (*id, host.to_owned())));
        self.before = Some(self.env.dump());
        ids
    }

    /// Lets so many instances hang. Nothing may have been done yet to what is there.
    pub fn hang(&mut self, count: i64) {
        self.check_untouched();
        let ids = self.add_later(DEAD, Timestamp::now() - 1.hours(), count);
        self.ids.extend(ids);
        self.before = Some(self.env.dump());
    }

    /// As [`World::add`], when something has been done already; these are nobody's to touch.
    pub fn add_later(&self, host: &str, started: Timestamp, count: i64) -> BTreeSet<i64> {
        let first = self
            .env
            .number(&format!("SELECT MAX(id) + 1 FROM {}", self.table()));
        let started = TimeZone::UTC.to_datetime(started);
        let row = |id| {
            seed::instance(self.version)
                .id(id)
                .name("added")
                .state(1)
                .host(host)
                .started(started)
        };
        self.env.insert((first..first + count).map(row));
        (first..first + count).collect()
    }

    /// Adds an ended instance of the living master, of an id so great that two connections share
    /// the scan where that is done at all.
    pub fn stretch(&mut self) {
        self.check_untouched();
        self.env.insert([ended(self.version, FAR)]);
        self.before = Some(self.env.dump());
    }

    /// The table of the instances.
    pub fn table(&self) -> &'static str {
        instance_table(self.version)
    }

    /// Host and state of instances, as they are now.
    pub fn hosts_and_states(&self, ids: &BTreeSet<i64>) -> BTreeSet<(Option<String>, Option<i64>)> {
        let list = ids
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ");
        let rows = self.env.rows(&format!(
            "SELECT host, state FROM {} WHERE id IN ({list})",
            self.table()
        ));
        rows.iter().map(|row| (row.text(0), row.int(1))).collect()
    }

    /// The host of an instance.
    pub fn host(&self, id: i64) -> String {
        let sql = format!("SELECT host FROM {} WHERE id = {id}", self.table());
        self.env.rows(&sql)[0].text(0).unwrap()
    }

    /// The state of an instance.
    pub fn state(&self, id: i64) -> i64 {
        self.env.number(&format!(
            "SELECT state FROM {} WHERE id = {id}",
            self.table()
        ))
    }

    /// Each instance that a recovery command waits for, with the number of these commands.
    pub fn commands(&self) -> BTreeMap<i64, i64> {
        let instance = if claims_by_state(self.version) {
            "workflow_instance_id"
        } else {
            "process_instance_id"
        };
        let sql = format!(
            "SELECT {instance}, COUNT(*) FROM t_ds_command WHERE command_type = 2 GROUP BY {instance}"
        );
        self.env
            .rows(&sql)
            .iter()
            .map(|row| (row.int(0).unwrap(), row.int(1).unwrap()))
            .collect()
    }

    /// How many recovery commands wait.
    pub fn command_count(&self) -> i64 {
        self.env
            .number("SELECT COUNT(*) FROM t_ds_command WHERE command_type = 2")
    }

    /// The registration of the living master, in ZooKeeper.
    pub fn living(&self) -> &FakeRegistration {
        self.living.as_ref().expect("a registration in ZooKeeper")
    }

    /// The living master ends, and its registration with it; the parents of its node stay.
    pub fn close_living(&mut self) {
        self.living
            .take()
            .expect("a registration in ZooKeeper")
            .close();
    }

    /// The registry is inside the database from now on, with a living master of the same address.
    pub fn move_registry_inside(&mut self) {
        self.zk = None;
        self.env.unset("DSCTL_ZK");
        self.env.set("DSCTL_REGISTRY", "jdbc");
        self.env
            .register_in_database(self.version, &registered(LIVING));
    }

    /// The test's own session in ZooKeeper.
    pub fn zk(&self) -> &Zk {
        self.zk.as_ref().expect("ZooKeeper")
    }

    /// Everything as it was before anybody came: the next fault finds the same world.
    pub fn reset(&self) {
        let table = self.table();
        let claim = if claims_by_state(self.version) {
            "state = 1 WHERE state = 18".to_owned()
        } else {
            format!("host = '{DEAD}' WHERE host = 'NULL'")
        };
        self.env.sql(&format!(
            "UPDATE {table} SET {claim}; DELETE FROM t_ds_command WHERE command_type = 2"
        ));
    }
}

/// The lock of the dead master's failover.
impl World {
    /// Its node in ZooKeeper.
    pub fn lock(&self) -> String {
        self.lock_of(DEAD)
    }

    /// The node of another master's.
    pub fn lock_of(&self, master: &str) -> String {
        self.env.path(&format!("lock/master-failover/{master}"))
    }

    /// Who holds it or waits for it.
    pub fn queue(&self) -> Vec<String> {
        if let Some(zk) = &self.zk {
            return zk.lock_queue(&self.lock());
        }
        let rows = self.env.rows("SELECT id FROM t_ds_jdbc_registry_lock");
        rows.iter()
            .filter_map(|row| row.int(0))
            .map(|id| id.to_string())
            .collect()
    }

    /// `lock acquire` of it, with more words.
    pub fn acquire(&self, words: &[&str]) -> Dsctl {
        self.dsctl(&format!("lock acquire {DEAD}")).args(words)
    }

    /// Somebody who holds it until he is asked to end.
    pub fn holder(&self) -> Running {
        self.env.holder(DEAD)
    }

    /// Somebody who holds it in the tables of the registry in a transaction that does not end, as a
    /// prepared one or that of a frozen process.
    pub fn uncommitted_holder(&self) -> Box<dyn Database> {
        let mut holder = self.env.database();
        let lock = format!(
            "INSERT INTO t_ds_jdbc_registry_lock (lock_key, lock_owner, client_id, create_time) \
             VALUES ('/lock/master-failover/{DEAD}', 'frozen', 1, CURRENT_TIMESTAMP)"
        );
        wait(async {
            let limit = Duration::from_mins(10);
            holder.begin(Access::Write, limit).await.unwrap();
            holder.execute(&lock.as_str().into()).await.unwrap();
        });
        holder
    }
}

/// What is run.
impl World {
    /// The program, with these words.
    pub fn dsctl(&self, words: &str) -> Dsctl {
        let json: &[&str] = if self.json { &["-o", "json"] } else { &[] };
        Dsctl::new(&self.env)
            .args(json)
            .args(words.split_whitespace())
    }

    /// `dsctl failover DEAD --yes -o json`, with more words.
    pub fn failover(&self, more: &str) -> Dsctl {
        Dsctl::new(&self.env)
            .args(["failover", DEAD, "--yes", "-o", "json"])
            .args(more.split_whitespace())
    }

    /// Runs something to its end: by then the lock must be gone, not later.
    #[track_caller]
    pub fn run(&self, program: impl Program) -> Output {
        self.end(program.made_in(self).spawn())
    }

    /// Lists the masters, with these parameters in the database's URL.
    pub fn masters_with(&self, parameters: &str) -> Output {
        Dsctl::new(&self.env)
            .env("DSCTL_DB", &format!("{}?{parameters}", self.env.url()))
            .args(["masters"])
            .run()
    }

    /// Waits for a run's end: by then the lock must be gone, not later.
    #[track_caller]
    pub fn end(&self, running: Running) -> Output {
        let output = running.finish();
        let queue = self.queue();
        assert!(queue.is_empty(), "{queue:?} outlived\n{output:?}");
        output
    }

    /// Runs the failover again, to its end.
    #[track_caller]
    pub fn complete(&self) {
        self.run(self.failover("--lock-timeout 30s")).exit(0);
        self.check_complete();
    }
}

/// The instances that a run reports as handed over.
pub fn reported(output: &Output) -> BTreeSet<i64> {
    let document = output.json();
    let masters = document["masters"].as_array().cloned().unwrap_or_default();
    let recovered = masters
        .iter()
        .filter_map(|master| master["recovered"].as_array())
        .flatten();
    recovered
        .map(|instance| instance["instance_id"].as_i64().unwrap())
        .collect()
}
