//! MySQL 5.7 and newer, and MariaDB.

mod value;

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use sqlx::mysql::{
    MySqlConnectOptions, MySqlDatabaseError, MySqlQueryResult, MySqlSslMode, MySqlValueFormat,
};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Either, Executor, MySqlConnection};

use super::database::{Access, DatabaseError, Dialect, Value, Written};
use super::driver::{Driver, ErrorClass, STATEMENTS_KEPT, Step, milliseconds};
use super::query::Query;
use super::server::ServerDatabase;
use super::target::{ServerTarget, Tls};
use super::tls::{tls_failed, why_no_tls};

/// A MySQL or MariaDB database.
pub type MySqlDatabase = ServerDatabase<MySqlDriver>;

impl MySqlDatabase {
    /// Connects within `timeout`, which is also how long a statement waits for another one's lock
    /// (in whole seconds). The server ends a statement after `statement_timeout`; MySQL does so
    /// with SELECT only, MariaDB with all.
    ///
    /// # Errors
    /// [`DatabaseError::Unreachable`]: no answer in time, wrong password, no such database.
    pub async fn connect(
        target: &ServerTarget,
        timeout: Duration,
        statement_timeout: Duration,
    ) -> Result<Self, DatabaseError> {
        let prefers_tls = target.tls == Tls::Prefer;
        let driver = MySqlDriver {
            options: options(target),
            prefers_tls,
            why_plain: OnceLock::new(),
            timeout,
            statement_timeout,
        };
        Self::open(driver, target, timeout, statement_timeout).await
    }
}

/// How to connect.
#[derive(Debug)]
pub struct MySqlDriver {
    options: MySqlConnectOptions,
    prefers_tls: bool,
    /// Why the last resort of that was taken.
    why_plain: OnceLock<String>,
    timeout: Duration,
    statement_timeout: Duration,
}

/// A connection, and how the server gave it.
#[derive(Debug)]
pub struct MySqlSession {
    connection: MySqlConnection,
    /// The session's own `wait_timeout`, in seconds, where it can be told.
    wait_timeout: Option<i64>,
    /// What makes the session as it was. Whoever stands between may give it to the next client.
    given_back: Vec<String>,
    /// Whether a writing transaction has set another one.
    shortened: bool,
    /// Whether it knows `SKIP LOCKED`. Where it does not, a transaction may have made the wait for
    /// a row's lock shorter than this, in seconds.
    skips_locked: bool,
    lock_wait: u64,
    /// See [`Driver::witness`].
    witness: String,
}

impl MySqlDriver {
    async fn open(&self) -> Result<MySqlSession, sqlx::Error> {
        let mut connection = match self.options.connect().await {
            Err(error) if self.prefers_tls && tls_failed(&error) => {
                self.why_plain.get_or_init(|| why_no_tls(&error));
                self.options
                    .clone()
                    .ssl_mode(MySqlSslMode::Disabled)
                    .connect()
                    .await?
            }
            other => other?,
        };
        // A limit of rows would hide variables, too.
        let first = connection
            .fetch_one(sqlx::raw_sql(
                "SELECT VERSION(), @@SESSION.sql_select_limit",
            ))
            .await?;
        let first = value::row(&first, MySqlValueFormat::Text).map_err(sqlx::Error::Protocol)?;
        let version = first.text(0).unwrap_or_default().to_lowercase();
        let limit = format!("SET SESSION sql_select_limit = {NO_LIMIT}");
        connection
            .execute(sqlx::raw_sql(AssertSqlSafe(limit)))
            .await?;
        let mut known = SessionVariables::new();
        for row in connection
            .fetch_all(sqlx::raw_sql(AssertSqlSafe(variables())))
            .await?
        {
            let row = value::row(&row, MySqlValueFormat::Text).map_err(sqlx::Error::Protocol)?;
            known.insert(
                row.text(0).unwrap_or_default().to_lowercase(),
                row.text(1).unwrap_or_default(),
            );
        }
        known.insert(
            "sql_select_limit".to_owned(),
            first.text(1).unwrap_or_default(),
        );
        // Where they are as always, nothing is said of them: whoever stands between need not know
        // them.
        let in_cluster = known.get("wsrep_on").is_some_and(|on| on == "ON");
        known.retain(|name, value| match name.as_str() {
            COMPLETION => value != "NO_CHAIN",
            SYNC_WAIT => in_cluster,
            _ => true,
        });
        for settings in self.settings(&known, version.contains("mariadb")) {
            let done = connection
                .execute(sqlx::raw_sql(AssertSqlSafe(settings)))
                .await;
            done.map_err(|error| too_old(error, &version))?;
        }
        Ok(MySqlSession {
            connection,
            wait_timeout: known
                .get("wait_timeout")
                .and_then(|seconds| seconds.parse().ok()),
            given_back: given_back(&known),
            shortened: false,
            skips_locked: skips_locked(&version),
            lock_wait: self.lock_wait(),
            witness: witness(&known),
        })
    }

