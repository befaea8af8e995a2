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
mod remarks;
mod rules;
mod run;
mod takeup;
mod tasks;
mod trace;
mod zone;

pub use error::{FailoverError, Refusal, cause_of};
pub use guard::{RegistryView, check_registry, look, survey};
pub use judge::{instance_verdict, master_verdict};
pub use outcome::{LockTaken, MasterOutcome, Run};
pub use parameter::OriginalState;
pub use recover::recover;
pub use rules::{Observer, Permit, Rules, Steps, Stop, StopSignal};
pub use run::{Cluster, dead_hosts, failover};
pub use takeup::{HandedOver, Other, TakeUp, wait_for_take_up};
pub use zone::{Disproof, disproof};
