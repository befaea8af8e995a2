//! What is written for programs is held against the schemas that are shipped.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

/// Where the schemas are.
pub fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "schema"].iter().collect()
}

/// Each by the name of its file without the ending.
static SCHEMAS: LazyLock<BTreeMap<String, Validator>> = LazyLock::new(|| {
    let files = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let schema = |path: PathBuf| {
        let schema = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        (
            path.file_stem().unwrap().to_str().unwrap().to_owned(),
            jsonschema::validator_for(&schema).unwrap(),
        )
    };
    files.map(schema).collect()
});

/// What is wrong with a value, by the schema of that name.
fn problems(name: &str, value: &Value) -> Vec<String> {
    let schema = SCHEMAS
        .get(name)
        .unwrap_or_else(|| panic!("there is no schema/{name}.json"));
    schema
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

#[track_caller]
fn assert_valid(name: &str, value: &Value) {
    let problems = problems(name, value);
    assert!(
        problems.is_empty(),
        "not what schema/{name}.json says: {}\n{value:#}",
        problems.join("\n")
    );
}

/// The name of the schema of a command's documents.
fn name_of(command: &Value) -> String {
    let name = command.as_str().unwrap_or_default().replace(' ', "-");
    if SCHEMAS.contains_key(&name) {
        name
    } else {
        "failure".to_owned()
    }
}

/// Checks one document of `-o json`.
#[track_caller]
pub fn assert_document(document: &Value) {
    assert_valid(&name_of(&document["command"]), document);
}

/// Checks an event of `watch`, or what a hook reads.
#[track_caller]
pub fn assert_event(event: &Value) {
    assert_valid(
        if event["event"] == "pre" {
            "watch-hook-pre"
        } else {
            "watch-event"
        },
        event,
    );
}

/// Checks lines of `-o ndjson`. Their command stands in the last one; where that has not come, any
/// is right.
#[track_caller]
pub fn assert_lines(lines: &[Value]) {
    let summary = lines.iter().find(|line| line["record"] == "summary");
    for line in lines {
        match summary {
            _ if line["record"].is_null() => assert_event(line),
            Some(summary) => assert_valid(&format!("{}-line", name_of(&summary["command"])), line),
            None => {
                let mut names = SCHEMAS.keys().filter(|name| name.ends_with("-line"));
                assert!(
                    names.any(|name| problems(name, line).is_empty()),
                    "no schema says this: {line:#}"
                );
            }
        }
    }
}

/// Checks whatever of this output is written for programs. What is cut off is not.
#[track_caller]
pub fn assert_output(text: &str) {
    if let Ok(document) = serde_json::from_str::<Value>(text)
        && document.get("schema_version").is_some()
        && document.get("record").is_none()
    {
        assert_document(&document);
        return;
    }
    let lines = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let lines = lines.filter(|line| line["record"].is_string() || line["event"].is_string());
    assert_lines(&lines.collect::<Vec<_>>());
}

#[test]
fn a_document_that_is_no_more_as_it_was_is_noticed() {
    let output = super::Dsctl::alone()
        .args(["masters", "-o", "json"])
        .run()
        .exit(2);
    let document = output.json();
    let refused = |change: fn(&mut Value)| {
        let mut document = document.clone();
        change(&mut document);
        !problems("masters", &document).is_empty()
    };
    assert!(refused(|document| drop(
        document.as_object_mut().unwrap().remove("masters")
    )));
    assert!(refused(|document| document["more"] = 1.into()));
    assert!(refused(|document| document["masters"] = "none".into()));
    assert!(refused(
        |document| document["error"]["kind"] = "No Word".into()
    ));
    assert!(refused(
        |document| document["masters"] = serde_json::json!([{ "address": "h:1" }])
    ));
}
