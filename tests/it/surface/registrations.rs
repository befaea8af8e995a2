//! Registrations and lock nodes that are not what they seem: of another release, of no session, of
//! another program, or in the wrong place.

use super::{DEAD, LIVING, V3_2, V3_4, living, master, refused, run, unchanged, with_zookeeper};
use crate::harness::{Dsctl, Env, FakeRegistration, Store};

/// What a 3.0 master wrote that was never stopped.
const OF_3_0: &str = "0.0,0.11,0.01,112.17,64.0,0.3,1697613709943,1700214651099,0,26455,0,0,0";

fn lock_of_dead(env: &Env) -> String {
    env.path(&format!("lock/master-failover/{DEAD}"))
}

#[test]
fn a_registration_of_another_release_is_no_living_master() {
    let env = with_zookeeper(Store::Sqlite, V3_2);
    let registration = env.master(LIVING, OF_3_0);
    for line in [
        format!("failover {DEAD} --yes"),
        "failover --all-dead --yes".to_owned(),
    ] {
        refused(
            &env,
            &line,
            "2.0.0 to 2.0.5 and 3.0",
            "belong to one cluster",
        );
    }
    // One that has not written its heartbeat yet contradicts nothing, nor does one that cannot be
    // read.
    for payload in ["", "soon"] {
        registration.beat(payload.as_bytes());
        run(&env, &format!("failover {DEAD} --dry-run")).exit(0);
    }
}

#[test]
fn where_no_master_is_registered_nothing_is_known() {
    // The schema of 3.3 has the tables of the JDBC registry, whether or not anybody uses them.
    let mut env = with_zookeeper(Store::Sqlite, V3_4);
    let _elsewhere = living(&env, V3_4);
    let zk = env.connect.clone();
    env.unset("DSCTL_ZK");
    env.set("DSCTL_REGISTRY", "jdbc");
    nothing_is_known(&env, "check which registry the masters are configured with");
    // A place that masters made once, and that is empty.
    env.unset("DSCTL_REGISTRY");
    env.set("DSCTL_ZK", &zk);
    env.set("DSCTL_NAMESPACE", "emptied");
    let zk = env.zk();
    if !zk.exists("/emptied/nodes/master") {
        zk.create("/emptied/nodes/master", b"");
    }
    nothing_is_known(&env, "check --registry, --zk");
}

fn nothing_is_known(env: &Env, hint: &str) {
    for command in ["masters", "instances"] {
        let output = unchanged(env, Dsctl::new(env).args([command]))
            .exit(0)
            .out("unknown")
            .err(hint);
        assert!(
            !output.stdout.contains("next: dsctl failover") && !output.stdout.contains(" dead "),
            "{output:?}"
        );
    }
    refused(
        env,
        &format!("failover {DEAD} --yes"),
        "no master is registered",
        hint,
    );
    refused(
        env,
        "failover --all-dead --yes",
        "no master is registered",
        hint,
    );
    run(env, &format!("lock acquire {DEAD} -- true"))
        .exit(0)
        .err("they are registered elsewhere, and this lock excludes none of them");
    let danger = run(
        env,
        &format!("failover {DEAD} --allow-no-masters --dry-run -o json"),
    )
    .exit(0)
    .json();
    assert_eq!(danger["masters"][0]["verdict"], "unknown", "{danger}");
    assert!(
        danger["warnings"]
            .to_string()
            .contains("nothing proves that"),
        "{danger}"
    );
    // A round of cron's is no better off.
    let state = env.home().join("watch.json");
    let round = format!(
        "watch --once --yes -o ndjson --state-file {}",
        state.display()
    );
    let round = unchanged(env, Dsctl::new(env).args(round.split(' '))).exit(4);
    assert!(
        round.stdout.contains("no master is registered below"),
        "{round:?}"
    );
    // Nor that a lock is free, or keeps anybody out.
    let status = run(env, &format!("lock status {DEAD} -o json"))
        .exit(0)
        .json();
    assert!(
        status["warnings"][0]
            .as_str()
            .unwrap()
            .contains("it is unknown whether a lock is free: no master is registered"),
        "{status}"
    );
    run(env, &format!("lock acquire {DEAD} --for 1ms"))
        .exit(0)
        .err("they are registered elsewhere, and this lock excludes none of them");
}

