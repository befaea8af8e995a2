//! The registry itself is strange: what it refuses, what it has forgotten, and what it cannot count
//! any more.

use std::time::Duration;

use dsctl::family::RegistryLayout;
use dsctl::model::{AddressForm, Version};
use dsctl::registry::jdbc::{JdbcRegistry, JdbcSettings};
use dsctl::registry::{Registry, RegistryError};
use jiff::Timestamp;
use zookeeper_client::Permission;

use crate::harness::servers::{MariaDb, ZooKeeper};
use crate::harness::world::{BY_HOST, BY_STATE, DEAD, LIVING, World, registered};
use crate::harness::{Env, Limits, PASSWORD, Store, eventually, wait};
use crate::watch::{Rounds, told, watch};

const LAYOUT: RegistryLayout = RegistryLayout {
    masters: "nodes/master",
    workers: "nodes/worker",
    address_form: AddressForm::HostPort,
    container_parents: true,
};

const LOCKED: &str = "lock/master-failover/10.0.0.1:5678";

fn insert_lock(env: &Env, client: i64) {
    env.sql(&format!(
        "INSERT INTO t_ds_jdbc_registry_lock (lock_key, lock_owner, client_id, create_time) \
         VALUES ('/{LOCKED}', 'alive_1_main', {client}, CURRENT_TIMESTAMP)"
    ));
}

/// Nobody could write a heartbeat while the database answered nobody.
#[test]
fn a_holder_in_a_database_that_stood_still_keeps_its_lock() {
    let mut server = MariaDb::private();
    let env = Env::on_mariadb(&server);
    let release = Version::new(3, 3, 1);
    env.create_schema(release);
    let holder = dsctl::demo::Registered {
        session_millis: 9_000,
        ..registered("10.0.0.9:5678")
    };
    env.register_in_database(release, &holder);
    insert_lock(&env, holder.client);
    let database = wait(env.connect_to(env.server_port(), PASSWORD, Limits::default())).unwrap();
    let limits = JdbcSettings {
        timeout: Duration::from_secs(10),
        session_timeout: Duration::from_secs(30),
    };
    let mut registry = wait(JdbcRegistry::connect(database, limits, LAYOUT)).unwrap();
    let beat = || {
        let now = Timestamp::now().as_millisecond();
        env.sql(&format!(
            "UPDATE t_ds_jdbc_registry_client_heartbeat SET last_heartbeat_time = {now} WHERE id = {}",
            holder.client
        ));
    };
    let refused = std::thread::scope(|scope| {
        let waiting =
            scope.spawn(|| wait(registry.acquire(LOCKED, Duration::from_secs(16), &mut |_| {})));
        std::thread::sleep(Duration::from_secs(1));
        beat();
        std::thread::sleep(Duration::from_millis(700));
        server.freeze();
        std::thread::sleep(Duration::from_millis(9_800));
        server.thaw();
        // A master writes one every three seconds.
        std::thread::sleep(Duration::from_millis(2_500));
        while !waiting.is_finished() {
            beat();
            std::thread::sleep(Duration::from_secs(1));
        }
        waiting.join().unwrap()
    });
    assert!(
        matches!(refused, Err(RegistryError::Held { .. })),
        "{refused:?}"
    );
}

/// Two instances hang, whose lock ZooKeeper refuses, and one of another dead master.
fn with_a_refused_lock() -> World {
    let mut world = World::new(Store::MariaDb, BY_HOST, 2);
    let an_hour_ago = Timestamp::now() - jiff::SignedDuration::from_hours(1);
    world.add("10.0.0.7:5678", an_hour_ago, 1);
    world.zk().create_parents(&world.lock());
    // Somebody's ephemeral node, which can have no children.
    world.living().create(&world.lock(), b"10.0.0.1");
    world
}

/// What ZooKeeper says no to is no silence, and keeps no other master waiting.
#[test]
fn what_zookeeper_refuses_is_told_as_that() {
    let world = with_a_refused_lock();
    let refused = world.failover("").run().exit(1);
    let error = &refused.json()["error"];
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("refuses") && message.contains("can not have children"),
        "{error}"
    );
    let hint = error["hint"].as_str().unwrap();
    assert!(
        hint.contains(&format!("'stat {}'", world.lock())),
        "{error}"
    );
    assert_eq!(world.command_count(), 0);
    let words = "failover --all-dead --yes -o json --grace 0s";
    world.dsctl(words).run().exit(7);
    assert_eq!(world.command_count(), 1);
}

