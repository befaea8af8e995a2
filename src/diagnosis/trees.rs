//! Parents and children that are apart, as one look shows it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::{Duration, Instant};

use jiff::civil::DateTime;

use crate::cluster::Cluster;
use crate::failover::FailoverError;
use crate::family::USER_RERUN_COMMANDS;
use crate::metadata::{ActiveRelation, Relation};
use crate::model::{Instance, InstanceId};

/// A parent and its child of which one has ended, or was never there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApartPair {
    /// Who belongs to whom.
    pub relation: Relation,
    /// The state of the one that has ended; `None` if it is not there.
    pub ended: Option<i64>,
}

/// What a look has shown of them. All of it may pass by itself in a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApartTrees {
    /// Unfinished children whose parent has ended or is gone, ascending by parent.
    pub left: Vec<ApartPair>,
    /// Tasks of living masters whose child was never made, and no command makes it.
    pub never_made: Vec<ApartPair>,
    /// Tasks of living masters that wait for a child that has ended.
    pub unseen: Vec<ApartPair>,
    /// How long ago an earlier look has shown all of it, too.
    pub seen_for: Duration,
    /// When this one was taken.
    looked_at: Option<Instant>,
}

impl ApartTrees {
    /// Whether nobody is apart.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.left.is_empty() && self.never_made.is_empty() && self.unseen.is_empty()
    }

    /// Leaves out what an earlier look did not show.
    pub fn settle(&mut self, earlier: &Self) {
        self.left.retain(|pair| earlier.left.contains(pair));
        self.never_made
            .retain(|pair| earlier.never_made.contains(pair));
        self.unseen.retain(|pair| earlier.unseen.contains(pair));
        let moments = self.looked_at.zip(earlier.looked_at);
        self.seen_for = moments.map_or(Duration::ZERO, |(now, then)| now.duration_since(then));
    }
}

/// What is known already of those that have not ended.
pub(super) struct Unended<'a> {
    /// All of them.
    pub(super) all: &'a HashSet<InstanceId>,
    /// Those that are sub-workflows.
    pub(super) children: &'a [InstanceId],
    /// Those that no living master works on.
    pub(super) not_alive: &'a HashSet<InstanceId>,
    /// All that a waiting command names, ended or not.
    pub(super) named: &'a HashSet<InstanceId>,
}

impl Unended<'_> {
    /// Reads who is apart: nobody, where this user may not see all that it takes to know that.
    ///
    /// # Errors
    /// Those of the database.
    pub(super) async fn apart(&self, cluster: &mut Cluster) -> Result<ApartTrees, FailoverError> {
        let tables = cluster.store.release().family.tables;
        let hides = cluster
            .store
            .hides(&[tables.instance, tables.task, tables.command]);
        if hides || cluster.store.unread_relations().is_some() {
            return Ok(ApartTrees::default());
        }
        let awaited = self.awaited(cluster).await?;
        Ok(ApartTrees {
            left: self.left(cluster).await?,
            never_made: self.never_made(cluster, &awaited).await?,
            unseen: self.unseen(cluster, &awaited).await?,
            seen_for: Duration::ZERO,
            looked_at: Some(Instant::now()),
        })
    }

    /// A parent that a command is about to start again takes its child back. A child that was started
    /// by itself after its parent had ended belongs to nobody but its user.
    async fn left(&self, cluster: &mut Cluster) -> Result<Vec<ApartPair>, FailoverError> {
        let relations = cluster.store.parents_of(self.children).await?;
        let is_waited_for = |parent| self.all.contains(&parent) || self.named.contains(&parent);
        let kept: HashSet<InstanceId> = relations
            .iter()
            .filter(|relation| is_waited_for(relation.parent))
            .filter_map(|relation| relation.child)
            .collect();
        let alone = relations
            .into_iter()
            .filter(|relation| relation.child.is_some_and(|child| !kept.contains(&child)));
        let alone: Vec<Relation> = alone.collect();
        let parents: BTreeSet<InstanceId> = alone.iter().map(|relation| relation.parent).collect();
        let ends = self.ends(cluster, &parents).await?;
        let children: Vec<InstanceId> = alone.iter().filter_map(|one| one.child).collect();
        let children = cluster.store.by_ids(&children).await?;
        let children: HashMap<InstanceId, Instance> = children
            .into_iter()
            .map(|child| (child.id, child))
            .collect();
        let pair = |relation: Relation| {
            let child = children.get(&relation.child?)?;
            let end = ends.get(&relation.parent)?;
            (!is_run_by_itself(child, end.time)).then_some(ApartPair {
                relation,
                ended: end.state,
            })
        };
        Ok(alone.into_iter().filter_map(pair).collect())
    }

    /// Of these instances those that have ended or are gone.
    async fn ends(
        &self,
        cluster: &mut Cluster,
        ids: &BTreeSet<InstanceId>,
    ) -> Result<HashMap<InstanceId, ParentEnd>, FailoverError> {
        let ids: Vec<InstanceId> = ids.iter().copied().collect();
        let mut ends: HashMap<InstanceId, ParentEnd> =
            ids.iter().map(|id| (*id, ParentEnd::GONE)).collect();
        let family = cluster.store.release().family;
        for (row, time) in cluster.store.listed_by_ids(&ids).await? {
            let state = row.instance.state;
            if family.is_finished(state) {
                ends.insert(row.instance.id, ParentEnd { state, time });
            } else {
                ends.remove(&row.instance.id);
            }
        }
        Ok(ends)
    }

    /// What the tasks of living masters wait for; of others the failover comes first.
    async fn awaited(&self, cluster: &mut Cluster) -> Result<Vec<ActiveRelation>, FailoverError> {
        let alive = self.all.difference(self.not_alive);
        let mut parents: Vec<InstanceId> = alive
            .filter(|id| !self.named.contains(id))
            .copied()
            .collect();
        parents.sort_unstable();
        Ok(cluster.store.awaited_by(&parents).await?)
    }

    /// Up to 3.2 a parent writes the row and the command that makes its child, in one transaction. From
    /// 3.3 on the child is there before the row is: a row without one proves nothing there.
    async fn never_made(
        &self,
        cluster: &mut Cluster,
        awaited: &[ActiveRelation],
    ) -> Result<Vec<ApartPair>, FailoverError> {
        let relations = awaited.iter().map(|active| active.relation);
        let childless: Vec<Relation> = relations.filter(|one| one.child.is_none()).collect();
        if childless.is_empty() || cluster.store.release().family.starts_at_trigger {
            return Ok(Vec::new());
        }
        let to_be_made = cluster.store.parents_in_commands().await?;
        let lost = childless
            .into_iter()
            .filter(|one| !to_be_made.contains(&one.parent));
        Ok(lost
            .map(|relation| ApartPair {
                relation,
                ended: None,
            })
            .collect())
    }

    /// A child whose row is gone is not among them: what becomes of its parent's task then is known of
    /// few releases. From 3.3 on a task follows the child that it names itself, and only such a one
    /// counts.
    async fn unseen(
        &self,
        cluster: &mut Cluster,
        awaited: &[ActiveRelation],
    ) -> Result<Vec<ApartPair>, FailoverError> {
        let release = cluster.store.release();
        let (family, follows_app_link) = (release.family, release.follows_app_link());
        let is_followed = |active: &ActiveRelation, child| {
            !follows_app_link || names(active.app_link.as_deref(), child)
        };
        let others = awaited.iter().filter(|active| {
            active.relation.child.is_some_and(|child| {
                !self.all.contains(&child)
                    && !self.named.contains(&child)
                    && is_followed(active, child)
            })
        });
        let others: Vec<Relation> = others.map(|active| active.relation).collect();
        let children: Vec<InstanceId> = others.iter().filter_map(|one| one.child).collect();
        let children = cluster.store.by_ids(&children).await?;
        let ended: HashMap<InstanceId, Option<i64>> = children
            .into_iter()
            .filter(|child| family.is_finished(child.state))
            .map(|child| (child.id, child.state))
            .collect();
        let pair = |relation: Relation| {
            let ended = *ended.get(&relation.child?)?;
            Some(ApartPair { relation, ended })
        };
        Ok(others.into_iter().filter_map(pair).collect())
    }
}

