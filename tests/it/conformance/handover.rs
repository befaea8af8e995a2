//! A master dies with work in its hands. Either the program hands the work over, while the living
//! master waits for the lock, or the living master does: afterwards everything has run as often,
//! and to the same end.

use std::time::Duration;

use super::release::{Claim, Release, V1_3_6, V2_0_3, V3_1_1};
use super::seed::{self, Task};
use super::server::{Kind, Server};
use super::tables;
use super::world::{LONG, SHORT, World};
use crate::harness::{Dsctl, Store};

/// How long anything may take that a master does.
const SOON: Duration = Duration::from_mins(5);

/// How many instances run. Masters share them out by the command's number.
const INSTANCES: i64 = 4;

/// Who does the failover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// The program.
    Us,
    /// The living master.
    Master,
}

#[test]
fn what_we_hand_over_runs_to_its_end_on_3_1_1() {
    compare(
        "what_we_hand_over_runs_to_its_end_on_3_1_1",
        &V3_1_1,
        Store::Postgres,
    );
}

#[test]
fn what_we_hand_over_runs_to_its_end_on_3_1_1_and_mariadb() {
    compare(
        "what_we_hand_over_runs_to_its_end_on_3_1_1_and_mariadb",
        &V3_1_1,
        Store::MariaDb,
    );
}

#[test]
fn what_we_hand_over_runs_to_its_end_on_2_0_3() {
    compare(
        "what_we_hand_over_runs_to_its_end_on_2_0_3",
        &V2_0_3,
        Store::Postgres,
    );
}

#[test]
fn what_we_hand_over_runs_to_its_end_on_1_3_6() {
    compare(
        "what_we_hand_over_runs_to_its_end_on_1_3_6",
        &V1_3_6,
        Store::Postgres,
    );
}

/// The same twice: once the program hands over, once the living master.
pub(super) fn compare(test: &str, release: &'static Release, store: Store) {
    let Some(ours) = hand_over(test, release, store, By::Us) else {
        return;
    };
    let Some(theirs) = hand_over(test, release, store, By::Master) else {
        return;
    };
    assert_eq!(ours, theirs, "what came of our failover, and of a master's");
}

/// What came of it: instances of the dead master and how often tasks ran in all.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    again: i64,
    ended: Vec<(String, i64)>,
}

fn hand_over(test: &str, release: &'static Release, store: Store, by: By) -> Option<Outcome> {
    let world = World::on(test, release, store)?;
    tables::audit(&world.env, release);
    seed::workflow(
        &world.env,
        100,
        &[
            Task::shell(101, &world.waiting_script("a")),
            Task::shell(102, "true"),
        ],
    );
    // Masters of 1.x hold a lock while they start, and one that starts alone looks for work that
    // others left.
    let mut dead = world.start(Kind::Master, SHORT).registered(&world.env);
    let worker = world.start(Kind::Worker, LONG);
    let (mut living, worker) = if release.shares {
        let living = world.start(Kind::Master, LONG).registered(&world.env);
        let worker = worker.registered(&world.env);
        if let Some(text) = release.shared {
            World::await_log(&[&dead, &living], text);
        }
        run_instances(&world, &[&dead, &living, &worker]);
        (living, worker)
    } else {
        let worker = worker.registered(&world.env);
        run_instances(&world, &[&dead, &worker]);
        (
            world.start(Kind::Master, LONG).registered(&world.env),
            worker,
        )
    };
    nothing_is_found(&world);
    let held = count_at(&world, &dead.address);
    let others = i64::from(release.shares);
    assert!(
        held > 0 && held <= INSTANCES - others,
        "both masters should have work: {held} of {INSTANCES}"
    );
    match by {
        By::Us => assert_eq!(we_do_it(&world, &mut dead, &mut living), held),
        By::Master => dead.kill(),
    }
    // The living master takes every command up: nobody else is there to set its address.
    let (there, wanted) = match release.claim {
        Claim::Host => (
            format!(
                "SELECT count(*) FROM t_ds_process_instance WHERE host = '{}'",
                living.address
            ),
            INSTANCES,
        ),
        #[cfg(feature = "distributions")]
        Claim::State => {
            let taken_up = "SELECT count(*) FROM audit WHERE earlier::jsonb->>'state' = '18' AND later::jsonb->>'state' = '1'";
            (taken_up.to_owned(), held)
        }
    };
    world.await_number(SOON, &there, wanted, &[&living, &worker]);
    world.await_number(SOON, "SELECT count(*) FROM t_ds_command", 0, &[&living]);
    let again = if release.repeats { held } else { 0 };
    let runs = usize::try_from(INSTANCES + again).unwrap();
    world.await_runs("a", runs, &[&living, &worker]);
    world.await_taken_over(usize::try_from(held).unwrap(), &[&living, &worker]);
    world.let_go();
    let ended = "SELECT count(*) FROM t_ds_process_instance WHERE state = 7";
    world.await_number(SOON, ended, INSTANCES, &[&living, &worker]);
    assert_eq!(
        world.env.number("SELECT count(*) FROM t_ds_error_command"),
        0
    );
    let tasks = "SELECT concat(name, ' ', state, ' ', flag), count(*) FROM t_ds_task_instance \
                 GROUP BY 1 ORDER BY 1";
    let ended = world
        .env
        .rows(tasks)
        .iter()
        .map(|row| (row.text(0).unwrap(), row.int(1).unwrap()))
        .collect();
    assert_eq!(world.runs("a"), runs);
    nothing_is_found(&world);
    Some(Outcome { again, ended })
}

