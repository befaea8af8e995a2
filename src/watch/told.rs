//! Which findings were told, so that each is told once when it comes and once when it goes. Pure.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use super::What;
use super::event::FindingBrief;
use crate::diagnosis::{APART, Finding, SlowTruths, Subject};

/// How many facts of a finding an event tells.
const FACTS: usize = 2;

/// What a diagnosis keeps for the next one.
#[derive(Debug, Default)]
pub(super) struct Diagnoses {
    /// Whether no master was missing in the last round.
    pub(super) is_calm: bool,
    /// When the last one began.
    pub(super) begun: Option<Instant>,
    pub(super) slow: SlowLooks,
    pub(super) told: Told,
    /// What could not be read.
    pub(super) unread: Vec<String>,
}

/// What may pass by itself, as the complete looks so far showed it: the newest that is old enough to
/// compare with, and those after it.
#[derive(Debug, Default)]
pub(super) struct SlowLooks(VecDeque<(Instant, SlowTruths)>);

impl SlowLooks {
    /// Leaves out what an earlier look does not prove. Without one that is old enough nothing is
    /// settled. What one look could not read is proven by none that follows on it.
    pub(super) fn settle(&mut self, now: Instant, slow: &mut SlowTruths) {
        let is_old = |at: Instant| now.saturating_duration_since(at) >= APART;
        while self.0.get(1).is_some_and(|(at, _)| is_old(*at)) {
            self.0.pop_front();
        }
        let seen = slow.clone();
        if let Some((at, earlier)) = self.0.front()
            && is_old(*at)
        {
            slow.settle(earlier);
        }
        self.0.push_back((now, seen));
    }
}

/// What a finding is about, whichever instances that has at the moment: a set that grows is no new
/// finding.
type Topic = (&'static str, [Option<String>; 4]);

/// A finding that was told.
#[derive(Clone, Debug)]
struct ToldFinding {
    /// As it was found last.
    brief: FindingBrief,
    /// Whether it has been muted since.
    is_muted: bool,
}

/// The findings that were told to have appeared, and not yet to be gone.
#[derive(Debug, Default)]
pub(super) struct Told(BTreeMap<Topic, Vec<ToldFinding>>);

impl Told {
    /// What is to be told about these. What is muted does not appear, and once it is muted no more it
    /// does so anew; what was told is gone only if it is found no more. Where not all could be seen,
    /// nothing is gone.
    pub(super) fn changes(&mut self, found: &[Finding], is_whole: bool) -> Vec<What> {
        let mut topics: BTreeMap<Topic, Vec<&Finding>> = BTreeMap::new();
        for finding in found {
            let topic = (finding.kind.code, about(&finding.subject));
            topics.entry(topic).or_default().push(finding);
        }
        let mut changes = Vec::new();
        let before = std::mem::take(&mut self.0);
        let mut gone = Vec::new();
        for (topic, told) in before {
            let now = topics.entry(topic.clone()).or_default();
            let (still, left) = matched(told, now);
            for (mut told, finding) in still {
                let was_muted = told.is_muted;
                told.brief = brief(finding);
                told.is_muted = finding.muted.is_some();
                if was_muted && !told.is_muted {
                    changes.push(appeared(finding));
                }
                self.0.entry(topic.clone()).or_default().push(told);
            }
            if is_whole {
                gone.extend(left);
            } else {
                self.0.entry(topic).or_default().extend(left);
            }
        }
        for (topic, new) in topics {
            for finding in new.into_iter().filter(|finding| finding.muted.is_none()) {
                changes.push(appeared(finding));
                let told = ToldFinding {
                    brief: brief(finding),
                    is_muted: false,
                };
                self.0.entry(topic.clone()).or_default().push(told);
            }
        }
        self.0.retain(|_, told| !told.is_empty());
        changes.extend(gone.into_iter().map(|told| What::FindingCleared {
            finding: told.brief,
        }));
        changes
    }
}

/// Those that are found again, each with the finding that has most likely become of it: one with an
/// instance in common, else the next one. They are taken from the findings; the others are left.
fn matched<'a>(
    told: Vec<ToldFinding>,
    now: &mut Vec<&'a Finding>,
) -> (Vec<(ToldFinding, &'a Finding)>, Vec<ToldFinding>) {
    let shares = |told: &ToldFinding, finding: &Finding| {
        let ids = &told.brief.subject.instance_ids;
        finding
            .subject
            .instance_ids
            .iter()
            .any(|id| ids.contains(id))
    };
    let (mut still, mut left) = (Vec::new(), Vec::new());
    for told in told {
        match now.iter().position(|finding| shares(&told, finding)) {
            Some(place) => still.push((told, now.remove(place))),
            None => left.push(told),
        }
    }
    let others = left.len().min(now.len());
    let next: Vec<ToldFinding> = left.drain(..others).collect();
    still.extend(next.into_iter().zip(now.drain(..others)));
    (still, left)
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
        subject: Box::new(finding.subject.clone()),
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

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

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
        assert_eq!(look(from_ref(&one), true), ["+DS-003"]);
        assert_eq!(look(from_ref(&more), true), [""; 0], "the set has grown");
        // Two that differ in their instances alone.
        let other = finding("DS-003", of(&[9]));
        assert_eq!(look(&[more.clone(), other.clone()], true), ["+DS-003"]);
        assert_eq!(look(from_ref(&other), true), ["-DS-003"]);
        assert_eq!(look(&[more.clone(), other], true), ["+DS-003"]);
        assert_eq!(look(from_ref(&more), true), ["-DS-003"]);
        let both = [more.clone(), master("a:1"), master("b:1")];
        assert_eq!(look(&both, true), ["+DS-001", "+DS-001"]);
        assert_eq!(look(&both[..2], true), ["-DS-001"]);
        assert_eq!(look(&[], false), [""; 0], "not all could be seen");
        assert_eq!(look(&[], true), ["-DS-001", "-DS-003"]);
        assert_eq!(look(&[one], true), ["+DS-003"]);
    }

    /// However short the time between two diagnoses is.
    #[test]
    fn what_may_pass_is_compared_with_a_look_that_is_old_enough() {
        let (mut looks, start) = (SlowLooks::default(), Instant::now());
        let mut at = |seconds: u64, ids: &[i64]| {
            let mut slow = SlowTruths {
                unwoken: ids.to_vec(),
                ..SlowTruths::default()
            };
            let now = start + std::time::Duration::from_secs(seconds);
            looks.settle(now, &mut slow);
            slow.seen_twice.then_some(slow.unwoken)
        };
        assert_eq!(at(0, &[1]), None);
        assert_eq!(at(2, &[1, 2]), None);
        assert_eq!(at(6, &[1, 2]), Some(vec![1]));
        assert_eq!(at(8, &[1, 2]), Some(vec![1, 2]));
        assert_eq!(at(9, &[]), Some(vec![]), "it could not be read");
        assert_eq!(at(300, &[2]), Some(vec![]));
        assert_eq!(at(600, &[2, 3]), Some(vec![2]));
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
        assert_eq!(look(from_ref(&muted)), [""; 0]);
        assert_eq!(look(&[]), [""; 0]);
        assert_eq!(look(from_ref(&alarm)), ["+DS-003"]);
        assert_eq!(look(from_ref(&muted)), [""; 0], "it is still there");
        // It has expired, or something has come to it that nobody has muted.
        assert_eq!(look(&[alarm]), ["+DS-003"]);
        assert_eq!(look(&[muted]), [""; 0]);
        assert_eq!(look(&[]), ["-DS-003"]);
    }
}
