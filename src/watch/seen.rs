//! Registrations coming, going and coming back, told apart by address, session and start-up time. Pure.

use std::collections::BTreeMap;

use crate::model::{Address, Moment, Registrations};

use super::{Event, Kind};

/// What tells one life of a master from the next.
#[derive(Clone, Debug, PartialEq)]
struct Life {
    session: Option<String>,
    started_at: Option<Moment>,
}

/// The registrations of the last look.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    lives: BTreeMap<Address, Life>,
}

impl Seen {
    /// Takes a new look, and says what changed since the last one.
    pub(super) fn look(&mut self, masters: &Registrations) -> Vec<Event> {
        let now: BTreeMap<Address, Life> = masters
            .servers
            .iter()
            .map(|server| {
                let life = Life { session: server.session_id.clone(), started_at: server.heartbeat.started_at };
                (server.address.clone(), life)
            })
            .collect();
        let mut events = Vec::new();
        for (address, life) in &self.lives {
            if !now.contains_key(address) {
                let event = Event::new(Kind::MasterLost, "its registration is gone").about(address);
                events.push(event.with("session_id", life.session.clone()));
            }
        }
        for (address, life) in &now {
            let text = match self.lives.get(address) {
                None => "registered",
                Some(before) if before.session != life.session => "registered again, with another session",
                Some(before) if is_restart(before, life) => "says that it started anew",
                Some(_) => continue,
            };
            let event = Event::new(Kind::MasterRegistered, text).about(address);
            events.push(event.with("session_id", life.session.clone()));
        }
        self.lives = now;
        events
    }
}

/// A heartbeat that is not there yet, or cannot be read for once, is no restart.
fn is_restart(before: &Life, after: &Life) -> bool {
    matches!((&before.started_at, &after.started_at), (Some(before), Some(after)) if before != after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Heartbeat, Registration};

    fn masters(servers: &[(&str, &str, Option<i64>)]) -> Registrations {
        let servers = servers.iter().map(|(address, session, started)| Registration {
            address: Address::seen(*address),
            node: String::new(),
            session_id: Some((*session).to_owned()),
            created_at: None,
            modified_at: None,
            heartbeat: Heartbeat {
                started_at: started.map(|time| Moment::Instant(jiff::Timestamp::from_second(time).unwrap())),
                ..Heartbeat::default()
            },
        });
        Registrations { parent_exists: true, parent: String::new(), servers: servers.collect() }
    }

    fn words(events: &[Event]) -> Vec<String> {
        events.iter().map(|event| format!("{} {}", event.kind.word(), event.master.as_ref().unwrap())).collect()
    }

    #[test]
    fn coming_going_and_coming_back() {
        let mut seen = Seen::default();
        assert_eq!(words(&seen.look(&masters(&[("a:1", "1", Some(1)), ("b:1", "2", None)]))).len(), 2);
        assert!(seen.look(&masters(&[("a:1", "1", Some(1)), ("b:1", "2", Some(5))])).is_empty());
        // A heartbeat that cannot be read for once is no restart, and neither is its return.
        assert!(seen.look(&masters(&[("a:1", "1", Some(1)), ("b:1", "2", None)])).is_empty());
        assert_eq!(words(&seen.look(&masters(&[("a:1", "1", Some(1))]))), ["master_lost b:1"]);
        assert_eq!(words(&seen.look(&masters(&[("a:1", "9", Some(7))]))), ["master_registered a:1"]);
        assert_eq!(words(&seen.look(&masters(&[("a:1", "9", Some(8))]))), ["master_registered a:1"]);
        assert_eq!(seen.lives.len(), 1);
    }
}
