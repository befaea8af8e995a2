//! Somebody else holds the lock, and does the work.

use super::{Rounds, await_commands, end, event, of, told, watch};
use crate::harness::world::{BY_HOST, BY_STATE, DEAD, World};
use crate::harness::{Store, wait};

#[test]
fn a_watcher_without_the_lock_stands_by_and_finds_nothing_left() {
    let world = World::new(Store::MariaDb, BY_HOST, 5);
    let holder = world.holder();
    let rounds = Rounds::of(&world);
    let mut watcher = watch(
        &world,
        &format!("--grace 0s --lock-timeout 1s {}", rounds.arguments()),
    )
    .spawn();
    watcher.await_stdout(&event("standby"));
    // It goes on to wait for the same holder, which is no news.
    rounds.pass(2);
    world.check_untouched();
    // What the holder does: it claims, and gives one command for each.
    world.env.sql(&format!(
        "INSERT INTO t_ds_command (command_type, process_definition_code, process_definition_version, \
         process_instance_id, command_param, executor_id, dry_run, test_flag) \
         SELECT 2, process_definition_code, process_definition_version, id, CONCAT('{{\"ProcessInstanceId\":', id, '}}'), \
         executor_id, 0, 0 FROM t_ds_process_instance WHERE host = '{DEAD}' AND state = 1; \
         UPDATE t_ds_process_instance SET host = 'NULL' WHERE host = '{DEAD}' AND state = 1"
    ));
    world.check_complete();
    holder.signal("TERM");
    holder.finish();
    rounds.pass(2);
    assert!(world.queue().is_empty(), "nobody wants the lock any more");
    let output = end(&world, watcher);
    assert_eq!(told(&output, "standby").len(), 1, "{output:?}");
    let standby = told(&output, "standby").remove(0);
    assert_eq!(standby["master"], DEAD);
    assert!(
        standby["text"].as_str().unwrap().contains("held by"),
        "{standby}"
    );
    assert!(
        told(&output, "failover_finished")
            .iter()
            .all(|event| event["recovered"] == 0),
        "{output:?}"
    );
    world.check_complete();
}

/// Whose transaction does not end is seen by nobody, and is no news in each round either.
#[test]
fn a_holder_that_nobody_sees_is_told_once() {
    let world = World::with_registry_inside(Store::MariaDb, BY_STATE, 2);
    let mut holder = world.uncommitted_holder();
    let rounds = Rounds::of(&world);
    let mut watcher = watch(
        &world,
        &format!(
            "--grace 0s --lock-timeout 0s --timeout 2s {}",
            rounds.arguments()
        ),
    )
    .spawn();
    watcher.await_stdout(&event("standby"));
    rounds.pass(3);
    world.check_untouched();
    wait(holder.rollback());
    watcher.await_stdout(&event("failover_finished"));
    wait(holder.close());
    world.check_complete();
    let output = end(&world, watcher);
    assert_eq!(told(&output, "standby").len(), 1, "{output:?}");
}

/// The lock that it stood by for is given back: that its failover has begun is told when something
/// is done, not at its end.
#[test]
fn a_failover_after_standing_by_is_told_while_it_goes_on() {
    let world = World::new(Store::MariaDb, BY_HOST, 60);
    let holder = world.holder();
    let mut watcher = watch(&world, "--grace 0s --lock-timeout 1s --batch 1 --rate 1/s").spawn();
    watcher.await_stdout(&event("standby"));
    holder.signal("TERM");
    holder.finish();
    await_commands(&world, 1);
    watcher.await_stdout_times(&of("failover_started", DEAD), 2);
    assert!(world.command_count() < 60);
    let output = end(&world, watcher);
    assert!(told(&output, "failover_finished").is_empty(), "{output:?}");
    world.check();
}
