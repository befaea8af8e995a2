//! Masters and operators who want one lock: Curator's waiters and ours, in one queue.

mod detector;
mod interleavings;
mod losses;
mod order;

use std::time::Duration;

use crate::harness::world::{BY_HOST, Cluster, World};
use crate::harness::{Dsctl, Store};

const SOON: Duration = Duration::from_secs(20);

/// A cluster of which the tests want the locks alone.
fn cluster() -> World {
    Cluster::of(BY_HOST).on(Store::Sqlite)
}

/// The master of such a number, whose lock is wanted.
fn master(number: usize) -> String {
    format!("10.0.0.2:{number}")
}

/// An empty file for the notes of who comes and goes.
fn notes(world: &World, name: &str) -> String {
    world.env.file(name, "")
}

/// Takes the lock of a master, and runs a program that does as a waiter of Curator does: it notes
/// that it has entered, holds the lock so long, and notes that it leaves, even if it is asked to
/// end.
fn waiter(
    world: &World,
    name: &str,
    number: usize,
    limit: Duration,
    hold: Duration,
    file: &str,
) -> Dsctl {
    let script = format!(
        "trap : INT TERM; echo enter {name} >>'{file}'; sleep {}; echo leave {name} >>'{file}'",
        hold.as_secs_f64()
    );
    let limit = limit.as_millis();
    world
        .dsctl(&format!(
            "lock acquire {} --lock-timeout {limit}ms --session-timeout 8s",
            master(number)
        ))
        .args(["--", "sh", "-c", &script])
}
