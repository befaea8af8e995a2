//! `json`: one document. `ndjson`: a line for each record, then one for the rest.

use std::io::{self, Write};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::Value;

use super::document::{Document, ErrorBody, Keys};
use super::escaped::{write_compact, write_pretty};

/// Incremented when a key is renamed or removed, not for additions.
const SCHEMA_VERSION: u32 = 1;

/// The first value of the last line.
pub(super) const SUMMARY: &str = "summary";

/// The one document: the head that every answer has, and the command's own keys.
#[derive(Serialize, JsonSchema)]
pub(super) struct Whole<'a, K: ?Sized> {
    #[schemars(schema_with = "version_schema")]
    schema_version: u32,
    ok: bool,
    command: &'a str,
    family: Option<&'a str>,
    ds_version: Option<&'a str>,
    warnings: &'a [String],
    error: Option<&'a ErrorBody>,
    #[serde(flatten)]
    keys: &'a K,
}

fn version_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "const": SCHEMA_VERSION })
}

/// A line: its keys after the name of its kind.
#[derive(Serialize)]
struct Line<'a, K: ?Sized> {
    record: &'a str,
    #[serde(flatten)]
    keys: &'a K,
}

impl<'a> From<&'a Document> for Whole<'a, dyn Keys> {
    fn from(document: &'a Document) -> Self {
        let Document {
            command,
            family,
            ds_version,
            warnings,
            error,
            body,
        } = document;
        Self {
            schema_version: SCHEMA_VERSION,
            ok: error.is_none(),
            command,
            family: family.as_deref(),
            ds_version: ds_version.as_deref(),
            warnings,
            error: error.as_ref(),
            keys: &*body.keys,
        }
    }
}

pub(super) fn write_json(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    write_pretty(&Whole::from(document), out)?;
    writeln!(out)
}

/// The records are removed from the document as they are written; the rest is the last line.
pub(super) fn write_ndjson(document: &mut Document, out: &mut dyn Write) -> io::Result<()> {
    let mut record_keys = Vec::new();
    for records in document.body.keys.records() {
        record_keys.push(records.key);
        records.rows.drain(&mut |keys| {
            write_compact(
                &Line {
                    record: records.record,
                    keys,
                },
                out,
            )?;
            writeln!(out)
        })?;
    }
    let mut rest = serde_json::to_value(Whole::from(&*document))?;
    if let Value::Object(keys) = &mut rest {
        for key in record_keys {
            keys.shift_remove(key);
        }
    }
    write_compact(
        &Line {
            record: SUMMARY,
            keys: &rest,
        },
        out,
    )?;
    writeln!(out)
}
