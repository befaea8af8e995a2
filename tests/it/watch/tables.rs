//! The registry inside the database: with the database both are gone at once, and both are back.

use super::{Rounds, after_the_error, end, of, told, watch};
use crate::harness::world::{BY_STATE, DEAD, LIVING, World, registered};
use crate::harness::{At, Env, MYSQL_COMMIT, MariaDb};

fn in_tables(server: &MariaDb) -> World {
    let mut world = World::in_env(Env::on_mariadb(server), BY_STATE, 5);
    world.env.unset("DSCTL_ZK");
    world.env.set("DSCTL_REGISTRY", "jdbc");
    world
        .env
        .register_in_database(BY_STATE, &registered(LIVING));
    world
}

#[test]
fn a_registry_in_a_database_that_is_killed_makes_nobody_dead() {
    let mut server = MariaDb::private();
    let world = in_tables(&server);
    let rounds = Rounds::of(&world);
    let mut watcher = watch(&world, &format!("--grace 3s {}", rounds.arguments())).spawn();
    watcher.await_stdout(&of("grace_started", DEAD));
    server.kill();
    watcher.await_stdout("retry_after_seconds");
    server.start();
    // What was missing before proves nothing any more.
    watcher.await_stdout_times(&of("grace_started", DEAD), 2);
    watcher.await_stdout(&of("failover_finished", DEAD));
    rounds.pass(2);
    watcher.signal("TERM");
    let output = watcher.finish().exit(143);
    assert_eq!(told(&output, "failover_started").len(), 1, "{output:?}");
    assert!(
        after_the_error(&output) >= jiff::SignedDuration::from_secs(3),
        "{output:?}"
    );
    world.check_complete();
    for table in [
        "t_ds_jdbc_registry_lock",
        "t_ds_jdbc_registry_client_heartbeat WHERE id <> 7",
    ] {
        assert_eq!(
            world.env.number(&format!("SELECT COUNT(*) FROM {table}")),
            0,
            "{table}"
        );
    }
}

/// In the middle of the hand-over: the lock goes with the database, and the rest follows.
#[test]
fn a_database_that_holds_lock_and_work_is_killed_at_commit() {
    let mut server = MariaDb::private();
    let mut world = in_tables(&server);
    let proxy = world.env.through_proxy();
    proxy.trap(MYSQL_COMMIT, At::Hold);
    let mut watcher = watch(
        &world,
        "--grace 0s --batch 2 --session-timeout 2s --lock-timeout 1s",
    )
    .spawn();
    proxy.await_sprung();
    server.kill();
    proxy.go_on();
    watcher.await_stdout("retry_after_seconds");
    server.start();
    watcher.await_stdout(&of("failover_finished", DEAD));
    end(&world, watcher);
    world.check_complete();
}
