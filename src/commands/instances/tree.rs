//! What belongs together: parents and children, the unfinished tasks below each, and who waits for
//! whom.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::cluster::Cluster;
use crate::failover::FailoverError;
use crate::metadata::Relation;
use crate::model::{InstanceId, ListedInstance, Task};

/// A forest of instances.
#[derive(Debug, Default)]
pub(super) struct Forest {
    /// Those that were asked for.
    listed: BTreeSet<InstanceId>,
    /// Others that these belong to, or that belong to these; `None` if there is no such row any more.
    pub(super) others: BTreeMap<InstanceId, Option<ListedInstance>>,
    /// By child.
    parents: HashMap<InstanceId, Relation>,
    /// By parent, in order of child.
    children: HashMap<InstanceId, BTreeMap<InstanceId, Relation>>,
    /// Tasks whose child is still to be made.
    childless: HashSet<i64>,
    /// By instance, in order of host and id.
    tasks: HashMap<InstanceId, Vec<Task>>,
    /// Those that wait for their turn, with the one before them.
    waiting: BTreeMap<InstanceId, Option<InstanceId>>,
    /// What is not known.
    pub(super) warning: Option<String>,
}

/// A line of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct TreeLine<'a> {
    /// How many lines it stands below.
    pub(super) depth: usize,
    /// What it is about.
    pub(super) node: Node<'a>,
}

/// What a line is about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Node<'a> {
    /// An instance.
    Instance(InstanceId),
    /// An unfinished task of the instance above it.
    Task(&'a Task),
}

impl Forest {
    /// Reads what these instances belong to. With `is_all` they are those of every master, and
    /// whoever waits for its turn is one of the others.
    ///
    /// # Errors
    /// Those of the database.
    pub(super) async fn read(
        cluster: &mut Cluster,
        listed: &[ListedInstance],
        is_all: bool,
    ) -> Result<Self, FailoverError> {
        let ids: Vec<InstanceId> = listed.iter().map(|listed| listed.instance.id).collect();
        let store = &mut cluster.store;
        let mut forest = Self {
            listed: ids.iter().copied().collect(),
            warning: store.unread_relations(),
            ..Self::default()
        };
        for relation in store.parents_of(&ids).await? {
            forest.relate(relation);
        }
        for active in store.awaited_by(&ids).await? {
            forest.relate(active.relation);
        }
        for task in store.tasks_of(&ids).await? {
            forest.tasks.entry(task.instance_id).or_default().push(task);
        }
        for tasks in forest.tasks.values_mut() {
            tasks.sort_by(|one, other| (&one.host, one.id).cmp(&(&other.host, other.id)));
        }
        for place in store.serial_places().await? {
            let id = place.waiting.instance.id;
            if is_all || place.behind.is_some_and(|before| forest.has(before)) {
                forest.waiting.insert(id, place.behind);
                forest.others.insert(id, Some(place.waiting));
            }
        }
        let unknown: Vec<InstanceId> = forest.unknown().into_iter().collect();
        forest.others.extend(unknown.iter().map(|id| (*id, None)));
        for (row, _) in store.listed_by_ids(&unknown).await? {
            forest.others.insert(row.instance.id, Some(row));
        }
        Ok(forest)
    }

    /// Either side may have told of the same pair. A child has one parent: the newest row counts.
    fn relate(&mut self, relation: Relation) {
        let Some(child) = relation.child else {
            self.childless.insert(relation.task);
            return;
        };
        if let Some(before) = self.parents.insert(child, relation) {
            self.children
                .entry(before.parent)
                .or_default()
                .remove(&child);
        }
        let siblings = self.children.entry(relation.parent).or_default();
        siblings.insert(child, relation);
    }

    fn has(&self, id: InstanceId) -> bool {
        self.listed.contains(&id) || self.others.contains_key(&id)
    }

    /// Those that are named, and of which nothing is known yet.
    fn unknown(&self) -> BTreeSet<InstanceId> {
        let children = self.parents.keys().copied();
        let parents = self.parents.values().map(|relation| relation.parent);
        let before = self.waiting.values().copied().flatten();
        children
            .chain(parents)
            .chain(before)
            .filter(|id| !self.has(*id))
            .collect()
    }

    /// The pair in which it is the child.
    pub(super) fn parent(&self, id: InstanceId) -> Option<Relation> {
        self.parents.get(&id).copied()
    }

    /// Its children, ascending.
    pub(super) fn children(&self, id: InstanceId) -> Vec<InstanceId> {
        let children = self.children.get(&id).into_iter().flatten();
        children
            .filter_map(|(_, relation)| relation.child)
            .collect()
    }

    /// Its unfinished tasks, in order of host and id.
    pub(super) fn tasks(&self, id: InstanceId) -> &[Task] {
        self.tasks.get(&id).map_or(&[], Vec::as_slice)
    }

    /// Whether the child of this task is still to be made.
    pub(super) fn is_childless(&self, task: i64) -> bool {
        self.childless.contains(&task)
    }

    /// Whether it waits for its turn.
    pub(super) fn is_waiting(&self, id: InstanceId) -> bool {
        self.waiting.contains_key(&id)
    }

    /// If it waits for its turn: which instance is before it, if any is.
    pub(super) fn before(&self, id: InstanceId) -> Option<InstanceId> {
        self.waiting.get(&id).copied().flatten()
    }

