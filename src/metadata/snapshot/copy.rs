//! Which rows a snapshot has, and how they come into it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::Timestamp;

use super::file::SnapshotFile;
use super::masks;
use super::parts::{FORMAT, SnapshotError, SnapshotHead};
use crate::family::DefinitionKey;
use crate::metadata::database::{DatabaseError, Row, Value};
use crate::metadata::life::NEWEST;
use crate::metadata::rows;
use crate::metadata::statements::catalogue::column_types;
use crate::metadata::statements::queues::{GROUPS, QUEUE, SERIAL_QUEUE};
use crate::metadata::statements::snapshot::{ColumnKind, CopiedPart, SnapshotColumn};
use crate::metadata::store::{LOOK_UP, MetadataStore, WORKER_GROUPS};
use crate::model::InstanceId;

/// Tables of which all rows are read, if there are such tables; they are small.
const WHOLE: &[&str] = &["t_ds_version", WORKER_GROUPS, SERIAL_QUEUE];

/// What a snapshot is made of, besides the tables.
#[derive(Clone, Copy, Debug)]
pub struct SnapshotRequest<'a> {
    /// The new file.
    pub file: &'a Path,
    /// Whether values of parameters are kept.
    pub with_values: bool,
    /// `zookeeper` or `jdbc`.
    pub registry: &'a str,
    /// The registered masters: of each the newest instance shows that this is its database.
    pub masters: &'a [&'a str],
    /// The release, if the operator specified it.
    pub ds_version: Option<&'a str>,
    /// The masters' zone, if it is known.
    pub time_zone: Option<&'a str>,
    /// Why the registry may not be the masters', by what the database has.
    pub elsewhere: Option<&'a str>,
}

/// How many rows of a table were copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopiedTable {
    /// Its name.
    pub table: String,
    /// Its rows in the snapshot.
    pub rows: u64,
}

/// A snapshot whose tables are complete.
pub struct CopiedTables {
    file: SnapshotFile,
    head: SnapshotHead,
    tables: Vec<CopiedTable>,
}

impl std::fmt::Debug for CopiedTables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CopiedTables")
            .field("head", &self.head)
            .field("tables", &self.tables)
            .finish_non_exhaustive()
    }
}

impl CopiedTables {
    /// Adds what the registry had at this moment, and gives the file its name. Returns the tables of
    /// which rows were read.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn publish(
        self,
        taken_at: Timestamp,
        registry: String,
    ) -> Result<Vec<CopiedTable>, SnapshotError> {
        let Self {
            file,
            mut head,
            tables,
        } = self;
        head.taken_at = taken_at;
        // A structure of texts and numbers always serialises.
        let head = serde_json::to_string(&head).unwrap_or_default();
        file.publish(&[("head", head), ("registry", registry)])?;
        Ok(tables)
    }
}

impl MetadataStore {
    /// Copies what every command reads into a new file, which has no name yet. Nothing is written to
    /// the database; all is read in the transaction that is open.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub async fn copy_tables(
        &mut self,
        request: SnapshotRequest<'_>,
    ) -> Result<CopiedTables, SnapshotError> {
        if let Some(head) = &self.snapshot {
            return Err(SnapshotError::Again(head.database.clone()));
        }
        let newest = self.newest_times().await?;
        let database_time = newest.iter().find_map(|row| row.now);
        let columns = self.columns_of_tables().await?;
        let unreadable = unreadable(&columns);
        let file = SnapshotFile::create(request.file)?;
        let mut copier = Copier {
            store: self,
            file,
            columns,
            with_values: request.with_values,
            copied: BTreeMap::new(),
        };
        copier.create_tables()?;
        copier.copy_instances(request.masters).await?;
        copier.copy_relations().await?;
        copier.copy_tasks().await?;
        copier.copy_task_groups().await?;
        copier.copy_commands().await?;
        copier.copy_definitions().await?;
        for table in WHOLE {
            copier.copy(table, CopiedPart::Whole).await?;
        }
        let Copier { file, copied, .. } = copier;
        let tables = copied
            .into_iter()
            .map(|(table, rows)| CopiedTable { table, rows })
            .collect();
        let head = SnapshotHead {
            format: FORMAT,
            taken_at: Timestamp::now(),
            database: self.endpoint().to_owned(),
            registry: request.registry.to_owned(),
            ds_version: request.ds_version.map(str::to_owned),
            time_zone: request.time_zone.map(str::to_owned),
            with_values: request.with_values,
            elsewhere: request.elsewhere.map(str::to_owned),
            database_time,
            doubt: self.server.doubt().map(str::to_owned),
            hidden: self.hidden.clone(),
            unreadable,
        };
        Ok(CopiedTables { file, head, tables })
    }

    async fn columns_of_tables(&mut self) -> Result<ColumnsByTable, DatabaseError> {
        let query = column_types(self.database.dialect()).into();
        let mut columns = ColumnsByTable::new();
        let mut on_row = |row: Row| {
            let (Some(table), Some(name)) = (row.text(0), row.text(1)) else {
                return;
            };
            // Statements find tables by their small letters, and SQLite knows no others.
            if !table.chars().any(char::is_uppercase) {
                let column = SnapshotColumn {
                    name,
                    is_readable: row.int(2) == Some(1),
                    kind: ColumnKind::of(row.int(3)),
                };
                add(columns.entry(table).or_default(), column);
            }
        };
        self.each(&query, &mut on_row).await?;
        let instances = columns.get_mut(self.release.family.tables.instance);
        let written = self.statements().written_column();
        if let (Some(columns), Some(written)) = (instances, written) {
            add(columns, written);
        }
        Ok(columns)
    }
}

