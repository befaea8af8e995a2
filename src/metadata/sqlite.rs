//! SQLite, inside this program: the database of demos and rehearsals.
//!
//! Calls block the thread. That is fine here: the file is local, and every wait is bounded by the
//! two timeouts.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, Statement, ToSql, ffi, params_from_iter};

use super::database::{Access, Database, DatabaseError, Dialect, OnRow, Row, Value, Written};
use super::query::Query;
use super::transaction::Transaction;

/// How many steps of SQLite's virtual machine lie between two checks of the clock: well below a
/// millisecond.
const STEPS_BETWEEN_LOOKS: i32 = 10_000;

/// SQLite counts milliseconds in 31 bits.
const LONGEST_WAIT: Duration = Duration::from_millis(2_147_483_647);

/// A transaction that outgrows the cache would lock the whole file long before COMMIT, and this
/// program's other connection, the registry's, could not even read. A batch has a bounded size.
const KEEP_IN_MEMORY: &str = "PRAGMA cache_spill = OFF";

/// How the file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// Only reading; no file is created next to it either.
    ReadOnly,
    /// Reading and writing an existing file.
    ReadWrite,
    /// As `ReadWrite`; a missing file is created.
    Create,
}

/// A SQLite file.
pub struct SqliteDatabase {
    endpoint: String,
    file: PathBuf,
    mode: OpenMode,
    timeout: Duration,
    statement_timeout: Duration,
    connection: Connection,
    transaction: Transaction,
}

impl SqliteDatabase {
    /// Opens a file. `timeout` is how long a statement waits for another process's lock,
    /// `statement_timeout` how long it may run.
    ///
    /// # Errors
    /// [`DatabaseError::Unreachable`]: no such file (unless it may be created), a folder, not a
    /// SQLite file, no permission, locked for longer than `timeout`.
    pub fn open(
        path: &Path,
        mode: OpenMode,
        timeout: Duration,
        statement_timeout: Duration,
    ) -> Result<Self, DatabaseError> {
        let endpoint = format!("sqlite:{}", path.display());
        let unreachable = |cause| DatabaseError::Unreachable {
            endpoint: endpoint.clone(),
            cause,
        };
        // SQLite treats `file:…` and `:memory:` specially; an absolute path is always a file.
        let file = std::path::absolute(path).map_err(|error| unreachable(error.to_string()))?;
        let connection = connect(&file, mode, timeout).map_err(unreachable)?;
        // A file that vanishes later must not come back as an empty one.
        let mode = if mode == OpenMode::Create {
            OpenMode::ReadWrite
        } else {
            mode
        };
        let transaction = Transaction::None;
        Ok(Self {
            endpoint,
            file,
            mode,
            timeout,
            statement_timeout,
            connection,
            transaction,
        })
    }

    fn refused(&self, cause: impl Into<String>) -> DatabaseError {
        DatabaseError::Refused {
            endpoint: self.endpoint.clone(),
            cause: cause.into(),
            busy: false,
        }
    }

    fn failure(&self, error: &rusqlite::Error) -> DatabaseError {
        let (endpoint, cause) = (self.endpoint.clone(), server_message(error));
        match kind(error) {
            SqliteErrorClass::Lost => DatabaseError::Lost { endpoint, cause },
            SqliteErrorClass::UniqueViolation { primary } => DatabaseError::UniqueViolation {
                endpoint,
                cause,
                primary,
            },
            SqliteErrorClass::Busy => DatabaseError::Refused {
                endpoint,
                cause,
                busy: true,
            },
            SqliteErrorClass::Refused => DatabaseError::Refused {
                endpoint,
                cause,
                busy: false,
            },
        }
    }

    /// From now on the clock runs for one statement.
    fn start_clock(&mut self) -> rusqlite::Result<()> {
        let (started, limit) = (Instant::now(), self.statement_timeout);
        self.connection
            .progress_handler(STEPS_BETWEEN_LOOKS, Some(move || started.elapsed() > limit))
    }

    /// Runs `work` as a statement: not in a failed transaction, and an error makes it a failed one.
    fn statement<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, DatabaseError> {
        if let Some(cause) = self.transaction.bars_statement() {
            return Err(self.refused(cause));
        }
        let started = self.start_clock();
        started
            .and_then(|()| work(&self.connection))
            .map_err(|error| {
                self.transaction = self.transaction.after_error();
                self.failure(&error)
            })
    }

