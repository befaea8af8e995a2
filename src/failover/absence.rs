//! Sees for a while that masters stay away, as the masters themselves wait before they fail one over.

use std::time::{Duration, Instant};

use super::error::{FailoverError, Refusal};
use super::guard::{self, RegistryView};
use super::handover::Handover;
use super::life::{Before, Between, LONGEST, Roll};
use super::rules::Rules;
use crate::cluster::Cluster;
use crate::model::Address;

/// Between two looks.
const LOOK: Duration = Duration::from_secs(1);

/// Looks on until these masters have been away for so long. Gives those that were, and what must still hold when their
/// failover is committed. `view` is the look that found them away.
///
/// # Errors
/// [`Refusal::CameAndWent`] where somebody came and went meanwhile; the registry's and the database's own. Nothing is
/// written.
pub async fn see_away(
    cluster: &mut Cluster,
    rules: &Rules,
    view: &RegistryView,
    mut masters: Vec<Address>,
    time: Duration,
) -> Result<(Vec<Address>, Before), FailoverError> {
    let began = Instant::now();
    let names: Vec<&str> = masters.iter().map(Address::as_str).collect();
    let mark = cluster.store.mark(&names).await?;
    let endpoint = cluster.registry.endpoint().to_owned();
    let (mut roll, mut looked) = (Roll::of(&endpoint, &view.masters), began);
    while let Some(left) = time.checked_sub(began.elapsed()).filter(|left| !left.is_zero()) {
        cluster.stop.pause(left.min(LOOK)).await?;
        // To wait until it is known of another master whether it lives would be not to look.
        let now = guard::glance(cluster, rules).await?;
        masters.retain(|master| now.find(master).is_none());
        let Some(first) = masters.first() else { break };
        let seen = Roll::of(&endpoint, &now);
        let proven = match seen.since(&roll) {
            Between::Nothing => true,
            Between::Something => false,
            Between::NotCounted => looked.elapsed() <= LONGEST,
        };
        if !proven {
            return Err(Refusal::CameAndWent(first.clone()).into());
        }
        (roll, looked) = (seen, Instant::now());
    }
    Ok((masters, Before { roll, mark, looked: Some(looked), longest: LONGEST, again: Some(time) }))
}

impl Handover<'_> {
    /// Sees one master's absence anew where its turn comes so late that nothing proves it any more: others were done before it,
    /// or somebody took time to say yes. Gives what was proven before then, of all masters.
    ///
    /// # Errors
    /// As [`see_away`]; [`Refusal::MasterRegistered`] or [`Refusal::CameAndWent`] where it is back.
    pub(super) async fn see_again(&mut self, address: &Address) -> Result<Option<Before>, FailoverError> {
        let stale = self.before.as_ref().filter(|before| before.is_stale());
        let Some((time, mark)) = stale.and_then(|before| Some((before.again?, before.mark.clone()))) else {
            return Ok(None);
        };
        let view = self.look().await?;
        guard::select(self.cluster, self.rules, &view, address, Vec::new())?;
        self.observer.seeing_away(address, time);
        let (away, before) = see_away(self.cluster, self.rules, &view, vec![address.clone()], time).await?;
        if away.is_empty() {
            return Err(Refusal::CameAndWent(address.clone()).into());
        }
        // Whatever it has begun since it was first found away still shows that it lives.
        Ok(self.before.replace(Before { mark, ..before }))
    }
}
