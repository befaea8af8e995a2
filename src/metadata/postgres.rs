//! PostgreSQL 9.6 and newer.

mod value;

use std::net::IpAddr;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sqlx::postgres::{
    PgConnectOptions, PgDatabaseError, PgQueryResult, PgRow, PgSeverity, PgSslMode,
};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Either, Executor, PgConnection};

use super::database::{Access, DatabaseError, Dialect, Value, Written};
use super::driver::{Driver, ErrorClass, Step, milliseconds};
use super::query::Query;
use super::server::ServerDatabase;
use super::target::{ServerTarget, Tls};
use super::tls::{WhyPlain, tls_failed, why_no_tls};
use crate::secret::Secret;

/// A PostgreSQL database. The session's time zone is the masters', if that was given, and else UTC:
/// the driver sets it in its first message, so that the server's own is unknown. It matters for
/// columns that a site has changed to a type with a zone (`timestamptz`): these are points in time,
/// and are shown in the session's zone.
pub type PostgresDatabase = ServerDatabase<PostgresDriver>;

impl PostgresDatabase {
    /// Connects within `timeout`, which is also how long a statement waits for a lock. The server
    /// ends a statement after `statement_timeout`. `zone` is the masters'; a name that the server
    /// does not know is left out.
    ///
    /// # Errors
    /// [`DatabaseError::Unreachable`]: no answer in time, wrong password, no such database.
    pub async fn connect(
        target: &ServerTarget,
        timeout: Duration,
        statement_timeout: Duration,
        zone: Option<&TimeZone>,
    ) -> Result<Self, DatabaseError> {
        // Whoever shows a certificate has demanded TLS: a key that does not fit must send no password
        // in clear.
        let prefers_tls = target.tls == Tls::Prefer && target.client_certificate.is_none();
        let driver = PostgresDriver {
            options: options(target),
            name: target.name().map(|(name, port)| (name.to_owned(), port)),
            prefers_tls,
            why_plain: WhyPlain::default(),
            timeout,
            statement_timeout,
            schema: target.schema.clone(),
            zone: zone.map(in_zone),
        };
        Self::open(driver, target, timeout, statement_timeout).await
    }
}

/// During a message the server has no other timeout: only keepalives let it notice that this client
/// is gone, and release the locked rows. Without these settings they start after two hours.
const KEEPALIVES: &str = "SET LOCAL tcp_keepalives_idle = 10; SET LOCAL tcp_keepalives_interval = 5; \
                          SET LOCAL tcp_keepalives_count = 3";

/// A scan is run once: JIT compilation takes longer than it saves.
const NO_JIT: &str = "; SET LOCAL jit = off";
/// The first version with JIT.
const FIRST_JIT: u32 = 11_00_00;

/// A server may end every transaction after a time, whether it is idle or not. Statements here, and
/// the pauses between them, have their own limits.
const NO_TRANSACTION_TIMEOUT: &str = "; SET LOCAL transaction_timeout = 0";
/// The first version with that timeout.
const FIRST_TRANSACTION_TIMEOUT: u32 = 17_00_00;

/// What a trigger puts off until COMMIT would undo what nobody looks at any more: here it is done
/// behind each statement, before the last looks.
const NOTHING_DEFERRED: &str = "; SET CONSTRAINTS ALL IMMEDIATE";

/// pgpool sends statements with this prefix to the server that accepts writes; for all others it is
/// a comment.
const NO_LOAD_BALANCE: &str = "/*NO LOAD BALANCE*/ ";

/// Which server answers, in which schemas our names are looked up, and why it takes no writes. The
/// functions may be called by everybody. The time at which it was started tells a server from all
/// others, also where an address leads to several; and behind a pooler somebody else may have left
/// another search path on the connection, or tables that go with it, which come before all others of
/// their names.
const WITNESS: &str = "concat_ws(' ', host(inet_server_addr()), inet_server_port(), 'started', \
     CAST(date_part('epoch', pg_postmaster_start_time()) * 1000000 AS bigint), 'schemas', \
     CASE WHEN pg_my_temp_schema() <> 0 THEN CASE WHEN EXISTS (SELECT 1 FROM pg_catalog.pg_class \
     WHERE relnamespace = pg_my_temp_schema() AND left(CAST(relname AS TEXT), 5) = 't_ds_') THEN 'pg_temp' END END, \
     replace(array_to_string(current_schemas(false), ','), '|', '-')) || '|' || \
     concat_ws(', ', CASE WHEN pg_is_in_recovery() THEN 'it is a standby' END, \
     CASE WHEN current_setting('default_transaction_read_only') = 'on' THEN 'default_transaction_read_only is on' END)";

