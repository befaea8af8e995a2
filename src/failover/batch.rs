//! One batch: rows locked and compared, tasks marked, instances claimed and commands inserted in
//! one transaction, which is committed only if the locks are confirmed to be still held.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::error::{FailoverError, Refusal};
use super::guard;
use super::handed_over::HandedOver;
use super::handover::Handover;
use super::kills::{about_ended, end_tasks};
use super::life;
use super::locks::idle_limit;
use super::outcome::is_refusal;
use super::prepare::{Prepared, Share};
use super::rules::Steps;
use crate::family::Claim;
use crate::metadata::database::DatabaseError;
use crate::metadata::{NewCommand, WriteBatch};
use crate::model::{Instance, InstanceId, InstanceRow, SkipReason, Task};
use crate::registry::RegistryError;

/// Which rows a batch takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowLocks {
    /// Only rows that no other client has locked.
    Free,
    /// All rows; locked ones are waited for.
    Waited,
}

/// Instances that are handed over in one transaction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk<'a> {
    pub(super) instances: &'a [Instance],
    pub(super) rows: RowLocks,
}

/// The rows of a chunk.
struct Locked {
    /// Locked by this transaction.
    rows: Vec<InstanceRow>,
    /// The instances of these rows, as they were judged.
    instances: Vec<Instance>,
    /// Locked by another client.
    others: Vec<Instance>,
}

/// The result of a batch.
#[derive(Debug)]
pub(super) enum Applied {
    /// Committed, except for these, whose rows another client has locked.
    Done(Vec<Instance>),
    /// The database refused it, or another transaction was in conflict with it; nothing was
    /// written.
    Refused(DatabaseError),
    /// Another client blocks all instances alike, for example by a table lock. Nothing was written.
    Crowded(DatabaseError),
}

/// Ids of the commands that were inserted, by instance.
type Commands = HashMap<InstanceId, i64>;

/// Which rows a statement needs, or may wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blocked {
    /// Those of instances, or of their tasks: fewer instances may be free.
    Instances,
    /// Not only those of an instance.
    Tables,
}

/// Why a batch will not be committed.
#[derive(Debug)]
enum Unwritten {
    /// A statement failed; the rows that it needed.
    Statement(FailoverError, Blocked),
    /// A check failed.
    Check(FailoverError),
}

impl Unwritten {
    fn at<E: Into<FailoverError>>(place: Blocked) -> impl Fn(E) -> Self {
        move |error| Self::Statement(error.into(), place)
    }

    /// The result of the batch: with fewer instances it may succeed if a statement was refused.
    fn into_result(self) -> Result<Applied, FailoverError> {
        match self {
            Self::Statement(
                FailoverError::Database(error @ DatabaseError::Refused { busy: true, .. }),
                Blocked::Tables,
            ) => Ok(Applied::Crowded(error)),
            Self::Statement(FailoverError::Database(error), _) if is_refusal(&error) => {
                Ok(Applied::Refused(error))
            }
            Self::Statement(error, _) | Self::Check(error) => Err(error),
        }
    }
}

impl From<FailoverError> for Unwritten {
    fn from(error: FailoverError) -> Self {
        Self::Check(error)
    }
}

impl From<RegistryError> for Unwritten {
    fn from(error: RegistryError) -> Self {
        Self::Check(error.into())
    }
}

