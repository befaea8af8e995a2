//! What was found, in Prometheus' text format.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::checks::judged;
use super::finding::Finding;
use super::snapshot::Snapshot;
use crate::output::prometheus::{Page, seconds};

/// How many findings of each kind there are, as gauges of `doctor` and of `watch`.
#[derive(Clone, Debug)]
pub struct FindingCounts {
    taken_at: Timestamp,
    /// By code and severity: the alarms, and the muted ones.
    counts: BTreeMap<(&'static str, &'static str), (usize, usize)>,
    /// Codes of findings that one look could not prove.
    unproven: BTreeSet<&'static str>,
}

impl FindingCounts {
    /// Of these, which were found in the snapshot.
    #[must_use]
    pub fn of(snapshot: &Snapshot, found: &[Finding]) -> Self {
        let none = judged(snapshot).into_iter().map(|check| {
            let key = (check.kind.code, check.kind.severity.keyword());
            (key, (0, 0))
        });
        let mut counts: BTreeMap<(&str, &str), (usize, usize)> = none.collect();
        for finding in found {
            let key = (finding.kind.code, finding.severity().keyword());
            let (alarms, muted) = counts.entry(key).or_default();
            *(if finding.muted.is_some() {
                muted
            } else {
                alarms
            }) += 1;
        }
        let unproven = found.iter().filter(|finding| finding.is_unproven);
        Self {
            taken_at: snapshot.taken_at,
            counts,
            unproven: unproven.map(|finding| finding.kind.code).collect(),
        }
    }

    /// The same without the kinds of which those counts have findings that one look could not prove:
    /// they are neither there nor not there.
    #[must_use]
    pub fn without_unproven(mut self, counts: &Self) -> Self {
        let is_unproven = |code: &str| counts.unproven.contains(code);
        self.counts.retain(|(code, _), _| !is_unproven(code));
        self
    }

    /// One gauge for every kind of finding that was looked for, found or not, and one for the muted
    /// ones of it: a rule on a sample that is missing never fires. Labels are codes and severities:
    /// never an address or an id. What one look could not prove is of another severity.
    pub fn render(&self, page: &mut Page) {
        let each = |count: fn(&(usize, usize)) -> usize| {
            let sample = move |((code, severity), counts): (&(&str, &str), &(usize, usize))| {
                (
                    format!("{{code=\"{code}\",severity=\"{severity}\"}}"),
                    count(counts).to_string(),
                )
            };
            self.counts.iter().map(sample).collect::<Vec<_>>()
        };
        page.family(
            "findings",
            "gauge",
            "What dsctl doctor has found and is not muted, by kind.",
            each(|(alarms, _)| *alarms),
        );
        page.family(
            "muted_findings",
            "gauge",
            "What dsctl doctor has found and a configuration file mutes, by kind.",
            each(|(_, muted)| *muted),
        );
        page.plain(
            "doctor_last_success_timestamp_seconds",
            "gauge",
            "When dsctl doctor last looked at registry and database.",
            &seconds(Some(self.taken_at)),
        );
    }

    /// The same as a whole page.
    #[must_use]
    pub fn page(&self) -> String {
        let mut page = Page::default();
        self.render(&mut page);
        page.into_text()
    }
}
