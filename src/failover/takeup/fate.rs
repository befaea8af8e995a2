//! What a row shows about an instance that was handed over and has no waiting command. Pure.

use super::lives::Lives;
use crate::failover::handed_over::HandedOver;
use crate::family::{Claim, Release};
use crate::model::{Instance, Registrations};

/// What a row shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// A registered master has it, or it has ended without a failure.
    TakenUp,
    /// It is as the hand-over left it.
    Untouched,
    /// Neither.
    Other(&'static str),
}

/// The meaning of an instance that has ended: it does not change by itself any more.
pub(super) const ENDED: &str = "it has ended, but not by running to its end";

const GONE: &str = "its row is gone";
const NOT_WRITTEN: &str = "no master has written its address into it, but its state was changed";
const NOT_REGISTERED: &str = "its new master is not registered";
const IN_BETWEEN: &str = "it is neither running nor ended";
const RESTARTED: &str = "its new master was registered again since it took the instance up, and may have forgotten it; \
     if it does not go on, 'dsctl failover MASTER --allow-restarted' hands it over";

/// States of every release (F§6.1): `PAUSE`, `STOP`, `FAILURE`, `SUCCESS`, and the states that lead
/// to the first two.
const PAUSE: i64 = 3;
const STOP: i64 = 5;
const FAILURE: i64 = 6;
const SUCCESS: i64 = 7;
const READY_PAUSE: i64 = 2;
const READY_STOP: i64 = 4;

pub(super) fn of(
    release: &Release,
    was: &HandedOver,
    row: Option<&Instance>,
    masters: &Registrations,
) -> Fate {
    let Some(row) = row else {
        return Fate::Other(GONE);
    };
    let family = release.family;
    let ended = matches!(row.state, Some(PAUSE | STOP | FAILURE | SUCCESS));
    if family.claim.is_on(row) {
        return if ended {
            Fate::Other(ENDED)
        } else {
            Fate::Untouched
        };
    }
    if !shows_take_up(release, was, row) {
        return Fate::Other(if ended { ENDED } else { NOT_WRITTEN });
    }
    match row.state {
        Some(SUCCESS) => Fate::TakenUp,
        Some(PAUSE) if was.state == Some(READY_PAUSE) => Fate::TakenUp,
        Some(STOP) if was.state == Some(READY_STOP) => Fate::TakenUp,
        _ if ended => Fate::Other(ENDED),
        state if !family.is_unfinished(state) => Fate::Other(IN_BETWEEN),
        _ if release.recovered_looks_unfinished() || is_registered(row, masters) => Fate::TakenUp,
        _ => Fate::Other(NOT_REGISTERED),
    }
}

impl Fate {
    /// The same, unless its master was registered again since an earlier look saw the take-up.
    pub(super) fn among(
        self,
        lives: &mut Lives,
        row: Option<&Instance>,
        masters: &Registrations,
    ) -> Self {
        let Some(row) = row else {
            return self;
        };
        match (self, row.state) {
            (Self::TakenUp, Some(PAUSE | STOP | FAILURE | SUCCESS)) => self,
            (Self::TakenUp, _) if lives.restarted_since(row, masters) => Self::Other(RESTARTED),
            // A master that is not registered for a moment may still be the same one.
            (Self::TakenUp | Self::Other(_), _) => self,
            (Self::Untouched, _) => {
                lives.forget(row.id);
                self
            }
        }
    }
}

/// Whether the row has what a master writes when it takes an instance up.
fn shows_take_up(release: &Release, was: &HandedOver, row: &Instance) -> bool {
    match release.family.claim {
        // The hand-over left a text that names no master.
        Claim::Host(_) => true,
        // Only the state; the dead master's address stays.
        Claim::State(_) if release.recovered_looks_unfinished() => true,
        // Host and time. A master that is registered again may be the one that takes its own work
        // up.
        Claim::State(_) => {
            row.host.as_deref() != Some(was.master.as_str()) || row.restart_time != was.restart_time
        }
    }
}

