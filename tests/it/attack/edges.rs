//! Instances left behind while the program says that all is well, and other ends of the scale.

use std::time::Duration;

use dsctl::demo::seed;
use dsctl::metadata::database::{Access, Database, Value};
use dsctl::model::Version;
use jiff::{Timestamp, ToSpan};

use crate::harness::world::{Cluster, DEAD, World, registered_since};
use crate::harness::{
    Dsctl, Env, Limits, MariaDb, Output, PASSWORD, Postgres, Store, ddl, eventually, wait,
};

/// A world whose metadata is on a MariaDB server of its own, with one instance that has these start
/// parameters.
fn on_own_mariadb(server: &MariaDb, parameters: &str) -> (World, Box<dyn Database>) {
    let mut world = World::idle(Store::MariaDb, "3.1.9");
    let name = world.env.database.clone();
    server.sql("", &format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"));
    world.env.set("DSCTL_DB", &server.url(&name));
    let mut database = wait(
        world
            .env
            .connect_to(server.port(), PASSWORD, Limits::default()),
    )
    .unwrap();
    let version = world.version;
    wait(ddl::create_schema(&mut *database, version)).unwrap();
    let rows = [
        seed::project(version),
        seed::definition(version),
        seed::definition_log(version),
        world.instance(1),
        world.instance(2).parameter(parameters),
    ];
    for row in rows {
        wait(ddl::insert(&mut *database, row)).unwrap();
    }
    (world, database)
}

/// Nobody has run anything in such a database yet.
const ON_OWN: &str = "failover 10.0.0.2:5678 --yes --allow-new-masters";

fn column(database: &mut dyn Database, sql: &str) -> Vec<String> {
    let mut found = Vec::new();
    wait(database.query(&sql.into(), &mut |row| found.extend(row.text(0)))).unwrap();
    found
}

#[test]
fn a_parameter_is_never_cut_whatever_the_servers_sql_mode() {
    let server = MariaDb::private();
    server.sql("", "SET GLOBAL sql_mode = ''");
    // TEXT holds 65,535 bytes, and the command's text is longer than the instance's.
    let long = format!(r#"{{"StartParams":"{}"}}"#, "x".repeat(65_510));
    let (world, mut database) = on_own_mariadb(&server, &long);
    let output = world.run(ON_OWN);
    for text in column(&mut *database, "SELECT command_param FROM t_ds_command") {
        assert!(
            serde_json::from_str::<serde_json::Value>(&text).is_ok(),
            "cut to {} bytes:\n{output:?}",
            text.len()
        );
    }
    // It does not hold up the others.
    let hosts = column(
        &mut *database,
        "SELECT host FROM t_ds_process_instance ORDER BY id",
    );
    assert_eq!(hosts, ["NULL", DEAD], "{output:?}");
    let output = output.exit(7);
    assert_eq!(
        output.json()["masters"][0]["skipped"][0]["reason"],
        "parameter_too_long"
    );
}

#[test]
fn ids_that_a_galera_cluster_gives_are_the_right_ones() {
    let server = MariaDb::private();
    server.sql(
        "",
        "SET GLOBAL auto_increment_increment = 3; SET GLOBAL auto_increment_offset = 2",
    );
    let (world, mut database) = on_own_mariadb(&server, "{}");
    let output = world.run(ON_OWN).exit(0);
    let rows = column(
        &mut *database,
        "SELECT CONCAT(process_instance_id, ' ', id) FROM t_ds_command WHERE command_type = 2 ORDER BY 1",
    );
    let recovered = output.json()["masters"][0]["recovered"].clone();
    let told: Vec<String> = recovered
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {}", one["instance_id"], one["command_id"]))
        .collect();
    assert_eq!(told, rows);
    assert_eq!(rows.len(), 2);
}

#[test]
fn a_server_without_autocommit_commits_all_the_same() {
    let server = MariaDb::private();
    server.sql("", "SET GLOBAL autocommit = 0; SET GLOBAL sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,TRADITIONAL'");
    let (world, mut database) = on_own_mariadb(&server, r#"{"StartParams":"{\"a\":\"\\\\n'\"}"}"#);
    world.run(ON_OWN).exit(0);
    let count = column(
        &mut *database,
        "SELECT COUNT(*) FROM t_ds_command WHERE command_type = 2",
    );
    assert_eq!(count, ["2"]);
    let text = column(
        &mut *database,
        "SELECT command_param FROM t_ds_command WHERE process_instance_id = 2",
    );
    assert_eq!(
        text,
        [r#"{"StartParams":"{\"a\":\"\\\\n'\"}","ProcessInstanceId":2}"#]
    );
}

#[test]
fn tables_without_transactions_are_refused() {
    let server = MariaDb::private();
    let (world, mut database) = on_own_mariadb(&server, "{}");
    let name = &world.env.database;
    server.sql(name, "ALTER TABLE t_ds_process_instance ENGINE = MyISAM");
    // The insert fails, and the claim before it cannot be undone.
    server.sql(
        name,
        "ALTER TABLE t_ds_command ADD COLUMN strange INT NOT NULL",
    );
    server.sql("", "SET GLOBAL sql_mode = 'STRICT_ALL_TABLES'");
    let output = world.run("failover 10.0.0.2:5678 --yes");
    let output = output.exit(4);
    let hosts = column(&mut *database, "SELECT host FROM t_ds_process_instance");
    assert_eq!(hosts, [DEAD, DEAD], "{output:?}");
}

/// Two releases in one PostgreSQL database: the tables of the first schema in the search path
/// count.
#[test]
fn a_newer_schema_behind_in_the_search_path_is_not_ours() {
    let mut world = World::idle(Store::Postgres, "3.1.9");
    world.instances([1]);
    world
        .env
        .sql("ALTER SCHEMA public RENAME TO active; CREATE SCHEMA public");
    // Left over from a rehearsal of the upgrade.
    let newer: Version = "3.4.1".parse().unwrap();
    world.env.create_schema(newer);
    let name = world.env.database.clone();
    world.env.sql(&format!(
        "ALTER DATABASE {name} SET search_path = active, public"
    ));
    world.env.set("DSCTL_DB", &Postgres::shared().url(&name));
    let output = world.run("failover --all-dead --yes --grace 0s").exit(0);
    assert_eq!(output.json()["family"], "3.1", "{output:?}");
    assert_eq!(
        (world.command_count(), world.host(1).as_str()),
        (1, "NULL"),
        "{output:?}"
    );
}

fn warnings(output: &Output) -> String {
    output.json()["warnings"].to_string()
}

#[test]
fn instances_without_any_host_are_not_passed_over_in_silence() {
    let world = World::idle(Store::Sqlite, "3.2.2");
    world.env.insert([world.instance(1).without("host")]);
    let output = world.run("failover --all-dead --yes --grace 0s").exit(0);
    assert!(warnings(&output).contains("no host"), "{output:?}");
}

#[test]
fn what_an_interrupted_clear_hosts_left_is_not_passed_over_in_silence() {
    let world = World::idle(Store::Sqlite, "3.4.1");
    world.instances([1, 2]);
    world.run("clear-hosts 10.0.0.2:5678 --yes").exit(0);
    // The terminal is gone, and with it the command that had to follow.
    for words in [
        "failover 10.0.0.2:5678 --yes",
        "failover --all-dead --yes --grace 0s",
    ] {
        let output = world.run(words).exit(0);
        assert!(
            warnings(&output).contains("recover --orphans"),
            "{output:?}"
        );
    }
}

#[test]
fn a_second_failover_of_3_3_0_is_refused_since_recovered_instances_look_the_same() {
    let world = World::idle(Store::Sqlite, "3.3.0");
    world.instances([1]);
    world.run("failover 10.0.0.2:5678 --yes").exit(4);
    world
        .run("failover 10.0.0.2:5678 --yes --allow-recovered")
        .exit(0);
    // A living master takes it up, as 3.3.0 does: the command goes, the state comes back, the host
    // stays.
    world
        .env
        .sql("DELETE FROM t_ds_command; UPDATE t_ds_workflow_instance SET state = 1");
    let output = world.run("failover 10.0.0.2:5678 --yes").exit(4);
    assert!(
        output.stdout.contains("may run elsewhere") && output.stdout.contains("--allow-recovered"),
        "{output:?}"
    );
    assert_eq!(world.command_count(), 0);
}

#[test]
fn the_limit_is_for_all_masters_together_and_known_before_the_first_write() {
    let world = World::idle(Store::Sqlite, "3.2.2");
    world.instances([1, 2]);
    world
        .env
        .insert([3, 4].map(|id| world.instance(id).host("10.0.0.3:5678")));
    let words = "failover 10.0.0.2:5678 10.0.0.3:5678 --yes --max-instances";
    let output = world.run(&format!("{words} 3")).exit(4);
    assert_eq!(world.command_count(), 0, "{output:?}");
    world.run(&format!("{words} 4")).exit(0);
    assert_eq!(world.command_count(), 4);
}

#[test]
fn strange_parameters_lose_nothing() {
    let world = World::idle(Store::Sqlite, "3.2.2");
    let cases = [
        // Jackson takes the last of two.
        (
            1,
            r#"{"StartParams":"{\"a\":1}","StartParams":"{\"b\":2}"}"#,
            r#"{"b":2}"#,
        ),
        (
            2,
            r#"{"StartParams":"{\"n\":123456789012345678901234567890.5e999}"}"#,
            "e999",
        ),
        (3, "\u{feff}{\"StartParams\":\"{}\"}", ""),
    ];
    for (id, text, _) in cases {
        world.env.insert([world.instance(id).parameter(text)]);
    }
    world.run("failover 10.0.0.2:5678 --yes").exit(0);
    for (id, _, kept) in cases {
        let rows = world.env.rows(&format!(
            "SELECT command_param FROM t_ds_command WHERE process_instance_id = {id}"
        ));
        let text = rows[0].text(0).unwrap().replace('\\', "");
        assert!(text.contains(kept), "{id}: {text}");
    }
}

#[test]
fn one_strange_host_does_not_keep_the_other_orphans_waiting() {
    let world = World::idle(Store::Sqlite, "3.4.1");
    for (id, host) in [
        (1, "10.0.0.2:5678"),
        (2, "../../nodes/master/x:1"),
        (3, ""),
        (4, "a b\n:1"),
        (5, "x/y:1"),
    ] {
        world.env.insert([world.instance(id).host(host).state(18)]);
    }
    let before = world.env.registry_dump().into_keys().collect::<Vec<_>>();
    let output = world.run("recover --orphans --yes --original-state running");
    let locks = world.env.path("lock");
    let after: Vec<String> = world
        .env
        .registry_dump()
        .into_keys()
        .filter(|path| !path.starts_with(&locks))
        .collect();
    assert_eq!(before, after, "{output:?}");
    let commands = world
        .env
        .number("SELECT COUNT(*) FROM t_ds_command WHERE workflow_instance_id = 1");
    assert_eq!(commands, 1, "{output:?}");
    // What is left is named, and is no success.
    let left = output
        .clone()
        .exit(7)
        .stdout
        .matches("strange_host")
        .count();
    assert_eq!(left, 4, "{output:?}");
}

/// Thousands of tasks in one batch are more text than a server takes in one statement.
#[test]
fn very_many_tasks_are_marked_in_statements_that_a_server_takes() {
    let server = MariaDb::private();
    let (world, mut database) = on_own_mariadb(&server, "{}");
    let tasks = "INSERT INTO t_ds_task_instance (id, name, task_type, task_code, process_instance_id, state, host, flag) \
                 SELECT 100000000 + seq, 't', 'SHELL', 1, 1 + seq % 2, 1, 'gone:1234', 1 FROM seq_1_to_120000";
    server.sql(&world.env.database, tasks);
    server.sql("", "SET GLOBAL max_allowed_packet = 1048576");
    let output = world.run(ON_OWN).exit(0);
    let marked = column(
        &mut *database,
        "SELECT COUNT(*) FROM t_ds_task_instance WHERE state = 8",
    );
    assert_eq!(marked, ["120000"], "{:.300}", output.stdout);
    assert_eq!(
        output.json()["masters"][0]["marked_tasks"]
            .as_array()
            .map(Vec::len),
        Some(120_000)
    );
}

/// For a collation two masters may be one that are not: neither hides the other's work.
#[test]
fn a_master_whose_name_differs_in_case_alone_is_not_passed_over() {
    for (living, dead) in [
        ("Master-1.ds:5678", "master-1.ds:5678"),
        ("master-1.ds:5678", "Master-1.ds:5678"),
    ] {
        let world = World::idle(Store::MariaDb, "3.1.9");
        world.env.sql("ALTER TABLE t_ds_process_instance CONVERT TO CHARACTER SET utf8 COLLATE utf8_general_ci");
        let _living = world.env.register(
            world.version,
            &registered_since(living, Timestamp::now() - 3.hours()),
        );
        world.env.insert([
            world.instance(1).host(living),
            world.instance(2).host(dead),
            world.instance(3).host(living),
        ]);
        let masters = world.run("masters").exit(0).json();
        let of = |address: &str| {
            masters["masters"]
                .as_array()
                .unwrap()
                .iter()
                .find(|one| one["address"] == address)
                .cloned()
        };
        let unfinished = [living, dead]
            .map(|address| of(address).map(|one| one["unfinished_instances"].clone()));
        assert_eq!(unfinished, [Some(2.into()), Some(1.into())], "{masters:#}");
        world.run("failover --all-dead --yes --grace 0s").exit(0);
        assert_eq!([1, 2, 3].map(|id| world.host(id)), [living, "NULL", living]);
    }
}

/// On such a server a reader sees what another one may still undo: it would say that nothing hangs.
#[test]
fn work_that_another_process_has_not_committed_is_not_taken_for_done() {
    let server = MariaDb::private();
    server.sql(
        "",
        "SET GLOBAL TRANSACTION ISOLATION LEVEL READ UNCOMMITTED",
    );
    let (world, mut database) = on_own_mariadb(&server, "{}");
    let mut other = wait(
        world
            .env
            .connect_to(server.port(), PASSWORD, Limits::default()),
    )
    .unwrap();
    wait(other.begin(Access::Write, Duration::from_mins(1))).unwrap();
    wait(other.execute(&"UPDATE t_ds_process_instance SET host = 'NULL'".into())).unwrap();
    let running = world
        .dsctl("failover --all-dead --yes --grace 0s --allow-new-masters")
        .spawn();
    eventually(
        Duration::from_secs(20),
        "somebody who waits for the rows",
        || {
            let waiting =
                "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE '%FOR UPDATE'";
            let waiting = column(&mut *database, waiting);
            if waiting == ["1"] {
                Ok(())
            } else {
                Err(waiting)
            }
        },
    );
    wait(other.rollback());
    assert_eq!(running.finish().exit(0).json()["recovered"], 2);
}

#[test]
fn start_parameters_and_great_numbers_arrive_to_the_letter() {
    let texts = [
        r#""it's ? $1 %s \\ \" ; -- \n""#,
        r#""\u0000 \u0001 \ud83d\ude80 \ud800""#,
        "\"每日 ✈ \u{2028}\u{feff}\u{7f}\"",
        r#"{ "ProcessInstanceId" : 5,  "n": 9007199254740993.0000e7 }"#,
        &format!("[\"{}\"]", r"\\u0000".repeat(9000)),
    ];
    for store in Store::ALL {
        let world = World::idle(store, "3.2.2");
        for table in ["t_ds_process_instance", "t_ds_command"] {
            match store {
                Store::Sqlite => {}
                Store::MariaDb => world
                    .env
                    .sql(&format!("ALTER TABLE {table} MODIFY executor_id BIGINT")),
                Store::Postgres => world.env.sql(&format!(
                    "ALTER TABLE {table} ALTER executor_id TYPE BIGINT"
                )),
            }
        }
        world.env.insert((1..).zip(&texts).map(|(id, text)| {
            let row = world.instance(id).set("executor_id", i64::MAX);
            let row = if id % 2 == 0 {
                row.set("process_instance_priority", Value::Null)
            } else {
                row
            };
            row.parameter(&format!(r#"{{"x":1, "StartParams": {text}}}"#))
        }));
        world.run("failover 10.0.0.2:5678 --yes").exit(0);
        let found = world.env.rows(
            "SELECT command_param, executor_id FROM t_ds_command ORDER BY process_instance_id",
        );
        assert_eq!(found.len(), texts.len(), "{store:?}");
        for ((id, text), row) in (1..).zip(&texts).zip(&found) {
            let expected = format!(r#"{{"StartParams":{text},"ProcessInstanceId":{id}}}"#);
            assert_eq!(
                (row.text(0), row.int(1)),
                (Some(expected), Some(i64::MAX)),
                "{store:?}"
            );
        }
    }
}

/// Servers, and what stands before them, end connections on which nothing is said for long; an
/// absence is seen for longer, and so is a lock waited for.
#[test]
fn a_connection_that_is_ended_while_nothing_is_asked_is_made_anew() {
    for (store, patience, connections) in [
        (
            Store::MariaDb,
            "SET GLOBAL wait_timeout = 3",
            "SELECT count(*) FROM information_schema.processlist WHERE command = 'Sleep'",
        ),
        (
            Store::Postgres,
            "ALTER SYSTEM SET idle_session_timeout = '3s'",
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle' AND pid <> pg_backend_pid()",
        ),
    ] {
        let (mariadb, postgres);
        let env = if store == Store::MariaDb {
            mariadb = MariaDb::private();
            mariadb.sql("", patience);
            Env::on_mariadb(&mariadb)
        } else {
            postgres = Postgres::private();
            postgres.sql("postgres", patience);
            postgres.sql("postgres", "SELECT pg_reload_conf()");
            Env::on_postgres(&postgres)
        };
        // One connection reads the table.
        let cluster = Cluster::of("3.4.1".parse().unwrap());
        let world = cluster.release_untold().in_json().long_living().in_env(env);
        world.instances([1]);
        world.run("failover --all-dead --yes --grace 7s").exit(0);
        assert_eq!(
            (world.command_count(), world.state(1)),
            (1, 18),
            "{store:?}"
        );
        world.instances([2]);
        let mut holder = world.dsctl("lock acquire 10.0.0.2:5678 --for 7s").spawn();
        holder.await_stderr("holding");
        world.run("failover 10.0.0.2:5678 --yes").exit(0);
        assert_eq!(
            (world.command_count(), world.state(2)),
            (2, 18),
            "{store:?}"
        );
        holder.finish().exit(0);
        // And so is a question that somebody thinks about.
        world.instances([3]);
        let mut asked = Dsctl::new(&world.env)
            .args(["failover", "10.0.0.2:5678"])
            .typed()
            .spawn();
        asked.await_stdout("[y/N]");
        eventually(
            Duration::from_mins(1),
            "the connection's end",
            || match world.env.number(connections) {
                0 => Ok(()),
                open => Err(open),
            },
        );
        asked.type_text("y\n");
        asked.finish().exit(0).out("1 handed over");
        assert_eq!(
            (world.command_count(), world.state(3)),
            (3, 18),
            "{store:?}"
        );
        world.instances([4]);
        let waits = world.run("failover --all-dead --yes --grace 7s --wait 1s");
        // Nobody takes it up here.
        waits.exit(7);
        assert_eq!(
            (world.command_count(), world.state(4)),
            (4, 18),
            "{store:?}"
        );
    }
}