    /// Ends the transaction for SQLite, whatever state it is in. Some errors have ended it already.
    fn undo(&mut self) {
        self.transaction = Transaction::None;
        let rollback = if self.connection.is_autocommit() {
            ""
        } else {
            "ROLLBACK;"
        };
        let sql = format!("{rollback} PRAGMA query_only = OFF");
        if let Err(error) = self
            .start_clock()
            .and_then(|()| self.connection.execute_batch(&sql))
        {
            // If it stays open or read-only, SQLite refuses the next statement.
            tracing::debug!("{}: {error}", self.endpoint);
        }
    }
}

#[async_trait]
impl Database for SqliteDatabase {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn endpoint(&self) -> &str {
        &self.endpoint
    }

    async fn query(&mut self, query: &Query, on_row: OnRow<'_>) -> Result<(), DatabaseError> {
        make_way().await;
        self.statement(|connection| {
            read_rows(
                &mut connection.prepare(query.sql())?,
                query.values(),
                on_row,
            )
        })
    }

    async fn execute(&mut self, query: &Query) -> Result<Written, DatabaseError> {
        self.statement(|connection| {
            let before = connection.total_changes();
            let rows = connection
                .prepare(query.sql())?
                .execute(params_from_iter(query.values()))?;
            // SQLite counts the rows of the last INSERT, UPDATE or DELETE even when this statement
            // was something else.
            let rows = if connection.total_changes() == before {
                0
            } else {
                rows
            };
            Ok(Written {
                rows: u64::try_from(rows).unwrap_or(u64::MAX),
                insert_id: connection.last_insert_rowid(),
            })
        })
    }

    /// There is no server: a frozen process keeps the file's lock until it ends, whatever
    /// `_idle_limit` says.
    async fn begin(&mut self, access: Access, _idle_limit: Duration) -> Result<(), DatabaseError> {
        make_way().await;
        if let Some(cause) = self.transaction.bars_begin() {
            return Err(self.refused(cause));
        }
        let begin = match access {
            Access::Read => "PRAGMA query_only = ON; BEGIN DEFERRED",
            Access::Write => "BEGIN IMMEDIATE",
        };
        let outcome = self.statement(|connection| connection.execute_batch(begin));
        match outcome {
            Ok(()) => self.transaction = Transaction::Open,
            Err(_) => self.undo(),
        }
        outcome
    }

    async fn commit(&mut self) -> Result<(), DatabaseError> {
        let committed = match self.transaction.bars_commit() {
            Some(cause) => Err(self.refused(cause)),
            None => self.statement(|connection| connection.execute_batch("COMMIT")),
        };
        // A COMMIT that meets a lock leaves the transaction open.
        self.undo();
        committed
    }

    async fn rollback(&mut self) {
        self.undo();
    }

    async fn reconnect(&mut self) -> Result<(), DatabaseError> {
        self.undo();
        let connection = connect(&self.file, self.mode, self.timeout).map_err(|cause| {
            DatabaseError::Unreachable {
                endpoint: self.endpoint.clone(),
                cause,
            }
        })?;
        self.connection = connection;
        Ok(())
    }

    async fn close(self: Box<Self>) {
        // Dropping the connection closes it and releases its locks.
    }
}

impl fmt::Debug for SqliteDatabase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SqliteDatabase")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

/// A file answers at once, so that no other task would run: no signal would be seen, and no request
/// for metrics answered.
async fn make_way() {
    tokio::task::yield_now().await;
}

