//! From settings to a cluster.

use std::path::Path;

use crate::config::{DbTarget, RegistryTarget, Settings};
use crate::failover::Cluster;
use crate::family::{Release, family_of};
use crate::metadata::MetadataStore;
use crate::metadata::database::{Database, DatabaseError};
use crate::metadata::mysql::MySqlDatabase;
use crate::metadata::postgres::PostgresDatabase;
use crate::metadata::sqlite::{OpenMode, SqliteDatabase};
use crate::model::VersionRange;
use crate::registry::jdbc::JdbcRegistry;
use crate::registry::zookeeper::{ZooKeeperRegistry, ZooKeeperSettings};
use crate::registry::{Registry, RegistryError};

use super::failure::CommandError;

/// What a command may do. A file is opened for no more than that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// One state of the database.
    Read,
    /// The newest state each time, and no writes.
    Look,
    Write,
}

/// Connects to both. Reading commands see one state of the database, and can write nothing to it.
pub(super) async fn cluster(settings: &Settings, access: Access) -> Result<Cluster, CommandError> {
    settings.registry()?;
    let store = store(settings, access).await?;
    match connected(settings, access, store).await {
        Ok(cluster) => Ok(cluster),
        Err((store, error)) => {
            store.close().await;
            Err(error)
        }
    }
}

async fn connected(
    settings: &Settings,
    access: Access,
    mut store: MetadataStore,
) -> Result<Cluster, (MetadataStore, CommandError)> {
    let opened = registry(settings, access, store.release()).await;
    let registry = match opened {
        Ok(registry) => registry,
        Err(error) => return Err((store, error)),
    };
    if access == Access::Read
        && let Err(error) = store.begin_reading().await
    {
        registry.close().await;
        return Err((store, error.into()));
    }
    Ok(Cluster { registry, store, zone: settings.time_zone.clone() })
}

/// Ends both connections; returns once the registry has answered.
pub(super) async fn close(cluster: Cluster) {
    cluster.registry.close().await;
    cluster.store.close().await;
}

async fn store(settings: &Settings, access: Access) -> Result<MetadataStore, CommandError> {
    let database = database(settings, settings.database()?, access).await?;
    Ok(MetadataStore::open(database, settings.ds_version).await?)
}

/// The release, from the database; without one, from `--ds-version` alone.
pub(super) async fn release(settings: &Settings) -> Result<Release, CommandError> {
    if let (None, Some(version)) = (&settings.db, settings.ds_version)
        && let Some(family) = family_of(version)
    {
        return Ok(Release { family, range: VersionRange::new(version, version), contradictions: Vec::new() });
    }
    let store = store(settings, Access::Read).await?;
    let release = store.release().clone();
    store.close().await;
    Ok(release)
}

/// Connects to the registry alone.
pub(super) async fn registry(
    settings: &Settings,
    access: Access,
    release: &Release,
) -> Result<Box<dyn Registry>, CommandError> {
    let layout = release.family.registry;
    match settings.registry()? {
        RegistryTarget::ZooKeeper(connect) => {
            let settings = ZooKeeperSettings {
                connect: connect.to_owned(),
                namespace: settings.namespace.clone(),
                digest: settings.zk_digest.as_ref().map(|digest| digest.expose().to_owned()),
                timeout: settings.timeout,
                session_timeout: settings.session_timeout,
                layout,
            };
            Ok(Box::new(ZooKeeperRegistry::connect(settings).await?))
        }
        RegistryTarget::Jdbc(target) => {
            let database = database(settings, target, access).await.map_err(as_registry)?;
            Ok(Box::new(JdbcRegistry::connect(database, settings.session_timeout, layout).await?))
        }
    }
}

/// The registry's own connection to the database.
fn as_registry(error: DatabaseError) -> RegistryError {
    match error {
        DatabaseError::Unreachable { endpoint, cause } => RegistryError::Unreachable { endpoint, cause },
        other => RegistryError::Unsupported(other.to_string()),
    }
}

async fn database(settings: &Settings, target: &DbTarget, access: Access) -> Result<Box<dyn Database>, DatabaseError> {
    let (timeout, statement) = (settings.timeout, settings.statement_timeout);
    Ok(match target {
        DbTarget::MySql(target) => Box::new(MySqlDatabase::connect(target, timeout, statement).await?),
        DbTarget::Postgres(target) => Box::new(PostgresDatabase::connect(target, timeout, statement).await?),
        DbTarget::Sqlite(file) => Box::new(sqlite(settings, file, access)?),
    })
}

fn sqlite(settings: &Settings, file: &Path, access: Access) -> Result<SqliteDatabase, DatabaseError> {
    let mode = if access == Access::Write { OpenMode::ReadWrite } else { OpenMode::ReadOnly };
    SqliteDatabase::open(file, mode, settings.timeout, settings.statement_timeout)
}
