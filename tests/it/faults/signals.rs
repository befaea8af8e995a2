//! SIGINT and SIGTERM, at every stage of a run.

use std::time::Duration;

use super::moments::at_second_batch;
use crate::harness::world::{BY_HOST, BY_STATE, World, reported};
use crate::harness::{Curator, Output, Running, Store, eventually};

const SIGNALS: [(&str, i32); 2] = [("INT", 2), ("TERM", 15)];
const SOON: Duration = Duration::from_secs(20);

/// The caller sees the signal itself, as a shell expects; the answer says so too.
#[track_caller]
fn assert_ended_by(output: &Output, signal: i32) {
    assert_eq!(output.signal, Some(signal), "{output:?}");
    let document = output.json();
    assert_eq!(document["ok"], false, "{output:?}");
    assert_eq!(document["error"]["kind"], "stopped", "{output:?}");
    assert_eq!(document["error"]["exit_code"], 128 + signal, "{output:?}");
}

fn await_commands(world: &World, running: &mut Running, count: i64) {
    eventually(SOON, "commands", || {
        assert!(running.is_running());
        let now = world.command_count();
        if now >= count { Ok(()) } else { Err(now) }
    });
}

#[test]
fn while_it_waits_for_the_lock() {
    for (name, number) in SIGNALS {
        let world = World::new(Store::MariaDb, BY_HOST, 3);
        let mut curator = Curator::connect(&world.env.connect, &world.lock());
        assert!(curator.acquire(SOON));
        let holder = world.queue();
        let mut running = world.failover("").spawn();
        world.zk().await_queue(&world.lock(), 2);
        running.await_stderr("waiting for the lock");
        running.signal(name);
        let output = running.finish();
        assert_eq!(
            world.queue(),
            holder,
            "our place in the queue is given up at once"
        );
        assert_ended_by(&output, number);
        world.check_untouched();
    }
}

/// One instance a second: ended between two batches.
fn during_a_long_run(world: &World, name: &str, number: i32) {
    let mut running = world.failover("--rate 1/s --batch 1").spawn();
    await_commands(world, &mut running, 2);
    running.signal(name);
    let output = world.end(running);
    assert_ended_by(&output, number);
    let done = world.check();
    assert_eq!(reported(&output), done);
    assert!((2..world.ids.len()).contains(&done.len()), "{done:?}");
    world.complete();
}

#[test]
fn during_a_long_run_on_servers() {
    for (store, version, (name, number)) in [
        (Store::MariaDb, BY_HOST, SIGNALS[0]),
        (Store::Postgres, BY_STATE, SIGNALS[1]),
    ] {
        during_a_long_run(&World::new(store, version, 30), name, number);
    }
}

#[test]
fn during_a_long_run_in_a_file() {
    let world = World::in_a_file(BY_HOST, 30);
    during_a_long_run(&world, "INT", 2);
    assert_eq!(
        world
            .env
            .number("SELECT COUNT(*) FROM t_ds_jdbc_registry_client_heartbeat"),
        1,
        "the living master's"
    );
}

#[test]
fn while_it_waits_for_the_masters() {
    for (name, number) in SIGNALS {
        let world = World::new(Store::Postgres, BY_HOST, 5);
        let mut running = world.failover("--wait 60s").spawn();
        running.await_stderr("waiting for the masters");
        assert!(
            world.queue().is_empty(),
            "the lock is not kept while the masters are waited for"
        );
        running.signal(name);
        let output = world.end(running);
        assert_ended_by(&output, number);
        assert_eq!(reported(&output), world.ids, "what was done is told");
        world.check_complete();
    }
}

#[test]
fn a_batch_in_hand_is_finished_first() {
    let mut world = World::new(Store::MariaDb, BY_HOST, 15);
    let proxy = world.env.through_proxy();
    let mut running = at_second_batch(&world, &proxy, "");
    running.signal("TERM");
    running.await_stderr("SIGTERM: a batch is being written");
    assert!(running.is_running());
    proxy.go_on();
    let output = world.end(running);
    assert_ended_by(&output, 15);
    // The second batch had begun; whether the signal was heard before its statements were sent
    // changes nothing.
    let done = world.check();
    assert_eq!((reported(&output).len(), done.len()), (10, 10));
    world.complete();
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut world = World::new(Store::MariaDb, BY_HOST, 10);
    let proxy = world.env.through_proxy();
    let mut running = at_second_batch(&world, &proxy, "--session-timeout 5s");
    // The database is silent: only a second signal ends this. Two of the same kind may arrive as
    // one.
    eventually(SOON, "the end", || {
        if running.is_running() {
            running.signal("INT");
            Err("it runs")
        } else {
            Ok(())
        }
    });
    assert_eq!(running.finish().signal, Some(2));
    proxy.cut();
    assert_eq!(world.check().len(), 5);
    world.complete();
}
