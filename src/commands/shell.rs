//! What a command works with, what it answers, and how the answer is printed.

use std::io::{self, IsTerminal};

use schemars::JsonSchema;

use super::connected;
use super::failure::CommandError;
use crate::cluster::{self, Cluster, Purpose};
use crate::config::{
    ConfigError, Environment, Scope, SecretInput, SecretPrompt, Settings, Survey, TypedOptions,
    resolve, survey,
};
use crate::exit_code::ExitCode;
use crate::options::GlobalArgs;
use crate::output::{Body, Document, ErrorBody, Keys, NoKeys, Printer};
use crate::stop::{StopSignal, Stopped};

/// The document of a command.
pub(super) trait Skeleton: Keys + Default + JsonSchema + 'static {
    /// The name of the command as it is typed.
    const COMMAND: &'static str;
}

/// The answer of a command.
#[derive(Debug)]
pub(super) struct Answer<K> {
    pub(super) body: Body<K>,
    pub(super) warnings: Vec<String>,
    /// Why it failed; the body may still have what was done before.
    pub(super) error: Option<ErrorBody>,
    /// The exit code if there is no error.
    pub(super) exit: Option<ExitCode>,
    /// The exit status of what has printed everything itself, or that of a finished text: nothing
    /// more is printed then.
    pub(super) passed_on: Option<(Option<String>, u8)>,
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
    /// Everything has been printed, and this is the exit status.
    pub(super) fn ending(status: u8) -> Self {
        Self {
            passed_on: Some((None, status)),
            ..Self::new(Body::default())
        }
    }

