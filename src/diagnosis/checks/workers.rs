//! Tasks that no worker can take.

use crate::diagnosis::check::Check;
use crate::diagnosis::finding::{Finding, FindingKind, Severity, Subject, counted};
use crate::diagnosis::snapshot::{DEFAULT_GROUP, Snapshot};
use crate::model::{Address, Registration};

/// DS-014.
pub(super) const NO_WORKER: Check = Check {
    kind: &FindingKind {
        code: "DS-014",
        title: "tasks wait for a worker group that has no registered worker",
        severity: Severity::Act,
        meaning: "Living masters cannot hand these tasks to a worker of their group, since there is \
            none: their workflows hang, and a failover changes nothing about it. Workers that are \
            registered and overloaded are not looked at, nor are tasks in DELAY_EXECUTION.",
        causes: &[
            "the workers of the group have ended, or have lost their registrations",
            "a worker runs under another address than the one that the group names",
            "the group was renamed or deleted while workflows use it",
        ],
        upstream: &[6959, 15294],
        remedy: "start a worker of the group, or give the group a running worker (from 1.3.6 on in \
            DolphinScheduler's Security, Worker Group Manage)",
    },
    find: without_worker,
};

/// How many workers are named.
const SHOWN: usize = 20;

fn without_worker(snapshot: &Snapshot) -> Vec<Finding> {
    // Its workers may be registered elsewhere, as its masters are.
    if snapshot.doubt.is_some() {
        return Vec::new();
    }
    let waiting = snapshot.undispatched.iter();
    let without = waiting.filter(|(group, _)| !has_worker(snapshot, group));
    let found = without.map(|(group, ids)| {
        let subject = Subject {
            worker_group: Some(group.clone()),
            ..Subject::default()
        };
        let finding = Finding::new(NO_WORKER.kind, subject.of_instances(ids))
            .fact(
                format!("registry {}", snapshot.workers.parent),
                registered(snapshot, group),
            )
            .fact(
                format!("database {}", snapshot.release.family.tables.task),
                format!(
                    "{} with tasks that wait for a worker of the group {group:?}",
                    counted(ids, "unfinished instance")
                ),
            );
        let finding = match addresses(snapshot, group) {
            Some(addresses) => finding.fact(
                "database t_ds_worker_group",
                format!("the group has the addresses {:?}", cut(addresses.split(','))),
            ),
            None if snapshot.worker_groups.is_some() => finding.fact(
                "database t_ds_worker_group",
                format!("no group {group:?}"),
            ),
            None => finding,
        };
        Finding {
            by_itself: Some(
                "the masters hand the tasks out some time after a worker of the group is registered",
            ),
            ..finding
        }
    });
    found.collect()
}

fn registered(snapshot: &Snapshot, group: &str) -> String {
    match snapshot.workers.servers.as_slice() {
        [] => "no worker is registered".to_owned(),
        servers => {
            let nodes = cut(servers.iter().map(|server| server.node.as_str()));
            format!("none of the group {group:?} among {nodes}")
        }
    }
}

/// The first ones, and how many there are.
fn cut<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    match names.get(..SHOWN) {
        None => names.join(", "),
        Some(first) => format!("{}, … ({} in all)", first.join(", "), names.len()),
    }
}

/// The addresses of a group in the database.
fn addresses<'a>(snapshot: &'a Snapshot, group: &str) -> Option<&'a str> {
    let mut groups = snapshot.worker_groups.iter().flatten();
    groups
        .find(|known| is_same(&known.name, group))
        .map(|known| known.addresses.as_str())
}

/// 1.3 and 2.0 compare the names in lower case (`ServerNodeManager`); nobody has two groups that
/// differ in that alone.
fn is_same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// Whether a registered worker may be of this group, by any of the rules that releases have:
/// - up to 3.1.0 it is registered below the group's name;
/// - from 1.3.6 on a group of the database names its address;
/// - from 3.1.1 on all of them are of the default group, up to 3.2 unless the database has one;
/// - from 3.3 on it may say so itself.
///
/// Where the groups cannot be read, any worker may be.
fn has_worker(snapshot: &Snapshot, group: &str) -> bool {
    let workers = &snapshot.workers;
    let is_default = is_same(group, DEFAULT_GROUP)
        && (snapshot.release.family.starts_at_trigger || addresses(snapshot, group).is_none());
    let is_of_all = |server: &Registration| {
        snapshot.worker_groups.is_none() || (is_default && workers.group_of(server).is_none())
    };
    let is_of_group = |server: &Registration| {
        let said = [
            workers.group_of(server),
            server.heartbeat.worker_group.as_deref(),
        ];
        said.into_iter().flatten().any(|name| is_same(name, group))
    };
    let named = addresses(snapshot, group).unwrap_or_default();
    let mut named = named
        .split(',')
        .map(|address| Address::seen(address.trim()));
    let mut servers = workers.servers.iter();
    servers.any(|server| is_of_all(server) || is_of_group(server))
        || named.any(|address| workers.find(&address).is_some())
}
