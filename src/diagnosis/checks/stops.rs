//! A stop or a pause that was asked for, and that no master carries out.

use crate::diagnosis::check::Check;
use crate::diagnosis::finding::{Finding, FindingKind, Severity, Subject, counted};
use crate::diagnosis::snapshot::Snapshot;
use crate::failover::about_ready_stop;
use crate::family::{READY_PAUSE, READY_STOP};
use crate::model::{InstanceId, Verdict};

/// DS-007.
pub(super) const UNFINISHED: Check = Check {
    kind: &FindingKind {
        code: "DS-007",
        title: "a stop or pause that no living master carries out",
        severity: Severity::Act,
        meaning: "The stop or pause was asked for, and the master that should carry it out is dead \
            or was restarted, or the instance is an orphan: it stays READY_STOP or READY_PAUSE.",
        causes: &["the master ended before the instance's tasks had ended"],
        upstream: &[],
        remedy: "fail its master over, or write its command, as the other finding about it says; \
            look at it afterwards: masters of 3.0 to 3.2 may run it on, and the stop has to be asked \
            for again",
    },
    find: unfinished,
};

fn unfinished(snapshot: &Snapshot) -> Vec<Finding> {
    let hangs = |verdict, id: &InstanceId| match verdict {
        Verdict::Dead | Verdict::Restarted => true,
        Verdict::Claimed => snapshot.orphans.binary_search(id).is_ok(),
        _ => false,
    };
    let of_state = |state: i64| {
        let groups = snapshot
            .instances
            .iter()
            .filter(move |group| group.state == Some(state));
        let mut ids: Vec<InstanceId> = groups
            .flat_map(|group| group.ids.iter().filter(|id| hangs(group.verdict, id)))
            .copied()
            .collect();
        ids.sort_unstable();
        (state, ids)
    };
    let found = [READY_PAUSE, READY_STOP].map(of_state).into_iter();
    found
        .filter(|(_, ids)| !ids.is_empty())
        .map(|(state, ids)| {
            let word = snapshot.release.family.state_keyword(Some(state));
            let mut finding = Finding::new(UNFINISHED.kind, Subject::default().of_instances(&ids))
                .fact(
                    snapshot.table(),
                    format!("{} in state {word}", counted(&ids, "instance")),
                )
                .next("dsctl instances");
            if let Some(text) =
                about_ready_stop(&snapshot.release, &ids).filter(|_| state == READY_STOP)
            {
                finding.remedy.text = text;
            }
            finding
        })
        .collect()
}
