//! What is the same wherever a run is struck: at which points, and what is to be true afterwards.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Debug;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::harness::Chance;
use crate::harness::Output;
use crate::harness::world::{World, reported};

/// So many worlds are struck side by side: most of the time is spent on waiting for a dead
/// session's end.
const SIDE_BY_SIDE: usize = 16;

/// Everything, or only as much as a usual run has time for.
pub fn all() -> bool {
    std::env::var("DSCTL_TEST_ALL").is_ok_and(|all| !all.is_empty() && all != "0")
}

/// Another run does what is left. Where nothing is left of the first one, this would only be a
/// first run again.
pub fn rest(world: &World, done: &BTreeSet<i64>) {
    if done.is_empty() && world.queue().is_empty() {
        return;
    }
    let output = world.run(world.failover("--lock-timeout 30s")).exit(0);
    assert_eq!(reported(&output), &world.ids - done, "{output:?}");
    world.check_complete();
}

/// A run has ended by itself: what it says is true, and another one does the rest.
pub fn ended(world: &World, output: &Output) {
    let done = world.check();
    assert_eq!(reported(output), done, "{output:?}");
    assert_code(output, &done, &world.ids);
    rest(world, &done);
}

/// The exit code says how far it came. Both servers can be reached again at once, so an outcome is
/// never unknown.
#[track_caller]
fn assert_code(output: &Output, done: &BTreeSet<i64>, ids: &BTreeSet<i64>) {
    match output.code {
        Some(0) => assert_eq!(done, ids, "{output:?}"),
        Some(6) => assert!(done.is_empty(), "{output:?}"),
        Some(7) => assert!(!done.is_empty() && done != ids, "{output:?}"),
        // The lock may be lost before anything is written.
        Some(8) => assert!(done != ids, "{output:?}"),
        _ => panic!("no such exit code was to be expected: {output:?}"),
    }
}

/// How many points are tried until a run comes to one.
const TRIES: u32 = 6;

/// Strikes at a point. How often a heartbeat is due, or a server asked again who it is, depends on
/// how busy the machine is: one run has fewer points than the next, and then earlier ones are
/// tried. Whether a run came to its point.
pub fn struck_near(at: usize, strike: impl Fn(usize) -> bool) -> bool {
    (0..TRIES).any(|tries| strike(at.saturating_sub((1 << tries) - 1).max(1)))
}

/// Says where a failed thread was.
struct Where(String);

impl Drop for Where {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failed: {}", self.0);
        }
    }
}

/// Strikes at each point with the faults, or with each fault at one point in so many; `strike` says
/// whether a run came to its point. Words in `moments` must be found at the points.
///
/// In a usual run `one_in` is 1 for `kill -9`, and means the points before something: after the
/// step before, nothing outside of the program is different.
pub fn at_points<S, F: Copy + Debug + Send>(
    place: &str,
    points: &[String],
    moments: &[&str],
    faults: &[(F, usize)],
    scene: impl Fn() -> S + Sync,
    strike: impl Fn(&S, F, usize) -> bool + Sync,
) {
    for moment in moments {
        assert!(
            points.iter().any(|point| point.contains(moment)),
            "no {moment:?} in {points:#?}"
        );
    }
    let mut chance = Chance::new();
    let seed = chance.seed;
    let mut jobs = VecDeque::new();
    for (fault, one_in) in faults {
        let one_in = if all() { 1 } else { *one_in };
        let first = 1 + usize::try_from(chance.below(one_in as u64)).unwrap();
        let chosen = (first..=points.len()).step_by(one_in);
        let tells = |at: &usize| all() || one_in > 1 || points[at - 1].contains("before");
        jobs.extend(chosen.filter(tells).map(|at| (*fault, at)));
    }
    let (total, missed, jobs) = (jobs.len(), AtomicUsize::new(0), Mutex::new(jobs));
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE.min(total) {
            scope.spawn(|| {
                let scene = scene();
                let next = || jobs.lock().unwrap().pop_front();
                while let Some((fault, at)) = next() {
                    let _where = Where(format!(
                        "{fault:?} at point {at} ({}) of {place}",
                        points[at - 1]
                    ));
                    if !struck_near(at, |at| strike(&scene, fault, at)) {
                        eprintln!(
                            "not reached: {fault:?} at point {at} ({}) of {place}",
                            points[at - 1]
                        );
                        missed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let missed = missed.into_inner();
    eprintln!(
        "DSCTL_TEST_SEED={seed}: {place}: {} points, {total} faults, {missed} missed",
        points.len()
    );
    assert_eq!(missed, 0, "points were not reached");
}
