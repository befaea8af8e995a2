//! `dsctl doctor`: what hangs, and why.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant as Clock};

use clap::{Args, ValueEnum};
use schemars::JsonSchema;
use serde::Serialize;

use super::failure::CommandError;
use super::shell::{Answer, Skeleton};
use super::times::Instant;
use crate::cluster::Cluster;
use crate::config::Mute;
use crate::diagnosis::{
    APART, CHECKS, Evidence, Finding, FindingCounts, FindingKind, IdleMute, Muted, Remedy,
    Severity, Snapshot, Subject, check_codes, findings, kind, mute,
};
use crate::exit_code::ExitCode;
use crate::failover::FailoverError;
use crate::files::replace::replace;
use crate::options::value;
use crate::output::plugin::{PluginState, status_line};
use crate::output::{Body, Cell, Keys, Records, Table};

/// Arguments of `doctor`.
#[derive(Args, Clone, Debug)]
pub(super) struct DoctorArgs {
    /// Exit with 3 if there is a finding of this severity or a more urgent one
    #[arg(long, value_name = "SEVERITY", value_enum, default_value_t = FailOn::Act)]
    pub fail_on: FailOn,

    /// How long to wait before a second look, where one alone cannot prove a finding; at least 6s
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = settle_time)]
    pub settle: Duration,

    /// What to look for: what hangs, or whether an upgrade may begin and what one has broken
    #[arg(long, value_name = "PROFILE", value_enum, default_value_t = Profile::Operation)]
    pub profile: Profile,

    /// Take one look, and mark what it cannot prove
    #[arg(long, conflicts_with = "settle")]
    pub once: bool,

    /// Answer as a plugin for Nagios or Icinga: one line, and exit with 0, 1 (look), 2 (act) or 3 (unknown)
    #[arg(long, conflicts_with = "fail_on")]
    pub nagios: bool,

    /// Write what is found into this file, for Prometheus' textfile collector
    #[arg(long, value_name = "FILE.prom")]
    pub metrics_file: Option<PathBuf>,

    /// Explain a code, or list all of them; connects to nothing
    #[arg(long, value_name = "CODE", num_args = 0..=1, default_missing_value = ALL,
        value_parser = explained, conflicts_with_all = ["fail_on", "metrics_file", "nagios", "once", "profile", "settle"])]
    pub explain: Option<Explained>,
}

fn settle_time(text: &str) -> Result<Duration, String> {
    let time = value::duration(text).map_err(|error| error.to_string())?;
    if time < APART {
        return Err("what passes by itself may take 6s; --once takes one look".to_owned());
    }
    Ok(time)
}

/// Masters look for commands as often.
const A_MOMENT: Duration = Duration::from_secs(1);

/// In place of a code.
const ALL: &str = "all";

/// What is to be explained.
#[derive(Clone, Copy, Debug)]
pub(super) enum Explained {
    /// Every kind, in a line each.
    All,
    /// One kind.
    One(&'static FindingKind),
}

fn explained(code: &str) -> Result<Explained, String> {
    if code == ALL {
        return Ok(Explained::All);
    }
    let unknown = || "no finding has this code; 'dsctl doctor --explain' lists all".to_owned();
    kind(code).map(Explained::One).ok_or_else(unknown)
}

/// What to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Profile {
    /// What hangs
    Operation,
    /// What must be empty before an upgrade, and what one has broken
    Upgrade,
}

/// From which severity on the exit code tells of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    /// Something hangs
    Act,
    /// Also what may be normal
    Look,
    /// Whatever is found
    Note,
    /// Never
    Never,
}

impl FailOn {
    fn includes(self, severity: Severity) -> bool {
        match self {
            Self::Act => severity <= Severity::Act,
            Self::Look => severity <= Severity::Look,
            Self::Note => severity <= Severity::Note,
            Self::Never => false,
        }
    }
}

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
    cluster: &mut Cluster,
    mutes: &[Mute],
    arguments: &DoctorArgs,
) -> Result<Answer<DoctorDocument>, CommandError> {
    check_codes(mutes)?;
    let snapshot = settled(cluster, arguments).await?;
    let mut found = findings(&snapshot);
    // A snapshot is looked at as of its own moment, and so are mutes.
    let idle = mute(&mut found, mutes, snapshot.taken_at);
    let written = match &arguments.metrics_file {
        Some(path) => write_metrics(path, &FindingCounts::of(&snapshot, &found).page()),
        None => Ok(()),
    };
    if arguments.nagios {
        written?;
        let (state, line) = for_nagios(&found, &doubts(cluster, &snapshot));
        return Ok(Answer::saying(line, state.number()));
    }
    // What was found is shown all the same.
    let error = written.err().map(|error| error.body());
    let fails = alarms(&found).any(|finding| arguments.fail_on.includes(finding.severity()));
    Ok(Answer {
        error,
        warnings: snapshot.unread.clone(),
        exit: fails.then_some(ExitCode::Findings),
        ..Answer::new(body(&snapshot, found, &idle))
    })
}

/// What is not muted.
fn alarms(found: &[Finding]) -> impl Iterator<Item = &Finding> {
    found.iter().filter(|finding| finding.muted.is_none())
}

