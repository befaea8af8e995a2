//! A master without a registration that goes on: what it begins proves that it lives, and all of it
//! is left alone.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use dsctl::demo::{Registered, seed};
use dsctl::model::Version;
use jiff::Timestamp;

use super::{Rounds, await_file, end, of, program, told, watch};
use crate::harness::Store;
use crate::harness::world::{BY_HOST, BY_STATE, DEAD, LIVING, World, registered};

const RELEASE: Version = Version::new(3, 3, 1);

/// Nothing of the master's was touched.
fn untouched(world: &World, begun: &BTreeSet<i64>) {
    assert_eq!(world.command_count(), 0);
    let all = &world.ids | begun;
    assert_eq!(
        world.hosts_and_states(&all),
        [(Some(DEAD.to_owned()), Some(1))].into()
    );
}

/// Its row among the clients was purged, as by a database that stood still for a while; it goes on.
#[test]
fn what_a_master_begins_after_its_loss_proves_that_it_lives() {
    for store in [Store::MariaDb, Store::Postgres] {
        let world = World::with_registry_inside(store, RELEASE, 5);
        let master = Registered {
            client: 9,
            ..registered(DEAD)
        };
        world.env.register_in_database(RELEASE, &master);
        let (note, blocked) = (
            world.env.home().join("note"),
            world.env.home().join("blocked"),
        );
        program(
            &blocked,
            &format!("cat > {0}.new; mv {0}.new {0}", note.display()),
        );
        let rounds = Rounds::of(&world);
        let more = format!(
            "--grace 8s --on blocked={} {}",
            blocked.display(),
            rounds.arguments()
        );
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
        assert!(
            refused["text"]
                .as_str()
                .unwrap()
                .contains("names it and was written after"),
            "{refused}"
        );
        untouched(&world, &begun);
        // The next process knows it too.
        let round = world.run(watch(&world, "--once --grace 0s")).exit(4);
        assert!(round.stdout.contains("but it lives"), "{round:?}");
        untouched(&world, &begun);
        // Its process has ended, as an operator has seen.
        world.run(world.failover("")).exit(0);
        assert_eq!(
            world.command_count(),
            i64::try_from(world.ids.len() + begun.len()).unwrap()
        );
    }
}

fn let_pass_with_rounds(rounds: &Rounds, time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        rounds.pass(1);
    }
}

/// It had no work when it was lost, and has by the next look.
#[test]
fn what_an_idle_master_begins_after_its_loss_proves_that_it_lives() {
    for (store, version) in [(Store::MariaDb, BY_HOST), (Store::Postgres, BY_STATE)] {
        let world = World::new(store, version, 5);
        world.env.sql(&format!(
            "UPDATE {} SET state = 7 WHERE host = '{DEAD}'",
            table(&world)
        ));
        let master = world.env.register(version, &registered(DEAD));
        let rounds = Rounds::of(&world);
        let mut watcher = watch(&world, &format!("--grace 4s {}", rounds.arguments())).spawn();
        watcher.await_stdout(&of("master_registered", DEAD));
        master.close();
        watcher.await_stdout(&of("master_lost", DEAD));
        rounds.pass(2);
        let begun = world.add_later(DEAD, Timestamp::now(), 1);
        watcher.await_stdout("\"event\":\"failover_");
        let output = end(&world, watcher);
        let refused = told(&output, "failover_refused").remove(0);
        assert!(
            refused["text"].as_str().unwrap().contains("but it lives"),
            "{refused}"
        );
        assert!(told(&output, "failover_started").is_empty(), "{output:?}");
        assert_eq!(
            world.hosts_and_states(&begun),
            [(Some(DEAD.to_owned()), Some(1))].into()
        );
    }
}

/// As above, and each round is a process of its own.
#[test]
fn rounds_of_cron_know_what_an_idle_master_has_begun_since() {
    for (store, version) in [(Store::MariaDb, BY_HOST), (Store::Postgres, BY_STATE)] {
        let world = World::new(store, version, 5);
        world.env.sql(&format!(
            "UPDATE {} SET state = 7 WHERE host = '{DEAD}'",
            table(&world)
        ));
        let round = |code| world.run(watch(&world, "--once --grace 0s")).exit(code);
        let master = world.env.register(version, &registered(DEAD));
        round(0).out(&of("master_registered", DEAD));
        master.close();
        round(0);
        let begun = world.add_later(DEAD, Timestamp::now(), 1);
        for _ in 0..2 {
            let output = round(4).out("but it lives");
            assert!(told(&output, "failover_finished").is_empty(), "{output:?}");
        }
        assert_eq!(
            world.hosts_and_states(&begun),
            [(Some(DEAD.to_owned()), Some(1))].into()
        );
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
        world.env.insert([seed::task(version, instance)
            .id(77)
            .host("10.0.5.1:1234")
            .started(started)]);
        watcher.await_stdout(&of("failover_refused", DEAD));
        let output = end(&world, watcher);
        let refused = told(&output, "failover_refused").remove(0);
        assert!(
            refused["text"]
                .as_str()
                .unwrap()
                .contains("task 77 of its instance"),
            "{refused}"
        );
        assert!(told(&output, "failover_started").is_empty(), "{output:?}");
        untouched(&world, &BTreeSet::new());
    }
}

