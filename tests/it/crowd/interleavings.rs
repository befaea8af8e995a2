//! Random interleavings: waiters of both kinds come, give up, are asked to end and are killed, and
//! no two of them are ever inside at once. `DSCTL_TEST_INTERLEAVINGS=500` runs so many;
//! `DSCTL_TEST_SEED` repeats them.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::detector::order;
use super::{cluster, master, notes, waiter};
use crate::harness::world::World;
use crate::harness::{Chance, Crowd, Output, Running};

/// So many run side by side; each process of Java serves one of them.
const SIDE_BY_SIDE: usize = 4;

const USUAL: usize = 40;

/// What happens to one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Nothing,
    /// Its patience is short.
    GivesUp,
    /// A signal, so many milliseconds after it has started.
    Signal(&'static str, u64),
}

impl Fate {
    fn of(chance: &mut Chance) -> Self {
        match chance.below(24) {
            0..=3 => Self::GivesUp,
            4..=5 => Self::Signal("TERM", chance.below(400)),
            6..=7 => Self::Signal("INT", chance.below(400)),
            // The others wait for the end of its session.
            8 => Self::Signal("KILL", chance.below(400)),
            _ => Self::Nothing,
        }
    }

    fn limit(self, chance: &mut Chance) -> Duration {
        let long = Duration::from_mins(2);
        if self == Self::GivesUp {
            Duration::from_millis(chance.below(200))
        } else {
            long
        }
    }
}

/// One of ours, and what was done to it.
struct Ours {
    name: String,
    fate: Fate,
    running: Running,
}

/// What one interleaving came to.
#[derive(Debug, Default)]
struct Told {
    entered: BTreeSet<String>,
    stayed_out: BTreeSet<String>,
    /// Killed, or told to end: they may have been inside or not.
    unknown: BTreeSet<String>,
}

fn interleaving(world: &World, crowd: &mut Crowd, number: usize, seed: u64) -> Vec<String> {
    let mut chance = Chance::of(seed);
    let (port, file) = (1 + number, notes(world, &format!("notes-{number}")));
    let lock = world.lock_of(&master(port));
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    // Two of each kind at least.
    let count = 4 + chance.below(4);
    for place in 0..count {
        let fate = Fate::of(&mut chance);
        let (limit, hold) = (
            fate.limit(&mut chance),
            Duration::from_millis(chance.below(30)),
        );
        let name = format!("{number}-{place}-{fate:?}").replace(['(', ')', '"', ',', ' '], "");
        if place < 2 || (place >= 4 && chance.below(2) == 0) {
            let running = waiter(world, &name, port, limit, hold, &file).spawn();
            ours.push(Ours {
                name,
                fate,
                running,
            });
        } else {
            crowd.send(&name, chance.below(4), &lock, limit, hold, &file);
            theirs.push(name);
        }
        std::thread::sleep(Duration::from_millis(chance.below(60)));
    }
    let told = ends(ours, &theirs, crowd);
    world.env.zk().await_queue(&lock, 0);
    let order = order(&std::fs::read_to_string(&file).unwrap())
        .unwrap_or_else(|overlap| panic!("{overlap}"));
    let inside: BTreeSet<String> = order.iter().cloned().collect();
    assert_eq!(
        inside.len(),
        order.len(),
        "somebody was inside twice: {order:?}"
    );
    assert!(told.entered.is_subset(&inside), "{told:?} {order:?}");
    assert!(told.stayed_out.is_disjoint(&inside), "{told:?} {order:?}");
    order
}

fn ends(mut ours: Vec<Ours>, theirs: &[String], crowd: &mut Crowd) -> Told {
    let mut told = Told::default();
    for Ours { fate, running, .. } in &mut ours {
        if let Fate::Signal(signal, after) = fate {
            std::thread::sleep(Duration::from_millis(*after));
            if running.is_running() {
                running.signal(signal);
            }
        }
    }
    for Ours {
        name,
        fate,
        running,
    } in ours
    {
        sort(&mut told, name, fate, &running.finish());
    }
    for name in theirs {
        match crowd.end_of(name).as_str() {
            "left" => told.entered.insert(name.clone()),
            "timeout" => told.stayed_out.insert(name.clone()),
            other => panic!("{name} {other}"),
        };
    }
    told
}

fn sort(told: &mut Told, name: String, fate: Fate, output: &Output) {
    match (output.code, fate) {
        (Some(0), _) => told.entered.insert(name),
        (Some(5), Fate::GivesUp) => told.stayed_out.insert(name),
        (Some(130 | 137 | 143), Fate::Signal(..)) => told.unknown.insert(name),
        _ => panic!("{fate:?}: {output:?}"),
    };
}

#[test]
fn no_two_are_ever_inside_at_once() {
    let given = std::env::var("DSCTL_TEST_INTERLEAVINGS")
        .ok()
        .and_then(|count| count.parse().ok());
    let (total, seed, next) = (
        given.unwrap_or(USUAL),
        Chance::new().seed,
        AtomicUsize::new(0),
    );
    let entered = AtomicUsize::new(0);
    eprintln!("DSCTL_TEST_SEED={seed}: {total} interleavings");
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                let world = cluster();
                let mut crowd = Crowd::connect(&world.env.connect);
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= total {
                        return;
                    }
                    let order =
                        interleaving(&world, &mut crowd, number, seed.wrapping_add(number as u64));
                    entered.fetch_add(order.len(), Ordering::Relaxed);
                }
            });
        }
    });
    let entered = entered.into_inner();
    eprintln!("DSCTL_TEST_SEED={seed}: {total} interleavings, {entered} times somebody was inside");
    assert!(entered > 2 * total, "hardly anybody ever got in: {entered}");
}
