//! What was found, in Prometheus' text format.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::checks::CHECKS;
use super::finding::Finding;
use super::snapshot::Snapshot;
use crate::output::prometheus::{Page, seconds};

/// How many findings of each kind there are, as gauges of `doctor` and of `watch`.
#[derive(Clone, Debug)]
pub struct FindingCounts {
    taken_at: Timestamp,
    /// By code: the alarms, and the muted ones.
    counts: BTreeMap<&'static str, (usize, usize)>,
}

impl FindingCounts {
    /// Of these, which were found in the snapshot.
    #[must_use]
    pub fn of(snapshot: &Snapshot, found: &[Finding]) -> Self {
        let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for finding in found {
            let (alarms, muted) = counts.entry(finding.kind.code).or_default();
            *(if finding.muted.is_some() {
                muted
            } else {
                alarms
            }) += 1;
        }
        Self {
            taken_at: snapshot.taken_at,
            counts,
        }
    }

    /// One gauge for every kind of finding, found or not, and one for the muted ones of it: a rule
    /// on a sample that is missing never fires. Labels are codes and severities: never an address
    /// or an id.
    pub fn render(&self, page: &mut Page) {
        let kinds: BTreeMap<&str, &str> = CHECKS
            .iter()
            .map(|check| (check.kind.code, check.kind.severity.keyword()))
            .collect();
        let each = |count: fn(&(usize, usize)) -> usize| {
            let sample = move |(code, severity): (&&str, &&str)| {
                (
                    format!("{{code=\"{code}\",severity=\"{severity}\"}}"),
                    self.counts.get(code).map_or(0, count).to_string(),
                )
            };
            kinds.iter().map(sample).collect::<Vec<_>>()
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
