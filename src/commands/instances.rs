//! `dsctl instances`: unfinished and claimed instances, judged.

use std::collections::{HashMap, HashSet};

use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Serialize;

use super::failure::CommandError;
use super::shell::{Answer, Skeleton};
use super::times::{self, Instant, Local};
use crate::cluster::Cluster;
use crate::failover::{Disproof, FailoverError, disproof, instance_verdict, look_for_display};
use crate::family::Release;
use crate::model::{Address, Instance, InstanceId, ListedInstance, Registrations, Verdict};
use crate::output::{Body, Cell, Keys, Records, Table, WORD};
use clap::Args;

/// Arguments of `instances`.
#[derive(Args, Clone, Debug)]
pub(super) struct InstancesArgs {
    /// Only instances that name this master
    #[arg(value_name = "MASTER")]
    pub master: Option<String>,

    /// Show at most N instances
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: Option<u32>,
}

const HEADERS: [&str; 9] = [
    "ID",
    "NAME",
    "STATE",
    "HOST",
    "VERDICT",
    "STARTED",
    "RESTARTED",
    "COMMAND",
    "ERROR",
];

/// More are left out, with a notice: that keeps memory small.
const DEFAULT_LIMIT: u32 = 10_000;

/// How many failed recoveries are listed below the table.
const SHOWN: usize = 20;

/// The document of `instances`.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct InstancesDocument {
    pub(super) instances: Vec<InstanceEntry>,
}

impl Keys for InstancesDocument {
    fn records(&mut self) -> Vec<Records<'_>> {
        vec![Records {
            key: "instances",
            record: "instance",
            rows: &mut self.instances,
        }]
    }
}

impl Skeleton for InstancesDocument {
    const COMMAND: &'static str = "instances";
}

/// An unfinished or claimed instance.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct InstanceEntry {
    id: InstanceId,
    name: Option<String>,
    definition_code: Option<i64>,
    definition_version: Option<i64>,
    #[schemars(regex(pattern = WORD))]
    state: String,
    state_code: Option<i64>,
    host: Option<String>,
    verdict: Verdict,
    start_time: Option<Instant>,
    restart_time: Option<Instant>,
    start_time_local: Option<Local>,
    restart_time_local: Option<Local>,
    sub_process: bool,
    pending_command_id: Option<i64>,
    error_command_id: Option<i64>,
    error_message: Option<String>,
}

pub(super) async fn run(
    cluster: &mut Cluster,
    arguments: &InstancesArgs,
) -> Result<Answer<InstancesDocument>, CommandError> {
    let form = cluster.store.release().family.registry.address_form;
    let host = arguments
        .master
        .as_deref()
        .map(|text| Address::typed(text, form))
        .transpose()?;
    let (registered, refusal) = look_for_display(cluster).await?;
    let doubt = disproof(cluster).await?;
    if doubt.is_some() {
        cluster.zone = None;
    }
    let limit = arguments.limit.unwrap_or(DEFAULT_LIMIT) as usize;
    let judge = Judge {
        release: cluster.store.release().clone(),
        registered,
        zone: cluster.zone.clone(),
    };
    let mut listed = Vec::new();
    let mut total = 0_usize;
    let mut cut = Cut::default();
    let mut keep = |instance: ListedInstance| {
        total += 1;
        if listed.len() < limit {
            listed.push(instance);
        } else {
            cut.see(&instance.instance, judge.verdict(&instance.instance));
        }
    };
    cluster
        .store
        .each_listed(host.as_ref().map(Address::as_str), &mut keep)
        .await?;
    for (instance, _) in cluster.store.failed_recoveries().await? {
        if host
            .as_ref()
            .is_none_or(|host| instance.instance.host.as_deref() == Some(host.as_str()))
        {
            keep(instance);
        }
    }
    let nowhere = refusal.filter(|_| judge.registered.prove_nothing());
    let waiting = cluster
        .store
        .recovery_commands_for(cut.claimed.iter().copied())
        .await?;
    cut.claimed.retain(|id| !waiting.contains_key(id));
    let listing = Listing::related(&listed, cluster, judge.registered).await?;
    let shown = listed.len();
    let mut answer = Answer::new(listing.body(listed, &cut));
    answer
        .warnings
        .extend(nowhere.map(|refusal| format!("{refusal}; {}", refusal.hint())));
    answer.warnings.extend(doubt.map(|Disproof { zone, seen }| {
        format!("the rows contradict --time-zone {zone}, so nothing is judged by times: {seen}")
    }));
    if total > shown {
        answer.warnings.push(format!(
            "{shown} of {total} instances are shown; see --limit"
        ));
    }
    Ok(answer)
}

/// What an instance's verdict rests on.
struct Judge {
    release: Release,
    registered: Registrations,
    zone: Option<TimeZone>,
}

impl Judge {
    fn verdict(&self, instance: &Instance) -> Verdict {
        verdict(
            instance,
            &self.release,
            &self.registered,
            self.zone.as_ref(),
        )
    }
}

fn verdict(
    instance: &Instance,
    release: &Release,
    registered: &Registrations,
    zone: Option<&TimeZone>,
) -> Verdict {
    // No other finished instance is ever listed.
    if instance.state.is_some() && instance.state == release.failed_recovery() {
        return Verdict::RecoveryFailed;
    }
    instance_verdict(instance, release.family, registered, zone)
}

/// Those that are not shown: what is to be done next is told of them, too.
#[derive(Default)]
struct Cut {
    /// At first all that are claimed, then those without a command.
    claimed: Vec<InstanceId>,
    some_are_dead: bool,
}

impl Cut {
    fn see(&mut self, instance: &Instance, verdict: Verdict) {
        match verdict {
            Verdict::Claimed => self.claimed.push(instance.id),
            Verdict::Dead => self.some_are_dead = true,
            _ => {}
        }
    }
}

