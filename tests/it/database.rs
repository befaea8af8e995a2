//! One behaviour in every database: values, transactions, refusals, lost connections.

use std::time::{Duration, Instant};

use dsctl::metadata::Query;
use dsctl::metadata::database::{Access, Database, DatabaseError, Row, Value};

use crate::harness::{
    At, Env, Limits, MARKER, MariaDb, PASSWORD, Postgres, Proxy, Store, assert_in_time, wait,
};

const LONG: Duration = Duration::from_secs(30);
const SERVERS: [Store; 2] = [Store::MariaDb, Store::Postgres];

fn with_table(store: Store) -> Env {
    let env = Env::new(store);
    env.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, host VARCHAR(100)); INSERT INTO t VALUES (1, 'a'), (2, NULL)");
    env
}

fn rows(database: &mut dyn Database, query: impl Into<Query>) -> Result<Vec<Row>, DatabaseError> {
    let mut rows = Vec::new();
    wait(database.query(&query.into(), &mut |row| rows.push(row)))?;
    Ok(rows)
}

fn count(env: &Env) -> i64 {
    env.number("SELECT COUNT(*) FROM t")
}

fn insert(database: &mut dyn Database, id: i64) -> Result<u64, DatabaseError> {
    let values = [Value::from(id), "x".into()];
    let query = Query::builder(database.dialect())
        .push("INSERT INTO t (id, host) VALUES (")
        .bind_each(values, ", ");
    wait(database.execute(&query.push(")").build())).map(|written| written.rows)
}

#[test]
fn every_type_is_read() {
    for store in Store::ALL {
        let env = Env::new(store);
        let (more, values) = match store {
            Store::Sqlite => (
                "u BIGINT, b BOOLEAN, m TEXT",
                "9223372036854775807, 1, 'long'",
            ),
            Store::MariaDb => (
                "u BIGINT UNSIGNED, b TINYINT(1), m MEDIUMTEXT",
                "9223372036854775807, 1, 'long'",
            ),
            Store::Postgres => (
                "u BIGINT, b BOOLEAN, m TEXT",
                "9223372036854775807, TRUE, 'long'",
            ),
        };
        env.sql(&format!(
            "CREATE TABLE t (s SMALLINT, i INTEGER, l BIGINT, c CHAR(2), v VARCHAR(50), d DECIMAL(10,2), {more});
             INSERT INTO t VALUES (-3, 2147483647, -9223372036854775807, 'ab', 'größe 中 ''\"\\ 🐬', 12.50, {values});
             INSERT INTO t (s) VALUES (NULL)"
        ));
        if store == Store::MariaDb {
            env.sql("UPDATE t SET v = 'größe 中 ''\"\\\\ 🐬' WHERE s = -3");
        }
        let mut database = env.database();
        let found = rows(
            &mut *database,
            "SELECT s, i, l, c, v, u, b, m FROM t ORDER BY s IS NULL",
        )
        .unwrap();
        let ints: Vec<Option<i64>> = [0, 1, 2, 5, 6].map(|column| found[0].int(column)).into();
        let expected = [-3, i64::from(i32::MAX), -i64::MAX, i64::MAX, 1].map(Some);
        assert_eq!(ints, expected, "{store:?}");
        let texts = [3, 4, 7].map(|column| found[0].text(column));
        assert_eq!(
            texts,
            ["ab", "größe 中 '\"\\ 🐬", "long"].map(|text| Some(text.to_owned())),
            "{store:?}"
        );
        assert_eq!(found[1], Row(vec![Value::Null; 8]), "{store:?}");
        let decimal = rows(
            &mut *database,
            "SELECT CAST(d AS DECIMAL(10,2)) FROM t WHERE s IS NOT NULL",
        )
        .unwrap();
        assert!(
            decimal[0].text(0).unwrap().starts_with("12.5"),
            "{store:?} {decimal:?}"
        );
        wait(database.close());
    }
}

