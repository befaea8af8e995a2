//! The commands and their own options.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::value::{self, Rate};
use crate::model::InstanceId;

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Show every known master: registration, heartbeat, unfinished instances, verdict
    ///
    /// A master is known if it is registered or if an unfinished process instance names it.
    #[command(before_help = "Examples:\n  dsctl masters\n  dsctl masters -o json")]
    Masters,
    /// Show or take the failover lock
    #[command(subcommand, before_help = "Examples:\n  dsctl lock status\n  dsctl lock acquire 10.0.0.1:5678 --for 5m")]
    Lock(LockCommand),
    /// List unfinished process instances with verdict and pending command
    #[command(before_help = "Examples:\n  dsctl instances\n  dsctl instances 10.0.0.1:5678 --limit 20")]
    Instances(InstancesArgs),
    /// First half of a failover alone: mark the instances of a dead master as handed over
    ///
    /// Nothing takes the instances up until `dsctl recover` has been run for them; the command to run is printed.
    #[command(before_help = "Examples:\n  dsctl clear-hosts 10.0.0.1:5678 --dry-run")]
    ClearHosts(ClearHostsArgs),
    /// Second half alone: write commands for instances that were handed over and have none
    #[command(before_help = "Examples:\n  dsctl recover --orphans --dry-run\n  dsctl recover --instance 4711,4712")]
    Recover(RecoverArgs),
    /// Fail over dead masters: lock, check, hand over, write commands, report
    ///
    /// A registered master is never failed over. The plan is shown first; on a terminal it asks, elsewhere --yes is needed.
    /// A run that was interrupted is simply run again.
    #[command(before_help = "Examples:\n  dsctl failover 10.0.0.1:5678 --dry-run\n  \
        dsctl failover 10.0.0.1:5678 --yes --wait 60s\n  dsctl failover --all-dead")]
    Failover(FailoverArgs),
    /// Fail a master over whenever one dies, as the masters themselves would
    ///
    /// Looks at the registry whenever it changes, and at the database every --interval. What the guards let through is
    /// exactly `dsctl failover MASTER`. Runs until a signal comes; --once does one round, for cron.
    #[command(before_help = "Examples:\n  dsctl watch --dry-run\n  dsctl watch --yes -o ndjson\n  \
        dsctl watch --pause 'maintenance until 6'")]
    Watch(Box<WatchArgs>),

    /// List waiting commands and error commands
    #[command(before_help = "Examples:\n  dsctl commands")]
    Commands,
    /// Rehearse a failover on a made-up cluster in a SQLite file; needs no server
    #[command(before_help = "Examples:\n  dsctl demo\n  dsctl demo --file rehearsal.db --ds-version 3.1.9")]
    Demo(DemoArgs),
    /// Print the completion script of a shell
    #[command(before_help = "Examples:\n  dsctl completions bash > /etc/bash_completion.d/dsctl")]
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Print the manual page
    #[command(before_help = "Examples:\n  dsctl man | man -l -")]
    Man,
    /// Explain a command or a topic: exit-codes, environment
    #[command(before_help = "Examples:\n  dsctl help failover\n  dsctl help exit-codes")]
    Help(HelpArgs),
}

/// Commands about the failover lock.
#[derive(Clone, Debug, Subcommand)]
pub enum LockCommand {
    /// Show holder and waiters: session, age, owner, payload
    #[command(before_help = "Examples:\n  dsctl lock status\n  dsctl lock status 10.0.0.1:5678 -o json")]
    Status(StatusArgs),
    /// Take the lock and hold it until Ctrl-C, until a time is over, or until a program ends
    ///
    /// With a program, its exit status becomes that of dsctl.
    #[command(before_help = "Examples:\n  dsctl lock acquire 10.0.0.1:5678 --for 5m\n  \
        dsctl lock acquire 10.0.0.1:5678 -- ./repair.sh")]
    Acquire(AcquireArgs),
}

/// Arguments of `lock status`.
#[derive(Args, Clone, Debug)]
pub struct StatusArgs {
    /// The lock that a failover of this master takes
    #[arg(value_name = "MASTER")]
    pub master: Option<String>,
}

/// Arguments of `lock acquire`.
#[derive(Args, Clone, Debug)]
pub struct AcquireArgs {
    /// The lock that a failover of this master takes
    #[arg(value_name = "MASTER")]
    pub master: String,

    /// Give the lock back after this time
    #[arg(long = "for", value_name = "DURATION", value_parser = value::positive_duration)]
    pub hold_for: Option<Duration>,

    /// Longest wait for the lock; 0s tries once
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = value::duration, help_heading = "Safety")]
    pub lock_timeout: Duration,

    /// Program to run while the lock is held, with its arguments
    #[arg(last = true, value_name = "CMD")]
    pub program: Vec<OsString>,
}

/// Arguments of `instances`.
#[derive(Args, Clone, Debug)]
pub struct InstancesArgs {
    /// Only instances that name this master
    #[arg(value_name = "MASTER")]
    pub master: Option<String>,

    /// Show at most so many
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: Option<u32>,
}

