//! Each master's turn: its locks are acquired, everything is checked again, its instances are
//! handed over batch by batch, and the locks are released on every way out.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::batch::RowLocks;
use super::error::{FailoverError, Refusal};
use super::guard::{self, RegistryView};
use super::handover::Handover;
use super::locks::Locks;
use super::outcome::MasterOutcome;
use super::prepare::{Facts, Share};
use super::{children, judge, kills, life, remarks, zone};
use crate::metadata::Mark;
use crate::metadata::database::DatabaseError;
use crate::model::{Address, CommandRow, Instance, InstanceId, SkipReason, Verdict};
use crate::registry::RegistryError;

/// One master's share of a run.
pub(super) struct Job<'a> {
    pub(super) address: &'a Address,
    /// Its verdict, until it is checked under its lock.
    pub(super) verdict: Verdict,
    pub(super) work: LockedWork<'a>,
}

/// What is done under the locks.
pub(super) enum LockedWork<'a> {
    /// All instances that the master left, and the rows when it was found absent.
    Master(&'a Mark),
    /// These instances, which were handed over, with their error commands.
    Claimed(&'a [Instance], &'a HashMap<InstanceId, CommandRow>),
}

/// A registered master is handled as a restarted one.
pub(super) fn verdict_of(view: &RegistryView, address: &Address) -> Verdict {
    match judge::master_verdict(address, &view.masters) {
        Verdict::Alive => Verdict::Restarted,
        verdict => verdict,
    }
}

