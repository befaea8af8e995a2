//! `dsctl lock status`: holder and waiters of the failover lock.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cluster::{self, Purpose};
use crate::commands::connected;
use crate::commands::failure::CommandError;
use crate::commands::shell::{Answer, Shell, Skeleton};
use crate::commands::times::{self, Instant};
use crate::diagnosis::{LockQueue, lock_queues};
use crate::failover::{
    UNHEEDED, about_kept, about_persistent_lock, check_registry, place, registered_owner,
};
use crate::family::Release;
use crate::model::{Address, LockNode, Registrations};
use crate::output::{Body, Cell, Document, Keys, Records, Table};
use crate::registry::Registry;
use clap::Args;

/// Arguments of `lock status`.
#[derive(Args, Clone, Debug)]
pub(crate) struct StatusArgs {
    /// The lock that a failover of this master takes
    #[arg(value_name = "MASTER")]
    pub master: Option<String>,
}

const HEADERS: [&str; 7] = ["LOCK", "ROLE", "SESSION", "AGE", "MASTER", "DATA", "NODE"];

/// The document of `lock status`.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(in crate::commands) struct LockStatusDocument {
    locks: Vec<QueueEntry>,
}

impl Keys for LockStatusDocument {
    fn records(&mut self) -> Vec<Records<'_>> {
        vec![Records {
            key: "locks",
            record: "lock",
            rows: &mut self.locks,
        }]
    }
}

impl Skeleton for LockStatusDocument {
    const COMMAND: &'static str = "lock status";
}

/// A lock with its holder and waiters.
#[derive(Debug, Serialize, JsonSchema)]
struct QueueEntry {
    path: String,
    holder: Option<LockNodeEntry>,
    waiters: Vec<LockNodeEntry>,
    foreign: Vec<LockNodeEntry>,
}

impl QueueEntry {
    fn of(queue: &LockQueue, masters: &Registrations, now: Timestamp) -> Self {
        let LockQueue {
            path,
            nodes,
            foreign,
        } = queue;
        let entries = |nodes: &[LockNode]| {
            nodes
                .iter()
                .map(|node| LockNodeEntry::of(node, masters, now))
                .collect()
        };
        Self {
            path: path.clone(),
            holder: nodes
                .first()
                .map(|node| LockNodeEntry::of(node, masters, now)),
            waiters: entries(nodes.get(1..).unwrap_or_default()),
            foreign: entries(foreign),
        }
    }
}

/// A node below a lock.
#[derive(Debug, Serialize, JsonSchema)]
struct LockNodeEntry {
    node: String,
    session_id: Option<String>,
    persistent: bool,
    created_at: Option<Instant>,
    age_seconds: Option<i64>,
    data: String,
    registered_master: Option<String>,
}

impl LockNodeEntry {
    fn of(lock_node: &LockNode, masters: &Registrations, now: Timestamp) -> Self {
        let LockNode {
            node,
            session_id,
            created_at,
            data,
            in_doubt: _,
        } = lock_node.clone();
        Self {
            node,
            session_id,
            persistent: lock_node.is_persistent(),
            created_at: created_at.map(Instant::from),
            age_seconds: times::age_seconds(created_at, now),
            data,
            registered_master: registered_owner(lock_node, masters).map(ToString::to_string),
        }
    }
}

