//! The sinks of the loop, and their order.

use std::io;
use std::time::Duration;

use super::args::NotificationArgs;
use super::clusters::Configured;
use super::setup::{Setup, lock_state};
use crate::cluster::Purpose;
use crate::commands::failure::CommandError;
use crate::config::{Environment, TypedOptions};
use crate::files::lock::StateLock;
use crate::output::Printer;
use crate::signals;
use crate::watch::hooks::{Hooks, parse_on};
use crate::watch::notify::Notify;
use crate::watch::sinks::{
    Caller, HookSink, Lines, LiveView, MetricsSink, ServiceManager, Sink, Sinks,
};
use crate::watch::{LoopContext, metrics_http};

/// What the loop needs to start.
pub(super) struct LoopSetup<'a> {
    pub(super) surroundings: LoopContext<'a>,
    /// The longest time between two rounds, if the service manager has a watchdog for them.
    pub(super) longest_interval: Option<Duration>,
    /// The lock on the state file; `None` in a dry run, which does not write it.
    _lock: Option<StateLock>,
}

/// Opens everything that the loop works with.
pub(super) async fn prepare<'a>(
    setup: Setup<'a>,
    printer: &'a mut Printer<'_>,
) -> Result<LoopSetup<'a>, CommandError> {
    let Setup {
        settings,
        global,
        environment,
        arguments,
        state_file,
    } = setup;
    let (notifications, dry_run) = (&arguments.notifications, arguments.guards.dry_run);
    let hooks = Caller {
        hooks: hooks(notifications)?,
        dry_run,
    };
    let metrics = metrics(notifications).await?;
    let notify = notify(environment)?;
    let longest_interval = notify.watchdog_interval();
    let state_lock = if dry_run {
        None
    } else {
        lock_state(&state_file)?
    };
    let typed =
        TypedOptions::of(&settings, global).with_state_file(arguments.state_file.as_deref());
    let shown: Box<dyn Sink + 'a> = if arguments.live {
        Box::new(live(printer, typed.clone())?)
    } else {
        Box::new(Lines::new(printer))
    };
    let sinks = Sinks::new(vec![
        Box::new(metrics),
        shown,
        Box::new(ServiceManager::new(notify)),
        // They take time, so all other sinks come first.
        Box::new(HookSink::new(hooks.clone())),
    ]);
    let purpose = if dry_run {
        Purpose::Look
    } else {
        Purpose::Write
    };
    let clusters = Configured::new(settings, global, environment, purpose);
    let surroundings = LoopContext::new(Box::new(clusters), sinks, hooks, state_file, typed);
    Ok(LoopSetup {
        surroundings,
        longest_interval,
        _lock: state_lock,
    })
}

fn unusable(message: String, hint: &str) -> CommandError {
    CommandError::usage(anyhow::Error::msg(message), hint)
}

fn hooks(notifications: &NotificationArgs) -> Result<Hooks, CommandError> {
    let on = notifications
        .on
        .iter()
        .map(|text| parse_on(text))
        .collect::<Result<Vec<_>, _>>();
    let on = on.map_err(|error| {
        unusable(
            format!("--on cannot be used: {error}"),
            "for example --on pre=/usr/bin/true",
        )
    })?;
    let hooks = Hooks {
        dir: notifications.hook.clone(),
        on,
        timeout: notifications.hook_timeout,
    };
    hooks.check().map_err(|problem| {
        unusable(
            problem,
            "the folder of --hook must exist, and only their owner may be able to change hooks",
        )
    })?;
    Ok(hooks)
}

async fn metrics(notifications: &NotificationArgs) -> Result<MetricsSink, CommandError> {
    let (metrics, page) = MetricsSink::new(notifications.metrics_file.clone());
    let Some(text) = &notifications.metrics_listen else {
        return Ok(metrics);
    };
    let address = metrics_http::parse_listen(text).map_err(|problem| {
        unusable(
            format!("--metrics-listen {text:?}: {problem}"),
            "for example 9187",
        )
    })?;
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .map_err(|error| {
            unusable(
                format!("cannot listen on {address}: {error}"),
                "use another port",
            )
        })?;
    tokio::spawn(metrics_http::serve(listener, page));
    Ok(metrics)
}

fn notify(environment: &Environment) -> Result<Notify, CommandError> {
    Notify::from_environment(environment).map_err(|error| {
        unusable(
            format!("NOTIFY_SOCKET cannot be used: {error}"),
            "see systemd's sd_notify(3)",
        )
    })
}

fn live(printer: &Printer<'_>, typed: TypedOptions) -> Result<LiveView, CommandError> {
    if !printer.can_show() {
        return Err(unusable(
            "--live needs a terminal".to_owned(),
            "omit it, or use -o ndjson",
        ));
    }
    signals::quit_in_order();
    signals::stop_in_order();
    let cannot = |error: io::Error| {
        unusable(
            format!("the terminal cannot be used: {error}"),
            "omit --live",
        )
    };
    LiveView::on_terminal(typed).map_err(cannot)
}