/// Where masters work, and where they have done so, nothing hangs.
fn nothing_is_found(world: &World) {
    let looked = Dsctl::new(&world.env).args(["doctor", "--fail-on", "note"]);
    looked.run().exit(0).out("nothing was found");
}

/// Starts the instances and waits until each one's first task runs.
fn run_instances(world: &World, servers: &[&Server]) {
    for _ in 0..INSTANCES {
        seed::start(&world.env, 100, "{}");
    }
    let running = "SELECT count(*) FROM t_ds_task_instance WHERE state = 1";
    world.await_number(SOON, running, INSTANCES, servers);
    world.await_runs("a", usize::try_from(INSTANCES).unwrap(), servers);
}

fn count_at(world: &World, host: &str) -> i64 {
    world.number(&format!(
        "SELECT count(*) FROM t_ds_process_instance WHERE host = '{host}'"
    ))
}

/// The lock is ours before the master dies, and the program's failover stands in the queue before
/// the living master: that one is frozen for the moment in which its competitor's end is noticed.
///
/// Gives the number of instances that were handed over.
fn we_do_it(world: &World, dead: &mut Server, living: &mut Server) -> i64 {
    let zk = world.env.zk();
    let lock = world.env.path(&(world.release.lock)(&dead.address));
    let mut holder = Dsctl::new(&world.env)
        .args(["lock", "acquire", &dead.address])
        .limit(Duration::from_mins(5))
        .spawn();
    zk.await_queue(&lock, 1);
    assert!(holder.is_running());
    living.freeze();
    dead.kill();
    zk.await_absence(&dead.node);
    let mut arguments = vec![
        "failover",
        &dead.address,
        "--yes",
        "--lock-timeout",
        "4m",
        "--allow-duplicate-tasks",
        "-o",
        "json",
    ];
    if !world.release.shares {
        // The living one has not run anything yet.
        arguments.push("--allow-new-masters");
    }
    let failover = Dsctl::new(&world.env)
        .args(arguments)
        .args(world.release.consent)
        .limit(SOON)
        .spawn();
    let ours = zk.await_queue(&lock, 2);
    living.thaw();
    // The living master has noticed, and stands behind us at the same lock.
    let queue = zk.await_queue_from(&lock, 3);
    assert_eq!(queue[..2], ours[..]);
    assert!(
        count_at(world, &dead.address) > 0,
        "nobody has done anything yet"
    );
    holder.signal("TERM");
    let report = failover.finish().exit(0).json();
    holder.finish();
    if world.release.family == "3.1" {
        // The worker has been asked, and says yes; but it has ended the shells around the scripts
        // alone. That is why no answer of a worker takes the place of consent.
        assert!(
            report["warnings"]
                .to_string()
                .contains("reports that it has ended"),
            "{report}"
        );
        assert_eq!(world.ended("a", usize::try_from(INSTANCES).unwrap()), 0);
    }
    report["recovered"]
        .as_i64()
        .unwrap_or_else(|| panic!("{report}"))
}
