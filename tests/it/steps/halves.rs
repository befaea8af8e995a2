//! A connection that ends at each message of either half alone: what is told is what was written.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use dsctl::model::Version;

use super::scene::{all, struck_near};
use super::tap::{Points, Strike, Tap};
use super::wire::Protocol;
use crate::harness::world::{BY_HOST, BY_STATE, DEAD, World, reported};
use crate::harness::{Chance, Output, Store, ZooKeeper, wait_at_most};

const SOON: Duration = Duration::from_secs(20);

/// Each instance in a transaction of its own, and no session that ends by itself before its run.
const WORDS: &str = "--yes --batch 1 -o json --session-timeout 1m --lock-timeout 30s";

struct Scene {
    world: World,
    points: Arc<Points>,
    database: Tap,
    zookeeper: Tap,
}

impl Scene {
    fn new(store: Store, version: Version) -> Self {
        let points = Points::new();
        let world = World::new(store, version, 2);
        let protocol = if store == Store::MariaDb {
            Protocol::MySql
        } else {
            Protocol::Postgres
        };
        let database = Tap::new(protocol, world.env.server_port(), &points);
        let zookeeper = Tap::new(Protocol::ZooKeeper, ZooKeeper::shared().port(), &points);
        Self {
            world,
            points,
            database,
            zookeeper,
        }
    }

    /// A run whose every message passes the taps.
    fn tapped(&self, words: &str) -> Output {
        let url = self.world.env.url_at(&self.database.address());
        let run = self
            .world
            .dsctl(&format!("{words} {WORDS}"))
            .env("DSCTL_DB", &url)
            .env("DSCTL_ZK", &self.zookeeper.address());
        let output = self.world.run(run);
        wait_at_most(SOON, "the run's last words", self.points.heard());
        self.points.cut();
        self.points.end_sessions(ZooKeeper::shared().port());
        output
    }

    fn claimed(&self) -> BTreeSet<i64> {
        let claim = if self.world.table().contains("workflow") {
            "state = 18"
        } else {
            "host = 'NULL'"
        };
        let rows = self.world.env.rows(&format!(
            "SELECT id FROM {} WHERE {claim}",
            self.world.table()
        ));
        rows.iter().map(|row| row.int(0).unwrap()).collect()
    }

    /// The instances that have a command, each of them one.
    fn commanded(&self) -> BTreeSet<i64> {
        let commands = self.world.commands();
        assert!(commands.values().all(|count| *count == 1), "{commands:?}");
        commands.into_keys().collect()
    }

    /// Runs a half with the connection that ends at this point; whether it came to it.
    fn strike(&self, half: &Half, at: usize) -> bool {
        (half.before)(self);
        self.points.arm(Some((at, Strike::Cut)));
        let output = self.tapped(half.words);
        let reached = self.points.is_reached();
        let done = (half.done)(self);
        assert_eq!(reported(&output), done, "{output:?}");
        match output.code {
            Some(0) => assert_eq!(done, self.world.ids, "{output:?}"),
            Some(6) => assert!(done.is_empty(), "{output:?}"),
            Some(7) => assert!(!done.is_empty() && done != self.world.ids, "{output:?}"),
            Some(8) => assert!(done != self.world.ids, "{output:?}"),
            _ => panic!("no such exit code was to be expected: {output:?}"),
        }
        // The same command does the rest, and says that alone.
        self.points.arm(None);
        let rest = self.tapped(half.words).exit(0);
        assert_eq!(reported(&rest), &self.world.ids - &done, "{rest:?}");
        assert_eq!((half.done)(self), self.world.ids, "{rest:?}");
        self.world.reset();
        reached
    }

    /// The points of a run that is not the first one: that creates the lock's folders, which stay.
    fn points_of(&self, half: &Half) -> Vec<String> {
        self.whole_run(half);
        self.whole_run(half)
    }

    fn whole_run(&self, half: &Half) -> Vec<String> {
        (half.before)(self);
        self.points.arm(None);
        let output = self.tapped(half.words).exit(0);
        assert_eq!(reported(&output), self.world.ids, "{output:?}");
        let points = self.points.passed();
        self.world.reset();
        points
    }
}

struct Half {
    words: &'static str,
    before: fn(&Scene),
    done: fn(&Scene) -> BTreeSet<i64>,
}

const CLAIM: Half = Half {
    words: "clear-hosts 10.0.0.2:5678",
    before: |_| {},
    done: Scene::claimed,
};

const COMMAND: Half = Half {
    words: "recover --orphans --original-state running",
    before: |scene| {
        scene
            .world
            .run(&format!("clear-hosts {DEAD} --yes"))
            .exit(0);
    },
    done: Scene::commanded,
};

fn at_every_message(store: Store, version: Version) {
    let scene = Scene::new(store, version);
    let mut chance = Chance::new();
    let seed = chance.seed;
    for half in [CLAIM, COMMAND] {
        let points = scene.points_of(&half);
        let one_in = if all() { 1 } else { 15 };
        let first = 1 + usize::try_from(chance.below(one_in as u64)).unwrap();
        for at in (first..=points.len()).step_by(one_in) {
            eprintln!(
                "DSCTL_TEST_SEED={seed}: {}: point {at} ({})",
                half.words,
                points[at - 1]
            );
            let is_struck = struck_near(at, |at| scene.strike(&half, at));
            assert!(is_struck, "point {at} was not reached");
        }
    }
}

#[test]
fn a_cut_at_every_message_of_either_half_with_mariadb() {
    at_every_message(Store::MariaDb, BY_HOST);
    if all() {
        at_every_message(Store::MariaDb, BY_STATE);
    }
}

#[test]
fn a_cut_at_every_message_of_either_half_with_postgres() {
    at_every_message(Store::Postgres, BY_STATE);
    if all() {
        at_every_message(Store::Postgres, BY_HOST);
    }
}