/// How and when an instance has ended, as far as its row says that.
#[derive(Clone, Copy)]
struct ParentEnd {
    state: Option<i64>,
    time: Option<DateTime>,
}

impl ParentEnd {
    /// There is no row.
    const GONE: Self = Self {
        state: None,
        time: None,
    };
}

/// Whether a child was started by itself, and not for its parent: a user has run it again, or its run
/// began after its parent's end.
fn is_run_by_itself(child: &Instance, parent_end: Option<DateTime>) -> bool {
    let by_user = child
        .command_type
        .is_some_and(|kind| USER_RERUN_COMMANDS.contains(&kind));
    let began = child.start_time.max(child.restart_time);
    let began_later = began
        .zip(parent_end)
        .is_some_and(|(start, end)| start > end);
    by_user || began_later
}

/// Whether a task's application link names this child.
fn names(app_link: Option<&str>, child: InstanceId) -> bool {
    let link = app_link.and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
    link.and_then(|link| link.get("subWorkflowInstanceId")?.as_i64()) == Some(child)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_names_its_child() {
        assert!(names(Some(r#"{"subWorkflowInstanceId":7}"#), 7));
        for link in [None, Some(""), Some("application_1_2"), Some("{}")] {
            assert!(!names(link, 7), "{link:?}");
        }
        assert!(!names(Some(r#"{"subWorkflowInstanceId":8}"#), 7));
    }

    /// A failover, or a stop, changes the command type of a child that its user has resumed.
    #[test]
    fn a_child_that_began_after_its_parents_end_is_its_users() {
        let at = |text: &str| Some(text.parse().unwrap());
        let child = |command, restarted| Instance {
            command_type: Some(command),
            start_time: at("2026-01-01T10:00:00"),
            restart_time: restarted,
            ..Instance::default()
        };
        let end = at("2026-01-01T11:00:00");
        assert!(is_run_by_itself(&child(2, at("2026-01-01T12:00:00")), end));
        assert!(!is_run_by_itself(&child(2, at("2026-01-01T10:30:00")), end));
        assert!(is_run_by_itself(&child(3, None), end));
        assert!(!is_run_by_itself(&child(0, None), end));
    }

    #[test]
    fn only_pairs_that_do_not_move_are_left() {
        let pair = |parent, ended| ApartPair {
            relation: Relation {
                parent,
                task: 10 * parent,
                child: Some(parent + 1),
            },
            ended,
        };
        let look = |pairs: &[ApartPair]| ApartTrees {
            left: pairs.to_vec(),
            never_made: pairs.to_vec(),
            unseen: pairs.to_vec(),
            ..ApartTrees::default()
        };
        let mut later = look(&[pair(1, Some(7)), pair(3, Some(6)), pair(5, None)]);
        later.settle(&look(&[pair(1, Some(7)), pair(3, Some(5))]));
        assert_eq!(later, look(&[pair(1, Some(7))]));
        later.settle(&look(&[]));
        assert!(later.is_empty());
    }
}
