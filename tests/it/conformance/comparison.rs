//! The same failover of the same rows, once by us and once by a real master: what is written has to
//! be the same, and what becomes of it too. This is the test of the family tables.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value as Json;

use super::release::{Marks, Release, V1_3_6, V2_0_3, V3_1_1};
use super::seed::{self, Task};
use super::server::{Kind, Server};
use super::tables::{self, Change};
use super::world::{LONG, SHORT, World};
use crate::harness::{Env, Store, eventually};

const SOON: Duration = Duration::from_mins(5);

/// A shell task alone.
const PLAIN: i64 = 100;
/// The same, with parameters given at its start.
const PARAMETERS: i64 = 200;
/// A workflow in a workflow.
const PARENT: i64 = 300;
const CHILD: i64 = 310;
/// With a schedule in a time zone.
const SCHEDULED: i64 = 400;
/// One at a time.
const SERIAL: i64 = 500;
/// Somebody asked it to stop, or to pause, when nobody was there to do it.
const STOPPING: i64 = 600;
const PAUSING: i64 = 610;
/// Deleted while it ran. Its instance has the greatest number: a master gives up on it and what
/// comes after.
const DELETED: i64 = 900;

/// How many instances there are in the end, the deleted one among them.
const INSTANCES: i64 = 9;

#[test]
fn we_write_what_a_master_of_3_1_1_writes() {
    compare(
        "we_write_what_a_master_of_3_1_1_writes",
        &V3_1_1,
        Store::Postgres,
        &IN_3_1_1,
    );
}

#[test]
fn we_write_what_a_master_of_2_0_3_writes() {
    compare(
        "we_write_what_a_master_of_2_0_3_writes",
        &V2_0_3,
        Store::Postgres,
        &IN_2_0_3,
    );
}

#[test]
fn we_write_what_a_master_of_3_1_1_writes_in_mariadb() {
    compare(
        "we_write_what_a_master_of_3_1_1_writes_in_mariadb",
        &V3_1_1,
        Store::MariaDb,
        &IN_3_1_1,
    );
}

/// Here the rows alone are compared: a master that starts alone fails over the workers too, whose
/// tasks it then starts again. How ours end is seen elsewhere.
#[test]
fn we_write_what_a_master_of_1_3_6_writes() {
    let Some(rows) = rows("we_write_what_a_master_of_1_3_6_writes", &V1_3_6, 0, None) else {
        return;
    };
    assert_eq!(rows.differing, [""; 0]);
}

/// Does the same failover twice, and says which rows of instances and commands were written
/// differently. We leave so many instances alone. If so many tasks are to be taken over, a master
/// takes up first what we have handed over.
pub(super) fn rows(
    test: &str,
    release: &'static Release,
    skipped: i64,
    taken_over: Option<usize>,
) -> Option<Rows> {
    let (world, copy, dead, worker) = dead_with_work(test, release, Store::Postgres)?;
    let ours = without_tasks(failed_over(&world, &dead, skipped));
    // Before a master of the copy asks the same worker for the same tasks.
    let ends = taken_over
        .map(|tasks| taken_up(&world, &worker, tasks))
        .unwrap_or_default();
    let master = world.start_in(&copy, Kind::Master, LONG).registered(&copy);
    let all = usize::try_from(INSTANCES).unwrap();
    eventually(SOON, &master.address, || {
        let found = tables::recoveries(&copy).len();
        if found == all {
            Ok(())
        } else {
            Err((found, master.log_tail()))
        }
    });
    let theirs = without_tasks(written(&copy, release));
    let differing = differing(&ours, &theirs);
    for key in &differing {
        eprintln!("DIFF {key}\n  {:?}\n  {:?}", ours.get(key), theirs.get(key));
    }
    assert_eq!(theirs.len(), 2 * all);
    Some(Rows { differing, ends })
}

/// What came of a comparison of rows.
#[derive(Debug)]
pub(super) struct Rows {
    /// The rows that a master has written otherwise.
    pub(super) differing: Vec<String>,
    /// How everything has ended that we handed over.
    #[cfg_attr(
        not(feature = "distributions"),
        expect(dead_code, reason = "other releases are compared in full")
    )]
    pub(super) ends: Vec<String>,
}

