//! Registrations coming, going and coming back, distinguished by address, session and start-up
//! time. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Address, Moment, Registrations};

use super::What;
use super::event::News;

/// What distinguishes one run of a master from the next.
#[derive(Clone, Debug, PartialEq)]
struct Life {
    session: Option<String>,
    started_at: Option<Moment>,
}

/// The registrations of the last look.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    lives: BTreeMap<Address, Life>,
    /// Masters that were registered at some time, as long as they still are or instances name them.
    known: BTreeSet<Address>,
}

impl Seen {
    /// Whether this master was registered here before: then registry and database belong to the
    /// same cluster, even if all registered masters are new.
    pub(super) fn knows(&self, master: &Address) -> bool {
        self.known.contains(master)
    }

    /// Forgets masters that are neither registered nor dead with work.
    pub(super) fn forget_all_but(&mut self, dead: &BTreeSet<Address>) {
        self.known
            .retain(|master| self.lives.contains_key(master) || dead.contains(master));
    }

    /// Whether a look differs from the last one.
    pub(super) fn is_news(&self, masters: &Registrations) -> bool {
        !self.clone().look(masters).is_empty()
    }

    /// Takes a new look, and returns what changed since the last one.
    pub(super) fn look(&mut self, masters: &Registrations) -> Vec<What> {
        let now: BTreeMap<Address, Life> = masters
            .servers
            .iter()
            .map(|server| {
                let life = Life {
                    session: server.session_id.clone(),
                    started_at: server.heartbeat.started_at,
                };
                (server.address.clone(), life)
            })
            .collect();
        let mut changes = Vec::new();
        for (master, life) in &self.lives {
            if !now.contains_key(master) {
                changes.push(What::MasterLost {
                    master: master.clone(),
                    session_id: life.session.clone(),
                });
            }
        }
        for (master, life) in &now {
            let news = match self.lives.get(master) {
                None => News::Master,
                Some(before) if before.session != life.session => News::Session,
                Some(before) if is_restart(before, life) => News::Start,
                Some(_) => continue,
            };
            let (master, session_id) = (master.clone(), life.session.clone());
            changes.push(What::MasterRegistered {
                master,
                session_id,
                older_instances: None,
                news,
            });
        }
        self.known.extend(now.keys().cloned());
        self.lives = now;
        changes
    }
}

/// A heartbeat that is not there yet, or cannot be read once, is not a restart.
fn is_restart(before: &Life, after: &Life) -> bool {
    matches!((&before.started_at, &after.started_at), (Some(before), Some(after)) if before != after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Heartbeat, Registration};

    fn masters(servers: &[(&str, &str, Option<i64>)]) -> Registrations {
        let servers = servers
            .iter()
            .map(|(address, session, started)| Registration {
                address: Address::seen(*address),
                node: String::new(),
                session_id: Some((*session).to_owned()),
                created_at: None,
                modified_at: None,
                heartbeat: Heartbeat {
                    started_at: started
                        .map(|time| Moment::Instant(jiff::Timestamp::from_second(time).unwrap())),
                    ..Heartbeat::default()
                },
            });
        Registrations {
            parent_exists: true,
            parent: String::new(),
            servers: servers.collect(),
            changes: None,
        }
    }

    fn words(changes: &[What]) -> Vec<String> {
        changes
            .iter()
            .map(|change| format!("{} {}", change.kind().keyword(), change.master().unwrap()))
            .collect()
    }

    #[test]
    fn coming_going_and_coming_back() {
        let mut seen = Seen::default();
        assert_eq!(
            words(&seen.look(&masters(&[("a:1", "1", Some(1)), ("b:1", "2", None)]))).len(),
            2
        );
        assert!(
            seen.look(&masters(&[("a:1", "1", Some(1)), ("b:1", "2", Some(5))]))
                .is_empty()
        );
        // A heartbeat that cannot be read once is not a restart, and neither is its return.
        assert!(
            seen.look(&masters(&[("a:1", "1", Some(1)), ("b:1", "2", None)]))
                .is_empty()
        );
        assert_eq!(
            words(&seen.look(&masters(&[("a:1", "1", Some(1))]))),
            ["master_lost b:1"]
        );
        assert_eq!(
            words(&seen.look(&masters(&[("a:1", "9", Some(7))]))),
            ["master_registered a:1"]
        );
        assert_eq!(
            words(&seen.look(&masters(&[("a:1", "9", Some(8))]))),
            ["master_registered a:1"]
        );
        assert_eq!(seen.lives.len(), 1);
    }

    #[test]
    fn masters_of_this_cluster_are_known_while_they_matter() {
        let mut seen = Seen::default();
        let (gone, here, other) = (
            Address::seen("a:1"),
            Address::seen("b:1"),
            Address::seen("c:1"),
        );
        seen.look(&masters(&[("a:1", "1", None), ("b:1", "2", None)]));
        seen.look(&masters(&[("b:1", "2", None)]));
        seen.forget_all_but(&[gone.clone()].into());
        assert!(seen.knows(&gone) && seen.knows(&here) && !seen.knows(&other));
        seen.forget_all_but(&BTreeSet::new());
        assert!(!seen.knows(&gone) && seen.knows(&here));
    }
}
