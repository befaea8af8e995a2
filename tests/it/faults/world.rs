//! One dead master with work in its hands, and the rule that no fault may break.

use std::collections::{BTreeMap, BTreeSet};

use dsctl::demo::schema;
use dsctl::demo::{Registered, Server, seed};
use dsctl::model::Version;
use jiff::Timestamp;

use crate::harness::{Dsctl, Dump, Env, FakeRegistration, Output, Running, Store, Zk};

/// A release that claims by the host.
pub const BY_HOST: Version = Version::new(3, 2, 2);
/// A release that claims by the state.
pub const BY_STATE: Version = Version::new(3, 4, 2);

pub const DEAD: &str = "10.0.0.2:5678";
pub const LIVING: &str = "10.0.0.1:5678";

/// Ids begin above this one; the row itself is the pattern of all others.
const PATTERN: i64 = 1000;

/// A cluster whose master [`DEAD`] is dead and whose master [`LIVING`] is registered.
#[derive(Debug)]
pub struct World {
    pub env: Env,
    pub version: Version,
    /// Unfinished instances of the dead master.
    pub ids: BTreeSet<i64>,
    /// Unfinished instances that were added, with their hosts.
    others: BTreeMap<i64, String>,
    /// The database before anybody came.
    before: Dump,
    zk: Option<Zk>,
    living: Option<FakeRegistration>,
}

impl World {
    /// With ZooKeeper as the registry; `count` instances are the dead master's.
    pub fn new(store: Store, version: Version, count: i64) -> Self {
        Self::in_env(Env::new(store), version, count)
    }

    /// In a world that is empty yet.
    pub fn in_env(mut env: Env, version: Version, count: i64) -> Self {
        prepare(&mut env, version);
        let rows = Rows {
            total: 2 * count,
            one_in: 2,
            padding: 0,
        };
        rows.insert(&env, version);
        let living = env.register(version, &registered(LIVING));
        let zk = Some(env.zk());
        Self {
            ids: rows.dead(),
            others: BTreeMap::new(),
            before: env.dump(),
            version,
            zk,
            living: Some(living),
            env,
        }
    }

    /// With the registry inside the database, as it is with a file and nothing else.
    pub fn in_a_file(version: Version, count: i64) -> Self {
        Self::with_registry_inside(Store::Sqlite, version, count)
    }

    /// With the registry inside the database, of whatever kind that is.
    pub fn with_registry_inside(store: Store, version: Version, count: i64) -> Self {
        Self::with_registry_on(Env::new(store), version, count)
    }

    /// The same in a world that is empty yet.
    pub fn with_registry_on(mut env: Env, version: Version, count: i64) -> Self {
        env.unset("DSCTL_ZK");
        env.set("DSCTL_REGISTRY", "jdbc");
        prepare(&mut env, version);
        let rows = Rows {
            total: 2 * count,
            one_in: 2,
            padding: 0,
        };
        rows.insert(&env, version);
        env.register_in_database(version, &registered(LIVING));
        Self {
            ids: rows.dead(),
            others: BTreeMap::new(),
            before: env.dump(),
            version,
            zk: None,
            living: None,
            env,
        }
    }

    pub fn dsctl(&self, arguments: &str) -> Dsctl {
        Dsctl::new(&self.env).args(arguments.split_whitespace())
    }

    /// `dsctl failover DEAD --yes -o json`, with more arguments.
    pub fn failover(&self, more: &str) -> Dsctl {
        self.dsctl(&format!("failover {DEAD} --yes -o json {more}"))
    }

    /// Adds running instances of another master, or of another life of the same one, and says their
    /// ids. Nothing may have been done yet to what is there.
    pub fn add(&mut self, host: &str, started: Timestamp, count: i64) -> BTreeSet<i64> {
        self.check_untouched();
        let ids = self.add_later(host, started, count);
        self.others
            .extend(ids.iter().map(|id| (*id, host.to_owned())));
        self.before = self.env.dump();
        ids
    }

    /// As [`World::add`], when something has been done already; these are nobody's to touch.
    pub fn add_later(&self, host: &str, started: Timestamp, count: i64) -> BTreeSet<i64> {
        let first = self
            .env
            .number(&format!("SELECT MAX(id) + 1 FROM {}", self.table()));
        let started = jiff::tz::TimeZone::UTC.to_datetime(started);
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
        let row = seed::instance(self.version)
            .id(1_000_000)
            .name("ended")
            .state(7)
            .host(LIVING);
        self.env.insert([row]);
        self.before = self.env.dump();
    }

