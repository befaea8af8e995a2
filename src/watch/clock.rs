//! What is remembered is dated by the wall clock, as it outlives the process; and that clock may be set.

use std::time::Instant;

/// Less is the time between two questions.
const JITTER: i64 = 1_000;

/// The wall clock beside one that nobody sets.
#[derive(Debug)]
pub(super) struct Clock {
    wall: i64,
    steady: Instant,
}

impl Clock {
    pub(super) fn new(wall: i64, steady: Instant) -> Self {
        Self { wall, steady }
    }

    /// By how many milliseconds the wall clock was set since this was asked last. The time in which the machine slept
    /// counts as well: nobody has looked on then.
    pub(super) fn set_by(&mut self, wall: i64, steady: Instant) -> i64 {
        let passed = steady.saturating_duration_since(self.steady).as_millis();
        let expected = self.wall.saturating_add(i64::try_from(passed).unwrap_or(i64::MAX));
        *self = Self { wall, steady };
        let set = wall.saturating_sub(expected);
        if set.saturating_abs() < JITTER { 0 } else { set }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_clock_that_is_set_is_told_from_time_that_passes() {
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
