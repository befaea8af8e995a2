//! `doctor`: each finding made on purpose and found, none where nothing hangs, and nothing written.

use std::time::Duration;

use dsctl::metadata::database::Access;
use jiff::{Timestamp, ToSpan};
use serde_json::Value;

use crate::harness::world::{Cluster, DEAD, LIVING, World, claims_by_state, registered};
use crate::harness::{Dsctl, FakeRegistration, Store, wait};

/// One release of each family from 2.0 on; real masters of 1.3.6 are looked at in
/// `conformance::handover`.
const RELEASES: [&str; 6] = ["2.0.3", "3.0.6", "3.1.9", "3.2.2", "3.3.1", "3.4.1"];

/// A cluster at work, with so many instances of a dead master.
fn hanging(store: Store, release: &str, count: i64) -> (World, Vec<i64>) {
    let world = Cluster::of(release.parse().unwrap())
        .long_living()
        .on(store);
    let an_hour_ago = Timestamp::now() - 1.hours();
    let ids = world.add_later(DEAD, an_hour_ago, count);
    (world, ids.into_iter().collect())
}

/// What one look finds, in order; nothing is written by looking.
pub fn found(world: &World, code: i32) -> Vec<Value> {
    looked(world, &["--once"], code)
}

pub fn looked(world: &World, words: &[&str], code: i32) -> Vec<Value> {
    let before = world.env.dump();
    let answer = Dsctl::new(&world.env)
        .args(["doctor", "-o", "json"])
        .args(words)
        .run()
        .exit(code)
        .json();
    before.assert_same(&world.env.dump());
    answer["findings"].as_array().unwrap().clone()
}

pub fn codes(findings: &[Value]) -> Vec<&str> {
    findings
        .iter()
        .map(|finding| finding["code"].as_str().unwrap())
        .collect()
}

/// The one finding with this code.
pub fn one<'a>(findings: &'a [Value], code: &str) -> &'a Value {
    let mut of_code = findings.iter().filter(|finding| finding["code"] == code);
    let found = of_code
        .next()
        .unwrap_or_else(|| panic!("no {code} in {findings:#?}"));
    assert!(of_code.next().is_none(), "several {code} in {findings:#?}");
    found
}

/// Runs the command that a finding recommends, and the same without its dry run.
fn obey(world: &World, finding: &Value) {
    let next = finding["remedy"]["command"].as_str().unwrap();
    let words = next.strip_prefix("dsctl ").unwrap();
    // These rows have no history, as the plan says.
    let more = if words.starts_with("recover") && claims_by_state(world.version) {
        " --original-state running"
    } else {
        ""
    };
    let for_good = words.strip_suffix("--dry-run").unwrap();
    for line in [format!("{words}{more}"), format!("{for_good}--yes{more}")] {
        world.run(&*line).exit(0);
    }
}

#[test]
fn of_every_family_from_the_finding_to_its_end() {
    for release in RELEASES {
        let (world, ids) = hanging(Store::Sqlite, release, 3);
        let findings = found(&world, 3);
        assert_eq!(codes(&findings), ["DS-001"], "{release}");
        let dead = one(&findings, "DS-001");
        assert_eq!(dead["subject"]["master"], DEAD, "{release}");
        assert_eq!(dead["subject"]["instance_ids"], Value::from(ids.clone()));
        obey(&world, dead);
        assert_eq!(world.command_count(), 3, "{release}");
        // Whoever waits for a master does not hang.
        assert_eq!(codes(&found(&world, 0)), [""; 0], "{release}");
        world.env.sql("DELETE FROM t_ds_command");
        let findings = found(&world, 3);
        assert_eq!(codes(&findings), ["DS-003"], "{release}");
        let orphans = one(&findings, "DS-003");
        assert_eq!(orphans["subject"]["instance_ids"], Value::from(ids));
        obey(&world, orphans);
        assert_eq!(codes(&found(&world, 0)), [""; 0], "{release}");
    }
}

