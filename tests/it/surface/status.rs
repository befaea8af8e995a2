//! `lock status`: who holds, who waits, since when, and for whom.

use serde_json::Value;
use zookeeper_client::{Acls, CreateMode};

use super::{DEAD, LIVING, V3_2, V3_4, living, master, run, with_zookeeper};
use crate::harness::{Dsctl, Env, Running, Store, Zk, eventually, golden_all, wait};

const BELOW: &str = "lock/master-failover/10.0.0.2:5678";

/// A session that is registered as the living master and has a node at the lock.
fn master_at_the_lock(env: &Env, below: &str) -> Zk {
    let zk = env.zk();
    let acls = || Acls::anyone_all();
    let (registration, lock) = (env.path(&format!("nodes/master/{LIVING}")), env.path(below));
    zk.create_parents(&registration);
    zk.create_parents(&format!("{lock}/x"));
    let payload = master(LIVING, 60).payload(V3_2);
    let ephemeral = CreateMode::Ephemeral.with_acls(acls());
    wait(
        zk.client()
            .create(&registration, payload.as_bytes(), &ephemeral),
    )
    .unwrap();
    let sequential = CreateMode::EphemeralSequential.with_acls(acls());
    let node = format!("{lock}/_c_01234567-89ab-cdef-0123-456789abcdef-lock-");
    wait(zk.client().create(&node, b"10.0.0.1", &sequential)).unwrap();
    zk
}

fn waiter(env: &Env) -> Running {
    let mut waiter = Dsctl::new(env)
        .args([
            "lock",
            "acquire",
            DEAD,
            "--for",
            "1ms",
            "--lock-timeout",
            "60s",
        ])
        .spawn();
    waiter.await_stderr("held by session");
    waiter
}

fn locks(env: &Env, line: &str) -> Value {
    run(env, &format!("{line} -o json")).exit(0).json()["locks"].clone()
}

#[test]
fn holder_and_waiters_in_order() {
    let env = with_zookeeper(Store::Sqlite, V3_2);
    let holder = master_at_the_lock(&env, BELOW);
    let (zk, path) = (env.zk(), env.path(BELOW));
    let first = waiter(&env);
    zk.await_queue(&path, 2);
    let second = waiter(&env);
    let queue = zk.await_queue(&path, 3);
    for line in ["lock status".to_owned(), format!("lock status {DEAD}")] {
        let locks = locks(&env, &line);
        let lock = &locks[0];
        assert_eq!(
            (locks.as_array().unwrap().len(), &lock["path"]),
            (1, &path.clone().into())
        );
        let nodes = [&lock["holder"], &lock["waiters"][0], &lock["waiters"][1]];
        for (node, name) in nodes.iter().zip(&queue) {
            assert_eq!(node["node"], name.as_str());
            assert_eq!(
                node["session_id"],
                zk.owner(&format!("{path}/{name}")).unwrap()
            );
        }
        assert_eq!(
            nodes.map(|node| &node["registered_master"]),
            [&LIVING.into(), &Value::Null, &Value::Null]
        );
        assert_eq!(lock["holder"]["data"], "10.0.0.1");
        assert_eq!(lock["waiters"].as_array().unwrap().len(), 2);
    }
    golden_all(
        "lock-status-held",
        &["json", "ndjson"].map(|format| run(&env, &format!("lock status -o {format}"))),
    );
    let table = run(&env, "lock status").exit(0).stdout;
    let roles: Vec<&str> = table
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().nth(1))
        .collect();
    assert_eq!(roles, ["holder", "waiter", "waiter"], "{table}");
    drop(holder);
    first.finish().exit(0);
    second.finish().exit(0);
    assert_eq!(locks(&env, "lock status"), Value::Array(Vec::new()));
    assert!(locks(&env, &format!("lock status {DEAD}"))[0]["holder"].is_null());
}

#[test]
fn the_age_grows() {
    let env = with_zookeeper(Store::Sqlite, V3_2);
    let _holder = master_at_the_lock(&env, BELOW);
    let age = || {
        locks(&env, "lock status")[0]["holder"]["age_seconds"]
            .as_i64()
            .unwrap()
    };
    assert!((0..30).contains(&age()));
    eventually(
        std::time::Duration::from_secs(10),
        "an age of a second",
        || if age() >= 1 { Ok(()) } else { Err(()) },
    );
}

#[test]
fn a_lock_that_was_never_given_back_is_explained() {
    let env = with_zookeeper(Store::Sqlite, V3_4);
    let _holder = master_at_the_lock(&env, BELOW);
    run(&env, "lock status")
        .exit(0)
        .out("may have done its failover long ago")
        .out("issue 18197");
    let before = env.dump();
    let output = run(
        &env,
        "failover --all-dead --yes --grace 0s --lock-timeout 50ms",
    )
    .exit(5);
    output
        .err("that session is master 10.0.0.1:5678's")
        .err("issue 18197")
        .err("--lock-timeout");
    before.assert_same(&env.dump());
    // 3.2 gives its locks back.
    let env = with_zookeeper(Store::Sqlite, V3_2);
    let _holder = master_at_the_lock(&env, BELOW);
    let output = run(&env, "lock status").exit(0);
    assert!(!output.stdout.contains("issue 18197"), "{output:?}");
}

#[test]
fn without_a_database() {
    let mut env = with_zookeeper(Store::Sqlite, V3_2);
    let _living = living(&env, V3_2);
    env.unset("DSCTL_DB");
    run(&env, "lock status")
        .exit(2)
        .err("the metadata database is not configured");
    run(&env, &format!("lock status {DEAD} --ds-version 3.2.2"))
        .exit(0)
        .out(BELOW)
        .out("free");
    run(&env, &format!("lock status {DEAD} --ds-version 3.1.9"))
        .exit(0)
        .out("lock/failover/masters/10.0.0.2:5678");
    run(&env, "lock status 10.0.0.2:5678 --ds-version 1.3.9")
        .exit(0)
        .out("lock/failover/masters ");
    run(
        &env,
        &format!("lock acquire {DEAD} --ds-version 3.2.2 --for 1ms"),
    )
    .exit(0)
    .out(BELOW);
}

#[test]
fn looking_leaves_nothing_behind() {
    let env = with_zookeeper(Store::Sqlite, V3_2);
    let _living = living(&env, V3_2);
    for line in [
        "lock status",
        "lock status 10.0.0.2:5678",
        "masters",
        "instances",
        "commands",
    ] {
        super::unchanged(&env, Dsctl::new(&env).args(line.split(' '))).exit(0);
    }
}
