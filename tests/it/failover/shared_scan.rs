//! MySQL's servers: two connections share the scan of a large table, and one does it alone where
//! there is no second one.

use std::time::Duration;

use dsctl::demo::seed;
use dsctl::metadata::database::Database;

use crate::harness::world::{BY_HOST, Cluster, DEAD, World};
use crate::harness::{At, Env, MariaDb, Output, PASSWORD, Proxy, Running, USER, eventually, wait};

/// The ids of the dead master's instances: both ends of the table, both sides of its middle, and
/// one more.
const IDS: [i64; 5] = [1, 500_000, 500_001, 500_002, 1_000_000];

fn cluster(server: &MariaDb, ids: &[i64]) -> World {
    let world = Cluster::of(BY_HOST).in_env(Env::on_mariadb(server));
    world
        .env
        .insert(ids.iter().map(|id| world.instance(*id).name("dead")));
    world
}

/// Sees that the failover is done, in order and with one command each.
#[track_caller]
fn is_done(world: &World, output: Output, ids: &[i64]) {
    assert_eq!(
        output.exit(0).json()["recovered"].as_u64(),
        u64::try_from(ids.len()).ok()
    );
    let commanded = world
        .env
        .rows("SELECT process_instance_id FROM t_ds_command ORDER BY id");
    assert_eq!(
        commanded
            .iter()
            .map(|row| row.int(0).unwrap())
            .collect::<Vec<_>>(),
        ids
    );
    let claimed = world
        .env
        .rows("SELECT id FROM t_ds_process_instance WHERE host = 'NULL' ORDER BY id");
    assert_eq!(
        claimed
            .iter()
            .map(|row| row.int(0).unwrap())
            .collect::<Vec<_>>(),
        ids
    );
}

/// Fails over as this user, and tells how many connections were asked for.
fn connections(server: &MariaDb, ids: &[i64], user: &str) -> i64 {
    let mut world = cluster(server, ids);
    world
        .env
        .set("DSCTL_DB", &world.env.url().replacen(USER, user, 1));
    let count = "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'CONNECTIONS'";
    let before = world.env.number(count);
    let output = world.failover("").run();
    // One of them is our own question.
    let connections = world.env.number(count) - before - 1;
    is_done(&world, output, ids);
    connections
}

#[test]
fn two_connections_share_it_and_miss_none() {
    let server = MariaDb::private();
    assert_eq!(connections(&server, &IDS, USER), 2);
    // The ids of a table that was emptied once do not begin at one.
    let far: Vec<i64> = (0..3).map(|n| 2_000_000_000 + n * 60_000).collect();
    assert_eq!(connections(&server, &far, USER), 2);
    assert_eq!(connections(&server, &[1, 2, 3], USER), 1);
}

#[test]
fn one_connection_does_it_where_the_server_allows_no_more() {
    let server = MariaDb::private();
    let user = "single";
    server.sql(
        "mysql",
        &format!("CREATE USER {user} IDENTIFIED BY '{PASSWORD}' WITH MAX_USER_CONNECTIONS 1"),
    );
    server.sql("mysql", &format!("GRANT ALL ON *.* TO {user}"));
    assert_eq!(
        connections(&server, &IDS, user),
        2,
        "the second one is asked for, and refused"
    );
}

#[test]
fn the_range_of_ids_may_be_all_there_are() {
    let server = MariaDb::private();
    let world = cluster(&server, &[-7, 1]);
    world
        .env
        .sql("ALTER TABLE t_ds_process_instance MODIFY id BIGINT NOT NULL");
    world
        .env
        .sql("ALTER TABLE t_ds_command MODIFY process_instance_id BIGINT");
    world.env.insert([i64::MIN, i64::MAX].map(|id| {
        seed::instance(BY_HOST)
            .id(id)
            .name("end")
            .state(1)
            .host(DEAD)
    }));
    is_done(
        &world,
        world.failover("").run(),
        &[i64::MIN, -7, 1, i64::MAX],
    );
}