/// A site may have a column of the same name, in whatever letters.
fn add(columns: &mut Vec<SnapshotColumn>, column: SnapshotColumn) {
    let is_same = |other: &SnapshotColumn| other.name.eq_ignore_ascii_case(&column.name);
    if !columns.iter().any(is_same) {
        columns.push(column);
    }
}

/// By table.
type ColumnsByTable = BTreeMap<String, Vec<SnapshotColumn>>;

fn unreadable(columns: &ColumnsByTable) -> Vec<(String, String)> {
    let each = columns
        .iter()
        .flat_map(|(table, columns)| columns.iter().map(move |column| (table, column)));
    each.filter(|(_, column)| !column.is_readable)
        .map(|(table, column)| (table.clone(), column.name.clone()))
        .collect()
}

struct Copier<'a> {
    store: &'a mut MetadataStore,
    file: SnapshotFile,
    columns: ColumnsByTable,
    with_values: bool,
    /// Rows by table.
    copied: BTreeMap<String, u64>,
}

impl Copier<'_> {
    /// Makes every table of DolphinScheduler's: which there are, and their columns, tells the
    /// release.
    fn create_tables(&self) -> Result<(), SnapshotError> {
        let mut tables = self.columns.iter();
        tables.try_for_each(|(table, columns)| self.file.create_table(table, columns))
    }

    /// Those that have not ended; the newest, by whose times a zone is checked; those that a
    /// waiting command, or an error command of a recovery, is about; and one of each master.
    async fn copy_instances(&mut self, masters: &[&str]) -> Result<(), SnapshotError> {
        let table = self.store.release().family.tables.instance;
        self.copy(table, CopiedPart::Unended).await?;
        self.copy(table, CopiedPart::Newest(NEWEST)).await?;
        let mut others = BTreeSet::new();
        let keep = |_, _, instance| {
            others.insert(instance);
        };
        self.store.each_waiting(keep).await?;
        let query = self.store.statements().failed_recovery_commands();
        let instance = |row: &Row| rows::command_instance(row.int(1), row.text(2).as_deref());
        others.extend(self.store.collect(&query, instance).await?);
        if let Some(queues) = self.store.serial_queues().await? {
            others.extend(queues.queued);
        }
        if !masters.is_empty() {
            let query = self.store.statements().newest_of_hosts(masters);
            let of_masters = self.store.collect(&query, |row| row.int(0)).await?;
            others.extend(of_masters);
        }
        let others: Vec<InstanceId> = others.into_iter().collect();
        self.copy_with(table, "id", &others).await
    }

    /// Who belongs to whom, as far as one of them is in the snapshot, and then the other one, too,
    /// whatever became of it.
    async fn copy_relations(&mut self) -> Result<(), SnapshotError> {
        let Some(table) = self.store.relations else {
            return Ok(());
        };
        let family = self.store.release().family;
        let instances = family.tables.instance;
        let columns = [
            family.columns.relation_child,
            family.columns.relation_parent,
        ];
        let ids = self.file.distinct(instances, "id")?;
        for column in columns {
            self.copy_with(table, column, &ids).await?;
        }
        for column in columns {
            let others = self.file.distinct(table, column)?;
            let others: Vec<InstanceId> = others
                .into_iter()
                .filter(|id| ids.binary_search(id).is_err())
                .collect();
            self.copy_with(instances, "id", &others).await?;
        }
        Ok(())
    }

    async fn copy_tasks(&mut self) -> Result<(), SnapshotError> {
        let table = self.store.release().family.tables.task;
        self.copy(table, CopiedPart::OfUnended).await?;
        self.copy(table, CopiedPart::Newest(NEWEST)).await
    }

    /// The task groups, and who has a slot or waits for one, with those tasks, whatever became of them.
    async fn copy_task_groups(&mut self) -> Result<(), SnapshotError> {
        self.copy(GROUPS, CopiedPart::Whole).await?;
        if !self.store.readable.contains(GROUPS) {
            return Ok(());
        }
        self.copy(QUEUE, CopiedPart::With("status", &[-1, 1]))
            .await?;
        let tasks = self.file.distinct(QUEUE, "task_id")?;
        let table = self.store.release().family.tables.task;
        self.copy_with(table, "id", &tasks).await
    }

    async fn copy_commands(&mut self) -> Result<(), SnapshotError> {
        let tables = self.store.release().family.tables;
        self.copy(tables.command, CopiedPart::Whole).await?;
        self.copy(tables.error_command, CopiedPart::Whole).await
    }

    /// The definitions of all instances that are in the snapshot, with their schedules and projects.
    async fn copy_definitions(&mut self) -> Result<(), SnapshotError> {
        let family = self.store.release().family;
        let (tables, columns) = (&family.tables, &family.columns);
        let definitions = self.file.distinct(tables.instance, columns.definition)?;
        let key = if family.definition == DefinitionKey::Id {
            "id"
        } else {
            "code"
        };
        let main_and_log = [Some(tables.definition), tables.definition_log];
        for table in main_and_log.into_iter().flatten() {
            self.copy_with(table, key, &definitions).await?;
        }
        let key = columns.schedule_definition;
        self.copy_with(tables.schedule, key, &definitions).await?;
        self.copy(tables.project, CopiedPart::Whole).await
    }

    async fn copy_with(
        &mut self,
        table: &str,
        column: &str,
        numbers: &[i64],
    ) -> Result<(), SnapshotError> {
        for some in numbers.chunks(LOOK_UP) {
            self.copy(table, CopiedPart::With(column, some)).await?;
        }
        Ok(())
    }

    /// Copies rows as they arrive. A table that is not there, or may not be read, has none.
    async fn copy(&mut self, table: &str, part: CopiedPart<'_>) -> Result<(), SnapshotError> {
        let columns = self.columns.get(table).into_iter().flatten();
        let columns: Vec<&SnapshotColumn> = columns.filter(|column| column.is_readable).collect();
        if columns.is_empty() {
            return Ok(());
        }
        let query = self.store.statements().whole_rows(table, &columns, part);
        let names = columns.iter().map(|column| column.name.as_str()).collect();
        let is_masked: Vec<bool> = columns
            .iter()
            .map(|column| self.is_masked(column))
            .collect();
        let mut rows = RowsUnderWay {
            file: &mut self.file,
            table,
            columns: names,
            is_masked,
            waiting: Vec::new(),
            added: Ok(0),
        };
        self.store.each(&query, &mut |row| rows.take(row)).await?;
        rows.write();
        *self.copied.entry(table.to_owned()).or_default() += rows.added? as u64;
        Ok(())
    }

    fn is_masked(&self, column: &SnapshotColumn) -> bool {
        !self.with_values && column.kind == ColumnKind::Text && !masks::is_plain(&column.name)
    }
}

