//! The failover loop: sees masters come and go, and fails one over when it is shown dead for long enough.

mod clock;
mod event;
pub mod guard;
mod holding;
mod home;
pub mod hooks;
mod left;
pub mod live;
pub mod lone;
mod looking;
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
mod run;
mod seen;
pub mod state;
mod storm;
mod turn;
pub mod unit;
mod watcher;
mod words;

pub use event::{Event, Fault, Kind, LeftAlone, News, Refused, Released, Source, Summary, Switch, What};
pub use plan::{Memory, Plan, Surroundings, Trouble, View, WatchedMaster, Word};
pub use run::{Ended, watch};