/// The shortest idle timeout of a reading transaction, however short the statement timeout is: it
/// may wait for the registry meanwhile.
const LEAST_PATIENCE: Duration = Duration::from_mins(5);

/// How to connect.
#[derive(Clone, Debug)]
pub struct PostgresDriver {
    options: PgConnectOptions,
    /// See [`Driver::name`].
    name: Option<(String, u16)>,
    prefers_tls: bool,
    /// Why the last resort of that was taken.
    why_plain: WhyPlain,
    timeout: Duration,
    statement_timeout: Duration,
    /// The search path, if one is given.
    schema: Option<String>,
    /// The statement that sets the masters' zone in a transaction.
    zone: Option<String>,
}

/// A connection, and the settings of each of its transactions.
#[derive(Debug)]
pub struct PostgresSession {
    connection: PgConnection,
    settings: String,
}

impl PostgresDriver {
    async fn open(&self) -> Result<PostgresSession, sqlx::Error> {
        self.why_plain.set(None);
        let mut connection = match self.options.connect().await {
            Err(error) if self.prefers_tls && tls_failed(&error) => {
                self.why_plain.set(Some(why_no_tls(&error)));
                self.options
                    .clone()
                    .ssl_mode(PgSslMode::Disable)
                    .connect()
                    .await?
            }
            other => other?,
        };
        let version = connection.server_version_num().unwrap_or(0);
        let zone = match &self.zone {
            Some(zone) if knows_zone(&mut connection, zone).await? => zone,
            _ => "",
        };
        let settings = format!("{}{zone}", self.settings(version));
        Ok(PostgresSession {
            connection,
            settings,
        })
    }

    /// The settings that every transaction needs. They end with the transaction: behind a pooler
    /// another client uses the connection right after. Between two statements the registry may be
    /// read, for longer than the server's default idle timeout.
    fn settings(&self, version: u32) -> String {
        let (lock, statement, idle) = (
            milliseconds(self.timeout),
            milliseconds(self.statement_timeout),
            milliseconds(self.statement_timeout.max(LEAST_PATIENCE)),
        );
        let from = |first: u32, setting| if version >= first { setting } else { "" };
        let jit = from(FIRST_JIT, NO_JIT);
        let endless = from(FIRST_TRANSACTION_TIMEOUT, NO_TRANSACTION_TIMEOUT);
        // Poolers refuse or ignore a search path in the first message, and the connection may still
        // have that of another client.
        let path = self.schema.as_deref().map_or_else(String::new, |path| {
            format!(
                "; SELECT set_config('search_path', '{}', true)",
                path.replace('\'', "''")
            )
        });
        format!(
            "SET LOCAL lock_timeout = {lock}; SET LOCAL statement_timeout = {statement}; \
             SET LOCAL idle_in_transaction_session_timeout = {idle}; {KEEPALIVES}{jit}{endless}{path}"
        )
    }
}

/// The statement that sets a zone in a transaction, appended to its other settings.
fn in_zone(zone: &TimeZone) -> String {
    match zone.iana_name() {
        Some(name) => format!("; SET LOCAL TIME ZONE '{}'", name.replace('\'', "''")),
        None => format!(
            "; SET LOCAL TIME ZONE INTERVAL '{} seconds'",
            zone.to_offset(Timestamp::now()).seconds()
        ),
    }
}

/// Whether the server knows this zone: its time zone database may be older than that of this
/// program.
async fn knows_zone(connection: &mut PgConnection, zone: &str) -> Result<bool, sqlx::Error> {
    let tried = connection
        .execute(sqlx::raw_sql(AssertSqlSafe(format!(
            "BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0{zone}"
        ))))
        .await;
    // The server's last words say why there is no connection any more.
    match tried {
        Err(error) if verdict(&error) == ErrorClass::Lost => Err(error),
        tried => {
            connection.execute("ROLLBACK").await?;
            Ok(tried.is_ok())
        }
    }
}

