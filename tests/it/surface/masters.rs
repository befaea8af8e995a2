//! `masters` with whatever may stand in a registration: it is shown as what it is.

use serde_json::Value;

use super::{DEAD, LIVING, V3_2, living, master, refused, run, with_zookeeper};
use crate::harness::{Env, FakeRegistration, Store};

fn register(env: &Env, name: &str, payload: &[u8]) -> FakeRegistration {
    FakeRegistration::new(
        &env.connect,
        &env.path(&format!("nodes/master/{name}")),
        payload,
        None,
    )
}

/// What `masters` says of an address, after a check that both formats can say it.
fn seen(env: &Env, address: &str) -> Value {
    run(env, "masters").exit(0);
    let document = run(env, "masters -o json").exit(0).json();
    let masters = document["masters"].as_array().unwrap();
    masters
        .iter()
        .find(|master| master["address"] == address)
        .unwrap_or_else(|| panic!("{document:#}"))
        .clone()
}

/// Pseudo-random bytes: the same ones for the same seed.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn heartbeats_that_cannot_be_read() {
    let env = with_zookeeper(Store::Sqlite, V3_2);
    let _living = living(&env, V3_2);
    let noisy: Vec<Vec<u8>> = (1..=5).map(|seed| noise(seed, 300)).collect();
    let large = noise(6, 1_000_000);
    let odd: Vec<(&str, &[u8])> = vec![
        ("a million bytes", &large),
        ("invalid UTF-8 in JSON", b"{\"startupTime\": \"\xff\xfe\"}"),
        ("half of JSON", b"{\"startupTime\":"),
        ("an empty object", b"{}"),
        ("a list", b"[1,2,3]"),
        ("a word", b"hello"),
        ("commas", b",,,,,,,,,"),
        ("deep", b"{\"a\":[[[[[[[[[[[[[[[[[[[["),
        ("escape sequences", b"\x1b[2J\x1b[31mred"),
    ];
    let random = noisy.iter().map(|bytes| ("noise", bytes.as_slice()));
    for (what, payload) in odd.into_iter().chain(random) {
        let registration = register(&env, "10.0.0.9:5678", payload);
        let master = seen(&env, "10.0.0.9:5678");
        let remark = master["remark"]
            .as_str()
            .unwrap_or_else(|| panic!("{what}: {master:#}"));
        assert!(
            remark.starts_with("heartbeat unreadable: ") && remark.len() < 200,
            "{what}: {remark}"
        );
        assert_eq!(
            (&master["verdict"], &master["registered"]),
            (&"alive".into(), &true.into()),
            "{what}"
        );
        assert!(
            master["started_at"].is_null() && master["cpu_usage"].is_null(),
            "{what}"
        );
        registration.close();
    }
}

/// The digits are those of the master, in whatever format.
#[test]
fn numbers_are_told_as_they_were_written() {
    let env = with_zookeeper(Store::Sqlite, V3_2);
    let numbers = ["9.400961203335899e-8", "0.9452706955539223", "-0.0"];
    let [cpu, memory, load] = numbers;
    let text = format!(
        r#"{{"startupTime":1,"cpuUsage":{cpu},"memoryUsage":{memory},"loadAverage":{load}}}"#
    );
    let _living = register(&env, LIVING, text.as_bytes());
    for format in ["json", "ndjson"] {
        let output = run(&env, &format!("masters -o {format}")).exit(0);
        for number in numbers {
            assert!(output.stdout.contains(number), "{number}: {output:?}");
        }
    }
}

#[test]
fn an_empty_heartbeat_is_not_death() {
    let env = with_zookeeper(Store::Sqlite, V3_2);
    let _living = living(&env, V3_2);
    let _empty = register(&env, DEAD, b"");
    let master = seen(&env, DEAD);
    assert_eq!(
        (&master["verdict"], &master["remark"]),
        (&"alive".into(), &"no heartbeat yet".into())
    );
    refused(
        &env,
        &format!("failover {DEAD} --yes"),
        "it is alive",
        "dsctl masters",
    );
    // Without a start-up time nothing proves that an instance is of an earlier life.
    let before = env.dump();
    run(&env, &format!("failover {DEAD} --yes --allow-restarted"))
        .exit(0)
        .out("no proof that it was before");
    before.assert_same(&env.dump());
}

