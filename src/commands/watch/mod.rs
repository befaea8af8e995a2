//! `dsctl watch`: the failover loop.

mod args;
mod clusters;
mod setup;
mod sinks;

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use anyhow::anyhow;
use schemars::JsonSchema;
use serde::Serialize;

use crate::commands::connected;
use crate::commands::failure::CommandError;
use crate::commands::shell::{Answer, Call, Shell, Skeleton, finish};
use crate::config::{Environment, Scope, Settings, TypedOptions};
use crate::diagnosis::check_codes;
use crate::exit_code::ExitCode;
use crate::failover::{Refusal, Rules};
use crate::files::lock::StateLock;
use crate::options::GlobalArgs;
use crate::output::{Body, Document, Format, Keys};
use crate::watch::guard::Limits;
use crate::watch::pause::{PauseFile, operator};
use crate::watch::state::{Brake, StateError, StateFile};
use crate::watch::{Plan, unit, watch};
pub(super) use args::WatchArgs;
use setup::{Setup, open_state};
use sinks::prepare;

/// The document of `watch` without a loop: of `--pause` and `--resume`, and of a loop that does not
/// start.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct WatchDocument {
    paused: Option<bool>,
    by: Option<String>,
    reason: Option<String>,
}

impl Keys for WatchDocument {}

impl Skeleton for WatchDocument {
    const COMMAND: &'static str = "watch";
}

pub(super) async fn run(call: Call<'_, '_>, arguments: &WatchArgs) -> io::Result<u8> {
    let environment = call.environment;
    if arguments.print_unit {
        let program =
            std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/usr/local/bin/dsctl"));
        let words = service_words(std::env::args_os().skip(1), arguments);
        return call.text("watch", |_| Ok(unit::unit(&program, &words)));
    }
    let answer = if let Some(reason) = &arguments.pause {
        pause(arguments, environment, reason)
    } else if arguments.resume {
        resume(arguments, environment)
    } else {
        let global = call.global;
        let work = async |shell: &mut Shell<'_, '_>, _: &mut Document| {
            run_loop(shell, global, environment, arguments)
                .await
                .map(|code| Answer::ending(code.number()))
        };
        return Box::pin(call.without_cluster(WatchDocument::default(), Scope::Cluster, work))
            .await;
    };
    finish(
        call.printer,
        Document::new(WatchDocument::COMMAND, WatchDocument::default()),
        answer,
    )
}

/// What a service is started with: all that was typed besides. Nobody can be asked there for consent.
fn service_words(typed: impl Iterator<Item = OsString>, arguments: &WatchArgs) -> Vec<String> {
    let mut words: Vec<String> = typed
        .map(|word| word.to_string_lossy().into_owned())
        .filter(|word| word != "--print-unit")
        .collect();
    if !arguments.guards.yes && !arguments.guards.dry_run {
        words.push("--yes".to_owned());
    }
    words
}

fn pause(
    arguments: &WatchArgs,
    environment: &Environment,
    reason: &str,
) -> Result<Answer<WatchDocument>, CommandError> {
    let state = open_state(arguments, environment)?;
    let file = PauseFile::sibling(state.path());
    let pause = file
        .pause(&operator(environment), reason)
        .map_err(|error| {
            let what = format!("nobody is paused: cannot write {}", file.path().display());
            cannot(what, error)
        })?;
    let keys = WatchDocument {
        paused: Some(true),
        by: Some(pause.by),
        reason: Some(reason.to_owned()),
    };
    let line = format!(
        "watchers with {} are paused; resume with {}",
        state.path().display(),
        TypedOptions::default()
            .with_state_file(arguments.state_file.as_deref())
            .resume()
    );
    Ok(Answer::new(Body::new(keys).closing(line)))
}

/// Of the state file, or one beside it: the command line is right, and the disk is not.
fn cannot(what: String, error: impl std::error::Error + Send + Sync + 'static) -> CommandError {
    CommandError::Other {
        error: anyhow::Error::new(error).context(what),
        hint: "make sure that the folder can be written to, and run the same command again; --state-file names another watcher's"
            .to_owned(),
        exit: ExitCode::Failure,
    }
}

