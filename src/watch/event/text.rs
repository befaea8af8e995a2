//! The text of events, for people.

use std::fmt;

use super::{Fault, FindingBrief, LeftAlone, News, Refused, Released, Switch, What};
use crate::exit_code::ExitCode;
use crate::model::shell_word;

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started {
                dry_run,
                masters,
                grace,
                ..
            } => write!(
                f,
                "{}{masters} masters registered; a master is failed over when it is gone for {}s, which should be longer \
                 than the masters' session with the registry",
                if *dry_run { "dry run, " } else { "" },
                grace.as_secs()
            ),
            Self::MasterRegistered {
                master,
                older_instances,
                news,
                ..
            } => {
                news.fmt(f)?;
                match older_instances.filter(|count| *count > 0) {
                    Some(count) => write!(
                        f,
                        "; {count} of its unfinished instances are older than its start: if no master takes them up, \
                         'dsctl failover {} --allow-restarted' does",
                        shell_word(master.as_str())
                    ),
                    None => Ok(()),
                }
            }
            Self::MasterLost { .. } => f.write_str("its registration is gone"),
            Self::GraceStarted {
                guard,
                restarted_because: Some(doubt),
                ..
            } => write!(f, "{guard}; it starts again, because {doubt}"),
            Self::GraceStarted {
                guard,
                restarted_because: None,
                ..
            } => f.write_str(guard),
            Self::FailoverStarted { unfinished, .. } => {
                write!(f, "{unfinished} unfinished instances")
            }
            Self::FailoverFinished { summary, .. } if summary.dry_run => {
                write!(f, "dry run: {} would be handed over", summary.recovered)
            }
            Self::FailoverFinished { summary, .. } => {
                write!(
                    f,
                    "{} handed over, {} left alone",
                    summary.recovered, summary.skipped
                )
            }
            Self::FailoverRefused(refused) => refused.fmt(f),
            Self::Standby { why, holder, .. } => {
                f.write_str(why)?;
                holder.iter().try_for_each(|fact| write!(f, "; {fact}"))
            }
            Self::LeftAlone { left, hosts } => f.write_str(&left_alone(*left, hosts)),
            Self::FindingAppeared {
                finding,
                facts,
                next,
            } => {
                finding.fmt(f)?;
                let facts = facts.iter();
                facts
                    .chain([next])
                    .enumerate()
                    .try_for_each(|(place, text)| {
                        let before = if place == 0 { ": " } else { "; " };
                        write!(f, "{before}{text}")
                    })
            }
            Self::FindingCleared { finding } => write!(f, "{finding}: it is found no more"),
            Self::Paused(switch) => switch.fmt(f),
            Self::Error(fault) => fault.fmt(f),
            Self::Stopped {
                exit_code: ExitCode::Interrupted | ExitCode::Terminated,
                ..
            } => f.write_str("received a signal"),
            Self::Stopped { once: true, .. } => f.write_str("the single round is done"),
            Self::Stopped { once: false, .. } => f.write_str("gave up"),
        }
    }
}

impl fmt::Display for FindingBrief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.title)?;
        match self.subject.shown() {
            Some(subject) => write!(f, " ({subject})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Master => "registered",
            Self::Session => "registered again, with another session",
            Self::Start => "reports a new start-up time",
        })
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody { why }
            | Self::Check {
                why, wrote: false, ..
            } => f.write_str(why),
            Self::Guard { guard, .. } => f.write_str(guard),
            Self::Veto { why, .. } => write!(f, "vetoed: {why}"),
            // A master may come back between two batches.
            Self::Check {
                why,
                summary,
                wrote: true,
                ..
            } => {
                write!(f, "{why}; {} were handed over before", summary.recovered)
            }
        }
    }
}

impl fmt::Display for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pause {
                by: Some((by, reason)),
            } => write!(f, "by {by}: {reason}"),
            Self::Pause { by: None } => f.write_str("resumed"),
            Self::Brake {
                why: Released::Resumed,
            } => f.write_str("the storm brake is released"),
            Self::Brake {
                why: Released::Another,
            } => f.write_str("the storm brake is released: it was another cluster's"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable { why, .. } => f.write_str(why),
            Self::Round {
                why,
                retry_after_seconds,
                ..
            } => {
                write!(f, "{why}; trying again in {retry_after_seconds:.1}s")
            }
            Self::Failover { why, summary, .. } => {
                write!(f, "{why}; {} were handed over before", summary.recovered)
            }
            Self::Untold { untold } => write!(
                f,
                "{untold} events were dropped, because the output was not read in time"
            ),
            Self::Unsaved { why, once: true } => {
                write!(
                    f,
                    "{why}; a round whose state cannot be saved does nothing: set another path \
                     with --state-file"
                )
            }
            Self::Unsaved { why, once: false } => {
                write!(f, "{why}; the loop goes on with its state in memory only")
            }
            Self::Unwritable { why } => write!(f, "cannot write {why}; the loop goes on"),
            Self::Diagnosis { why, .. } => {
                write!(
                    f,
                    "what hangs could not be found out: {why}; the loop goes on"
                )
            }
            Self::Settings { why } => write!(f, "the settings stay as they were: {why}"),
        }
    }
}

