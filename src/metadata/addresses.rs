//! The addresses behind a server's name.

use std::net::IpAddr;
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time::{error::Elapsed, timeout};

/// The addresses of a name, each once and in the resolver's order; none if it has only one, or is not
/// found: who connects to the name says why.
///
/// # Errors
/// The resolver has not answered in time.
pub(super) async fn several(name: (&str, u16), limit: Duration) -> Result<Vec<IpAddr>, Elapsed> {
    let found = timeout(limit, lookup_host(name)).await?;
    let mut addresses = Vec::new();
    for place in found.into_iter().flatten() {
        if !addresses.contains(&place.ip()) {
            addresses.push(place.ip());
        }
    }
    if addresses.len() < 2 {
        addresses.clear();
    }
    Ok(addresses)
}
