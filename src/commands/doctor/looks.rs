//! One look, or two.

use std::time::{Duration, Instant};

use super::args::{DoctorArgs, Profile};
use crate::cluster::Cluster;
use crate::commands::failure::CommandError;
use crate::commands::shell::Shell;
use crate::diagnosis::Snapshot;
use crate::failover::FailoverError;

/// Masters look for commands as often.
const A_MOMENT: Duration = Duration::from_secs(1);

/// What is not certain after one look is looked at twice.
pub(super) async fn settled(
    shell: &mut Shell<'_, '_>,
    cluster: &mut Cluster,
    arguments: &DoctorArgs,
) -> Result<Snapshot, CommandError> {
    let mut first = look(cluster, arguments.profile).await?;
    // In a file nothing moves.
    if first.slow.is_settled() || arguments.once || cluster.store.snapshot().is_some() {
        return Ok(first);
    }
    cluster.store.end_reading().await;
    let second = second_look(shell, cluster, &mut first, arguments).await;
    shell.printer.settled();
    match second {
        Ok(None) => Ok(first),
        Ok(Some(second)) => Ok(second.after(&first)),
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
    shell: &mut Shell<'_, '_>,
    cluster: &mut Cluster,
    first: &mut Snapshot,
    arguments: &DoctorArgs,
) -> Result<Option<Snapshot>, FailoverError> {
    let (began, settle) = (Instant::now(), arguments.settle);
    loop {
        if first.slow.is_settled() {
            return Ok(None);
        }
        let passed = began.elapsed().min(settle);
        let seconds = (passed.as_secs(), settle.as_secs());
        let what = "seconds until a second look: what has moved by then does not hang";
        shell.printer.progress(seconds.0, seconds.1, what);
        let left = settle.saturating_sub(passed);
        if left.is_zero() {
            break;
        }
        cluster.stop.pause(left.min(A_MOMENT)).await?;
        if first.slow.may_move() {
            match first.glance(cluster).await {
                Err(error @ FailoverError::Stopped(_)) => return Err(error),
                // The second look is on a new connection, if need be.
                Err(error) => tracing::debug!(%error, "a glance between two looks has failed"),
                Ok(()) => {}
            }
        }
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
