//! Watches the masters take the commands up.

mod fate;
mod lives;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use self::fate::Fate;
use self::lives::Lives;
use super::error::FailoverError;
use super::handed_over::HandedOver;
use crate::cluster::Cluster;
use crate::family::LOST_RACES;
use crate::metadata::BEFORE_EVERY_ID;
use crate::model::{CommandRow, Instance, InstanceId};

/// An instance that is neither where it was left nor running on a registered master.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Other {
    /// The instance.
    pub instance: InstanceId,
    /// State code; `None` where the row is gone.
    pub state: Option<i64>,
    /// Its host now.
    pub host: Option<String>,
    /// What this means, for the report.
    pub meaning: &'static str,
}

/// What the masters are to take up.
#[derive(Clone, Debug, Default)]
pub struct Awaited {
    /// The instances.
    pub handed_over: Vec<HandedOver>,
    /// The ids of the error commands about recoveries that existed before the hand-over, ascending.
    pub old_errors: Vec<i64>,
}

/// The state of instances that were handed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TakeUp {
    /// Running on a registered master, or run to the intended end.
    pub taken_up: Vec<InstanceId>,
    /// Their command is still waiting.
    pub waiting: Vec<InstanceId>,
    /// Their command is gone, and they are still as the hand-over left them.
    pub lost: Vec<InstanceId>,
    /// Their command ended in the error table: instance and message.
    pub failed: Vec<(InstanceId, String)>,
    /// Anything else that their rows show.
    pub other: Vec<Other>,
}

impl TakeUp {
    /// Whether every instance was taken up.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.may_not_change() && self.failed.is_empty() && self.other.is_empty()
    }

    /// Whether another look cannot change anything: no command waits, and no instance is in
    /// between.
    fn may_not_change(&self) -> bool {
        self.waiting.is_empty()
            && self.lost.is_empty()
            && self.other.iter().all(|other| other.meaning == fate::ENDED)
    }
}

/// The time between two looks. A database does not notify of changes, so there is nothing else to
/// wait for.
const PAUSE: Duration = Duration::from_millis(500);

/// Looks until the state of every instance is known, or `timeout` has passed.
///
/// # Errors
/// Those of registry and database; nothing is ever written.
pub async fn wait_for_take_up(
    cluster: &mut Cluster,
    awaited: &Awaited,
    timeout: Duration,
    mut on_look: impl FnMut(&TakeUp) + Send,
) -> Result<TakeUp, FailoverError> {
    let deadline = Instant::now() + timeout;
    // A master writes its address into the row first, and may fail right after that: what is
    // reported was seen twice.
    let mut before: Option<TakeUp> = None;
    let mut lives = Lives::default();
    loop {
        let seen = look(cluster, awaited, &mut lives).await?;
        on_look(&seen);
        if before.as_ref() != Some(&seen) {
            let (taken_up, of) = (seen.taken_up.len(), awaited.handed_over.len());
            tracing::info!(taken_up, of, "the masters' work was looked at");
        }
        let settled = seen.may_not_change() && before.as_ref() == Some(&seen);
        if settled || Instant::now() >= deadline {
            return Ok(seen);
        }
        before = Some(seen);
        cluster
            .stop
            .pause(PAUSE.min(deadline.saturating_duration_since(Instant::now())))
            .await?;
    }
}

async fn look(
    cluster: &mut Cluster,
    awaited: &Awaited,
    lives: &mut Lives,
) -> Result<TakeUp, FailoverError> {
    let handed_over = &awaited.handed_over;
    let masters = cluster.registry.masters().await?;
    let ids: Vec<InstanceId> = handed_over.iter().map(|handed| handed.instance).collect();
    // Rows before commands before errors: a command is in one of these as long as its row shows
    // nothing yet. An instance that is claimed here, and without a command there, is read again.
    let rows = cluster.store.by_ids(&ids).await?;
    let waiting = cluster
        .store
        .recovery_commands_for(ids.iter().copied())
        .await?;
    let errors = errors_of(cluster, awaited).await?;
    let rows: HashMap<InstanceId, Instance> = rows.into_iter().map(|row| (row.id, row)).collect();
    let release = cluster.store.release();
    let mut seen = TakeUp::default();
    for handed in handed_over {
        let id = handed.instance;
        if waiting.contains_key(&id) {
            lives.forget(id);
            seen.waiting.push(id);
            continue;
        }
        let row = rows.get(&id);
        let fate = fate::of(release, handed, row, &masters).among(lives, row, &masters);
        match (fate, errors.get(&id)) {
            // Without the command's id an error may belong to an older command, and does not refute
            // what the row shows; nor does the error of a master that came second.
            (Fate::TakenUp, error)
                if handed.command.is_none() || error.is_none_or(is_of_a_lost_race) =>
            {
                seen.taken_up.push(id);
            }
            (_, Some(error)) => seen
                .failed
                .push((id, error.message.clone().unwrap_or_default())),
            (Fate::TakenUp, None) => seen.taken_up.push(id),
            (Fate::Untouched, None) => seen.lost.push(id),
            (Fate::Other(meaning), None) => seen.other.push(Other {
                instance: id,
                state: row.and_then(|row| row.state),
                host: row.and_then(|row| row.host.as_deref().map(str::to_owned)),
                meaning,
            }),
        }
    }
    Ok(seen)
}

fn is_of_a_lost_race(error: &CommandRow) -> bool {
    error
        .message
        .as_deref()
        .is_some_and(|message| LOST_RACES.iter().any(|words| message.contains(words)))
}

/// The newest error command of each instance since its hand-over: its own command first, which
/// keeps its id there. In some releases the copy loses the instance.
///
/// Ids are given out once more where the command table was empty when a server of MySQL's was
/// started again, or where a dump was loaded without its sequences: so what was there before the
/// hand-over is none of it, whatever its id.
async fn errors_of(
    cluster: &mut Cluster,
    awaited: &Awaited,
) -> Result<HashMap<InstanceId, CommandRow>, FailoverError> {
    let Awaited {
        handed_over,
        old_errors,
    } = awaited;
    let commands: HashMap<InstanceId, Option<i64>> = handed_over
        .iter()
        .map(|handed| (handed.instance, handed.command))
        .collect();
    let instances: HashMap<i64, InstanceId> = handed_over
        .iter()
        .filter_map(|handed| Some((handed.command?, handed.instance)))
        .collect();
    let known = instances.len() == handed_over.len();
    let first = instances
        .keys()
        .min()
        .copied()
        .filter(|_| known)
        .unwrap_or(BEFORE_EVERY_ID);
    let mut found = HashMap::new();
    let keep = |error: CommandRow| {
        if old_errors.binary_search(&error.id).is_ok() {
            return;
        }
        let instance = instances.get(&error.id).copied().or(error.instance_id);
        let Some((instance, command)) = instance.and_then(|id| Some((id, commands.get(&id)?)))
        else {
            return;
        };
        if command.is_none_or(|command| error.id >= command) {
            found.insert(instance, error);
        }
    };
    cluster.store.each_recovery_error(first, keep).await?;
    Ok(found)
}
