//! The harness' dumps see every change.

use crate::harness::{Env, Store};

#[test]
fn every_change_is_seen_and_named() {
    Store::ALL.into_iter().for_each(changes_are_seen);
}

fn changes_are_seen(store: Store) {
    let env = Env::new(store);
    env.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, host VARCHAR(9), note VARCHAR(9)); CREATE TABLE u (id INTEGER)");
    env.sql("INSERT INTO t VALUES (1, 'a', NULL), (2, 'b', 'x'), (3, 'c', 'y')");
    let before = env.dump();
    before.assert_same(&env.dump());
    env.sql("UPDATE t SET host = NULL WHERE id = 1; DELETE FROM t WHERE id = 2; INSERT INTO u VALUES (7)");
    let after = env.dump();
    let expected = [
        r#"~ t "1": host "a" -> NULL"#,
        r#"- t id="2" host="b" note="x""#,
        r#"+ u id="7""#,
    ];
    assert_eq!(before.changes(&after), expected);
    assert_eq!(
        (
            after.count("t"),
            after.cell("t", &3, "note"),
            after.cell("t", &1, "host")
        ),
        (2, Some("y"), None)
    );
}
