//! MySQL 5.7 and newer, and MariaDB.

mod login;
mod obstacle;
mod session;
mod value;

use std::net::IpAddr;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use sqlx::mysql::{
    MySqlConnectOptions, MySqlDatabaseError, MySqlQueryResult, MySqlSslMode, MySqlValueFormat,
};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Either, Executor, MySqlConnection};

use super::database::{Access, DatabaseError, Dialect, Value, Written};
use super::driver::{Driver, ErrorClass, STATEMENTS_KEPT, Step};
use super::query::Query;
use super::server::ServerDatabase;
use super::target::{ServerTarget, Tls};
use super::tls::{WhyPlain, no_tls_there, tls_failed, why_no_tls};

use self::login::LoginEnd;
pub(crate) use self::obstacle::hint;
use self::obstacle::{LoginObstacle, obstacle};

/// A MySQL or MariaDB database.
pub type MySqlDatabase = ServerDatabase<MySqlDriver>;

impl MySqlDatabase {
    /// Connects within `timeout`, which is also how long a statement waits for a lock (in whole
    /// seconds). The server ends a statement after `statement_timeout`; MySQL does so only for
    /// SELECT, MariaDB for all.
    ///
    /// # Errors
    /// [`DatabaseError::Unreachable`]: no answer in time, wrong password, no such database.
    pub async fn connect(
        target: &ServerTarget,
        timeout: Duration,
        statement_timeout: Duration,
    ) -> Result<Self, DatabaseError> {
        let driver = MySqlDriver {
            options: options(target),
            target: target.clone(),
            why_plain: WhyPlain::default(),
            timeout,
            statement_timeout,
        };
        Self::open(driver, target, timeout, statement_timeout).await
    }
}

/// How to connect.
#[derive(Clone, Debug)]
pub struct MySqlDriver {
    options: MySqlConnectOptions,
    target: ServerTarget,
    /// Why it is not encrypted although that was tried.
    why_plain: WhyPlain,
    timeout: Duration,
    statement_timeout: Duration,
}

/// A connection, and its original settings.
#[derive(Debug)]
pub struct MySqlSession {
    connection: MySqlConnection,
    /// The session's original `wait_timeout`, in seconds, if it is known.
    wait_timeout: Option<i64>,
    /// The statements that restore the session. A proxy may give it to the next client.
    restore_statements: Vec<String>,
    /// Whether a writing transaction has set another one.
    shortened: bool,
    /// Whether it supports `SKIP LOCKED`. If it does not, a transaction may have made the wait for
    /// a row lock shorter than this, in seconds.
    skips_locked: bool,
    lock_wait: u64,
    /// See [`Driver::witness`].
    witness: String,
}

impl MySqlDriver {
    async fn open(&self) -> Result<MySqlSession, sqlx::Error> {
        self.why_plain.set(None);
        let mut connection = self.log_in().await?;
        let (version, known) = session::read(&mut connection).await?;
        let is_mariadb = version.contains("mariadb");
        for settings in session::settings(&known, self.timeout, self.statement_timeout, is_mariadb)
        {
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
            restore_statements: session::restore_statements(&known),
            shortened: false,
            skips_locked: skips_locked(&version),
            lock_wait: session::lock_wait(self.timeout),
            witness: session::witness(&known),
        })
    }
}

impl MySqlDriver {
    async fn log_in(&self) -> Result<MySqlConnection, sqlx::Error> {
        match self.connect().await {
            Err(error) if self.may_be_wrong(&error) => self.log_in_again(error).await,
            Err(error) => Err(obstacle(&error).map_or(error, LoginObstacle::into_error)),
            connected => connected,
        }
    }

    /// With TLS as it was asked for.
    async fn connect(&self) -> Result<MySqlConnection, sqlx::Error> {
        if self.target.tls == Tls::Disable {
            return self.connect_plain().await;
        }
        match self.options.connect().await {
            Err(error) if self.may_go_on_plain(&error) => {
                if !no_tls_there(&error) {
                    self.why_plain.set(Some(why_no_tls(&error)));
                }
                self.connect_plain().await
            }
            other => other,
        }
    }

    /// Whether TLS that was not demanded is done without. Whoever shows a certificate has demanded
    /// it: a key that does not fit must send no password in clear.
    fn may_go_on_plain(&self, error: &sqlx::Error) -> bool {
        let shows_certificate = self.target.client_certificate.is_some();
        self.target.tls == Tls::Prefer
            && tls_failed(error)
            && (!shows_certificate || no_tls_there(error))
    }

    /// The driver always asks for the key if the server wants it, so whether it does is seen before.
    async fn connect_plain(&self) -> Result<MySqlConnection, sqlx::Error> {
        if !self.target.asks_public_key
            && login::log_in(&self.target, false).await? == LoginEnd::WantsKey
        {
            return Err(LoginObstacle::WantsKey.into_error());
        }
        self.options
            .clone()
            .ssl_mode(MySqlSslMode::Disabled)
            .connect()
            .await
    }

    /// Whether the driver may have been refused with the right password: see [`login`].
    fn may_be_wrong(&self, error: &sqlx::Error) -> bool {
        let without_tls = matches!(self.target.tls, Tls::Disable | Tls::Prefer);
        let refused = server_error(error).is_some_and(|error| error.number() == ACCESS_DENIED);
        without_tls && (refused || obstacle::is_of_empty_password(error))
    }

