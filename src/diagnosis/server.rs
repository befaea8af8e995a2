//! What the database is fit for.

use crate::cluster::Cluster;
use crate::failover::FailoverError;
use crate::metadata::{Obstacle, Writing};

/// What the database is fit for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseFitness {
    /// What would refuse the writes of a failover.
    pub obstacle: Option<Obstacle>,
    /// Tables in which a failover could be done by halves.
    pub without_transactions: Vec<String>,
    /// Why what was read may be old, or not all.
    pub doubt: Option<String>,
    /// Whether no code of a workflow fits into the serial queues.
    pub cuts_codes: bool,
}

impl DatabaseFitness {
    /// Asks the catalogue. Nothing is written.
    pub(super) async fn read(cluster: &mut Cluster) -> Result<Self, FailoverError> {
        let locks = cluster.registry.kind() == "jdbc" && !cluster.registry.is_recorded();
        let writing = Writing {
            claims: true,
            commands: true,
            locks,
        };
        Ok(Self {
            obstacle: cluster.store.obstacle(writing).await?,
            without_transactions: cluster.store.tables_without_transactions().await?,
            cuts_codes: cluster.store.cuts_codes().await?,
            doubt: cluster.store.doubt().map(str::to_owned),
        })
    }
}
