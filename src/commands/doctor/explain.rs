//! What a code of a finding means.

use crate::diagnosis::{CHECKS, FindingKind, kind};

/// In place of a code.
pub(super) const ALL: &str = "all";

/// What is to be explained.
#[derive(Clone, Copy, Debug)]
pub(in crate::commands) enum Explained {
    /// Every kind, in a line each.
    All,
    /// One kind.
    One(&'static FindingKind),
}

pub(super) fn explained(code: &str) -> Result<Explained, String> {
    if code == ALL {
        return Ok(Explained::All);
    }
    let unknown = || "no finding has this code; 'dsctl doctor --explain' lists all".to_owned();
    kind(code).map(Explained::One).ok_or_else(unknown)
}

/// What a code means, or a list of all codes.
pub(in crate::commands) fn explain(what: Explained) -> String {
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
