//! The answer of a monitoring plugin.

use crate::cluster::Cluster;
use crate::diagnosis::{Finding, Severity, Snapshot, alarms};
use crate::output::plugin::{PluginState, status_line};

/// Why what was read may not be all that there is.
pub(super) fn doubts(cluster: &Cluster, snapshot: &Snapshot) -> Vec<String> {
    let mut doubts = cluster.store.warnings();
    doubts.extend(cluster.registry.warnings());
    doubts.extend(unjudged_texts(snapshot));
    doubts
}

/// What is not judged, and why.
pub(super) fn unjudged_texts(snapshot: &Snapshot) -> Vec<String> {
    let closed = snapshot.closed.iter().map(|table| {
        format!(
            "this database user may not read {table}: what waits or is listed there is not judged"
        )
    });
    closed.chain(snapshot.unread.iter().cloned()).collect()
}

/// The state and its line. Where not all may have been seen, nothing is called right.
pub(super) fn for_nagios(
    found: &[Finding],
    checks: usize,
    doubts: &[String],
) -> (PluginState, String) {
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
        parts.push(format!("nothing{else_} hangs by {checks} checks"));
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