/// Opens the file and reads its header. The error is the cause as text.
fn connect(file: &Path, mode: OpenMode, timeout: Duration) -> Result<Connection, String> {
    check_file(file, mode)?;
    let flags = match mode {
        OpenMode::ReadOnly => OpenFlags::SQLITE_OPEN_READ_ONLY,
        OpenMode::ReadWrite => OpenFlags::SQLITE_OPEN_READ_WRITE,
        OpenMode::Create => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
    };
    let connection = Connection::open_with_flags(file, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .and_then(|connection| {
            connection
                .busy_timeout(timeout.min(LONGEST_WAIT))
                .map(|()| connection)
        })
        .and_then(|connection| {
            connection
                .query_row("PRAGMA schema_version", [], |_| Ok(()))
                .map(|()| connection)
        })
        .and_then(|connection| {
            connection
                .execute_batch(KEEP_IN_MEMORY)
                .map(|()| connection)
        })
        .map_err(|error| server_message(&error))?;
    // Without the permission to write, SQLite silently opens for reading.
    match connection.is_readonly("main") {
        Ok(true) if mode != OpenMode::ReadOnly => {
            Err("no permission to write to the file".to_owned())
        }
        Ok(_) => Ok(connection),
        Err(error) => Err(server_message(&error)),
    }
}

/// Reports the cause of what SQLite would only call "unable to open database file".
fn check_file(file: &Path, mode: OpenMode) -> Result<(), String> {
    let metadata = match std::fs::metadata(file) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return if mode == OpenMode::Create {
                Ok(())
            } else {
                Err("no such file exists".to_owned())
            };
        }
        Err(error) => return Err(error.to_string()),
    };
    if !metadata.is_file() {
        return Err("it is not a file".to_owned());
    }
    if mode == OpenMode::ReadOnly {
        check_log(file)
    } else {
        Ok(())
    }
}

/// Whether a file in write-ahead-log mode can be read without creating anything: only if the log's
/// files are there.
fn check_log(file: &Path) -> Result<(), String> {
    if !has_write_ahead_log(file).map_err(|error| error.to_string())? {
        return Ok(());
    }
    let is_there = |suffix: &str| {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        Path::new(&name).exists()
    };
    if is_there("-wal") && is_there("-shm") {
        return Ok(());
    }
    Err(
        "the file is in write-ahead-log mode and no process has it open: reading it would create \
        files next to it; \
         `PRAGMA journal_mode = DELETE` changes the mode"
            .to_owned(),
    )
}

/// The file format keeps the journal's kind at offset 18: 2 is a write-ahead log.
fn has_write_ahead_log(file: &Path) -> std::io::Result<bool> {
    use std::io::Read;
    let mut header = Vec::with_capacity(20);
    std::fs::File::open(file)?
        .take(20)
        .read_to_end(&mut header)?;
    Ok(header.get(18) == Some(&2))
}

fn read_rows(
    statement: &mut Statement<'_>,
    values: &[Value],
    on_row: OnRow<'_>,
) -> rusqlite::Result<()> {
    let columns = statement.column_count();
    let mut rows = statement.query(params_from_iter(values))?;
    while let Some(row) = rows.next()? {
        let values: rusqlite::Result<Vec<Value>> = (0..columns)
            .map(|column| row.get_ref(column).map(value))
            .collect();
        on_row(Row(values?));
    }
    Ok(())
}

/// A value as the file has it.
pub(super) fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Real(number) => Value::Text(number.to_string()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            Value::Text(String::from_utf8_lossy(bytes).into_owned())
        }
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

/// What an error means to the caller.
enum SqliteErrorClass {
    Lost,
    UniqueViolation { primary: bool },
    Busy,
    Refused,
}

fn kind(error: &rusqlite::Error) -> SqliteErrorClass {
    let Some(error) = error.sqlite_error() else {
        return SqliteErrorClass::Refused;
    };
    match (error.code, error.extended_code) {
        (ErrorCode::ConstraintViolation, ffi::SQLITE_CONSTRAINT_UNIQUE) => {
            SqliteErrorClass::UniqueViolation { primary: false }
        }
        (
            ErrorCode::ConstraintViolation,
            ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID,
        ) => SqliteErrorClass::UniqueViolation { primary: true },
        (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => SqliteErrorClass::Busy,
        // The file under the connection fails: what COMMIT did is then unknown.
        (
            ErrorCode::SystemIoFailure
            | ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase
            | ErrorCode::CannotOpen
            | ErrorCode::FileLockingProtocolFailed,
            _,
        ) => SqliteErrorClass::Lost,
        _ => SqliteErrorClass::Refused,
    }
}

/// The text of an error. SQLite's "interrupted" always comes from the statement timeout here.
fn server_message(error: &rusqlite::Error) -> String {
    match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => {
            "the statement ran longer than the statement timeout".to_owned()
        }
        Some(ErrorCode::NotADatabase) => "the file is not a SQLite database".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
