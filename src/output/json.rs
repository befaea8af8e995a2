//! `json`: one document. `ndjson`: a line for each record, then one for the rest.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};

use super::document::{Document, ErrorBody, Records};
use super::sanitize::is_dangerous;

/// Grows when a key is renamed or removed; additions leave it.
const SCHEMA_VERSION: u32 = 1;

pub(super) fn write_json(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    let text = serde_json::to_string_pretty(&Whole(document))?;
    writeln!(out, "{}", ascii_controls(text))
}

pub(super) fn write_ndjson(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    for records in &document.body.records {
        for value in records.values() {
            write_line(records.record, value, out)?;
        }
    }
    let mut summary = head(document);
    for (name, value) in &document.body.keys {
        if records_of(document, name).is_none() {
            summary.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    write_line("summary", Value::Object(summary), out)
}

fn records_of<'a>(document: &'a Document, key: &str) -> Option<&'a Records> {
    document.body.records.iter().find(|records| records.key == key)
}

/// The one document. Its records are made one at a time while it is written.
struct Whole<'a>(&'a Document);

impl Serialize for Whole<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(document) = self;
        let head = head(document);
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in &head {
            map.serialize_entry(name, value)?;
        }
        // The head's keys belong to every command; a body cannot change them.
        for (name, value) in document.body.keys.iter().filter(|(name, _)| !head.contains_key(*name)) {
            match records_of(document, name) {
                Some(records) => map.serialize_entry(name, &Elements(records))?,
                None => map.serialize_entry(name, value)?,
            }
        }
        map.end()
    }
}

struct Elements<'a>(&'a Records);

impl Serialize for Elements<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.values())
    }
}

fn write_line(record: &str, value: Value, out: &mut dyn Write) -> io::Result<()> {
    let mut line = Map::new();
    line.insert("record".to_owned(), record.into());
    match value {
        Value::Object(keys) => line.extend(keys),
        other => drop(line.insert("value".to_owned(), other)),
    }
    let text = serde_json::to_string(&line)?;
    writeln!(out, "{}", ascii_controls(text))
}

/// What every answer begins with.
fn head(document: &Document) -> Map<String, Value> {
    let mut map = Map::new();
    let mut put = |name: &str, value: Value| drop(map.insert(name.to_owned(), value));
    put("schema_version", SCHEMA_VERSION.into());
    put("ok", document.error.is_none().into());
    put("command", document.command.into());
    put("family", document.family.clone().into());
    put("ds_version", document.ds_version.clone().into());
    put("warnings", document.warnings.clone().into());
    put("error", document.error.as_ref().map_or(Value::Null, error));
    map
}

fn error(error: &ErrorBody) -> Value {
    json!({
        "kind": error.kind,
        "message": error.message,
        "causes": error.causes,
        "hint": error.hint,
        "exit_code": error.exit_code.number(),
    })
}

/// Characters that a terminal would obey and JSON allows in texts, as JSON's own escapes: the value stays the same.
fn ascii_controls(json: String) -> String {
    let is_bare = |c| c != '\n' && is_dangerous(c);
    if !json.contains(is_bare) {
        return json;
    }
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        if is_bare(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    safe
}
