//! The loop's JSON for programs: a line for each event, and what a hook reads before a failover.

use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::event::{Event, What};
use crate::model::Address;
use crate::output::Instant;

/// An event: a line of `-o ndjson`, and what hooks read after a failover.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(transform = each_kind_whole)]
pub struct EventLine<'a> {
    /// When it happened, by the clock of this machine.
    time: Instant,
    #[schemars(skip)]
    event: &'static str,
    #[schemars(skip)]
    master: Option<&'a Address>,
    /// The same as text, for people; the wording may change.
    text: String,
    #[serde(flatten)]
    what: &'a What,
}

impl<'a> From<&'a Event> for EventLine<'a> {
    fn from(told: &'a Event) -> Self {
        let Event { time, what, .. } = told;
        let (event, master, text) = (what.kind().keyword(), what.master(), told.text());
        Self {
            time: Instant::from(*time),
            event,
            master,
            text,
            what,
        }
    }
}

/// The keys of every line, in their order.
const HEAD: [&str; 4] = ["time", "event", "master", "text"];

/// Lists all keys of each kind of line in one place in the schema: those of every line, and its
/// own. A kind that is about no master has `null` there.
fn each_kind_whole(schema: &mut Schema) {
    let common = |key: &str| schema.pointer(&format!("/properties/{key}")).cloned();
    let head: Map<String, Value> = HEAD
        .map(|key| {
            (
                key.to_owned(),
                common(key).unwrap_or(json!({ "type": "null" })),
            )
        })
        .into_iter()
        .collect();
    let whole = schema.ensure_object();
    whole.shift_remove("properties");
    whole.shift_remove("required");
    for kind in whole.values_mut().filter_map(Value::as_array_mut).flatten() {
        complete(kind, &head, &HEAD.map(Value::from));
    }
}

/// Puts keys before those of an object's schema, or of each of its `anyOf` variants.
fn complete(schema: &mut Value, before: &Map<String, Value>, required: &[Value]) {
    let Value::Object(schema) = schema else {
        return;
    };
    let (mut keys, mut needed) = (before.clone(), required.to_vec());
    if let Some(Value::Object(own)) = schema.shift_remove("properties") {
        keys.extend(own);
    }
    if let Some(Value::Array(own)) = schema.shift_remove("required") {
        needed.extend(own.into_iter().filter(|key| !required.contains(key)));
    }
    if let Some(Value::Array(each)) = schema.get_mut("anyOf") {
        for one in each {
            complete(one, &keys, &needed);
        }
        return;
    }
    schema.insert("properties".to_owned(), keys.into());
    schema.insert("required".to_owned(), needed.into());
}

/// What the hook `pre` reads.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PreLine<'a> {
    event: Pre,
    master: &'a Address,
    unfinished_instances: i64,
}

impl<'a> PreLine<'a> {
    /// Before a failover of this master.
    #[must_use]
    pub fn new(master: &'a Address, unfinished_instances: i64) -> Self {
        Self {
            event: Pre::Pre,
            master,
            unfinished_instances,
        }
    }
}

