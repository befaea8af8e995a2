//! Plain data: registrations, instances, verdicts and proofs.
//!
//! No I/O, no clap, no SQL. Times are [`jiff`] values; a time without a zone stays a civil one
//! until a zone is known.

mod address;
mod ensemble;
mod instance;
mod proofs;
mod registration;
mod shell_word;
mod version;

pub use address::{Address, AddressError, AddressForm};
pub use ensemble::{Ensemble, EnsembleError, EnsembleServer, Namespace};
pub use instance::{
    CommandRow, FARTHEST_ZONES, Instance, InstanceId, InstanceRow, ListedInstance, SkipReason,
    Task, Verdict,
};
pub use proofs::{Confirmed, Permit};
pub use registration::{
    Changes, Heartbeat, LockNode, Moment, PayloadForm, PayloadProblem, Registration, Registrations,
};
pub use shell_word::shell_word;
pub use version::{Stage, Version, VersionError, VersionRange};
