//! From rows to model values: the one place that knows the order of the columns in `statements`.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::temporal::Pieces;
use jiff::tz::{Offset, TimeZone};
use serde_json::Value as Json;

use super::database::Row;
use crate::model::{CommandRow, Instance, InstanceId, InstanceRow, ListedInstance, Task};

/// A time column. SQLite files may hold epoch seconds or milliseconds instead of a text; those are
/// taken as UTC.
pub(crate) fn time(text: Option<String>) -> Option<DateTime> {
    let text = text?;
    if let Ok(number) = text.parse::<i64>() {
        let milliseconds = if number.abs() < 100_000_000_000 {
            number.checked_mul(1000)?
        } else {
            number
        };
        return Some(TimeZone::UTC.to_datetime(Timestamp::from_millisecond(milliseconds).ok()?));
    }
    text.trim().parse().ok()
}

/// The offset in a time column's text, if the column has a type with a zone.
pub(crate) fn offset(text: &str) -> Option<Offset> {
    Pieces::parse(text.trim()).ok()?.to_numeric_offset()
}

/// The time of the last entry of a `state_history`: a list of `{time, state, desc}`.
fn last_change(history: &str) -> Option<DateTime> {
    let history: Json = serde_json::from_str(history).ok()?;
    time(
        history
            .as_array()?
            .last()?
            .get("time")?
            .as_str()
            .map(str::to_owned),
    )
}

/// A row of `judged_columns`.
pub(crate) fn instance(row: &Row) -> Option<Instance> {
    Some(Instance {
        id: row.int(0)?,
        definition: row.int(1),
        definition_version: row.int(2),
        state: row.int(3),
        host: row.text(4).map(Into::into),
        start_time: time(row.text(5)),
        restart_time: time(row.text(6)),
        sub_process: row.int(7).is_some_and(|flag| flag != 0),
        command_type: row.int(8),
        last_change: row.text(9).as_deref().and_then(last_change),
    })
}

/// A row of `listed`.
pub(crate) fn listed(row: &Row) -> Option<ListedInstance> {
    Some(ListedInstance {
        instance: instance(row)?,
        name: row.text(10),
    })
}

/// A row of `all_columns`.
pub(crate) fn instance_row(row: &Row) -> Option<InstanceRow> {
    Some(InstanceRow {
        instance: instance(row)?,
        state_history: row.text(9),
        command_param: row.text(10),
        executor_id: row.int(11),
        priority: row.int(12),
        test_flag: row.int(13),
    })
}

/// A row of `commands`.
pub(crate) fn command(row: &Row) -> Option<CommandRow> {
    let command_param = row.text(3);
    Some(CommandRow {
        id: row.int(0)?,
        command_type: row.int(1),
        instance_id: command_instance(row.int(2), command_param.as_deref()),
        command_param,
        start_time: time(row.text(4)),
        update_time: time(row.text(5)),
        message: row.text(6),
    })
}

/// The keys by which a parameter names the instance that its command is about: a recovery's; a
/// sub-workflow's, which is 0 if it is to be created; and that of one which waited for a thread.
/// The parent's key next to it is not meant.
const INSTANCE_KEYS: [&str; 3] = [
    "ProcessInstanceId",
    "processInstanceId",
    "WaitingThreadInstanceId",
];

/// The instance that a command is about: from its column, if it has one with a value, else from its
/// parameter. The error table's copies lose the column up to 3.2.1 (R§2.1).
pub(crate) fn command_instance(column: Option<i64>, parameter: Option<&str>) -> Option<InstanceId> {
    if let Some(id) = column.filter(|id| *id > 0) {
        return Some(id);
    }
    named_by(&INSTANCE_KEYS, parameter?)
}

/// The parent whose child a command makes, by its parameter.
pub(crate) fn parent_in(parameter: &str) -> Option<InstanceId> {
    named_by(&["parentProcessInstanceId"], parameter)
}

fn named_by(keys: &[&str], parameter: &str) -> Option<InstanceId> {
    let parameter: Json = serde_json::from_str(parameter).ok()?;
    let number = |value: &Json| match value {
        Json::Number(number) => number.as_i64(),
        Json::String(text) => text.parse().ok(),
        _ => None,
    };
    keys.iter()
        .find_map(|key| parameter.get(key).and_then(number).filter(|id| *id != 0))
}

/// A row of `unfinished_tasks`.
pub(crate) fn task(row: &Row) -> Option<Task> {
    Some(Task {
        id: row.int(0)?,
        instance_id: row.int(1)?,
        name: row.text(2),
        task_type: row.text(3),
        state: row.int(4),
        host: row.text(5),
        submit_time: time(row.text(6)),
        start_time: time(row.text(7)),
        pid: row.int(8),
        log_path: row.text(9),
        app_link: row.text(10),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_every_kind() {
        let expected = "2024-06-01T02:00:00".parse::<DateTime>().ok();
        for text in [
            "2024-06-01 02:00:00",
            "2024-06-01 02:00:00.000000",
            "1717207200",
            "1717207200000",
        ] {
            assert_eq!(time(Some(text.to_owned())), expected, "{text}");
        }
        for text in [
            "",
            "0000-00-00 00:00:00",
            "soon",
            "99999999999999999999",
            "9223372036854775807",
        ] {
            assert_eq!(time(Some(text.to_owned())), None, "{text}");
        }
        assert_eq!(time(None), None);
    }

    #[test]
    fn a_time_may_have_an_offset_of_its_own() {
        for (text, seconds) in [
            ("2024-06-01 02:00:00+00", Some(0)),
            ("2024-06-01 10:00:00.123+08", Some(28_800)),
            ("2024-06-01 07:30:00+05:30", Some(19_800)),
            ("2024-05-31 21:00:00-05", Some(-18_000)),
            ("2024-06-01 02:00:00", None),
            ("infinity", None),
        ] {
            assert_eq!(offset(text).map(Offset::seconds), seconds, "{text}");
            assert_eq!(
                time(Some(text.to_owned())).is_some(),
                text.starts_with('2'),
                "{text}"
            );
        }
    }

    #[test]
    fn commands_name_their_instance_in_a_column_or_in_the_parameter() {
        assert_eq!(command_instance(Some(7), None), Some(7));
        assert_eq!(
            command_instance(Some(0), Some(r#"{"ProcessInstanceId":8}"#)),
            Some(8)
        );
        assert_eq!(
            command_instance(
                None,
                Some(r#"{"ProcessInstanceId":"9","schedule_timezone":"UTC"}"#)
            ),
            Some(9)
        );
        let of_child = r#"{"id":1,"parentProcessInstanceId":2,"parentTaskInstanceId":2,"processInstanceId":7}"#;
        assert_eq!(command_instance(None, Some(of_child)), Some(7));
        assert_eq!(
            command_instance(Some(0), Some(r#"{"WaitingThreadInstanceId":"10"}"#)),
            Some(10)
        );
        let to_be_made =
            r#"{"parentProcessInstanceId":"2","parentTaskInstanceId":"2","processInstanceId":"0"}"#;
        assert_eq!(command_instance(Some(0), Some(to_be_made)), None);
        assert_eq!(parent_in(to_be_made), Some(2));
        assert_eq!(parent_in(r#"{"ProcessInstanceId":8}"#), None);
        for parameter in [
            "",
            "{",
            "[]",
            "{}",
            r#"{"ProcessInstanceId":null}"#,
            r#"{"ProcessInstanceId":1e99}"#,
        ] {
            assert_eq!(command_instance(None, Some(parameter)), None, "{parameter}");
        }
    }
}
