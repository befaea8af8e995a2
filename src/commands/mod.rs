//! One file per command: settings in, core called, values handed to output.

mod clear_hosts;
mod command_list;
mod connect;
mod contract;
mod demo;
mod failover;
mod failure;
mod instances;
mod lock_acquire;
mod lock_child;
mod lock_guard;
mod lock_status;
mod lock_terminal;
mod masters;
mod recover;
mod report;
mod report_record;
mod times;
mod watch;
mod watch_around;
mod watch_shapes;
mod writing;

use std::io;

use crate::cli::{Cli, Command, HelpArgs, LockCommand, completions, help, man};
use crate::config::{Environment, Scope, Settings, resolve};
use crate::exit_code::ExitCode;
use crate::failover::{FailoverError, StopSignal};
use crate::family::Release;
use crate::output::{Body, Document, ErrorBody, Printer};
use failure::CommandError;

pub use lock_guard::is_guard;

/// What a command came to.
#[derive(Debug, Default)]
struct Answer {
    body: Body,
    warnings: Vec<String>,
    /// Why it failed; the body may still hold what was done before.
    error: Option<ErrorBody>,
    /// The code where there is no error.
    exit: Option<ExitCode>,
}

impl Answer {
    fn new(body: Body) -> Self {
        Self { body, ..Self::default() }
    }
}

/// What every command works with.
struct Shell<'a, 'w> {
    settings: Settings,
    printer: &'a mut Printer<'w>,
    stop: StopSignal,
    /// The answer of a command that came to nothing.
    nothing: Document,
}

/// Runs a command and prints its answer; gives the number that the process ends with.
pub async fn run(cli: Cli, environment: &Environment, printer: &mut Printer<'_>, stop: StopSignal) -> u8 {
    let code = match text_of(&cli.command) {
        Some(text) => print(printer, text),
        // All that a command waits for is one future, too large for the stack's taste.
        None => Box::pin(with_settings(cli, environment, printer, stop)).await,
    };
    code.unwrap_or_else(|error| unwritten(printer, &error))
}

/// Stdout cannot take it, as on a full disk: what was done is done, but the caller must not think it read it. Gives the number
/// that the process ends with.
pub fn unwritten(printer: &mut Printer<'_>, error: &io::Error) -> u8 {
    let message = format!("the answer cannot be written: {error}");
    let hint = "what was done stands; 'dsctl instances' and 'dsctl commands' show it";
    printer.error(&ErrorBody::new("io", message, ExitCode::Failure).hint(hint));
    ExitCode::Failure.number()
}

/// Commands whose answer is a finished text.
fn text_of(command: &Command) -> Option<Result<String, ErrorBody>> {
    let mut text = Vec::new();
    let written = match command {
        Command::Completions { shell } => completions(*shell, &mut text),
        Command::Man => man(&mut text),
        Command::Help(HelpArgs { topic }) => {
            let usage = |error: crate::cli::UnknownTopic| {
                ErrorBody::new("usage", error.to_string(), ExitCode::Usage).hint(error.hint())
            };
            return Some(help(topic).map_err(usage));
        }
        _ => return None,
    };
    let failed = |error: io::Error| ErrorBody::new("io", error.to_string(), ExitCode::Failure);
    Some(written.map(|()| String::from_utf8_lossy(&text).into_owned()).map_err(failed))
}

fn print(printer: &mut Printer<'_>, text: Result<String, ErrorBody>) -> io::Result<u8> {
    match text {
        Ok(text) => printer.text(&text).map(|()| ExitCode::Done.number()),
        Err(error) => {
            printer.error(&error);
            Ok(error.exit_code.number())
        }
    }
}

async fn with_settings(
    cli: Cli,
    environment: &Environment,
    printer: &mut Printer<'_>,
    stop: StopSignal,
) -> io::Result<u8> {
    if let Command::Watch(arguments) = &cli.command
        && let Some(answered) = watch::aside(arguments, environment, printer)
    {
        return answered;
    }
    let mut nothing = Document::new(name_of(&cli.command));
    nothing.body = contract::nothing(&cli.command);
    let scope = if matches!(cli.command, Command::Demo(_)) { Scope::Local } else { Scope::Cluster };
    // A statement of its own: the lock on stdin must be gone before a question is asked, which another thread reads.
    let resolved = resolve(&cli.global, environment, &mut io::stdin().lock(), scope);
    match resolved {
        Ok(settings) => {
            if let Command::Watch(arguments) = &cli.command {
                return Box::pin(watch::run(settings, &cli.global, environment, arguments, printer, stop)).await;
            }
            nothing.warnings = settings.warnings.iter().map(ToString::to_string).collect();
            let mut shell = Shell { settings, printer, stop, nothing };
            dispatch(&mut shell, cli.command).await
        }
        Err(error) => {
            let error = CommandError::from(error).body();
            finish(printer, nothing, Answer { error: Some(error), ..Answer::default() })
        }
    }
}

