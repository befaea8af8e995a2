//! The transaction state of a connection: outside of a transaction, in one, or in one that an error
//! has made fail.

/// The state of a connection's transaction, as this side sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Transaction {
    /// No transaction: every statement is committed by itself.
    #[default]
    None,
    /// Open and intact.
    Open,
    /// Open, but a statement in it failed: only its end is allowed.
    Spoilt,
}

impl Transaction {
    /// Why no statement may be sent now, if so.
    pub(super) fn bars_statement(self) -> Option<&'static str> {
        (self == Self::Spoilt).then_some(
            "an earlier statement of this transaction failed; it can only be rolled back",
        )
    }

    /// Why no transaction may be started now, if so.
    pub(super) fn bars_begin(self) -> Option<&'static str> {
        (self != Self::None).then_some("a transaction is open already")
    }

    /// Why this transaction cannot be committed, if so.
    pub(super) fn bars_commit(self) -> Option<&'static str> {
        match self {
            Self::Open => None,
            Self::None => Some("no transaction is open"),
            Self::Spoilt => {
                Some("an earlier statement of this transaction failed; it was rolled back")
            }
        }
    }

    /// The state after a failed statement.
    #[must_use]
    pub(super) fn after_error(self) -> Self {
        match self {
            Self::None => Self::None,
            Self::Open | Self::Spoilt => Self::Spoilt,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Transaction;

    #[test]
    fn an_error_spoils_an_open_transaction_only() {
        assert_eq!(Transaction::None.after_error(), Transaction::None);
        assert_eq!(Transaction::Open.after_error(), Transaction::Spoilt);
        assert!(
            Transaction::None.bars_statement().is_none()
                && Transaction::Open.bars_statement().is_none()
        );
        assert!(Transaction::Spoilt.bars_statement().is_some());
    }

    #[test]
    fn only_a_sound_open_transaction_is_committed() {
        assert!(Transaction::Open.bars_commit().is_none());
        assert!(
            Transaction::None.bars_commit().is_some()
                && Transaction::Spoilt.bars_commit().is_some()
        );
        assert!(Transaction::None.bars_begin().is_none());
        assert!(
            Transaction::Open.bars_begin().is_some() && Transaction::Spoilt.bars_begin().is_some()
        );
    }
}
