//! What a failover does not cover, but its caller needs to know.

use crate::cluster::Cluster;
use crate::commands::failure::CommandError;
use crate::failover::Run;
use crate::family::Claim;
use crate::metadata::HostCount;
use crate::metadata::database::DatabaseError;
use crate::model::{Address, shell_word};

/// What hangs beside that which a run has done; unless `quiet`, also what waits for a master. Where it
/// has written, that is told whatever befalls this look.
///
/// # Errors
/// Those of the database, if the run has written nothing.
pub(super) async fn remarks(
    cluster: &mut Cluster,
    run: &Run,
    quiet: bool,
) -> Result<Vec<String>, CommandError> {
    match look(cluster, run, quiet).await {
        Ok(remarks) => Ok(remarks),
        Err(error) if run.wrote => Ok(vec![format!(
            "what was handed over is valid; other stuck instances could not be checked: {error}; \
             see 'dsctl instances'"
        )]),
        Err(error) => Err(error.into()),
    }
}

async fn look(cluster: &mut Cluster, run: &Run, quiet: bool) -> Result<Vec<String>, DatabaseError> {
    let mut remarks = Vec::new();
    let masters: Vec<&Address> = run
        .masters
        .iter()
        .filter(|master| !master.has_rows())
        .map(|master| &master.address)
        .collect();
    if !masters.is_empty() {
        let family = cluster.store.release().family;
        let mut counts = cluster.store.host_counts().await?;
        if let (Claim::State(code), false) = (family.claim, quiet) {
            remarks.extend(handed_over(&masters, &counts, code));
        }
        counts.retain(|count| family.is_unfinished(Some(count.state)));
        remarks.extend(nearly(&masters, &counts));
    }
    remarks.extend(about_orphans(cluster.store.orphans().await?.len()));
    Ok(remarks)
}

/// Where a state marks them, instances that were handed over still name their master.
fn handed_over(masters: &[&Address], counts: &[HostCount], claimed: i64) -> Vec<String> {
    let mut remarks = Vec::new();
    for master in masters {
        let of_master = counts.iter().filter(|count| {
            count.state == claimed && count.host.as_deref() == Some(master.as_str())
        });
        let count: i64 = of_master.map(|count| count.count).sum();
        if count > 0 {
            remarks.push(format!(
                "unfinished instances of {master} that were handed over before: {count}; 'dsctl instances {}' shows the commands \
                 that wait for them",
                shell_word(master.as_str())
            ));
        }
    }
    remarks
}

/// Hosts are compared exactly; one that differs only in case or blanks may have been meant.
fn nearly(masters: &[&Address], counts: &[HostCount]) -> Vec<String> {
    let mut remarks = Vec::new();
    for host in counts.iter().filter_map(|count| count.host.as_deref()) {
        let is_near =
            |master: &&&Address| master.as_str() != host && folded(master.as_str()) == folded(host);
        remarks.extend(masters.iter().find(is_near).map(|master| {
            format!(
                "unfinished instances name the host {host:?}, which is not {master}: hosts are \
                 compared exactly; see 'dsctl masters'"
            )
        }));
    }
    remarks.sort_unstable();
    remarks.dedup();
    remarks
}

fn folded(host: &str) -> String {
    host.trim().to_lowercase()
}

/// The next command after a hand-over.
pub(super) fn next(is_snapshot: bool) -> &'static str {
    if is_snapshot {
        "next: dsctl commands, to see what a master would take up"
    } else {
        "next: dsctl commands, to see the masters take them up"
    }
}

/// Instances that were handed over and that no master will ever take up: a failover does not cover
/// them.
pub(in crate::commands) fn about_orphans(orphans: usize) -> Option<String> {
    let (were, have) = if orphans == 1 {
        ("instance was", "has")
    } else {
        ("instances were", "have")
    };
    let text = format!(
        "{were} handed over before and {have} no command; next: dsctl recover --orphans --dry-run"
    );
    (orphans > 0).then(|| format!("{orphans} {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_near_by_case_and_blanks_alone() {
        let masters = ["a.ds:1", "b:1"].map(Address::seen);
        let hosts = ["a.ds:1", "A.ds:1 ", "A.ds:1 ", "\tb:1", "b:2", "xb:1", ""];
        let count = |host: &str| HostCount {
            host: Some(host.to_owned()),
            state: 1,
            count: 1,
        };
        let mut counts = hosts.map(count).to_vec();
        counts.push(HostCount {
            host: None,
            state: 1,
            count: 1,
        });
        let remarks = nearly(&masters.iter().collect::<Vec<_>>(), &counts);
        assert_eq!(remarks.len(), 2, "{remarks:?}");
        assert!(remarks[0].contains(r#""A.ds:1 ", which is not a.ds:1:"#));
        assert!(remarks[1].contains(r#""\tb:1", which is not b:1:"#));
    }
}
