//! What cannot be reached is named, in bounded time, with the code that says that nothing was
//! written, and without a password: that is looked for in every output.

use std::time::Duration;

use crate::harness::world::{BY_HOST, World};
use crate::harness::{At, Dsctl, MARKER, Output, Proxy, Store, ZooKeeper, servers};

const TIMEOUTS: &str = "--timeout 4s --session-timeout 12s -vv";

/// Every command that needs both the registry and the database, and what it is to exit with.
#[track_caller]
fn fails(world: &World, code: i32, named: &str) {
    for command in [
        "masters",
        "instances",
        "commands",
        "failover 10.0.0.2:5678 --yes",
        "recover --orphans --yes",
    ] {
        let output = world
            .dsctl(&format!("{command} -o json {TIMEOUTS}"))
            .limit(Duration::from_secs(15))
            .run();
        assert_failed(output, code, named);
    }
}

#[track_caller]
fn assert_failed(output: Output, code: i32, named: &str) {
    let output = output.exit(code);
    let document = output.json();
    assert_eq!(
        (&document["ok"], &document["error"]["exit_code"]),
        (&false.into(), &code.into()),
        "{output:?}"
    );
    assert!(
        document["error"].to_string().contains(named),
        "{named} is not named:\n{output:?}"
    );
    assert!(
        document["error"]["hint"].is_string(),
        "no hint:\n{output:?}"
    );
}

/// A port on which nobody listens.
fn refused() -> String {
    let mut proxy = Proxy::to(1);
    proxy.refuse();
    proxy.address()
}

#[test]
fn zookeeper_refuses_connections() {
    let mut world = World::new(Store::Sqlite, BY_HOST, 1);
    let address = refused();
    world.env.set("DSCTL_ZK", &address);
    fails(&world, 6, &address);
    world.check_untouched();
}

#[test]
fn zookeeper_is_a_black_hole() {
    let mut world = World::new(Store::Sqlite, BY_HOST, 1);
    let proxy = Proxy::to(ZooKeeper::shared().port());
    proxy.black_hole();
    world.env.set("DSCTL_ZK", &proxy.address());
    fails(&world, 6, &proxy.address());
}

#[test]
fn a_database_refuses_connections_or_is_a_black_hole() {
    for store in super::moments::SERVERS {
        let mut world = World::new(store, BY_HOST, 1);
        let mut proxy = world.env.through_proxy();
        proxy.black_hole();
        fails(&world, 6, &proxy.address());
        proxy.refuse();
        fails(&world, 6, &proxy.address());
        world.check_untouched();
    }
}

#[test]
fn wrong_password_user_or_database() {
    for store in super::moments::SERVERS {
        let mut world = World::new(store, BY_HOST, 1);
        let (scheme, port) = match store {
            Store::MariaDb => ("mysql", servers::MariaDb::shared().port()),
            _ => ("postgres", servers::Postgres::shared().port()),
        };
        let (address, database) = (format!("127.0.0.1:{port}"), world.env.database.clone());
        let right = crate::harness::PASSWORD_IN_URL;
        for (user, password, database) in [
            ("dsctl", format!("{MARKER}-wrong"), database.as_str()),
            ("nobody", right.to_owned(), &database),
            ("dsctl", right.to_owned(), "no_such_database"),
        ] {
            world.env.set(
                "DSCTL_DB",
                &format!("{scheme}://{user}:{password}@{address}/{database}"),
            );
            fails(&world, 6, &address);
        }
    }
}

#[test]
fn a_file_that_is_not_there_or_no_database() {
    let mut world = World::in_a_file(BY_HOST, 1);
    let text = world
        .env
        .file("notes.txt", &"this is no database at all ".repeat(100));
    for path in [format!("{text}-missing"), text] {
        world.env.set("DSCTL_DB", &format!("sqlite:{path}"));
        fails(&world, 6, &path);
    }
}

