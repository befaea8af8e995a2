//! `snapshot`: every command answers on it as it did on the cluster, nothing of it asks the cluster,
//! and no value of a parameter is in it.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use dsctl::demo::{Registered, seed};
use jiff::{Timestamp, ToSpan};
use serde_json::Value;

use crate::harness::world::{Cluster, DEAD, LIVING, World, claims_by_state, registered};
use crate::harness::{Dsctl, Output, Store};

/// One release of each family in which masters have ports.
const RELEASES: [&str; 7] = [
    "1.3.9", "2.0.3", "3.0.6", "3.1.9", "3.2.2", "3.3.1", "3.4.1",
];

/// Dead, too; its instances were handed over, and one of their commands is gone.
const EARLIER: &str = "10.0.0.7:5678";

/// What only whoever is to read it may find.
const SECRET: &str = "marker-of-a-secret";

/// What the answers of a cluster and of its snapshot have in common.
const COMMANDS: [&str; 10] = [
    "masters",
    "instances",
    "instances --tree",
    "commands",
    "lock status",
    "doctor --once",
    "failover --all-dead --dry-run",
    "recover --orphans --dry-run",
    "clear-hosts 10.0.0.2:5678 --dry-run",
    "failover 10.0.0.1:5678 --dry-run",
];

struct Scene {
    world: World,
    file: PathBuf,
}

impl Scene {
    /// A cluster in which much hangs.
    fn of(cluster: Cluster, store: Store) -> Self {
        let world = cluster.long_living().on(store);
        let an_hour_ago = Timestamp::now() - 1.hours();
        let handed_over: Vec<i64> = world
            .add_later(EARLIER, an_hour_ago, 2)
            .into_iter()
            .collect();
        let words = format!("failover {EARLIER} --yes --allow-recovered");
        world.dsctl(&words).run().exit(0);
        let ids: Vec<i64> = world.add_later(DEAD, an_hour_ago, 7).into_iter().collect();
        let file = world.env.home().join("snapshot.db");
        let scene = Self { world, file };
        scene.disturb(&handed_over, &ids);
        scene
    }

    fn disturb(&self, handed_over: &[i64], ids: &[i64]) {
        let world = &self.world;
        let table = world.table();
        let orphan = handed_over[0];
        world.env.sql(&format!(
            "DELETE FROM t_ds_command WHERE command_param LIKE '%{orphan}%'; \
             UPDATE {table} SET state = 4 WHERE id = {one}; UPDATE {table} SET host = NULL WHERE id = {two}; \
             UPDATE {table} SET host = '{LIVING}' WHERE id = {three}; \
             UPDATE {table} SET command_param = '{{\"StartParams\":\"{{\\\"password\\\":\\\"{SECRET}\\\"}}\"}}'",
            one = ids[1],
            two = ids[2],
            three = ids[3],
        ));
        let instance = if claims_by_state(world.version) {
            "workflow_instance_id"
        } else {
            "process_instance_id"
        };
        let (task_code, definition) = match &*world.version.to_string() {
            "1.3.9" => ("", "process_definition_id"),
            _ if claims_by_state(world.version) => (", task_code", "workflow_definition_code"),
            _ => (", task_code", "process_definition_code"),
        };
        for (id, of, state) in [(911, ids[0], 1), (912, ids[3], 0), (913, ids[0], 7)] {
            world.env.sql(&format!(
                "INSERT INTO t_ds_task_instance (id, name, task_type, {instance}, state, flag{task_code}) \
                 VALUES ({id}, 'a task', 'SHELL', {of}, {state}, 1{})",
                task_code.replace("task_code", "7")
            ));
        }
        // Parents that have ended, that are gone, and that run.
        world.env.sql(&format!(
            "UPDATE {table} SET state = 7 WHERE id = {}",
            ids[4]
        ));
        for (parent, child) in [(ids[4], ids[0]), (424_242, ids[1]), (ids[3], ids[2])] {
            let row = seed::relation(world.version, parent, 912, child);
            world.env.insert([row]);
            let sub = if claims_by_state(world.version) {
                "is_sub_workflow"
            } else {
                "is_sub_process"
            };
            world
                .env
                .sql(&format!("UPDATE {table} SET {sub} = 1 WHERE id = {child}"));
        }
        if world.version >= dsctl::model::Version::new(3, 0, 0) {
            crate::doctor::with_a_task_group(world, ids[3], ids[0]);
        }
        // A serial one that waits, and from 3.3 on one that no command starts.
        world.env.sql(&format!(
            "UPDATE {table} SET state = 14, host = '' WHERE id = {}; UPDATE {table} SET state = 0 WHERE id = {}; \
             UPDATE t_ds_task_instance SET state = 7 WHERE id = 902",
            ids[5], ids[6]
        ));
        world.env.sql(&format!(
            "INSERT INTO t_ds_error_command (id, command_type, {definition}, command_param, message) \
             VALUES (77, 2, 7, '{{\"ProcessInstanceId\":{orphan}}}', 'no definition')"
        ));
        if world.env.variables().contains_key("DSCTL_ZK") {
            for node in self.lock_nodes() {
                world.zk().create_parents(&node);
                world.zk().create(&node, b"10.0.0.9");
            }
        }
    }

