//! Failovers by others: masters, other watchers and operators fail masters over too, and that
//! counts for the storm brake.

use std::collections::BTreeMap;
use std::time::Duration;

use super::context::LoopContext;
use super::state::PastFailover;
use super::watcher::{Unsaved, Watcher};
use super::{Fault, What, picture};
use crate::cluster::Cluster;
use crate::failover::{FailoverError, RegistryView, dead_hosts};
use crate::family::Family;
use crate::metadata::HostCount;
use crate::model::Address;

/// A failover that another client has made or is making: it starts no cool-down here.
pub(super) fn by_others(master: String, at_ms: i64, instances: u64) -> PastFailover {
    PastFailover {
        master,
        at_ms,
        instances,
        cut_short: true,
    }
}

/// The masters that are still missing and have less work than before, and by how much.
pub(super) fn handed_over(
    before: &BTreeMap<String, i64>,
    now: &BTreeMap<String, i64>,
    away: impl Fn(&str) -> bool,
) -> Vec<(String, i64)> {
    let less = |(master, count): (&String, &i64)| {
        let gone = count.saturating_sub(now.get(master).copied().unwrap_or(0));
        (gone > 0 && away(master)).then(|| (master.clone(), gone))
    };
    before.iter().filter_map(less).collect()
}

impl Watcher<'_> {
    /// Records how much work each dead master has. If that has decreased without this process, and
    /// the master is still missing, another client has handed it over.
    pub(super) fn count_others(&mut self, family: &Family, counts: &[HostCount], dead: &[Address]) {
        let work: BTreeMap<String, i64> = dead
            .iter()
            .map(|master| {
                (
                    master.to_string(),
                    picture::unfinished_of(family, counts, master),
                )
            })
            .collect();
        let at_ms = self.now();
        // A master that shows a sign of life may have ended its instances itself.
        let missing = &self.memory.missing;
        let away =
            |master: &str| !missing.is_registered(master) && !missing.alive.contains_key(master);
        if self.is_recent(at_ms) {
            for (master, gone) in handed_over(&self.memory.work, &work, away) {
                self.memory
                    .done
                    .push(by_others(master, at_ms, u64::try_from(gone).unwrap_or(0)));
            }
        }
        (self.memory.work, self.memory.work_at_ms) = (work, at_ms);
    }

    /// If the last count is older than the brake's window, nothing shows that the decrease was
    /// within that window.
    pub(super) fn is_recent(&self, now: i64) -> bool {
        let since = now.saturating_sub(self.memory.work_at_ms);
        u64::try_from(since)
            .is_ok_and(|since| Duration::from_millis(since) <= self.plan.limits.window)
    }

    /// Subtracts what this process has handed over, so that it is not counted as another client's.
    pub(super) fn handed_over(&mut self, master: &Address, instances: usize) {
        if let Some(work) = self.memory.work.get_mut(master.as_str()) {
            *work = work.saturating_sub(i64::try_from(instances).unwrap_or(i64::MAX));
        }
    }

    /// Scans again, because something was done since; returns how much work a master has now.
    pub(super) async fn scan_again(
        &mut self,
        context: &mut LoopContext<'_>,
        cluster: &mut Cluster,
        master: &Address,
    ) -> Result<i64, FailoverError> {
        let masters = self.look(cluster).await?;
        let counts = self.scan(cluster).await?;
        let view = RegistryView {
            masters,
            ..RegistryView::default()
        };
        let (dead, _) = dead_hosts(&counts, &view, cluster.store.release());
        let family = cluster.store.release().family;
        self.count_others(family, &counts, &dead);
        self.save_state(context);
        Ok(picture::unfinished_of(family, &counts, master))
    }

    /// Saves the state. A failure is reported by [`Watcher::report_unsaved`].
    pub(super) fn save_state(&mut self, context: &mut LoopContext<'_>) {
        let reported = self
            .unsaved
            .as_ref()
            .is_some_and(|unsaved| unsaved.reported);
        self.unsaved = context
            .save_state(&self.memory)
            .err()
            .map(|why| Unsaved { why, reported });
    }

    /// Whether the last attempt to save the state failed. Reported when that starts, not in every
    /// round.
    pub(super) async fn report_unsaved(&mut self, context: &mut LoopContext<'_>) -> bool {
        let Some(unsaved) = &mut self.unsaved else {
            return false;
        };
        if !std::mem::replace(&mut unsaved.reported, true) {
            let fault = Fault::Unsaved {
                why: unsaved.why.clone(),
                once: self.plan.once,
            };
            context.emit(What::Error(fault)).await;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_becomes_less_was_handed_over_by_others() {
        let work = |of: &[(&str, i64)]| {
            of.iter()
                .map(|(master, count)| ((*master).to_owned(), *count))
                .collect()
        };
        let before = work(&[("a:1", 5), ("b:1", 5), ("c:1", 5), ("d:1", 5)]);
        let now = work(&[("b:1", 2), ("c:1", 5), ("e:1", 1)]);
        let found = handed_over(&before, &now, |master| master != "d:1");
        assert_eq!(found, [("a:1".to_owned(), 5), ("b:1".to_owned(), 3)]);
    }
}
