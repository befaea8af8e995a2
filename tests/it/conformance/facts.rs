//! What is said of releases and could be read in their sources alone: here their servers show it.

use std::time::Duration;

use super::release::{Release, V3_1_1, V3_1_1_MYSQL, V3_1_1_MYSQL_SLOW};
use super::seed::{self, Task};
use super::server::Kind;
use super::world::{LONG, SHORT, World};
use crate::harness::{Store, eventually};

const SOON: Duration = Duration::from_secs(90);

/// 3.1: a master that takes an instance up goes on waiting for a task that still runs; but the worker sends the result to
/// the master that is dead. That is why all unfinished tasks are marked.
#[test]
fn an_unmarked_task_of_3_1_1_hangs() {
    let Some(world) = World::new("an_unmarked_task_of_3_1_1_hangs", &V3_1_1) else {
        return;
    };
    seed::workflow(
        &world.env,
        100,
        &[Task::shell(101, &world.waiting_script("a"))],
    );
    let (dead, worker) = (
        world.start(Kind::Master, SHORT),
        world.start(Kind::Worker, LONG),
    );
    let (mut dead, worker) = (dead.registered(&world.env), worker.registered(&world.env));
    seed::start(&world.env, 100, "{}");
    let running = "SELECT count(*) FROM t_ds_task_instance WHERE state = 1";
    world.await_number(SOON, running, 1, &[&dead, &worker]);
    world.await_runs("a", 1, &[&dead, &worker]);
    dead.kill();
    world.env.zk().await_absence(&dead.node);

    seed::hand_over(&world.env, 1, 100);
    let mut second = world.start(Kind::Master, SHORT).registered(&world.env);
    let there = format!(
        "SELECT count(*) FROM t_ds_process_instance WHERE state = 1 AND host = '{}'",
        second.address
    );
    world.await_number(SOON, &there, 1, &[&second, &worker]);
    // The worker hears of its new master, and then the script ends.
    eventually(SOON, "the new master's message", || {
        said(&worker.log(), "received host update command")
    });
    world.let_go();
    let unheard = eventually(SOON, "the result", || {
        said(
            &worker.log(),
            "Send message error, messageType: TASK_EXECUTE_RESULT",
        )
    });
    assert!(
        unheard.contains(&dead.address) && !unheard.contains(&second.address),
        "{unheard}"
    );
    assert_eq!(world.ended("a", 1), 1);
    assert_eq!(world.env.number(&there), 1);
    assert_eq!(world.env.number(running), 1);

    // Our failover marks the task, and the next master runs it again, to its end.
    second.kill();
    world.env.zk().await_absence(&second.node);
    let arguments = [
        "failover",
        &second.address,
        "--yes",
        "--allow-duplicate-tasks",
        "--allow-no-masters",
    ];
    world.dsctl(&arguments).exit(0);
    let third = world.start(Kind::Master, LONG).registered(&world.env);
    let ended = "SELECT count(*) FROM t_ds_process_instance WHERE state = 7";
    world.await_number(SOON, ended, 1, &[&third, &worker]);
    assert_eq!(world.runs("a"), 2);
}

/// 3.1: one unfinished instance whose host is SQL's NULL, and no master looks after anybody's instances any more.
#[test]
fn a_null_as_host_breaks_the_periodic_check_of_3_1_1() {
    let Some(world) = World::new("a_null_as_host_breaks_the_periodic_check_of_3_1_1", &V3_1_1)
    else {
        return;
    };
    let env = &world.env;
    seed::workflow(env, 100, &[Task::shell(101, "true")]);
    // No worker is there, so that the instance stays unfinished.
    let mut dead = world.start(Kind::Master, SHORT).registered(env);
    seed::start(env, 100, "{}");
    let held = format!(
        "SELECT count(*) FROM t_ds_process_instance WHERE state = 1 AND host = '{}'",
        dead.address
    );
    world.await_number(SOON, &held, 1, &[&dead]);
    dead.kill();
    env.zk().await_absence(&dead.node);
    seed::again(&world, 1, "nobody", 1);
    env.sql("UPDATE t_ds_process_instance SET host = NULL WHERE host = 'nobody'");

    // Nobody was there to see the dead one's registration go: only the periodic check would find
    // its instance.
    let mut second = world.start(Kind::Master, SHORT).registered(env);
    eventually(SOON, "the periodic check", || {
        said(&second.log(), "Master failover thread execute error")
    });
    assert_eq!(env.number(&held), 1);
    assert_eq!(env.number("SELECT count(*) FROM t_ds_command"), 0);
    second.kill();
    env.zk().await_absence(&second.node);

    // With the text it does.
    env.sql("UPDATE t_ds_process_instance SET host = 'NULL' WHERE host IS NULL");
    let third = world.start(Kind::Master, LONG).registered(env);
    let there = format!(
        "SELECT count(*) FROM t_ds_process_instance WHERE host = '{}' AND id = 1",
        third.address
    );
    world.await_number(SOON, &there, 1, &[&third]);
    assert_eq!(
        env.number("SELECT count(*) FROM t_ds_process_instance WHERE host = 'NULL'"),
        1
    );
    assert!(!third.log().contains("Master failover thread execute error"));
}