/// Values of the target are set whatever the environment says; `PGOPTIONS` and the certificates of
/// `PGSSL…` still count.
fn options(target: &ServerTarget) -> PgConnectOptions {
    let options = PgConnectOptions::new_without_pgpass()
        .host(target.bare_host())
        .port(target.port)
        .username(&target.user)
        .password(target.password.as_ref().map_or("", Secret::expose))
        .database(&target.database)
        .application_name("dsctl")
        // Connection poolers refuse unknown parameters in the first message.
        .extra_float_digits(None)
        .disable_statement_logging();
    let options = match &target.client_certificate {
        Some(client) => options
            .ssl_client_cert(&client.certificate)
            .ssl_client_key(&client.key),
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
    type Session = PostgresSession;

    const DIALECT: Dialect = Dialect::Postgres;

    fn connect(&self) -> BoxFuture<'_, Result<PostgresSession, sqlx::Error>> {
        self.open().boxed()
    }

    fn name(&self) -> Option<(&str, u16)> {
        let (name, port) = self.name.as_ref()?;
        Some((name, *port))
    }

    fn at(&self, address: IpAddr) -> Option<Self> {
        let mut there = self.clone();
        there.why_plain = WhyPlain::default();
        there.options = there.options.host(&address.to_string());
        Some(there)
    }

    fn run<'s>(
        session: &'s mut PostgresSession,
        query: &Query,
    ) -> BoxStream<'s, Result<Step, sqlx::Error>> {
        let (text, values) = (
            AssertSqlSafe(format!("{NO_LOAD_BALANCE}{}", query.sql())),
            query.values(),
        );
        // Without values the simple protocol saves a round trip.
        let steps = if values.is_empty() {
            session.connection.fetch_many(sqlx::raw_sql(text))
        } else {
            // A pooler may use another server connection for each transaction, which does not have
            // the statements prepared before, or has another one with the same name: so these have
            // no name.
            let query = sqlx::query::<sqlx::Postgres>(text).persistent(false);
            session
                .connection
                .fetch_many(values.iter().fold(query, |query, value| match value {
                    // It is written out already.
                    Value::Null => query,
                    Value::Int(number) => query.bind(*number),
                    Value::Text(text) => query.bind(text.clone()),
                }))
        };
        let step = |step: Either<PgQueryResult, PgRow>| match step {
            Either::Left(done) => Step::Done(Written {
                rows: done.rows_affected(),
                insert_id: 0,
            }),
            Either::Right(row) => Step::Row(value::row(&row)),
        };
        steps.map(move |result| result.map(step)).boxed()
    }

    fn why_plain(&self) -> Option<String> {
        self.why_plain.get()
    }

    /// Every version from 9.5 on.
    fn skips_locked(_: &PostgresSession) -> bool {
        true
    }

    fn begin(session: &mut PostgresSession, access: Access, limit: Duration) -> Vec<String> {
        let settings = &session.settings;
        vec![match access {
            Access::Read if limit.is_zero() => {
                format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {settings}")
            }
            Access::Read => format!(
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {settings}; SET LOCAL statement_timeout = {}",
                milliseconds(limit)
            ),
            Access::Write => format!(
                "BEGIN ISOLATION LEVEL READ COMMITTED; {settings}{NOTHING_DEFERRED}; \
                 SET LOCAL idle_in_transaction_session_timeout = {}",
                milliseconds(limit)
            ),
        }]
    }

    /// One statement sees one state at either level; a write at the higher one could fail because
    /// of another transaction.
    fn single_transaction(session: &mut PostgresSession, writes: bool) -> Option<String> {
        let (level, more) = if writes {
            ("READ COMMITTED", NOTHING_DEFERRED)
        } else {
            ("REPEATABLE READ", "")
        };
        Some(format!(
            "BEGIN ISOLATION LEVEL {level}; {}{more}",
            session.settings
        ))
    }

    fn witness(_: &PostgresSession) -> Option<String> {
        Some(WITNESS.to_owned())
    }

    fn commit(_: &mut PostgresSession) -> Vec<String> {
        vec!["COMMIT".to_owned()]
    }

    fn rollback(_: &mut PostgresSession) -> Vec<String> {
        vec!["ROLLBACK".to_owned()]
    }

    fn verdict(error: &sqlx::Error) -> ErrorClass {
        verdict(error)
    }

    fn server_message(error: &sqlx::Error) -> String {
        let Some(error) = server_error(error) else {
            return error.to_string();
        };
        let detail = error
            .detail()
            // This one has the row's own values, among them parameters.
            .filter(|detail| !detail.starts_with("Failing row contains"))
            .map(|detail| format!(": {detail}"))
            .unwrap_or_default();
        format!("{}{detail} (SQLSTATE {})", error.message(), error.code())
    }

    fn close(session: PostgresSession) -> BoxFuture<'static, ()> {
        session.connection.close().map(|_| ()).boxed()
    }
}

