//! The registry inside the database: the same tables in all three, and connections that break.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dsctl::demo::{Registered, Server};
use dsctl::family::RegistryLayout;
use dsctl::metadata::database::Access;
use dsctl::model::{AddressForm, Version};
use dsctl::registry::jdbc::{JdbcRegistry, JdbcSettings};
use dsctl::registry::{Lease, Registry, RegistryError};
use jiff::Timestamp;

use crate::harness::{At, Env, Limits, PASSWORD, Postgres, Proxy, Store, wait, wait_at_most};

const LAYOUT: RegistryLayout = RegistryLayout {
    masters: "nodes/master",
    workers: "nodes/worker",
    address_form: AddressForm::HostPort,
    container_parents: true,
};
const PATH: &str = "lock/master-failover/10.0.0.1:5678";
const RELEASE: Version = Version::new(3, 3, 1);
const SESSION: Duration = Duration::from_secs(30);
const LIMITS: JdbcSettings = JdbcSettings {
    timeout: Duration::from_secs(10),
    session_timeout: SESSION,
};
const MOMENT: Duration = Duration::from_millis(300);
const SOON: Duration = Duration::from_secs(20);

fn with_tables(store: Store) -> Env {
    let env = Env::new(store);
    env.create_schema(RELEASE);
    env
}

fn open(env: &Env) -> Box<dyn Registry> {
    open_at(env, env.server_port())
}

fn open_at(env: &Env, port: u16) -> Box<dyn Registry> {
    let database = wait(env.connect_to(port, PASSWORD, Limits::default())).unwrap();
    Box::new(wait(JdbcRegistry::connect(database, LIMITS, LAYOUT)).unwrap())
}

fn acquire(registry: &mut dyn Registry, limit: Duration) -> Result<Lease, RegistryError> {
    wait(registry.acquire(PATH, limit, &mut |_| {}))
}

fn master(address: &str, client: i64, reported: Timestamp) -> Registered<'_> {
    let server = Server::Master;
    Registered {
        server,
        address,
        client,
        process: 4711,
        started: reported,
        reported,
        session_millis: 60_000,
    }
}

#[test]
fn living_masters_are_found_and_nothing_is_written() {
    for store in Store::ALL {
        let env = with_tables(store);
        let now = Timestamp::now();
        env.register_in_database(RELEASE, &master("10.0.0.2:5678", 2, now));
        env.register_in_database(RELEASE, &master("10.0.0.1:5678", 1, now));
        env.register_in_database(
            RELEASE,
            &master("10.0.0.3:5678", 3, now - Duration::from_mins(5)),
        );
        let before = env.dump();
        let mut registry = open(&env);
        let found = wait(registry.masters()).unwrap().servers;
        let addresses: Vec<&str> = found.iter().map(|master| master.address.as_str()).collect();
        // Only where nobody has another clock is an old heartbeat a dead master's at first sight.
        let in_doubt: Vec<&str> = found
            .iter()
            .filter(|master| master.heartbeat.in_doubt)
            .map(|master| master.address.as_str())
            .collect();
        let doubtful = if store == Store::Sqlite {
            &[][..]
        } else {
            &["10.0.0.3:5678"]
        };
        assert_eq!(in_doubt, doubtful, "{store:?}");
        assert_eq!(
            addresses[..2],
            ["10.0.0.1:5678", "10.0.0.2:5678"],
            "{store:?}"
        );
        assert_eq!(addresses.len(), 2 + doubtful.len(), "{store:?}");
        assert_eq!(
            (
                found[0].session_id.as_deref(),
                found[0].heartbeat.process_id
            ),
            (Some("1"), Some(4711)),
            "{store:?}"
        );
        assert!(
            wait(registry.lock_queue(PATH)).unwrap().is_empty(),
            "{store:?}"
        );
        wait(registry.close());
        before.assert_same(&env.dump());
    }
}

#[test]
fn one_holds_the_lock_and_leaves_no_row_behind() {
    for store in Store::ALL {
        let env = with_tables(store);
        let before = env.dump();
        let (mut one, mut other) = (open(&env), open(&env));
        let lease = acquire(&mut *one, SOON).unwrap();
        let held = acquire(&mut *other, MOMENT).unwrap_err();
        let RegistryError::Held {
            holder: Some(holder),
            ..
        } = &held
        else {
            panic!("{store:?} {held:?}")
        };
        assert_eq!(holder.node, lease.node, "{store:?}");
        wait(one.confirm(&lease)).unwrap();
        wait(one.release(lease)).unwrap();
        let lease = acquire(&mut *other, Duration::ZERO).unwrap();
        env.sql("DELETE FROM t_ds_jdbc_registry_lock");
        let error = wait(other.confirm(&lease)).unwrap_err();
        assert!(
            matches!(error, RegistryError::LockLost { .. }),
            "{store:?} {error:?}"
        );
        wait(one.close());
        wait(other.close());
        before.assert_same(&env.dump());
    }
}

