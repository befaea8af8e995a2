//! Registry and database are opened at once, and neither is left open when the other one cannot be
//! had.

use std::time::Duration;

use crate::faults::moments::SERVERS;
use crate::harness::world::{BY_HOST, World};
use crate::harness::{Dsctl, Env, Output, Proxy, Running, Store, ZooKeeper, eventually};
use crate::steps::without_resolver;

const SOON: Duration = Duration::from_secs(20);

/// Commands that need both, by each way of opening them.
const COMMANDS: [&str; 5] = [
    "masters",
    "failover --all-dead --yes --grace 0s",
    "lock status",
    "lock acquire 10.0.0.9:5678 --for 1ms",
    "watch --once --yes",
];

/// A world between two proxies, with a ZooKeeper of its own whose sessions can be counted.
struct Scene {
    world: World,
    server: ZooKeeper,
    database: Proxy,
    zookeeper: Proxy,
    /// Sessions of the test itself.
    own: u64,
}

impl Scene {
    fn new(store: Store) -> Self {
        let server = ZooKeeper::private();
        let mut world = World::in_env(Env::at(store, &server.connect_string()), BY_HOST, 1);
        let (database, zookeeper) = (world.env.through_proxy(), Proxy::to(server.port()));
        world.env.set("DSCTL_ZK", &zookeeper.address());
        let mut scene = Self {
            world,
            server,
            database,
            zookeeper,
            own: 0,
        };
        scene.own = scene.sessions();
        scene
    }

    /// They are counted until they are closed or expire.
    fn sessions(&self) -> u64 {
        self.server.counter("zk_global_sessions")
    }

    fn dsctl(&self, command: &str) -> Dsctl {
        let state = self.world.env.home().join("watch.json");
        self.world
            .dsctl(command)
            .args(if command.starts_with("watch") {
                vec![
                    "--state-file".to_owned(),
                    state.to_str().unwrap().to_owned(),
                    "-o".to_owned(),
                    "ndjson".to_owned(),
                ]
            } else {
                vec!["-o".to_owned(), "json".to_owned()]
            })
    }

    /// Waits until the program has a session, while it has no database yet.
    fn with_session_alone(&self, command: &str) -> Running {
        let taken = self.database.accepted();
        let running = self.dsctl(command).spawn();
        self.database.await_accepted(taken + 1);
        eventually(SOON, "a session", || {
            if self.sessions() > self.own {
                Ok(())
            } else {
                Err(self.sessions())
            }
        });
        running
    }

    /// The server has answered to the end of the session before the program ended.
    #[track_caller]
    fn assert_no_session(&self, output: &Output) {
        assert_eq!(self.sessions(), self.own, "a session outlived\n{output:?}");
    }
}

#[test]
fn both_are_begun_before_either_has_answered() {
    for store in SERVERS {
        let scene = Scene::new(store);
        for command in COMMANDS {
            scene.database.black_hole();
            scene.zookeeper.black_hole();
            let (databases, sessions) = (scene.database.accepted(), scene.zookeeper.accepted());
            let running = scene.dsctl(command).spawn();
            scene.database.await_accepted(databases + 1);
            scene.zookeeper.await_accepted(sessions + 1);
            scene.database.pass();
            scene.zookeeper.pass();
            let output = running.finish().exit(0);
            scene.assert_no_session(&output);
        }
    }
}

#[test]
fn a_session_is_closed_when_the_database_fails_after_it_was_opened() {
    for store in SERVERS {
        let mut scene = Scene::new(store);
        for command in COMMANDS {
            scene.database.black_hole();
            let running = scene.with_session_alone(command);
            scene.database.refuse();
            let output = running.finish().exit(6);
            assert!(
                output.stdout.contains("cannot connect to the database"),
                "{output:?}"
            );
            scene.assert_no_session(&output);
            scene.database.listen();
        }
    }
}

#[test]
fn a_session_is_closed_that_is_given_after_the_database_has_failed() {
    let mut scene = Scene::new(Store::MariaDb);
    scene.database.refuse();
    scene.zookeeper.black_hole();
    let running = scene.dsctl("masters").spawn();
    scene.zookeeper.await_accepted(1);
    scene.zookeeper.pass();
    let output = running.finish().exit(6);
    assert!(
        output.stdout.contains("cannot connect to the database"),
        "{output:?}"
    );
    scene.assert_no_session(&output);
}

#[test]
fn a_session_is_closed_when_a_signal_comes_before_the_database_answers() {
    let scene = Scene::new(Store::MariaDb);
    scene.database.black_hole();
    for command in COMMANDS {
        let running = scene.with_session_alone(command);
        running.signal("INT");
        let output = running.finish();
        assert_eq!(output.signal, Some(2), "{output:?}");
        scene.assert_no_session(&output);
    }
}

#[test]
fn a_session_is_closed_that_is_given_after_a_signal() {
    let scene = Scene::new(Store::MariaDb);
    for with_database in [true, false] {
        for command in COMMANDS {
            if !with_database {
                scene.database.black_hole();
            }
            scene.zookeeper.black_hole();
            let taken = scene.zookeeper.accepted();
            let running = scene.dsctl(command).spawn();
            scene.zookeeper.await_accepted(taken + 1);
            running.signal("INT");
            scene.zookeeper.pass();
            let output = running.finish();
            assert_eq!(output.signal, Some(2), "{output:?}");
            scene.assert_no_session(&output);
            scene.database.pass();
        }
    }
}