/// One run alone sees what is begun between its two looks.
#[test]
fn a_run_by_hand_sees_what_is_begun_while_it_waits_for_the_lock() {
    for (store, version) in [(Store::MariaDb, BY_STATE), (Store::Postgres, BY_HOST)] {
        let world = World::new(store, version, 5);
        let holder = world.holder();
        let running = world.failover("").spawn();
        world.zk().await_queue(&world.lock(), 2);
        let begun = world.add_later(DEAD, Timestamp::now(), 1);
        holder.signal("TERM");
        holder.finish();
        let output = world
            .end(running)
            .exit(4)
            .out("but it lives: instance")
            .out("make sure that its process has ended");
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
    assert_eq!(
        world.hosts_and_states(&begun),
        [(Some(DEAD.to_owned()), Some(1))].into()
    );
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
    assert_eq!(
        told(&output, "failover_finished")[0]["recovered"],
        5,
        "{output:?}"
    );
    assert!(world.ids.iter().all(|id| world.commands().contains_key(id)));
}

/// A world of each kind of database.
fn worlds() -> [World; 3] {
    [
        World::new(Store::MariaDb, BY_HOST, 5),
        World::new(Store::Postgres, BY_STATE, 5),
        World::in_a_file(BY_STATE, 5),
    ]
}

fn table(world: &World) -> &'static str {
    if world.version == BY_HOST {
        "t_ds_process_instance"
    } else {
        "t_ds_workflow_instance"
    }
}

/// A watcher that has just found the master missing.
fn watcher_of(world: &World) -> crate::harness::Running {
    let mut watcher = watch(world, "--grace 5s").spawn();
    watcher.await_stdout(&of("grace_started", DEAD));
    watcher
}

