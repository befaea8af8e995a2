//! A master registers, and the program reads what it registered.

use jiff::Timestamp;

use super::release::{Release, V3_1_1};
use super::server::Kind;
use super::world::{SHORT, World};

#[test]
fn a_master_of_3_1_1_registers() {
    registers("a_master_of_3_1_1_registers", &V3_1_1);
}

fn registers(test: &str, release: &'static Release) {
    let Some(world) = World::new(test, release) else { return };
    let before = Timestamp::now();
    let master = world.start(Kind::Master, SHORT).registered(&world.env);
    let report = world.dsctl(&["masters", "-o", "json"]).exit(0).json();
    assert_eq!(report["family"], release.family);
    assert_eq!(report["ds_version"], release.number);
    let masters = report["masters"].as_array().unwrap();
    assert_eq!(masters.len(), 1, "{report}");
    let shown = &masters[0];
    assert_eq!(shown["address"], master.address.as_str());
    assert_eq!(shown["registered"], true);
    assert_eq!(shown["verdict"], "alive");
    let time = |key: &str| shown[key].as_str().unwrap_or_else(|| panic!("{shown}")).parse::<Timestamp>().unwrap();
    assert!(time("started_at") >= before && time("started_at") <= Timestamp::now(), "{shown}");
    assert!(
        time("last_heartbeat_at") >= time("started_at") && time("last_heartbeat_at") <= Timestamp::now(),
        "{shown}"
    );
    assert_eq!(Some(shown["session_id"].as_str().unwrap().to_owned()), world.env.zk().owner(&master.node));
}
