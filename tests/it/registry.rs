//! The ZooKeeper registry: who is registered, whatever stands in the nodes, and that looking
//! changes nothing.

use std::time::{Duration, Instant};

use dsctl::family::RegistryLayout;
use dsctl::model::{AddressForm, PayloadProblem, Registration};
use dsctl::registry::zookeeper::{ZooKeeperRegistry, ZooKeeperSession, ZooKeeperSettings};
use dsctl::registry::{Registry, RegistryError};

use crate::harness::{
    Env, FakeRegistration, MARKER, Proxy, Release, Store, ZooKeeper, assert_in_time, skipped, wait,
};

/// As the masters of 3.1 and newer have it.
const LAYOUT: RegistryLayout = RegistryLayout {
    masters: "nodes/master",
    workers: "nodes/worker",
    address_form: AddressForm::HostPort,
    container_parents: true,
};

/// Whose name and password the masters' nodes ask for.
pub const DIGEST: &str = "owner:mark3r";

pub fn settings(env: &Env) -> ZooKeeperSettings {
    ZooKeeperSettings {
        ensemble: env.connect.parse().unwrap(),
        namespace: env.namespace.parse().unwrap(),
        digest: None,
        sasl: None,
        tls: None,
        timeout: Duration::from_secs(5),
        session_timeout: Duration::from_secs(10),
    }
}

pub fn open(env: &Env) -> Box<ZooKeeperRegistry> {
    open_with(&settings(env))
}

pub fn open_with(settings: &ZooKeeperSettings) -> Box<ZooKeeperRegistry> {
    Box::new(
        wait(ZooKeeperSession::open(settings))
            .unwrap()
            .registry(LAYOUT),
    )
}

fn masters(env: &Env) -> Vec<Registration> {
    let mut registry = open(env);
    let masters = wait(registry.masters()).unwrap();
    assert!(masters.parent_exists);
    wait(registry.close());
    masters.servers
}

#[test]
fn without_the_parent_nothing_is_found_and_nothing_made() {
    let env = Env::new(Store::Sqlite);
    let mut registry = open(&env);
    let masters = wait(registry.masters()).unwrap();
    assert_eq!(
        (masters.parent_exists, masters.parent),
        (false, env.path("nodes/master"))
    );
    assert!(masters.servers.is_empty() && wait(registry.lock_queue("lock/x")).unwrap().is_empty());
    assert!(wait(registry.locks_below("lock")).unwrap().is_empty());
    wait(registry.close());
    assert!(env.registry_dump().is_empty());
}

#[test]
fn a_parent_without_masters_is_not_a_missing_one() {
    let env = Env::new(Store::Sqlite);
    env.zk().create(&env.path("nodes/master"), b"");
    assert!(masters(&env).is_empty());
}

#[test]
fn masters_are_found_on_every_release() {
    masters_are_found(&Env::new(Store::Sqlite));
    for release in [Release::V3_4, Release::V3_9] {
        match ZooKeeper::of_release(release) {
            Ok(server) => masters_are_found(&Env::at(Store::Sqlite, &server.connect_string())),
            Err(why) => skipped(
                &format!("masters_are_found_on_every_release, {release:?}"),
                &why,
            ),
        }
    }
}

fn masters_are_found(env: &Env) {
    let csv = "0.1,0.2,0.3,4.0,8.0,0.5,1700000000000,1700000001000,0,4711,0,100,0";
    let json = r#"{"startupTime":1700000000000,"reportTime":1700000001000,"processId":4711,"serverStatus":"NORMAL"}"#;
    let (late, early) = (
        env.master("10.0.0.2:5678", json),
        env.master("10.0.0.1:5678", csv),
    );
    // A sibling that begins with the same letters, and a name that only looks alike.
    env.zk()
        .create(&env.path("nodes/master-coordinator/10.0.0.9:5678"), b"");
    let similar = env.master("110.0.0.1:5678", json);
    let before = env.registry_dump();
    let found = masters(env);
    let addresses: Vec<&str> = found.iter().map(|master| master.address.as_str()).collect();
    assert_eq!(
        addresses,
        ["10.0.0.1:5678", "10.0.0.2:5678", "110.0.0.1:5678"]
    );
    assert_eq!(found[0].session_id, Some(early.session_id()));
    assert_eq!(
        (found[1].session_id.clone(), &found[1].node[..]),
        (Some(late.session_id()), late.path())
    );
    for master in &found {
        assert_eq!(
            (master.heartbeat.process_id, &master.heartbeat.problem),
            (Some(4711), &None),
            "{master:?}"
        );
        assert!(master.heartbeat.started_at.is_some() && master.created_at.is_some());
    }
    assert_eq!(before, env.registry_dump());
    similar.close();
    assert_eq!(masters(env).len(), 2);
}

