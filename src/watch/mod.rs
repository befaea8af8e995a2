//! The failover loop: sees masters come and go, and fails one over when it is shown dead for long enough.

mod event;
pub mod hooks;
pub mod live;
pub mod metrics;
pub mod metrics_http;
pub mod notify;
pub mod pause;
mod replace;
pub mod state;
pub mod unit;

pub use event::{Event, Kind};