    /// A finished text is printed in place of a document, with this exit status.
    pub(super) fn saying(text: String, status: u8) -> Self {
        Self {
            passed_on: Some((Some(text), status)),
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
    /// A signal arrived before an answer.
    pub(super) async fn confirm(&mut self, question: &str) -> Result<bool, Stopped> {
        self.stop
            .unless(async { Ok(self.printer.confirm(question).await) })
            .await
    }
}

/// A call of a command, before its settings are resolved.
pub(super) struct Call<'a, 'w> {
    pub(super) global: &'a GlobalArgs,
    pub(super) environment: &'a Environment,
    pub(super) printer: &'a mut Printer<'w>,
    pub(super) stop: StopSignal,
    /// The definition of the whole command line, for help.
    pub(super) definition: fn() -> clap::Command,
}

impl Call<'_, '_> {
    /// Runs a command whose answer is a finished text.
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

    /// Runs a command that connects to what it needs by itself. `skeleton` is its empty document,
    /// with only the values from the command line.
    pub(super) async fn without_cluster<K: Skeleton>(
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
        let (global, environment) = (global.clone(), environment.clone());
        let read = move |stdin: &mut dyn SecretInput| resolve(&global, &environment, stdin, scope);
        let settings = match stop.unless(reading(read)).await {
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

    /// Runs a command that looks at the settings alone, also at those that cannot be used.
    pub(super) async fn surveying<K: Skeleton>(
        self,
        skeleton: K,
        answer: fn(&Survey) -> Answer<K>,
    ) -> io::Result<u8> {
        let mut document = Document::new(K::COMMAND, skeleton);
        let (global, environment) = (self.global.clone(), self.environment.clone());
        let read = move |stdin: &mut dyn SecretInput| survey(&global, &environment, stdin);
        let survey = match self.stop.unless(reading(read)).await {
            Ok(survey) => survey,
            Err(error) => return fail(self.printer, document, error.body()),
        };
        let warnings = survey.settings.warnings.iter();
        document.warnings = warnings.map(ToString::to_string).collect();
        finish(self.printer, document, Ok(answer(&survey)))
    }

    /// Runs a command that only reads registry and metadata store.
    pub(super) async fn reading<K: Skeleton>(
        self,
        work: impl AsyncFnOnce(&mut Cluster) -> Result<Answer<K>, CommandError>,
    ) -> io::Result<u8> {
        self.on_cluster(K::default(), Purpose::Read, async |_, cluster| {
            work(cluster).await
        })
        .await
    }

    /// Runs a command that works on registry and metadata store.
    pub(super) async fn on_cluster<K: Skeleton>(
        self,
        skeleton: K,
        access: Purpose,
        on_cluster: impl AsyncFnOnce(
            &mut Shell<'_, '_>,
            &mut Cluster,
        ) -> Result<Answer<K>, CommandError>,
    ) -> io::Result<u8> {
        let global = self.global.clone();
        let work = async |shell: &mut Shell<'_, '_>, document: &mut Document| {
            let typed = TypedOptions::of(&shell.settings, &global);
            let with_hint = |error| with_typed_options(error, &typed);
            let connected = cluster::connect(&shell.settings, access, &shell.stop).await;
            let mut cluster = connected.map_err(|error| with_hint(error.into()))?;
            connected::head(document, cluster.store.release());
            document.warnings.extend(cluster.store.plain_text());
            let mut answer = on_cluster(shell, &mut cluster).await;
            document.warnings.extend(
                cluster
                    .store
                    .warnings()
                    .into_iter()
                    .chain(cluster.registry.warnings()),
            );
            if let Ok(answer) = &mut answer {
                name_typed_options(answer, &typed);
            }
            let left = connected::close(cluster).await;
            answer
                .as_mut()
                .map_or(&mut document.warnings, |answer| &mut answer.warnings)
                .extend(left);
            answer.map_err(with_hint)
        };
        // Boxed, because the future is too large for the stack.
        Box::pin(self.without_cluster(skeleton, Scope::Cluster, work)).await
    }
}

/// The next commands are printed without the options that say which cluster is meant: the password
/// may be in one of them. Without those options they would fail, or work on another cluster.
fn name_typed_options<K>(answer: &mut Answer<K>, typed: &TypedOptions) {
    let lines = answer.body.closing.iter().chain(&answer.warnings);
    if let Some(remark) = typed.remark(lines.map(String::as_str)) {
        answer.close_with(remark);
    }
    if let Some(error) = &mut answer.error {
        complete_hint(error, typed);
    }
}

/// The same for the error of a command that has no answer.
fn with_typed_options(error: CommandError, typed: &TypedOptions) -> CommandError {
    let before = error.body();
    let mut body = before.clone();
    complete_hint(&mut body, typed);
    if body == before {
        error
    } else {
        CommandError::Reported(Box::new(body))
    }
}

fn complete_hint(error: &mut ErrorBody, typed: &TypedOptions) {
    let texts = [Some(error.message.as_str()), error.hint.as_deref()];
    if let Some(remark) = typed.remark(texts.into_iter().flatten()) {
        error.hint = Some(match error.hint.take() {
            Some(hint) => format!("{hint} {remark}"),
            None => remark,
        });
    }
}

/// Reads settings, in a thread: a password may come from a pipe or a terminal where no input
/// arrives for long, and the operator must be able to interrupt that. The thread then ends with the
/// process.
async fn reading<T: Send + 'static>(
    read: impl FnOnce(&mut dyn SecretInput) -> Result<T, ConfigError> + Send + 'static,
) -> Result<T, CommandError> {
    let (sender, resolved) = tokio::sync::oneshot::channel();
    let read = move || {
        // A separate statement: the lock on stdin must be released before a confirmation, which
        // another thread reads.
        let settings = if io::stdin().is_terminal() {
            read(&mut SecretPrompt)
        } else {
            read(&mut io::stdin().lock())
        };
        // The receiver may no longer be waiting for it.
        let _ = sender.send(settings);
    };
    let failed = |cause: anyhow::Error| CommandError::Other {
        error: cause.context("the settings cannot be read"),
        hint: "see ulimit -u: they are read in a separate thread".to_owned(),
        exit: ExitCode::Failure,
    };
    std::thread::Builder::new()
        .name("settings".to_owned())
        .spawn(read)
        .map_err(|error| failed(error.into()))?;
    Ok(resolved.await.map_err(|error| failed(error.into()))??)
}

/// Prints an answer, or why there is none; returns the exit code of the process.
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
    if let Some((text, status)) = passed_on {
        if let Some(text) = text {
            printer.text(&text)?;
        }
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

/// Prints a failure; returns the exit code of the process.
fn fail(printer: &mut Printer<'_>, document: Document, error: ErrorBody) -> io::Result<u8> {
    let exit = printer.exit_code(error.exit_code);
    printer.document(Document {
        error: Some(error),
        ..document
    })?;
    Ok(exit)
}
