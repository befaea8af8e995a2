//! What a database does behind what is written: put off until COMMIT, behind a view, or where
//! nothing can be undone.

use dsctl::demo::seed;

use crate::attack::databases::{ALL_DEAD, keeps, refused};
use crate::harness::world::{DEAD, World};
use crate::harness::{At, Env, MariaDb, Store};

/// A trigger behind a table's rows, which does this for each.
fn trigger(kind: &str, deed: &str) -> String {
    format!(
        "CREATE FUNCTION deed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {deed}; RETURN NULL; END $$; \
         CREATE {kind} FOR EACH ROW EXECUTE PROCEDURE deed()"
    )
}

/// An instance of the dead master's as it was before.
fn unclaimed(world: &World) -> &'static str {
    if world.table() == "t_ds_workflow_instance" {
        "state = 1"
    } else {
        "host = '10.0.0.2:5678'"
    }
}

#[test]
fn what_is_put_off_until_commit_is_seen_before_it() {
    for version in ["1.3.9", "3.2.2", "3.4.1"] {
        let world = World::idle(Store::Postgres, version);
        world.instances([1, 2]);
        world.env.sql(&trigger(
            "CONSTRAINT TRIGGER late AFTER INSERT ON t_ds_command DEFERRABLE INITIALLY DEFERRED",
            "DELETE FROM t_ds_command WHERE id = NEW.id",
        ));
        refused(&world, ALL_DEAD, "0 commands were inserted instead of ");
        let (table, unclaimed) = (world.table(), unclaimed(&world));
        world.env.sql(&format!(
            "DROP TRIGGER late ON t_ds_command; DROP FUNCTION deed(); {}",
            trigger(
                &format!(
                    "CONSTRAINT TRIGGER late AFTER UPDATE ON {table} DEFERRABLE INITIALLY DEFERRED"
                ),
                &format!("UPDATE {table} SET {unclaimed} WHERE id = NEW.id AND NOT ({unclaimed})"),
            )
        ));
        for words in [ALL_DEAD, &format!("clear-hosts {DEAD} --yes")] {
            refused(&world, words, "did not stay as it was written");
        }
    }
}

#[test]
fn an_insert_that_takes_the_claim_back_is_no_hand_over() {
    for version in ["1.3.9", "3.2.2", "3.4.1"] {
        for store in [Store::Postgres, Store::Sqlite] {
            let world = World::idle(store, version);
            world.instances([1, 2]);
            let deed = format!(
                "UPDATE {} SET {} WHERE id IN (1, 2)",
                world.table(),
                unclaimed(&world)
            );
            world.env.sql(&match store {
                Store::Sqlite => {
                    format!("CREATE TRIGGER back AFTER INSERT ON t_ds_command BEGIN {deed}; END")
                }
                _ => trigger("TRIGGER back AFTER INSERT ON t_ds_command", &deed),
            });
            refused(&world, ALL_DEAD, "did not stay as it was written");
        }
    }
}

#[test]
fn what_is_done_behind_a_view_is_seen() {
    for version in ["1.3.9", "3.4.1"] {
        let world = World::idle(Store::Postgres, version);
        world.instances([1, 2]);
        world.env.sql(&format!(
            "ALTER TABLE t_ds_command RENAME TO behind; CREATE VIEW t_ds_command AS SELECT * FROM behind; {}",
            trigger(
                "TRIGGER away AFTER INSERT ON behind",
                "DELETE FROM behind WHERE id = NEW.id"
            )
        ));
        refused(&world, ALL_DEAD, "0 commands were inserted instead of ");
        world.env.sql("DROP TRIGGER away ON behind");
        world.run(ALL_DEAD).exit(0);
        assert_eq!(world.command_count(), 2, "{version}");
    }
}

#[test]
fn a_view_of_what_cannot_be_undone_is_written_upon_by_nobody() {
    for version in ["1.3.9", "3.4.1"] {
        for of_commands in [true, false] {
            let world = World::idle(Store::MariaDb, version);
            world.instances([1, 2]);
            let table = if of_commands {
                "t_ds_command"
            } else {
                world.table()
            };
            world.env.sql(&format!(
                "ALTER TABLE {table} ENGINE = MyISAM; RENAME TABLE {table} TO behind; CREATE VIEW {table} AS SELECT * FROM behind"
            ));
            let dry = format!("failover {DEAD} --dry-run");
            for words in [ALL_DEAD, &dry, "recover --orphans --yes"] {
                let seen = format!("what the view {table} shows");
                world.run(words).exit(4).tells(&seen);
            }
            assert_eq!(world.command_count(), 0);
            world.env.sql("ALTER TABLE behind ENGINE = InnoDB");
            world.run(ALL_DEAD).exit(0);
            assert_eq!(world.command_count(), 2, "{version} {table}");
        }
    }
}

