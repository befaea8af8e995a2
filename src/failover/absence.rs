//! Observes for a while that masters stay away, as masters themselves wait before they fail one
//! over.

use std::time::{Duration, Instant};

use super::error::{FailoverError, Refusal};
use super::guard::{self, RegistryView};
use super::handover::Handover;
use super::life::{AbsenceProof, Between, LONGEST, RegistrySnapshot};
use super::locks::{self, Locks};
use super::rules::Rules;
use crate::cluster::Cluster;
use crate::model::Address;

/// How many queries a failover makes between two looks at the registry, however slow they are.
const LOOKS: u32 = 10;

/// The longest time without a look, however slow the database is.
const MOST: Duration = Duration::from_secs(30);

/// The time between two looks.
const LOOK: Duration = Duration::from_secs(1);

/// Observes whether masters stay away.
#[derive(Debug)]
pub struct AbsenceObserver<'a> {
    cluster: &'a mut Cluster,
    rules: &'a Rules,
    /// The locks that are kept alive meanwhile.
    locks: Option<&'a Locks>,
}

impl<'a> AbsenceObserver<'a> {
    /// A lookout that holds no lock.
    pub fn new(cluster: &'a mut Cluster, rules: &'a Rules) -> Self {
        Self {
            cluster,
            rules,
            locks: None,
        }
    }

    /// Observes until these masters have been away for the required time. Returns those that were,
    /// and what must still hold when their failover is committed. `view` is the look that found
    /// them away.
    ///
    /// # Errors
    /// [`Refusal::CameAndWent`] if a master came and went meanwhile; those of registry and
    /// database. Nothing is written.
    pub async fn observe_absence(
        self,
        view: &RegistryView,
        mut masters: Vec<Address>,
        time: Duration,
    ) -> Result<(Vec<Address>, AbsenceProof), FailoverError> {
        let began = Instant::now();
        let names: Vec<&str> = masters.iter().map(Address::as_str).collect();
        let Cluster {
            registry, store, ..
        } = &mut *self.cluster;
        let mark = locks::kept(self.locks, &mut **registry, store.mark(&names)).await?;
        let endpoint = self.cluster.registry.endpoint().to_owned();
        let (mut roll, mut looked, mut longest) = (
            RegistrySnapshot::of(&endpoint, &view.masters),
            began,
            LONGEST,
        );
        while let Some(left) = time
            .checked_sub(began.elapsed())
            .filter(|left| !left.is_zero())
        {
            self.cluster.stop.pause(left.min(LOOK)).await?;
            if let Some(locks) = self.locks {
                locks.confirm(&mut *self.cluster.registry).await?;
            }
            // Waiting until another master's state is known would interrupt the observation.
            let asked = Instant::now();
            let now = guard::look_once(self.cluster, self.rules).await?;
            // With a slow database a failover is slow, too.
            longest = longest.max(asked.elapsed() * LOOKS).min(MOST);
            masters.retain(|master| now.find(master).is_none());
            let Some(first) = masters.first() else { break };
            let seen = RegistrySnapshot::of(&endpoint, &now);
            let proven = match seen.since(&roll) {
                Between::Nothing => true,
                Between::Something => false,
                Between::NotCounted => looked.elapsed() <= longest,
            };
            if !proven {
                return Err(Refusal::CameAndWent(first.clone()).into());
            }
            (roll, looked) = (seen, asked);
        }
        Ok((
            masters,
            AbsenceProof {
                roll,
                mark,
                looked: Some(looked),
                longest,
                again: Some(time),
            },
        ))
    }
}

impl Handover<'_> {
    /// Observes one master's absence again if its turn comes so late that it is no longer proven:
    /// others were done before it, the operator took time to confirm, or its lock, which is kept
    /// alive meanwhile, was waited for.
    ///
    /// # Errors
    /// As [`AbsenceObserver::observe_absence`]; [`Refusal::MasterRegistered`] or [`Refusal::CameAndWent`] if it is
    /// back.
    pub(super) async fn observe_again(&mut self, address: &Address) -> Result<(), FailoverError> {
        let stale = self.before.as_ref().filter(|before| before.is_stale());
        let Some((time, mark)) =
            stale.and_then(|before| Some((before.again?, before.mark.clone())))
        else {
            return Ok(());
        };
        let view = self.look().await?;
        guard::select(
            self.cluster,
            self.rules,
            view.masters.find(address),
            Vec::new(),
        )?;
        self.observer.rechecking_absence(address, time);
        let observer = AbsenceObserver {
            cluster: &mut *self.cluster,
            rules: self.rules,
            locks: self.locks.as_ref(),
        };
        let (away, before) = observer
            .observe_absence(&view, vec![address.clone()], time)
            .await?;
        if away.is_empty() {
            return Err(Refusal::CameAndWent(address.clone()).into());
        }
        // Whatever it has started since it was first found away still shows that it is alive.
        self.before = Some(AbsenceProof { mark, ..before });
        Ok(())
    }
}
