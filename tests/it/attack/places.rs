//! The wrong registry, the wrong server, the wrong release: where all that is seen is true and
//! still misleads.

use std::time::Duration;

use dsctl::demo::{Registered, Server, seed};
use jiff::{Timestamp, ToSpan};

use crate::harness::world::{DEAD, World, registered_since};
use crate::harness::{MARKER, Postgres, Store, ddl, eventually, wait};

#[test]
fn masters_of_the_databases_own_registry_are_alive_whatever_zookeeper_says() {
    // The cluster uses the JDBC registry; the ZooKeeper given is another cluster's, and has
    // masters.
    let world = World::idle(Store::Sqlite, "3.4.1");
    world.instances([1]);
    world.env.register_in_database(
        world.version,
        &registered_since(DEAD, Timestamp::now() - 2.hours()),
    );
    let output = world.run("failover --all-dead --yes --grace 0s").exit(4);
    assert_eq!(output.json()["error"]["kind"], "refused");
    assert!(output.stderr.contains("--registry jdbc"), "{output:?}");
    assert_eq!((world.command_count(), world.state(1)), (0, 1));
}

#[test]
fn what_masters_of_another_cluster_left_in_the_registry_tables_is_no_contradiction() {
    let world = World::idle(Store::Sqlite, "3.4.1");
    world.instances([1]);
    let long_ago = Registered {
        reported: Timestamp::now() - 2.hours(),
        ..registered_since(DEAD, Timestamp::now() - 9.hours())
    };
    world.env.register_in_database(world.version, &long_ago);
    world.run("failover --all-dead --yes --grace 0s").exit(0);
    assert_eq!(world.command_count(), 1);
}

#[test]
fn tasks_are_not_marked_as_long_as_nobody_knows_how() {
    let world = World::idle(Store::Sqlite, "3.1.9");
    world.instances([1]);
    world
        .env
        .insert([seed::task(world.version, 1).id(11).host("10.0.0.9:1234")]);
    world.env.sql("DELETE FROM t_ds_version");
    for command in ["clear-hosts", "failover"] {
        let output = world.run(&format!("{command} 10.0.0.2:5678 --yes")).exit(4);
        assert!(output.stderr.contains("--ds-version"), "{output:?}");
    }
    assert_eq!(
        (
            world.host(1).as_str(),
            world.env.number("SELECT state FROM t_ds_task_instance")
        ),
        (DEAD, 1)
    );
}

#[test]
fn passwords_in_the_wrong_place_are_not_repeated() {
    let world = World::idle(Store::Sqlite, "3.2.2");
    let password = format!("ds:{MARKER}");
    for (option, value) in [
        ("--zk", format!("{password}@127.0.0.1:2181")),
        ("--zk", format!("zk://{password}@h")),
        ("--db", format!("mysql://{password}@127.0.0.1:99999/ds")),
        ("--db", format!("mysql://{password}@@/")),
        ("--db", format!("oracle://{password}@h/d")),
        (
            "--db",
            format!("jdbc:mysql://h:1/d?user=a&password={MARKER}%zz"),
        ),
        (
            "--db",
            format!("postgres://{password}@127.0.0.1:1/d?sslmode=%zz"),
        ),
    ] {
        // The harness fails a run that shows the marker.
        let output = world.dsctl("masters").args([option, &value]).run();
        assert_ne!(output.code, Some(0), "{output:?}");
        let name = format!(
            "DSCTL_{}",
            option
                .trim_start_matches("--")
                .replace('-', "_")
                .to_uppercase()
        );
        let output = world.dsctl("masters").env(&name, &value).run();
        assert_ne!(output.code, Some(0), "{output:?}");
    }
}

#[test]
fn a_read_only_postgres_is_left_as_it_is() {
    let world = World::idle(Store::Postgres, "3.2.2");
    world.instances([1]);
    let name = &world.env.database;
    Postgres::shared().sql(
        name,
        &format!("ALTER DATABASE {name} SET default_transaction_read_only = on"),
    );
    let output = world.run("failover 10.0.0.2:5678 --yes");
    assert_eq!(output.code, Some(4));
    assert!(
        output
            .stderr
            .contains("accepts no writes (default_transaction_read_only is on)"),
        "{output:?}"
    );
    assert_eq!(world.host(1), DEAD);
    assert!(world.queue().is_empty());
}

