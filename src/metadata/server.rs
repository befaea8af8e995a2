//! The common part of the database servers: one connection, its deadlines, its transaction. The
//! differences are in a [`Driver`].

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::StreamExt;

use super::addresses;
use super::database::{Access, Database, DatabaseError, Dialect, OnRow, Written};
use super::driver::{Driver, ErrorClass, Step, is_said};
use super::query::Query;
use super::target::ServerTarget;
use super::tls::{tls_failed, why_no_tls};
use super::transaction::Transaction;
use crate::cryptography;

/// How much longer than the server's own limit an answer is waited for.
const MARGIN: Duration = Duration::from_secs(2);

/// A database on a server.
pub struct ServerDatabase<D: Driver> {
    driver: Arc<D>,
    endpoint: String,
    timeout: Duration,
    answer_limit: Duration,
    /// `None` once the connection is lost.
    session: Option<D::Session>,
    /// Why the connection is not encrypted although that was tried.
    why_plain: Option<String>,
    transaction: Transaction,
    /// Whether the open transaction, if any, was started only to read.
    reads_alone: bool,
}

/// Why there is no session.
struct NoSession {
    cause: String,
    /// Whether no server has said so.
    is_silent: bool,
}

/// An error without its endpoint.
struct ServerError {
    verdict: ErrorClass,
    cause: String,
}

impl<D: Driver> ServerDatabase<D> {
    /// Connects within `timeout`. The server is expected to end statements after
    /// `statement_timeout` by itself.
    pub(super) async fn open(
        driver: D,
        target: &ServerTarget,
        timeout: Duration,
        statement_timeout: Duration,
    ) -> Result<Self, DatabaseError> {
        let endpoint = target.endpoint();
        if let Err(cause) = target.check_files() {
            return Err(DatabaseError::Unreachable { endpoint, cause });
        }
        cryptography::choose();
        let answer_limit = statement_timeout.saturating_add(MARGIN);
        Self::connect_by(Arc::new(driver), endpoint, timeout, answer_limit).await
    }

    async fn connect_by(
        driver: Arc<D>,
        endpoint: String,
        timeout: Duration,
        answer_limit: Duration,
    ) -> Result<Self, DatabaseError> {
        let mut database = Self {
            driver,
            endpoint,
            timeout,
            answer_limit,
            session: None,
            why_plain: None,
            transaction: Transaction::None,
            reads_alone: false,
        };
        database.reconnect().await?;
        Ok(database)
    }

    fn error(&self, ServerError { verdict, cause }: ServerError) -> DatabaseError {
        let endpoint = self.endpoint.clone();
        match verdict {
            ErrorClass::Lost => DatabaseError::Lost { endpoint, cause },
            ErrorClass::UniqueViolation { primary } => DatabaseError::UniqueViolation {
                endpoint,
                cause,
                primary,
            },
            ErrorClass::Exhausted => DatabaseError::Exhausted { endpoint, cause },
            ErrorClass::Busy => DatabaseError::Refused {
                endpoint,
                cause,
                busy: true,
            },
            ErrorClass::Stopped | ErrorClass::Refused => DatabaseError::Refused {
                endpoint,
                cause,
                busy: false,
            },
        }
    }

    fn refused(&self, cause: impl Into<String>) -> DatabaseError {
        self.error(ServerError {
            verdict: ErrorClass::Refused,
            cause: cause.into(),
        })
    }

    fn no_connection(&self) -> DatabaseError {
        self.error(lost("the connection is closed"))
    }

    /// Sends a statement and passes on its results. A lost connection is dropped.
    ///
    /// The session is taken out meanwhile: if the caller stops waiting before the end, the state of
    /// the connection is unknown, and it is dropped together with the wait.
    async fn run(
        &mut self,
        query: &Query,
        limit: Duration,
        on_step: &mut (dyn FnMut(Step) + Send),
    ) -> Result<(), ServerError> {
        let Some(mut session) = self.session.take() else {
            return Err(lost("the connection is closed"));
        };
        let outcome = drive::<D>(&mut session, query, limit, on_step).await;
        if !matches!(
            outcome,
            Err(ServerError {
                verdict: ErrorClass::Lost,
                ..
            })
        ) {
            self.session = Some(session);
        }
        outcome
    }

