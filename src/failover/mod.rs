//! The failover itself: judging and planning (pure), the locks, the batches, and watching masters
//! take the work up.

mod absence;
mod batch;
mod checks;
mod children;
mod concurrent;
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

pub use absence::AbsenceObserver;
pub use error::{FailoverError, Refusal, about_persistent_lock, cause_of};
pub use guard::{
    RegistryView, about_persistent, check_registry, dead_hosts, in_database, look,
    look_for_display, mark_of_doubtful, place, registered_elsewhere, strange_masters,
    without_doubt,
};
pub use handed_over::HandedOver;
pub use handover::Handover;
pub use holder::{about_holder, about_kept, registered_owner};
pub use judge::instance_verdict;
pub use life::{AbsenceProof, Between, RegistrySnapshot, sign_of_life};
pub use locks::{UNHEEDED, ensure_session};
pub use outcome::{LockTaken, MasterOutcome, Run, Unfinished};
pub use parameter::{GivenState, OriginalState};
pub use remarks::about_ready_stop;
pub use rules::{Capacity, ConcurrentFailovers, Limit, Observer, Rules, Steps};
pub use takeup::{Awaited, Other, TakeUp, wait_for_take_up};
pub use zone::{Disproof, disproof};
