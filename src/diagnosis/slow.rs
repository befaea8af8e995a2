//! What may pass by itself in a moment: certain only if two looks show it.

use std::time::Duration;

use crate::metadata::IdleTaskGroup;
use crate::model::InstanceId;

/// How far two looks must be apart at least: a coordinator of task groups makes a round in five
/// seconds.
pub const APART: Duration = Duration::from_secs(6);

/// What such a look has shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlowTruths {
    /// Serial workflows that nobody will wake, ascending.
    pub unwoken: Vec<InstanceId>,
    /// Task groups in which tasks of living masters wait and none has a slot.
    pub idle_groups: Vec<IdleTaskGroup>,
    /// Whether an earlier look has shown all of it, too.
    pub seen_twice: bool,
}

impl SlowTruths {
    /// Whether a second look could show nothing else.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.unwoken.is_empty() && self.idle_groups.is_empty()
    }

    /// Leaves out what an earlier look did not show.
    pub fn settle(&mut self, earlier: &Self) {
        self.seen_twice = true;
        self.unwoken.retain(|id| earlier.unwoken.contains(id));
        for group in &mut self.idle_groups {
            let before = earlier.idle_groups.iter().find(|one| one.id == group.id);
            let waited = |task: &i64| before.is_some_and(|one| one.waiting.contains_key(task));
            group.waiting.retain(|task, _| waited(task));
        }
        self.idle_groups.retain(|group| !group.waiting.is_empty());
    }
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
            seen_twice: false,
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
