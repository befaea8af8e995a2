//! The harness' dumps see every change.

use std::path::Path;
use std::time::Duration;

use dsctl::metadata::sqlite::{OpenMode, SqliteDatabase};

use crate::harness::{Dump, Env, Store};

fn dump(env: &Env) -> Dump {
    let (file, limit) = (Path::new(&env.database), Duration::from_secs(10));
    Dump::all(&mut SqliteDatabase::open(file, OpenMode::ReadOnly, limit, limit).unwrap())
}

#[test]
fn every_change_is_seen_and_named() {
    let env = Env::new(Store::Sqlite);
    env.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, host TEXT, note TEXT); CREATE TABLE u (id INTEGER)");
    env.sql("INSERT INTO t VALUES (1, 'a', NULL), (2, 'b', 'x'), (3, 'c', 'y')");
    let before = dump(&env);
    before.assert_same(&dump(&env));
    env.sql("UPDATE t SET host = NULL WHERE id = 1; DELETE FROM t WHERE id = 2; INSERT INTO u VALUES (7)");
    let after = dump(&env);
    let expected = [r#"~ t "1": host "a" -> NULL"#, r#"- t id="2" host="b" note="x""#, r#"+ u id="7""#];
    assert_eq!(before.changes(&after), expected);
    assert_eq!((after.count("t"), after.cell("t", &3, "note"), after.cell("t", &1, "host")), (2, Some("y"), None));
}