/// Its only event name.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Pre {
    Pre,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use jiff::Timestamp;

    use super::*;
    use crate::config::TypedOptions;
    use crate::diagnosis::{Severity, Subject};
    use crate::exit_code::ExitCode;
    use crate::watch::{
        Fault, FindingBrief, Kind, LeftAlone, News, Refused, Released, Source, Summary, Switch,
    };

    fn summary() -> Summary {
        let (dry_run, exit_code, locks) = (true, ExitCode::Partial, vec!["/lock".to_owned()]);
        Summary {
            recovered: 3,
            skipped: 2,
            need_help: 1,
            dry_run,
            exit_code,
            elapsed_ms: 5,
            locks,
        }
    }

    fn finding() -> FindingBrief {
        FindingBrief {
            code: "DS-003",
            severity: Severity::Act,
            title: "orphans",
            subject: Box::new(Subject::default().of_instances(&[7])),
        }
    }

    /// One event of each kind that has a single form.
    fn plain() -> Vec<What> {
        let (master, text, session_id) =
            (Address::seen("m:1"), String::from, Some("0x1".to_owned()));
        let m = || master.clone();
        let (why, grace) = (|| text("no answer"), Duration::from_mins(2));
        let left = LeftAlone {
            orphans: 1,
            odd_hosts: 2,
            no_host: 3,
            recovery_failed: 4,
        };
        vec![
            What::Started {
                registry: text("zk"),
                database: text("db"),
                dry_run: false,
                masters: 2,
                grace,
            },
            What::MasterRegistered {
                master: m(),
                session_id,
                older_instances: Some(2),
                news: News::Session,
            },
            What::MasterRegistered {
                master: m(),
                session_id: None,
                older_instances: None,
                news: News::Start,
            },
            What::MasterLost {
                master: m(),
                session_id: None,
            },
            What::GraceStarted {
                master: m(),
                unfinished_instances: 7,
                guard: text("grace time: 5s left"),
                restarted_because: None,
            },
            What::FailoverStarted {
                master: m(),
                dry_run: true,
                unfinished: 7,
            },
            What::FailoverFinished {
                master: m(),
                summary: summary(),
            },
            What::Standby {
                master: m(),
                summary: summary(),
                why: why(),
                holder: vec![text("it is m:2's")],
            },
            What::LeftAlone {
                left,
                hosts: vec![text("x")],
            },
            What::FindingAppeared {
                finding: finding(),
                facts: vec![text("1 instance (7)")],
                next: text("next: dsctl recover --orphans --dry-run"),
            },
            What::FindingCleared { finding: finding() },
            What::Stopped {
                exit_code: ExitCode::Done,
                once: true,
            },
        ]
    }

    /// One event of each kind, and of each form of a kind.
    fn each() -> Vec<What> {
        let (master, text) = (Address::seen("m:1"), String::from);
        let m = || master.clone();
        let why = || text("no answer");
        let source = Some(Source::Registry);
        let refused = [
            Refused::Nobody { why: why() },
            Refused::Guard {
                master: m(),
                unfinished_instances: 7,
                guard: text("cool-down: 5s left"),
            },
            Refused::Veto {
                master: m(),
                why: why(),
            },
            Refused::Check {
                master: m(),
                summary: summary(),
                why: why(),
                wrote: true,
            },
        ];
        let switches = [
            Switch::Pause {
                by: Some((text("alice"), text("work"))),
            },
            Switch::Pause { by: None },
            Switch::Brake {
                why: Released::Resumed,
            },
            Switch::Brake {
                why: Released::Another,
            },
        ];
        let faults = [
            Fault::Unusable {
                source: None,
                why: why(),
            },
            Fault::Round {
                source,
                retry_after_seconds: 1.5,
                why: why(),
            },
            Fault::Failover {
                master: m(),
                source,
                summary: summary(),
                why: why(),
            },
            Fault::Untold { untold: 3 },
            Fault::Unsaved {
                why: why(),
                once: false,
            },
            Fault::Unwritable { why: why() },
            Fault::Diagnosis { source, why: why() },
            Fault::Settings { why: why() },
        ];
        let mut all = plain();
        all.extend(refused.map(What::FailoverRefused));
        all.extend(switches.map(What::Paused));
        all.extend(faults.map(What::Error));
        all
    }

    fn line(what: &What) -> Map<String, Value> {
        let event = Event {
            time: Timestamp::UNIX_EPOCH,
            what: what.clone(),
            typed: TypedOptions::default(),
        };
        match serde_json::to_value(EventLine::from(&event)) {
            Ok(Value::Object(line)) => line,
            other => panic!("{other:?}"),
        }
    }

    fn schema() -> Value {
        crate::output::schema::of::<EventLine<'static>>("an event")
    }

    #[test]
    fn every_kind_is_in_the_list_of_kinds_and_has_the_word_of_its_schema() {
        let schema = schema();
        let words = schema["oneOf"].as_array().unwrap().iter().map(|kind| {
            let first = kind.pointer("/anyOf/0").unwrap_or(kind);
            first["properties"]["event"]["const"]
                .as_str()
                .unwrap()
                .to_owned()
        });
        assert_eq!(
            words.collect::<Vec<_>>(),
            Kind::ALL
                .iter()
                .map(|kind| kind.keyword())
                .collect::<Vec<_>>()
        );
        let made: BTreeSet<Kind> = each().iter().map(What::kind).collect();
        assert!(made.iter().eq(Kind::ALL), "one of each is tried here");
        for source in Source::ALL {
            assert_eq!(serde_json::to_value(source).unwrap(), source.keyword());
        }
    }

    #[test]
    fn a_line_has_the_common_keys_first_and_then_those_of_its_kind() {
        let keys = |what: &What| line(what).keys().cloned().collect::<Vec<_>>().join(" ");
        let of_each: Vec<String> = each().iter().map(keys).collect();
        let summary = "recovered skipped need_help dry_run exit_code elapsed_ms locks";
        let rest = [
            "registry database dry_run",
            "session_id older_instances",
            "session_id older_instances",
            "session_id",
            "unfinished_instances",
            "dry_run",
            summary,
            summary,
            "orphans odd_hosts no_host recovery_failed",
            "code severity title subject",
            "code severity title subject",
            "exit_code",
            "",
            "unfinished_instances",
            "",
            summary,
            "paused",
            "paused",
            "storm_brake",
            "storm_brake",
            "",
            "source retry_after_seconds",
            &format!("source {summary}"),
            "untold",
            "",
            "",
            "source",
            "",
        ];
        assert_eq!(
            of_each,
            rest.map(|rest| format!("time event master text {rest}")
                .trim_end()
                .to_owned())
        );
        let values = |what| serde_json::to_string(&Value::Object(line(&what))).unwrap();
        assert_eq!(
            values(What::Paused(Switch::Brake {
                why: Released::Resumed
            })),
            r#"{"time":"1970-01-01T00:00:00Z","event":"paused","master":null,"text":"the storm brake is released","storm_brake":false}"#
        );
        let round = Fault::Round {
            source: Some(Source::Database),
            retry_after_seconds: 1.5,
            why: "lost".to_owned(),
        };
        assert_eq!(
            values(What::Error(round)),
            r#"{"time":"1970-01-01T00:00:00Z","event":"error","master":null,"text":"lost; trying again in 1.5s","source":"database","retry_after_seconds":1.5}"#
        );
    }

    #[test]
    fn the_line_of_every_kind_is_valid_and_with_a_key_of_another_kind_it_is_not() {
        let schema = jsonschema::validator_for(&schema()).unwrap();
        let lines: Vec<_> = each().iter().map(line).collect();
        for line in &lines {
            assert!(schema.is_valid(&json!(line)), "{line:?}");
            let changed = |change: &dyn Fn(&mut Map<String, Value>)| {
                let mut line = line.clone();
                change(&mut line);
                json!(line)
            };
            let alike: Vec<_> = lines
                .iter()
                .filter(|other| other["event"] == line["event"])
                .collect();
            for (key, value) in lines.iter().flatten() {
                if alike.iter().all(|other| !other.contains_key(key)) {
                    let with = changed(&|line| _ = line.insert(key.clone(), value.clone()));
                    assert!(!schema.is_valid(&with), "{with}");
                }
            }
            // With a key missing, a kind with several forms may be valid as another form.
            for key in line
                .keys()
                .filter(|key| HEAD.contains(&key.as_str()) || alike.len() == 1)
            {
                let without = changed(&|line| _ = line.shift_remove(key));
                assert!(!schema.is_valid(&without), "{without}");
                let empty = changed(&|line| _ = line.insert(key.clone(), json!([[]])));
                assert!(!schema.is_valid(&empty), "{empty}");
            }
            if alike
                .iter()
                .all(|other| other["master"].is_null() == line["master"].is_null())
            {
                let other = if line["master"].is_null() {
                    json!("m:1")
                } else {
                    Value::Null
                };
                let about_another = changed(&|line| line["master"] = other.clone());
                assert!(!schema.is_valid(&about_another), "{about_another}");
            }
        }
    }
}
