//! The proof that a master was absent all the time, and the proof that it is alive although it is
//! not registered.

use std::collections::BTreeSet;
use std::fmt;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::{FailoverError, Refusal};
use crate::family::Release;
use crate::metadata::{Mark, MetadataStore, Sign};
use crate::model::{Address, Changes, Instance, Registrations};

/// The registered masters at one moment, kept to be compared with a later one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistrySnapshot {
    /// The registry, and the masters' parent in it.
    place: String,
    /// How often a registration had come or gone, if the registry counts that.
    changes: Option<Changes>,
    /// One text for each registration; after a restart a master has another one.
    lives: BTreeSet<String>,
}

/// What happened between two moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Between {
    /// Only the changes that both moments show.
    Nothing,
    /// A registration came and went that neither moment shows.
    Something,
    /// This registry keeps no count.
    NotCounted,
}

impl RegistrySnapshot {
    /// Made from one look at a registry.
    #[must_use]
    pub fn of(endpoint: &str, masters: &Registrations) -> Self {
        let life = |server: &crate::model::Registration| {
            let session = server.session_id.as_deref().unwrap_or_default();
            let made = server
                .created_at
                .map(Timestamp::as_millisecond)
                .unwrap_or_default();
            format!("{} {session} {made}", server.node)
        };
        Self {
            place: format!("{endpoint} {}", masters.parent),
            changes: masters.changes,
            lives: masters.servers.iter().map(life).collect(),
        }
    }

    /// One text for each registration.
    pub(crate) fn lives(&self) -> &BTreeSet<String> {
        &self.lives
    }

    /// Whether the registry counts its changes.
    #[must_use]
    pub fn is_counted(&self) -> bool {
        self.changes.is_some()
    }

    /// What happened since an earlier moment. ZooKeeper counts every change: if the count has grown
    /// by more than what both moments show, another registration existed in between.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Between {
        if self.place != earlier.place {
            return Between::Something;
        }
        let (now, then) = match (self.changes, earlier.changes) {
            (Some(now), Some(then)) => (now, then),
            (None, None) => return Between::NotCounted,
            _ => return Between::Something,
        };
        let shown = self.lives.symmetric_difference(&earlier.lives).count();
        let counted = i64::from(now.count.wrapping_sub(then.count));
        if (now.parent, now.made_at_ms) == (then.parent, then.made_at_ms)
            && i64::try_from(shown) == Ok(counted)
        {
            Between::Nothing
        } else {
            Between::Something
        }
    }
}

/// What was seen when a master was found absent, and must hold until its failover is committed.
#[derive(Clone, Debug)]
pub struct AbsenceProof {
    /// The registered masters at the last look.
    pub roll: RegistrySnapshot,
    /// The rows when the absence started.
    pub mark: Mark,
    /// When that look was; `None` if another process looked.
    pub looked: Option<Instant>,
    /// How long a registry that keeps no count may have gone without a look.
    pub longest: Duration,
    /// How long an absence that is no longer proven is observed again; `None`: the failover is
    /// refused instead.
    pub again: Option<Duration>,
}

impl AbsenceProof {
    /// Whether a registry that keeps no count was not looked at for too long: a master may have
    /// come and gone.
    pub(super) fn is_stale(&self) -> bool {
        !self.roll.is_counted()
            && self
                .looked
                .is_none_or(|looked| looked.elapsed() > self.longest)
    }
}

/// How long a registry that keeps no count may go without a look by a caller that looks
/// continuously.
pub(super) const LONGEST: Duration = Duration::from_secs(6);

/// Checks, under the lock, which may have been waited for, that no master came and went since the
/// last look.
///
/// # Errors
/// [`Refusal::CameAndWent`].
pub(super) fn ensure_away(
    endpoint: &str,
    masters: &Registrations,
    before: Option<&AbsenceProof>,
    address: &Address,
) -> Result<(), Refusal> {
    let Some(before) = before else { return Ok(()) };
    let proven = match RegistrySnapshot::of(endpoint, masters).since(&before.roll) {
        Between::Nothing => true,
        Between::Something => false,
        Between::NotCounted => !before.is_stale(),
    };
    if proven {
        Ok(())
    } else {
        Err(Refusal::CameAndWent(address.clone()))
    }
}

/// The sign of life of a master that is not registered: work that it has started since it was lost,
/// or a change to the work that it had. In a release where a taken-up instance keeps the dead
/// master's address, only the former counts.
///
/// # Errors
/// The database's own.
pub async fn sign_of_life(
    store: &mut MetadataStore,
    address: &Address,
    mark: &Mark,
) -> Result<Option<Sign>, FailoverError> {
    match store.sign_since(address.as_str(), mark).await? {
        None if !store.release().recovered_looks_unfinished() => {
            Ok(store.change_since(address.as_str(), mark).await?)
        }
        sign => Ok(sign),
    }
}

/// Checks that there is no sign of life.
///
/// # Errors
/// [`Refusal::ShowsLife`], those of the database.
pub(super) async fn ensure_no_sign(
    store: &mut MetadataStore,
    address: &Address,
    mark: &Mark,
) -> Result<(), FailoverError> {
    refuse(address, sign_of_life(store, address, mark).await?)
}

fn refuse(address: &Address, sign: Option<Sign>) -> Result<(), FailoverError> {
    sign.map_or(Ok(()), |sign| {
        Err(Refusal::ShowsLife {
            address: address.clone(),
            sign,
        }
        .into())
    })
}

