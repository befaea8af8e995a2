//! Tasks that may still run on a living worker.

use std::time::Duration;

use dsctl::demo::seed::Seed;
use dsctl::metadata::database::Access;
use jiff::Timestamp;
use serde_json::json;

use super::expected::{Command, assert_changes, claim_line, settled, task_line};
use super::releases::release;
use super::world::{BEGUN, World, recovered, skipped, time};
use crate::faults::moments::Moment;
use crate::harness::{At, Dsctl, Store, ddl, wait};

/// Two instances: one has a task on the living worker, the other's worker is gone.
fn with_a_living_worker(world: &World) {
    world.env.insert([world.instance(1), world.instance(2)]);
    let tasks: [Seed; 3] = [
        world
            .task(11, 1)
            .host(&world.worker())
            .name("train")
            .set("pid", 4242)
            .set("log_path", "/logs/11.log")
            .set("app_link", "application_1_0001"),
        world.task(12, 1).state(0).without("host"),
        world.task(21, 2),
    ];
    world.env.insert(tasks);
}

fn would_run_twice(number: &str, store: Store) {
    let release = release(number);
    let world = World::new(store, release);
    with_a_living_worker(&world);
    let dead = world.dead();
    let hand_over = |id: i64, host: &str| {
        [
            claim_line(store, release, id, host, 1),
            Command::plain(release, id, 1).line(release),
        ]
    };
    // The other instance is none the worse for it.
    world.run_idly(&format!("failover {dead} --dry-run"), 7);
    let began = Timestamp::now();
    let (report, _, changes) = world.changes_of(&format!("failover {dead} --yes"), 7);
    let expected = [
        hand_over(2, &dead).to_vec(),
        vec![task_line(release, 21, 1)],
    ]
    .concat();
    assert_changes(number, &expected, &settled(&changes, began));
    let left = &report["masters"][0]["skipped"][0];
    assert_eq!(
        (&left["instance_id"], &left["reason"]),
        (&json!(1), &json!("task_still_runs"))
    );
    let told = json!({
        "id": 11,
        "name": "train",
        "worker": world.worker(),
        "pid": 4242,
        "log_path": "/logs/11.log",
        "app_link": "application_1_0001",
    });
    assert_eq!(left["task"], told);
    // With consent it is done, task and all.
    let began = Timestamp::now();
    let (report, _, changes) =
        world.changes_of(&format!("failover {dead} --yes --allow-duplicate-tasks"), 0);
    let marks = vec![task_line(release, 11, 1), task_line(release, 12, 0)];
    assert_changes(
        number,
        &[hand_over(1, &dead).to_vec(), marks].concat(),
        &settled(&changes, began),
    );
    assert_eq!(
        (recovered(&report), skipped(&report)),
        (vec![1], Vec::new())
    );
    world
        .run_in_vain(&format!("failover {dead} --yes"), 0)
        .out("\"recovered\": 0");
}

#[test]
fn a_task_that_would_run_twice_keeps_its_instance_back_in_sqlite() {
    for number in ["3.0.6", "3.1.0", "3.1.6"] {
        would_run_twice(number, Store::Sqlite);
    }
}

#[test]
fn a_task_that_would_run_twice_keeps_its_instance_back_in_mariadb() {
    for number in ["3.0.6", "3.1.9"] {
        would_run_twice(number, Store::MariaDb);
    }
}

#[test]
fn a_task_that_would_run_twice_keeps_its_instance_back_in_postgres() {
    for number in ["3.0.6", "3.1.9"] {
        would_run_twice(number, Store::Postgres);
    }
}

/// In 2.0 it is a task older than its worker that hangs; without the zone nobody can tell.
#[test]
fn nothing_is_guessed_of_a_worker_without_the_time_zone() {
    for number in ["2.0.1", "2.0.9", "3.0.0-alpha"] {
        let mut world = World::new(Store::Sqlite, release(number));
        world.env.unset("DSCTL_TIME_ZONE");
        world.env.insert([world.instance(1)]);
        world.env.insert([
            world.task(11, 1).host(&world.worker()).started(time(BEGUN)),
            world.task(12, 1),
        ]);
        let (report, _, changes) = world.changes_of(&format!("failover {} --yes", world.dead()), 0);
        let tasks: Vec<&String> = changes
            .iter()
            .filter(|line| line.contains("t_ds_task_instance"))
            .collect();
        assert_eq!(tasks, [&task_line(world.release, 12, 1)], "{number}");
        assert_eq!(
            (recovered(&report), &report["masters"][0]["marked_tasks"]),
            (vec![1], &json!([12])),
            "{number}"
        );
    }
}

