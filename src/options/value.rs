//! Values with their own grammar: durations, rates, zones, names. Pure; also used for the
//! environment and files.

use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use strum::{EnumString, IntoStaticStr, VariantNames};

use crate::secret::Secret;

/// A text that is not what the option needs; the message the message says what it needs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ValueError(pub String);

/// Where registrations and locks are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "lowercase")]
pub enum RegistryKind {
    /// `ZooKeeper`.
    ZooKeeper,
    /// DolphinScheduler's own, in tables of the database (3.3 and newer).
    Jdbc,
}

/// At most this many instances per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(pub NonZeroU32);

impl FromStr for Rate {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let rate = text
            .strip_suffix("/s")
            .and_then(number)
            .and_then(|n| u32::try_from(n).ok())
            .and_then(NonZeroU32::new);
        rate.map(Self).ok_or_else(|| {
            ValueError("expected a number of instances per second, for example 50/s".to_owned())
        })
    }
}

/// Takes a text that may contain a password.
///
/// # Errors
/// None; command-line parsers need an error type.
pub fn secret(text: &str) -> Result<Secret, ValueError> {
    Ok(Secret::new(text))
}

fn refuse<T>(text: &str) -> Result<T, ValueError> {
    Err(ValueError(text.to_owned()))
}

/// Only digits: `u64::from_str` would accept a sign as well.
fn number(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

/// A duration with its unit: `500ms`, `30s`, `5m`, `1h`.
///
/// # Errors
/// Anything else, including a bare number: its unit would be a guess.
pub fn duration(text: &str) -> Result<Duration, ValueError> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (amount, unit) = text.split_at(digits);
    let too_long = || ValueError("this duration is too long".to_owned());
    let millis_each = match unit {
        _ if amount.is_empty() => {
            return refuse("expected a number and its unit, for example 500ms, 30s, 5m or 1h");
        }
        "" => {
            return Err(ValueError(format!(
                "the unit is missing: use {amount}s for seconds, {amount}m for minutes"
            )));
        }
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return refuse("the unit is unknown: use ms, s, m or h"),
    };
    let millis = number(amount)
        .and_then(|amount| amount.checked_mul(millis_each))
        .ok_or_else(too_long)?;
    // A year is more than any wait makes sense for, and far from every overflow of clocks.
    if millis > 365 * 24 * 3_600_000 {
        Err(too_long())
    } else {
        Ok(Duration::from_millis(millis))
    }
}

/// A [`duration`] above zero.
///
/// # Errors
/// Those of [`duration`], and zero.
pub fn positive_duration(text: &str) -> Result<Duration, ValueError> {
    match duration(text)? {
        Duration::ZERO => refuse("zero is not allowed here"),
        duration => Ok(duration),
    }
}

/// A moment: a time with its offset, as in RFC 3339, or a date, which begins at 00:00 UTC.
///
/// # Errors
/// Anything else, including a time without an offset: its zone would be a guess.
pub fn moment(text: &str) -> Result<Timestamp, ValueError> {
    let date = || {
        let date = text.parse::<Date>().ok().filter(|_| text.len() == 10)?;
        TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()
    };
    text.parse().ok().or_else(date).ok_or_else(|| {
        ValueError(
            "expected a date (2026-12-24, which begins at 00:00 UTC) or a time with its offset \
             (2026-12-24T18:00:00+08:00)"
                .to_owned(),
        )
    })
}

/// A zone by name (`Asia/Shanghai`), or a fixed offset such as `+08:00`, `GMT+8` or `UTC`.
///
/// # Errors
/// A name that the zone database does not have.
pub fn time_zone(text: &str) -> Result<TimeZone, ValueError> {
    if let Some(offset) = fixed_offset(text) {
        return Ok(TimeZone::fixed(offset));
    }
    TimeZone::get(text).map_err(|_| {
        ValueError(
            "no such time zone: expected a name such as Asia/Shanghai, or an offset such as +08:00"
                .to_owned(),
        )
    })
}