/// Nothing is left but the wait for a session that is to be closed.
#[test]
fn a_signal_ends_the_program_where_the_database_has_failed_and_the_registry_is_silent() {
    let mut scene = Scene::new(Store::MariaDb);
    scene.database.refuse();
    scene.zookeeper.black_hole();
    for command in COMMANDS {
        let taken = scene.zookeeper.accepted();
        let running = scene.dsctl(command).spawn();
        scene.zookeeper.await_accepted(taken + 1);
        running.signal("INT");
        let output = running.finish();
        assert_eq!(output.signal, Some(2), "{output:?}");
    }
}

#[test]
fn the_database_is_told_where_both_fail() {
    let mut scene = Scene::new(Store::MariaDb);
    scene.database.refuse();
    scene.zookeeper.refuse();
    for command in COMMANDS {
        let output = scene.dsctl(command).run().exit(6);
        assert!(
            output.stdout.contains("cannot connect to the database"),
            "{output:?}"
        );
    }
}

#[test]
fn a_connection_to_the_database_is_closed_when_the_registry_refuses() {
    let server = crate::harness::MariaDb::private();
    let mut world = World::in_env(Env::on_mariadb(&server), BY_HOST, 1);
    let mut zookeeper = Proxy::to(ZooKeeper::shared().port());
    zookeeper.refuse();
    world.env.set("DSCTL_ZK", &zookeeper.address());
    let counter = |name: &str| {
        let sql =
            "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = ";
        world.env.number(&format!("{sql}'{name}'"))
    };
    // Those that ended without a goodbye.
    let before = counter("ABORTED_CLIENTS");
    for command in [
        "masters",
        "failover --all-dead --yes --grace 0s",
        "lock status",
    ] {
        let made = counter("CONNECTIONS");
        let output = world.dsctl(command).run().exit(6);
        assert!(
            output.stderr.contains("cannot reach the registry"),
            "{output:?}"
        );
        assert!(
            counter("CONNECTIONS") > made + 1,
            "the database was not asked"
        );
        let others = "SELECT COUNT(*) FROM information_schema.processlist \
                      WHERE user = 'dsctl' AND id <> CONNECTION_ID()";
        eventually(SOON, "the end of the connection", || {
            match world.env.number(others) {
                0 => Ok(()),
                count => Err(count),
            }
        });
    }
    assert_eq!(counter("ABORTED_CLIENTS"), before);
}

/// The system's resolver asks for as long as it is configured to, in a thread that cannot be ended.
#[test]
fn a_resolver_that_never_answers_keeps_nobody_longer_than_the_timeout() {
    let env = Env::new(Store::Sqlite);
    env.create_schema(BY_HOST);
    for (places, kind) in [
        ("--registry jdbc --db mysql://ds@db.invalid/ds", "database"),
        ("--zk zk.invalid:2181", "registry"),
    ] {
        let mut words: Vec<&str> = "masters -o json --timeout 1s".split_whitespace().collect();
        words.extend(places.split_whitespace());
        let dsctl = without_resolver(Dsctl::new(&env).args(words)).limit(SOON);
        assert_eq!(dsctl.run().exit(6).json()["error"]["kind"], kind);
    }
}

/// So it may be with a database, too. Who was refused by a server asks no other.
#[test]
fn a_silent_address_of_a_databases_name_does_not_hide_the_others() {
    for store in SERVERS {
        let mut world = World::new(store, BY_HOST, 2);
        let port = world.env.server_port();
        let several = world.env.url_at(&format!("db.several:{port}"));
        world.env.set("DSCTL_DB", &several);
        let run = |words: &str| {
            let dsctl = world.dsctl(&format!("{words} --timeout 8s"));
            without_resolver(dsctl).limit(Duration::from_mins(1)).run()
        };
        // Nobody listens at the first one.
        run("masters").exit(0);
        let silent = std::net::TcpListener::bind(("127.0.0.2", port)).unwrap();
        run("masters").exit(0);
        run("failover 10.0.0.2:5678 --yes").exit(0);
        world.check_complete();
        let wrong = several.replacen("dsctl:", "nobody:", 1);
        drop(silent);
        let dsctl = world.dsctl("masters").env("DSCTL_DB", &wrong);
        let refused = without_resolver(dsctl).run().exit(6);
        assert!(!refused.stderr.contains("127.0.0.2"), "{refused:?}");
    }
}

/// The name of a service of Kubernetes has the addresses of all its servers, the first of which may
/// be on a machine that is gone.
#[test]
fn a_silent_address_of_a_name_does_not_hide_the_others() {
    let world = World::new(Store::MariaDb, BY_HOST, 2);
    let port = ZooKeeper::shared().port();
    // Connections are made to it, and nobody ever answers them.
    let silent = std::net::TcpListener::bind(("127.0.0.2", port)).unwrap();
    let zk = format!("zk.several:{port}");
    for words in [
        format!("masters --zk {zk}"),
        format!("failover 10.0.0.2:5678 --yes --zk {zk} --timeout 8s --session-timeout 1m"),
    ] {
        let dsctl = without_resolver(world.dsctl(&words)).limit(Duration::from_mins(1));
        dsctl.run().exit(0);
    }
    world.check_complete();
    drop(silent);
}
