//! The queue: first come, first served, whoever it is, and whoever gives up.

use std::time::Duration;

use super::detector::order;
use super::{SOON, cluster, master, notes, waiter};
use crate::harness::{Crowd, Curator, Running, eventually};

const NEVER: Duration = Duration::from_mins(5);
const MOMENT: Duration = Duration::from_millis(20);

/// Ten in a queue behind a holder, of both kinds in turn. Some have had enough before it is their
/// turn.
fn served(impatient: &[usize]) {
    let world = cluster();
    let (zk, lock, file) = (
        world.env.zk(),
        world.lock_of(&master(1)),
        notes(&world, "notes"),
    );
    let mut holder = Curator::connect(&world.env.connect, &lock);
    let mut crowd = Crowd::connect(&world.env.connect);
    assert!(holder.acquire(SOON));
    let mut ours: Vec<(usize, Running)> = Vec::new();
    for place in 1..=10 {
        let limit = if impatient.contains(&place) {
            Duration::from_secs(6)
        } else {
            NEVER
        };
        let name = place.to_string();
        if place % 2 == 0 {
            ours.push((
                place,
                waiter(&world, &name, 1, limit, MOMENT, &file).spawn(),
            ));
        } else {
            crowd.send(&name, place as u64 % 4, &lock, limit, MOMENT, &file);
        }
        // Some of those before may have had enough by now: each has the next number all the same.
        eventually(SOON, "its place in the queue", || {
            let queue = zk.lock_queue(&lock);
            let number = queue
                .last()
                .and_then(|node| node.rsplit('-').next()?.parse::<usize>().ok());
            if number == Some(place) {
                Ok(())
            } else {
                Err(queue)
            }
        });
    }
    zk.await_queue(&lock, 11 - impatient.len());
    holder.release();
    for (place, running) in ours {
        running
            .finish()
            .exit(if impatient.contains(&place) { 5 } else { 0 });
    }
    for place in (1..=10).step_by(2) {
        let end = if impatient.contains(&place) {
            "timeout"
        } else {
            "left"
        };
        assert_eq!(crowd.end_of(&place.to_string()), end, "{place}");
    }
    let expected: Vec<String> = (1..=10)
        .filter(|place| !impatient.contains(place))
        .map(|place: usize| place.to_string())
        .collect();
    assert_eq!(
        order(&std::fs::read_to_string(file).unwrap()).unwrap(),
        expected
    );
    zk.await_queue(&lock, 0);
}

#[test]
fn waiters_of_both_kinds_are_served_in_order() {
    served(&[]);
}

#[test]
fn waiters_that_give_up_leave_the_others_in_order() {
    served(&[1, 4, 5, 8]);
}
