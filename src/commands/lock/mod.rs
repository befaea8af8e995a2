//! `dsctl lock`: show the failover lock, or hold it.

pub(super) mod acquire;
mod child;
mod descendants;
pub(super) mod guard;
mod lookout;
pub(super) mod status;
pub(super) mod taken;
mod terminal;

use clap::Subcommand;

use acquire::AcquireArgs;
use status::StatusArgs;

/// Commands about the failover lock.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum LockCommand {
    /// Show holder and waiters: session, age, owner, payload
    #[command(
        before_help = "Examples:\n  dsctl lock status\n  dsctl lock status 10.0.0.1:5678 -o json"
    )]
    Status(StatusArgs),
    /// Take the lock and hold it until Ctrl-C, until a time is over, or until a program ends
    ///
    /// With a program, its exit status becomes that of dsctl. Everything that it has started is
    /// killed when the lock ends: on Linux all descendants, elsewhere only its process group; never
    /// what others run for it (systemd, cron, sudo, containers).
    #[command(
        before_help = "Examples:\n  dsctl lock acquire 10.0.0.1:5678 --for 5m\n  \
        dsctl lock acquire 10.0.0.1:5678 -- ./repair.sh"
    )]
    Acquire(AcquireArgs),
}
