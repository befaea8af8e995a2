//! The options that every command that writes has, and the rules that they mean.

use clap::Args;

use crate::failover::Rules;
use crate::options::value::Rate;

/// How instances are written, and two consents.
#[derive(Args, Clone, Debug)]
pub(super) struct WriteArgs {
    /// Instances per transaction
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub batch: u32,

    /// Limit writes to N instances per second
    #[arg(long, value_name = "N/s")]
    pub rate: Option<Rate>,

    /// Continue even if no instance names a registered master: all are new, and not another
    /// cluster's
    #[arg(long)]
    pub allow_new_masters: bool,

    /// Also take instances with a task that may still run on a worker, so that it may run twice
    #[arg(long)]
    pub allow_duplicate_tasks: bool,
}

impl WriteArgs {
    /// The rules, strict in everything that these options do not name.
    pub(super) fn rules(&self) -> Rules {
        Rules {
            batch: self.batch as usize,
            rate: self.rate.map(|rate| rate.0.get()),
            allow_new_masters: self.allow_new_masters,
            allow_duplicate_tasks: self.allow_duplicate_tasks,
            ..Rules::default()
        }
    }
}
