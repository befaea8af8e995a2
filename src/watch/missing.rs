//! Since when masters are missing, as far as looks at the registry prove it, and which rows they
//! had then. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::failover::{AbsenceProof, Between, RegistrySnapshot};
use crate::metadata::Mark;

/// One look at the registry, kept for comparison with the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// The masters that were registered.
    pub roll: RegistrySnapshot,
    /// When, in epoch milliseconds.
    pub at_ms: i64,
    /// When, by the monotonic clock; `None` if another process looked.
    pub steady: Option<Instant>,
}

impl Look {
    /// Why this look and the earlier one do not prove that a master missing in both was away all
    /// the time in between; `None` if they do. A registry that counts changes misses none. With any
    /// other, no more than `longest` may lie between the looks.
    fn doubt(&self, earlier: &Self, longest: Duration) -> Option<&'static str> {
        match self.roll.since(&earlier.roll) {
            Between::Nothing => None,
            Between::Something => Some("a master came and went between two looks"),
            Between::NotCounted => {
                let wall = self.at_ms.saturating_sub(earlier.at_ms);
                let steady = self
                    .steady
                    .zip(earlier.steady)
                    .map(|(now, then)| now.saturating_duration_since(then));
                let within =
                    u64::try_from(wall).is_ok_and(|wall| Duration::from_millis(wall) <= longest);
                // If the wall clock was set back, the monotonic clock shows it.
                let fits =
                    steady.map_or(within, |steady| steady <= longest && (within || wall < 0));
                (!fits).then_some(
                    "the registry was not read for longer than --interval, and this registry does \
                     not count its changes",
                )
            }
        }
    }
}

/// An absence that is proven from its beginning up to the last look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Absence {
    /// When it was first seen, in epoch milliseconds.
    pub since: i64,
    /// The rows it had then.
    pub mark: Option<Mark>,
}

/// Why absences begin again where another clock has dated them. Rounds of cron that change machines never
/// see a grace time end: an operator must hear of it.
pub(super) const ANOTHER_CLOCK: &str = "the saved record of it is of another machine or an earlier boot, whose clock may have been another one";

/// How many masters that left without work are remembered; the last ones are.
const MOST_IDLE: usize = 100;

/// The registrations seen, and since when masters with work are missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// By address.
    pub absences: BTreeMap<String, Absence>,
    /// Masters that are not registered but have shown a sign of life: what they were seen to start.
    /// It stays until they register, or no instance names them any more.
    pub alive: BTreeMap<String, String>,
    /// Masters that lost their registration while they had no work, and the rows they had then:
    /// work that such a master has later was started without a registration.
    pub idle: BTreeMap<String, Absence>,
    /// The registered masters at the last look that found any, however long ago.
    pub registered: BTreeSet<String>,
    /// The last look.
    pub last: Option<Look>,
    /// Whether the last look found no master at all.
    pub blind: bool,
    /// Why absences start again, until that is reported.
    pub doubt: Option<&'static str>,
}

impl Missing {
    /// Takes a look into account. Absences that are not proven to have lasted start again.
    ///
    /// After a time without any master every grace time starts again: that was a failure of the
    /// registry and not of a master. So no absence from that time is kept, for this process or the
    /// next.
    pub fn observe(
        &mut self,
        look: Look,
        registered: BTreeSet<String>,
        allow_nobody: bool,
        longest: Duration,
    ) {
        let doubt = match &self.last {
            Some(last) => look.doubt(last, longest),
            None => Some("the saved record of it is not proven"),
        };
        if doubt.is_some() {
            self.idle.clear();
        }
        if doubt.is_some() && !self.absences.is_empty() {
            self.doubt = doubt;
            self.absences.clear();
        }
        self.blind = registered.is_empty() && !allow_nobody;
        if self.blind {
            self.absences.clear();
            self.idle.clear();
        }
        self.absences
            .retain(|address, _| !registered.contains(address));
        self.alive
            .retain(|address, _| !registered.contains(address));
        self.idle.retain(|address, _| !registered.contains(address));
        // If all of them went together, the registry failed: a master that does not come back with
        // the others counts as lost then.
        if !self.blind {
            self.record_lost(registered, look.at_ms);
        }
        self.last = Some(look);
    }