#[test]
fn parameters_are_values_and_never_sql() {
    for store in Store::ALL {
        let env = with_table(store);
        let mut database = env.database();
        let text = "x'); DROP TABLE t; -- ? $1 \\ \u{1f42c}";
        let dialect = database.dialect();
        let query = || Query::builder(dialect);
        let values = [Value::from(5), text.into()];
        let insert = query()
            .push("INSERT INTO t VALUES (")
            .bind_each(values, ", ")
            .push(")")
            .build();
        let written = wait(database.execute(&insert)).unwrap();
        assert_eq!(written.rows, 1, "{store:?}");
        let found = rows(
            &mut *database,
            query()
                .push("SELECT id FROM t WHERE host = ")
                .bind(text)
                .build(),
        )
        .unwrap();
        assert_eq!(found, [Row(vec![Value::Int(5)])], "{store:?}");
        let update = query()
            .push("UPDATE t SET host = 'a' WHERE id IN (")
            .bind_each([1, 2], ", ")
            .push(")")
            .build();
        let written = wait(database.execute(&update));
        // Row 1 has this value already: it matched and counts.
        assert_eq!(written.unwrap().rows, 2, "{store:?}");
        wait(database.close());
    }
}

#[test]
fn rows_arrive_one_by_one_and_a_bad_end_leaves_the_connection_usable() {
    for store in Store::ALL {
        let env = with_table(store);
        let numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) \
                       SELECT a.i, b.i FROM n a CROSS JOIN n b WHERE b.i <= 100";
        let mut database = env.database();
        let (mut seen, mut first) = (0_u64, None);
        wait(database.query(&numbers.into(), &mut |row| {
            seen += 1;
            first.get_or_insert(row);
        }))
        .unwrap();
        assert_eq!(
            (seen, first.map(|row| row.0.len())),
            (90_000, Some(2)),
            "{store:?}"
        );
        let error = rows(&mut *database, "SELECT nothing FROM nowhere").unwrap_err();
        assert!(
            matches!(error, DatabaseError::Refused { .. }),
            "{store:?} {error:?}"
        );
        assert_eq!(
            rows(&mut *database, "SELECT id FROM t").unwrap().len(),
            2,
            "{store:?}"
        );
        wait(database.close());
    }
}

#[test]
fn transactions_last_or_leave_no_trace() {
    for store in Store::ALL {
        let env = with_table(store);
        let mut database = env.database();
        wait(database.begin(Access::Write, LONG)).unwrap();
        insert(&mut *database, 3).unwrap();
        assert_eq!(count(&env), 2, "{store:?}");
        wait(database.commit()).unwrap();
        assert_eq!(count(&env), 3, "{store:?}");
        wait(database.begin(Access::Write, LONG)).unwrap();
        insert(&mut *database, 4).unwrap();
        wait(database.rollback());
        wait(database.begin(Access::Write, LONG)).unwrap();
        insert(&mut *database, 5).unwrap();
        wait(database.close());
        assert_eq!(count(&env), 3, "{store:?}");
    }
}

#[test]
fn a_reading_transaction_sees_one_state_and_cannot_write() {
    for store in Store::ALL {
        let env = with_table(store);
        let mut database = env.database();
        wait(database.begin(Access::Read, LONG)).unwrap();
        assert_eq!(
            rows(&mut *database, "SELECT id FROM t").unwrap().len(),
            2,
            "{store:?}"
        );
        if store != Store::Sqlite {
            env.sql("INSERT INTO t VALUES (9, 'new')");
            assert_eq!(
                rows(&mut *database, "SELECT id FROM t").unwrap().len(),
                2,
                "{store:?}"
            );
        }
        let before = env.dump();
        assert!(
            matches!(
                insert(&mut *database, 10),
                Err(DatabaseError::Refused { .. })
            ),
            "{store:?}"
        );
        wait(database.rollback());
        before.assert_same(&env.dump());
        insert(&mut *database, 11).unwrap();
        wait(database.close());
    }
}

#[test]
fn an_error_spoils_the_whole_transaction() {
    for store in Store::ALL {
        let env = with_table(store);
        let mut database = env.database();
        wait(database.begin(Access::Write, LONG)).unwrap();
        insert(&mut *database, 3).unwrap();
        let error = insert(&mut *database, 3).unwrap_err();
        assert!(
            matches!(error, DatabaseError::UniqueViolation { .. }),
            "{store:?} {error:?}"
        );
        assert!(
            matches!(
                insert(&mut *database, 4),
                Err(DatabaseError::Refused { .. })
            ),
            "{store:?}"
        );
        assert!(
            matches!(wait(database.commit()), Err(DatabaseError::Refused { .. })),
            "{store:?}"
        );
        assert_eq!(count(&env), 2, "{store:?}");
        insert(&mut *database, 5).unwrap();
        assert_eq!(count(&env), 3, "{store:?}");
        wait(database.close());
    }
}