    /// How long a statement waits for another one's lock, in seconds.
    fn lock_wait(&self) -> u64 {
        self.timeout.as_secs().clamp(1, 31_536_000)
    }

    /// What every session needs. The time zone stays the server's own, and the SQL mode too but for
    /// what gives our statements another meaning, and for strictness: without that, a text that is
    /// too long is cut, and half a `command_param` is one that no master can read. Without
    /// `autocommit`, which a server may have off by default, single statements would never be
    /// committed. Nor where each end of a transaction begins another one, or ends the connection.
    /// Where it lets everybody see what is not committed, work that somebody else may still undo
    /// would look done. Limits of rows are for people who forget a condition: they would cut our
    /// answers off, or refuse a scan.
    ///
    /// Statement by statement, and with values that are written out: so `ProxySQL` knows what it
    /// has to repeat on another connection, and to take back from one that the next client gets
    /// (`mysql_tracked_variables`).
    ///
    /// At READ COMMITTED the insert of commands looks at those of others without a lock. At
    /// REPEATABLE READ it locks all of them, and waits for whoever has one locked: a master that
    /// died in the middle of a transaction has, until the server notices. Only where the binary log
    /// is kept by statement, the server demands it.
    fn settings(&self, known: &SessionVariables, is_mariadb: bool) -> [String; 2] {
        let lock = self.lock_wait();
        let limit = milliseconds(self.statement_timeout);
        let limit = match (is_mariadb, limit % 1000) {
            (true, 0) => format!("max_statement_time = {}", limit / 1000),
            (true, rest) => format!("max_statement_time = {}.{rest:03}", limit / 1000),
            (false, _) => format!("max_execution_time = {limit}"),
        };
        let mode = sql_mode(known.get("sql_mode").map_or("", String::as_str));
        let alone = if known.contains_key(COMPLETION) {
            "SESSION completion_type = 0, "
        } else {
            ""
        };
        let synced = if known.contains_key(SYNC_WAIT) {
            "SESSION wsrep_sync_wait = 7, "
        } else {
            ""
        };
        let logs_statements = known
            .get("binlog_format")
            .is_some_and(|format| format == "STATEMENT");
        let level = if logs_statements {
            "REPEATABLE READ"
        } else {
            "READ COMMITTED"
        };
        [
            format!(
                "SET SESSION autocommit = 1, {alone}{synced}SESSION innodb_lock_wait_timeout = {lock}, \
                 SESSION lock_wait_timeout = {lock}, SESSION sql_mode = {}, SESSION max_join_size = {NO_LIMIT}, \
                 SESSION sql_big_selects = 1, SESSION {limit}, NAMES utf8mb4",
                quoted(&mode)
            ),
            format!("SET SESSION TRANSACTION ISOLATION LEVEL {level}"),
        ]
    }
}

/// Variables of the session, as the server gave it, by their names in small letters.
type SessionVariables = BTreeMap<String, String>;

/// What lets no text be cut.
const STRICT: &str = "STRICT_ALL_TABLES";

/// Modes of MariaDB's in which a statement means something else: a text that becomes empty is NULL,
/// and a condition with it never holds, so that an insert would not see the command that is there
/// already; and `BEGIN` begins no transaction.
const OTHER_MEANING: [&str; 2] = ["EMPTY_STRING_IS_NULL", "ORACLE"];

