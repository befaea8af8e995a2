//! `dsctl recover`: only the second half of a failover.

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use schemars::JsonSchema;
use serde::Serialize;

use super::afterwards;
use super::confirm::{self, Order, SafetyArgs, WriteKeys};
use super::report::Phrases;
use crate::cluster::Cluster;
use crate::commands::failure::CommandError;
use crate::commands::shell::{Answer, Shell, Skeleton};
use crate::failover::{GivenState, OriginalState, Steps};
use crate::family::Claim;
use crate::model::InstanceId;
use crate::output::{Keys, Records};

const PHRASES: Phrases = Phrases {
    done: "given a command",
    would: "would be given a command",
    empty: "every instance that was handed over has a command",
};

/// Arguments of `recover`.
#[derive(Args, Clone, Debug)]
#[command(group = clap::ArgGroup::new("which").required(true).args(["instances", "orphans"]))]
pub(crate) struct RecoverArgs {
    /// These instances, comma-separated
    #[arg(long = "instance", value_name = "ID", value_delimiter = ',', value_parser = clap::value_parser!(i64).range(1..))]
    pub instances: Vec<InstanceId>,

    /// Every instance that was handed over and has no command
    #[arg(long)]
    pub orphans: bool,

    /// 3.3 and newer: the state before the hand-over. With --orphans only for those whose state is
    /// not stored
    #[arg(long, value_name = "STATE", value_parser = original_state())]
    pub original_state: Option<OriginalState>,

    /// Consent and limits.
    #[command(flatten)]
    pub safety: SafetyArgs,
}

fn original_state() -> impl TypedValueParser<Value = OriginalState> {
    let value = |state: &OriginalState| {
        PossibleValue::new(state.keyword()).help(match state {
            OriginalState::Running => "It was running",
            OriginalState::ReadyPause => "It was about to pause",
            OriginalState::ReadyStop => "It was about to stop",
        })
    };
    PossibleValuesParser::new(OriginalState::ALL.iter().map(value))
        .try_map(|keyword| keyword.parse())
}

/// The document of `recover`.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(in crate::commands) struct RecoverDocument {
    #[serde(flatten)]
    common: WriteKeys,
}

impl Keys for RecoverDocument {
    fn records(&mut self) -> Vec<Records<'_>> {
        self.common.records()
    }
}

impl Skeleton for RecoverDocument {
    const COMMAND: &'static str = "recover";
}

impl RecoverDocument {
    /// The empty document.
    pub(in crate::commands) fn empty(arguments: &RecoverArgs) -> Self {
        Self {
            common: WriteKeys::empty(&arguments.safety),
        }
    }
}

/// If the host marks a hand-over, the state is never overwritten.
fn unused_state(cluster: &Cluster, arguments: &RecoverArgs) -> Option<String> {
    let family = cluster.store.release().family;
    let is_unused = arguments.original_state.is_some() && matches!(family.claim, Claim::Host(_));
    let label = family.label;
    is_unused.then(|| {
        format!(
            "--original-state is for 3.3 and newer; the rows of {label} keep the state themselves"
        )
    })
}

pub(in crate::commands) async fn run(
    shell: &mut Shell<'_, '_>,
    cluster: &mut Cluster,
    arguments: &RecoverArgs,
) -> Result<Answer<RecoverDocument>, CommandError> {
    let mut rules = confirm::rules(Steps::Command, &arguments.safety);
    let given = if arguments.orphans {
        GivenState::WhereUnknown
    } else {
        GivenState::Named
    };
    rules.original_state = arguments.original_state.map(given);
    let mut ids: Vec<InstanceId> = arguments.instances.clone();
    ids.sort_unstable();
    ids.dedup();
    let work = confirm::Work::Claimed((!arguments.orphans).then_some(ids.as_slice()));
    let order = Order {
        work,
        rules: &rules,
        safety: &arguments.safety,
        phrases: PHRASES,
    };
    let (done, mut answer) = confirm::run(shell, cluster, order).await?;
    answer.warnings.extend(unused_state(cluster, arguments));
    if done.wrote {
        answer.close_with(afterwards::next(cluster.store.snapshot().is_some()));
    }
    Ok(answer.map(|common| RecoverDocument { common }))
}
