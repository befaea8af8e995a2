//! A follower whose link to the leader is slow: it answers at once, and what it says was true some
//! seconds ago.

use std::time::Duration;

use dsctl::registry::Registry;
use dsctl::registry::zookeeper::ZooKeeperSettings;

use super::moments::Moment;
use crate::harness::servers::Ensemble;
use crate::harness::world::{BY_HOST, DEAD, World, registered};
use crate::harness::{At, Env, FakeRegistration, Proxy, Store, wait};
use crate::registry::{open_with, settings};

/// How far it is behind.
const LAG: Duration = Duration::from_secs(2);

/// Time for some messages over the slow link.
const PATIENCE: &str = "--timeout 60s --session-timeout 60s --lock-timeout 60s";

/// The program is led to the follower, the test to the leader.
fn world(ensemble: &Ensemble, store: Store) -> World {
    let mut world = World::in_env(Env::at(store, &ensemble.at_leader()), BY_HOST, 3);
    world.env.set("DSCTL_ZK", &ensemble.laggard());
    world
}

#[test]
fn everything_is_read_as_it_is_with_the_leader() {
    let ensemble = Ensemble::with_slow_link();
    let mut env = Env::at(Store::Sqlite, &ensemble.at_leader());
    let lock = "lock/master-failover/10.0.0.2:5678";
    for parent in ["nodes/master", "nodes/worker", lock] {
        env.zk().create(&env.path(parent), b"");
    }
    env.connect = ensemble.laggard();
    let long = Duration::from_mins(1);
    let mut registry = open_with(&ZooKeeperSettings {
        timeout: long,
        session_timeout: long,
        ..settings(&env)
    });
    assert!(wait(registry.masters()).unwrap().servers.is_empty());
    env.connect = ensemble.at_leader();
    ensemble.lag(LAG / 2);
    // Each is there with the leader when it is asked for, and not there yet with the follower.
    let _master = env.master("10.0.0.1:5678", "");
    assert_eq!(wait(registry.masters()).unwrap().servers.len(), 1);
    let worker = FakeRegistration::new(
        &env.connect,
        &env.path("nodes/worker/10.0.0.9:1234"),
        b"",
        None,
    );
    assert_eq!(wait(registry.workers()).unwrap().servers.len(), 1);
    worker.create(&env.path(&format!("{lock}/_c_x-lock-0000000000")), b"");
    assert_eq!(wait(registry.lock_queue(lock)).unwrap().len(), 1);
    env.zk()
        .create(&env.path("lock/master-failover/10.0.0.3:5678"), b"");
    assert_eq!(
        wait(registry.locks_below("lock/master-failover"))
            .unwrap()
            .len(),
        2
    );
    // And what has gone is gone.
    worker.close();
    assert!(wait(registry.workers()).unwrap().servers.is_empty());
    assert!(wait(registry.lock_queue(lock)).unwrap().is_empty());
    wait(registry.close());
}

#[test]
fn a_master_that_comes_back_while_its_batch_is_written_keeps_its_instances() {
    let ensemble = Ensemble::with_slow_link();
    let mut world = world(&ensemble, Store::MariaDb);
    let database = world.env.through_proxy();
    database.trap(Moment::Command.bytes(Store::MariaDb), At::Hold);
    let running = world.failover(PATIENCE).spawn();
    database.await_sprung();
    ensemble.lag(LAG);
    let _back = world.env.register(BY_HOST, &registered(DEAD));
    database.go_on();
    running.finish().exit(4).says_it_is_alive();
    world.check_untouched();
}

/// The answers of the first server are lost, and the one that lags behind is asked next.
#[test]
fn a_connection_that_breaks_between_two_servers_shows_nothing_old() {
    let ensemble = Ensemble::with_slow_link();
    let mut world = world(&ensemble, Store::MariaDb);
    let registry = Proxy::to(
        ensemble
            .at_leader()
            .rsplit(':')
            .next()
            .unwrap()
            .parse()
            .unwrap(),
    );
    world.env.set("DSCTL_ZK", &registry.address());
    let database = world.env.through_proxy();
    database.trap(Moment::Command.bytes(Store::MariaDb), At::Hold);
    let running = world.failover(PATIENCE).spawn();
    database.await_sprung();
    ensemble.lag(LAG);
    let _back = world.env.register(BY_HOST, &registered(DEAD));
    registry.lead_new_to(
        ensemble
            .laggard()
            .rsplit(':')
            .next()
            .unwrap()
            .parse()
            .unwrap(),
    );
    registry.trap(world.env.path("nodes/master").as_bytes(), At::SwallowAnswer);
    database.go_on();
    running.finish().exit(4).says_it_is_alive();
    assert!(registry.has_sprung());
    world.check_untouched();
}

/// A leader that was cut off from all others does not know yet that there is another one. It
/// answers `sync`, and reads, as things were.
#[test]
fn a_deposed_leader_is_not_believed() {
    for store in [Store::MariaDb, Store::Postgres] {
        let ensemble = Ensemble::with_links();
        let mut world = World::in_env(Env::at(store, &ensemble.at_followers()), BY_HOST, 3);
        world.env.set("DSCTL_ZK", &ensemble.at_leader());
        let database = world.env.through_proxy();
        database.trap(Moment::Command.bytes(store), At::Hold);
        let running = world.failover("--timeout 10s --session-timeout 9m").spawn();
        database.await_sprung();
        ensemble.depose();
        let _back = world.env.register(BY_HOST, &registered(DEAD));
        database.go_on();
        let output = running.finish().exit(6);
        assert_eq!(output.json()["error"]["kind"], "registry", "{output:?}");
        world.check_untouched();
    }
}