fn name_of(command: &Command) -> &'static str {
    match command {
        Command::Masters => "masters",
        Command::Lock(LockCommand::Status(_)) => "lock status",
        Command::Lock(LockCommand::Acquire(_)) => "lock acquire",
        Command::Instances(_) => "instances",
        Command::ClearHosts(_) => "clear-hosts",
        Command::Recover(_) => "recover",
        Command::Failover(_) => "failover",
        Command::Watch(_) => "watch",
        Command::Commands => "commands",
        Command::Demo(_) => "demo",
        Command::Completions { .. } => "completions",
        Command::Man => "man",
        Command::Help(_) => "help",
    }
}

async fn dispatch(shell: &mut Shell<'_, '_>, command: Command) -> io::Result<u8> {
    match command {
        Command::Lock(LockCommand::Acquire(arguments)) => lock_acquire::run(shell, &arguments).await,
        Command::Lock(LockCommand::Status(arguments)) => lock_status::run(shell, &arguments).await,
        Command::Demo(arguments) => demo::run(shell, &arguments).await,
        command => on_cluster(shell, command).await,
    }
}

/// Commands that need registry and metadata store.
async fn on_cluster(shell: &mut Shell<'_, '_>, command: Command) -> io::Result<u8> {
    let access = match &command {
        Command::ClearHosts(arguments) if !arguments.safety.dry_run => connect::Access::Write,
        Command::Recover(arguments) if !arguments.safety.dry_run => connect::Access::Write,
        Command::Failover(arguments) if !arguments.safety.dry_run => connect::Access::Write,
        _ => connect::Access::Read,
    };
    let mut cluster = match connect::cluster(&shell.settings, access, &shell.stop).await {
        Ok(cluster) => cluster,
        Err(error) => {
            let answer = Answer { error: Some(error.body()), ..Answer::default() };
            return finish(shell.printer, shell.nothing.clone(), answer);
        }
    };
    let mut document = shell.nothing.clone();
    head(&mut document, cluster.store.release());
    document.warnings.extend(cluster.store.plain_text());
    let answer = match command {
        Command::Masters => masters::run(shell, &mut cluster).await,
        Command::Instances(arguments) => instances::run(shell, &mut cluster, &arguments).await,
        Command::ClearHosts(arguments) => clear_hosts::run(shell, &mut cluster, &arguments).await,
        Command::Recover(arguments) => recover::run(shell, &mut cluster, &arguments).await,
        Command::Failover(arguments) => failover::run(shell, &mut cluster, &arguments).await,
        // What needs no cluster was dispatched before.
        _ => command_list::run(shell, &mut cluster).await,
    };
    document.warnings.extend(cluster.store.warnings().into_iter().chain(cluster.registry.warnings()));
    let left = connect::close(cluster).await;
    let mut answer = answer.unwrap_or_else(|error| Answer { error: Some(error.body()), ..Answer::default() });
    answer.warnings.extend(left);
    finish(shell.printer, document, answer)
}

/// Runs something that may be dropped half-way when a signal comes.
async fn or_stopped<T>(
    mut stop: StopSignal,
    work: impl Future<Output = Result<T, CommandError>>,
) -> Result<T, CommandError> {
    tokio::select! {
        biased;
        stop = stop.requested() => Err(CommandError::Failover(FailoverError::Stopped(stop))),
        result = work => result,
    }
}

/// What the head of an answer says of the release.
fn head(document: &mut Document, release: &Release) {
    document.family = Some(release.family.label.to_owned());
    document.ds_version = release.version().map(|version| version.to_string());
    document.warnings.extend(release.contradictions.iter().cloned());
}

fn finish(printer: &mut Printer<'_>, mut document: Document, answer: Answer) -> io::Result<u8> {
    let exit = match &answer.error {
        Some(error) => error.exit_code,
        None => answer.exit.unwrap_or(ExitCode::Done),
    };
    document.warnings.extend(answer.warnings);
    document.body = contract::complete(document.body, answer.body);
    document.error = answer.error;
    printer.document(&document)?;
    Ok(exit.number())
}
