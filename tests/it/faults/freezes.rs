//! A process that sleeps through its session: the lock passes on, and nothing is done twice when it
//! wakes up.

use std::time::Duration;

use super::moments::{Moment, SERVERS};
use crate::harness::world::{BY_HOST, BY_STATE, DEAD, World, registered, reported};
use crate::harness::{At, Env, Limits, Proxy, Running, Store, ZooKeeper, eventually};

const SOON: Duration = Duration::from_secs(20);

/// The rows of the frozen transaction are free again, while its process still has the lock: whoever
/// gets the lock next will not have to wait for them.
fn await_rollback(world: &World) {
    let table = if world.version == BY_STATE {
        "t_ds_workflow_instance"
    } else {
        "t_ds_process_instance"
    };
    let sql = format!("SELECT id FROM {table} WHERE host = '{DEAD}' FOR UPDATE NOWAIT");
    eventually(SOON, "the end of the frozen transaction", || {
        let mut database = world.env.database_with(Limits::default());
        let answer = crate::harness::wait(database.query(&sql.as_str().into(), &mut |_| ()));
        crate::harness::wait(database.close());
        answer
    });
    assert_eq!(
        world.queue().len(),
        1,
        "the lock outlives the transaction that it protects"
    );
}

/// Frozen where it is about to send something; `delivered` says whether that arrives all the same.
fn frozen(store: Store, moment: Moment, delivered: bool) {
    let version = if store == Store::MariaDb {
        BY_HOST
    } else {
        BY_STATE
    };
    let mut world = World::new(store, version, 10);
    let direct = world.failover("--lock-timeout 30s");
    let proxy = world.env.through_proxy();
    proxy.trap(moment.bytes(store), At::Hold);
    let sleeper = world.failover("--batch 5 --session-timeout 9s").spawn();
    proxy.await_sprung();
    sleeper.signal("STOP");
    if delivered {
        proxy.go_on();
    }
    if moment != Moment::Begin {
        await_rollback(&world);
    }
    let second = direct.run().exit(0);
    assert_eq!(reported(&second), world.ids);
    world.check_complete();
    sleeper.signal("CONT");
    proxy.go_on();
    let output = world.end(sleeper);
    assert!(matches!(output.code, Some(6..=8)), "{moment:?} {output:?}");
    assert!(
        reported(&output).is_empty(),
        "it was another process that did this: {output:?}"
    );
    world.check_complete();
}

#[test]
fn frozen_before_the_transaction() {
    for store in SERVERS {
        frozen(store, Moment::Begin, false);
    }
}

#[test]
fn frozen_in_the_transaction() {
    for store in SERVERS {
        frozen(store, Moment::Claim, true);
        frozen(store, Moment::Command, false);
    }
}

#[test]
fn frozen_before_commit() {
    for store in SERVERS {
        frozen(store, Moment::Commit, false);
    }
}

/// Started again, ZooKeeper keeps sessions for a shorter time than before, and tells nobody.
fn shorten(server: &mut ZooKeeper, seconds: u32) {
    server.stop();
    server.add_settings(&format!("maxSessionTimeout={seconds}000\n"));
    server.start();
}

/// A session's length from which enough is left when the database has ended a transaction after a
/// third of it, and a busy machine has seen that.
const SHORTER: u32 = 30;

/// It is about to commit in a session that has become shorter.
fn sleeps_at_commit(world: &World, proxy: &Proxy, sleeper: &Running) {
    proxy.await_sprung();
    sleeper.signal("STOP");
    await_rollback(world);
    sleeper.signal("CONT");
    proxy.go_on();
}

