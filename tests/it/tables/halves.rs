//! Schemas that are half one family's and half another's.

use crate::harness::ddl::create_statements;
use dsctl::metadata::database::Dialect;
use dsctl::model::Version;

use super::{EVERY, refused, refused_each, run};
use crate::harness::world::World;
use crate::harness::{FakeRegistration, Store};

/// The instance table of another release, as a dump of that release would bring it.
fn add_instance_table(world: &World, release: &str, table: &str) {
    let dialect = match world.env.store {
        Store::Sqlite => Dialect::Sqlite,
        Store::MariaDb => Dialect::MySql,
        Store::Postgres => Dialect::Postgres,
    };
    let version: Version = release.parse().unwrap();
    let is_its = |statement: &String| {
        let named =
            statement.starts_with("CREATE TABLE") || statement.starts_with("CREATE SEQUENCE");
        let words = statement.replace('`', "");
        named
            && words
                .split_whitespace()
                .nth(2)
                .is_some_and(|name| name.trim_end_matches("_id_sequence") == table)
    };
    let statements: Vec<String> = create_statements(version, dialect)
        .into_iter()
        .filter(is_its)
        .collect();
    world.env.sql(&statements.join(";\n"));
}

fn two_instance_tables(store: Store) {
    for (release, other, table) in [
        ("3.4.1", "3.2.2", "t_ds_process_instance"),
        ("3.2.2", "3.4.1", "t_ds_workflow_instance"),
    ] {
        let mut world = World::idle(store, release);
        world.instances([1]);
        add_instance_table(&world, other, table);
        refused_each(
            &world,
            EVERY,
            "both t_ds_process_instance and t_ds_workflow_instance",
        );
        // Nobody can say from here which of the two the masters use.
        for version in ["3.2.2", "3.4.1"] {
            world.env.set("DSCTL_DS_VERSION", version);
            refused(
                &world,
                "failover --all-dead --yes --grace 0s",
                "both t_ds_process_instance and t_ds_workflow_instance",
            );
        }
        world.env.unset("DSCTL_DS_VERSION");
        world
            .env
            .sql(&format!("ALTER TABLE {table} RENAME TO old_instances"));
        run(&world, "failover --all-dead --yes --grace 0s").exit(0);
        assert_eq!(world.command_count(), 1, "{release}");
    }
}

#[test]
fn two_instance_tables_in_sqlite() {
    two_instance_tables(Store::Sqlite);
}

#[test]
fn two_instance_tables_in_mariadb() {
    two_instance_tables(Store::MariaDb);
}

#[test]
fn two_instance_tables_in_postgres() {
    two_instance_tables(Store::Postgres);
}

fn half_renamed(store: Store) {
    let halves = [
        (
            "3.2.2",
            "ALTER TABLE t_ds_process_instance RENAME TO t_ds_workflow_instance",
            "it looks like family 3.3+, but lacks t_ds_workflow_instance (",
        ),
        (
            "3.4.1",
            "ALTER TABLE t_ds_command RENAME COLUMN workflow_instance_id TO process_instance_id",
            "but lacks t_ds_command (workflow_instance_id)",
        ),
        (
            "3.4.1",
            "ALTER TABLE t_ds_task_instance RENAME COLUMN workflow_instance_id TO process_instance_id",
            "but lacks t_ds_task_instance (workflow_instance_id)",
        ),
        (
            "3.4.1",
            "ALTER TABLE t_ds_workflow_definition_log RENAME TO t_ds_process_definition_log",
            "but lacks t_ds_workflow_definition_log",
        ),
        (
            "3.1.9",
            "ALTER TABLE t_ds_process_instance RENAME COLUMN restart_time TO restarted",
            "but lacks t_ds_process_instance (restart_time)",
        ),
    ];
    for (release, change, seen) in halves {
        let world = World::idle(store, release);
        world.instances([1]);
        world.env.sql(change);
        refused_each(&world, EVERY, seen);
    }
}

#[test]
fn half_renamed_schemas_in_sqlite() {
    half_renamed(Store::Sqlite);
}

#[test]
fn half_renamed_schemas_in_mariadb() {
    half_renamed(Store::MariaDb);
}

#[test]
fn half_renamed_schemas_in_postgres() {
    half_renamed(Store::Postgres);
}

/// The tables are those of one family, and `t_ds_version` names another.
#[test]
fn a_version_of_another_family_is_refused_unless_the_operator_agrees_with_the_tables() {
    for store in Store::ALL {
        let mut world = World::idle(store, "3.1.9");
        world.instances([1]);
        world.env.sql("UPDATE t_ds_version SET version = '3.2.0'");
        refused_each(
            &world,
            EVERY,
            "t_ds_version says 3.2.0, but the tables are those of family 3.1",
        );
        world.env.set("DSCTL_DS_VERSION", "3.2.0");
        refused(
            &world,
            "failover --all-dead --yes --grace 0s",
            "--ds-version 3.2.0 contradicts the schema",
        );
        world.env.set("DSCTL_DS_VERSION", "3.1.9");
        run(&world, "failover --all-dead --yes --grace 0s")
            .exit(0)
            .err("t_ds_version says");
        assert_eq!(world.command_count(), 1, "{store:?}");
    }
}

/// Masters of 2.0.1 and of 2.0.5 hold different locks; the tables say the one, `t_ds_version` the
/// other.
#[test]
fn a_contradiction_within_a_family_takes_every_lock_that_it_could_be() {
    for (path, held) in [
        ("lock/failover/masters", 5),
        ("lock/failover/masters/10.0.0.2:5678", 5),
        ("lock/other", 0),
    ] {
        let world = World::idle(Store::Sqlite, "2.0.1");
        world.instances([1]);
        world.env.sql("UPDATE t_ds_version SET version = '2.0.5'");
        let node = world.env.path(&format!("{path}/_c_1-lock-0000000000"));
        let _holder = FakeRegistration::new(&world.env.connect, &node, b"a master", None);
        let output = run(&world, "failover 10.0.0.2:5678 --yes --lock-timeout 1s").exit(held);
        assert!(output.stderr.contains("2.0.5"), "{output:?}");
        assert_eq!(world.command_count(), i64::from(held == 0), "{path}");
    }
}