/// The mode of our session, from the one that the server gave it.
fn sql_mode(given: &str) -> String {
    let kept = given
        .split(',')
        .filter(|mode| !mode.is_empty() && !OTHER_MEANING.contains(mode));
    kept.chain([STRICT]).collect::<Vec<_>>().join(",")
}

/// The greatest value of a limit of rows. To set `max_join_size` takes `sql_big_selects` back, so
/// that one comes behind it.
const NO_LIMIT: u64 = u64::MAX;

/// What tells servers apart, what makes one take no writes, and how it logs them, as far as this
/// one knows it.
const OF_SERVER: [&str; 11] = [
    "hostname",
    "port",
    "server_id",
    "server_uuid",
    "read_only",
    "super_read_only",
    "innodb_read_only",
    "tx_read_only",
    "transaction_read_only",
    "binlog_format",
    "wsrep_on",
];

/// What the end of a transaction does besides: `NO_CHAIN` is nothing.
const COMPLETION: &str = "completion_type";

/// For which statements a node of a Galera cluster waits until it has what the others have. Without
/// that it may lag behind and take writes all the same: the command that another node has taken is
/// not seen there, and neither is its lock on a row. 7 is reads, updates and inserts, and the
/// beginning of a transaction.
const SYNC_WAIT: &str = "wsrep_sync_wait";

/// What we set in a session, in the order in which it can be given back: some of these set others.
const OF_SESSION: [&str; 15] = [
    "autocommit",
    COMPLETION,
    SYNC_WAIT,
    "innodb_lock_wait_timeout",
    "lock_wait_timeout",
    "wait_timeout",
    "sql_mode",
    "sql_select_limit",
    "max_join_size",
    "sql_big_selects",
    "max_statement_time",
    "max_execution_time",
    "character_set_client",
    "character_set_results",
    "collation_connection",
];

/// The isolation level, by the names of old and new servers.
const LEVELS: [&str; 2] = ["transaction_isolation", "tx_isolation"];

fn variables() -> String {
    let names = OF_SERVER.into_iter().chain(OF_SESSION).chain(LEVELS);
    let names = names
        .map(|name| format!("'{name}'"))
        .collect::<Vec<_>>()
        .join(", ");
    format!("SHOW VARIABLES WHERE Variable_name IN ({names})")
}

/// What makes a session as the server gave it.
fn given_back(known: &SessionVariables) -> Vec<String> {
    let set = |name: &&str| {
        let value = known
            .get(*name)
            .filter(|value| *name == "sql_mode" || !value.is_empty())?;
        let is_number = value.parse::<f64>().is_ok();
        Some(format!(
            "SESSION {name} = {}",
            if is_number {
                value.clone()
            } else {
                quoted(value)
            }
        ))
    };
    let sets = OF_SESSION.iter().filter_map(set).collect::<Vec<_>>();
    let level = LEVELS
        .iter()
        .find_map(|name| known.get(*name))
        .map(|level| level.replace('-', " "));
    let level = level.map(|level| format!("SET SESSION TRANSACTION ISOLATION LEVEL {level}"));
    (!sets.is_empty())
        .then(|| format!("SET {}", sets.join(", ")))
        .into_iter()
        .chain(level)
        .collect()
}

/// A text in SQL, whatever the SQL mode is.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Which server answers, and why it takes no writes: of the variables that it knows.
fn witness(known: &SessionVariables) -> String {
    let of = |names: &[&str], write: fn(&str) -> String| {
        let named = names.iter().filter(|name| known.contains_key(**name));
        // A list of nothing is no SQL.
        named
            .map(|name| write(name))
            .chain(["NULL".to_owned()])
            .collect::<Vec<_>>()
            .join(", ")
    };
    let server = of(&["hostname", "port", "server_id", "server_uuid"], |name| {
        format!("@@{name}")
    });
    let global = of(
        &["read_only", "super_read_only", "innodb_read_only"],
        |name| is_on("GLOBAL", name),
    );
    let session = of(&["tx_read_only", "transaction_read_only"], |name| {
        is_on("SESSION", name)
    });
    format!("CONCAT(CONCAT_WS(' ', {server}), '|', CONCAT_WS(', ', {global}, {session}))")
}

