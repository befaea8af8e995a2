//! Curator clients exclude each other: the measure for our own lock.

use std::time::Duration;

use crate::harness::{Curator, Env, Store};

const SOON: Duration = Duration::from_secs(20);

#[test]
fn curators_exclude_each_other() {
    let env = Env::new(Store::Sqlite);
    let path = env.path("lock/master-failover/10.0.0.1:5678");
    let (mut one, mut other) = (Curator::connect(&env.connect, &path), Curator::connect(&env.connect, &path));
    assert!(one.acquire(SOON));
    assert!(!other.acquire(Duration::from_millis(300)));
    other.ask_to_acquire(SOON);
    let queue = env.zk().await_queue(&path, 2);
    assert!(other.is_silent() && queue[0] < queue[1] || queue[0] != queue[1]);
    one.release();
    other.expect("acquired");
    assert_eq!(env.zk().await_queue(&path, 1), queue[1..]);
    other.close();
    env.zk().await_queue(&path, 0);
    one.close();
}
