//! MySQL's servers: two connections share the scan of a large table, and one does it alone where
//! there is no second one.

use std::time::Duration;

use dsctl::demo::seed;
use dsctl::metadata::database::Database;

use crate::faults::world::{BY_HOST, DEAD, LIVING, prepare, registered};
use crate::harness::{
    At, Dsctl, Env, FakeRegistration, MariaDb, Output, PASSWORD, Proxy, Running, Store, USER,
    eventually, wait,
};

/// The ids of the dead master's instances: both ends of the table, both sides of its middle, and
/// one more.
const IDS: [i64; 5] = [1, 500_000, 500_001, 500_002, 1_000_000];

fn cluster(server: &MariaDb, ids: &[i64]) -> (Env, FakeRegistration) {
    let mut env = Env::on_mariadb(server);
    prepare(&mut env, BY_HOST);
    env.insert(ids.iter().map(|id| {
        seed::instance(BY_HOST)
            .id(*id)
            .name("dead")
            .state(1)
            .host(DEAD)
    }));
    let living = env.register(BY_HOST, &registered(LIVING));
    (env, living)
}

fn failover(env: &Env) -> Dsctl {
    Dsctl::new(env).args(["failover", DEAD, "--yes", "-o", "json"])
}

/// Sees that the failover is done, in order and with one command each.
#[track_caller]
fn is_done(env: &Env, output: Output, ids: &[i64]) {
    assert_eq!(
        output.exit(0).json()["recovered"].as_u64(),
        u64::try_from(ids.len()).ok()
    );
    let commanded = env.rows("SELECT process_instance_id FROM t_ds_command ORDER BY id");
    assert_eq!(
        commanded
            .iter()
            .map(|row| row.int(0).unwrap())
            .collect::<Vec<_>>(),
        ids
    );
    let claimed = env.rows("SELECT id FROM t_ds_process_instance WHERE host = 'NULL' ORDER BY id");
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
    let (mut env, _living) = cluster(server, ids);
    env.set("DSCTL_DB", &env.url().replacen(USER, user, 1));
    let count = "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'CONNECTIONS'";
    let before = env.number(count);
    let output = failover(&env).run();
    // One of them is our own question.
    let connections = env.number(count) - before - 1;
    is_done(&env, output, ids);
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
    let (env, _living) = cluster(&server, &[-7, 1]);
    env.sql("ALTER TABLE t_ds_process_instance MODIFY id BIGINT NOT NULL");
    env.sql("ALTER TABLE t_ds_command MODIFY process_instance_id BIGINT");
    env.insert([i64::MIN, i64::MAX].map(|id| {
        seed::instance(BY_HOST)
            .id(id)
            .name("end")
            .state(1)
            .host(DEAD)
    }));
    is_done(&env, failover(&env).run(), &[i64::MIN, -7, 1, i64::MAX]);
}

/// Behind one address there may be several servers, and what one of them has, another may not have
/// yet.
#[test]
fn a_second_connection_to_another_server_is_not_used() {
    let (own, other) = (MariaDb::private(), MariaDb::private());
    let (mut env, _living) = cluster(&own, &IDS);
    other.sql("", &format!("CREATE DATABASE {}", env.database));
    prepare(
        &mut Env::on(
            Store::MariaDb,
            &env.connect,
            other.port(),
            env.database.clone(),
        ),
        BY_HOST,
    );
    let proxy = env.through_proxy();
    proxy.trap(b"SELECT MIN(id)", At::Hold);
    let running = failover(&env).spawn();
    proxy.await_sprung();
    proxy.lead_new_to(other.port());
    proxy.go_on();
    is_done(&env, running.finish(), &IDS);
    assert_eq!(proxy.accepted(), 2, "the other server was asked who it is");
}

#[test]
fn a_second_connection_that_breaks_is_done_without() {
    let server = MariaDb::private();
    let (mut env, _living) = cluster(&server, &IDS);
    let proxy = env.through_proxy();
    proxy.trap(b"s.id > ?", At::Cut);
    let output = failover(&env).run();
    assert!(proxy.has_sprung());
    is_done(&env, output, &IDS);
}

/// The program in mid-scan, with both connections; somebody holds the table, and both wait for
/// that.
fn in_mid_scan(env: &Env, proxy: &Proxy) -> (Running, Box<dyn Database>) {
    proxy.trap(b"SELECT MIN(id)", At::Hold);
    let running = failover(env).spawn();
    proxy.await_sprung();
    // The second connection's first question.
    proxy.trap(b"SELECT VERSION()", At::Hold);
    proxy.go_on();
    proxy.await_sprung_times(2);
    let mut holder = env.database();
    wait(holder.execute(&"LOCK TABLES t_ds_process_instance WRITE".into())).unwrap();
    proxy.go_on();
    await_scans(env, 2);
    (running, holder)
}

fn await_scans(env: &Env, count: i64) {
    let sql =
        "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE info LIKE '(SELECT STRAIGHT%'";
    eventually(Duration::from_secs(20), "the scans", || {
        let found = env.number(sql);
        if found == count { Ok(()) } else { Err(found) }
    });
}

#[test]
fn whoever_ends_it_in_mid_scan_finds_nothing_left() {
    let server = MariaDb::private();
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let (mut env, _living) = cluster(&server, &IDS);
        let before = env.dump();
        let proxy = env.through_proxy();
        let (running, holder) = in_mid_scan(&env, &proxy);
        running.signal(signal);
        running.finish().exit(code);
        assert!(
            env.zk()
                .lock_queue(&env.path(&format!("lock/master-failover/{DEAD}")))
                .is_empty()
        );
        wait(holder.close());
        await_scans(&env, 0);
        before.assert_same(&env.dump());
    }
}

/// The first half is the first connection's, which alone writes: without it nothing goes on. The
/// other half is done again.
#[test]
fn a_half_that_somebody_kills_is_not_taken_for_empty() {
    let server = MariaDb::private();
    for (half, code) in [("<=", 6), (">", 0)] {
        let (mut env, _living) = cluster(&server, &IDS);
        let before = env.dump();
        let proxy = env.through_proxy();
        let (running, mut holder) = in_mid_scan(&env, &proxy);
        let id = env.number(&format!(
            "SELECT id FROM information_schema.PROCESSLIST WHERE info LIKE '(SELECT STRAIGHT%' AND info LIKE '%s.id {half} %'"
        ));
        wait(holder.execute(&format!("KILL {id}").into())).unwrap();
        wait(holder.close());
        let output = running.finish();
        if code == 0 {
            is_done(&env, output, &IDS);
        } else {
            assert_eq!(output.exit(code).json()["error"]["kind"], "database");
            before.assert_same(&env.dump());
        }
    }
}
