//! Masters that live, or come back to life, and whose instances must stay theirs.

use dsctl::demo::seed::{self, time_text};
use dsctl::demo::{Registered, Server};
use jiff::{Timestamp, ToSpan};

use crate::harness::world::{BY_STATE, DEAD, LIVING, World, ago, registered, registered_since};
use crate::harness::{FakeRegistration, Store};

const WORKER: &str = "10.0.5.1:1234";

#[test]
fn an_instance_of_the_second_in_which_its_master_started_is_the_living_masters() {
    let world = World::idle(Store::Sqlite, "3.2.2");
    // The master started half a second after the full second; the database cuts a start at 0.9 s to
    // that second.
    let began = ago(600);
    let full: Timestamp = format!("{began}Z").parse().unwrap();
    let _restarted = world.env.register(
        world.version,
        &registered_since(DEAD, full + 500.milliseconds()),
    );
    world.env.insert([
        world.instance(1).started(began),
        world.instance(2).started(ago(700)),
    ]);
    let same_second = world
        .env
        .rows("SELECT start_time FROM t_ds_process_instance WHERE id = 1")[0]
        .text(0)
        .unwrap();
    assert_eq!(
        format!("{same_second}Z").replace(' ', "T"),
        full.to_string()
    );
    let output = world
        .run("failover 10.0.0.2:5678 --allow-restarted --yes")
        .exit(0);
    assert_eq!(
        (world.host(1).as_str(), world.host(2).as_str()),
        (DEAD, "NULL"),
        "{output:?}"
    );
    assert_eq!(world.command_count(), 1);
}

#[test]
fn a_master_that_comes_back_in_the_middle_keeps_the_rest() {
    let world = World::idle(Store::Sqlite, "3.1.9");
    world.instances(1..=3);
    let mut running = world
        .dsctl("failover 10.0.0.2:5678 --yes --batch 1 --rate 1/s -v")
        .spawn();
    crate::harness::eventually(
        std::time::Duration::from_secs(20),
        "the first batch",
        || {
            if world.command_count() == 1 {
                Ok(())
            } else {
                Err("not yet")
            }
        },
    );
    let _back = world
        .env
        .register(world.version, &registered_since(DEAD, Timestamp::now()));
    assert!(running.is_running());
    let output = running.finish();
    assert_eq!(
        (
            world.command_count(),
            world.host(2).as_str(),
            world.host(3).as_str()
        ),
        (1, DEAD, DEAD),
        "{output:?}"
    );
    let output = output.exit(7);
    assert_eq!(output.json()["error"]["kind"], "refused");
    assert_eq!(output.json()["recovered"], 1);
}

#[test]
fn an_old_instance_that_a_restarted_master_took_up_is_not_taken_from_it() {
    // Up to 2.0.1 nothing says when a run began anew: a recovered instance keeps its first start.
    let world = World::idle(Store::Sqlite, "1.3.9");
    let _restarted = world.env.register(
        world.version,
        &registered_since(DEAD, Timestamp::now() - 10.minutes()),
    );
    world.env.insert([
        world.instance(1).set("command_type", 2).set("recovery", 1),
        world.instance(2).set("command_type", 3),
        world.instance(3).set("command_type", 6),
    ]);
    let output = world
        .run("failover 10.0.0.2:5678 --allow-restarted --yes")
        .exit(0);
    let hosts = [1, 2, 3].map(|id| world.host(id));
    assert_eq!(hosts, [DEAD, DEAD, "NULL"], "{output:?}");
}

#[test]
fn a_living_master_beside_the_dead_one_is_never_touched() {
    let world = World::idle(Store::Sqlite, "3.2.2");
    world.instances([1]);
    world.env.insert([world.instance(2).host(LIVING)]);
    let output = world
        .run(&format!("failover {DEAD} {LIVING} --yes"))
        .exit(7);
    assert_eq!(
        (
            world.command_count(),
            world.host(1).as_str(),
            world.host(2).as_str()
        ),
        (1, "NULL", LIVING),
        "{output:?}"
    );
}

