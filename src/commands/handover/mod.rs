//! The commands that hand instances over: `failover`, and its halves `clear-hosts` and `recover`.

pub(super) mod afterwards;
pub(super) mod clear_hosts;
pub(super) mod confirm;
pub(super) mod failover;
mod reasons;
pub(super) mod record;
pub(super) mod recover;
mod recover_lines;
pub(super) mod report;
