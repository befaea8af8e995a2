//! A batch that the database refuses is halved down to the row: one that cannot be handed over is
//! named, and all others are handed over.

use super::batch::{Applied, Chunk, RowLocks};
use super::error::FailoverError;
use super::handover::Handover;
use super::prepare::Share;
use crate::metadata::database::DatabaseError;
use crate::model::{Instance, SkipReason};

/// After this many rows refused one by one, and none handed over, the rows are not the cause.
const GIVE_UP: usize = 8;

/// How often a batch is tried while another client blocks all instances alike. A deadlock is over
/// by the second time.
const TRIES: usize = 3;

impl Handover<'_> {
    /// Hands instances over in one transaction, or, if that is refused, in halves. Returns those
    /// whose rows another client has locked. A wait that timed out is not repeated: from then on
    /// only free rows are taken.
    ///
    /// # Errors
    /// What ends this master's work. Nothing is half written.
    pub(super) async fn halving(
        &mut self,
        share: &mut Share<'_>,
        instances: &[Instance],
        rows: &mut RowLocks,
    ) -> Result<Vec<Instance>, FailoverError> {
        let mut locked = Vec::new();
        let mut left = vec![instances];
        let mut tries = 0;
        while let Some(some) = left.pop() {
            self.go_on()?;
            match self
                .apply(
                    share,
                    Chunk {
                        instances: some,
                        rows: *rows,
                    },
                )
                .await?
            {
                Applied::Done(others) => {
                    tries = 0;
                    locked.extend(others);
                }
                Applied::Crowded(error) => {
                    tries += 1;
                    if tries == TRIES {
                        return Err(error.into());
                    }
                    left.push(some);
                }
                Applied::Refused(error) if *rows == RowLocks::Waited && is_busy(&error) => {
                    *rows = RowLocks::Free;
                    left.push(some);
                }
                Applied::Refused(error) => match some {
                    [] => return Err(error.into()),
                    [instance] if is_busy(&error) => locked.push(instance.clone()),
                    [instance] => self.name(share, instance, error).await?,
                    many => {
                        let (first, second) = many.split_at(many.len() / 2);
                        left.extend([second, first]);
                    }
                },
            }
        }
        Ok(locked)
    }

    async fn name(
        &mut self,
        share: &mut Share<'_>,
        instance: &Instance,
        error: DatabaseError,
    ) -> Result<(), FailoverError> {
        // The insert skips instances that another client has given a command since they were read.
        let waiting = self
            .cluster
            .store
            .recovery_commands_for([instance.id])
            .await?;
        if let Some(command) = waiting.get(&instance.id) {
            share
                .outcome
                .skipped
                .push((instance.id, SkipReason::CommandWaiting(*command)));
            return Ok(());
        }
        share
            .outcome
            .skipped
            .push((instance.id, SkipReason::Refused(server_message(&error))));
        let refused = share
            .outcome
            .skipped
            .iter()
            .filter(|(_, reason)| matches!(reason, SkipReason::Refused(_)));
        if share.outcome.recovered.is_empty() && refused.count() >= GIVE_UP {
            return Err(error.into());
        }
        share.refusal = Some(error);
        Ok(())
    }
}

fn is_busy(error: &DatabaseError) -> bool {
    matches!(error, DatabaseError::Refused { busy: true, .. })
}

fn server_message(error: &DatabaseError) -> String {
    match error {
        DatabaseError::Refused { cause, .. } => cause.clone(),
        other => other.to_string(),
    }
}
