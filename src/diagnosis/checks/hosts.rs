//! Hosts that name no master.

use crate::diagnosis::check::Check;
use crate::diagnosis::finding::{Finding, FindingKind, Severity, Subject, counted};
use crate::diagnosis::snapshot::Snapshot;
use crate::model::Verdict;

/// DS-008.
pub(super) const STRANGE: Check = Check {
    kind: &FindingKind {
        code: "DS-008",
        title: "unfinished instances whose host names no master",
        severity: Severity::Look,
        meaning: "They are nobody's for dsctl, which leaves them alone; masters that look for hosts \
            without a registration may hand them over. SQL NULL as a \
            host also breaks the masters' own periodic check: seen in 3.1, and by their code in 2.0 \
            to 3.2.",
        causes: &["somebody wrote the host by hand"],
        upstream: &[],
        remedy: "find out from the masters' logs which one has them. If it lives, leave them alone; \
            if it is dead, write its address into the host, and fail it over",
    },
    find: strange,
};

fn strange(snapshot: &Snapshot) -> Vec<Finding> {
    // Without registrations nobody is known, and DS-009 says so.
    if snapshot.masters.prove_nothing() {
        return Vec::new();
    }
    let form = snapshot.release.family.registry.address_form;
    let hosts = snapshot.by_host(Verdict::Unknown).into_iter();
    let strange = hosts.filter(|(host, _)| {
        host.is_none_or(|host| crate::model::Address::typed(host, form).is_err())
    });
    let found = strange.map(|(host, ids)| {
        let said = host.map_or_else(|| "SQL NULL".to_owned(), |host| format!("{host:?}"));
        let subject = Subject {
            master: host.map(str::to_owned),
            ..Subject::default()
        };
        Finding::new(STRANGE.kind, subject.of_instances(&ids))
            .fact(
                snapshot.table(),
                format!(
                    "{} with the host {said}",
                    counted(&ids, "unfinished instance")
                ),
            )
            .next("dsctl instances")
    });
    found.collect()
}
