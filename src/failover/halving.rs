//! What the database refuses is halved down to the row: one that cannot be handed over is named, and all others are done.

use super::batch::{Applied, Handover, Rows};
use super::error::FailoverError;
use crate::metadata::database::DatabaseError;
use crate::model::{Instance, SkipReason};

/// So many rows refused one by one, and none handed over: it is not the rows.
const GIVE_UP: usize = 8;

/// So often a batch is tried while somebody is in the way of all instances alike. A deadlock is over by the second time.
const TRIES: usize = 3;

impl Handover<'_, '_> {
    /// Does instances in one transaction, or, where that is refused, in halves. Gives those whose rows somebody else has
    /// locked. A wait that was in vain is not repeated: from then on free rows alone are taken.
    ///
    /// # Errors
    /// What ends this master's work. Nothing is half done.
    pub(super) async fn halving(
        &mut self,
        instances: &[Instance],
        rows: &mut Rows,
    ) -> Result<Vec<Instance>, FailoverError> {
        let mut locked = Vec::new();
        let mut left = vec![instances];
        let mut tries = 0;
        while let Some(some) = left.pop() {
            self.context.go_on()?;
            match self.apply(some, *rows).await? {
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
                Applied::Refused(error) if *rows == Rows::Waited && is_busy(&error) => {
                    *rows = Rows::Free;
                    left.push(some);
                }
                Applied::Refused(error) => match some {
                    [] => return Err(error.into()),
                    [instance] if is_busy(&error) => locked.push(instance.clone()),
                    [instance] => self.name(instance, error).await?,
                    many => {
                        let (first, second) = many.split_at(many.len() / 2);
                        left.extend([second, first]);
                    }
                },
            }
        }
        Ok(locked)
    }

    /// Whether the database's word on single rows is its word on this master.
    ///
    /// # Errors
    /// That word, where rows were refused and none was handed over.
    pub(super) fn end(self) -> Result<(), FailoverError> {
        match self.refusal {
            Some(error) if self.outcome.recovered.is_empty() => Err(error.into()),
            Some(_) | None => Ok(()),
        }
    }

    async fn name(&mut self, instance: &Instance, error: DatabaseError) -> Result<(), FailoverError> {
        // The insert leaves out whom somebody else has given a command since the look at them.
        let waiting = self.cluster.store.recovery_commands_for([instance.id]).await?;
        if let Some(command) = waiting.get(&instance.id) {
            self.outcome.skipped.push((instance.id, SkipReason::CommandWaiting(*command)));
            return Ok(());
        }
        self.outcome.skipped.push((instance.id, SkipReason::Refused(words(&error))));
        let refused = self.outcome.skipped.iter().filter(|(_, reason)| matches!(reason, SkipReason::Refused(_)));
        if self.outcome.recovered.is_empty() && refused.count() >= GIVE_UP {
            return Err(error.into());
        }
        self.refusal = Some(error);
        Ok(())
    }
}

fn is_busy(error: &DatabaseError) -> bool {
    matches!(error, DatabaseError::Refused { busy: true, .. })
}

fn words(error: &DatabaseError) -> String {
    match error {
        DatabaseError::Refused { cause, .. } => cause.clone(),
        other => other.to_string(),
    }
}
