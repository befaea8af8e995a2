//! Tasks of 3.0 and 3.1 that still run on living workers are asked to end there, before they begin anew elsewhere.

use std::collections::BTreeMap;
use std::time::Duration;

use super::batch::idle_limit;
use super::run::{Cluster, Context};
use crate::model::{Address, Task};

/// As long as a worker may take to answer: rows are locked meanwhile.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks the workers to end these tasks, as a master of this release does before it marks them. A dry run asks nobody.
///
/// It is no more than an attempt, as it is for the masters. A worker ends the shell that it has started, and answers
/// before it knows what became of the rest: a worker of 3.1.1 says SUCCESS while the script itself goes on. So no answer
/// takes the place of the operator's consent.
pub(super) async fn end_tasks(cluster: &Cluster, context: &Context<'_>, tasks: &[Task], notes: &mut Vec<String>) {
    let Some(request) = cluster.store.release().kill_request().filter(|_| context.permit.is_some()) else { return };
    let mut by_worker: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for task in tasks {
        by_worker.entry(task.host.as_deref().unwrap_or_default()).or_default().push(task.id);
    }
    let limit = PATIENCE.min(idle_limit(cluster.registry.session_timeout()) / 2);
    let asked = by_worker.iter().map(|(worker, tasks)| async move {
        let answered = crate::worker::kill(&Address::seen(*worker), request, tasks, limit).await;
        let (ended, silent): (Vec<i64>, Vec<i64>) = tasks.iter().partition(|task| answered.contains(task));
        [(ended, "says that it has ended"), (silent, "did not say that it has ended")].map(|(tasks, what)| {
            let numbers = tasks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            (!tasks.is_empty()).then(|| format!("worker {worker} {what} tasks {numbers}, which begin anew elsewhere"))
        })
    });
    notes.extend(futures::future::join_all(asked).await.into_iter().flatten().flatten());
}