    /// Host and state of instances, as they are now.
    pub fn cells(&self, ids: &BTreeSet<i64>) -> BTreeSet<(Option<String>, Option<i64>)> {
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

    /// The registration of the living master, in ZooKeeper.
    pub fn living(&self) -> &FakeRegistration {
        self.living.as_ref().expect("a registration in ZooKeeper")
    }

    /// The living master ends, and its registration with it.
    pub fn close_living(&mut self) {
        self.living
            .take()
            .expect("a registration in ZooKeeper")
            .close();
    }

    pub fn zk(&self) -> &Zk {
        self.zk.as_ref().expect("ZooKeeper")
    }

    /// The lock of the dead master's failover, as ZooKeeper has it.
    pub fn lock(&self) -> String {
        self.env.path(&format!("lock/master-failover/{DEAD}"))
    }

    /// Who holds the dead master's lock or waits for it.
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

    /// Waits for a run's end: by then the lock must be gone, not later.
    #[track_caller]
    pub fn end(&self, running: Running) -> Output {
        let output = running.finish();
        let queue = self.queue();
        assert!(queue.is_empty(), "{queue:?} outlived\n{output:?}");
        output
    }

    #[track_caller]
    pub fn run(&self, dsctl: Dsctl) -> Output {
        self.end(dsctl.spawn())
    }

    /// Everything as it was before anybody came: the next fault finds the same world.
    pub fn reset(&self) {
        let table = self.table();
        let claim = if self.claims_by_state() {
            "state = 1 WHERE state = 18".to_owned()
        } else {
            format!("host = '{DEAD}' WHERE host = 'NULL'")
        };
        self.env.sql(&format!(
            "UPDATE {table} SET {claim}; DELETE FROM t_ds_command WHERE command_type = 2"
        ));
    }

    fn claims_by_state(&self) -> bool {
        claims_by_state(self.version)
    }

    fn table(&self) -> &'static str {
        if self.claims_by_state() {
            "t_ds_workflow_instance"
        } else {
            "t_ds_process_instance"
        }
    }

