//! What is unusual about the heartbeats of a registered master. It is not a sign of death.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::{Registration, Registrations};

/// In seconds. A master writes its heartbeat every ten seconds or so, with any setting within
/// minutes; and clocks that differ by less harm little.
const LONG: i64 = 300;

/// When the newest heartbeat of all was written, by the registry's clock, which is the same for all
/// of them.
#[must_use]
pub fn newest(masters: &Registrations) -> Option<Timestamp> {
    let servers = masters.servers.iter();
    servers.filter_map(|server| server.modified_at).max()
}

/// For how many seconds a master has been silent at this moment of the registry's clock, if that is
/// long.
#[must_use]
pub fn silence(registration: &Registration, now: Timestamp) -> Option<i64> {
    let seconds = now.duration_since(registration.modified_at?).as_secs();
    (seconds > LONG).then_some(seconds)
}

/// By how many seconds a master's clock is behind the registry's, if that is much; below zero it is
/// ahead.
#[must_use]
pub fn clock_error(registration: &Registration, zone: Option<&TimeZone>) -> Option<i64> {
    let written = registration.modified_at?;
    let reported = registration.heartbeat.reported_at?.instant(zone)?;
    let seconds = written.duration_since(reported).as_secs();
    (seconds.abs() > LONG).then_some(seconds)
}