fn is_registered(row: &Instance, masters: &Registrations) -> bool {
    row.host.as_deref().is_some_and(|host| {
        masters
            .servers
            .iter()
            .any(|master| master.address.as_str() == host)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::{FamilyId, by_id};
    use crate::model::{Address, Heartbeat, Registration, Version, VersionRange};

    const NEW: Option<&str> = Some("new:1");
    const THEN: &str = "2024-06-01T02:00:00";
    const NOW: &str = "2024-06-01T03:00:00";

    fn release(id: FamilyId, version: Version) -> Release {
        Release {
            family: by_id(id),
            range: VersionRange::new(version, version),
            contradictions: Vec::new(),
        }
    }

    fn masters() -> Registrations {
        let server = |address| Registration {
            address: Address::seen(address),
            node: String::new(),
            session_id: None,
            created_at: None,
            modified_at: None,
            heartbeat: Heartbeat::default(),
        };
        Registrations {
            parent_exists: true,
            parent: String::new(),
            servers: vec![server("new:1")],
            changes: None,
        }
    }

    fn fate(
        release: &Release,
        was_state: i64,
        state: i64,
        host: Option<&str>,
        restarted: &str,
    ) -> Fate {
        let was = HandedOver {
            instance: 1,
            command: Some(1),
            master: Address::seen("old:1"),
            state: Some(was_state),
            restart_time: THEN.parse().ok(),
        };
        let row = Instance {
            host: host.map(Into::into),
            state: Some(state),
            restart_time: restarted.parse().ok(),
            ..Instance::default()
        };
        of(release, &was, Some(&row), &masters())
    }

    #[test]
    fn a_host_that_was_replaced() {
        let old = release(FamilyId::V3_1, Version::new(3, 1, 9));
        let fate = |was, state, host| fate(&old, was, state, host, NOW);
        assert_eq!(fate(1, 1, Some("NULL")), Fate::Untouched);
        assert_eq!(fate(1, 7, Some("NULL")), Fate::Other(ENDED));
        assert_eq!(fate(1, 1, NEW), Fate::TakenUp);
        assert_eq!(fate(1, 1, Some("gone:1")), Fate::Other(NOT_REGISTERED));
        assert_eq!(fate(1, 7, Some("gone:1")), Fate::TakenUp);
        assert_eq!(fate(1, 14, NEW), Fate::Other(IN_BETWEEN));
        // A serial workflow that is discarded; one that was being stopped.
        assert_eq!(fate(1, 5, NEW), Fate::Other(ENDED));
        assert_eq!(fate(4, 5, NEW), Fate::TakenUp);
        assert_eq!(fate(2, 3, NEW), Fate::TakenUp);
        assert_eq!(fate(4, 3, NEW), Fate::Other(ENDED));
        assert_eq!(fate(1, 6, NEW), Fate::Other(ENDED));
    }

    #[test]
    fn a_state_that_was_replaced() {
        let new = release(FamilyId::V3_3, Version::new(3, 4, 2));
        let seen = |state, host, restarted| fate(&new, 1, state, host, restarted);
        assert_eq!(seen(18, Some("old:1"), THEN), Fate::Untouched);
        assert_eq!(seen(1, NEW, NOW), Fate::TakenUp);
        assert_eq!(seen(1, Some("old:1"), THEN), Fate::Other(NOT_WRITTEN));
        assert_eq!(seen(1, Some("old:1"), NOW), Fate::Other(NOT_REGISTERED));
        assert_eq!(seen(6, Some("old:1"), THEN), Fate::Other(ENDED));
        assert_eq!(seen(7, Some("old:1"), THEN), Fate::Other(ENDED));
        assert_eq!(seen(7, NEW, NOW), Fate::TakenUp);
        let alpha = release(FamilyId::V3_3, "3.3.0-alpha".parse().unwrap());
        assert_eq!(fate(&alpha, 1, 1, Some("old:1"), THEN), Fate::TakenUp);
        assert_eq!(
            of(
                &new,
                &HandedOver::of(&Instance::default(), &Address::seen("old:1"), &[].into()),
                None,
                &masters()
            ),
            Fate::Other(GONE)
        );
    }
}