/// Rows on their way into a table of the file.
struct RowsUnderWay<'a> {
    file: &'a mut SnapshotFile,
    table: &'a str,
    columns: Vec<&'a str>,
    /// Of each column.
    is_masked: Vec<bool>,
    waiting: Vec<Row>,
    added: Result<usize, SnapshotError>,
}

/// So many are written at a time: each may be large.
const TOGETHER: usize = 100;

impl RowsUnderWay<'_> {
    fn take(&mut self, mut row: Row) {
        // What tells which server answers may stand behind the columns.
        row.0.truncate(self.columns.len());
        let values = row.0.iter_mut().zip(&self.is_masked);
        let masked = values.filter(|(_, is_masked)| **is_masked);
        masked.for_each(|(value, _)| mask(value));
        self.waiting.push(row);
        if self.waiting.len() == TOGETHER {
            self.write();
        }
    }

    /// After an error nothing more is written.
    fn write(&mut self) {
        if let Ok(count) = &mut self.added {
            match self.file.insert(self.table, &self.columns, &self.waiting) {
                Ok(more) => *count += more,
                Err(error) => self.added = Err(error),
            }
        }
        self.waiting.clear();
    }
}

fn mask(value: &mut Value) {
    if let Value::Text(text) = value {
        *text = masks::masked(text);
    }
}
