//! Which cluster a saved state belongs to. Addresses do not tell: they may change while the cluster
//! stays the same, or stay the same and lead to another one.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::failover::RegistrySnapshot;
use crate::model::Registrations;
use crate::registry::Registry;

/// The identity of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterIdentity {
    /// ZooKeeper: the transaction and the time that created the masters' parent node, whatever the
    /// database is: one that was promoted from a replica belongs to the same cluster. A registry in
    /// a database: the server, and its database.
    place: String,
    /// The masters that were registered in a database's tables. They stay registered there when
    /// another server takes its place.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    lives: BTreeSet<String>,
}

impl ClusterIdentity {
    /// The cluster that these registrations belong to; `None` if they do not show it.
    pub(super) fn of(
        registry: &dyn Registry,
        masters: &Registrations,
        roll: &RegistrySnapshot,
    ) -> Option<Self> {
        // Without any registration it may be any cluster's.
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
    pub(super) fn is_same_cluster(&self, earlier: &Self) -> bool {
        self.place == earlier.place || !self.lives.is_disjoint(&earlier.lives)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(place: &str, lives: &[&str]) -> ClusterIdentity {
        ClusterIdentity {
            place: place.to_owned(),
            lives: lives.iter().map(|life| (*life).to_owned()).collect(),
        }
    }

    #[test]
    fn a_place_or_who_lives_there_makes_a_cluster() {
        assert!(home("a", &[]).is_same_cluster(&home("a", &[])));
        assert!(home("b", &["1", "2"]).is_same_cluster(&home("a", &["2"])));
        assert!(!home("b", &["1"]).is_same_cluster(&home("a", &["2"])));
        assert!(!home("b", &[]).is_same_cluster(&home("a", &[])));
    }
}
