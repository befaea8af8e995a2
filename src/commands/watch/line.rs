//! What the loop tells programs: a line for each event, and what a hook reads before a failover.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::commands::times::Instant;
use crate::exit_code::ExitCode;
use crate::model::Address;
use crate::watch::{Event, Kind, Source};

/// An event: a line of `-o ndjson`, and what hooks read after a failover.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::commands) struct EventLine<'a> {
    time: Instant,
    event: Kind,
    master: Option<&'a Address>,
    text: &'a str,
    /// Of an error: who did not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(required)]
    source: Option<Source>,
    #[serde(flatten)]
    #[schemars(schema_with = "details")]
    details: &'a Map<String, Value>,
}

impl<'a> From<&'a Event> for EventLine<'a> {
    fn from(event: &'a Event) -> Self {
        let Event { time, kind, master, text, source, details } = event;
        Self { time: Instant::from(*time), event: *kind, master: master.as_ref(), text, source: *source, details }
    }
}

/// The further keys of events, each of which some kinds have.
fn details(_: &mut SchemaGenerator) -> Schema {
    let (text, flag, count) = (json!({ "type": "string" }), json!({ "type": "boolean" }), json!({ "type": "integer" }));
    json_schema!({
        "type": "object",
        "properties": {
            "registry": text,
            "database": text,
            "dry_run": flag,
            "session_id": { "type": ["string", "null"] },
            "older_instances": { "type": ["integer", "null"] },
            "unfinished_instances": count,
            "orphans": count,
            "odd_hosts": count,
            "no_host": count,
            "recovered": count,
            "skipped": count,
            "need_help": count,
            "elapsed_ms": count,
            "locks": { "type": "array", "items": text },
            "paused": flag,
            "storm_brake": flag,
            "retry_after_seconds": { "type": "number" },
            "untold": count,
            "exit_code": { "enum": ExitCode::ALL.iter().map(|code| code.number()).collect::<Vec<_>>() },
        },
    })
}

/// What the hook `pre` reads.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::commands) struct PreLine<'a> {
    event: Pre,
    master: &'a Address,
    unfinished_instances: i64,
}

impl<'a> PreLine<'a> {
    /// Before a failover of this master.
    pub(super) fn new(master: &'a Address, unfinished_instances: i64) -> Self {
        Self { event: Pre::Pre, master, unfinished_instances }
    }
}

/// The one word for it.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Pre {
    Pre,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_told_in_the_words_of_the_metrics() {
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.word());
        }
        for source in Source::ALL {
            assert_eq!(serde_json::to_value(source).unwrap(), source.word());
        }
    }

    #[test]
    fn a_line_has_its_further_keys_and_a_source_only_where_there_is_one() {
        let event = Event::new(Kind::Error, "no answer").from(Some(Source::Registry)).with("retry_after_seconds", 1.5);
        let line = serde_json::to_value(EventLine::from(&event)).unwrap();
        let keys: Vec<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["time", "event", "master", "text", "source", "retry_after_seconds"]);
        let schema = crate::output::schema::of::<EventLine<'static>>("an event");
        let is_valid = |line: &Value| jsonschema::validator_for(&schema).unwrap().is_valid(line);
        assert!(is_valid(&line), "{line}");
        let plain = serde_json::to_value(EventLine::from(&Event::new(Kind::Stopped, "done"))).unwrap();
        assert!(is_valid(&plain) && plain.get("source").is_none(), "{plain}");
        for wrong in [("retry_after_seconds", "soon"), ("event", "stumbled"), ("more", "1"), ("source", "rumour")] {
            let mut line = line.clone();
            line[wrong.0] = wrong.1.into();
            assert!(!is_valid(&line), "{line}");
        }
    }
}