#[test]
fn only_one_of_many_gets_the_lock() {
    for store in Store::ALL {
        let env = with_tables(store);
        let rivals: Vec<Box<dyn Registry>> = (0..6).map(|_| open(&env)).collect();
        let threads: Vec<_> = rivals
            .into_iter()
            .map(|mut rival| {
                std::thread::spawn(move || (acquire(&mut *rival, Duration::ZERO), rival))
            })
            .collect();
        let ends: Vec<_> = threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect();
        let taken = ends.iter().filter(|(end, _)| end.is_ok()).count();
        let held = ends
            .iter()
            .filter(|(end, _)| matches!(end, Err(RegistryError::Held { .. })))
            .count();
        assert_eq!(
            (taken, held),
            (1, 5),
            "{store:?} {:?}",
            ends.iter().map(|(end, _)| end).collect::<Vec<_>>()
        );
        for (_, rival) in ends {
            wait(rival.close());
        }
    }
}

#[test]
fn the_lock_of_a_dead_client_is_taken_over() {
    for store in Store::ALL {
        let env = with_tables(store);
        env.register_in_database(
            RELEASE,
            &master(
                "10.0.0.9:5678",
                9,
                Timestamp::now() - Duration::from_mins(5),
            ),
        );
        env.sql(
            "INSERT INTO t_ds_jdbc_registry_lock (lock_key, lock_owner, client_id, create_time) \
             VALUES ('/lock/master-failover/10.0.0.1:5678', 'dead_1_main', 9, CURRENT_TIMESTAMP)",
        );
        let mut registry = open(&env);
        // Longer than the holder must be seen to stand still.
        let lease = acquire(&mut *registry, Duration::from_mins(1)).unwrap();
        wait(registry.release(lease)).unwrap();
        wait(registry.close());
    }
}

#[test]
fn a_holder_whose_clock_is_behind_ours_keeps_its_lock() {
    let env = with_tables(Store::MariaDb);
    let now = Timestamp::now();
    env.register_in_database(
        RELEASE,
        &master("10.0.0.9:5678", 9, now - Duration::from_mins(5)),
    );
    env.sql(
        "INSERT INTO t_ds_jdbc_registry_lock (lock_key, lock_owner, client_id, create_time) \
         VALUES ('/lock/master-failover/10.0.0.1:5678', 'behind_1_main', 9, CURRENT_TIMESTAMP)",
    );
    let mut registry = open(&env);
    // It writes its heartbeats as a living server does, each five minutes old by our clock.
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                let beat = (Timestamp::now() - Duration::from_mins(5)).as_millisecond();
                env.sql(&format!(
                    "UPDATE t_ds_jdbc_registry_client_heartbeat SET last_heartbeat_time = {beat}"
                ));
                std::thread::sleep(Duration::from_secs(1));
            }
        });
        let error = acquire(&mut *registry, Duration::from_secs(9)).unwrap_err();
        ended.store(true, Ordering::Relaxed);
        assert!(matches!(error, RegistryError::Held { .. }), "{error:?}");
    });
    wait(registry.close());
}

const INSERT_CLIENT: &str = "INSERT INTO t_ds_jdbc_registry_client_heartbeat";
const INSERT_LOCK: &str = "INSERT INTO t_ds_jdbc_registry_lock";

#[test]
fn a_connection_lost_while_locking_leaves_exactly_one_lock() {
    for store in [Store::MariaDb, Store::Postgres] {
        for at in [At::Cut, At::SwallowAnswer] {
            survives(store, INSERT_CLIENT, at);
            survives(store, INSERT_LOCK, at);
        }
        survives(store, INSERT_LOCK, At::SwallowNextAnswer);
    }
}

/// Nothing is answered, and nothing refused: a firewall, or a cable that was cut.
#[test]
fn a_silent_network_loses_the_lock_before_another_can_have_it() {
    let limits = JdbcSettings {
        session_timeout: Duration::from_secs(12),
        ..LIMITS
    };
    let loses = |store: Store| {
        let env = with_tables(store);
        let proxy = Proxy::to(env.server_port());
        let open = |port: u16| {
            let database = wait(env.connect_to(port, PASSWORD, Limits::default())).unwrap();
            wait(JdbcRegistry::connect(database, limits, LAYOUT)).unwrap()
        };
        let mut holder = open(proxy.port());
        let mut other = open(env.server_port());
        let lease = acquire(&mut holder, SOON).unwrap();
        proxy.black_hole();
        let error = wait(holder.lost(std::slice::from_ref(&lease)));
        assert!(matches!(error, RegistryError::LockLost { .. }), "{error:?}");
        let early = acquire(&mut other, Duration::ZERO);
        assert!(early.is_err(), "{store:?}: another one has it already");
        let taken = acquire(&mut other, Duration::from_mins(1)).unwrap();
        assert!(wait(holder.confirm(&lease)).is_err());
        wait(other.release(taken)).unwrap();
    };
    std::thread::scope(|scope| {
        for store in [Store::MariaDb, Store::Postgres] {
            scope.spawn(move || loses(store));
        }
    });
}

