//! What was found, in Prometheus' text format.

use std::collections::BTreeMap;

use super::checks::CHECKS;
use super::finding::Finding;
use super::snapshot::Snapshot;
use crate::output::prometheus::{Page, seconds};

/// One gauge for every kind of finding, found or not: a rule on a sample that is missing never
/// fires. Labels are codes and severities: never an address or an id.
#[must_use]
pub fn metrics(snapshot: &Snapshot, found: &[Finding]) -> String {
    let kinds: BTreeMap<&str, &str> = CHECKS
        .iter()
        .map(|check| (check.kind.code, check.kind.severity.keyword()))
        .collect();
    let sample = |(code, severity): (&str, &str)| {
        let count = found.iter().filter(|finding| finding.kind.code == code);
        (
            format!("{{code=\"{code}\",severity=\"{severity}\"}}"),
            count.count().to_string(),
        )
    };
    let mut page = Page::default();
    page.family(
        "findings",
        "gauge",
        "What dsctl doctor has found, by kind.",
        kinds.into_iter().map(sample),
    );
    page.plain(
        "doctor_last_success_timestamp_seconds",
        "gauge",
        "When dsctl doctor last looked at registry and database.",
        &seconds(Some(snapshot.taken_at)),
    );
    page.into_text()
}
