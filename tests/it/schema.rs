//! The tables of every release can be made in every database, and take rows.

use dsctl::demo::seed;
use dsctl::model::Version;

use crate::harness::{Env, Store};

const RELEASES: [&str; 10] = [
    "1.2.1", "1.3.9", "2.0.0", "2.0.9", "3.0.6", "3.1.9", "3.2.2", "3.3.1", "3.4.1", "3.4.3",
];

#[test]
fn tables_of_every_release_take_rows_in_sqlite() {
    tables_take_rows(Store::Sqlite);
}

#[test]
fn tables_of_every_release_take_rows_in_mariadb() {
    tables_take_rows(Store::MariaDb);
}

#[test]
fn tables_of_every_release_take_rows_in_postgres() {
    tables_take_rows(Store::Postgres);
}

fn tables_take_rows(store: Store) {
    for release in RELEASES {
        let version: Version = release.parse().unwrap();
        let env = Env::new(store);
        env.create_schema(version);
        let before = env.dump();
        env.insert([
            seed::instance(version).id(7).host("10.0.0.1:5678"),
            seed::task(version, 7).id(70),
        ]);
        let changes = before.changes(&env.dump());
        assert_eq!(changes.len(), 2, "{release}: {changes:#?}");
        assert!(
            changes.iter().all(|change| change.starts_with("+ t_ds_")),
            "{release}: {changes:#?}"
        );
        assert_eq!(before.count("t_ds_version"), 1, "{release}");
    }
}
