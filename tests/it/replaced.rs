//! `watch` when every master is replaced by new ones on new addresses, as schedulers of containers do it.

use crate::harness::world::{BY_HOST, DEAD, World, registered};
use crate::harness::{Store, eventually};
use crate::watch::watch;

const NEW: &str = "10.0.0.9:5678";

/// Whoever saw the old masters here knows that this registry is the database's, however new the
/// others are.
#[test]
fn a_watcher_that_knew_the_old_masters_hands_their_work_to_new_ones() {
    let mut world = World::new(Store::MariaDb, BY_HOST, 20);
    let old = world.env.register(BY_HOST, &registered(DEAD));
    let mut watcher = watch(&world, "--grace 1s").spawn();
    watcher.await_stdout(DEAD);
    let _new = world.env.register(BY_HOST, &registered(NEW));
    watcher.await_stdout(NEW);
    old.close();
    world.close_living();
    eventually(
        std::time::Duration::from_secs(20),
        "the work of both is handed over",
        || {
            if world.command_count() == 40 {
                Ok(())
            } else {
                Err(world.command_count())
            }
        },
    );
    watcher.signal("TERM");
    watcher.finish().exit(143);
}

/// A watcher that begins later cannot know: it might be another cluster's registry.
#[test]
fn a_watcher_that_begins_later_needs_to_be_told() {
    let mut world = World::new(Store::MariaDb, BY_HOST, 20);
    let _new = world.env.register(BY_HOST, &registered(NEW));
    world.close_living();
    let refused = watch(&world, "--once --grace 0s")
        .run()
        .exit(4)
        .out("failover_refused");
    assert!(
        refused.stdout.contains("--allow-new-masters"),
        "{refused:?}"
    );
    assert_eq!(world.command_count(), 0);
    // What was refused cools down in its own memory; another one begins anew.
    let other = world.env.home().join("other.json");
    let words = format!(
        "watch -o ndjson --yes --once --grace 0s --allow-new-masters --state-file {}",
        other.display()
    );
    world.dsctl(&words).run().exit(0);
    assert_eq!(world.command_count(), 40);
}