impl<'j> Handover<'_> {
    /// Does each job under its own locks. A failure of one is reported for its master, and the next
    /// is done.
    ///
    /// # Errors
    /// A failure after which no other job can be done.
    pub(super) async fn each(&mut self, jobs: &[Job<'j>]) -> Result<(), FailoverError> {
        let result = self.each_in_turn(jobs).await;
        self.run.name_others(
            &jobs
                .iter()
                .map(|job| (job.address, job.verdict))
                .collect::<Vec<_>>(),
        );
        result
    }

    /// Free locks are acquired first, and the others waited for afterwards: one that is never
    /// released keeps no other master waiting, and all of them together are waited for no longer
    /// than one.
    async fn each_in_turn(&mut self, jobs: &[Job<'j>]) -> Result<(), FailoverError> {
        let limit = self.rules.lock_timeout;
        let patience = if jobs.len() == 1 {
            limit
        } else {
            Duration::ZERO
        };
        let mut held = Vec::new();
        for job in jobs {
            let result = self.under_locks(job, patience).await;
            if jobs.len() > 1
                && matches!(
                    result,
                    Err(FailoverError::Registry(RegistryError::Held { .. }))
                )
            {
                held.push(job);
            }
            self.run.record_result(job.address, job.verdict, result)?;
        }
        for job in held {
            let left = limit.saturating_sub(self.waited);
            let result = self.under_locks(job, left).await;
            self.run.record_result(job.address, job.verdict, result)?;
        }
        Ok(())
    }

    async fn under_locks(
        &mut self,
        job: &Job<'j>,
        patience: Duration,
    ) -> Result<(), FailoverError> {
        // A dry run acquires no lock: it would keep living masters waiting, and it writes nothing
        // that needs protection.
        if self.permit.is_none() {
            return self.do_work(job).await;
        }
        // A session that could not release a lock would block itself.
        if let Some(kept) = &self.run.unreleased {
            let endpoint = self.cluster.registry.endpoint().to_owned();
            return Err(RegistryError::Interrupted {
                endpoint,
                cause: kept.to_string(),
            }
            .into());
        }
        let before = self.before.clone();
        let result = self.locked(job, patience).await;
        // An absence that was observed again for one master proves nothing about the next.
        self.before = before;
        result
    }

    async fn locked(&mut self, job: &Job<'j>, patience: Duration) -> Result<(), FailoverError> {
        self.observe_again_if_master(job).await?;
        let began = Instant::now();
        let paths = self.cluster.store.release().lock_paths(job.address);
        let taken = Locks::take(&mut *self.cluster.registry, &paths, patience, self.observer).await;
        self.waited += began.elapsed();
        let locks = taken?;
        self.run.locks.extend(locks.taken());
        self.locks = Some(locks);
        let result = match self.observe_again_if_master(job).await {
            Ok(()) => self.do_work(job).await,
            Err(error) => Err(error),
        };
        if let Some(locks) = self.locks.take() {
            let released = locks.release(&mut *self.cluster.registry).await;
            // A lock that could not be released does not undo the work: it is reported, and ends
            // with the session.
            self.run.unreleased = released.err().map(Box::new);
        }
        result
    }

    async fn observe_again_if_master(&mut self, job: &Job<'j>) -> Result<(), FailoverError> {
        match job.work {
            LockedWork::Master(_) => self.observe_again(job.address).await,
            LockedWork::Claimed(..) => Ok(()),
        }
    }

    async fn do_work(&mut self, job: &Job<'j>) -> Result<(), FailoverError> {
        // The lock may have been waited for: everything is read again now that it is held.
        self.kept(async |store| store.reconnect_if_closed().await)
            .await?;
        self.kept(async |store| store.ensure_same_release().await)
            .await?;
        let view = self.look().await?;
        let (mut share, instances) = match job.work {
            LockedWork::Master(mark) => self.master(job.address, mark, view).await?,
            LockedWork::Claimed(instances, errors) => {
                let outcome = MasterOutcome::new(job.address.clone(), Verdict::Claimed);
                (
                    Share::new(view, outcome, Some(errors), None),
                    instances.to_vec(),
                )
            }
        };
        // The outcome is put into the run whatever happens.
        let result = self.batches(&mut share, &instances).await;
        let mut outcome = share.outcome;
        outcome.skipped.sort_by_key(|(id, _)| *id);
        outcome
            .notes
            .extend(kills::in_vain(&outcome, result.as_ref().err()));
        self.run.put(outcome);
        result
    }

    /// The instances that a master left, as far as they may be handed over.
    async fn master(
        &mut self,
        address: &Address,
        mark: &'j Mark,
        view: RegistryView,
    ) -> Result<(Share<'j>, Vec<Instance>), FailoverError> {
        zone::ensure_not_disproved(self.cluster, self.rules, &view, address).await?;
        let away = view.masters.find(address).is_none();
        let instances = self.scan(address, mark, &view).await?;
        let (selected, living) = guard::select(
            self.cluster,
            self.rules,
            view.masters.find(address),
            instances,
        )?;
        let mut outcome = MasterOutcome::new(address.clone(), verdict_of(&view, address));
        if !living.is_empty() && self.unproven_start(&view, address) {
            outcome.notes.push(format!(
                "the registration of {address} has no start-up time that can be believed (yet): nothing proves which instances \
                 are of an earlier life"
            ));
        }
        outcome.skipped.extend(
            living
                .into_iter()
                .map(|instance| (instance.id, SkipReason::LivingMaster)),
        );
        let selected = self.without_waiting(selected, &mut outcome).await?;
        if !selected.is_empty() {
            let unclear = self.cluster.store.release().recovered_looks_unfinished()
                && !self.rules.allow_recovered;
            if unclear {
                return Err(Refusal::RecoveredLooksHanging(address.clone()).into());
            }
        }
        self.remark(&view, &selected, &mut outcome).await?;
        if !selected.is_empty() {
            self.ensure_capacity(&view.masters, address).await?;
        }
        Ok((
            Share::new(view, outcome, None, away.then_some(mark)),
            selected,
        ))
    }

    fn unproven_start(&self, view: &RegistryView, address: &Address) -> bool {
        let zone = self.cluster.zone.as_ref();
        let registration = view.masters.find(address);
        registration.is_some_and(|registration| registration.started(zone).is_none())
    }

    /// The unfinished instances of a master. If it is not registered, no row may show that it is
    /// alive.
    async fn scan(
        &mut self,
        address: &Address,
        mark: &Mark,
        view: &RegistryView,
    ) -> Result<Vec<Instance>, FailoverError> {
        if view.masters.find(address).is_some() {
            return self
                .kept(async |store| store.unfinished_of(address.as_str()).await)
                .await;
        }
        let endpoint = self.cluster.registry.endpoint();
        life::ensure_away(endpoint, &view.masters, self.before.as_ref(), address)?;
        self.kept(async |store| life::ensure_no_sign(store, address, mark).await)
            .await?;
        let instances = self
            .kept(async |store| store.unfinished_of(address.as_str()).await)
            .await?;
        life::ensure_none_taken_up(self.cluster.store.release(), address, mark, &instances)?;
        Ok(instances)
    }

    /// An instance with a waiting recovery command gets no second one.
    async fn without_waiting(
        &mut self,
        mut selected: Vec<Instance>,
        outcome: &mut MasterOutcome,
    ) -> Result<Vec<Instance>, FailoverError> {
        if selected.is_empty() {
            return Ok(selected);
        }
        let ids: Vec<InstanceId> = selected.iter().map(|instance| instance.id).collect();
        let waiting = self
            .kept(async |store| store.recovery_commands_for(ids).await)
            .await?;
        outcome.notes.extend(waiting.others());
        selected.retain(|instance| match waiting.get(&instance.id) {
            Some(command) => {
                outcome
                    .skipped
                    .push((instance.id, SkipReason::CommandWaiting(*command)));
                false
            }
            None => true,
        });
        Ok(selected)
    }

    /// Reports what an operator should know about the instances to be handed over.
    async fn remark(
        &mut self,
        view: &RegistryView,
        selected: &[Instance],
        outcome: &mut MasterOutcome,
    ) -> Result<(), FailoverError> {
        let (release, address) = (
            self.cluster.store.release().clone(),
            outcome.address.clone(),
        );
        outcome
            .notes
            .extend(guard::about_no_masters(view, &address));
        outcome
            .notes
            .extend(remarks::of(&release, self.rules, view, selected));
        outcome
            .notes
            .extend(zone::about_earlier_life(self.cluster, view, &address, selected).await?);
        outcome
            .notes
            .extend(self.locks.iter().flat_map(Locks::about_others));
        outcome
            .notes
            .extend(children::about_second_start(&release, &address, selected));
        // For the plan alone: under the lock nothing is read that decides nothing.
        if self.permit.is_none() {
            let zone = self.cluster.zone.clone();
            let parents = self
                .kept(async |store| {
                    children::living_parents(store, &view.masters, selected, zone.as_ref()).await
                })
                .await;
            // What is only told stops nothing.
            let note = match parents {
                Ok(parents) => children::about_parents(&parents, &address),
                Err(FailoverError::Database(DatabaseError::Refused { cause, .. })) => {
                    Some(format!(
                        "which of the instances of {address} are children of others could not be read: {cause}"
                    ))
                }
                Err(error) => return Err(error),
            };
            outcome.notes.extend(note);
        }
        Ok(())
    }

    /// Divides the instances into batches and hands them over.
    async fn batches(
        &mut self,
        share: &mut Share<'j>,
        instances: &[Instance],
    ) -> Result<(), FailoverError> {
        let (found, limit) = (
            self.run.recovered() + instances.len(),
            self.rules.max_instances,
        );
        if found > limit {
            return Err(Refusal::TooMany { found, limit }.into());
        }
        let zone = self.cluster.zone.clone();
        share.facts = self
            .kept(async |store| Facts::read(store, zone.as_ref(), instances).await)
            .await?;
        let size = self
            .rules
            .rate
            .map_or(self.rules.batch, |rate| self.rules.batch.min(rate as usize))
            .max(1);
        if self.permit.is_none() {
            return self.previews(share, instances, size).await;
        }
        let (mut done, mut locked) = (0, Vec::new());
        for some in instances.chunks(size) {
            let began = Instant::now();
            locked.extend(self.halving(share, some, &mut RowLocks::Free).await?);
            done += some.len();
            self.observer
                .batch_done(&share.outcome.address, done, instances.len());
            if done < instances.len() {
                self.wait_for_rate(some.len(), began).await?;
            }
        }
        // Another client is working on these; all free ones are done by now.
        let mut rows = RowLocks::Waited;
        let (mut done, all) = (0, locked.len());
        for some in locked.chunks(size) {
            let began = Instant::now();
            let still = self.halving(share, some, &mut rows).await?;
            share.outcome.skipped.extend(
                still
                    .into_iter()
                    .map(|instance| (instance.id, SkipReason::Locked)),
            );
            done += some.len();
            if done < all {
                self.wait_for_rate(some.len(), began).await?;
            }
        }
        share.end()
    }

    /// Does everything up to the write, without any lock.
    async fn previews(
        &mut self,
        share: &mut Share<'j>,
        instances: &[Instance],
        size: usize,
    ) -> Result<(), FailoverError> {
        for (number, some) in instances.chunks(size).enumerate() {
            self.go_on()?;
            let ids: Vec<InstanceId> = some.iter().map(|instance| instance.id).collect();
            let rows = self.cluster.store.rows_by_ids(&ids).await?;
            let prepared = self.prepare(share, some, rows).await?;
            share
                .outcome
                .recovered
                .extend(prepared.ids().map(|id| (id, None)));
            prepared.record_in(&mut share.outcome);
            self.observer.batch_done(
                &share.outcome.address,
                number * size + some.len(),
                instances.len(),
            );
        }
        Ok(())
    }

    /// Waits until `--rate` allows this many instances since `began`.
    async fn wait_for_rate(&self, done: usize, began: Instant) -> Result<(), FailoverError> {
        let Some(rate) = self.rules.rate else {
            return Ok(());
        };
        let due = Duration::from_secs_f64(
            f64::from(u32::try_from(done).unwrap_or(u32::MAX)) / f64::from(rate.max(1)),
        );
        Ok(self
            .cluster
            .stop
            .pause(due.saturating_sub(began.elapsed()))
            .await?)
    }
}
