//! Trouble with one master or one row is told of that one, and everything else is done.

use dsctl::metadata::database::Access;
use serde_json::Value as Json;

use super::releases::release;
use super::world::{World, recovered, skipped};
use crate::harness::{Env, MariaDb, Running, Store, eventually, wait};
use std::time::Duration;

/// Ten instances of the dead master, and one of another dead one.
fn world(store: Store) -> World {
    filled(World::new(store, release("3.4.1")))
}

fn filled(world: World) -> World {
    world.env.insert((1..=10).map(|id| world.instance(id)));
    world.env.insert([world.instance(11).host(&second(&world))]);
    world
}

fn second(world: &World) -> String {
    world.address("master-e.ds", 5678)
}

fn of<'a>(report: &'a Json, master: &str) -> &'a Json {
    let masters = report["masters"].as_array().unwrap();
    masters
        .iter()
        .find(|entry| entry["address"] == master)
        .unwrap_or_else(|| panic!("no {master} in {report:#}"))
}

#[test]
fn a_lock_that_is_held_keeps_no_other_master_waiting() {
    let world = world(Store::Sqlite);
    let (dead, second) = (world.dead(), second(&world));
    let holder = world.env.holder(&dead);
    let words = "failover --all-dead --grace 0s --yes --lock-timeout 1s";
    let output = world.dsctl(words).run().exit(7).err(&dead);
    let report = output.json();
    assert_eq!(recovered(&report), [11], "{output:?}");
    assert_eq!(of(&report, &dead)["error"]["kind"], "lock_held");
    assert!(of(&report, &second)["error"].is_null());
    assert_eq!(report["error"]["kind"], "lock_held");
    // What is held is tried again; there is nothing else left to be done.
    let output = world.dsctl(words).run().exit(5);
    assert_eq!(of(&output.json(), &dead)["error"]["kind"], "lock_held");
    holder.signal("TERM");
    holder.finish();
    assert_eq!(
        recovered(&world.run(words, 0).json()),
        (1..=10).collect::<Vec<i64>>()
    );
}

#[test]
fn a_lock_that_is_given_back_in_time_is_taken_at_the_end() {
    let world = world(Store::Postgres);
    let (dead, second) = (world.dead(), second(&world));
    let holder = world.env.holder(&dead);
    let mut running = world
        .dsctl(&format!("failover {dead} {second} --yes --lock-timeout 1m"))
        .spawn();
    // The other one is not waited for.
    eventually(
        Duration::from_secs(30),
        "the command of the free master",
        || match world
            .env
            .number("SELECT COUNT(*) FROM t_ds_command WHERE workflow_instance_id = 11")
        {
            1 => Ok(()),
            other => Err(other),
        },
    );
    running.await_stderr("waiting for the lock");
    holder.signal("TERM");
    holder.finish();
    let output = running.finish().exit(0);
    let report = output.json();
    assert_eq!(recovered(&report), (1..=11).collect::<Vec<i64>>());
    // As they were named.
    assert_eq!(
        (
            &report["masters"][0]["address"],
            &report["masters"][1]["address"]
        ),
        (&dead.into(), &second.into())
    );
}

#[test]
fn all_masters_together_wait_once() {
    let world = world(Store::Sqlite);
    let masters = [
        world.dead(),
        second(&world),
        world.address("master-f.ds", 5678),
        world.address("master-g.ds", 5678),
    ];
    world.env.insert(
        masters[2..]
            .iter()
            .zip(12..)
            .map(|(host, id)| world.instance(id).host(host)),
    );
    let holders: Vec<Running> = masters
        .iter()
        .map(|master| world.env.holder(master))
        .collect();
    let report = world
        .dsctl("failover --all-dead --grace 0s --yes --lock-timeout 4s")
        .run()
        .exit(5)
        .json();
    for master in &masters {
        assert_eq!(of(&report, master)["error"]["kind"], "lock_held");
    }
    let elapsed = report["elapsed_ms"].as_u64().unwrap();
    assert!((4_000..12_000).contains(&elapsed), "{elapsed}");
    drop(holders);
}

#[test]
fn a_host_that_no_lock_can_be_made_of_ends_nothing() {
    let world = world(Store::Sqlite);
    let odd = "master-\u{e000}.ds:5678";
    world.env.insert([world.instance(12).host(odd)]);
    let output = world.run("failover --all-dead --grace 0s --yes", 7);
    let report = output.json();
    assert_eq!(recovered(&report), (1..=11).collect::<Vec<i64>>());
    assert!(
        !of(&report, odd)["error"]["message"]
            .as_str()
            .unwrap()
            .is_empty(),
        "{report:#}"
    );
}

#[test]
fn a_master_that_lives_is_refused_and_the_others_are_done() {
    let world = world(Store::Sqlite);
    let (dead, living) = (world.dead(), world.living());
    let report = world
        .run(&format!("failover {living} {dead} --yes"), 7)
        .json();
    assert_eq!(recovered(&report), (1..=10).collect::<Vec<i64>>());
    assert_eq!(of(&report, &living)["error"]["kind"], "refused");
    assert!(of(&report, &living)["error"]["hint"].is_string());
    let report = world
        .run_in_vain(&format!("failover {living} {dead} --yes"), 4)
        .json();
    assert!(of(&report, &dead)["error"].is_null());
    // What is alive is called so.
    assert_eq!(of(&report, &living)["verdict"], "alive");
}

