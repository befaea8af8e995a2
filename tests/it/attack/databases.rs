//! Databases as sites have made them: triggers that rewrite what is written, rows that stand there
//! twice, rows that are hidden, other collations and types.

use dsctl::demo::Registered;
use dsctl::demo::seed::{self, Seed};

use crate::harness::world::{DEAD, World, registered};
use crate::harness::{PASSWORD, Store, USER, wait};

/// Another master that lives.
const OTHER: &str = "10.0.0.7:5678";

pub const ALL_DEAD: &str = "failover --all-dead --yes --grace 0s";

/// A run that does not succeed, says why, and leaves the database as it was.
#[track_caller]
pub fn refused(world: &World, words: &str, text: &str) {
    let before = world.env.dump();
    let output = world.run(words).tells(text);
    assert_ne!(output.code, Some(0), "{output:?}");
    before.assert_same(&world.env.dump());
}

/// Nothing that hangs is handed over, as its claim does not stand.
fn assert_no_claim_stands(world: &World) {
    for words in [ALL_DEAD, &format!("clear-hosts {DEAD} --yes")] {
        refused(world, words, "did not stay as it was written");
    }
}

/// What keeps a claim from being written as it should be.
pub fn keeps(store: Store, table: &str, column: &str) -> String {
    match store {
        Store::MariaDb => format!(
            "CREATE TRIGGER keeps BEFORE UPDATE ON {table} FOR EACH ROW SET NEW.{column} = OLD.{column}"
        ),
        Store::Postgres => format!(
            "CREATE FUNCTION keeps() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.{column} := OLD.{column}; RETURN NEW; \
             END $$; CREATE TRIGGER keeps BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE PROCEDURE keeps()"
        ),
        Store::Sqlite => format!(
            "CREATE TRIGGER keeps AFTER UPDATE ON {table} BEGIN UPDATE {table} SET {column} = OLD.{column} WHERE id = NEW.id; END"
        ),
    }
}

#[test]
fn a_claim_that_a_trigger_takes_back_is_no_hand_over() {
    for store in [Store::MariaDb, Store::Postgres, Store::Sqlite] {
        for (version, column) in [("1.3.9", "host"), ("3.2.2", "host"), ("3.4.1", "state")] {
            let world = World::idle(store, version);
            world.instances([1, 2]);
            world.env.sql(&keeps(store, world.table(), column));
            assert_no_claim_stands(&world);
        }
    }
}

/// A site that moves what has ended elsewhere takes a claim for an end.
#[test]
fn a_claim_whose_row_is_gone_is_no_hand_over() {
    for (version, when) in [("3.2.2", "NEW.host = 'NULL'"), ("3.4.1", "NEW.state = 18")] {
        let world = World::idle(Store::Postgres, version);
        world.instances([1, 2]);
        let table = world.table();
        world.env.sql(&format!(
            "CREATE FUNCTION away() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN DELETE FROM {table} WHERE id = NEW.id; RETURN NULL; END $$; \
             CREATE TRIGGER away AFTER UPDATE ON {table} FOR EACH ROW WHEN ({when}) EXECUTE PROCEDURE away()"
        ));
        assert_no_claim_stands(&world);
    }
}

#[test]
fn a_command_that_a_trigger_makes_another_one_is_none() {
    for version in ["1.3.9", "3.2.2", "3.4.1"] {
        let world = World::idle(Store::Postgres, version);
        world.instances([1]);
        world.env.sql(
            "CREATE FUNCTION other() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.command_type := 0; RETURN NEW; END $$; \
             CREATE TRIGGER other BEFORE INSERT ON t_ds_command FOR EACH ROW EXECUTE PROCEDURE other()",
        );
        let before = world.env.dump();
        let output = world.run(ALL_DEAD);
        assert!(!matches!(output.code, Some(0)), "{output:?}");
        output
            .clone()
            .tells("0 commands were inserted instead of 1");
        before.assert_same(&world.env.dump());
    }
}

