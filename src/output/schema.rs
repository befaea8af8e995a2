//! The JSON schemas of the output for programs, generated from its types. They are strict: no key
//! may be missing, and no other may be there.

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use super::document::Keys;
use super::json::{SUMMARY, Whole};

/// The schema of a value.
#[must_use]
pub fn of<T: JsonSchema>(title: &str) -> Value {
    let settings = SchemaSettings::draft2020_12()
        .for_serialize()
        .with(|settings| settings.meta_schema = None);
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    RecursiveTransform(close).transform(&mut schema);
    headed(title, schema.to_value())
}

/// The schema of the one document of these commands, as `-o json` prints it.
#[must_use]
pub fn document<K: Keys + JsonSchema + 'static>(title: &str, commands: &[String]) -> Value {
    let mut schema = of::<Whole<'static, K>>(title);
    schema["properties"]["command"] = json!({ "enum": commands });
    schema
}

/// The schema of each line of `-o ndjson`: a record, or the summary at the end, which is the
/// document without the records.
#[must_use]
pub fn line<K: Keys + Default + JsonSchema + 'static>(title: &str, commands: &[String]) -> Value {
    let mut summary = document::<K>(title, commands);
    let definitions = summary["$defs"].take();
    let mut lines = Vec::new();
    for records in K::default().records() {
        let list = without(&mut summary, records.key).unwrap_or_default();
        let name = list["items"]["$ref"]
            .as_str()
            .and_then(|path| path.strip_prefix("#/$defs/"))
            .unwrap_or_default();
        lines.push(named(definitions[name].clone(), records.record));
    }
    lines.push(named(summary, SUMMARY));
    headed(title, json!({ "oneOf": lines, "$defs": definitions }))
}

/// Puts first what a reader wants to see first.
fn headed(title: &str, schema: Value) -> Value {
    let mut headed =
        json!({ "$schema": "https://json-schema.org/draft/2020-12/schema", "title": title });
    if let (Value::Object(keys), Value::Object(rest)) = (&mut headed, schema) {
        // A type's own name is less helpful.
        keys.extend(rest.into_iter().filter(|(key, _)| key != "title"));
    }
    headed
}

/// Removes a key from the schema of an object.
fn without(object: &mut Value, key: &str) -> Option<Value> {
    object["required"]
        .as_array_mut()?
        .retain(|required| required != key);
    object["properties"].as_object_mut()?.shift_remove(key)
}

/// The schema of an object with the name of its kind as first key.
fn named(object: Value, record: &str) -> Value {
    let Value::Object(mut object) = object else {
        return Value::Null;
    };
    for head in ["$schema", "$defs", "title"] {
        object.shift_remove(head);
    }
    let mut properties = Map::from_iter([("record".to_owned(), json!({ "const": record }))]);
    let mut required = vec![json!("record")];
    if let (Some(Value::Object(keys)), Some(Value::Array(names))) =
        (object.get("properties"), object.get("required"))
    {
        properties.extend(keys.clone());
        required.extend(names.clone());
    }
    object.insert("properties".to_owned(), properties.into());
    object.insert("required".to_owned(), required.into());
    object.into()
}