#[test]
fn what_needs_a_human_is_not_hidden_behind_a_lock_that_is_held() {
    let world = world(Store::Sqlite);
    let (dead, second) = (world.dead(), second(&world));
    world.env.sql(
        "UPDATE t_ds_workflow_instance SET workflow_definition_code = 987654321 WHERE id <= 10",
    );
    let _holder = world.env.holder(&second);
    let words = "failover --all-dead --grace 0s --yes --lock-timeout 0s";
    let report = world.dsctl(words).run().exit(7).json();
    assert_eq!(
        (&report["error"]["kind"], &report["error"]["exit_code"]),
        (&"lock_held".into(), &7.into())
    );
    assert_eq!(
        of(&report, &dead)["skipped"].as_array().unwrap().len(),
        10,
        "{report:#}"
    );
    assert_eq!(of(&report, &second)["error"]["kind"], "lock_held");
}

#[test]
fn who_is_not_begun_is_named() {
    let world = world(Store::Sqlite);
    let (dead, second) = (world.dead(), second(&world));
    let report = world
        .run_in_vain(
            &format!("failover {dead} {second} --yes --max-instances 3"),
            4,
        )
        .json();
    for master in [&dead, &second] {
        assert_eq!(
            of(&report, master)["error"]["kind"],
            "not_begun",
            "{report:#}"
        );
    }
}

/// A database that refuses the commands of some instances.
fn refuse(env: &Env, condition: &str) {
    let condition = format!("NEW.workflow_instance_id {condition}");
    env.sql(&match env.store {
        Store::Sqlite => format!(
            "CREATE TRIGGER spoil BEFORE INSERT ON t_ds_command WHEN {condition} \
             BEGIN SELECT RAISE(ABORT, 'not this one'); END"
        ),
        Store::MariaDb => format!(
            "CREATE TRIGGER spoil BEFORE INSERT ON t_ds_command FOR EACH ROW BEGIN IF {condition} THEN \
             SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not this one'; END IF; END"
        ),
        Store::Postgres => format!(
            "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF {condition} THEN \
             RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END $$; \
             CREATE TRIGGER spoil BEFORE INSERT ON t_ds_command FOR EACH ROW EXECUTE PROCEDURE spoil()"
        ),
    });
}

#[test]
fn a_row_that_is_refused_is_named_and_the_others_are_done() {
    for store in Store::ALL {
        let world = world(store);
        refuse(&world.env, "IN (4, 7)");
        let report = world.run("failover --all-dead --grace 0s --yes", 7).json();
        assert_eq!(
            recovered(&report),
            [1, 2, 3, 5, 6, 8, 9, 10, 11],
            "{store:?}"
        );
        assert_eq!(
            skipped(&report),
            [(4, "refused".to_owned()), (7, "refused".to_owned())]
        );
        let detail = report["masters"][0]["skipped"][0]["detail"]
            .as_str()
            .unwrap();
        assert!(detail.contains("not this one"), "{detail}");
        // They are as they were, and there is one command for each of the others.
        let (left, commands) = (
            world.env.number(
                "SELECT COUNT(*) FROM t_ds_workflow_instance WHERE id IN (4, 7) AND state = 1",
            ),
            world.env.number("SELECT COUNT(*) FROM t_ds_command"),
        );
        assert_eq!((left, commands), (2, 9), "{store:?}");
    }
}

#[test]
fn a_database_that_refuses_every_row_is_told_in_its_words() {
    for store in Store::ALL {
        let world = world(store);
        refuse(&world.env, "> 0");
        let report = world
            .run_in_vain("failover --all-dead --grace 0s --yes --batch 2", 1)
            .json();
        for master in report["masters"].as_array().unwrap() {
            assert!(
                master["error"]["message"]
                    .as_str()
                    .unwrap()
                    .contains("not this one"),
                "{report:#}"
            );
        }
    }
}

/// Rows that somebody else keeps locked until this is dropped.
struct Locked(Box<dyn dsctl::metadata::database::Database>);

impl Locked {
    fn instances(env: &Env, ids: &str) -> Self {
        Self::rows(env, "t_ds_workflow_instance", ids)
    }

    fn rows(env: &Env, table: &str, ids: &str) -> Self {
        let mut database = env.database();
        wait(async {
            database
                .begin(Access::Write, Duration::from_mins(10))
                .await
                .unwrap();
            let sql = format!("SELECT id FROM {table} WHERE id IN ({ids}) FOR UPDATE");
            database.query(&sql.into(), &mut |_| ()).await.unwrap();
        });
        Self(database)
    }

    fn let_go(mut self) {
        wait(async {
            self.0.rollback().await;
            self.0.close().await;
        });
    }
}

