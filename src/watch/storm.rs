//! The storm brake under a master's lock, where it sees what others have done since the last round,
//! and what they are doing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::guard::{self, Limits};
use super::others::{by_others, handed_over};
use super::picture;
use super::state::PastFailover;
use super::watcher::Watcher;
use crate::failover::{Capacity, ConcurrentFailovers, Limit};
use crate::family::Family;
use crate::model::Address;

/// The part of the state that is known when a failover starts.
#[derive(Debug)]
pub(super) struct StormBrake {
    limits: Limits,
    done: Vec<PastFailover>,
    /// How much work each dead master had when that was last counted.
    work: BTreeMap<String, i64>,
    alive: BTreeSet<String>,
    /// When that was, by the clock that dates what is remembered, and by one that nobody sets: the
    /// lock may be waited for, and the former be set meanwhile.
    began_ms: i64,
    began: Instant,
}

impl Watcher<'_> {
    pub(super) fn storm_brake(&mut self) -> StormBrake {
        let (began_ms, began) = (self.now(), Instant::now());
        let work = if self.is_recent(began_ms) {
            self.memory.work.clone()
        } else {
            BTreeMap::new()
        };
        let alive = self.memory.missing.alive.keys().cloned().collect();
        StormBrake {
            limits: self.plan.limits,
            done: self.memory.done.clone(),
            work,
            alive,
            began_ms,
            began,
        }
    }
}

impl StormBrake {
    fn now(&self) -> i64 {
        let passed = i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.began_ms.saturating_add(passed)
    }
}

impl Limit for StormBrake {
    fn window(&self) -> Duration {
        self.limits.window
    }

    fn capacity(&self, family: &Family, concurrent: &ConcurrentFailovers<'_>) -> Capacity {
        let now = self.now();
        let count = |master: &str| {
            picture::unfinished_of(family, concurrent.counts, &Address::seen(master))
        };
        let work = self
            .work
            .keys()
            .map(|master| (master.clone(), count(master)))
            .collect();
        let away = |master: &str| {
            !self.alive.contains(master)
                && concurrent.masters.find(&Address::seen(master)).is_none()
        };
        let by_others = |(master, count)| by_others(master, now, u64::try_from(count).unwrap_or(0));
        let mut past = self.done.clone();
        past.extend(
            handed_over(&self.work, &work, away)
                .into_iter()
                .map(by_others),
        );
        let waiting = u64::try_from(count(concurrent.master.as_str())).unwrap_or(0);
        let limit = self.limits.max_instances;
        if waiting > limit {
            return Capacity::Never {
                found: usize::try_from(waiting).unwrap_or(usize::MAX),
                limit: usize::try_from(limit).unwrap_or(usize::MAX),
            };
        }
        let storm =
            |past: &[_]| guard::storm(concurrent.master.as_str(), past, waiting, now, &self.limits);
        if let Some(reason) = storm(&past) {
            return Capacity::Nobodys(reason);
        }
        past.extend(
            concurrent
                .at_work
                .iter()
                .map(|master| by_others((master.clone(), count(master)))),
        );
        if storm(&past).is_some() {
            Capacity::Others
        } else {
            Capacity::Enough
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::{FamilyId, by_id};
    use crate::metadata::HostCount;
    use crate::model::Registrations;

    const RUNNING: i64 = 1;

    fn brake(done: &[&str], work: &[(&str, i64)]) -> StormBrake {
        // Not what this machine's clock says at the moment, which may be set.
        let now = 1_000_000;
        let limits = Limits {
            grace: Duration::ZERO,
            cool_down: Duration::from_mins(10),
            window: Duration::from_mins(10),
            max_masters: 2,
            max_instances: 20,
        };
        StormBrake {
            limits,
            done: done
                .iter()
                .map(|master| by_others((*master).to_owned(), now, 1))
                .collect(),
            work: work
                .iter()
                .map(|(master, count)| ((*master).to_owned(), *count))
                .collect(),
            alive: BTreeSet::new(),
            began_ms: now,
            began: Instant::now(),
        }
    }

    fn capacity(brake: &StormBrake, counts: &[(&str, i64)], at_work: &[&str]) -> Capacity {
        let count = |(host, count): &(&str, i64)| HostCount {
            host: Some((*host).to_owned()),
            state: RUNNING,
            count: *count,
        };
        let (master, masters) = (Address::seen("m:1"), Registrations::default());
        let counts: Vec<HostCount> = counts.iter().map(count).collect();
        let at_work: Vec<String> = at_work.iter().map(|master| (*master).to_owned()).collect();
        let concurrent = ConcurrentFailovers {
            master: &master,
            masters: &masters,
            counts: &counts,
            at_work: &at_work,
        };
        brake.capacity(by_id(FamilyId::V3_3), &concurrent)
    }

    #[test]
    fn what_is_done_brakes_and_what_is_begun_is_waited_for() {
        let work = [("a:1", 5), ("b:1", 5), ("m:1", 5)];
        assert_eq!(
            capacity(&brake(&[], &work), &work, &["a:1"]),
            Capacity::Enough
        );
        assert_eq!(
            capacity(&brake(&["z:1"], &work), &work, &["a:1"]),
            Capacity::Others
        );
        assert_eq!(
            capacity(&brake(&["a:1"], &work), &work, &["a:1"]),
            Capacity::Enough,
            "the same one"
        );
        assert!(matches!(
            capacity(&brake(&["y:1", "z:1"], &work), &work, &[]),
            Capacity::Nobodys(_)
        ));
        // Since the last round.
        let seen = [("b:1", 4), ("m:1", 5)];
        let Capacity::Nobodys(reason) = capacity(&brake(&[], &work), &seen, &[]) else {
            panic!("a storm")
        };
        assert!(reason.contains("--max-masters"), "{reason}");
        // More than ever may be: no storm.
        assert!(matches!(
            capacity(&brake(&["y:1", "z:1"], &[]), &[("m:1", 21)], &[]),
            Capacity::Never {
                found: 21,
                limit: 20
            }
        ));
        // Instances that others are about to hand over count as well.
        let many = [("a:1", 16), ("m:1", 5)];
        assert_eq!(
            capacity(&brake(&[], &many), &many, &["a:1"]),
            Capacity::Others
        );
        assert!(matches!(
            capacity(&brake(&[], &[("a:1", 16)]), &[("m:1", 5)], &[]),
            Capacity::Nobodys(_)
        ));
    }
}
