//! The failover itself: judging and planning (pure), the locks, the batches, and watching masters
//! take the work up.

mod absence;
mod batch;
mod checks;
mod crowd;
mod error;
mod guard;
mod halving;
mod handed_over;
mod handover;
mod holder;
mod judge;
mod kills;
mod life;
mod locks;
mod outcome;
mod parameter;
mod prepare;
mod read_back;
mod recover;
mod remarks;
mod rules;
mod run;
mod takeup;
mod tasks;
mod trace;
mod turns;
mod zone;

pub use absence::Lookout;
pub use error::{FailoverError, Refusal, about_persistent_lock, cause_of};
pub use guard::{
    RegistryView, about_persistent, beyond_doubt, check_registry, dead_hosts, in_database, look,
    place, survey,
};
pub use handed_over::HandedOver;
pub use handover::Handover;
pub use holder::{about_holder, about_kept, registered_owner};
pub use judge::instance_verdict;
pub use life::{Before, Between, Roll, sign_of_life};
pub use locks::UNHEEDED;
pub use outcome::{LockTaken, MasterOutcome, Run, Unfinished};
pub use parameter::{GivenState, OriginalState};
pub use rules::{Crowd, Limit, Observer, Room, Rules, Steps};
pub use takeup::{Other, TakeUp, wait_for_take_up};
pub use zone::{Disproof, disproof};
