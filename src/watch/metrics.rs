//! What a watcher counts, in Prometheus' text format.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use super::{FailoverEnd, Kind, LeftAlone, Refused, Round, Sight, Source, Summary, What};
use crate::diagnosis::FindingCounts;
use crate::exit_code::ExitCode;
use crate::files::replace::replace;
use crate::model::Verdict;
use crate::output::prometheus::{Page, label, seconds};

/// How a failover ended, as a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Done,
    Partial,
    Failed,
    Refused,
    DryRun,
}

impl Outcome {
    const ALL: [Self; 5] = [
        Self::Done,
        Self::Partial,
        Self::Failed,
        Self::Refused,
        Self::DryRun,
    ];

    fn keyword(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::DryRun => "dry_run",
        }
    }
}

const VERDICTS: [Verdict; 5] = [
    Verdict::Alive,
    Verdict::Dead,
    Verdict::Restarted,
    Verdict::Claimed,
    Verdict::Unknown,
];

/// Counters and gauges. Labels have a fixed set of values: never an address or an id.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    up: BTreeMap<Source, bool>,
    last_run: Option<Timestamp>,
    last_success: Option<Timestamp>,
    /// `None` before the first look: zero dead masters would be a false claim.
    seen: Option<Counts>,
    /// `None` before the first diagnosis, for the same reason.
    findings: Option<FindingCounts>,
    failovers: BTreeMap<Outcome, u64>,
    recovered: u64,
    skipped: u64,
    events: BTreeMap<Kind, u64>,
    paused: bool,
    brake: bool,
    round_took: Duration,
}

/// Numbers of one round.
#[derive(Clone, Debug, Default)]
struct Counts {
    /// Masters by verdict.
    masters: BTreeMap<Verdict, u64>,
    /// Unfinished instances by verdict.
    unfinished: BTreeMap<Verdict, u64>,
    /// What no failover takes.
    left: LeftAlone,
}

impl Counts {
    fn of(sight: &Sight) -> Self {
        let mut seen = Self {
            left: sight.left,
            ..Self::default()
        };
        for master in &sight.masters {
            *seen.masters.entry(master.verdict).or_default() += 1;
            *seen.unfinished.entry(master.verdict).or_default() += master.unfinished;
        }
        // They no longer name a master.
        seen.unfinished.insert(Verdict::Claimed, sight.claimed);
        seen
    }
}

impl Metrics {
    /// Metrics before anything has happened.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts an event.
    pub fn record(&mut self, what: &What) {
        count(&mut self.events, what.kind());
        match what.failover_end() {
            Some(FailoverEnd::Finished(summary)) => self.record_failover(outcome(summary), summary),
            Some(FailoverEnd::Refused(Refused::Check { summary, .. })) => {
                self.record_failover(Outcome::Refused, summary);
            }
            Some(FailoverEnd::Refused(
                Refused::Nobody { .. } | Refused::Guard { .. } | Refused::Veto { .. },
            )) => count(&mut self.failovers, Outcome::Refused),
            Some(FailoverEnd::Failed(summary)) => self.record_failover(Outcome::Failed, summary),
            None => {}
        }
    }

    fn record_failover(&mut self, outcome: Outcome, summary: &Summary) {
        count(&mut self.failovers, outcome);
        // A dry run hands nothing over, also if it has failed.
        if !summary.dry_run {
            self.recovered = self.recovered.saturating_add(summary.recovered as u64);
            self.skipped = self.skipped.saturating_add(summary.skipped as u64);
        }
    }

    /// A round is over. The values of the last successful round stay; `last_success` says how old
    /// they are.
    pub fn round(&mut self, round: &Round) {
        self.last_run = Some(round.ended);
        self.round_took = round.took;
        self.up.clone_from(&round.answered);
        (self.paused, self.brake) = (round.paused.is_some(), round.brake.is_some());
        if let Ok(sight) = &round.saw {
            self.last_success = Some(round.ended);
            self.seen = Some(Counts::of(sight));
        }
    }

    /// A diagnosis is over.
    pub fn diagnosed(&mut self, counts: &FindingCounts) {
        self.findings = Some(counts.clone());
    }

