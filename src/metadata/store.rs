//! The metadata store, which is the metadata database of one cluster: opening it, and every read.

use std::collections::BTreeSet;
use std::slice::Chunks;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::database::{Access, Database, DatabaseError, Dialect, OnRow, Row, Value};
use super::guarded::GuardedConnection;
use super::proxies::by_name;
use super::query::Query;
use super::rows;
use super::snapshot::{self, SnapshotHead};
use super::statements::queues::{
    GROUPS, QUEUE, SERIAL_QUEUE, may_read_serial_queues, may_read_task_groups,
};
use super::statements::registries::JdbcShape;
use super::statements::relations::may_read_relations;
use super::statements::snapshot::WRITTEN;
use super::statements::{OptionalColumns, RowLock, Statements, catalogue, registries};
use super::witness::{WitnessReader, Witnesses, mark, signed, witnessed};
use crate::family::{Catalogue, Claim, DetectError, Release, SERIAL_WAIT, detect};
use crate::model::{Instance, InstanceId, InstanceRow, ListedInstance, Version};

/// What went wrong while opening or reading the store. Nothing was written.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The schema is not that of a known release.
    #[error(transparent)]
    Schema(#[from] DetectError),
}

/// How many instances of interest a host has in a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostCount {
    /// Host as stored; `None` is SQL NULL.
    pub host: Option<String>,
    /// State code.
    pub state: i64,
    /// How many.
    pub count: i64,
}

/// Instances that were triggered, and that no master has taken up yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TriggeredInstances {
    /// Submitted, ids ascending.
    pub submitted: Vec<InstanceId>,
    /// Of serial workflows, in SERIAL_WAIT, ids ascending.
    pub serial: Vec<InstanceId>,
}

/// One cluster's metadata store.
#[derive(Debug)]
pub struct MetadataStore {
    pub(super) database: GuardedConnection,
    pub(super) release: Release,
    /// As the operator has specified.
    given: Option<Version>,
    pub(super) optional: OptionalColumns,
    jdbc_registry: Option<JdbcShape>,
    pub(super) has_mysql_registry: bool,
    /// Tables that not every release has, and not every user may read: those of which this one may
    /// read all rows, and what is looked for in them.
    pub(super) readable: BTreeSet<&'static str>,
    /// Those of them that are there, and that it may not read.
    closed: Vec<&'static str>,
    /// The table of parents and children, if this user may read it.
    pub(super) relations: Option<&'static str>,
    pub(super) server: Witnesses,
    /// Tables of which row level security shows this user only a part.
    pub(super) hidden: Vec<String>,
    /// What it says of itself, if it is a snapshot.
    pub(super) snapshot: Option<SnapshotHead>,
    /// How long one statement of a reading transaction may take in the server, if that is limited.
    reading_limit: Option<Duration>,
    /// When the server last answered.
    last_answer: Instant,
}

/// The table of the worker groups, in every release that has it.
pub(super) const WORKER_GROUPS: &str = "t_ds_worker_group";

/// No server or proxy closes a connection that was idle for this long.
const IDLE: Duration = Duration::from_secs(1);

/// Firewalls forget a connection that was idle, and what is sent on it from then on is dropped without a
/// word. A server that says nothing for so long to the simplest question is asked on a new one.
const SILENCE: Duration = Duration::from_secs(10);

/// Ids in the `IN (...)` list of one look-up statement.
pub(super) const LOOK_UP: usize = 1000;