/// Some of these variables are words in some servers.
fn is_on(scope: &str, name: &str) -> String {
    format!("CASE WHEN CAST(@@{scope}.{name} AS CHAR) NOT IN ('0', 'OFF') THEN '{name} is on' END")
}

/// MySQL 5.6 has no limit for a statement's time; DolphinScheduler wants 5.7 as well.
fn too_old(error: sqlx::Error, version: &str) -> sqlx::Error {
    match server_error(&error) {
        // Unknown system variable.
        Some(unknown) if unknown.number() == 1193 => sqlx::Error::Protocol(format!(
            "the server's version is {version}, and it does not know what MySQL 5.7 and newer, and MariaDB, know: {unknown}"
        )),
        _ => error,
    }
}

fn options(target: &ServerTarget) -> MySqlConnectOptions {
    let options = MySqlConnectOptions::new()
        .host(target.bare_host())
        .port(target.port)
        .username(&target.user)
        .database(&target.database)
        .timezone(None)
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        // Part of our own settings, which are one round trip together.
        .set_names(false)
        .statement_cache_capacity(STATEMENTS_KEPT)
        .disable_statement_logging();
    let options = match &target.password {
        Some(password) => options.password(password.expose()),
        None => options,
    };
    match &target.tls {
        Tls::Disable => options.ssl_mode(MySqlSslMode::Disabled),
        Tls::Prefer => options.ssl_mode(MySqlSslMode::Preferred),
        Tls::Require => options.ssl_mode(MySqlSslMode::Required),
        Tls::VerifyCa(file) => options.ssl_mode(MySqlSslMode::VerifyCa).ssl_ca(file),
        Tls::VerifyFull(None) => options.ssl_mode(MySqlSslMode::VerifyIdentity),
        Tls::VerifyFull(Some(file)) => options.ssl_mode(MySqlSslMode::VerifyIdentity).ssl_ca(file),
    }
}

impl Driver for MySqlDriver {
    type Session = MySqlSession;

    const DIALECT: Dialect = Dialect::MySql;

    fn connect(&self) -> BoxFuture<'_, Result<MySqlSession, sqlx::Error>> {
        self.open().boxed()
    }

    fn run<'s>(
        session: &'s mut MySqlSession,
        query: &Query,
    ) -> BoxStream<'s, Result<Step, sqlx::Error>> {
        let text = AssertSqlSafe(query.sql().to_owned());
        // Without values the text protocol saves a round trip; MySQL 5.7 cannot prepare every
        // statement, either.
        let (steps, format) = if query.values().is_empty() {
            (
                session.connection.fetch_many(sqlx::raw_sql(text)),
                MySqlValueFormat::Text,
            )
        } else {
            let prepared = sqlx::query::<sqlx::MySql>(text);
            let query = query
                .values()
                .iter()
                .fold(prepared, |query, value| match value {
                    // It is written out already.
                    Value::Null => query,
                    Value::Int(number) => query.bind(*number),
                    Value::Text(text) => query.bind(text.clone()),
                });
            (
                session.connection.fetch_many(query),
                MySqlValueFormat::Binary,
            )
        };
        let step = move |step| match step {
            Either::Left(done) => Step::Done(written(&done)),
            Either::Right(row) => Step::Row(value::row(&row, format)),
        };
        steps.map(move |result| result.map(step)).boxed()
    }

    fn why_plain(&self) -> Option<&str> {
        self.why_plain.get().map(String::as_str)
    }

    fn skips_locked(session: &MySqlSession) -> bool {
        session.skips_locked
    }

    /// `wait_timeout` is what ends a session that says nothing, and with it the transaction.
    ///
    /// None is begun READ ONLY: MySQL Router and `MaxScale` lead that to a replica, and `TiDB` does
    /// not know it. Several statements in one text are refused by such a Router (4501), and keep
    /// `ProxySQL` from leading them (9006).
    fn begin(session: &mut MySqlSession, access: Access, idle_limit: Duration) -> Vec<String> {
        let first = match access {
            Access::Read => "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ".to_owned(),
            Access::Write => {
                session.shortened = true;
                let seconds = idle_limit.as_secs().clamp(1, 31_536_000);
                let wait = if session.skips_locked {
                    String::new()
                } else {
                    format!(", SESSION innodb_lock_wait_timeout = {}", session.lock_wait)
                };
                format!("SET SESSION wait_timeout = {seconds}{wait}")
            }
        };
        vec![first, "START TRANSACTION".to_owned()]
    }

    /// A write is always sent to the server that takes them.
    fn alone(_: &mut MySqlSession, writes: bool) -> Option<String> {
        (!writes).then(|| "BEGIN".to_owned())
    }

    fn witness(session: &MySqlSession) -> Option<String> {
        Some(session.witness.clone())
    }

    fn commit(session: &mut MySqlSession) -> Vec<String> {
        end("COMMIT", session)
    }

    fn rollback(session: &mut MySqlSession) -> Vec<String> {
        end("ROLLBACK", session)
    }

    fn verdict(error: &sqlx::Error) -> ErrorClass {
        verdict(error)
    }

    fn server_message(error: &sqlx::Error) -> String {
        server_error(error).map_or_else(|| error.to_string(), ToString::to_string)
    }

    fn close(mut session: MySqlSession) -> BoxFuture<'static, ()> {
        async move {
            for text in session.given_back {
                if let Err(error) = session
                    .connection
                    .execute(sqlx::raw_sql(AssertSqlSafe(text)))
                    .await
                {
                    tracing::debug!("giving the session's settings back: {error}");
                }
            }
            session.connection.close().await.ok();
        }
        .boxed()
    }
}

