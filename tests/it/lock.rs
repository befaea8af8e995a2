//! The failover lock against Curator's own, in both directions, and what is left of it at every
//! kind of end.

use std::time::Duration;

use dsctl::registry::zookeeper::{ZooKeeperRegistry, ZooKeeperSettings};
use dsctl::registry::{Lease, Registry, RegistryError};

use crate::harness::{
    Curator, CuratorRelease, CuratorSettings, Env, Proxy, Release, Store, ZooKeeper, skipped, wait,
};
use crate::registry::{DIGEST, open, open_with, settings};

const PATH: &str = "lock/master-failover/10.0.0.1:5678";
const MOMENT: Duration = Duration::from_millis(300);
const SOON: Duration = Duration::from_secs(20);

fn acquire(registry: &mut ZooKeeperRegistry, limit: Duration) -> Result<Lease, RegistryError> {
    wait(registry.acquire(PATH, limit, &mut |_| {}))
}

/// Both directions, on one server, with one release of Curator.
fn excludes(env: &Env, release: CuratorRelease) -> Result<(), String> {
    let (zk, path) = (env.zk(), env.path(PATH));
    let settings = CuratorSettings {
        release,
        ..CuratorSettings::default()
    };
    let mut curator = Curator::with(&env.connect, &path, &settings)?;
    let mut registry = open(env);

    assert!(curator.acquire(SOON));
    let theirs = zk.await_queue(&path, 1);
    let mut waited_for = Vec::new();
    let refused =
        wait(registry.acquire(PATH, MOMENT, &mut |node| waited_for.push(node.node.clone())));
    let Err(RegistryError::Held {
        path: held,
        holder: Some(holder),
        waited,
    }) = refused
    else {
        panic!("{refused:?}")
    };
    assert_eq!(
        (&held, &waited_for, &holder.node),
        (&path, &theirs, &theirs[0])
    );
    assert_eq!(
        holder.session_id,
        zk.owner(&format!("{path}/{}", theirs[0]))
    );
    assert!(waited >= MOMENT && waited < SOON, "{waited:?}");
    // Ours is gone at once, not when the session ends.
    assert_eq!(zk.lock_queue(&path), theirs);
    curator.release();

    let lease = acquire(&mut registry, SOON).unwrap();
    assert_eq!(zk.lock_queue(&path).len(), 1);
    assert!(!curator.acquire(MOMENT));
    curator.ask_to_acquire(SOON);
    zk.await_queue(&path, 2);
    wait(registry.confirm(&lease)).unwrap();
    assert!(curator.is_silent());
    wait(registry.release(lease)).unwrap();
    curator.expect("acquired");
    curator.release();
    wait(registry.close());
    curator.close();
    assert!(zk.lock_queue(&path).is_empty());
    Ok(())
}

#[test]
fn curator_and_we_exclude_each_other() {
    excludes(&Env::new(Store::Sqlite), CuratorRelease::Debian).unwrap();
}

#[test]
fn old_curators_and_we_exclude_each_other_on_zookeeper_3_4() {
    let excluded = ZooKeeper::of_release(Release::V3_4).and_then(|server| {
        let env = Env::at(Store::Sqlite, &server.connect_string());
        excludes(&env, CuratorRelease::V4_3)?;
        excludes(&env, CuratorRelease::V2_12)
    });
    excluded.unwrap_or_else(|why| {
        skipped(
            "old_curators_and_we_exclude_each_other_on_zookeeper_3_4",
            &why,
        );
    });
}

#[test]
fn curator_and_we_exclude_each_other_on_zookeeper_3_9() {
    let excluded = ZooKeeper::of_release(Release::V3_9).and_then(|server| {
        excludes(
            &Env::at(Store::Sqlite, &server.connect_string()),
            CuratorRelease::Debian,
        )
    });
    excluded
        .unwrap_or_else(|why| skipped("curator_and_we_exclude_each_other_on_zookeeper_3_9", &why));
}

#[test]
fn with_a_digest_the_nodes_belong_to_their_owner_and_exclude_just_so() {
    let env = Env::new(Store::Sqlite);
    let path = env.path(PATH);
    let owned = ZooKeeperSettings {
        digest: Some(DIGEST.to_owned()),
        ..settings(&env)
    };
    let mut registry = open_with(&owned);
    let curator = CuratorSettings {
        digest: DIGEST.to_owned(),
        ..CuratorSettings::default()
    };
    let mut curator = Curator::with(&env.connect, &path, &curator).unwrap();
    let lease = acquire(&mut registry, SOON).unwrap();
    assert!(
        env.registry_dump()[&lease.node].contains("digest"),
        "{:?}",
        env.registry_dump()
    );
    assert!(!curator.acquire(MOMENT));
    wait(registry.release(lease)).unwrap();
    assert!(curator.acquire(SOON));
    let mut stranger = open(&env);
    let error = acquire(&mut stranger, MOMENT).unwrap_err();
    assert!(matches!(error, RegistryError::Denied { .. }), "{error:?}");
    wait(stranger.close());
    wait(registry.close());
}

