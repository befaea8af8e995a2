//! A failover of whole masters, one after the other.

use super::error::{FailoverError, Refusal};
use super::guard::{self, RegistryView};
use super::handover::Handover;
use super::life::AbsenceProof;
use super::outcome::Run;
use super::turns::{Job, LockedWork, verdict_of};
use super::zone;
use crate::metadata::Mark;
use crate::model::{Address, InstanceId, Verdict};

impl Handover<'_> {
    /// Fails masters over, one after the other. Without a permit everything is done up to the first
    /// write or lock.
    ///
    /// A failure of one of them is reported for that one, and the next is done. What was done is in
    /// the [`Run`], whatever ended it.
    pub async fn failover(mut self, masters: &[Address]) -> Run {
        let result = self.all_masters(masters).await;
        self.run.name_others(
            &masters
                .iter()
                .map(|address| (address, Verdict::Unknown))
                .collect::<Vec<_>>(),
        );
        self.finish(result)
    }

    async fn all_masters(&mut self, masters: &[Address]) -> Result<(), FailoverError> {
        self.named = masters.to_vec();
        let view = self.check().await?;
        let mark = match (&self.rules.before, &self.rules.mark) {
            (Some(before), Some(earlier)) => before.mark.clone().since(earlier.clone()),
            (Some(AbsenceProof { mark, .. }), None) | (None, Some(mark)) => mark.clone(),
            // Its rows are compared starting with the scan under the lock.
            (None, None) => self.cluster.store.mark(&[]).await?,
        };
        let jobs = self.check_all(masters, &view, &mark).await?;
        self.each(&jobs).await
    }

    /// Checks every master before the first is touched, and all of them together; returns those
    /// that will have a turn.
    async fn check_all<'m>(
        &mut self,
        masters: &'m [Address],
        view: &RegistryView,
        mark: &'m Mark,
    ) -> Result<Vec<Job<'m>>, FailoverError> {
        let (mut found, mut jobs) = (Vec::new(), Vec::new());
        for address in masters {
            let verdict = verdict_of(view, address);
            // A single master that is not registered needs no check in advance: all of this is
            // checked again under its lock.
            if masters.len() > 1 || view.masters.find(address).is_some() {
                match self.selected(address, view).await {
                    Ok(ids) => found.extend(ids),
                    Err(error) => {
                        self.run.record_result(address, verdict, Err(error))?;
                        continue;
                    }
                }
            }
            jobs.push(Job {
                address,
                verdict,
                work: LockedWork::Master(mark),
            });
        }
        let limit = self.rules.max_instances;
        if found.len() > limit {
            let waiting = self
                .cluster
                .store
                .recovery_commands_for(found.iter().copied())
                .await?;
            found.retain(|id| !waiting.contains_key(id));
        }
        if found.len() > limit {
            Err(Refusal::TooMany {
                found: found.len(),
                limit,
            }
            .into())
        } else {
            Ok(jobs)
        }
    }

    async fn selected(
        &mut self,
        address: &Address,
        view: &RegistryView,
    ) -> Result<Vec<InstanceId>, FailoverError> {
        zone::ensure_not_disproved(self.cluster, self.rules, view, address).await?;
        let instances = self.cluster.store.unfinished_of(address.as_str()).await?;
        let (selected, _) = guard::select(
            self.cluster,
            self.rules,
            view.masters.find(address),
            instances,
        )?;
        Ok(selected.into_iter().map(|instance| instance.id).collect())
    }
}
