//! What belongs together: parents and children, and the neighbours in a queue of serial instances.

use std::collections::{HashMap, HashSet};

use jiff::civil::DateTime;

use super::database::{DatabaseError, Row};
use super::rows;
use super::store::MetadataStore;
use crate::family::SERIAL_WAIT;
use crate::model::{InstanceId, ListedInstance};

/// A parent, and the child that one of its tasks stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Relation {
    /// The parent.
    pub parent: InstanceId,
    /// Its task.
    pub task: i64,
    /// The child; `None` until a master has taken the command that makes it (up to 3.2).
    pub child: Option<InstanceId>,
}

/// A child that a valid, unfinished task of its parent stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveRelation {
    /// Who belongs to whom.
    pub relation: Relation,
    /// What the task itself says: from 3.3 on that names the child.
    pub app_link: Option<String>,
}

/// An instance that waits until earlier ones of its definition have ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SerialPlace {
    /// The instance.
    pub waiting: ListedInstance,
    /// The one before it in its queue; `None` if nothing is before it.
    pub behind: Option<InstanceId>,
}

/// A row of `parents_of`.
fn relation(row: &Row) -> Option<Relation> {
    Some(Relation {
        parent: row.int(0)?,
        task: row.int(1)?,
        child: row.int(2).filter(|id| *id != 0),
    })
}

impl MetadataStore {
    /// Why nobody's parents and children can be told, if that is so. [`MetadataStore::parents_of`] and
    /// [`MetadataStore::awaited_by`] find none then.
    #[must_use]
    pub fn unread_relations(&self) -> Option<String> {
        let table = self.release.family.tables.relation;
        self.relations.is_none().then(|| {
            format!(
                "which instance is the parent of which is not told: this database user may not read all of {table}"
            )
        })
    }

    /// The parents of these instances, whatever became of them.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn parents_of(
        &mut self,
        children: &[InstanceId],
    ) -> Result<Vec<Relation>, DatabaseError> {
        let mut found = Vec::new();
        if self.relations.is_none() {
            return Ok(found);
        }
        for some in self.portions(children) {
            let query = self.statements().parents_of(some);
            found.extend(self.collect(&query, relation).await?);
        }
        found.sort_unstable();
        Ok(found)
    }

    /// The children for which unfinished tasks of these instances stand, whatever became of them.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn awaited_by(
        &mut self,
        parents: &[InstanceId],
    ) -> Result<Vec<ActiveRelation>, DatabaseError> {
        let mut found = Vec::new();
        if self.relations.is_none() {
            return Ok(found);
        }
        let read = |row: &Row| {
            Some(ActiveRelation {
                relation: relation(row)?,
                app_link: row.text(3),
            })
        };
        for some in self.portions(parents) {
            let query = self.statements().awaited_by(some);
            found.extend(self.collect(&query, read).await?);
        }
        found.sort_unstable_by_key(|active| active.relation);
        Ok(found)
    }

    /// Instances by id, with their end.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn listed_by_ids(
        &mut self,
        ids: &[InstanceId],
    ) -> Result<Vec<(ListedInstance, Option<DateTime>)>, DatabaseError> {
        let mut found = Vec::new();
        for some in self.portions(ids) {
            let query = self.statements().listed_by_ids(some);
            let read = |row: &Row| Some((rows::listed(row)?, rows::time(row.text(11))));
            found.extend(self.collect(&query, read).await?);
        }
        Ok(found)
    }

    /// The instances that wait for their turn, ids ascending, each with the one before it: the
    /// nearest earlier one of the same definition and version that has not ended. Only in 3.0 to 3.2,
    /// where masters go by that (`WorkflowExecuteRunnable`). One scan.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn serial_places(&mut self) -> Result<Vec<SerialPlace>, DatabaseError> {
        let mut places = Vec::new();
        if !self.release.family.wakes_serial {
            return Ok(places);
        }
        let query = self.statements().serial_places();
        let mut newest: HashMap<_, InstanceId> = HashMap::new();
        let mut on_row = |row: Row| {
            let Some(listed) = rows::listed(&row) else {
                return;
            };
            let instance = &listed.instance;
            let queue = (instance.definition, instance.definition_version);
            let behind = newest.insert(queue, instance.id);
            if instance.state == Some(SERIAL_WAIT) {
                places.push(SerialPlace {
                    waiting: listed,
                    behind,
                });
            }
        };
        self.each(&query, &mut on_row).await?;
        Ok(places)
    }

    /// The parents whose children are still to be made by a waiting command.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn parents_in_commands(&mut self) -> Result<HashSet<InstanceId>, DatabaseError> {
        let query = self.statements().parameters_of_commands();
        let read = |row: &Row| rows::parent_in(&row.text(0)?);
        Ok(self.collect(&query, read).await?.into_iter().collect())
    }
}
