//! MySQL's servers: two connections share the scan of a great table, and one does it alone where there is no second one.

use dsctl::demo::seed;

use crate::faults::world::{BY_HOST, DEAD, LIVING, prepare, registered};
use crate::harness::{Dsctl, Env, FakeRegistration, MariaDb, PASSWORD, USER};

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
