//! What has to be shown before anything is written. Values without data: whoever has one has earned
//! it.

/// An operator's consent to write.
#[derive(Debug)]
pub struct Permit(());

impl Permit {
    /// The operator said yes, on a terminal or with `--yes`.
    #[must_use]
    pub fn given() -> Self {
        Self(())
    }
}

/// That the registry has just said that a lock is ours. Old at once: it is used up by what it
/// allows.
#[derive(Debug)]
pub struct Confirmed(());

impl Confirmed {
    /// Only registries make one, of an answer.
    pub(crate) fn by_registry() -> Self {
        Self(())
    }
}
