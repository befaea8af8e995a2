//! What a failover costs the servers, by their own counters: one scan of the great table, and for
//! each batch the same few round trips, however large the batch and the table are.

use std::sync::Arc;

use dsctl::model::Version;

use crate::harness::world::{BY_HOST, BY_STATE, DEAD, World};
use crate::harness::{Env, MariaDb, Store, ZooKeeper};
use crate::steps::{Points, Protocol, Tap};

/// The dead master's instances; the table has twice as many.
const INSTANCES: i64 = 4000;

/// Rows that a scan of the whole table reads, and how much more is none yet: the rest is found by
/// key.
fn is_one_scan(read: i64) {
    let rows = 2 * INSTANCES;
    assert!(
        (rows..rows + rows / 4).contains(&read),
        "{read} rows were read of a table of {rows}"
    );
}

#[test]
fn a_failover_in_mariadb_scans_once() {
    let server = MariaDb::private();
    let world = World::in_env(Env::on_mariadb(&server), BY_HOST, INSTANCES);
    server.sql("", "SET GLOBAL userstat = 1");
    let read = |table: &str| {
        let sql = "SELECT COALESCE(SUM(ROWS_READ), 0) FROM information_schema.TABLE_STATISTICS WHERE TABLE_NAME = ";
        world.env.number(&format!("{sql}'{table}'"))
    };
    let tables = ["t_ds_process_instance", "t_ds_command"];
    let before = tables.map(read);
    world.run(world.failover("--batch 500")).exit(0);
    let [instances, commands] = [0, 1].map(|table| read(tables[table]) - before[table]);
    // Each instance is found by its key four times: behind the scan's condition, when its row is
    // locked, when it is claimed, and when its command is inserted.
    is_one_scan(instances - 4 * INSTANCES);
    // Each insert looks through the commands that are there, in their column and in their
    // parameter; the ids of new ones are read back, since MySQL has no RETURNING.
    let before_each = (0..INSTANCES).step_by(500).sum::<i64>();
    assert!(
        commands <= 2 * before_each + INSTANCES + 100,
        "{commands} commands were read"
    );
    world.check_complete();
}

#[test]
fn a_failover_in_postgresql_scans_once() {
    let world = World::new(Store::Postgres, BY_STATE, INSTANCES);
    world.env.sql("VACUUM ANALYZE t_ds_workflow_instance");
    // In whatever order the planner reads the table.
    let read = || {
        let sql = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = ";
        world.env.number(&format!("{sql}'t_ds_workflow_instance'"))
    };
    let before = read();
    world.run(world.failover("--batch 500")).exit(0);
    // The counters of a connection come some time after its end, and all at once.
    crate::harness::eventually(
        std::time::Duration::from_secs(20),
        "the counters are in",
        || {
            let read = read() - before;
            if read > 2 * INSTANCES {
                Ok(())
            } else {
                Err(read)
            }
        },
    );
    // Each instance is found by its key three times: when its row is locked, when it is claimed, and
    // when its command is inserted, which sees that the claim stands.
    is_one_scan(read() - before - 3 * INSTANCES);
    world.check_complete();
}

/// No statistics say how many rows a transaction has just claimed, nor, before anybody has analysed
/// them, how many commands there are.
#[test]
fn an_insert_in_postgresql_looks_through_the_commands_once() {
    for version in ["3.2.2", "3.4.1"] {
        let world = World::idle(Store::Postgres, version);
        world.instances(1..=2000);
        let counters = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 't_ds_command'";
        let before = world.env.number(counters);
        world.run(world.failover("--batch 500")).exit(0);
        assert_eq!(world.command_count(), 2000);
        let read = crate::harness::eventually(
            std::time::Duration::from_secs(20),
            "the counters are in",
            || match world.env.number(counters) - before {
                read if read >= 1500 => Ok(read),
                read => Err(read),
            },
        );
        // Four inserts, and what looks for waiting commands before the first one and at the end.
        let before_each = (0..2000).step_by(500).sum::<i64>();
        assert!(
            read <= 2 * before_each + 3 * 2000,
            "{version}: {read} commands were read"
        );
    }
}

