//! What an operator should know of the sub-workflows among the instances to be handed over.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;

use super::judge::instance_verdict;
use crate::family::Release;
use crate::metadata::MetadataStore;
use crate::metadata::database::DatabaseError;
use crate::model::{Address, Instance, InstanceId, Registrations, Verdict};

/// Those of these instances whose parent a living master runs.
///
/// # Errors
/// [`DatabaseError`].
pub(super) async fn living_parents(
    store: &mut MetadataStore,
    masters: &Registrations,
    selected: &[Instance],
    zone: Option<&TimeZone>,
) -> Result<Vec<InstanceId>, DatabaseError> {
    let children = selected.iter().filter(|instance| instance.sub_process);
    let children: Vec<InstanceId> = children.map(|instance| instance.id).collect();
    let relations = store.parents_of(&children).await?;
    let mut parents: Vec<InstanceId> = relations.iter().map(|one| one.parent).collect();
    parents.sort_unstable();
    parents.dedup();
    let family = store.release().family;
    let mut parents = store.by_ids(&parents).await?;
    parents.retain(|parent| {
        family.is_unfinished(parent.state)
            && instance_verdict(parent, family, masters, zone) == Verdict::Alive
    });
    let lives = |id: InstanceId| parents.iter().any(|parent| parent.id == id);
    let relations = relations.into_iter().filter(|one| lives(one.parent));
    let children: BTreeSet<InstanceId> = relations.filter_map(|one| one.child).collect();
    Ok(children.into_iter().collect())
}

/// A note that living masters run the parents of some of these: for the plan.
pub(super) fn about_parents(children: &[InstanceId], master: &Address) -> Option<String> {
    let are = match children.len() {
        0 => return None,
        1 => "is a child of an instance that a living master runs",
        _ => "are children of instances that living masters run",
    };
    Some(format!(
        "{} of the instances of {master} {are}; see 'dsctl instances --tree {master}'",
        children.len()
    ))
}

/// A warning that sub-workflows may run twice, in releases whose masters do that with every
/// hand-over.
pub(super) fn about_second_start(
    release: &Release,
    master: &Address,
    selected: &[Instance],
) -> Option<String> {
    let children = selected
        .iter()
        .filter(|instance| instance.sub_process)
        .count();
    let are = if children == 1 {
        "is a sub-workflow"
    } else {
        "are sub-workflows"
    };
    (release.restarts_children() && children > 0).then(|| {
        format!(
            "{children} of the instances of {master} {are}: a master of {} that takes a parent up starts its sub-workflow \
             once more, in addition to the one that is handed over, as it does after a master's own failover",
            release.range
        )
    })
}