#[test]
fn a_sequence_that_lags_behind_is_named_and_nothing_is_claimed() {
    let world = World::idle(Store::Postgres, "3.2.2");
    world.instances([1, 2]);
    world.env.insert([
        seed::command(world.version, 0).id(1),
        seed::command(world.version, 0).id(2),
    ]);
    world
        .env
        .sql("SELECT setval('t_ds_command_id_sequence', 1, false)");
    let output = world.run("failover 10.0.0.2:5678 --yes");
    assert_ne!(output.code, Some(0));
    assert_eq!(
        (
            world.command_count(),
            world.host(1).as_str(),
            world.host(2).as_str()
        ),
        (0, DEAD, DEAD)
    );
    let hint = output.json()["error"]["hint"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(hint.contains("sequence"), "{output:?}");
}

/// It is no id that was generated twice: the rows that it lets in are handed over.
#[test]
fn a_unique_key_of_a_site_refuses_a_row_and_no_more() {
    for store in Store::ALL {
        let world = World::idle(store, "3.1.9");
        world.instances([1, 2, 3]);
        world
            .env
            .sql("CREATE UNIQUE INDEX one_each ON t_ds_command (process_definition_code)");
        let output = world.run("failover 10.0.0.2:5678 --yes").exit(7);
        let report = output.json();
        let skipped = report["masters"][0]["skipped"].as_array().unwrap();
        let reasons: Vec<_> = skipped
            .iter()
            .filter_map(|row| row["reason"].as_str())
            .collect();
        assert_eq!(
            (world.command_count(), reasons),
            (1, vec!["refused", "refused"]),
            "{store:?} {report}"
        );
        assert!(!report.to_string().contains("generated twice"), "{report}");
    }
}

#[test]
fn a_trigger_that_swallows_a_command_undoes_its_claim() {
    let world = World::idle(Store::Postgres, "3.2.2");
    world.instances([1, 2]);
    world.env.sql(
        "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN IF NEW.process_instance_id = 2 THEN RETURN NULL; END IF; RETURN NEW; END $$; \
         CREATE TRIGGER swallow BEFORE INSERT ON t_ds_command FOR EACH ROW EXECUTE PROCEDURE swallow()",
    );
    let output = world.run("failover 10.0.0.2:5678 --yes");
    let output = output.exit(7);
    assert_eq!(
        (
            world.command_count(),
            world.host(1).as_str(),
            world.host(2).as_str()
        ),
        (1, "NULL", DEAD)
    );
    assert_eq!(
        output.json()["masters"][0]["skipped"][0]["reason"],
        "refused"
    );
}

#[test]
fn views_in_place_of_tables_do() {
    for store in [Store::MariaDb, Store::Postgres] {
        let world = World::idle(store, "3.2.2");
        world.instances([1]);
        for table in ["t_ds_process_instance", "t_ds_command"] {
            world
                .env
                .sql(&format!("ALTER TABLE {table} RENAME TO {table}_real"));
            world.env.sql(&format!(
                "CREATE VIEW {table} AS SELECT * FROM {table}_real"
            ));
        }
        world.run("failover 10.0.0.2:5678 --yes").exit(0);
        assert_eq!(
            (world.command_count(), world.host(1).as_str()),
            (1, "NULL"),
            "{store:?}"
        );
    }
}

/// The registry's connection is not the metadata's: only that of the metadata becomes slow.
#[test]
fn a_scan_longer_than_the_session_of_the_jdbc_registry_does_not_lose_the_lock() {
    let mut world = World::idle(Store::Postgres, "3.4.1");
    world.instances([1]);
    let alive = Registered {
        server: Server::Master,
        ..registered_since(crate::harness::world::LIVING, Timestamp::now() - 3.hours())
    };
    world.env.register_in_database(world.version, &alive);
    world.env.unset("DSCTL_ZK");
    world.env.set("DSCTL_REGISTRY", "jdbc");
    // The look before the lock is over when the lock is waited for.
    world.env.sql(
        "INSERT INTO t_ds_jdbc_registry_lock (lock_key, lock_owner, client_id, create_time) \
         VALUES ('/lock/master-failover/10.0.0.2:5678', 'alive_1_main', 1, CURRENT_TIMESTAMP)",
    );
    let words = "failover 10.0.0.2:5678 --yes --session-timeout 2s --allow-new-masters";
    let mut running = world.dsctl(words).spawn();
    running.await_stderr("/lock/master-failover");
    let mut other = world.env.database();
    let lock = async {
        other
            .begin(
                dsctl::metadata::database::Access::Write,
                Duration::from_mins(1),
            )
            .await
            .unwrap();
        other
            .execute(&"LOCK TABLE t_ds_workflow_instance IN ACCESS EXCLUSIVE MODE".into())
            .await
            .unwrap();
    };
    crate::harness::wait(lock);
    world
        .env
        .sql("DELETE FROM t_ds_jdbc_registry_lock WHERE client_id = 1");
    eventually(Duration::from_secs(20), "the lock row", || {
        if world
            .env
            .number("SELECT COUNT(*) FROM t_ds_jdbc_registry_lock")
            == 1
        {
            Ok(())
        } else {
            Err("none")
        }
    });
    let client =
        "SELECT MIN(last_heartbeat_time) FROM t_ds_jdbc_registry_client_heartbeat WHERE id <> 1";
    let first = world.env.number(client);
    // So long that the session would have ended.
    eventually(
        Duration::from_secs(20),
        "heartbeats while the scan waits",
        || {
            let now = Timestamp::now().as_millisecond();
            if now - first > 2_500 {
                Ok(())
            } else {
                Err("not yet")
            }
        },
    );
    crate::harness::wait(other.rollback());
    running.finish().exit(0);
    assert_eq!(world.command_count(), 1);
}

/// A cluster whose masters all have new addresses looks the same: then the operator must say so.
#[test]
fn masters_that_no_instance_names_are_refused() {
    let mut world = World::idle(Store::Sqlite, "3.2.2");
    let _living = world.env.register(
        world.version,
        &registered_since(DEAD, Timestamp::now() - 2.hours()),
    );
    world.instances([1]);
    world.env.insert([world.instance(2).host("10.0.0.3:5678")]);
    world.run("failover --all-dead --dry-run").exit(0);
    // The operator names another cluster's root.
    let other = World::idle(Store::Sqlite, "3.2.2");
    world.env.set("DSCTL_NAMESPACE", &other.env.namespace);
    world
        .env
        .sql("DELETE FROM t_ds_process_instance WHERE host = '10.0.0.1:5678'");
    let (store, both) = (world.env.dump(), "--yes --allow-new-masters");
    for words in [
        "failover --all-dead --yes --grace 0s",
        "failover 10.0.0.3:5678 --yes",
        "recover --orphans --yes",
    ] {
        world.run(words).exit(4).out("--namespace");
        store.assert_same(&world.env.dump());
    }
    world.run(&format!("failover 10.0.0.3:5678 {both}")).exit(0);
    assert_eq!(world.command_count(), 1);
}

/// The hand-over is made, and that its answer cannot be written is said.
fn is_said_on_stderr(words: &[&str]) {
    let world = World::idle(Store::Sqlite, "3.2.2");
    world.instances([1]);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_dsctl"))
        .args(["--db", &world.env.url(), "--zk", &world.env.connect])
        .args(["--namespace", &world.env.namespace])
        .args(words)
        .stdout(full.unwrap())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        (output.status.code(), world.command_count()),
        (Some(1), 1),
        "{text}"
    );
    assert!(text.contains("the answer cannot be written"), "{text:?}");
}

