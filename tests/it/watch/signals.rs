//! SIGTERM in the middle of large work.

use std::time::{Duration, Instant};

use super::{await_commands, end, event, long_ago, told, watch};
use crate::harness::world::{BY_HOST, BY_STATE, World};
use crate::harness::{Store, assert_in_time};

const MANY: i64 = 2000;

#[test]
fn between_two_batches_it_ends_within_a_second() {
    for (store, version, signal, code) in [
        (Store::MariaDb, BY_HOST, "TERM", 143),
        (Store::Postgres, BY_STATE, "INT", 130),
    ] {
        let world = World::new(store, version, MANY);
        let mut watcher = watch(&world, "--grace 0s --batch 10 --rate 10/s").spawn();
        watcher.await_stdout(&event("failover_started"));
        await_commands(&world, 30);
        watcher.signal(signal);
        let asked = Instant::now();
        let output = world.end(watcher).exit(code);
        // All of them would take minutes.
        assert_in_time(asked, Duration::from_secs(3));
        let done = world.check();
        assert!(
            done.len() >= 30 && done.len() < world.ids.len(),
            "{}",
            done.len()
        );
        assert_eq!(done.len() % 10, 0, "whole batches");
        let told_of = told(&output, "error")
            .pop()
            .unwrap_or_else(|| panic!("{output:?}"));
        assert_eq!(told_of["recovered"], done.len(), "{told_of}");
        // What is left is done by the next one, without a wait.
        let mut watcher = watch(&world, "--grace 0s").spawn();
        watcher.await_stdout(&event("failover_finished"));
        super::end(&world, watcher);
        world.check_complete();
    }
}

/// A file answers at once, and many masters are to be failed over: a signal is seen all the same.
#[test]
fn among_many_masters_in_a_file_it_ends_within_a_second() {
    let world = World::in_a_file(BY_STATE, 5);
    for number in 0..60 {
        world.add_later(&format!("10.0.7.{number}:5678"), long_ago(), 1);
    }
    let mut watcher = watch(&world, "--once --grace 0s --max-masters 99").spawn();
    watcher.await_stdout(&event("failover_finished"));
    let output = end(&world, watcher);
    let done = told(&output, "failover_finished").len();
    assert!(done < 61, "{output:?}");
    assert!(world.commands().values().all(|count| *count == 1));
}