/// What was told of the master's life; nothing of it must have been handed over.
fn told_of_life(world: &World, mut watcher: crate::harness::Running) -> String {
    watcher.await_stdout(&of("failover_refused", DEAD));
    let output = end(world, watcher);
    assert_eq!(world.command_count(), 0);
    told(&output, "failover_refused")[0]["text"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// In PostgreSQL the numbering goes on below a row that somebody gave a great id.
#[test]
fn a_row_of_a_great_id_hides_nothing_that_is_begun_later() {
    for world in worlds() {
        let great = seed::instance(world.version)
            .id(2_000_000_000)
            .name("by hand")
            .state(7)
            .host(LIVING);
        let task = seed::task(world.version, 2_000_000_000)
            .id(2_000_000_000)
            .host("10.0.5.1:1234");
        world.env.insert([great, task]);
        let watcher = watcher_of(&world);
        let begun = seed::instance(world.version)
            .id(50_000)
            .name("begun")
            .state(1)
            .host(DEAD);
        world.env.insert([begun]);
        let text = told_of_life(&world, watcher);
        assert!(
            text.contains("instance 50000 names it and was written after"),
            "{text}"
        );
    }
    for world in worlds() {
        let task = |id, instance| {
            seed::task(world.version, instance)
                .id(id)
                .host("10.0.5.1:1234")
        };
        let old = *world.ids.first().unwrap();
        world.env.insert([task(2_000_000_000, old), task(10, old)]);
        let watcher = watcher_of(&world);
        world.env.insert([task(77, old)]);
        let text = told_of_life(&world, watcher);
        assert!(
            text.contains(&format!("task 77 of its instance {old} was written after")),
            "{text}"
        );
    }
}

/// It ends what it had, or begins an older instance anew.
#[test]
fn a_row_of_its_own_that_changes_after_the_loss_is_a_sign_of_life() {
    for change in [
        "state = 7, end_time = '2024-06-01 03:00:00'",
        "start_time = '2024-06-01 03:00:00'",
    ] {
        for world in worlds() {
            let (watcher, id) = (watcher_of(&world), *world.ids.last().unwrap());
            world.env.sql(&format!(
                "UPDATE {} SET {change} WHERE id = {id}",
                table(&world)
            ));
            let text = told_of_life(&world, watcher);
            assert!(
                text.contains(&format!("instance {id} names it and was changed after")),
                "{text}"
            );
        }
    }
    // The pattern of all rows has ended long since; now it is run again.
    for world in worlds() {
        let watcher = watcher_of(&world);
        let taken = format!(
            "UPDATE {} SET state = 1, host = '{DEAD}' WHERE id = 1000",
            table(&world)
        );
        world.env.sql(&taken);
        let text = told_of_life(&world, watcher);
        assert!(
            text.contains("instance 1000 names it, which it did not"),
            "{text}"
        );
    }
}

/// MySQL's servers note every write of a row, whatever it changes.
#[test]
fn any_write_of_its_rows_is_a_sign_of_life_where_the_database_notes_it() {
    let world = World::new(Store::MariaDb, BY_HOST, 5);
    world
        .env
        .sql("UPDATE t_ds_process_instance SET update_time = '2024-06-01 02:00:00'");
    let (watcher, id) = (watcher_of(&world), *world.ids.last().unwrap());
    world.env.sql(&format!(
        "UPDATE t_ds_process_instance SET history_cmd = 'REPEAT_RUNNING' WHERE id = {id}"
    ));
    let text = told_of_life(&world, watcher);
    assert!(
        text.contains(&format!("instance {id} names it and was changed after")),
        "{text}"
    );
}

/// People ask for an instance's end, and a failover by hand takes another.
#[test]
fn what_others_do_to_its_rows_is_no_sign_of_life() {
    for world in worlds() {
        let mut watcher = watcher_of(&world);
        let ids: Vec<i64> = world.ids.iter().copied().collect();
        let (table, claim) = (
            table(&world),
            if world.version == BY_HOST {
                "host = 'NULL'"
            } else {
                "state = 18"
            },
        );
        let set = |what: &str, id: i64| {
            world
                .env
                .sql(&format!("UPDATE {table} SET {what} WHERE id = {id}"));
        };
        set("state = 4", ids[0]);
        set("state = 2", ids[1]);
        set(claim, ids[2]);
        set(&format!("state = 1, host = '{LIVING}'"), ids[3]);
        watcher.await_stdout(&of("failover_finished", DEAD));
        let output = end(&world, watcher);
        assert!(told(&output, "failover_refused").is_empty(), "{output:?}");
        assert_eq!(world.command_count(), 3);
    }
}

/// Whatever master takes the command of a serial workflow's next instance, it notes that one in the
/// row of the instance that runs, in 2.0 and 3.0.
#[test]
fn who_stands_behind_a_serial_instance_is_no_sign_of_its_masters_life() {
    for (set, others) in [
        ("next_process_instance_id = 4711", true),
        ("next_process_instance_id = 4711, state = 0", false),
    ] {
        let world = World::new(Store::MariaDb, Version::new(3, 0, 6), 5);
        world
            .env
            .sql("UPDATE t_ds_process_instance SET update_time = '2024-06-01 02:00:00'");
        let (mut watcher, id) = (watcher_of(&world), *world.ids.last().unwrap());
        world.env.sql(&format!(
            "UPDATE t_ds_process_instance SET {set} WHERE id = {id}"
        ));
        if others {
            watcher.await_stdout(&of("failover_finished", DEAD));
            let output = end(&world, watcher);
            assert!(told(&output, "failover_refused").is_empty(), "{output:?}");
            assert_eq!(world.command_count(), 5);
        } else {
            let text = told_of_life(&world, watcher);
            assert!(
                text.contains(&format!("instance {id} names it and was changed after")),
                "{text}"
            );
        }
    }
}

/// A run by hand compares each row with what its scan found.
#[test]
fn a_run_by_hand_ends_when_a_row_goes_on_between_two_batches() {
    for store in [Store::MariaDb, Store::Postgres] {
        let world = World::new(store, BY_HOST, 12);
        let running = world.failover("--batch 2 --rate 2/s").spawn();
        super::await_commands(&world, 4);
        let last = world.ids.last().unwrap();
        world.env.sql(&format!(
            "UPDATE t_ds_process_instance SET state = 7 WHERE id = {last}"
        ));
        let output = world
            .end(running)
            .exit(7)
            .out("but it lives")
            .out("was changed after");
        assert!((4..12).contains(&world.command_count()), "{output:?}");
    }
}
