//! What hangs in a cluster, and why: a snapshot, checks on it, findings.
//!
//! Read-only. A check is a pure function on the snapshot; a new one is one file, or one constant in
//! a file, and one line in the list of [`CHECKS`].

pub mod beats;
mod check;
mod checks;
mod definitions;
mod finding;
mod locks;
mod metrics;
mod mutes;
mod server;
mod slow;
mod snapshot;
mod trees;
mod untaken;

pub use check::Check;
pub use checks::{CHECKS, findings, judged, kind};
pub use finding::{Evidence, Finding, FindingKind, Muted, Remedy, Severity, Subject};
pub use locks::{LockQueue, lock_queues};
pub use metrics::FindingCounts;
pub use mutes::{IdleMute, alarms, check_codes, mute};
pub use server::DatabaseFitness;
pub use slow::{APART, SlowTruths};
pub use snapshot::{InstanceGroup, Snapshot};
pub use trees::{ApartPair, ApartTrees};
pub use untaken::UntakenCommands;
