//! Connections to the database on which nothing is said for longer than what stands before it lets
//! them be: they are made anew before anything relies on them.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::harness::Store;
use crate::harness::servers::balancer::Balancer;
use crate::harness::world::{BY_HOST, DEAD, LIVING, World};
use crate::watch::told;

/// Sites have 50 s and more. Between two statements of one transaction nothing takes as long.
const LIMIT: Duration = Duration::from_secs(5);

/// HAProxy between the program and the database from now on.
fn lead_through_haproxy(world: &mut World) -> Balancer {
    let balancer = Balancer::before(&world.env, LIMIT);
    let url = world.env.url_at(&balancer.address());
    world.env.set("DSCTL_DB", &url);
    balancer
}

/// Somebody gives an instance to another master while the program waits.
fn give_one_away(world: &World, given: &mut BTreeSet<i64>) {
    let id = *world.ids.difference(given).next().unwrap();
    world.env.sql(&format!(
        "UPDATE {} SET host = '{LIVING}' WHERE id = {id}",
        world.table()
    ));
    given.insert(id);
}

/// Nothing is lost, and what has changed during either wait is left alone.
fn a_prompt_and_a_lock_outlast_the_limit(store: Store) {
    let mut world = World::new(store, BY_HOST, 4);
    let holder = world.holder();
    let balancer = lead_through_haproxy(&mut world);
    let mut given = BTreeSet::new();
    let mut running = world
        .dsctl(&format!("failover {DEAD} --lock-timeout 5m"))
        .typed()
        .limit(Duration::from_mins(2))
        .spawn();
    running.await_stdout("[y/N]");
    balancer.await_ended(1);
    give_one_away(&world, &mut given);
    running.type_text("y\n");
    world.zk().await_queue(&world.lock(), 2);
    balancer.await_ended(2);
    give_one_away(&world, &mut given);
    holder.signal("INT");
    holder.finish().exit(0);
    world.end(running).exit(0).out("2 handed over");
    let commands = world.commands();
    let left: Vec<&i64> = world.ids.difference(&given).collect();
    assert_eq!(commands.keys().collect::<Vec<_>>(), left);
    assert!(commands.values().all(|count| *count == 1), "{commands:?}");
}

#[test]
fn a_prompt_and_a_lock_outlast_the_limit_before_mariadb() {
    a_prompt_and_a_lock_outlast_the_limit(Store::MariaDb);
}

#[test]
fn a_prompt_and_a_lock_outlast_the_limit_before_postgresql() {
    a_prompt_and_a_lock_outlast_the_limit(Store::Postgres);
}

/// Every round finds its connection ended.
fn rounds_farther_apart_than_the_limit_are_no_errors(store: Store) {
    let mut world = World::new(store, BY_HOST, 4);
    let balancer = lead_through_haproxy(&mut world);
    let state = world.env.home().join("watch.json");
    let words = format!(
        "watch -o ndjson --yes --interval 7s --grace 8s --state-file {}",
        state.display()
    );
    let mut watcher = world.dsctl(&words).spawn();
    watcher.await_stdout("\"event\":\"failover_finished\"");
    balancer.await_ended(2);
    watcher.signal("TERM");
    let output = world.end(watcher).exit(143);
    assert!(told(&output, "error").is_empty(), "{output:?}");
    world.check_complete();
}

#[test]
fn rounds_farther_apart_than_the_limit_are_no_errors_before_mariadb() {
    rounds_farther_apart_than_the_limit_are_no_errors(Store::MariaDb);
}

#[test]
fn rounds_farther_apart_than_the_limit_are_no_errors_before_postgresql() {
    rounds_farther_apart_than_the_limit_are_no_errors(Store::Postgres);
}

/// A firewall forgets the connection, and drops what is sent on it: nobody is told.
#[test]
fn a_connection_that_is_forgotten_without_a_word_is_made_anew() {
    let mut world = World::new(Store::MariaDb, BY_HOST, 3);
    let proxy = world.env.through_proxy();
    let mut running = world
        .dsctl(&format!("failover {DEAD} --timeout 1m"))
        .typed()
        .limit(Duration::from_mins(2))
        .spawn();
    running.await_stdout("[y/N]");
    proxy.black_hole();
    let accepted = proxy.accepted();
    // Who answers at once has an answer of a moment ago.
    std::thread::sleep(Duration::from_millis(1100));
    running.type_text("y\n");
    proxy.await_accepted(accepted + 1);
    proxy.pass();
    world.end(running).exit(0).out("3 handed over");
    world.check_complete();
}