    /// Lets each absence begin at this time, in epoch milliseconds: how long it has lasted so far is
    /// not known, since the saved times are those of another clock. What rows the masters had is kept.
    pub(super) fn begin_again(&mut self, at_ms: i64) {
        if !self.absences.is_empty() {
            self.doubt = Some(ANOTHER_CLOCK);
        }
        for absence in self.absences.values_mut() {
            absence.since = at_ms;
        }
    }

    /// Records the registrations that are gone.
    fn record_lost(&mut self, registered: BTreeSet<String>, at_ms: i64) {
        let before = std::mem::replace(&mut self.registered, registered);
        for lost in before.difference(&self.registered) {
            self.idle.entry(lost.clone()).or_insert(Absence {
                since: at_ms,
                mark: None,
            });
        }
        while self.idle.len() > MOST_IDLE {
            let oldest = self.idle.iter().min_by_key(|(_, absence)| absence.since);
            let Some(oldest) = oldest.map(|(address, _)| address.clone()) else {
                break;
            };
            self.idle.remove(&oldest);
        }
    }

    /// Whether it was registered at the last look.
    #[must_use]
    pub fn is_registered(&self, address: &str) -> bool {
        !self.blind && self.registered.contains(address)
    }

    /// Names the masters that have work and are not registered: their absence starts now, if it has
    /// not started yet.
    pub fn name(&mut self, dead: &BTreeSet<String>, now: i64) {
        self.absences.retain(|address, _| dead.contains(address));
        self.alive.retain(|address, _| dead.contains(address));
        for address in dead {
            self.begin(address, now);
        }
    }

    /// Starts an absence, if it has not started yet.
    pub fn begin(&mut self, address: &str, now: i64) {
        if self.blind {
            return;
        }
        let mark = self.idle.get(address).and_then(|idle| idle.mark.clone());
        let absence = self
            .absences
            .entry(address.to_owned())
            .or_insert(Absence { since: now, mark });
        // A clock that was set back must not make the grace time longer than it is.
        absence.since = absence.since.min(now);
    }

    /// Masters whose absence lacks its mark.
    #[must_use]
    pub fn without_mark(&self) -> BTreeSet<String> {
        let all = self.absences.iter().chain(&self.idle);
        all.filter(|(_, absence)| absence.mark.is_none())
            .map(|(address, _)| address.clone())
            .collect()
    }

    /// Sets the mark of an absence.
    pub fn mark(&mut self, address: &str, mark: &Mark) {
        let both = [self.absences.get_mut(address), self.idle.get_mut(address)];
        for absence in both
            .into_iter()
            .flatten()
            .filter(|absence| absence.mark.is_none())
        {
            absence.mark = Some(mark.clone());
        }
    }

    /// What must still hold when its failover is committed; `longest` as for [`Missing::observe`].
    #[must_use]
    pub fn before(&self, address: &str, longest: Duration) -> Option<AbsenceProof> {
        let mark = self.absences.get(address)?.mark.clone()?;
        let last = self.last.as_ref()?;
        Some(AbsenceProof {
            roll: last.roll.clone(),
            mark,
            looked: last.steady,
            longest,
            again: None,
        })
    }

    /// The registry could not be seen: earlier absences are no longer proven.
    pub fn discard_absences(&mut self) {
        self.absences.clear();
        self.idle.clear();
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Address, Changes, Heartbeat, Registration, Registrations};

    fn dead(addresses: &[&str]) -> BTreeSet<String> {
        addresses
            .iter()
            .map(|address| (*address).to_owned())
            .collect()
    }

    const LONGEST: Duration = Duration::from_secs(30);

