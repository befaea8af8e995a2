//! Places in ZooKeeper that are somebody else's, or nobody's: a digest in our settings that the
//! masters do not use (every digest is taken, right or wrong), and a parent of the masters that
//! somebody deletes.

use std::time::Duration;

use crate::faults::moments::at_second_batch;
use crate::harness::world::{BY_HOST, DEAD, World, reported};
use crate::harness::{Curator, MARKER, Store};
use dsctl::model::Version;

/// Where the masters' nodes are open to all, ours are too: a lock that they may not read is one
/// that they cannot wait for, and parents that we have made keep them out of it for ever.
#[test]
fn masters_without_a_digest_take_the_lock_after_us_and_wait_for_it_with_one_of_ours() {
    for version in [BY_HOST, Version::new(3, 0, 6)] {
        let mut world = World::new(Store::Sqlite, version, 3);
        world.env.set("DSCTL_ZK_DIGEST", &format!("dsctl:{MARKER}"));
        let lock = if version == BY_HOST {
            world.lock()
        } else {
            world.env.path(&format!("lock/failover/masters/{DEAD}"))
        };
        let mut curator = Curator::connect(&world.env.connect, &lock);
        let mut running = world.dsctl(&format!("lock acquire {DEAD}")).spawn();
        running.await_stderr("holding");
        assert!(!curator.acquire(Duration::from_millis(300)));
        running.signal("TERM");
        running.finish().exit(0);
        assert!(curator.acquire(Duration::from_secs(20)));
        curator.release();
        curator.close();
    }
}

/// Somebody deletes the masters' place, or it is emptied, between two batches: an absence there
/// shows nothing any more.
#[test]
fn a_place_that_is_gone_or_emptied_before_a_commit_shows_nobody_dead() {
    for gone in [true, false] {
        let mut world = World::new(Store::MariaDb, BY_HOST, 10);
        let proxy = world.env.through_proxy();
        let running = at_second_batch(&world, &proxy, "");
        world.close_living();
        if gone {
            world.zk().delete(&world.env.path("nodes/master"));
        }
        proxy.go_on();
        let output = world.end(running).exit(7);
        let error = &output.json()["masters"][0]["error"];
        let told = if gone {
            "has no node"
        } else {
            "no master is registered"
        };
        assert!(
            error["message"].as_str().unwrap().contains(told),
            "{output:?}"
        );
        assert_eq!(
            (reported(&output), world.command_count()),
            (world.ids.iter().take(5).copied().collect(), 5)
        );
    }
}