/// A master that is not quite dead starts tasks while the others are already looked for.
#[test]
fn a_task_that_comes_late_is_seen_by_its_batch() {
    for store in [Store::MariaDb, Store::Postgres] {
        let mut world = World::new(store, release("3.1.9"));
        world.env.insert([world.instance(1), world.instance(2)]);
        // The one ends before its batch begins, the other one only then starts.
        world.env.insert([world.task(11, 1), world.task(21, 2)]);
        let proxy = world.env.through_proxy();
        proxy.trap(Moment::Begin.bytes(store), At::Hold);
        let dead = world.dead();
        let running = Dsctl::new(&world.env)
            .args(["failover", &dead, "--yes", "-o", "json"])
            .spawn();
        proxy.await_sprung();
        world
            .env
            .sql("UPDATE t_ds_task_instance SET state = 7 WHERE id = 11");
        world.env.insert([world.task(22, 2)]);
        proxy.go_on();
        let report = running.finish().exit(0).json();
        assert_eq!(
            report["masters"][0]["marked_tasks"],
            json!([21, 22]),
            "{store:?}"
        );
        let marked = world
            .env
            .rows("SELECT id FROM t_ds_task_instance WHERE state = 8 ORDER BY id");
        assert_eq!(
            marked
                .iter()
                .filter_map(|row| row.int(0))
                .collect::<Vec<_>>(),
            [21, 22],
            "{store:?}"
        );
    }
}

/// Masters of 3.2 and 3.3.0 start the sub-workflow of a parent that they take up once more.
#[test]
fn sub_workflows_that_begin_anew_are_told() {
    for (number, told) in [
        ("3.1.9", false),
        ("3.2.2", true),
        ("3.3.0-alpha", true),
        ("3.3.2", false),
        ("3.4.1", false),
    ] {
        let world = World::new(Store::Sqlite, release(number));
        world.env.insert([
            world.instance(1),
            world.instance(2).set("is_sub_process", 1),
        ]);
        let (report, _, _) = world.changes_of(&format!("failover {} --yes", world.dead()), 0);
        assert_eq!(recovered(&report), vec![1, 2], "{number}");
        assert_eq!(
            report["warnings"]
                .to_string()
                .contains("is a sub-workflow: a master of 3."),
            told,
            "{number}: {report}"
        );
    }
}

/// A task has its number before it can be seen: one with a greater number may be committed first.
/// Whoever commits the other one later lives.
#[test]
fn a_task_that_is_committed_late_is_seen_by_its_batch() {
    for store in [Store::MariaDb, Store::Postgres] {
        let mut world = World::new(store, release("3.1.9"));
        world.env.insert([world.instance(1), world.instance(2)]);
        let mut late = world.env.database();
        wait(late.begin(Access::Write, Duration::from_mins(1))).unwrap();
        wait(ddl::insert(
            &mut *late,
            world.task(21, 1).host(&world.worker()),
        ))
        .unwrap();
        world.env.insert([world.task(22, 2)]);
        let proxy = world.env.through_proxy();
        proxy.trap(Moment::Begin.bytes(store), At::Hold);
        let running = Dsctl::new(&world.env)
            .args(["failover", &world.dead(), "--yes", "-o", "json"])
            .spawn();
        proxy.await_sprung();
        wait(late.commit()).unwrap();
        proxy.go_on();
        let report = running.finish().exit(4).json();
        assert_eq!(recovered(&report), [0_i64; 0], "{store:?}");
        assert!(
            report["error"]
                .to_string()
                .contains("task 21 of its instance 1"),
            "{store:?} {report}"
        );
        assert_eq!(
            world.env.number("SELECT COUNT(*) FROM t_ds_command"),
            0,
            "{store:?}"
        );
        // Once it has ended, the next run sees the task that it has left.
        let report = world
            .run(&format!("failover {} --yes", world.dead()), 7)
            .json();
        assert_eq!(recovered(&report), [2], "{store:?}");
        let left = &report["masters"][0]["skipped"][0];
        assert_eq!(
            (&left["instance_id"], &left["reason"]),
            (&json!(1), &json!("task_still_runs")),
            "{store:?}"
        );
    }
}
