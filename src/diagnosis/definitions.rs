//! Instances that need a master, and whose definition no master would find.

use std::collections::BTreeMap;

use crate::cluster::Cluster;
use crate::failover::FailoverError;
use crate::model::{Instance, InstanceId, Verdict};

/// A definition and its version, as an instance names them.
type NamedDefinition = (Option<i64>, Option<i64>);

/// Of each definition one of the instances, and the ids of all.
#[derive(Debug, Default)]
pub(super) struct NeededDefinitions(BTreeMap<NamedDefinition, (Instance, Vec<InstanceId>)>);

impl NeededDefinitions {
    /// Takes one into account, if a master has to take it up: one that a living master runs has its
    /// definition in memory.
    pub(super) fn add(&mut self, instance: &Instance, verdict: Verdict) {
        if !matches!(
            verdict,
            Verdict::Dead | Verdict::Restarted | Verdict::Claimed
        ) {
            return;
        }
        let key = (instance.definition, instance.definition_version);
        let first = || (instance.clone(), Vec::new());
        let (_, ids) = self.0.entry(key).or_insert_with(first);
        ids.push(instance.id);
    }

    /// Those whose definition is gone, and those of 1.x whose definition is offline; ascending.
    pub(super) async fn missing(
        self,
        cluster: &mut Cluster,
    ) -> Result<(Vec<InstanceId>, Vec<InstanceId>), FailoverError> {
        let (mut gone, mut offline) = (Vec::new(), Vec::new());
        let tables = &cluster.store.release().family.tables;
        let log = tables.definition_log.unwrap_or(tables.definition);
        if self.0.is_empty()
            || cluster
                .store
                .hides(&[tables.definition, log, tables.project])
        {
            return Ok((gone, offline));
        }
        let instances: Vec<Instance> = self.0.values().map(|(one, _)| one.clone()).collect();
        let definitions = cluster.store.definitions(&instances).await?;
        for (instance, ids) in self.0.into_values() {
            if !definitions.has(&instance) {
                gone.extend(ids);
            } else if !definitions.is_online(&instance) {
                offline.extend(ids);
            }
        }
        gone.sort_unstable();
        offline.sort_unstable();
        Ok((gone, offline))
    }
}