impl MetadataStore {
    /// Reads the schema and finds the release.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open(
        database: Box<dyn Database>,
        given: Option<Version>,
    ) -> Result<Self, StoreError> {
        let mut database = GuardedConnection::new(database);
        let mut server = Witnesses::default();
        let SeenTables {
            catalogue,
            hidden,
            snapshot,
        } = read_catalogue(database.ready().await, &mut server).await?;
        let stated = snapshot.as_ref().and_then(|head| head.ds_version.as_ref());
        let given = given.or(stated.and_then(|text| text.parse().ok()));
        let release = detect(&catalogue, given)?;
        check_whole_tables(database.ready().await, &release).await?;
        let optional = optional_columns(&catalogue, &release);
        let jdbc_registry = jdbc_shape(&catalogue);
        let may_read = [
            (WORKER_GROUPS, may_read_worker_groups(&catalogue)),
            (
                GROUPS,
                may_read_task_groups(&catalogue) && !are_hidden(&hidden, &[QUEUE]),
            ),
            (SERIAL_QUEUE, may_read_serial_queues(&catalogue)),
            (
                release.family.tables.schedule,
                may_read_schedules(&catalogue, &release),
            ),
        ];
        let readable = may_read
            .into_iter()
            .filter(|(table, may)| *may && !are_hidden(&hidden, &[*table]))
            .map(|(table, _)| table)
            .collect();
        let is_closed = |table: &&'static str| {
            are_hidden(&hidden, &[*table])
                || (catalogue.has(table, "id") && !catalogue.may_read(table, "id"))
        };
        let closed = [GROUPS, QUEUE, SERIAL_QUEUE]
            .into_iter()
            .filter(is_closed)
            .collect();
        let relations = Some(release.family.tables.relation).filter(|table| {
            may_read_relations(&catalogue, release.family) && !are_hidden(&hidden, &[table])
        });
        let has_mysql_registry = database.dialect() == Dialect::MySql
            && catalogue.has("t_ds_mysql_registry_data", "last_update_time");
        Ok(Self {
            database,
            release,
            given,
            optional,
            jdbc_registry,
            has_mysql_registry,
            readable,
            closed,
            relations,
            server,
            hidden,
            snapshot,
            reading_limit: None,
            last_answer: Instant::now(),
        })
    }

    /// Checks that the tables are still those of the detected release: an upgrade breaks no
    /// connection, and may leave every statement valid, while locks and commands are different.
    ///
    /// # Errors
    /// [`DetectError::Upgraded`], and as [`MetadataStore::open`].
    pub async fn ensure_same_release(&mut self) -> Result<(), StoreError> {
        let SeenTables { catalogue, .. } =
            read_catalogue(self.database.ready().await, &mut self.server).await?;
        let now = detect(&catalogue, self.given)?;
        let columns = optional_columns(&catalogue, &now);
        if (now.family.id, now.range, columns)
            == (self.release.family.id, self.release.range, self.optional)
        {
            return Ok(());
        }
        Err(DetectError::Upgraded {
            before: self.release.range,
            now: now.range,
        }
        .into())
    }

    /// Asks the server for its identity. If writes will rely on what is read, every later answer
    /// must come from this server, too, and it must accept writes; otherwise
    /// [`MetadataStore::warnings`] says what is wrong.
    ///
    /// # Errors
    /// [`DatabaseError`]; [`DatabaseError::Doubtful`]: a replica or a read-only server answers.
    pub async fn identify_server(&mut self, must_write: bool) -> Result<(), DatabaseError> {
        self.server.must_write = must_write;
        if !must_write {
            // What was read so far may come from a replica: from now on answers are compared with
            // this server.
            self.server.forget();
        }
        self.query_identity().await
    }

    /// To be called after an idle time: servers and proxies close connections that are idle for
    /// long. If that has happened, a new one is opened, which must lead to the same server. Not
    /// within a transaction.
    ///
    /// # Errors
    /// [`DatabaseError`]; [`DatabaseError::Doubtful`]: another server answers now.
    pub async fn reconnect_if_closed(&mut self) -> Result<(), DatabaseError> {
        if self.last_answer.elapsed() < IDLE {
            return Ok(());
        }
        // In a file nothing is ever closed.
        let limit = if self.database.dialect() == Dialect::Sqlite {
            Duration::MAX
        } else {
            SILENCE
        };
        match tokio::time::timeout(limit, self.query_identity()).await {
            Ok(Err(DatabaseError::Lost { cause, .. })) => {
                tracing::debug!(cause, "the connection was closed while it was idle");
            }
            Ok(answer) => return answer,
            Err(_) => tracing::debug!("the connection is silent after it was idle"),
        }
        self.database.reconnect().await?;
        self.query_identity().await
    }

    pub(super) async fn query_identity(&mut self) -> Result<(), DatabaseError> {
        let answer = ask(self.database.ready().await, &mut self.server).await;
        self.last_answer = Instant::now();
        answer
    }

    /// Passes on the rows of a statement that locks them, each of which must be signed by the
    /// server that was met.
    ///
    /// # Errors
    /// [`DatabaseError`]; [`DatabaseError::Doubtful`] if one is not. Nothing may rely on rows
    /// passed on before.
    pub(super) async fn signed(
        &mut self,
        query: &Query,
        on_row: OnRow<'_>,
    ) -> Result<(), DatabaseError> {
        signed_by(self.database.ready().await, &mut self.server, query, on_row).await
    }

    /// Which server answered last, if known.
    #[must_use]
    pub fn server(&self) -> Option<&str> {
        self.server.known()
    }

    /// What it says of itself, if it is a snapshot.
    #[must_use]
    pub fn snapshot(&self) -> Option<&SnapshotHead> {
        self.snapshot.as_ref()
    }

    /// What makes the answers unreliable or incomplete.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let hidden = (!self.hidden.is_empty()).then(|| {
            format!(
                "row level security hides rows of {} from this user, or may do so: what it hides \
                 is neither seen nor handed over; a user that sees all rows has BYPASSRLS or owns \
                 the tables",
                self.hidden.join(", ")
            )
        });
        let all = [
            self.snapshot().map(SnapshotHead::warning),
            self.doubt().map(str::to_owned),
            hidden,
        ];
        all.into_iter().flatten().collect()
    }

    /// Tables of queues and groups that are there, and that this user may not read.
    #[must_use]
    pub fn closed_tables(&self) -> &[&'static str] {
        &self.closed
    }

    /// Why the server that answers may have old data, or only some of it.
    #[must_use]
    pub fn doubt(&self) -> Option<&str> {
        let recorded = self.snapshot().and_then(|head| head.doubt.as_deref());
        self.server.doubt().or(recorded)
    }

    /// The release that was found.
    #[must_use]
    pub fn release(&self) -> &Release {
        &self.release
    }

    /// Its address for display.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        self.database.endpoint()
    }

    /// A warning that the connection is not encrypted although that was tried, with the cause.
    #[must_use]
    pub fn plain_text(&self) -> Option<String> {
        let why = self.database.why_plain()?;
        let off = if self.database.dialect() == Dialect::Postgres {
            "sslmode=disable"
        } else {
            "ssl-mode=disabled"
        };
        let endpoint = self.endpoint();
        Some(format!(
            "the connection to the database {endpoint} is not encrypted: {why}; fix that, or set \
             {off} in --db to accept it"
        ))
    }

    pub(super) fn statements(&self) -> Statements<'_> {
        Statements::new(&self.release, self.database.dialect(), self.optional).at(self.present())
    }

    /// The present of the database that a snapshot was taken of.
    fn present(&self) -> Option<Timestamp> {
        let head = self.snapshot.as_ref()?;
        Some(head.database_time.unwrap_or(head.taken_at))
    }

    /// Closes the connection.
    pub async fn close(self) {
        self.database.close().await;
    }

    /// Ids as one statement may name them: some in MySQL, and elsewhere all, if there are any.
    pub(super) fn portions<'a>(&self, ids: &'a [i64]) -> Chunks<'a, i64> {
        let at_once = match self.database.dialect() {
            Dialect::MySql => LOOK_UP,
            Dialect::Postgres | Dialect::Sqlite => ids.len().max(1),
        };
        ids.chunks(at_once)
    }

    /// Starts a transaction that sees one state of the database and can write nothing.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn begin_reading(&mut self) -> Result<(), DatabaseError> {
        let limit = self.reading_limit.unwrap_or(Duration::ZERO);
        let database = self.database.ready().await;
        database.begin(Access::Read, limit).await
    }

    /// Limits how long one statement of the reading transactions from now on may go on in the server,
    /// also after nobody waits for its answer any more.
    pub fn limit_reading(&mut self, limit: Option<Duration>) {
        self.reading_limit = limit;
    }

    /// The same after an idle time, in which the connection may have been closed.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn begin_reading_anew(&mut self) -> Result<(), DatabaseError> {
        self.reconnect_if_closed().await?;
        self.begin_reading().await
    }

    /// Ends it. What is read then is of the moment of each read.
    pub async fn end_reading(&mut self) {
        self.database.ready().await.rollback().await;
    }

    /// Whether row level security hides rows of one of these tables from this user.
    #[must_use]
    pub fn hides(&self, tables: &[&str]) -> bool {
        are_hidden(&self.hidden, tables)
    }

    /// How many unfinished or claimed instances each host has. One scan.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn host_counts(&mut self) -> Result<Vec<HostCount>, DatabaseError> {
        let query = self.statements().host_counts();
        let read = |row: &Row| {
            Some(HostCount {
                host: row.text(0),
                state: row.int(1)?,
                count: row.int(2)?,
            })
        };
        self.collect(&query, read).await
    }

    /// Whether any instance, running or ended, names one of these hosts. Stops at the first one
    /// found.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn names_any(&mut self, hosts: &[&str]) -> Result<bool, DatabaseError> {
        let query = self.statements().naming_any(hosts);
        Ok(!self.collect(&query, |row| row.int(0)).await?.is_empty())
    }

    /// Instances that were triggered, and that no master has taken up yet: from 3.3 on they are
    /// there before their command is taken (`AbstractWorkflowTrigger`), and in serial workflows before
    /// there is one. None in releases whose masters make the instance, and where this user may not see
    /// every command. One scan.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn triggered(&mut self) -> Result<TriggeredInstances, DatabaseError> {
        let mut triggered = TriggeredInstances::default();
        let commands = self.release.family.tables.command;
        if !self.release.family.starts_at_trigger || self.hides(&[commands]) {
            return Ok(triggered);
        }
        let query = self.statements().triggered();
        let mut on_row = |row: Row| match (row.int(0), row.int(1)) {
            (Some(id), Some(SERIAL_WAIT)) => triggered.serial.push(id),
            (Some(id), _) => triggered.submitted.push(id),
            _ => {}
        };
        self.each(&query, &mut on_row).await?;
        Ok(triggered)
    }

    /// Claimed instances, ids ascending. One scan.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn claimed(&mut self) -> Result<Vec<Instance>, DatabaseError> {
        let query = self.statements().claimed();
        let claim = self.release.family.claim;
        self.collect(&query, |row| {
            rows::instance(row).filter(|row| claim.is_on(row))
        })
        .await
    }

    /// Passes on every unfinished or claimed instance, ids ascending; with a host, only those of
    /// exactly that host.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn each_listed(
        &mut self,
        host: Option<&str>,
        mut on_instance: impl FnMut(ListedInstance) + Send,
    ) -> Result<(), DatabaseError> {
        let query = self.statements().listed(host);
        let mut on_row = |row: Row| {
            let listed = rows::listed(&row);
            if let Some(listed) =
                listed.filter(|row| host.is_none() || row.instance.host.as_deref() == host)
            {
                on_instance(listed);
            }
        };
        self.each(&query, &mut on_row).await
    }

    /// Instances by id, ids ascending within each thousand of those given. Not locked.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn by_ids(&mut self, ids: &[InstanceId]) -> Result<Vec<Instance>, DatabaseError> {
        let mut found = Vec::new();
        for some in ids.chunks(LOOK_UP) {
            let query = self.statements().by_ids(some);
            found.extend(self.collect(&query, rows::instance).await?);
        }
        Ok(found)
    }

    /// Whole rows of a batch by id, ids ascending. Not locked.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn rows_by_ids(
        &mut self,
        ids: &[InstanceId],
    ) -> Result<Vec<InstanceRow>, DatabaseError> {
        let query = self.statements().rows_by_ids(ids, RowLock::None);
        self.collect(&query, rows::instance_row).await
    }

    /// Masters that keep themselves registered in this database's JDBC registry, if it has one:
    /// those whose last heartbeat is younger than `limit` by the database's own clock; the local
    /// clock does not matter. They show that the cluster's registry is not ZooKeeper.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn jdbc_masters(&mut self, limit: Duration) -> Result<Vec<String>, DatabaseError> {
        let Some(shape) = self.jdbc_registry else {
            return Ok(Vec::new());
        };
        let limit = i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
        let read = |row: &Row| {
            row.int(1)
                .filter(|age| *age < limit)
                .and_then(|_| row.text(0))
        };
        let query = registries::jdbc_masters(self.database.dialect(), shape);
        self.collect(&query, read).await
    }

    /// Keys of living masters in the MySQL registry of 3.1, which may be in this database.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn mysql_registry_masters(
        &mut self,
        limit: Duration,
    ) -> Result<Vec<String>, DatabaseError> {
        if !self.has_mysql_registry {
            return Ok(Vec::new());
        }
        let limit = i64::try_from(limit.as_secs()).unwrap_or(i64::MAX);
        let read = |row: &Row| {
            row.int(1)
                .filter(|age| *age < limit)
                .and_then(|_| row.text(0))
        };
        self.collect(&registries::MYSQL_REGISTRY_MASTERS.into(), read)
            .await
    }

    pub(super) async fn collect<T: Send>(
        &mut self,
        query: &Query,
        read: impl Fn(&Row) -> Option<T> + Send + Sync,
    ) -> Result<Vec<T>, DatabaseError> {
        let mut found = Vec::new();
        self.each(query, &mut |row| found.extend(read(&row)))
            .await?;
        Ok(found)
    }

    /// Passes on each row of an answer that comes from this server, current and complete.
    ///
    /// # Errors
    /// [`DatabaseError`]; [`DatabaseError::Doubtful`] if it is not. Nothing may rely on rows passed
    /// on before.
    pub(super) async fn each(
        &mut self,
        query: &Query,
        on_row: OnRow<'_>,
    ) -> Result<(), DatabaseError> {
        let answer = each_of(self.database.ready().await, &mut self.server, query, on_row).await;
        self.last_answer = Instant::now();
        answer
    }
}

