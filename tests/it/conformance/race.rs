//! A real master and the program go for the same dead master, again and again: each instance is
//! handed over exactly once.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::registers::is_shown_as_registered;
use super::release::{Release, V1_3_6, V2_0_3, V3_1_1};
use super::seed::{self, Task};
use super::server::{Kind, Server};
use super::tables;
use super::world::{LONG, World};
use crate::harness::{Dsctl, FakeRegistration, eventually};
use dsctl::exit_code::ExitCode;

const SOON: Duration = Duration::from_mins(5);
const ROUNDS: i64 = 20;
/// Instances of each dead master.
const INSTANCES: i64 = 3;

/// Who is at the lock first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    Us,
    Master,
    Whoever,
}

#[test]
fn a_master_of_3_1_1_and_we_race() {
    race("a_master_of_3_1_1_and_we_race", &V3_1_1);
}

#[test]
fn a_master_of_2_0_3_and_we_race() {
    race("a_master_of_2_0_3_and_we_race", &V2_0_3);
}

#[test]
fn a_master_of_1_3_6_and_we_race() {
    race("a_master_of_1_3_6_and_we_race", &V1_3_6);
}

/// A master starts and is seen to. Then twenty others die, one after the other.
pub(super) fn race(test: &str, release: &'static Release) {
    let Some(world) = World::new(test, release) else {
        return;
    };
    seed::workflow(
        &world.env,
        100,
        &[Task::shell(101, &world.waiting_script("a"))],
    );
    world.let_go();
    let before = Timestamp::now();
    let (master, worker) = (
        world.start(Kind::Master, LONG),
        world.start(Kind::Worker, LONG),
    );
    let mut master = master.registered(&world.env);
    is_shown_as_registered(&world, &master, before);
    let worker = worker.registered(&world.env);
    // One runs as a model for the rows of the others.
    seed::start(&world.env, 100, "{}");
    let ended = "SELECT count(*) FROM t_ds_process_instance WHERE state IN (6, 7)";
    world.await_number(SOON, ended, 1, &[&master, &worker]);
    tables::audit(&world.env, release);
    let mut ours = 0;
    for round in 0..ROUNDS {
        ours += one_round(&world, &mut master, round);
    }
    world.await_number(SOON, ended, 1 + ROUNDS * INSTANCES, &[&master, &worker]);
    // Each of us was first in a third of the rounds at least.
    assert!(
        (ROUNDS / 3 * INSTANCES..=(ROUNDS - ROUNDS / 3) * INSTANCES).contains(&ours),
        "{ours} of them were ours"
    );
    assert_eq!(
        world.env.number("SELECT count(*) FROM t_ds_error_command"),
        0
    );
    assert_eq!(world.env.number("SELECT count(*) FROM t_ds_command"), 0);
    let once = ROUNDS * INSTANCES;
    let once = usize::try_from(once).unwrap();
    let commands = tables::recoveries(&world.env);
    assert_eq!(commands.len(), once);
    assert_eq!(commands.iter().collect::<BTreeSet<_>>().len(), once);
    // A script that the worker itself still had open did not run, and its task failed.
    let busy = eventually(SOON, "the worker's log", || {
        let failed = "SELECT count(*) FROM t_ds_process_instance WHERE state = 6";
        let failed = usize::try_from(world.env.number(failed)).unwrap();
        let busy = worker.log().matches("Text file busy").count();
        if failed == busy {
            Ok(busy)
        } else {
            Err((failed, busy))
        }
    });
    assert_eq!(world.runs("a"), once + 1 - busy);
}

/// Gives the number of instances that we handed over.
fn one_round(world: &World, master: &mut Server, round: i64) -> i64 {
    let zk = world.env.zk();
    let dead = format!("10.9.9.{round}:5678");
    let parent = world
        .env
        .path(world.release.registrations[Kind::Master as usize]);
    let payload = String::from_utf8(zk.data(&master.node).unwrap()).unwrap();
    let payload = heartbeat_of(&payload, &master.address, &dead);
    let registration = FakeRegistration::new(
        &world.env.connect,
        &format!("{parent}/{dead}"),
        payload.as_bytes(),
        None,
    );
    seed::again(world, 1, &dead, INSTANCES);
    let first = [First::Us, First::Master, First::Whoever][usize::try_from(round % 3).unwrap()];

    let lock = world.env.path(&(world.release.lock)(&dead));
    let mut holder = Dsctl::new(&world.env)
        .args(["lock", "acquire", &dead])
        .limit(SOON)
        .spawn();
    zk.await_queue(&lock, 1);
    assert!(holder.is_running());
    if first == First::Us {
        master.freeze();
    }
    registration.close();
    if first == First::Master {
        zk.await_queue_from(&lock, 2);
    }
    let leaks = world.release.leaks_lock;
    let timeout = if leaks && first != First::Us {
        "40s"
    } else {
        "4m"
    };
    let arguments = [
        "failover",
        &dead,
        "--yes",
        "--lock-timeout",
        timeout,
        "-o",
        "json",
    ];
    let failover = Dsctl::new(&world.env)
        .args(arguments)
        .args(world.release.consent)
        .limit(SOON)
        .spawn();
    if first == First::Us {
        zk.await_queue(&lock, 2);
        master.thaw();
    }
    if first != First::Whoever {
        zk.await_queue_from(&lock, 3);
    }
    holder.signal("TERM");
    let output = failover.finish();
    holder.finish();
    if leaks && output.code == Some(i32::from(ExitCode::LockHeld.number())) {
        assert_ne!(first, First::Us, "{output:?}");
        return 0;
    }
    let report = output.exit(0).json();
    let ours = report["recovered"].as_i64().unwrap();
    let expected = match first {
        First::Us => ours == INSTANCES,
        First::Master => ours == 0,
        First::Whoever => ours == 0 || ours == INSTANCES,
    };
    assert!(expected, "{first:?}: {report}");
    ours
}

/// One master's heartbeat as another one's. From 3.2 on it names its master, and from 3.3 on that
/// is whom a failover is for.
fn heartbeat_of(payload: &str, own: &str, other: &str) -> String {
    let named = |address: &str| {
        let (host, port) = address.rsplit_once(':').unwrap();
        [format!("\"host\":\"{host}\""), format!("\"port\":{port}")]
    };
    let pairs = named(own).into_iter().zip(named(other));
    pairs.fold(payload.to_owned(), |payload, (own, other)| {
        payload.replace(&own, &other)
    })
}
