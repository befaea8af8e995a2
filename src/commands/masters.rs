//! `dsctl masters`: every known master.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Serialize;

use super::failure::CommandError;
use super::handover::afterwards::about_orphans;
use super::shell::{Answer, Skeleton};
use super::times::{self, Instant};
use crate::cluster::Cluster;
use crate::diagnosis::beats;
use crate::failover::{instance_verdict, look_for_display};
use crate::metadata::HostCount;
use crate::model::{
    Heartbeat, Instance, Moment, PayloadProblem, Registration, Registrations, Verdict, shell_word,
};
use crate::output::{Body, Cell, Keys, Records, Table};

const HEADERS: [&str; 8] = [
    "MASTER",
    "VERDICT",
    "UNFINISHED",
    "STARTED",
    "HEARTBEAT",
    "STATUS",
    "SESSION",
    "REMARK",
];

/// The document of `masters`.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct MastersDocument {
    pub(super) masters: Vec<MasterEntry>,
}

impl Keys for MastersDocument {
    fn records(&mut self) -> Vec<Records<'_>> {
        vec![Records {
            key: "masters",
            record: "master",
            rows: &mut self.masters,
        }]
    }
}

impl Skeleton for MastersDocument {
    const COMMAND: &'static str = "masters";
}

/// A master, or a host that names none.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct MasterEntry {
    address: Option<String>,
    registered: bool,
    verdict: Verdict,
    started_at: Option<Instant>,
    last_heartbeat_at: Option<Instant>,
    server_status: Option<String>,
    cpu_usage: Option<f64>,
    memory_usage: Option<f64>,
    load_average: Option<f64>,
    unfinished_instances: i64,
    session_id: Option<String>,
    node: Option<String>,
    registered_at: Option<Instant>,
    remark: Option<String>,
}

impl MasterEntry {
    fn of(row: &KnownMaster<'_>, zone: Option<&TimeZone>) -> Self {
        let KnownMaster {
            host,
            registration,
            verdict,
            unfinished,
            no_registry: _,
            newest: _,
            now: _,
        } = *row;
        let mut entry = Self {
            address: host.map(str::to_owned),
            registered: registration.is_some(),
            verdict,
            started_at: None,
            last_heartbeat_at: None,
            server_status: None,
            cpu_usage: None,
            memory_usage: None,
            load_average: None,
            unfinished_instances: unfinished,
            session_id: None,
            node: None,
            registered_at: None,
            remark: remark(row, zone),
        };
        if let Some(registration) = registration {
            entry.register(registration, zone);
        }
        entry
    }

    fn register(&mut self, registration: &Registration, zone: Option<&TimeZone>) {
        let Registration {
            address: _,
            node,
            session_id,
            created_at,
            modified_at: _,
            heartbeat,
        } = registration.clone();
        self.node = Some(node);
        self.session_id = session_id;
        self.registered_at = created_at.map(Instant::from);
        let Heartbeat {
            started_at,
            reported_at,
            server_status,
            cpu_usage,
            memory_usage,
            load_average,
            process_id: _,
            form: _,
            problem: _,
            disk_usage: _,
            worker_group: _,
            in_doubt: _,
        } = heartbeat;
        let instant = |moment: Option<Moment>| {
            moment
                .and_then(|moment| moment.instant(zone))
                .map(Instant::from)
        };
        self.started_at = instant(started_at);
        self.last_heartbeat_at = instant(reported_at);
        self.server_status = server_status;
        (self.cpu_usage, self.memory_usage, self.load_average) =
            (cpu_usage, memory_usage, load_average);
    }
}

pub(super) async fn run(cluster: &mut Cluster) -> Result<Answer<MastersDocument>, CommandError> {
    let (registered, refusal) = look_for_display(cluster).await?;
    let counts = cluster.store.host_counts().await?;
    let rows = rows(cluster, &registered, &counts);
    let claimed = rows.iter().any(|row| row.verdict == Verdict::Claimed);
    let mut answer = Answer::new(body(cluster, &rows));
    // The counts do not distinguish instances that wait for a master from those that wait for ever.
    if claimed {
        let orphans = cluster.store.orphans().await?.len();
        answer.warnings.extend(about_orphans(orphans));
    }
    if let Some(refusal) = refusal {
        answer
            .warnings
            .push(format!("{refusal}; {}", refusal.hint()));
    }
    Ok(answer)
}

/// The masters, without checking whether they are the right ones.
pub(super) async fn seen(cluster: &mut Cluster) -> Result<Body<MastersDocument>, CommandError> {
    let (registered, _) = look_for_display(cluster).await?;
    let counts = cluster.store.host_counts().await?;
    Ok(body(cluster, &rows(cluster, &registered, &counts)))
}

/// What is known about a master, or about a host that names none.
struct KnownMaster<'a> {
    host: Option<&'a str>,
    registration: Option<&'a Registration>,
    verdict: Verdict,
    unfinished: i64,
    /// Whether no master at all is registered.
    no_registry: bool,
    /// When the newest of all registrations was written, by the registry's clock.
    newest: Option<Timestamp>,
    /// The present.
    now: Timestamp,
}

