//! The commands: their names and help, and the one place that dispatches to them.

use std::io;

use clap::Subcommand;

use super::config::ConfigDocument;
use super::demo::{DemoArgs, DemoDocument};
use super::doctor::{DoctorArgs, DoctorDocument};
use super::handover::clear_hosts::{ClearHostsArgs, ClearHostsDocument};
use super::handover::failover::{FailoverArgs, FailoverDocument};
use super::handover::recover::{RecoverArgs, RecoverDocument};
use super::handover::{clear_hosts, failover, recover};
use super::help::{self, CompletionShell, HelpArgs};
use super::instances::InstancesArgs;
use super::lock::acquire::LockAcquireDocument;
use super::lock::status::LockStatusDocument;
use super::lock::{LockCommand, acquire, status};
use super::shell::Call;
use super::snapshot::{SnapshotArgs, SnapshotDocument};
use super::watch::{self, WatchArgs};
use super::{command_list, config, demo, doctor, instances, masters, snapshot};
use crate::cluster::Purpose;
use crate::config::Scope;

/// A command of the command line.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Command {
    /// Show every known master: registration, heartbeat, unfinished instances, verdict
    ///
    /// A master is known if it is registered or if an unfinished process instance names it.
    #[command(before_help = "Examples:\n  dsctl masters\n  dsctl masters -o json")]
    Masters,
    /// Show or take the failover lock
    #[command(
        subcommand,
        before_help = "Examples:\n  dsctl lock status\n  dsctl lock acquire 10.0.0.1:5678 --for 5m"
    )]
    Lock(LockCommand),
    /// List unfinished process instances with verdict and pending command
    #[command(
        before_help = "Examples:\n  dsctl instances\n  dsctl instances 10.0.0.1:5678 --limit 20"
    )]
    Instances(InstancesArgs),
    /// Only the first half of a failover: mark the instances of a dead master as handed over
    ///
    /// Nothing takes the instances up until `dsctl recover` has been run for them; the command to
    /// run is printed.
    #[command(before_help = "Examples:\n  dsctl clear-hosts 10.0.0.1:5678 --dry-run")]
    ClearHosts(ClearHostsArgs),
    /// Only the second half: write commands for instances that were handed over and have none
    #[command(
        before_help = "Examples:\n  dsctl recover --orphans --dry-run\n  dsctl recover --instance 4711,4712"
    )]
    Recover(RecoverArgs),
    /// Fail over dead masters: lock, check, hand over, write commands, report
    ///
    /// A registered master is never failed over. The plan is shown first; on a terminal it asks,
    /// elsewhere --yes is needed. A run that was interrupted is simply run again.
    #[command(
        before_help = "Examples:\n  dsctl failover 10.0.0.1:5678 --dry-run\n  \
        dsctl failover 10.0.0.1:5678 --yes --wait 60s\n  dsctl failover --all-dead"
    )]
    Failover(FailoverArgs),
    /// Fail over each master that dies, as the masters themselves would
    ///
    /// Looks at the registry whenever it changes, and at the database every --interval. If the
    /// guards allow it, exactly `dsctl failover MASTER` is done. Runs until a signal arrives;
    /// --once does one round, for cron.
    #[command(
        before_help = "Examples:\n  dsctl watch --dry-run\n  dsctl watch --yes -o ndjson\n  \
        dsctl watch --pause 'maintenance until 6'"
    )]
    Watch(Box<WatchArgs>),

    /// Show what hangs and why, with the next command
    ///
    /// Reads registry and database, and writes nothing. Each finding has a code that never changes
    /// its meaning, the facts that it rests on, and what to do. Exits with 3 if something is to be
    /// done.
    #[command(
        before_help = "Examples:\n  dsctl doctor\n  dsctl doctor --fail-on look -o json\n  dsctl doctor --nagios\n  \
        dsctl doctor --explain DS-003"
    )]
    Doctor(DoctorArgs),
    /// Copy what every command reads into a SQLite file, to be looked at without the cluster
    ///
    /// `--db sqlite:FILE.db` then serves every command but `lock acquire` and `watch` as of that moment:
    /// to rehearse a failover, or to attach to a ticket. The cluster is only read. Values of parameters
    /// are masked.
    #[command(
        before_help = "Examples:\n  dsctl snapshot incident.db\n  dsctl --db sqlite:incident.db doctor"
    )]
    Snapshot(SnapshotArgs),
    /// List waiting commands and error commands
    #[command(before_help = "Examples:\n  dsctl commands")]
    Commands,
    /// Show every setting and where it came from; connects to nothing
    ///
    /// Secrets are shown as ***. What a command that needs the cluster would miss is named.
    #[command(
        before_help = "Examples:\n  dsctl config\n  dsctl config --ds-home /opt/dolphinscheduler"
    )]
    Config,
    /// Rehearse a failover on a made-up cluster in a SQLite file; needs no server
    #[command(
        before_help = "Examples:\n  dsctl demo\n  dsctl demo --file rehearsal.db --ds-version 3.1.9"
    )]
    Demo(DemoArgs),
    /// Print the completion script of a shell
    #[command(before_help = "Examples:\n  dsctl completions bash > /etc/bash_completion.d/dsctl")]
    Completions {
        /// Which shell
        shell: CompletionShell,
    },
    /// Print the manual page
    #[command(before_help = "Examples:\n  dsctl man | man -l -")]
    Man,
    /// Explain a command or a topic: exit-codes, environment
    #[command(before_help = "Examples:\n  dsctl help failover\n  dsctl help exit-codes")]
    Help(HelpArgs),
}