#[test]
fn a_full_quota_is_told_as_that() {
    let server = ZooKeeper::with_settings("enforceQuota=true\n");
    let env = Env::at(Store::MariaDb, &server.connect_string());
    let world = World::in_env(env, BY_HOST, 2);
    let root = world.env.path("");
    let quota = format!("/zookeeper/quota{}", root.trim_end_matches('/'));
    let limits = b"count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=3";
    world
        .zk()
        .create(&format!("{quota}/zookeeper_limits"), limits);
    world
        .zk()
        .create(&format!("{quota}/zookeeper_stats"), b"count=3,bytes=1");
    let refused = world.failover("").run().exit(1);
    assert!(refused.stderr.contains("refuses") && refused.stderr.contains("listquota"));
    world.check_untouched();
}

/// An import has brought rows, and no sequence behind their ids.
#[test]
fn an_id_that_is_given_out_twice_is_no_holder() {
    let world = World::with_registry_inside(Store::Postgres, BY_STATE, 2);
    let insert = |from: i64, to: i64| {
        for id in from..to {
            world.env.sql(&format!(
                "INSERT INTO t_ds_jdbc_registry_lock (id, lock_key, lock_owner, client_id, create_time) \
                 VALUES ({id}, '/lock/other{id}', 'alive_1_main', 1, CURRENT_TIMESTAMP)"
            ));
        }
    };
    insert(1, 31);
    let refused = world.failover("--lock-timeout 0s").run().exit(1);
    assert!(refused.stderr.contains("generated twice"), "{refused:?}");
    assert_eq!(world.command_count(), 0);
    // By now the next id is a free one, after a few that are not.
    world.failover("--lock-timeout 0s").run().exit(0);
    assert_eq!(world.command_count(), 2);
}

/// Masters delete the locks of whose heartbeat is old by their clocks.
#[test]
fn a_clock_that_is_behind_the_masters_loses_no_lock() {
    for store in [Store::MariaDb, Store::Postgres] {
        let world = World::with_registry_inside(store, BY_STATE, 2);
        let words = "lock acquire 10.0.0.2:5678 --session-timeout 40s --for 8s";
        let behind = crate::harness::Dsctl::new(&world.env)
            .through("/usr/bin/faketime", &["-m", "-f", "-50s"])
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .args(words.split_whitespace());
        let mut running = behind.spawn();
        while running.is_running() {
            let now = Timestamp::now().as_millisecond();
            world.env.sql(&format!(
                "UPDATE t_ds_jdbc_registry_client_heartbeat SET last_heartbeat_time = {now} WHERE id = 1"
            ));
            // `JdbcRegistryServer.purgeInvalidJdbcRegistryMetadata`.
            world.env.sql(&format!(
                "DELETE FROM t_ds_jdbc_registry_client_heartbeat WHERE last_heartbeat_time < {now} - 40000 AND id <> 1; \
                 DELETE FROM t_ds_jdbc_registry_lock WHERE client_id NOT IN \
                 (SELECT id FROM t_ds_jdbc_registry_client_heartbeat)"
            ));
            std::thread::sleep(Duration::from_millis(500));
        }
        running.finish().exit(0);
    }
}

/// ZooKeeper counts in 31 bits. Curator compares the numbers as text: behind the last one whoever
/// comes later stands before all others.
#[test]
fn a_lock_whose_counter_has_come_to_its_end_excludes_nobody() {
    let mut server = ZooKeeper::private();
    let env = Env::at(Store::MariaDb, &server.connect_string());
    let world = World::in_env(env, BY_HOST, 2);
    world.zk().create(&world.lock(), b"");
    for count in [i32::MAX, i32::MIN, -5] {
        server.set_counter(&world.lock(), count);
        for words in [
            "failover 10.0.0.2:5678 --yes",
            "lock acquire 10.0.0.2:5678 --for 1s",
        ] {
            let refused = world.dsctl(words).run().exit(4);
            let told = &refused.stderr;
            assert!(
                told.contains("excludes no client")
                    && told.contains(&format!("delete {}", world.lock())),
                "{refused:?}"
            );
        }
        assert!(world.zk().children(&world.lock()).is_empty());
        // Somebody else's is shown.
        let node = format!(
            "{}/_c_01234567-89ab-cdef-0123-456789abcdef-lock-{count:010}",
            world.lock()
        );
        world.living().create(&node, b"10.0.0.1");
        world
            .dsctl("lock status")
            .run()
            .exit(0)
            .out(&format!("lock-{count:010}"));
        world.zk().delete(&node);
    }
    world.check_untouched();
    world.zk().delete(&world.lock());
    world.complete();
}

/// The living master is the first in the queue.
fn a_master_holds_the_lock(world: &World) {
    let name = "_c_01234567-89ab-cdef-0123-456789abcdef-lock-0000000000";
    let node = format!("{}/{name}", world.lock());
    world.zk().create_parents(&node);
    world.living().create(&node, b"10.0.0.1");
}

