//! Changes as they should be, line by line, and how a run's real ones are compared with them.

use std::collections::BTreeSet;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use regex_lite::Regex;

use super::releases::{Form, Mark, Release};
use super::world::{UPDATED, ZONE};
use crate::harness::Store;

/// What the command of an instance is made of.
#[derive(Clone, Debug)]
pub struct Command {
    /// The instance.
    pub instance: i64,
    /// Its definition, and the version of that.
    pub definition: (i64, i64),
    /// Its executor.
    pub executor: i64,
    /// Its priority.
    pub priority: i64,
    /// Its test flag.
    pub test_flag: i64,
    /// The text.
    pub parameter: String,
}

impl Command {
    /// Of an instance with nothing special in state `state`.
    pub fn plain(release: &Release, instance: i64, state: i64) -> Self {
        let text = format!(r#"{{"ProcessInstanceId":{instance}}}"#);
        let parameter = if release.form == Form::Typed {
            typed(state)
        } else {
            text
        };
        Self {
            instance,
            definition: (1, 1),
            executor: 1,
            priority: 2,
            test_flag: 0,
            parameter,
        }
    }

    /// With the text of each form; from 3.3 on nothing of an instance stands there but its state.
    #[must_use]
    pub fn texts(mut self, form: Form, id: &str, zone: &str, start_params: &str) -> Self {
        match form {
            Form::Id => id.clone_into(&mut self.parameter),
            Form::Zone => zone.clone_into(&mut self.parameter),
            Form::StartParams => start_params.clone_into(&mut self.parameter),
            Form::Typed => {}
        }
        self
    }

    /// The line of its row, as [`settled`] leaves it.
    pub fn line(&self, release: &Release) -> String {
        let (definition, version) = self.definition;
        let mut line = format!("+ t_ds_command id=<id> {}", release.command);
        for (place, value) in [
            ("<definition>", definition.to_string()),
            ("<version>", version.to_string()),
            ("<instance>", self.instance.to_string()),
            ("<executor>", self.executor.to_string()),
            ("<priority>", self.priority.to_string()),
            ("<test flag>", self.test_flag.to_string()),
            ("<parameter>", self.parameter.clone()),
        ] {
            line = line.replace(place, &format!("{value:?}"));
        }
        line
    }
}

/// The typed parameter of an instance that was in this state.
fn typed(state: i64) -> String {
    let name = match state {
        1 => "RUNNING_EXECUTION",
        2 => "READY_PAUSE",
        4 => "READY_STOP",
        other => panic!("{other} is not failed over from 3.3 on"),
    };
    [
        r#"{"commandType":"RECOVER_TOLERANCE_FAULT","subWorkflowInstance":false,"startNodes":null,"commandParams":null,"#,
        r#""timeZone":null,"workflowExecutionStatus":""#,
        name,
        r#""}"#,
    ]
    .concat()
}

/// The line of a claimed instance. MySQL and MariaDB write `update_time` by themselves.
pub fn claim_line(
    store: Store,
    release: &Release,
    instance: i64,
    host: &str,
    state: i64,
) -> String {
    let cell = match release.mark {
        Mark::Host(text) => format!("host {host:?} -> {text:?}"),
        Mark::State => format!(r#"state "{state}" -> "18""#),
    };
    let touched = if store == Store::MariaDb {
        format!(" update_time {UPDATED:?} -> <touched>")
    } else {
        String::new()
    };
    format!("~ {} \"{instance}\": {cell}{touched}", release.instances)
}

/// The line of a marked task.
pub fn task_line(release: &Release, task: i64, state: i64) -> String {
    let flag = if release.clears_flag {
        r#" flag "1" -> "0""#
    } else {
        ""
    };
    format!(r#"~ t_ds_task_instance "{task}": state "{state}" -> "8"{flag}"#)
}

/// A run's changes without what nobody can know before: ids of commands, and the present time. A
/// time counts as the present only if it lies between `began` and now, in the zone that its column
/// is written in.
pub fn settled(changes: &[String], began: Timestamp) -> Vec<String> {
    settled_in(ZONE, changes, began)
}

/// The same where the masters are in another zone.
pub fn settled_in(masters_zone: &str, changes: &[String], began: Timestamp) -> Vec<String> {
    let id = Regex::new(r#"^\+ t_ds_command id="\d+""#).unwrap();
    let cell =
        Regex::new(r#"(start_time=|update_time=|update_time "[^"]*" -> )"([^"]*)""#).unwrap();
    let settle = |line: &String| {
        let line = id.replace(line, "+ t_ds_command id=<id>").into_owned();
        let settle_cell = |found: &regex_lite::Captures<'_>| {
            let (column, text) = (&found[1], &found[2]);
            // Commands are written in the masters' zone; what the server writes by itself is in the
            // server's.
            let (zone, word) = if column.ends_with('=') {
                (masters_zone, "<now>")
            } else {
                ("UTC", "<touched>")
            };
            if is_present(text, zone, began) {
                format!("{column}{word}")
            } else {
                found[0].to_owned()
            }
        };
        cell.replace_all(&line, settle_cell).into_owned()
    };
    changes.iter().map(settle).collect()
}

fn is_present(text: &str, zone: &str, began: Timestamp) -> bool {
    let Ok(time) = text.parse::<DateTime>() else {
        return false;
    };
    let time = TimeZone::get(zone).unwrap().to_timestamp(time).unwrap();
    // Seconds are cut off in the database.
    began - SignedDuration::from_secs(1) <= time
        && time <= Timestamp::now() + SignedDuration::from_secs(1)
}

/// Compares without regard to the order.
#[track_caller]
pub fn assert_changes(what: &str, expected: &[String], found: &[String]) {
    let (expected, sorted) = (BTreeSet::from_iter(expected), BTreeSet::from_iter(found));
    let missing: Vec<_> = expected.difference(&sorted).collect();
    let surplus: Vec<_> = sorted.difference(&expected).collect();
    assert!(
        missing.is_empty() && surplus.is_empty(),
        "{what}\nmissing: {missing:#?}\nsurplus: {surplus:#?}"
    );
    assert_eq!(
        expected.len(),
        found.len(),
        "{what}: a line twice: {found:#?}"
    );
}

#[test]
fn only_the_present_time_is_taken_out() {
    let began = "2026-01-02T03:04:05Z".parse().unwrap();
    let line = |time: &str| {
        vec![format!(
            r#"+ t_ds_command id="7" start_time="{time}" update_time=NULL"#
        )]
    };
    assert_eq!(
        settled(&line("2026-01-02 11:04:06"), began)[0],
        "+ t_ds_command id=<id> start_time=<now> update_time=NULL"
    );
    for other in [
        "2026-01-02 03:04:06",
        "2026-01-02 11:04:03",
        "9999-01-01 00:00:00",
        "soon",
    ] {
        assert!(settled(&line(other), began)[0].contains(other));
    }
}
