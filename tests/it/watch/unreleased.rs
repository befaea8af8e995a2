//! A lock that cannot be given back while the watcher lives on.

use super::{Rounds, end, event, of, watch};
use crate::faults::lost_lock::delete_request;
use crate::harness::world::{BY_HOST, DEAD, World};
use crate::harness::{At, Proxy, Store, ZooKeeper};

#[test]
fn a_watcher_that_cannot_give_a_lock_back_says_so_and_ends_the_session_that_has_it() {
    let mut world = World::new(Store::MariaDb, BY_HOST, 5);
    let mut proxy = Proxy::to(ZooKeeper::shared().port());
    world.env.set("DSCTL_ZK", &proxy.address());
    proxy.trap(&delete_request(&world), At::Hold);
    let rounds = Rounds::of(&world);
    // The session is longer than the test: nothing but its end gives the lock back.
    let more = format!(
        "--grace 1s --timeout 2s --session-timeout 120s {}",
        rounds.arguments()
    );
    let mut watcher = watch(&world, &more).spawn();
    proxy.await_sprung();
    // The request is lost, and the registry away for longer than the program waits for an answer.
    proxy.refuse();
    watcher.await_stdout(&of("failover_finished", DEAD));
    watcher.await_stdout("could not be released");
    assert_eq!(world.queue().len(), 1);
    proxy.listen();
    world.zk().await_queue(&world.lock(), 0);
    rounds.pass(2);
    let output = end(&world, watcher);
    assert!(output.stdout.contains(&event("error")), "{output:?}");
    world.check_complete();
}
