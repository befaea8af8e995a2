//! Looks for what hangs, as the doctor does, after a round in which no master is missing.

use std::time::{Duration, Instant};

use super::context::LoopContext;
use super::looking::MARGIN;
use super::watcher::Watcher;
use super::wording::error_text;
use super::{Fault, Source, What};
use crate::cluster::Cluster;
use crate::diagnosis::{FindingCounts, Snapshot, findings, mute};
use crate::failover::FailoverError;
use crate::metadata::database::DatabaseError;
use crate::registry::RegistryError;

/// How the loop goes on after a diagnosis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// As if there had been none.
    Wait,
    /// With a round at once: a master came or went.
    Look,
    /// On new connections: the old ones may be in the middle of an answer.
    Reopen,
}

/// A diagnosis takes no longer: for so long a master that goes is not noticed.
const LONGEST: Duration = Duration::from_secs(5);

impl Watcher<'_> {
    /// Diagnoses, if that is due and no master is missing, as the last thing of a round: nothing
    /// that it does may keep a failover waiting, or leave an absence without proof.
    ///
    /// # Errors
    /// Those of a look at the registry, and a signal. What fails in the diagnosis itself is told.
    pub(super) async fn diagnose_if_due(
        &mut self,
        context: &mut LoopContext<'_>,
        cluster: &mut Cluster,
        began: Instant,
    ) -> Result<Then, FailoverError> {
        let Some(every) = self.plan.diagnose_every.filter(|_| self.diagnoses.is_calm) else {
            return Ok(Then::Wait);
        };
        let last = self.diagnoses.begun;
        if last.is_some_and(|begun| begun.elapsed() < every) {
            return Ok(Then::Wait);
        }
        self.diagnoses.begun = Some(Instant::now());
        let limit = self.time_for_a_diagnosis(began);
        let (fault, then) = match tokio::time::timeout(limit, read(cluster, limit)).await {
            Ok(Ok(snapshot)) => {
                let masters = self.look(cluster).await?;
                // What is found of a master that went meanwhile is the loop's own.
                if self.seen.is_news(&masters) {
                    self.diagnoses.begun = last;
                    return Ok(Then::Look);
                }
                self.tell_findings(context, snapshot).await;
                return Ok(Then::Wait);
            }
            Ok(Err(FailoverError::Stopped(stop))) => return Err(FailoverError::Stopped(stop)),
            Ok(Err(error)) => {
                let then = if is_intact(&error) {
                    Then::Wait
                } else {
                    Then::Reopen
                };
                let (source, why) = (Source::of(&error), error_text(&error));
                (Fault::Diagnosis { source, why }, then)
            }
            Err(_) => {
                let why = format!(
                    "it is given up after {:.1}s, so that no failover has to wait for it: let cron run \
                     'dsctl doctor' instead, and end this with --diagnose-every never",
                    limit.as_secs_f64()
                );
                (Fault::Diagnosis { source: None, why }, Then::Reopen)
            }
        };
        context.emit(What::Error(fault)).await;
        Ok(then)
    }

    /// Until the next round is due, and never long: a master that goes meanwhile is seen after that.
    /// With a very short interval it may take as long as two looks may be apart, less a second.
    fn time_for_a_diagnosis(&self, began: Instant) -> Duration {
        let until_round = self.plan.interval.saturating_sub(began.elapsed());
        let looked = self.memory.missing.last.as_ref();
        let since = looked
            .and_then(|look| look.steady)
            .map_or(MARGIN, |looked| looked.elapsed());
        let margin = MARGIN.saturating_sub(Duration::from_secs(1));
        until_round.max(margin.saturating_sub(since)).min(LONGEST)
    }

    async fn tell_findings(&mut self, context: &mut LoopContext<'_>, mut snapshot: Snapshot) {
        let is_whole = snapshot.unread.is_empty() && snapshot.doubt.is_none();
        // What needs two looks has one before: nobody waits for a second one.
        let looks = &mut self.diagnoses.slow;
        looks.settle(Instant::now(), &mut snapshot.slow);
        if self.diagnoses.unread != snapshot.unread {
            self.diagnoses.unread.clone_from(&snapshot.unread);
            for text in &snapshot.unread {
                context.warn(text);
            }
        }
        let mut found = findings(&snapshot);
        let counts = FindingCounts::of(&snapshot, &found);
        // A second look will tell.
        found.retain(|finding| !finding.is_unproven);
        mute(&mut found, context.mutes(), snapshot.taken_at);
        for change in self.diagnoses.told.changes(&found, is_whole) {
            context.emit(change).await;
        }
        // A gauge of what was not judged would end an alarm.
        if snapshot.unread.is_empty() {
            context.diagnosed(&FindingCounts::of(&snapshot, &found).without_unproven(&counts));
        }
    }
}

/// One state of the tables, by a transaction that reads.
///
/// A server goes on with a statement that nobody waits for any more: it is limited there, too.
async fn read(cluster: &mut Cluster, limit: Duration) -> Result<Snapshot, FailoverError> {
    cluster.store.limit_reading(Some(limit));
    let snapshot = match cluster.store.begin_reading_anew().await {
        Ok(()) => Snapshot::take(cluster).await,
        Err(error) => Err(error.into()),
    };
    cluster.store.end_reading().await;
    cluster.store.limit_reading(None);
    snapshot
}

/// Whether the connections are as good as before it.
fn is_intact(error: &FailoverError) -> bool {
    match error {
        FailoverError::Refused(_) | FailoverError::Database(DatabaseError::Refused { .. }) => true,
        FailoverError::Registry(error) => {
            error.is_about_one_lock() || matches!(error, RegistryError::Refused { .. })
        }
        _ => false,
    }
}
