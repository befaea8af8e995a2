//! Signs of life: what only a living master writes, that is instances that name it, their tasks,
//! and changes to both. An id that was not generated yet when the master was lost, and a row that
//! has changed since then, are proofs that need no clock.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::commands::BEFORE_EVERY_ID;
use super::database::{DatabaseError, Row};
use super::store::{LOOK_UP, MetadataStore};
use crate::family::{READY_PAUSE, READY_STOP};
use crate::model::InstanceId;

/// The instances and tasks at one moment, as far as needed to recognise new ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// Instances with greater ids are new, except for those that are listed.
    pub instance: i64,
    /// Tasks with greater ids are new, except for those that are listed.
    pub task: i64,
    /// Instances with greater ids that already existed.
    #[serde(default)]
    pub known_instances: Vec<i64>,
    /// Tasks with greater ids that already existed.
    #[serde(default)]
    pub known_tasks: Vec<i64>,
    /// By master, its unfinished instances; only the newest if there are very many.
    #[serde(default)]
    pub rows: BTreeMap<String, BTreeMap<InstanceId, String>>,
}

/// What a master has written since, the sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// An instance that names it.
    Instance(InstanceId),
    /// A task of an instance that names it.
    Task {
        /// The task.
        task: i64,
        /// Its instance.
        instance: InstanceId,
    },
    /// An older instance that named no master, or another one.
    TakenUp(InstanceId),
    /// An instance that still names it, but has changed.
    Changed(InstanceId),
}

/// Ids are generated in order, except for rows whose id was set by hand: a large one must not hide
/// rows that are numbered after it. This many of the largest ids are compared one by one, before
/// each batch.
pub(super) const NEWEST: usize = 100;

/// How many unfinished instances of one master are recorded.
const KEPT: usize = 10_000;

/// Collations of older MySQL schemas match other cases, and trailing blanks, too: so some rows are
/// looked at.
const LOOKED_AT: usize = 50;

impl Mark {
    /// Whether this master did not have this unfinished instance at that moment.
    #[must_use]
    pub fn is_taken_up(&self, host: &str, instance: InstanceId) -> bool {
        let Some(rows) = self.rows.get(host) else {
            return false;
        };
        let is_kept = rows.len() < KEPT
            || rows
                .first_key_value()
                .is_some_and(|(least, _)| instance > *least);
        is_kept && !rows.contains_key(&instance)
    }

    /// What both marks have seen, of which `earlier` counts where it has seen the same.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        let mut rows = self.rows;
        rows.extend(earlier.rows);
        Self { rows, ..earlier }
    }
}

impl MetadataStore {
    /// The instances and tasks that exist now, found by their keys, and the rows of the unfinished
    /// ones of these masters: one scan for each master.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn mark(&mut self, masters: &[&str]) -> Result<Mark, DatabaseError> {
        let newest = self.statements().newest_ids(NEWEST);
        let found = self
            .collect(&newest, |row| row.int(0).zip(row.int(1)))
            .await?;
        let of = |kind| {
            found
                .iter()
                .filter(move |row| row.0 == kind)
                .map(|row| row.1)
                .collect()
        };
        let ((instance, known_instances), (task, known_tasks)) = (numbered(of(0)), numbered(of(1)));
        let mut rows = BTreeMap::new();
        for master in masters {
            let mut ids: Vec<InstanceId> = self
                .unfinished_of(master)
                .await?
                .iter()
                .map(|found| found.id)
                .collect();
            ids.drain(..ids.len().saturating_sub(KEPT));
            let seen = self.row_states(&ids).await?;
            rows.insert(
                (*master).to_owned(),
                seen.into_iter().map(|row| (row.id, row.look)).collect(),
            );
        }
        Ok(Mark {
            instance,
            task,
            known_instances,
            known_tasks,
            rows,
        })
    }

    /// Whether exactly this host has started a new instance, or a new task of one, ended or not.
    /// Only the newest rows are read.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn sign_since(
        &mut self,
        host: &str,
        mark: &Mark,
    ) -> Result<Option<Sign>, DatabaseError> {
        let instances = (mark.instance, LOOKED_AT + mark.known_instances.len());
        let tasks = (mark.task, LOOKED_AT + mark.known_tasks.len());
        let query = self.statements().begun_since(host, instances, tasks);
        let is_new = |known: &[i64], id| known.binary_search(&id).is_err();
        let of_host = |row: &Row| {
            let (id, instance) = row
                .int(1)
                .zip(row.int(2))
                .filter(|_| row.text(3).as_deref() == Some(host))?;
            if row.int(0)? == 0 {
                is_new(&mark.known_instances, id).then_some(Sign::Instance(id))
            } else {
                is_new(&mark.known_tasks, id).then_some(Sign::Task { task: id, instance })
            }
        };
        let found = self.collect(&query, of_host).await?;
        // A new instance is better evidence than its tasks.
        let instance = found.iter().find(|sign| matches!(sign, Sign::Instance(_)));
        Ok(instance.or(found.first()).copied())
    }

    /// Whether an instance that belonged to exactly this host still does and has changed, other
    /// than by a failover, or by users who requested its end.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn change_since(
        &mut self,
        host: &str,
        mark: &Mark,
    ) -> Result<Option<Sign>, DatabaseError> {
        let Some(rows) = mark.rows.get(host) else {
            return Ok(None);
        };
        let ids: Vec<InstanceId> = rows.keys().copied().collect();
        let seen = self.row_states(&ids).await?;
        let changed = seen.iter().find(|now| {
            now.host.as_deref() == Some(host)
                && rows
                    .get(&now.id)
                    .is_none_or(|then| differs(then, &now.look))
                && !self.may_be_by_others(now.state, now.ended)
        });
        Ok(changed.map(|row| Sign::Changed(row.id)))
    }

    /// Whether others than the master that an instance names may have put it into this state: a
    /// failover, a failed recovery, users, who request its end from the API server, or other
    /// masters, which request that of a sub-workflow.
    #[must_use]
    pub fn may_be_by_others(&self, state: Option<i64>, ended: bool) -> bool {
        let Some(state) = state else { return true };
        let is_claim = matches!(self.release.family.claim, crate::family::Claim::State(claim) if claim == state);
        let failed_recovery = !ended && self.release.failed_recovery() == Some(state);
        is_claim || failed_recovery || [READY_PAUSE, READY_STOP].contains(&state)
    }

    /// The state of instances at this moment, found by their key.
    async fn row_states(&mut self, ids: &[InstanceId]) -> Result<Vec<RowSeen>, DatabaseError> {
        let mut found = Vec::new();
        for some in ids.chunks(LOOK_UP) {
            let query = self.statements().row_states(some);
            found.extend(self.collect(&query, seen).await?);
        }
        Ok(found)
    }
}

