//! Formats times and durations for display.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

pub(super) use crate::output::{Instant, ago, short};

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

/// How long ago that was at `now`, in whole seconds; a time in the future counts as now.
pub(super) fn age_seconds(time: Option<Timestamp>, now: Timestamp) -> Option<i64> {
    time.map(|time| now.duration_since(time).as_secs().max(0))
}

/// Milliseconds, for programs.
pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
