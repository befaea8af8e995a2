use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, pending, ready};
use futures::stream::{self, BoxStream, StreamExt};

use super::ServerDatabase;
use crate::metadata::database::{Access, Database, DatabaseError, Dialect, Row, Value, Written};
use crate::metadata::driver::{Driver, ErrorClass, Step};
use crate::metadata::query::Query;
use crate::metadata::target::{ServerTarget, Tls};

const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_mins(1);
const DONE: Written = Written {
    rows: 3,
    insert_id: 7,
};

/// The server's answers to one text; the error's text says its class. `None` at the end: it never
/// answers.
type Answer = Vec<Option<Result<Step, &'static str>>>;

/// A server that plays back its answers and records what it was sent.
#[derive(Clone, Default)]
struct Script {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    sent: Arc<Mutex<Vec<String>>>,
    is_deaf: bool,
}

impl Driver for Script {
    type Session = Self;

    const DIALECT: Dialect = Dialect::MySql;

    fn connect(&self) -> BoxFuture<'_, Result<Self, sqlx::Error>> {
        if self.is_deaf {
            pending().boxed()
        } else {
            ready(Ok(self.clone())).boxed()
        }
    }

    fn run<'s>(session: &'s mut Self, query: &Query) -> BoxStream<'s, Result<Step, sqlx::Error>> {
        session.sent.lock().unwrap().push(query.sql().to_owned());
        let answer = session
            .answers
            .lock()
            .unwrap()
            .pop_front()
            .unwrap_or_else(|| vec![Some(Ok(Step::Done(DONE)))]);
        let is_endless = answer.iter().any(Option::is_none);
        let steps = answer.into_iter().flatten();
        let steps = stream::iter(
            steps.map(|step| step.map_err(|text| sqlx::Error::Protocol(text.to_owned()))),
        );
        if is_endless {
            steps.chain(stream::pending()).boxed()
        } else {
            steps.boxed()
        }
    }

    fn begin(_: &mut Self, _: Access, _: Duration) -> Vec<String> {
        ["SET x", "BEGIN"].map(str::to_owned).into()
    }

    fn commit(_: &mut Self) -> Vec<String> {
        ["COMMIT", "SET y"].map(str::to_owned).into()
    }

    fn rollback(_: &mut Self) -> Vec<String> {
        ["ROLLBACK", "SET y"].map(str::to_owned).into()
    }

    fn verdict(error: &sqlx::Error) -> ErrorClass {
        match error {
            sqlx::Error::Protocol(text) if text == "stopped" => ErrorClass::Stopped,
            sqlx::Error::Protocol(text) if text == "unique" => {
                ErrorClass::UniqueViolation { primary: false }
            }
            sqlx::Error::Protocol(text) if text == "refused" => ErrorClass::Refused,
            _ => ErrorClass::Lost,
        }
    }

    fn server_message(error: &sqlx::Error) -> String {
        error.to_string()
    }

    fn close(session: Self) -> BoxFuture<'static, ()> {
        session.sent.lock().unwrap().push("bye".to_owned());
        ready(()).boxed()
    }
}

impl Script {
    async fn open(&self) -> Result<ServerDatabase<Self>, DatabaseError> {
        let target = ServerTarget {
            host: "db".to_owned(),
            port: 1,
            user: "ds".to_owned(),
            password: None,
            database: "ds".to_owned(),
            tls: Tls::Disable,
            schema: None,
            asks_public_key: true,
            primary_only: false,
            others: Vec::new(),
            client_certificate: None,
        };
        ServerDatabase::open(self.clone(), &target, SHORT, LONG).await
    }

    /// An open writing transaction, followed by these answers.
    async fn in_transaction(
        &self,
        answers: impl IntoIterator<Item = Answer>,
    ) -> ServerDatabase<Self> {
        let mut database = self.open().await.unwrap();
        database.begin(Access::Write, LONG).await.unwrap();
        self.answers.lock().unwrap().extend(answers);
        self.sent.lock().unwrap().clear();
        database
    }

    fn sent(&self) -> Vec<String> {
        std::mem::take(&mut self.sent.lock().unwrap())
    }
}

fn fails(text: &'static str) -> Answer {
    vec![Some(Err(text))]
}

#[tokio::test]
async fn a_server_that_never_answers_is_unreachable() {
    let script = Script {
        is_deaf: true,
        ..Script::default()
    };
    assert!(matches!(
        script.open().await,
        Err(DatabaseError::Unreachable { .. })
    ));
}

#[tokio::test]
async fn a_statement_is_sent_as_it_is_written() {
    let script = Script::default();
    let mut database = script.open().await.unwrap();
    let query = Query::builder(Dialect::MySql)
        .push("a ")
        .bind(1)
        .push(" '?'")
        .build();
    assert_eq!(database.execute(&query).await.unwrap(), DONE);
    assert_eq!(script.sent(), ["a ? '?'"]);
}

