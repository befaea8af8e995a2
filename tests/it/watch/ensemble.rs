//! Three ZooKeeper servers: one of them dies, the quorum is lost, and comes back.

use std::time::Duration;

use super::{Rounds, end, event, of, told, watch};
use crate::faults::moments::at_second_batch;
use crate::harness::servers::Ensemble;
use crate::harness::world::{BY_HOST, BY_STATE, DEAD, LIVING, World, registered, reported};
use crate::harness::{Env, Store, eventually};

#[test]
fn a_watcher_lives_on_when_the_leader_dies_and_the_quorum_is_lost() {
    let mut ensemble = Ensemble::private();
    let world = World::in_env(
        Env::at(Store::MariaDb, &ensemble.connect_string()),
        BY_HOST,
        5,
    );
    let rounds = Rounds::of(&world);
    let master = world.env.register(BY_HOST, &registered(DEAD));
    // The grace time is shorter than the time without a quorum.
    let more = format!(
        "--grace 3s --timeout 3s --session-timeout 6s {}",
        rounds.arguments()
    );
    let mut watcher = watch(&world, &more).spawn();
    watcher.await_stdout(&of("master_registered", DEAD));
    let first = ensemble.leader();
    ensemble.kill(first);
    let second = ensemble.await_leader();
    assert_ne!(first, second);
    rounds.pass(3);
    ensemble.kill(second);
    watcher.await_stdout(&event("error"));
    watcher.await_stdout_times("retry_after_seconds", 2);
    ensemble.start(first);
    ensemble.start(second);
    ensemble.await_leader();
    rounds.pass(5);
    world.check_untouched();
    // A real death is one all the same.
    master.close();
    watcher.await_stdout(&of("failover_finished", DEAD));
    let output = end(&world, watcher);
    world.check_complete();
    let started = told(&output, "failover_started");
    assert!(
        started.len() == 1 && !output.stdout.contains(&of("master_lost", LIVING)),
        "{output:?}"
    );
}

#[test]
fn a_failover_lives_through_the_death_of_the_leader() {
    let mut ensemble = Ensemble::private();
    let mut world = World::in_env(
        Env::at(Store::Postgres, &ensemble.connect_string()),
        BY_STATE,
        15,
    );
    let proxy = world.env.through_proxy();
    // Between two batches, with the lock in hand.
    let running = at_second_batch(&world, &proxy, "--session-timeout 10s");
    assert_eq!(world.command_count(), 5);
    let leader = ensemble.leader();
    ensemble.kill(leader);
    ensemble.await_leader();
    proxy.go_on();
    let output = running.finish();
    // It goes on with another server; where that takes too long it stops, and what it has done it
    // has told.
    assert!(matches!(output.code, Some(0 | 8)), "{output:?}");
    let done = world.check();
    assert_eq!(reported(&output), done, "{output:?}");
    assert!(done.len() >= 5);
    // Nobody waits for a lock that nobody holds.
    eventually(Duration::from_secs(20), "the lock is free", || {
        let queue = world.queue();
        if queue.is_empty() { Ok(()) } else { Err(queue) }
    });
    world.complete();
}

#[test]
fn a_failover_begun_while_there_is_no_quorum_writes_nothing() {
    let mut ensemble = Ensemble::private();
    let world = World::in_env(
        Env::at(Store::MariaDb, &ensemble.connect_string()),
        BY_HOST,
        5,
    );
    let (first, second) = (ensemble.leader(), ensemble.followers()[0]);
    ensemble.kill(first);
    ensemble.kill(second);
    world.failover("--timeout 3s").run().exit(6);
    assert_eq!(world.command_count(), 0);
    ensemble.start(first);
    ensemble.start(second);
    ensemble.await_leader();
    world.complete();
}
