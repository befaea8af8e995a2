//! The failover loop: sees masters come and go, and fails one over when it is shown dead for long enough.

mod event;
pub mod guard;
mod plan;
mod run;
mod seen;

pub use event::{Event, Kind};
pub use plan::{Done, Memory, Plan, Surroundings, Trouble, View, WatchedMaster, Word};
pub use run::{Ended, watch};