/// Asks the server for its identity. The statement has the form of one that locks rows, which a
/// proxy does not route to a replica; no row is locked.
///
/// # Errors
/// [`DatabaseError`]; [`DatabaseError::Doubtful`].
pub(crate) async fn ask(
    database: &mut dyn Database,
    server: &mut Witnesses,
) -> Result<(), DatabaseError> {
    match database.dialect() {
        Dialect::MySql => {
            signed_by(
                database,
                server,
                &"SELECT NULL FROM DUAL FOR UPDATE".into(),
                &mut |_| (),
            )
            .await
        }
        _ => each_of(database, server, &"SELECT NULL".into(), &mut |_| ()).await,
    }
}

async fn signed_by(
    database: &mut dyn Database,
    server: &mut Witnesses,
    query: &Query,
    on_row: OnRow<'_>,
) -> Result<(), DatabaseError> {
    let (drawn, dialect) = (mark(), database.dialect());
    let Some(query) = database
        .witness()
        .and_then(|witness| signed(query, &witness, &drawn, dialect))
    else {
        return database.query(query, on_row).await;
    };
    let mut said: BTreeSet<String> = BTreeSet::new();
    let mut on_each = |row: Row| {
        said.insert(
            row.0
                .last()
                .and_then(Value::as_text)
                .unwrap_or_default()
                .to_owned(),
        );
        on_row(row);
    };
    database.query(&query, &mut on_each).await?;
    for said in said {
        server.verify(Some(WitnessReader::of(&drawn, said)), database.endpoint())?;
    }
    Ok(())
}

