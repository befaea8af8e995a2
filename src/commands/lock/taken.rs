//! A lock that was taken, as programs are told of it.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::commands::times;

/// A lock that was taken.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::commands) struct LockEntry {
    path: String,
    waited_ms: u64,
}

impl LockEntry {
    /// Where it is, and how long was waited for it.
    pub(in crate::commands) fn new(path: &str, waited: Duration) -> Self {
        Self {
            path: path.to_owned(),
            waited_ms: times::milliseconds(waited),
        }
    }
}
