//! What a failover does not cover, but its caller needs to know.

use crate::cluster::Cluster;
use crate::commands::failure::CommandError;
use crate::failover::Run;
use crate::metadata::HostCount;
use crate::metadata::database::DatabaseError;
use crate::model::Address;

/// Remarks about instances that a run does not cover. If it has written, the run is reported even
/// if this look fails.
///
/// # Errors
/// Those of the database, if the run has written nothing.
pub(super) async fn remarks(cluster: &mut Cluster, run: &Run) -> Result<Vec<String>, CommandError> {
    match look(cluster, run).await {
        Ok(remarks) => Ok(remarks),
        Err(error) if run.wrote => Ok(vec![format!(
            "what was handed over is valid; other stuck instances could not be checked: {error}; \
             see 'dsctl instances'"
        )]),
        Err(error) => Err(error.into()),
    }
}

async fn look(cluster: &mut Cluster, run: &Run) -> Result<Vec<String>, DatabaseError> {
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
        counts.retain(|count| family.is_unfinished(Some(count.state)));
        remarks.extend(nearly(&masters, &counts));
    }
    remarks.extend(about_orphans(cluster.store.orphans().await?.len()));
    Ok(remarks)
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