/// Like [`MetadataStore::each`].
pub(crate) async fn each_of(
    database: &mut dyn Database,
    server: &mut Witnesses,
    query: &Query,
    on_row: OnRow<'_>,
) -> Result<(), DatabaseError> {
    let reader = hear(database, query, on_row).await?;
    match server.verify(reader, database.endpoint()) {
        Err(error) => Err(by_name(database, error).await),
        verified => verified,
    }
}

/// Passes on an answer's own rows, and returns its witness; `None` if nothing can stand in between.
pub(super) async fn hear(
    database: &mut dyn Database,
    query: &Query,
    on_row: OnRow<'_>,
) -> Result<Option<WitnessReader>, DatabaseError> {
    let (drawn, dialect) = (mark(), database.dialect());
    let Some(query) = database
        .witness()
        .and_then(|witness| witnessed(query, &witness, &drawn, dialect))
    else {
        return database.query(query, on_row).await.map(|()| None);
    };
    let mut reader = WitnessReader::new(drawn);
    let mut on_each = |row| reader.take(row).into_iter().for_each(&mut *on_row);
    database.query(&query, &mut on_each).await?;
    Ok(Some(reader))
}

impl Claim {
    /// Whether an instance carries this mark. Texts are compared exactly.
    #[must_use]
    pub fn is_on(self, instance: &Instance) -> bool {
        match self {
            Self::Host(text) => instance.host.as_deref() == Some(text),
            Self::State(code) => instance.state == Some(code),
        }
    }
}