    /// A look by another process, at a registry with or without a count.
    fn look(count: Option<i32>, registered: &[&str], at_ms: i64) -> Look {
        let server = |address: &&str| Registration {
            address: Address::seen(*address),
            node: (*address).to_owned(),
            session_id: None,
            created_at: None,
            modified_at: None,
            heartbeat: Heartbeat::default(),
        };
        let changes = count.map(|count| Changes {
            parent: 1,
            made_at_ms: 0,
            count,
        });
        let servers = registered.iter().map(server).collect();
        let masters = Registrations {
            parent_exists: true,
            parent: String::new(),
            servers,
            changes,
        };
        Look {
            roll: RegistrySnapshot::of("registry", &masters),
            at_ms,
            steady: None,
        }
    }

    /// A master `l:1` lives; these are dead with work.
    fn round(missing: &mut Missing, names: &[&str], at_ms: i64) {
        missing.observe(look(None, &["l:1"], at_ms), dead(&["l:1"]), false, LONGEST);
        missing.name(&dead(names), at_ms);
    }

    fn since(missing: &Missing) -> BTreeMap<&str, i64> {
        missing
            .absences
            .iter()
            .map(|(address, absence)| (address.as_str(), absence.since))
            .collect()
    }

    #[test]
    fn a_master_that_comes_back_is_forgotten_and_starts_again() {
        let mut missing = Missing::default();
        round(&mut missing, &["a:1", "b:1"], 1_000);
        round(&mut missing, &["b:1"], 2_000);
        round(&mut missing, &["a:1", "b:1"], 3_000);
        assert_eq!(
            since(&missing),
            BTreeMap::from([("a:1", 3_000), ("b:1", 1_000)])
        );
        missing.observe(
            look(None, &["l:1", "b:1"], 4_000),
            dead(&["l:1", "b:1"]),
            false,
            LONGEST,
        );
        assert_eq!(since(&missing), BTreeMap::from([("a:1", 3_000)]));
    }

    #[test]
    fn what_was_missing_while_nothing_could_be_seen_proves_nothing() {
        let mut missing = Missing::default();
        round(&mut missing, &["a:1"], 1_000);
        missing.discard_absences();
        round(&mut missing, &["a:1"], 2_000);
        assert_eq!(since(&missing)["a:1"], 2_000);
        // All masters gone together, and one back: the others have the whole grace time to follow.
        missing.observe(look(None, &[], 3_000), dead(&[]), false, LONGEST);
        missing.name(&dead(&["a:1", "b:1"]), 3_000);
        assert!(missing.blind && missing.absences.is_empty());
        round(&mut missing, &["a:1"], 4_000);
        round(&mut missing, &["a:1"], 5_000);
        assert_eq!(since(&missing)["a:1"], 4_000);
    }

    #[test]
    fn a_clock_that_was_set_back_makes_no_grace_time_longer() {
        let mut missing = Missing::default();
        missing.begin("a:1", 1_000_000);
        missing.begin("a:1", 5_000);
        assert_eq!(since(&missing)["a:1"], 5_000);
    }

    #[test]
    fn without_a_count_a_long_gap_proves_nothing() {
        let mut missing = Missing::default();
        round(&mut missing, &["a:1"], 1_000);
        missing.mark(
            "a:1",
            &Mark {
                instance: 7,
                task: 7,
                ..Mark::default()
            },
        );
        round(&mut missing, &["a:1"], 31_000);
        assert_eq!((since(&missing)["a:1"], missing.doubt), (1_000, None));
        round(&mut missing, &["a:1"], 61_001);
        assert_eq!(
            (since(&missing)["a:1"], &missing.absences["a:1"].mark),
            (61_001, &None)
        );
        assert!(missing.doubt.unwrap().contains("--interval"));
        // Another process's clock is not ours.
        round(&mut missing, &["a:1"], 50_000);
        assert_eq!(since(&missing)["a:1"], 50_000);
        // In the same process the monotonic clock shows how long it was.
        let (start, late) = (Instant::now(), Duration::from_secs(31));
        let at = |at_ms, after| Look {
            steady: Some(start + after),
            ..look(None, &["l:1"], at_ms)
        };
        assert!(
            at(0, Duration::from_secs(1))
                .doubt(&at(50_000, Duration::ZERO), LONGEST)
                .is_none()
        );
        assert!(
            at(0, late)
                .doubt(&at(50_000, Duration::ZERO), LONGEST)
                .is_some()
        );
        // The machine slept, which that clock does not count.
        assert!(
            at(99_000, Duration::from_secs(1))
                .doubt(&at(50_000, Duration::ZERO), LONGEST)
                .is_some()
        );
    }

