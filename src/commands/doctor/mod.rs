//! `dsctl doctor`: what hangs, and why.

mod args;
mod explain;
mod looks;
mod plugin;

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

pub(super) use self::args::DoctorArgs;
pub(super) use self::explain::explain;
use self::looks::settled;
use self::plugin::{doubts, for_nagios, unjudged_texts};
use super::failure::CommandError;
use super::shell::{Answer, Shell, Skeleton};
use super::times::Instant;
use crate::cluster::Cluster;
use crate::diagnosis::{
    Evidence, Finding, FindingCounts, IdleMute, Muted, Remedy, Severity, Snapshot, Subject, alarms,
    check_codes, findings, judged, mute,
};
use crate::exit_code::ExitCode;
use crate::files::replace::replace;
use crate::output::{Body, Cell, Keys, Records, Table};

/// The document of `doctor`.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct DoctorDocument {
    taken_at: Option<Instant>,
    findings: Vec<FindingEntry>,
}

impl Keys for DoctorDocument {
    fn records(&mut self) -> Vec<Records<'_>> {
        vec![Records {
            key: "findings",
            record: "finding",
            rows: &mut self.findings,
        }]
    }
}

impl Skeleton for DoctorDocument {
    const COMMAND: &'static str = "doctor";
}

/// Something that hangs or is about to.
#[derive(Debug, Serialize, JsonSchema)]
struct FindingEntry {
    #[schemars(regex(pattern = "^DS-[0-9]{3}$"))]
    code: &'static str,
    title: &'static str,
    severity: Severity,
    subject: Subject,
    evidence: Vec<Evidence>,
    by_itself: Option<&'static str>,
    remedy: Remedy,
    /// Until when a configuration file mutes it, and why.
    muted: Option<MutedEntry>,
}

/// A finding that is no alarm.
#[derive(Debug, Serialize, JsonSchema)]
struct MutedEntry {
    until: Instant,
    reason: String,
}

impl From<Muted> for MutedEntry {
    fn from(muted: Muted) -> Self {
        let Muted { until, reason } = muted;
        Self {
            until: until.into(),
            reason,
        }
    }
}

impl From<Finding> for FindingEntry {
    fn from(finding: Finding) -> Self {
        let severity = finding.severity();
        let Finding {
            kind,
            subject,
            is_unproven: _,
            evidence,
            by_itself,
            remedy,
            muted,
        } = finding;
        Self {
            code: kind.code,
            title: kind.title,
            severity,
            subject,
            evidence,
            by_itself,
            remedy,
            muted: muted.map(MutedEntry::from),
        }
    }
}

const HEADERS: [&str; 4] = ["SEVERITY", "CODE", "SUBJECT", "FINDING"];

pub(super) async fn run(
    shell: &mut Shell<'_, '_>,
    cluster: &mut Cluster,
    arguments: &DoctorArgs,
) -> Result<Answer<DoctorDocument>, CommandError> {
    check_codes(&shell.settings.mutes)?;
    let snapshot = settled(shell, cluster, arguments).await?;
    let mut found = findings(&snapshot);
    // A snapshot is looked at as of its own moment, and so are mutes.
    let mut idle = mute(&mut found, &shell.settings.mutes, snapshot.taken_at);
    idle.retain(|mute| is_judged(&snapshot, mute.code()));
    let written = match &arguments.metrics_file {
        // A gauge of what was not judged would end an alarm.
        Some(path) if snapshot.unread.is_empty() => {
            write_metrics(path, &FindingCounts::of(&snapshot, &found).page())
        }
        _ => Ok(()),
    };
    if arguments.nagios {
        written?;
        let checks = judged(&snapshot).len();
        let (state, line) = for_nagios(&found, checks, &doubts(cluster, &snapshot));
        return Ok(Answer::saying(line, state.number()));
    }
    // What was found is shown all the same.
    let fails = alarms(&found).any(|finding| arguments.fail_on.includes(finding.severity()));
    let unjudged = (!fails && !snapshot.unread.is_empty()).then(not_all_is_judged);
    let error = written.err().or(unjudged).map(|error| error.body());
    Ok(Answer {
        error,
        warnings: unjudged_texts(&snapshot),
        exit: fails.then_some(ExitCode::Findings),
        ..Answer::new(body(&snapshot, found, &idle))
    })
}