/// Whether one of these tables is among those with hidden rows.
fn are_hidden(hidden: &[String], tables: &[&str]) -> bool {
    hidden.iter().any(|table| tables.contains(&&**table))
}

/// What the catalogue shows.
struct SeenTables {
    catalogue: Catalogue,
    /// Tables with rows hidden by row level security.
    hidden: Vec<String>,
    snapshot: Option<SnapshotHead>,
}

async fn read_catalogue(
    database: &mut dyn Database,
    server: &mut Witnesses,
) -> Result<SeenTables, DatabaseError> {
    let (mut seen, mut hidden) = (Catalogue::default(), Vec::new());
    seen.hides = database.dialect() == Dialect::MySql;
    let query = catalogue::catalogue(database.dialect()).into();
    let mut on_row = |row: Row| {
        if let (Some(table), Some(column)) = (row.text(0), row.text(1)) {
            seen.note(&table, &column, row.int(2) == Some(1));
            if row.int(3) == Some(1) && hidden.last() != Some(&table) {
                hidden.push(table.clone());
            }
            if row.int(4) == Some(1) {
                seen.note_covered(&table);
            }
        }
    };
    each_of(database, server, &query, &mut on_row).await?;
    if seen.may_read_versions() {
        let mut versions = Vec::new();
        each_of(database, server, &catalogue::VERSIONS.into(), &mut |row| {
            versions.extend(row.text(0));
        })
        .await?;
        seen.versions = versions;
    }
    let mut snapshot = None;
    if database.dialect() == Dialect::Sqlite && seen.has_table(snapshot::TABLE) {
        let head = snapshot::read_parts(database).await?.head;
        for (table, column) in &head.unreadable {
            seen.note(table, column, false);
        }
        hidden.clone_from(&head.hidden);
        snapshot = Some(head);
    }
    Ok(SeenTables {
        catalogue: seen,
        hidden,
        snapshot,
    })
}

