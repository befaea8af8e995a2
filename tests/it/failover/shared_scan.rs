//! MySQL's servers: two connections share the scan of a great table, and one does it alone where there is no second one.

use dsctl::demo::seed;

use crate::faults::world::{BY_HOST, DEAD, LIVING, prepare, registered};
use crate::harness::{At, Dsctl, Env, FakeRegistration, MariaDb, Output, PASSWORD, Store, USER};

/// The ids of the dead master's instances: both ends of the table, both sides of its middle, and one more.
const IDS: [i64; 5] = [1, 500_000, 500_001, 500_002, 1_000_000];

fn cluster(server: &MariaDb, ids: &[i64]) -> (Env, FakeRegistration) {
    let mut env = Env::on_mariadb(server);
    prepare(&mut env, BY_HOST);
    env.insert(ids.iter().map(|id| seed::instance(BY_HOST).id(*id).name("dead").state(1).host(DEAD)));
    let living = env.register(BY_HOST, &registered(LIVING));
    (env, living)
}

fn failover(env: &Env) -> Dsctl {
    Dsctl::new(env).args(["failover", DEAD, "--yes", "-o", "json"])
}

/// Sees that the failover is done, in order and with one command each.
#[track_caller]
fn is_done(env: &Env, output: Output, ids: &[i64]) {
    assert_eq!(output.exit(0).json()["recovered"].as_u64(), u64::try_from(ids.len()).ok());
    let commanded = env.rows("SELECT process_instance_id FROM t_ds_command ORDER BY id");
    assert_eq!(commanded.iter().map(|row| row.int(0).unwrap()).collect::<Vec<_>>(), ids);
    let claimed = env.rows("SELECT id FROM t_ds_process_instance WHERE host = 'NULL' ORDER BY id");
    assert_eq!(claimed.iter().map(|row| row.int(0).unwrap()).collect::<Vec<_>>(), ids);
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
    server.sql("mysql", &format!("CREATE USER {user} IDENTIFIED BY '{PASSWORD}' WITH MAX_USER_CONNECTIONS 1"));
    server.sql("mysql", &format!("GRANT ALL ON *.* TO {user}"));
    assert_eq!(connections(&server, &IDS, user), 2, "the second one is asked for, and refused");
}

/// Behind one address there may be several servers, and what one of them has, another may not have yet.
#[test]
fn a_second_connection_to_another_server_is_not_used() {
    let (own, other) = (MariaDb::private(), MariaDb::private());
    let (mut env, _living) = cluster(&own, &IDS);
    other.sql("", &format!("CREATE DATABASE {}", env.database));
    prepare(&mut Env::on(Store::MariaDb, &env.connect, other.port(), env.database.clone()), BY_HOST);
    let mut proxy = env.through_proxy();
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