/// Statements that make what is inserted into the command table vanish at once, or write it down.
fn behind(store: Store, deed: &str) -> String {
    if store == Store::Sqlite {
        return format!(
            "CREATE TABLE noted (id bigint); \
             CREATE TRIGGER behind AFTER INSERT ON t_ds_command BEGIN {deed}; END"
        );
    }
    format!(
        "CREATE TABLE noted (id bigint); \
         CREATE FUNCTION behind() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {deed}; RETURN NULL; END $$; \
         CREATE TRIGGER behind AFTER INSERT ON t_ds_command FOR EACH ROW EXECUTE PROCEDURE behind()"
    )
}

#[test]
fn a_command_that_is_gone_behind_its_insert_is_none() {
    let deed = "DELETE FROM t_ds_command WHERE id = NEW.id";
    for version in ["1.3.9", "3.2.2", "3.4.1"] {
        for store in [Store::Postgres, Store::Sqlite] {
            let world = World::idle(store, version);
            world.instances([1, 2]);
            world.env.sql(&behind(store, deed));
            let before = world.env.dump();
            let output = world.run(ALL_DEAD);
            assert!(!matches!(output.code, Some(0)), "{output:?}");
            output.clone().tells("0 commands were inserted instead of ");
            before.assert_same(&world.env.dump());
        }
    }
}

#[test]
fn a_trigger_that_notes_commands_is_in_nobodys_way() {
    for store in [Store::Postgres, Store::Sqlite] {
        for version in ["1.3.9", "3.2.2", "3.4.1"] {
            let world = World::idle(store, version);
            world.instances([1, 2]);
            world
                .env
                .sql(&behind(store, "INSERT INTO noted VALUES (NEW.id)"));
            world.run(ALL_DEAD).exit(0);
            assert_eq!(world.command_count(), 2, "{store:?} {version}");
        }
    }
}

fn claimed(world: &World, id: i64) -> Seed {
    world.instance(id).host("NULL")
}

/// A dump that was loaded twice into tables without their keys.
fn doubled(store: Store, world: &World, id: i64) {
    let table = world.table();
    let no_key = match store {
        Store::MariaDb => format!("ALTER TABLE {table} MODIFY id int NOT NULL, DROP PRIMARY KEY"),
        _ => format!("ALTER TABLE {table} DROP CONSTRAINT {table}_pkey CASCADE"),
    };
    world.env.sql(&format!(
        "{no_key}; INSERT INTO {table} SELECT * FROM {table} WHERE id = {id}"
    ));
}

#[test]
fn an_instance_of_two_rows_gets_no_command_and_is_named_once() {
    for store in [Store::MariaDb, Store::Postgres] {
        for version in ["1.3.9", "3.2.2"] {
            let world = World::idle(store, version);
            world.env.insert([claimed(&world, 1), claimed(&world, 2)]);
            world.instances([3, 4]);
            doubled(store, &world, 1);
            world.env.sql(&format!(
                "INSERT INTO {0} SELECT * FROM {0} WHERE id = 3",
                world.table()
            ));
            for (words, id, commands) in [
                (format!("failover {DEAD} --dry-run"), 3, 0),
                (ALL_DEAD.to_owned(), 3, 1),
                ("recover --orphans --yes".to_owned(), 1, 2),
                ("recover --orphans --yes".to_owned(), 1, 2),
            ] {
                let output = world.run(&words).exit(7);
                let skipped = &output.json()["masters"][0]["skipped"];
                let named: Vec<_> = skipped
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter(|entry| entry["reason"] == "doubled")
                    .map(|entry| entry["instance_id"].as_i64().unwrap())
                    .collect();
                assert_eq!(
                    (named, world.command_count()),
                    (vec![id], commands),
                    "{store:?} {version} {words}: {output:?}"
                );
            }
        }
    }
}

/// As somebody to whom row level security shows commands alone that he has not to do with.
fn as_guest(world: &mut World) -> String {
    let role = format!("{}_guest", world.env.database);
    world.env.sql(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}; \
         GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}"
    ));
    let url = world
        .env
        .url()
        .replacen(&format!("//{USER}:"), &format!("//{role}:"), 1);
    world.env.set("DSCTL_DB", &url);
    role
}

