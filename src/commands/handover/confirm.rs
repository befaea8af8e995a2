//! The common part of the writing commands: rules from the command line, the plan, and the
//! confirmation.

use super::record::RunReport;
use super::recover_lines;
use super::report::{self, Phrases};
use crate::cluster::{Cluster, Purpose};
use crate::commands::failure::{CommandError, holder_sentence, of_failover};
use crate::commands::shell::{Answer, Shell};
use crate::commands::times;
use crate::commands::write_args::WriteArgs;
use crate::failover::{
    FailoverError, Handover, Observer, Refusal, Rules, Run, Steps, about_holder, mark_of_doubtful,
};
use crate::metadata::Mark;
use crate::model::{Address, InstanceId, LockNode, Permit};
use crate::options::value;
use crate::output::{ErrorBody, Format, Printer, Records};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;

/// Consent and limits of the commands that write.
// Each danger has its own flag, so that consent to one is none to another.
#[allow(clippy::struct_excessive_bools)]
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Safety")]
pub(crate) struct SafetyArgs {
    /// Do everything up to the first write, and show what would be written
    #[arg(long)]
    pub dry_run: bool,

    /// Do not ask for confirmation; required without a terminal. Every check still applies
    #[arg(short, long)]
    pub yes: bool,

    /// Longest wait for the lock; 0s tries once
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = value::duration)]
    pub lock_timeout: Duration,

    /// Refuse if there are more instances than this
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub max_instances: u64,

    /// How instances are written.
    #[command(flatten)]
    pub write: WriteArgs,

    /// Why this is done; kept with the report
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub reason: Option<String>,

    /// Continue even if no master is registered
    #[arg(long)]
    pub allow_no_masters: bool,

    /// Also take instances that are older than their master's registration; needs --time-zone
    #[arg(long)]
    pub allow_restarted: bool,

    /// 3.3.0 only: continue even if a master may run these instances again since an earlier failover
    #[arg(long)]
    pub allow_recovered: bool,
}

impl SafetyArgs {
    /// What is done with the cluster.
    pub(in crate::commands) fn access(&self) -> Purpose {
        if self.dry_run {
            Purpose::Read
        } else {
            Purpose::Write
        }
    }
}

/// The work of a command.
pub(super) enum Work<'a> {
    Masters(&'a [Address]),
    Claimed(Option<&'a [InstanceId]>),
}

/// The rules from the options.
pub(super) fn rules(steps: Steps, safety: &SafetyArgs) -> Rules {
    Rules {
        steps,
        lock_timeout: safety.lock_timeout,
        max_instances: usize::try_from(safety.max_instances).unwrap_or(usize::MAX),
        allow_no_masters: safety.allow_no_masters,
        allow_restarted: safety.allow_restarted,
        allow_recovered: safety.allow_recovered,
        ..safety.write.rules()
    }
}

/// The keys that the documents of all these commands have.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(in crate::commands) struct WriteKeys {
    #[serde(flatten)]
    run: RunReport,
    reason: Option<String>,
}

impl WriteKeys {
    /// The keys of an empty document.
    pub(super) fn empty(safety: &SafetyArgs) -> Self {
        Self {
            run: RunReport::empty(safety.dry_run),
            reason: safety.reason.clone(),
        }
    }

    /// Its masters as ndjson lines.
    pub(super) fn records(&mut self) -> Vec<Records<'_>> {
        self.run.records()
    }
}

/// The work, and its settings.
pub(super) struct Order<'a> {
    pub(super) work: Work<'a>,
    pub(super) rules: &'a Rules,
    pub(super) safety: &'a SafetyArgs,
    /// The texts for its result.
    pub(super) phrases: Phrases,
}

