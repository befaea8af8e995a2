//! The loop's state from round to round, and the part of it that outlives the process.

use std::collections::BTreeMap;

use super::identity::ClusterIdentity;
use super::missing::{Absence, Look, Missing};
use super::state::{Brake, PastFailover, PastLook, Reading, State};

/// The state that is kept from one round, and from one process, to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The cluster that all of this belongs to.
    pub home: Option<ClusterIdentity>,
    /// The address of the database whose rows were seen, and their release.
    pub database: Option<String>,
    /// Since when masters with unfinished instances are missing.
    pub missing: Missing,
    /// Past failovers, oldest first.
    pub done: Vec<PastFailover>,
    /// The storm brake, while it is on.
    pub brake: Option<Brake>,
    /// How many unfinished instances each dead master had when that was last counted.
    pub work: BTreeMap<String, i64>,
    /// When that was, in epoch milliseconds.
    pub work_at_ms: i64,
    /// The clocks when all of this was saved.
    pub kept: Option<Reading>,
}

impl Memory {
    /// Shifts all times by this many milliseconds.
    pub(super) fn shift(&mut self, by: i64) {
        let absences = self
            .missing
            .absences
            .values_mut()
            .chain(self.missing.idle.values_mut());
        let since = absences.map(|absence| &mut absence.since);
        let times = since.chain(self.done.iter_mut().map(|done| &mut done.at_ms));
        let times = times.chain(self.brake.iter_mut().map(|brake| &mut brake.since_ms));
        times
            .chain([&mut self.work_at_ms])
            .for_each(|time| *time = time.saturating_add(by));
    }

    /// Adjusts all times to a clock that was set forward since this was saved, by whichever
    /// process. A clock that was set back needs nothing: times are only later then. Where it is not
    /// known whether it was set, every absence begins again.
    pub(super) fn follow(&mut self, now: Option<&Reading>) {
        let kept = self.kept.take();
        match now.zip(kept).and_then(|(now, kept)| now.set_by(&kept)) {
            Some(set) if set > 0 => self.shift(set),
            Some(_) => {}
            None => self
                .missing
                .begin_again(jiff::Timestamp::now().as_millisecond()),
        }
    }

    /// When a failover of this master was cut short last, if one was.
    pub(super) fn last_cut_short(&self, master: &str) -> Option<i64> {
        self.done
            .iter()
            .filter(|done| done.master == master && done.cut_short)
            .map(|done| done.at_ms)
            .max()
    }
}

impl From<State> for Memory {
    fn from(state: State) -> Self {
        let mark = |address: &str| state.marks.get(address).cloned();
        let absence = |(address, since): (&String, &i64)| {
            (
                address.clone(),
                Absence {
                    since: *since,
                    mark: mark(address),
                },
            )
        };
        let missing = Missing {
            absences: state.missing.iter().map(absence).collect(),
            alive: state.alive,
            idle: state.idle,
            registered: state.registered,
            last: state.look.map(|look| Look {
                roll: look.roll,
                at_ms: look.at_ms,
                steady: None,
            }),
            ..Missing::default()
        };
        Self {
            home: state.home,
            database: state.database,
            missing,
            done: state.failovers,
            brake: state.brake,
            work: state.work,
            work_at_ms: state.work_at_ms,
            kept: state.kept,
        }
    }
}

impl From<&Memory> for State {
    /// As of now.
    fn from(memory: &Memory) -> Self {
        let Missing {
            absences,
            alive,
            idle,
            registered,
            last,
            blind: _,
            doubt: _,
        } = &memory.missing;
        let mark = |(address, absence): (&String, &Absence)| {
            Some((address.clone(), absence.mark.clone()?))
        };
        Self {
            missing: absences
                .iter()
                .map(|(address, absence)| (address.clone(), absence.since))
                .collect(),
            failovers: memory.done.clone(),
            brake: memory.brake.clone(),
            look: last.as_ref().map(|look| PastLook {
                at_ms: look.at_ms,
                roll: look.roll.clone(),
            }),
            marks: absences.iter().filter_map(mark).collect(),
            alive: alive.clone(),
            idle: idle.clone(),
            registered: registered.clone(),
            work: memory.work.clone(),
            work_at_ms: memory.work_at_ms,
            home: memory.home.clone(),
            database: memory.database.clone(),
            kept: Reading::now(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failover::RegistrySnapshot;
    use crate::metadata::Mark;

    /// As of a machine whose clock is ten minutes behind, or before a boot at which it was set.
    #[test]
    fn an_absence_that_another_clock_has_dated_begins_again() {
        let mark = || Some(Mark::default());
        let kept = |boot: &str| {
            let reading = format!(r#"{{"boot": "{boot}", "running_ms": 12, "wall_ms": 13}}"#);
            let absence = Absence {
                since: 1,
                mark: mark(),
            };
            Memory {
                missing: Missing {
                    absences: [("a:1".to_owned(), absence)].into(),
                    ..Missing::default()
                },
                kept: serde_json::from_str(&reading).ok(),
                ..Memory::default()
            }
        };
        let now: Reading =
            serde_json::from_str(r#"{"boot": "0a", "running_ms": 1012, "wall_ms": 1013}"#).unwrap();
        let after = |boot: &str, now: Option<&Reading>| {
            let mut memory = kept(boot);
            memory.follow(now);
            let absence = memory.missing.absences["a:1"].clone();
            assert_eq!(absence.mark, mark(), "the rows that it had stay known");
            (absence.since, memory.missing.doubt.is_some())
        };
        assert_eq!(after("0a", Some(&now)), (1, false));
        for (boot, now) in [("0b", Some(&now)), ("0a", None)] {
            let (since, told) = after(boot, now);
            assert!(since > 1 && told, "{boot} {since}");
        }
    }

    #[test]
    fn what_is_kept_is_what_is_remembered() {
        let (a, b) = (|| "a:1".to_owned(), || "b:1".to_owned());
        let absence = |since, mark| Absence { since, mark };
        let missing = Missing {
            absences: [
                (
                    a(),
                    absence(
                        1,
                        Some(Mark {
                            instance: 8,
                            ..Mark::default()
                        }),
                    ),
                ),
                (b(), absence(2, None)),
            ]
            .into(),
            alive: [(a(), "instance 8".to_owned())].into(),
            idle: [(b(), absence(3, Some(Mark::default())))].into(),
            registered: [a()].into(),
            last: Some(Look {
                roll: RegistrySnapshot::default(),
                at_ms: 4,
                steady: None,
            }),
            blind: false,
            doubt: None,
        };
        let past = PastFailover {
            master: a(),
            at_ms: 5,
            instances: 6,
            cut_short: true,
        };
        let memory = Memory {
            home: Some(serde_json::from_str(r#"{"place": "zookeeper 0x2 12"}"#).unwrap()),
            database: Some("db:3306/ds".to_owned()),
            missing,
            done: vec![past],
            brake: Some(Brake {
                since_ms: 7,
                reason: "3 masters".to_owned(),
            }),
            work: [(a(), 8)].into(),
            work_at_ms: 9,
            kept: None,
        };
        let kept = State::from(&memory);
        assert!(kept.kept.is_some(), "with the clocks of now");
        assert_eq!(Memory::from(State { kept: None, ..kept }), memory);
    }
}