#[test]
fn json_with_wrong_types_gives_what_it_can() {
    let env = with_zookeeper(Store::Sqlite, V3_2);
    let text = r#"{"startupTime":"soon","reportTime":1700000010456,"cpuUsage":"much","memoryUsage":null,
        "loadAverage":[1],"serverStatus":{"a":1},"processId":-1.5,"host":7}"#;
    let _odd = register(&env, "10.0.0.9:5678", text.as_bytes());
    let master = seen(&env, "10.0.0.9:5678");
    assert_eq!(master["last_heartbeat_at"], "2023-11-14T22:13:30.456Z");
    for key in [
        "started_at",
        "cpu_usage",
        "memory_usage",
        "load_average",
        "server_status",
    ] {
        assert!(master[key].is_null(), "{key}: {master:#}");
    }
    // It was written now, and says that it is of 2023.
    assert!(
        master["remark"]
            .as_str()
            .unwrap()
            .ends_with("behind the registry's"),
        "{master:#}"
    );
    let far = r#"{"startupTime":9223372036854775807,"reportTime":-9223372036854775808,"cpuUsage":1e308,"memoryUsage":-0.0}"#;
    let _far = register(&env, "10.0.0.8:5678", far.as_bytes());
    let master = seen(&env, "10.0.0.8:5678");
    assert!(
        master["started_at"].is_null() && master["last_heartbeat_at"].is_null(),
        "{master:#}"
    );
}

#[test]
fn a_status_word_cannot_command_the_terminal() {
    let env = with_zookeeper(Store::Sqlite, V3_2);
    let text = r#"{"startupTime":1700000000000,"serverStatus":"\u001b[2JNORMAL\u202e"}"#;
    let _odd = register(&env, "10.0.0.9:5678", text.as_bytes());
    let table = run(&env, "masters").exit(0);
    assert!(
        !table.stdout.contains(['\u{1b}', '\u{202e}']) && table.stdout.contains(r"\u{1b}"),
        "{table:?}"
    );
    let json = run(&env, "masters -o json").exit(0);
    assert!(!json.stdout.contains(['\u{1b}', '\u{202e}']), "{json:?}");
}

#[test]
fn names_that_no_master_has() {
    for name in [
        "garbage",
        "NULL",
        "null",
        "a b:1",
        "'; DROP TABLE x; --:1",
        "10.0.0.9",
        "主:5678x",
        "\"quoted\":1",
    ] {
        let env = with_zookeeper(Store::Sqlite, V3_2);
        let _living = living(&env, V3_2);
        let _odd = register(&env, name, b"x");
        let master = seen(&env, name);
        assert_eq!(master["registered"], true, "{name}");
        run(&env, "masters").exit(0).err("contradict each other");
        // Whose registry this is cannot be told.
        refused(
            &env,
            "failover --all-dead --yes --grace 0s",
            "names a master",
            "belong to one cluster",
        );
        refused(
            &env,
            &format!("failover {DEAD} --yes"),
            "names a master",
            "belong to one cluster",
        );
    }
}

#[test]
fn neighbours_of_the_masters_are_no_masters() {
    let env = with_zookeeper(Store::Sqlite, V3_2);
    let _living = living(&env, V3_2);
    let zk = env.zk();
    for path in [
        "nodes/master-coordinator/10.0.0.2:5678",
        "nodes/masters/10.0.0.2:5678",
        "nodes/worker/10.0.0.2:5678",
    ] {
        zk.create(&env.path(path), b"x");
    }
    let before = env.dump();
    run(&env, "failover --all-dead --yes --grace 0s")
        .exit(0)
        .out("6 handed over");
    assert_eq!(
        super::changed_instances(&before, &env.dump()),
        super::HANGING
    );
}

#[test]
fn a_registration_that_nobody_keeps_alive_still_counts() {
    // A persistent node, as a restored snapshot or a careless hand leaves it: registered is
    // registered.
    let env = with_zookeeper(Store::Sqlite, V3_2);
    let _living = living(&env, V3_2);
    env.zk().create(
        &env.path(&format!("nodes/master/{DEAD}")),
        master(DEAD, 5).payload(V3_2).as_bytes(),
    );
    let seen = seen(&env, DEAD);
    assert_eq!(
        (&seen["verdict"], &seen["session_id"]),
        (&"alive".into(), &Value::Null)
    );
    refused(
        &env,
        &format!("failover {DEAD} --yes"),
        "persistent node",
        "delete /",
    );
}
