//! Sees for a while that masters stay away, as the masters themselves wait before they fail one
//! over.

use std::time::{Duration, Instant};

use super::error::{FailoverError, Refusal};
use super::guard::{self, RegistryView};
use super::handover::Handover;
use super::life::{Before, Between, LONGEST, Roll};
use super::locks::{self, Locks};
use super::rules::Rules;
use crate::cluster::Cluster;
use crate::model::Address;

/// Between two looks a failover asks the database as often as this, as slow as it is.
const LOOKS: u32 = 10;

/// However slow it is: so long nobody may go unseen.
const MOST: Duration = Duration::from_secs(30);

/// Between two looks.
const LOOK: Duration = Duration::from_secs(1);

/// Who looks whether masters stay away.
#[derive(Debug)]
pub struct Lookout<'a> {
    cluster: &'a mut Cluster,
    rules: &'a Rules,
    /// What is kept meanwhile.
    locks: Option<&'a Locks>,
}

impl<'a> Lookout<'a> {
    /// One who holds no lock.
    pub fn new(cluster: &'a mut Cluster, rules: &'a Rules) -> Self {
        Self {
            cluster,
            rules,
            locks: None,
        }
    }

    /// Looks on until these masters have been away for so long. Gives those that were, and what
    /// must still hold when their failover is committed. `view` is the look that found them away.
    ///
    /// # Errors
    /// [`Refusal::CameAndWent`] where somebody came and went meanwhile; the registry's and the
    /// database's own. Nothing is written.
    pub async fn see_away(
        self,
        view: &RegistryView,
        mut masters: Vec<Address>,
        time: Duration,
    ) -> Result<(Vec<Address>, Before), FailoverError> {
        let began = Instant::now();
        let names: Vec<&str> = masters.iter().map(Address::as_str).collect();
        let Cluster {
            registry, store, ..
        } = &mut *self.cluster;
        let mark = locks::kept(self.locks, &mut **registry, store.mark(&names)).await?;
        let endpoint = self.cluster.registry.endpoint().to_owned();
        let (mut roll, mut looked, mut longest) =
            (Roll::of(&endpoint, &view.masters), began, LONGEST);
        while let Some(left) = time
            .checked_sub(began.elapsed())
            .filter(|left| !left.is_zero())
        {
            self.cluster.stop.pause(left.min(LOOK)).await?;
            if let Some(locks) = self.locks {
                locks.confirm(&mut *self.cluster.registry).await?;
            }
            // To wait until it is known of another master whether it lives would be not to look.
            let asked = Instant::now();
            let now = guard::glance(self.cluster, self.rules).await?;
            // Where the database is slow, a failover is, too.
            longest = longest.max(asked.elapsed() * LOOKS).min(MOST);
            masters.retain(|master| now.find(master).is_none());
            let Some(first) = masters.first() else { break };
            let seen = Roll::of(&endpoint, &now);
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
            Before {
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
    /// Sees one master's absence anew where its turn comes so late that nothing proves it any more:
    /// others were done before it, somebody took time to say yes, or its lock, which is kept
    /// meanwhile, was waited for.
    ///
    /// # Errors
    /// As [`Lookout::see_away`]; [`Refusal::MasterRegistered`] or [`Refusal::CameAndWent`] where it
    /// is back.
    pub(super) async fn see_again(&mut self, address: &Address) -> Result<(), FailoverError> {
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
        self.observer.seeing_away(address, time);
        let lookout = Lookout {
            cluster: &mut *self.cluster,
            rules: self.rules,
            locks: self.locks.as_ref(),
        };
        let (away, before) = lookout.see_away(&view, vec![address.clone()], time).await?;
        if away.is_empty() {
            return Err(Refusal::CameAndWent(address.clone()).into());
        }
        // Whatever it has begun since it was first found away still shows that it lives.
        self.before = Some(Before { mark, ..before });
        Ok(())
    }
}
