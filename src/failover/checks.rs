//! The checks before the first lock and the first write, whatever is handed over.

use super::error::{FailoverError, Refusal};
use super::guard::{RegistryView, strange_masters};
use super::handover::Handover;
use super::locks::ensure_session;
use super::rules::Steps;
use crate::metadata::Writing;

impl Handover<'_> {
    /// Checks that the release is known well enough, that this is the right registry, and that
    /// everything can be written.
    ///
    /// # Errors
    /// The first check that fails; nothing was locked or written.
    pub(super) async fn check(&mut self) -> Result<RegistryView, FailoverError> {
        self.check_release()?;
        ensure_session(&*self.cluster.registry)?;
        // An absence may have been observed before, or the operator asked.
        self.cluster.store.reconnect_if_closed().await?;
        self.check_transactions().await?;
        self.check_writable().await?;
        let view = self.look().await?;
        self.check_place(&view).await?;
        Ok(view)
    }

    fn check_release(&self) -> Result<(), Refusal> {
        let release = self.cluster.store.release();
        let fact = match self.rules.steps {
            Steps::Claim => release.undecided_marks(),
            Steps::Command | Steps::Both => release.undecided(),
        };
        fact.map_or(Ok(()), |fact| {
            Err(Refusal::ReleaseUndecided {
                releases: release.range,
                fact,
            })
        })
    }

    /// "All or nothing" is the database's guarantee; never write to a table without it.
    async fn check_transactions(&mut self) -> Result<(), FailoverError> {
        let tables = self.cluster.store.tables_without_transactions().await?;
        if tables.is_empty() {
            Ok(())
        } else {
            Err(Refusal::NoTransactions(tables.join(", ")).into())
        }
    }

    /// Finds what the tables or this user's privileges would refuse before the first lock and the
    /// first write.
    async fn check_writable(&mut self) -> Result<(), FailoverError> {
        let steps = self.rules.steps;
        let (claims, commands) = (steps != Steps::Command, steps != Steps::Claim);
        let writing = Writing {
            claims,
            commands,
            locks: self.cluster.registry.kind() == "jdbc",
        };
        let obstacle = self.cluster.store.obstacle(writing).await?;
        obstacle.map_or(Ok(()), |obstacle| Err(Refusal::from(obstacle).into()))
    }

    /// Masters that never ran an instance of this database may be another cluster's, and every
    /// master here would look dead.
    async fn check_place(&mut self, view: &RegistryView) -> Result<(), FailoverError> {
        if self.rules.allow_new_masters {
            return Ok(());
        }
        match strange_masters(self.cluster, &view.masters).await? {
            Some(refusal) => Err(refusal.into()),
            None => Ok(()),
        }
    }
}