#[test]
fn commands_and_tasks_that_are_hidden_are_written_upon_by_nobody() {
    for (version, table) in [
        ("3.2.2", "t_ds_command"),
        ("3.1.9", "t_ds_task_instance"),
        ("3.2.2", "t_ds_task_instance"),
    ] {
        let mut world = World::idle(Store::Postgres, version);
        world.env.insert([claimed(&world, 1)]);
        world.instances([2]);
        world.run("recover --orphans --yes").exit(0);
        let role = as_guest(&mut world);
        world.env.sql(&format!(
            "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; CREATE POLICY none ON {table} USING (false) WITH CHECK (true)"
        ));
        world.run("masters").exit(0);
        let before = world.env.dump();
        let (code, commands) = if (version, table) == ("3.2.2", "t_ds_task_instance") {
            // No task is looked at there.
            (0, 2)
        } else {
            (4, 1)
        };
        for words in [
            "recover --orphans --yes",
            &format!("failover {DEAD} --dry-run"),
            ALL_DEAD,
        ] {
            let output = world.run(words).exit(code);
            if code == 4 {
                output
                    .clone()
                    .tells(&format!("row level security hides rows of {table}"));
                before.assert_same(&world.env.dump());
            }
        }
        assert_eq!(world.command_count(), commands, "{version} {table}");
        world
            .env
            .sql(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    }
}

/// Row level security that gives every row to everybody is in nobody's way, but for a policy that
/// takes some of them back.
#[test]
fn a_policy_that_shows_everything_hides_nothing() {
    let mut world = World::idle(Store::Postgres, "3.2.2");
    world.instances([1]);
    let role = as_guest(&mut world);
    let policy = |table: &str, name: &str, rest: &str| {
        world.env.sql(&format!(
            "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; CREATE POLICY {name} ON {table} {rest}"
        ));
    };
    for table in ["t_ds_command", "t_ds_process_instance"] {
        policy(table, "all_rows", &format!("TO {role} USING (true)"));
    }
    policy("t_ds_command", "part", "AS RESTRICTIVE USING (id > 0)");
    let output = world.run(ALL_DEAD).exit(4);
    output
        .clone()
        .tells("row level security hides rows of t_ds_command from");
    world
        .env
        .sql("DROP POLICY part ON t_ds_command; DROP POLICY all_rows ON t_ds_command");
    policy("t_ds_command", "read", "FOR SELECT USING (true)");
    world.run(ALL_DEAD).exit(4);
    policy("t_ds_command", "of_another", "TO pg_monitor USING (true)");
    world.run(ALL_DEAD).exit(4);
    policy("t_ds_command", "all_rows", "USING (true)");
    let output = world.run(ALL_DEAD).exit(0);
    assert_eq!(output.json()["warnings"], serde_json::json!([]));
    assert_eq!(world.command_count(), 1);
    world
        .env
        .sql(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}

/// A collation that takes two hosts for one hides neither.
#[test]
fn hosts_that_a_collation_takes_for_one_are_two() {
    let change = |store| match store {
        Store::Sqlite => {
            "PRAGMA writable_schema = 1; UPDATE sqlite_master SET sql = replace(sql, 'host varchar(135)', \
             'host varchar(135) COLLATE NOCASE') WHERE name = 't_ds_process_instance'"
        }
        _ => {
            "CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false); \
             ALTER TABLE t_ds_process_instance ALTER host TYPE varchar(135) COLLATE ci"
        }
    };
    for store in [Store::Postgres, Store::Sqlite, Store::MariaDb] {
        let world = World::idle(store, "3.1.9");
        if store != Store::MariaDb {
            world.env.sql(change(store));
        }
        world.env.insert([
            world.instance(1).host("Master-X:5678"),
            world.instance(2).host("master-x:5678"),
        ]);
        let output = world.run(ALL_DEAD).exit(0);
        assert_eq!(
            (world.host(1).as_str(), world.host(2).as_str()),
            ("NULL", "NULL"),
            "{store:?}: {output:?}"
        );
        assert_eq!(world.command_count(), 2, "{store:?}");
    }
}

#[test]
fn decimal_ids_are_ids() {
    for (store, kind) in [
        (Store::Postgres, "numeric(20)"),
        (Store::Postgres, "numeric(20, 2)"),
        (Store::MariaDb, "decimal(20, 2)"),
    ] {
        for version in ["1.3.9", "3.1.9", "3.2.2"] {
            let world = World::idle(store, version);
            let (table, alter) = (
                world.table(),
                if store == Store::MariaDb {
                    "MODIFY id"
                } else {
                    "ALTER id TYPE"
                },
            );
            world.instances([1, 120_000]);
            world
                .env
                .insert([seed::task(world.version, 1).id(11).host("10.0.0.9:1234")]);
            for table in [table, "t_ds_task_instance"] {
                world
                    .env
                    .sql(&format!("ALTER TABLE {table} {alter} {kind}"));
            }
            let listed = world.run(&format!("instances {DEAD}")).exit(0).json();
            assert_eq!(
                listed["instances"].as_array().unwrap().len(),
                2,
                "{kind} {version}: {listed}"
            );
            let output = world.run(ALL_DEAD).exit(0);
            assert_eq!(world.command_count(), 2, "{kind} {version}: {output:?}");
            world.run("recover --orphans --yes").exit(0);
            assert_eq!(world.command_count(), 2, "{kind} {version}");
        }
    }
}

/// What a server grants its other clients between two statements of a transaction.
#[test]
fn a_server_of_little_patience_between_two_statements_is_served() {
    let mut world = World::idle(Store::Postgres, "3.2.2");
    world.instances([1]);
    world.env.sql(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET idle_in_transaction_session_timeout = 1', current_database()); END $$",
    );
    world.run("masters").exit(0).out("dead");
    world.env.set("DSCTL_TIME_ZONE", "Asia/Shanghai");
    world.run(&format!("failover {DEAD} --dry-run")).exit(0);
    world.run(ALL_DEAD).exit(0);
    assert_eq!(world.command_count(), 1);
}

/// A cluster whose registry is in its database: two masters live, one is dead.
fn in_database(store: Store) -> World {
    let mut world = World::idle(store, "3.4.1");
    world.close_living();
    world.move_registry_inside();
    let other = Registered {
        client: 2,
        ..registered(OTHER)
    };
    world.env.register_in_database(world.version, &other);
    world.instances([1]);
    world.env.insert([world.instance(2).host(OTHER)]);
    world
}

/// A living master whose row is not shown looks dead.
#[test]
fn a_registry_of_which_a_part_is_hidden_shows_nobody_dead() {
    for table in [
        "t_ds_jdbc_registry_data",
        "t_ds_jdbc_registry_client_heartbeat",
        "t_ds_jdbc_registry_lock",
    ] {
        let mut world = in_database(Store::Postgres);
        let role = as_guest(&mut world);
        let hidden = match table {
            "t_ds_jdbc_registry_data" => format!("data_key LIKE '%{OTHER}'"),
            "t_ds_jdbc_registry_lock" => "true".to_owned(),
            _ => "id = 2".to_owned(),
        };
        world.env.sql(&format!(
            "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; \
             CREATE POLICY part ON {table} USING (NOT ({hidden})) WITH CHECK (true)"
        ));
        let before = world.env.dump();
        for words in [
            "failover --all-dead --dry-run",
            ALL_DEAD,
            "lock acquire 10.0.0.2:5678 --for 1s",
        ] {
            let output = world.run(words).exit(4);
            output
                .clone()
                .tells(&format!("row level security hides rows of {table}"));
            before.assert_same(&world.env.dump());
        }
        world
            .env
            .sql(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    }
}

/// Somebody's transaction that has written a lock and does not end, as a prepared one or that of a
/// frozen process, holds this one master up and nobody else.
#[test]
fn a_lock_that_is_not_committed_yet_is_held() {
    for store in [Store::Postgres, Store::MariaDb] {
        let world = in_database(store);
        world.env.insert([world.instance(3).host("10.0.0.8:5678")]);
        let mut holder = world.uncommitted_holder();
        let words = format!("failover {DEAD} --yes --lock-timeout 0s --timeout 2s");
        let output = world.run(&words).exit(5);
        output.clone().tells("is held by another client");
        let output = world.run(&format!("{ALL_DEAD} --lock-timeout 0s --timeout 2s"));
        assert_eq!(
            (
                output.code,
                world.state(1),
                world.state(3),
                world.command_count()
            ),
            (Some(7), 1, 18, 1),
            "{store:?}: {output:?}"
        );
        wait(holder.rollback());
        world.run(ALL_DEAD).exit(0);
        assert_eq!(
            (world.state(1), world.command_count()),
            (18, 2),
            "{store:?}"
        );
        wait(holder.close());
    }
}