#[test]
fn nobody_waits_in_zero_time() {
    let env = Env::new(Store::Sqlite);
    let (mut one, mut other) = (open(&env), open(&env));
    let lease = acquire(&mut one, Duration::ZERO).unwrap();
    assert!(matches!(
        acquire(&mut other, Duration::ZERO),
        Err(RegistryError::Held { .. })
    ));
    wait(one.release(lease)).unwrap();
    let lease = acquire(&mut other, Duration::ZERO).unwrap();
    wait(other.release(lease)).unwrap();
    wait(one.close());
    wait(other.close());
}

#[test]
fn the_queue_is_served_in_order() {
    let env = Env::new(Store::Sqlite);
    let (zk, path) = (env.zk(), env.path(PATH));
    let (mut first, mut second) = (
        Curator::connect(&env.connect, &path),
        Curator::connect(&env.connect, &path),
    );
    assert!(first.acquire(SOON));
    let env_registry = open(&env);
    let waiting = std::thread::spawn(move || {
        let mut registry = env_registry;
        let lease = acquire(&mut registry, SOON).unwrap();
        (registry, lease)
    });
    zk.await_queue(&path, 2);
    second.ask_to_acquire(SOON);
    let queue = zk.await_queue(&path, 3);
    first.release();
    let (mut registry, lease) = waiting.join().unwrap();
    assert!(
        second.is_silent() && lease.node.ends_with(&queue[1]),
        "{lease:?} {queue:?}"
    );
    let seen: Vec<String> = wait(registry.lock_queue(PATH))
        .unwrap()
        .into_iter()
        .map(|node| node.node)
        .collect();
    assert_eq!(seen, queue[1..]);
    wait(registry.release(lease)).unwrap();
    second.expect("acquired");
    wait(registry.close());
}

#[test]
fn a_killed_holder_holds_until_its_session_expires() {
    let env = Env::new(Store::Sqlite);
    let brief = CuratorSettings {
        session: Duration::from_secs(6),
        ..CuratorSettings::default()
    };
    let mut curator = Curator::with(&env.connect, &env.path(PATH), &brief).unwrap();
    assert!(curator.acquire(SOON));
    curator.kill();
    let mut registry = open(&env);
    assert!(matches!(
        acquire(&mut registry, MOMENT),
        Err(RegistryError::Held { .. })
    ));
    let lease = acquire(&mut registry, SOON).unwrap();
    wait(registry.release(lease)).unwrap();
    wait(registry.close());
}

#[test]
fn closing_ends_a_lock_that_was_not_released() {
    let env = Env::new(Store::Sqlite);
    let mut registry = open(&env);
    let lease = acquire(&mut registry, SOON).unwrap();
    wait(registry.close());
    assert!(!env.zk().exists(&lease.node));
}

#[test]
fn a_lock_node_that_was_deleted_is_a_lost_lock() {
    let env = Env::new(Store::Sqlite);
    let mut registry = open(&env);
    let lease = acquire(&mut registry, SOON).unwrap();
    wait(registry.confirm(&lease)).unwrap();
    env.zk().delete(&lease.node);
    let error = wait(registry.confirm(&lease)).unwrap_err();
    assert!(matches!(error, RegistryError::LockLost { .. }), "{error:?}");
    let error = wait(registry.lost(std::slice::from_ref(&lease)));
    assert!(matches!(error, RegistryError::LockLost { .. }), "{error:?}");
    wait(registry.release(lease)).unwrap();
    wait(registry.close());
}

/// 1.2 has two locks, and one session for both: the entry of either may be deleted.
#[test]
fn the_loss_of_any_lock_is_noticed() {
    for lost in [0, 1] {
        let env = Env::new(Store::Sqlite);
        let mut registry = open(&env);
        let mut take = |path: &str| wait(registry.acquire(path, SOON, &mut |_| {})).unwrap();
        let leases = [take("lock/first"), take("lock/second")];
        env.zk().delete(&leases[lost].node);
        let error = wait(registry.lost(&leases));
        let RegistryError::LockLost { path, .. } = &error else {
            panic!("{error:?}")
        };
        assert!(
            path.ends_with(["/lock/first", "/lock/second"][lost]),
            "{error:?}"
        );
        wait(registry.close());
    }
}

