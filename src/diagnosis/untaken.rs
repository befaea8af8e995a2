//! Commands that no master takes: a queue that moves is none.

use std::collections::HashSet;

/// Waiting commands that a master would take in its turn, of which none of the same slot was taken
/// since they were first seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UntakenCommands {
    /// Their ids, ascending.
    pub ids: Vec<i64>,
    /// Among how many masters commands are shared out, by the remainder of their ids; 1 if every
    /// master may take every command.
    pub slots: usize,
}

impl UntakenCommands {
    /// The slot that a command belongs to.
    #[must_use]
    pub fn slot(&self, command: i64) -> i64 {
        let slots = i64::try_from(self.slots).unwrap_or(1);
        command.rem_euclid(slots.max(1))
    }

    /// Leaves out the slots of which a command was taken: it waits no more.
    pub fn leave_out_what_moves(&mut self, waiting: &[i64]) {
        let waiting: HashSet<i64> = waiting.iter().copied().collect();
        let taken = self.ids.iter().filter(|id| !waiting.contains(id));
        let moving: HashSet<i64> = taken.map(|id| self.slot(*id)).collect();
        let mut ids = std::mem::take(&mut self.ids);
        ids.retain(|id| !moving.contains(&self.slot(*id)));
        self.ids = ids;
    }

    /// Leaves out what an earlier look did not show, and what has moved since. Where the masters are
    /// other ones by now, it is not known who was to take what: then any movement counts for all.
    pub(super) fn settle(&mut self, earlier: &Self) {
        let mut before = earlier.clone();
        if before.slots != self.slots {
            before.slots = 1;
        }
        before.leave_out_what_moves(&self.ids);
        self.slots = before.slots;
        self.ids = before.ids;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(ids: &[i64], slots: usize) -> UntakenCommands {
        UntakenCommands {
            ids: ids.to_vec(),
            slots,
        }
    }

    fn settled(earlier: &UntakenCommands, later: &UntakenCommands) -> Vec<i64> {
        let mut settled = later.clone();
        settled.settle(earlier);
        settled.ids
    }

    #[test]
    fn what_moves_is_no_hang() {
        // Of slot 0 none was taken, of slot 1 one was.
        let earlier = waiting(&[2, 3, 4, 5], 2);
        assert_eq!(settled(&earlier, &waiting(&[2, 4, 5, 6], 2)), [2, 4]);
        assert_eq!(settled(&earlier, &waiting(&[2, 3, 4, 5], 2)), [2, 3, 4, 5]);
        // Another master came: one queue.
        assert_eq!(settled(&earlier, &waiting(&[2, 4, 5, 6], 3)), [0; 0]);
        assert_eq!(settled(&waiting(&[], 1), &waiting(&[7], 1)), [0; 0]);
        assert_eq!(
            settled(&waiting(&[-3, 4], 0), &waiting(&[-3, 4], 0)),
            [-3, 4]
        );
    }
}
