//! Small network probes that the client library does not have.

use std::time::Duration;

use futures::future::join_all;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::tls::Encryption;
use crate::model::EnsembleServer;

/// Long enough for the first line of the answer to `srvr`.
const ANSWER: u64 = 512;

/// The first release with reliable container nodes.
const CONTAINERS: (u32, u32, u32) = (3, 5, 3);

/// Whether a server reports a release with container nodes. No answer counts as no: a persistent
/// parent is correct everywhere.
pub(super) async fn knows_containers(
    hosts: &[EnsembleServer],
    tls: Option<&Encryption>,
    limit: Duration,
) -> bool {
    let answers = join_all(
        hosts
            .iter()
            .map(|host| async move { timeout(limit, query_version(host, tls)).await.ok()?.ok() }),
    )
    .await;
    let releases: Vec<_> = answers
        .iter()
        .flatten()
        .filter_map(|answer| release(answer))
        .collect();
    !releases.is_empty() && releases.iter().all(|release| *release >= CONTAINERS)
}

async fn query_version(host: &EnsembleServer, tls: Option<&Encryption>) -> std::io::Result<String> {
    match tls {
        Some(tls) => answer(tls.connect(host).await?).await,
        None => answer(TcpStream::connect((host.host.as_str(), host.port)).await?).await,
    }
}

/// The first line of the answer. Not every server ends the connection after it.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<String> {
    stream.write_all(b"srvr").await?;
    stream.flush().await?;
    let mut line = String::new();
    BufReader::new(stream)
        .take(ANSWER)
        .read_line(&mut line)
        .await?;
    Ok(line)
}

/// The release in `Zookeeper version: 3.8.0-…, built on …`.
fn release(answer: &str) -> Option<(u32, u32, u32)> {
    let text = answer.lines().next()?.strip_prefix("Zookeeper version: ")?;
    let numbers = text
        .split(|c: char| !c.is_ascii_digit() && c != '.')
        .next()?;
    let mut parts = numbers.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??, parts.next()??))
}

/// The data of a lock node: Curator writes the owner's IP address, so this is the local address
/// towards the registry. If there is none, the host name.
pub(super) async fn own_address(hosts: &[EnsembleServer], limit: Duration) -> String {
    for host in hosts {
        if let Ok(Ok(address)) = timeout(limit, address_towards(host)).await {
            return address;
        }
    }
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() {
        "unknown".to_owned()
    } else {
        name.trim().to_owned()
    }
}

/// Connecting a datagram socket sends nothing; it only chooses the local address.
async fn address_towards(host: &EnsembleServer) -> std::io::Result<String> {
    let target = tokio::net::lookup_host((host.host.as_str(), host.port))
        .await?
        .next();
    let target = target.ok_or(std::io::ErrorKind::AddrNotAvailable)?;
    let socket = UdpSocket::bind(if target.is_ipv4() {
        "0.0.0.0:0"
    } else {
        "[::]:0"
    })
    .await?;
    socket.connect(target).await?;
    Ok(socket.local_addr()?.ip().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_in_answers() {
        let of = |text: &str| {
            release(&format!(
                "Zookeeper version: {text}, built on 2024-10-17\nLatency min/avg/max: 0/0/0\n"
            ))
        };
        assert_eq!(
            of("3.8.0-5a02a05eddb59aee6ac762f7ea82e92a68eb9c0f"),
            Some((3, 8, 0))
        );
        assert_eq!(
            of("3.4.14-4c25d480e66aadd371de8bd2fd8da255ac140bcf"),
            Some((3, 4, 14))
        );
        assert_eq!(
            of("3.5.3-beta-8ce24f9e675cbefffb8f21a47e06b42864475a60"),
            Some((3, 5, 3))
        );
        assert_eq!(of("what"), None);
        assert_eq!(
            release("srvr is not executed because it is not in the whitelist.\n"),
            None
        );
        assert_eq!(release(""), None);
    }
}
