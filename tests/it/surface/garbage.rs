//! Garbage where locks and commands stand.

use dsctl::demo::seed;
use dsctl::model::Version;

use super::{DEAD, HANGING, V3_2, V3_4, changed_instances, living, rehearsal, run, with_zookeeper};
use crate::harness::Store;

const TEXTS: [&str; 9] = [
    "",
    "garbage",
    "{",
    "[]",
    "null",
    r#"{"ProcessInstanceId":"111'; DROP TABLE t_ds_command; --"}"#,
    r#"{"ProcessInstanceId":1e400,"StartParams":7}"#,
    r#"{"ProcessInstanceId":-111,"workflowExecutionStatus":"PURPLE"}"#,
    "\u{1b}[2J\u{202e}",
];

#[test]
fn garbage_below_the_lock_keeps_nobody_out() {
    let env = with_zookeeper(Store::Sqlite, V3_2);
    let _living = living(&env, V3_2);
    let (zk, lock) = (env.zk(), env.path(&format!("lock/master-failover/{DEAD}")));
    for name in [
        "garbage",
        "lock-",
        "lock-abc",
        "_c_-lock-",
        "10.0.0.9:5678",
        "lock-1",
        "-0000000001",
    ] {
        zk.create(&format!("{lock}/{name}"), b"\xff\x1b[2J");
    }
    run(&env, "lock status")
        .exit(0)
        .out("no failover lock is held");
    run(&env, &format!("lock status {DEAD}"))
        .exit(0)
        .out("free");
    let before = env.dump();
    run(
        &env,
        "failover --all-dead --yes --grace 0s --lock-timeout 2s",
    )
    .exit(0);
    assert_eq!(changed_instances(&before, &env.dump()), HANGING);
    assert_eq!(zk.children(&lock).len(), 7);
}

#[test]
fn a_lock_node_that_stays_for_ever_is_told_of() {
    let env = with_zookeeper(Store::Sqlite, V3_2);
    let _living = living(&env, V3_2);
    let (zk, lock) = (env.zk(), env.path(&format!("lock/master-failover/{DEAD}")));
    zk.create(&format!("{lock}/_c_odd-lock-0000000000"), b"\x1b[2J\xff");
    let before = env.dump();
    let output = run(
        &env,
        "failover --all-dead --yes --grace 0s --lock-timeout 100ms",
    )
    .exit(5);
    let output = output
        .err("held by a persistent node")
        .err(&format!("delete {lock}/_c_odd-lock-0000000000"));
    assert!(!output.stderr.contains('\u{1b}'), "{output:?}");
    before.assert_same(&env.dump());
    let status = run(&env, "lock status").exit(0).out("holder");
    assert!(!status.stdout.contains('\u{1b}'), "{status:?}");
    assert_eq!(zk.children(&lock), ["_c_odd-lock-0000000000"]);
}

#[test]
fn parameters_that_nobody_can_read() {
    for version in [Version::new(1, 3, 9), V3_2, V3_4] {
        let env = rehearsal(version);
        for (id, text) in (600..).zip(TEXTS) {
            env.insert([
                seed::command(version, 2).id(id).parameter(text),
                seed::error_command(version, id, 2, text).parameter(text),
            ]);
        }
        env.insert([
            seed::command(version, 99).id(700).without("command_param"),
            seed::command(version, -1).id(701),
        ]);
        let table = run(&env, "commands").exit(0);
        assert!(!table.stdout.contains(['\u{1b}', '\u{202e}']), "{table:?}");
        let document = run(&env, "commands -o json").exit(0).json();
        for (id, text) in (600..).zip(TEXTS) {
            for list in ["commands", "error_commands"] {
                let row = document[list]
                    .as_array()
                    .unwrap()
                    .iter()
                    .find(|row| row["id"] == id)
                    .unwrap();
                assert_eq!(row["command_param"], text, "{version} {id}");
            }
        }
        let before = env.dump();
        run(&env, "instances").exit(0).out("dead");
        run(&env, "failover --all-dead --yes --grace 0s").exit(0);
        assert_eq!(
            changed_instances(&before, &env.dump()),
            HANGING,
            "{version}"
        );
    }
}

#[test]
fn parameters_of_instances_that_nobody_can_read() {
    for version in [V3_2, V3_4] {
        let env = rehearsal(version);
        let rows = (600..).zip(TEXTS).map(|(id, text)| {
            let row = seed::instance(version)
                .id(id)
                .name("odd")
                .host(DEAD)
                .definition(13_841_792_583_681, 1);
            row.parameter(text).maybe("state_history", text)
        });
        env.insert(rows);
        let output = run(&env, "failover --all-dead --yes --grace 0s -o json")
            .exit(0)
            .json();
        assert_eq!(
            output["recovered"],
            HANGING.len() + TEXTS.len(),
            "{output:#}"
        );
        for command in run(&env, "commands -o json").exit(0).json()["commands"]
            .as_array()
            .unwrap()
        {
            let text = command["command_param"].as_str().unwrap();
            assert!(
                serde_json::from_str::<serde_json::Value>(text)
                    .unwrap()
                    .is_object(),
                "{text}"
            );
        }
    }
}

#[test]
fn a_url_in_a_masters_place_keeps_its_password() {
    let env = rehearsal(V3_2);
    for url in [
        "mysql://ds:S3CR3Tpw@h/d",
        "jdbc:mysql://h/d?user=ds&password=S3CR3Tpw",
        "ds:S3CR3Tpw@h",
    ] {
        for command in [
            "failover",
            "clear-hosts",
            "instances",
            "lock status",
            "lock acquire",
        ] {
            let output = run(&env, &format!("{command} {url} -o json")).exit(2);
            assert_eq!(output.json()["error"]["kind"], "address", "{output:?}");
            assert!(
                !output.stdout.contains("S3CR3T") && !output.stderr.contains("S3CR3T"),
                "{output:?}"
            );
        }
    }
}
