//! What operators and scripts see of the program: outputs, refusals, strange data, the lock
//! commands, shipped files.

mod acquire;
mod acquire_ends;
mod configuration;
mod contract;
mod garbage;
mod masters;
mod outputs;
mod refusals;
mod registrations;
mod shipped;
mod status;
mod strange;
mod usage;

use std::collections::BTreeMap;
use std::time::Duration;

use dsctl::demo::Registered;
use dsctl::model::Version;
use jiff::Timestamp;

pub use crate::harness::world::{DEAD, LIVING};

use crate::harness::world::{Cluster, World, registered_since};
use crate::harness::{Dsctl, Dump, Env, FakeRegistration, Output, Store, ddl, wait};

pub const V3_2: Version = Version::new(3, 2, 2);
pub const V3_4: Version = Version::new(3, 4, 1);

/// The dead master's six instances that hang in the demonstration.
pub const HANGING: [i64; 6] = [111, 112, 113, 114, 115, 116];

/// The demonstration's cluster in a file, with the registry inside: it needs no server.
pub fn rehearsal(version: Version) -> Env {
    let mut env = Env::at(Store::Sqlite, "127.0.0.1:1");
    env.unset("DSCTL_ZK");
    fill(&env, version);
    env
}

/// The same rows in this kind of database, and ZooKeeper as the registry, which nobody has
/// registered in yet.
pub fn with_zookeeper(store: Store, version: Version) -> Env {
    let env = Env::new(store);
    fill(&env, version);
    env.sql("DELETE FROM t_ds_jdbc_registry_data; DELETE FROM t_ds_jdbc_registry_client_heartbeat");
    env
}

fn fill(env: &Env, version: Version) {
    let mut database = env.database();
    wait(ddl::create_demo(&mut *database, version)).unwrap_or_else(|error| panic!("{error}"));
    wait(database.close());
}

/// A master that started so many minutes ago.
pub fn master(address: &str, minutes: u64) -> Registered<'_> {
    registered_since(
        address,
        Timestamp::now() - Duration::from_secs(60 * minutes),
    )
}

/// Registers the living master, which started two days ago.
pub fn living(env: &Env, version: Version) -> FakeRegistration {
    env.register(version, &master(LIVING, 2 * 24 * 60))
}

/// A cluster of which the tests want the dead master's lock.
pub fn cluster() -> World {
    Cluster::of(V3_2).release_untold().on(Store::Sqlite)
}

/// Runs a line of words.
pub fn run(env: &Env, line: &str) -> Output {
    Dsctl::new(env).args(line.split_whitespace()).run()
}

/// Runs a line that must leave database and registry as they are.
#[track_caller]
pub fn unchanged(env: &Env, program: Dsctl) -> Output {
    let (database, registry) = (env.dump(), registry(env));
    let output = program.run();
    database.assert_same(&env.dump());
    assert_eq!(registry, self::registry(env), "{output:?}");
    output
}

/// As [`unchanged`], for a line that is refused, with a word on what to do.
#[track_caller]
pub fn refused(env: &Env, line: &str, seen: &str, hint: &str) {
    let output = unchanged(env, Dsctl::new(env).args(line.split_whitespace()))
        .exit(4)
        .err(seen)
        .err("hint: ");
    let hinted = output
        .stderr
        .lines()
        .any(|line| line.starts_with("hint: ") && line.contains(hint));
    assert!(hinted && output.stdout.is_empty(), "{output:?}");
}

/// Everything in ZooKeeper below the test's root; nothing where the registry is in the database.
fn registry(env: &Env) -> BTreeMap<String, String> {
    if env.variables().contains_key("DSCTL_ZK") {
        env.registry_dump()
    } else {
        BTreeMap::new()
    }
}

/// The ids of the instances that differ between two dumps, in order.
pub fn changed_instances(before: &Dump, after: &Dump) -> Vec<i64> {
    let changes = before.changes(after);
    let words = changes
        .iter()
        .filter_map(|change| change.strip_prefix("~ t_ds_"));
    let keys = words.filter_map(|change| change.split_once("_instance \""));
    let mut ids: Vec<i64> = keys
        .filter_map(|(_, rest)| rest.split_once('"')?.0.parse().ok())
        .collect();
    ids.sort_unstable();
    ids
}
