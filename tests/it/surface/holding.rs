//! A dead master's lock in ZooKeeper, for the tests of who holds it.

use super::{DEAD, V3_2, living, with_zookeeper};
use crate::harness::{Dsctl, Env, FakeRegistration, Store, Zk};

/// A cluster with a living master, and the path of the dead one's lock.
pub struct World {
    pub env: Env,
    pub zk: Zk,
    pub path: String,
    _living: FakeRegistration,
}

impl World {
    pub fn new() -> Self {
        let env = with_zookeeper(Store::Sqlite, V3_2);
        let path = env.path(&format!("lock/master-failover/{DEAD}"));
        let (zk, living) = (env.zk(), living(&env, V3_2));
        Self {
            env,
            zk,
            path,
            _living: living,
        }
    }

    /// `lock acquire` of it, with these words besides.
    pub fn acquire(&self, words: &[&str]) -> Dsctl {
        Dsctl::new(&self.env)
            .args(["lock", "acquire", DEAD])
            .args(words)
    }
}