impl Command {
    /// Runs it; returns the exit code of the process.
    pub(super) async fn run(self, call: Call<'_, '_>) -> io::Result<u8> {
        match self {
            Self::Masters => {
                call.reading(async |cluster| masters::run(cluster).await)
                    .await
            }
            Self::Lock(LockCommand::Status(arguments)) => {
                call.without_cluster(
                    LockStatusDocument::default(),
                    Scope::Cluster,
                    async |shell, document| status::run(shell, &arguments, document).await,
                )
                .await
            }
            Self::Lock(LockCommand::Acquire(arguments)) => {
                call.without_cluster(
                    LockAcquireDocument::default(),
                    Scope::Cluster,
                    async |shell, document| acquire::run(shell, &arguments, document).await,
                )
                .await
            }
            Self::Instances(arguments) => {
                call.reading(async |cluster| instances::run(cluster, &arguments).await)
                    .await
            }
            Self::ClearHosts(arguments) => {
                let (empty, access) = (
                    ClearHostsDocument::empty(&arguments),
                    arguments.safety.access(),
                );
                call.on_cluster(empty, access, async |shell, cluster| {
                    clear_hosts::run(shell, cluster, &arguments).await
                })
                .await
            }
            Self::Recover(arguments) => {
                let (empty, access) = (
                    RecoverDocument::empty(&arguments),
                    arguments.safety.access(),
                );
                call.on_cluster(empty, access, async |shell, cluster| {
                    recover::run(shell, cluster, &arguments).await
                })
                .await
            }
            Self::Failover(arguments) => {
                let (empty, access) = (
                    FailoverDocument::empty(&arguments),
                    arguments.safety.access(),
                );
                call.on_cluster(empty, access, async |shell, cluster| {
                    failover::run(shell, cluster, &arguments).await
                })
                .await
            }
            Self::Watch(arguments) => Box::pin(watch::run(call, &arguments)).await,
            Self::Doctor(DoctorArgs {
                explain: Some(what),
                ..
            }) => call.text("doctor", |_| Ok(doctor::explain(what))),
            Self::Doctor(arguments) => {
                if arguments.nagios {
                    call.printer.answer_as_plugin();
                }
                let empty = DoctorDocument::default();
                call.on_cluster(empty, Purpose::Read, async |shell, cluster| {
                    doctor::run(shell, cluster, &arguments).await
                })
                .await
            }
            Self::Snapshot(arguments) => {
                let empty = SnapshotDocument::empty(&arguments);
                call.on_cluster(empty, Purpose::Read, async |shell, cluster| {
                    snapshot::run(shell, cluster, &arguments).await
                })
                .await
            }
            Self::Commands => {
                call.reading(async |cluster| command_list::run(cluster).await)
                    .await
            }
            Self::Config => call.surveying(ConfigDocument::default(), config::run).await,
            Self::Demo(arguments) => {
                Box::pin(call.without_cluster(
                    DemoDocument::default(),
                    Scope::Local,
                    async |shell, document| demo::run(shell, &arguments, document).await,
                ))
                .await
            }
            Self::Completions { shell } => call.text("completions", |definition| {
                Ok(help::completions(shell, definition))
            }),
            Self::Man => call.text("man", help::man),
            Self::Help(arguments) => {
                call.text("help", |definition| help::help(&arguments, definition))
            }
        }
    }
}
