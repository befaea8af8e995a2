//! What the loop says of a failover and of a failure, and how long it waits then.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::guard::Hold;
use super::{Event, Kind, Source};
use crate::failover::{FailoverError, Refusal, Run, cause_of};
use crate::model::{Address, SkipReason};
use crate::registry::RegistryError;

/// First pause after a failed round; doubled up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What a failover came to.
pub(super) fn outcome_event(master: &Address, run: &Run, dry_run: bool) -> Event {
    let (recovered, skipped) = (run.recovered(), run.skipped());
    let (kind, text) = match &run.failure {
        None if dry_run => (Kind::FailoverFinished, format!("dry run: {recovered} would be handed over")),
        None => (Kind::FailoverFinished, format!("{recovered} handed over, {skipped} left alone")),
        Some(failure @ FailoverError::Registry(RegistryError::Held { .. })) => (Kind::Standby, failure.to_string()),
        Some(failure @ FailoverError::Refused(refusal)) => {
            // A master may come back between two batches.
            let before = if run.wrote { format!("; {recovered} were handed over before") } else { String::new() };
            (Kind::FailoverRefused, format!("{failure}; {}{before}", Refusal::hint(refusal)))
        }
        Some(failure) => (Kind::Error, format!("{failure}; {recovered} were handed over before")),
    };
    let trouble = run.masters.iter().flat_map(|master| &master.skipped);
    let trouble = trouble.filter(|(_, reason)| SkipReason::is_trouble(reason)).count();
    Event::new(kind, text)
        .about(master)
        .from(run.failure.as_ref().filter(|_| kind == Kind::Error).and_then(Source::of))
        .with("recovered", recovered)
        .with("skipped", skipped)
        .with("need_help", trouble)
        .with("dry_run", dry_run)
        .with("exit_code", run.exit_code().number())
        .with("elapsed_ms", u64::try_from(run.elapsed.as_millis()).unwrap_or(u64::MAX))
        .with("locks", run.locks.iter().map(|lock| json!(lock.path)).collect::<Vec<_>>())
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
    let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(failures.min(8))).min(LONGEST_PAUSE);
    let spread = f64::from(Timestamp::now().subsec_nanosecond().rem_euclid(1000)) / 2000.0;
    pause.mul_f64(0.75 + spread)
}

/// How long until a guard lets go by itself.
pub(super) fn time_left(hold: &Hold, now: i64) -> Duration {
    match hold {
        Hold::Grace(until) | Hold::CoolDown(until) => {
            Duration::from_millis(u64::try_from(until.saturating_sub(now)).unwrap_or(0).saturating_add(1))
        }
        Hold::NoMasters | Hold::Alive(_) | Hold::Paused { .. } | Hold::Brake(_) => Duration::MAX,
    }
}
