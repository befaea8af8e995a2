//! A point in time in the documents.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// RFC 3339 in UTC, for programs.
#[derive(Clone, Copy, Debug, JsonSchema)]
#[schemars(transparent, inline)]
pub struct Instant(
    #[schemars(
        with = "String",
        regex(
            pattern = r"^-?[0-9]{4,6}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z$"
        )
    )]
    Timestamp,
);

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl From<Timestamp> for Instant {
    fn from(time: Timestamp) -> Self {
        Self(time)
    }
}
