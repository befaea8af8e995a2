//! Kills tasks of 3.0 and 3.1 that still run on living workers, before they run again elsewhere.

use std::collections::BTreeMap;
use std::time::Duration;

use super::error::FailoverError;
use super::locks::idle_limit;
use super::outcome::MasterOutcome;
use crate::cluster::Cluster;
use crate::model::{Address, Task};

/// How long a worker may take to answer: rows are locked meanwhile.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks the workers to end these tasks, as a master of this release does. That cannot be undone, so
/// it is done last: when everything is written and checked again, and only confirming the lock and
/// the COMMIT are left. After the COMMIT it would be too late: the new attempt starts then, and a
/// worker does not distinguish the two.
///
/// It is only an attempt, as it is for the masters. A worker ends the shell that it has started,
/// and answers before it knows whether the rest has ended: a worker of 3.1.1 says SUCCESS while the
/// script itself goes on. So no answer replaces the operator's consent.
///
/// In a snapshot nobody is asked: the workers are the cluster's.
///
/// Returns each task that was asked to end, and whether its worker reported that it has.
pub(super) async fn end_tasks(cluster: &Cluster, tasks: &[&Task]) -> Vec<(i64, bool)> {
    let request = cluster.store.release().kill_request();
    let Some(request) = request.filter(|_| cluster.store.snapshot().is_none()) else {
        return Vec::new();
    };
    let limit = PATIENCE.min(idle_limit(&*cluster.registry) / 2);
    let asked = by_worker(tasks.iter().copied())
        .into_iter()
        .map(|(worker, tasks)| async move {
            let answered =
                crate::worker::kill(&Address::seen(worker), request, &tasks, limit).await;
            tasks
                .into_iter()
                .map(|task| (task, answered.contains(&task)))
                .collect::<Vec<_>>()
        });
    futures::future::join_all(asked)
        .await
        .into_iter()
        .flatten()
        .collect()
}

/// What the workers of these tasks answered, in this batch or in a larger one that was refused.
pub(super) fn about_ended(
    cluster: &Cluster,
    tasks: &[Task],
    asked: &BTreeMap<i64, bool>,
) -> Vec<String> {
    let Some(words) = cluster.store.release().kill_answer() else {
        return Vec::new();
    };
    let were_asked = tasks.iter().filter(|task| asked.contains_key(&task.id));
    let texts = by_worker(were_asked)
        .into_iter()
        .flat_map(|(worker, tasks)| {
            let (ended, silent): (Vec<i64>, Vec<i64>) = tasks
                .iter()
                .partition(|task| asked.get(task) == Some(&true));
            [(ended, words.ended), (silent, words.silent)].map(|(tasks, what)| {
                let numbers = tasks
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(", ");
                (!tasks.is_empty()).then(|| {
                    format!("worker {worker} {what}: tasks {numbers}, which run again elsewhere")
                })
            })
        });
    texts.flatten().collect()
}

fn by_worker<'t>(tasks: impl Iterator<Item = &'t Task>) -> BTreeMap<&'t str, Vec<i64>> {
    let mut by_worker: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for task in tasks {
        by_worker
            .entry(task.host.as_deref().unwrap_or_default())
            .or_default()
            .push(task.id);
    }
    by_worker
}

/// Tasks that were asked to end, but whose instances were not handed over, or may not have been.
pub(super) fn in_vain(outcome: &MasterOutcome, failure: Option<&FailoverError>) -> Option<String> {
    let left = outcome
        .asked
        .keys()
        .filter(|task| !outcome.marked_tasks.contains(task));
    let tasks = left.map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let became = if matches!(failure, Some(FailoverError::OutcomeUnknown { .. })) {
        "and it is unknown whether their instances were handed over: if not, these tasks have \
         ended or were interrupted, and their rows do not show it"
    } else {
        "before the hand-over of their instances failed: these tasks have ended or were \
         interrupted, and their rows do not show it"
    };
    (!tasks.is_empty()).then(|| format!("workers were asked to end the tasks {tasks}, {became}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Verdict;

    #[test]
    fn what_is_unknown_is_not_reported_as_failed() {
        let mut outcome = MasterOutcome::new(Address::seen("h:1"), Verdict::Dead);
        assert_eq!(in_vain(&outcome, None), None);
        outcome.asked.extend([(7, true), (8, false)]);
        outcome.marked_tasks.push(8);
        let texts = in_vain(&outcome, None).unwrap();
        assert!(
            texts.contains("the tasks 7, before the hand-over"),
            "{texts}"
        );
        let unknown = FailoverError::OutcomeUnknown {
            cause: "gone".to_owned(),
            instances: vec![1],
        };
        let texts = in_vain(&outcome, Some(&unknown)).unwrap();
        assert!(
            texts.contains("the tasks 7, and it is unknown") && !texts.contains("failed"),
            "{texts}"
        );
    }
}