#[test]
fn waiting_for_a_row_ends_in_time() {
    for store in Store::ALL {
        let env = with_table(store);
        let (mut holder, limits) = (
            env.database(),
            Limits {
                timeout: Duration::from_secs(1),
                ..Limits::default()
            },
        );
        let mut waiter = env.database_with(limits);
        wait(holder.begin(Access::Write, LONG)).unwrap();
        wait(holder.execute(&"UPDATE t SET host = 'held' WHERE id = 1".into())).unwrap();
        let start = Instant::now();
        let refused = wait(waiter.execute(&"UPDATE t SET host = 'other' WHERE id = 1".into()));
        assert!(
            matches!(refused, Err(DatabaseError::Refused { .. })),
            "{store:?} {refused:?}"
        );
        assert_in_time(start, Duration::from_secs(8));
        wait(holder.commit()).unwrap();
        assert_eq!(env.dump().cell("t", &1, "host"), Some("held"), "{store:?}");
        wait(waiter.close());
        wait(holder.close());
    }
}

#[test]
fn a_long_statement_ends_in_time() {
    for (store, sql) in [
        (Store::MariaDb, "SELECT SLEEP(60)"),
        (Store::Postgres, "SELECT pg_sleep(60)::text"),
    ] {
        let env = Env::new(store);
        let mut database = env.database_with(Limits {
            statement: Duration::from_secs(1),
            ..Limits::default()
        });
        let start = Instant::now();
        let ended = rows(&mut *database, sql);
        assert!(
            matches!(ended, Err(DatabaseError::Refused { .. })),
            "{store:?} {ended:?}"
        );
        assert_in_time(start, Duration::from_secs(8));
        assert_eq!(
            rows(&mut *database, "SELECT 1").unwrap().len(),
            1,
            "{store:?}"
        );
        wait(database.close());
    }
}

#[test]
fn a_frozen_writer_is_rolled_back_by_the_server() {
    for store in SERVERS {
        let env = with_table(store);
        let mut database = env.database();
        wait(database.begin(Access::Write, Duration::from_secs(1))).unwrap();
        wait(database.execute(&"UPDATE t SET host = 'frozen' WHERE id = 1".into())).unwrap();
        // Waits for the row that the silent transaction holds, and gets it when the server has
        // ended that one.
        let mut other = env.database();
        wait(other.execute(&"UPDATE t SET host = 'other' WHERE id = 1".into())).unwrap();
        let error = wait(database.commit()).unwrap_err();
        assert!(
            matches!(
                error,
                DatabaseError::Lost { .. } | DatabaseError::Refused { .. }
            ),
            "{store:?} {error:?}"
        );
        assert_eq!(env.dump().cell("t", &1, "host"), Some("other"), "{store:?}");
        wait(other.close());
        wait(database.close());
    }
}

#[test]
fn a_cut_connection_is_lost_and_can_be_had_again() {
    for store in SERVERS {
        let env = with_table(store);
        let proxy = Proxy::to(env.server_port());
        let mut database = wait(env.connect_to(proxy.port(), PASSWORD, Limits::default())).unwrap();
        wait(database.begin(Access::Write, LONG)).unwrap();
        insert(&mut *database, 3).unwrap();
        proxy.cut();
        let error = insert(&mut *database, 4).unwrap_err();
        assert!(
            matches!(error, DatabaseError::Lost { .. }),
            "{store:?} {error:?}"
        );
        assert!(
            !format!("{error} {error:?} {database:?}").contains(MARKER),
            "{error:?} {database:?}"
        );
        wait(database.rollback());
        wait(database.reconnect()).unwrap();
        assert_eq!(insert(&mut *database, 5).unwrap(), 1, "{store:?}");
        assert_eq!(count(&env), 3, "{store:?}");
        wait(database.close());
    }
}

#[test]
fn a_lost_answer_to_commit_is_lost_and_not_refused() {
    for (store, at, rows) in [
        (Store::MariaDb, At::SwallowAnswer, 3),
        (Store::MariaDb, At::Cut, 2),
        (Store::Postgres, At::SwallowAnswer, 3),
        (Store::Postgres, At::Cut, 2),
    ] {
        let env = with_table(store);
        let proxy = Proxy::to(env.server_port());
        let mut database = wait(env.connect_to(proxy.port(), PASSWORD, Limits::default())).unwrap();
        wait(database.begin(Access::Write, LONG)).unwrap();
        insert(&mut *database, 3).unwrap();
        proxy.trap(b"COMMIT", at);
        let error = wait(database.commit()).unwrap_err();
        assert!(
            matches!(error, DatabaseError::Lost { .. }),
            "{store:?} {at:?} {error:?}"
        );
        assert!(proxy.has_sprung());
        assert_eq!(count(&env), rows, "{store:?} {at:?}");
        wait(database.reconnect()).unwrap();
        wait(database.close());
    }
}

