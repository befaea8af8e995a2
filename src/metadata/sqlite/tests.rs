use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use super::{OpenMode, SqliteDatabase};
use crate::metadata::database::{Access, Database, DatabaseError, Dialect, Row, Value};
use crate::metadata::query::Query;

const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_mins(1);

fn open(path: &Path, mode: OpenMode) -> Result<SqliteDatabase, DatabaseError> {
    SqliteDatabase::open(path, mode, SHORT, LONG)
}

/// A fresh file with the table `t (id, name)`.
async fn fresh(folder: &TempDir) -> SqliteDatabase {
    let mut database = open(&folder.path().join("a.db"), OpenMode::Create).unwrap();
    database
        .execute(&"CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE)".into())
        .await
        .unwrap();
    database
}

async fn rows(
    database: &mut SqliteDatabase,
    query: impl Into<Query>,
) -> Result<Vec<Row>, DatabaseError> {
    let mut rows = Vec::new();
    database
        .query(&query.into(), &mut |row| rows.push(row))
        .await
        .map(|()| rows)
}

async fn count(database: &mut SqliteDatabase) -> i64 {
    rows(database, "SELECT count(*) FROM t").await.unwrap()[0]
        .int(0)
        .unwrap()
}

async fn insert(database: &mut SqliteDatabase, name: &str) -> Result<i64, DatabaseError> {
    let query = Query::builder(Dialect::Sqlite)
        .push("INSERT INTO t (name) VALUES (")
        .bind(name)
        .push(")")
        .build();
    database
        .execute(&query)
        .await
        .map(|written| written.insert_id)
}

fn cause(error: DatabaseError) -> String {
    match error {
        DatabaseError::Unreachable { cause, .. }
        | DatabaseError::Lost { cause, .. }
        | DatabaseError::Refused { cause, .. }
        | DatabaseError::UniqueViolation { cause, .. }
        | DatabaseError::Exhausted { cause, .. }
        | DatabaseError::Doubtful { cause, .. } => cause,
        DatabaseError::Stopped(stopped) => stopped.to_string(),
    }
}

fn files(folder: &TempDir) -> Vec<String> {
    let names = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[tokio::test]
async fn values_come_back_by_type() {
    let folder = TempDir::new().unwrap();
    let mut database = fresh(&folder).await;
    let query = Query::builder(Dialect::Sqlite)
        .push("SELECT ")
        .bind_each([Value::Null, 7.into(), "ü 'x' ?".into()], ", ")
        .push(", 1.5, x'41ff', true, CAST(x'ff' AS TEXT), -9223372036854775808")
        .build();
    let got = rows(&mut database, query).await.unwrap();
    let text = |text: &str| Value::Text(text.to_owned());
    let want = Row(vec![
        Value::Null,
        Value::Int(7),
        text("ü 'x' ?"),
        text("1.5"),
        text("A\u{fffd}"),
        Value::Int(1),
        text("\u{fffd}"),
        Value::Int(i64::MIN),
    ]);
    assert_eq!(got, [want]);
}

#[tokio::test]
async fn rows_before_an_error_are_handed_over() {
    let folder = TempDir::new().unwrap();
    let mut database = fresh(&folder).await;
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) \
               SELECT CASE WHEN i < 4 THEN i ELSE abs(-9223372036854775808) END FROM n";
    let mut seen = Vec::new();
    let result = database
        .query(&sql.into(), &mut |row| seen.push(row.int(0).unwrap()))
        .await;
    assert!(matches!(result, Err(DatabaseError::Refused { .. })));
    assert_eq!(seen, [1, 2, 3]);
}

#[tokio::test]
async fn written_rows_are_those_that_matched() {
    let folder = TempDir::new().unwrap();
    let mut database = fresh(&folder).await;
    let inserted = database
        .execute(&"INSERT INTO t (name) VALUES ('a'), ('b'), ('c')".into())
        .await
        .unwrap();
    assert_eq!((inserted.rows, inserted.insert_id), (3, 3));
    let update = Query::builder(Dialect::Sqlite)
        .push("UPDATE t SET name = name WHERE id > ")
        .bind(1)
        .build();
    let same = database.execute(&update).await.unwrap();
    assert_eq!(same.rows, 2);
    assert_eq!(
        database
            .execute(&"UPDATE t SET name = 'z' WHERE id = 9".into())
            .await
            .unwrap()
            .rows,
        0
    );
    assert_eq!(
        database
            .execute(&"CREATE TABLE u (i)".into())
            .await
            .unwrap()
            .rows,
        0
    );
}

