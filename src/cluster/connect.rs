//! Connects to a cluster with the settings.

use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};
use jiff::tz::TimeZone;
use tokio::time::timeout;

use crate::config::{ConfigError, DbTarget, RegistryTarget, Settings};
use crate::family::RegistryLayout;
use crate::metadata::database::{Database, DatabaseError};
use crate::metadata::mysql::MySqlDatabase;
use crate::metadata::postgres::PostgresDatabase;
use crate::metadata::snapshot::{SnapshotHead, SnapshotParts, read_parts};
use crate::metadata::sqlite::{OpenMode, SqliteDatabase};
use crate::metadata::{MetadataStore, StoreError};
use crate::model::Ensemble;
use crate::options::value::time_zone;
use crate::registry::jdbc::{JdbcRegistry, JdbcSettings};
use crate::registry::recorded::{RecordedRegistry, RegistryRecord};
use crate::registry::zookeeper::{GOODBYE, ZooKeeperSession, ZooKeeperSettings};
use crate::registry::{Registry, RegistryError};
use crate::stop::{StopSignal, Stopped};

use super::Cluster;
use super::primary::{Tried, accepting_writes};

/// How long to wait, after a stop was requested, for a session that is being opened.
const MOMENT: Duration = Duration::from_secs(1);

/// The access that a command needs. A file is opened for no more than that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Reads one state of the database.
    Read,
    /// Reads the newest state each time, without writes.
    Look,
    /// Writes.
    Write,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The metadata store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A signal.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl From<DatabaseError> for ConnectError {
    fn from(error: DatabaseError) -> Self {
        StoreError::from(error).into()
    }
}

impl ConnectError {
    fn is_stop(&self) -> bool {
        matches!(
            self,
            Self::Stopped(_)
                | Self::Registry(RegistryError::Stopped(_))
                | Self::Store(StoreError::Database(DatabaseError::Stopped(_)))
        )
    }
}

/// Connects to registry and database. Reading commands see one state of the database, and can write
/// nothing to it.
///
/// # Errors
/// [`ConnectError`]; by then no connection is open.
pub async fn cluster(
    settings: &Settings,
    access: Purpose,
    stop: &StopSignal,
) -> Result<Cluster, ConnectError> {
    let database = async {
        let mut store = store(settings, access, stop).await?;
        let begun = begin(&mut store, access).await;
        Ok::<_, ConnectError>((store, begun))
    };
    let layout = |(store, _): &(MetadataStore, _)| store.release().family.registry;
    let ((store, begun), registry) = both(settings, access, stop, database, layout).await?;
    let error = match (registry, begun) {
        (Ok(registry), Ok(())) => match two_servers(&*registry, &store) {
            None => {
                let recorded = store.snapshot().and_then(zone);
                return Ok(Cluster {
                    registry,
                    store,
                    zone: settings.time_zone.clone().or(recorded),
                    stop: stop.clone(),
                });
            }
            Some(error) => {
                registry.close().await;
                error.into()
            }
        },
        (Ok(registry), Err(error)) => {
            registry.close().await;
            error.into()
        }
        (Err(error), _) => error,
    };
    // After a stop was requested, closing the database is not waited for.
    if !error.is_stop() {
        store.close().await;
    }
    Err(error)
}

/// A registry inside the database has its own connection, to the same address. Its masters and
/// locks must not come from another server, which may lag behind.
fn two_servers(registry: &dyn Registry, store: &MetadataStore) -> Option<DatabaseError> {
    let (masters, tables) = (registry.server()?, store.server()?);
    let cause = format!(
        "the database's address leads to one server for the tables ({tables}), and to another one for the registry ({masters})"
    );
    let endpoint = store.endpoint().to_owned();
    (masters != tables).then_some(DatabaseError::Doubtful { endpoint, cause })
}

/// Refuses a replica, or a server that accepts no writes, before anything else is done, if writes
/// will rely on its data.
async fn begin(store: &mut MetadataStore, access: Purpose) -> Result<(), DatabaseError> {
    if access == Purpose::Read {
        store.begin_reading().await?;
    }
    store.identify_server(access == Purpose::Write).await
}