pub(in crate::commands) async fn run(
    shell: &mut Shell<'_, '_>,
    arguments: &StatusArgs,
    document: &mut Document,
) -> Result<Answer<LockStatusDocument>, CommandError> {
    shell.settings.registry()?;
    let database = async {
        let (release, registered_elsewhere) =
            connected::release(&shell.settings, Purpose::Read, &shell.stop, document).await?;
        document
            .warnings
            .extend(registered_elsewhere.map(|refusal| format!("{refusal}; {}", refusal.hint())));
        let master = arguments.master.as_deref();
        let master = master
            .map(|text| Address::typed(text, release.family.registry.address_form))
            .transpose()?;
        Ok::<_, CommandError>((release, master))
    };
    let layout = |(release, _): &(Release, _)| release.family.registry;
    let ((release, master), registry) = cluster::both(
        &shell.settings,
        Purpose::Read,
        &shell.stop,
        database,
        layout,
    )
    .await?;
    let mut registry = registry?;
    let seen = look(&mut *registry, &release, master.as_ref()).await;
    // In the wrong registry every lock looks free.
    let doubt = |seen: &(_, Registrations)| {
        check_registry(&seen.1, release.family, place(&*registry), false).err()
    };
    let doubt = seen.as_ref().ok().and_then(doubt);
    let now = registry.now();
    registry.close().await;
    let (locks, masters) = seen?;
    let mut answer = Answer::new(body(&release, &locks, &masters, now));
    answer.warnings = locks.iter().flat_map(warnings).collect();
    answer.warnings.extend(doubt.map(|refusal| {
        format!(
            "it is unknown whether a lock is free: {refusal}; 'dsctl masters' says what to \
            check"
        )
    }));
    Ok(answer)
}

async fn look(
    registry: &mut dyn Registry,
    release: &Release,
    master: Option<&Address>,
) -> Result<(Vec<LockQueue>, Registrations), crate::registry::RegistryError> {
    let masters = registry.masters().await?;
    let locks = lock_queues(registry, release, master).await?;
    Ok((locks, masters))
}

/// What to do about nodes that belong to no living client, or not to Curator.
fn warnings(lock: &LockQueue) -> Vec<String> {
    let persistent = lock.nodes.iter().filter(|node| node.is_persistent());
    let persistent = persistent.map(|node| about_persistent_lock(&lock.path, node));
    let foreign = lock.foreign.iter().map(|node| {
        format!(
            "{}/{} is another program's: {UNHEEDED}",
            lock.path, node.node
        )
    });
    let silent = lock.nodes.iter().filter(|node| node.in_doubt);
    let silent = silent.map(|node| {
        format!(
            "the holder of {} ({}) is dead by the clocks, its heartbeat is old or missing: whoever wants the lock, dsctl or a \
             master, takes it away once that is seen",
            lock.path, node.data
        )
    });
    persistent.chain(foreign).chain(silent).collect()
}

fn body(
    release: &Release,
    locks: &[LockQueue],
    masters: &Registrations,
    now: Timestamp,
) -> Body<LockStatusDocument> {
    let mut table = Table::new(&HEADERS);
    for lock in locks {
        if lock.nodes.is_empty() {
            let mut cells = vec![Cell::from(lock.path.clone()), Cell::from("free")];
            cells.resize(HEADERS.len(), Cell::None);
            table.row(cells);
        }
        for (place, node) in lock.nodes.iter().enumerate() {
            let role = if place == 0 { "holder" } else { "waiter" };
            table.row(cells(lock, role, node, (masters, now)));
        }
        for node in &lock.foreign {
            table.row(cells(lock, "foreign", node, (masters, now)));
        }
    }
    let entries = locks
        .iter()
        .map(|lock| QueueEntry::of(lock, masters, now))
        .collect();
    let body = Body::new(LockStatusDocument { locks: entries }).table(table);
    let all_free = locks
        .iter()
        .all(|lock| lock.nodes.is_empty() && !lock.foreign.is_empty());
    let body = if all_free {
        body.closing("no failover lock is held")
    } else {
        body
    };
    match locks
        .iter()
        .filter_map(|lock| lock.nodes.first())
        .find_map(|node| about_kept(release, node, masters))
    {
        Some(line) => body.closing(line),
        None => body,
    }
}

fn cells(
    lock: &LockQueue,
    role: &'static str,
    node: &LockNode,
    (masters, now): (&Registrations, Timestamp),
) -> Vec<Cell> {
    vec![
        Cell::from(lock.path.clone()),
        Cell::from(role),
        node.session_id
            .clone()
            .map_or(Cell::from("persistent"), Cell::from),
        Cell::or_unknown(times::age_seconds(node.created_at, now).map(times::ago)),
        Cell::from(registered_owner(node, masters).map(ToString::to_string)),
        Cell::from(node.data.clone()),
        Cell::from(node.node.clone()),
    ]
}