/// An instance's row at one moment.
#[derive(Debug)]
struct RowSeen {
    id: InstanceId,
    host: Option<String>,
    state: Option<i64>,
    ended: bool,
    /// Everything that masters change while an instance runs, as one text.
    look: String,
}

/// A row of `row_states`.
fn seen(row: &Row) -> Option<RowSeen> {
    let number = |column| row.int(column).map(|number| number.to_string());
    let parts = [
        number(2),
        row.text(3),
        row.text(4),
        row.text(5),
        number(6),
        number(7),
        number(8),
    ];
    let look = parts
        .map(|part| part.unwrap_or_else(|| "-".to_owned()))
        .join(PART);
    Some(RowSeen {
        id: row.int(0)?,
        host: row.text(1),
        state: row.int(2),
        ended: row.text(3).is_some(),
        look,
    })
}

/// Separates two parts of that text.
const PART: &str = ", ";

/// The parts that a master also writes into an instance of another one: the time of the write, and
/// the next instance of the same serial definition; masters of 2.0 and 3.0 do.
const WRITTEN: usize = 4;
const NEXT: usize = 6;

/// Whether a row was changed by more than an instance that waits for its end.
fn differs(then: &str, now: &str) -> bool {
    let [then, now] = [then, now].map(|look| look.split(PART).collect::<Vec<_>>());
    let by_next = then.get(NEXT) != now.get(NEXT);
    (0..NEXT).any(|part| then.get(part) != now.get(part) && !(by_next && part == WRITTEN))
}

/// The id from which the newest ones are compared one by one, and the ids above it.
fn numbered(mut newest: Vec<i64>) -> (i64, Vec<i64>) {
    newest.sort_unstable();
    if newest.len() < NEWEST {
        (BEFORE_EVERY_ID, newest)
    } else {
        (newest.remove(0), newest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_are_looked_at_one_by_one() {
        assert_eq!(numbered(vec![3, 2, 9]), (BEFORE_EVERY_ID, vec![2, 3, 9]));
        let (from, known) = numbered((1..=100).rev().collect());
        assert_eq!((from, known.len(), known.first()), (1, 99, Some(&2)));
    }

    #[test]
    fn an_instance_that_waits_for_another_changes_its_row() {
        let then = "1, -, 02:00, -, 1000, 20, 0";
        assert!(!differs(then, then) && !differs(then, "1, -, 02:00, -, 1001, 20, 7"));
        for by_its_master in [
            "1, -, 02:00, -, 1001, 20, 0",
            "7, -, 02:00, -, 1001, 20, 7",
            "1, -, 02:00, -, 1001, 21, 7",
        ] {
            assert!(differs(then, by_its_master), "{by_its_master}");
        }
        // Kept by an earlier version.
        assert!(
            !differs("1, -, 02:00, -, 1000, 20", then) && differs("0, -, 02:00, -, 1000, 20", then)
        );
    }

    #[test]
    fn what_was_not_there_is_taken_up_as_far_as_is_known() {
        let rows = |ids: std::ops::Range<i64>| ids.map(|id| (id, String::new())).collect();
        let mark = |ids| Mark {
            rows: [("h:1".to_owned(), rows(ids))].into(),
            ..Mark::default()
        };
        assert!(!mark(5..8).is_taken_up("h:1", 7) && mark(5..8).is_taken_up("h:1", 4));
        assert!(!mark(5..8).is_taken_up("h:2", 4) && mark(5..5).is_taken_up("h:1", 4));
        let many = 5..5 + i64::try_from(KEPT).unwrap();
        assert!(
            !mark(many.clone()).is_taken_up("h:1", 4)
                && mark(many.clone()).is_taken_up("h:1", many.end)
        );
    }
}
