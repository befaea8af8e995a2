//! COMMIT whose answer is lost, while somebody else changes one of the rows.

use crate::harness::world::{DEAD, World};
use crate::harness::{At, MYSQL_COMMIT, MariaDb, Output, Store};

/// Ends the sessions that sit in the world's database without a word.
fn throw_away(world: &World) {
    if world.env.store == Store::Postgres {
        world.env.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND state LIKE 'idle in transaction%'",
        );
        return;
    }
    let name = &world.env.database;
    let sql = format!(
        "SELECT id FROM information_schema.processlist WHERE db = '{name}' AND command = 'Sleep'"
    );
    for row in world.env.rows(&sql) {
        MariaDb::shared().sql("", &format!("KILL {}", row.int(0).unwrap()));
    }
}

/// COMMIT is kept back, the server throws the transaction away, and then one row of the batch
/// changes.
fn commit_is_thrown_away(
    store: Store,
    version: &str,
    words: &str,
    change: &str,
) -> (World, Output) {
    let mut world = World::idle(store, version);
    let proxy = world.env.through_proxy();
    world.instances([1, 2]);
    // "READ COMMITTED" is none.
    proxy.trap(
        if store == Store::Postgres {
            b"COMMIT\0"
        } else {
            MYSQL_COMMIT
        },
        At::Hold,
    );
    let running = world.dsctl(words).spawn();
    proxy.await_sprung();
    throw_away(&world);
    world.env.sql(&format!(
        "UPDATE {} SET {change} WHERE id = 2",
        world.table()
    ));
    proxy.go_on();
    let output = running.finish();
    // The proxy ends here.
    world.env.set("DSCTL_DB", &world.env.url());
    (world, output)
}

/// Nothing was committed, and the API server's change of one row must not look like the hand-over
/// of all.
fn nothing_happened_and_that_is_said(store: Store, version: &str, words: &str, change: &str) {
    let (world, output) = commit_is_thrown_away(store, version, words, change);
    assert_eq!(
        (
            world.command_count(),
            world.host(1).as_str(),
            world.state(1)
        ),
        (0, DEAD, 1)
    );
    let output = output.exit(6);
    let document = output.json();
    assert_eq!(document["recovered"], 0, "{output:?}");
    assert_eq!(document["error"]["kind"], "database", "{output:?}");
    // And the next run does it.
    world.run("failover 10.0.0.2:5678 --yes").exit(0);
    assert!(world.command_count() >= 1);
}

const FAILOVER: &str = "failover 10.0.0.2:5678 --yes";

#[test]
fn a_pause_while_commit_is_lost_is_no_hand_over_on_postgres() {
    nothing_happened_and_that_is_said(Store::Postgres, "3.2.2", FAILOVER, "state = 2");
}

#[test]
fn a_pause_while_commit_is_lost_is_no_hand_over_on_mariadb() {
    nothing_happened_and_that_is_said(Store::MariaDb, "3.1.9", FAILOVER, "state = 4");
}

#[test]
fn a_pause_while_commit_is_lost_is_no_hand_over_by_state() {
    nothing_happened_and_that_is_said(Store::Postgres, "3.4.1", FAILOVER, "state = 2");
}

#[test]
fn a_zombie_that_ends_one_instance_while_commit_is_lost_claims_none() {
    let words = "clear-hosts 10.0.0.2:5678 --yes";
    nothing_happened_and_that_is_said(Store::Postgres, "3.2.2", words, "state = 7");
}

#[test]
fn where_a_recovered_row_looks_like_an_old_one_nobody_claims_to_know() {
    let words = "failover 10.0.0.2:5678 --yes --allow-recovered";
    let (world, output) = commit_is_thrown_away(Store::Postgres, "3.3.0", words, "state = 2");
    assert_eq!((world.command_count(), world.state(1)), (0, 1));
    output.exit(9);
}
