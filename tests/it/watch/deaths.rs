//! Masters die, alone and together: who is failed over, and whose work is left alone.

use std::time::Duration;

use super::{Rounds, end, event, long_ago, of, told, watch, words};
use crate::harness::world::{BY_HOST, BY_STATE, DEAD, LIVING, World, registered};
use crate::harness::{FakeRegistration, Proxy, Running, Store, ZooKeeper};

#[test]
fn a_master_that_dies_is_failed_over_once_by_two_watchers() {
    for (store, version) in [(Store::MariaDb, BY_HOST), (Store::Postgres, BY_STATE)] {
        let world = World::new(store, version, 100);
        let dying = world.env.register(version, &registered(DEAD));
        let mut watchers = [watch(&world, "--grace 1s").spawn(), {
            let other = world.env.home().join("other.json");
            let words = format!(
                "watch -o ndjson --yes --interval 1s --grace 1s --state-file {}",
                other.display()
            );
            world.dsctl(&words).spawn()
        }];
        for watcher in &mut watchers {
            watcher.await_stdout(&event("master_registered"));
        }
        world.check_untouched();
        dying.close();
        for watcher in &mut watchers {
            watcher.await_stdout(&event("master_lost"));
            watcher.await_stdout(&event("grace_started"));
        }
        // Whoever is second finds nothing left, or stands by and looks again.
        crate::harness::eventually(Duration::from_secs(20), "all are handed over", || {
            if world.command_count() == 100 {
                Ok(())
            } else {
                Err(world.command_count())
            }
        });
        world.check_complete();
        // One may still be giving the lock back while the other one ends: only then is nobody left
        // to hold it.
        for watcher in watchers {
            watcher.signal("TERM");
            watcher.finish().exit(143);
        }
        assert!(world.queue().is_empty());
        world.check_complete();
    }
}

#[test]
fn a_master_that_flaps_faster_than_the_grace_time_keeps_its_work() {
    let world = World::new(Store::MariaDb, BY_HOST, 5);
    let mut master = Some(world.env.register(BY_HOST, &registered(DEAD)));
    let mut watcher = watch(&world, "--grace 20s").spawn();
    watcher.await_stdout(&event("started"));
    for number in 1..=3 {
        watcher.await_stdout_times(&of("master_registered", DEAD), number);
        master.take().unwrap().close();
        watcher.await_stdout_times(&of("master_lost", DEAD), number);
        master = Some(world.env.register(BY_HOST, &registered(DEAD)));
    }
    let output = end(&world, watcher);
    assert!(
        !words(&output).iter().any(|word| word == "failover_started"),
        "{output:?}"
    );
    world.check_untouched();
}

/// A master whose session nobody ends in order: when the watcher has seen it, its network goes
/// away, and the server finds that out by itself.
fn cut_off(world: &World, watcher: &mut Running, address: &str) -> Proxy {
    let proxy = Proxy::to(ZooKeeper::shared().port());
    let registration = world.env.register_through(
        &proxy.address(),
        world.version,
        &registered(address),
        Duration::from_secs(6),
    );
    watcher.await_stdout(&of("master_registered", address));
    proxy.black_hole();
    // Its clients have lost the server; what they still have to say never arrives.
    std::mem::forget(registration);
    proxy
}

#[test]
fn a_session_ends_while_one_or_three_others_live() {
    for (store, version, others) in [(Store::MariaDb, BY_HOST, 1), (Store::Postgres, BY_STATE, 3)] {
        let mut world = World::new(store, version, 5);
        let living = world.add("10.0.1.1:5678", long_ago(), 2);
        let addresses = ["10.0.1.1:5678", "10.0.1.2:5678"];
        let _others: Vec<_> = addresses[..others - 1]
            .iter()
            .map(|address| world.env.register(version, &registered(address)))
            .collect();
        // With three, each of them has work in hand; with one, that work is a dead master's too.
        let mut watcher = watch(&world, "--grace 3s").spawn();
        watcher.await_stdout(&event("started"));
        let _proxy = cut_off(&world, &mut watcher, DEAD);
        watcher.await_stdout(&of("master_lost", DEAD));
        watcher.await_stdout(&of("failover_finished", DEAD));
        let output = end(&world, watcher);
        let mut claimed = world.check();
        if others == 1 {
            claimed.retain(|id| !living.contains(id));
        }
        assert_eq!(claimed, world.ids, "{output:?}");
        assert!(
            !output.stdout.contains(&of("failover_started", LIVING)),
            "{output:?}"
        );
    }
}