/// A text of which [`time_zone`] makes the same zone.
#[must_use]
pub fn zone_text(zone: &TimeZone) -> Option<String> {
    let fixed = || Some(zone.to_fixed_offset().ok()?.to_string());
    zone.iana_name().map(str::to_owned).or_else(fixed)
}

/// Java writes `GMT+8` where POSIX would write `GMT-8`; DolphinScheduler's configuration is Java's.
fn fixed_offset(text: &str) -> Option<Offset> {
    let rest = text
        .strip_prefix("GMT")
        .or_else(|| text.strip_prefix("UTC"))
        .unwrap_or(text);
    let (sign, digits) = match rest.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = digits.split_once(':').unwrap_or((digits, "00"));
    let (hours, minutes) = (
        number(hours).filter(|_| (1..=2).contains(&hours.len()))?,
        number(minutes)?,
    );
    if minutes > 59 {
        return None;
    }
    let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
    Offset::from_seconds(sign * seconds).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_need_a_unit() {
        let read: Vec<u128> = ["500ms", "30s", "5m", "1h", "0s"]
            .iter()
            .map(|text| duration(text).unwrap().as_millis())
            .collect();
        assert_eq!(read, [500, 30_000, 300_000, 3_600_000, 0]);
        assert_eq!(
            duration("30").unwrap_err().0,
            "the unit is missing: use 30s for seconds, 30m for minutes"
        );
        for text in [
            "",
            "s",
            "5 m",
            "5d",
            "-5s",
            "+5s",
            "1.5s",
            "99999999999999999999s",
            "9999999h",
            "５s",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert!(positive_duration("0ms").is_err());
    }

    #[test]
    fn a_moment_is_a_date_or_has_an_offset() {
        let read = |text| moment(text).map(|moment| moment.to_string());
        for (text, at) in [
            ("2026-12-24", "2026-12-24T00:00:00Z"),
            ("2026-12-24T18:00:00Z", "2026-12-24T18:00:00Z"),
            ("2026-12-24T18:00:00+08:00", "2026-12-24T10:00:00Z"),
        ] {
            assert_eq!(read(text), Ok(at.to_owned()), "{text}");
        }
        for text in [
            "",
            "tomorrow",
            "2026-12-24T18:00:00",
            "2026-12-24 18:00",
            "2026-13-01",
            "5m",
        ] {
            assert!(moment(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rates_are_per_second() {
        assert_eq!("50/s".parse(), Ok(Rate(NonZeroU32::new(50).unwrap())));
        for text in ["50", "0/s", "/s", "5/m", "-1/s", "5000000000/s"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }

    #[test]
    fn zones_by_name_and_by_offset() {
        let time: jiff::Timestamp = "2024-01-01T00:00:00Z".parse().unwrap();
        for text in ["Asia/Shanghai", "+08:00", "GMT+8", "UTC+08:00"] {
            assert_eq!(
                time_zone(text).unwrap().to_offset(time),
                Offset::constant(8),
                "{text}"
            );
        }
        assert_eq!(
            time_zone("-03:30").unwrap().to_offset(time).seconds(),
            -12_600
        );
        assert_eq!(time_zone("UTC").unwrap().to_offset(time), Offset::UTC);
        for text in [
            "",
            "Asia",
            "Mars/Olympus",
            "+8:99",
            "+99",
            "GMT+",
            "+1e1",
            "../../etc/passwd",
        ] {
            assert!(time_zone(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in any::<String>()) {
            let _ = (duration(&text), moment(&text), time_zone(&text), text.parse::<Rate>());
        }

        #[test]
        fn every_whole_number_of_seconds_is_read(seconds in 0_u64..31_536_000) {
            prop_assert_eq!(duration(&format!("{seconds}s")), Ok(Duration::from_secs(seconds)));
        }
    }
}
