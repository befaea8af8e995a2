//! What a command works with, what it answers, and how the answer is told.

use std::io;

use super::connect::{self, Access};
use super::failure::CommandError;
use crate::cluster::Cluster;
use crate::config::{Environment, Scope, Settings, resolve};
use crate::exit_code::ExitCode;
use crate::options::GlobalArgs;
use crate::output::{Body, Document, ErrorBody, Printer};
use crate::stop::{StopSignal, Stopped};

/// No record at all.
pub(super) const NONE: [serde_json::Value; 0] = [];

/// What a command came to.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) body: Body,
    pub(super) warnings: Vec<String>,
    /// Why it failed; the body may still hold what was done before.
    pub(super) error: Option<ErrorBody>,
    /// The code where there is no error.
    pub(super) exit: Option<ExitCode>,
    /// The exit status of what has told everything itself, as a program that ran in our place: nothing is told then.
    pub(super) passed_on: Option<u8>,
}

impl Answer {
    pub(super) fn new(body: Body) -> Self {
        Self { body, ..Self::default() }
    }

    /// Everything has been told, and this is the code to end with.
    pub(super) fn ending(code: ExitCode) -> Self {
        Self { passed_on: Some(code.number()), ..Self::default() }
    }

    pub(super) fn failed(error: &CommandError) -> Self {
        Self { error: Some(error.body()), ..Self::default() }
    }
}

/// What every command works with.
pub(super) struct Shell<'a, 'w> {
    pub(super) settings: Settings,
    pub(super) printer: &'a mut Printer<'w>,
    pub(super) stop: StopSignal,
}

impl Shell<'_, '_> {
    /// Asks the operator.
    ///
    /// # Errors
    /// A signal came before an answer.
    pub(super) async fn confirm(&mut self, question: &str) -> Result<bool, Stopped> {
        self.stop.unless(async { Ok(self.printer.confirm(question).await) }).await
    }
}

/// A call of a command, before its settings are put together.
pub(super) struct Call<'a, 'w> {
    pub(super) global: &'a GlobalArgs,
    pub(super) environment: &'a Environment,
    pub(super) printer: &'a mut Printer<'w>,
    pub(super) stop: StopSignal,
    /// The whole command line, to tell of it.
    pub(super) definition: fn() -> clap::Command,
}

impl Call<'_, '_> {
    /// A command whose answer is a finished text.
    pub(super) fn text(
        self,
        command: &'static str,
        text: impl FnOnce(&clap::Command) -> Result<String, ErrorBody>,
    ) -> io::Result<u8> {
        match text(&(self.definition)()) {
            Ok(text) => self.printer.text(&text).map(|()| ExitCode::Done.number()),
            Err(error) => {
                let answer = Answer { error: Some(error), ..Answer::default() };
                finish(self.printer, Document::new(command), answer)
            }
        }
    }

    /// A command that connects to what it needs by itself. `empty` is its document when it comes to nothing: every key, with
    /// nothing in it.
    pub(super) async fn alone(
        self,
        empty: Document,
        scope: Scope,
        work: impl AsyncFnOnce(&mut Shell<'_, '_>, &mut Document) -> Result<Answer, CommandError>,
    ) -> io::Result<u8> {
        let mut document = empty;
        let Self { global, environment, printer, stop, .. } = self;
        let settings = match stop.unless(settings(global.clone(), environment.clone(), scope)).await {
            Ok(settings) => settings,
            Err(error) => return finish(printer, document, Answer::failed(&error)),
        };
        document.warnings = settings.warnings.iter().map(ToString::to_string).collect();
        let mut shell = Shell { settings, printer, stop };
        let answer = work(&mut shell, &mut document).await.unwrap_or_else(|error| Answer::failed(&error));
        finish(shell.printer, document, answer)
    }

    /// A command that works on registry and metadata store.
    pub(super) async fn on_cluster(
        self,
        empty: Document,
        access: Access,
        work: impl AsyncFnOnce(&mut Shell<'_, '_>, &mut Cluster) -> Result<Answer, CommandError>,
    ) -> io::Result<u8> {
        self.alone(empty, Scope::Cluster, async |shell, document| {
            let mut cluster = connect::cluster(&shell.settings, access, &shell.stop).await?;
            connect::head(document, cluster.store.release());
            document.warnings.extend(cluster.store.plain_text());
            let answer = work(shell, &mut cluster).await;
            document.warnings.extend(cluster.store.warnings().into_iter().chain(cluster.registry.warnings()));
            let left = connect::close(cluster).await;
            let mut answer = answer.unwrap_or_else(|error| Answer::failed(&error));
            answer.warnings.extend(left);
            Ok(answer)
        })
        .await
    }
}

/// Puts the settings together, in a thread: a password may come from a pipe, or from a terminal, that says nothing for long, and
/// whoever waits there in vain must be able to end it. The thread then ends with the process.
async fn settings(global: GlobalArgs, environment: Environment, scope: Scope) -> Result<Settings, CommandError> {
    let (sender, resolved) = tokio::sync::oneshot::channel();
    let read = move || {
        // A statement of its own: the lock on stdin must be gone before a question is asked, which another thread reads.
        let settings = resolve(&global, &environment, &mut io::stdin().lock(), scope);
        // Whoever asked may not wait for it any more.
        let _ = sender.send(settings);
    };
    let failed = |cause: String| CommandError::Other {
        message: "the settings cannot be read".to_owned(),
        cause: Some(cause),
        hint: None,
        exit: ExitCode::Failure,
    };
    std::thread::Builder::new().name("settings".to_owned()).spawn(read).map_err(|error| failed(error.to_string()))?;
    Ok(resolved.await.map_err(|error| failed(error.to_string()))??)
}

/// Tells an answer; gives the number that the process ends with.
pub(super) fn finish(printer: &mut Printer<'_>, mut document: Document, answer: Answer) -> io::Result<u8> {
    if let Some(status) = answer.passed_on {
        return Ok(status);
    }
    let exit = match &answer.error {
        Some(error) => error.exit_code,
        None => answer.exit.unwrap_or(ExitCode::Done),
    };
    document.warnings.extend(answer.warnings);
    document.body = complete(document.body, answer.body);
    document.error = answer.error;
    printer.document(&document)?;
    Ok(exit.number())
}

/// Puts what the command came to over the body that holds nothing; the keys keep that one's order.
pub(super) fn complete(nothing: Body, answer: Body) -> Body {
    let mut body = Body { keys: nothing.keys, ..answer };
    body.keys.extend(answer.keys);
    for records in nothing.records {
        if !body.records.iter().any(|other| other.key == records.key) {
            body.records.push(records);
        }
    }
    body
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::output::Records;

    #[test]
    fn an_answer_fills_what_was_empty_and_adds_the_rest() {
        let nothing = Body::default().key("a", 0).records("list", "item", NONE).key("b", Value::Null);
        let answer = Body::default().records("list", "item", vec![json!(1)]).key("new", 2).key("a", 3).closing("end");
        let body = complete(nothing, answer);
        assert_eq!(body.records.iter().flat_map(Records::texts).collect::<Vec<_>>(), ["1"]);
        assert_eq!(Value::Object(body.keys).to_string(), r#"{"a":3,"list":null,"b":null,"new":2}"#);
        assert_eq!((body.records.len(), body.closing.len()), (1, 1));
    }
}
