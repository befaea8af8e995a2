//! `json`: one document. `ndjson`: a line for each record, then one for the rest.

use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};
use serde_transcode::Transcoder;

use super::document::{Document, ErrorBody, Records};
use super::escaped::{write_compact, write_pretty};

/// Grows when a key is renamed or removed; additions leave it.
const SCHEMA_VERSION: u32 = 1;

pub(super) fn write_json(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    let mut out = Remembering { out, failure: None };
    let written = write_pretty(&Whole(document), &mut out).and_then(|()| writeln!(out));
    // What failed inside a record comes back as a text alone.
    written.map_err(|error| out.failure.unwrap_or(error))
}

/// Keeps the error that a stream gave, so that a reader that went away is still known as such.
struct Remembering<'w> {
    out: &'w mut dyn Write,
    failure: Option<io::Error>,
}

impl Remembering<'_> {
    fn keep<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| {
            let kind = error.kind();
            self.failure.get_or_insert(error);
            kind.into()
        })
    }
}

impl Write for Remembering<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.out.write(bytes);
        self.keep(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.out.flush();
        self.keep(result)
    }
}

pub(super) fn write_ndjson(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    for records in &document.body.records {
        for text in records.texts() {
            write_record(records.record, text, out)?;
        }
    }
    let mut summary = Map::new();
    summary.insert("record".to_owned(), "summary".into());
    summary.extend(head(document));
    for (name, value) in &document.body.keys {
        if records_of(document, name).is_none() {
            summary.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    write_compact(&summary, out)?;
    writeln!(out)
}

/// A record as a line of its own: its keys behind the name of its kind.
fn write_record(record: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
    match text.strip_prefix('{') {
        Some("}") => writeln!(out, r#"{{"record":"{record}"}}"#),
        Some(keys) => writeln!(out, r#"{{"record":"{record}",{keys}"#),
        None => writeln!(out, r#"{{"record":"{record}","value":{text}}}"#),
    }
}

fn records_of<'a>(document: &'a Document, key: &str) -> Option<&'a Records> {
    document.body.records.iter().find(|records| records.key == key)
}

/// The one document. Its records go from text to text.
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
        serializer.collect_seq(self.0.texts().map(Element))
    }
}

struct Element<'a>(&'a str);

impl Serialize for Element<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Transcoder::new(&mut serde_json::Deserializer::from_str(self.0)).serialize(serializer)
    }
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
