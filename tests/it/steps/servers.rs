//! Every message to and from the servers.

use std::sync::Arc;
use std::time::Duration;

use dsctl::model::Version;

use super::scene::{all, at_points, ended, rest};
use super::tap::{Points, Strike, Tap};
use super::wire::Protocol;
use crate::harness::world::{BY_HOST, BY_STATE, Cluster, World, reported};
use crate::harness::{Dsctl, Running, Store, ZooKeeper, wait, wait_at_most};

/// Instances, and in how many transactions they are handed over.
const INSTANCES: i64 = 2;
const BATCHES: &str = "--batch 1";

const SOON: Duration = Duration::from_secs(20);

/// Longer than any run takes, on a machine however busy: no session ends before its run comes to
/// its point.
const LONG_SESSION: &str = "--session-timeout 1m";

/// The faults, and at one of how many points each strikes in a usual run.
const FAULTS: [(Fault, usize); 3] = [(Fault::Kill, 1), (Fault::Error, 7), (Fault::Sleep, 11)];

/// Words that must be found at the points: a tap that is not in between finds none.
const STATEMENTS: [&str; 4] = [
    "FOR UPDATE",
    "UPDATE t_ds_",
    "INSERT INTO t_ds_command",
    "COMMIT",
];
const ZOOKEEPER: [&str; 3] = ["ZooKeeper before", "ZooKeeper after", "-lock"];
const TABLES: [&str; 2] = [
    "INSERT INTO t_ds_jdbc_registry_lock",
    "DELETE FROM t_ds_jdbc_registry_lock",
];

/// What strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `kill -9` of the program.
    Kill,
    /// The connection ends; what was on its way is lost.
    Error,
    /// The program stands still until its session has ended and somebody else has come by, and then
    /// goes on.
    Sleep,
}

/// Where the rows are, and where the registry is.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub store: Store,
    pub version: Version,
    pub registry_inside: bool,
}

/// A world behind taps.
struct Scene {
    world: World,
    points: Arc<Points>,
    database: Tap,
    zookeeper: Option<Tap>,
}

impl Scene {
    fn new(place: Place) -> Self {
        let Place {
            store,
            version,
            registry_inside,
        } = place;
        let cluster = Cluster::of(version).hanging(INSTANCES);
        let cluster = if registry_inside {
            cluster.registry_inside()
        } else {
            cluster
        };
        let mut world = cluster.on(store);
        world.stretch();
        let points = Points::new();
        let protocol = if store == Store::MariaDb {
            Protocol::MySql
        } else {
            Protocol::Postgres
        };
        let database = Tap::new(protocol, world.env.server_port(), &points);
        let port = ZooKeeper::shared().port();
        let zookeeper = (!registry_inside).then(|| Tap::new(Protocol::ZooKeeper, port, &points));
        Self {
            world,
            points,
            database,
            zookeeper,
        }
    }

    /// A failover whose every message passes the taps.
    fn tapped(&self, more: &str) -> Dsctl {
        let url = self.world.env.url_at(&self.database.address());
        let dsctl = self
            .world
            .failover(&format!("{BATCHES} {more}"))
            .env("DSCTL_DB", &url);
        match &self.zookeeper {
            Some(zookeeper) => dsctl.env("DSCTL_ZK", &zookeeper.address()),
            None => dsctl,
        }
    }

    /// The points of an undisturbed run, in words.
    fn points(&self) -> Vec<String> {
        self.points.arm(None);
        self.world.run(self.tapped("")).exit(0);
        self.world.check_complete();
        self.points.passed()
    }

    /// The server takes them away too, but some time later: every run is to make them anew.
    fn remove_lock_parents(&self) {
        if self.zookeeper.is_some() {
            let lock = self.world.lock();
            let parents = lock.rmatch_indices('/').map(|(end, _)| &lock[..end]);
            for path in std::iter::once(lock.as_str()).chain(parents.take(2)) {
                // It may be gone by now.
                _ = wait(self.world.zk().client().delete(path, None));
            }
        }
    }

