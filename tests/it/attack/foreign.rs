//! Tables that are here by their names alone: their rows are on another server.

use crate::harness::servers::{MariaDb, Postgres};
use crate::harness::world::World;
use crate::harness::{Env, PASSWORD, Store, USER};

/// Puts a foreign table in the place of this one, which leads back to the same rows.
fn lead_elsewhere(world: &World, table: &str) {
    let (name, port) = (&world.env.database, Postgres::shared().port());
    world.env.sql(&format!(
        "CREATE EXTENSION IF NOT EXISTS postgres_fdw; \
         CREATE SERVER IF NOT EXISTS far FOREIGN DATA WRAPPER postgres_fdw \
         OPTIONS (host '127.0.0.1', port '{port}', dbname '{name}'); \
         CREATE USER MAPPING IF NOT EXISTS FOR {USER} SERVER far OPTIONS (user '{USER}', password '{PASSWORD}'); \
         CREATE SCHEMA IF NOT EXISTS far; ALTER TABLE {table} SET SCHEMA far"
    ));
    world.env.sql(&format!(
        "IMPORT FOREIGN SCHEMA far LIMIT TO ({table}) FROM SERVER far INTO public"
    ));
}

/// What is written there is committed there, before and apart from what is written here.
#[test]
fn foreign_tables_are_refused() {
    for (table, behind_a_view) in [
        ("t_ds_command", false),
        ("t_ds_process_instance", false),
        ("t_ds_command", true),
    ] {
        let world = World::idle(Store::Postgres, "3.2.2");
        world.instances([1]);
        lead_elsewhere(&world, table);
        if behind_a_view {
            world.env.sql(&format!("ALTER FOREIGN TABLE {table} RENAME TO behind; CREATE VIEW {table} AS SELECT * FROM behind"));
        }
        for words in [
            "failover 10.0.0.2:5678 --yes",
            "failover 10.0.0.2:5678 --dry-run",
            "recover --orphans --yes",
        ] {
            let output = world.run(words).exit(4);
            let error = output.json()["error"]["message"].to_string();
            assert!(
                error.contains(table) && error.contains("foreign"),
                "{output:?}"
            );
        }
        assert_eq!(
            (world.command_count(), world.host(1).as_str()),
            (0, "10.0.0.2:5678")
        );
        // Reading is no trouble.
        world.run("masters").exit(0);
    }
}

/// What MariaDB calls transactions of such a table are the other server's.
#[test]
fn federated_tables_are_refused() {
    let server = MariaDb::private();
    server.sql("", "INSTALL SONAME 'ha_federatedx'");
    let world = World::idle_in(Env::on_mariadb(&server), "3.2.2");
    world.instances([1]);
    world.env.sql("RENAME TABLE t_ds_command TO far");
    let federated = world.env.rows("SELECT 1 FROM information_schema.engines WHERE engine = 'FEDERATED' AND transactions = 'YES'");
    assert_eq!(federated.len(), 1);
    let (port, name) = (server.port(), &world.env.database);
    server.sql(
        name,
        &format!(
            "CREATE SERVER far FOREIGN DATA WRAPPER mysql OPTIONS (HOST '127.0.0.1', PORT {port}, USER '{USER}', \
             PASSWORD '{PASSWORD}', DATABASE '{name}'); \
             CREATE TABLE t_ds_command ENGINE = FEDERATED CONNECTION = 'far/far'"
        ),
    );
    let output = world.run("failover 10.0.0.2:5678 --yes").exit(4);
    assert!(
        output.stdout.contains("t_ds_command has no transactions"),
        "{output:?}"
    );
    assert_eq!(world.host(1), "10.0.0.2:5678");
}

/// A dump from elsewhere, loaded beside the masters' tables: other tables, as its names are in capitals.
#[test]
fn tables_of_the_same_names_in_capitals_are_others() {
    let capital = |store, name: &str| match store {
        Store::Postgres => format!("\"{name}\""),
        _ => name.to_owned(),
    };
    for store in [Store::MariaDb, Store::Postgres] {
        let world = World::idle(store, "3.4.1");
        world.instances([1]);
        for (name, columns) in [
            // An upgraded cluster has none; together the two would be a schema of no release.
            (
                "T_DS_PROCESS_INSTANCE",
                "id INT, host VARCHAR(99), state INT",
            ),
            ("T_DS_WORKFLOW_INSTANCE", "id INT, flag INT, odd INT"),
            ("T_DS_COMMAND", "id INT NOT NULL, odd INT NOT NULL"),
        ] {
            let engine = if store == Store::MariaDb {
                " ENGINE = MyISAM"
            } else {
                ""
            };
            world.env.sql(&format!(
                "CREATE TABLE {} ({columns}){engine}",
                capital(store, name)
            ));
        }
        world.run("failover --all-dead --yes --grace 0s").exit(0);
        assert_eq!(world.command_count(), 1);
    }
    // And where only those in capitals are there, they are none of ours, and are named as they are.
    let world = World::idle(Store::Postgres, "3.4.1");
    world
        .env
        .sql("ALTER TABLE t_ds_workflow_instance RENAME TO \"T_DS_WORKFLOW_INSTANCE\"");
    world
        .run("masters")
        .exit(4)
        .tells("not that of a known DolphinScheduler release");
}