/// Does the work in the database, and connects to the registry at the same time, if both are
/// different servers. Only `layout`, which is taken from the database's answer, is needed for both.
///
/// Failures are reported as if the database had been first. By then no session is open; if only the
/// registry fails, the caller must close what came from the database.
///
/// # Errors
/// Those of `database`, and [`ConnectError`].
pub async fn both<T, E: From<ConnectError> + From<Stopped>>(
    settings: &Settings,
    access: Purpose,
    stop: &StopSignal,
    database: impl Future<Output = Result<T, E>>,
    layout: impl Fn(&T) -> RegistryLayout,
) -> Result<(T, Result<Box<dyn Registry>, ConnectError>), E> {
    // On the heap, so that whoever connects is small.
    let database = Box::pin(database);
    // Once, and before a file is open: whoever closes a file loses all locks on it.
    let target = settings.registry().map_err(ConnectError::from)?;
    if let (RegistryTarget::ZooKeeper(connect), Some(DbTarget::MySql(_) | DbTarget::Postgres(_))) =
        (target, &settings.db)
    {
        let zookeeper = zookeeper(settings, connect);
        let (answer, session) =
            at_once(database, Box::pin(ZooKeeperSession::open(&zookeeper)), stop).await?;
        let layout = layout(&answer);
        let registry =
            session.map(|session| interruptible(Box::new(session.registry(layout)), stop));
        return Ok((answer, registry));
    }
    let answer = stop.unless(database).await?;
    let registry = stop
        .unless(Box::pin(registry(
            settings,
            target,
            access,
            layout(&answer),
        )))
        .await;
    Ok((
        answer,
        registry.map(|registry| interruptible(registry, stop)),
    ))
}

fn interruptible(registry: Box<dyn Registry>, stop: &StopSignal) -> Box<dyn Registry> {
    Box::new(crate::registry::interruptible::InterruptibleRegistry::new(
        registry,
        stop.clone(),
    ))
}

async fn at_once<T, E: From<Stopped>>(
    database: impl Future<Output = Result<T, E>>,
    session: impl Future<Output = Result<ZooKeeperSession, RegistryError>>,
    stop: &StopSignal,
) -> Result<(T, Result<ZooKeeperSession, ConnectError>), E> {
    let (database, mut session) = (pin!(database), pin!(session));
    let first = match stop
        .unless(async { Ok(select(database, session.as_mut()).await) })
        .await
    {
        Ok(first) => first,
        Err(stopped) => {
            dismiss(session, MOMENT).await;
            return Err(stopped);
        }
    };
    match first {
        Either::Left((Ok(answer), session)) => {
            let mut session = session;
            let opened = stop.unless(async { Ok(session.as_mut().await) }).await;
            match opened {
                Ok(opened) => Ok((answer, opened.map_err(Into::into))),
                Err(stopped) => {
                    dismiss(session, MOMENT).await;
                    Ok((answer, Err(stopped)))
                }
            }
        }
        Either::Left((Err(error), session)) => {
            let dismissed = async {
                dismiss(session, GOODBYE).await;
                Ok::<(), Stopped>(())
            };
            stop.unless(dismissed).await?;
            Err(error)
        }
        Either::Right((session, database)) => match (stop.unless(database).await, session) {
            (Ok(answer), session) => Ok((answer, session.map_err(Into::into))),
            (Err(error), Ok(session)) => {
                session.close().await;
                Err(error)
            }
            (Err(error), Err(_)) => Err(error),
        },
    }
}

/// The server may be about to open a session that is no longer needed: it is closed then, like any
/// other. A silent server is waited for no longer than the limit.
async fn dismiss(
    session: impl Future<Output = Result<ZooKeeperSession, RegistryError>>,
    limit: Duration,
) {
    if let Ok(Ok(session)) = timeout(limit, session).await {
        session.close().await;
    }
}

/// Connects only to the metadata store.
///
/// # Errors
/// [`ConnectError`].
pub async fn store(
    settings: &Settings,
    access: Purpose,
    stop: &StopSignal,
) -> Result<MetadataStore, ConnectError> {
    let is_snapshot = matches!(settings.registry(), Ok(RegistryTarget::Snapshot(_)));
    let database = database(settings, settings.database()?, access).await?;
    let database = Box::new(crate::metadata::interruptible::InterruptibleDatabase::new(
        database,
        stop.clone(),
    ));
    let store = MetadataStore::open(database, settings.ds_version).await?;
    if store.snapshot().is_some() && !is_snapshot {
        // Its rows would be judged by another registry.
        let cause = "it has the tables of a snapshot and is not marked as one, as after a dump: use the snapshot's own file";
        return Err(DatabaseError::Unreachable {
            endpoint: store.endpoint().to_owned(),
            cause: cause.to_owned(),
        }
        .into());
    }
    Ok(store)
}

