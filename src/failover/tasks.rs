//! Which tasks of a recovered instance are marked (F§8). Pure.

use jiff::tz::TimeZone;

use super::judge::whole_second;
use crate::family::{LOGIC_TASKS, SUB_PROCESS_TASKS, TaskRule};
use crate::model::{Address, Registration, Registrations, Task};

/// What happens to one unfinished task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskFate {
    /// State 8.
    Mark,
    /// State 8, because it was started before its server: shown by two times, and the zone of one
    /// of them.
    MarkByTimes,
    /// Untouched.
    Leave,
    /// It would be marked and run again while its old attempt may still run on a registered worker.
    StillRuns,
}

/// The data for judging a task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TaskView<'a> {
    pub(crate) rule: TaskRule,
    pub(crate) workers: &'a Registrations,
    pub(crate) masters: &'a Registrations,
    pub(crate) zone: Option<&'a TimeZone>,
}

impl TaskView<'_> {
    pub(crate) fn fate(&self, task: &Task) -> TaskFate {
        let is = |types: &[&str]| {
            task.task_type
                .as_deref()
                .is_some_and(|kind| types.contains(&kind))
        };
        // A marked sub-process counts as failed on recovery, and its child is found again unmarked.
        if is(SUB_PROCESS_TASKS) {
            return TaskFate::Leave;
        }
        match self.rule {
            TaskRule::Untouched => TaskFate::Leave,
            TaskRule::AllUnfinished if !is(LOGIC_TASKS) && self.worker(task).is_some() => {
                TaskFate::StillRuns
            }
            TaskRule::AllUnfinished => TaskFate::Mark,
            TaskRule::OnDeadHosts { submitted } if submitted && task.submit_time.is_none() => {
                TaskFate::Leave
            }
            TaskRule::OnDeadHosts { .. } => self.fate_by_host(task),
        }
    }

    /// 2.0: a living worker goes on with its task and finds the new master; a task on a dead or restarted host hangs.
    fn fate_by_host(&self, task: &Task) -> TaskFate {
        if host(task).is_none() {
            return TaskFate::Leave;
        }
        let server = self.worker(task).or_else(|| find(self.masters, task));
        let Some(server) = server else {
            return TaskFate::Mark;
        };
        let started = server.started(self.zone).map(whole_second);
        let began = task.start_time.or(task.submit_time).zip(self.zone);
        let began =
            began.and_then(|(time, zone)| zone.to_ambiguous_timestamp(time).unambiguous().ok());
        match (began, started) {
            (Some(began), Some(started)) if began < started => TaskFate::MarkByTimes,
            // Without proof of a restart the task belongs to the living server: marking it would
            // run it twice.
            _ => TaskFate::Leave,
        }
    }

    fn worker(&self, task: &Task) -> Option<&Registration> {
        find(self.workers, task)
    }
}

fn host(task: &Task) -> Option<&str> {
    task.host
        .as_deref()
        .filter(|host| !host.is_empty() && !host.eq_ignore_ascii_case("null"))
}

fn find<'a>(servers: &'a Registrations, task: &Task) -> Option<&'a Registration> {
    servers.find(&Address::seen(host(task)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Heartbeat, Moment};

    fn servers(address: &str, started: &str) -> Registrations {
        let heartbeat = Heartbeat {
            started_at: Some(Moment::Instant(started.parse().unwrap())),
            ..Heartbeat::default()
        };
        let server = Registration {
            address: Address::seen(address),
            node: String::new(),
            session_id: None,
            created_at: None,
            modified_at: None,
            heartbeat,
        };
        Registrations {
            parent_exists: true,
            parent: String::new(),
            servers: vec![server],
            changes: None,
        }
    }

    fn task(kind: &str, host: Option<&str>) -> Task {
        Task {
            task_type: Some(kind.to_owned()),
            host: host.map(str::to_owned),
            submit_time: "2024-06-01T02:00:00".parse().ok(),
            ..Task::default()
        }
    }

    fn fate(rule: TaskRule, task: &Task, zone: Option<&str>) -> TaskFate {
        let zone = zone.map(|zone| TimeZone::get(zone).unwrap());
        let workers = servers("w:1234", "2024-06-01T03:00:00Z");
        let masters = servers("m:5678", "2024-06-01T01:00:00Z");
        TaskView {
            rule,
            workers: &workers,
            masters: &masters,
            zone: zone.as_ref(),
        }
        .fate(task)
    }

    #[test]
    fn all_unfinished_but_sub_processes_and_those_that_still_run() {
        let fate = |kind, host| fate(TaskRule::AllUnfinished, &task(kind, host), None);
        assert_eq!(fate("SHELL", None), TaskFate::Mark);
        assert_eq!(fate("SHELL", Some("gone:1234")), TaskFate::Mark);
        assert_eq!(fate("SHELL", Some("w:1234")), TaskFate::StillRuns);
        assert_eq!(fate("DEPENDENT", Some("w:1234")), TaskFate::Mark);
        assert_eq!(fate("SUB_PROCESS", Some("dead:5678")), TaskFate::Leave);
    }

    #[test]
    fn by_host_only_what_is_shown_dead_or_restarted() {
        let rule = |submitted| TaskRule::OnDeadHosts { submitted };
        let unsubmitted = Task {
            submit_time: None,
            ..task("SHELL", Some("gone:1234"))
        };
        assert_eq!(fate(rule(true), &unsubmitted, None), TaskFate::Leave);
        assert_eq!(fate(rule(false), &unsubmitted, None), TaskFate::Mark);
        let fate = |host, zone| fate(rule(true), &task("SHELL", host), zone);
        assert_eq!(fate(Some("gone:1234"), None), TaskFate::Mark);
        assert_eq!(fate(None, None), TaskFate::Leave);
        assert_eq!(fate(Some("NULL"), None), TaskFate::Leave);
        // The worker started at three: a task of two o'clock UTC hangs, unless nothing is known of
        // the zone.
        assert_eq!(fate(Some("w:1234"), Some("UTC")), TaskFate::MarkByTimes);
        assert_eq!(fate(Some("w:1234"), None), TaskFate::Leave);
        assert_eq!(fate(Some("m:5678"), Some("UTC")), TaskFate::Leave);
    }

    #[test]
    fn other_releases_touch_no_task() {
        assert_eq!(
            fate(
                TaskRule::Untouched,
                &task("SHELL", Some("gone:1")),
                Some("UTC")
            ),
            TaskFate::Leave
        );
    }
}