/// 3.1.1: a master's heartbeat is longer than the column that the registry's own script makes for it.
#[test]
fn a_master_of_3_1_1_does_not_fit_into_its_mysql_registry() {
    let test = "a_master_of_3_1_1_does_not_fit_into_its_mysql_registry";
    let Some(world) = mysql_registry(test, &V3_1_1_MYSQL) else {
        return;
    };
    let mut master = world.start(Kind::Master, LONG);
    eventually(SOON, "its end", || {
        if master.is_running() {
            Err("it still runs")
        } else {
            Ok(())
        }
    });
    said(&master.log(), "Data too long for column 'data'").unwrap();
    assert_eq!(
        world
            .env
            .number("SELECT count(*) FROM t_ds_mysql_registry_data WHERE type = 1"),
        0
    );
}

/// With a wider column it registers, but its registration is not kept alive: the statement for that
/// cannot be run. Where the master has begun to listen it then ends; else it goes on, past its
/// term.
#[test]
fn the_mysql_registry_of_3_1_1_keeps_nobody_registered() {
    let Some(world) = mysql_registry(
        "the_mysql_registry_of_3_1_1_keeps_nobody_registered",
        &V3_1_1_MYSQL,
    ) else {
        return;
    };
    world
        .env
        .sql("ALTER TABLE t_ds_mysql_registry_data MODIFY data text NOT NULL");
    let master = world.start(Kind::Master, LONG);
    let registered = "SELECT count(*) FROM t_ds_mysql_registry_data WHERE type = 1";
    eventually(SOON, "a registration", || {
        if world.env.number(registered) == 1 {
            Ok(())
        } else {
            Err(master.log())
        }
    });
    let expired =
        format!("{registered} AND TIMESTAMPDIFF(SECOND, last_update_time, CURRENT_TIMESTAMP) > 6");
    eventually(SOON, "its end", || {
        let ends = said(
            &master.log(),
            "Master disconnected from registry, will stop myself",
        )
        .is_ok();
        if ends || world.env.number(&expired) == 1 {
            Ok(())
        } else {
            Err("it is kept")
        }
    });
}

/// A master of the MySQL registry lives. Nothing of it stands in ZooKeeper, and yet it must not
/// look dead there.
#[test]
fn a_master_in_the_mysql_registry_is_never_shown_dead() {
    let test = "a_master_in_the_mysql_registry_is_never_shown_dead";
    let Some(world) = mysql_registry(test, &V3_1_1_MYSQL_SLOW) else {
        return;
    };
    let env = &world.env;
    env.sql("ALTER TABLE t_ds_mysql_registry_data MODIFY data text NOT NULL");
    seed::workflow(env, 100, &[Task::shell(101, "true")]);
    let mut master = world.start(Kind::Master, LONG);
    let registered =
        "SELECT replace(`key`, '/nodes/master/', '') FROM t_ds_mysql_registry_data WHERE type = 1";
    let address = eventually(SOON, "a registration", || {
        match env.rows(registered).as_slice() {
            [row] => Ok(row.text(0).unwrap()),
            _ => Err(master.log()),
        }
    });
    seed::running(env, 100, &address);
    // The first one has the nodes of masters that once registered there, the second one has
    // nothing.
    for namespace in [env.namespace.as_str(), "nothing"] {
        for (command, records) in [("masters", "masters"), ("instances", "instances")] {
            let report = world
                .dsctl(&["--namespace", namespace, command, "-o", "json"])
                .exit(0)
                .json();
            assert_eq!(report[records][0]["verdict"], "unknown", "{report}");
            assert!(
                report["warnings"][0]
                    .as_str()
                    .unwrap()
                    .contains("MySQL registry of 3.1"),
                "{report}"
            );
        }
        for who in [address.as_str(), "--all-dead"] {
            let arguments = [
                "--namespace",
                namespace,
                "failover",
                who,
                "--yes",
                "--allow-no-masters",
            ];
            world.dsctl(&arguments).exit(4).err("MySQL registry of 3.1");
        }
    }
    world
        .dsctl(&["--registry", "jdbc", "masters"])
        .exit(2)
        .err("MySQL registry of 3.1");
    assert!(master.is_running(), "{}", master.log());
    assert_eq!(
        env.number(&format!(
            "SELECT count(*) FROM t_ds_process_instance WHERE host = '{address}'"
        )),
        1
    );
    assert_eq!(env.number("SELECT count(*) FROM t_ds_command"), 0);
}

/// A cluster whose registry stands in its MariaDB, as the registry's own script makes it.
fn mysql_registry(test: &str, release: &'static Release) -> Option<World> {
    let world = World::on(test, release, Store::MariaDb)?;
    let script = world.resource("dolphinscheduler-registry-mysql", "mysql_registry_init.sql");
    world.env.sql(&script);
    Some(world)
}

/// The first line that has these words.
fn said(log: &str, words: &str) -> Result<String, String> {
    log.lines()
        .find(|line| line.contains(words))
        .map(str::to_owned)
        .ok_or_else(|| log.lines().last().unwrap_or("").to_owned())
}