/// MySQL from 8.0.1 on, MariaDB from 10.6 on; TiDB, which calls itself MySQL, does not.
fn skips_locked(version: &str) -> bool {
    let mut numbers = version
        .split(|c: char| !c.is_ascii_digit())
        .map_while(|number| number.parse::<u32>().ok());
    let number = (
        numbers.next().unwrap_or(0),
        numbers.next().unwrap_or(0),
        numbers.next().unwrap_or(0),
    );
    if version.contains("mariadb") {
        number >= (10, 6, 0)
    } else {
        number >= (8, 0, 1) && !version.contains("tidb")
    }
}

fn end(statement: &str, session: &mut MySqlSession) -> Vec<String> {
    let wait_timeout = session
        .wait_timeout
        .filter(|_| std::mem::take(&mut session.shortened));
    let restored = wait_timeout.map(|seconds| format!("SET SESSION wait_timeout = {seconds}"));
    std::iter::once(statement.to_owned())
        .chain(restored)
        .collect()
}

fn written(done: &MySqlQueryResult) -> Written {
    let insert_id = i64::try_from(done.last_insert_id()).unwrap_or(i64::MAX);
    Written {
        rows: done.rows_affected(),
        insert_id,
    }
}

fn server_error(error: &sqlx::Error) -> Option<&MySqlDatabaseError> {
    error.as_database_error()?.try_downcast_ref()
}