    /// Each instance that a recovery command waits for, with the number of these commands.
    pub fn commands(&self) -> BTreeMap<i64, i64> {
        let instance = if self.claims_by_state() {
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

    /// Claimed instances. Fails unless every other cell of every row is as it was: only the claim
    /// may differ, only in instances of the dead master, and only commands may be new.
    #[track_caller]
    fn claimed(&self) -> BTreeSet<i64> {
        let table = self.table();
        let claim = |id: i64, host: &str| {
            let cells = if self.claims_by_state() {
                r#"state "1" -> "18""#.to_owned()
            } else {
                format!(r#"host "{host}" -> "NULL""#)
            };
            format!(r#"~ {table} "{id}": {cells}"#)
        };
        let others = self.others.iter().map(|(id, host)| (claim(*id, host), *id));
        let allowed: BTreeMap<String, i64> = self
            .ids
            .iter()
            .map(|id| (claim(*id, DEAD), *id))
            .chain(others)
            .collect();
        let put_back: BTreeSet<String> = self
            .ids
            .iter()
            .map(|id| format!(r#"~ {table} "{id}":"#))
            .collect();
        let mut claimed = BTreeSet::new();
        for change in self.before.changes(&self.env.dump()) {
            // MySQL's schema has this column follow every change of a row by itself.
            let change = change
                .split_once(" update_time ")
                .map_or(change.as_str(), |(change, _)| change);
            match allowed.get(change) {
                Some(id) => _ = claimed.insert(*id),
                // Claimed once, and put back by `reset`.
                None if put_back.contains(change) => {}
                None => assert!(
                    is_beside_the_point(change),
                    "nobody may have changed this:\n{change}"
                ),
            }
        }
        claimed
    }

    /// The rule: each instance is as it was, or claimed and with exactly one recovery command.
    /// Gives the claimed ones.
    #[track_caller]
    pub fn check(&self) -> BTreeSet<i64> {
        let (claimed, commands) = (self.claimed(), self.commands());
        assert!(
            commands.values().all(|count| *count == 1),
            "more than one command: {commands:?}"
        );
        let commanded: BTreeSet<i64> = commands.into_keys().collect();
        assert_eq!(
            claimed, commanded,
            "claims on the left, commands on the right"
        );
        claimed
    }

    /// The rule, and every instance is claimed.
    #[track_caller]
    pub fn check_complete(&self) {
        assert_eq!(self.check(), self.ids);
    }

    /// The rule, and nothing is done yet.
    #[track_caller]
    pub fn check_untouched(&self) {
        assert!(self.check().is_empty());
    }

    /// Runs the failover again, to its end.
    #[track_caller]
    pub fn complete(&self) {
        self.run(self.failover("--lock-timeout 30s")).exit(0);
        self.check_complete();
    }
}

fn claims_by_state(version: Version) -> bool {
    version >= Version::new(3, 3, 0)
}

/// What may change without being part of the rule: new commands, which are counted, and the JDBC
/// registry's own tables.
fn is_beside_the_point(change: &str) -> bool {
    change.starts_with("+ t_ds_command ") || change[2..].starts_with("t_ds_jdbc_registry_")
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

pub fn registered(address: &str) -> Registered<'_> {
    let now = Timestamp::now();
    Registered {
        server: Server::Master,
        address,
        client: 7,
        process: 77,
        started: now,
        reported: now,
        session_millis: HOUR,
    }
}

const HOUR: i64 = 3_600_000;

pub fn prepare(env: &mut Env, version: Version) {
    env.set("DSCTL_DS_VERSION", &version.to_string());
    env.create_schema(version);
    env.insert([
        seed::project(version),
        seed::definition(version),
        seed::definition_log(version),
    ]);
    let started = jiff::civil::date(2024, 6, 1).at(2, 0, 0, 0);
    // From 3.3 on the history alone says when a master took an instance up.
    let history = r#"[{"time":"2024-06-01 02:00:01","state":"RUNNING_EXECUTION"}]"#;
    let pattern = seed::instance(version)
        .id(PATTERN)
        .name("pattern")
        .state(7)
        .host(LIVING)
        .started(started);
    env.insert([pattern.maybe("state_history", history)]);
}

/// Instances, written by the database itself: many of them in no time.
#[derive(Clone, Copy, Debug)]
pub struct Rows {
    pub total: i64,
    /// Every so-manieth is an unfinished one of the dead master.
    pub one_in: i64,
    /// So many bytes of text in each row.
    pub padding: usize,
}

impl Rows {
    pub fn dead(self) -> BTreeSet<i64> {
        (1..=self.total)
            .filter(|n| n % self.one_in == 0)
            .map(|n| PATTERN + n)
            .collect()
    }

    /// The row after each of the dead master's is one that the living master runs; all others are
    /// finished.
    pub fn insert(self, env: &Env, version: Version) {
        let name = if claims_by_state(version) {
            "t_ds_workflow_instance"
        } else {
            "t_ds_process_instance"
        };
        let table = schema::tables(version)
            .into_iter()
            .find(|table| table.name == name)
            .unwrap();
        let quote = if env.store == Store::MariaDb {
            '`'
        } else {
            '"'
        };
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|column| format!("{quote}{}{quote}", column.name))
            .collect();
        let values: Vec<String> = table
            .columns
            .iter()
            .zip(&columns)
            .map(|(column, quoted)| self.value(column.name, quoted))
            .collect();
        let (columns, values) = (columns.join(", "), values.join(", "));
        env.sql(&format!(
            "CREATE TEMPORARY TABLE pattern AS SELECT * FROM {name} WHERE id = {PATTERN};\n\
             INSERT INTO {name} ({columns}) SELECT {values} FROM {}, pattern",
            numbers(env.store, self.total)
        ));
    }

    fn value(self, column: &str, quoted: &str) -> String {
        let Self {
            one_in, padding, ..
        } = self;
        match column {
            "id" => format!("{PATTERN} + n"),
            "state" => format!("CASE WHEN n % {one_in} IN (0, 1) THEN 1 ELSE 7 END"),
            "host" => format!("CASE WHEN n % {one_in} = 1 THEN '{LIVING}' ELSE '{DEAD}' END"),
            "global_params" if padding > 0 => format!("'[{}]'", " ".repeat(padding)),
            _ => format!("pattern.{quoted}"),
        }
    }
}

/// A table of the numbers from one on.
pub fn numbers(store: Store, count: i64) -> String {
    match store {
        Store::MariaDb => format!("(SELECT seq AS n FROM seq_1_to_{count}) AS numbers"),
        Store::Postgres => format!("generate_series(1, {count}) AS numbers(n)"),
        Store::Sqlite => format!(
            "(WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count}) \
             SELECT n FROM numbers) AS numbers"
        ),
    }
}

/// Random numbers that can be had again: `DSCTL_TEST_SEED` is the seed that a failed test has
/// named.
#[derive(Debug)]
pub struct Chance {
    pub seed: u64,
    state: u64,
}

impl Chance {
    pub fn new() -> Self {
        let given = std::env::var("DSCTL_TEST_SEED")
            .ok()
            .and_then(|seed| seed.parse().ok());
        Self::of(given.unwrap_or_else(|| u64::try_from(Timestamp::now().as_microsecond()).unwrap()))
    }

    /// Those of one seed.
    pub fn of(seed: u64) -> Self {
        Self { seed, state: seed }
    }

    /// The next number below a limit (splitmix64).
    pub fn below(&mut self, limit: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}