/// The registry is swept while somebody waits in it: nothing was written, and that is said.
#[test]
fn a_place_in_the_queue_that_is_swept_away_has_written_nothing() {
    let world = World::new(Store::MariaDb, BY_HOST, 2);
    a_master_holds_the_lock(&world);
    let mut running = world.failover("--lock-timeout 5m").spawn();
    running.await_stderr("waiting for the lock");
    // The holder's last: whoever is the first has the lock.
    for name in world.zk().lock_queue(&world.lock()).iter().rev() {
        world.zk().delete(&format!("{}/{name}", world.lock()));
    }
    let lost = running.finish().exit(8);
    let error = &lost.json()["error"];
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("deleted while it waited")
            && error["hint"]
                .as_str()
                .unwrap()
                .starts_with("dsctl has written nothing"),
        "{error}"
    );
    world.check_untouched();
    world.complete();
}

/// The registry has lost everything that it knew, and whoever waits in it or holds a lock hears so.
#[test]
fn a_registry_that_has_lost_its_data_keeps_nobody_waiting() {
    let mut server = ZooKeeper::private();
    let env = Env::at(Store::MariaDb, &server.connect_string());
    let world = World::in_env(env, BY_HOST, 2);
    a_master_holds_the_lock(&world);
    let mut waiting = world.failover("--lock-timeout 5m --timeout 3s").spawn();
    waiting.await_stderr("waiting for the lock");
    let other = "10.0.0.9:5678";
    let holding = world
        .dsctl(&format!("lock acquire {other} -- sleep 600"))
        .spawn();
    world.zk().await_queue(&world.lock_of(other), 1);
    let mut watcher = watch(&world, "--grace 4s --timeout 3s").spawn();
    watcher.await_stdout("grace_started");
    server.forget();
    waiting.finish().exit(6);
    holding.finish().exit(8);
    watcher.await_stdout("has no node");
    let back = world.env.register(BY_HOST, &registered(LIVING));
    watcher.await_stdout("the registry has lost its data");
    watcher.await_stdout("failover_finished");
    watcher.signal("TERM");
    watcher.finish().exit(143);
    assert_eq!(world.command_count(), 2);
    back.close();
}

/// Trouble with one lock is told once, and neither the others' grace times nor the connection end
/// with it.
#[test]
fn a_lock_that_zookeeper_refuses_holds_no_other_master_up_in_watch() {
    let world = with_a_refused_lock();
    let rounds = Rounds::of(&world);
    let mut watcher = watch(&world, &format!("--grace 2s {}", rounds.arguments())).spawn();
    watcher.await_stdout("refuses a request for");
    watcher.await_stdout("failover_finished");
    // Rounds in which it is tried again.
    rounds.pass(3);
    world.zk().delete(&world.lock());
    eventually(Duration::from_secs(20), "all commands", || {
        let count = world.command_count();
        if count == 3 { Ok(()) } else { Err(count) }
    });
    watcher.signal("TERM");
    let output = watcher.finish().exit(143);
    let told = |word| told(&output, word).len();
    assert_eq!((told("error"), told("grace_started")), (1, 2), "{output:?}");
}

/// Whoever may make a node, but neither see nor delete it, stands in the queue until his session
/// ends: living masters would wait behind it for as long as the watcher lives.
#[test]
fn a_lock_node_that_cannot_be_withdrawn_ends_with_its_session() {
    let world = World::new(Store::MariaDb, BY_HOST, 1);
    world.zk().create(&world.lock(), b"");
    world.zk().grant(&world.lock(), Permission::CREATE);
    let mut watcher = watch(&world, "--grace 0s").spawn();
    watcher.await_stdout("stays as long as this session");
    eventually(Duration::from_secs(15), "an empty queue", || {
        let queue = world.queue();
        if queue.is_empty() { Ok(()) } else { Err(queue) }
    });
    assert_eq!(world.command_count(), 0);
    world.zk().grant(&world.lock(), Permission::ALL);
    watcher.await_stdout("failover_finished");
    assert_eq!(world.command_count(), 1);
    watcher.signal("TERM");
    watcher.finish().exit(143);
    assert!(world.queue().is_empty());
}

/// What a server lets somebody who sleeps do within a transaction is a second at the least, and the
/// session may be a third older by then.
#[test]
fn a_session_that_ends_before_our_transaction_would_is_refused() {
    let worlds = [
        World::new(Store::MariaDb, BY_HOST, 1),
        World::in_a_file(BY_STATE, 1),
    ];
    for world in worlds {
        for words in [
            "failover 10.0.0.2:5678 --yes",
            "failover 10.0.0.2:5678 --dry-run",
            "clear-hosts 10.0.0.2:5678 --yes",
            "recover --orphans --yes",
            "lock acquire 10.0.0.2:5678 -- true",
            "watch --once --yes --grace 0s",
        ] {
            world
                .run(&format!("--session-timeout 1500ms {words}"))
                .exit(4)
                .tells("--session-timeout");
        }
        world.check_untouched();
        world.run("--session-timeout 1s masters").exit(0);
        world
            .run("--session-timeout 2s failover 10.0.0.2:5678 --dry-run")
            .exit(0);
    }
}