    /// Like [`ServerDatabase::run`], for one text after the other, up to the first that fails.
    async fn run_all(
        &mut self,
        texts: &[String],
        limit: Duration,
        on_step: &mut (dyn FnMut(Step) + Send),
    ) -> Result<(), ServerError> {
        for text in texts {
            self.run(&Query::from(text.as_str()), limit, on_step)
                .await?;
        }
        Ok(())
    }

    /// Runs a caller's statement: not in a failed transaction, and an error makes it a failed one.
    async fn statement(
        &mut self,
        query: &Query,
        on_step: &mut (dyn FnMut(Step) + Send),
    ) -> Result<(), DatabaseError> {
        if let Some(cause) = self.transaction.bars_statement() {
            return Err(self.refused(cause));
        }
        let outcome = self.run(query, self.answer_limit, on_step).await;
        outcome.map_err(|failure| self.mark_failed(failure))
    }

    /// Starts a transaction for a single statement, if this kind of server needs one. Returns
    /// whether it did.
    async fn begin_single(&mut self, writes: bool) -> Result<bool, DatabaseError> {
        if self.transaction != Transaction::None {
            return Ok(false);
        }
        let Some(session) = &mut self.session else {
            return Err(self.no_connection());
        };
        let Some(sql) = D::single_transaction(session, writes) else {
            return Ok(false);
        };
        self.begin_by(&[sql], false).await.map(|()| true)
    }

    async fn begin_by(&mut self, texts: &[String], reads_alone: bool) -> Result<(), DatabaseError> {
        self.reads_alone = reads_alone;
        match self.run_all(texts, self.answer_limit, &mut |_| ()).await {
            Ok(()) => {
                self.transaction = Transaction::Open;
                Ok(())
            }
            Err(failure) => {
                // One of several statements failed; those before it may have had their effect.
                self.undo().await;
                Err(self.error(failure))
            }
        }
    }

    async fn read(&mut self, query: &Query, on_row: OnRow<'_>) -> Result<(), DatabaseError> {
        let mut unreadable = None;
        let mut on_step = |step| match step {
            Step::Row(Ok(row)) if unreadable.is_none() => on_row(row),
            Step::Row(Err(cause)) => unreadable = Some(cause),
            // Rows after an unreadable one are read and discarded.
            Step::Row(Ok(_)) | Step::Done(_) => {}
        };
        self.statement(query, &mut on_step).await?;
        match unreadable {
            None => Ok(()),
            Some(cause) => Err(self.mark_failed(ServerError {
                verdict: ErrorClass::Refused,
                cause,
            })),
        }
    }

    fn mark_failed(&mut self, failure: ServerError) -> DatabaseError {
        self.transaction = self.transaction.after_error();
        self.error(failure)
    }

    /// Rolls back on the server; if that fails, drops the connection, which has the same effect.
    async fn undo(&mut self) {
        self.transaction = Transaction::None;
        let Some(session) = &mut self.session else {
            return;
        };
        let texts = D::rollback(session);
        if let Err(failure) = self.run_all(&texts, self.timeout, &mut |_| ()).await {
            tracing::debug!("{}: rolling back: {}", self.endpoint, failure.cause);
            self.session = None;
        }
    }
}

#[async_trait]
impl<D: Driver> Database for ServerDatabase<D> {
    fn dialect(&self) -> Dialect {
        D::DIALECT
    }

    fn endpoint(&self) -> &str {
        &self.endpoint
    }

    fn why_plain(&self) -> Option<&str> {
        self.why_plain.as_deref()
    }

    fn skips_locked(&self) -> bool {
        self.session.as_ref().is_some_and(D::skips_locked)
    }

    fn witness(&self) -> Option<String> {
        self.session.as_ref().and_then(D::witness)
    }

    async fn query(&mut self, query: &Query, on_row: OnRow<'_>) -> Result<(), DatabaseError> {
        let single_transaction = self.begin_single(false).await?;
        let outcome = self.read(query, on_row).await;
        if single_transaction {
            self.undo().await;
        }
        outcome
    }