/// A statement may run for an hour, where tables are large. The registry's are small.
#[test]
fn a_silent_network_is_not_waited_for_as_long_as_a_statement_may_run() {
    let limits = JdbcSettings {
        timeout: Duration::from_secs(1),
        ..LIMITS
    };
    let is_given_up = |store: Store| {
        let env = with_tables(store);
        let proxy = Proxy::to(env.server_port());
        let statements = Limits {
            statement: Duration::from_hours(1),
            ..Limits::default()
        };
        let database = wait(env.connect_to(proxy.port(), PASSWORD, statements)).unwrap();
        let mut registry = wait(JdbcRegistry::connect(database, limits, LAYOUT)).unwrap();
        proxy.black_hole();
        let (long, what) = (Duration::from_mins(2), "an end of the wait");
        for error in [
            wait_at_most(long, what, registry.masters()).map(drop),
            wait_at_most(long, what, registry.acquire(PATH, MOMENT, &mut |_| {})).map(drop),
            wait_at_most(long, what, registry.identify_server(true)),
        ] {
            assert!(
                matches!(error, Err(RegistryError::Interrupted { .. })),
                "{store:?} {error:?}"
            );
        }
        proxy.pass();
        let lease = acquire(&mut registry, SOON).unwrap();
        wait(registry.release(lease)).unwrap();
        wait(Box::new(registry).close());
    };
    std::thread::scope(|scope| {
        for store in [Store::MariaDb, Store::Postgres] {
            scope.spawn(move || is_given_up(store));
        }
    });
}

/// Its address leads nowhere else, and it accepts writes as before.
#[test]
fn a_server_that_was_started_again_is_silent_and_no_other_one() {
    let mut server = Postgres::private();
    let env = Env::on_postgres(&server);
    env.create_schema(RELEASE);
    let database = wait(env.connect_to(server.port(), PASSWORD, Limits::default())).unwrap();
    let mut registry = wait(JdbcRegistry::connect(database, LIMITS, LAYOUT)).unwrap();
    wait(registry.identify_server(true)).unwrap();
    server.stop();
    server.start();
    let error = wait(registry.masters()).unwrap_err();
    assert!(
        matches!(&error, RegistryError::Interrupted { cause, .. } if cause.contains("started again")),
        "{error:?}"
    );
}

#[test]
fn an_answer_lost_while_a_client_is_made_leaves_exactly_one_lock() {
    survives(Store::MariaDb, INSERT_CLIENT, At::SwallowNextAnswer);
    survives(Store::Postgres, INSERT_CLIENT, At::SwallowNextAnswer);
}

fn survives(store: Store, statement: &str, at: At) {
    let env = with_tables(store);
    let proxy = Proxy::to(env.server_port());
    let mut registry = open_at(&env, proxy.port());
    proxy.trap(statement.as_bytes(), at);
    let lease = acquire(&mut *registry, SOON)
        .unwrap_or_else(|error| panic!("{store:?} {statement} {at:?} {error:?}"));
    assert!(proxy.has_sprung(), "{store:?} {statement} {at:?}");
    assert_eq!(
        env.number("SELECT COUNT(*) FROM t_ds_jdbc_registry_lock"),
        1,
        "{store:?} {statement} {at:?}"
    );
    wait(registry.confirm(&lease)).unwrap();
    wait(registry.release(lease)).unwrap();
    wait(registry.close());
}

#[test]
fn a_transaction_of_our_own_on_the_same_file_does_not_lose_the_lock() {
    let env = with_tables(Store::Sqlite);
    let mut registry = open(&env);
    let lease = acquire(&mut *registry, SOON).unwrap();
    let mut database = env.database();
    wait(database.begin(Access::Write, SESSION)).unwrap();
    wait(database.execute(&"UPDATE t_ds_version SET version = '0'".into())).unwrap();
    wait(registry.confirm(&lease)).unwrap();
    wait(database.commit()).unwrap();
    wait(registry.release(lease)).unwrap();
    wait(registry.close());
    wait(database.close());
}

#[test]
fn registries_of_other_shapes_are_refused() {
    for store in Store::ALL {
        let env = Env::new(store);
        let database = env.database();
        let error = wait(JdbcRegistry::connect(database, LIMITS, LAYOUT)).unwrap_err();
        assert!(
            matches!(error, RegistryError::Unsupported(_)),
            "{store:?} {error:?}"
        );
    }
}