fn every_finding(store: Store) {
    let (mut world, ids) = hanging(store, "3.2.2", 4);
    let [first, second, third, fourth] = ids[..] else {
        panic!("{ids:?}")
    };
    let table = world.table();
    let set = |id: i64, what: &str| {
        world
            .env
            .sql(&format!("UPDATE {table} SET {what} WHERE id = {id}"));
    };
    set(first, "state = 4");
    set(second, "host = 'somewhere'");
    set(third, "host = NULL");
    let findings = found(&world, 3);
    assert_eq!(codes(&findings), ["DS-001", "DS-007", "DS-008", "DS-008"]);
    assert_eq!(
        one(&findings, "DS-007")["subject"]["instance_ids"],
        Value::from(vec![first])
    );
    let hosts: Vec<&Value> = findings[2..]
        .iter()
        .map(|finding| &finding["subject"]["master"])
        .collect();
    assert_eq!(hosts, [&Value::Null, &Value::from("somewhere")]);
    for id in [first, second, third] {
        set(id, &format!("host = '{DEAD}', state = 1"));
    }
    world.failover("").run().exit(0);
    // The second one's command becomes one more of the first; the third one has ended.
    world.env.sql(&format!(
        "UPDATE t_ds_command SET process_instance_id = {first}, command_param = '{{\"ProcessInstanceId\":{first}}}' \
         WHERE process_instance_id = {second}"
    ));
    set(third, "state = 7");
    let findings = found(&world, 3);
    assert_eq!(codes(&findings), ["DS-003", "DS-005", "DS-006"]);
    for (code, id) in [("DS-003", second), ("DS-005", first), ("DS-006", third)] {
        assert_eq!(
            one(&findings, code)["subject"]["instance_ids"],
            Value::from(vec![id]),
            "{code}"
        );
    }
    assert_eq!(
        one(&findings, "DS-005")["subject"]["command_ids"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    world.env.sql(&format!(
        "DELETE FROM t_ds_command; DELETE FROM {table} WHERE id <= {fourth}"
    ));
    in_the_registry(&mut world);
}

/// Nodes that no session keeps, or that another program has made; then no master at all.
fn in_the_registry(world: &mut World) {
    assert_eq!(codes(&found(world, 0)), [""; 0]);
    let lock = world.lock();
    let nodes = [
        format!("{lock}/_c_01234567-89ab-cdef-0123-456789abcdef-lock-0000000000"),
        format!("{lock}/0123456789abcdef__lock__0000000001"),
        world.env.path("nodes/master/10.0.0.9:5678"),
    ];
    for node in &nodes {
        world.zk().create_parents(node);
        world.zk().create(node, b"");
    }
    let findings = found(world, 3);
    assert_eq!(codes(&findings), ["DS-020", "DS-010", "DS-022"]);
    for (code, node) in [
        ("DS-020", &nodes[0]),
        ("DS-022", &nodes[1]),
        ("DS-010", &nodes[2]),
    ] {
        assert_eq!(
            one(&findings, code)["subject"]["node"],
            node.as_str(),
            "{code}"
        );
    }
    let urgent = Dsctl::new(&world.env)
        .args(["doctor", "--fail-on", "never"])
        .run();
    urgent.exit(0).out("DS-020").out("dsctl lock status");
    for node in &nodes {
        world.zk().delete(node);
    }
    world.close_living();
    assert_eq!(codes(&found(world, 3)), ["DS-009"]);
}

#[test]
fn every_finding_in_sqlite() {
    every_finding(Store::Sqlite);
}

#[test]
fn every_finding_in_mariadb() {
    every_finding(Store::MariaDb);
}

#[test]
fn every_finding_in_postgres() {
    every_finding(Store::Postgres);
}

/// What a recovery ended in 3.4 hangs; so it is found, with its message.
#[test]
fn a_failed_recovery_is_found() {
    let (world, ids) = hanging(Store::Sqlite, "3.4.1", 1);
    let id = ids[0];
    world.failover("").run().exit(0);
    world.env.sql(&format!(
        "INSERT INTO t_ds_error_command (id, command_type, workflow_definition_code, workflow_instance_id, message) \
         SELECT id, command_type, workflow_definition_code, workflow_instance_id, 'no definition' FROM t_ds_command; \
         DELETE FROM t_ds_command; UPDATE {} SET state = 6 WHERE id = {id}",
        world.table()
    ));
    let findings = found(&world, 0);
    assert_eq!(codes(&findings), ["DS-004"]);
    let fact = findings[0]["evidence"][0]["fact"].as_str().unwrap();
    assert!(fact.contains("no definition"), "{fact}");
}

/// An instance of a living master with a task of the group `gpu` that nobody has taken, and with
/// tasks that wait for no worker.
fn waiting_for_a_worker(store: Store, release: &str) -> (World, i64) {
    let (world, ids) = hanging(store, release, 1);
    let id = ids[0];
    let instance = if claims_by_state(world.version) {
        "workflow_instance_id"
    } else {
        "process_instance_id"
    };
    let tasks = [
        ("SHELL", 0, 1, "NULL", "gpu"),
        ("SHELL", 1, 1, "'10.0.1.9:1234'", "running"),
        ("SHELL", 7, 1, "NULL", "finished"),
        ("SHELL", 0, 0, "NULL", "replaced"),
        ("DEPENDENT", 0, 1, "NULL", "inside"),
    ];
    world.env.sql(&format!(
        "UPDATE {} SET host = '{LIVING}' WHERE id = {id}; \
         CREATE TABLE t_ds_worker_group (id int PRIMARY KEY, name varchar(255) NOT NULL, addr_list text)",
        world.table()
    ));
    for (number, (kind, state, flag, host, group)) in tasks.into_iter().enumerate() {
        world.env.sql(&format!(
            "INSERT INTO t_ds_task_instance (id, name, task_type, task_code, {instance}, state, flag, host, worker_group) \
             VALUES ({}, 'a task', '{kind}', 7, {id}, {state}, {flag}, {host}, '{group}')",
            901 + number,
        ));
    }
    (world, id)
}

fn a_group_without_a_worker(store: Store, releases: &[&str]) {
    for &release in releases {
        let (world, id) = waiting_for_a_worker(store, release);
        let register = |path: &str| {
            let node = world.env.path(&format!("nodes/worker/{path}"));
            world.zk().create_parents(&node);
            world.zk().create(&node, b"");
        };
        let is_found = |why: &str| {
            let findings = found(&world, 3);
            assert_eq!(codes(&findings), ["DS-014"], "{release} {why}");
            let subject = &findings[0]["subject"];
            assert_eq!(subject["worker_group"], "gpu", "{release} {why}");
            assert_eq!(subject["instance_ids"], Value::from(vec![id]));
            let fact = findings[0]["evidence"][0]["fact"].as_str().unwrap();
            assert!(fact.contains(why), "{release} {fact}");
        };
        is_found("no worker is registered");
        let grouped = release < "3.1";
        let default = if grouped { "default/" } else { "" };
        register(&format!("{default}10.0.1.1:1234"));
        is_found("10.0.1.1:1234");
        world
            .env
            .sql("INSERT INTO t_ds_worker_group (id, name, addr_list) VALUES (1, 'gpu', '10.0.1.2:1234')");
        is_found("10.0.1.1:1234");
        // Made by a manager from 2.0 on, or registered itself, as up to 3.1.0.
        if grouped {
            register("gpu/10.0.1.3:1234");
        } else {
            world.env.sql(
                "UPDATE t_ds_worker_group SET addr_list = '10.0.1.2:1234,10.0.1.1:1234' WHERE id = 1",
            );
        }
        assert_eq!(codes(&found(&world, 0)), [""; 0], "{release}");
    }
}

#[test]
fn a_group_without_a_worker_in_sqlite() {
    a_group_without_a_worker(Store::Sqlite, &RELEASES);
}

#[test]
fn a_group_without_a_worker_in_mariadb() {
    a_group_without_a_worker(Store::MariaDb, &["3.0.6", "3.2.2"]);
}

#[test]
fn a_group_without_a_worker_in_postgres() {
    a_group_without_a_worker(Store::Postgres, &["2.0.3", "3.4.1"]);
}

/// From 3.1.1 on every worker is of the default group, and from 3.3 on one may name its own.
#[test]
fn a_worker_may_be_of_a_group_that_no_table_has() {
    let (world, id) = waiting_for_a_worker(Store::Sqlite, "3.4.1");
    let node = world.env.path("nodes/worker/10.0.1.1:1234");
    world.zk().create_parents(&node);
    world.zk().create(
        &node,
        br#"{"startupTime":1700000000000,"workerGroup":"gpu"}"#,
    );
    assert_eq!(codes(&found(&world, 0)), [""; 0]);
    world.zk().delete(&node);
    world.zk().create(&node, b"");
    assert_eq!(codes(&found(&world, 3)), ["DS-014"]);
    for group in ["'default'", "NULL", "''"] {
        world.env.sql(&format!(
            "UPDATE t_ds_task_instance SET worker_group = {group}"
        ));
        assert_eq!(codes(&found(&world, 0)), [""; 0], "{group}");
    }
    // What nobody lives to hand out waits for a failover first.
    world.env.sql(&format!(
        "UPDATE t_ds_task_instance SET worker_group = 'gpu'; UPDATE {} SET host = '{DEAD}' WHERE id = {id}",
        world.table()
    ));
    assert_eq!(codes(&found(&world, 3)), ["DS-001"]);
    world.env.sql(&format!(
        "UPDATE {} SET host = '{LIVING}' WHERE id = {id}",
        world.table()
    ));
    assert_eq!(codes(&found(&world, 3)), ["DS-014"]);
    // Where the groups cannot be read, it may be of any.
    world.env.sql("DROP TABLE t_ds_worker_group");
    assert_eq!(codes(&found(&world, 0)), [""; 0]);
}

/// Up to 3.1.0 too: a group of the database can be known from its table alone.
#[test]
fn groups_that_cannot_be_read_alarm_nobody() {
    let (world, _) = waiting_for_a_worker(Store::Sqlite, "3.0.6");
    let node = world.env.path("nodes/worker/default/10.0.1.1:1234");
    world.zk().create_parents(&node);
    world.zk().create(&node, b"");
    assert_eq!(codes(&found(&world, 3)), ["DS-014"]);
    world.env.sql("DROP TABLE t_ds_worker_group");
    assert_eq!(codes(&found(&world, 0)), [""; 0]);
}

/// A table that is locked for long: what waits there is not judged, and not called right. All else is.
#[test]
fn what_cannot_be_read_is_not_called_right() {
    let (world, waiting) = waiting_for_a_worker(Store::Postgres, "3.2.2");
    world.env.sql(&format!(
        "DROP TABLE IF EXISTS t_ds_task_group; \
         CREATE TABLE t_ds_task_group (id int PRIMARY KEY, name varchar(255), group_size int, use_size int, status int); \
         CREATE TABLE t_ds_task_group_queue (id int PRIMARY KEY, task_id int, group_id int, status int, force_start int); \
         UPDATE {} SET state = 1 WHERE id = {waiting}",
        world.table()
    ));
    let file = world.env.home().join("dsctl.prom");
    let look = |code: i32| {
        let metrics = ["--metrics-file", file.to_str().unwrap()];
        Dsctl::new(&world.env)
            .args(["doctor", "--once", "--statement-timeout", "5s"])
            .args(metrics)
            .run()
            .exit(code)
    };
    let mut other = world.env.database();
    wait(other.begin(Access::Write, Duration::from_mins(5))).unwrap();
    wait(other.execute(&"LOCK TABLE t_ds_task_group_queue IN ACCESS EXCLUSIVE MODE".into()))
        .unwrap();
    let node = world.env.path("nodes/worker/10.0.1.1:1234");
    world.zk().create_parents(&node);
    world.zk().create(&node, b"");
    look(3).out("DS-014").err("could not be read");
    world
        .env
        .sql("INSERT INTO t_ds_worker_group VALUES (7, 'gpu', '10.0.1.1:1234')");
    look(1)
        .out("nothing was found in what could be read")
        .err("what could not is not judged");
    assert!(!file.exists(), "a gauge would end an alarm");
    wait(other.rollback());
    look(0);
    assert!(file.exists());
}

/// From 3.3 on an instance is there before a master takes its command; up to 3.2 a master makes it.
#[test]
fn what_was_triggered_and_has_no_command_is_found() {
    for (release, code) in [
        ("3.4.1", "DS-016"),
        ("3.3.1", "DS-016"),
        ("3.2.2", "DS-001"),
    ] {
        let (world, ids) = hanging(Store::Sqlite, release, 2);
        let triggered = if code == "DS-001" {
            ""
        } else {
            ", host = 'NULL'"
        };
        world.env.sql(&format!(
            "UPDATE {} SET state = 0{triggered} WHERE id IN ({}, {})",
            world.table(),
            ids[0],
            ids[1]
        ));
        let findings = found(&world, 3);
        assert_eq!(codes(&findings), [code], "{release}");
        assert_eq!(
            findings[0]["subject"]["instance_ids"],
            Value::from(ids.clone())
        );
        if code == "DS-001" {
            continue;
        }
        for id in ids {
            world.env.sql(&format!(
                "INSERT INTO t_ds_command (command_type, workflow_definition_code, workflow_instance_id) VALUES (0, 1, {id})"
            ));
        }
        assert_eq!(codes(&found(&world, 0)), [""; 0], "{release}");
    }
}

/// What a failover leaves alone, because no master would find its definition.
#[test]
fn an_instance_without_its_definition_is_found() {
    for release in RELEASES {
        let (world, ids) = hanging(Store::Sqlite, release, 2);
        let kind = if claims_by_state(world.version) {
            "workflow"
        } else {
            "process"
        };
        world.env.sql(&format!(
            "DELETE FROM t_ds_{kind}_definition; DELETE FROM t_ds_{kind}_definition_log"
        ));
        let findings = found(&world, 3);
        assert_eq!(codes(&findings), ["DS-001", "DS-017"], "{release}");
        let gone = one(&findings, "DS-017");
        assert_eq!(gone["subject"]["instance_ids"], Value::from(ids));
        // One that runs has it in its master's memory.
        world.env.sql(&format!(
            "UPDATE {} SET host = '{LIVING}' WHERE host = '{DEAD}'",
            world.table()
        ));
        assert_eq!(codes(&found(&world, 0)), [""; 0], "{release}");
    }
    let (world, _) = hanging(Store::Sqlite, "1.3.9", 2);
    assert_eq!(codes(&found(&world, 3)), ["DS-001"]);
    world
        .env
        .sql("UPDATE t_ds_process_definition SET release_state = 0");
    assert_eq!(codes(&found(&world, 3)), ["DS-001", "DS-018"]);
}

fn a_serial_workflow_that_nobody_wakes(store: Store, releases: &[&str]) {
    for &release in releases {
        let (world, ids) = hanging(store, release, 3);
        let table = world.table();
        let wakes = ["3.0.6", "3.1.9", "3.2.2"].contains(&release);
        world.env.sql(&format!(
            "UPDATE {table} SET host = '{LIVING}' WHERE id = {}; UPDATE {table} SET state = 14, host = '' WHERE id IN ({}, {})",
            ids[0], ids[1], ids[2]
        ));
        // The one before them has still to end. In 3.4 who waits has a row in a queue.
        let expected: &[&str] = if release == "3.4.1" { &["DS-028"] } else { &[] };
        assert_eq!(codes(&found(&world, 0)), expected, "{release}");
        world.env.sql(&format!(
            "UPDATE {table} SET state = 7 WHERE id = {}",
            ids[0]
        ));
        if !wakes {
            assert_eq!(codes(&found(&world, 0)), expected, "{release}");
            continue;
        }
        // A blocked one has ended, too.
        world.env.sql(&format!(
            "UPDATE {table} SET state = 16 WHERE id = {}",
            ids[0]
        ));
        let findings = found(&world, 0);
        assert_eq!(codes(&findings), ["DS-019"], "{release}");
        assert_eq!(
            findings[0]["subject"]["instance_ids"],
            Value::from(vec![ids[1]])
        );
        assert_unproven(&findings[0]);
        let findings = looked(&world, &["--settle", "6s"], 3);
        assert_eq!(codes(&findings), ["DS-019"], "{release}");
        assert_eq!(findings[0]["severity"], "act");
        assert_eq!(findings[0]["evidence"].as_array().unwrap().len(), 2);
        world.env.sql(&format!(
            "INSERT INTO t_ds_command (command_type, process_definition_code, process_instance_id, command_param) \
             VALUES (11, 1, {0}, '{{\"ProcessInstanceId\":{0}}}')",
            ids[1]
        ));
        assert_eq!(codes(&found(&world, 0)), [""; 0], "{release}");
    }
}

/// A queue of commands that moves is seen to do so at once; one that stands still is found.
fn commands_that_no_master_takes(store: Store, releases: &[&str]) {
    for &release in releases {
        let (mut world, _) = hanging(store, release, 3);
        world.failover("").run().exit(0);
        assert_eq!(codes(&found(&world, 0)), [""; 0], "{release}");
        let findings = looked(&world, &["--settle", "6s"], 0);
        assert_eq!(codes(&findings), ["DS-024"], "{release}");
        let (subject, facts) = (&findings[0]["subject"], findings[0]["evidence"].to_string());
        assert_eq!(subject["command_ids"].as_array().unwrap().len(), 3);
        assert!(facts.contains("registered"), "{facts}");
        world.close_living();
        assert_eq!(codes(&looked(&world, &[], 3)), ["DS-009"], "{release}");
    }
}

#[test]
fn commands_that_no_master_takes_in_sqlite() {
    commands_that_no_master_takes(Store::Sqlite, &["1.3.9", "3.2.2"]);
}

#[test]
fn commands_that_no_master_takes_in_mariadb() {
    commands_that_no_master_takes(Store::MariaDb, &["2.0.3"]);
}

#[test]
fn commands_that_no_master_takes_in_postgres() {
    commands_that_no_master_takes(Store::Postgres, &["3.4.1"]);
}

/// Up to 3.1 every registered master has its share, also one that takes none.
#[test]
fn the_share_of_an_overloaded_master_counts() {
    for (release, shares) in [("3.0.6", true), ("3.2.2", false)] {
        let (world, _) = hanging(Store::Sqlite, release, 2);
        world.failover("").run().exit(0);
        let node = world.env.path("nodes/master/10.0.0.7:5678");
        let now = Timestamp::now();
        let beat = if shares {
            let (start, now) = ((now - 3.hours()).as_millisecond(), now.as_millisecond());
            // The eighth one of thirteen is the status: 1 is ABNORMAL.
            format!("0.1,0.2,9.0,3.0,4.0,{start},{now},1,77,0,0,4,0")
        } else {
            heartbeat(now - 3.hours(), now, "BUSY")
        };
        let _busy = FakeRegistration::new(&world.env.connect, &node, beat.as_bytes(), None);
        let findings = looked(&world, &["--settle", "6s"], 0);
        let facts = one(&findings, "DS-024")["evidence"].to_string();
        assert_eq!(facts.contains("with 2 masters"), shares, "{facts}");
        assert!(facts.contains("status "), "{facts}");
    }
}

/// A master that has lost an instance from its memory; nobody else can see that.
fn an_instance_that_goes_on_by_nothing(store: Store, releases: &[&str]) {
    for &release in releases {
        let (world, ids) = hanging(store, release, 3);
        let [first, second, third] = ids[..] else {
            panic!("{ids:?}")
        };
        let instance = if claims_by_state(world.version) {
            "workflow_instance_id"
        } else {
            "process_instance_id"
        };
        world.env.sql(&format!(
            "UPDATE {} SET host = '{LIVING}' WHERE host = '{DEAD}'",
            world.table()
        ));
        // One runs, one failed and is tried again, and of one all that ran has ended.
        for (id, of, state, tries) in [(901, first, 1, 0), (902, second, 6, 1), (903, third, 7, 1)]
        {
            world.env.sql(&format!(
                "INSERT INTO t_ds_task_instance (id, name, task_type, task_code, {instance}, state, flag, host, \
                 retry_times, max_retry_times) VALUES ({id}, 'a task', 'SHELL', 7, {of}, {state}, 1, 'w:1234', 0, {tries})"
            ));
        }
        assert_eq!(codes(&found(&world, 0)), [""; 0], "{release}");
        let findings = looked(&world, &["--settle", "6s"], 0);
        assert_eq!(codes(&findings), ["DS-029"], "{release}");
        let subject = &findings[0]["subject"];
        assert_eq!(subject["instance_ids"], Value::from(vec![third]));
        assert_eq!(subject["master"], LIVING);
    }
}

#[test]
fn an_instance_that_goes_on_by_nothing_in_sqlite() {
    an_instance_that_goes_on_by_nothing(Store::Sqlite, &["2.0.3", "3.4.1"]);
}

#[test]
fn an_instance_that_goes_on_by_nothing_in_mariadb() {
    an_instance_that_goes_on_by_nothing(Store::MariaDb, &["3.1.9"]);
}

#[test]
fn an_instance_that_goes_on_by_nothing_in_postgres() {
    an_instance_that_goes_on_by_nothing(Store::Postgres, &["3.2.2"]);
}

/// Up to 3.0 a master that others have marked dead stops itself.
#[test]
fn a_registered_master_that_is_marked_dead_is_found() {
    for (release, obeys) in [("2.0.3", true), ("3.0.6", true), ("3.1.9", false)] {
        let (world, _) = hanging(Store::Sqlite, release, 0);
        for marked in [LIVING, DEAD] {
            let mark = world.env.path(&format!("dead-servers/master_{marked}"));
            world.zk().create_parents(&mark);
            world.zk().create(&mark, b"");
        }
        let expected: &[&str] = if obeys { &["DS-034"] } else { &[] };
        let findings = found(&world, 0);
        assert_eq!(codes(&findings), expected, "{release}");
        for finding in &findings {
            assert_eq!(finding["subject"]["master"], LIVING);
        }
    }
}

/// As many commands as it takes: one is taken again and again while it is looked.
#[test]
fn a_queue_that_moves_is_no_hang() {
    let (world, _) = hanging(Store::Sqlite, "3.2.2", 2);
    world.failover("").run().exit(0);
    let mut doctor = Dsctl::new(&world.env)
        .args([
            "doctor",
            "-o",
            "json",
            "--settle",
            "10m",
            "--fail-on",
            "never",
        ])
        .spawn();
    let copy = "INSERT INTO t_ds_command (command_type, process_definition_code, process_instance_id) VALUES (2, 1, 0)";
    let take = "DELETE FROM t_ds_command WHERE id = (SELECT MIN(id) FROM t_ds_command)";
    while doctor.is_running() {
        world.env.sql(copy);
        world.env.sql(take);
    }
    let findings = doctor.finish().exit(0).json()["findings"].clone();
    // What the first one was to start is lost with it.
    assert!(!codes(findings.as_array().unwrap()).contains(&"DS-024"));
}

/// Masters of 1.x see commands only of definitions that are online.
#[test]
fn a_command_of_a_definition_that_is_not_online_is_found() {
    let world = Cluster::of("1.3.9".parse().unwrap())
        .long_living()
        .on(Store::Sqlite);
    let definition = "SELECT MIN(id) FROM t_ds_process_definition";
    world.env.sql(&format!(
        "UPDATE t_ds_process_definition SET release_state = 1, flag = 1; \
         INSERT INTO t_ds_command (id, command_type, process_definition_id) VALUES (71, 0, ({definition})), (72, 0, 999)"
    ));
    let unseen = |ids: &[i64]| {
        let findings = found(&world, 0);
        assert_eq!(codes(&findings), ["DS-025"]);
        assert_eq!(findings[0]["subject"]["command_ids"], Value::from(ids));
    };
    unseen(&[72]);
    world
        .env
        .sql("UPDATE t_ds_process_definition SET release_state = 0");
    unseen(&[71, 72]);
    assert_eq!(codes(&looked(&world, &["--settle", "6s"], 0)), ["DS-025"]);
}

/// The queues of 3.4 and newer: one that goes on, and each way to stand still.
fn a_serial_queue_that_nobody_moves(store: Store) {
    let (mut world, ids) = hanging(store, "3.4.1", 4);
    let table = world.table();
    let [first, second, third, fourth] = ids[..] else {
        panic!("{ids:?}")
    };
    world.env.sql(&format!(
        "DROP TABLE IF EXISTS t_ds_serial_command; \
         CREATE TABLE t_ds_serial_command (id int PRIMARY KEY, workflow_definition_code bigint, \
         workflow_definition_version int, workflow_instance_id int, state int, command text); \
         INSERT INTO t_ds_serial_command VALUES (1, 10, 1, {first}, 1, '{{}}'), (2, 10, 1, {second}, 0, '{{}}'), \
         (3, 11, 1, {third}, 1, '{{}}'); \
         UPDATE {table} SET host = '{LIVING}' WHERE id IN ({first}, {third}); \
         UPDATE {table} SET host = NULL, state = 14 WHERE id = {second}; \
         UPDATE {table} SET state = 7 WHERE id = {fourth}"
    ));
    assert_eq!(codes(&found(&world, 0)), [""; 0]);
    let stands = |sql: &str, expected: &[i64]| {
        world.env.sql(sql);
        let findings = found(&world, 0);
        assert_eq!(codes(&findings), ["DS-028"], "{sql}");
        assert_eq!(
            findings[0]["subject"]["instance_ids"],
            Value::from(expected)
        );
        assert_unproven(&findings[0]);
        findings
    };
    // Its end, and that of its row, are one transaction.
    stands(
        &format!("UPDATE {table} SET state = 6 WHERE id = {first}"),
        &[first],
    );
    stands("DELETE FROM t_ds_serial_command WHERE id = 1", &[second]);
    stands("DELETE FROM t_ds_serial_command WHERE id = 2", &[second]);
    stands(
        &format!("DELETE FROM {table} WHERE id = {third}"),
        &[second, third],
    );
    let findings = looked(&world, &["--settle", "6s"], 3);
    assert_eq!(codes(&findings), ["DS-028"]);
    assert_eq!(findings[0]["evidence"].as_array().unwrap().len(), 2);
    world.env.sql(&format!(
        "INSERT INTO t_ds_command (command_type, workflow_definition_code, workflow_instance_id) VALUES (0, 1, {second}); \
         DELETE FROM t_ds_serial_command"
    ));
    assert_eq!(codes(&found(&world, 0)), [""; 0]);
    // Without a master nobody is to launch anything.
    world.env.sql(&format!(
        "INSERT INTO t_ds_serial_command VALUES (9, 10, 1, {second}, 0, '{{}}'); DELETE FROM t_ds_command"
    ));
    world.close_living();
    assert_eq!(codes(&found(&world, 3)), ["DS-009"]);
}

#[test]
fn a_serial_queue_that_nobody_moves_in_sqlite() {
    a_serial_queue_that_nobody_moves(Store::Sqlite);
}

#[test]
fn a_serial_queue_that_nobody_moves_in_mariadb() {
    a_serial_queue_that_nobody_moves(Store::MariaDb);
}

#[test]
fn a_serial_queue_that_nobody_moves_in_postgres() {
    a_serial_queue_that_nobody_moves(Store::Postgres);
}

/// Before an upgrade nothing may run or wait; and what one from an older release has left behind.
fn an_upgrade(store: Store, release: &str) {
    let (mut world, ids) = hanging(store, release, 3);
    let profile =
        |world: &World, code: i32| looked(world, &["--profile", "upgrade", "--once"], code);
    let table = world.table();
    let by_state = claims_by_state(world.version);
    let subject =
        |findings: &[Value], code: &str| one(findings, code)["subject"]["instance_ids"].clone();
    if by_state {
        world.env.sql(&format!(
            "UPDATE {table} SET command_param = '{{}}' WHERE id = {}",
            ids[1]
        ));
    }
    let findings = profile(&world, 3);
    let expected: &[&str] = if by_state {
        &["DS-040", "DS-043", "DS-045"]
    } else {
        &["DS-040", "DS-043"]
    };
    assert_eq!(codes(&findings), expected);
    assert_eq!(subject(&findings, "DS-040"), Value::from(ids.clone()));
    world.close_living();
    world.env.sql(&format!(
        "UPDATE {table} SET state = 99 WHERE id = {}",
        ids[0]
    ));
    let findings = profile(&world, 3);
    assert_eq!(subject(&findings, "DS-044"), Value::from(vec![ids[0]]));
    assert!(!codes(&findings).contains(&"DS-043"), "{findings:#?}");
    world.env.sql(&format!(
        "UPDATE {table} SET state = 7 WHERE id <= {}",
        ids[2]
    ));
    let definition = if by_state {
        "workflow_definition_code"
    } else {
        "process_definition_code"
    };
    world.env.sql(&format!(
        "INSERT INTO t_ds_command (command_type, {definition}) VALUES (0, 1)"
    ));
    let findings = profile(&world, 3);
    assert_eq!(codes(&findings), ["DS-041"]);
    // What a release before this one knows as an end.
    world.env.sql(&format!(
        "DELETE FROM t_ds_command; UPDATE {table} SET state = 16 WHERE id = {}",
        ids[0]
    ));
    assert_eq!(codes(&profile(&world, 0)), [""; 0]);
    // Another namespace has no servers, which proves nothing.
    world.env.set("DSCTL_NAMESPACE", "typo");
    assert_eq!(codes(&profile(&world, 3)), ["DS-043"]);
}

#[test]
fn an_upgrade_in_sqlite() {
    an_upgrade(Store::Sqlite, "3.1.9");
    an_upgrade(Store::Sqlite, "3.4.1");
}

#[test]
fn an_upgrade_in_mariadb() {
    an_upgrade(Store::MariaDb, "3.2.2");
}

#[test]
fn an_upgrade_in_postgres() {
    an_upgrade(Store::Postgres, "3.4.1");
}

/// What one look shows may pass by itself in a moment.
#[track_caller]
pub fn assert_unproven(finding: &Value) {
    let facts = finding["evidence"].as_array().unwrap();
    let last = facts.last().unwrap()["fact"].as_str().unwrap();
    assert!(last.starts_with("seen in one look alone"), "{last}");
    assert_eq!(finding["severity"], "look");
}

#[test]
fn a_serial_workflow_that_nobody_wakes_in_sqlite() {
    a_serial_workflow_that_nobody_wakes(Store::Sqlite, &RELEASES);
}

/// An unproven finding is no alarm, and too short a pause proves nothing.
#[test]
fn what_one_look_shows_is_no_alarm() {
    let (world, ids) = hanging(Store::Sqlite, "3.2.2", 1);
    world.env.sql(&format!(
        "UPDATE {} SET state = 14, host = '' WHERE id = {}",
        world.table(),
        ids[0]
    ));
    let doctor = |words: &str| {
        let words = format!("doctor {words}");
        Dsctl::new(&world.env).args(words.split(' ')).run()
    };
    doctor("--once --nagios")
        .exit(1)
        .out("DSCTL WARNING - DS-019");
    doctor("--nagios --settle 6s")
        .exit(2)
        .out("DSCTL CRITICAL - DS-019");
    doctor("--settle 1s").exit(2).err("--once takes one look");
    doctor("--settle 6s --once").exit(2);
}

#[test]
fn a_serial_workflow_that_nobody_wakes_in_mariadb() {
    a_serial_workflow_that_nobody_wakes(Store::MariaDb, &["3.1.9"]);
}

#[test]
fn a_serial_workflow_that_nobody_wakes_in_postgres() {
    a_serial_workflow_that_nobody_wakes(Store::Postgres, &["3.2.2"]);
}

/// The tables of the task groups, as far as they matter, with one group of one slot.
pub fn with_a_task_group(world: &World, waiting: i64, holder: i64) {
    let instance = if claims_by_state(world.version) {
        "workflow_instance_id"
    } else {
        "process_instance_id"
    };
    world.env.sql(
        "DROP TABLE IF EXISTS t_ds_task_group; \
         CREATE TABLE t_ds_task_group (id int PRIMARY KEY, name varchar(255), group_size int, use_size int, status int); \
         CREATE TABLE t_ds_task_group_queue (id int PRIMARY KEY, task_id int, group_id int, status int, force_start int); \
         INSERT INTO t_ds_task_group VALUES (1, 'licences', 1, 1, 1), (2, 'unused', 1, 0, 1); \
         INSERT INTO t_ds_task_group_queue VALUES (1, 901, 1, -1, 0), (2, 902, 1, 1, 0), (3, 999, 1, 2, 0)",
    );
    for (id, of, state) in [(901, waiting, 0), (902, holder, 1)] {
        world.env.sql(&format!(
            "INSERT INTO t_ds_task_instance (id, name, task_type, task_code, {instance}, state, flag, host) \
             VALUES ({id}, 'a task', 'SHELL', 7, {of}, {state}, 1, '10.0.1.1:1234')"
        ));
    }
}

fn a_task_group_without_a_slot(store: Store, releases: &[&str]) {
    for &release in releases {
        let (world, ids) = hanging(store, release, 2);
        let table = world.table();
        world.env.sql(&format!(
            "UPDATE {table} SET host = '{LIVING}' WHERE host = '{DEAD}'"
        ));
        with_a_task_group(&world, ids[0], ids[1]);
        let set = |sql: &str| world.env.sql(sql);
        assert_eq!(codes(&found(&world, 0)), [""; 0], "{release}");
        set("UPDATE t_ds_task_instance SET state = 7 WHERE id = 902");
        let findings = found(&world, 0);
        assert_eq!(codes(&findings), ["DS-023"], "{release}");
        assert_unproven(&findings[0]);
        assert_eq!(
            findings[0]["subject"]["instance_ids"],
            Value::from(vec![ids[0]])
        );
        let fact = findings[0]["evidence"][0]["fact"].as_str().unwrap();
        assert!(
            fact.contains("\"licences\"): 1 of 1 slots count as used") && fact.contains("(901)"),
            "{fact}"
        );
        // An unfinished task of an ended instance gives nothing back.
        set(&format!(
            "UPDATE t_ds_task_instance SET state = 1 WHERE id = 902; UPDATE {table} SET state = 7 WHERE id = {}",
            ids[1]
        ));
        assert_eq!(codes(&found(&world, 0)), ["DS-023"], "{release}");
        set(&format!(
            "UPDATE {table} SET state = 1 WHERE id = {}",
            ids[1]
        ));
        set("UPDATE t_ds_task_group_queue SET status = 2 WHERE id = 2");
        assert_eq!(codes(&found(&world, 0)), ["DS-023"], "{release}");
        // From 3.2.1 on a dead master's task holds the others up.
        set(&format!(
            "INSERT INTO t_ds_task_group_queue VALUES (4, 902, 1, -1, 0); UPDATE {table} SET host = '{DEAD}' WHERE id = {}",
            ids[1]
        ));
        assert_eq!(codes(&found(&world, 3)), ["DS-001"], "{release}");
        set(&format!(
            "DELETE FROM t_ds_task_group_queue WHERE id = 4; UPDATE {table} SET host = '{LIVING}' WHERE id = {}",
            ids[1]
        ));
        for (sql, back) in [
            (
                "UPDATE t_ds_task_group_queue SET force_start = 1",
                "UPDATE t_ds_task_group_queue SET force_start = 0",
            ),
            (
                "UPDATE t_ds_task_group SET status = 0",
                "UPDATE t_ds_task_group SET status = 1",
            ),
            (
                "UPDATE t_ds_task_instance SET state = 6 WHERE id = 901",
                "UPDATE t_ds_task_instance SET state = 0 WHERE id = 901",
            ),
        ] {
            set(sql);
            assert_eq!(codes(&found(&world, 0)), [""; 0], "{release} {sql}");
            set(back);
        }
        let findings = looked(&world, &["--settle", "6s"], 3);
        assert_eq!(codes(&findings), ["DS-023"], "{release}");
        set(&format!(
            "UPDATE {table} SET host = '{DEAD}' WHERE id = {}",
            ids[0]
        ));
        assert_eq!(codes(&found(&world, 3)), ["DS-001"], "{release}");
    }
}

#[test]
fn a_task_group_without_a_slot_in_sqlite() {
    a_task_group_without_a_slot(Store::Sqlite, &["3.0.6", "3.1.9", "3.2.2", "3.4.1"]);
}

#[test]
fn a_task_group_without_a_slot_in_mariadb() {
    a_task_group_without_a_slot(Store::MariaDb, &["3.1.9"]);
}

#[test]
fn a_task_group_without_a_slot_in_postgres() {
    a_task_group_without_a_slot(Store::Postgres, &["3.4.1"]);
}

/// A heartbeat of 3.2 or newer.
fn heartbeat(started: Timestamp, reported: Timestamp, status: &str) -> String {
    format!(
        "{{\"startupTime\":{},\"reportTime\":{},\"cpuUsage\":0.1,\"memoryUsage\":0.2,\"diskUsage\":0.93,\
         \"serverStatus\":\"{status}\"}}",
        started.as_millisecond(),
        reported.as_millisecond()
    )
}

/// A master that was started again has what is from before no longer in its memory; one whose
/// clock is wrong is named.
#[test]
fn a_restarted_master_and_a_wrong_clock_are_found() {
    // From 3.3 on the times of a row are those of its trigger, and prove no earlier run.
    for (release, restarted) in [("3.2.2", &["DS-002"][..]), ("3.4.1", &[])] {
        let mut world = Cluster::of(release.parse().unwrap()).on(Store::Sqlite);
        world.close_living();
        let now = Timestamp::now();
        let ids = world.add_later(LIVING, now - 2.hours(), 2);
        let node = world.env.path(&format!("nodes/master/{LIVING}"));
        let register = |reported| {
            let beat = heartbeat(now - 1.hours(), reported, "NORMAL");
            FakeRegistration::new(&world.env.connect, &node, beat.as_bytes(), None)
        };
        let registered = register(now);
        let code = if restarted.is_empty() { 0 } else { 3 };
        let findings = found(&world, code);
        assert_eq!(codes(&findings), restarted, "{release}");
        for finding in &findings {
            // Those that the cluster had before are older still.
            let named = finding["subject"]["instance_ids"].as_array().unwrap();
            assert!(ids.iter().all(|id| named.contains(&Value::from(*id))));
        }
        registered.close();
        let _behind = register(now - 20.minutes());
        let findings = found(&world, code);
        assert_eq!(
            codes(&findings),
            [restarted, &["DS-012"]].concat(),
            "{release}"
        );
        let fact = one(&findings, "DS-012")["evidence"][0]["fact"]
            .as_str()
            .unwrap();
        assert!(fact.contains("before the registry wrote it"), "{fact}");
    }
}

/// A master that is busy takes no command; one that is not is enough.
#[test]
fn masters_that_are_all_overloaded_are_found() {
    for release in ["3.2.2", "3.4.1"] {
        let mut world = Cluster::of(release.parse().unwrap()).on(Store::Sqlite);
        world.close_living();
        let register = |address: &str, status: &str| {
            let node = world.env.path(&format!("nodes/master/{address}"));
            let now = Timestamp::now();
            let beat = heartbeat(now - 3.hours(), now, status);
            FakeRegistration::new(&world.env.connect, &node, beat.as_bytes(), None)
        };
        let _busy = register(LIVING, "BUSY");
        let findings = found(&world, 0);
        assert_eq!(codes(&findings), ["DS-015"], "{release}");
        let fact = findings[0]["evidence"][0]["fact"].as_str().unwrap();
        assert!(
            fact.starts_with("status busy") && fact.contains("disk 0.93"),
            "{fact}"
        );
        let _normal = register("10.0.0.7:5678", "NORMAL");
        assert_eq!(codes(&found(&world, 0)), [""; 0], "{release}");
    }
}

/// Masters that no row names may be another cluster's: then nobody is said to be dead.
#[test]
fn masters_of_another_cluster_make_nobody_dead() {
    let (world, _) = hanging(Store::Sqlite, "3.2.2", 1);
    world.env.sql(&format!(
        "UPDATE {} SET host = '{DEAD}' WHERE host = '{LIVING}'",
        world.table()
    ));
    let findings = found(&world, 3);
    assert_eq!(codes(&findings), ["DS-009"]);
    let fact = findings[0]["evidence"][0]["fact"].as_str().unwrap();
    assert!(fact.contains(LIVING), "{fact}");
}

/// Every kind has its gauge, and a file that cannot be written is an error.
#[test]
fn what_is_found_is_written_for_prometheus() {
    let (world, ids) = hanging(Store::Sqlite, "3.2.2", 2);
    let file = world.env.home().join("dsctl.prom");
    let look = |path: &std::path::Path, code: i32| {
        Dsctl::new(&world.env)
            .args(["doctor", "--metrics-file", path.to_str().unwrap()])
            .run()
            .exit(code)
    };
    look(&file, 3);
    let text = std::fs::read_to_string(&file).unwrap();
    let gauge = |code: &str, severity: &str, count: usize| {
        format!("dsctl_findings{{code=\"{code}\",severity=\"{severity}\"}} {count}\n")
    };
    assert!(text.contains(&gauge("DS-001", "act", 1)), "{text}");
    assert!(text.contains(&gauge("DS-015", "look", 0)), "{text}");
    let gauges = text
        .lines()
        .filter(|line| line.starts_with("dsctl_findings{"));
    let kinds = Dsctl::alone().args(["doctor", "--explain"]).run().exit(0);
    let kinds = kinds
        .stdout
        .lines()
        .filter(|kind| !kind.starts_with("DS-04"));
    assert_eq!(gauges.count(), kinds.count(), "{text}");
    assert!(
        text.contains("\ndsctl_doctor_last_success_timestamp_seconds 1"),
        "{text}"
    );
    for id in ids {
        world
            .env
            .sql(&format!("DELETE FROM {} WHERE id = {id}", world.table()));
    }
    look(&file, 0);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(&gauge("DS-001", "act", 0)), "{text}");
    world.add_later(DEAD, Timestamp::now() - 1.hours(), 1);
    look(&world.env.home().join("nowhere/dsctl.prom"), 1)
        .err("cannot write")
        .out("DS-001");
}

/// Edits what the registry had in a snapshot: what no test can wait for.
fn edited(world: &World, edit: impl FnOnce(&mut Value)) -> Vec<Value> {
    let file = world.env.home().join("edited.db");
    world
        .dsctl(&format!("snapshot {}", file.display()))
        .run()
        .exit(0);
    let database = rusqlite::Connection::open(&file).unwrap();
    let registry = "SELECT content FROM dsctl_snapshot WHERE part = 'registry'";
    let text: String = database.query_row(registry, [], |row| row.get(0)).unwrap();
    let mut document = serde_json::from_str(&text).unwrap();
    edit(&mut document);
    let sql = "UPDATE dsctl_snapshot SET content = ? WHERE part = 'registry'";
    database.execute(sql, [document.to_string()]).unwrap();
    drop(database);
    let answer = Dsctl::alone()
        .env("DSCTL_DB", &format!("sqlite:{}", file.display()))
        .args(["doctor", "--fail-on", "never", "-o", "json"])
        .run();
    std::fs::remove_file(&file).unwrap();
    answer.exit(0).json()["findings"]
        .as_array()
        .unwrap()
        .clone()
}

fn an_hour_before(moment: &Value) -> Value {
    let moment: Timestamp = moment.as_str().unwrap().parse().unwrap();
    (moment - 1.hours()).to_string().into()
}

/// One that is silent while another one writes, and one that holds a lock that it has forgotten.
#[test]
fn a_silent_master_and_a_forgotten_lock_are_found() {
    for (release, forgets) in [("3.2.2", false), ("3.4.1", true)] {
        let world = Cluster::of(release.parse().unwrap())
            .long_living()
            .on(Store::Sqlite);
        let other = "10.0.0.7:5678";
        let _other = world.env.register(world.version, &registered(other));
        assert_eq!(edited(&world, |_| {}), [Value::Null; 0], "{release}");
        let silent = edited(&world, |registry| {
            let server = &mut registry["masters"]["servers"][1];
            server["modified_at"] = an_hour_before(&server["modified_at"]);
            server["heartbeat"]["reported_at"]["Instant"] = server["modified_at"].clone();
        });
        assert_eq!(codes(&silent), ["DS-011"], "{release}");
        assert_eq!(silent[0]["subject"]["master"], other, "{release}");
        let lock = world.lock();
        let holder = format!("{lock}/_c_01234567-89ab-cdef-0123-456789abcdef-lock-0000000000");
        world.zk().create_parents(&holder);
        world.zk().create(&holder, b"");
        let kept = edited(&world, |registry| {
            let session = registry["masters"]["servers"][0]["session_id"].clone();
            for lock in registry["locks"].as_object_mut().unwrap().values_mut() {
                lock["queue"][0]["session_id"] = session.clone();
            }
        });
        let expected: &[&str] = if forgets { &["DS-021"] } else { &[] };
        assert_eq!(codes(&kept), expected, "{release}");
        let long = edited(&world, |registry| {
            for lock in registry["locks"].as_object_mut().unwrap().values_mut() {
                let node = &mut lock["queue"][0];
                node["session_id"] = "0x7".into();
                node["created_at"] = an_hour_before(&node["created_at"]);
            }
        });
        assert_eq!(codes(&long), ["DS-035"], "{release}");
        for finding in &kept {
            assert_eq!(finding["subject"]["node"], holder, "{release}");
        }
    }
}

/// In the JDBC registry one look cannot show whether a master is dead.
#[test]
fn a_master_that_may_be_dead_is_found() {
    let world = Cluster::of("3.4.1".parse().unwrap())
        .long_living()
        .registry_inside()
        .on(Store::MariaDb);
    assert_eq!(codes(&found(&world, 0)), [""; 0]);
    world.env.sql(
        "UPDATE t_ds_jdbc_registry_client_heartbeat SET last_heartbeat_time = last_heartbeat_time - 36000000",
    );
    let findings = found(&world, 0);
    let doubted = one(&findings, "DS-013");
    assert_eq!(doubted["subject"]["master"], LIVING);
    let next = doubted["remedy"]["command"].as_str().unwrap();
    assert_eq!(next, format!("dsctl failover {LIVING} --dry-run"));
}

/// Times to come show that the masters' zone is another one.
#[test]
fn a_zone_that_the_rows_contradict_is_found() {
    for release in RELEASES {
        let mut world = Cluster::of(release.parse().unwrap())
            .long_living()
            .on(Store::Sqlite);
        let now = Timestamp::now().strftime("%Y-%m-%d %H:%M:%S");
        world
            .env
            .sql(&format!("UPDATE {} SET end_time = '{now}'", world.table()));
        assert_eq!(codes(&found(&world, 0)), [""; 0], "{release}");
        world.env.set("DSCTL_TIME_ZONE", "America/Los_Angeles");
        let findings = found(&world, 0);
        assert_eq!(codes(&findings), ["DS-030"], "{release}");
        let facts = findings[0]["evidence"].as_array().unwrap();
        assert_eq!(facts[1]["fact"], "America/Los_Angeles", "{release}");
    }
}

#[test]
fn several_commands_for_several_instances_are_one_finding() {
    let (world, ids) = hanging(Store::Sqlite, "3.2.2", 5);
    world.failover("").run().exit(0);
    for _ in 0..2 {
        world.env.sql(
            "INSERT INTO t_ds_command (command_type, process_definition_code, process_instance_id, command_param) \
             SELECT DISTINCT command_type, process_definition_code, process_instance_id, command_param FROM t_ds_command",
        );
    }
    let findings = found(&world, 3);
    assert_eq!(codes(&findings), ["DS-005"]);
    let subject = &findings[0]["subject"];
    assert_eq!(subject["instance_ids"], Value::from(ids));
    assert_eq!(subject["command_ids"].as_array().unwrap().len(), 15);
    let facts = findings[0]["evidence"].as_array().unwrap();
    assert!(
        facts.iter().all(|fact| fact["fact"]
            .as_str()
            .unwrap()
            .contains("3 recovery commands")),
        "{facts:?}"
    );
}

/// The four codes of a plugin, each with one line.
#[test]
fn a_monitoring_system_is_answered_in_its_own_way() {
    let (world, ids) = hanging(Store::Sqlite, "3.2.2", 2);
    let plugin = |dsctl: Dsctl, code: i32, line: &str| {
        let output = dsctl.args(["doctor", "--nagios"]).run().exit(code);
        assert_eq!(output.stdout.lines().count(), 1, "{output:?}");
        assert!(output.stdout.starts_with(line), "{output:?}");
        output
    };
    let here = || Dsctl::new(&world.env);
    plugin(here(), 2, "DSCTL CRITICAL - DS-001 ")
        .out(DEAD)
        .out(" | act=1 look=0 note=0 muted=0\n");
    world.env.sql(&format!(
        "UPDATE {} SET state = 7 WHERE id IN ({}, {})",
        world.table(),
        ids[0],
        ids[1]
    ));
    plugin(here(), 0, "DSCTL OK - ").out(" | act=0 look=0 note=0 muted=0\n");
    // As `-o json` would, nothing else answers.
    plugin(here().args(["-o", "json"]), 0, "DSCTL OK - ");
    let node = world.env.path("nodes/master/10.0.0.9:5678");
    world.zk().create(&node, b"");
    plugin(here(), 1, "DSCTL WARNING - DS-010 ").out("look=1");
    world.zk().delete(&node);
    let unreachable = || {
        here()
            .env("DSCTL_ZK", "127.0.0.1:1")
            .env("DSCTL_TIMEOUT", "1s")
    };
    plugin(
        unreachable(),
        3,
        "DSCTL UNKNOWN - cannot reach the registry",
    );
    plugin(here().env("DSCTL_DB", "nonsense"), 3, "DSCTL UNKNOWN - ");
    plugin(
        here().args(["--no-such"]),
        3,
        "DSCTL UNKNOWN - unexpected argument",
    );
    let metrics = ["--metrics-file", "/nonexistent/x.prom"];
    let output = here().args(["doctor", "--nagios"]).args(metrics).run();
    output
        .exit(3)
        .out("DSCTL UNKNOWN - cannot write /nonexistent/x.prom");
    // What is not the cluster itself proves nothing about it.
    let file = world.env.home().join("snapshot.db");
    world
        .dsctl(&format!("snapshot {}", file.display()))
        .run()
        .exit(0);
    let offline = Dsctl::alone().env("DSCTL_DB", &format!("sqlite:{}", file.display()));
    plugin(offline, 1, "DSCTL WARNING - this is a snapshot");
}

/// What somebody knows of is shown last, and is no alarm; a mute without an effect is told.
#[test]
fn what_is_muted_is_shown_and_is_no_alarm() {
    let (world, ids) = hanging(Store::Sqlite, "3.2.2", 2);
    let set = |id: i64, what: &str| {
        let table = world.table();
        world
            .env
            .sql(&format!("UPDATE {table} SET {what} WHERE id = {id}"));
    };
    set(ids[0], "host = 'somewhere'");
    let doctor = |mutes: &str, words: &str| {
        let file = world.env.file("mutes.toml", mutes);
        let words = format!("doctor --once --config {file} {words}");
        Dsctl::new(&world.env).args(words.split_whitespace()).run()
    };
    let mute = |code: &str, subject: &str, until: &str| {
        format!(
            "[[mute]]\ncode = \"{code}\"\nsubject = \"{subject}\"\nuntil = \"{until}\"\nreason = \"a ticket\"\n"
        )
    };
    let known = mute("ds-001", DEAD, "2099-12-24T18:00:00+08:00");
    let findings = doctor(&known, "-o json").exit(0).json()["findings"].clone();
    let findings = findings.as_array().unwrap();
    assert_eq!(codes(findings), ["DS-008", "DS-001"]);
    assert_eq!(findings[0]["muted"], Value::Null);
    assert_eq!(findings[1]["muted"]["until"], "2099-12-24T10:00:00Z");
    assert_eq!(findings[1]["muted"]["reason"], "a ticket");
    doctor(&known, "--fail-on look").exit(3);
    let both = known.clone() + &mute("DS-008", "somewhere", "2099-12-24");
    doctor(&both, "--fail-on note").exit(0);
    let metrics = world.env.home().join("doctor.prom");
    let line = format!("--nagios --metrics-file {}", metrics.display());
    doctor(&both, &line)
        .exit(0)
        .out("; 2 muted | act=0 look=0 note=0 muted=2\n");
    let text = std::fs::read_to_string(&metrics).unwrap();
    for sample in [
        "dsctl_findings{code=\"DS-001\",severity=\"act\"} 0\n",
        "dsctl_muted_findings{code=\"DS-001\",severity=\"act\"} 1\n",
    ] {
        assert!(text.contains(sample), "{text}");
    }
    // One that is about others, too; one that has expired; and one of nothing.
    set(ids[0], &format!("host = '{DEAD}'"));
    let idle = [
        mute("DS-001", &ids[0].to_string(), "2099-12-24"),
        mute("DS-001", DEAD, "2020-12-24"),
        mute("DS-003", "somewhere", "2099-12-24"),
    ];
    doctor(&idle.concat(), "")
        .exit(3)
        .out(&format!("the mute of DS-001 ({}) (", ids[0]))
        .out("line 1) mutes nothing: what was found is about other instances, too\n")
        .out("line 6) has expired at 2020-12-24T00:00:00Z\n")
        .out("line 11) mutes nothing: there is no such finding\n");
    // The whole file is refused with a mute that nobody could have meant.
    for (wrong, line, why) in [
        (
            mute("DS-999", "x", "2099-12-24"),
            1,
            "no finding has the code DS-999",
        ),
        (mute("DS-001", "x", "tomorrow"), 4, "until: expected a date"),
        (
            "[[mute]]\ncode = \"DS-001\"\nreason = \"x\"".to_owned(),
            1,
            "this mute has no until",
        ),
        (
            "quiet = false\n[[mute]]\nid = 7".to_owned(),
            3,
            "unknown key \"id\" in a mute",
        ),
    ] {
        doctor(&wrong, "")
            .exit(2)
            .err(&format!("mutes.toml, line {line}: {why}"));
    }
    let file = world.env.file("mutes.toml", &known);
    let config = |code| {
        world
            .dsctl(&format!("config --config {file}"))
            .run()
            .exit(code)
    };
    config(0).out(&format!(
        "DS-001 ({DEAD}) until 2099-12-24T10:00:00Z: a ticket"
    ));
    world
        .env
        .file("mutes.toml", &mute("DS-999", "x", "2099-12-24"));
    config(2).err("no finding has the code DS-999");
}

#[test]
fn every_code_is_explained() {
    let alone = |line: &str| Dsctl::alone().args(line.split_whitespace()).run();
    let list = alone("doctor --explain").exit(0).stdout;
    assert!(list.lines().count() >= 20, "{list}");
    for line in list.lines() {
        let (code, title) = (line.split_whitespace().next().unwrap(), &line[14..]);
        let text = alone(&format!("doctor --explain {}", code.to_lowercase()))
            .exit(0)
            .stdout;
        assert!(
            text.starts_with(&format!("{code} {title}\n")) && text.contains("what to do: "),
            "{text}"
        );
    }
    alone("doctor --explain DS-999")
        .exit(2)
        .err("dsctl doctor --explain");
}