#[tokio::test]
async fn a_second_row_with_the_same_key_is_a_unique_violation() {
    let folder = TempDir::new().unwrap();
    let mut database = fresh(&folder).await;
    insert(&mut database, "a").await.unwrap();
    let twice = insert(&mut database, "a").await;
    let is_violation = |answer: &Result<i64, DatabaseError>, of_ids| matches!(answer, Err(DatabaseError::UniqueViolation { primary, .. }) if *primary == of_ids);
    assert!(is_violation(&twice, false), "{twice:?}");
    let twice = database
        .execute(&"INSERT INTO t (id) VALUES (1)".into())
        .await
        .map(|written| written.insert_id);
    assert!(is_violation(&twice, true), "{twice:?}");
    assert_eq!(count(&mut database).await, 1);
}

#[tokio::test]
async fn commit_lasts_and_rollback_undoes() {
    let folder = TempDir::new().unwrap();
    let mut database = fresh(&folder).await;
    database.begin(Access::Write, LONG).await.unwrap();
    insert(&mut database, "kept").await.unwrap();
    database.commit().await.unwrap();
    database.begin(Access::Write, LONG).await.unwrap();
    insert(&mut database, "undone").await.unwrap();
    database.rollback().await;
    let mut other = open(&folder.path().join("a.db"), OpenMode::ReadOnly).unwrap();
    let names = rows(&mut other, "SELECT name FROM t").await.unwrap();
    assert_eq!(names, [Row(vec!["kept".into()])]);
}

#[tokio::test]
async fn nothing_of_a_spoilt_transaction_lasts() {
    let folder = TempDir::new().unwrap();
    let mut database = fresh(&folder).await;
    database.begin(Access::Write, LONG).await.unwrap();
    insert(&mut database, "a").await.unwrap();
    assert!(insert(&mut database, "a").await.is_err());
    assert!(matches!(
        insert(&mut database, "b").await,
        Err(DatabaseError::Refused { .. })
    ));
    assert!(matches!(
        database.commit().await,
        Err(DatabaseError::Refused { .. })
    ));
    assert_eq!(count(&mut database).await, 0);
    insert(&mut database, "free again").await.unwrap();
    assert_eq!(count(&mut database).await, 1);
}

#[tokio::test]
async fn transactions_do_not_nest_and_commit_needs_one() {
    let folder = TempDir::new().unwrap();
    let mut database = fresh(&folder).await;
    assert!(matches!(
        database.commit().await,
        Err(DatabaseError::Refused { .. })
    ));
    database.begin(Access::Write, LONG).await.unwrap();
    assert!(matches!(
        database.begin(Access::Write, LONG).await,
        Err(DatabaseError::Refused { .. })
    ));
    insert(&mut database, "still open").await.unwrap();
    database.commit().await.unwrap();
    assert_eq!(count(&mut database).await, 1);
}

#[tokio::test]
async fn a_reading_transaction_sees_one_state_and_refuses_writes() {
    let folder = TempDir::new().unwrap();
    let mut database = fresh(&folder).await;
    rows(&mut database, "PRAGMA journal_mode = WAL")
        .await
        .unwrap();
    let mut writer = open(&folder.path().join("a.db"), OpenMode::ReadWrite).unwrap();
    database.begin(Access::Read, LONG).await.unwrap();
    assert_eq!(count(&mut database).await, 0);
    insert(&mut writer, "meanwhile").await.unwrap();
    assert_eq!(count(&mut database).await, 0);
    assert!(matches!(
        insert(&mut database, "x").await,
        Err(DatabaseError::Refused { .. })
    ));
    database.rollback().await;
    assert_eq!(count(&mut database).await, 1);
    insert(&mut database, "writes again").await.unwrap();
}

#[tokio::test]
async fn another_writers_lock_is_refused_after_the_timeout() {
    let folder = TempDir::new().unwrap();
    let mut database = fresh(&folder).await;
    let mut other = open(&folder.path().join("a.db"), OpenMode::ReadWrite).unwrap();
    other.begin(Access::Write, LONG).await.unwrap();
    let error = database.begin(Access::Write, LONG).await.unwrap_err();
    assert!(matches!(&error, DatabaseError::Refused { .. }));
    assert!(cause(error).contains("locked"));
    other.rollback().await;
    database.begin(Access::Write, LONG).await.unwrap();
}

#[tokio::test]
async fn a_commit_that_meets_a_reader_is_rolled_back() {
    let folder = TempDir::new().unwrap();
    let mut database = fresh(&folder).await;
    let mut reader = open(&folder.path().join("a.db"), OpenMode::ReadOnly).unwrap();
    reader.begin(Access::Read, LONG).await.unwrap();
    assert_eq!(count(&mut reader).await, 0);
    database.begin(Access::Write, LONG).await.unwrap();
    insert(&mut database, "a").await.unwrap();
    assert!(matches!(
        database.commit().await,
        Err(DatabaseError::Refused { .. })
    ));
    reader.rollback().await;
    assert_eq!(count(&mut database).await, 0);
}