#[test]
fn a_persistent_registration_is_named_and_never_dead() {
    let env = with_zookeeper(Store::Sqlite, V3_2);
    let _living = living(&env, V3_2);
    let node = env.path(&format!("nodes/master/{DEAD}"));
    env.zk()
        .create(&node, master(DEAD, 60).payload(V3_2).as_bytes());
    refused(
        &env,
        &format!("failover {DEAD} --yes"),
        "persistent node",
        &format!("delete {node}"),
    );
    let all = unchanged(
        &env,
        Dsctl::new(&env).args(["failover", "--all-dead", "--yes"]),
    );
    assert!(
        all.stderr.contains("persistent node") && all.stderr.contains(&format!("delete {node}")),
        "{all:?}"
    );
    let shown = run(&env, "masters").exit(0).out(&format!("delete {node}"));
    assert!(!shown.stdout.contains(" dead "), "{shown:?}");
    env.zk().delete(&node);
    run(&env, "masters").exit(0).out(" dead ");
}

#[test]
fn a_persistent_lock_node_is_not_waited_for() {
    let env = with_zookeeper(Store::Sqlite, V3_2);
    let _living = living(&env, V3_2);
    let node = format!("{}/_c_0-lock-0000000000", lock_of_dead(&env));
    env.zk().create(&node, b"10.0.0.9");
    let held = run(&env, &format!("failover {DEAD} --yes --lock-timeout 0s"))
        .exit(5)
        .err("useless");
    assert!(
        held.stderr.contains(&format!("delete {node}")) && !held.stderr.contains("--lock-timeout"),
        "{held:?}"
    );
    run(&env, &format!("lock status {DEAD}"))
        .exit(0)
        .out("persistent")
        .err(&format!("delete {node}"));
}

#[test]
fn a_lock_node_of_another_program_is_shown_and_does_not_hinder() {
    let env = with_zookeeper(Store::Sqlite, V3_2);
    let _living = living(&env, V3_2);
    let kazoo = "5f2c1f5e9f0b4d0c8a3f5f2c1f5e9f0b__lock__0000000001";
    let path = format!("{}/{kazoo}", lock_of_dead(&env));
    let other = FakeRegistration::new(&env.connect, &path, b"host", None);
    let lock = &run(&env, &format!("lock status {DEAD} -o json"))
        .exit(0)
        .json()["locks"][0];
    assert_eq!(
        (&lock["holder"], &lock["foreign"][0]["node"]),
        (&serde_json::Value::Null, &kazoo.into())
    );
    assert_eq!(lock["foreign"][0]["session_id"], other.session_id());
    run(&env, "lock status")
        .exit(0)
        .out("foreign")
        .err("another program's");
    let done = run(&env, &format!("failover {DEAD} --yes -o json"))
        .exit(0)
        .json();
    assert!(done["warnings"].to_string().contains(kazoo), "{done}");
}

#[test]
fn a_master_that_has_not_written_for_long_is_remarked() {
    let env = with_zookeeper(Store::Sqlite, V3_2);
    let day = jiff::Timestamp::now() - std::time::Duration::from_hours(25);
    let server = dsctl::demo::Registered {
        reported: day,
        ..master(LIVING, 3 * 24 * 60)
    };
    let _stuck = env.register(V3_2, &server);
    let output = run(&env, "masters -o json").exit(0).json();
    let master = &output["masters"]
        .as_array()
        .unwrap()
        .iter()
        .find(|master| master["address"] == LIVING)
        .unwrap();
    assert_eq!(
        (&master["verdict"], &master["remark"]),
        (
            &"alive".into(),
            &"its clock is 1d 1h behind the registry's".into()
        )
    );
}
