//! Reads the registry, and looks for signs of life of masters that are not registered.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::{Duration, Instant};

use super::event::Released;
use super::identity::ClusterIdentity;
use super::memory::Memory;
use super::missing::Look;
use super::watcher::Watcher;
use crate::cluster::Cluster;
use crate::failover::{
    FailoverError, Refusal, RegistrySnapshot, check_registry, place, sign_of_life, without_doubt,
};
use crate::metadata::HostCount;
use crate::model::{Address, Registrations};
use crate::registry::{Registry, RegistryError};

/// How much longer than the interval the time between two looks may be: a round takes time itself.
pub(super) const MARGIN: Duration = Duration::from_secs(5);

/// Why every grace time starts again when several clusters share a state file: with cron it would
/// do so in every round.
pub(super) const ANOTHERS: &str = "the registry has lost its data, or the saved state is another \
    cluster's, and each cluster needs its own state file (--state-file)";

/// The masters, and when they were asked for: an answer shows who was there then, however late it
/// is heard.
async fn ask(registry: &mut dyn Registry) -> Result<(Registrations, Instant), RegistryError> {
    let asked = Instant::now();
    Ok((registry.masters().await?, asked))
}

impl Watcher<'_> {
    /// Looks at the registry once. An absence that is not proven to have lasted since the last look
    /// starts again.
    pub(super) async fn look(
        &mut self,
        cluster: &mut Cluster,
    ) -> Result<Registrations, FailoverError> {
        let (masters, asked) = if self.plan.once {
            // With `--once` no later round can see whether a heartbeat has stopped.
            (without_doubt(&mut *cluster.registry).await?, Instant::now())
        } else {
            ask(&mut *cluster.registry).await?
        };
        let family = cluster.store.release().family;
        // No master at all counts as a registry failure until one is back; it is no reason to end
        // the round.
        check_registry(&masters, family, place(&*cluster.registry), true)?;
        self.observe(&*cluster.registry, &masters, asked);
        Ok(masters)
    }

    fn observe(&mut self, registry: &dyn Registry, masters: &Registrations, asked: Instant) {
        let roll = RegistrySnapshot::of(registry.endpoint(), masters);
        self.discard_if_other_cluster(ClusterIdentity::of(registry, masters, &roll));
        let age = i64::try_from(asked.elapsed().as_millis()).unwrap_or(i64::MAX);
        let look = Look {
            roll,
            at_ms: self.now().saturating_sub(age),
            steady: Some(asked),
        };
        let registered: BTreeSet<String> = masters
            .servers
            .iter()
            .map(|server| server.address.to_string())
            .collect();
        let longest = self.longest();
        self.memory
            .missing
            .observe(look, registered, self.plan.rules.allow_no_masters, longest);
    }

    /// How long a registry that keeps no count may go without a look, between two rounds and during
    /// a failover: with a slow database both take long.
    pub(super) fn longest(&self) -> Duration {
        self.plan.interval.saturating_add(MARGIN)
    }

    /// Discards a saved state that belongs to another cluster.
    fn discard_if_other_cluster(&mut self, home: Option<ClusterIdentity>) {
        let Some(home) = home else { return };
        if self
            .memory
            .home
            .as_ref()
            .is_some_and(|before| !home.is_same_cluster(before))
        {
            if self.memory.brake.is_some() {
                self.strange = Some(Released::Another);
            }
            self.memory = Memory {
                database: self.memory.database.take(),
                ..Memory::default()
            };
            self.memory.missing.doubt = Some(ANOTHERS);
            self.forget_masters();
        }
        self.memory.home = Some(home);
    }

    /// Scans the database, and keeps looking at the registry meanwhile: a large table takes long.
    pub(super) async fn scan(
        &mut self,
        cluster: &mut Cluster,
    ) -> Result<Vec<HostCount>, FailoverError> {
        let Cluster {
            registry, store, ..
        } = cluster;
        self.looking_on(&mut **registry, store.host_counts()).await
    }

    /// Does what may take long, and looks at the registry meanwhile as often as between two rounds:
    /// where it does not count who comes and goes, an absence would be proven by nothing else.
    pub(super) async fn looking_on<T, E: Into<FailoverError>>(
        &mut self,
        registry: &mut dyn Registry,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, FailoverError> {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done.map_err(Into::into),
                () = tokio::time::sleep(self.plan.interval) => {
                    let (masters, asked) = ask(registry).await?;
                    self.observe(registry, &masters, asked);
                }
            }
        }
    }

    /// Looks at the registry if the last look is as long ago as an interval: with many masters or a
    /// slow database, checking one after the other takes long, and no absence would be proven.
    async fn look_if_due(&mut self, cluster: &mut Cluster) -> Result<(), FailoverError> {
        let looked = self
            .memory
            .missing
            .last
            .as_ref()
            .and_then(|look| look.steady);
        if looked.is_some_and(|looked| looked.elapsed() >= self.plan.interval) {
            let (masters, asked) = ask(&mut *cluster.registry).await?;
            self.observe(&*cluster.registry, &masters, asked);
        }
        Ok(())
    }

    /// Records the current rows of masters whose absence has just started.
    pub(super) async fn mark(&mut self, cluster: &mut Cluster) -> Result<(), FailoverError> {
        for address in self.memory.missing.without_mark() {
            self.look_if_due(cluster).await?;
            let mark = cluster.store.mark(&[&address]).await?;
            self.memory.missing.mark(&address, &mark);
        }
        Ok(())
    }

    /// Checks whether a master that is not registered has started or changed anything since it was
    /// lost. A master that another guard delays is checked when that guard ends: there is enough to
    /// see by then.
    pub(super) async fn check_signs_of_life(
        &mut self,
        cluster: &mut Cluster,
    ) -> Result<(), FailoverError> {
        self.mark(cluster).await?;
        let now = self.now();
        let (absences, limits) = (self.memory.missing.absences.clone(), self.plan.limits);
        let in_grace = |since| super::guard::grace(since, now, &limits).is_some();
        for (address, absence) in absences
            .iter()
            .filter(|(_, absence)| in_grace(absence.since))
        {
            let Some(mark) = &absence.mark else { continue };
            self.look_if_due(cluster).await?;
            let master = Address::seen(address);
            let sign = sign_of_life(&mut cluster.store, &master, mark);
            if let Some(sign) = sign.await? {
                self.memory
                    .missing
                    .alive
                    .insert(address.clone(), sign.to_string());
            }
        }
        Ok(())
    }

    /// Records the sign of life that a refusal reports.
    pub(super) fn record_sign(&mut self, master: &Address, failure: Option<&FailoverError>) {
        match failure {
            Some(FailoverError::Refused(Refusal::ShowsLife { sign, .. })) => {
                // The refusal reports it.
                self.announced
                    .insert(master.to_string(), format!("alive {sign}"));
                self.memory
                    .missing
                    .alive
                    .insert(master.to_string(), sign.to_string());
            }
            Some(FailoverError::Refused(Refusal::CameAndWent(_))) => {
                self.memory.missing.absences.remove(master.as_str());
            }
            _ => {}
        }
    }
}