/// 3.1 marks tasks, and in PostgreSQL no index leads from an instance to its tasks.
#[test]
fn a_failover_in_postgresql_scans_the_tasks_once() {
    let world = World::new(Store::Postgres, Version::new(3, 1, 9), INSTANCES);
    let tasks = |first: i64, each: i64, state: i64| {
        format!(
            "INSERT INTO t_ds_task_instance (id, name, task_type, task_code, process_instance_id, state, host, flag) \
             SELECT {first} + row_number() OVER (), 't', 'SHELL', 1, i.id, {state}, 'gone:1234', 1 \
             FROM t_ds_process_instance i, generate_series(1, {each}) WHERE i.host = '{DEAD}'"
        )
    };
    // Most of a task table is history.
    world.env.sql(&tasks(0, 20, 7));
    world.env.sql(&tasks(21 * INSTANCES, 1, 1));
    world.env.sql("VACUUM ANALYZE t_ds_task_instance");
    let counters = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 't_ds_task_instance'";
    let before = world.env.number(counters);
    let report = world
        .dsctl(&format!("failover {DEAD} --yes -o json --batch 100"))
        .run()
        .exit(0)
        .json();
    assert_eq!(report["recovered"], INSTANCES);
    assert_eq!(
        world
            .env
            .number("SELECT COUNT(*) FROM t_ds_task_instance WHERE state = 8"),
        INSTANCES
    );
    let read = crate::harness::eventually(
        std::time::Duration::from_secs(20),
        "the counters are in",
        || {
            let read = world.env.number(counters) - before;
            // Our own question about the marks was a scan.
            if read > 2 * 21 * INSTANCES {
                Ok(read)
            } else {
                Err(read)
            }
        },
    );
    // Each task is found by its key three times: when it is read in its batch, when it is marked,
    // and when the mark is looked at, which the key leads to behind the row as it was before.
    let (rows, scan) = (21 * INSTANCES, read - 21 * INSTANCES - 4 * INSTANCES);
    assert!(
        (rows..rows + rows / 10).contains(&scan),
        "{scan} rows were read of a table of {rows}"
    );
}

/// Requests to the database and to ZooKeeper in a failover of so many instances, in batches of this
/// size.
fn requests(store: Store, instances: i64, batch: i64) -> [usize; 2] {
    let version = if store == Store::MariaDb {
        BY_HOST
    } else {
        BY_STATE
    };
    let mut world = World::new(store, version, instances);
    let points = Points::new();
    let taps = tapped(&mut world, &points);
    points.arm(None);
    world
        .run(world.failover(&format!("--batch {batch}")))
        .exit(0);
    drop(taps);
    world.check_complete();
    let passed = points.passed();
    let of = |name: &str| {
        passed
            .iter()
            .filter(|point| point.starts_with(&format!("{name} before")))
            .count()
    };
    [
        of(if store == Store::MariaDb {
            "MySql"
        } else {
            "Postgres"
        }),
        of("ZooKeeper"),
    ]
}

fn tapped(world: &mut World, points: &Arc<Points>) -> [Tap; 2] {
    let protocol = match world.env.store {
        Store::MariaDb => Protocol::MySql,
        _ => Protocol::Postgres,
    };
    let database = Tap::new(protocol, world.env.server_port(), points);
    let zookeeper = Tap::new(Protocol::ZooKeeper, ZooKeeper::shared().port(), points);
    let url = world.env.url_at(&database.address());
    world.env.set("DSCTL_DB", &url);
    world.env.set("DSCTL_ZK", &zookeeper.address());
    [database, zookeeper]
}

/// At most so many requests of a batch to ZooKeeper, which is asked to catch up before each of
/// three looks: that is a request, and no round trip.
const ZOOKEEPER: usize = 7;

/// How often it is counted: a server is asked again who it is where a busy machine lets more than a
/// moment pass, so that the fewest requests are those of the work itself.
const COUNTS: usize = 5;

fn constant_round_trips(store: Store, most: [usize; 2]) {
    let mut fewest = [[usize::MAX; 2]; 4];
    let mut found = Ok(());
    for _ in 0..COUNTS {
        for (fewest, (instances, batch)) in
            fewest
                .iter_mut()
                .zip([(8, 8), (40, 8), (72, 8), (800, 800)])
        {
            let counts = requests(store, instances, batch);
            *fewest = [0, 1].map(|server| fewest[server].min(counts[server]));
        }
        found = [0, 1]
            .into_iter()
            .try_for_each(|server| is_constant(fewest.map(|counts| counts[server]), most[server]));
        if found.is_ok() {
            break;
        }
    }
    assert_eq!(found, Ok(()));
}

/// Whether the requests of one, five and nine batches of eight instances, and of one of 800, differ
/// by the number of batches alone, each of which costs this many at most.
fn is_constant([one, five, nine, many]: [usize; 4], most: usize) -> Result<(), String> {
    let of_four = five.abs_diff(one);
    let holds = nine.checked_sub(five) == Some(of_four) && of_four <= 4 * most;
    // In a batch of 800 a table is asked for in as many requests as in one of 8.
    (holds && many.abs_diff(one) <= 1)
        .then_some(())
        .ok_or_else(|| format!("{one}, {five}, {nine} and {many} requests"))
}

#[test]
fn a_batch_costs_mariadb_a_constant_number_of_round_trips() {
    // Each statement is sent by itself, those that begin and end a transaction as well: routers
    // refuse several in one text.
    constant_round_trips(Store::MariaDb, [9, ZOOKEEPER]);
}

#[test]
fn a_batch_costs_postgresql_a_constant_number_of_round_trips() {
    // A statement with parameters has no name, since a pooler may lead each transaction to another
    // connection: it is sent once to be prepared and once to be done, in each batch.
    constant_round_trips(Store::Postgres, [9, ZOOKEEPER]);
}
