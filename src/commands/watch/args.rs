//! The options of `dsctl watch`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::commands::write_args::WriteArgs;
use crate::options::value::{self, ValueError};

/// How often something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeated {
    /// Not at all.
    Never,
    /// After this time again.
    Every(Duration),
}

fn repeated(text: &str) -> Result<Repeated, ValueError> {
    match text {
        "never" => Ok(Repeated::Never),
        text => value::positive_duration(text)
            .map(Repeated::Every)
            .map_err(|error| ValueError(format!("{error}; 'never' switches it off"))),
    }
}

/// How often is looked for what hangs, if nothing is said.
const DIAGNOSE_EVERY: Duration = Duration::from_mins(5);

/// Arguments of `watch`.
// Each danger has its own flag, so that consent to one is none to another.
#[allow(clippy::struct_excessive_bools)]
#[derive(Args, Clone, Debug)]
pub(crate) struct WatchArgs {
    /// Time between two scans of the database, from start to start
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = value::positive_duration)]
    pub interval: Duration,

    /// Look for what hangs, as 'doctor' does, this often in rounds in which no master is missing;
    /// or 'never' [default: 5m; with --once: never]
    #[arg(long, value_name = "DURATION", value_parser = repeated)]
    pub diagnose_every: Option<Repeated>,

    /// Run one round and exit with the code of its failovers; missing masters are remembered in the
    /// state file
    #[arg(long)]
    pub once: bool,

    /// Exit with code 6 after this long without a successful round
    #[arg(long, value_name = "DURATION", value_parser = value::positive_duration)]
    pub fail_after: Option<Duration>,

    /// Show masters, guards and events as a full-screen view of the terminal
    #[arg(long, conflicts_with = "once")]
    pub live: bool,

    /// State file; by default that of the installed service (/var/lib/dsctl/watch.json), or else
    /// ~/.local/state/dsctl/watch.json
    #[arg(long, value_name = "FILE")]
    pub state_file: Option<PathBuf>,

    /// Pause every watcher with this state file, and say why; nothing else is done
    #[arg(long, value_name = "REASON", conflicts_with = "resume", value_parser = NonEmptyStringValueParser::new())]
    pub pause: Option<String>,

    /// End the pause and release the storm brake; nothing else is done
    #[arg(long)]
    pub resume: bool,

    /// Print a systemd unit that runs the loop with the other options of this line; nothing else is
    /// done
    #[arg(long, conflicts_with_all = ["pause", "resume"])]
    pub print_unit: bool,

    /// Limits of the loop.
    #[command(flatten)]
    pub guards: GuardArgs,

    /// The notifications.
    #[command(flatten)]
    pub notifications: NotificationArgs,
}

impl WatchArgs {
    /// How often is looked for what hangs. A single round does so only if it is told to: it tells
    /// everything anew.
    #[must_use]
    pub(super) fn diagnose_every(&self) -> Option<Duration> {
        match self.diagnose_every {
            None => (!self.once).then_some(DIAGNOSE_EVERY),
            Some(Repeated::Never) => None,
            Some(Repeated::Every(time)) => Some(time),
        }
    }

    /// Whether the loop is run, and not one of the immediate actions.
    #[must_use]
    pub(crate) fn is_loop(&self) -> bool {
        !self.print_unit && !self.resume && self.pause.is_none()
    }
}

/// The guards, and consent.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Safety")]
pub(crate) struct GuardArgs {
    /// Run the whole loop and write nothing
    #[arg(long, conflicts_with = "yes")]
    pub dry_run: bool,

    /// Fail masters over without confirmation. Every check still applies
    #[arg(short, long)]
    pub yes: bool,

    /// How long a registration must be missing before a failover; longer than the masters' registry
    /// session
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = value::duration)]
    pub grace: Duration,

    /// Minimum time between two failovers of the same master
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = value::duration)]
    pub cool_down: Duration,

    /// Period over which the storm brake counts
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = value::positive_duration)]
    pub window: Duration,

    /// More masters than this within the window trip the storm brake
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_masters: u32,

    /// More instances than this within the window trip the storm brake; a master that has more by
    /// itself is left alone
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub max_instances: u64,

    /// Longest wait for the lock; then the master is skipped in this round
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = value::duration)]
    pub lock_timeout: Duration,

    /// How instances are written.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// Who is notified of what the loop does.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Notifications")]
pub(crate) struct NotificationArgs {
    /// Write metrics for Prometheus into this file after each round
    #[arg(long, value_name = "FILE.prom")]
    pub metrics_file: Option<PathBuf>,

    /// Serve metrics for Prometheus; a port without an address is on loopback
    #[arg(long, value_name = "[HOST:]PORT")]
    pub metrics_listen: Option<String>,

    /// Folder with programs pre, post-success, post-failure, blocked; pre may veto
    #[arg(long, value_name = "DIR")]
    pub hook: Option<PathBuf>,

    /// Program for one of these moments, without a shell: pre=/usr/local/bin/may-i
    #[arg(long, value_name = "EVENT=CMD")]
    pub on: Vec<String>,

    /// Timeout of each hook
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = value::positive_duration)]
    pub hook_timeout: Duration,
}
