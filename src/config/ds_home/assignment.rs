//! What the files say, before it is known which of them counts.

use std::collections::BTreeMap;
use std::fmt;

use crate::config::Origin;

/// A property or a variable, and where it is set.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Assignment {
    pub(super) name: String,
    /// `None` if only running the script would tell it.
    pub(super) text: Option<String>,
    pub(super) origin: Origin,
}

impl fmt::Debug for Assignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The text may be a password.
        f.debug_struct("Assignment")
            .field("name", &self.name)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

/// What one file or one document of it says, in its order.
pub(super) type Layer = Vec<Assignment>;

/// Variables by name.
pub(super) type Variables = BTreeMap<String, Assignment>;

/// No variable has this name: behind it stands the line that may have set any of them.
pub(super) const ANY: &str = "*";
