//! PostgreSQL 9.6 and newer.

mod numeric;
mod value;

use std::sync::OnceLock;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use sqlx::postgres::{PgConnectOptions, PgDatabaseError, PgQueryResult, PgRow, PgSeverity, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Either, Executor, PgConnection};

use super::database::{Access, DatabaseError, Dialect, Value, Written};
use super::placeholders;
use super::server::{Driver, STATEMENTS_KEPT, ServerDatabase, Step, Verdict, milliseconds, tls_failed, why_no_tls};
use super::target::{ServerTarget, Tls};
use crate::secret::Secret;

/// A PostgreSQL database. The session's time zone is UTC: the driver asks for it in its first message, so that the
/// server's own is not to be had.
pub type PostgresDatabase = ServerDatabase<PostgresDriver>;

impl PostgresDatabase {
    /// Connects within `timeout`, which is also how long a statement waits for another one's lock. The server ends a
    /// statement after `statement_timeout`.
    ///
    /// # Errors
    /// [`DatabaseError::Unreachable`]: no answer in time, wrong password, no such database.
    pub async fn connect(
        target: &ServerTarget,
        timeout: Duration,
        statement_timeout: Duration,
    ) -> Result<Self, DatabaseError> {
        let prefers_tls = target.tls == Tls::Prefer;
        let driver = PostgresDriver {
            options: options(target),
            prefers_tls,
            why_plain: OnceLock::new(),
            timeout,
            statement_timeout,
        };
        Self::open(driver, target, timeout, statement_timeout).await
    }
}

/// In the middle of a message the server knows no limit of time: only so does it notice that we are gone, and gives up
/// the rows that are locked. Without them it asks after two hours.
const KEEPALIVES: &str = "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3";

/// A scan is run once: what the server would compile for it takes longer to compile than it saves.
const NO_JIT: &str = "; SET jit = off";
/// The first version that compiles.
const FIRST_JIT: u32 = 11_00_00;

/// How to connect.
#[derive(Debug)]
pub struct PostgresDriver {
    options: PgConnectOptions,
    prefers_tls: bool,
    /// Why the last resort of that was taken.
    why_plain: OnceLock<String>,
    timeout: Duration,
    statement_timeout: Duration,
}

impl PostgresDriver {
    async fn open(&self) -> Result<PgConnection, sqlx::Error> {
        let mut connection = match self.options.connect().await {
            Err(error) if self.prefers_tls && tls_failed(&error) => {
                self.why_plain.get_or_init(|| why_no_tls(&error));
                self.options.clone().ssl_mode(PgSslMode::Disable).connect().await?
            }
            other => other?,
        };
        let (lock, statement) = (milliseconds(self.timeout), milliseconds(self.statement_timeout));
        let jit = if connection.server_version_num().is_some_and(|version| version >= FIRST_JIT) { NO_JIT } else { "" };
        let settings = format!("SET lock_timeout = {lock}; SET statement_timeout = {statement}; {KEEPALIVES}{jit}");
        connection.execute(sqlx::raw_sql(AssertSqlSafe(settings))).await?;
        Ok(connection)
    }
}

/// Values of the target are set whatever the environment says; `PGOPTIONS` and the certificates of `PGSSL…` still count.
fn options(target: &ServerTarget) -> PgConnectOptions {
    let options = PgConnectOptions::new_without_pgpass()
        .host(target.bare_host())
        .port(target.port)
        .username(&target.user)
        .password(target.password.as_ref().map_or("", Secret::expose))
        .database(&target.database)
        .application_name("dsctl")
        // Connection poolers refuse what they do not know in the first message.
        .extra_float_digits(None)
        .statement_cache_capacity(STATEMENTS_KEPT)
        .disable_statement_logging();
    let options = match &target.schema {
        Some(schema) => options.options([("search_path", schema)]),
        None => options,
    };
    match &target.tls {
        Tls::Disable => options.ssl_mode(PgSslMode::Disable),
        Tls::Prefer => options.ssl_mode(PgSslMode::Prefer),
        Tls::Require => options.ssl_mode(PgSslMode::Require),
        Tls::VerifyCa(file) => options.ssl_mode(PgSslMode::VerifyCa).ssl_root_cert(file),
        Tls::VerifyFull(None) => options.ssl_mode(PgSslMode::VerifyFull),
        Tls::VerifyFull(Some(file)) => options.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert(file),
    }
}

