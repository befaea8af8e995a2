//! A run under way: the cluster that it works on, what the operator wants and allows, and what was
//! done so far.
//!
//! Its steps are methods, each in the file of its topic: [`super::checks`], [`super::absence`],
//! [`super::concurrent`], [`super::batch`], [`super::halving`], [`super::turns`].

use std::fmt;
use std::time::{Duration, Instant};

use super::error::{FailoverError, Refusal};
use super::guard::{self, RegistryView};
use super::life::AbsenceProof;
use super::locks::{self, Locks};
use super::outcome::Run;
use super::rules::{Observer, Rules};
use crate::cluster::Cluster;
use crate::model::{Address, Confirmed, Permit};
use crate::registry::RegistryError;

/// A run, from its first look to its last.
pub struct Handover<'a> {
    pub(super) cluster: &'a mut Cluster,
    pub(super) rules: &'a Rules,
    /// Without it everything up to the first lock and the first write is done.
    pub(super) permit: Option<&'a Permit>,
    pub(super) observer: &'a mut dyn Observer,
    pub(super) run: Run,
    /// What must still hold of the masters' absence.
    pub(super) before: Option<AbsenceProof>,
    /// The masters whose absence that is.
    pub(super) named: Vec<Address>,
    /// Those of the master whose turn it is.
    pub(super) locks: Option<Locks>,
    /// The total time that locks were waited for.
    pub(super) waited: Duration,
    started: Instant,
}

impl fmt::Debug for Handover<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handover")
            .field("cluster", self.cluster)
            .field("run", &self.run)
            .finish_non_exhaustive()
    }
}

impl<'a> Handover<'a> {
    /// A run that has done nothing yet. Without a permit it will be a dry run.
    pub fn new(
        cluster: &'a mut Cluster,
        rules: &'a Rules,
        permit: Option<&'a Permit>,
        observer: &'a mut dyn Observer,
    ) -> Self {
        let before = rules.before.clone();
        let (run, waited, started) = (Run::default(), Duration::ZERO, Instant::now());
        Self {
            cluster,
            rules,
            permit,
            observer,
            run,
            before,
            named: Vec::new(),
            locks: None,
            waited,
            started,
        }
    }

    /// Returns what was done, whatever ended the run.
    pub(super) fn finish(self, result: Result<(), FailoverError>) -> Run {
        let mut run = self.run;
        run.failure = result.err().or_else(|| run.worst().cloned());
        run.elapsed = self.started.elapsed();
        run
    }

    /// Checks whether the run was stopped or paused before the next batch.
    ///
    /// # Errors
    /// [`FailoverError::Stopped`], [`Refusal::Paused`].
    pub(super) fn go_on(&mut self) -> Result<(), FailoverError> {
        self.cluster.stop.check()?;
        match self.observer.paused() {
            Some((by, reason)) => Err(Refusal::Paused { by, reason }.into()),
            None => Ok(()),
        }
    }

    /// Looks at the registry. If none of the absent masters is registered, their absence is proven
    /// up to this look.
    ///
    /// # Errors
    /// As [`guard::look`].
    pub(super) async fn look(&mut self) -> Result<RegistryView, FailoverError> {
        let asked = Instant::now();
        let view = guard::look(self.cluster, self.rules).await?;
        let is_there = self
            .named
            .iter()
            .any(|master| view.masters.find(master).is_some());
        if let Some(before) = self
            .before
            .as_mut()
            .filter(|before| !is_there && !before.is_stale())
        {
            before.looked = Some(asked);
        }
        Ok(view)
    }

    /// Asks the registry whether the locks, if there are any, are still held.
    ///
    /// # Errors
    /// As [`Locks::confirm`].
    pub(super) async fn confirm(&mut self) -> Result<Option<Confirmed>, RegistryError> {
        match &self.locks {
            Some(locks) => locks.confirm(&mut *self.cluster.registry).await.map(Some),
            None => Ok(None),
        }
    }

    /// Runs database work that may take long; held locks are kept alive meanwhile.
    ///
    /// # Errors
    /// Those of the work, or that a lock was lost.
    pub(super) async fn kept<T, E: Into<FailoverError>>(
        &mut self,
        work: impl AsyncFnOnce(&mut crate::metadata::MetadataStore) -> Result<T, E>,
    ) -> Result<T, FailoverError> {
        let Cluster {
            registry, store, ..
        } = &mut *self.cluster;
        locks::kept(self.locks.as_ref(), &mut **registry, work(store)).await
    }
}
