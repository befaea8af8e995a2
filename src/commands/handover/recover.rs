//! `dsctl recover`: the second half alone.

use super::confirm;
use super::report::Words;
use crate::cluster::Cluster;
use crate::commands::failure::CommandError;
use crate::commands::shell::{Answer, Shell, Skeleton};
use crate::failover::{OriginalState, Steps};
use crate::model::InstanceId;

const WORDS: Words = Words {
    done: "given a command",
    would: "would be given a command",
    nothing: "every instance that was handed over has a command",
};
use super::confirm::{Order, SafetyArgs, Told};
use crate::output::{Keys, Records};
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use schemars::JsonSchema;
use serde::Serialize;

/// Arguments of `recover`.
#[derive(Args, Clone, Debug)]
#[command(group = clap::ArgGroup::new("which").required(true).args(["instances", "orphans"]))]
pub(crate) struct RecoverArgs {
    /// These instances; several with commas between
    #[arg(long = "instance", value_name = "ID", value_delimiter = ',', value_parser = clap::value_parser!(i64).range(1..))]
    pub instances: Vec<InstanceId>,

    /// Every instance that was handed over and has no command
    #[arg(long)]
    pub orphans: bool,

    /// 3.3 and newer: the state before the hand-over, where it is written nowhere
    #[arg(long, value_name = "STATE", value_parser = original_state())]
    pub original_state: Option<OriginalState>,

    /// Consent and limits.
    #[command(flatten)]
    pub safety: SafetyArgs,
}

fn original_state() -> impl TypedValueParser<Value = OriginalState> {
    let value = |state: OriginalState| {
        PossibleValue::new(state.word()).help(match state {
            OriginalState::Running => "It was running",
            OriginalState::ReadyPause => "It was about to pause",
            OriginalState::ReadyStop => "It was about to stop",
        })
    };
    let named = |word: String| OriginalState::ALL.into_iter().find(|state| state.word() == word).ok_or("unknown state");
    PossibleValuesParser::new(OriginalState::ALL.map(value)).try_map(named)
}

/// The document of `recover`.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(in crate::commands) struct RecoverDocument {
    #[serde(flatten)]
    told: Told,
}

impl Keys for RecoverDocument {
    fn records(&mut self) -> Vec<Records<'_>> {
        self.told.records()
    }
}

impl Skeleton for RecoverDocument {
    const COMMAND: &'static str = "recover";
}

impl RecoverDocument {
    /// When it comes to nothing.
    pub(in crate::commands) fn nothing(arguments: &RecoverArgs) -> Self {
        Self { told: Told::nothing(&arguments.safety) }
    }
}

pub(in crate::commands) async fn run(
    shell: &mut Shell<'_, '_>,
    cluster: &mut Cluster,
    arguments: &RecoverArgs,
) -> Result<Answer<RecoverDocument>, CommandError> {
    let mut rules = confirm::rules(Steps::Command, &arguments.safety);
    rules.original_state = arguments.original_state;
    let mut ids: Vec<InstanceId> = arguments.instances.clone();
    ids.sort_unstable();
    ids.dedup();
    let work = confirm::Work::Claimed((!arguments.orphans).then_some(ids.as_slice()));
    let order = Order { work, rules: &rules, safety: &arguments.safety, words: WORDS };
    let (done, mut answer) = confirm::run(shell, cluster, &order).await?;
    if done.wrote {
        answer.close_with("next: dsctl commands, to see the masters take them up");
    }
    Ok(answer.map(|told| RecoverDocument { told }))
}
