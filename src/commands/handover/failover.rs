//! `dsctl failover`: both halves.

use std::time::{Duration, Instant};

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use super::afterwards;
use super::confirm::{self, Order, SafetyArgs, WriteKeys};
use super::report::Phrases;
use crate::cluster::Cluster;
use crate::commands::failure::{CommandError, of_failover};
use crate::commands::shell::{Answer, Shell, Skeleton};
use crate::exit_code::ExitCode;
use crate::failover::{
    AbsenceObserver, Awaited, FailoverError, HandedOver, Other, Rules, Run, Steps, TakeUp,
    about_persistent, dead_hosts, look, wait_for_take_up,
};
use crate::family::Family;
use crate::model::{Address, AddressError, InstanceId};
use crate::options::value;
use crate::output::{ErrorBody, Keys, Records, WORD};

/// Arguments of `failover`.
#[derive(Args, Clone, Debug)]
#[command(group = clap::ArgGroup::new("which").required(true).args(["masters", "all_dead"]))]
pub(crate) struct FailoverArgs {
    /// The dead masters, exactly as `dsctl masters` shows them
    #[arg(value_name = "MASTER")]
    pub masters: Vec<String>,

    /// Every master that an unfinished instance names and that is not registered
    #[arg(long)]
    pub all_dead: bool,

    /// With --all-dead: how long the masters must stay unregistered first; by default as long as
    /// the release's own masters wait (30s in 3.3 and newer, else 0s). A dry run does not wait
    #[arg(long, value_name = "DURATION", conflicts_with = "masters", value_parser = value::duration, help_heading = "Safety")]
    pub grace: Option<Duration>,

    /// Wait this long for living masters to take up the instances
    #[arg(long, value_name = "DURATION", value_parser = value::positive_duration)]
    pub wait: Option<Duration>,

    /// Consent and limits.
    #[command(flatten)]
    pub safety: SafetyArgs,
}

const PHRASES: Phrases = Phrases {
    done: "handed over",
    would: "would be handed over",
    empty: "no unfinished instance names a dead master",
};

/// The document of `failover`.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(in crate::commands) struct FailoverDocument {
    #[serde(flatten)]
    take_up_lines: WriteKeys,
    take_up: Option<TakeUpReport>,
}

impl Keys for FailoverDocument {
    fn records(&mut self) -> Vec<Records<'_>> {
        self.take_up_lines.records()
    }
}

impl Skeleton for FailoverDocument {
    const COMMAND: &'static str = "failover";
}

impl FailoverDocument {
    /// The empty document.
    pub(in crate::commands) fn empty(arguments: &FailoverArgs) -> Self {
        Self {
            take_up_lines: WriteKeys::empty(&arguments.safety),
            take_up: None,
        }
    }
}

/// The state of the instances that were handed over.
#[derive(Debug, Serialize, JsonSchema)]
struct TakeUpReport {
    taken_up: Vec<InstanceId>,
    waiting: Vec<InstanceId>,
    lost: Vec<InstanceId>,
    failed: Vec<FailedTakeUp>,
    other: Vec<OtherTakeUp>,
}

impl TakeUpReport {
    fn of(seen: TakeUp, family: &Family) -> Self {
        let TakeUp {
            taken_up,
            waiting,
            lost,
            failed,
            other,
        } = seen;
        let failed = failed
            .into_iter()
            .map(|(instance_id, message)| FailedTakeUp {
                instance_id,
                message,
            });
        let other = other
            .into_iter()
            .map(|other| OtherTakeUp::of(other, family));
        Self {
            taken_up,
            waiting,
            lost,
            failed: failed.collect(),
            other: other.collect(),
        }
    }
}

/// Its command ended in the error table.
#[derive(Debug, Serialize, JsonSchema)]
struct FailedTakeUp {
    instance_id: InstanceId,
    message: String,
}

/// Anything else that its row shows.
#[derive(Debug, Serialize, JsonSchema)]
struct OtherTakeUp {
    instance_id: InstanceId,
    #[schemars(regex(pattern = WORD))]
    state: String,
    host: Option<String>,
    detail: &'static str,
}

