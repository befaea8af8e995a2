//! What a place states, before it is understood.

use super::Origin;

/// A value as text, and where it stands.
#[derive(Clone)]
pub(super) struct Stated {
    pub(super) text: String,
    pub(super) origin: Origin,
}
