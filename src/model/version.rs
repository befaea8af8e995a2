//! Release numbers of DolphinScheduler, and ranges of them.

use std::fmt;
use std::str::FromStr;

/// The stage of a release; orders pre-releases before the final one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// `-alpha`
    Alpha,
    /// `-beta-N`
    Beta(u8),
    /// The release itself.
    Final,
}

/// A release of DolphinScheduler, for example `3.0.0-beta-1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// First number.
    pub major: u16,
    /// Second number.
    pub minor: u16,
    /// Third number.
    pub patch: u16,
    /// Pre-release stage.
    pub stage: Stage,
}

impl Version {
    /// A final release.
    #[must_use]
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self {
            major,
            minor,
            patch,
            stage: Stage::Final,
        }
    }

    /// A release at a stage before the final one.
    #[must_use]
    pub const fn staged(major: u16, minor: u16, patch: u16, stage: Stage) -> Self {
        Self {
            major,
            minor,
            patch,
            stage,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        match self.stage {
            Stage::Alpha => f.write_str("-alpha"),
            Stage::Beta(n) => write!(f, "-beta-{n}"),
            Stage::Final => Ok(()),
        }
    }
}

/// The text is not a release number. It is not quoted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a DolphinScheduler release: expected for example 3.1.9 or 3.0.0-beta-1")]
pub struct VersionError;

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        parse(text.trim()).ok_or(VersionError)
    }
}

fn parse(text: &str) -> Option<Version> {
    let (numbers, stage) = match text.split_once('-') {
        None => (text, Stage::Final),
        Some((numbers, "alpha")) => (numbers, Stage::Alpha),
        Some((numbers, stage)) => {
            let number = stage
                .strip_prefix("beta-")
                .or_else(|| stage.strip_prefix("beta"))?;
            (
                numbers,
                Stage::Beta(if number.is_empty() {
                    1
                } else {
                    number.parse().ok()?
                }),
            )
        }
    };
    let mut parts = numbers.split('.').map(|part| part.parse::<u16>().ok());
    let version = Version::staged(parts.next()??, parts.next()??, parts.next()??, stage);
    parts.next().is_none().then_some(version)
}

/// A range of possible releases: both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionRange {
    /// Oldest.
    pub from: Version,
    /// Newest.
    pub to: Version,
}

impl VersionRange {
    /// Both ends included.
    #[must_use]
    pub const fn new(from: Version, to: Version) -> Self {
        Self { from, to }
    }

    /// The one release, if only one is left.
    #[must_use]
    pub fn exact(&self) -> Option<Version> {
        (self.from == self.to).then_some(self.from)
    }

    /// Whether `version` is within.
    #[must_use]
    pub fn contains(&self, version: Version) -> bool {
        self.from <= version && version <= self.to
    }

    /// The intersection of both ranges; `None` if it is empty.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Option<Self> {
        let range = Self::new(self.from.max(other.from), self.to.min(other.to));
        (range.from <= range.to).then_some(range)
    }

    /// The smallest range that contains both.
    #[must_use]
    pub fn hull(&self, other: &Self) -> Self {
        Self::new(self.from.min(other.from), self.to.max(other.to))
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.exact() {
            Some(version) => version.fmt(f),
            None if self.to.patch == u16::MAX => write!(f, "{} or newer", self.from),
            None => write!(f, "{} to {}", self.from, self.to),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_order_before_the_release() {
        let order = [
            "3.0.0-alpha",
            "3.0.0-beta-1",
            "3.0.0-beta-2",
            "3.0.0",
            "3.0.1",
            "3.1.0",
        ];
        let parsed: Vec<Version> = order.iter().map(|text| text.parse().unwrap()).collect();
        assert!(parsed.is_sorted());
        assert_eq!(
            parsed.iter().map(ToString::to_string).collect::<Vec<_>>(),
            order
        );
    }

    #[test]
    fn what_is_no_release_is_refused() {
        for text in [
            "",
            "3",
            "3.1",
            "3.1.x",
            "3.1.2.3",
            "3.1.2-rc",
            "-1.0.0",
            "v3.1.2",
            "3.1.70000",
        ] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }

    #[test]
    fn ranges_meet_or_do_not() {
        let three_one = VersionRange::new(Version::new(3, 1, 0), Version::new(3, 1, 9));
        let late = VersionRange::new(Version::new(3, 1, 7), Version::new(3, 2, 0));
        assert_eq!(
            three_one.intersect(&late),
            Some(VersionRange::new(
                Version::new(3, 1, 7),
                Version::new(3, 1, 9)
            ))
        );
        let other = VersionRange::new(Version::new(2, 0, 0), Version::new(2, 0, 9));
        assert_eq!(three_one.intersect(&other), None);
        let both = VersionRange::new(Version::new(2, 0, 0), Version::new(3, 1, 9));
        assert_eq!(
            (three_one.hull(&other), other.hull(&three_one)),
            (both, both)
        );
    }
}