    /// One of nobody's, and one of another program.
    fn lock_nodes(&self) -> [String; 2] {
        let names = [
            "_c_01234567-89ab-cdef-0123-456789abcdef-lock-0000000000",
            "0123456789abcdef__lock__0000000001",
        ];
        names.map(|name| format!("{}/{name}", self.world.lock()))
    }

    fn free_the_lock(&self) {
        for node in self.lock_nodes() {
            self.world.zk().delete(&node);
        }
    }

    fn take(&self, more: &str) -> Output {
        let words = format!("snapshot {} {more}", self.file.display());
        self.world.dsctl(&words).run()
    }

    /// A program that is told nothing but the snapshot.
    fn offline(&self) -> Dsctl {
        let url = format!("sqlite:{}", self.file.display());
        Dsctl::alone().env("DSCTL_DB", &url)
    }
}

/// What both must say alike, and the exit code.
fn answer(dsctl: Dsctl, words: &str) -> (Option<i32>, Value) {
    let output = dsctl
        .args(words.split_whitespace())
        .args(["-o", "json"])
        .run();
    let mut document = output.json();
    forget_what_passes(&mut document);
    let warnings = document["warnings"].as_array_mut().unwrap();
    warnings.retain(|text| !text.as_str().unwrap().contains("this is a snapshot of "));
    (output.code, document)
}

fn forget_what_passes(document: &mut Value) {
    match document {
        Value::Object(keys) => {
            for passing in ["age_seconds", "elapsed_ms", "taken_at"] {
                keys.remove(passing);
            }
            keys.values_mut().for_each(forget_what_passes);
        }
        Value::Array(list) => list.iter_mut().for_each(forget_what_passes),
        _ => {}
    }
}

fn answers_as_the_cluster_did(store: Store, releases: &[&str]) {
    for release in releases {
        let version = release.parse().unwrap();
        let kinds = [Cluster::of(version), Cluster::of(version).registry_inside()];
        let count = if claims_by_state(version) { 2 } else { 1 };
        for cluster in kinds.into_iter().take(count) {
            let scene = Scene::of(cluster, store);
            let before = scene.world.env.dump();
            let live: Vec<_> = COMMANDS
                .iter()
                .map(|words| answer(Dsctl::new(&scene.world.env), words))
                .collect();
            scene.take("--with-values").exit(0);
            before.assert_same(&scene.world.env.dump());
            for (words, live) in COMMANDS.iter().zip(live) {
                let offline = answer(scene.offline(), words);
                assert_eq!(offline, live, "{release} {words}");
            }
        }
    }
}

#[test]
fn answers_as_the_cluster_did_in_sqlite() {
    answers_as_the_cluster_did(Store::Sqlite, &RELEASES);
}

#[test]
fn answers_as_the_cluster_did_in_mariadb() {
    answers_as_the_cluster_did(Store::MariaDb, &["1.3.9", "2.0.3", "3.2.2", "3.4.1"]);
}

#[test]
fn answers_as_the_cluster_did_in_postgres() {
    answers_as_the_cluster_did(Store::Postgres, &["1.3.9", "3.1.9", "3.2.2", "3.4.1"]);
}

fn scene(release: &str) -> Scene {
    Scene::of(Cluster::of(release.parse().unwrap()), Store::Sqlite)
}