fn rows_that_are_locked_are_named(world: &World) {
    let locked = Locked::instances(&world.env, "3, 9");
    let report = world
        .run("failover --all-dead --grace 0s --yes --timeout 2s", 7)
        .json();
    assert_eq!(
        recovered(&report),
        [1, 2, 4, 5, 6, 7, 8, 10, 11],
        "{report:#}"
    );
    assert_eq!(
        skipped(&report),
        [(3, "locked".to_owned()), (9, "locked".to_owned())]
    );
    let report = world
        .run("failover --all-dead --grace 0s --yes --timeout 2s", 7)
        .json();
    assert_eq!(
        (&report["recovered"], &report["error"]),
        (&0.into(), &Json::Null)
    );
    locked.let_go();
    assert_eq!(
        recovered(&world.run("failover --all-dead --grace 0s --yes", 0).json()),
        [3, 9]
    );
}

#[test]
fn rows_that_somebody_locks_are_named_and_the_others_are_done() {
    for store in [Store::MariaDb, Store::Postgres] {
        rows_that_are_locked_are_named(&world(store));
    }
}

/// A server that says it is older is asked for nothing that it would not know.
#[test]
fn rows_that_somebody_locks_are_named_where_none_can_be_passed_over() {
    let mut server = MariaDb::private();
    server.restart_with(&["--version=10.5.5-MariaDB"]);
    rows_that_are_locked_are_named(&filled(World::in_env(
        Env::on_mariadb(&server),
        release("3.4.1"),
    )));
}

#[test]
fn rows_that_are_let_go_in_time_are_done_at_the_end() {
    for store in [Store::MariaDb, Store::Postgres] {
        let world = world(store);
        // MariaDB looks at every row of a table that is next to empty, and waits for those that are
        // locked.
        world
            .env
            .insert((2000..2600).map(|id| world.instance(id).state(7)));
        world.env.sql(if store == Store::MariaDb {
            "ANALYZE TABLE t_ds_workflow_instance"
        } else {
            "ANALYZE"
        });
        let locked = Locked::instances(&world.env, "3");
        let running = world
            .dsctl("failover --all-dead --grace 0s --yes --timeout 40s")
            .spawn();
        eventually(
            Duration::from_secs(30),
            "the commands of all free rows",
            || match world.env.number("SELECT COUNT(*) FROM t_ds_command") {
                9.. => Ok(()),
                few => Err(few),
            },
        );
        locked.let_go();
        let report = running.finish().exit(0).json();
        assert_eq!(recovered(&report), (1..=11).collect::<Vec<i64>>());
    }
}

/// A master that died in the middle of a transaction keeps its commands locked until the server
/// notices.
fn with_a_locked_command(world: &World) -> Locked {
    let command = dsctl::demo::seed::command(world.version, 0).id(900);
    world.env.insert([command]);
    Locked::rows(&world.env, "t_ds_command", "900")
}

#[test]
fn a_command_that_somebody_locks_is_in_nobodys_way() {
    for store in [Store::MariaDb, Store::Postgres] {
        let world = world(store);
        let locked = with_a_locked_command(&world);
        let report = world
            .run("failover --all-dead --grace 0s --yes --timeout 2s", 0)
            .json();
        assert_eq!(recovered(&report), (1..=11).collect::<Vec<i64>>());
        locked.let_go();
    }
}

fn is_told_soon(world: &World) {
    let report = world
        .run("failover --all-dead --grace 0s --yes --timeout 3s", 6)
        .json();
    assert_eq!(report["recovered"], 0, "{report:#}");
    let hint = report["error"]["hint"].as_str().unwrap();
    assert!(
        hint.contains("another transaction is in conflict"),
        "{report:#}"
    );
    let elapsed = report["elapsed_ms"].as_u64().unwrap();
    assert!(elapsed < 50_000, "{elapsed}");
}

/// There the insert waits for every command that somebody has locked.
#[test]
fn a_locked_command_in_a_server_that_logs_statements_is_told_soon() {
    let mut server = MariaDb::private();
    server.restart_with(&["--log-bin", "--binlog-format=STATEMENT"]);
    let world = filled(World::in_env(Env::on_mariadb(&server), release("3.4.1")));
    let locked = with_a_locked_command(&world);
    is_told_soon(&world);
    locked.let_go();
    let report = world.run("failover --all-dead --grace 0s --yes", 0).json();
    assert_eq!(recovered(&report), (1..=11).collect::<Vec<i64>>());
}

/// An index that is built, say. Halves would wait as long as the whole.
#[test]
fn a_table_that_somebody_locks_is_told_soon() {
    for table in ["t_ds_command", "t_ds_workflow_instance"] {
        let world = world(Store::Postgres);
        let mut database = world.env.database();
        wait(async {
            database
                .begin(Access::Write, Duration::from_mins(10))
                .await
                .unwrap();
            database
                .execute(&format!("LOCK TABLE {table} IN SHARE MODE").into())
                .await
                .unwrap();
        });
        is_told_soon(&world);
        Locked(database).let_go();
        let report = world.run("failover --all-dead --grace 0s --yes", 0).json();
        assert_eq!(recovered(&report), (1..=11).collect::<Vec<i64>>());
    }
}