#[test]
fn a_dead_network_loses_the_lock_before_another_can_have_it() {
    let shared = Env::new(Store::Sqlite);
    let proxy = Proxy::to(ZooKeeper::shared().port());
    let brief = ZooKeeperSettings {
        ensemble: proxy.address().parse().unwrap(),
        timeout: Duration::from_secs(4),
        session_timeout: Duration::from_secs(12),
        ..settings(&shared)
    };
    let mut registry = open_with(&brief);
    let lease = acquire(&mut registry, SOON).unwrap();
    let mut curator = Curator::connect(&shared.connect, &shared.path(PATH));
    curator.ask_to_acquire(SOON);
    shared.zk().await_queue(&shared.path(PATH), 2);
    proxy.black_hole();
    let error = wait(registry.lost(std::slice::from_ref(&lease)));
    assert!(
        matches!(
            error,
            RegistryError::Interrupted { .. } | RegistryError::LockLost { .. }
        ),
        "{error:?}"
    );
    assert!(curator.is_silent(), "another one has it already");
    assert!(wait(registry.confirm(&lease)).is_err());
    curator.expect("acquired");
    proxy.pass();
    assert!(wait(registry.confirm(&lease)).is_err());
    wait(registry.close());
}

/// A session that outlives a restart of its server.
fn open_for_a_minute(env: &Env) -> Box<ZooKeeperRegistry> {
    open_with(&ZooKeeperSettings {
        session_timeout: Duration::from_mins(1),
        ..settings(env)
    })
}

#[test]
fn a_restart_of_the_server_leaves_the_lock() {
    let mut server = ZooKeeper::private();
    let env = Env::at(Store::Sqlite, &server.connect_string());
    let mut registry = open_for_a_minute(&env);
    let lease = acquire(&mut registry, SOON).unwrap();
    server.kill();
    assert!(wait(registry.confirm(&lease)).is_err());
    server.start();
    crate::harness::eventually(SOON, "the lock, again", || wait(registry.confirm(&lease)));
    let mut other = open(&env);
    assert!(matches!(
        acquire(&mut other, Duration::ZERO),
        Err(RegistryError::Held { .. })
    ));
    wait(registry.release(lease)).unwrap();
    wait(registry.close());
    wait(other.close());
}

/// What the lock is given up for, if it is given up soon after its server was started again.
fn given_up(restart: impl FnOnce(&mut ZooKeeper), within: Duration) -> Option<RegistryError> {
    let mut server = ZooKeeper::private();
    let env = Env::at(Store::Sqlite, &server.connect_string());
    let mut registry = open_for_a_minute(&env);
    let lease = acquire(&mut registry, SOON).unwrap();
    restart(&mut server);
    crate::harness::eventually(SOON, "the lock, again", || wait(registry.confirm(&lease)));
    let lost = wait(async {
        tokio::time::timeout(within, registry.lost(std::slice::from_ref(&lease)))
            .await
            .ok()
    });
    // It is there in any case.
    wait(registry.confirm(&lease)).unwrap();
    wait(registry.close());
    lost
}

#[test]
fn a_session_that_becomes_shorter_is_not_counted_by_its_first_length() {
    let shorten = |server: &mut ZooKeeper| {
        server.stop();
        server.add_settings("maxSessionTimeout=3000\n");
        server.start();
    };
    match given_up(shorten, SOON) {
        Some(RegistryError::LockLost { cause, .. })
            if cause.contains("for 3s alone, not for 60s") => {}
        other => panic!("{other:?}"),
    }
    let restart = |server: &mut ZooKeeper| {
        server.stop();
        server.start();
    };
    let lost = given_up(restart, Duration::from_secs(4));
    assert!(lost.is_none(), "{lost:?}");
}

#[test]
fn the_parent_is_a_container_that_the_server_takes_away() {
    let env = Env::new(Store::Sqlite);
    let mut registry = open(&env);
    for _ in 0..2 {
        let lease = acquire(&mut registry, SOON).unwrap();
        wait(registry.release(lease)).unwrap();
        env.zk().await_absence(&env.path(PATH));
    }
    wait(registry.close());
}

#[test]
fn locks_of_single_masters_do_not_queue_for_the_global_one() {
    let env = Env::new(Store::Sqlite);
    let mut registry = open(&env);
    let single =
        wait(registry.acquire("lock/failover/masters/10.0.0.1:5678", SOON, &mut |_| {})).unwrap();
    let global =
        wait(registry.acquire("lock/failover/masters", Duration::ZERO, &mut |_| {})).unwrap();
    assert_eq!(
        wait(registry.locks_below("lock/failover/masters")).unwrap(),
        ["10.0.0.1:5678"]
    );
    assert_eq!(
        wait(registry.lock_queue("lock/failover/masters"))
            .unwrap()
            .len(),
        1
    );
    for lease in [single, global] {
        wait(registry.release(lease)).unwrap();
    }
    wait(registry.close());
}