/// The numbers are those of the servers' error references (MySQL's `ER_…`, from 1900 to 1999
/// MariaDB's own).
fn verdict(error: &sqlx::Error) -> ErrorClass {
    let Some(error) = server_error(error) else {
        return if matches!(error, sqlx::Error::Encode(_)) {
            ErrorClass::Refused
        } else {
            ErrorClass::Lost
        };
    };
    let ends_connection = error.code().is_some_and(|state| state.starts_with("08"));
    match error.number() {
        _ if ends_connection => ErrorClass::Lost,
        // Shutdown, aborted, killed (MariaDB, MySQL), idle for too long.
        1053 | 1152 | 1184 | 1927 | 2006 | 2013 | 3169 | 4031 => ErrorClass::Lost,
        1022 | 1062 | 1586 => ErrorClass::UniqueViolation,
        // Lock wait timeout, deadlock, a row that was changed since the transaction began
        // (MariaDB's innodb_snapshot_isolation), rolled back in COMMIT for another server's
        // transaction (MySQL's group replication).
        1205 | 1213 | 1020 | 3101 => ErrorClass::Busy,
        // The engine failed in COMMIT, interrupted, max_statement_time (MariaDB),
        // max_execution_time (MySQL).
        1180 | 1317 | 1969 | 3024 => ErrorClass::Stopped,
        _ => ErrorClass::Refused,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;
    use std::time::Duration;

    use sqlx::mysql::MySqlConnectOptions;

    use super::{MySqlDriver, SessionVariables, given_back, skips_locked, witness};

    #[test]
    fn which_servers_pass_locked_rows_over() {
        for yes in [
            "10.6.0-mariadb",
            "11.4.2-mariadb-log",
            "8.0.1-dmr",
            "8.4.0",
            "10.11.6-mariadb-0+deb12u1",
        ] {
            assert!(skips_locked(yes), "{yes}");
        }
        for no in [
            "",
            "10.5.23-mariadb",
            "5.7.44-log",
            "8.0.0-dmr",
            "8.0.11-tidb-v7.5.0",
            "5.6.51",
        ] {
            assert!(!skips_locked(no), "{no}");
        }
    }

    fn settings(timeout: Duration, statement_timeout: Duration, is_mariadb: bool) -> String {
        let options = MySqlConnectOptions::new();
        MySqlDriver {
            options,
            prefers_tls: false,
            why_plain: OnceLock::new(),
            timeout,
            statement_timeout,
        }
        .settings(&SessionVariables::new(), is_mariadb)
        .join("; ")
    }

    #[test]
    fn each_server_gets_its_own_statement_limit() {
        let (timeout, limit) = (Duration::from_secs(3), Duration::from_millis(1050));
        let mysql = settings(timeout, limit, false);
        assert!(
            mysql.contains("SESSION max_execution_time = 1050,")
                && !mysql.contains("max_statement_time"),
            "{mysql}"
        );
        let mariadb = settings(timeout, limit, true);
        assert!(
            mariadb.contains("SESSION max_statement_time = 1.050,"),
            "{mariadb}"
        );
        assert!(settings(timeout, timeout, true).contains("SESSION max_statement_time = 3,"));
        assert!(
            mariadb
                .contains("SESSION innodb_lock_wait_timeout = 3, SESSION lock_wait_timeout = 3,"),
            "{mariadb}"
        );
    }

    #[test]
    fn no_limit_is_ever_zero_which_would_mean_none() {
        let mysql = settings(Duration::ZERO, Duration::ZERO, false);
        assert!(
            mysql.contains("innodb_lock_wait_timeout = 1,")
                && mysql.contains("max_execution_time = 1,"),
            "{mysql}"
        );
        assert!(
            settings(Duration::ZERO, Duration::ZERO, true).contains("max_statement_time = 0.001,")
        );
    }

    #[test]
    fn a_server_is_asked_for_what_it_knows() {
        let known = |names: &[&str]| {
            witness(
                &names
                    .iter()
                    .map(|name| ((*name).to_owned(), "1".to_owned()))
                    .collect(),
            )
        };
        let on = |scope: &str, name: &str| super::is_on(scope, name);
        assert_eq!(
            known(&[
                "hostname",
                "port",
                "server_id",
                "server_uuid",
                "read_only",
                "super_read_only"
            ]),
            format!(
                "CONCAT(CONCAT_WS(' ', @@hostname, @@port, @@server_id, @@server_uuid, NULL), '|', CONCAT_WS(', ', {}, {}, \
                 NULL, NULL))",
                on("GLOBAL", "read_only"),
                on("GLOBAL", "super_read_only")
            )
        );
        assert_eq!(
            known(&[]),
            "CONCAT(CONCAT_WS(' ', NULL), '|', CONCAT_WS(', ', NULL, NULL))"
        );
    }

    #[test]
    fn what_is_set_is_given_back() {
        let known: SessionVariables = [
            ("autocommit", "OFF"),
            ("sql_mode", ""),
            ("max_statement_time", "0.000000"),
            ("character_set_results", ""),
            ("tx_isolation", "READ-UNCOMMITTED"),
            ("hostname", "db"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        assert_eq!(
            given_back(&known),
            [
                "SET SESSION autocommit = 'OFF', SESSION sql_mode = '', SESSION max_statement_time = 0.000000",
                "SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED"
            ]
        );
        assert_eq!(given_back(&SessionVariables::new()), [""; 0]);
    }
}