/// Checks that none of these unfinished instances was taken up by the master that they name since
/// it was lost.
///
/// # Errors
/// [`Refusal::ShowsLife`].
pub(super) fn ensure_none_taken_up(
    release: &Release,
    address: &Address,
    mark: &Mark,
    instances: &[Instance],
) -> Result<(), FailoverError> {
    let is_taken_up = |instance: &&Instance| mark.is_taken_up(address.as_str(), instance.id);
    let found = instances
        .iter()
        .find(is_taken_up)
        .filter(|_| !release.recovered_looks_unfinished());
    refuse(address, found.map(|instance| Sign::TakenUp(instance.id)))
}

/// Checks that a row which has changed since it was read shows no sign of life of the master that
/// it named.
///
/// # Errors
/// [`Refusal::ShowsLife`].
pub(super) fn ensure_changed_by_others(
    store: &MetadataStore,
    address: &Address,
    row: &Instance,
) -> Result<(), FailoverError> {
    let names_it = row.host.as_deref() == Some(address.as_str());
    let others = !names_it || store.release().recovered_looks_unfinished();
    let sign =
        (!others && !store.may_be_by_others(row.state, true)).then_some(Sign::Changed(row.id));
    refuse(address, sign)
}

/// Checks that a master which is not registered has started nothing since it was lost. Once some of
/// its instances are handed over, tasks may be another master's in a release where a taken-up
/// instance keeps the dead master's address.
///
/// # Errors
/// [`Refusal::ShowsLife`], those of the database.
pub(super) async fn ensure_still(
    store: &mut MetadataStore,
    mark: &Mark,
    address: &Address,
    handed_over: bool,
) -> Result<(), FailoverError> {
    let tasks_prove = !(handed_over && store.release().recovered_looks_unfinished());
    match store.sign_since(address.as_str(), mark).await? {
        Some(Sign::Task { .. }) if !tasks_prove => Ok(()),
        sign => refuse(address, sign),
    }
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instance(id) => write!(
                f,
                "instance {id} names it and was written after it was first found lost or in doubt"
            ),
            Self::Task { task, instance } => {
                write!(
                    f,
                    "task {task} of its instance {instance} was written after it was first found lost or in doubt"
                )
            }
            Self::TakenUp(id) => write!(
                f,
                "instance {id} names it, which it did not when it was first found lost or in doubt"
            ),
            Self::Changed(id) => write!(
                f,
                "instance {id} names it and was changed after it was first found lost or in doubt"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Heartbeat, Registration};

    fn roll(count: Option<i32>, sessions: &[(&str, &str)]) -> RegistrySnapshot {
        let server = |(address, session): &(&str, &str)| Registration {
            address: Address::seen(*address),
            node: format!("/nodes/master/{address}"),
            session_id: Some((*session).to_owned()),
            created_at: None,
            modified_at: None,
            heartbeat: Heartbeat::default(),
        };
        let masters = Registrations {
            parent_exists: true,
            parent: "/nodes/master".to_owned(),
            servers: sessions.iter().map(server).collect(),
            changes: count.map(|count| Changes {
                parent: 3,
                made_at_ms: 0,
                count,
            }),
        };
        RegistrySnapshot::of("zk", &masters)
    }

    #[test]
    fn changes_between_two_looks_are_counted() {
        let before = roll(Some(7), &[("a:1", "1"), ("b:1", "2")]);
        assert_eq!(
            roll(Some(7), &[("a:1", "1"), ("b:1", "2")]).since(&before),
            Between::Nothing
        );
        // One went, one came, one restarted: both moments show all of that.
        assert_eq!(
            roll(Some(8), &[("a:1", "1")]).since(&before),
            Between::Nothing
        );
        assert_eq!(
            roll(Some(8), &[("a:1", "1"), ("b:1", "2"), ("c:1", "3")]).since(&before),
            Between::Nothing
        );
        assert_eq!(
            roll(Some(9), &[("a:1", "1"), ("b:1", "9")]).since(&before),
            Between::Nothing
        );
        // Another one as well.
        assert_eq!(
            roll(Some(9), &[("a:1", "1"), ("b:1", "2")]).since(&before),
            Between::Something
        );
        assert_eq!(
            roll(Some(10), &[("a:1", "1")]).since(&before),
            Between::Something
        );
        assert_eq!(
            roll(Some(6), &[("a:1", "1"), ("b:1", "2")]).since(&before),
            Between::Something
        );
    }

    #[test]
    fn another_place_and_another_parent_prove_nothing() {
        let before = roll(Some(7), &[("a:1", "1")]);
        let mut other = before.clone();
        other.place = "elsewhere".to_owned();
        assert_eq!(other.since(&before), Between::Something);
        let mut other = before.clone();
        other.changes = Some(Changes {
            parent: 4,
            made_at_ms: 0,
            count: 7,
        });
        assert_eq!(other.since(&before), Between::Something);
        assert_eq!(
            roll(None, &[("a:1", "1")]).since(&before),
            Between::Something
        );
        assert_eq!(
            roll(None, &[]).since(&roll(None, &[("a:1", "1")])),
            Between::NotCounted
        );
    }

    #[test]
    fn the_count_may_overflow() {
        let before = roll(Some(i32::MAX), &[]);
        assert_eq!(
            roll(Some(i32::MIN), &[("a:1", "1")]).since(&before),
            Between::Nothing
        );
    }
}