impl OtherTakeUp {
    fn of(other: Other, family: &Family) -> Self {
        let Other {
            instance,
            state,
            host,
            meaning,
        } = other;
        Self {
            instance_id: instance,
            state: family.state_keyword(state),
            host,
            detail: meaning,
        }
    }
}

pub(in crate::commands) async fn run(
    shell: &mut Shell<'_, '_>,
    cluster: &mut Cluster,
    arguments: &FailoverArgs,
) -> Result<Answer<FailoverDocument>, CommandError> {
    let is_snapshot = cluster.store.snapshot().is_some();
    if is_snapshot && arguments.wait.is_some() {
        let error =
            anyhow::anyhow!("no master takes anything up in a snapshot: --wait would be in vain");
        return Err(CommandError::usage(error, "omit --wait"));
    }
    let mut rules = confirm::rules(Steps::Both, &arguments.safety);
    let (masters, mut warnings) = if arguments.all_dead {
        all_dead(shell, cluster, &mut rules, arguments).await?
    } else {
        (named(cluster, &arguments.masters)?, Vec::new())
    };
    let work = confirm::Work::Masters(&masters);
    let order = Order {
        work,
        rules: &rules,
        safety: &arguments.safety,
        phrases: PHRASES,
    };
    let old_errors = if arguments.wait.is_some() {
        old_errors(cluster).await?
    } else {
        Vec::new()
    };
    let (done, mut answer) = confirm::run(shell, cluster, order).await?;
    if done.failure.is_none() && (arguments.all_dead || done.recovered() == 0) {
        warnings.extend(afterwards::remarks(cluster, &done, shell.printer.settings().quiet).await?);
    }
    answer.warnings.extend(warnings);
    let mut answer = answer.map(|take_up_lines| FailoverDocument {
        take_up_lines,
        take_up: None,
    });
    if let Some(limit) = arguments.wait.filter(|_| done.wrote) {
        let awaited = Awaited {
            handed_over: handed_over(&done),
            old_errors,
        };
        watch_take_up(shell, cluster, &awaited, limit, &mut answer).await;
    } else if done.wrote {
        answer.close_with(afterwards::next(is_snapshot));
    }
    Ok(answer)
}

/// The error commands that are there before anything is handed over.
async fn old_errors(cluster: &mut Cluster) -> Result<Vec<i64>, FailoverError> {
    // An absence may have been observed before.
    cluster.store.reconnect_if_closed().await?;
    Ok(cluster.store.recovery_error_ids().await?)
}

/// Everything that a run has handed over.
fn handed_over(done: &Run) -> Vec<HandedOver> {
    let each = done.masters.iter().flat_map(|master| &master.handed_over);
    each.cloned().collect()
}

/// The typed addresses, each once and in that order.
fn named(cluster: &Cluster, texts: &[String]) -> Result<Vec<Address>, AddressError> {
    let form = cluster.store.release().family.registry.address_form;
    let mut masters = Vec::new();
    for text in texts {
        let address = Address::typed(text, form)?;
        if !masters.contains(&address) {
            masters.push(address);
        }
    }
    Ok(masters)
}

async fn all_dead(
    shell: &mut Shell<'_, '_>,
    cluster: &mut Cluster,
    rules: &mut Rules,
    arguments: &FailoverArgs,
) -> Result<(Vec<Address>, Vec<String>), CommandError> {
    rules.mark = confirm::doubtful(shell, cluster).await?;
    let view = look(cluster, rules).await?;
    shell.printer.settled();
    let counts = cluster.store.host_counts().await?;
    let (dead, strange) = dead_hosts(&counts, &view, cluster.store.release());
    let warnings = strange
        .iter()
        .map(|host| format!("unfinished instances name the host {host:?}: left alone"));
    let mut warnings: Vec<String> = warnings.collect();
    let family = cluster.store.release().family;
    warnings.extend(about_persistent(&view.masters, &counts, family));
    let nameless = counts
        .iter()
        .filter(|count| count.host.is_none() && family.is_unfinished(Some(count.state)));
    let nameless: i64 = nameless.map(|count| count.count).sum();
    if nameless > 0 {
        warnings.push(format!(
            "{nameless} unfinished instances name no host at all (SQL NULL): left alone"
        ));
    }
    // A run that writes nothing, or is refused without consent, need not wait; nor need a rehearsal,
    // since nobody comes back in a snapshot.
    let writes = !arguments.safety.dry_run
        && cluster.store.snapshot().is_none()
        && (arguments.safety.yes || shell.printer.can_ask());
    let grace = arguments
        .grace
        .unwrap_or(family.failover_delay)
        .min(if writes {
            Duration::MAX
        } else {
            Duration::ZERO
        });
    if dead.is_empty() || grace.is_zero() {
        return Ok((dead, warnings));
    }
    let time = crate::commands::times::short(grace);
    let they = if let [one] = &dead[..] {
        one.to_string()
    } else {
        format!("{} dead masters", dead.len())
    };
    let stay = if dead.len() == 1 {
        "it stays"
    } else {
        "they stay"
    };
    shell.printer.waiting(&format!(
        "{they}: checking for {time} that {stay} away (--grace)"
    ));
    let seen = AbsenceObserver::new(cluster, rules)
        .observe_absence(&view, dead.clone(), grace)
        .await;
    shell.printer.settled();
    let (away, before) = seen?;
    let back = dead.iter().filter(|master| !away.contains(master));
    warnings.extend(back.map(|master| format!("{master} is registered again: left alone")));
    rules.before = Some(before);
    Ok((away, warnings))
}