/// Registered masters and hosts of unfinished or claimed instances, in order of address.
fn rows<'a>(
    cluster: &Cluster,
    registered: &'a Registrations,
    counts: &'a [HostCount],
) -> Vec<KnownMaster<'a>> {
    let mut hosts: BTreeMap<(Option<&str>, Verdict), i64> = BTreeMap::new();
    for server in &registered.servers {
        let verdict = if server.heartbeat.in_doubt {
            Verdict::Unknown
        } else {
            Verdict::Alive
        };
        hosts.insert((Some(server.address.as_str()), verdict), 0);
    }
    for count in counts {
        let verdict = verdict(cluster, registered, count);
        *hosts.entry((count.host.as_deref(), verdict)).or_default() += count.count;
    }
    let (newest, now) = (beats::newest(registered), cluster.registry.now());
    let known = |((host, verdict), unfinished): ((Option<&'a str>, Verdict), i64)| KnownMaster {
        host,
        registration: registered
            .servers
            .iter()
            .find(|server| Some(server.address.as_str()) == host),
        verdict,
        unfinished,
        no_registry: registered.prove_nothing(),
        newest,
        now,
    };
    hosts.into_iter().map(known).collect()
}

fn verdict(cluster: &Cluster, registered: &Registrations, count: &HostCount) -> Verdict {
    let instance = Instance {
        host: count.host.as_deref().map(Into::into),
        state: Some(count.state),
        ..Instance::default()
    };
    instance_verdict(
        &instance,
        cluster.store.release().family,
        registered,
        cluster.zone.as_ref(),
    )
}

fn body(cluster: &Cluster, rows: &[KnownMaster<'_>]) -> Body<MastersDocument> {
    let mut table = Table::new(&HEADERS);
    for row in rows {
        let cells = cells(cluster, row);
        if row.verdict == Verdict::Dead {
            table.alarm(cells);
        } else {
            table.row(cells);
        }
    }
    let masters = rows
        .iter()
        .map(|row| MasterEntry::of(row, cluster.zone.as_ref()))
        .collect();
    let body = Body::new(MastersDocument { masters }).table(table);
    let dead: Vec<&str> = rows
        .iter()
        .filter(|row| row.verdict == Verdict::Dead)
        .filter_map(|row| row.host)
        .collect();
    match dead.as_slice() {
        [] => body,
        [one] => body.closing(format!(
            "next: dsctl failover {} --dry-run",
            shell_word(one)
        )),
        _ => body.closing("next: dsctl failover --all-dead --dry-run"),
    }
}

fn heartbeat<'a>(row: &'a KnownMaster<'_>) -> Option<&'a Heartbeat> {
    row.registration.map(|registration| &registration.heartbeat)
}

fn cells(cluster: &Cluster, row: &KnownMaster<'_>) -> Vec<Cell> {
    let zone = cluster.zone.as_ref();
    let started = heartbeat(row).and_then(|heartbeat| heartbeat.started_at);
    let reported = heartbeat(row).and_then(|heartbeat| heartbeat.reported_at);
    let age = |moment: Option<Moment>| match moment {
        Some(moment) => match times::age_seconds(moment.instant(zone), row.now) {
            Some(seconds) => Cell::from(format!("{} ago", times::ago(seconds))),
            None => Cell::Unknown,
        },
        None if row.registration.is_some() => Cell::Unknown,
        None => Cell::None,
    };
    vec![
        Cell::from(row.host),
        Cell::from(row.verdict.keyword()),
        Cell::from(row.unfinished),
        age(started),
        age(reported),
        Cell::from(heartbeat(row).and_then(|heartbeat| heartbeat.server_status.clone())),
        Cell::from(
            row.registration
                .and_then(|registration| registration.session_id.clone()),
        ),
        Cell::from(remark(row, zone)),
    ]
}

fn remark(row: &KnownMaster<'_>, zone: Option<&TimeZone>) -> Option<String> {
    let registration = row
        .registration
        .filter(|registration| registration.is_persistent());
    if let Some(node) = registration.map(|registration| &registration.node) {
        return Some(format!(
            "this node belongs to no session: if the master does not run, delete {node}"
        ));
    }
    if heartbeat(row).is_some_and(|heartbeat| heartbeat.in_doubt) {
        return Some(
            "its heartbeat is old by the clocks: a failover checks whether it changes".to_owned(),
        );
    }
    if let Some(problem) = heartbeat(row).and_then(|heartbeat| heartbeat.problem.as_ref()) {
        return Some(match problem {
            PayloadProblem::Empty => "no heartbeat yet".to_owned(),
            PayloadProblem::Unreadable(why) => format!("heartbeat unreadable: {why}"),
        });
    }
    if let Some(text) = row
        .registration
        .and_then(|registration| about_beats(registration, row, zone))
    {
        return Some(text);
    }
    match (row.verdict, row.host) {
        (Verdict::Dead, _) => Some("not registered".to_owned()),
        (Verdict::Claimed, _) => Some("already handed over".to_owned()),
        (Verdict::Unknown, None) => Some("host is SQL NULL: left alone".to_owned()),
        (Verdict::Unknown, Some(_)) if row.no_registry => {
            Some("no master is registered here: nothing is known".to_owned())
        }
        (Verdict::Unknown, _) => Some("host names no master: left alone".to_owned()),
        _ => None,
    }
}

/// What is unusual about the heartbeats of a registered master. It is not a sign of death.
fn about_beats(
    registration: &Registration,
    row: &KnownMaster<'_>,
    zone: Option<&TimeZone>,
) -> Option<String> {
    if let Some(silent) = beats::silence(registration, row.newest?) {
        return Some(format!(
            "registered, but no heartbeat for {}",
            times::ago(silent)
        ));
    }
    if let Some(silent) = beats::silence(registration, row.now) {
        return Some(format!(
            "registered, but no heartbeat for {}, by the clock here",
            times::ago(silent)
        ));
    }
    let behind = beats::clock_error(registration, zone)?;
    let what = if behind > 0 { "behind" } else { "ahead of" };
    Some(format!(
        "its clock is {} {what} the registry's",
        times::ago(behind.abs())
    ))
}