/// Lets a master take everything up, and this many tasks over, and says how everything has ended.
fn taken_up(world: &World, worker: &Server, tasks: usize) -> Vec<String> {
    let master = world.start(Kind::Master, LONG).registered(&world.env);
    world.await_number(
        SOON,
        "SELECT count(*) FROM t_ds_command",
        0,
        &[&master, worker],
    );
    world.await_taken_over(tasks, &[&master, worker]);
    world.let_go();
    ends(world, &world.env, &[&master, worker])
}

fn without_tasks(mut written: Written) -> Written {
    written.retain(|key, _| !key.starts_with("task "));
    written
}

/// A world whose only master is dead, and a copy of its database. Where a master marks the tasks of
/// dead hosts alone, the worker is dead as well.
fn dead_with_work(
    test: &str,
    release: &'static Release,
    store: Store,
) -> Option<(World, Env, Server, Server)> {
    let world = World::on(test, release, store)?;
    define(&world);
    let workers = if release.marks == Marks::OnDeadHosts {
        SHORT
    } else {
        LONG
    };
    let (dead, worker) = (
        world.start(Kind::Master, SHORT),
        world.start(Kind::Worker, workers),
    );
    let (mut dead, mut worker) = (dead.registered(&world.env), worker.registered(&world.env));
    run_all(&world, &[&dead, &worker]);
    dead.kill();
    world.env.zk().await_absence(&dead.node);
    if release.marks == Marks::OnDeadHosts {
        worker.kill();
        world.env.zk().await_absence(&worker.node);
    }
    break_things(&world);
    tables::audit(&world.env, release);
    let copy = world.env.copy();
    Some((world, copy, dead, worker))
}

/// What a master's failover does otherwise than ours, and how all ends.
#[derive(Debug)]
struct Expected {
    /// Whether the task that stands for the child has a host: then a master marks it, too.
    parent_has_host: bool,
    /// The tasks that a master alone marks, by code.
    marked: &'static [i64],
    /// What ends otherwise after a master's failover, and after ours.
    theirs: &'static [&'static str],
    ours: &'static [&'static str],
    /// How each workflow ends after our failover: the number and the state. The deleted one still
    /// runs, as far as its row says.
    ends: [&'static str; 9],
}

/// A master marks the task that stands for the child, too, and its parent then fails beside a child
/// that succeeds. We leave that task alone on purpose. Whoever was to stop has nothing left to run
/// and counts as a success.
const IN_3_1_1: Expected = Expected {
    parent_has_host: true,
    marked: &[PARENT + 1],
    theirs: &["task 301 8 1", "workflow 300 6"],
    ours: &["task 301 7 1", "task 302 7 1", "workflow 300 7"],
    ends: [
        "100 7", "200 7", "300 7", "310 7", "400 7", "500 7", "600 7", "610 3", "900 1",
    ],
};

/// The task that stands for the child has no host here, and a master leaves it alone as we do: its
/// parent succeeds. Of the deleted workflow a master marks the task before it gives up on the
/// instance, which it does again at every start; we do not begin with it.
const IN_2_0_3: Expected = Expected {
    parent_has_host: false,
    marked: &[DELETED + 1],
    theirs: &[],
    ours: &[],
    ends: [
        "100 7", "200 7", "300 7", "310 7", "400 7", "500 7", "600 5", "610 3", "900 1",
    ],
};

fn compare(test: &str, release: &'static Release, store: Store, expected: &Expected) {
    let Some((world, copy, dead, worker)) = dead_with_work(test, release, store) else {
        return;
    };
    let parent = task(&copy, PARENT + 1);
    let has_host =
        format!("SELECT count(*) FROM t_ds_task_instance WHERE id = {parent} AND host IS NOT NULL");
    assert_eq!(copy.number(&has_host), i64::from(expected.parent_has_host));
    let ours = by_us(&world, &dead, &worker);
    let theirs = by_master(&world, &copy);
    let marked: Vec<String> = expected
        .marked
        .iter()
        .map(|code| format!("task {}", task(&world.env, *code)))
        .collect();
    assert_eq!(differing(&ours.written, &theirs.written), marked);
    assert_eq!(only_in(&theirs.ends, &ours.ends), expected.theirs);
    assert_eq!(only_in(&ours.ends, &theirs.ends), expected.ours);
    assert_eq!(workflows(&ours.ends), expected.ends);
}

