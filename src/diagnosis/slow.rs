//! What may pass by itself in a moment: certain only if two looks show it.

use std::time::Duration;

use super::trees::ApartTrees;
use super::untaken::UntakenCommands;
use crate::metadata::{IdleInstance, IdleTaskGroup};
use crate::model::InstanceId;

/// How far two looks must be apart at least: a coordinator of task groups makes a round in five
/// seconds.
pub const APART: Duration = Duration::from_secs(6);

/// What such a look has shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlowTruths {
    /// Serial workflows that nobody will wake, ascending.
    pub unwoken: Vec<InstanceId>,
    /// Waiting commands that no master takes.
    pub commands: UntakenCommands,
    /// Instances of living masters of which nothing runs, ids ascending.
    pub idle: Vec<IdleInstance>,
    /// Instances in SERIAL_WAIT that are in no queue, ascending (3.4 and newer).
    pub unqueued: Vec<InstanceId>,
    /// Launched ones that have ended or are gone, and still hold up their queues, ascending.
    pub ended_in_queue: Vec<InstanceId>,
    /// The first ones of queues in which none is launched, ascending.
    pub not_launched: Vec<InstanceId>,
    /// Task groups in which tasks of living masters wait and none has a slot.
    pub idle_groups: Vec<IdleTaskGroup>,
    /// Parents and children that are apart.
    pub trees: ApartTrees,
    /// Whether an earlier look has shown all of it, too.
    pub seen_twice: bool,
}

impl SlowTruths {
    /// Whether a second look could show nothing else.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let Self {
            unwoken,
            commands,
            idle,
            unqueued,
            ended_in_queue,
            not_launched,
            idle_groups,
            trees,
            seen_twice: _,
        } = self;
        commands.ids.is_empty()
            && idle.is_empty()
            && idle_groups.is_empty()
            && trees.is_empty()
            && [unwoken, unqueued, ended_in_queue, not_launched]
                .iter()
                .all(|ids| ids.is_empty())
    }

    /// Whether a glance could show that some of it moves.
    #[must_use]
    pub fn may_move(&self) -> bool {
        !self.commands.ids.is_empty() || !self.idle.is_empty()
    }

    /// Leaves out what has moved since: commands that were taken, by those that wait now, and
    /// instances that go on, by those that are still idle.
    pub fn leave_out_what_moves(&mut self, waiting: &[i64], idle: &[IdleInstance]) {
        self.commands.leave_out_what_moves(waiting);
        retain_idle(&mut self.idle, idle);
    }

    /// Leaves out what an earlier look did not show.
    pub fn settle(&mut self, earlier: &Self) {
        self.seen_twice = true;
        retain(&mut self.unwoken, &earlier.unwoken);
        retain(&mut self.unqueued, &earlier.unqueued);
        retain(&mut self.ended_in_queue, &earlier.ended_in_queue);
        retain(&mut self.not_launched, &earlier.not_launched);
        self.commands.settle(&earlier.commands);
        retain_idle(&mut self.idle, &earlier.idle);
        self.trees.settle(&earlier.trees);
        for group in &mut self.idle_groups {
            let before = earlier.idle_groups.iter().find(|one| one.id == group.id);
            let waited = |task: &i64| before.is_some_and(|one| one.waiting.contains_key(task));
            group.waiting.retain(|task, _| waited(task));
        }
        self.idle_groups.retain(|group| !group.waiting.is_empty());
    }
}

/// Those that are in the other list, too, which is ascending.
fn retain(ids: &mut Vec<InstanceId>, earlier: &[InstanceId]) {
    ids.retain(|id| earlier.binary_search(id).is_ok());
}

/// Those that are in the other list, too, whose ids are ascending, and have no newer task.
fn retain_idle(idle: &mut Vec<IdleInstance>, others: &[IdleInstance]) {
    idle.retain(|instance| {
        let place = others.binary_search_by_key(&instance.id, |other| other.id);
        place.is_ok_and(|place| others[place] == *instance)
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(id: i64, waiting: &[i64]) -> IdleTaskGroup {
        IdleTaskGroup {
            id,
            name: None,
            size: 1,
            used: 0,
            waiting: waiting.iter().map(|task| (*task, 10 + task)).collect(),
        }
    }

    fn looked(unwoken: &[i64], idle_groups: &[IdleTaskGroup]) -> SlowTruths {
        SlowTruths {
            unwoken: unwoken.to_vec(),
            idle_groups: idle_groups.to_vec(),
            ..SlowTruths::default()
        }
    }

    #[test]
    fn only_what_does_not_move_is_left() {
        let earlier = looked(
            &[1, 2, 4],
            &[group(1, &[5, 6]), group(2, &[7]), group(3, &[8])],
        );
        let mut later = looked(
            &[2, 3, 4],
            &[group(1, &[6, 9]), group(2, &[10]), group(4, &[8])],
        );
        assert!(!later.is_settled() && !later.seen_twice);
        later.settle(&earlier);
        assert_eq!(later.unwoken, [2, 4]);
        assert_eq!(later.idle_groups, [group(1, &[6])]);
        assert!(later.seen_twice);
        let mut nothing = looked(&[], &[]);
        nothing.settle(&earlier);
        assert!(nothing.is_settled());
    }
}
