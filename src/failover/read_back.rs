//! Finds out whether a batch whose COMMIT was never answered was written.

use std::collections::HashMap;

use super::error::FailoverError;
use super::handover::Handover;
use super::locks::idle_limit;
use super::prepare::Prepared;
use super::trace::{self, RowFound, Trace};
use crate::cluster::Cluster;
use crate::metadata::database::DatabaseError;
use crate::model::{Instance, InstanceId, InstanceRow};

impl Handover<'_> {
    /// The answer to COMMIT is lost: reads the rows themselves. Locking them waits for the end of
    /// the old transaction.
    ///
    /// # Errors
    /// The lost connection if the batch was certainly not written,
    /// [`FailoverError::OutcomeUnknown`] if that is unknown.
    pub(super) async fn read_back(
        &mut self,
        prepared: &Prepared,
        inserted: HashMap<InstanceId, i64>,
        lost: DatabaseError,
    ) -> Result<HashMap<InstanceId, i64>, FailoverError> {
        let instances: Vec<InstanceId> = prepared.rows.iter().map(|row| row.instance.id).collect();
        if instances.is_empty() {
            return Ok(HashMap::new());
        }
        let unknown = |cause: String| FailoverError::OutcomeUnknown {
            cause,
            instances: instances.clone(),
        };
        let asked_to_commit = self.cluster.store.server().map(str::to_owned);
        let (rows, commands) = query_again(self.cluster, &instances)
            .await
            .map_err(|error| unknown(error.to_string()))?;
        if self.cluster.store.server() != asked_to_commit.as_deref() {
            return Err(unknown(describe_servers(
                asked_to_commit.as_deref(),
                self.cluster.store.server(),
            )));
        }
        if instances.iter().any(|id| commands.contains_key(id)) {
            // After a long sleep the commands may be those of another client, which got the lock
            // meanwhile. Ids are generated only once.
            let is_ours = inserted.is_empty()
                || inserted
                    .iter()
                    .any(|(id, own)| commands.get(id) == Some(own));
            return if is_ours {
                Ok(inserted)
            } else {
                Err(lost.into())
            };
        }
        let rows: HashMap<InstanceId, Instance> = rows
            .into_iter()
            .map(|row| (row.instance.id, row.instance))
            .collect();
        let release = self.cluster.store.release();
        let traces = prepared
            .rows
            .iter()
            .map(|InstanceRow { instance: was, .. }| {
                let command = commands.contains_key(&was.id);
                trace::of(
                    release,
                    self.rules.steps,
                    was,
                    RowFound {
                        row: rows.get(&was.id),
                        command,
                    },
                )
            });
        match trace::together(traces) {
            Trace::Done => Ok(commands),
            Trace::NotDone => Err(lost.into()),
            Trace::Unclear => Err(unknown(
                "the rows look as before, but a master may already have taken them up".to_owned(),
            )),
        }
    }
}

/// The data of another server does not show what this one did.
fn describe_servers(asked: Option<&str>, now: Option<&str>) -> String {
    let [asked, now] = [asked, now].map(|server| server.unwrap_or("unknown"));
    format!(
        "the server that got the COMMIT ({asked}) no longer answers, but another one does, or it \
         was restarted ({now})"
    )
}

type Asked = (Vec<InstanceRow>, HashMap<InstanceId, i64>);

async fn query_again(
    cluster: &mut Cluster,
    instances: &[InstanceId],
) -> Result<Asked, DatabaseError> {
    cluster.store.reconnect().await?;
    let looking = cluster
        .store
        .begin_locking(idle_limit(&*cluster.registry))
        .await?;
    let rows = cluster.store.lock_instances(&looking, instances).await;
    let commands = match &rows {
        Ok(_) => {
            cluster
                .store
                .failover_commands_for(instances.iter().copied())
                .await
        }
        Err(_) => Ok(HashMap::new()),
    };
    cluster.store.roll_back(looking).await;
    Ok((rows?, commands?))
}