/// A server that logs statements shows a transaction the rows as they were when it first looked at
/// some without locking them; the marks are the first that are looked at so.
#[test]
fn a_task_that_ends_meanwhile_is_no_mark_taken_back() {
    let mut server = MariaDb::private();
    server.restart_with(&["--log-bin", "--binlog-format=STATEMENT"]);
    let mut world = World::idle_in(Env::on_mariadb(&server), "3.1.9");
    world.instances([1, 2]);
    let task = seed::task(world.version, 1).id(11).host("10.0.0.9:1234");
    world.env.insert([task]);
    world
        .env
        .sql("UPDATE t_ds_task_instance SET submit_time = CURRENT_TIMESTAMP");
    let proxy = world.env.through_proxy();
    proxy.trap(b"UPDATE t_ds_task_instance", At::Hold);
    let running = world.dsctl(ALL_DEAD).args(["-o", "json"]).spawn();
    proxy.await_sprung();
    world
        .env
        .sql("UPDATE t_ds_task_instance SET state = 7 WHERE id = 11");
    proxy.go_on();
    let report = running.finish().exit(0).json();
    assert_eq!(
        report["masters"][0]["marked_tasks"],
        serde_json::json!([]),
        "{report}"
    );
    assert_eq!(world.command_count(), 2, "{report}");
}

/// A task without its mark is waited for by whoever takes its instance up, for ever.
#[test]
fn a_mark_that_a_trigger_takes_back_is_no_hand_over() {
    for version in ["2.0.9", "3.1.9"] {
        for store in [Store::MariaDb, Store::Postgres, Store::Sqlite] {
            let world = World::idle(store, version);
            world.instances([1, 2]);
            world
                .env
                .insert([seed::task(world.version, 1).id(11).host("10.0.0.9:1234")]);
            world
                .env
                .sql("UPDATE t_ds_task_instance SET submit_time = CURRENT_TIMESTAMP");
            world.env.sql(&keeps(store, "t_ds_task_instance", "state"));
            let output = world.run(ALL_DEAD).exit(7);
            output
                .clone()
                .tells("the mark of task 11 did not stay as it was written");
            assert_eq!(
                (world.host(1).as_str(), world.command_count()),
                (DEAD, 1),
                "{store:?} {version}: {output:?}"
            );
            world.env.sql(if store == Store::Postgres {
                "DROP TRIGGER keeps ON t_ds_task_instance"
            } else {
                "DROP TRIGGER keeps"
            });
            let output = world.run(ALL_DEAD).exit(0);
            assert_eq!(
                output.json()["masters"][0]["marked_tasks"],
                serde_json::json!([11]),
                "{store:?} {version}"
            );
        }
    }
}

#[test]
fn a_second_command_that_a_trigger_makes_is_none_of_ours() {
    for (version, instance) in [
        ("1.3.9", "command_param"),
        ("3.2.2", "process_instance_id"),
        ("3.4.1", "workflow_instance_id"),
    ] {
        let code = match version {
            "1.3.9" => "process_definition_id",
            "3.2.2" => "process_definition_code",
            _ => "workflow_definition_code",
        };
        for store in [Store::Postgres, Store::Sqlite] {
            let world = World::idle(store, version);
            world.instances([1, 2]);
            let columns = format!("command_type, {code}, {instance}");
            let deed = format!(
                "INSERT INTO t_ds_command ({columns}) SELECT {columns} FROM t_ds_command \
                 WHERE id = NEW.id AND (SELECT COUNT(*) FROM t_ds_command) < 4"
            );
            world.env.sql(&match store {
                Store::Sqlite => {
                    format!("CREATE TRIGGER twice AFTER INSERT ON t_ds_command BEGIN {deed}; END")
                }
                _ => trigger("TRIGGER twice AFTER INSERT ON t_ds_command", &deed),
            });
            refused(&world, ALL_DEAD, "commands were inserted instead of ");
        }
    }
}
