//! Curator clients exclude each other: the measure for our own lock.

use std::time::Duration;

use crate::harness::{
    Curator, CuratorRelease, CuratorSettings, Env, Release, Store, ZooKeeper, skipped,
};

const SOON: Duration = Duration::from_secs(20);

#[test]
fn curators_exclude_each_other() {
    let env = Env::new(Store::Sqlite);
    exclude_each_other(&env, CuratorRelease::Debian).unwrap();
}

#[test]
fn old_curators_exclude_each_other_on_zookeeper_3_4() {
    let excluded = ZooKeeper::of_release(Release::V3_4).and_then(|server| {
        let env = Env::at(Store::Sqlite, &server.connect_string());
        exclude_each_other(&env, CuratorRelease::V4_3)?;
        exclude_each_other(&env, CuratorRelease::V2_12)
    });
    excluded
        .unwrap_or_else(|why| skipped("old_curators_exclude_each_other_on_zookeeper_3_4", &why));
}

#[test]
fn curators_exclude_each_other_on_zookeeper_3_9() {
    let excluded = ZooKeeper::of_release(Release::V3_9).and_then(|server| {
        exclude_each_other(
            &Env::at(Store::Sqlite, &server.connect_string()),
            CuratorRelease::Debian,
        )
    });
    excluded.unwrap_or_else(|why| skipped("curators_exclude_each_other_on_zookeeper_3_9", &why));
}

fn exclude_each_other(env: &Env, release: CuratorRelease) -> Result<(), String> {
    let path = env.path("lock/master-failover/10.0.0.1:5678");
    let settings = CuratorSettings {
        release,
        ..CuratorSettings::default()
    };
    let mut one = Curator::with(&env.connect, &path, &settings)?;
    let mut other = Curator::with(&env.connect, &path, &settings)?;
    assert!(one.acquire(SOON));
    assert!(!other.acquire(Duration::from_millis(300)));
    other.ask_to_acquire(SOON);
    let queue = env.zk().await_queue(&path, 2);
    assert!(other.is_silent());
    one.release();
    other.expect("acquired");
    assert_eq!(env.zk().await_queue(&path, 1), queue[1..]);
    other.close();
    env.zk().await_queue(&path, 0);
    one.close();
    Ok(())
}