async fn watch_take_up(
    shell: &mut Shell<'_, '_>,
    cluster: &mut Cluster,
    awaited: &Awaited,
    limit: Duration,
    answer: &mut Answer<FailoverDocument>,
) {
    let family = cluster.store.release().family;
    let began = Instant::now();
    let printer = &mut *shell.printer;
    let on_look = |seen: &TakeUp| {
        let (taken, all) = (seen.taken_up.len(), awaited.handed_over.len());
        printer.waiting(&format!("the masters: {taken} of {all} taken up"));
    };
    let result = wait_for_take_up(cluster, awaited, limit, on_look).await;
    shell.printer.settled();
    match result {
        Ok(seen) => {
            answer
                .body
                .closing
                .extend(take_up_lines(&seen, family, &confirm::waited(began)));
            if !seen.is_complete() && answer.exit == Some(ExitCode::Done) {
                answer.exit = Some(ExitCode::Partial);
            }
            answer.body.keys.take_up = Some(TakeUpReport::of(seen, family));
        }
        Err(error) => {
            let unseen = unseen(&error);
            match &mut answer.error {
                Some(first) => first.causes.push(format!("also: {}", unseen.message)),
                none => *none = Some(unseen),
            }
        }
    }
}

/// Why the take-up was not seen. All is handed over by then, and no lock is held: the same command
/// would find nothing to do, and wait for nobody.
fn unseen(error: &FailoverError) -> ErrorBody {
    let body = of_failover(error, true);
    let message = format!(
        "whether the masters take them up was not seen: {}",
        body.message
    );
    let exit_code = match error {
        FailoverError::Stopped(_) => body.exit_code,
        _ => ExitCode::Partial,
    };
    ErrorBody {
        message,
        exit_code,
        ..body
    }
        .hint("what was handed over stands: 'dsctl commands' shows what still waits for a master, 'dsctl instances' the rest")
}

/// The same for people.
fn take_up_lines(seen: &TakeUp, family: &Family, waited: &str) -> Vec<String> {
    let mut lines = vec![format!("{} taken up after {waited}", seen.taken_up.len())];
    if !seen.waiting.is_empty() {
        let ids = super::report::id_list(&seen.waiting);
        lines.push(format!(
            "not taken up yet: {ids}; see the masters' status with 'dsctl masters'"
        ));
    }
    for (id, message) in &seen.failed {
        let line = message.lines().next().unwrap_or_default();
        lines.push(format!(
            "instance {id}: its command ended in the error table: {line}"
        ));
    }
    for other in &seen.other {
        let (id, state, host) = (
            other.instance,
            family.state_keyword(other.state),
            other.host.as_deref().unwrap_or("-"),
        );
        lines.push(format!(
            "instance {id} is {state}, host {host}: {}",
            other.meaning
        ));
    }
    if !seen.lost.is_empty() {
        let ids = super::report::id_list(&seen.lost);
        lines.push(format!(
            "no command and no master: {ids}; next: dsctl recover --orphans --dry-run"
        ));
    }
    lines
}
