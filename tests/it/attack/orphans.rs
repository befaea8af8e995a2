//! Orphans of several hosts beside instances that get no command: each is told once, and as it was.

use std::time::Duration;

use dsctl::demo::seed::{self, Seed};
use serde_json::Value;

use crate::harness::world::{DEAD, LIVING, World};
use crate::harness::{Store, eventually};

const SECOND: &str = "10.0.0.3:5678";

/// A claimed instance, which has a command or has none.
fn claimed(world: &World, id: i64, host: &str) -> Seed {
    let history = r#"[{"time":"2026-01-01 00:00:00","state":"RUNNING_EXECUTION","desc":"start"}]"#;
    world
        .instance(id)
        .host(host)
        .state(18)
        .set("state_history", history)
}

/// Of the dead master 1 is an orphan, and 2 has a command; 3 is an orphan of a second one.
fn world() -> World {
    let world = World::idle(Store::Sqlite, "3.4.1");
    world.env.insert([
        claimed(&world, 1, DEAD),
        claimed(&world, 2, DEAD),
        claimed(&world, 3, SECOND),
    ]);
    world
        .env
        .insert([seed::recovery_command(world.version, 2).id(100)]);
    world
}

fn hosts(report: &Value) -> Vec<&str> {
    report["masters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|master| master["address"].as_str().unwrap())
        .collect()
}

/// The lock is held at first: what that was is over once it was taken.
#[test]
fn a_lock_that_was_waited_for_is_no_trouble_afterwards() {
    let world = world();
    let holder = world.env.holder(DEAD);
    let mut running = world
        .dsctl("recover --instance 1,2,3,2,1 --original-state running --yes --lock-timeout 1m")
        .spawn();
    eventually(
        Duration::from_secs(30),
        "the command of the free host",
        || match world.command_count() {
            2 => Ok(()),
            other => Err(other),
        },
    );
    running.await_stderr("waiting for the lock");
    holder.signal("TERM");
    holder.finish();
    let report = running.finish().exit(0).json();
    assert_eq!(
        (world.command_count(), hosts(&report)),
        (3, vec![DEAD, SECOND]),
        "{report}"
    );
    let dead = &report["masters"][0];
    assert!(
        dead["error"].is_null() && report["error"].is_null(),
        "{report}"
    );
    assert_eq!(dead["recovered"][0]["instance_id"], 1, "{report}");
    assert_eq!(dead["skipped"][0]["reason"], "command_waiting", "{report}");
}

/// A run that ends before a host's turn says so, whatever else is said of that host.
#[test]
fn a_host_whose_turn_did_not_come_is_named() {
    let world = world();
    let second = [
        claimed(&world, 4, SECOND),
        claimed(&world, 5, LIVING).state(1),
    ];
    world
        .env
        .insert((11..=30).map(|id| claimed(&world, id, DEAD)).chain(second));
    world
        .env
        .insert([seed::recovery_command(world.version, 4).id(101)]);
    let more: Vec<String> = (11..=30).map(|id| id.to_string()).collect();
    let ids = format!("1,2,3,4,5,{}", more.join(","));
    let running = world
        .dsctl(&format!(
            "recover --instance {ids} --original-state running --yes --rate 1/s"
        ))
        .spawn();
    eventually(Duration::from_secs(30), "the first batch", || {
        match world.command_count() {
            3.. => Ok(()),
            other => Err(other),
        }
    });
    running.signal("TERM");
    let report = running.finish().json();
    assert_eq!(hosts(&report), [LIVING, DEAD, SECOND], "{report}");
    assert_eq!(
        report["masters"][2]["error"]["kind"], "not_begun",
        "{report}"
    );
    assert_eq!(
        report["masters"][2]["skipped"][0]["instance_id"], 4,
        "{report}"
    );
}

/// Between the halves nothing but what was printed says that somebody had asked to stop it: masters
/// of 3.3 and newer do not write that into its history.
#[test]
fn a_stop_that_was_asked_for_is_not_forgotten_between_the_halves() {
    for store in [Store::Sqlite, Store::MariaDb, Store::Postgres] {
        let world = World::idle(store, "3.4.1");
        let history =
            r#"[{"time":"2026-01-01 00:00:00","state":"RUNNING_EXECUTION","desc":"start"}]"#;
        let row = world.instance(1).state(4).set("state_history", history);
        world.env.insert([row]);
        let cleared = world
            .run(&format!("clear-hosts {DEAD} --yes"))
            .exit(0)
            .json();
        let report = world.run("recover --orphans --yes").exit(7).json();
        let skipped = &report["masters"][0]["skipped"][0];
        assert_eq!(skipped["reason"], "original_state_unknown", "{report}");
        assert_eq!(world.command_count(), 0);
        let next = cleared["next"][0].as_str().unwrap();
        world
            .run(&format!("{} --yes", next.strip_prefix("dsctl ").unwrap()))
            .exit(0);
        let parameter = &world.env.rows("SELECT command_param FROM t_ds_command")[0];
        assert!(
            parameter.text(0).unwrap().contains("READY_STOP"),
            "{store:?}"
        );
    }
}

/// The server was started again while the command table was empty, and counts from 1: the newer of
/// two failed commands, which was to stop the instance, has the smaller number.
#[test]
fn numbers_that_went_back_make_no_older_command_the_newest() {
    for store in [Store::Sqlite, Store::MariaDb, Store::Postgres] {
        let world = World::idle(store, "3.4.1");
        world
            .env
            .insert([world.instance(1).state(18), world.instance(2).state(18)]);
        let error = |id, instance, state: &str, time: &str| {
            let parameter = seed::recovery_parameter(world.version, instance)
                .replace("RUNNING_EXECUTION", state);
            seed::error_command(world.version, id, 2, "no")
                .of_instance(instance)
                .parameter(&parameter)
                .set("start_time", time)
                .set("update_time", time)
        };
        world.env.insert([
            error(50, 1, "RUNNING_EXECUTION", "2026-01-01 00:00:00"),
            error(3, 1, "READY_STOP", "2026-01-09 00:00:00"),
            // By so little another zone may have been written.
            error(51, 2, "RUNNING_EXECUTION", "2026-01-09 00:00:00"),
            error(4, 2, "READY_STOP", "2026-01-09 07:00:00"),
        ]);
        let report = world.run("recover --orphans --yes").exit(7).json();
        let skipped = &report["masters"][0]["skipped"];
        assert_eq!(skipped[0]["instance_id"], 2, "{report}");
        assert_eq!(skipped[0]["reason"], "original_state_unknown", "{report}");
        let parameters = world.env.rows("SELECT command_param FROM t_ds_command");
        assert_eq!(parameters.len(), 1);
        assert!(
            parameters[0].text(0).unwrap().contains("READY_STOP"),
            "{store:?} {parameters:?}"
        );
    }
}