/// In 3.3 and newer an instance has the time of its trigger, which may be long before a master took
/// it up.
#[test]
fn the_time_of_the_trigger_is_no_proof_that_an_earlier_life_ran_it() {
    for store in Store::ALL {
        let world = World::idle(store, "3.4.1");
        let _restarted = world.env.register(
            world.version,
            &registered_since(DEAD, Timestamp::now() - 10.minutes()),
        );
        let took_up = |seconds| {
            let time = time_text(ago(seconds));
            format!(
                r#"[{{"time":"{}","state":"SUBMITTED_SUCCESS"}},{{"time":"{time}","state":"RUNNING_EXECUTION"}}]"#,
                time_text(ago(1300))
            )
        };
        let triggered = |id| {
            world
                .instance(id)
                .started(ago(1200))
                .time("restart_time", ago(1200))
        };
        world.env.insert([
            triggered(1).set("state_history", took_up(300)),
            triggered(2).set("state_history", took_up(900)),
            triggered(3),
            triggered(4).set(
                "state_history",
                r#"[{"time":"soon","state":"RUNNING_EXECUTION"}]"#,
            ),
            triggered(5).set("state_history", "[]"),
        ]);
        let listed = world.run("instances 10.0.0.2:5678").exit(0).json();
        let verdicts: Vec<_> = listed["instances"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["verdict"].clone())
            .collect();
        assert_eq!(
            verdicts,
            ["alive", "restarted", "alive", "alive", "alive"],
            "{store:?}"
        );
        let plan = world
            .run("failover 10.0.0.2:5678 --allow-restarted --dry-run")
            .exit(0);
        let warnings = plan.json()["warnings"].to_string();
        assert!(
            warnings.contains("instance 2 was started")
                && warnings.contains("10.0.0.2:5678 started"),
            "{warnings}"
        );
        let output = world
            .run("failover 10.0.0.2:5678 --allow-restarted --yes")
            .exit(0);
        assert_eq!(
            [1, 2, 3, 4, 5].map(|id| world.state(id)),
            [1, 18, 1, 1, 1],
            "{store:?} {output:?}"
        );
    }
}

/// A time as masters in another zone write it.
fn ago_in(zone: &str, seconds: i64) -> jiff::civil::DateTime {
    let zone = jiff::tz::TimeZone::get(zone).unwrap();
    let time = zone.to_datetime(Timestamp::now() - seconds.seconds());
    time.with().subsec_nanosecond(0).build().unwrap()
}

/// A fresh cluster whose rows name no time yet.
fn without_times(store: Store, version: &str) -> World {
    let world = World::idle(store, version);
    world
        .env
        .sql("UPDATE t_ds_process_instance SET start_time = NULL, restart_time = NULL");
    world
}

/// A living master that started an hour ago, and its instance of ten minutes ago, in the masters'
/// own time.
fn with_masters_in(store: Store, zone: &str) -> (World, crate::harness::FakeRegistration) {
    let world = without_times(store, "3.2.2");
    let registration = world.env.register(
        world.version,
        &registered_since(DEAD, Timestamp::now() - 1.hour()),
    );
    let ended = |id| {
        world
            .instance(id)
            .state(7)
            .started(ago_in(zone, 900))
            .time("end_time", ago_in(zone, 0))
    };
    let before = ended(2)
        .time("end_time", ago_in(zone, 120))
        .time("update_time", ago(120));
    world
        .env
        .insert([world.instance(1).started(ago_in(zone, 600)), before]);
    world.env.insert([ended(3)]);
    // Somebody has changed one long after its end, and one by hand: such rows say nothing.
    world.env.insert([
        ended(4).time("end_time", ago_in(zone, 5000)),
        ended(5).time("end_time", ago(40 * 86_400)),
    ]);
    (world, registration)
}

fn refused(world: &World, zone: &str, seen: &str) {
    let before = world.env.dump();
    for how in ["--yes", "--dry-run"] {
        let words = format!("failover {DEAD} --allow-restarted --time-zone={zone} {how}");
        let output = world.run(&words).exit(4);
        let error = output.json()["error"].to_string();
        assert!(error.contains(seen) && error.contains(zone), "{error}");
    }
    let output = world
        .run(&format!("instances {DEAD} --time-zone={zone}"))
        .exit(0)
        .json();
    assert_eq!(output["instances"][0]["verdict"], "alive", "{output}");
    assert!(output["warnings"].to_string().contains(zone), "{output}");
    before.assert_same(&world.env.dump());
}

