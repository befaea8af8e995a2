//! What the doctor finds, between rounds in which no master is missing: told when it comes and when
//! it goes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::context::LoopContext;
use super::event::FindingBrief;
use super::looking::MARGIN;
use super::watcher::Watcher;
use super::wording::error_text;
use super::{Fault, Source, What};
use crate::cluster::Cluster;
use crate::diagnosis::{Finding, FindingCounts, SlowTruths, Snapshot, Subject, findings, mute};
use crate::failover::FailoverError;
use crate::metadata::database::DatabaseError;
use crate::registry::RegistryError;

/// How many facts of a finding an event tells.
const FACTS: usize = 2;

/// What a diagnosis keeps for the next one.
#[derive(Debug, Default)]
pub(super) struct Diagnoses {
    /// When the last one began.
    begun: Option<Instant>,
    /// What may pass by itself, as the last complete look showed it.
    slow: SlowTruths,
    told: Told,
    /// What could not be read.
    unread: Vec<String>,
}

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

/// What a finding is about, whichever instances that has at the moment: a set that grows is no new
/// finding. The number counts those that differ in nothing else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Topic {
    code: &'static str,
    about: [Option<String>; 4],
    number: usize,
}

/// The findings that were told to have appeared, and not yet to be gone.
#[derive(Debug, Default)]
struct Told(BTreeMap<Topic, FindingBrief>);

impl Told {
    /// What is to be told about these. What is muted does not appear; what was told is gone only if
    /// it is found no more. Where not all could be seen, nothing is gone.
    fn changes(&mut self, found: &[Finding], is_whole: bool) -> Vec<What> {
        let mut numbers: BTreeMap<(&str, [Option<String>; 4]), usize> = BTreeMap::new();
        let mut still = BTreeSet::new();
        let mut changes = Vec::new();
        for finding in found {
            let (code, about) = (finding.kind.code, about(&finding.subject));
            let number = numbers.entry((code, about.clone())).or_default();
            let topic = Topic {
                code,
                about,
                number: *number,
            };
            *number += 1;
            if finding.muted.is_none() && !self.0.contains_key(&topic) {
                changes.push(appeared(finding));
                self.0.insert(topic.clone(), brief(finding));
            }
            still.insert(topic);
        }
        if is_whole {
            let gone = self.0.extract_if(.., |topic, _| !still.contains(topic));
            changes.extend(gone.map(|(_, finding)| What::FindingCleared { finding }));
        }
        changes
    }
}

fn about(subject: &Subject) -> [Option<String>; 4] {
    let Subject {
        master,
        worker_group,
        lock,
        node,
        ..
    } = subject;
    [master, worker_group, lock, node].map(Clone::clone)
}

fn brief(finding: &Finding) -> FindingBrief {
    FindingBrief {
        code: finding.kind.code,
        severity: finding.severity(),
        title: finding.kind.title,
        subject: finding.subject.clone(),
    }
}

fn appeared(finding: &Finding) -> What {
    let facts = finding.evidence.iter().take(FACTS);
    What::FindingAppeared {
        finding: brief(finding),
        facts: facts.map(|evidence| evidence.fact.clone()).collect(),
        next: match &finding.remedy.command {
            Some(command) => format!("next: {command}"),
            None => finding.remedy.text.clone(),
        },
    }
}

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
        let Some(every) = self.plan.diagnose_every.filter(|_| self.is_calm) else {
            return Ok(Then::Wait);
        };
        let last = self.diagnoses.begun;
        if last.is_some_and(|begun| begun.elapsed() < every) {
            return Ok(Then::Wait);
        }
        self.diagnoses.begun = Some(Instant::now());
        let limit = self.time_for_a_diagnosis(began);
        let (fault, then) = match tokio::time::timeout(limit, read(cluster)).await {
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
                    "it is given up after {:.1}s, because the next round is due: a longer --interval gives it \
                     more time, and --diagnose-every never ends this",
                    limit.as_secs_f64()
                );
                (Fault::Diagnosis { source: None, why }, Then::Reopen)
            }
        };
        context.emit(What::Error(fault)).await;
        Ok(then)
    }

    /// Until the next round is due. With a very short interval it may take as long as two looks may
    /// be apart, less a second.
    fn time_for_a_diagnosis(&self, began: Instant) -> Duration {
        let until_round = self.plan.interval.saturating_sub(began.elapsed());
        let looked = self.memory.missing.last.as_ref();
        let since = looked
            .and_then(|look| look.steady)
            .map_or(MARGIN, |looked| looked.elapsed());
        let margin = MARGIN.saturating_sub(Duration::from_secs(1));
        until_round.max(margin.saturating_sub(since))
    }

    async fn tell_findings(&mut self, context: &mut LoopContext<'_>, mut snapshot: Snapshot) {
        let is_whole = snapshot.unread.is_empty() && snapshot.doubt.is_none();
        let slow = snapshot.slow.clone();
        // What needs two looks has the one before: nobody waits for a second one.
        snapshot.slow.settle(&self.diagnoses.slow);
        if is_whole {
            self.diagnoses.slow = slow;
        }
        if self.diagnoses.unread != snapshot.unread {
            self.diagnoses.unread.clone_from(&snapshot.unread);
            for text in &snapshot.unread {
                context.warn(text);
            }
        }
        let mut found = findings(&snapshot);
        mute(&mut found, context.mutes(), snapshot.taken_at);
        for change in self.diagnoses.told.changes(&found, is_whole) {
            context.emit(change).await;
        }
        context.diagnosed(&FindingCounts::of(&snapshot, &found));
    }
}

