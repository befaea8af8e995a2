//! Of several database servers the one that accepts writes.

use crate::metadata::database::{Database, DatabaseError};
use crate::metadata::{Witnesses, ask};

/// The connection, if its server accepts writes. Otherwise it is closed.
///
/// # Errors
/// [`DatabaseError::Doubtful`]: it accepts none.
pub(super) async fn accepting_writes(
    mut database: Box<dyn Database>,
) -> Result<Box<dyn Database>, DatabaseError> {
    let mut witnesses = Witnesses::default();
    witnesses.must_write = true;
    match ask(&mut *database, &mut witnesses).await {
        Ok(()) => Ok(database),
        Err(error) => {
            database.close().await;
            Err(error)
        }
    }
}

/// Servers that were tried in vain.
#[derive(Debug, Default)]
pub(super) struct Tried {
    causes: Vec<String>,
    is_silent: bool,
}

impl Tried {
    /// Adds one, and why it cannot be used.
    pub(super) fn add(&mut self, server: &str, error: &DatabaseError) {
        let (DatabaseError::Unreachable { cause, .. }
        | DatabaseError::Lost { cause, .. }
        | DatabaseError::Refused { cause, .. }
        | DatabaseError::UniqueViolation { cause, .. }
        | DatabaseError::Exhausted { cause, .. }
        | DatabaseError::Doubtful { cause, .. }) = error
        else {
            return;
        };
        tracing::debug!("{server}: {cause}");
        self.is_silent |= !matches!(error, DatabaseError::Doubtful { .. });
        self.causes.push(format!("{server}: {cause}"));
    }

    /// Why there is no connection: [`DatabaseError::Unreachable`] if one that gave no answer may be
    /// the right one, [`DatabaseError::Doubtful`] if all have answered.
    pub(super) fn error(self, endpoint: String) -> DatabaseError {
        let causes = self.causes.join("; ");
        if self.is_silent {
            let cause = causes;
            return DatabaseError::Unreachable { endpoint, cause };
        }
        let cause = format!("none of the database's servers accepts writes: {causes}");
        DatabaseError::Doubtful { endpoint, cause }
    }
}
