//! A lock that was acquired, in the form of the JSON documents.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::commands::times;

/// A lock that was acquired.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::commands) struct LockEntry {
    path: String,
    waited_ms: u64,
}

impl LockEntry {
    /// Its path, and how long it was waited for.
    pub(in crate::commands) fn new(path: &str, waited: Duration) -> Self {
        Self {
            path: path.to_owned(),
            waited_ms: times::milliseconds(waited),
        }
    }
}
