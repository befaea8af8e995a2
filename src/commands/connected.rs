//! What commands report about a connection: the release, and what may be left behind.

use crate::cluster::{Cluster, Purpose, store};
use crate::config::{RegistryTarget, Settings};
use crate::exit_code::ExitCode;
use crate::failover::{FailoverError, Refusal, in_database};
use crate::family::{Release, family_of};
use crate::metadata::snapshot::SnapshotHead;
use crate::metadata::{MetadataStore, Writing};
use crate::output::Document;
use crate::registry::Registry;
use crate::stop::StopSignal;

use super::failure::CommandError;

/// The release, from the database, or without one only from `--ds-version`; it is put into the head
/// of the document. Also returns the evidence in the database that ZooKeeper is not the masters'
/// registry. If locks are rows of the database, checks first whether they can be written.
pub(super) async fn release(
    settings: &Settings,
    access: Purpose,
    stop: &StopSignal,
    document: &mut Document,
) -> Result<(Release, Option<Refusal>), CommandError> {
    if let (None, Some(version)) = (&settings.db, settings.ds_version)
        && family_of(version).is_some()
    {
        let release = Release::exact(version);
        head(document, &release);
        return Ok((release, None));
    }
    let target = settings.registry()?;
    let mut store = store(settings, Purpose::Read, stop).await?;
    let is_in_database = match target {
        RegistryTarget::ZooKeeper(_) => false,
        RegistryTarget::Jdbc(_) => true,
        RegistryTarget::Snapshot(_) => store.snapshot().is_some_and(SnapshotHead::is_in_database),
    };
    let registered_elsewhere = if is_in_database {
        Ok(None)
    } else {
        in_database(&mut store).await
    };
    let release = store.release().clone();
    head(document, &release);
    document
        .warnings
        .extend(store.snapshot().map(SnapshotHead::warning));
    document.warnings.extend(store.plain_text());
    let locks = access == Purpose::Write && matches!(target, RegistryTarget::Jdbc(_));
    let writable = if locks {
        check_locks(&mut store).await
    } else {
        Ok(())
    };
    store.close().await;
    writable.and(Ok((release, registered_elsewhere?)))
}

/// Refuses what would be done beside the tables, or for a cluster that lives, with a snapshot.
///
/// # Errors
/// The database is a snapshot; and those of the settings.
pub(super) fn refuse_snapshot(
    settings: &Settings,
    why: &'static str,
    hint: &'static str,
) -> Result<(), CommandError> {
    match settings.registry()? {
        RegistryTarget::Snapshot(file) => Err(CommandError::Other {
            error: anyhow::anyhow!("{} is a snapshot: {why}", file.display()),
            hint: hint.to_owned(),
            exit: ExitCode::Refused,
        }),
        RegistryTarget::ZooKeeper(_) | RegistryTarget::Jdbc(_) => Ok(()),
    }
}

/// Puts the release into the head of a document.
pub(super) fn head(document: &mut Document, release: &Release) {
    document.family = Some(release.family.label.to_owned());
    document.ds_version = release.version().map(|version| version.to_string());
    document
        .warnings
        .extend(release.contradictions.iter().cloned());
}

async fn check_locks(store: &mut MetadataStore) -> Result<(), CommandError> {
    store.identify_server(true).await?;
    let obstacle = store
        .obstacle(Writing {
            claims: false,
            commands: false,
            locks: true,
        })
        .await?;
    obstacle.map_or(Ok(()), |obstacle| {
        Err(FailoverError::from(Refusal::from(obstacle)).into())
    })
}

/// Closes both connections; returns once the registry has answered. Without an answer it returns a
/// warning about what may be left there.
pub(super) async fn close(cluster: Cluster) -> Option<String> {
    let left = close_registry(cluster.registry).await;
    cluster.store.close().await;
    left
}

/// Like [`close`], only for the registry.
pub(super) async fn close_registry(registry: Box<dyn Registry>) -> Option<String> {
    let (endpoint, limit) = (registry.endpoint().to_owned(), registry.session_timeout());
    (!registry.close().await).then(|| {
        format!(
            "the registry at {endpoint} has not confirmed the end of this session: a lock that it \
             requested may stay for about {}",
            super::times::short(limit)
        )
    })
}
