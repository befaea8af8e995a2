//! ZooKeeper's answers get lost, its connection breaks, the session or the lock ends: no lock, no
//! commit.

use std::collections::BTreeSet;
use std::time::Duration;

use super::moments::{Moment, at_second_batch};
use crate::harness::world::{BY_HOST, World, reported};
use crate::harness::{At, Output, Proxy, Running, Store, ZooKeeper};

const BRIEF: &str = "--timeout 2s --session-timeout 6s";

/// Two batches of five, with a proxy before ZooKeeper.
fn world() -> (World, Proxy) {
    let mut world = World::new(Store::MariaDb, BY_HOST, 10);
    let proxy = Proxy::to(ZooKeeper::shared().port());
    world.env.set("DSCTL_ZK", &proxy.address());
    (world, proxy)
}

/// The same, and a proxy before the database as well.
pub fn world_of_two() -> (World, Proxy, Proxy) {
    let (mut world, zookeeper) = world();
    let database = world.env.through_proxy();
    (world, zookeeper, database)
}

fn first_half(world: &World) -> BTreeSet<i64> {
    world.ids.iter().take(5).copied().collect()
}

/// Stopped inside the transaction of the first or the second batch, with everything written but the
/// end.
fn in_transaction(world: &World, database: &Proxy, batch: u64) -> Running {
    if batch == 1 {
        database.trap(Moment::Command.bytes(Store::MariaDb), At::Hold);
        let running = world.failover(&format!("--batch 5 {BRIEF}")).spawn();
        database.await_sprung();
        return running;
    }
    let running = at_second_batch(world, database, BRIEF);
    database.trap(Moment::Command.bytes_again(Store::MariaDb), At::Hold);
    database.go_on();
    database.await_sprung_times(3);
    running
}

/// The second batch is not written and the first one is told; with no first one, nothing was
/// written.
#[track_caller]
fn assert_stopped(world: &World, output: Output, batch: u64) {
    let (code, done) = if batch == 1 {
        (6, BTreeSet::new())
    } else {
        (8, first_half(world))
    };
    let output = output.exit(code);
    assert_eq!(output.json()["ok"], false);
    let hint = if batch == 1 {
        "nothing was written"
    } else {
        "what was written is valid"
    };
    assert!(
        output.json()["error"]["hint"]
            .as_str()
            .unwrap()
            .starts_with(hint),
        "{output:?}"
    );
    assert_eq!(reported(&output), done, "{output:?}");
    assert_eq!(world.check(), done);
}

/// The whole request that deletes the lock's node, up to its random part.
pub fn delete_request(world: &World) -> Vec<u8> {
    const DELETE: u32 = 2;
    let node = format!("{}/_c_", world.lock());
    let whole = node.len() + "01234567-89ab-cdef-0123-456789abcdef-lock-0000000000".len();
    let mut bytes = DELETE.to_be_bytes().to_vec();
    bytes.extend(u32::try_from(whole).unwrap().to_be_bytes());
    bytes.extend(node.as_bytes());
    bytes
}

#[test]
fn a_lock_node_whose_making_is_cut_or_not_answered() {
    for at in [At::Cut, At::SwallowAnswer] {
        let (world, proxy) = world();
        proxy.trap(b"-lock-", at);
        let output = world.run(world.failover("")).exit(0);
        assert!(proxy.has_sprung());
        assert_eq!(reported(&output), world.ids);
        world.check_complete();
    }
}

#[test]
fn a_dead_network_before_the_lock() {
    let (world, proxy) = world();
    proxy.trap(b"-lock-", At::Hold);
    let running = world.failover(BRIEF).limit(Duration::from_secs(20)).spawn();
    proxy.await_sprung();
    proxy.black_hole();
    proxy.go_on();
    let output = world.end(running).exit(6);
    assert!(
        output.json()["error"]
            .to_string()
            .contains(&proxy.address()),
        "{output:?}"
    );
    proxy.cut();
    proxy.pass();
    world.check_untouched();
    world.complete();
}