/// Of the workflows alone.
pub(super) fn workflows(ends: &[String]) -> Vec<&str> {
    ends.iter()
        .filter_map(|end| end.strip_prefix("workflow "))
        .collect()
}

/// What one of the two has and the other has not.
fn only_in(ends: &[String], others: &[String]) -> Vec<String> {
    ends.iter()
        .filter(|end| !others.contains(end))
        .cloned()
        .collect()
}

/// The rows that one has written otherwise than the other, or that only one of them has written.
fn differing(ours: &Written, theirs: &Written) -> Vec<String> {
    let keys: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    keys.into_iter()
        .filter(|key| ours.get(*key) != theirs.get(*key))
        .cloned()
        .collect()
}

/// The number of a task's first run.
fn task(env: &Env, code: i64) -> i64 {
    env.number(&format!(
        "SELECT min(id) FROM t_ds_task_instance WHERE task_code = {code}"
    ))
}

/// What was written, and what came of it.
#[derive(Debug)]
struct Story {
    written: Written,
    ends: Vec<String>,
}

fn define(world: &World) {
    let env = &world.env;
    for code in [
        PLAIN, PARAMETERS, CHILD, SCHEDULED, SERIAL, STOPPING, PAUSING, DELETED,
    ] {
        let script = world.waiting_script("a");
        seed::workflow(
            env,
            code,
            &[
                Task::shell(code + 1, &script),
                Task::shell(code + 2, "true"),
            ],
        );
    }
    seed::workflow(
        env,
        PARENT,
        &[
            Task::sub_process(env, PARENT + 1, CHILD),
            Task::shell(PARENT + 2, "true"),
        ],
    );
    seed::schedule(env, SCHEDULED, "Asia/Shanghai");
    for table in definitions(world) {
        env.sql(&format!(
            "UPDATE {table} SET execution_type = 1 WHERE code = {SERIAL}"
        ));
    }
}

/// Starts one instance of each, and waits until all of them run.
fn run_all(world: &World, servers: &[&Server]) {
    let env = &world.env;
    let running = "SELECT count(*) FROM t_ds_task_instance WHERE state = 1";
    let mut tasks = 0;
    for code in [
        PLAIN, PARENT, SCHEDULED, SERIAL, STOPPING, PAUSING, PARAMETERS, DELETED,
    ] {
        let parameters = if code == PARAMETERS {
            r#"{"StartParams":"{\"color\":\"blue\"}"}"#
        } else {
            "{}"
        };
        seed::start(env, code, parameters);
        // The child's task runs, too.
        tasks += if code == PARENT { 2 } else { 1 };
        world.await_number(SOON, running, tasks, servers);
    }
    world.await_runs("a", 8, servers);
}

/// What happens in the API server while no master is there.
fn break_things(world: &World) {
    let World { env, release, .. } = world;
    for (code, state) in [(STOPPING, 4), (PAUSING, 2)] {
        let sql = format!(
            "UPDATE t_ds_process_instance SET state = {state} WHERE {} = {code}",
            release.definition
        );
        env.sql(&release.sql(&sql));
    }
    for table in definitions(world) {
        env.sql(&format!("DELETE FROM {table} WHERE code = {DELETED}"));
    }
}

/// The tables with definitions of releases that keep every version of them.
fn definitions(world: &World) -> Vec<String> {
    let tables = ["t_ds_process_definition", "t_ds_process_definition_log"]
        .map(|table| world.release.sql(table));
    if seed::has_table(&world.env, &tables[1]) {
        tables.to_vec()
    } else {
        Vec::new()
    }
}

/// What was written: by row, the columns that have no time in them.
type Written = BTreeMap<String, Json>;