#[test]
fn a_zone_that_the_rows_disprove_is_not_believed() {
    // MariaDB's own clock stands beside the masters'.
    let (world, _registered) = with_masters_in(Store::MariaDb, "Etc/GMT+5");
    refused(&world, "Asia/Shanghai", "-05");
    refused(&world, "Etc/GMT+6", "-05");
    let output = world
        .run(&format!(
            "failover {DEAD} --allow-restarted --time-zone=-05:00 --yes"
        ))
        .exit(0);
    assert_eq!(
        (world.command_count(), world.host(1).as_str()),
        (0, DEAD),
        "{output:?}"
    );
    // Elsewhere a time that is yet to come disproves it.
    for store in Store::ALL {
        let (world, _registered) = with_masters_in(store, "Asia/Shanghai");
        refused(&world, "America/Chicago", "+08");
    }
}

/// The right zone, and no row to speak for it but one, which somebody has changed an hour after its
/// end.
#[test]
fn one_row_that_was_changed_by_hand_disproves_no_zone() {
    let world = without_times(Store::MariaDb, "3.2.2");
    let _registered = world.env.register(
        world.version,
        &registered_since(DEAD, Timestamp::now() - 1.hour()),
    );
    let old = |id| world.instance(id).started(ago(7200));
    world
        .env
        .insert([old(1), old(2).state(7).time("end_time", ago(3600))]);
    let words = format!("failover {DEAD} --allow-restarted --time-zone UTC");
    let plan = world.run(&format!("{words} --dry-run")).exit(0).json();
    assert!(
        plan["warnings"]
            .to_string()
            .contains("the rows do not prove"),
        "{plan}"
    );
    world.run(&format!("{words} --yes")).exit(0);
    assert_eq!((world.command_count(), world.host(1).as_str()), (1, "NULL"));
}

/// The masters write Chicago's time, and a zone is given in which the living master's instance
/// looks old.
#[test]
fn a_zone_that_nothing_proves_is_told_with_both_moments() {
    for store in [Store::Sqlite, Store::Postgres] {
        let (world, _registered) = with_masters_in(store, "Etc/GMT+5");
        let words = format!("failover {DEAD} --allow-restarted --dry-run");
        world
            .dsctl(&words)
            .env_remove("DSCTL_TIME_ZONE")
            .run()
            .exit(4)
            .out("--time-zone");
        let plan = world
            .run(&format!("{words} --time-zone Asia/Shanghai"))
            .exit(0)
            .json();
        let warnings = plan["warnings"].to_string();
        for part in [
            "the rows do not prove",
            "instance 1 was started at",
            &format!("{DEAD} started at"),
        ] {
            assert!(warnings.contains(part), "{warnings}");
        }
    }
    // MariaDB's own clock proves it.
    let (world, _registered) = with_masters_in(Store::MariaDb, "Etc/GMT+5");
    world
        .env
        .insert([world.instance(9).started(ago_in("Etc/GMT+5", 7200))]);
    let plan = world
        .run(&format!(
            "failover {DEAD} --allow-restarted --time-zone=-05:00 --dry-run"
        ))
        .exit(0)
        .json();
    let warnings = plan["warnings"].to_string();
    assert!(
        warnings.contains("instance 9 was started at")
            && !warnings.contains("the rows do not prove"),
        "{warnings}"
    );
}

/// A worker that lives was started after the task's time in one zone, and before it in another.
#[test]
fn a_zone_that_nothing_proves_is_told_where_tasks_of_2_0_are_marked_by_it() {
    let world = without_times(Store::Postgres, "2.0.9");
    let worker = Registered {
        server: Server::Worker,
        ..registered_since(WORKER, Timestamp::now() - 30.minutes())
    };
    let _worker = world.env.register(world.version, &worker);
    world
        .env
        .insert([world.instance(1).started(ago_in("Etc/GMT+5", 3600))]);
    world.env.insert([seed::task(world.version, 1)
        .id(7)
        .host(WORKER)
        .started(ago_in("Etc/GMT+5", 3600))]);
    let words = format!("failover {DEAD} --dry-run");
    let plan = |zone: &str| {
        world
            .run(&format!("{words} --time-zone={zone}"))
            .exit(0)
            .json()
    };
    let told = plan("-05:00");
    assert!(
        told["warnings"]
            .to_string()
            .contains("tasks 7 name a server that is registered"),
        "{told}"
    );
    assert_eq!(
        told["masters"][0]["marked_tasks"],
        serde_json::json!([7]),
        "{told}"
    );
    // Where it is not marked, nothing is to be told.
    let left = plan("-05:45");
    assert!(
        !left["warnings"]
            .to_string()
            .contains("the rows do not prove"),
        "{left}"
    );
    assert_eq!(
        left["masters"][0]["marked_tasks"],
        serde_json::json!([]),
        "{left}"
    );
}

