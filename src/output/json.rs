//! `json`: one document. `ndjson`: a line for each record, then one for the rest.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::document::{Document, ErrorBody};
use super::sanitize::is_dangerous;

/// Grows when a key is renamed or removed; additions leave it.
const SCHEMA_VERSION: u32 = 1;

pub(super) fn write_json(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    let text = serde_json::to_string_pretty(&to_map(document))?;
    writeln!(out, "{}", ascii_controls(&text))
}

pub(super) fn write_ndjson(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    let mut summary = to_map(document);
    for records in &document.body.records {
        if let Some(Value::Array(values)) = summary.shift_remove(records.key) {
            for value in values {
                write_line(records.record, value, out)?;
            }
        }
    }
    write_line("summary", Value::Object(summary), out)
}

fn write_line(record: &str, value: Value, out: &mut dyn Write) -> io::Result<()> {
    let mut line = Map::new();
    line.insert("record".to_owned(), record.into());
    match value {
        Value::Object(keys) => line.extend(keys),
        other => drop(line.insert("value".to_owned(), other)),
    }
    let text = serde_json::to_string(&line)?;
    writeln!(out, "{}", ascii_controls(&text))
}

fn to_map(document: &Document) -> Map<String, Value> {
    let mut map = Map::new();
    let mut put = |name: &str, value: Value| drop(map.insert(name.to_owned(), value));
    put("schema_version", SCHEMA_VERSION.into());
    put("ok", document.error.is_none().into());
    put("command", document.command.into());
    put("family", document.family.clone().into());
    put("ds_version", document.ds_version.clone().into());
    put("warnings", document.warnings.clone().into());
    put("error", document.error.as_ref().map_or(Value::Null, error));
    // The head's keys belong to every command; a body cannot change them.
    for (name, value) in &document.body.keys {
        map.entry(name.clone()).or_insert_with(|| value.clone());
    }
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
fn ascii_controls(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && is_dangerous(c) {
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