    /// Strikes one run; whether it came to this point at all.
    fn strike(&self, fault: Fault, at: usize) -> bool {
        self.points.arm(Some((
            at,
            if fault == Fault::Error {
                Strike::Cut
            } else {
                Strike::Hold
            },
        )));
        match fault {
            Fault::Kill => self.kill(),
            Fault::Error => self.error(),
            Fault::Sleep => self.sleep(),
        }
        let reached = self.points.is_reached();
        self.world.reset();
        self.remove_lock_parents();
        reached
    }

    /// The run until it comes to the point; `None` if it has ended without.
    fn held(&self, more: &str) -> Option<Running> {
        let mut running = self.tapped(more).spawn();
        if running.until(self.points.reached()).is_some() {
            return Some(running);
        }
        let output = running.finish();
        self.hear_it_out();
        ended(&self.world, &output);
        None
    }

    /// Ends what is left of a run's sessions, for which others would have to wait otherwise.
    fn end_sessions(&self) {
        if self.zookeeper.is_some() {
            self.points.end_sessions(ZooKeeper::shared().port());
            return;
        }
        // In the tables a session ends with the time since its last heartbeat; the living master is
        // client 7.
        self.world.env.sql(
            "UPDATE t_ds_jdbc_registry_client_heartbeat SET last_heartbeat_time = 1 WHERE id <> 7",
        );
    }

    /// The run has ended; its last words may still be on their way.
    fn hear_it_out(&self) {
        wait_at_most(SOON, "the run's last words", self.points.heard());
        self.points.cut();
        self.end_sessions();
    }

    fn kill(&self) {
        let Some(running) = self.held(LONG_SESSION) else {
            return;
        };
        running.signal("KILL");
        let output = running.finish();
        self.points.cut();
        self.end_sessions();
        if output.code == Some(137) {
            rest(&self.world, &self.world.check());
        } else {
            // It does not wait until its very last words are answered.
            ended(&self.world, &output);
        }
    }

    fn error(&self) {
        let output = self.world.run(self.tapped(LONG_SESSION));
        self.hear_it_out();
        ended(&self.world, &output);
    }

    fn sleep(&self) {
        let Some(sleeper) = self.held("--session-timeout 6s") else {
            return;
        };
        sleeper.signal("STOP");
        self.points.let_answers_go();
        wait_at_most(SOON, "the end of the session", self.points.sessions_ended());
        let second = self.world.failover("--lock-timeout 30s").run().exit(0);
        self.world.check_complete();
        sleeper.signal("CONT");
        self.points.go_on();
        let output = self.world.end(sleeper);
        self.world.check_complete();
        assert!(matches!(output.code, Some(0 | 6..=8)), "{output:?}");
        let (first, second) = (reported(&output), reported(&second));
        assert!(
            first.is_disjoint(&second),
            "both say that they did it: {output:?}"
        );
        assert_eq!(
            &first | &second,
            self.world.ids,
            "nobody says that he did it: {output:?}"
        );
    }
}

fn at_every_message(store: Store, version: Version, registry_inside: bool) {
    let registry: &[&str] = if registry_inside { &TABLES } else { &ZOOKEEPER };
    let place = Place {
        store,
        version,
        registry_inside,
    };
    let points = Scene::new(place).points();
    let moments = [&STATEMENTS, registry].concat();
    at_points(
        &format!("{place:?}"),
        &points,
        &moments,
        &FAULTS,
        || Scene::new(place),
        Scene::strike,
    );
}

#[test]
fn a_fault_at_every_message_with_mariadb() {
    at_every_message(Store::MariaDb, BY_HOST, false);
    if all() {
        at_every_message(Store::MariaDb, BY_STATE, false);
        at_every_message(Store::MariaDb, BY_STATE, true);
    }
}

#[test]
fn a_fault_at_every_message_with_postgres() {
    at_every_message(Store::Postgres, BY_STATE, false);
    if all() {
        at_every_message(Store::Postgres, BY_HOST, false);
        at_every_message(Store::Postgres, BY_STATE, true);
    }
}
