//! When workers are asked to end tasks: after everything that may still say no, and before the
//! answer is final.

use std::io::{ErrorKind, Read};
use std::net::TcpListener;

use dsctl::demo::{Registered, Server, seed};
use jiff::{Timestamp, ToSpan};

use crate::faults::moments::Moment;
use crate::harness::world::{DEAD, LIVING, World, ago, registered_since};
use crate::harness::{At, FakeRegistration, Proxy, Running, Store, names_number};

/// A worker that listens and never answers, with a task of instance 1.
fn with_a_worker(store: Store) -> (World, TcpListener, FakeRegistration) {
    let world = World::idle(store, "3.1.9");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let worker = Registered {
        server: Server::Worker,
        ..registered_since(&address, Timestamp::now() - 2.hours())
    };
    let registration = world.env.register(world.version, &worker);
    world.instances([1]);
    world.env.insert([seed::task(world.version, 1)
        .id(11)
        .host(&address)
        .started(ago(3600))]);
    (world, listener, registration)
}

fn was_asked(listener: &TcpListener) -> bool {
    match listener.accept() {
        Ok(_) => true,
        Err(error) if error.kind() == ErrorKind::WouldBlock => false,
        Err(error) => panic!("{error}"),
    }
}

/// A failover that ends tasks, held before this moment.
fn held_at(world: &mut World, moment: Moment) -> (Proxy, Running) {
    let proxy = world.env.through_proxy();
    proxy.trap(moment.bytes(world.env.store), At::Hold);
    let running = world
        .dsctl(&format!("failover {DEAD} --yes --allow-duplicate-tasks"))
        .spawn();
    proxy.await_sprung();
    (proxy, running)
}

#[test]
fn no_worker_is_asked_as_long_as_a_look_may_still_say_no() {
    for store in [Store::MariaDb, Store::Postgres] {
        let (mut world, listener, _worker) = with_a_worker(store);
        let (proxy, running) = held_at(&mut world, Moment::Claim);
        let _back = world
            .env
            .register(world.version, &registered_since(DEAD, Timestamp::now()));
        proxy.go_on();
        let output = running.finish().exit(4);
        assert!(!was_asked(&listener), "{store:?} {output:?}");
        assert_eq!(
            (world.command_count(), world.host(1).as_str()),
            (0, DEAD),
            "{store:?}"
        );
    }
}

#[test]
fn workers_are_asked_before_the_new_attempt_can_begin() {
    for store in [Store::MariaDb, Store::Postgres] {
        let (mut world, listener, _worker) = with_a_worker(store);
        let (proxy, running) = held_at(&mut world, Moment::Commit);
        assert!(was_asked(&listener), "{store:?}");
        assert_eq!(world.command_count(), 0, "{store:?}");
        proxy.go_on();
        let report = running.finish().exit(0).json();
        assert!(
            report["warnings"].to_string().contains("tasks 11"),
            "{report}"
        );
        assert_eq!(world.command_count(), 1, "{store:?}");
    }
}

/// What a plan that asks nobody must not say.
#[test]
fn a_dry_run_asks_nobody() {
    let (world, listener, _worker) = with_a_worker(Store::Sqlite);
    world
        .run(&format!(
            "failover {DEAD} --dry-run --allow-duplicate-tasks"
        ))
        .exit(0);
    assert!(!was_asked(&listener));
}

/// The last word is the COMMIT's, and it comes when the workers have been asked.
#[test]
fn who_was_asked_in_vain_is_named() {
    let (world, listener, _worker) = with_a_worker(Store::Postgres);
    let address = listener.local_addr().unwrap().to_string();
    world.instances(2..=4);
    let tasks = (2..=4).map(|id| {
        seed::task(world.version, id)
            .id(10 + id)
            .host(&address)
            .started(ago(3600))
    });
    world.env.insert(tasks);
    // Our transactions let such triggers fire at once, but for one that puts them off again.
    world.env.sql(
        "CREATE FUNCTION put_off() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN SET CONSTRAINTS ALL DEFERRED; RETURN NEW; END $$; \
         CREATE TRIGGER put_off BEFORE INSERT ON t_ds_command FOR EACH ROW EXECUTE PROCEDURE put_off(); \
         CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.process_instance_id = 3 THEN \
         RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END $$; \
         CREATE CONSTRAINT TRIGGER spoil AFTER INSERT ON t_ds_command DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE PROCEDURE spoil()",
    );
    let report = world
        .run(&format!("failover {DEAD} --yes --allow-duplicate-tasks"))
        .exit(7)
        .json();
    assert_eq!(
        (world.command_count(), world.host(3).as_str()),
        (3, DEAD),
        "{report}"
    );
    let warnings: Vec<&str> = report["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|text| text.as_str())
        .collect();
    assert!(
        warnings
            .iter()
            .any(|text| text.contains("tasks 13, before")),
        "{warnings:?}"
    );
    let begins_anew = warnings
        .iter()
        .filter(|text| text.contains("run again"))
        .any(|text| names_number(text, 13));
    assert!(!begins_anew, "{warnings:?}");
    // Each is asked once, however often its batch is tried.
    let mut heard = String::new();
    while let Ok((mut connection, _)) = listener.accept() {
        connection.set_nonblocking(false).unwrap();
        let mut bytes = Vec::new();
        connection.read_to_end(&mut bytes).unwrap();
        heard.push_str(&String::from_utf8_lossy(&bytes));
    }
    let asked = [11, 12, 13, 14].map(|task| {
        heard
            .matches(&format!("\"taskInstanceId\":{task}}}"))
            .count()
    });
    assert_eq!(asked, [1, 1, 1, 1], "{heard}");
    let told = warnings
        .iter()
        .filter(|text| text.contains("run again"))
        .filter(|text| names_number(text, 11));
    assert!(told.count() >= 1, "{warnings:?}");
}

/// The pre-releases of 3.0 take tasks as 2.0 does: a living worker goes on, and nobody asks it to
/// end them.
#[test]
fn pre_releases_of_3_0_leave_a_living_workers_task_to_it() {
    for (version, unsubmitted) in [("3.0.0-alpha", 1), ("3.0.0-beta-1", 8), ("3.0.0-beta-2", 8)] {
        let world = World::idle(Store::Postgres, version);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let worker = Registered {
            server: Server::Worker,
            ..registered_since(&address, Timestamp::now() - 2.hours())
        };
        let _registration = world.env.register(world.version, &worker);
        world.instances([1]);
        let task = |id: i64, host: &str| {
            seed::task(world.version, 1)
                .id(id)
                .host(host)
                .started(ago(3600))
        };
        world.env.insert([
            task(11, &address),
            task(12, "10.0.5.1:1234"),
            task(15, LIVING),
        ]);
        world.env.insert([
            task(13, "10.0.5.1:1234").without("submit_time"),
            task(14, "x").without("host"),
        ]);
        let more = "--yes --allow-duplicate-tasks --ds-version";
        let output = world
            .run(&format!("failover {DEAD} {more} {version}"))
            .exit(0);
        let tasks = world
            .env
            .rows("SELECT state, flag FROM t_ds_task_instance ORDER BY id");
        let found: Vec<_> = tasks
            .iter()
            .filter_map(|row| row.int(0).zip(row.int(1)))
            .collect();
        assert_eq!(
            found,
            [(1, 1), (8, 1), (unsubmitted, 1), (1, 1), (1, 1)],
            "{version} {output:?}"
        );
        assert!(
            world.command_count() == 1 && !was_asked(&listener),
            "{version} {output:?}"
        );
    }
}