/// Masked are texts of every column that judging does not need.
#[test]
fn no_value_is_in_it() {
    for release in RELEASES {
        let scene = scene(release);
        scene
            .take("")
            .exit(0)
            .out("values of parameters are masked");
        let contains = |text: &str| {
            let bytes = std::fs::read(&scene.file).unwrap();
            bytes
                .windows(text.len())
                .any(|part| part == text.as_bytes())
        };
        assert!(!contains(SECRET), "{release}");
        assert!(contains(r#"{"StartParams":"{\"password\":\"***\"}"}"#));
        let mode = std::fs::metadata(&scene.file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let (code, plan) = answer(scene.offline(), COMMANDS[5]);
        let (live_code, live) = answer(Dsctl::new(&scene.world.env), COMMANDS[5]);
        assert_eq!(
            (code, &plan["masters"]),
            (live_code, &live["masters"]),
            "{release}"
        );
        std::fs::remove_file(&scene.file).unwrap();
        scene
            .take("--with-values")
            .exit(0)
            .out("whoever gets the file");
        assert!(contains(SECRET), "{release}");
    }
}

#[test]
fn a_rehearsal_changes_the_file_alone() {
    for release in RELEASES {
        let scene = scene(release);
        scene.free_the_lock();
        scene.take("").exit(0);
        let before = scene.world.env.dump();
        let words = "failover --all-dead --yes --grace 0s --allow-recovered -o json";
        let rehearse = || scene.offline().args(words.split_whitespace()).run().exit(0);
        let done = rehearse().out("this is a snapshot of ").json();
        assert!(
            done["recovered"].as_i64().unwrap() > 0,
            "{release} {done:#}"
        );
        let again = rehearse().json();
        assert_eq!(again["recovered"], 0, "{release} {again:#}");
        before.assert_same(&scene.world.env.dump());
    }
}

#[test]
fn no_file_is_replaced() {
    let scene = scene("3.2.2");
    std::fs::write(&scene.file, "mine").unwrap();
    scene.take("").exit(1).err("exists").err("name a new file");
    assert_eq!(std::fs::read(&scene.file).unwrap(), b"mine");
    Dsctl::new(&scene.world.env)
        .args(["snapshot", "/nonexistent/x.db"])
        .run()
        .exit(1)
        .err("cannot write the snapshot /nonexistent/x.db");
    let left = std::fs::read_dir(scene.world.env.home()).unwrap();
    let left = left.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with("snapshot.db")
    });
    assert_eq!(left.count(), 1);
}

#[test]
fn what_another_program_has_written_is_refused() {
    let scene = scene("3.2.2");
    scene.take("").exit(0);
    let change = |sql: &str| {
        let file = rusqlite::Connection::open(&scene.file).unwrap();
        file.execute_batch(sql).unwrap();
    };
    change("UPDATE dsctl_snapshot SET content = REPLACE(content, '\"format\":1', '\"format\":2')");
    let masters = || scene.offline().args(["masters"]).run();
    masters().exit(6).err("use the dsctl that took it");
    change("UPDATE dsctl_snapshot SET content = 'x' WHERE part = 'registry'");
    change("UPDATE dsctl_snapshot SET content = REPLACE(content, '\"format\":2', '\"format\":1')");
    masters()
        .exit(6)
        .err("the snapshot's registry cannot be read");
    change("DELETE FROM dsctl_snapshot");
    masters().exit(6).err("lacks a part");
}

/// Whoever held it when the snapshot was taken never lets go of it; and two rehearsals exclude each
/// other.
#[test]
fn a_lock_of_a_snapshot_excludes_who_uses_the_same_file() {
    let scene = scene("3.2.2");
    scene.take("").exit(0);
    let rehearse = |words: &str| {
        let words = format!("failover {DEAD} --yes --lock-timeout 300ms {words}");
        scene.offline().args(words.split_whitespace()).run()
    };
    rehearse("").exit(5).err("is held by another client");
    scene.free_the_lock();
    std::fs::remove_file(&scene.file).unwrap();
    scene.take("").exit(0);
    let file = std::fs::File::open(&scene.file).unwrap();
    file.try_lock().unwrap();
    rehearse("").exit(5).err("is held by another client");
    drop(file);
    rehearse("").exit(0);
}

/// Types that a site has chosen, and tables that only their letters distinguish.
#[test]
fn strange_columns_and_tables_are_copied_as_they_are_read() {
    let scene = Scene::of(Cluster::of("3.1.9".parse().unwrap()), Store::MariaDb);
    scene.world.env.sql(
        "ALTER TABLE t_ds_process_instance MODIFY state decimal(4,0); \
         ALTER TABLE t_ds_process_instance MODIFY process_definition_code decimal(20,0); \
         ALTER TABLE t_ds_process_instance ADD dsctl_written int; \
         ALTER TABLE t_ds_task_instance MODIFY flag bit(1); \
         CREATE TABLE T_DS_COMMAND AS SELECT * FROM t_ds_command; \
         CREATE VIEW t_ds_some_view AS SELECT id, command_type FROM t_ds_command",
    );
    scene.take("").exit(0);
    for words in COMMANDS.iter().filter(|words| **words != "commands") {
        let live = answer(Dsctl::new(&scene.world.env), words);
        assert_eq!(answer(scene.offline(), words), live, "{words}");
    }
}

/// A master of the JDBC registry that is dead by the clocks is observed before a snapshot is taken:
/// nothing moves in it.
#[test]
fn a_master_that_may_be_dead_is_observed_first() {
    let version = "3.4.1".parse().unwrap();
    let world = Cluster::of(version)
        .long_living()
        .registry_inside()
        .on(Store::MariaDb);
    let an_hour_ago = Timestamp::now() - 1.hours();
    let ids = world.add_later(DEAD, an_hour_ago, 2);
    let dead = Registered {
        session_millis: 6000,
        client: 8,
        reported: Timestamp::now() - 1.minutes(),
        ..registered(DEAD)
    };
    world.env.register_in_database(version, &dead);
    world.env.sql("UPDATE t_ds_jdbc_registry_client_heartbeat SET last_heartbeat_time = last_heartbeat_time - 60000 WHERE id = 8");
    let file = world.env.home().join("snapshot.db");
    let scene = Scene { world, file };
    scene.take("").exit(0);
    let plan = "failover --all-dead --dry-run";
    let offline = answer(scene.offline(), plan);
    assert_eq!(offline.1["recovered"], ids.len(), "{offline:?}");
    assert_eq!(offline, answer(Dsctl::new(&scene.world.env), plan));
}

/// Workers of 3.0 and 3.1 are asked to end tasks that run again: in a rehearsal none does.
#[test]
fn a_rehearsal_asks_no_worker_for_anything() {
    let scene = scene("3.1.9");
    let worker = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    worker.set_nonblocking(true).unwrap();
    let address = worker.local_addr().unwrap();
    let node = scene.world.env.path(&format!("nodes/worker/{address}"));
    scene.world.zk().create_parents(&node);
    scene.world.zk().create(&node, b"");
    scene
        .world
        .env
        .sql(&format!("UPDATE t_ds_task_instance SET host = '{address}'"));
    scene.free_the_lock();
    scene.take("").exit(0);
    let words = format!("failover {DEAD} --yes");
    let refused = scene.offline().args(words.split(' ')).run();
    refused.exit(7).tells("may still run on worker");
    let consent = scene.offline().args(words.split(' '));
    consent.args(["--allow-duplicate-tasks"]).run().exit(0);
    let nobody = worker.accept().unwrap_err();
    assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);
    // The same for good does.
    let words = format!("failover {DEAD} --yes --allow-duplicate-tasks");
    Dsctl::new(&scene.world.env)
        .args(words.split(' '))
        .run()
        .exit(0);
    worker.accept().unwrap();
}

