//! The guards, which delay or prevent a failover. Pure: data and a clock value in, a reason out.

use std::collections::BTreeSet;
use std::time::Duration;

use super::state::PastFailover;
use crate::model::shell_word;

/// Limits of the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a registration must be missing.
    pub grace: Duration,
    /// Minimum time between two failovers of the same master.
    pub cool_down: Duration,
    /// Period over which the storm brake counts.
    pub window: Duration,
    /// Masters failed over within the window; one more trips the storm brake.
    pub max_masters: usize,
    /// Instances handed over within the window; more trip the storm brake. A master with more is
    /// left alone by itself.
    pub max_instances: u64,
}

/// Why a dead master is not failed over now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hold {
    /// No master is registered at all: this counts as a registry failure until one is back.
    NoMasters,
    /// It is not registered, but has shown a sign of life.
    Alive(String),
    /// It is missing for less than the grace time; until then, in epoch milliseconds.
    Grace(i64),
    /// It was failed over recently; until then, in epoch milliseconds.
    CoolDown(i64),
    /// An operator paused the loop.
    Paused {
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// It alone has more instances than may ever be handed over at once: found and allowed. It
    /// holds no other master.
    TooLarge {
        /// The master.
        master: String,
        /// Its unfinished instances.
        waiting: u64,
        /// `--max-instances`.
        limit: u64,
    },
    /// The storm brake: too much in too short a time; until an operator resumes.
    Brake(String),
    /// The same in a dry run, which counts what it would have done.
    BrakeOfDryRun(String),
}

impl Hold {
    /// Whether it lasts until an operator acts: it does not end with time.
    #[must_use]
    pub fn needs_somebody(&self) -> bool {
        matches!(
            self,
            Self::NoMasters
                | Self::Alive(_)
                | Self::TooLarge { .. }
                | Self::Brake(_)
                | Self::BrakeOfDryRun(_)
        )
    }