/// One state of the tables, by a transaction that reads.
async fn read(cluster: &mut Cluster) -> Result<Snapshot, FailoverError> {
    let snapshot = match cluster.store.begin_reading_anew().await {
        Ok(()) => Snapshot::take(cluster).await,
        Err(error) => Err(error.into()),
    };
    cluster.store.end_reading().await;
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

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::diagnosis::{Muted, kind};

    fn finding(code: &str, subject: Subject) -> Finding {
        Finding {
            kind: kind(code).unwrap(),
            subject,
            is_unproven: false,
            evidence: Vec::new(),
            by_itself: None,
            remedy: crate::diagnosis::Remedy::default(),
            muted: None,
        }
    }

    fn of(ids: &[i64]) -> Subject {
        Subject::default().of_instances(ids)
    }

    fn words(changes: &[What]) -> Vec<String> {
        let told = |what: &What| match what {
            What::FindingAppeared { finding, .. } => format!("+{}", finding.code),
            What::FindingCleared { finding } => format!("-{}", finding.code),
            other => panic!("{other:?}"),
        };
        changes.iter().map(told).collect()
    }

    #[test]
    fn a_finding_is_told_when_it_comes_and_when_it_goes() {
        let mut told = Told::default();
        let mut look = |found: &[Finding], is_whole| words(&told.changes(found, is_whole));
        let (one, more) = (finding("DS-003", of(&[7])), finding("DS-003", of(&[7, 8])));
        let master = |address: &str| finding("DS-001", Subject::master(address).of_instances(&[9]));
        assert_eq!(look(&[one.clone()], true), ["+DS-003"]);
        assert_eq!(look(&[more.clone()], true), [""; 0], "the set has grown");
        // Two that differ in their instances alone.
        assert_eq!(look(&[more.clone(), one.clone()], true), ["+DS-003"]);
        assert_eq!(look(&[more.clone()], true), ["-DS-003"]);
        let both = [more.clone(), master("a:1"), master("b:1")];
        assert_eq!(look(&both, true), ["+DS-001", "+DS-001"]);
        assert_eq!(look(&both[..2], true), ["-DS-001"]);
        assert_eq!(look(&[], false), [""; 0], "not all could be seen");
        assert_eq!(look(&[], true), ["-DS-001", "-DS-003"]);
        assert_eq!(look(&[one], true), ["+DS-003"]);
    }

    #[test]
    fn what_is_muted_does_not_appear_and_is_not_gone() {
        let mut told = Told::default();
        let mut look = |found: &[Finding]| words(&told.changes(found, true));
        let alarm = finding("DS-003", of(&[7]));
        let muted = Finding {
            muted: Some(Muted {
                until: Timestamp::MAX,
                reason: String::new(),
            }),
            ..alarm.clone()
        };
        assert_eq!(look(&[muted.clone()]), [""; 0]);
        assert_eq!(look(&[]), [""; 0]);
        assert_eq!(look(&[alarm]), ["+DS-003"]);
        assert_eq!(look(&[muted]), [""; 0], "it is still there");
        assert_eq!(look(&[]), ["-DS-003"]);
    }
}
