use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::metadata::Query;
use crate::metadata::database::{Access, Dialect, Row, Value};
use crate::metadata::sqlite::{OpenMode, SqliteDatabase};
use crate::model::AddressForm;

const LAYOUT: RegistryLayout = RegistryLayout {
    masters: "nodes/master",
    workers: "nodes/worker",
    address_form: AddressForm::HostPort,
    container_parents: false,
};

const SESSION: Duration = Duration::from_mins(1);
const LOCK: &str = "lock/master-failover/10.0.0.1:5678";

const TABLES: [&str; 3] = [
    "CREATE TABLE t_ds_jdbc_registry_data (id INTEGER PRIMARY KEY, data_key TEXT NOT NULL UNIQUE, data_value TEXT NOT NULL, \
     data_type TEXT NOT NULL, client_id INTEGER NOT NULL, create_time TEXT NOT NULL, last_update_time TEXT NOT NULL)",
    "CREATE TABLE t_ds_jdbc_registry_lock (id INTEGER PRIMARY KEY AUTOINCREMENT, lock_key TEXT NOT NULL UNIQUE, \
     lock_owner TEXT NOT NULL, client_id INTEGER NOT NULL, create_time TEXT NOT NULL)",
    "CREATE TABLE t_ds_jdbc_registry_client_heartbeat (id INTEGER PRIMARY KEY, client_name TEXT NOT NULL, \
     last_heartbeat_time INTEGER NOT NULL, connection_config TEXT NOT NULL, create_time TEXT NOT NULL)",
];

fn open(path: &Path) -> SqliteDatabase {
    SqliteDatabase::open(path, OpenMode::Create, Duration::from_millis(20), SESSION).unwrap()
}

fn limits(session_timeout: Duration) -> JdbcSettings {
    JdbcSettings {
        timeout: SESSION,
        session_timeout,
    }
}

/// A file with a registry in it, and a second connection besides the registry's own.
struct Bench {
    folder: TempDir,
    second: SqliteDatabase,
}

impl Bench {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let mut second = open(&folder.path().join("ds.db"));
        for sql in TABLES {
            second.execute(&sql.into()).await.unwrap();
        }
        Self { folder, second }
    }

    async fn registry(&self, session_timeout: Duration) -> Box<JdbcRegistry> {
        let database = Box::new(open(&self.folder.path().join("ds.db")));
        Box::new(
            JdbcRegistry::connect(database, limits(session_timeout), LAYOUT)
                .await
                .unwrap(),
        )
    }

    async fn client(&mut self, id: i64, age: Duration) {
        let last = tables::now() - i64::try_from(age.as_millis()).unwrap();
        let query = Query::builder(Dialect::Sqlite)
            .push("INSERT INTO t_ds_jdbc_registry_client_heartbeat VALUES (")
            .bind(id)
            .push(", 'a', ")
            .bind(last)
            .push(", '{\"sessionTimeout\":60000}', '')");
        self.second.execute(&query.build()).await.unwrap();
    }

    async fn entry(&mut self, key: &str, value: &str, client: i64) {
        let query = Query::builder(Dialect::Sqlite)
            .push("INSERT INTO t_ds_jdbc_registry_data VALUES (NULL, ")
            .bind_each([key, value], ", ")
            .push(", 'EPHEMERAL', ")
            .bind(client)
            .push(", '', '')");
        self.second.execute(&query.build()).await.unwrap();
    }

    async fn lock(&mut self, client: i64) {
        let query = Query::builder(Dialect::Sqlite)
            .push("INSERT INTO t_ds_jdbc_registry_lock VALUES (NULL, ")
            .bind(format!("/{LOCK}"))
            .push(", '10.0.0.2_17_main', ")
            .bind(client)
            .push(", '')");
        self.second.execute(&query.build()).await.unwrap();
    }

    async fn rows(&mut self, sql: &str) -> Vec<Row> {
        let mut rows = Vec::new();
        self.second
            .query(&sql.into(), &mut |row| rows.push(row))
            .await
            .unwrap();
        rows
    }

    async fn count(&mut self, table: &str) -> i64 {
        self.rows(&format!("SELECT count(*) FROM t_ds_jdbc_registry_{table}"))
            .await[0]
            .int(0)
            .unwrap()
    }

    async fn age_heartbeats(&mut self, age: Duration) {
        let age = i64::try_from(age.as_millis()).unwrap();
        let query = Query::builder(Dialect::Sqlite)
            .push("UPDATE t_ds_jdbc_registry_client_heartbeat SET last_heartbeat_time = last_heartbeat_time - ")
            .bind(age);
        self.second.execute(&query.build()).await.unwrap();
    }
}