impl Handover<'_> {
    /// Writes a batch.
    ///
    /// # Errors
    /// Nothing of this batch is written then, except where [`FailoverError::OutcomeUnknown`] says
    /// that the outcome is unknown.
    pub(super) async fn apply(
        &mut self,
        share: &mut Share<'_>,
        chunk: Chunk<'_>,
    ) -> Result<Applied, FailoverError> {
        // From here on nothing is interrupted, not even the queries after a COMMIT without an
        // answer.
        let _shield = self.cluster.stop.shield();
        let (batch, limit) = self.begin().await?;
        let (prepared, commands) = match self.write(&batch, limit, share, chunk).await {
            Ok(written) => written,
            Err(unwritten) => {
                self.cluster.store.roll_back(batch).await;
                return unwritten.into_result();
            }
        };
        let states = self.overwritten(&prepared);
        let commands = match self.cluster.store.commit(batch).await {
            Ok(()) => commands,
            Err(lost @ DatabaseError::Lost { .. }) => {
                let read = self.read_back(&prepared, commands, lost).await;
                if let Err(FailoverError::OutcomeUnknown { .. }) = &read {
                    // Where they are claimed, nothing else knows them.
                    share.outcome.original_states.extend(states.iter().copied());
                }
                read?
            }
            // Fewer instances would not help.
            Err(exhausted @ DatabaseError::Exhausted { .. }) => return Err(exhausted.into()),
            Err(refused) => return Ok(Applied::Refused(refused)),
        };
        tracing::info!(
            instances = prepared.rows.len(),
            left_alone = prepared.skipped.len(),
            "batch committed"
        );
        share.outcome.original_states.extend(states);
        Ok(Applied::Done(self.record(share, prepared, &commands)))
    }

    /// Starts a transaction that may write: with consent, and under a lock that is confirmed at
    /// this moment. Returns how long at most its server lets this process be silent in it.
    async fn begin(&mut self) -> Result<(WriteBatch, Duration), FailoverError> {
        let confirmed = self.confirm().await?;
        let (Some(permit), Some(confirmed)) = (self.permit, confirmed) else {
            return Err(Refusal::NotConfirmed.into());
        };
        let limit = idle_limit(&*self.cluster.registry);
        let batch = self
            .cluster
            .store
            .begin_batch(permit, confirmed, limit)
            .await?;
        Ok((batch, limit))
    }

    /// Everything between BEGIN and COMMIT, with the last checks at its end.
    async fn write(
        &mut self,
        batch: &WriteBatch,
        limit: Duration,
        share: &mut Share<'_>,
        chunk: Chunk<'_>,
    ) -> Result<(Prepared, Commands), Unwritten> {
        let locked = self.lock_rows(batch, chunk).await?;
        let mut prepared = self.ready(batch, share, locked).await?;
        let commands = self.hand_over(batch, &prepared).await?;
        self.ensure_still_unowned(share).await?;
        self.end_tasks_of(share, &mut prepared).await?;
        let states = self.overwritten(&prepared);
        if !states.is_empty() {
            self.observer.overwriting(&states);
        }
        // No lock, no commit.
        self.confirm().await?;
        self.ensure_outlived(limit)?;
        Ok((prepared, commands))
    }

    /// That the lock, which is ours at this moment, stays so for longer than the transaction can if
    /// we fall asleep now: its session may have become a shorter one since that began.
    fn ensure_outlived(&self, limit: Duration) -> Result<(), RegistryError> {
        let registry = &*self.cluster.registry;
        if idle_limit(registry) >= limit {
            return Ok(());
        }
        Err(RegistryError::Interrupted {
            endpoint: registry.endpoint().to_owned(),
            cause: "the connection broke within a transaction, and who took the session over may keep its locks for a shorter time"
                .to_owned(),
        })
    }

    async fn lock_rows(
        &mut self,
        batch: &WriteBatch,
        chunk: Chunk<'_>,
    ) -> Result<Locked, Unwritten> {
        let ids: Vec<InstanceId> = chunk.instances.iter().map(|instance| instance.id).collect();
        let store = &mut self.cluster.store;
        // With SKIP LOCKED no row is waited for.
        let waits = chunk.rows == RowLocks::Waited || !store.skips_locked_rows();
        let locked = match chunk.rows {
            RowLocks::Free => store.lock_free_instances(batch, &ids).await,
            RowLocks::Waited => store.lock_instances(batch, &ids).await,
        };
        let rows = locked.map_err(Unwritten::at(if waits {
            Blocked::Instances
        } else {
            Blocked::Tables
        }))?;
        let taken: HashSet<InstanceId> = rows.iter().map(|row| row.instance.id).collect();
        // A deleted row is also missing among the free ones; waiting for it shows that.
        let is_others =
            |instance: &&Instance| chunk.rows == RowLocks::Free && !taken.contains(&instance.id);
        let (others, instances) = chunk
            .instances
            .iter()
            .cloned()
            .partition(|instance| is_others(&instance));
        Ok(Locked {
            rows,
            instances,
            others,
        })
    }

    /// Prepares what will be written to the locked rows, and marks their tasks.
    async fn ready(
        &mut self,
        batch: &WriteBatch,
        share: &Share<'_>,
        locked: Locked,
    ) -> Result<Prepared, Unwritten> {
        let prepared = self.prepare(share, &locked.instances, locked.rows).await;
        let mut prepared = prepared.map_err(Unwritten::at(Blocked::Instances))?;
        prepared.locked = locked.others;
        if self.rules.steps == Steps::Command {
            // Inserting a command changes nothing in the instance's row, so another `recover` shows
            // only in the commands. It is visible here, because it had to release the row lock
            // first.
            let waiting = self
                .cluster
                .store
                .recovery_commands_for(prepared.ids())
                .await;
            let waiting = waiting.map_err(Unwritten::at(Blocked::Instances))?;
            prepared.skip(|instance| {
                waiting
                    .get(&instance.id)
                    .map(|command| SkipReason::CommandWaiting(*command))
            });
        }
        if !prepared.tasks.is_empty() {
            let tasks: Vec<i64> = prepared.tasks.iter().map(|(_, task)| *task).collect();
            let marked = self.cluster.store.mark_tasks(batch, &tasks).await;
            let marked = marked.map_err(Unwritten::at(Blocked::Instances))?;
            prepared.tasks.retain(|(_, task)| marked.contains(task));
        }
        Ok(prepared)
    }

    /// Claims the instances and inserts their commands. All rows of an instance are locked by then.
    async fn hand_over(
        &mut self,
        batch: &WriteBatch,
        prepared: &Prepared,
    ) -> Result<Commands, Unwritten> {
        if prepared.rows.is_empty() {
            return Ok(Commands::new());
        }
        let store = &mut self.cluster.store;
        if self.rules.steps != Steps::Command {
            let claimed = store
                .claim(batch, &prepared.rows)
                .await
                .map_err(Unwritten::at(Blocked::Tables))?;
            let wanted = prepared.rows.len();
            if u64::try_from(wanted) != Ok(claimed) {
                let cause = format!(
                    "{claimed} of {wanted} locked rows were claimed; nothing of this batch was written"
                );
                let endpoint = store.endpoint().to_owned();
                return Err(Unwritten::at(Blocked::Tables)(DatabaseError::Refused {
                    endpoint,
                    cause,
                    busy: false,
                }));
            }
        }
        if self.rules.steps == Steps::Claim {
            // The insert of the commands does not check that.
            let ids: Vec<InstanceId> = prepared.rows.iter().map(|row| row.instance.id).collect();
            store
                .ensure_claimed(batch, &ids)
                .await
                .map_err(Unwritten::at(Blocked::Tables))?;
            return Ok(Commands::new());
        }
        let pairs = prepared.rows.iter().zip(&prepared.parameters);
        let commands: Vec<NewCommand<'_>> = pairs
            .map(|(row, parameter)| NewCommand {
                row,
                parameter: parameter.clone(),
            })
            .collect();
        let now = self
            .cluster
            .zone
            .as_ref()
            .map(|zone| zone.to_datetime(self.cluster.registry.now()));
        self.cluster
            .store
            .insert_commands(batch, &commands, self.rules.steps != Steps::Command, now)
            .await
            .map_err(Unwritten::at(Blocked::Tables))
    }

    /// Checks again, right before the COMMIT: what the master may have started meanwhile, and
    /// whether it is back. Claimed instances belong to no master, whichever registers.
    async fn ensure_still_unowned(&mut self, share: &Share<'_>) -> Result<(), FailoverError> {
        let address = &share.outcome.address;
        if let Some(mark) = share.mark {
            let handed_over = !share.outcome.recovered.is_empty();
            life::ensure_still(&mut self.cluster.store, mark, address, handed_over).await?;
        }
        if share.errors.is_none() {
            guard::ensure_still_away(self.cluster, self.rules, &share.view, address).await
        } else {
            Ok(())
        }
    }

    /// Asks workers to end tasks that will run again. They are asked only if the batch is going to
    /// be committed, as far as can be known.
    async fn end_tasks_of(
        &mut self,
        share: &mut Share<'_>,
        prepared: &mut Prepared,
    ) -> Result<(), RegistryError> {
        let asked = &mut share.outcome.asked;
        let to_ask: Vec<&Task> = prepared
            .to_end
            .iter()
            .filter(|task| !asked.contains_key(&task.id))
            .collect();
        if !to_ask.is_empty() {
            self.confirm().await?;
            asked.extend(end_tasks(self.cluster, &to_ask).await);
        }
        prepared
            .notes
            .extend(about_ended(self.cluster, &prepared.to_end, asked));
        Ok(())
    }

    /// The states that a claim alone overwrites.
    fn overwritten(&self, prepared: &Prepared) -> Vec<(InstanceId, i64)> {
        let by_state = matches!(self.cluster.store.release().family.claim, Claim::State(_));
        if self.rules.steps != Steps::Claim || !by_state {
            return Vec::new();
        }
        let rows = prepared.rows.iter();
        rows.filter_map(|row| Some((row.instance.id, row.instance.state?)))
            .collect()
    }

    /// Records what was committed; returns what is left for later.
    fn record(
        &mut self,
        share: &mut Share<'_>,
        prepared: Prepared,
        commands: &Commands,
    ) -> Vec<Instance> {
        let outcome = &mut share.outcome;
        outcome
            .recovered
            .extend(prepared.ids().map(|id| (id, commands.get(&id).copied())));
        let address = outcome.address.clone();
        let handed_over = prepared
            .rows
            .iter()
            .map(|row| HandedOver::of(&row.instance, &address, commands));
        outcome.handed_over.extend(handed_over);
        self.run.wrote |= !prepared.rows.is_empty();
        prepared.record_in(outcome)
    }
}
