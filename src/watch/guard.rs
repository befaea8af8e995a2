//! What holds a failover back. Pure: data and a clock value in, a reason out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::state::PastFailover;
use crate::failover::{Before, Between, Roll};
use crate::metadata::Mark;

/// Limits of the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a registration must be gone.
    pub grace: Duration,
    /// How long after a failover of a master there is none of the same one again.
    pub cool_down: Duration,
    /// What the storm brake looks back on.
    pub window: Duration,
    /// Masters failed over within the window; one more trips the brake.
    pub max_masters: usize,
    /// Instances handed over within the window; more trip the brake.
    pub max_instances: u64,
}

/// Why a dead master is not failed over now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hold {
    /// No master is registered at all: that is the registry's failure until one is back.
    NoMasters,
    /// It is not registered, and has shown that it lives.
    Alive(String),
    /// It is missing for less than the grace time; until then, in epoch milliseconds.
    Grace(i64),
    /// It was failed over a short time ago; until then, in epoch milliseconds.
    CoolDown(i64),
    /// An operator paused the loop.
    Paused {
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// Too much in too short a time; until somebody resumes.
    Brake(String),
}

impl Hold {
    /// In words.
    #[must_use]
    pub fn sentence(&self, now: i64) -> String {
        let left = |until: i64| until.saturating_sub(now).max(0).saturating_add(999).div_euclid(1000);
        match self {
            Self::NoMasters => "no master is registered at all: either none runs, or they are registered elsewhere (check --registry, --zk and \
                                --namespace); waiting for one".to_owned(),
            Self::Alive(sign) => {
                format!(
                    "it is not registered, but it lives: {sign}; see that its process has ended, then use dsctl failover"
                )
            }
            Self::Grace(until) => format!("grace time: {}s left", left(*until)),
            Self::CoolDown(until) => format!("cool-down: {}s left", left(*until)),
            Self::Paused { by, reason } => format!("paused by {by}: {reason}; go on with dsctl watch --resume"),
            Self::Brake(reason) => format!("storm brake: {reason}; go on with dsctl watch --resume"),
        }
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Whether a master is missing for less than the grace time.
#[must_use]
pub fn grace(missing_since: i64, now: i64, limits: &Limits) -> Option<Hold> {
    let until = missing_since.saturating_add(milliseconds(limits.grace));
    (now < until).then_some(Hold::Grace(until))
}

/// Whether this master was failed over too short a time ago. What a failure cut short may be gone on with at once.
#[must_use]
pub fn cool_down(master: &str, past: &[PastFailover], now: i64, limits: &Limits) -> Option<Hold> {
    let last = past.iter().filter(|past| past.master == master && !past.cut_short).map(|past| past.at_ms).max()?;
    let until = last.saturating_add(milliseconds(limits.cool_down));
    (now < until).then_some(Hold::CoolDown(until))
}

/// Whether a failover of this master would be a storm; `waiting` is how many instances it would hand over. A master is
/// not one more than itself: what was cut short may be gone on with.
#[must_use]
pub fn storm(master: &str, past: &[PastFailover], waiting: u64, now: i64, limits: &Limits) -> Option<String> {
    let since = now.saturating_sub(milliseconds(limits.window));
    let recent: Vec<&PastFailover> = past.iter().filter(|past| past.at_ms >= since && past.instances > 0).collect();
    let others = recent.iter().map(|past| past.master.as_str()).filter(|other| *other != master);
    let masters = others.collect::<BTreeSet<_>>().len();
    let instances = recent.iter().fold(0_u64, |sum, past| sum.saturating_add(past.instances));
    let minutes = limits.window.as_secs().div_ceil(60);
    if masters >= limits.max_masters {
        return Some(format!("{masters} masters were failed over within {minutes} minutes (--max-masters)"));
    }
    (instances.saturating_add(waiting) > limits.max_instances).then(|| {
        format!(
            "{instances} instances were handed over within {minutes} minutes, and {waiting} more wait (--max-instances)"
        )
    })
}

/// One look at the registry, as it is kept for the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// Who was registered.
    pub roll: Roll,
    /// When, in epoch milliseconds.
    pub at_ms: i64,
    /// When, by a clock that nobody sets; `None` if another process looked.
    pub steady: Option<Instant>,
}

impl Look {
    /// Why a look does not prove that whoever is missing in both was away all the time in between; `None` if it does. A
    /// registry that counts misses nobody. Elsewhere nobody may have looked away for longer than `longest`.
    fn doubt(&self, earlier: &Self, longest: Duration) -> Option<&'static str> {
        match self.roll.since(&earlier.roll) {
            Between::Nothing => None,
            Between::Something => Some("somebody came and went without being seen"),
            Between::NotCounted => {
                let wall = self.at_ms.saturating_sub(earlier.at_ms);
                let steady = self.steady.zip(earlier.steady).map(|(now, then)| now.saturating_duration_since(then));
                let within = u64::try_from(wall).is_ok_and(|wall| Duration::from_millis(wall) <= longest);
                // Of a clock that was set back the other one knows.
                let fits = steady.map_or(within, |steady| steady <= longest && (within || wall < 0));
                (!fits).then_some(
                    "nobody looked for longer than --interval, and this registry does not count who comes and goes",
                )
            }
        }
    }
}

