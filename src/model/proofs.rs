//! Proofs that are required before anything is written. Values without data: having one is the
//! proof.

/// An operator's consent to write.
#[derive(Debug)]
pub struct Permit(());

impl Permit {
    /// The operator has confirmed, on a terminal or with `--yes`.
    #[must_use]
    pub fn by_operator() -> Self {
        Self(())
    }
}

/// Proof that the registry has just confirmed a lock. It is outdated at once: the write that it
/// allows consumes it.
#[derive(Debug)]
pub struct Confirmed(());

impl Confirmed {
    /// Created only by registries, from an answer.
    pub(crate) fn by_registry() -> Self {
        Self(())
    }
}