    async fn execute(&mut self, query: &Query) -> Result<Written, DatabaseError> {
        if self.transaction == Transaction::Open && self.reads_alone {
            let cause = "this transaction was started to read, and writes nothing".to_owned();
            return Err(self.mark_failed(ServerError {
                verdict: ErrorClass::Refused,
                cause,
            }));
        }
        let single_transaction = self.begin_single(true).await?;
        let mut written = Written {
            rows: 0,
            insert_id: 0,
        };
        let mut on_step = |step| {
            if let Step::Done(done) = step {
                written = done;
            }
        };
        let outcome = self.statement(query, &mut on_step).await;
        match outcome {
            Ok(()) if single_transaction => self.commit().await?,
            Err(_) if single_transaction => self.undo().await,
            _ => {}
        }
        outcome.map(|()| written)
    }

    async fn begin(&mut self, access: Access, idle_limit: Duration) -> Result<(), DatabaseError> {
        let Some(session) = &mut self.session else {
            return Err(self.no_connection());
        };
        if let Some(cause) = self.transaction.bars_begin() {
            return Err(self.refused(cause));
        }
        let texts = D::begin(session, access, idle_limit);
        self.begin_by(&texts, access == Access::Read).await
    }

    async fn commit(&mut self) -> Result<(), DatabaseError> {
        if let Some(cause) = self.transaction.bars_commit() {
            self.undo().await;
            return Err(self.refused(cause));
        }
        self.transaction = Transaction::None;
        let Some(session) = &mut self.session else {
            return Err(self.no_connection());
        };
        let texts = D::commit(session);
        let mut committed = false;
        let outcome = self
            .run_all(&texts, self.answer_limit, &mut |_| committed = true)
            .await;
        match outcome {
            Ok(()) => Ok(()),
            Err(failure) if committed => {
                // Only the clean-up after COMMIT failed. This session is not in its proper state.
                tracing::debug!("{}: after COMMIT: {}", self.endpoint, failure.cause);
                self.session = None;
                Ok(())
            }
            Err(ServerError {
                verdict: ErrorClass::Lost | ErrorClass::Stopped,
                cause,
            }) => {
                self.session = None;
                Err(self.error(lost(&cause)))
            }
            Err(ServerError { verdict, cause }) => {
                self.undo().await;
                // If each server of a cluster has its own locks, a conflict shows only now.
                let verdict = if matches!(verdict, ErrorClass::Busy | ErrorClass::Exhausted) {
                    verdict
                } else {
                    ErrorClass::Refused
                };
                Err(self.error(ServerError { verdict, cause }))
            }
        }
    }

    async fn rollback(&mut self) {
        if self.transaction != Transaction::None {
            self.undo().await;
        }
    }

    async fn reconnect(&mut self) -> Result<(), DatabaseError> {
        self.session = None;
        self.transaction = Transaction::None;
        match open_session(&*self.driver, self.timeout).await {
            Ok((session, why_plain)) => {
                (self.session, self.why_plain) = (Some(session), why_plain);
                Ok(())
            }
            Err(cause) => Err(DatabaseError::Unreachable {
                endpoint: self.endpoint.clone(),
                cause,
            }),
        }
    }

    async fn second_connection(&mut self) -> Result<Option<Box<dyn Database>>, DatabaseError> {
        if self.transaction != Transaction::None {
            return Ok(None);
        }
        let (driver, endpoint) = (Arc::clone(&self.driver), self.endpoint.clone());
        let second_connection =
            Self::connect_by(driver, endpoint, self.timeout, self.answer_limit).await?;
        Ok(Some(Box::new(second_connection)))
    }

    async fn close(mut self: Box<Self>) {
        if let Some(session) = self.session.take() {
            // Without an answer the connection is dropped, which the server handles as well.
            tokio::time::timeout(self.timeout, D::close(session))
                .await
                .ok();
        }
    }
}

impl<D: Driver> fmt::Debug for ServerDatabase<D> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dialect = D::DIALECT;
        write!(
            formatter,
            "ServerDatabase {{ dialect: {dialect:?}, endpoint: {:?}, .. }}",
            self.endpoint
        )
    }
}