/// An absence that is proven from its beginning up to the last look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absence {
    /// When it was first seen, in epoch milliseconds.
    pub since: i64,
    /// What rows there were then.
    pub mark: Option<Mark>,
}

/// So many masters that went without work are remembered.
const MOST_IDLE: usize = 100;

/// What was seen of registrations, and since when masters with work are missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// By address.
    pub absences: BTreeMap<String, Absence>,
    /// Masters that are not registered and have shown that they live: what they were seen to begin. That holds until they
    /// register, or nothing names them any more.
    pub alive: BTreeMap<String, String>,
    /// Masters whose registration was seen to go while they had no work, and what rows there were then: whoever has work
    /// later has begun it without a registration.
    pub idle: BTreeMap<String, Option<Mark>>,
    /// The last look.
    pub last: Option<Look>,
    /// Whether the last look found no master at all.
    pub blind: bool,
    /// Why absences begin anew, until that is told.
    pub doubt: Option<&'static str>,
}

impl Missing {
    /// Takes a look into account. Whatever it does not prove to have gone on begins anew.
    ///
    /// After a time in which no master was there at all every grace time starts anew: that was the registry's failure
    /// and not a master's. So nothing is kept of it, for this process or the next.
    pub fn see(&mut self, look: Look, registered: &BTreeSet<String>, allow_nobody: bool, longest: Duration) {
        let doubt = match &self.last {
            Some(last) => look.doubt(last, longest),
            None => Some("what was remembered of it is not proven"),
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
        self.absences.retain(|address, _| !registered.contains(address));
        self.alive.retain(|address, _| !registered.contains(address));
        self.idle.retain(|address, _| !registered.contains(address));
        self.last = Some(look);
    }

    /// A registration was there at the last look and is gone. That all of them went together is the registry's failure.
    pub fn lose(&mut self, address: &str) {
        if !self.blind && self.idle.len() < MOST_IDLE {
            self.idle.entry(address.to_owned()).or_default();
        }
    }

    /// Says which masters have work and are not registered: of these the absence counts from now on, if it does not yet.
    pub fn name(&mut self, dead: &BTreeSet<String>, now: i64) {
        self.absences.retain(|address, _| dead.contains(address));
        self.alive.retain(|address, _| dead.contains(address));
        for address in dead {
            self.begin(address, now);
        }
    }

    /// Begins an absence, if it has not begun yet.
    pub fn begin(&mut self, address: &str, now: i64) {
        if self.blind {
            return;
        }
        let mark = self.idle.get(address).cloned().flatten();
        let absence = self.absences.entry(address.to_owned()).or_insert(Absence { since: now, mark });
        // A clock that was set back must not make the grace time longer than it is.
        absence.since = absence.since.min(now);
    }

    /// Masters whose absence lacks its mark.
    #[must_use]
    pub fn without_mark(&self) -> BTreeSet<String> {
        let without = self.absences.iter().filter(|(_, absence)| absence.mark.is_none());
        let idle = self.idle.iter().filter(|(_, mark)| mark.is_none());
        without.map(|(address, _)| address.clone()).chain(idle.map(|(address, _)| address.clone())).collect()
    }

    /// Gives an absence its mark.
    pub fn mark(&mut self, address: &str, mark: Mark) {
        if let Some(idle) = self.idle.get_mut(address).filter(|idle| idle.is_none()) {
            *idle = Some(mark.clone());
        }
        if let Some(absence) = self.absences.get_mut(address).filter(|absence| absence.mark.is_none()) {
            absence.mark = Some(mark);
        }
    }

    /// What must still hold when its failover is committed; `longest` as for [`Missing::see`].
    #[must_use]
    pub fn before(&self, address: &str, longest: Duration) -> Option<Before> {
        let mark = self.absences.get(address)?.mark.clone()?;
        let last = self.last.as_ref()?;
        Some(Before { roll: last.roll.clone(), mark, looked: last.steady, longest, again: None })
    }

    /// The registry could not be seen: what was missing before proves nothing any more.
    pub fn lose_sight(&mut self) {
        self.absences.clear();
        self.idle.clear();
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Address, Changes, Heartbeat, Registration, Registrations};

    const LIMITS: Limits = Limits {
        grace: Duration::from_mins(2),
        cool_down: Duration::from_mins(10),
        window: Duration::from_mins(10),
        max_masters: 2,
        max_instances: 100,
    };

    fn past(master: &str, at_ms: i64, instances: u64) -> PastFailover {
        PastFailover { master: master.to_owned(), at_ms, instances, cut_short: false }
    }

    #[test]
    fn a_registration_must_be_gone_for_the_whole_grace_time() {
        assert_eq!(grace(1_000, 120_999, &LIMITS), Some(Hold::Grace(121_000)));
        assert_eq!(grace(1_000, 121_000, &LIMITS), None);
        assert!(grace(i64::MAX, 0, &LIMITS).is_some());
    }

    #[test]
    fn a_master_cools_down_and_others_do_not() {
        let done = [past("a:1", 1_000, 3), past("b:1", 500_000, 3)];
        assert_eq!(cool_down("a:1", &done, 600_999, &LIMITS), Some(Hold::CoolDown(601_000)));
        assert_eq!(cool_down("a:1", &done, 601_000, &LIMITS), None);
        assert_eq!(cool_down("c:1", &done, 2_000, &LIMITS), None);
        let half = [PastFailover { cut_short: true, ..past("a:1", 1_000, 3) }];
        assert_eq!(cool_down("a:1", &half, 1_001, &LIMITS), None);
        assert!(storm("b:1", &half, 98, 1_001, &LIMITS).is_some(), "it counts for the brake all the same");
    }

    #[test]
    fn the_brake_counts_masters_and_instances_within_the_window() {
        assert_eq!(storm("c:1", &[past("a:1", 0, 50)], 50, 1_000, &LIMITS), None);
        assert!(storm("c:1", &[past("a:1", 0, 50)], 51, 1_000, &LIMITS).unwrap().contains("--max-instances"));
        let two = [past("a:1", 0, 1), past("b:1", 0, 1)];
        assert!(storm("c:1", &two, 1, 1_000, &LIMITS).unwrap().contains("--max-masters"));
        assert_eq!(storm("c:1", &two, 1, 600_001, &LIMITS), None);
        // One that was cut short is not one more.
        assert_eq!(storm("b:1", &two, 1, 1_000, &LIMITS), None);
        assert!(storm("b:1", &two, 99, 1_000, &LIMITS).is_some());
        // A state file may say anything.
        let huge = [past("a:1", i64::MAX, u64::MAX), past("a:1", i64::MAX, u64::MAX)];
        assert!(storm("c:1", &huge, u64::MAX, i64::MIN, &LIMITS).is_some());
        // What handed nothing over is no storm.
        assert_eq!(storm("c:1", &[past("a:1", 0, 0), past("b:1", 0, 0)], 1, 1_000, &LIMITS), None);
    }

    fn dead(addresses: &[&str]) -> BTreeSet<String> {
        addresses.iter().map(|address| (*address).to_owned()).collect()
    }

    const LONGEST: Duration = Duration::from_secs(30);

    /// A look by another process, at a registry that counts or not.
    fn look(count: Option<i32>, registered: &[&str], at_ms: i64) -> Look {
        let server = |address: &&str| Registration {
            address: Address::seen(*address),
            node: (*address).to_owned(),
            session_id: None,
            created_at: None,
            modified_at: None,
            heartbeat: Heartbeat::default(),
        };
        let changes = count.map(|count| Changes { parent: 1, made_at_ms: 0, count });
        let servers = registered.iter().map(server).collect();
        let masters = Registrations { parent_exists: true, parent: String::new(), servers, changes };
        Look { roll: Roll::of("registry", &masters), at_ms, steady: None }
    }

    /// A master `l:1` lives; these are dead with work.
    fn round(missing: &mut Missing, names: &[&str], at_ms: i64) {
        missing.see(look(None, &["l:1"], at_ms), &dead(&["l:1"]), false, LONGEST);
        missing.name(&dead(names), at_ms);
    }

    fn since(missing: &Missing) -> BTreeMap<&str, i64> {
        missing.absences.iter().map(|(address, absence)| (address.as_str(), absence.since)).collect()
    }

    #[test]
    fn who_comes_back_is_forgotten_and_starts_anew() {
        let mut missing = Missing::default();
        round(&mut missing, &["a:1", "b:1"], 1_000);
        round(&mut missing, &["b:1"], 2_000);
        round(&mut missing, &["a:1", "b:1"], 3_000);
        assert_eq!(since(&missing), BTreeMap::from([("a:1", 3_000), ("b:1", 1_000)]));
        missing.see(look(None, &["l:1", "b:1"], 4_000), &dead(&["l:1", "b:1"]), false, LONGEST);
        assert_eq!(since(&missing), BTreeMap::from([("a:1", 3_000)]));
    }

    #[test]
    fn what_was_missing_while_nothing_could_be_seen_proves_nothing() {
        let mut missing = Missing::default();
        round(&mut missing, &["a:1"], 1_000);
        missing.lose_sight();
        round(&mut missing, &["a:1"], 2_000);
        assert_eq!(since(&missing)["a:1"], 2_000);
        // All masters gone together, and one back: its companions have the whole grace time to follow.
        missing.see(look(None, &[], 3_000), &dead(&[]), false, LONGEST);
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
    fn without_a_count_nobody_may_have_looked_away_for_long() {
        let mut missing = Missing::default();
        round(&mut missing, &["a:1"], 1_000);
        missing.mark("a:1", Mark { instance: 7, task: 7, ..Mark::default() });
        round(&mut missing, &["a:1"], 31_000);
        assert_eq!((since(&missing)["a:1"], missing.doubt), (1_000, None));
        round(&mut missing, &["a:1"], 61_001);
        assert_eq!((since(&missing)["a:1"], &missing.absences["a:1"].mark), (61_001, &None));
        assert!(missing.doubt.unwrap().contains("--interval"));
        // Another process's clock is not ours.
        round(&mut missing, &["a:1"], 50_000);
        assert_eq!(since(&missing)["a:1"], 50_000);
        // Our own: the clock that nobody sets knows how long it was.
        let (start, late) = (Instant::now(), Duration::from_secs(31));
        let at = |at_ms, after| Look { steady: Some(start + after), ..look(None, &["l:1"], at_ms) };
        assert!(at(0, Duration::from_secs(1)).doubt(&at(50_000, Duration::ZERO), LONGEST).is_none());
        assert!(at(0, late).doubt(&at(50_000, Duration::ZERO), LONGEST).is_some());
        // The machine slept, which that clock does not count.
        assert!(at(99_000, Duration::from_secs(1)).doubt(&at(50_000, Duration::ZERO), LONGEST).is_some());
    }

    #[test]
    fn a_count_proves_an_absence_however_long_nobody_looked() {
        let registered = dead(&["l:1"]);
        let mut missing = Missing::default();
        let mut round = |count, at_ms| {
            missing.see(look(Some(count), &["l:1"], at_ms), &registered, false, LONGEST);
            missing.name(&dead(&["a:1"]), at_ms);
            since(&missing)["a:1"]
        };
        assert_eq!([round(5, 1_000), round(5, 9_000_000), round(7, 9_000_001)], [1_000, 1_000, 9_000_001]);
    }

    #[test]
    fn what_there_was_when_an_idle_master_went_is_kept_until_it_is_back_or_nothing_is_known() {
        let mark = || Mark { instance: 7, ..Mark::default() };
        let idle = || {
            let mut missing = Missing::default();
            round(&mut missing, &[], 1_000);
            missing.lose("a:1");
            assert!(missing.without_mark().contains("a:1"));
            missing.mark("a:1", mark());
            assert!(missing.without_mark().is_empty());
            missing
        };
        let mut missing = idle();
        round(&mut missing, &["a:1"], 2_000);
        assert_eq!((since(&missing)["a:1"], &missing.absences["a:1"].mark), (2_000, &Some(mark())));
        let mut missing = idle();
        missing.see(look(None, &["a:1"], 2_000), &dead(&["a:1"]), false, LONGEST);
        round(&mut missing, &["a:1"], 3_000);
        assert_eq!(missing.absences["a:1"].mark, None);
        let mut missing = idle();
        round(&mut missing, &["a:1"], 99_000);
        assert_eq!(missing.absences["a:1"].mark, None);
        let mut missing = idle();
        missing.lose_sight();
        round(&mut missing, &["a:1"], 2_000);
        assert_eq!(missing.absences["a:1"].mark, None);
    }

    #[test]
    fn who_has_shown_life_is_alive_until_it_registers() {
        let mut missing = Missing::default();
        round(&mut missing, &["a:1"], 1_000);
        missing.alive.insert("a:1".to_owned(), "instance 7".to_owned());
        missing.lose_sight();
        round(&mut missing, &["a:1"], 2_000);
        assert!(missing.alive.contains_key("a:1"));
        missing.see(look(None, &["a:1"], 3_000), &dead(&["a:1"]), false, LONGEST);
        assert!(missing.alive.is_empty());
    }
}