#[test]
fn a_dead_network_before_commit() {
    for batch in [1, 2] {
        let (world, zookeeper, database) = world_of_two();
        let running = in_transaction(&world, &database, batch);
        zookeeper.black_hole();
        database.go_on();
        let output = running.finish();
        assert_stopped(&world, output, batch);
        zookeeper.cut();
        zookeeper.pass();
        world.complete();
    }
}

#[test]
fn a_session_that_expires_before_commit() {
    for batch in [1, 2] {
        let (world, zookeeper, database) = world_of_two();
        let running = in_transaction(&world, &database, batch);
        zookeeper.black_hole();
        world.zk().await_queue(&world.lock(), 0);
        zookeeper.pass();
        database.go_on();
        let output = world.end(running);
        assert!(matches!(output.code, Some(6..=8)), "{output:?}");
        let done = if batch == 1 {
            BTreeSet::new()
        } else {
            first_half(&world)
        };
        assert_eq!(reported(&output), done, "{output:?}");
        assert_eq!(world.check(), done);
        world.complete();
    }
}

#[test]
fn a_connection_cut_before_commit_is_made_again() {
    let (world, zookeeper, database) = world_of_two();
    let running = in_transaction(&world, &database, 1);
    zookeeper.cut();
    database.go_on();
    let output = world.end(running);
    // Whether the client had noticed the cut when the lock was to be confirmed is a matter of luck.
    assert!(matches!(output.code, Some(0 | 6 | 8)), "{output:?}");
    assert_eq!(world.check(), reported(&output));
    world.complete();
}

#[test]
fn a_lock_node_deleted_by_somebody_between_two_batches() {
    let mut world = World::new(Store::Postgres, BY_HOST, 10);
    let proxy = world.env.through_proxy();
    let running = at_second_batch(&world, &proxy, "");
    let queue = world.queue();
    assert_eq!(queue.len(), 1);
    world.zk().delete(&format!("{}/{}", world.lock(), queue[0]));
    proxy.go_on();
    let output = world.end(running).exit(8);
    assert_eq!(output.json()["error"]["kind"], "lock_lost");
    assert_eq!(reported(&output), first_half(&world));
    assert_eq!(world.check(), first_half(&world));
    world.complete();
}

#[test]
fn a_connection_cut_while_the_lock_is_given_back() {
    for at in [At::Cut, At::SwallowAnswer] {
        let (world, proxy) = world();
        proxy.trap(&delete_request(&world), at);
        world.run(world.failover("")).exit(0);
        assert!(proxy.has_sprung());
        world.check_complete();
    }
}

#[test]
fn a_dead_network_while_the_lock_is_given_back() {
    let (world, proxy) = world();
    proxy.trap(&delete_request(&world), At::Hold);
    let running = world.failover(BRIEF).limit(Duration::from_secs(20)).spawn();
    proxy.await_sprung();
    proxy.black_hole();
    proxy.go_on();
    // What was done is done. The server ends the lock with the session: nobody else can.
    let output = running
        .finish()
        .exit(0)
        .out("could not be released")
        .out("has not confirmed the end of this session");
    assert_eq!(reported(&output), world.ids);
    world.zk().await_queue(&world.lock(), 0);
    world.check_complete();
}

#[test]
fn a_server_that_restarts_before_commit() {
    let mut server = ZooKeeper::private();
    let env = crate::harness::Env::at(Store::MariaDb, &server.connect_string());
    let mut world = World::in_env(env, BY_HOST, 10);
    let database = world.env.through_proxy();
    database.trap(Moment::Command.bytes(Store::MariaDb), At::Hold);
    let running = world
        .failover("--batch 5 --timeout 2s --session-timeout 8s")
        .spawn();
    database.await_sprung();
    server.kill();
    database.go_on();
    let output = running.finish().exit(6);
    assert!(
        output.json()["error"]
            .to_string()
            .contains(&server.connect_string()),
        "{output:?}"
    );
    assert!(reported(&output).is_empty());
    world.check_untouched();
    server.start();
    // The lock of a session that could not be closed.
    world.zk().await_queue(&world.lock(), 0);
    world.complete();
}