#[test]
fn frozen_in_a_session_that_has_become_shorter_between_two_rounds() {
    let mut server = ZooKeeper::private();
    let mut world = World::in_env(
        Env::at(Store::MariaDb, &server.connect_string()),
        BY_HOST,
        10,
    );
    let master = world.env.register(BY_HOST, &registered(DEAD));
    let proxy = world.env.through_proxy();
    let words = format!(
        "watch -o ndjson --yes --interval 1s --grace 1s --timeout 30s --session-timeout 50s --state-file {}",
        world.env.home().join("watch.json").display()
    );
    let mut sleeper = world.dsctl(&words).spawn();
    sleeper.await_stdout("master_registered");
    shorten(&mut server, SHORTER);
    proxy.trap(Moment::Commit.bytes(Store::MariaDb), At::Hold);
    master.close();
    sleeps_at_commit(&world, &proxy, &sleeper);
    sleeper.await_stdout("failover_finished");
    sleeper.signal("TERM");
    world.end(sleeper).exit(143);
    world.check_complete();
}

#[test]
fn frozen_in_a_session_that_has_become_shorter_while_the_lock_was_waited_for() {
    let mut server = ZooKeeper::private();
    let mut world = World::in_env(
        Env::at(Store::MariaDb, &server.connect_string()),
        BY_HOST,
        10,
    );
    let holder = world
        .dsctl(&format!("lock acquire {DEAD} --timeout 30s"))
        .spawn();
    eventually(SOON, "the holder", || match world.queue().len() {
        1 => Ok(()),
        count => Err(count),
    });
    let proxy = world.env.through_proxy();
    proxy.trap(Moment::Commit.bytes(Store::MariaDb), At::Hold);
    let sleeper = world
        .failover("--lock-timeout 60s --timeout 30s --session-timeout 50s")
        .spawn();
    eventually(SOON, "the one who waits", || match world.queue().len() {
        2 => Ok(()),
        count => Err(count),
    });
    shorten(&mut server, SHORTER);
    holder.signal("TERM");
    holder.finish();
    sleeps_at_commit(&world, &proxy, &sleeper);
    let output = world.end(sleeper);
    assert!(matches!(output.code, Some(6..=8)), "{output:?}");
    world.check_untouched();
}

/// Nothing sleeps here: that it might, between the last look at the lock and the end, is enough.
#[test]
fn a_session_that_becomes_shorter_within_a_transaction_commits_nothing() {
    // Nothing else may end while it starts again.
    let mut server = ZooKeeper::with_settings("maxSessionTimeout=900000\n");
    let mut world = World::in_env(
        Env::at(Store::MariaDb, &server.connect_string()),
        BY_HOST,
        10,
    );
    let proxy = world.env.through_proxy();
    proxy.trap(Moment::Command.bytes(Store::MariaDb), At::Hold);
    let running = world
        .failover("--timeout 60s --session-timeout 900s")
        .spawn();
    proxy.await_sprung();
    assert_eq!(world.queue().len(), 1);
    let sessions = |server: &ZooKeeper| server.four_letters("cons").matches("to=12000").count();
    shorten(&mut server, 12);
    // Those of the living master and of this test are among them.
    eventually(Duration::from_mins(2), "the sessions", || {
        match sessions(&server) {
            count if count >= 3 => Ok(()),
            count => Err(count),
        }
    });
    proxy.go_on();
    let output = world.end(running).exit(6);
    assert!(output.stdout.contains("for a shorter time"), "{output:?}");
    world.check_untouched();
    world.failover("").run().exit(0);
    world.check_complete();
}

/// A program is ended by the lengths that the session had at first.
#[test]
fn a_program_under_a_lock_whose_session_becomes_shorter_is_ended() {
    let mut server = ZooKeeper::private();
    let world = World::in_env(Env::at(Store::Sqlite, &server.connect_string()), BY_HOST, 1);
    let program = "echo it runs; exec sleep 600";
    let words = ["--session-timeout", "60s", "--", "sh", "-c", program];
    let mut holder = world.acquire(&words).spawn();
    holder.await_stdout("it runs");
    shorten(&mut server, 12);
    holder
        .finish()
        .exit(8)
        .err("it may be kept for 12s alone, not for 60s");
}