async fn take(registry: &mut JdbcRegistry) -> Lease {
    registry
        .acquire(LOCK, Duration::ZERO, &mut |_| panic!("nobody holds it"))
        .await
        .unwrap()
}

/// Makes the own last heartbeat this old, as far as the registry knows.
fn grow_old(registry: &mut JdbcRegistry, age: Duration) {
    let client = registry.client.as_mut().unwrap();
    client.wall = tables::now() - i64::try_from(age.as_millis()).unwrap();
}

#[tokio::test]
async fn masters_whose_client_is_alive() {
    let mut bench = Bench::new().await;
    bench.client(1, Duration::ZERO).await;
    bench.client(2, SESSION * 2).await;
    bench
        .entry(
            "/nodes/master/10.0.0.2:5678",
            r#"{"startupTime":1700000000000,"serverStatus":"NORMAL"}"#,
            1,
        )
        .await;
    bench.entry("/nodes/master/10.0.0.1:5678", "", 1).await;
    bench.entry("/nodes/master/expired:5678", "{}", 2).await;
    bench.entry("/nodes/master/purged:5678", "{}", 3).await;
    bench.entry("/nodes/master-coordinator/x", "{}", 1).await;
    bench.entry("/nodes/worker/10.0.0.3:1234", "{}", 1).await;
    let mut registry = bench.registry(SESSION).await;

    let masters = registry.masters().await.unwrap();
    assert!(masters.parent_exists);
    assert_eq!(masters.parent, "/nodes/master");
    let addresses: Vec<&str> = masters
        .servers
        .iter()
        .map(|server| server.address.as_str())
        .collect();
    assert_eq!(addresses, ["10.0.0.1:5678", "10.0.0.2:5678"]);
    assert_eq!(
        masters.servers[1].heartbeat.server_status.as_deref(),
        Some("normal")
    );
    assert_eq!(masters.servers[1].session_id.as_deref(), Some("1"));
    assert_eq!(registry.workers().await.unwrap().servers.len(), 1);
}

#[tokio::test]
async fn reading_writes_nothing() {
    let mut bench = Bench::new().await;
    bench.client(1, SESSION * 2).await;
    bench.lock(1).await;
    let changes = bench.rows("PRAGMA data_version").await;
    let mut registry = bench.registry(SESSION).await;
    registry.masters().await.unwrap();
    registry.workers().await.unwrap();
    assert_eq!(
        registry.lock_queue(LOCK).await.unwrap()[0].data,
        "10.0.0.2_17_main"
    );
    assert_eq!(
        registry.locks_below("lock/master-failover").await.unwrap(),
        ["10.0.0.1:5678"]
    );
    registry.close().await;
    assert_eq!(bench.rows("PRAGMA data_version").await, changes);
}

