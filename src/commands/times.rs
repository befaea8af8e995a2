//! Formats times and durations for display.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

pub(super) use crate::output::Instant;

/// A time in the database, in an unnamed zone.
#[derive(Clone, Copy, Debug, JsonSchema)]
#[schemars(transparent, inline)]
pub(super) struct Local(
    #[schemars(
        with = "String",
        regex(pattern = "^-?[0-9]{4,6}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$")
    )]
    DateTime,
);

impl Serialize for Local {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&shown(self.0))
    }
}

impl From<DateTime> for Local {
    fn from(time: DateTime) -> Self {
        Self(time)
    }
}

fn shown(time: DateTime) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// A database time in UTC, if the zone is known.
pub(super) fn in_utc(time: Option<DateTime>, zone: Option<&TimeZone>) -> Option<Instant> {
    time.zip(zone)
        .and_then(|(time, zone)| zone.to_timestamp(time).ok())
        .map(Instant::from)
}

/// A database time, as stored.
pub(super) fn local(time: Option<DateTime>) -> Option<String> {
    time.map(shown)
}

/// How long ago, in whole seconds; a time in the future counts as now.
pub(super) fn age_seconds(time: Option<Timestamp>) -> Option<i64> {
    time.map(|time| Timestamp::now().duration_since(time).as_secs().max(0))
}

/// Two units at most: `4m 12s`.
pub(super) fn short(duration: Duration) -> String {
    match duration.as_secs() {
        0 => format!("{}ms", duration.as_millis()),
        seconds => ago(i64::try_from(seconds).unwrap_or(i64::MAX)),
    }
}

/// Seconds, two units at most.
pub(super) fn ago(seconds: i64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, minutes) => format!("{minutes}m {}s", seconds % 60),
        (0, hours, minutes) => format!("{hours}h {minutes}m"),
        (days, hours, _) => format!("{days}d {hours}h"),
    }
}

/// Milliseconds, for programs.
pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_in_two_units() {
        let cases = [
            (0, "0s"),
            (59, "59s"),
            (60, "1m 0s"),
            (3_725, "1h 2m"),
            (90_061, "1d 1h"),
        ];
        for (seconds, text) in cases {
            assert_eq!(ago(seconds), text);
        }
        assert_eq!(short(Duration::from_millis(250)), "250ms");
    }
}