/// In 3.2 an entry has its own last sign of life, by its master's clock.
#[test]
fn masters_in_the_jdbc_registry_of_3_2_are_not_dead_beside_one_in_zookeeper() {
    for store in Store::ALL {
        let world = World::idle(store, "3.2.2");
        world.instances([1, 2]);
        world.env.sql(
            "DROP TABLE IF EXISTS t_ds_jdbc_registry_data; DROP TABLE IF EXISTS t_ds_jdbc_registry_client_heartbeat; \
             CREATE TABLE t_ds_jdbc_registry_data (id BIGINT PRIMARY KEY, data_key VARCHAR(256), data_value TEXT, \
             data_type SMALLINT, last_term BIGINT)",
        );
        let term = |ago: Duration| (Timestamp::now() - ago).as_millisecond();
        world.env.sql(&format!(
            "INSERT INTO t_ds_jdbc_registry_data VALUES (1, '/nodes/master/{DEAD}', '{{}}', 1, {})",
            term(Duration::from_mins(5))
        ));
        let refused = world.run(&format!("failover {DEAD} --yes")).exit(4);
        assert!(refused.stdout.contains("JDBC registry"), "{refused:?}");
        assert_eq!(world.command_count(), 0);
        // Nobody has used that one for long.
        world.env.sql(&format!(
            "UPDATE t_ds_jdbc_registry_data SET last_term = {}",
            term(Duration::from_hours(3))
        ));
        world
            .run(&format!("failover {DEAD} --yes --allow-new-masters"))
            .exit(0);
        assert_eq!(world.command_count(), 2);
    }
}

/// Their clocks are behind the database's, or their sessions long.
#[test]
fn masters_in_the_jdbc_registry_are_not_dead_beside_one_in_zookeeper_whatever_their_clocks() {
    let world = World::idle(Store::MariaDb, "3.4.1");
    world.instances([1, 2]);
    let behind = dsctl::demo::Registered {
        reported: Timestamp::now() - Duration::from_mins(2),
        ..registered(DEAD)
    };
    world.env.register_in_database(world.version, &behind);
    let refused = world.run(&format!("failover {DEAD} --yes")).exit(4);
    assert!(refused.stdout.contains("JDBC registry"), "{refused:?}");
    assert_eq!(world.command_count(), 0);
}

/// `JdbcRegistryServer` does not notice that others have purged its client's row.
#[test]
fn a_master_whose_client_was_purged_lives_as_long_as_it_writes() {
    let world = World::with_registry_inside(Store::MariaDb, BY_STATE, 2);
    let zombie = dsctl::demo::Registered {
        client: 9,
        ..registered(DEAD)
    };
    world.env.register_in_database(BY_STATE, &zombie);
    world
        .env
        .sql("DELETE FROM t_ds_jdbc_registry_client_heartbeat WHERE id = 9");
    let running = world.failover("").spawn();
    let refused = std::thread::scope(|scope| {
        let ending = scope.spawn(|| running.finish());
        let mut beat = 0;
        while !ending.is_finished() {
            beat += 1;
            world.env.sql(&format!(
                "UPDATE t_ds_jdbc_registry_data SET data_value = '{{\"reportTime\":{beat}}}' WHERE client_id = 9"
            ));
            std::thread::sleep(Duration::from_millis(200));
        }
        ending.join().unwrap()
    });
    assert_eq!(refused.exit(4).json()["error"]["kind"], "refused");
    world.check_untouched();
    // It writes no more, and is seen not to.
    world.failover("").run().exit(0);
    world.check_complete();
}

/// MySQL that is not strict cuts a text off at the end of its column.
#[test]
fn a_host_that_its_column_has_cut_off_is_not_a_dead_master() {
    let world = World::idle(Store::Sqlite, "3.2.2");
    let long = format!("{}.workflows.svc.cluster.local:5678", "m".repeat(104));
    let cut = &long[..long.len() - 1];
    let _living = world.env.register(world.version, &registered(&long));
    world.env.insert([world.instance(1).host(cut)]);
    for masters in ["--all-dead --grace 0s", cut] {
        let output = world.run(&format!("failover {masters} --yes --allow-new-masters"));
        assert!(matches!(output.code, Some(0 | 4)), "{output:?}");
        assert_eq!(world.command_count(), 0, "{output:?}");
    }
}
