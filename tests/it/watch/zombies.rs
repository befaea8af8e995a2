//! A master without a registration that goes on: what it begins proves that it lives, and all of it is left alone.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use dsctl::demo::{Registered, seed};
use dsctl::model::Version;
use jiff::Timestamp;

use super::{Rounds, await_file, end, of, program, told, watch};
use crate::faults::world::{BY_HOST, BY_STATE, DEAD, World, registered};
use crate::harness::Store;

const RELEASE: Version = Version::new(3, 3, 1);

/// Nothing of the master's was touched.
fn untouched(world: &World, begun: &BTreeSet<i64>) {
    assert_eq!(world.command_count(), 0);
    let all = &world.ids | begun;
    assert_eq!(world.cells(&all), [(Some(DEAD.to_owned()), Some(1))].into());
}

/// Its row among the clients was purged, as by a database that stood still for a while; it goes on.
#[test]
fn what_a_master_begins_after_its_loss_proves_that_it_lives() {
    for store in [Store::MariaDb, Store::Postgres] {
        let world = World::with_registry_inside(store, RELEASE, 5);
        let master = Registered { client: 9, ..registered(DEAD) };
        world.env.register_in_database(RELEASE, &master);
        let (note, blocked) = (world.env.home().join("note"), world.env.home().join("blocked"));
        program(&blocked, &format!("cat > {0}.new; mv {0}.new {0}", note.display()));
        let rounds = Rounds::of(&world);
        let more = format!("--grace 8s --on blocked={} {}", blocked.display(), rounds.arguments());
        let mut watcher = watch(&world, &more).spawn();
        watcher.await_stdout(&of("master_registered", DEAD));
        world.env.sql(
            "DELETE FROM t_ds_jdbc_registry_data WHERE client_id = 9; \
             DELETE FROM t_ds_jdbc_registry_client_heartbeat WHERE id = 9",
        );
        watcher.await_stdout(&of("grace_started", DEAD));
        let lost = Instant::now();
        let mut begun = BTreeSet::new();
        while lost.elapsed() < Duration::from_secs(12) {
            begun.extend(world.add_later(DEAD, Timestamp::now(), 1));
            super::let_pass(Duration::from_millis(1500));
        }
        watcher.await_stdout("but it lives");
        assert!(await_file(&note).contains("but it lives"));
        // It stays so when nothing new comes for longer than the grace time.
        let_pass_with_rounds(&rounds, Duration::from_secs(9));
        let output = end(&world, watcher);
        assert!(told(&output, "failover_started").is_empty(), "{output:?}");
        let refused = told(&output, "failover_refused").remove(0);
        assert!(refused["text"].as_str().unwrap().contains("names it and was begun after"), "{refused}");
        untouched(&world, &begun);
        // The next process knows it too.
        let round = world.run(watch(&world, "--once --grace 0s")).exit(0);
        assert!(round.stdout.contains("but it lives"), "{round:?}");
        untouched(&world, &begun);
        // Its process has ended, as an operator has seen.
        world.run(world.failover("")).exit(0);
        assert_eq!(world.command_count(), i64::try_from(world.ids.len() + begun.len()).unwrap());
    }
}

fn let_pass_with_rounds(rounds: &Rounds, time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        rounds.pass(1);
    }
}

/// A session that has expired does not end the process: it goes on with an old instance.
#[test]
fn a_task_that_is_begun_after_the_loss_is_a_sign_of_life() {
    for (store, version) in [(Store::MariaDb, BY_HOST), (Store::Postgres, BY_STATE)] {
        let world = World::new(store, version, 5);
        let master = world.env.register(version, &registered(DEAD));
        let mut watcher = watch(&world, "--grace 5s").spawn();
        watcher.await_stdout(&of("master_registered", DEAD));
        master.close();
        watcher.await_stdout(&of("grace_started", DEAD));
        let started = jiff::tz::TimeZone::UTC.to_datetime(Timestamp::now());
        let instance = *world.ids.first().unwrap();
        world.env.insert([seed::task(version, instance).id(77).host("10.0.5.1:1234").started(started)]);
        watcher.await_stdout(&of("failover_refused", DEAD));
        let output = end(&world, watcher);
        let refused = told(&output, "failover_refused").remove(0);
        assert!(refused["text"].as_str().unwrap().contains("task 77 of its instance"), "{refused}");
        assert!(told(&output, "failover_started").is_empty(), "{output:?}");
        untouched(&world, &BTreeSet::new());
    }
}

/// One run alone sees what is begun between its two looks.
#[test]
fn a_run_by_hand_sees_what_is_begun_while_it_waits_for_the_lock() {
    for (store, version) in [(Store::MariaDb, BY_STATE), (Store::Postgres, BY_HOST)] {
        let world = World::new(store, version, 5);
        let holder = world.dsctl(&format!("lock acquire {DEAD}")).spawn();
        world.zk().await_queue(&world.lock(), 1);
        let running = world.failover("").spawn();
        world.zk().await_queue(&world.lock(), 2);
        let begun = world.add_later(DEAD, Timestamp::now(), 1);
        holder.signal("TERM");
        holder.finish();
        let output = world.end(running).exit(4).out("but it lives: instance").out("see that its process has ended");
        assert_eq!(output.json()["error"]["kind"], "refused");
        untouched(&world, &begun);
        world.run(world.failover("")).exit(0);
    }
}

/// Between two batches, too: the rest is left.
#[test]
fn a_run_by_hand_ends_when_something_is_begun_between_two_batches() {
    let world = World::new(Store::MariaDb, BY_HOST, 12);
    let running = world.failover("--batch 2 --rate 2/s").spawn();
    super::await_commands(&world, 4);
    let begun = world.add_later(DEAD, Timestamp::now(), 1);
    let output = world.end(running).exit(7).out("but it lives");
    let done = world.command_count();
    assert!((4..12).contains(&done), "{output:?}");
    assert_eq!(world.cells(&begun), [(Some(DEAD.to_owned()), Some(1))].into());
}

/// Other masters' work, and what a living one begins anew, is none of a dead one's.
#[test]
fn what_others_begin_is_no_sign_of_life() {
    let world = World::new(Store::MariaDb, BY_HOST, 5);
    let stop = AtomicBool::new(false);
    let mut watcher = watch(&world, "--grace 3s").spawn();
    watcher.await_stdout(&of("grace_started", DEAD));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                for address in ["10.0.0.1:5678", "10.0.0.22:5678", "10.0.0.2:56789"] {
                    world.add_later(address, Timestamp::now(), 1);
                }
            }
        });
        watcher.await_stdout(&of("failover_finished", DEAD));
        stop.store(true, Ordering::Relaxed);
    });
    let output = end(&world, watcher);
    assert_eq!(told(&output, "failover_finished")[0]["recovered"], 5, "{output:?}");
    assert!(world.ids.iter().all(|id| world.commands().contains_key(id)));
}