/// Plans, asks for confirmation, and does it.
pub(super) async fn run(
    shell: &mut Shell<'_, '_>,
    cluster: &mut Cluster,
    order: Order<'_>,
) -> Result<(Run, Answer<WriteKeys>), CommandError> {
    let rules = marked(shell, cluster, &order).await?;
    let order = &Order {
        rules: &rules,
        ..order
    };
    let permit = if order.safety.dry_run {
        None
    } else if order.safety.yes {
        Some(Permit::by_operator())
    } else {
        match ask_for_consent(shell, cluster, order).await? {
            Consent::Yes(permit) => Some(permit),
            Consent::Ended(run) => {
                // What would be done is not done, however the plan ended.
                let dry_run = run.recovered() > 0;
                return Ok(answer(shell, cluster, run, order, dry_run).await);
            }
        }
    };
    let done = execute(shell, cluster, order, permit.as_ref()).await;
    Ok(answer(shell, cluster, done, order, order.safety.dry_run).await)
}

/// The rules, with what the masters have at this moment if something will be waited for: what one
/// writes while a question is open, or its heartbeat in doubt, shows that it lives.
async fn marked(
    shell: &mut Shell<'_, '_>,
    cluster: &mut Cluster,
    order: &Order<'_>,
) -> Result<Rules, FailoverError> {
    let mut rules = order.rules.clone();
    let Work::Masters(masters) = &order.work else {
        return Ok(rules);
    };
    let writes = !order.safety.dry_run && (order.safety.yes || shell.printer.can_ask());
    if !writes || rules.before.is_some() {
        return Ok(rules);
    }
    let doubtful = doubtful(shell, cluster).await?;
    let mark = if order.safety.yes {
        doubtful
    } else {
        let names: Vec<&str> = masters.iter().map(Address::as_str).collect();
        Some(cluster.store.mark(&names).await?)
    };
    rules.mark = match (mark, rules.mark.take()) {
        (Some(mark), Some(earlier)) => Some(mark.since(earlier)),
        (mark, earlier) => earlier.or(mark),
    };
    Ok(rules)
}

/// What the masters have whose heartbeats are in doubt, which will be observed for a while; `None`
/// if there are none.
pub(in crate::commands) async fn doubtful(
    shell: &mut Shell<'_, '_>,
    cluster: &mut Cluster,
) -> Result<Option<Mark>, FailoverError> {
    let mark = mark_of_doubtful(cluster).await?;
    if let Some(mark) = &mark {
        let names: Vec<&str> = mark.rows.keys().map(String::as_str).collect();
        shell.printer.waiting(&format!(
            "old heartbeats in the registry: checking whether they still change: {}",
            names.join(", ")
        ));
    }
    Ok(mark)
}

/// The result of asking for confirmation.
enum Consent {
    Yes(Permit),
    /// There is nothing to confirm: the plan failed, or has nothing to do.
    Ended(Run),
}

async fn ask_for_consent(
    shell: &mut Shell<'_, '_>,
    cluster: &mut Cluster,
    order: &Order<'_>,
) -> Result<Consent, CommandError> {
    if !shell.printer.can_ask() {
        return Err(Refusal::CannotAsk.into());
    }
    let plan = execute(shell, cluster, order, None).await;
    if plan.ended_early() || plan.recovered() == 0 {
        return Ok(Consent::Ended(plan));
    }
    for master in &plan.masters {
        if let Some(error) = master.failure() {
            shell
                .printer
                .warning(&format!("{}: {error}", master.address));
            continue;
        }
        let (address, verdict) = (&master.address, master.verdict.keyword());
        let ids: Vec<InstanceId> = master
            .recovered
            .iter()
            .map(|(id, _)| *id)
            .take(20)
            .collect();
        let more = if master.recovered.len() > ids.len() {
            ",…"
        } else {
            ""
        };
        let (count, ids) = (master.recovered.len(), report::id_list(&ids));
        shell.printer.remark(&format!(
            "{address} ({verdict}): {count} {}: {ids}{more}",
            order.phrases.would
        ));
        let (tasks, skipped) = (master.marked_tasks.len(), master.skipped.len());
        shell.printer.remark(&format!(
            "  {tasks} tasks would be marked, {skipped} instances left alone"
        ));
        master
            .notes
            .iter()
            .for_each(|note| shell.printer.warning(note));
    }
    let what = if cluster.store.snapshot().is_some() {
        "the snapshot "
    } else {
        ""
    };
    let question = format!("Do this in {what}{}?", cluster.store.endpoint());
    if shell.confirm(&question).await? {
        Ok(Consent::Yes(Permit::by_operator()))
    } else {
        Err(Refusal::NotConfirmed.into())
    }
}

