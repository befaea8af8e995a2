//! What a snapshot keeps of texts: they may be secrets of a workflow.

use serde_json::Value as Json;

/// In place of a value.
const MASK: &str = "***";

/// Columns whose text names servers, workflows, tasks, groups and states, and no value of a
/// parameter.
const PLAIN: &[&str] = &[
    "host",
    "name",
    "state_history",
    "task_type",
    "worker_group",
    "addr_list",
    "version",
    "timezone_id",
    "log_path",
    "app_link",
    // Of an error command: the exception that a master met.
    "message",
    "data_key",
    "data_type",
    "lock_key",
    "client_name",
];

/// Keys of a command's parameter whose values say what it is about.
const KEYS_OF_COMMANDS: &[&str] = &[
    "ProcessInstanceId",
    "processInstanceId",
    "WaitingThreadInstanceId",
    "parentProcessInstanceId",
    "parentTaskInstanceId",
    "commandType",
    "subWorkflowInstance",
    "workflowExecutionStatus",
    "schedule_timezone",
    "timeZone",
];

/// Keys of a parameter (`Property`) that say of what kind it is.
const KEYS_OF_PARAMETERS: &[&str] = &["prop", "direct", "type"];

/// The list of parameters in a command of 3.3 and newer.
const LIST_OF_PARAMETERS: &str = "commandParams";

/// Whether the text of a column is kept as it is. So are times, which stand in texts here.
pub(super) fn is_plain(column: &str) -> bool {
    PLAIN.contains(&column) || column.ends_with("_time")
}

/// The same text without values: of JSON the keys stay, and what is needed to judge it.
pub(super) fn masked(text: &str) -> String {
    mask_text(text, mask_column)
}

fn mask_text(text: &str, mask: fn(&mut Json)) -> String {
    if text.is_empty() {
        return String::new();
    }
    match serde_json::from_str(text) {
        Ok(mut json @ (Json::Object(_) | Json::Array(_))) => {
            mask(&mut json);
            json.to_string()
        }
        _ => MASK.to_owned(),
    }
}

/// A whole column: the parameter of a command, or a list of parameters.
fn mask_column(json: &mut Json) {
    match json {
        Json::Object(keys) => keys.iter_mut().for_each(|(key, value)| {
            if key == LIST_OF_PARAMETERS {
                mask_parameters(value);
            } else if !KEYS_OF_COMMANDS.contains(&key.as_str()) || !is_scalar(value) {
                mask(value);
            }
        }),
        other => mask_parameters(other),
    }
}

fn mask_parameters(json: &mut Json) {
    let Json::Array(list) = json else {
        return mask(json);
    };
    for parameter in list {
        let Json::Object(keys) = parameter else {
            mask(parameter);
            continue;
        };
        keys.iter_mut()
            .filter(|(key, value)| !KEYS_OF_PARAMETERS.contains(&key.as_str()) || !is_scalar(value))
            .for_each(|(_, value)| mask(value));
    }
}

/// The kinds of all values stay: whoever reads them must find what they expect.
fn mask(json: &mut Json) {
    match json {
        Json::Null | Json::Bool(_) => {}
        Json::Object(map) => map.values_mut().for_each(mask),
        Json::Array(list) => list.iter_mut().for_each(mask),
        Json::Number(_) => *json = MASK.into(),
        Json::String(text) => *text = mask_text(text, mask),
    }
}

fn is_scalar(json: &Json) -> bool {
    !json.is_object() && !json.is_array()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_and_values_go() {
        for (text, expected) in [
            ("", ""),
            ("secret", MASK),
            ("12", MASK),
            ("\"secret\"", MASK),
            ("{", MASK),
            (
                r#"{"ProcessInstanceId":"5","StartParams":"{\"password\":\"secret\"}"}"#,
                r#"{"ProcessInstanceId":"5","StartParams":"{\"password\":\"***\"}"}"#,
            ),
            (
                r#"[{"prop":"password","direct":"IN","type":"VARCHAR","value":"secret"}]"#,
                r#"[{"prop":"password","direct":"IN","type":"VARCHAR","value":"***"}]"#,
            ),
            (
                r#"{"pin":1234,"on":true,"none":null,"empty":"","timeZone":{"secret":"x"}}"#,
                r#"{"pin":"***","on":true,"none":null,"empty":"","timeZone":{"secret":"***"}}"#,
            ),
            // A user may call his own parameters so.
            (
                r#"{"type":"secret","StartParams":"{\"type\":\"secret\",\"ProcessInstanceId\":7}"}"#,
                r#"{"type":"***","StartParams":"{\"type\":\"***\",\"ProcessInstanceId\":\"***\"}"}"#,
            ),
            (
                r#"{"commandType":"START","commandParams":[{"prop":"a","type":"T","value":"secret"},"secret"]}"#,
                r#"{"commandType":"START","commandParams":[{"prop":"a","type":"T","value":"***"},"***"]}"#,
            ),
        ] {
            assert_eq!(masked(text), expected, "{text}");
        }
    }
}