    async fn log_in_again(&self, error: sqlx::Error) -> Result<MySqlConnection, sqlx::Error> {
        let preferred = self.target.tls == Tls::Prefer && self.why_plain.get().is_none();
        match login::log_in(&self.target, preferred).await {
            Ok(LoginEnd::In) => {}
            Ok(LoginEnd::Refused | LoginEnd::WantsKey) => return Err(error),
            Err(own) => {
                tracing::debug!("logging in once more: {own}");
                return Err(error);
            }
        }
        let again = self.connect().await;
        again.map_err(|error| self.unjust(error))
    }

    /// The server has accepted the password a moment before.
    fn unjust(&self, error: sqlx::Error) -> sqlx::Error {
        if !self.may_be_wrong(&error) {
            return error;
        }
        let password = self.target.password.as_ref();
        if password.is_none_or(|password| password.expose().is_empty()) {
            LoginObstacle::EmptyPassword.into_error()
        } else {
            LoginObstacle::PasswordIsRight(error.to_string()).into_error()
        }
    }
}

const ACCESS_DENIED: u16 = 1045;

/// MySQL 5.6 has no statement timeout; DolphinScheduler needs 5.7 as well.
fn too_old(error: sqlx::Error, version: &str) -> sqlx::Error {
    match server_error(&error) {
        Some(unknown) if unknown.number() == UNKNOWN_VARIABLE => LoginObstacle::TooOld {
            version: version.to_owned(),
            words: unknown.to_string(),
        }
        .into_error(),
        _ => error,
    }
}

const UNKNOWN_VARIABLE: u16 = 1193;

fn options(target: &ServerTarget) -> MySqlConnectOptions {
    let options = MySqlConnectOptions::new()
        .host(target.bare_host())
        .port(target.port)
        .username(&target.user)
        .database(&target.database)
        .timezone(None)
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        // Part of the session settings, which take one round trip together.
        .set_names(false)
        .statement_cache_capacity(STATEMENTS_KEPT)
        .disable_statement_logging();
    let options = match &target.password {
        Some(password) => options.password(password.expose()),
        None => options,
    };
    let options = match &target.client_certificate {
        Some(client) => options
            .ssl_client_cert(&client.certificate)
            .ssl_client_key(&client.key),
        None => options,
    };
    let options = match target.socket() {
        Some(file) => options.socket(file),
        None => options,
    };
    match &target.tls {
        Tls::Disable => options.ssl_mode(MySqlSslMode::Disabled),
        // Without TLS something is to be seen to first.
        Tls::Prefer if !target.asks_public_key => options.ssl_mode(MySqlSslMode::Required),
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

    fn name(&self) -> Option<(&str, u16)> {
        self.target.name()
    }

    fn at(&self, address: IpAddr) -> Option<Self> {
        let mut there = self.clone();
        there.why_plain = WhyPlain::default();
        there.target.host = address.to_string();
        there.options = there.options.host(&there.target.host);
        Some(there)
    }

    fn run<'s>(
        session: &'s mut MySqlSession,
        query: &Query,
    ) -> BoxStream<'s, Result<Step, sqlx::Error>> {
        let text = AssertSqlSafe(query.sql().to_owned());
        // Without values, the text protocol saves a round trip; MySQL 5.7 cannot prepare every
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
                    // It already contains its values.
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

    fn why_plain(&self) -> Option<String> {
        self.why_plain.get()
    }

    fn skips_locked(session: &MySqlSession) -> bool {
        session.skips_locked
    }

    /// `wait_timeout` ends an idle session, and with it the transaction.
    ///
    /// No transaction is started READ ONLY: MySQL Router and `MaxScale` route that to a replica,
    /// and `TiDB` does not support it. Several statements in one text are refused by such a Router
    /// (4501), and `ProxySQL` cannot route them (9006).
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

    /// A write is always routed to the server that accepts writes.
    fn single_transaction(_: &mut MySqlSession, writes: bool) -> Option<String> {
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
            for text in session.restore_statements {
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
        1022 | 1062 | 1586 => ErrorClass::UniqueViolation {
            primary: names_primary_key(error.message()),
        },
        // MAX_QUERIES_PER_HOUR and its like.
        1226 => ErrorClass::Exhausted,
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

/// Whether the key that a message names, in whatever language, is a primary one: the key is the last of
/// its quoted words, from MySQL 8.0.19 on behind its table. The values before it may be any text.
fn names_primary_key(message: &str) -> bool {
    let key = message.rsplit('\'').nth(1).unwrap_or_default();
    key.rsplit('.').next() == Some("PRIMARY")
}

#[cfg(test)]
mod tests {
    use super::{names_primary_key, skips_locked};

    #[test]
    fn the_key_of_a_violation_is_found_in_every_language() {
        for yes in [
            "Duplicate entry '7' for key 'PRIMARY'",
            "Duplicate entry '7' for key 't_ds_command.PRIMARY'",
            "Doppelter Eintrag '7' f\u{fc}r Schl\u{fc}ssel 'PRIMARY'",
            "'7' \u{306f}\u{7d22}\u{5f15} 'PRIMARY' \u{3067}\u{91cd}\u{8907}",
        ] {
            assert!(names_primary_key(yes), "{yes}");
        }
        for no in [
            "Duplicate entry 'PRIMARY' for key 'site_key'",
            "Duplicate entry '7-PRIMARY' for key 't_ds_command.site_key'",
            "Can't write; duplicate key in table 't_ds_command'",
            "",
        ] {
            assert!(!names_primary_key(no), "{no}");
        }
    }

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
}