#[tokio::test]
async fn nothing_is_sent_in_a_spoilt_transaction_but_its_end() {
    let script = Script::default();
    let mut database = script.in_transaction([fails("unique")]).await;
    assert!(matches!(
        database.execute(&"a".into()).await,
        Err(DatabaseError::UniqueViolation { .. })
    ));
    assert!(matches!(
        database.execute(&"b".into()).await,
        Err(DatabaseError::Refused { .. })
    ));
    assert!(matches!(
        database.commit().await,
        Err(DatabaseError::Refused { .. })
    ));
    assert_eq!(script.sent(), ["a", "ROLLBACK", "SET y"]);
    database.execute(&"c".into()).await.unwrap();
}

#[tokio::test]
async fn an_unreadable_column_spoils_too_and_the_rest_is_taken_off_the_line() {
    let script = Script::default();
    let row = |number| Some(Ok(Step::Row(Ok(Row(vec![Value::Int(number)])))));
    let answer = vec![
        row(1),
        Some(Ok(Step::Row(Err("column x".to_owned())))),
        row(2),
        Some(Ok(Step::Done(DONE))),
    ];
    let mut database = script.in_transaction([answer]).await;
    let mut seen = Vec::new();
    let result = database
        .query(&"a".into(), &mut |row| seen.push(row.int(0).unwrap()))
        .await;
    assert!(matches!(result, Err(DatabaseError::Refused { cause, .. }) if cause == "column x"));
    assert_eq!(seen, [1]);
    assert!(database.execute(&"b".into()).await.is_err());
}

#[tokio::test]
async fn a_failed_begin_leaves_nothing_behind() {
    let script = Script::default();
    let mut database = script.open().await.unwrap();
    script
        .answers
        .lock()
        .unwrap()
        .extend([vec![Some(Ok(Step::Done(DONE)))], fails("refused")]);
    assert!(matches!(
        database.begin(Access::Write, LONG).await,
        Err(DatabaseError::Refused { .. })
    ));
    assert_eq!(script.sent(), ["SET x", "BEGIN", "ROLLBACK", "SET y"]);
    database.begin(Access::Write, LONG).await.unwrap();
}

#[tokio::test]
async fn the_answer_to_commit_decides() {
    let done = || vec![Some(Ok(Step::Done(DONE)))];
    let cases: [(Vec<Answer>, &str, bool); 6] = [
        (vec![done(), done()], "done", true),
        // Only the clean-up after COMMIT fails: it is committed, but the connection is no longer
        // used.
        (vec![done(), fails("refused")], "done", false),
        (vec![fails("refused")], "refused", true),
        (vec![fails("unique")], "refused", true),
        (vec![fails("stopped")], "lost", false),
        (vec![fails("broken")], "lost", false),
    ];
    for (answers, want, lives) in cases {
        let told = format!("{answers:?}");
        let script = Script::default();
        let mut database = script.in_transaction(answers).await;
        let got = match database.commit().await {
            Ok(()) => "done",
            Err(DatabaseError::Refused { .. }) => "refused",
            Err(DatabaseError::Lost { .. }) => "lost",
            Err(_) => "else",
        };
        assert_eq!(got, want, "{told}");
        assert_eq!(database.execute(&"a".into()).await.is_ok(), lives, "{told}");
        database.reconnect().await.unwrap();
        database.begin(Access::Write, LONG).await.unwrap();
    }
}

#[tokio::test]
async fn a_rollback_without_an_answer_gives_up_the_connection() {
    let script = Script::default();
    let mut database = script.in_transaction([vec![None]]).await;
    database.rollback().await;
    assert!(matches!(
        database.execute(&"a".into()).await,
        Err(DatabaseError::Lost { .. })
    ));
    assert_eq!(script.sent(), ["ROLLBACK"]);
}

#[tokio::test]
async fn a_statement_that_is_not_waited_for_takes_its_connection_along() {
    let script = Script::default();
    let mut database = script.in_transaction([vec![None]]).await;
    let abandoned = database.execute(&"a".into()).now_or_never();
    assert!(abandoned.is_none());
    assert!(matches!(
        database.execute(&"b".into()).await,
        Err(DatabaseError::Lost { .. })
    ));
    assert_eq!(script.sent(), ["a"]);
}

#[tokio::test]
async fn a_lost_connection_is_not_used_again_until_reconnected() {
    let script = Script::default();
    let mut database = script.in_transaction([fails("broken")]).await;
    assert!(matches!(
        database.execute(&"a".into()).await,
        Err(DatabaseError::Lost { .. })
    ));
    assert!(matches!(
        database.commit().await,
        Err(DatabaseError::Refused { .. })
    ));
    assert!(matches!(
        database.begin(Access::Read, LONG).await,
        Err(DatabaseError::Lost { .. })
    ));
    assert_eq!(script.sent(), ["a"]);
    database.reconnect().await.unwrap();
    database.execute(&"b".into()).await.unwrap();
    Box::new(database).close().await;
    assert_eq!(script.sent(), ["b", "bye"]);
}

#[tokio::test]
async fn a_transaction_that_reads_writes_nothing() {
    let script = Script::default();
    let mut database = script.open().await.unwrap();
    database.begin(Access::Read, LONG).await.unwrap();
    script.sent();
    assert!(matches!(
        database.execute(&"a".into()).await,
        Err(DatabaseError::Refused { .. })
    ));
    assert!(script.sent().is_empty());
    database.rollback().await;
    database.execute(&"b".into()).await.unwrap();
    assert_eq!(script.sent(), ["ROLLBACK", "SET y", "b"]);
}