    /// Its text.
    #[must_use]
    pub fn sentence(&self, now: i64) -> String {
        let left = |until: i64| {
            until
                .saturating_sub(now)
                .max(0)
                .saturating_add(999)
                .div_euclid(1000)
        };
        match self {
            Self::NoMasters => "no master is registered at all: either none runs, or they are registered elsewhere (check --registry, --zk and \
                                --namespace); waiting for one".to_owned(),
            Self::Alive(sign) => {
                format!(
                    "it is not registered, but it lives: {sign}; make sure that its process has ended, then use dsctl failover"
                )
            }
            Self::Grace(until) => format!("grace time: {}s left", left(*until)),
            Self::CoolDown(until) => format!("cool-down: {}s left", left(*until)),
            Self::Paused { by, reason } => format!("paused by {by}: {reason}; resume with dsctl \
                watch --resume"),
            Self::TooLarge { master, waiting, limit } => format!(
                "{waiting} instances are waiting, and --max-instances {limit} never lets so many through: \
                 'dsctl failover {} --max-instances {waiting}' does, or watch with a greater --max-instances",
                shell_word(master)
            ),
            Self::Brake(reason) => format!("storm brake: {reason}; resume with dsctl watch \
                --resume"),
            Self::BrakeOfDryRun(reason) => format!("storm brake: {reason}; what this dry run would \
                have done is counted, and the brake stays until it ends"),
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

/// Whether this master was failed over too short a time ago. A failover that was cut short by a
/// failure may be continued at once.
#[must_use]
pub fn cool_down(master: &str, past: &[PastFailover], now: i64, limits: &Limits) -> Option<Hold> {
    let last = past
        .iter()
        .filter(|past| past.master == master && !past.cut_short)
        .map(|past| past.at_ms)
        .max()?;
    let until = last.saturating_add(milliseconds(limits.cool_down));
    (now < until).then_some(Hold::CoolDown(until))
}

/// Whether this master alone has too many instances. That is no storm, which an operator could
/// resume from: the next round would find the same, and hold all others for as long.
#[must_use]
pub fn too_large(master: &str, waiting: u64, limits: &Limits) -> Option<Hold> {
    let limit = limits.max_instances;
    (waiting > limit).then(|| Hold::TooLarge {
        master: master.to_owned(),
        waiting,
        limit,
    })
}

/// Whether a failover of this master would be a storm; `waiting` is how many instances it would
/// hand over. A master is counted once: a failover that was cut short may be continued.
#[must_use]
pub fn storm(
    master: &str,
    past: &[PastFailover],
    waiting: u64,
    now: i64,
    limits: &Limits,
) -> Option<String> {
    let since = now.saturating_sub(milliseconds(limits.window));
    let recent: Vec<&PastFailover> = past
        .iter()
        .filter(|past| past.at_ms >= since && past.instances > 0)
        .collect();
    let others = recent
        .iter()
        .map(|past| past.master.as_str())
        .filter(|other| *other != master);
    let masters = others.collect::<BTreeSet<_>>().len();
    let instances = recent
        .iter()
        .fold(0_u64, |sum, past| sum.saturating_add(past.instances));
    let minutes = limits.window.as_secs().div_ceil(60);
    if masters >= limits.max_masters {
        return Some(format!(
            "{masters} masters were failed over, or lost their instances in another way, within \
             {minutes} minutes \
             (--max-masters)"
        ));
    }
    (instances.saturating_add(waiting) > limits.max_instances).then(|| {
        format!(
            "{instances} instances were handed over, or gone in another way, within {minutes} \
             minutes, and {waiting} more are waiting (--max-instances)"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        grace: Duration::from_mins(2),
        cool_down: Duration::from_mins(10),
        window: Duration::from_mins(10),
        max_masters: 2,
        max_instances: 100,
    };

    fn past(master: &str, at_ms: i64, instances: u64) -> PastFailover {
        PastFailover {
            master: master.to_owned(),
            at_ms,
            instances,
            cut_short: false,
        }
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
        assert_eq!(
            cool_down("a:1", &done, 600_999, &LIMITS),
            Some(Hold::CoolDown(601_000))
        );
        assert_eq!(cool_down("a:1", &done, 601_000, &LIMITS), None);
        assert_eq!(cool_down("c:1", &done, 2_000, &LIMITS), None);
        let half = [PastFailover {
            cut_short: true,
            ..past("a:1", 1_000, 3)
        }];
        assert_eq!(cool_down("a:1", &half, 1_001, &LIMITS), None);
        assert!(
            storm("b:1", &half, 98, 1_001, &LIMITS).is_some(),
            "it counts for the brake all the same"
        );
    }

    #[test]
    fn the_brake_counts_masters_and_instances_within_the_window() {
        assert_eq!(
            storm("c:1", &[past("a:1", 0, 50)], 50, 1_000, &LIMITS),
            None
        );
        assert!(
            storm("c:1", &[past("a:1", 0, 50)], 51, 1_000, &LIMITS)
                .unwrap()
                .contains("--max-instances")
        );
        let two = [past("a:1", 0, 1), past("b:1", 0, 1)];
        assert!(
            storm("c:1", &two, 1, 1_000, &LIMITS)
                .unwrap()
                .contains("--max-masters")
        );
        assert_eq!(storm("c:1", &two, 1, 600_001, &LIMITS), None);
        // A failover that was cut short is not counted twice.
        assert_eq!(storm("b:1", &two, 1, 1_000, &LIMITS), None);
        assert!(storm("b:1", &two, 99, 1_000, &LIMITS).is_some());
        // A state file may say anything.
        let huge = [
            past("a:1", i64::MAX, u64::MAX),
            past("a:1", i64::MAX, u64::MAX),
        ];
        let alone = too_large("c:1", 101, &LIMITS).unwrap().sentence(0);
        assert!(
            alone.contains("dsctl failover c:1 --max-instances 101"),
            "{alone}"
        );
        assert_eq!(too_large("c:1", 100, &LIMITS), None);
        assert!(storm("c:1", &huge, u64::MAX, i64::MIN, &LIMITS).is_some());
        // Failovers without instances are not a storm.
        assert_eq!(
            storm(
                "c:1",
                &[past("a:1", 0, 0), past("b:1", 0, 0)],
                1,
                1_000,
                &LIMITS
            ),
            None
        );
    }
}
