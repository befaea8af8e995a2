//! The database goes away and comes back, is another one for a while, or takes no writes: said,
//! waited for, and exactly once all the same.

use super::{Rounds, await_commands, end, event, of, program, told, watch};
use crate::faults::moments::{Moment, SERVERS};
use crate::harness::world::{BY_HOST, BY_STATE, DEAD, World, registered};
use crate::harness::{At, Env, MARKER, MariaDb, Postgres, Proxy, Store};

#[test]
fn a_database_that_stops_and_starts_is_waited_for() {
    let mut server = MariaDb::private();
    let name = server.create_database();
    let mut world = World::new(Store::MariaDb, BY_HOST, 1);
    let url = server.url(&name);
    // The watcher's own database is the private one: empty of work, and of a release that is known.
    world.env.set("DSCTL_DB", &url);
    schema(&server, &name);
    let mut watcher = watch(&world, "").spawn();
    watcher.await_stdout(&event("started"));
    server.stop();
    watcher.await_stdout(&event("error"));
    server.start();
    let late = world.env.register(BY_HOST, &registered("10.0.0.9:5678"));
    // An event of the registry is only told by a round that succeeded, the database's part
    // included.
    watcher.await_stdout("10.0.0.9:5678");
    late.close();
    end(&world, watcher);
}

fn schema(server: &MariaDb, name: &str) {
    use dsctl::metadata::database::Dialect;
    for statement in crate::harness::ddl::create_statements(BY_HOST, Dialect::MySql) {
        server.sql(name, &statement);
    }
}

fn version(store: Store) -> dsctl::model::Version {
    if store == Store::MariaDb {
        BY_HOST
    } else {
        BY_STATE
    }
}

/// Fails the master over in batches of five, and has the second COMMIT go wrong.
fn second_commit(world: &World, proxy: &Proxy, at: At) -> crate::harness::Running {
    let commit = Moment::Commit.bytes(world.env.store);
    proxy.trap(commit, At::Hold);
    let watcher = watch(world, "--grace 0s --batch 5 --session-timeout 30s").spawn();
    proxy.await_sprung();
    proxy.trap(commit, at);
    proxy.go_on();
    proxy.await_sprung_times(2);
    watcher
}

#[test]
fn a_connection_that_breaks_at_commit() {
    for store in SERVERS {
        for at in [At::Cut, At::SwallowAnswer] {
            let mut world = World::new(store, version(store), 15);
            let proxy = world.env.through_proxy();
            let watcher = second_commit(&world, &proxy, at);
            // Nobody has to do anything, and nothing has to be waited for but the pause after a
            // failure.
            await_commands(&world, 15);
            let output = end(&world, watcher);
            world.check_complete();
            let errors = told(&output, "error").len();
            assert_eq!(errors > 0, at == At::Cut, "{output:?}");
        }
    }
}

/// `kill -9` of the server while COMMIT is on its way, and the start of it some time later.
fn killed_in_a_batch(mut world: World, kill: impl FnOnce(), start: impl FnOnce()) {
    let proxy = world.env.through_proxy();
    let mut watcher = second_commit(&world, &proxy, At::Hold);
    kill();
    proxy.go_on();
    watcher.await_stdout(&event("error"));
    start();
    await_commands(&world, 15);
    let output = end(&world, watcher);
    world.check_complete();
    let handed_over = |word| -> i64 {
        told(&output, word)
            .iter()
            .filter_map(|line| line["recovered"].as_i64())
            .sum()
    };
    let (before, after) = (handed_over("error"), handed_over("failover_finished"));
    // A process of PostgreSQL's may end its transaction before it notices that its server is gone.
    assert!(
        [5, 10].contains(&before) && before + after == 15,
        "what was handed over was told with the error: {output:?}"
    );
}

#[test]
fn mariadb_is_killed_in_a_batch() {
    let server = std::cell::RefCell::new(MariaDb::private());
    let world = World::in_env(Env::on_mariadb(&server.borrow()), BY_HOST, 15);
    killed_in_a_batch(
        world,
        || server.borrow_mut().kill(),
        || server.borrow_mut().start(),
    );
}

#[test]
fn postgresql_is_killed_in_a_batch() {
    let server = std::cell::RefCell::new(Postgres::private());
    let world = World::in_env(Env::on_postgres(&server.borrow()), BY_STATE, 15);
    killed_in_a_batch(
        world,
        || server.borrow_mut().kill(),
        || server.borrow_mut().start(),
    );
}

