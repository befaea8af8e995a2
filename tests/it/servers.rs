//! The harness' own servers: they start, answer, survive what tests do to them, and leave nothing
//! behind.

use crate::harness::{Env, MariaDb, Postgres, Store, Zk, ZooKeeper};

#[test]
fn every_test_has_a_database_and_a_namespace_of_its_own() {
    for store in Store::ALL {
        let (one, other) = (Env::new(store), Env::new(store));
        one.sql("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)");
        other.sql("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)");
        assert_ne!(
            (&one.database, &one.namespace),
            (&other.database, &other.namespace)
        );
    }
}

#[test]
fn zookeeper_survives_stop_kill_and_freeze() {
    let mut server = ZooKeeper::private();
    Zk::connect(&server.connect_string()).create("/a/b", b"kept");
    server.stop();
    server.start();
    server.kill();
    server.start();
    server.freeze();
    server.thaw();
    assert_eq!(
        Zk::connect(&server.connect_string())
            .data("/a/b")
            .as_deref(),
        Some(b"kept".as_slice())
    );
    assert!(server.four_letters("ruok").contains("imok"));
}

#[test]
fn mariadb_survives_stop_and_kill() {
    let mut server = MariaDb::private();
    let database = server.create_database();
    server.sql(
        &database,
        "CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)",
    );
    server.stop();
    server.start();
    server.kill();
    server.start();
    server.sql(&database, "INSERT INTO t VALUES (2)");
}

#[test]
fn postgres_survives_stop_and_kill() {
    let mut server = Postgres::private();
    let database = server.create_database();
    server.sql(
        &database,
        "CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)",
    );
    server.stop();
    server.start();
    server.kill();
    server.start();
    server.sql(&database, "INSERT INTO t VALUES (2)");
}

#[test]
fn a_registration_ends_with_its_session() {
    let env = Env::new(Store::Sqlite);
    let master = env.master("10.0.0.1:5678", "payload");
    let (zk, path) = (env.zk(), env.path("nodes/master/10.0.0.1:5678"));
    assert_eq!(zk.data(&path).as_deref(), Some(b"payload".as_slice()));
    assert_eq!(zk.owner(&path), Some(master.session_id()));
    let before = env.registry_dump();
    assert_eq!(before, env.registry_dump());
    master.beat(b"newer");
    assert_ne!(before, env.registry_dump());
    master.close();
    assert!(!zk.exists(&path) && zk.exists(&env.path("nodes/master")));
}