    /// The whole text.
    #[must_use]
    pub fn render(&self) -> String {
        let mut page = Page::default();
        page.family(
            "build_info",
            "gauge",
            "Version of dsctl.",
            [label("version", env!("CARGO_PKG_VERSION"), 1)],
        );
        let up = Source::ALL.map(|source| {
            label(
                "source",
                source.keyword(),
                u8::from(self.up.get(&source).is_some_and(|up| *up)),
            )
        });
        page.family(
            "up",
            "gauge",
            "Whether the source answered when it was last asked.",
            up,
        );
        page.plain(
            "last_run_timestamp_seconds",
            "gauge",
            "When the last round ended; 0: none yet.",
            &seconds(self.last_run),
        );
        page.plain(
            "last_success_timestamp_seconds",
            "gauge",
            "When the last round ended in which both sources answered; 0: none yet.",
            &seconds(self.last_success),
        );
        page.plain(
            "round_duration_seconds",
            "gauge",
            "How long the last round took.",
            &self.round_took.as_secs_f64(),
        );
        self.render_seen(&mut page);
        if let Some(findings) = &self.findings {
            findings.render(&mut page);
        }
        self.render_counters(&mut page);
        page.plain(
            "paused",
            "gauge",
            "Whether an operator paused the loop.",
            &u8::from(self.paused),
        );
        page.plain(
            "storm_brake",
            "gauge",
            "Whether the storm brake is on.",
            &u8::from(self.brake),
        );
        page.into_text()
    }

    /// Renders nothing before the first look.
    fn render_seen(&self, page: &mut Page) {
        let Some(seen) = &self.seen else { return };
        page.family(
            "masters",
            "gauge",
            "Masters in the last successful round.",
            by_verdict(&seen.masters),
        );
        let help = "Unfinished process instances in the last successful round.";
        page.family(
            "unfinished_instances",
            "gauge",
            help,
            by_verdict(&seen.unfinished),
        );
        let LeftAlone {
            orphans,
            odd_hosts,
            no_host,
            recovery_failed,
        } = seen.left;
        let left = [
            ("orphan", orphans),
            ("odd_host", odd_hosts),
            ("no_host", no_host),
            ("recovery_failed", recovery_failed),
        ];
        let help = "Process instances that hang and that no failover takes.";
        page.family(
            "left_alone_instances",
            "gauge",
            help,
            left.map(|(why, count)| label("reason", why, count)),
        );
    }

    fn render_counters(&self, page: &mut Page) {
        let failovers = Outcome::ALL
            .map(|outcome| label("outcome", outcome.keyword(), of(&self.failovers, &outcome)));
        page.family(
            "failovers_total",
            "counter",
            "Failovers that ended or were prevented.",
            failovers,
        );
        let instances = [
            label("outcome", "recovered", self.recovered),
            label("outcome", "skipped", self.skipped),
        ];
        page.family(
            "failover_instances_total",
            "counter",
            "Process instances of failovers.",
            instances,
        );
        let events = Kind::ALL
            .iter()
            .map(|kind| label("event", kind.keyword(), of(&self.events, kind)));
        page.family("events_total", "counter", "Events of the loop.", events);
    }

    /// Writes the text into a file for Prometheus' textfile collector.
    ///
    /// # Errors
    /// The file cannot be written; the old one is as it was.
    pub fn write_file(&self, path: &Path) -> io::Result<()> {
        replace(path, self.render().as_bytes())
    }
}

fn count<K: Ord>(counts: &mut BTreeMap<K, u64>, key: K) {
    let count = counts.entry(key).or_default();
    *count = count.saturating_add(1);
}

fn of<K: Ord>(counts: &BTreeMap<K, u64>, key: &K) -> u64 {
    counts.get(key).copied().unwrap_or(0)
}

fn outcome(summary: &Summary) -> Outcome {
    match summary.exit_code {
        _ if summary.dry_run => Outcome::DryRun,
        ExitCode::Done => Outcome::Done,
        ExitCode::Partial => Outcome::Partial,
        _ => Outcome::Failed,
    }
}

fn by_verdict(counts: &BTreeMap<Verdict, u64>) -> [(String, String); 5] {
    VERDICTS.map(|verdict| label("verdict", verdict.keyword(), of(counts, &verdict)))
}

#[cfg(test)]
mod tests;