#[test]
fn an_answer_that_cannot_be_written_is_said_on_stderr() {
    is_said_on_stderr(&["failover", DEAD, "--yes"]);
}

/// A round of cron too, which tells its events as a loop does.
#[test]
fn events_of_one_round_that_cannot_be_written_are_said_on_stderr() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("watch.json");
    let mut words: Vec<&str> = "watch --once --yes --grace 0s -o ndjson --state-file"
        .split_whitespace()
        .collect();
    words.push(state.to_str().unwrap());
    is_said_on_stderr(&words);
}

/// Somebody keeps a copy of one table in a schema of his own, which stands first in his search
/// path.
#[test]
fn a_copy_of_one_table_in_another_schema_is_not_taken_for_the_masters_own() {
    for table in [
        "t_ds_process_instance",
        "t_ds_task_instance",
        "t_ds_version",
    ] {
        let mut world = World::idle(Store::Postgres, "3.1.9");
        let name = world.env.database.clone();
        world.env.sql(&format!(
            "CREATE SCHEMA copies; CREATE TABLE copies.{table} AS SELECT * FROM public.{table}; \
             ALTER DATABASE {name} SET search_path = copies, public"
        ));
        let running = world.instance(1);
        wait(async {
            let mut database = world.env.database();
            database
                .execute(&"SET search_path = public".into())
                .await
                .unwrap();
            ddl::insert(&mut *database, running).await.unwrap();
            database.close().await;
        });
        world.env.set("DSCTL_DB", &Postgres::shared().url(&name));
        for words in [
            "masters",
            "failover --all-dead --yes --grace 0s",
            "recover --orphans --yes",
        ] {
            let output = world.run(words).exit(4);
            let message = output.json()["error"]["message"].to_string();
            assert!(
                message.contains(&format!(
                    "another schema in the search path has {table}, too"
                )),
                "{output:?}"
            );
        }
        world.env.set(
            "DSCTL_DB",
            &format!("{}?currentSchema=public", Postgres::shared().url(&name)),
        );
        world.run("failover --all-dead --yes --grace 0s").exit(0);
        assert_eq!(
            world
                .env
                .number("SELECT COUNT(*) FROM t_ds_command WHERE command_type = 2"),
            1
        );
    }
}

/// What nobody reads may stand wherever it likes.
#[test]
fn a_copy_of_a_table_that_is_not_read_is_in_nobodys_way() {
    let mut world = World::idle(Store::Postgres, "3.1.9");
    let name = world.env.database.clone();
    world.env.sql(&format!(
        "CREATE SCHEMA copies; CREATE TABLE copies.t_ds_user (id INT); \
         ALTER DATABASE {name} SET search_path = copies, public"
    ));
    world.instances([1]);
    world.env.set("DSCTL_DB", &Postgres::shared().url(&name));
    world.run("failover --all-dead --yes --grace 0s").exit(0);
    assert_eq!(world.command_count(), 1);
}