#[test]
fn a_zone_that_the_rows_disprove_marks_no_task_of_2_0() {
    let world = without_times(Store::MariaDb, "2.0.9");
    let begun = |id| world.instance(id).started(ago_in("Etc/GMT+5", 3600));
    let ended = |id| begun(id).state(7).time("end_time", ago_in("Etc/GMT+5", 0));
    let before = ended(2)
        .time("end_time", ago_in("Etc/GMT+5", 120))
        .time("update_time", ago(120));
    world.env.insert([begun(1), before]);
    world.env.insert([ended(3)]);
    let output = world
        .run(&format!("failover {DEAD} --time-zone Asia/Shanghai --yes"))
        .exit(4);
    assert_eq!(
        (world.command_count(), world.host(1).as_str()),
        (0, DEAD),
        "{output:?}"
    );
    world
        .run(&format!("failover {DEAD} --time-zone=-05:00 --yes"))
        .exit(0);
    assert_eq!(world.command_count(), 1);
}

/// The plan was another one.
#[test]
fn what_a_master_begins_while_the_question_is_open_proves_that_it_lives() {
    for command in ["failover", "clear-hosts"] {
        let world = World::idle(Store::Sqlite, "3.2.2");
        world.instances([1]);
        let mut run = world
            .dsctl(&format!("{command} {DEAD} --allow-new-masters"))
            .typed()
            .spawn();
        run.await_stdout("[y/N]");
        world.instances([100]);
        run.type_text("y\n");
        run.finish().exit(4).out("instance 100 names it");
        assert_eq!((world.command_count(), world.host(1).as_str()), (0, DEAD));
    }
}

/// Its heartbeat stands still, and is watched for a while.
#[test]
fn what_a_master_begins_while_its_heartbeat_is_in_doubt_proves_that_it_lives() {
    for masters in [DEAD, "--all-dead"] {
        let world = World::with_registry_inside(Store::MariaDb, BY_STATE, 2);
        let stale = Registered {
            client: 9,
            reported: Timestamp::now() - 5.minutes(),
            session_millis: 6_000,
            ..registered(DEAD)
        };
        world.env.register_in_database(BY_STATE, &stale);
        let mut run = world
            .dsctl(&format!("failover {masters} --yes --allow-new-masters"))
            .spawn();
        run.await_stderr("still change: 10.0.0.2:5678");
        world.add_later(DEAD, Timestamp::now(), 1);
        let output = run.finish();
        assert!(matches!(output.code, Some(4)), "{output:?}");
        assert_eq!(world.command_count(), 0, "{output:?}");
    }
}

/// Its workers are looked for in it all the same.
#[test]
fn a_group_of_workers_may_have_the_name_of_a_server() {
    let world = World::idle(Store::Sqlite, "3.0.6");
    let node = world.env.path(&format!("nodes/worker/gpu:1/{WORKER}"));
    let _worker = FakeRegistration::new(&world.env.connect, &node, b"", None);
    world.instances([1]);
    world
        .env
        .insert([seed::task(world.version, 1).id(7).host(WORKER)]);
    let output = world.run(&format!("failover {DEAD} --yes --allow-new-masters"));
    assert_eq!(world.command_count(), 0, "{output:?}");
    assert!(
        output.stdout.contains("still runs") || output.stdout.contains("may still run"),
        "{output:?}"
    );
}

/// Its start-up time is not known yet.
#[test]
fn a_registration_without_a_start_is_named_where_it_proves_nothing() {
    let world = World::idle(Store::Sqlite, "3.0.6");
    let node = world.env.path(&format!("nodes/master/{DEAD}"));
    let _restarted = FakeRegistration::new(&world.env.connect, &node, b"", None);
    world.instances([1]);
    let output = world
        .run(&format!(
            "failover {DEAD} --allow-restarted --yes --time-zone UTC"
        ))
        .exit(0);
    assert!(
        output
            .stdout
            .contains("no start-up time that can be believed"),
        "{output:?}"
    );
    assert_eq!(world.command_count(), 0);
}
