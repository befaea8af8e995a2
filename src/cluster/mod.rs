//! One cluster of masters, as every command uses it.

use std::fmt;

use jiff::tz::TimeZone;

use crate::metadata::MetadataStore;
use crate::registry::Registry;
use crate::stop::StopSignal;

mod connect;
mod primary;

pub use connect::{ConnectError, Purpose, both, cluster as connect, store};

/// One cluster: its registry, its metadata store, and its masters' zone, if known.
pub struct Cluster {
    /// The registry.
    pub registry: Box<dyn Registry>,
    /// The metadata store.
    pub store: MetadataStore,
    /// The masters' zone.
    pub zone: Option<TimeZone>,
    /// The signal that interrupts the calls of both, and every pause.
    pub stop: StopSignal,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("registry", &self.registry.endpoint())
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}