#[tokio::test]
async fn an_endless_statement_is_ended() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.db");
    let mut database = SqliteDatabase::open(&path, OpenMode::Create, SHORT, SHORT).unwrap();
    let sql =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    let error = rows(&mut database, sql).await.unwrap_err();
    assert!(matches!(&error, DatabaseError::Refused { .. }));
    assert!(cause(error).contains("statement timeout"));
    assert_eq!(
        rows(&mut database, "SELECT 1").await.unwrap()[0].int(0),
        Some(1)
    );
}

#[tokio::test]
async fn reading_creates_no_file() {
    let folder = TempDir::new().unwrap();
    drop(fresh(&folder).await);
    let mut database = open(&folder.path().join("a.db"), OpenMode::ReadOnly).unwrap();
    database.begin(Access::Read, LONG).await.unwrap();
    assert_eq!(count(&mut database).await, 0);
    assert_eq!(files(&folder), ["a.db"]);
    database.commit().await.unwrap();
    let error = insert(&mut database, "a").await.unwrap_err();
    assert!(matches!(error, DatabaseError::Refused { .. }));
    assert_eq!(files(&folder), ["a.db"]);
}

#[tokio::test]
async fn a_write_ahead_log_is_read_but_never_created() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.db");
    let mut writer = fresh(&folder).await;
    rows(&mut writer, "PRAGMA journal_mode = WAL")
        .await
        .unwrap();
    insert(&mut writer, "in the log").await.unwrap();
    let mut database = open(&path, OpenMode::ReadOnly).unwrap();
    assert_eq!(count(&mut database).await, 1);
    drop((writer, database));
    for suffix in ["a.db-wal", "a.db-shm"] {
        let _ = std::fs::remove_file(folder.path().join(suffix));
    }
    let error = open(&path, OpenMode::ReadOnly).unwrap_err();
    assert!(cause(error).contains("write-ahead-log"));
    assert_eq!(files(&folder), ["a.db"]);
}

#[test]
fn what_is_no_database_is_unreachable() {
    let folder = TempDir::new().unwrap();
    let text = folder.path().join("text");
    std::fs::write(
        &text,
        "this is no database, only a longer piece of text\n".repeat(100),
    )
    .unwrap();
    let missing = folder.path().join("missing");
    let cases = [
        (missing.as_path(), OpenMode::ReadOnly, "no such file"),
        (missing.as_path(), OpenMode::ReadWrite, "no such file"),
        (folder.path(), OpenMode::ReadOnly, "not a file"),
        (folder.path(), OpenMode::Create, "not a file"),
        (text.as_path(), OpenMode::ReadOnly, "not a SQLite database"),
        (text.as_path(), OpenMode::Create, "not a SQLite database"),
    ];
    for (path, mode, words) in cases {
        let error = open(path, mode).unwrap_err();
        assert!(matches!(&error, DatabaseError::Unreachable { .. }));
        let cause = cause(error);
        assert!(cause.contains(words), "{mode:?}: {cause}");
    }
    assert_eq!(files(&folder), ["text"]);
}

#[tokio::test]
async fn a_file_that_vanished_is_not_created_again() {
    let folder = TempDir::new().unwrap();
    let mut database = fresh(&folder).await;
    database.reconnect().await.unwrap();
    assert_eq!(count(&mut database).await, 0);
    std::fs::remove_file(folder.path().join("a.db")).unwrap();
    assert!(matches!(
        database.reconnect().await,
        Err(DatabaseError::Unreachable { .. })
    ));
    assert!(files(&folder).is_empty());
}

#[tokio::test]
async fn strange_statements_are_refused() {
    let folder = TempDir::new().unwrap();
    let mut database = fresh(&folder).await;
    let one_too_many = Query::builder(Dialect::Sqlite)
        .push("SELECT 1 --")
        .bind(1)
        .build();
    let texts = [
        "SELEKT",
        "SELECT ?",
        "SELECT 1; DROP TABLE t",
        "SELECT '\0'",
    ]
    .map(Query::from);
    for query in texts.into_iter().chain([one_too_many]) {
        let result = rows(&mut database, query.clone()).await;
        assert!(
            matches!(result, Err(DatabaseError::Refused { .. })),
            "{query:?}: {result:?}"
        );
    }
    assert_eq!(count(&mut database).await, 0);
}

#[test]
fn a_name_is_always_a_file() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file:a.db?mode=memory");
    let database = open(&path, OpenMode::Create).unwrap();
    assert_eq!(files(&folder), ["file:a.db?mode=memory"]);
    assert_eq!(
        format!("{database:?}"),
        format!(
            "SqliteDatabase {{ endpoint: \"sqlite:{}\", .. }}",
            path.display()
        )
    );
}
