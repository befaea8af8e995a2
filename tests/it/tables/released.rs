//! The scripts of released versions, as Maven has them: they are found for what they are, and our
//! tables are like theirs.

use std::collections::BTreeSet;

use crate::harness::ddl::create_statements;
use dsctl::metadata::MetadataStore;
use dsctl::metadata::database::Dialect;
use dsctl::model::Version;

use crate::harness::{Env, Store, java, skipped, wait};

/// Releases whose scripts were published.
const RELEASES: [&str; 2] = ["3.4.2", "3.4.3"];

fn script(release: &str, store: Store) -> Result<String, String> {
    let artifact =
        format!("org.apache.dolphinscheduler:dolphinscheduler-dao:{release}:jar:sources");
    let file = if store == Store::MariaDb {
        "dolphinscheduler_mysql.sql"
    } else {
        "dolphinscheduler_postgresql.sql"
    };
    java::file_of_artifact(&artifact, &format!("sql/{file}"))
}

/// What is found of a database: its release, or the releases that it could be.
fn found(env: &Env) -> String {
    let store = wait(MetadataStore::open(env.database(), None)).unwrap();
    let release = store.release();
    assert!(
        release.contradictions.is_empty(),
        "{:?}",
        release.contradictions
    );
    let found = format!("{} {}", release.family.label, release.range);
    wait(store.close());
    found
}

/// Columns of 1.x that PostgreSQL's script has kept, and that no server of the release knows.
const KEPT: [&str; 2] = [
    "t_ds_workflow_instance.dependence_schedule_times",
    "t_ds_workflow_instance.workflow_instance_json",
];

/// Columns of a database, and whether each may be NULL and has a default.
fn columns(env: &Env) -> BTreeSet<[String; 4]> {
    let here = if env.store == Store::MariaDb {
        "DATABASE()"
    } else {
        "current_schema()"
    };
    let rows = env.rows(&format!(
        "SELECT concat(table_name), concat(column_name), concat(is_nullable), \
         CASE WHEN column_default IS NULL OR concat(column_default) = 'NULL' THEN '' ELSE 'default' END \
         FROM information_schema.columns WHERE table_schema = {here}"
    ));
    rows.iter()
        .map(|row| [0, 1, 2, 3].map(|column| row.text(column).unwrap()))
        .collect()
}

/// Tables and the names of their indexes, in MariaDB.
fn indexes(env: &Env) -> BTreeSet<[String; 2]> {
    let rows = env.rows(
        "SELECT DISTINCT concat(table_name), lower(concat(index_name)) FROM information_schema.statistics \
         WHERE table_schema = DATABASE() AND index_name <> 'PRIMARY'",
    );
    rows.iter()
        .map(|row| [0, 1].map(|column| row.text(column).unwrap()))
        .collect()
}

fn released_scripts(test: &str, store: Store) {
    for release in RELEASES {
        let script = match script(release, store) {
            Ok(script) => script,
            Err(why) => return skipped(test, &why),
        };
        let (theirs, ours) = (Env::new(store), Env::new(store));
        theirs.sql(&script);
        let version: Version = release.parse().unwrap();
        ours.create_schema(version);
        assert_eq!(
            [found(&theirs), found(&ours)],
            [format!("3.3+ {release}"), format!("3.3+ {release}")]
        );
        let tables: BTreeSet<String> = columns(&ours)
            .into_iter()
            .map(|[table, ..]| table)
            .collect();
        let known: BTreeSet<_> = columns(&theirs)
            .into_iter()
            .filter(|[table, ..]| tables.contains(table))
            .collect();
        // Our tables are those of MySQL's script: PostgreSQL's differs in what nobody here writes.
        let made = columns(&ours);
        let matters = |row: &&[String; 4]| store == Store::MariaDb || row[0] == "t_ds_command";
        let differing: Vec<_> = known.symmetric_difference(&made).filter(matters).collect();
        assert!(differing.is_empty(), "{release}: {differing:#?}");
        let names = |rows: &BTreeSet<[String; 4]>| {
            rows.iter()
                .map(|row| format!("{}.{}", row[0], row[1]))
                .collect()
        };
        let (known, ours_named): (BTreeSet<String>, BTreeSet<String>) =
            (names(&known), names(&made));
        let is_kept = |name: &&String| store == Store::Postgres && KEPT.contains(&name.as_str());
        let differing: Vec<_> = known
            .symmetric_difference(&ours_named)
            .filter(|name| !is_kept(name))
            .collect();
        assert!(differing.is_empty(), "{release}: {differing:#?}");
        if store == Store::MariaDb {
            let known: BTreeSet<_> = indexes(&theirs)
                .into_iter()
                .filter(|[table, _]| tables.contains(table))
                .collect();
            let ours = indexes(&ours);
            let differing: Vec<_> = known.symmetric_difference(&ours).collect();
            assert!(differing.is_empty(), "{release}: {differing:#?}");
        }
        // Without a word of its own.
        theirs.sql("DELETE FROM t_ds_version");
        let told = if release == "3.4.3" {
            "3.3+ 3.4.3 or newer"
        } else {
            "3.3+ 3.3.1 or newer"
        };
        assert_eq!(found(&theirs), told);
    }
}

#[test]
fn released_scripts_in_mariadb() {
    released_scripts("released_scripts_in_mariadb", Store::MariaDb);
}

#[test]
fn released_scripts_in_postgres() {
    released_scripts("released_scripts_in_postgres", Store::Postgres);
}

#[test]
fn a_release_has_its_own_tables_in_every_database() {
    for dialect in [Dialect::MySql, Dialect::Postgres, Dialect::Sqlite] {
        let policy = |release: &str| {
            create_statements(release.parse().unwrap(), dialect)
                .iter()
                .any(|text| text.contains("missed_fire_policy"))
        };
        assert_eq!([policy("3.4.2"), policy("3.4.3")], [false, true]);
    }
}