/// Instances, with related data.
pub(super) struct Listing<'a> {
    cluster: &'a Cluster,
    registered: Registrations,
    waiting: HashMap<InstanceId, i64>,
    /// Their id, and the first line of their message.
    errors: HashMap<InstanceId, (i64, Option<String>)>,
}

impl<'a> Listing<'a> {
    /// Looks up the data related to these instances.
    pub(super) async fn related(
        listed: &[ListedInstance],
        cluster: &'a mut Cluster,
        registered: Registrations,
    ) -> Result<Self, FailoverError> {
        let ids: HashSet<InstanceId> = listed.iter().map(|listed| listed.instance.id).collect();
        let waiting = cluster
            .store
            .recovery_commands_for(ids.iter().copied())
            .await?
            .into_inner();
        let errors = cluster.store.recovery_errors(&ids).await?;
        let first_line = |message: String| message.lines().next().map(str::to_owned);
        let errors = errors
            .into_iter()
            .map(|(id, error)| (id, (error.id, error.message.and_then(first_line))))
            .collect();
        Ok(Self {
            cluster,
            registered,
            waiting,
            errors,
        })
    }

    /// The instances, with the next commands for people.
    fn body(&self, listed: Vec<ListedInstance>, cut: &Cut) -> Body<InstancesDocument> {
        let closing = self.closing(&listed, cut);
        Body {
            closing,
            ..self.listed(listed)
        }
    }

    /// Only the instances.
    pub(super) fn listed(&self, listed: Vec<ListedInstance>) -> Body<InstancesDocument> {
        let table = self.table(&listed);
        let instances = listed
            .into_iter()
            .map(|listed| self.entry(listed))
            .collect();
        Body::new(InstancesDocument { instances }).table(table)
    }

    fn closing(&self, listed: &[ListedInstance], cut: &Cut) -> Vec<String> {
        let mut lines = Vec::new();
        let orphans = listed
            .iter()
            .filter(|listed| self.is_orphan(&listed.instance))
            .count()
            + cut.claimed.len();
        let failed = listed
            .iter()
            .filter(|listed| self.verdict(&listed.instance) == Verdict::RecoveryFailed);
        lines.extend(failed.take(SHOWN).map(|listed| {
            let id = listed.instance.id;
            let message = self.errors.get(&id).and_then(|(_, message)| message.as_deref()).unwrap_or("-");
            format!(
                "instance {id}: its recovery failed: {message}; no master runs it. Make sure that its tasks have ended, then run it again in DolphinScheduler"
            )
        }));
        if orphans > 0 {
            lines.push(format!(
                "{orphans} claimed without a command: no master will take them up; next: dsctl \
                 recover --orphans --dry-run"
            ));
        }
        let are_dead = listed
            .iter()
            .any(|listed| self.verdict(&listed.instance) == Verdict::Dead);
        if are_dead || cut.some_are_dead {
            lines.push(
                "some masters are dead; next: dsctl failover --all-dead --dry-run".to_owned(),
            );
        }
        lines
    }

    fn table(&self, listed: &[ListedInstance]) -> Table {
        let mut table = Table::new(&HEADERS);
        for row in listed {
            let (cells, instance) = (self.cells(row), &row.instance);
            let needs_help = matches!(
                self.verdict(instance),
                Verdict::Dead | Verdict::RecoveryFailed
            );
            let needs_help = needs_help || self.is_orphan(instance);
            if needs_help {
                table.alarm(cells);
            } else {
                table.row(cells);
            }
        }
        table
    }

    fn verdict(&self, instance: &Instance) -> Verdict {
        verdict(
            instance,
            self.cluster.store.release(),
            &self.registered,
            self.cluster.zone.as_ref(),
        )
    }

    fn is_orphan(&self, instance: &Instance) -> bool {
        self.verdict(instance) == Verdict::Claimed && !self.waiting.contains_key(&instance.id)
    }

    fn cells(&self, listed: &ListedInstance) -> Vec<Cell> {
        let ListedInstance { instance, name } = listed;
        let family = self.cluster.store.release().family;
        vec![
            Cell::from(instance.id),
            name.clone().map_or(Cell::None, Cell::long),
            Cell::from(family.state_keyword(instance.state)),
            Cell::from(instance.host.as_deref()),
            Cell::from(self.verdict(instance).keyword()),
            Cell::from(times::local(instance.start_time)),
            Cell::from(times::local(instance.restart_time)),
            Cell::from(self.waiting.get(&instance.id).copied()),
            Cell::from(self.errors.get(&instance.id).map(|(id, _)| *id)),
        ]
    }

    fn entry(&self, listed: ListedInstance) -> InstanceEntry {
        let verdict = self.verdict(&listed.instance);
        let ListedInstance { instance, name } = listed;
        let Instance {
            id,
            definition,
            definition_version,
            state,
            host,
            start_time,
            restart_time,
            last_change: _,
            sub_process,
            command_type: _,
        } = instance;
        let zone = self.cluster.zone.as_ref();
        let error = self.errors.get(&id);
        InstanceEntry {
            id,
            name,
            definition_code: definition,
            definition_version,
            state: self.cluster.store.release().family.state_keyword(state),
            state_code: state,
            host: host.as_deref().map(str::to_owned),
            verdict,
            start_time: times::in_utc(start_time, zone),
            restart_time: times::in_utc(restart_time, zone),
            start_time_local: start_time.map(Local::from),
            restart_time_local: restart_time.map(Local::from),
            sub_process,
            pending_command_id: self.waiting.get(&id).copied(),
            error_command_id: error.map(|(id, _)| *id),
            error_message: error.and_then(|(_, message)| message.clone()),
        }
    }
}
