//! `--all-dead` sees first that masters stay away, for as long as the release's own masters wait.

use std::time::{Duration, Instant};

use crate::harness::world::{BY_HOST, BY_STATE, DEAD, World, registered};
use dsctl::demo::Registered;

use crate::harness::{Store, eventually};

const ALL: &str = "failover --all-dead --yes -o json";

#[test]
fn a_master_that_is_back_in_a_moment_is_left_alone() {
    let world = World::new(Store::MariaDb, BY_STATE, 5);
    let mut running = world.dsctl(ALL).spawn();
    running.await_stderr(" away (--grace)");
    let _back = world.env.register(BY_STATE, &registered(DEAD));
    let output = world.end(running).exit(0);
    assert!(
        output
            .stdout
            .contains(&format!("{DEAD} is registered again: left alone")),
        "{output:?}"
    );
    world.check_untouched();
}

#[test]
fn a_master_that_comes_and_goes_meanwhile_is_left_alone() {
    let world = World::new(Store::Postgres, BY_STATE, 5);
    let mut running = world.dsctl(ALL).spawn();
    running.await_stderr(" away (--grace)");
    world.env.register(BY_STATE, &registered(DEAD)).close();
    // Seen while it was there, or counted.
    let output = world.end(running);
    assert!(matches!(output.code, Some(0 | 4)), "{output:?}");
    world.check_untouched();
}

#[test]
fn it_waits_as_long_as_the_masters_do() {
    let world = World::new(Store::MariaDb, BY_STATE, 5);
    let began = Instant::now();
    world.run(world.dsctl(ALL)).exit(0);
    assert!(
        began.elapsed() >= Duration::from_secs(30),
        "{:?}",
        began.elapsed()
    );
    world.check_complete();
}

/// Those of 3.2 and older do not wait; nor does a dry run, nor whoever names the master.
#[test]
fn nobody_waits_where_the_masters_do_not() {
    let world = World::new(Store::Postgres, BY_HOST, 5);
    let quiet = world.run(world.dsctl(ALL)).exit(0);
    assert!(!quiet.stderr.contains(" away (--grace)"), "{quiet:?}");
    world.check_complete();
    let world = World::new(Store::Postgres, BY_STATE, 5);
    for words in [
        "failover --all-dead --dry-run",
        "failover --all-dead --yes --grace 0s",
    ] {
        let quiet = world.run(world.dsctl(words)).exit(0);
        assert!(!quiet.stderr.contains(" away (--grace)"), "{quiet:?}");
    }
    world.check_complete();
    world
        .run(world.dsctl(&format!("failover {DEAD} --yes --grace 5s")))
        .exit(2);
}

#[test]
fn what_it_has_begun_meanwhile_proves_that_it_lives() {
    let world = World::new(Store::MariaDb, BY_HOST, 5);
    let mut running = world.dsctl(&format!("{ALL} --grace 4s")).spawn();
    running.await_stderr(" away (--grace)");
    let begun = world.add_later(DEAD, jiff::Timestamp::now(), 1);
    world.end(running).exit(4).out("but it lives");
    assert_eq!(
        world.hosts_and_states(&(&world.ids | &begun)),
        [(Some(DEAD.to_owned()), Some(1))].into()
    );
    assert_eq!(world.command_count(), 0);
}

/// Cron mails whatever a command says.
#[test]
fn quiet_says_nothing_where_nothing_is_to_be_done() {
    let world = World::new(Store::Postgres, BY_HOST, 2);
    world
        .run(world.dsctl("failover --all-dead --yes -q"))
        .exit(0)
        .out("2 handed over");
    let silent = |words: &str| {
        let output = world.run(world.dsctl(words)).exit(0);
        assert!(
            output.stdout.is_empty() && output.stderr.is_empty(),
            "{words}: {output:?}"
        );
    };
    for words in [
        "--all-dead --yes",
        "--all-dead --dry-run",
        "10.0.0.2:5678 --yes",
        "10.0.0.2:5678 10.0.0.9:1 --yes",
    ] {
        silent(&format!("failover {words} -q"));
    }
    silent("recover --orphans --yes -q");
    silent("clear-hosts 10.0.0.2:5678 --yes -q");
    // Programs get what they always get, and so do people who are there.
    let nothing = |format: &str| {
        world
            .run(world.dsctl(&format!("failover --all-dead --yes -q -o {format}")))
            .exit(0)
    };
    assert_eq!(nothing("json").json()["recovered"], 0);
    assert_eq!(nothing("ndjson").ndjson().len(), 1);
    nothing("tsv").out("master");
    world
        .run(world.dsctl("failover --all-dead --yes"))
        .exit(0)
        .out("nothing to do");
    // What hangs is told all the same.
    world.env.sql("DELETE FROM t_ds_command");
    world
        .run(world.dsctl("failover --all-dead --yes -q"))
        .exit(0)
        .err("recover --orphans");
}

