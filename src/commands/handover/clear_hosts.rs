//! `dsctl clear-hosts`: only the first half of a failover.

use std::collections::BTreeMap;

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use super::afterwards;
use super::confirm::{self, Order, SafetyArgs, WriteKeys};
use super::report::{self, Phrases};
use crate::cluster::Cluster;
use crate::commands::failure::CommandError;
use crate::commands::shell::{Answer, Shell, Skeleton};
use crate::failover::{OriginalState, Run, Steps};
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
    let (done, mut answer) = confirm::run(shell, cluster, &order).await?;
    if done.failure.is_none() && done.recovered() == 0 {
        answer
            .warnings
            .extend(afterwards::remarks(cluster, &done).await?);
    }
    let next = if done.wrote {
        recover_commands(&done)
    } else {
        Vec::new()
    };
    if done.wrote {
        answer.close_with("no master takes them up until they have commands; next:");
        for command in &next {
            answer.close_with(format!("  {command}"));
        }
    }
    Ok(answer.map(|common| ClearHostsDocument { common, next }))
}

/// The commands that must follow. From 3.3 on they include the former state, because the row no
/// longer has it.
fn recover_commands(done: &Run) -> Vec<String> {
    let mut by_state: BTreeMap<Option<&'static str>, Vec<InstanceId>> = BTreeMap::new();
    for master in &done.masters {
        let states: BTreeMap<InstanceId, i64> = master.original_states.iter().copied().collect();
        for (id, _) in &master.recovered {
            let state = states
                .get(id)
                .copied()
                .and_then(OriginalState::from_code)
                .map(OriginalState::keyword);
            by_state.entry(state).or_default().push(*id);
        }
    }
    let command = |(state, ids): (Option<&str>, Vec<InstanceId>)| {
        let state = state
            .map(|state| format!(" --original-state {state}"))
            .unwrap_or_default();
        format!("dsctl recover --instance {}{state}", report::id_list(&ids))
    };
    by_state.into_iter().map(command).collect()
}
