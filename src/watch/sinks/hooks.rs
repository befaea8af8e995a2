//! The operator's programs, run before a failover, where they may veto it, and after it.

use async_trait::async_trait;
use serde::Serialize;

use super::{Note, Sink};
use crate::exit_code::ExitCode;
use crate::model::Address;
use crate::watch::hooks::{HookMoment, HookOutcome, Hooks};
use crate::watch::line::{EventLine, PreLine};
use crate::watch::{Event, FailoverEnd, Refused, What};

/// Calls hooks.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The hooks.
    pub hooks: Hooks,
    /// Whether they are run as for a dry run.
    pub dry_run: bool,
}

impl Caller {
    /// Runs the `pre` hooks; returns why a master may not be failed over, and what the hooks
    /// printed.
    pub async fn run_pre(&self, master: &Address, unfinished: i64) -> (Option<String>, Vec<Note>) {
        if !self.hooks.has(HookMoment::Pre) {
            return (None, Vec::new());
        }
        let (outcome, printed) = self
            .call(
                HookMoment::Pre,
                &PreLine::new(master, unfinished),
                master.as_str(),
            )
            .await;
        (
            (!outcome.permits()).then(|| format!("hook pre: {}", describe(&outcome))),
            printed,
        )
    }

    async fn call(
        &self,
        moment: HookMoment,
        payload: &(impl Serialize + Sync),
        master: &str,
    ) -> (HookOutcome, Vec<Note>) {
        // An event line always converts to a JSON value.
        let payload = serde_json::to_value(payload).unwrap_or_default();
        let variables = [
            ("DSCTL_MASTER", master.to_owned()),
            ("DSCTL_EVENT", moment.keyword().to_owned()),
        ];
        // Boxed because it is rare and large.
        let outcome = Box::pin(self.hooks.run(moment, &payload, &variables, self.dry_run)).await;
        let printed = outcome.output().lines();
        let printed = printed
            .map(|line| Note::Remark(format!("hook {}: {line}", moment.keyword())))
            .collect();
        (outcome, printed)
    }
}

/// The hooks that are run after a failover, or after its refusal.
#[derive(Debug)]
pub struct HookSink {
    caller: Caller,
    waiting: Vec<(HookMoment, Event)>,
    notes: Vec<Note>,
}

impl HookSink {
    /// A sink that uses this caller.
    #[must_use]
    pub fn new(caller: Caller) -> Self {
        Self {
            caller,
            waiting: Vec::new(),
            notes: Vec::new(),
        }
    }
}

#[async_trait]
impl Sink for HookSink {
    fn event(&mut self, event: &Event) {
        let moment = moment_of(&event.what).filter(|moment| self.caller.hooks.has(*moment));
        self.waiting
            .extend(moment.map(|moment| (moment, event.clone())));
    }

    async fn follow_up(&mut self) {
        for (moment, event) in std::mem::take(&mut self.waiting) {
            let master = event.what.master().map_or("", Address::as_str);
            let (outcome, printed) = self
                .caller
                .call(moment, &EventLine::from(&event), master)
                .await;
            self.notes.extend(printed);
            if !matches!(outcome, HookOutcome::Ok { .. }) {
                self.notes.push(Note::Warning(format!(
                    "hook {}: {}",
                    moment.keyword(),
                    describe(&outcome)
                )));
            }
        }
    }

    fn notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }
}

/// The moment that an event is for hooks.
fn moment_of(what: &What) -> Option<HookMoment> {
    match what.failover_end()? {
        FailoverEnd::Finished(summary) if summary.exit_code == ExitCode::Done => {
            Some(HookMoment::PostSuccess)
        }
        // Stopped by a signal: nothing has failed.
        FailoverEnd::Failed(summary)
            if matches!(
                summary.exit_code,
                ExitCode::Interrupted | ExitCode::Terminated
            ) =>
        {
            None
        }
        // `post-failure` also covers instances that were left over.
        FailoverEnd::Finished(_) | FailoverEnd::Failed(_) => Some(HookMoment::PostFailure),
        FailoverEnd::Refused(Refused::Guard { .. } | Refused::Check { .. }) => {
            Some(HookMoment::Blocked)
        }
        // The hook that has vetoed knows that.
        FailoverEnd::Refused(Refused::Veto { .. } | Refused::Nobody { .. }) => None,
    }
}

fn describe(outcome: &HookOutcome) -> String {
    match outcome {
        HookOutcome::Ok { .. } => "done".to_owned(),
        HookOutcome::Veto { program, code, .. } => format!("{program} ended with {code}"),
        HookOutcome::Failed { why, .. } => why.clone(),
        HookOutcome::TimedOut { program, .. } => format!("{program} took too long"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::{Fault, Summary};

    #[test]
    fn what_a_failover_came_to_says_which_hooks_are_notified() {
        let (master, why) = (|| Address::seen("m:1"), String::new);
        let summary = |exit_code| {
            let (elapsed_ms, locks) = (0, Vec::new());
            Summary {
                recovered: 0,
                skipped: 0,
                need_help: 0,
                dry_run: false,
                exit_code,
                elapsed_ms,
                locks,
            }
        };
        let finished = |code| {
            moment_of(&What::FailoverFinished {
                master: master(),
                summary: summary(code),
            })
        };
        assert_eq!(finished(ExitCode::Done), Some(HookMoment::PostSuccess));
        assert_eq!(finished(ExitCode::Partial), Some(HookMoment::PostFailure));
        let failed = |code| {
            let (summary, source) = (summary(code), None);
            moment_of(&What::Error(Fault::Failover {
                master: master(),
                source,
                summary,
                why: why(),
            }))
        };
        assert_eq!(failed(ExitCode::Unreachable), Some(HookMoment::PostFailure));
        assert_eq!(
            (failed(ExitCode::Interrupted), failed(ExitCode::Terminated)),
            (None, None)
        );
        let refused = |refused| moment_of(&What::FailoverRefused(refused));
        let guard = Refused::Guard {
            master: master(),
            unfinished_instances: 1,
            guard: why(),
        };
        let check = Refused::Check {
            master: master(),
            summary: summary(ExitCode::Refused),
            why: why(),
            wrote: false,
        };
        assert_eq!(
            (refused(guard), refused(check)),
            (Some(HookMoment::Blocked), Some(HookMoment::Blocked))
        );
        let veto = Refused::Veto {
            master: master(),
            why: why(),
        };
        assert_eq!(
            (refused(veto), refused(Refused::Nobody { why: why() })),
            (None, None)
        );
    }
}