impl Driver for PostgresDriver {
    type Session = PgConnection;

    const DIALECT: Dialect = Dialect::Postgres;

    fn connect(&self) -> BoxFuture<'_, Result<PgConnection, sqlx::Error>> {
        self.open().boxed()
    }

    fn run<'s>(
        session: &'s mut PgConnection,
        sql: &str,
        parameters: &[Value],
    ) -> BoxStream<'s, Result<Step, sqlx::Error>> {
        let (text, bound) = placeholders::numbered(sql, parameters);
        let text = AssertSqlSafe(text);
        // Without parameters the simple protocol saves a round trip.
        let steps = if bound.is_empty() {
            session.fetch_many(sqlx::raw_sql(text))
        } else {
            let query = sqlx::query::<sqlx::Postgres>(text);
            session.fetch_many(bound.into_iter().fold(query, |query, parameter| match parameter {
                // NULL is written out already.
                Value::Null => query,
                Value::Int(number) => query.bind(*number),
                Value::Text(text) => query.bind(text.clone()),
            }))
        };
        let step = |step: Either<PgQueryResult, PgRow>| match step {
            Either::Left(done) => Step::Done(Written { rows: done.rows_affected(), insert_id: 0 }),
            Either::Right(row) => Step::Row(value::row(&row)),
        };
        steps.map(move |result| result.map(step)).boxed()
    }

    fn why_plain(&self) -> Option<&str> {
        self.why_plain.get().map(String::as_str)
    }

    /// Every version from 9.5 on.
    fn skips_locked(_: &PgConnection) -> bool {
        true
    }

    /// `SET LOCAL` ends with the transaction.
    fn begin(_: &mut PgConnection, access: Access, idle_limit: Duration) -> String {
        match access {
            Access::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY".to_owned(),
            Access::Write => format!(
                "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = {}",
                milliseconds(idle_limit)
            ),
        }
    }

    fn commit(_: &mut PgConnection) -> String {
        "COMMIT".to_owned()
    }

    fn rollback(_: &mut PgConnection) -> String {
        "ROLLBACK".to_owned()
    }

    fn verdict(error: &sqlx::Error) -> Verdict {
        verdict(error)
    }

    fn words(error: &sqlx::Error) -> String {
        let Some(error) = server_error(error) else {
            return error.to_string();
        };
        let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
        format!("{}{detail} (SQLSTATE {})", error.message(), error.code())
    }

    fn close(session: PgConnection) -> BoxFuture<'static, ()> {
        session.close().map(|_| ()).boxed()
    }
}

fn server_error(error: &sqlx::Error) -> Option<&PgDatabaseError> {
    error.as_database_error()?.try_downcast_ref()
}

/// The codes are those of PostgreSQL's appendix A.
fn verdict(error: &sqlx::Error) -> Verdict {
    let Some(error) = server_error(error) else {
        return if matches!(error, sqlx::Error::Encode(_)) { Verdict::Refused } else { Verdict::Lost };
    };
    match (error.severity(), error.code()) {
        // FATAL ends the connection: shutdown, terminated by an administrator, idle in the transaction for too long.
        (PgSeverity::Fatal | PgSeverity::Panic, _) => Verdict::Lost,
        (_, code) if code.starts_with("08") => Verdict::Lost,
        (_, "23505") => Verdict::UniqueViolation,
        // Lock not available in time, deadlock, serialization failure.
        (_, "55P03" | "40P01" | "40001") => Verdict::Busy,
        // Whether the statement was completed is unknown to the server itself.
        (_, "40003") => Verdict::Stopped,
        _ => Verdict::Refused,
    }
}