#[tokio::test]
async fn a_lock_comes_and_goes_with_its_client() {
    let mut bench = Bench::new().await;
    let mut registry = bench.registry(SESSION).await;
    let lease = take(&mut registry).await;
    assert_eq!(lease.path, format!("/{LOCK}"));
    registry.confirm(&lease).await.unwrap();
    let joined = "SELECT l.lock_key, h.connection_config FROM t_ds_jdbc_registry_lock l \
                  JOIN t_ds_jdbc_registry_client_heartbeat h ON h.id = l.client_id";
    let text = |text: &str| Value::Text(text.to_owned());
    assert_eq!(
        bench.rows(joined).await,
        [Row(vec![
            text(&lease.path),
            text(r#"{"sessionTimeout":60000}"#)
        ])]
    );

    registry.release(lease).await.unwrap();
    assert_eq!(bench.count("lock").await, 0);
    registry.close().await;
    assert_eq!(bench.count("client_heartbeat").await, 0);
}

#[tokio::test]
async fn close_ends_a_lock_that_is_left() {
    let mut bench = Bench::new().await;
    let mut registry = bench.registry(SESSION).await;
    let _lease = take(&mut registry).await;
    registry.close().await;
    assert_eq!(
        (
            bench.count("lock").await,
            bench.count("client_heartbeat").await
        ),
        (0, 0)
    );
}

#[tokio::test]
async fn a_living_holder_is_named_and_left_alone() {
    let mut bench = Bench::new().await;
    bench.client(1, Duration::ZERO).await;
    bench.lock(1).await;
    let mut registry = bench.registry(SESSION).await;
    for (timeout, waits) in [(Duration::ZERO, 0), (Duration::from_millis(300), 1)] {
        let mut seen = Vec::new();
        let error = registry
            .acquire(LOCK, timeout, &mut |node| seen.push(node.data.clone()))
            .await
            .unwrap_err();
        assert_eq!(seen, vec!["10.0.0.2_17_main".to_owned(); waits]);
        let RegistryError::Held {
            holder: Some(holder),
            waited,
            ..
        } = error
        else {
            panic!("{error:?}")
        };
        assert_eq!(holder.session_id.as_deref(), Some("1"));
        assert!(waited >= timeout);
    }
    assert_eq!(
        (
            bench.count("lock").await,
            bench.count("client_heartbeat").await
        ),
        (1, 1),
        "waiting needs no client"
    );
}

#[tokio::test]
async fn two_of_us_exclude_each_other() {
    let bench = Bench::new().await;
    let (mut first, mut second) = (bench.registry(SESSION).await, bench.registry(SESSION).await);
    let lease = take(&mut first).await;
    let error = second
        .acquire(LOCK, Duration::ZERO, &mut |_| {})
        .await
        .unwrap_err();
    assert!(matches!(error, RegistryError::Held { .. }), "{error:?}");
    first.release(lease).await.unwrap();
    let lease = take(&mut second).await;
    second.confirm(&lease).await.unwrap();
}

#[tokio::test]
async fn a_dead_holder_is_replaced_and_its_registration_stays_for_the_masters_to_remove() {
    let mut bench = Bench::new().await;
    bench.client(1, SESSION * 2).await;
    bench.entry("/nodes/master/10.0.0.2:5678", "{}", 1).await;
    for dead in [1, 2] {
        bench.lock(dead).await;
        let mut registry = bench.registry(SESSION).await;
        let lease = take(&mut registry).await;
        registry.confirm(&lease).await.unwrap();
        registry.close().await;
    }
    assert_eq!(
        (
            bench.count("data").await,
            bench.count("client_heartbeat").await
        ),
        (1, 1)
    );
}

#[tokio::test]
async fn a_deleted_row_or_client_is_a_lost_lock() {
    for sql in [
        "DELETE FROM t_ds_jdbc_registry_lock",
        "UPDATE t_ds_jdbc_registry_lock SET client_id = 9",
    ] {
        let mut bench = Bench::new().await;
        let mut registry = bench.registry(SESSION).await;
        let lease = take(&mut registry).await;
        bench.second.execute(&sql.into()).await.unwrap();
        assert!(
            matches!(
                registry.confirm(&lease).await,
                Err(RegistryError::LockLost { .. })
            ),
            "{sql}"
        );
        assert!(
            matches!(
                registry.lost(std::slice::from_ref(&lease)).await,
                RegistryError::LockLost { .. }
            ),
            "{sql}"
        );
        registry.release(lease).await.unwrap();
    }
    let mut bench = Bench::new().await;
    let mut registry = bench.registry(SESSION).await;
    let lease = take(&mut registry).await;
    bench
        .second
        .execute(&"DELETE FROM t_ds_jdbc_registry_client_heartbeat".into())
        .await
        .unwrap();
    grow_old(&mut registry, SESSION * 11 / 20);
    assert!(matches!(
        registry.confirm(&lease).await,
        Err(RegistryError::LockLost { .. })
    ));
}

#[tokio::test]
async fn confirm_refreshes_an_old_heartbeat_and_believes_none_that_has_expired() {
    let mut bench = Bench::new().await;
    let mut registry = bench.registry(SESSION).await;
    let lease = take(&mut registry).await;
    bench.age_heartbeats(SESSION * 2 / 5).await;
    grow_old(&mut registry, SESSION * 2 / 5);
    registry.confirm(&lease).await.unwrap();
    let last = bench
        .rows("SELECT last_heartbeat_time FROM t_ds_jdbc_registry_client_heartbeat")
        .await[0]
        .int(0)
        .unwrap();
    assert!(
        tables::now() - last < 10_000,
        "the heartbeat was not written"
    );

    grow_old(&mut registry, SESSION);
    assert!(matches!(
        registry.confirm(&lease).await,
        Err(RegistryError::LockLost { .. })
    ));
}

#[tokio::test]
async fn our_own_open_transaction_does_not_cost_the_lock() {
    let mut bench = Bench::new().await;
    let mut registry = bench.registry(SESSION).await;
    let lease = take(&mut registry).await;
    bench.second.begin(Access::Write, SESSION).await.unwrap();
    bench
        .second
        .execute(&"DELETE FROM t_ds_jdbc_registry_data".into())
        .await
        .unwrap();
    registry.confirm(&lease).await.unwrap();
    grow_old(&mut registry, SESSION * 11 / 20);
    registry.confirm(&lease).await.unwrap();
    grow_old(&mut registry, SESSION * 14 / 20);
    let error = registry.confirm(&lease).await.unwrap_err();
    assert!(
        matches!(error, RegistryError::Interrupted { .. }),
        "{error:?}"
    );
    bench.second.rollback().await;
    registry.confirm(&lease).await.unwrap();
}

#[tokio::test]
async fn a_lock_is_kept_alive_while_its_loss_is_awaited() {
    let mut bench = Bench::new().await;
    let mut registry = bench.registry(Duration::from_secs(3)).await;
    let lease = take(&mut registry).await;
    let sql = "SELECT last_heartbeat_time FROM t_ds_jdbc_registry_client_heartbeat";
    let first = bench.rows(sql).await;
    let beats = async {
        while bench.rows(sql).await == first {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        error = registry.lost(std::slice::from_ref(&lease)) => panic!("{error:?}"),
        () = beats => {},
    }
    registry.confirm(&lease).await.unwrap();
    bench
        .second
        .execute(&"DELETE FROM t_ds_jdbc_registry_client_heartbeat".into())
        .await
        .unwrap();
    assert!(matches!(
        registry.lost(std::slice::from_ref(&lease)).await,
        RegistryError::LockLost { .. }
    ));
}

#[tokio::test]
async fn a_purged_client_starts_again() {
    let mut bench = Bench::new().await;
    let mut registry = bench.registry(SESSION).await;
    let old = take(&mut registry).await;
    for table in ["lock", "client_heartbeat"] {
        bench
            .second
            .execute(&format!("DELETE FROM t_ds_jdbc_registry_{table}").into())
            .await
            .unwrap();
    }
    grow_old(&mut registry, SESSION / 2);
    let new = take(&mut registry).await;
    registry.confirm(&new).await.unwrap();
    assert!(matches!(
        registry.confirm(&old).await,
        Err(RegistryError::LockLost { .. })
    ));
}

#[tokio::test]
async fn other_registries_are_refused_as_text() {
    let shapes = [
        (
            "CREATE TABLE t_ds_jdbc_registry_lock (id INTEGER, lock_key TEXT, lock_owner TEXT, last_term INTEGER)",
            "3.2",
        ),
        (
            "CREATE TABLE t_ds_mysql_registry_lock (id INTEGER, last_term INTEGER)",
            "3.1",
        ),
        ("CREATE TABLE t (id INTEGER)", "no JDBC registry"),
    ];
    for (sql, word) in shapes {
        let folder = TempDir::new().unwrap();
        let mut database = Box::new(open(&folder.path().join("ds.db")));
        database.execute(&sql.into()).await.unwrap();
        let error = JdbcRegistry::connect(database, limits(SESSION), LAYOUT)
            .await
            .unwrap_err();
        assert!(
            matches!(&error, RegistryError::Unsupported(text) if text.contains(word)),
            "{error:?}"
        );
    }
}
