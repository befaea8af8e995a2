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

/// Keys of JSON whose values say what a command is about, or what kind of parameter it is.
const PLAIN_KEYS: &[&str] = &[
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
    "prop",
    "direct",
    "type",
];

/// Whether the text of a column is kept as it is. So are times, which stand in texts here.
pub(super) fn is_plain(column: &str) -> bool {
    PLAIN.contains(&column) || column.ends_with("_time")
}

/// The same text without values: of JSON the keys stay, and what is needed to judge it.
pub(super) fn masked(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    within(text).unwrap_or_else(|| MASK.to_owned())
}

/// An object or a list without its values; `None` if it is something else.
fn within(text: &str) -> Option<String> {
    let mut json: Json = serde_json::from_str(text).ok()?;
    if !json.is_object() && !json.is_array() {
        return None;
    }
    mask(&mut json);
    Some(json.to_string())
}

/// The kinds of all values stay: whoever reads them must find what they expect.
fn mask(json: &mut Json) {
    match json {
        Json::Null | Json::Bool(_) => {}
        Json::Object(map) => map
            .iter_mut()
            .filter(|(key, value)| !PLAIN_KEYS.contains(&key.as_str()) || !is_scalar(value))
            .for_each(|(_, value)| mask(value)),
        Json::Array(list) => list.iter_mut().for_each(mask),
        Json::Number(_) => *json = MASK.into(),
        Json::String(text) => *text = masked(text),
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
                r#"{"pin":1234,"on":true,"none":null,"empty":"","type":{"secret":"x"}}"#,
                r#"{"pin":"***","on":true,"none":null,"empty":"","type":{"secret":"***"}}"#,
            ),
        ] {
            assert_eq!(masked(text), expected, "{text}");
        }
    }
}