#[test]
fn another_server_answers_for_a_while() {
    for other_has_a_schema in [false, true] {
        let (own, other) = (MariaDb::private(), MariaDb::private());
        let mut world = World::in_env(Env::on_mariadb(&own), BY_HOST, 5);
        if other_has_a_schema {
            // As on a server that is made ready for a restore: the database is there, its tables
            // are not.
            other.sql("", &format!("CREATE DATABASE {}", world.env.database));
        }
        let proxy = world.env.through_proxy();
        let rounds = Rounds::of(&world);
        let dying = world.env.register(BY_HOST, &registered(DEAD));
        let mut watcher = watch(&world, &format!("--grace 2s {}", rounds.arguments())).spawn();
        watcher.await_stdout(&event("started"));
        proxy.lead_to(other.port());
        watcher.await_stdout(&event("error"));
        dying.close();
        watcher.await_stdout_times("retry_after_seconds", 3);
        proxy.lead_to(own.port());
        watcher.await_stdout(&of("failover_finished", DEAD));
        end(&world, watcher);
        world.check_complete();
    }
}

/// No write would go through: said before anything is begun, tried again, and done as soon as it
/// can be.
fn read_only(world: &World, allow: impl FnOnce()) {
    let mut watcher = watch(world, "--grace 0s").spawn();
    watcher.await_stdout("accepts no writes");
    watcher.await_stdout("read_only is on");
    watcher.await_stdout("trying again");
    world.check_untouched();
    allow();
    watcher.await_stdout(&of("failover_finished", DEAD));
    let output = end(world, watcher);
    assert_eq!(told(&output, "failover_started").len(), 1, "{output:?}");
    world.check_complete();
}

#[test]
fn mariadb_is_read_only_for_a_while() {
    let server = MariaDb::private();
    let mut world = World::in_env(Env::on_mariadb(&server), BY_HOST, 5);
    // The user of all tests may write even then.
    let database = world.env.database.clone();
    server.sql(
        "",
        &format!(
            "CREATE USER 'plain'@'127.0.0.1' IDENTIFIED BY '{MARKER}'; GRANT ALL ON {database}.* TO 'plain'@'127.0.0.1'; \
             SET GLOBAL read_only = 1"
        ),
    );
    let url = format!(
        "mysql://plain:{MARKER}@127.0.0.1:{}/{database}",
        server.port()
    );
    world.env.set("DSCTL_DB", &url);
    read_only(&world, || server.sql("", "SET GLOBAL read_only = 0"));
}

#[test]
fn postgresql_is_read_only_for_a_while() {
    let server = Postgres::private();
    let world = World::in_env(Env::on_postgres(&server), BY_STATE, 5);
    // One statement a text: several would be one transaction, in which ALTER SYSTEM cannot be.
    server.sql(
        "postgres",
        "ALTER SYSTEM SET default_transaction_read_only = on",
    );
    server.sql("postgres", "SELECT pg_reload_conf()");
    read_only(&world, || {
        // This very statement is no write.
        server.sql(
            "postgres",
            "ALTER SYSTEM RESET default_transaction_read_only",
        );
        server.sql("postgres", "SELECT pg_reload_conf()");
    });
}

/// A server, or what stands before it, ends connections that say nothing for as long as between two
/// rounds: that is no reason to begin every grace time anew, for ever.
#[test]
fn a_connection_that_is_ended_between_two_rounds_is_made_anew() {
    let server = MariaDb::private();
    server.sql("", "SET GLOBAL wait_timeout = 6");
    let world = World::in_env(Env::on_mariadb(&server), BY_HOST, 5);
    let state = world.env.home().join("watch.json");
    let asked = world.env.home().join("asked");
    program(&asked, "sleep 7.5");
    let words = format!(
        "watch -o ndjson --yes --interval 8s --grace 10s --on pre={} --state-file {}",
        asked.display(),
        state.display()
    );
    let mut watcher = world.dsctl(&words).spawn();
    watcher.await_stdout(&of("failover_finished", DEAD));
    let output = end(&world, watcher);
    assert!(told(&output, "error").is_empty(), "{output:?}");
    world.check_complete();
}
