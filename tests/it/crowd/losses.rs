//! Sessions that end while they hold, and parents that vanish while somebody comes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::detector::order;
use super::{SOON, cluster, master, notes, waiter};
use crate::harness::{Crowd, Curator, CuratorSettings};

const NEVER: Duration = Duration::from_mins(1);

/// The program under the lock runs.
fn await_our_turn(file: &str) {
    crate::harness::eventually(SOON, "our turn", || {
        if std::fs::read_to_string(file).unwrap().is_empty() {
            Err("not yet")
        } else {
            Ok(())
        }
    });
}

/// A master that stands still loses its lock to us, and takes nothing from us when it wakes up and
/// gives it back.
#[test]
fn a_frozen_curator_loses_the_lock_to_us_and_leaves_ours_alone() {
    let world = cluster();
    let (zk, lock, file) = (
        world.env.zk(),
        world.lock_of(&master(1)),
        notes(&world, "notes"),
    );
    let brief = CuratorSettings {
        session: Duration::from_secs(2),
        ..CuratorSettings::default()
    };
    let mut curator = Curator::with(&world.env.connect, &lock, &brief).unwrap();
    assert!(curator.acquire(SOON));
    curator.freeze();
    let mut ours = waiter(&world, "ours", 1, NEVER, Duration::from_secs(12), &file).spawn();
    await_our_turn(&file);
    let queue = zk.await_queue(&lock, 1);
    curator.thaw();
    curator.expect("lost");
    curator.release();
    assert_eq!(zk.lock_queue(&lock), queue, "ours is there");
    assert!(ours.is_running());
    assert!(!curator.acquire(Duration::from_millis(300)), "two hold it");
    ours.finish().exit(0);
    assert!(curator.acquire(SOON));
    curator.close();
}

/// The other way round: our process stands still, its program with it, and Curator gets the lock.
#[test]
fn a_frozen_holder_of_ours_loses_the_lock_to_curator_and_says_so() {
    let world = cluster();
    let (zk, lock, file) = (
        world.env.zk(),
        world.lock_of(&master(1)),
        notes(&world, "notes"),
    );
    let ours = waiter(&world, "ours", 1, NEVER, Duration::from_mins(1), &file).spawn();
    await_our_turn(&file);
    let before = zk.await_queue(&lock, 1);
    let mut curator = Curator::connect(&world.env.connect, &lock);
    curator.ask_to_acquire(SOON);
    let queue = zk.await_queue(&lock, 2);
    ours.signal("STOP");
    curator.expect("acquired");
    assert_eq!(queue[..1], before);
    ours.signal("CONT");
    let output = ours.finish().exit(8);
    output.err("the lock").err("is lost");
    assert_eq!(zk.lock_queue(&lock), queue[1..], "Curator's is there");
    curator.release();
    curator.close();
}

/// Tells a thread that it is over, also when a test fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The server takes empty parents away at any time; here somebody does so all the time.
#[test]
fn parents_that_vanish_all_the_time() {
    let world = cluster();
    let (lock, file, over) = (
        world.lock_of(&master(1)),
        notes(&world, "notes"),
        AtomicBool::new(false),
    );
    let mut crowd = Crowd::connect(&world.env.connect);
    let mut expected = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let zk = world.env.zk();
            while !over.load(Ordering::Relaxed) {
                for parent in [lock.as_str(), lock.rsplit_once('/').unwrap().0] {
                    // Mostly it is not there, or not empty.
                    _ = crate::harness::wait(zk.client().delete(parent, None));
                }
            }
        });
        let _over = Over(&over);
        for round in 0..12 {
            let (ours, theirs) = (format!("ours{round}"), format!("theirs{round}"));
            crowd.send(&theirs, round % 4, &lock, NEVER, Duration::ZERO, &file);
            waiter(&world, &ours, 1, NEVER, Duration::ZERO, &file)
                .run()
                .exit(0);
            expected.push(ours);
            // Curator tries again some times, and then says so.
            match crowd.end_of(&theirs).as_str() {
                "left" => expected.push(theirs),
                failed => assert!(failed.contains("NoNode"), "{failed}"),
            }
        }
    });
    let mut order = order(&std::fs::read_to_string(file).unwrap()).unwrap();
    order.sort();
    expected.sort();
    assert_eq!(order, expected);
}
