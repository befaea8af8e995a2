//! Every release in every database: one failover of one master among everything that it has to
//! leave alone.

use dsctl::demo::seed::{self, Seed};
use jiff::Timestamp;

use super::expected::{Command, assert_changes, claim_line, settled, task_line};
use super::releases::{Definitions, Form, Release, release};
use super::world::{BEGUN_LATER, World, recovered, skipped, time};
use crate::harness::Store;

/// What is to become of an instance.
#[derive(Debug)]
enum Fate {
    Recovered(Box<Command>),
    Skipped(&'static str),
    Untouched,
}

/// An instance and its fate.
#[derive(Debug)]
struct Case {
    id: i64,
    row: Seed,
    state: i64,
    fate: Fate,
}

impl Case {
    fn untouched(id: i64, row: Seed) -> Self {
        Self {
            id,
            row,
            state: 1,
            fate: Fate::Untouched,
        }
    }

    fn recovered(row: Seed, command: Command) -> Self {
        Self {
            id: command.instance,
            row,
            state: 1,
            fate: Fate::Recovered(Box::new(command)),
        }
    }

    /// Recovered where a condition holds, else left alone for a reason.
    fn depends(row: Seed, command: Command, holds: bool, reason: &'static str) -> Self {
        let case = Self::recovered(row, command);
        if holds {
            case
        } else {
            Self {
                fate: Fate::Skipped(reason),
                ..case
            }
        }
    }
}

/// 200 to 218: the dead master's instances in every state that there ever was.
fn states(world: &World) -> Vec<Case> {
    let case = |state| {
        let (id, row) = (200 + state, world.instance(200 + state).state(state));
        if world.release.states.contains(&state) {
            Case {
                state,
                ..Case::recovered(row, Command::plain(world.release, id, state))
            }
        } else {
            Case {
                state,
                ..Case::untouched(id, row)
            }
        }
    };
    (0..=18).map(case).collect()
}

/// What goes from the instance into its command, and what does not.
fn contents(world: &World) -> Vec<Case> {
    let release = world.release;
    let row = |id| world.instance(id);
    let plain = |id| Command::plain(release, id, 1);
    let text = r#"{"StartParams":"{\"day\":\"1\"}","x":1}"#;
    let object = r#"{"StartParams":{"day": 1.50},"x":1}"#;
    let foreign = |row: Seed| {
        let row = row
            .set("failure_strategy", 0)
            .set("warning_type", 3)
            .set("warning_group_id", 4);
        let row = row
            .maybe("worker_group", "gpu")
            .maybe("worker_group_id", 8)
            .maybe("tenant_id", 9);
        row.maybe("tenant_code", "etl")
            .maybe("environment_code", 77)
            .maybe("dry_run", 1)
            .time("schedule_time", time(BEGUN_LATER))
    };
    let own = |row: Seed, parameter: &str| {
        if release.form == Form::Typed {
            row
        } else {
            row.parameter(parameter)
        }
    };
    vec![
        Case::recovered(row(301).set("executor_id", 5), Command { executor: 5, ..plain(301) }),
        Case::recovered(row(302), plain(302)),
        Case::recovered(own(row(303).set("is_sub_process", 1), r#"{"parentProcessInstanceId":"302"}"#), plain(303)),
        Case::recovered(
            own(row(304), text),
            plain(304).texts(
                release.form,
                r#"{"ProcessInstanceId":304}"#,
                r#"{"ProcessInstanceId":304}"#,
                r#"{"StartParams":"{\"day\":\"1\"}","ProcessInstanceId":304}"#,
            ),
        ),
        Case::recovered(
            own(row(305).definition(2, 1), text),
            Command { definition: (2, 1), ..plain(305) }.texts(
                release.form,
                r#"{"ProcessInstanceId":305}"#,
                r#"{"ProcessInstanceId":"305","schedule_timezone":"Asia/Tokyo"}"#,
                r#"{"StartParams":"{\"day\":\"1\"}","ProcessInstanceId":"305","schedule_timezone":"Asia/Tokyo"}"#,
            ),
        ),
        Case::recovered(
            row(306).definition(3, 1),
            Command { definition: (3, 1), ..plain(306) }.texts(
                release.form,
                r#"{"ProcessInstanceId":306}"#,
                r#"{"ProcessInstanceId":"306","schedule_timezone":null}"#,
                r#"{"ProcessInstanceId":"306","schedule_timezone":null}"#,
            ),
        ),
        Case::recovered(
            own(row(307), object),
            plain(307).texts(
                release.form,
                r#"{"ProcessInstanceId":307}"#,
                r#"{"ProcessInstanceId":307}"#,
                r#"{"StartParams":{"day": 1.50},"ProcessInstanceId":307}"#,
            ),
        ),
        // From 3.1.7 on no master can put the next one's start parameters and the zone into one
        // text.
        Case::depends(
            own(row(308).definition(2, 1), object),
            Command { definition: (2, 1), ..plain(308) }.texts(
                release.form,
                r#"{"ProcessInstanceId":308}"#,
                r#"{"ProcessInstanceId":"308","schedule_timezone":"Asia/Tokyo"}"#,
                "",
            ),
            release.form != Form::StartParams,
            "start_parameters",
        ),
        Case::recovered(row(309).set("process_instance_priority", 0), Command { priority: 0, ..plain(309) }),
        // The column is left out then, and the database's own value is 2.
        Case::recovered(row(310).set("process_instance_priority", dsctl::metadata::database::Value::Null), plain(310)),
        Case::recovered(row(311).without("test_flag"), plain(311)),
        Case::recovered(row(312).maybe("test_flag", 1), Command { test_flag: 1, ..plain(312) }),
        Case::recovered(foreign(row(313)), plain(313)),
    ]
}

/// Definitions that a master would find, and those that it would not.
fn definitions(world: &World) -> Vec<Case> {
    let release = world.release;
    let of = |id: i64, definition: (i64, i64), found: bool| {
        let row = world.instance(id).definition(definition.0, definition.1);
        let command = Command {
            definition,
            ..Command::plain(release, id, 1)
        };
        Case::depends(row, command, found, "definition_missing")
    };
    let old = release.definitions == Definitions::Id;
    let new = release.definitions == Definitions::Log;
    vec![
        of(320, (404, 1), false),
        of(321, (4, 1), true),
        of(322, (5, 1), true),
        of(323, (6, 1), !new),
        of(324, (1, 2), true),
        of(325, (7, 1), !new),
        of(326, (1, 9), old),
    ]
}

/// Instances that are none of the dead master's, or that somebody has taken care of.
fn others(world: &World) -> Vec<Case> {
    let at = |id: i64, host: &str| Case::untouched(id, world.instance(id).host(host));
    vec![
        Case {
            fate: Fate::Skipped("command_waiting"),
            ..Case::untouched(330, world.instance(330))
        },
        Case::recovered(world.instance(331), Command::plain(world.release, 331, 1)),
        at(340, &world.living()),
        at(341, &world.address("MASTER-D.ds", 5678)),
        at(342, &format!("{} ", world.dead())),
        at(343, &format!(" {}", world.dead())),
        at(344, &world.address("xmaster-d.ds", 5678)),
        at(345, &world.address("master-d.dss", 5678)),
        at(346, &format!("{}9", world.dead())),
        at(
            347,
            if world.release.ports {
                "master-d.ds"
            } else {
                "master-d.ds:5678"
            },
        ),
        at(348, "NULL"),
        at(349, "null"),
        at(350, ""),
        Case::untouched(351, world.instance(351).without("host")),
        Case::untouched(352, world.claimed(352)),
    ]
}

/// Two more instances, whose tasks are told apart.
fn with_tasks(world: &World) -> Vec<Case> {
    let release = world.release;
    let reruns_all = !release.task_states.is_empty() && !release.by_host;
    let command = |id| Command::plain(release, id, 1);
    vec![
        Case::recovered(world.instance(360), command(360)),
        Case::depends(
            world.instance(361),
            command(361),
            !reruns_all,
            "task_still_runs",
        ),
    ]
}

/// Tasks with their state; `true` where it is to be marked.
fn tasks(world: &World) -> Vec<(i64, Seed, i64, bool)> {
    let release = world.release;
    let marks = |state: i64| release.task_states.contains(&state);
    // Of the two ways to mark: all unfinished ones; those on hosts that are gone.
    let (all, by_host) = (marks(1) && !release.by_host, marks(1) && release.by_host);
    let each_state = |state: i64| {
        let id = 36_000 + state;
        (id, world.task(id, 360).state(state), state, marks(state))
    };
    let mut tasks: Vec<_> = (0..=18).map(each_state).collect();
    let running = |id: i64, row: Seed, marked: bool| (id, row, 1, marked);
    let sub_process = world
        .task(30_201, 302)
        .set("task_type", release.sub_process)
        .host(&world.dead());
    tasks.extend([
        running(30_201, sub_process, false),
        running(34_001, world.task(34_001, 340), false),
        running(36_020, world.task(36_020, 360).set("flag", 0), false),
        running(
            36_021,
            world
                .task(36_021, 360)
                .set("task_type", "DEPENDENT")
                .host(&world.dead()),
            all || by_host,
        ),
        running(36_022, world.task(36_022, 360).without("host"), all),
        running(36_023, world.task(36_023, 360).without("submit_time"), all),
        // The worker was started again between these two.
        running(
            36_101,
            world.task(36_101, 361).host(&world.worker()),
            by_host,
        ),
        running(
            36_102,
            world
                .task(36_102, 361)
                .host(&world.worker())
                .started(time(BEGUN_LATER)),
            false,
        ),
    ]);
    tasks
}

fn cases(world: &World) -> Vec<Case> {
    [
        states(world),
        contents(world),
        definitions(world),
        others(world),
        with_tasks(world),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn commands(world: &World) -> [Seed; 2] {
    let version = world.version;
    let named = format!(r#"{{"ProcessInstanceId":{}}}"#, 331);
    let other = seed::command(version, 9).id(43).of_instance(331);
    let other = if world.release.form == Form::Typed {
        other
    } else {
        other.parameter(&named)
    };
    [seed::recovery_command(version, 330).id(42), other]
}

fn fails_over(number: &str, store: Store) {
    let world = World::new(store, release(number));
    let (cases, tasks) = (cases(&world), tasks(&world));
    world.env.insert(cases.iter().map(|case| case.row.clone()));
    world
        .env
        .insert(tasks.iter().map(|(_, row, _, _)| row.clone()));
    world
        .env
        .insert([seed::relation(world.version, 302, 30_201, 303)]);
    world.env.insert(commands(&world));
    reads_write_nothing(&world);
    let dead = world.dead();
    let plan = world
        .run_idly(&format!("failover {dead} --dry-run"), 7)
        .json();
    let began = Timestamp::now();
    let (report, after, changes) = world.changes_of(&format!("failover {dead} --yes"), 7);
    assert_changes(
        number,
        &expected(&world, &cases, &tasks),
        &settled(&changes, began),
    );
    for told in [&plan, &report] {
        check_report(&world, told, &cases, &tasks);
    }
    check_locks(&world, &report, &plan);
    // Each command that is named is the one of its instance.
    for entry in report["masters"][0]["recovered"].as_array().unwrap() {
        let case = cases
            .iter()
            .find(|case| entry["instance_id"] == case.id)
            .unwrap();
        let Fate::Recovered(command) = &case.fate else {
            panic!("{case:?}")
        };
        let text = after.cell("t_ds_command", &entry["command_id"], "command_param");
        assert_eq!(text, Some(command.parameter.as_str()), "{entry}");
    }
    check_warnings(&world, &report);
    // Nothing is left for a second run but what the first one left alone.
    let again = world
        .run_in_vain(&format!("failover {dead} --yes"), 7)
        .json();
    assert_eq!(
        (recovered(&again), skipped(&again)),
        (Vec::new(), skipped(&report))
    );
}

fn reads_write_nothing(world: &World) {
    for command in ["masters", "instances", "commands"] {
        let report = world.run_idly(command, 0).json();
        assert_eq!(report["family"], world.release.family, "{command}");
    }
    world.run_idly(&format!("lock status {}", world.dead()), 0);
}

fn expected(world: &World, cases: &[Case], tasks: &[(i64, Seed, i64, bool)]) -> Vec<String> {
    let (store, release) = (world.env.store, world.release);
    let mut lines = Vec::new();
    for case in cases {
        if let Fate::Recovered(command) = &case.fate {
            lines.push(claim_line(
                store,
                release,
                case.id,
                &world.dead(),
                case.state,
            ));
            lines.push(command.line(release));
        }
    }
    let marked = tasks.iter().filter(|(_, _, _, marked)| *marked);
    lines.extend(marked.map(|(id, _, state, _)| task_line(release, *id, *state)));
    lines
}

fn check_report(
    world: &World,
    report: &serde_json::Value,
    cases: &[Case],
    tasks: &[(i64, Seed, i64, bool)],
) {
    let reason = |case: &Case| match case.fate {
        Fate::Skipped(reason) => Some((case.id, reason.to_owned())),
        _ => None,
    };
    assert_eq!(
        skipped(report),
        cases.iter().filter_map(reason).collect::<Vec<_>>()
    );
    let done = cases
        .iter()
        .filter(|case| matches!(case.fate, Fate::Recovered(_)));
    assert_eq!(
        recovered(report),
        done.map(|case| case.id).collect::<Vec<_>>()
    );
    let mut marked: Vec<i64> = tasks
        .iter()
        .filter(|(_, _, _, marked)| *marked)
        .map(|(id, ..)| *id)
        .collect();
    marked.sort_unstable();
    assert_eq!(
        report["masters"][0]["marked_tasks"],
        serde_json::json!(marked)
    );
    assert_eq!(
        (
            &report["masters"][0]["address"],
            &report["masters"][0]["verdict"]
        ),
        (&world.dead().into(), &"dead".into())
    );
}

fn check_locks(world: &World, report: &serde_json::Value, plan: &serde_json::Value) {
    let full = |path: &&str| world.env.path(&path.replace("{dead}", &world.dead()));
    let expected: Vec<String> = world.release.locks.iter().map(full).collect();
    let taken: Vec<&str> = report["locks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|lock| lock["path"].as_str().unwrap())
        .collect();
    assert_eq!(taken, expected);
    assert_eq!(plan["locks"], serde_json::json!([]));
}

/// Masters of 1.x take commands of online definitions alone. Those of 3.2 and 3.3.0 start
/// sub-workflows once more.
fn check_warnings(world: &World, report: &serde_json::Value) {
    let warnings = report["warnings"].as_array().unwrap();
    let offline: Vec<bool> = [321, 322]
        .map(|id| {
            warnings.iter().any(|warning| {
                warning
                    .as_str()
                    .unwrap()
                    .contains(&format!("instance {id}: its definition is offline"))
            })
        })
        .to_vec();
    let old = world.release.definitions == Definitions::Id;
    assert_eq!(offline, [old, old], "{warnings:?}");
    let is_about_children =
        |warning: &serde_json::Value| warning.as_str().unwrap().contains("is a sub-workflow");
    let anew = ["3.2.2", "3.3.0-alpha"].contains(&world.release.number);
    assert_eq!(warnings.iter().any(is_about_children), anew, "{warnings:?}");
    // The command that stops one of them; it starts nothing, so that the instance is handed over.
    let told = "command 43 (STOP) names instance 331, too";
    assert!(
        warnings
            .iter()
            .any(|warning| warning.as_str().unwrap().contains(told)),
        "{warnings:?}"
    );
    // What masters of some releases never end.
    let hangs = ["2.0.9", "3.1.9"].contains(&world.release.number);
    let is_about_stop = |warning: &serde_json::Value| {
        warning
            .as_str()
            .unwrap()
            .contains("instances 204 are READY_STOP")
    };
    assert_eq!(warnings.iter().any(is_about_stop), hangs, "{warnings:?}");
    // A task of a worker that was started again is told by two times, and no row here proves the
    // zone of one.
    let by_times = world.release.number.starts_with("2.0") || world.release.number == "3.0.0-alpha";
    let is_about_times = |warning: &serde_json::Value| {
        warning
            .as_str()
            .unwrap()
            .contains("do not prove that the masters write times in Asia/Shanghai")
    };
    assert_eq!(
        warnings.iter().any(is_about_times),
        by_times,
        "{warnings:?}"
    );
    let others = if old { 2 } else { usize::from(anew) };
    assert_eq!(
        warnings.len(),
        1 + usize::from(hangs) + usize::from(by_times) + others,
        "{warnings:?}"
    );
}

/// A fresh database is known for what it is, and where that is too little, the failover says so.
fn is_detected(release: &'static Release, store: Store) {
    let world = World::new(store, release);
    world.env.insert([world.instance(1)]);
    let alone = |words: &str| {
        crate::harness::Dsctl::new(&world.env)
            .args(words.split_whitespace())
            .args(["-o", "json"])
            .run()
    };
    let seen = alone("masters").exit(0).json();
    assert_eq!(
        (&seen["family"], &seen["ds_version"]),
        (&release.family.into(), &release.detected.into()),
        "{seen}"
    );
    assert_eq!(
        seen["warnings"],
        serde_json::json!([]),
        "{}",
        release.number
    );
    let (before, exit) = (world.env.dump(), if release.undecided { 4 } else { 0 });
    let tried = alone(&format!(
        "failover {} --yes --allow-recovered --allow-new-masters",
        world.dead()
    ))
    .exit(exit);
    if release.undecided {
        before.assert_same(&world.env.dump());
        tried.out("--ds-version");
    }
}

macro_rules! each_release {
    ($($name:ident $number:literal)*) => {$(
        mod $name {
            use super::{Store, fails_over, is_detected, release};

            #[test]
            fn in_sqlite() {
                fails_over($number, Store::Sqlite);
            }

            #[test]
            fn in_mariadb() {
                fails_over($number, Store::MariaDb);
            }

            #[test]
            fn in_postgres() {
                fails_over($number, Store::Postgres);
            }

            #[test]
            fn is_known_by_its_tables() {
                for store in Store::ALL {
                    is_detected(release($number), store);
                }
            }
        }
    )*};
}

each_release! {
    release_1_2_1 "1.2.1"
    release_1_3_1 "1.3.1"
    release_1_3_9 "1.3.9"
    release_2_0_1 "2.0.1"
    release_2_0_9 "2.0.9"
    release_3_0_0_alpha "3.0.0-alpha"
    release_3_0_6 "3.0.6"
    release_3_1_0 "3.1.0"
    release_3_1_6 "3.1.6"
    release_3_1_9 "3.1.9"
    release_3_2_2 "3.2.2"
    release_3_3_0_alpha "3.3.0-alpha"
    release_3_3_2 "3.3.2"
    release_3_4_1 "3.4.1"
}
