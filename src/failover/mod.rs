//! The failover itself: judging and planning (pure), the locks, the batches, and seeing masters take the work up.

mod batch;
mod error;
mod guard;
mod judge;
mod kills;
mod locks;
mod outcome;
mod parameter;
mod read_back;
mod recover;
mod rules;
mod run;
mod takeup;
mod tasks;
mod trace;

pub use error::{FailoverError, Refusal, about_persistent_lock, cause_of};
pub use guard::{RegistryView, about_persistent, check_registry, look, survey};
pub use judge::instance_verdict;
pub use locks::UNHEEDED;
pub use outcome::{LockTaken, MasterOutcome, Run};
pub use parameter::OriginalState;
pub use recover::recover;
pub use rules::{Observer, Permit, Rules, Steps, Stop, StopSignal};
pub use run::{Cluster, dead_hosts, failover};
pub use takeup::{TakeUp, wait_for_take_up};
