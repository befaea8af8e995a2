//! The rule that no fault may break: each instance is as it was, or claimed and with exactly one
//! recovery command.

use std::collections::{BTreeMap, BTreeSet};

use super::{DEAD, World, claims_by_state};

impl World {
    /// Claimed instances. Fails unless every other cell of every row is as it was: only the claim
    /// may differ, only in instances of the dead master, and only commands may be new.
    #[track_caller]
    fn claimed(&self) -> BTreeSet<i64> {
        let table = self.table();
        let claim = |id: i64, host: &str| {
            let cells = if claims_by_state(self.version) {
                r#"state "1" -> "18""#.to_owned()
            } else {
                format!(r#"host "{host}" -> "NULL""#)
            };
            format!(r#"~ {table} "{id}": {cells}"#)
        };
        let others = self.others.iter().map(|(id, host)| (claim(*id, host), *id));
        let allowed: BTreeMap<String, i64> = self
            .ids
            .iter()
            .map(|id| (claim(*id, DEAD), *id))
            .chain(others)
            .collect();
        let put_back: BTreeSet<String> = self
            .ids
            .iter()
            .map(|id| format!(r#"~ {table} "{id}":"#))
            .collect();
        let mut claimed = BTreeSet::new();
        let before = self.before.as_ref().expect("a table that is not great");
        for change in before.changes(&self.env.dump()) {
            // MySQL's schema has this column follow every change of a row by itself.
            let change = change
                .split_once(" update_time ")
                .map_or(change.as_str(), |(change, _)| change);
            match allowed.get(change) {
                Some(id) => _ = claimed.insert(*id),
                // Claimed once, and put back by `reset`.
                None if put_back.contains(change) => {}
                None => assert!(
                    is_beside_the_point(change),
                    "nobody may have changed this:\n{change}"
                ),
            }
        }
        claimed
    }

    /// The rule: each instance is as it was, or claimed and with exactly one recovery command.
    /// Gives the claimed ones.
    #[track_caller]
    pub fn check(&self) -> BTreeSet<i64> {
        let (claimed, commands) = (self.claimed(), self.commands());
        assert!(
            commands.values().all(|count| *count == 1),
            "more than one command: {commands:?}"
        );
        let commanded: BTreeSet<i64> = commands.into_keys().collect();
        assert_eq!(
            claimed, commanded,
            "claims on the left, commands on the right"
        );
        claimed
    }

    /// The rule, and every instance is claimed.
    #[track_caller]
    pub fn check_complete(&self) {
        assert_eq!(self.check(), self.ids);
    }

    /// The rule, and nothing is done yet.
    #[track_caller]
    pub fn check_untouched(&self) {
        assert!(self.check().is_empty());
    }
}

/// What may change without being part of the rule: new commands, which are counted, and the JDBC
/// registry's own tables.
fn is_beside_the_point(change: &str) -> bool {
    change.starts_with("+ t_ds_command ") || change[2..].starts_with("t_ds_jdbc_registry_")
}