/// Behind one address there may be several servers, and what one of them has, another may not have
/// yet.
#[test]
fn a_second_connection_to_another_server_is_not_used() {
    let (own, other) = (MariaDb::private(), MariaDb::private());
    let mut world = cluster(&own, &IDS);
    let mut copy = world.env.namesake_on(&other);
    Cluster::of(BY_HOST).fill(&mut copy);
    let proxy = world.env.through_proxy();
    proxy.trap(b"SELECT MIN(id)", At::Hold);
    let running = world.failover("").spawn();
    proxy.await_sprung();
    proxy.lead_new_to(other.port());
    proxy.go_on();
    is_done(&world, running.finish(), &IDS);
    assert_eq!(proxy.accepted(), 2, "the other server was asked who it is");
}

#[test]
fn a_second_connection_that_breaks_is_done_without() {
    let server = MariaDb::private();
    let mut world = cluster(&server, &IDS);
    let proxy = world.env.through_proxy();
    proxy.trap(b"s.id > ?", At::Cut);
    let output = world.failover("").run();
    assert!(proxy.has_sprung());
    is_done(&world, output, &IDS);
}

/// The program in mid-scan, with both connections; somebody holds the table, and both wait for
/// that.
fn in_mid_scan(world: &World, proxy: &Proxy) -> (Running, Box<dyn Database>) {
    proxy.trap(b"SELECT MIN(id)", At::Hold);
    let running = world.failover("").spawn();
    proxy.await_sprung();
    // The second connection's first question.
    proxy.trap(b"SELECT VERSION()", At::Hold);
    proxy.go_on();
    proxy.await_sprung_times(2);
    let mut holder = world.env.database();
    wait(holder.execute(&"LOCK TABLES t_ds_process_instance WRITE".into())).unwrap();
    proxy.go_on();
    await_scans(world, 2);
    (running, holder)
}

fn await_scans(world: &World, count: i64) {
    let sql =
        "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE info LIKE '(SELECT STRAIGHT%'";
    eventually(Duration::from_secs(20), "the scans", || {
        let found = world.env.number(sql);
        if found == count { Ok(()) } else { Err(found) }
    });
}

#[test]
fn whoever_ends_it_in_mid_scan_finds_nothing_left() {
    let server = MariaDb::private();
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let mut world = cluster(&server, &IDS);
        let before = world.env.dump();
        let proxy = world.env.through_proxy();
        let (running, holder) = in_mid_scan(&world, &proxy);
        running.signal(signal);
        running.finish().exit(code);
        assert!(
            world
                .env
                .zk()
                .lock_queue(&world.env.path(&format!("lock/master-failover/{DEAD}")))
                .is_empty()
        );
        wait(holder.close());
        await_scans(&world, 0);
        before.assert_same(&world.env.dump());
    }
}

/// The first half is the first connection's, which alone writes: without it nothing goes on. The
/// other half is done again.
#[test]
fn a_half_that_somebody_kills_is_not_taken_for_empty() {
    let server = MariaDb::private();
    for (half, code) in [("<=", 6), (">", 0)] {
        let mut world = cluster(&server, &IDS);
        let before = world.env.dump();
        let proxy = world.env.through_proxy();
        let (running, mut holder) = in_mid_scan(&world, &proxy);
        let id = world.env.number(&format!(
            "SELECT id FROM information_schema.PROCESSLIST WHERE info LIKE '(SELECT STRAIGHT%' AND info LIKE '%s.id {half} %'"
        ));
        wait(holder.execute(&format!("KILL {id}").into())).unwrap();
        wait(holder.close());
        let output = running.finish();
        if code == 0 {
            is_done(&world, output, &IDS);
        } else {
            assert_eq!(output.exit(code).json()["error"]["kind"], "database");
            before.assert_same(&world.env.dump());
        }
    }
}