/// What would be done beside the file, or for a cluster that lives.
#[test]
fn what_reaches_beyond_a_snapshot_is_refused() {
    let scene = scene("3.2.2");
    scene.take("").exit(0);
    let refused = |words: &str, code: i32, why: &str| {
        let output = scene.offline().args(words.split_whitespace()).run();
        output.exit(code).err(why);
    };
    let mark = scene.world.env.home().join("ran");
    let touch = format!("lock acquire {DEAD} -- touch {}", mark.display());
    refused(&touch, 4, "a lock in it excludes no master");
    assert!(!mark.exists());
    refused("watch --yes --once", 4, "nothing happens in it");
    refused("watch --dry-run --once", 4, "nothing happens in it");
    refused("failover --all-dead --yes --wait 5s", 2, "omit --wait");
    refused("snapshot again.db", 4, "copy its file");
    // As after a dump: its rows are judged by no other registry.
    let database = rusqlite::Connection::open(&scene.file).unwrap();
    database.execute_batch("PRAGMA application_id = 0").unwrap();
    drop(database);
    let url = format!("sqlite:{}", scene.file.display());
    Dsctl::new(&scene.world.env)
        .env("DSCTL_DB", &url)
        .args(["masters"])
        .run()
        .exit(6)
        .err("the snapshot's own file");
}
