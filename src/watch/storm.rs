//! The storm brake under a master's lock, where it sees what others have done since the last round,
//! and what they are doing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::guard::{self, Limits};
use super::others::{by_others, handed_over};
use super::picture;
use super::state::PastFailover;
use super::watcher::Watcher;
use crate::failover::{Crowd, Limit, Room};
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
}

impl Watcher<'_> {
    pub(super) fn storm_brake(&self) -> StormBrake {
        let now = Timestamp::now().as_millisecond();
        let work = if self.is_recent(now) {
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
        }
    }
}

impl Limit for StormBrake {
    fn window(&self) -> Duration {
        self.limits.window
    }

    fn room(&self, family: &Family, crowd: &Crowd<'_>) -> Room {
        let now = Timestamp::now().as_millisecond();
        let count =
            |master: &str| picture::unfinished_of(family, crowd.counts, &Address::seen(master));
        let work = self
            .work
            .keys()
            .map(|master| (master.clone(), count(master)))
            .collect();
        let away = |master: &str| {
            !self.alive.contains(master) && crowd.masters.find(&Address::seen(master)).is_none()
        };
        let by_others = |(master, count)| by_others(master, now, u64::try_from(count).unwrap_or(0));
        let mut past = self.done.clone();
        past.extend(
            handed_over(&self.work, &work, away)
                .into_iter()
                .map(by_others),
        );
        let waiting = u64::try_from(count(crowd.master.as_str())).unwrap_or(0);
        let storm =
            |past: &[_]| guard::storm(crowd.master.as_str(), past, waiting, now, &self.limits);
        if let Some(reason) = storm(&past) {
            return Room::Nobodys(reason);
        }
        past.extend(
            crowd
                .at_work
                .iter()
                .map(|master| by_others((master.clone(), count(master)))),
        );
        if storm(&past).is_some() {
            Room::Others
        } else {
            Room::Enough
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
        let now = Timestamp::now().as_millisecond();
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
        }
    }

    fn room(brake: &StormBrake, counts: &[(&str, i64)], at_work: &[&str]) -> Room {
        let count = |(host, count): &(&str, i64)| HostCount {
            host: Some((*host).to_owned()),
            state: RUNNING,
            count: *count,
        };
        let (master, masters) = (Address::seen("m:1"), Registrations::default());
        let counts: Vec<HostCount> = counts.iter().map(count).collect();
        let at_work: Vec<String> = at_work.iter().map(|master| (*master).to_owned()).collect();
        let crowd = Crowd {
            master: &master,
            masters: &masters,
            counts: &counts,
            at_work: &at_work,
        };
        brake.room(by_id(FamilyId::V3_3), &crowd)
    }

    #[test]
    fn what_is_done_brakes_and_what_is_begun_is_waited_for() {
        let work = [("a:1", 5), ("b:1", 5), ("m:1", 5)];
        assert_eq!(room(&brake(&[], &work), &work, &["a:1"]), Room::Enough);
        assert_eq!(room(&brake(&["z:1"], &work), &work, &["a:1"]), Room::Others);
        assert_eq!(
            room(&brake(&["a:1"], &work), &work, &["a:1"]),
            Room::Enough,
            "the same one"
        );
        assert!(matches!(
            room(&brake(&["y:1", "z:1"], &work), &work, &[]),
            Room::Nobodys(_)
        ));
        // Since the last round.
        let seen = [("b:1", 4), ("m:1", 5)];
        let Room::Nobodys(reason) = room(&brake(&[], &work), &seen, &[]) else {
            panic!("a storm")
        };
        assert!(reason.contains("--max-masters"), "{reason}");
        // Instances that others are about to hand over count as well.
        let many = [("a:1", 16), ("m:1", 5)];
        assert_eq!(room(&brake(&[], &many), &many, &["a:1"]), Room::Others);
        assert!(matches!(
            room(&brake(&[], &[("a:1", 16)]), &[("m:1", 5)], &[]),
            Room::Nobodys(_)
        ));
    }
}
