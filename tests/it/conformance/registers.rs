//! A master registers, and the program reads what it registered.

use std::time::Duration;

use jiff::Timestamp;

use super::release::{Release, V1_3_6, V2_0_3, V3_1_1};
use super::server::Kind;
use super::world::{SHORT, World};
use crate::harness::eventually;

#[test]
fn a_master_of_3_1_1_registers() {
    registers("a_master_of_3_1_1_registers", &V3_1_1);
}

#[test]
fn a_master_of_2_0_3_registers() {
    registers("a_master_of_2_0_3_registers", &V2_0_3);
}

#[test]
fn a_master_of_1_3_6_registers() {
    registers("a_master_of_1_3_6_registers", &V1_3_6);
}

/// Starts a master and looks at it.
pub(super) fn registers(test: &str, release: &'static Release) {
    let Some(world) = World::new(test, release) else {
        return;
    };
    // Early releases write times in full seconds.
    let before = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
    let master = world.start(Kind::Master, SHORT).registered(&world.env);
    // Masters of 1.x register without a word, and say something only at their first heartbeat.
    let report = eventually(Duration::from_mins(1), "a heartbeat", || {
        let report = world.dsctl(&["masters", "-o", "json"]).exit(0).json();
        if report["masters"][0]["last_heartbeat_at"].is_null() {
            Err(report)
        } else {
            Ok(report)
        }
    });
    assert_eq!(report["family"], release.family);
    assert_eq!(report["ds_version"].as_str(), release.told);
    let masters = report["masters"].as_array().unwrap();
    assert_eq!(masters.len(), 1, "{report}");
    let shown = &masters[0];
    assert_eq!(shown["address"], master.address.as_str());
    assert_eq!(shown["registered"], true);
    assert_eq!(shown["verdict"], "alive");
    let time = |key: &str| {
        shown[key]
            .as_str()
            .unwrap_or_else(|| panic!("{shown}"))
            .parse::<Timestamp>()
            .unwrap()
    };
    assert!(
        time("started_at") >= before && time("started_at") <= Timestamp::now(),
        "{shown}"
    );
    assert!(
        time("last_heartbeat_at") >= time("started_at")
            && time("last_heartbeat_at") <= Timestamp::now(),
        "{shown}"
    );
    assert_eq!(
        Some(shown["session_id"].as_str().unwrap().to_owned()),
        world.env.zk().owner(&master.node)
    );
}
