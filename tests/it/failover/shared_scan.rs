//! MySQL's servers: two connections share the scan of a great table, and one does it alone where there is no second one.

use std::time::Duration;

use dsctl::demo::seed;
use dsctl::metadata::database::Database;

use crate::faults::world::{BY_HOST, DEAD, LIVING, prepare, registered};
use crate::harness::{
    At, Dsctl, Env, FakeRegistration, MariaDb, PASSWORD, Proxy, Running, Store, USER, eventually, wait,
};

/// The ids of the dead master's instances: both ends of the table, both sides of its middle, and one more.
const IDS: [i64; 5] = [1, 500_000, 500_001, 500_002, 1_000_000];

fn cluster(server: &MariaDb, ids: &[i64]) -> (Env, FakeRegistration) {
    let mut env = Env::on_mariadb(server);
    prepare(&mut env, BY_HOST);
    env.insert(ids.iter().map(|id| seed::instance(BY_HOST).id(*id).name("dead").state(1).host(DEAD)));
    let living = env.register(BY_HOST, &registered(LIVING));
    (env, living)
}

/// Fails over as this user, sees that each instance has got its command, and tells how many connections were asked for.
fn connections(server: &MariaDb, ids: &[i64], user: &str) -> i64 {
    let (mut env, _living) = cluster(server, ids);
    env.set("DSCTL_DB", &env.url().replacen(USER, user, 1));
    let count = "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'CONNECTIONS'";
    let before = env.number(count);
    let report = Dsctl::new(&env).args(["failover", DEAD, "--yes", "-o", "json"]).run().exit(0).json();
    // One of them is our own question.
    let connections = env.number(count) - before - 1;
    assert_eq!(report["recovered"].as_u64(), u64::try_from(ids.len()).ok());
    let commanded = env.rows("SELECT process_instance_id FROM t_ds_command ORDER BY id");
    assert_eq!(commanded.iter().map(|row| row.int(0).unwrap()).collect::<Vec<_>>(), ids);
    assert_eq!(env.number("SELECT COUNT(*) FROM t_ds_process_instance WHERE host = 'NULL'"), report["recovered"]);
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
    server.sql("mysql", &format!("CREATE USER {user} IDENTIFIED BY '{PASSWORD}' WITH MAX_USER_CONNECTIONS 1"));
    server.sql("mysql", &format!("GRANT ALL ON *.* TO {user}"));
    assert_eq!(connections(&server, &IDS, user), 2, "the second one is asked for, and refused");
}

#[test]
fn the_range_of_ids_may_be_all_there_are() {
    let server = MariaDb::private();
    let (env, _living) = cluster(&server, &[-7, 1]);
    env.sql("ALTER TABLE t_ds_process_instance MODIFY id BIGINT NOT NULL");
    env.sql("ALTER TABLE t_ds_command MODIFY process_instance_id BIGINT");
    env.insert([i64::MIN, i64::MAX].map(|id| seed::instance(BY_HOST).id(id).name("end").state(1).host(DEAD)));
    Dsctl::new(&env).args(["failover", DEAD, "--yes"]).run().exit(0);
    let commanded = env.rows("SELECT process_instance_id FROM t_ds_command ORDER BY id");
    assert_eq!(commanded.iter().map(|row| row.int(0).unwrap()).collect::<Vec<_>>(), [i64::MIN, -7, 1, i64::MAX]);
}

/// Behind one address there may be several servers, as behind a balancer or a name with several addresses.
#[test]
fn a_second_connection_to_another_server_is_of_no_use() {
    let (server, behind) = (MariaDb::private(), MariaDb::private());
    let (mut env, _living) = cluster(&server, &IDS);
    // This one has the tables, and none of the dead master's instances yet.
    behind.sql("mysql", &format!("CREATE DATABASE IF NOT EXISTS {}", env.database));
    prepare(&mut Env::on(Store::MariaDb, &env.connect, behind.port(), env.database.clone()), BY_HOST);
    let mut proxy = env.through_proxy();
    proxy.trap(b"SELECT MIN(id)", At::Hold);
    let running = Dsctl::new(&env).args(["failover", DEAD, "--yes", "-o", "json"]).spawn();
    proxy.await_sprung();
    proxy.lead_new_to(behind.port());
    proxy.go_on();
    assert_eq!(running.finish().exit(0).json()["recovered"], IDS.len());
    assert_eq!(proxy.accepted(), 2);
}

/// The program in mid-scan, with both connections; somebody holds the table, and both wait for that.
fn in_mid_scan(env: &Env, proxy: &Proxy) -> (Running, Box<dyn Database>) {
    proxy.trap(b"SELECT MIN(id)", At::Hold);
    let running = Dsctl::new(env).args(["failover", DEAD, "--yes", "-o", "json"]).spawn();
    proxy.await_sprung();
    // The second connection's first question.
    proxy.trap(b"SELECT VERSION()", At::Hold);
    proxy.go_on();
    proxy.await_sprung_times(2);
    let mut holder = env.database();
    wait(holder.execute("LOCK TABLES t_ds_process_instance WRITE", &[])).unwrap();
    proxy.go_on();
    await_scans(env, 2);
    (running, holder)
}

fn await_scans(env: &Env, count: i64) {
    let sql = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE info LIKE 'SELECT STRAIGHT%'";
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
        assert!(env.zk().lock_queue(&env.path(&format!("lock/master-failover/{DEAD}"))).is_empty());
        wait(holder.close());
        await_scans(&env, 0);
        before.assert_same(&env.dump());
    }
}

#[test]
fn a_half_that_somebody_kills_is_none_and_nothing_is_written() {
    let server = MariaDb::private();
    for half in ["<=", ">"] {
        let (mut env, _living) = cluster(&server, &IDS);
        let before = env.dump();
        let proxy = env.through_proxy();
        let (running, mut holder) = in_mid_scan(&env, &proxy);
        let id = env.number(&format!(
            "SELECT id FROM information_schema.PROCESSLIST WHERE info LIKE 'SELECT STRAIGHT%' AND info LIKE '%s.id {half} %'"
        ));
        wait(holder.execute(&format!("KILL {id}"), &[])).unwrap();
        wait(holder.close());
        let error = running.finish().exit(6).json()["error"].clone();
        assert_eq!(error["kind"], "database", "{error:#}");
        before.assert_same(&env.dump());
    }
}