/// Our failover, which leaves so many instances alone, and what it has written.
fn failed_over(world: &World, dead: &Server, skipped: i64) -> Written {
    let arguments = [
        "failover",
        &dead.address,
        "--yes",
        "--allow-duplicate-tasks",
        "--allow-no-masters",
        "-o",
        "json",
    ];
    let arguments = [&arguments, world.release.consent].concat();
    let report = world
        .dsctl(&arguments)
        .exit(if skipped == 0 { 0 } else { 7 })
        .json();
    assert_eq!(report["recovered"], INSTANCES - skipped, "{report}");
    let left = report["masters"][0]["skipped"].as_array().unwrap();
    assert!(
        left.iter()
            .all(|entry| entry["reason"] == "definition_missing"),
        "{report}"
    );
    written(&world.env, world.release)
}

fn by_us(world: &World, dead: &Server, worker: &Server) -> Story {
    let written = failed_over(world, dead, 1);
    // A worker that is not ready makes every task fail that a master sends it.
    let start_worker = || world.start(Kind::Worker, LONG).registered(&world.env);
    let fresh = (world.release.marks == Marks::OnDeadHosts).then(start_worker);
    let master = world.start(Kind::Master, LONG).registered(&world.env);
    let worker = fresh.as_ref().unwrap_or(worker);
    world.await_runs("a", RUNS, &[&master, worker]);
    world.let_go();
    Story {
        written,
        ends: ends(world, &world.env, &[&master, worker]),
    }
}

/// Eight scripts ran, and five of them again: not those of the deleted workflow, of the one to stop
/// and of the one to pause.
const RUNS: usize = 8 + 5;

fn by_master(world: &World, copy: &Env) -> Story {
    let worker = world.start_in(copy, Kind::Worker, LONG).registered(copy);
    let master = world.start_in(copy, Kind::Master, LONG).registered(copy);
    let ends = ends(world, copy, &[&master, &worker]);
    Story {
        written: written(copy, world.release),
        ends,
    }
}

/// Waits until nothing runs but what nobody can take up, and says how everything has ended.
fn ends(world: &World, env: &Env, servers: &[&Server]) -> Vec<String> {
    let unfinished =
        "SELECT count(*) FROM t_ds_process_instance WHERE state IN (0, 1, 2, 4, 12, 18)";
    world.await_number_in(env, SOON, unfinished, 1, servers);
    let sql = "SELECT concat('workflow ', process_definition_code, ' ', state) FROM t_ds_process_instance UNION ALL \
               SELECT concat(name, ' ', state, ' ', flag) FROM t_ds_task_instance UNION ALL \
               SELECT concat('error ', process_definition_code) FROM t_ds_error_command UNION ALL \
               SELECT concat('command ', process_definition_code) FROM t_ds_command ORDER BY 1";
    env.rows(&world.release.sql(sql))
        .iter()
        .map(|row| row.text(0).unwrap())
        .collect()
}

/// From the trail: commands as inserted, instances as claimed, tasks as marked.
fn written(env: &Env, release: &Release) -> Written {
    let mut written = Written::new();
    for Change {
        table,
        earlier: before,
        later: after,
        ..
    } in tables::trail(env)
    {
        let key = match table.as_str() {
            "t_ds_command" if after["command_type"] == 2 => {
                format!("command {}", tables::instance_of(&after))
            }
            "t_ds_process_instance" | "t_ds_workflow_instance"
                if release.claim.is_new(&before, &after) =>
            {
                format!("instance {}", after["id"])
            }
            "t_ds_task_instance" if after["state"] == 8 && before["state"] != 8 => {
                format!("task {}", after["id"])
            }
            _ => continue,
        };
        written
            .entry(key)
            .or_insert_with(|| without_times(after, table == "t_ds_command"));
    }
    written
}

fn without_times(mut row: Json, numbered_anew: bool) -> Json {
    let columns = row.as_object_mut().unwrap();
    columns.retain(|name, _| !name.ends_with("_time") || name == "schedule_time");
    if numbered_anew {
        columns.remove("id");
    }
    row
}
