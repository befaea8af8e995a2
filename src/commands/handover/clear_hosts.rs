//! `dsctl clear-hosts`: only the first half of a failover.

use std::collections::BTreeMap;

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use super::afterwards;
use super::confirm::{self, Order, SafetyArgs, WriteKeys};
use super::recover_lines;
use super::report::Phrases;
use crate::cluster::Cluster;
use crate::commands::failure::CommandError;
use crate::commands::shell::{Answer, Shell, Skeleton};
use crate::failover::{FailoverError, OriginalState, Run, Steps};
use crate::model::{Address, InstanceId};
use crate::output::{Keys, Records};

const PHRASES: Phrases = Phrases {
    done: "claimed without a command",
    would: "would be claimed without a command",
    empty: "no unfinished instance names a dead master",
};

/// Arguments of `clear-hosts`.
#[derive(Args, Clone, Debug)]
pub(crate) struct ClearHostsArgs {
    /// The dead master, exactly as `dsctl masters` shows it
    #[arg(value_name = "MASTER")]
    pub master: String,
    /// Consent and limits.
    #[command(flatten)]
    pub safety: SafetyArgs,
}

/// The document of `clear-hosts`.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(in crate::commands) struct ClearHostsDocument {
    #[serde(flatten)]
    common: WriteKeys,
    next: Vec<String>,
}

impl Keys for ClearHostsDocument {
    fn records(&mut self) -> Vec<Records<'_>> {
        self.common.records()
    }
}

impl Skeleton for ClearHostsDocument {
    const COMMAND: &'static str = "clear-hosts";
}

impl ClearHostsDocument {
    /// The empty document.
    pub(in crate::commands) fn empty(arguments: &ClearHostsArgs) -> Self {
        Self {
            common: WriteKeys::empty(&arguments.safety),
            ..Self::default()
        }
    }
}

pub(in crate::commands) async fn run(
    shell: &mut Shell<'_, '_>,
    cluster: &mut Cluster,
    arguments: &ClearHostsArgs,
) -> Result<Answer<ClearHostsDocument>, CommandError> {
    let rules = confirm::rules(Steps::Claim, &arguments.safety);
    let master = Address::typed(
        &arguments.master,
        cluster.store.release().family.registry.address_form,
    )?;
    let masters = [master];
    let work = confirm::Work::Masters(&masters);
    let order = Order {
        work,
        rules: &rules,
        safety: &arguments.safety,
        phrases: PHRASES,
    };
    let (done, mut answer) = confirm::run(shell, cluster, order).await?;
    if done.failure.is_none() && done.recovered() == 0 {
        answer
            .warnings
            .extend(afterwards::remarks(cluster, &done, shell.printer.settings().quiet).await?);
    }
    let next = if done.wrote || !unknown(&done).is_empty() {
        recover_commands(&done)
    } else {
        Vec::new()
    };
    if !next.is_empty() {
        answer.close_with(if unknown(&done).is_empty() {
            "no master takes them up until they have commands; next:"
        } else {
            "nobody takes up what was claimed (maybe the last batch, too) until it has commands; next:"
        });
        for command in &next {
            answer.close_with(format!("  {command}"));
        }
        // The states are.
        answer.body.is_irretrievable = true;
    }
    Ok(answer.map(|common| ClearHostsDocument { common, next }))
}

/// The batch of which it is not known whether it was written.
fn unknown(done: &Run) -> &[InstanceId] {
    match &done.failure {
        Some(FailoverError::OutcomeUnknown { instances, .. }) => instances,
        _ => &[],
    }
}

/// The commands that must follow. From 3.3 on they include the former state, because the row no
/// longer has it. What may have been claimed is named as well: where it was not, it is left alone.
fn recover_commands(done: &Run) -> Vec<String> {
    let mut by_state: BTreeMap<Option<&'static str>, Vec<InstanceId>> = BTreeMap::new();
    for master in &done.masters {
        let states: BTreeMap<InstanceId, i64> = master.original_states.iter().copied().collect();
        let claimed = master.recovered.iter().map(|(id, _)| id);
        for id in claimed.chain(unknown(done)) {
            let state = states
                .get(id)
                .copied()
                .and_then(OriginalState::from_code)
                .map(OriginalState::keyword);
            by_state.entry(state).or_default().push(*id);
        }
    }
    by_state
        .into_iter()
        .flat_map(|(state, ids)| recover_lines::for_state(state, &ids))
        .collect()
}
