//! Looks at the registry, and for signs of life of whoever is not registered.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::{Duration, Instant};

use super::event::Released;
use super::home::Home;
use super::memory::Memory;
use super::missing::Look;
use super::watcher::Watcher;
use crate::cluster::Cluster;
use crate::failover::{
    FailoverError, Refusal, Roll, beyond_doubt, check_registry, place, sign_of_life,
};
use crate::metadata::HostCount;
use crate::model::{Address, Registrations};
use crate::registry::{Registry, RegistryError};

/// How much longer than the interval a look may be in coming: rounds take their time.
const MARGIN: Duration = Duration::from_secs(5);

/// Why every grace time begins anew where several clusters share a state file: it would do so in
/// every round of cron.
pub(super) const ANOTHERS: &str = "the registry has lost its data, or what was remembered is another cluster's, and each needs a state file of its own (--state-file)";

/// The masters, and when they were asked for: an answer shows who was there then, however late it
/// is heard.
async fn ask(registry: &mut dyn Registry) -> Result<(Registrations, Instant), RegistryError> {
    let asked = Instant::now();
    Ok((registry.masters().await?, asked))
}

impl Watcher<'_> {
    /// One look at the registry. What it does not prove to have gone on since the last one begins
    /// anew.
    pub(super) async fn look(
        &mut self,
        cluster: &mut Cluster,
    ) -> Result<Registrations, FailoverError> {
        let (masters, asked) = if self.plan.once {
            // No later round of this process sees whether a heartbeat stands still.
            (beyond_doubt(&mut *cluster.registry).await?, Instant::now())
        } else {
            ask(&mut *cluster.registry).await?
        };
        let family = cluster.store.release().family;
        // No master at all is the registry's failure until one is back, and no reason to end the
        // round.
        check_registry(&masters, family, place(&*cluster.registry), true)?;
        self.see(&*cluster.registry, &masters, asked);
        Ok(masters)
    }

    fn see(&mut self, registry: &dyn Registry, masters: &Registrations, asked: Instant) {
        let roll = Roll::of(registry.endpoint(), masters);
        self.settle(Home::of(registry, masters, &roll));
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
            .see(look, registered, self.plan.rules.allow_no_masters, longest);
    }

    /// So long a registry that keeps no count may go unseen, between two rounds and in a failover:
    /// where the database is slow, either takes its time.
    pub(super) fn longest(&self) -> Duration {
        self.plan.interval.saturating_add(MARGIN)
    }

    /// What was remembered holds for the cluster that it was seen in, and for no other.
    fn settle(&mut self, home: Option<Home>) {
        let Some(home) = home else { return };
        if self
            .memory
            .home
            .as_ref()
            .is_some_and(|before| !home.is_that(before))
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

    /// Scans the store, and goes on looking at the registry meanwhile: a large table takes long.
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
                    self.see(registry, &masters, asked);
                }
            }
        }
    }

    /// Looks at the registry if nobody has for as long as between two rounds: of many masters, or
    /// in a slow database, what is asked of one after the other takes long, and would prove no
    /// absence.
    async fn look_meanwhile(&mut self, cluster: &mut Cluster) -> Result<(), FailoverError> {
        let looked = self
            .memory
            .missing
            .last
            .as_ref()
            .and_then(|look| look.steady);
        if looked.is_some_and(|looked| looked.elapsed() >= self.plan.interval) {
            let (masters, asked) = ask(&mut *cluster.registry).await?;
            self.see(&*cluster.registry, &masters, asked);
        }
        Ok(())
    }

    /// Notes what rows there are, for absences that have just begun.
    pub(super) async fn mark(&mut self, cluster: &mut Cluster) -> Result<(), FailoverError> {
        for address in self.memory.missing.without_mark() {
            self.look_meanwhile(cluster).await?;
            let mark = cluster.store.mark(&[&address]).await?;
            self.memory.missing.mark(&address, &mark);
        }
        Ok(())
    }

    /// Looks whether somebody who is not registered has begun or changed anything since. Who is
    /// held back by something else is looked at when that lets go: what has come since then is
    /// long.
    pub(super) async fn seek_life(&mut self, cluster: &mut Cluster) -> Result<(), FailoverError> {
        self.mark(cluster).await?;
        let now = self.now();
        let (absences, limits) = (self.memory.missing.absences.clone(), self.plan.limits);
        let in_grace = |since| super::guard::grace(since, now, &limits).is_some();
        for (address, absence) in absences
            .iter()
            .filter(|(_, absence)| in_grace(absence.since))
        {
            let Some(mark) = &absence.mark else { continue };
            self.look_meanwhile(cluster).await?;
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

    /// What a refusal says of a master's life.
    pub(super) fn learn(&mut self, master: &Address, failure: Option<&FailoverError>) {
        match failure {
            Some(FailoverError::Refused(Refusal::ShowsLife { sign, .. })) => {
                // It is told with the refusal.
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