async fn execute(
    shell: &mut Shell<'_, '_>,
    cluster: &mut Cluster,
    order: &Order<'_>,
    permit: Option<&Permit>,
) -> Run {
    let mut observer = Watching {
        printer: shell.printer,
    };
    let handover = Handover::new(cluster, order.rules, permit, &mut observer);
    let run = match &order.work {
        Work::Masters(masters) => handover.failover(masters).await,
        Work::Claimed(ids) => handover.recover(*ids).await,
    };
    shell.printer.settled();
    run
}

async fn answer(
    shell: &mut Shell<'_, '_>,
    cluster: &mut Cluster,
    run: Run,
    order: &Order<'_>,
    dry_run: bool,
) -> (Run, Answer<WriteKeys>) {
    let safety = order.safety;
    let mut body = report::body(&run, dry_run, order.phrases);
    let settings = shell.printer.settings();
    if settings.quiet && settings.format == Format::Table && report::is_nothing(&run) {
        body = body.without_text();
    }
    if let Some(reason) = &safety.reason {
        tracing::info!(reason, "reason given");
    }
    let mut answer = Answer::new(body.map(|run| WriteKeys {
        run,
        reason: safety.reason.clone(),
    }));
    answer.warnings.extend(
        run.masters
            .iter()
            .flat_map(|master| master.notes.iter().cloned()),
    );
    answer
        .warnings
        .extend(run.unreleased.iter().map(ToString::to_string));
    answer.exit = Some(run.exit_code());
    if let Some(failure) = &run.failure {
        // The code is that of the whole run, the message that of the worst failure.
        answer.error = Some(ErrorBody {
            exit_code: run.exit_code(),
            ..of_failover(failure, run.wrote)
        });
    }
    for master in &run.masters {
        let (Some(failure), Some(error)) = (master.failure(), &mut answer.error) else {
            continue;
        };
        let message = failure.to_string();
        if message != error.message {
            error
                .causes
                .push(format!("also {}: {message}", master.address));
        }
        error.causes.extend(about_holder(cluster, failure).await);
    }
    (run, answer)
}

/// Shows the progress of a run.
struct Watching<'a, 'w> {
    printer: &'a mut Printer<'w>,
}

impl Observer for Watching<'_, '_> {
    fn waiting_for_lock(&mut self, path: &str, holder: &LockNode) {
        self.printer
            .waiting(&format!("the lock {path}, {}", holder_sentence(holder)));
    }

    fn batch_done(&mut self, master: &Address, done: usize, total: usize) {
        self.printer
            .progress(done as u64, total as u64, master.as_str());
    }

    /// On stderr, for programs too: whoever kills this process finds them nowhere else.
    fn overwriting(&mut self, states: &[(InstanceId, i64)]) {
        for line in recover_lines::for_unusual_states(states) {
            self.printer.warning(&format!(
                "about to overwrite a state; if this run is killed, next: {line}"
            ));
        }
    }

    fn rechecking_absence(&mut self, master: &Address, time: Duration) {
        let time = times::short(time);
        self.printer.waiting(&format!(
            "{master}: checking again for {time} that it stays away (--grace)"
        ));
    }
}

/// How long a wait took, for closing lines.
pub(super) fn waited(began: std::time::Instant) -> String {
    times::short(began.elapsed())
}
