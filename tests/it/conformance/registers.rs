//! What a master registered is what the program shows.

use std::time::Duration;

use jiff::Timestamp;

use super::server::Server;
use super::world::World;
use crate::harness::eventually;

/// The only master is shown as it registered itself, since a time before it was started.
pub(super) fn is_shown_as_registered(world: &World, master: &Server, before: Timestamp) {
    // Early releases write times in full seconds.
    let before = Timestamp::from_second(before.as_second()).unwrap();
    // Masters of 1.x register without a word, and say something only at their first heartbeat.
    let report = eventually(Duration::from_mins(1), "a heartbeat", || {
        let report = world.dsctl(&["masters", "-o", "json"]).exit(0).json();
        if report["masters"][0]["last_heartbeat_at"].is_null() {
            Err(report)
        } else {
            Ok(report)
        }
    });
    assert_eq!(report["family"], world.release.family);
    assert_eq!(report["ds_version"].as_str(), world.release.told);
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
