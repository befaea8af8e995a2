//! Opens the loop's clusters from the settings, which are reloaded on SIGHUP.

use std::io;

use async_trait::async_trait;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cluster::{self, Cluster, Purpose};
use crate::commands::failure::CommandError;
use crate::config::{Environment, Mute, Scope, Settings, resolve};
use crate::diagnosis::check_codes;
use crate::exit_code::ExitCode;
use crate::failover::FailoverError;
use crate::metadata::StoreError;
use crate::metadata::database::DatabaseError;
use crate::options::GlobalArgs;
use crate::registry::RegistryError;
use crate::signals;
use crate::stop::StopSignal;
use crate::watch::sinks::{Note, Sinks};
use crate::watch::{Clusters, Fault, Source, Trouble, What};

/// The cluster of the newest valid settings.
pub(super) struct Configured<'a> {
    settings: Settings,
    global: &'a GlobalArgs,
    environment: &'a Environment,
    purpose: Purpose,
    hangup: Option<Signal>,
    resized: Option<Signal>,
}

impl<'a> Configured<'a> {
    /// Listens for the signals from now on.
    pub(super) fn new(
        settings: Settings,
        global: &'a GlobalArgs,
        environment: &'a Environment,
        purpose: Purpose,
    ) -> Self {
        // Without a handler SIGHUP ends the process, as it does by default.
        let (hangup, resized) = (
            signal(SignalKind::hangup()).ok(),
            signal(SignalKind::window_change()).ok(),
        );
        Self {
            settings,
            global,
            environment,
            purpose,
            hangup,
            resized,
        }
    }
}

#[async_trait]
impl Clusters for Configured<'_> {
    async fn open(&mut self, stop: &StopSignal) -> Result<Cluster, Trouble> {
        cluster::connect(&self.settings, self.purpose, stop)
            .await
            .map_err(|error| trouble(&error.into()))
    }

    fn mutes(&self) -> &[Mute] {
        &self.settings.mutes
    }

    async fn reload(&mut self, sinks: &mut Sinks<'_>) {
        while !arrives_first(&mut self.hangup, &mut self.resized).await {
            sinks.refresh();
        }
        if !sinks.refresh() {
            // The terminal was closed: the loop is stopped in order.
            signals::terminate();
            return std::future::pending().await;
        }
        sinks.reloading();
        let settings = resolve(
            self.global,
            self.environment,
            &mut io::empty(),
            Scope::Cluster,
        );
        match settings.and_then(|read| check_codes(&read.mutes).map(|()| read)) {
            Ok(settings) => self.settings = settings,
            Err(error) => {
                let fault = Fault::Settings {
                    why: error.to_string(),
                };
                sinks.note(&Note::Event(What::Error(fault).into()));
            }
        }
    }
}

/// Invalid settings, and a database of another kind, are not fixed by a retry.
fn trouble(error: &CommandError) -> Trouble {
    let body = error.body();
    let text = std::iter::once(body.message)
        .chain(body.causes)
        .collect::<Vec<_>>()
        .join(": ");
    let schema = matches!(
        error,
        CommandError::Failover(FailoverError::Store(StoreError::Schema(_)))
    );
    let fatal = (matches!(error, CommandError::Config(_)) || schema).then_some(body.exit_code);
    let replica = matches!(
        error,
        CommandError::Failover(
            FailoverError::Registry(RegistryError::Doubtful { .. })
                | FailoverError::Database(DatabaseError::Doubtful { .. })
                | FailoverError::Store(StoreError::Database(DatabaseError::Doubtful { .. }))
        )
    );
    let code = if replica {
        ExitCode::Refused
    } else {
        ExitCode::Unreachable
    };
    let source = match error {
        CommandError::Failover(error) => Source::of(error),
        _ => None,
    };
    Trouble {
        text,
        fatal,
        code,
        source,
    }
}

/// Whether the first of two signals comes before the second; one without a handler never comes.
async fn arrives_first(first: &mut Option<Signal>, second: &mut Option<Signal>) -> bool {
    async fn arrival(signal: &mut Option<Signal>) {
        match signal {
            Some(signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        }
    }
    tokio::select! {
        () = arrival(first) => true,
        () = arrival(second) => false,
    }
}