/// What is not certain after one look is looked at twice.
async fn settled(cluster: &mut Cluster, arguments: &DoctorArgs) -> Result<Snapshot, CommandError> {
    let mut first = look(cluster, arguments.profile).await?;
    // In a file nothing moves.
    if first.slow.is_settled() || arguments.once || cluster.store.snapshot().is_some() {
        return Ok(first);
    }
    cluster.store.end_reading().await;
    match second_look(cluster, &mut first, arguments).await {
        Ok(None) => Ok(first),
        Ok(Some(mut second)) => {
            second.slow.settle(&first.slow);
            Ok(second)
        }
        Err(FailoverError::Stopped(stop)) => Err(FailoverError::Stopped(stop).into()),
        // What one look has proven stays so.
        Err(error) => {
            let text = format!("there was no second look: {error}");
            Ok(Snapshot {
                unread: first.unread.iter().cloned().chain([text]).collect(),
                ..first
            })
        }
    }
}

/// After this time, or `None` as soon as nothing is left that it could prove: what moves is seen to
/// do so within moments.
async fn second_look(
    cluster: &mut Cluster,
    first: &mut Snapshot,
    arguments: &DoctorArgs,
) -> Result<Option<Snapshot>, FailoverError> {
    let end = Clock::now() + arguments.settle;
    loop {
        let left = end.saturating_duration_since(Clock::now());
        if first.slow.is_settled() {
            return Ok(None);
        }
        if left <= A_MOMENT || !first.slow.may_move() {
            cluster.stop.pause(left).await?;
            break;
        }
        cluster.stop.pause(A_MOMENT).await?;
        first.glance(cluster).await?;
    }
    cluster.store.begin_reading_anew().await?;
    look(cluster, arguments.profile).await.map(Some)
}

async fn look(cluster: &mut Cluster, profile: Profile) -> Result<Snapshot, FailoverError> {
    let snapshot = Snapshot::take(cluster).await?;
    match profile {
        Profile::Operation => Ok(snapshot),
        Profile::Upgrade => snapshot.with_upgrade(cluster).await,
    }
}

/// Why what was read may not be all that there is.
fn doubts(cluster: &Cluster, snapshot: &Snapshot) -> Vec<String> {
    let mut doubts = cluster.store.warnings();
    doubts.extend(cluster.registry.warnings());
    doubts.extend(snapshot.unread.iter().cloned());
    doubts
}

/// The state and its line. Where not all may have been seen, nothing is called right.
fn for_nagios(found: &[Finding], doubts: &[String]) -> (PluginState, String) {
    let of = |severity| alarms(found).filter(move |one| one.severity() == severity);
    let muted = found.len() - alarms(found).count();
    let numbers = [
        ("act", of(Severity::Act).count() as u64),
        ("look", of(Severity::Look).count() as u64),
        ("note", of(Severity::Note).count() as u64),
        ("muted", muted as u64),
    ];
    let state = match numbers {
        [(_, 1..), ..] => PluginState::Critical,
        [_, (_, 1..), ..] => PluginState::Warning,
        _ if !doubts.is_empty() => PluginState::Warning,
        _ => PluginState::Ok,
    };
    let urgent = of(Severity::Act).chain(of(Severity::Look));
    let mut parts: Vec<String> = urgent.map(in_short).collect();
    parts.extend(doubts.iter().cloned());
    if parts.is_empty() {
        let else_ = if muted > 0 { " else" } else { "" };
        parts.push(format!("nothing{else_} hangs by {} checks", CHECKS.len()));
    }
    parts.extend((muted > 0).then(|| format!("{muted} muted")));
    (state, status_line(state, &parts.join("; "), &numbers))
}

fn in_short(finding: &Finding) -> String {
    let subject = finding
        .subject
        .shown()
        .map_or_else(String::new, |text| format!(" ({text})"));
    format!("{} {}{subject}", finding.kind.code, finding.kind.title)
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
    if !snapshot.judges_times {
        closing.push(
            "without --time-zone it is not known what is from before a master's restart".to_owned(),
        );
    }
    closing.push(if found.is_empty() && snapshot.upgrade.is_some() {
        "nothing was found that an upgrade has to wait for, or has left behind".to_owned()
    } else if found.is_empty() {
        format!(
            "nothing was found: {} checks of masters, hand-overs, stops, hosts, definitions, queues, worker \
             groups, task groups, commands, failover locks and the database; what a task does is not looked at",
            CHECKS.len()
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

/// What a code means, or a list of all codes.
pub(super) fn explain(what: Explained) -> String {
    match what {
        Explained::One(kind) => explanation(kind),
        Explained::All => {
            let lines = CHECKS.iter().map(|check| {
                let (kind, severity) = (check.kind, check.kind.severity.keyword());
                format!("{}  {severity:<4}  {}", kind.code, kind.title)
            });
            lines.collect::<Vec<String>>().join("\n") + "\n"
        }
    }
}

fn explanation(kind: &FindingKind) -> String {
    let FindingKind {
        code,
        title,
        severity,
        meaning,
        causes,
        upstream,
        remedy,
    } = kind;
    let mut lines = vec![
        format!("{code} {title}"),
        format!("severity: {}", severity.keyword()),
        String::new(),
        (*meaning).to_owned(),
        String::new(),
        "causes:".to_owned(),
    ];
    lines.extend(causes.iter().map(|cause| format!("- {cause}")));
    lines.extend([String::new(), format!("what to do: {remedy}")]);
    lines.extend(upstream.iter().map(|number| {
        format!("upstream: https://github.com/apache/dolphinscheduler/issues/{number}")
    }));
    lines.join("\n") + "\n"
}
