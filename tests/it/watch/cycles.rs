//! A master that is lost and found again and again: nothing grows.

use std::time::{Duration, Instant};

use zookeeper_client::{Acls, CreateMode};

use super::{end, event, long_ago, of, watch};
use crate::harness::world::{BY_HOST, DEAD, World, registered};
use crate::harness::{Env, MariaDb, Running, Store, ZooKeeper, eventually, wait};

/// Every so-manieth time an instance is left behind, and failed over.
const WITH_WORK: usize = 10;

/// So many looks take longer than a round's writing.
const LOOKS: usize = 20;

/// Cycles after which nothing may grow any more.
const WARM: usize = 100;

/// `DSCTL_TEST_CYCLES=1000` makes it a long test.
fn cycles() -> usize {
    std::env::var("DSCTL_TEST_CYCLES")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(200)
        .max(2 * WARM)
}

/// What a watcher holds, as the system and the servers count it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Held {
    files: usize,
    threads: usize,
    connections: u64,
    watches: u64,
    ephemerals: u64,
    database: i64,
}

/// A watcher, and the servers on which it is counted.
struct Scene {
    world: World,
    zookeeper: ZooKeeper,
    watcher: Running,
}

impl Scene {
    fn held(&self) -> Held {
        let pid = self.watcher.pid();
        let count = |what: &str| {
            std::fs::read_dir(format!("/proc/{pid}/{what}"))
                .unwrap()
                .count()
        };
        let connections =
            "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'dsctl'";
        Held {
            files: count("fd"),
            threads: count("task"),
            connections: self.zookeeper.counter("zk_num_alive_connections"),
            watches: self.zookeeper.counter("zk_watch_count"),
            ephemerals: self.zookeeper.counter("zk_ephemerals_count"),
            database: self.world.env.number(connections),
        }
    }

    /// What it holds between two rounds: a file that is being written is open for a moment.
    fn settled(&self) -> Held {
        let looks = std::iter::repeat_with(|| self.held()).take(LOOKS);
        looks.min_by_key(|held| held.files).unwrap()
    }

    /// Resident memory, in KiB.
    fn memory(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.watcher.pid())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// One more life of the master, which the watcher sees begin and end.
    fn cycle(&mut self, number: usize) {
        let path = self.world.env.path(&format!("nodes/master/{DEAD}"));
        let payload = registered(DEAD).payload(BY_HOST);
        let options = CreateMode::Ephemeral.with_acls(Acls::anyone_all());
        wait(
            self.world
                .zk()
                .client()
                .create(&path, payload.as_bytes(), &options),
        )
        .unwrap();
        self.watcher
            .await_stdout_times(&of("master_registered", DEAD), number);
        if number.is_multiple_of(WITH_WORK) {
            self.world.add_later(DEAD, long_ago(), 1);
        }
        self.world.zk().delete(&path);
        self.watcher
            .await_stdout_times(&of("master_lost", DEAD), number);
        if number.is_multiple_of(WITH_WORK) {
            // One was left behind before the first cycle.
            self.watcher
                .await_stdout_times(&of("failover_finished", DEAD), number / WITH_WORK + 1);
        }
    }
}

#[test]
fn nothing_grows_with_lost_and_found_masters() {
    let (database, zookeeper) = (MariaDb::private(), ZooKeeper::private());
    let env = Env::on(
        Store::MariaDb,
        &zookeeper.connect_string(),
        database.port(),
        database.create_database(),
    );
    let world = World::in_env(env, BY_HOST, 1);
    let metrics = world.env.home().join("cycles.prom");
    let more = format!(
        "--grace 0s --cool-down 0s --metrics-file {}",
        metrics.display()
    );
    let mut watcher = watch(&world, &more).limit(Duration::from_mins(10)).spawn();
    watcher.await_stdout(&event("failover_finished"));
    let mut scene = Scene {
        world,
        zookeeper,
        watcher,
    };
    (1..=WARM).for_each(|number| scene.cycle(number));
    let (warm, memory, start) = (scene.settled(), scene.memory(), Instant::now());
    (WARM + 1..=cycles()).for_each(|number| scene.cycle(number));
    let took = start.elapsed();
    // Connections that have just ended may be counted a moment longer.
    eventually(Duration::from_secs(10), "as much as before", || {
        let now = scene.held();
        if now == warm {
            Ok(())
        } else {
            Err((now, warm.clone()))
        }
    });
    let grown = scene.memory().saturating_sub(memory);
    let measured = format!(
        "after {WARM} cycles {memory} KiB and {warm:?}; after {} cycles {grown} KiB more, {took:?} later",
        cycles()
    );
    eprintln!("{measured}");
    assert!(grown < 2048, "{measured}");
    let handed_over = 1 + i64::try_from(cycles() / WITH_WORK).unwrap();
    assert_eq!(scene.world.command_count(), handed_over);
    assert!(scene.world.commands().values().all(|count| *count == 1));
    end(&scene.world, scene.watcher);
}