/// MySQL shows a column only to users with a privilege on it, and some releases are distinguished
/// by missing columns. A user who may read whole tables sees all of their columns.
async fn check_whole_tables(
    database: &mut dyn Database,
    release: &Release,
) -> Result<(), StoreError> {
    if database.dialect() != Dialect::MySql {
        return Ok(());
    }
    match database
        .query(&catalogue::whole_tables(release.family), &mut |_| ())
        .await
    {
        Err(DatabaseError::Refused {
            cause, busy: false, ..
        }) => Err(DetectError::HalfClosed(cause).into()),
        other => Ok(other?),
    }
}

/// The shape of the JDBC registry's tables, if there are any.
fn jdbc_shape(catalogue: &Catalogue) -> Option<JdbcShape> {
    const DATA: &str = "t_ds_jdbc_registry_data";
    let has_clients = catalogue.has_table("t_ds_jdbc_registry_client_heartbeat");
    if has_clients && catalogue.has(DATA, "client_id") {
        Some(JdbcShape::OfClients)
    } else if catalogue.has(DATA, "last_term") {
        Some(JdbcShape::OfEntries)
    } else {
        None
    }
}

fn may_read_schedules(catalogue: &Catalogue, release: &Release) -> bool {
    let family = release.family;
    catalogue.may_read(family.tables.schedule, family.columns.schedule_definition)
}

fn may_read_worker_groups(catalogue: &Catalogue) -> bool {
    let columns = ["name", "addr_list"];
    columns
        .iter()
        .all(|column| catalogue.may_read(WORKER_GROUPS, column))
}

fn optional_columns(catalogue: &Catalogue, release: &Release) -> OptionalColumns {
    let tables = &release.family.tables;
    let columns = &release.family.columns;
    let there =
        |table, column: Option<&'static str>| column.filter(|column| catalogue.has(table, column));
    OptionalColumns {
        restart_time: there(tables.instance, columns.restart_time),
        state_history: there(tables.instance, columns.state_history),
        test_flag: there(tables.instance, columns.test_flag),
        schedule_zone: there(tables.schedule, columns.schedule_zone),
        submit_time: there(tables.task, Some("submit_time")),
        next_instance: there(tables.instance, Some("next_process_instance_id")),
        worker_group: Some("worker_group").filter(|name| catalogue.may_read(tables.task, name)),
        written: there(tables.instance, Some(WRITTEN)),
    }
}