/// A registry in tables does not count who comes and goes. While another master is failed over, one
/// that was seen to be away comes and goes: its absence is seen anew, for the whole time.
#[test]
fn an_absence_that_is_long_ago_is_seen_anew_where_nobody_counts() {
    const SECOND: &str = "10.0.0.3:5678";
    let mut world = World::with_registry_inside(Store::MariaDb, BY_STATE, 8);
    let second = world.add(SECOND, "2024-06-01T02:00:00Z".parse().unwrap(), 2);
    let running = world
        .dsctl(&format!("{ALL} --grace 8s --batch 1 --rate 1/s"))
        .spawn();
    let commands = |count: i64| {
        eventually(Duration::from_mins(1), "commands", || {
            let now = world.command_count();
            if now >= count { Ok(()) } else { Err(now) }
        });
    };
    commands(1);
    world.env.register_in_database(
        BY_STATE,
        &Registered {
            client: 9,
            ..registered(SECOND)
        },
    );
    commands(4);
    let gone = Instant::now();
    world.env.sql(
        "DELETE FROM t_ds_jdbc_registry_data WHERE client_id = 9; \
         DELETE FROM t_ds_jdbc_registry_client_heartbeat WHERE id = 9",
    );
    commands(9);
    assert!(
        gone.elapsed() >= Duration::from_secs(8),
        "{:?}",
        gone.elapsed()
    );
    world.end(running).exit(0).err("10.0.0.3:5678");
    assert_eq!(world.check(), &world.ids | &second);
}

/// The lock is held by somebody for longer than an absence proves anything: it is seen anew under
/// the lock, which is kept meanwhile, and whoever comes then keeps what is its own.
#[test]
fn an_absence_is_seen_anew_where_the_lock_was_waited_for() {
    for comes in [false, true] {
        let world = World::with_registry_inside(Store::MariaDb, BY_STATE, 5);
        let holder = world
            .dsctl(&format!("lock acquire {DEAD} --session-timeout 9s"))
            .spawn();
        eventually(Duration::from_mins(1), "the lock", || {
            if world.queue().is_empty() {
                Err(())
            } else {
                Ok(())
            }
        });
        let mut running = world
            .dsctl(&format!(
                "{ALL} --grace 12s --lock-timeout 2m --session-timeout 9s"
            ))
            .spawn();
        running.await_stderr("the lock /");
        let_pass(Duration::from_secs(8));
        holder.signal("TERM");
        holder.finish();
        running.await_stderr("checking again");
        if comes {
            world.env.register_in_database(
                BY_STATE,
                &Registered {
                    client: 9,
                    ..registered(DEAD)
                },
            );
            world.end(running).exit(4).out("came or went");
            world.check_untouched();
        } else {
            world.end(running).exit(0);
            world.check_complete();
        }
        assert!(world.queue().is_empty());
    }
}

/// While one of them is seen away anew, nobody looks at the next one.
#[test]
fn an_absence_that_is_seen_anew_is_that_of_one_master() {
    const SECOND: &str = "10.0.0.3:5678";
    const THIRD: &str = "10.0.0.4:5678";
    let mut world = World::with_registry_inside(Store::MariaDb, BY_STATE, 8);
    for master in [SECOND, THIRD] {
        world.add(master, "2024-06-01T02:00:00Z".parse().unwrap(), 1);
    }
    let running = world
        .dsctl(&format!("{ALL} --grace 12s --batch 1 --rate 1/s"))
        .spawn();
    let commands = |count: i64| {
        eventually(Duration::from_mins(1), "commands", || {
            let now = world.command_count();
            if now >= count { Ok(()) } else { Err(now) }
        });
    };
    commands(8);
    world.env.register_in_database(
        BY_STATE,
        &Registered {
            client: 9,
            ..registered(THIRD)
        },
    );
    let_pass(Duration::from_secs(3));
    let gone = Instant::now();
    world.env.sql(
        "DELETE FROM t_ds_jdbc_registry_data WHERE client_id = 9; \
         DELETE FROM t_ds_jdbc_registry_client_heartbeat WHERE id = 9",
    );
    commands(10);
    assert!(
        gone.elapsed() >= Duration::from_secs(12),
        "{:?}",
        gone.elapsed()
    );
    world.end(running).exit(0).err(SECOND).err(THIRD);
}

/// A heartbeat that grows old meanwhile, of another master, keeps nobody from looking.
#[test]
fn whoever_dies_while_others_are_seen_away_is_not_waited_for() {
    let world = World::with_registry_inside(Store::MariaDb, BY_STATE, 5);
    // The clock of the living one is ahead, so that ours alone says how old the other one's
    // heartbeat is.
    world.env.sql("UPDATE t_ds_jdbc_registry_client_heartbeat SET last_heartbeat_time = last_heartbeat_time + 60000");
    let last = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(45);
    let dying = Registered {
        client: 9,
        reported: last,
        session_millis: 60_000,
        ..registered("10.0.0.3:5678")
    };
    world.env.register_in_database(BY_STATE, &dying);
    world
        .run(world.dsctl(&format!("{ALL} --grace 25s")))
        .exit(0);
    assert_eq!(world.command_count(), 5);
}

fn let_pass(time: Duration) {
    let start = Instant::now();
    eventually(time * 2, "time", || {
        if start.elapsed() >= time {
            Ok(())
        } else {
            Err(start.elapsed())
        }
    });
}