fn server_error(error: &sqlx::Error) -> Option<&PgDatabaseError> {
    error.as_database_error()?.try_downcast_ref()
}

/// The codes are those of PostgreSQL's appendix A.
fn verdict(error: &sqlx::Error) -> ErrorClass {
    let Some(error) = server_error(error) else {
        return if matches!(error, sqlx::Error::Encode(_)) {
            ErrorClass::Refused
        } else {
            ErrorClass::Lost
        };
    };
    match (error.severity(), error.code()) {
        // FATAL ends the connection: shutdown, terminated by an administrator, idle in the
        // transaction for too long.
        (PgSeverity::Fatal | PgSeverity::Panic, _) => ErrorClass::Lost,
        (_, code) if code.starts_with("08") => ErrorClass::Lost,
        (_, "23505") => ErrorClass::UniqueViolation {
            primary: is_primary_key(error.constraint(), error.detail()),
        },
        // Lock not available in time, deadlock, serialization failure.
        (_, "55P03" | "40P01" | "40001") => ErrorClass::Busy,
        // Whether the statement was completed is unknown to the server itself.
        (_, "40003") => ErrorClass::Stopped,
        _ => ErrorClass::Refused,
    }
}

/// Whether a violated constraint is a primary key: by the name that the server gives one by itself, or
/// because its only column is `id`. The detail, `Key (id)=(7) already exists.`, begins with words in the
/// server's language; its first parentheses have the columns.
fn is_primary_key(constraint: Option<&str>, detail: Option<&str>) -> bool {
    let columns = detail.and_then(|detail| detail.split_once('('));
    constraint.is_some_and(|name| name.ends_with("_pkey"))
        || columns.is_some_and(|(_, columns)| columns.starts_with("id)=("))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_primary_key_is_known_in_every_language() {
        for (constraint, detail, is_primary) in [
            (Some("t_ds_command_pkey"), None, true),
            (
                Some("idx_1_primary"),
                Some("Key (id)=(7) already exists."),
                true,
            ),
            (
                Some("idx_1_primary"),
                Some("Schl\u{fc}ssel \u{bb}(id)=(7)\u{ab} existiert bereits."),
                true,
            ),
            (
                Some("site_key"),
                Some("Key (priority, id)=(0, 7) already exists."),
                false,
            ),
            (
                Some("site_key"),
                Some("Key (text)=((id)=(7)) already exists."),
                false,
            ),
            (Some("site_key"), None, false),
            (None, None, false),
        ] {
            assert_eq!(
                is_primary_key(constraint, detail),
                is_primary,
                "{constraint:?} {detail:?}"
            );
        }
    }

    #[test]
    fn each_server_gets_the_limits_that_it_knows() {
        let of = |version, statement| {
            let driver = PostgresDriver {
                options: PgConnectOptions::new_without_pgpass(),
                name: None,
                prefers_tls: false,
                why_plain: WhyPlain::default(),
                timeout: Duration::from_secs(3),
                statement_timeout: Duration::from_secs(statement),
                schema: None,
                zone: None,
            };
            driver.settings(version)
        };
        for (version, compiles, ends_transactions) in [
            (9_06_24, false, false),
            (16_00_04, true, false),
            (17_00_00, true, true),
        ] {
            let settings = of(version, 1);
            assert_eq!(settings.contains("jit = off"), compiles, "{settings}");
            assert_eq!(
                settings.contains("transaction_timeout = 0"),
                ends_transactions,
                "{settings}"
            );
            assert!(settings.contains("statement_timeout = 1000;"), "{settings}");
            assert!(
                settings.contains("idle_in_transaction_session_timeout = 300000;"),
                "{settings}"
            );
        }
        assert!(of(0, 600).contains("idle_in_transaction_session_timeout = 600000;"));
    }
}