/// Connects only to the registry.
async fn registry(
    settings: &Settings,
    target: RegistryTarget<'_>,
    access: Purpose,
    layout: RegistryLayout,
) -> Result<Box<dyn Registry>, ConnectError> {
    match target {
        RegistryTarget::ZooKeeper(connect) => Ok(Box::new(
            ZooKeeperSession::open(&zookeeper(settings, connect))
                .await?
                .registry(layout),
        )),
        RegistryTarget::Jdbc(target) => {
            // If it cannot be reached, the cause is in the database, and reported as such.
            let database = database(settings, target, access).await?;
            let limits = JdbcSettings {
                timeout: settings.timeout,
                session_timeout: settings.session_timeout,
            };
            let mut registry = JdbcRegistry::connect(database, limits, layout).await?;
            registry.identify_server(access == Purpose::Write).await?;
            Ok(Box::new(registry))
        }
        RegistryTarget::Snapshot(file) => {
            let mut database = sqlite(settings, file, Purpose::Read)?;
            let parts = read_parts(&mut database).await?;
            Ok(Box::new(recorded(&parts, file)?))
        }
    }
}

/// The masters' zone, if it was known when a snapshot was taken.
fn zone(snapshot: &SnapshotHead) -> Option<TimeZone> {
    time_zone(snapshot.time_zone.as_deref()?).ok()
}

/// The registry of a snapshot.
fn recorded(parts: &SnapshotParts, file: &Path) -> Result<RecordedRegistry, DatabaseError> {
    let record = RegistryRecord::parse(&parts.registry);
    let record = record.map_err(|error| DatabaseError::Unreachable {
        endpoint: format!("sqlite:{}", file.display()),
        cause: format!("the snapshot's registry cannot be read: {error}"),
    })?;
    Ok(RecordedRegistry::new(
        record,
        parts.head.taken_at,
        file.to_owned(),
    ))
}

fn zookeeper(settings: &Settings, ensemble: &Ensemble) -> ZooKeeperSettings {
    ZooKeeperSettings {
        ensemble: ensemble.clone(),
        namespace: settings.namespace.clone(),
        digest: settings
            .zk_digest
            .as_ref()
            .map(|digest| digest.expose().to_owned()),
        sasl: settings.zk_sasl.clone(),
        tls: settings.zk_tls.clone(),
        timeout: settings.timeout,
        session_timeout: settings.session_timeout,
    }
}

/// Connects to a database. Where only a server that accepts writes is meant, each is tried in its order
/// until one does.
async fn database(
    settings: &Settings,
    target: &DbTarget,
    access: Purpose,
) -> Result<Box<dyn Database>, DatabaseError> {
    let Some(server) = target.server().filter(|server| server.primary_only) else {
        return open(settings, target, access).await;
    };
    let mut tried = Tried::default();
    for target in target.each() {
        let opened = match open(settings, &target, access).await {
            Ok(database) => accepting_writes(database).await,
            Err(error) => Err(error),
        };
        match opened {
            Ok(database) => return Ok(database),
            Err(stopped @ DatabaseError::Stopped(_)) => return Err(stopped),
            Err(error) => tried.add(&target.shown(), &error),
        }
    }
    Err(tried.error(server.endpoint()))
}

/// Connects to the first server. Where it wants a password and none was found, that is said: the
/// drivers send an empty one then, and the server calls it wrong.
async fn open(
    settings: &Settings,
    target: &DbTarget,
    access: Purpose,
) -> Result<Box<dyn Database>, DatabaseError> {
    let opened = open_server(settings, target, access).await;
    opened.map_err(|error| match error {
        DatabaseError::Unreachable { endpoint, cause }
            if target.password().is_none() && DENIALS.iter().any(|text| cause.contains(text)) =>
        {
            DatabaseError::Unreachable {
                endpoint,
                cause: format!("{cause}; no password is given (see --db-password-file)"),
            }
        }
        other => other,
    })
}

/// What MySQL and MariaDB, and PostgreSQL, say of a login that they refuse.
const DENIALS: [&str; 6] = [
    "Access denied",
    "password authentication failed",
    "LDAP authentication failed",
    "PAM authentication failed",
    "RADIUS authentication failed",
    "empty password returned",
];

async fn open_server(
    settings: &Settings,
    target: &DbTarget,
    access: Purpose,
) -> Result<Box<dyn Database>, DatabaseError> {
    let (timeout, statement) = (settings.timeout, settings.statement_timeout);
    Ok(match target {
        DbTarget::MySql(target) => {
            Box::new(MySqlDatabase::connect(target, timeout, statement).await?)
        }
        DbTarget::Postgres(target) => Box::new(
            PostgresDatabase::connect(target, timeout, statement, settings.time_zone.as_ref())
                .await?,
        ),
        DbTarget::Sqlite(file) => Box::new(sqlite(settings, file, access)?),
    })
}

fn sqlite(
    settings: &Settings,
    file: &Path,
    access: Purpose,
) -> Result<SqliteDatabase, DatabaseError> {
    let mode = if access == Purpose::Write {
        OpenMode::ReadWrite
    } else {
        OpenMode::ReadOnly
    };
    SqliteDatabase::open(file, mode, settings.timeout, settings.statement_timeout)
}