#[test]
fn nobody_is_failed_over_while_nobody_lives() {
    let mut world = World::new(Store::MariaDb, BY_HOST, 5);
    let rounds = Rounds::of(&world);
    let dying = world.env.register(BY_HOST, &registered(DEAD));
    let mut watcher = watch(&world, &format!("--grace 6s {}", rounds.arguments())).spawn();
    watcher.await_stdout(&of("master_registered", DEAD));
    dying.close();
    world.close_living();
    watcher.await_stdout(&of("master_lost", LIVING));
    watcher.await_stdout(
        "no master is registered at all: either none runs, or they are registered elsewhere (check",
    );
    rounds.pass(8);
    world.check_untouched();
    // One is back, and only the one that is still missing is failed over, after a grace time of its
    // own.
    let _living = world.env.register(BY_HOST, &registered(LIVING));
    watcher.await_stdout(&of("grace_started", DEAD));
    watcher.await_stdout(&of("failover_finished", DEAD));
    let output = end(&world, watcher);
    assert!(
        !output.stdout.contains(&of("failover_started", LIVING)),
        "{output:?}"
    );
    assert_eq!(told(&output, "failover_started").len(), 1, "{output:?}");
    world.check_complete();
}

#[test]
fn two_die_within_a_second_and_a_third_is_a_storm() {
    const SECOND: &str = "10.0.0.3:5678";
    const THIRD: &str = "10.0.0.4:5678";
    let mut world = World::new(Store::Postgres, BY_HOST, 5);
    let second = world.add(SECOND, long_ago(), 4);
    let third = world.add(THIRD, long_ago(), 3);
    let register = |address| world.env.register(BY_HOST, &registered(address));
    let (first_master, second_master, third_master) =
        (register(DEAD), register(SECOND), register(THIRD));
    let mut watcher = watch(&world, "--grace 2s").spawn();
    watcher.await_stdout(&of("master_registered", THIRD));
    first_master.close();
    second_master.close();
    watcher.await_stdout(&of("failover_finished", DEAD));
    watcher.await_stdout(&of("failover_finished", SECOND));
    let two = &world.ids | &second;
    assert_eq!(world.check(), two);
    third_master.close();
    watcher.await_stdout("storm brake");
    let output = end(&world, watcher);
    let finished = told(&output, "failover_finished");
    let counts: Vec<_> = finished
        .iter()
        .map(|line| (line["master"].as_str(), line["recovered"].as_i64()))
        .collect();
    assert_eq!(
        counts,
        [(Some(DEAD), Some(5)), (Some(SECOND), Some(4))],
        "{output:?}"
    );
    assert_eq!(world.check(), two, "{output:?}");
    assert_eq!(
        world.hosts_and_states(&third),
        [(Some(THIRD.to_owned()), Some(1))].into()
    );
}

#[test]
fn all_vanish_together_and_some_return() {
    const SECOND: &str = "10.0.0.3:5678";
    let mut world = World::new(Store::MariaDb, BY_STATE, 5);
    world.add(SECOND, long_ago(), 4);
    let rounds = Rounds::of(&world);
    let masters = [DEAD, SECOND].map(|address| world.env.register(BY_STATE, &registered(address)));
    let mut watcher = watch(&world, &format!("--grace 8s {}", rounds.arguments())).spawn();
    watcher.await_stdout(&of("master_registered", SECOND));
    masters.into_iter().for_each(FakeRegistration::close);
    world.close_living();
    for address in [DEAD, SECOND, LIVING] {
        watcher.await_stdout(&of("master_lost", address));
        watcher.await_stdout(&of("failover_refused", address));
    }
    // The grace time of each passes, and nothing comes of it.
    rounds.pass(10);
    world.check_untouched();
    let _living =
        [LIVING, SECOND].map(|address| world.env.register(BY_STATE, &registered(address)));
    watcher.await_stdout(&of("failover_finished", DEAD));
    rounds.pass(10);
    let output = end(&world, watcher);
    let started = told(&output, "failover_started");
    assert!(
        started.len() == 1 && started[0]["master"] == DEAD,
        "{output:?}"
    );
    world.check_complete();
}

#[test]
fn one_that_cannot_be_failed_over_does_not_keep_the_others_waiting() {
    const SECOND: &str = "10.0.0.3:5678";
    let mut world = World::new(Store::MariaDb, BY_HOST, 5);
    let second = world.add(SECOND, long_ago(), 4);
    let refuse = format!(
        "CREATE TRIGGER no BEFORE UPDATE ON t_ds_process_instance FOR EACH ROW \
         IF OLD.host = '{DEAD}' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not this one'; END IF"
    );
    world.env.sql(&refuse);
    let mut watcher = watch(&world, "--grace 0s --cool-down 0s").spawn();
    watcher.await_stdout("not this one");
    watcher.await_stdout(&of("failover_finished", SECOND));
    watcher.await_stdout_times(&of("failover_started", DEAD), 2);
    assert_eq!(world.check(), second);
    // An attempt that goes on meanwhile may find some rows refused still.
    world.env.sql("DROP TRIGGER no");
    let all = &world.ids | &second;
    crate::harness::eventually(Duration::from_mins(1), "all are handed over", || {
        let count = world.command_count();
        if usize::try_from(count) == Ok(all.len()) {
            Ok(())
        } else {
            Err(count)
        }
    });
    end(&world, watcher);
    assert_eq!(world.check(), all);
}
