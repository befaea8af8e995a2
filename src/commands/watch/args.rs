//! The options of `dsctl watch`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::options::value::{self, Rate};

/// Arguments of `watch`.
// Each danger has its own flag, so that consent to one is none to another.
#[allow(clippy::struct_excessive_bools)]
#[derive(Args, Clone, Debug)]
pub(crate) struct WatchArgs {
    /// Between two scans of the database, from start to start
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = value::positive_duration)]
    pub interval: Duration,

    /// One round, then end with its failovers' exit code; what was seen missing is kept in the state file
    #[arg(long)]
    pub once: bool,

    /// End with code 6 after so long without a round that succeeded
    #[arg(long, value_name = "DURATION", value_parser = value::positive_duration)]
    pub fail_after: Option<Duration>,

    /// Show masters, guards and events in place, on a terminal
    #[arg(long, conflicts_with = "once")]
    pub live: bool,

    /// Keep what was seen and done in this file; by default that of the installed service (/var/lib/dsctl/watch.json), or
    /// else ~/.local/state/dsctl/watch.json
    #[arg(long, value_name = "FILE")]
    pub state_file: Option<PathBuf>,

    /// Pause every watcher with this state file, and say why; nothing else is done
    #[arg(long, value_name = "REASON", conflicts_with = "resume")]
    pub pause: Option<String>,

    /// End the pause and release the storm brake; nothing else is done
    #[arg(long)]
    pub resume: bool,

    /// Print a systemd unit; nothing else is done
    #[arg(long, conflicts_with_all = ["pause", "resume"])]
    pub print_unit: bool,

    /// Limits of the loop.
    #[command(flatten)]
    pub guards: GuardArgs,

    /// Who is told.
    #[command(flatten)]
    pub telling: TellingArgs,
}

impl WatchArgs {
    /// Whether the loop is run, and not something that is done at once.
    #[must_use]
    pub(crate) fn is_loop(&self) -> bool {
        !self.print_unit && !self.resume && self.pause.is_none()
    }
}

/// What holds the loop back, and consent.
// As above: each danger has its own flag.
#[allow(clippy::struct_excessive_bools)]
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Safety")]
pub(crate) struct GuardArgs {
    /// Run the whole loop and write nothing
    #[arg(long, conflicts_with = "yes")]
    pub dry_run: bool,

    /// Consent: fail masters over without asking. No check is left out
    #[arg(short, long)]
    pub yes: bool,

    /// How long a registration must be gone; should be longer than the masters' session with the registry
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = value::duration)]
    pub grace: Duration,

    /// How long after a failover of a master there is none of the same one again
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = value::duration)]
    pub cool_down: Duration,

    /// What the storm brake looks back on
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = value::positive_duration)]
    pub window: Duration,

    /// More masters within the window trip the storm brake
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_masters: u32,

    /// More instances within the window trip the storm brake
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub max_instances: u64,

    /// Longest wait for the lock; the round goes on without it
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = value::duration)]
    pub lock_timeout: Duration,

    /// Instances in one transaction
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub batch: u32,

    /// Write at most so many instances a second
    #[arg(long, value_name = "N/s")]
    pub rate: Option<Rate>,

    /// Go on though no instance names any of the registered masters: they are all new, and not another cluster's
    #[arg(long)]
    pub allow_new_masters: bool,

    /// Also take instances with a task that may still run on a worker, so that it may run twice
    #[arg(long)]
    pub allow_duplicate_tasks: bool,
}

/// Who is told what the loop does.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Telling")]
pub(crate) struct TellingArgs {
    /// Write metrics for Prometheus into this file after each round
    #[arg(long, value_name = "FILE.prom")]
    pub metrics_file: Option<PathBuf>,

    /// Serve metrics for Prometheus; a port alone is one on loopback
    #[arg(long, value_name = "[HOST:]PORT")]
    pub metrics_listen: Option<String>,

    /// Folder with programs pre, post-success, post-failure, blocked; pre may veto
    #[arg(long, value_name = "DIR")]
    pub hook: Option<PathBuf>,

    /// Program for one of these moments, without a shell: pre=/usr/local/bin/may-i
    #[arg(long, value_name = "EVENT=CMD")]
    pub on: Vec<String>,

    /// Limit of each hook
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = value::positive_duration)]
    pub hook_timeout: Duration,
}