/// Arguments of `clear-hosts`.
#[derive(Args, Clone, Debug)]
pub struct ClearHostsArgs {
    /// The dead master, exactly as `dsctl masters` shows it
    #[arg(value_name = "MASTER")]
    pub master: String,
    /// Consent and limits.
    #[command(flatten)]
    pub safety: SafetyArgs,
}

/// Arguments of `recover`.
#[derive(Args, Clone, Debug)]
#[command(group = clap::ArgGroup::new("which").required(true).args(["instances", "orphans"]))]
pub struct RecoverArgs {
    /// These instances; several with commas between
    #[arg(long = "instance", value_name = "ID", value_delimiter = ',', value_parser = clap::value_parser!(i64).range(1..))]
    pub instances: Vec<InstanceId>,

    /// Every instance that was handed over and has no command
    #[arg(long)]
    pub orphans: bool,

    /// 3.3 and newer: the state before the hand-over, where it is written nowhere
    #[arg(long, value_name = "STATE")]
    pub original_state: Option<OriginalState>,

    /// Consent and limits.
    #[command(flatten)]
    pub safety: SafetyArgs,
}

/// Arguments of `failover`.
#[derive(Args, Clone, Debug)]
#[command(group = clap::ArgGroup::new("which").required(true).args(["masters", "all_dead"]))]
pub struct FailoverArgs {
    /// The dead masters, exactly as `dsctl masters` shows them
    #[arg(value_name = "MASTER")]
    pub masters: Vec<String>,

    /// Every master that an unfinished instance names and that is not registered
    #[arg(long)]
    pub all_dead: bool,

    /// With --all-dead: see first for so long that they stay away; by default as long as the release's own masters wait
    /// (30s in 3.3 and newer, else 0s). A dry run does not wait
    #[arg(long, value_name = "DURATION", conflicts_with = "masters", value_parser = value::duration, help_heading = "Safety")]
    pub grace: Option<Duration>,

    /// Wait so long for the living masters to take the instances up
    #[arg(long, value_name = "DURATION", value_parser = value::positive_duration)]
    pub wait: Option<Duration>,

    /// Consent and limits.
    #[command(flatten)]
    pub safety: SafetyArgs,
}

/// Consent and limits of the commands that write.
// Each danger has its own flag, so that consent to one is none to another.
#[allow(clippy::struct_excessive_bools)]
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Safety")]
pub struct SafetyArgs {
    /// Do everything up to the first write, and show what would be written
    #[arg(long)]
    pub dry_run: bool,

    /// Do not ask; needed where there is no terminal. No check is left out
    #[arg(short, long)]
    pub yes: bool,

    /// Longest wait for the lock; 0s tries once
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = value::duration)]
    pub lock_timeout: Duration,

    /// Refuse if there are more instances than this
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub max_instances: u64,

    /// Instances in one transaction
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub batch: u32,

    /// Write at most so many instances a second
    #[arg(long, value_name = "N/s")]
    pub rate: Option<Rate>,

    /// Why this is done; kept with the report
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,

    /// Go on though no master is registered at all
    #[arg(long)]
    pub allow_no_masters: bool,

    /// Go on though no instance names any of the registered masters: they are all new, and not another cluster's
    #[arg(long)]
    pub allow_new_masters: bool,

    /// Also take instances that are older than their master's registration; needs --time-zone
    #[arg(long)]
    pub allow_restarted: bool,

    /// 3.3.0 alone: go on though a master may run these instances again since an earlier failover
    #[arg(long)]
    pub allow_recovered: bool,

    /// Also take instances with a task that may still run on a worker, so that it may run twice
    #[arg(long)]
    pub allow_duplicate_tasks: bool,
}

/// Arguments of `watch`.
// Each danger has its own flag, so that consent to one is none to another.
#[allow(clippy::struct_excessive_bools)]
#[derive(Args, Clone, Debug)]
pub struct WatchArgs {
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
    pub fn is_loop(&self) -> bool {
        !self.print_unit && !self.resume && self.pause.is_none()
    }
}

/// What holds the loop back, and consent.
// As above: each danger has its own flag.
#[allow(clippy::struct_excessive_bools)]
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Safety")]
pub struct GuardArgs {
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
pub struct TellingArgs {
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

/// Arguments of `demo`.
#[derive(Args, Clone, Debug)]
pub struct DemoArgs {
    /// Keep the made-up cluster in this file
    #[arg(long, value_name = "FILE.db")]
    pub file: Option<PathBuf>,
}

/// Arguments of `help`.
#[derive(Args, Clone, Debug)]
pub struct HelpArgs {
    /// A command, or exit-codes, or environment
    #[arg(value_name = "TOPIC")]
    pub topic: Vec<String>,
}

/// The state of an instance before it was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum OriginalState {
    /// It was running.
    Running,
    /// It was about to pause.
    ReadyPause,
    /// It was about to stop.
    ReadyStop,
}

/// Shells that completions are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// GNU bash.
    Bash,
    /// Z shell.
    Zsh,
    /// Friendly interactive shell.
    Fish,
}