/// Connects within the timeout. The error is the cause. With the session it is said why it is not
/// encrypted, if that was tried.
///
/// One name may have the addresses of several machines, the first of which may be gone: whoever
/// connects to the name waits for that one, and never comes to the others. So each has a part of the
/// time, and the next is tried where there is no server. The name itself is tried first: by TLS, the
/// server, or who stands before it, is told that name. Who was refused by a server asks no other.
async fn open_session<D: Driver>(
    driver: &D,
    timeout: Duration,
) -> Result<(D::Session, Option<String>), String> {
    let began = Instant::now();
    let mut each = at_each_address(driver, timeout).await?;
    if !each.is_empty() {
        // By the name it was the first one that kept us waiting.
        each.rotate_left(1);
    }
    let (mut silent, mut first) = (Vec::new(), None);
    let named = std::iter::once((None, driver));
    let by_address = each.iter().map(|(address, driver)| (Some(address), driver));
    for (number, (address, driver)) in named.chain(by_address).enumerate() {
        let left = timeout.saturating_sub(began.elapsed());
        let share = left / u32::try_from(each.len() + 1 - number).unwrap_or(u32::MAX);
        match attempt(driver, share).await {
            Ok(session) => return Ok((session, driver.why_plain())),
            Err(NoSession {
                cause,
                is_silent: true,
            }) => match address {
                None => first = Some(cause),
                Some(address) => silent.push(format!("{address}: {cause}")),
            },
            Err(none) => return Err(none.cause),
        }
    }
    Err(match first {
        Some(cause) if silent.is_empty() => cause,
        _ => silent.join("; "),
    })
}

/// The driver for each address of the server's name; none if it has only one, or is not found.
async fn at_each_address<D: Driver>(
    driver: &D,
    timeout: Duration,
) -> Result<Vec<(IpAddr, D)>, String> {
    let Some(name) = driver.name() else {
        return Ok(Vec::new());
    };
    let addresses = addresses::several(name, timeout)
        .await
        .map_err(|_| no_answer(timeout))?;
    let at = |address: IpAddr| driver.at(address).map(|driver| (address, driver));
    Ok(addresses.into_iter().filter_map(at).collect())
}

async fn attempt<D: Driver>(driver: &D, limit: Duration) -> Result<D::Session, NoSession> {
    let error = match tokio::time::timeout(limit, driver.connect()).await {
        Ok(Ok(session)) => return Ok(session),
        Ok(Err(error)) => error,
        Err(_) => {
            return Err(NoSession {
                cause: no_answer(in_tenths(limit)),
                is_silent: true,
            });
        }
    };
    let cause = error_text::<D>(&error);
    // Why there is no encryption may be why the login is refused.
    let cause = match driver.why_plain() {
        Some(why) => {
            format!("{cause} (not encrypted, which the account may demand, because {why})")
        }
        None => cause,
    };
    let is_silent = matches!(&error, sqlx::Error::Io(_)) && !tls_failed(&error) && !is_said(&error);
    Err(NoSession { cause, is_silent })
}

/// Sends a statement; each row and each statement's end must arrive within `limit`.
async fn drive<D: Driver>(
    session: &mut D::Session,
    query: &Query,
    limit: Duration,
    on_step: &mut (dyn FnMut(Step) + Send),
) -> Result<(), ServerError> {
    let mut steps = D::run(session, query);
    loop {
        match tokio::time::timeout(limit, steps.next()).await {
            Ok(Some(Ok(step))) => on_step(step),
            Ok(Some(Err(error))) => {
                return Err(ServerError {
                    verdict: D::verdict(&error),
                    cause: error_text::<D>(&error),
                });
            }
            Ok(None) => return Ok(()),
            Err(_) => return Err(lost(&no_answer(limit))),
        }
    }
}

fn lost(cause: &str) -> ServerError {
    ServerError {
        verdict: ErrorClass::Lost,
        cause: cause.to_owned(),
    }
}

fn no_answer(limit: Duration) -> String {
    format!("no answer within {} s", limit.as_secs_f64())
}

/// What is left of a timeout, for display.
fn in_tenths(limit: Duration) -> Duration {
    let tenths = (limit.as_millis() + 50) / 100;
    Duration::from_millis(u64::try_from(tenths.max(1) * 100).unwrap_or(u64::MAX))
}

fn error_text<D: Driver>(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(_) => D::server_message(error),
        error if tls_failed(error) => why_no_tls(error),
        sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            "the server closed the connection".to_owned()
        }
        sqlx::Error::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