/// Ends the pause and the storm brake. A running watcher sees the marker, and is the only one that
/// writes the state file; a watcher that starts later reads the state file.
fn resume(
    arguments: &WatchArgs,
    environment: &Environment,
) -> Result<Answer<WatchDocument>, CommandError> {
    let file = open_state(arguments, environment)?;
    let pause = PauseFile::sibling(file.path());
    let paused = pause.resume().map_err(|error| {
        let what = format!(
            "the pause goes on: cannot remove {}",
            pause.path().display()
        );
        cannot(what, error)
    })?;
    let braked = release_brake(&file).map_err(|error| {
        let pause = if paused.is_some() {
            "the pause has ended, but "
        } else {
            ""
        };
        cannot(
            format!("{pause}a storm brake, if one is on, stays on"),
            error,
        )
    })?;
    let was = match (&paused, &braked) {
        (Some(pause), _) => format!("the pause of {} has ended ({})", pause.by, pause.reason),
        (None, Some(brake)) => format!("the storm brake is released ({})", brake.reason),
        (None, None) => "nothing was paused, and the storm brake was not on".to_owned(),
    };
    let keys = WatchDocument {
        paused: Some(false),
        ..WatchDocument::default()
    };
    Ok(Answer::new(Body::new(keys).closing(was)))
}

/// Gives the brake that was on when this was said.
fn release_brake(file: &StateFile) -> Result<Option<Brake>, StateError> {
    // Read once no other process writes it: the state that an ending watcher saves must not be
    // lost.
    let state_lock = StateLock::acquire(file.path());
    let mut state = file.load().unwrap_or_default();
    let braked = state.brake.take();
    if let Ok(Some(_lock)) = state_lock {
        if braked.is_some() {
            state.failovers.clear();
            file.save(&state)?;
        }
    } else {
        let path = file.resume_marker();
        std::fs::write(&path, "").map_err(|source| StateError::Write { path, source })?;
    }
    Ok(braked)
}

/// Runs the loop; returns its exit code. It has reported everything by then.
async fn run_loop(
    shell: &mut Shell<'_, '_>,
    global: &GlobalArgs,
    environment: &Environment,
    arguments: &WatchArgs,
) -> Result<ExitCode, CommandError> {
    let (settings, stop) = (shell.settings.clone(), shell.stop.clone());
    let setup = setup(settings, global, environment, arguments)?;
    let mut prepared = prepare(setup, shell.printer).await?;
    let mut plan = plan(arguments);
    // While waiting for a lock it is as silent as between two rounds.
    if let Some(longest) = prepared.longest_interval {
        plan.interval = plan.interval.min(longest);
        plan.rules.lock_timeout = plan.rules.lock_timeout.min(longest);
    }
    Ok(watch(&mut prepared.surroundings, &plan, stop).await.code)
}

/// Checks that everything that a loop needs was given.
fn setup<'a>(
    settings: Settings,
    global: &'a GlobalArgs,
    environment: &'a Environment,
    arguments: &'a WatchArgs,
) -> Result<Setup<'a>, CommandError> {
    if !matches!(settings.output.format, Format::Table | Format::Ndjson) {
        return Err(CommandError::usage(
            anyhow!("watch prints events"),
            "use -o ndjson for programs",
        ));
    }
    if !arguments.guards.yes && !arguments.guards.dry_run {
        return Err(Refusal::WatchWithoutConsent.into());
    }
    connected::refuse_snapshot(
        &settings,
        "nothing happens in it that could be watched",
        "'dsctl failover --all-dead --dry-run' shows what would be done in it",
    )?;
    settings.database()?;
    check_codes(&settings.mutes)?;
    let state_file = open_state(arguments, environment)?;
    Ok(Setup {
        settings,
        global,
        environment,
        arguments,
        state_file,
    })
}

fn plan(arguments: &WatchArgs) -> Plan {
    let guards = &arguments.guards;
    Plan {
        interval: arguments.interval,
        limits: Limits {
            grace: guards.grace,
            cool_down: guards.cool_down,
            window: guards.window,
            max_masters: guards.max_masters as usize,
            max_instances: guards.max_instances,
        },
        rules: Rules {
            lock_timeout: guards.lock_timeout,
            max_instances: usize::try_from(guards.max_instances).unwrap_or(usize::MAX),
            ..guards.write.rules()
        },
        once: arguments.once,
        diagnose_every: arguments.diagnose_every(),
        fail_after: arguments.fail_after,
        dry_run: guards.dry_run,
    }
}
