//! `dsctl recover`: the second half alone.

use super::failure::CommandError;
use super::report::Words;
use super::{Answer, Shell, writing};
use crate::cli::RecoverArgs;
use crate::failover::{Cluster, Steps};
use crate::model::InstanceId;

const WORDS: Words = Words {
    done: "given a command",
    would: "would be given a command",
    nothing: "every instance that was handed over has a command",
};

pub(super) async fn run(
    shell: &mut Shell<'_, '_>,
    cluster: &mut Cluster,
    arguments: &RecoverArgs,
) -> Result<Answer, CommandError> {
    let mut rules = writing::rules(Steps::Command, &arguments.safety);
    rules.original_state = arguments.original_state.map(writing::original_state);
    let mut ids: Vec<InstanceId> = arguments.instances.clone();
    ids.sort_unstable();
    ids.dedup();
    let work = writing::Work::Claimed((!arguments.orphans).then_some(ids.as_slice()));
    let (done, mut answer) = writing::run(shell, cluster, &work, &rules, &arguments.safety, WORDS).await?;
    if done.wrote {
        answer.body = answer.body.closing("next: dsctl commands, to see the masters take them up");
    }
    Ok(answer)
}
