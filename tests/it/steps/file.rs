//! Every system call on a SQLite file that is metadata and registry in one.

use dsctl::model::Version;

use super::scene::{all, at_points, ended, rest};
use super::shim;
use crate::harness::Dsctl;
use crate::harness::world::{BY_HOST, BY_STATE, World, reported};

const INSTANCES: i64 = 2;

/// The faults, and at one of how many points each strikes in a usual run.
const FAULTS: [(&str, usize); 3] = [("kill", 1), ("error", 5), ("stop", 17)];

fn failover(world: &World) -> Dsctl {
    world.failover("--batch 1 --session-timeout 2s")
}

/// The calls of an undisturbed run, in words.
fn points(version: Version) -> Vec<String> {
    let world = World::in_a_file(version, INSTANCES);
    let log = world.env.file("calls", "");
    world
        .run(shim::counted(failover(&world), &world.env.database, &log))
        .exit(0);
    world.check_complete();
    std::fs::read_to_string(log)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

/// Strikes one run; whether it came to this point at all.
fn strike(world: &World, kind: &'static str, at: usize) -> bool {
    let struck = shim::struck(failover(world), &world.env.database, kind, at);
    let reached = match kind {
        "kill" => {
            let output = struck.run();
            let killed = output.code == Some(137);
            if killed {
                rest(world, &world.check());
            } else {
                ended(world, &output);
            }
            killed
        }
        "error" => {
            ended(world, &struck.run());
            true
        }
        _ => stop(world, struck),
    };
    world.reset();
    reached
}

/// A frozen process keeps what it has locked in the file. Others are told so, or do the work, and
/// it wakes up to that.
fn stop(world: &World, struck: Dsctl) -> bool {
    let mut sleeper = struck.spawn();
    if !shim::await_stop(&mut sleeper) {
        ended(world, &sleeper.finish());
        return false;
    }
    let second = world.failover("--lock-timeout 10s --timeout 1s").run();
    assert!(matches!(second.code, Some(0 | 6)), "{second:?}");
    sleeper.signal("CONT");
    let first = sleeper.finish();
    let (one, two) = (reported(&first), reported(&second));
    assert!(
        one.is_disjoint(&two),
        "both say that they did it: {first:?} {second:?}"
    );
    let done = world.check();
    assert_eq!(&one | &two, done, "{first:?} {second:?}");
    rest(world, &done);
    true
}

fn at_every_call(version: Version) {
    let (points, calls) = (points(version), ["fcntl", "write", "fsync", "unlink"]);
    let place = format!("a file of {version}");
    at_points(
        &place,
        &points,
        &calls,
        &FAULTS,
        || World::in_a_file(version, INSTANCES),
        strike,
    );
}

#[test]
fn a_fault_at_every_system_call_on_a_file() {
    at_every_call(BY_HOST);
    if all() {
        at_every_call(BY_STATE);
    }
}
