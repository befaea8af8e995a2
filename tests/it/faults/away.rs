//! A registry that is away for longer than we wait for an answer, and back before our session is
//! over: what we hold there is still ours, and nobody else can have it.

use std::time::Duration;

use super::lost_lock::{delete_request, world_of_two};
use super::moments::Moment;
use crate::harness::world::{DEAD, World, reported};
use crate::harness::{At, Limits, Store, eventually, wait};

const SOON: Duration = Duration::from_secs(20);

/// An answer that is missing for two seconds is given up. The session would last for a minute.
const PATIENT: &str = "--timeout 2s --session-timeout 1m";

/// Our transaction is over: its rows are free.
fn await_rollback(world: &World) {
    let sql =
        format!("SELECT id FROM t_ds_process_instance WHERE host = '{DEAD}' FOR UPDATE NOWAIT");
    eventually(SOON, "the end of the transaction", || {
        let mut database = world.env.database_with(Limits::default());
        let answer = wait(database.query(&sql.as_str().into(), &mut |_| ()));
        wait(database.close());
        answer
    });
}

/// Nothing is committed, and the lock is given back as soon as that can be said to somebody: not
/// only when the session ends, for which living masters would have to wait.
#[test]
fn before_commit_and_back_before_the_lock_is_given_back() {
    let (world, zookeeper, database) = world_of_two();
    database.trap(Moment::Command.bytes(Store::MariaDb), At::Hold);
    let running = world.failover(&format!("--batch 5 {PATIENT}")).spawn();
    database.await_sprung();
    zookeeper.black_hole();
    database.go_on();
    await_rollback(&world);
    zookeeper.pass();
    let output = world.end(running).exit(6);
    assert!(reported(&output).is_empty(), "{output:?}");
    assert_eq!(output.json()["error"]["kind"], "registry", "{output:?}");
    world.check_untouched();
    world.complete();
}

/// The work is done and said to be done; the lock stays for the rest of the session, and goes with
/// it.
#[test]
fn while_the_lock_is_given_back_and_for_longer_than_the_run() {
    let (world, zookeeper, _database) = world_of_two();
    zookeeper.trap(&delete_request(&world), At::Hold);
    let running = world.failover("--timeout 2s --session-timeout 20s").spawn();
    zookeeper.await_sprung();
    zookeeper.black_hole();
    zookeeper.go_on();
    let output = running.finish().exit(0);
    assert_eq!(reported(&output), world.ids);
    assert!(
        output.json()["warnings"]
            .to_string()
            .contains(&world.lock()),
        "the lock stays, and that is told: {output:?}"
    );
    let queue = world.queue();
    assert_eq!(queue.len(), 1, "the session lives on");
    // Whoever comes meanwhile is told whose lock it is, and takes nothing.
    let second = world
        .failover("--lock-timeout 0s")
        .env("DSCTL_ZK", &world.env.connect)
        .run()
        .exit(5);
    assert!(
        second.json()["error"].to_string().contains(&queue[0]),
        "{second:?}"
    );
    // What was kept on the way must not arrive.
    zookeeper.cut();
    zookeeper.pass();
    world.zk().await_queue(&world.lock(), 0);
    world.check_complete();
    let last = world.run(world.failover("")).exit(0);
    assert!(reported(&last).is_empty(), "{last:?}");
}
