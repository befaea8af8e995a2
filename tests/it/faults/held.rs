//! The lock is somebody else's: a master's own client library holds it.

use std::time::Duration;

use crate::harness::world::{BY_HOST, LIVING, World, reported};
use crate::harness::{Curator, Store};
use dsctl::model::Version;

const SOON: Duration = Duration::from_secs(20);

/// A world whose lock Curator holds.
fn held(version: Version) -> (World, Curator) {
    let world = World::new(Store::Sqlite, version, 3);
    let mut curator = Curator::connect(&world.env.connect, &world.lock());
    assert!(curator.acquire(SOON));
    (world, curator)
}

#[test]
fn the_holder_is_named_and_our_place_given_up() {
    let (world, curator) = held(BY_HOST);
    let holder = world.queue();
    let session = world
        .zk()
        .owner(&format!("{}/{}", world.lock(), holder[0]))
        .unwrap();
    for timeout in ["0s", "1s"] {
        let output = world
            .failover(&format!("--lock-timeout {timeout}"))
            .run()
            .exit(5);
        assert_eq!(world.queue(), holder, "our own node is gone");
        let document = output.json();
        assert_eq!(document["error"]["kind"], "lock_held");
        let error = document["error"].to_string();
        for part in [&session, &holder[0], &world.lock(), "since", "waited"] {
            assert!(error.contains(part), "no {part}: {output:?}");
        }
        assert!(reported(&output).is_empty());
    }
    world.check_untouched();
    curator.close();
    world.complete();
}

#[test]
fn it_goes_on_as_soon_as_the_lock_is_free() {
    let (world, mut curator) = held(BY_HOST);
    let mut running = world.failover("").spawn();
    running.await_stderr("waiting for the lock");
    curator.release();
    let output = world.end(running).exit(0);
    assert_eq!(reported(&output), world.ids);
    assert!(output.json()["locks"][0]["waited_ms"].as_u64().unwrap() > 0);
    world.check_complete();
}

/// Masters of these releases keep the lock of a failover that is long done.
#[test]
fn a_known_leak_is_told() {
    let version = Version::new(3, 3, 1);
    let world = World::new(Store::Sqlite, version, 3);
    // The living master's own session holds the lock.
    let node = format!(
        "{}/_c_01234567-89ab-cdef-0123-456789abcdef-lock-0000000000",
        world.lock()
    );
    world.zk().create_parents(&node);
    world.living().create(&node, b"10.0.0.1");
    let output = world.failover("--lock-timeout 0s").run().exit(5);
    let error = output.json()["error"].to_string();
    for part in [LIVING, "18197", &world.living().session_id()] {
        assert!(error.contains(part), "no {part}: {output:?}");
    }
    assert_eq!(world.queue().len(), 1);
    world.zk().delete(&node);
    world.complete();
}
