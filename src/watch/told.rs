//! Which findings were told, so that each is told once when it comes and once when it goes. Pure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
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
    /// Leaves out what no earlier look proves. The look is kept for later ones if it was complete.
    pub(super) fn settle(&mut self, now: Instant, slow: &mut SlowTruths, is_whole: bool) {
        let is_old = |at: Instant| now.saturating_duration_since(at) >= APART;
        while self.0.get(1).is_some_and(|(at, _)| is_old(*at)) {
            self.0.pop_front();
        }
        let seen = slow.clone();
        match self.0.front() {
            Some((at, earlier)) if is_old(*at) => slow.settle(earlier),
            _ => slow.settle(&SlowTruths::default()),
        }
        if is_whole {
            self.0.push_back((now, seen));
        }
    }
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
pub(super) struct Told(BTreeMap<Topic, FindingBrief>);

impl Told {
    /// What is to be told about these. What is muted does not appear; what was told is gone only if
    /// it is found no more. Where not all could be seen, nothing is gone.
    pub(super) fn changes(&mut self, found: &[Finding], is_whole: bool) -> Vec<What> {
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
        assert_eq!(look(&[more.clone(), one.clone()], true), ["+DS-003"]);
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
        let mut at = |seconds: u64, ids: &[i64], is_whole| {
            let mut slow = SlowTruths {
                unwoken: ids.to_vec(),
                ..SlowTruths::default()
            };
            let now = start + std::time::Duration::from_secs(seconds);
            looks.settle(now, &mut slow, is_whole);
            assert!(slow.seen_twice);
            slow.unwoken
        };
        assert_eq!(at(0, &[1], true), [0; 0]);
        assert_eq!(at(2, &[1, 2], true), [0; 0]);
        assert_eq!(at(6, &[1, 2], true), [1]);
        assert_eq!(at(8, &[1, 2], true), [1, 2]);
        assert_eq!(at(9, &[], false), [0; 0], "it could not be read");
        assert_eq!(at(300, &[2], true), [2]);
        assert_eq!(at(600, &[2, 3], true), [2]);
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
        assert_eq!(look(&[alarm]), ["+DS-003"]);
        assert_eq!(look(&[muted]), [""; 0], "it is still there");
        assert_eq!(look(&[]), ["-DS-003"]);
    }
}
