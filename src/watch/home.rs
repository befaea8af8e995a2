//! Which cluster a memory is of: not by the texts of its addresses, which may change while the
//! cluster stays the same, or stay the same while they lead to another one.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::failover::Roll;
use crate::model::Registrations;
use crate::registry::Registry;

/// What a cluster is known by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Home {
    /// ZooKeeper: the transaction and the time that made the masters' parent, whatever database is
    /// beside it: one that was promoted from a replica is the same cluster's. A registry in a
    /// database: the server, and its database.
    place: String,
    /// Who was registered in a database's tables. They go on there when another server takes its
    /// place.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    lives: BTreeSet<String>,
}

impl Home {
    /// Where a look has led; `None` where it does not show that.
    pub(super) fn of(
        registry: &dyn Registry,
        masters: &Registrations,
        roll: &Roll,
    ) -> Option<Self> {
        // Where nobody is, it may be nobody's.
        if masters.prove_nothing() {
            return None;
        }
        if registry.kind() == "zookeeper" {
            let changes = masters.changes?;
            let place = format!("zookeeper {:#x} {}", changes.parent, changes.made_at_ms);
            return Some(Self {
                place,
                lives: BTreeSet::new(),
            });
        }
        let endpoint = registry.endpoint();
        let place = match (registry.server(), endpoint.rsplit_once('/')) {
            (Some(server), Some((_, database))) => format!("{server}/{database}"),
            _ => endpoint.to_owned(),
        };
        Some(Self {
            place: format!("{} {place}", registry.kind()),
            lives: roll.lives().clone(),
        })
    }

    /// Whether both are the same cluster.
    pub(super) fn is_that(&self, earlier: &Self) -> bool {
        self.place == earlier.place || !self.lives.is_disjoint(&earlier.lives)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(place: &str, lives: &[&str]) -> Home {
        Home {
            place: place.to_owned(),
            lives: lives.iter().map(|life| (*life).to_owned()).collect(),
        }
    }

    #[test]
    fn a_place_or_who_lives_there_makes_a_cluster() {
        assert!(home("a", &[]).is_that(&home("a", &[])));
        assert!(home("b", &["1", "2"]).is_that(&home("a", &["2"])));
        assert!(!home("b", &["1"]).is_that(&home("a", &["2"])));
        assert!(!home("b", &[]).is_that(&home("a", &[])));
    }
}
