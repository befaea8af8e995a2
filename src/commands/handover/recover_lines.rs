//! The commands that must follow where instances were claimed without a command.

use std::collections::BTreeMap;

use super::report;
use crate::failover::OriginalState;
use crate::model::InstanceId;

/// The commands for instances with another state than the usual one, by their former states.
pub(super) fn for_unusual_states(states: &[(InstanceId, i64)]) -> Vec<String> {
    let mut by_state: BTreeMap<&'static str, Vec<InstanceId>> = BTreeMap::new();
    for (id, code) in states {
        match OriginalState::from_code(*code) {
            Some(OriginalState::Running) | None => {}
            Some(state) => by_state.entry(state.keyword()).or_default().push(*id),
        }
    }
    by_state
        .into_iter()
        .flat_map(|(state, ids)| for_state(Some(state), &ids))
        .collect()
}

/// So many ids in one command: systems of Linux's kind take no argument of more than 128 KiB, and
/// `recover` no more instances at once than it does without being asked for more.
const IDS_IN_LINE: usize = 5000;

/// The commands for instances that had the same state.
pub(super) fn for_state(state: Option<&str>, ids: &[InstanceId]) -> Vec<String> {
    let state = state
        .map(|state| format!(" --original-state {state}"))
        .unwrap_or_default();
    let line = |some| format!("dsctl recover --instance {}{state}", report::id_list(some));
    ids.chunks(IDS_IN_LINE).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::{IDS_IN_LINE, for_state, for_unusual_states};

    #[test]
    fn unusual_states_alone_need_a_word() {
        let states = [(1, 1), (2, 4), (3, 2), (4, 4), (5, 99)];
        assert_eq!(
            for_unusual_states(&states),
            [
                "dsctl recover --instance 3 --original-state ready_pause",
                "dsctl recover --instance 2,4 --original-state ready_stop",
            ]
        );
    }

    #[test]
    fn no_command_is_too_long_for_a_shell() {
        assert_eq!(
            for_state(Some("running"), &[1, 2]),
            ["dsctl recover --instance 1,2 --original-state running"]
        );
        let ids = vec![i64::MAX; 2 * IDS_IN_LINE + 1];
        let all = for_state(None, &ids);
        assert_eq!(all.len(), 3);
        assert!(all.iter().all(|line| line.len() < 128 * 1024));
        let places: usize = all.iter().map(|line| line.split(',').count()).sum();
        assert_eq!(places, ids.len());
    }
}