/// Whether a code was looked for. One that no finding has is refused before.
fn is_judged(snapshot: &Snapshot, code: &str) -> bool {
    let mut checks = judged(snapshot).into_iter();
    checks.any(|check| check.kind.code == code)
}

fn not_all_is_judged() -> CommandError {
    CommandError::Other {
        error: anyhow::anyhow!("not all could be read, and what could not is not judged"),
        hint: "the warnings say what; repeat it, with a longer --statement-timeout if that was too short"
            .to_owned(),
        exit: ExitCode::Failure,
    }
}

fn write_metrics(path: &Path, text: &str) -> Result<(), CommandError> {
    replace(path, text.as_bytes()).map_err(|error| CommandError::Other {
        error: anyhow::Error::new(error).context(format!("cannot write {}", path.display())),
        hint: "give --metrics-file a file in a folder that this user may write to".to_owned(),
        exit: ExitCode::Failure,
    })
}

fn body(snapshot: &Snapshot, found: Vec<Finding>, idle: &[IdleMute<'_>]) -> Body<DoctorDocument> {
    let mut table = Table::new(&HEADERS);
    let mut closing = Vec::new();
    for finding in &found {
        let cells = cells(finding);
        if finding.severity() == Severity::Act && finding.muted.is_none() {
            table.alarm(cells);
        } else {
            table.row(cells);
        }
        closing.extend(details(finding));
        closing.push(String::new());
    }
    if !snapshot.judges_times && snapshot.upgrade.is_none() {
        closing.push(
            "without --time-zone it is not known what is from before a master's restart".to_owned(),
        );
    }
    let is_whole = snapshot.unread.is_empty() && snapshot.closed.is_empty();
    closing.push(if found.is_empty() && !is_whole {
        "nothing was found in what could be read: see the warnings".to_owned()
    } else if found.is_empty() && snapshot.upgrade.is_some() {
        "nothing was found that an upgrade has to wait for, or has left behind".to_owned()
    } else if found.is_empty() {
        format!(
            "nothing was found: {} checks of masters, hand-overs, stops, hosts, definitions, queues, worker \
             groups, task groups, commands, failover locks and the database; what a task does is not looked at",
            judged(snapshot).len()
        )
    } else {
        "explain a code: dsctl doctor --explain CODE".to_owned()
    });
    closing.extend(idle.iter().map(ToString::to_string));
    let document = DoctorDocument {
        taken_at: Some(snapshot.taken_at.into()),
        findings: found.into_iter().map(FindingEntry::from).collect(),
    };
    Body {
        closing,
        ..Body::new(document).table(table)
    }
}

fn cells(finding: &Finding) -> Vec<Cell> {
    let title = match &finding.muted {
        Some(Muted { until, .. }) => format!("{} (muted until {until:.0})", finding.kind.title),
        None => finding.kind.title.to_owned(),
    };
    vec![
        Cell::from(finding.severity().keyword()),
        Cell::from(finding.kind.code),
        Cell::from(finding.subject.shown()),
        Cell::from(title),
    ]
}

/// What is known about a finding, and what to do, below its code.
fn details(finding: &Finding) -> Vec<String> {
    let Finding {
        kind,
        subject: _,
        is_unproven: _,
        evidence,
        by_itself,
        remedy,
        muted,
    } = finding;
    let mut lines = vec![format!("{} {}", kind.code, kind.title)];
    let of_mute = muted.iter();
    lines.extend(
        of_mute.map(|Muted { until, reason }| format!("  muted until {until:.0}: {reason}")),
    );
    let facts = evidence.iter();
    lines.extend(facts.map(|Evidence { source, fact }| format!("  {source}: {fact}")));
    lines.extend(by_itself.map(|text| format!("  by itself: {text}")));
    lines.push(format!("  what to do: {}", remedy.text));
    lines.extend(
        remedy
            .command
            .iter()
            .map(|command| format!("  next: {command}")),
    );
    lines
}
