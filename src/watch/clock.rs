//! Times in the state are wall-clock times, because the state outlives the process; and the wall
//! clock may be set.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// Smaller differences are the time between reading the two clocks.
const JITTER: i64 = 1_000;

/// The wall clock compared with a monotonic clock.
#[derive(Debug)]
pub(super) struct Clock {
    wall: i64,
    steady: Instant,
}

impl Clock {
    pub(super) fn new(wall: i64, steady: Instant) -> Self {
        Self { wall, steady }
    }

    /// By how many milliseconds the wall clock was set since the last call. The time in which the
    /// machine slept counts as well: nothing was observed then.
    pub(super) fn set_by(&mut self, wall: i64, steady: Instant) -> i64 {
        let passed = steady.saturating_duration_since(self.steady).as_millis();
        let expected = self
            .wall
            .saturating_add(i64::try_from(passed).unwrap_or(i64::MAX));
        *self = Self { wall, steady };
        without_jitter(wall.saturating_sub(expected))
    }
}

fn without_jitter(set: i64) -> i64 {
    if set.saturating_abs() < JITTER {
        0
    } else {
        set
    }
}

/// The wall clock and the time since this machine was booted, which also counts while it sleeps and
/// is the same for every process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    /// The boot ID of the machine.
    boot: String,
    /// Time since boot, in milliseconds.
    running_ms: i64,
    /// The wall clock, in milliseconds since 1970.
    wall_ms: i64,
}

impl Reading {
    /// Both clocks now; `None` where the machine does not provide them.
    #[must_use]
    pub fn now() -> Option<Self> {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
            .ok()?
            .trim()
            .to_owned();
        let running = Duration::from(clock_gettime(ClockId::CLOCK_BOOTTIME).ok()?);
        let running_ms = i64::try_from(running.as_millis()).ok()?;
        Some(Self {
            boot,
            running_ms,
            wall_ms: Timestamp::now().as_millisecond(),
        })
    }

    /// By how many milliseconds the wall clock was set since an earlier reading; `None` if that is
    /// not known, as it was read by another machine or before a boot.
    pub(super) fn set_by(&self, earlier: &Self) -> Option<i64> {
        let passed = self.running_ms.saturating_sub(earlier.running_ms);
        (self.boot == earlier.boot && passed >= 0).then(|| {
            without_jitter(
                self.wall_ms
                    .saturating_sub(earlier.wall_ms)
                    .saturating_sub(passed),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_process_has_dated_follows_the_clock_of_the_same_machine() {
        let reading = |boot: &str, running_ms, wall_ms| Reading {
            boot: boot.to_owned(),
            running_ms,
            wall_ms,
        };
        let earlier = reading("a", 10_000, 1_000_000);
        for (later, set) in [
            (reading("a", 40_000, 1_030_400), Some(0)),
            (reading("a", 40_000, 4_630_000), Some(3_600_000)),
            (reading("a", 40_000, 430_000), Some(-600_000)),
            (reading("b", 40_000, 4_630_000), None),
            (reading("a", 9_000, 4_630_000), None),
            (reading("a", i64::MAX, i64::MIN), Some(i64::MIN)),
        ] {
            assert_eq!(later.set_by(&earlier), set, "{later:?}");
        }
        assert!(Reading::now().is_some_and(|now| now.set_by(&now.clone()) == Some(0)));
    }

    #[test]
    fn a_clock_that_is_set_is_distinguished_from_time_that_passes() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut clock = Clock::new(1_000_000, start);
        assert_eq!(clock.set_by(1_000_000 + 30_500, at(30)), 0);
        assert_eq!(clock.set_by(1_060_500 + 3_600_000, at(60)), 3_600_000);
        assert_eq!(clock.set_by(4_660_500 + 30_000, at(90)), 0, "once");
        assert_eq!(clock.set_by(0, at(91)), -4_691_500);
        assert_eq!(clock.set_by(i64::MAX, at(92)), i64::MAX - 1_000);
        assert!(clock.set_by(i64::MIN, at(93)) < 0);
    }
}
