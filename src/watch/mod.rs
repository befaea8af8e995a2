//! The failover loop: watches masters come and go, and fails one over when it has been dead for
//! long enough.

mod clock;
mod context;
mod event;
mod findings;
pub mod guard;
mod holding;
pub mod hooks;
mod identity;
mod left;
pub mod line;
pub mod live;
mod looking;
mod memory;
pub mod metrics;
pub mod metrics_http;
pub mod missing;
pub mod notify;
mod others;
pub mod pause;
mod picture;
mod plan;
mod returned;
mod round;
mod run;
mod seen;
pub mod sinks;
pub mod state;
mod storm;
mod told;
mod turn;
pub mod unit;
mod watcher;
mod wording;

pub use context::{Clusters, LoopContext, Trouble};
pub use event::{
    Event, FailoverEnd, Fault, FindingBrief, Kind, LeftAlone, News, Refused, Released, Source,
    Summary, Switch, What,
};
pub use plan::Plan;
pub use round::{Round, Sight, WatchedMaster};
pub use run::{Ended, watch};