#[test]
fn a_registry_closed_to_us_by_its_digest() {
    for digest in [None, Some(format!("dsctl:{MARKER}-wrong"))] {
        let mut world = World::new(Store::Sqlite, BY_HOST, 1);
        let right = format!("dsctl:{MARKER}-right");
        let parent = world.env.path("nodes/master");
        // The masters' own parent is closed, as it is where they have a digest.
        let closed =
            crate::harness::FakeRegistration::closed_parent(&world.env.connect, &parent, &right);
        if let Some(digest) = &digest {
            world.env.set("DSCTL_ZK_DIGEST", digest);
        }
        let connect = world.env.connect.clone();
        for command in ["masters", "failover 10.0.0.2:5678 --yes"] {
            let output = world.dsctl(&format!("{command} -o json {TIMEOUTS}")).run();
            assert_failed(output, 6, &connect);
        }
        world.env.set("DSCTL_ZK_DIGEST", &right);
        world.dsctl("masters").run().exit(0);
        drop(closed);
    }
}

#[test]
fn a_lock_closed_to_us_by_its_digest() {
    let world = World::new(Store::Sqlite, BY_HOST, 1);
    let right = format!("dsctl:{MARKER}-right");
    let lock = world.lock();
    let parent = lock.rsplit_once('/').unwrap().0;
    let closed =
        crate::harness::FakeRegistration::closed_parent(&world.env.connect, parent, &right);
    let output = world.failover(TIMEOUTS).run();
    assert_failed(output, 6, "lock/master-failover");
    world.check_untouched();
    drop(closed);
}

/// Between connecting and the end the database may fall silent at any time.
#[test]
fn a_database_that_falls_silent_while_it_is_read() {
    for store in super::moments::SERVERS {
        let mut world = World::new(store, BY_HOST, 1);
        let proxy = world.env.through_proxy();
        proxy.trap(b"t_ds_version", At::Hold);
        let dsctl: Dsctl = world.dsctl(&format!(
            "masters -o json --statement-timeout 4s {TIMEOUTS}"
        ));
        assert_failed(
            dsctl.limit(Duration::from_secs(15)).run(),
            6,
            &proxy.address(),
        );
        assert!(proxy.has_sprung());
    }
}

/// Somebody else's transaction has the rows, or the whole file, for longer than we wait.
#[test]
fn rows_that_somebody_else_keeps_locked() {
    let worlds = Store::ALL
        .map(|store| World::new(store, BY_HOST, 3))
        .into_iter();
    for world in worlds.chain([World::in_a_file(BY_HOST, 3)]) {
        let mut other = world.env.database();
        let begin = other.begin(
            dsctl::metadata::database::Access::Write,
            Duration::from_secs(30),
        );
        crate::harness::wait(begin).unwrap();
        let touch = "UPDATE t_ds_process_instance SET name = name WHERE id = 1002";
        crate::harness::wait(other.execute(&touch.into())).unwrap();
        let patient = "--timeout 4s --session-timeout 20s";
        let timeouts = if world.env.store == Store::Sqlite {
            TIMEOUTS
        } else {
            patient
        };
        let output = world.run(world.failover(timeouts).limit(Duration::from_secs(50)));
        if world.env.store == Store::Sqlite {
            assert_failed(output, 6, &endpoint(&world));
            crate::harness::wait(other.rollback());
            world.check_untouched();
        } else {
            // One row is no reason to leave the others.
            let skipped = output.exit(7).json()["masters"][0]["skipped"].clone();
            assert_eq!(
                (&skipped[0]["instance_id"], &skipped[0]["reason"]),
                (&1002.into(), &"locked".into())
            );
            assert_eq!(
                (skipped.as_array().map(Vec::len), world.command_count()),
                (Some(1), 2)
            );
            crate::harness::wait(other.rollback());
        }
        world.complete();
    }
}

fn endpoint(world: &World) -> String {
    match world.env.store {
        Store::Sqlite => world.env.database.clone(),
        _ => format!("127.0.0.1:{}", world.env.server_port()),
    }
}
