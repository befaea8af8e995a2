//! The text of failovers and failures in the loop, and how long it waits after them.

use std::time::Duration;

use jiff::Timestamp;

use super::guard::Hold;
use super::{Fault, Refused, Source, Summary, What};
use crate::failover::{FailoverError, Run, cause_of};
use crate::model::{Address, SkipReason};
use crate::registry::RegistryError;

/// First pause after a failed round; doubled up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The outcome of a failover; `holder`: what is known about the holder of the lock that it did not
/// get.
pub(super) fn outcome(master: &Address, run: &Run, dry_run: bool, holder: Vec<String>) -> What {
    let (master, summary) = (master.clone(), summary(run, dry_run));
    match &run.failure {
        None => What::FailoverFinished { master, summary },
        Some(failure @ FailoverError::Registry(RegistryError::Held { .. })) => What::Standby {
            master,
            summary,
            why: failure.to_string(),
            holder,
        },
        Some(failure @ FailoverError::Refused(refusal)) => {
            let why = format!("{failure}; {}", refusal.hint());
            What::FailoverRefused(Refused::Check {
                master,
                summary,
                why,
                wrote: run.wrote,
            })
        }
        Some(failure) => {
            let source = Source::of(failure);
            What::Error(Fault::Failover {
                master,
                source,
                summary,
                why: failure.to_string(),
            })
        }
    }
}

fn summary(run: &Run, dry_run: bool) -> Summary {
    let skipped = run.masters.iter().flat_map(|master| &master.skipped);
    Summary {
        recovered: run.recovered(),
        skipped: run.skipped(),
        need_help: skipped
            .filter(|(_, reason)| SkipReason::is_trouble(reason))
            .count(),
        dry_run,
        exit_code: run.exit_code(),
        elapsed_ms: u64::try_from(run.elapsed.as_millis()).unwrap_or(u64::MAX),
        locks: run.locks.iter().map(|lock| lock.path.clone()).collect(),
    }
}

/// A failure with its cause.
pub(super) fn error_text(error: &FailoverError) -> String {
    match cause_of(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// Doubles, and spreads watchers that failed at the same moment.
pub(super) fn back_off(failures: u32) -> Duration {
    let pause = FIRST_PAUSE
        .saturating_mul(2_u32.saturating_pow(failures.min(8)))
        .min(LONGEST_PAUSE);
    let spread = f64::from(Timestamp::now().subsec_nanosecond().rem_euclid(1000)) / 2000.0;
    pause.mul_f64(0.75 + spread)
}

/// How long until a guard ends by itself.
pub(super) fn time_left(hold: &Hold, now: i64) -> Duration {
    match hold {
        Hold::Grace(until) | Hold::CoolDown(until) => Duration::from_millis(
            u64::try_from(until.saturating_sub(now))
                .unwrap_or(0)
                .saturating_add(1),
        ),
        Hold::NoMasters
        | Hold::Alive(_)
        | Hold::Paused { .. }
        | Hold::TooLarge { .. }
        | Hold::Brake(_)
        | Hold::BrakeOfDryRun(_) => Duration::MAX,
    }
}
