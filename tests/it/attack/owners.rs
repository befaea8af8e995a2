//! A digest in our settings that the masters do not use: ZooKeeper takes every digest, right or wrong.

use std::time::Duration;

use crate::faults::world::{BY_HOST, DEAD, World};
use crate::harness::{Curator, MARKER, Store};
use dsctl::model::Version;

/// Where the masters' nodes are open to all, ours are too: a lock that they may not read is one that they cannot wait for, and
/// parents that we have made keep them out of it for ever.
#[test]
fn masters_without_a_digest_take_the_lock_after_us_and_wait_for_it_with_one_of_ours() {
    for version in [BY_HOST, Version::new(3, 0, 6)] {
        let mut world = World::new(Store::Sqlite, version, 3);
        world.env.set("DSCTL_ZK_DIGEST", &format!("dsctl:{MARKER}"));
        let lock =
            if version == BY_HOST { world.lock() } else { world.env.path(&format!("lock/failover/masters/{DEAD}")) };
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