#[test]
fn a_half_open_connection_is_given_up_in_time() {
    for store in SERVERS {
        let env = with_table(store);
        let proxy = Proxy::to(env.server_port());
        let limits = Limits {
            timeout: Duration::from_secs(1),
            statement: Duration::from_secs(1),
        };
        let mut database = wait(env.connect_to(proxy.port(), PASSWORD, limits)).unwrap();
        proxy.black_hole();
        let start = Instant::now();
        let error = insert(&mut *database, 3).unwrap_err();
        assert!(
            matches!(error, DatabaseError::Lost { .. }),
            "{store:?} {error:?}"
        );
        let error = wait(database.reconnect()).unwrap_err();
        assert!(
            matches!(error, DatabaseError::Unreachable { .. }),
            "{store:?} {error:?}"
        );
        wait(database.close());
        assert_in_time(start, Duration::from_secs(12));
    }
}

#[test]
fn who_cannot_connect_is_told_where_and_never_with_what() {
    for store in SERVERS {
        let env = Env::new(store);
        let mut refusing = Proxy::to(1);
        refusing.refuse();
        let mut missing = Env::new(store);
        missing.database = "no_such_database".to_owned();
        let wrong = format!("{MARKER}-wrong");
        let attempts = [
            wait(env.connect_to(env.server_port(), &wrong, Limits::default())),
            wait(env.connect_to(refusing.port(), PASSWORD, Limits::default())),
            wait(missing.connect_to(env.server_port(), PASSWORD, Limits::default())),
        ];
        for attempt in attempts {
            let error = attempt.expect_err("no connection");
            let text = format!("{error} {error:?}");
            let DatabaseError::Unreachable { endpoint, cause } = &error else {
                panic!("{text}")
            };
            assert!(
                endpoint.starts_with("127.0.0.1:") && !cause.is_empty(),
                "{text}"
            );
            assert!(!text.contains(MARKER), "{text}");
        }
    }
}

#[test]
fn a_killed_server_loses_the_connection_and_keeps_what_was_committed() {
    let (mut mariadb, mut postgres) = (MariaDb::private(), Postgres::private());
    let ends: [(Store, u16, String); 2] = [
        (Store::MariaDb, mariadb.port(), mariadb.create_database()),
        (Store::Postgres, postgres.port(), postgres.create_database()),
    ];
    for (store, port, name) in ends {
        let mut env = Env::new(store);
        env.database = name;
        let mut database = wait(env.connect_to(port, PASSWORD, Limits::default())).unwrap();
        wait(
            database.execute(&"CREATE TABLE t (id INTEGER PRIMARY KEY, host VARCHAR(100))".into()),
        )
        .unwrap();
        insert(&mut *database, 1).unwrap();
        wait(database.begin(Access::Write, LONG)).unwrap();
        insert(&mut *database, 2).unwrap();
        match store {
            Store::MariaDb => mariadb.kill(),
            _ => postgres.kill(),
        }
        let error = wait(database.commit()).unwrap_err();
        assert!(
            matches!(error, DatabaseError::Lost { .. }),
            "{store:?} {error:?}"
        );
        match store {
            Store::MariaDb => mariadb.start(),
            _ => postgres.start(),
        }
        wait(database.reconnect()).unwrap();
        assert_eq!(
            rows(&mut *database, "SELECT id FROM t").unwrap(),
            [Row(vec![Value::Int(1)])],
            "{store:?}"
        );
        wait(database.close());
    }
}

/// A client that is gone without a word is noticed by its silence on the wire, in whatever state
/// the server is.
#[test]
fn postgresql_asks_a_silent_client_whether_it_is_there() {
    let env = Env::new(Store::Postgres);
    let mut database = env.database();
    for (name, value) in [("idle", "10"), ("interval", "5"), ("count", "3")] {
        let shown = rows(&mut *database, format!("SHOW tcp_keepalives_{name}")).unwrap();
        assert_eq!(shown[0].text(0).as_deref(), Some(value), "{name}");
    }
    wait(database.close());
}
