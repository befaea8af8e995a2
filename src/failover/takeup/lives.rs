//! Under which registration each instance was seen to be taken up. Pure.
//!
//! A master that is registered again has the same address, and most likely nothing of what it had in
//! memory before.

use std::collections::HashMap;

use jiff::civil::DateTime;

use crate::model::{Instance, InstanceId, Registration, Registrations};

/// The master that has an instance, as it was first seen to have it.
#[derive(Debug, PartialEq, Eq)]
struct Sighting {
    host: String,
    /// When that run of the instance began.
    restart_time: Option<DateTime>,
    session: String,
}

impl Sighting {
    /// `None` if its master is not registered, or with an entry of no session.
    fn of(row: &Instance, masters: &Registrations) -> Option<Self> {
        let host = row.host.as_deref()?;
        let registration = masters
            .servers
            .iter()
            .find(|master| master.address.as_str() == host)?;
        let Registration { session_id, .. } = registration;
        Some(Self {
            host: host.to_owned(),
            restart_time: row.restart_time,
            session: session_id.clone()?,
        })
    }

    /// Whether the other one is the same run of the instance, under another session.
    fn is_before(&self, now: &Self) -> bool {
        self.host == now.host
            && self.restart_time == now.restart_time
            && self.session != now.session
    }
}

/// The lives of the masters that have taken instances up, by instance.
#[derive(Debug, Default)]
pub(super) struct Lives(HashMap<InstanceId, Sighting>);

impl Lives {
    /// Whether the master that has this instance, which is not at its end, was seen to have taken it up
    /// under an earlier registration. Otherwise this one is kept for the next look.
    pub(super) fn restarted_since(&mut self, row: &Instance, masters: &Registrations) -> bool {
        let Some(now) = Sighting::of(row, masters) else {
            return false;
        };
        if self.0.get(&row.id).is_some_and(|then| then.is_before(&now)) {
            return true;
        }
        self.0.insert(row.id, now);
        false
    }

    /// It is nobody's: whoever takes it up now is the first.
    pub(super) fn forget(&mut self, instance: InstanceId) {
        self.0.remove(&instance);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Address, Heartbeat};

    fn masters(sessions: &[(&str, Option<&str>)]) -> Registrations {
        let server = |(address, session): &(&str, Option<&str>)| Registration {
            address: Address::seen(*address),
            node: String::new(),
            session_id: session.map(str::to_owned),
            created_at: None,
            modified_at: None,
            heartbeat: Heartbeat::default(),
        };
        Registrations {
            parent_exists: true,
            parent: String::new(),
            servers: sessions.iter().map(server).collect(),
            changes: None,
        }
    }

    fn row(host: &str, run: &str) -> Instance {
        Instance {
            id: 1,
            host: Some(host.into()),
            restart_time: run.parse().ok(),
            ..Instance::default()
        }
    }

    #[test]
    fn a_master_with_another_session_has_forgotten_what_it_had() {
        let (run, later) = ("2026-06-01T00:00:00", "2026-06-01T00:01:00");
        let [old, new] = ["0x1", "0x2"].map(|session| masters(&[("n:1", Some(session))]));
        let mut lives = Lives::default();
        assert!(!lives.restarted_since(&row("n:1", run), &old));
        assert!(!lives.restarted_since(&row("n:1", run), &old));
        assert!(
            !lives.restarted_since(&row("n:1", run), &masters(&[])),
            "gone is another finding"
        );
        assert!(lives.restarted_since(&row("n:1", run), &new));
        assert!(lives.restarted_since(&row("n:1", run), &new), "it stays so");
        assert!(
            !lives.restarted_since(&row("n:1", later), &new),
            "another run"
        );
        lives.forget(1);
        assert!(!lives.restarted_since(&row("n:1", later), &old));
        let nobodys = masters(&[("n:1", None)]);
        assert!(!lives.restarted_since(&row("n:1", later), &nobodys));
        assert!(!lives.restarted_since(&row("m:1", later), &masters(&[("m:1", Some("0x3"))])));
    }
}
