//! The failover loop: watches masters come and go, and fails one over when it has been dead for
//! long enough.

mod clock;
mod event;
pub mod guard;
mod holding;
mod home;
pub mod hooks;
mod left;
pub mod line;
pub mod live;
pub mod lone;
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
mod replace;
mod returned;
mod round;
mod run;
mod seen;
pub mod sinks;
pub mod state;
mod storm;
mod surroundings;
mod turn;
pub mod unit;
mod watcher;
mod words;

pub use event::{
    Event, FailoverEnd, Fault, Kind, LeftAlone, News, Refused, Released, Source, Summary, Switch,
    What,
};
pub use plan::Plan;
pub use round::{Round, Sight, WatchedMaster};
pub use run::{Ended, watch};
pub use surroundings::{Clusters, Surroundings, Trouble};