    /// How many unfinished tasks each host has, in order of host.
    pub(super) fn tasks_by_host(&self) -> BTreeMap<Option<&str>, usize> {
        let mut hosts = BTreeMap::new();
        for task in self.tasks.values().flatten() {
            *hosts.entry(host_of(task)).or_default() += 1;
        }
        hosts
    }

    /// All of it, each instance below its parent's task if that is unfinished, and else below the
    /// parent.
    pub(super) fn lines(&self) -> Vec<TreeLine<'_>> {
        let all: BTreeSet<InstanceId> = self
            .listed
            .iter()
            .chain(self.others.keys())
            .copied()
            .collect();
        let is_root = |id: &InstanceId| {
            self.parent(*id)
                .is_none_or(|one| !all.contains(&one.parent))
        };
        let mut seen = HashSet::new();
        let mut lines = Vec::new();
        let roots = all.iter().copied().filter(is_root);
        // Whoever is its own ancestor, in a table that nobody guards, has no root.
        for root in roots.chain(all.iter().copied()) {
            let mut rest = vec![TreeLine {
                depth: 0,
                node: Node::Instance(root),
            }];
            while let Some(line) = rest.pop() {
                let below = match line.node {
                    Node::Instance(id) if !seen.insert(id) => continue,
                    Node::Instance(id) => self.below(id),
                    Node::Task(task) => self.below_task(task),
                };
                lines.push(line);
                let depth = line.depth + 1;
                rest.extend(below.into_iter().rev().map(|node| TreeLine { depth, node }));
            }
        }
        lines
    }

    fn below(&self, id: InstanceId) -> Vec<Node<'_>> {
        let tasks = self.tasks(id);
        let with_lines: HashSet<i64> = tasks.iter().map(|task| task.id).collect();
        let children = self.children.get(&id).into_iter().flatten();
        let children = children.map(|(_, relation)| relation);
        let others = children.filter(|relation| !with_lines.contains(&relation.task));
        let others = others.filter_map(|relation| relation.child.map(Node::Instance));
        tasks.iter().map(Node::Task).chain(others).collect()
    }

    fn below_task(&self, task: &Task) -> Vec<Node<'_>> {
        let children = self.children.get(&task.instance_id).into_iter().flatten();
        let children = children.map(|(_, relation)| relation);
        let own = children.filter(|relation| relation.task == task.id);
        own.filter_map(|relation| relation.child.map(Node::Instance))
            .collect()
    }
}

/// Where a task runs; `None` if no worker has it yet.
pub(super) fn host_of(task: &Task) -> Option<&str> {
    let host = task.host.as_deref();
    host.filter(|host| !["", "NULL", "null"].contains(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn related(parent: InstanceId, task: i64, child: InstanceId) -> Relation {
        Relation {
            parent,
            task,
            child: Some(child),
        }
    }

    fn forest(
        listed: &[InstanceId],
        relations: &[Relation],
        tasks: &[(InstanceId, i64)],
    ) -> Forest {
        let mut forest = Forest {
            listed: listed.iter().copied().collect(),
            ..Forest::default()
        };
        for one in relations {
            forest.relate(*one);
        }
        for (instance_id, id) in tasks {
            let task = Task {
                id: *id,
                instance_id: *instance_id,
                ..Task::default()
            };
            forest.tasks.entry(*instance_id).or_default().push(task);
        }
        forest
    }

    fn shown(forest: &Forest) -> Vec<(usize, i64)> {
        let id = |line: &TreeLine<'_>| match line.node {
            Node::Instance(id) => id,
            Node::Task(task) => task.id,
        };
        let lines = forest.lines();
        lines.iter().map(|line| (line.depth, id(line))).collect()
    }

    #[test]
    fn children_stand_below_the_task_that_waits_for_them() {
        let relations = [related(1, 11, 2), related(1, 12, 3), related(2, 21, 4)];
        let tasks = [(1, 11), (1, 13), (4, 41)];
        let forest = forest(&[1, 2, 3, 4, 5], &relations, &tasks);
        assert_eq!(
            shown(&forest),
            [
                (0, 1),
                (1, 11),
                (2, 2),
                (3, 4),
                (4, 41),
                (1, 13),
                (1, 3),
                (0, 5)
            ]
        );
        assert_eq!(forest.children(1), [2, 3]);
        assert_eq!(forest.parent(4), Some(related(2, 21, 4)));
    }

    #[test]
    fn everybody_has_a_line_whatever_the_table_says() {
        let relations = [related(1, 11, 2), related(2, 21, 1), related(3, 31, 3)];
        let forest = forest(&[1, 2, 3], &relations, &[]);
        let mut ids: Vec<i64> = shown(&forest).into_iter().map(|(_, id)| id).collect();
        ids.sort_unstable();
        assert_eq!(ids, [1, 2, 3]);
    }

    #[test]
    fn the_newest_row_tells_the_parent() {
        let forest = forest(&[1, 2, 3], &[related(1, 11, 3), related(2, 21, 3)], &[]);
        assert_eq!(forest.children(1), [0; 0]);
        assert_eq!(forest.children(2), [3]);
    }

    #[test]
    fn a_task_without_a_worker_has_no_host() {
        let on = |host: &str| Task {
            host: Some(host.to_owned()),
            ..Task::default()
        };
        assert_eq!(host_of(&on("NULL")), None);
        assert_eq!(host_of(&Task::default()), None);
        assert_eq!(host_of(&on("h:1")), Some("h:1"));
    }
}