    #[test]
    fn a_count_proves_an_absence_however_long_the_gap() {
        let mut missing = Missing::default();
        let mut round = |count, at_ms| {
            missing.observe(
                look(Some(count), &["l:1"], at_ms),
                dead(&["l:1"]),
                false,
                LONGEST,
            );
            missing.name(&dead(&["a:1"]), at_ms);
            since(&missing)["a:1"]
        };
        assert_eq!(
            [round(5, 1_000), round(5, 9_000_000), round(7, 9_000_001)],
            [1_000, 1_000, 9_000_001]
        );
    }

    #[test]
    fn what_there_was_when_an_idle_master_went_is_kept_until_it_is_back_or_nothing_is_known() {
        let mark = || Mark {
            instance: 7,
            ..Mark::default()
        };
        let idle = || {
            let mut missing = Missing::default();
            missing.observe(
                look(None, &["l:1", "a:1"], 500),
                dead(&["l:1", "a:1"]),
                false,
                LONGEST,
            );
            round(&mut missing, &[], 1_000);
            assert!(missing.without_mark().contains("a:1"));
            missing.mark("a:1", &mark());
            assert!(missing.without_mark().is_empty());
            missing
        };
        let mut missing = idle();
        round(&mut missing, &["a:1"], 2_000);
        assert_eq!(
            (since(&missing)["a:1"], &missing.absences["a:1"].mark),
            (2_000, &Some(mark()))
        );
        let mut missing = idle();
        missing.observe(look(None, &["a:1"], 2_000), dead(&["a:1"]), false, LONGEST);
        round(&mut missing, &["a:1"], 3_000);
        assert_eq!(missing.absences["a:1"].mark, None);
        let mut missing = idle();
        round(&mut missing, &["a:1"], 99_000);
        assert_eq!(missing.absences["a:1"].mark, None);
        let mut missing = idle();
        missing.discard_absences();
        round(&mut missing, &["a:1"], 2_000);
        assert_eq!(missing.absences["a:1"].mark, None);
    }

    #[test]
    fn one_that_does_not_come_back_with_the_others_went_with_them() {
        let mut missing = Missing::default();
        missing.observe(
            look(None, &["l:1", "a:1"], 500),
            dead(&["l:1", "a:1"]),
            false,
            LONGEST,
        );
        missing.observe(look(None, &[], 1_000), dead(&[]), false, LONGEST);
        assert!(missing.blind && missing.idle.is_empty());
        round(&mut missing, &[], 2_000);
        assert!(missing.idle.keys().eq(["a:1"]));
    }

    #[test]
    fn of_very_many_the_last_ones_are_remembered() {
        let mut missing = Missing::default();
        for at_ms in 0..150 {
            let name = format!("{at_ms}:1");
            missing.observe(
                look(None, &["l:1", &name], at_ms),
                dead(&["l:1", &name]),
                false,
                LONGEST,
            );
        }
        assert_eq!(
            (missing.idle.len(), missing.idle.contains_key("48:1")),
            (MOST_IDLE, false)
        );
        assert!(missing.idle.contains_key("49:1") && missing.idle.contains_key("148:1"));
    }

    #[test]
    fn a_master_with_a_sign_of_life_is_alive_until_it_registers() {
        let mut missing = Missing::default();
        round(&mut missing, &["a:1"], 1_000);
        missing
            .alive
            .insert("a:1".to_owned(), "instance 7".to_owned());
        missing.discard_absences();
        round(&mut missing, &["a:1"], 2_000);
        assert!(missing.alive.contains_key("a:1"));
        missing.observe(look(None, &["a:1"], 3_000), dead(&["a:1"]), false, LONGEST);
        assert!(missing.alive.is_empty());
    }
}
