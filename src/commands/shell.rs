//! What a command works with, what it answers, and how the answer is told.

use std::io;

use schemars::JsonSchema;

use super::connected;
use super::failure::CommandError;
use crate::cluster::{self, Cluster, Purpose};
use crate::config::{Environment, Scope, Settings, resolve};
use crate::exit_code::ExitCode;
use crate::options::GlobalArgs;
use crate::output::{Body, Document, ErrorBody, Keys, NoKeys, Printer};
use crate::stop::{StopSignal, Stopped};

/// The document of a command.
pub(super) trait Skeleton: Keys + Default + JsonSchema + 'static {
    /// The command as it is typed.
    const COMMAND: &'static str;
}

/// What a command came to.
#[derive(Debug)]
pub(super) struct Answer<K> {
    pub(super) body: Body<K>,
    pub(super) warnings: Vec<String>,
    /// Why it failed; the body may still hold what was done before.
    pub(super) error: Option<ErrorBody>,
    /// The code where there is no error.
    pub(super) exit: Option<ExitCode>,
    /// The exit status of what has told everything itself, as a program that ran in our place:
    /// nothing is told then.
    pub(super) passed_on: Option<u8>,
}

impl<K> Answer<K> {
    pub(super) fn new(body: Body<K>) -> Self {
        Self {
            body,
            warnings: Vec::new(),
            error: None,
            exit: None,
            passed_on: None,
        }
    }

    /// The same with other keys.
    pub(super) fn map<L>(self, keys: impl FnOnce(K) -> L) -> Answer<L> {
        let Self {
            body,
            warnings,
            error,
            exit,
            passed_on,
        } = self;
        Answer {
            body: body.map(keys),
            warnings,
            error,
            exit,
            passed_on,
        }
    }

    /// Adds a last line for people.
    pub(super) fn close_with(&mut self, line: impl Into<String>) {
        self.body.closing.push(line.into());
    }
}

impl<K: Default> Answer<K> {
    /// Everything has been told, and this is the status to end with.
    pub(super) fn ending(status: u8) -> Self {
        Self {
            passed_on: Some(status),
            ..Self::new(Body::default())
        }
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
        self.stop
            .unless(async { Ok(self.printer.confirm(question).await) })
            .await
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
            Err(error) => fail(self.printer, Document::new(command, NoKeys {}), error),
        }
    }

    /// A command that connects to what it needs by itself. `skeleton` is its document when it comes
    /// to nothing: what the command line says, and else nothing.
    pub(super) async fn alone<K: Skeleton>(
        self,
        skeleton: K,
        scope: Scope,
        work: impl AsyncFnOnce(&mut Shell<'_, '_>, &mut Document) -> Result<Answer<K>, CommandError>,
    ) -> io::Result<u8> {
        let mut document = Document::new(K::COMMAND, skeleton);
        let Self {
            global,
            environment,
            printer,
            stop,
            ..
        } = self;
        let settings = match stop
            .unless(settings(global.clone(), environment.clone(), scope))
            .await
        {
            Ok(settings) => settings,
            Err(error) => return fail(printer, document, error.body()),
        };
        document.warnings = settings.warnings.iter().map(ToString::to_string).collect();
        let mut shell = Shell {
            settings,
            printer,
            stop,
        };
        let answer = work(&mut shell, &mut document).await;
        finish(shell.printer, document, answer)
    }

    /// A command that works on registry and metadata store.
    pub(super) async fn on_cluster<K: Skeleton>(
        self,
        skeleton: K,
        access: Purpose,
        work: impl AsyncFnOnce(&mut Shell<'_, '_>, &mut Cluster) -> Result<Answer<K>, CommandError>,
    ) -> io::Result<u8> {
        self.alone(skeleton, Scope::Cluster, async |shell, document| {
            let mut cluster = cluster::connect(&shell.settings, access, &shell.stop).await?;
            connected::head(document, cluster.store.release());
            document.warnings.extend(cluster.store.plain_text());
            let mut answer = work(shell, &mut cluster).await;
            document.warnings.extend(
                cluster
                    .store
                    .warnings()
                    .into_iter()
                    .chain(cluster.registry.warnings()),
            );
            let left = connected::close(cluster).await;
            answer
                .as_mut()
                .map_or(&mut document.warnings, |answer| &mut answer.warnings)
                .extend(left);
            answer
        })
        .await
    }
}

/// Puts the settings together, in a thread: a password may come from a pipe, or from a terminal,
/// that says nothing for long, and whoever waits there in vain must be able to end it. The thread
/// then ends with the process.
async fn settings(
    global: GlobalArgs,
    environment: Environment,
    scope: Scope,
) -> Result<Settings, CommandError> {
    let (sender, resolved) = tokio::sync::oneshot::channel();
    let read = move || {
        // A statement of its own: the lock on stdin must be gone before a question is asked, which
        // another thread reads.
        let settings = resolve(&global, &environment, &mut io::stdin().lock(), scope);
        // Whoever asked may not wait for it any more.
        let _ = sender.send(settings);
    };
    let failed = |cause: anyhow::Error| CommandError::Other {
        error: cause.context("the settings cannot be read"),
        hint: "see ulimit -u: a thread of its own reads them".to_owned(),
        exit: ExitCode::Failure,
    };
    std::thread::Builder::new()
        .name("settings".to_owned())
        .spawn(read)
        .map_err(|error| failed(error.into()))?;
    Ok(resolved.await.map_err(|error| failed(error.into()))??)
}

/// Tells an answer, or why there is none; gives the number that the process ends with.
pub(super) fn finish<K: Keys + 'static>(
    printer: &mut Printer<'_>,
    mut document: Document,
    answer: Result<Answer<K>, CommandError>,
) -> io::Result<u8> {
    let Answer {
        body,
        warnings,
        error,
        exit,
        passed_on,
    } = match answer {
        Ok(answer) => answer,
        Err(error) => return fail(printer, document, error.body()),
    };
    if let Some(status) = passed_on {
        return Ok(status);
    }
    document.warnings.extend(warnings);
    document.body = body.boxed();
    if let Some(error) = error {
        return fail(printer, document, error);
    }
    printer.document(document)?;
    Ok(exit.unwrap_or(ExitCode::Done).number())
}

/// Tells a failure; gives the number that the process ends with.
fn fail(printer: &mut Printer<'_>, document: Document, error: ErrorBody) -> io::Result<u8> {
    let exit = error.exit_code;
    printer.document(Document {
        error: Some(error),
        ..document
    })?;
    Ok(exit.number())
}