#[test]
fn bytes_that_say_nothing_do_not_make_a_master_dead() {
    let env = Env::new(Store::Sqlite);
    let big = vec![b'x'; 1_048_000];
    let cases: [(&str, &[u8]); 5] = [
        ("10.0.0.1:5678", b""),
        ("10.0.0.2:5678", b"\xff\x00\x1b[2J"),
        ("10.0.0.3:5678", b"{\"startupTime\":"),
        ("10.0.0.4:5678", &big),
        ("not an address", b"0,0,0"),
    ];
    let _alive = cases.map(|(address, payload)| {
        FakeRegistration::new(
            &env.connect,
            &env.path(&format!("nodes/master/{address}")),
            payload,
            None,
        )
    });
    let found = masters(&env);
    let addresses: Vec<&str> = found.iter().map(|master| master.address.as_str()).collect();
    assert_eq!(addresses, cases.map(|(address, _)| address));
    assert_eq!(found[0].heartbeat.problem, Some(PayloadProblem::Empty));
    for master in &found[1..] {
        let Some(PayloadProblem::Unreadable(text)) = &master.heartbeat.problem else {
            panic!("{master:?}")
        };
        assert!(text.len() < 1000 && !text.contains('\x1b'), "{text}");
    }
}

#[test]
fn nodes_of_an_owner_open_with_the_digest_alone() {
    let env = Env::new(Store::Sqlite);
    let _master = FakeRegistration::new(
        &env.connect,
        &env.path("nodes/master/10.0.0.1:5678"),
        b"",
        Some(DIGEST),
    );
    for digest in [None, Some("owner:mark3r-wrong")] {
        let settings = ZooKeeperSettings {
            digest: digest.map(str::to_owned),
            ..settings(&env)
        };
        let mut registry = open_with(&settings);
        let error = wait(registry.masters()).unwrap_err();
        assert!(
            matches!(&error, RegistryError::Denied { path, .. } if path.starts_with('/')),
            "{error:?}"
        );
        assert!(!format!("{error} {error:?} {registry:?}").contains(MARKER));
        wait(registry.close());
    }
    let settings = ZooKeeperSettings {
        digest: Some(DIGEST.to_owned()),
        ..settings(&env)
    };
    let mut registry = open_with(&settings);
    assert_eq!(wait(registry.masters()).unwrap().servers.len(), 1);
    wait(registry.close());
}

#[test]
fn a_chroot_and_a_deep_namespace_go_in_front() {
    let env = Env::new(Store::Sqlite);
    let root = format!("/{}/ch/root", env.namespace);
    let _master = FakeRegistration::new(
        &env.connect,
        &format!("{root}/a/b/nodes/master/h:1"),
        b"",
        None,
    );
    let chrooted = ZooKeeperSettings {
        ensemble: format!("{}{root}", env.connect).parse().unwrap(),
        namespace: "a/b".parse().unwrap(),
        ..settings(&env)
    };
    let mut registry = open_with(&chrooted);
    assert_eq!(wait(registry.masters()).unwrap().servers.len(), 1);
    let lease = wait(registry.acquire("lock/x", Duration::ZERO, &mut |_| {})).unwrap();
    assert_eq!(env.zk().lock_queue(&format!("{root}/a/b/lock/x")).len(), 1);
    wait(registry.release(lease)).unwrap();
    wait(registry.close());
}

#[test]
fn workers_are_found_with_and_without_groups() {
    let env = Env::new(Store::Sqlite);
    let worker = |path: &str| FakeRegistration::new(&env.connect, &env.path(path), b"", None);
    let _alive = [
        worker("nodes/worker/default/10.0.1.1:1234"),
        worker("nodes/worker/gpu/10.0.1.1:1234"),
        worker("nodes/worker/10.0.1.2:1234"),
    ];
    let mut registry = open(&env);
    let workers = wait(registry.workers()).unwrap();
    let found: Vec<(&str, Option<&str>)> = workers
        .servers
        .iter()
        .map(|worker| (worker.address.as_str(), workers.group_of(worker)))
        .collect();
    assert_eq!(
        found,
        [
            ("10.0.1.1:1234", Some("default")),
            ("10.0.1.1:1234", Some("gpu")),
            ("10.0.1.2:1234", None)
        ]
    );
    wait(registry.close());
}

#[test]
fn a_dead_host_in_the_list_is_passed_over() {
    let env = Env::new(Store::Sqlite);
    let mut dead = Proxy::to(1);
    dead.refuse();
    env.zk().create(&env.path("nodes/master"), b"");
    let list = format!("{},{}", dead.address(), env.connect);
    let settings = ZooKeeperSettings {
        ensemble: list.parse().unwrap(),
        ..settings(&env)
    };
    let mut registry = open_with(&settings);
    assert!(wait(registry.masters()).unwrap().parent_exists);
    wait(registry.close());
}

#[test]
fn a_silent_server_is_given_up_in_time() {
    let mut server = ZooKeeper::private();
    let env = Env::at(Store::Sqlite, &server.connect_string());
    let settings = ZooKeeperSettings {
        timeout: Duration::from_secs(1),
        ..settings(&env)
    };
    let mut registry = open_with(&settings);
    server.freeze();
    let start = Instant::now();
    let error = wait(registry.masters()).unwrap_err();
    assert!(
        matches!(error, RegistryError::Interrupted { .. }),
        "{error:?}"
    );
    let error = wait(ZooKeeperSession::open(&settings)).unwrap_err();
    assert!(
        matches!(error, RegistryError::Unreachable { .. }),
        "{error:?}"
    );
    wait(registry.close());
    assert_in_time(start, Duration::from_secs(5));
    server.thaw();
}
