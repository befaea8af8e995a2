//! The addresses behind the names of an ensemble's servers.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use futures::future::join_all;
use tokio::net::lookup_host;
use tokio::time::timeout;

use crate::model::EnsembleServer;

/// The servers to be tried. One name may have the addresses of a whole ensemble, as a service of
/// Kubernetes has; whoever connects to the name waits for the first of them as long as it is silent,
/// and never comes to the others. So each of them is tried by itself, and the name as well: it may
/// lead to other addresses later. A name that is not found in time stays as it is.
pub(super) async fn of(servers: &[EnsembleServer], limit: Duration) -> Vec<EnsembleServer> {
    let found = join_all(servers.iter().map(|server| addresses(server, limit))).await;
    servers
        .iter()
        .zip(found)
        .flat_map(|(server, found)| with_each(server, &found))
        .collect()
}

async fn addresses(server: &EnsembleServer, limit: Duration) -> BTreeSet<SocketAddr> {
    let looked_up = lookup_host((server.host.as_str(), server.port));
    match timeout(limit, looked_up).await {
        Ok(Ok(found)) => found.collect(),
        Ok(Err(_)) | Err(_) => BTreeSet::new(),
    }
}

fn with_each(server: &EnsembleServer, found: &BTreeSet<SocketAddr>) -> Vec<EnsembleServer> {
    let each = found.iter().filter(|_| found.len() > 1);
    each.map(|address| EnsembleServer {
        host: address.ip().to_string(),
        port: address.port(),
    })
    .chain([server.clone()])
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_addresses_are_tried_one_by_one() {
        let server = EnsembleServer {
            host: "zk".to_owned(),
            port: 2181,
        };
        let with = |addresses: &[&str]| -> Vec<String> {
            let found = addresses.iter().map(|text| text.parse().unwrap()).collect();
            with_each(&server, &found)
                .iter()
                .map(ToString::to_string)
                .collect()
        };
        assert_eq!(with(&[]), ["zk:2181"]);
        assert_eq!(with(&["10.0.0.1:2181"]), ["zk:2181"]);
        assert_eq!(
            with(&["10.0.0.2:2181", "[fd00::1]:2181", "10.0.0.1:2181"]),
            [
                "10.0.0.1:2181",
                "10.0.0.2:2181",
                "[fd00::1]:2181",
                "zk:2181"
            ]
        );
    }
}