/// Forbids keys that are not listed.
fn close(schema: &mut Schema) {
    if schema.get("properties").is_some() {
        schema.insert("additionalProperties".to_owned(), false.into());
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;
    use crate::exit_code::ExitCode;
    use crate::output::{Document, ErrorBody, NoKeys, Records};

    /// A document with one list.
    #[derive(Debug, Default, Serialize, JsonSchema)]
    struct Flock {
        sheep: Vec<Sheep>,
        shepherd: Option<String>,
    }

    #[derive(Debug, Serialize, JsonSchema)]
    struct Sheep {
        name: String,
        colour: Colour,
    }

    #[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    enum Colour {
        White,
        Black,
    }

    impl Keys for Flock {
        fn records(&mut self) -> Vec<Records<'_>> {
            vec![Records {
                key: "sheep",
                record: "one_sheep",
                rows: &mut self.sheep,
            }]
        }
    }

    fn flock() -> Document {
        let sheep = [("dolly", Colour::White), ("shaun", Colour::Black)];
        let sheep = sheep
            .map(|(name, colour)| Sheep {
                name: name.to_owned(),
                colour,
            })
            .into();
        Document::new(
            "flock",
            Flock {
                sheep,
                shepherd: None,
            },
        )
    }

    fn commands() -> Vec<String> {
        vec!["flock".to_owned()]
    }

    fn is_valid(schema: &Value, value: &Value) -> bool {
        jsonschema::validator_for(schema).unwrap().is_valid(value)
    }

    fn written() -> Value {
        let mut bytes = Vec::new();
        crate::output::json::write_json(&flock(), &mut bytes).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    fn changed(change: impl FnOnce(&mut Value)) -> Value {
        let mut document = written();
        change(&mut document);
        document
    }

    #[test]
    fn a_document_is_what_its_schema_says_and_no_other_is() {
        let schema = document::<Flock>("a flock", &commands());
        assert!(is_valid(&schema, &written()), "{schema:#}\n{:#}", written());
        let take = |key: &'static str| {
            move |value: &mut Value| drop(value.as_object_mut().unwrap().remove(key))
        };
        for key in [
            "schema_version",
            "ok",
            "command",
            "family",
            "ds_version",
            "warnings",
            "error",
            "sheep",
            "shepherd",
        ] {
            assert!(!is_valid(&schema, &changed(take(key))), "without {key}");
        }
        for (what, wrong) in [
            (
                "a missing key of a row",
                changed(|value| take("colour")(&mut value["sheep"][1])),
            ),
            (
                "an additional key",
                changed(|value| value["dog"] = json!("rex")),
            ),
            (
                "an additional key of a row",
                changed(|value| value["sheep"][0]["age"] = json!(6)),
            ),
            (
                "another type",
                changed(|value| value["sheep"][0]["name"] = json!(1)),
            ),
            (
                "null that is not allowed",
                changed(|value| value["sheep"][0]["name"] = Value::Null),
            ),
            (
                "an unknown word",
                changed(|value| value["sheep"][1]["colour"] = json!("green")),
            ),
            (
                "another version",
                changed(|value| value["schema_version"] = json!(2)),
            ),
            (
                "another command",
                changed(|value| value["command"] = json!("herd")),
            ),
            (
                "an error that is a text",
                changed(|value| value["error"] = json!("wolf")),
            ),
        ] {
            assert!(!is_valid(&schema, &wrong), "{what}: {wrong}");
        }
    }

    #[test]
    fn an_error_has_all_of_its_keys_and_a_code_that_exists() {
        let schema = document::<NoKeys>("nothing", &commands());
        let error = |exit_code: u8| {
            let error = ErrorBody::new("wolf", "it came", ExitCode::Failure);
            let mut value = serde_json::to_value(Whole::from(&Document {
                error: Some(error),
                ..Document::new("flock", NoKeys {})
            }))
            .unwrap();
            value["error"]["exit_code"] = exit_code.into();
            value
        };
        assert!(is_valid(&schema, &error(1)) && is_valid(&schema, &error(130)));
        assert!(!is_valid(&schema, &error(0)) && !is_valid(&schema, &error(3)));
        let mut no_hint = error(1);
        no_hint["error"].as_object_mut().unwrap().remove("hint");
        assert!(!is_valid(&schema, &no_hint));
    }

    #[test]
    fn a_line_is_a_record_or_the_summary() {
        let schema = line::<Flock>("a line", &commands());
        let mut bytes = Vec::new();
        crate::output::json::write_ndjson(&mut flock(), &mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let kinds: Vec<&str> = lines
            .iter()
            .map(|line| line["record"].as_str().unwrap())
            .collect();
        assert_eq!(kinds, ["one_sheep", "one_sheep", "summary"]);
        for line in &lines {
            assert!(is_valid(&schema, line), "{line}\n{schema:#}");
        }
        assert!(!is_valid(&schema, &written()), "the whole is no line");
        let mut other = lines[0].clone();
        other["record"] = "summary".into();
        assert!(!is_valid(&schema, &other));
        let mut more = lines[2].clone();
        more["sheep"] = json!([]);
        assert!(!is_valid(&schema, &more));
    }
}
