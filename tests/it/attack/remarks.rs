//! What masters of one release do with work that is handed over, and an operator should know
//! before.

use dsctl::demo::seed;

use crate::harness::Store;
use crate::harness::world::{DEAD, World};

/// The warnings of a plan; what a failover tells is the same.
fn warnings(world: &World, more: &str) -> String {
    let plan = world
        .run(&format!(
            "failover {DEAD} --dry-run --ds-version {} {more}",
            world.version
        ))
        .exit(0)
        .json();
    plan["warnings"].to_string()
}

#[test]
fn ready_stop_that_no_master_ends_is_told() {
    for (version, told) in [
        ("3.1.9", "never ends"),
        ("2.0.9", "if its worker is gone"),
        ("3.0.6", ""),
        ("3.2.2", ""),
    ] {
        let world = World::idle(Store::Sqlite, version);
        world.instances([1]);
        world.env.insert([world.instance(2).state(4)]);
        let warnings = warnings(&world, "");
        assert_eq!(
            warnings.contains("instances 2 are READY_STOP"),
            !told.is_empty(),
            "{version} {warnings}"
        );
        assert!(warnings.contains(told), "{version} {warnings}");
        let without = World::idle(Store::Sqlite, version);
        without.instances([1]);
        assert!(
            !self::warnings(&without, "").contains("READY_STOP"),
            "{version}"
        );
    }
}

#[test]
fn what_3_0_0_hands_over_again_is_told() {
    for (version, told) in [("3.0.0", true), ("3.0.1", false)] {
        let world = World::idle(Store::Sqlite, version);
        world.instances([1]);
        let warnings = warnings(&world, "");
        assert_eq!(
            warnings.contains("issue 11445"),
            told,
            "{version} {warnings}"
        );
    }
}

#[test]
fn a_lone_master_of_1_2_that_starts_is_told_of() {
    let mut world = World::idle(Store::Sqlite, "1.2.1");
    world.env.insert([world.instance(1).host("10.0.0.2")]);
    world.close_living();
    let failover = |more: &str| world.run(&format!("failover 10.0.0.2 --dry-run {more}"));
    failover("").exit(4);
    let warnings = failover("--allow-no-masters").exit(0).json()["warnings"].to_string();
    assert!(
        warnings.contains("starts alone") && warnings.contains("the first"),
        "{warnings}"
    );
    let path = world.env.path("masters/10.0.0.1");
    let _one = crate::harness::FakeRegistration::new(&world.env.connect, &path, b"", None);
    let warnings = failover("--allow-no-masters --allow-new-masters")
        .exit(0)
        .json()["warnings"]
        .to_string();
    assert!(!warnings.contains("starts alone"), "{warnings}");
}

#[test]
fn a_pid_that_is_none_is_not_shown() {
    let world = World::idle(Store::Sqlite, "3.1.9");
    world.instances([1]);
    let worker = dsctl::demo::Registered {
        server: dsctl::demo::Server::Worker,
        ..crate::harness::world::registered_since("10.0.0.7:1234", jiff::Timestamp::now())
    };
    let _worker = world.env.register(world.version, &worker);
    let task = seed::task(world.version, 1)
        .id(11)
        .host("10.0.0.7:1234")
        .set("pid", 0)
        .set("log_path", "/logs/11.log");
    world.env.insert([task]);
    let report = world.run(&format!("failover {DEAD} --yes")).exit(7).json();
    let left = &report["masters"][0]["skipped"][0];
    let detail = left["detail"].as_str().unwrap();
    assert!(
        !detail.contains("pid") && detail.contains("/logs/11.log"),
        "{detail}"
    );
    assert_eq!(left["task"]["pid"], serde_json::Value::Null, "{left}");
}