fn left_alone(left: LeftAlone, strange: &[String]) -> String {
    let LeftAlone {
        orphans,
        odd_hosts,
        no_host,
        recovery_failed,
    } = left;
    let mut parts = Vec::new();
    if orphans > 0 {
        parts.push(format!(
            "{orphans} handed over before and without a command (dsctl recover --orphans --dry-run)"
        ));
    }
    if odd_hosts > 0 {
        let hosts: Vec<String> = strange
            .iter()
            .take(3)
            .map(|host| format!("{host:?}"))
            .collect();
        let more = if strange.len() > hosts.len() {
            ", …"
        } else {
            ""
        };
        parts.push(format!(
            "{odd_hosts} whose host can be no master's: {}{more}",
            hosts.join(", ")
        ));
    }
    if no_host > 0 {
        parts.push(format!("{no_host} that name no host at all (SQL NULL)"));
    }
    let unfinished = (!parts.is_empty()).then(|| {
        format!(
            "unfinished instances that no failover takes: {}",
            parts.join("; ")
        )
    });
    let failed = (recovery_failed > 0).then(|| {
        format!(
            "instances that a master made failed ones, as their recovery failed, so that nobody runs them: {recovery_failed} \
             (dsctl instances)"
        )
    });
    let all: Vec<String> = unfinished.into_iter().chain(failed).collect();
    if all.is_empty() {
        return "no unfinished instance is left alone any more".to_owned();
    }
    all.join("; ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::Address;
    use crate::watch::Summary;

    fn summary(dry_run: bool) -> Summary {
        let (exit_code, locks) = (ExitCode::Done, Vec::new());
        Summary {
            recovered: 3,
            skipped: 2,
            need_help: 0,
            dry_run,
            exit_code,
            elapsed_ms: 5,
            locks,
        }
    }

    #[test]
    fn what_is_left_alone_is_told_by_its_reason() {
        let told = |orphans, odd_hosts, no_host, recovery_failed| {
            let hosts = ["a b", "x", "y", "z"].map(str::to_owned).into();
            What::LeftAlone {
                left: LeftAlone {
                    orphans,
                    odd_hosts,
                    no_host,
                    recovery_failed,
                },
                hosts,
            }
            .to_string()
        };
        assert_eq!(
            told(0, 0, 0, 0),
            "no unfinished instance is left alone any more"
        );
        assert_eq!(
            told(1, 4, 2, 0),
            "unfinished instances that no failover takes: 1 handed over before and without a command (dsctl recover \
             --orphans --dry-run); 4 whose host can be no master's: \"a b\", \"x\", \"y\", …; 2 that name no host at all \
             (SQL NULL)"
        );
        assert_eq!(
            told(0, 0, 1, 3),
            "unfinished instances that no failover takes: 1 that name no host at all (SQL NULL); instances that a master made \
             failed ones, as their recovery failed, so that nobody runs them: 3 (dsctl instances)"
        );
    }

    #[test]
    fn a_failover_is_reported_by_what_it_came_to() {
        let (master, why) = (|| Address::seen("m:1"), || "the lock is lost".to_owned());
        let finished = |dry_run| {
            What::FailoverFinished {
                master: master(),
                summary: summary(dry_run),
            }
            .to_string()
        };
        assert_eq!(finished(false), "3 handed over, 2 left alone");
        assert_eq!(finished(true), "dry run: 3 would be handed over");
        let check = |wrote| {
            What::FailoverRefused(Refused::Check {
                master: master(),
                summary: summary(false),
                why: why(),
                wrote,
            })
        };
        assert_eq!(check(false).to_string(), why());
        assert_eq!(
            check(true).to_text(),
            "failover_refused m:1: the lock is lost; 3 were handed over before"
        );
        let failed = Fault::Failover {
            master: master(),
            source: None,
            summary: summary(false),
            why: why(),
        };
        assert_eq!(
            What::Error(failed).to_text(),
            "error m:1: the lock is lost; 3 were handed over before"
        );
        let holder = vec!["it is m:2's".to_owned(), "it keeps it".to_owned()];
        let standby = What::Standby {
            master: master(),
            summary: summary(false),
            why: why(),
            holder,
        };
        assert_eq!(
            standby.to_string(),
            "the lock is lost; it is m:2's; it keeps it"
        );
    }

    #[test]
    fn a_master_that_is_back_is_reported_with_what_it_left() {
        let back = |older_instances| {
            let (master, news) = (Address::seen("m:1"), News::Session);
            What::MasterRegistered {
                master,
                session_id: None,
                older_instances,
                news,
            }
            .to_string()
        };
        assert_eq!(back(None), "registered again, with another session");
        assert_eq!(back(Some(0)), back(None));
        assert!(back(Some(2)).ends_with(
            "; 2 of its unfinished instances are older than its start: if no master takes them up, 'dsctl failover m:1 \
             --allow-restarted' does"
        ));
    }

    #[test]
    fn the_end_and_the_beginning() {
        let ended = |exit_code, once| What::Stopped { exit_code, once }.to_text();
        assert_eq!(
            ended(ExitCode::Terminated, true),
            "stopped: received a signal"
        );
        assert_eq!(
            ended(ExitCode::Partial, true),
            "stopped: the single round is done"
        );
        assert_eq!(ended(ExitCode::Unreachable, false), "stopped: gave up");
        let (registry, database, grace) =
            ("zk".to_owned(), "db".to_owned(), Duration::from_mins(2));
        let started = What::Started {
            registry,
            database,
            dry_run: true,
            masters: 2,
            grace,
        };
        assert!(started.to_text().starts_with(
            "started: dry run, 2 masters registered; a master is failed over when it is gone for 120s, which"
        ));
    }
}
