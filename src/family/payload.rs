//! Heartbeats: the payload of a server's registration (F§1.4).
//!
//! Four comma-separated formats and one of JSON are distinguished only by their content, because a
//! registry does not record the release that wrote it.

use jiff::Timestamp;
use jiff::civil::DateTime;
use serde_json::{Map, Value};

use super::FamilyId;
use crate::model::{Heartbeat, Moment, PayloadForm, PayloadProblem};

/// No release writes more than some hundred bytes.
const LONGEST: usize = 16 * 1024;

/// An unknown status is shown; a long text in its place is not.
const LONGEST_WORD: usize = 40;

/// Positions in a comma-separated payload, counted from zero.
struct Positions {
    started_at: usize,
    reported_at: usize,
    server_status: Option<usize>,
    cpu_usage: usize,
    memory_usage: usize,
    load_average: usize,
    process_id: usize,
}

/// 1.2: seven fields (`ResInfo` of 1.2.1).
const SEVEN: Positions = Positions {
    started_at: 5,
    reported_at: 6,
    server_status: None,
    cpu_usage: 2,
    memory_usage: 3,
    load_average: 4,
    process_id: 1,
};

/// 1.3 has ten fields (`ResInfo` of 1.3.9), 2.0.0 to 2.0.5 and 3.0 append three (`HeartBeat` of 2.0.5).
const TEN_OR_THIRTEEN: Positions = Positions {
    started_at: 6,
    reported_at: 7,
    server_status: Some(8),
    cpu_usage: 0,
    memory_usage: 1,
    load_average: 2,
    process_id: 9,
};

/// 2.0.6 to 2.0.9: the free disk space comes third and moves the rest (`HeartBeat` of 2.0.6).
const FOURTEEN: Positions = Positions {
    started_at: 7,
    reported_at: 8,
    server_status: Some(9),
    cpu_usage: 0,
    memory_usage: 1,
    load_average: 3,
    process_id: 10,
};

/// Whether servers of a family write payloads of this form.
#[must_use]
pub fn is_written_by(form: PayloadForm, family: FamilyId) -> bool {
    match form {
        PayloadForm::Fields(7) => family == FamilyId::V1_2,
        PayloadForm::Fields(10) => family == FamilyId::V1_3,
        PayloadForm::Fields(13) => matches!(family, FamilyId::V2_0 | FamilyId::V3_0),
        PayloadForm::Fields(_) => family == FamilyId::V2_0,
        PayloadForm::JsonWithLoad => family == FamilyId::V3_1,
        PayloadForm::JsonWithStatus => family >= FamilyId::V3_2,
        PayloadForm::Json => family >= FamilyId::V3_1,
    }
}

/// The releases that write payloads of this form, for messages.
#[must_use]
pub fn writers(form: PayloadForm) -> &'static str {
    match form {
        PayloadForm::Fields(7) => "1.2",
        PayloadForm::Fields(10) => "1.3",
        PayloadForm::Fields(13) => "2.0.0 to 2.0.5 and 3.0",
        PayloadForm::Fields(_) => "2.0.6 to 2.0.9",
        PayloadForm::JsonWithLoad => "3.1",
        PayloadForm::JsonWithStatus => "3.2 and newer",
        PayloadForm::Json => "3.1 and newer",
    }
}

/// Reads a heartbeat of any release. Never fails: unreadable fields are `None`, and if all are,
/// [`Heartbeat::problem`] says why.
#[must_use]
pub fn parse(payload: &[u8]) -> Heartbeat {
    if payload.is_empty() {
        return Heartbeat {
            problem: Some(PayloadProblem::Empty),
            ..Heartbeat::default()
        };
    }
    if payload.len() > LONGEST {
        return unreadable(format!(
            "{} bytes, but no heartbeat is that long",
            payload.len()
        ));
    }
    match std::str::from_utf8(payload).map(str::trim) {
        Err(_) => unreadable("the bytes are not UTF-8 text"),
        Ok(text) if text.starts_with('{') => from_json(text),
        Ok(text) => from_fields(text),
    }
}

fn unreadable(reason: impl Into<String>) -> Heartbeat {
    Heartbeat {
        problem: Some(PayloadProblem::Unreadable(reason.into())),
        ..Heartbeat::default()
    }
}

fn from_json(text: &str) -> Heartbeat {
    let Ok(object) = serde_json::from_str::<Map<String, Value>>(text) else {
        return unreadable("the text starts like a JSON object, but is not one");
    };
    let keyword = |key: &str| object.get(key).and_then(scalar);
    let heartbeat = Heartbeat {
        started_at: keyword("startupTime").as_deref().and_then(moment),
        reported_at: keyword("reportTime").as_deref().and_then(moment),
        server_status: keyword("serverStatus").as_deref().and_then(status),
        cpu_usage: keyword("cpuUsage").as_deref().and_then(number),
        memory_usage: keyword("memoryUsage").as_deref().and_then(number),
        disk_usage: keyword("diskUsage").as_deref().and_then(number),
        load_average: keyword("loadAverage").as_deref().and_then(number),
        process_id: keyword("processId").and_then(|text| text.parse().ok()),
        worker_group: keyword("workerGroup"),
        ..Heartbeat::default()
    };
    if heartbeat == Heartbeat::default() {
        return unreadable("a JSON object without any value of a heartbeat");
    }
    let form = match (
        object.contains_key("serverStatus"),
        object.contains_key("loadAverage"),
    ) {
        (true, _) => PayloadForm::JsonWithStatus,
        (false, true) => PayloadForm::JsonWithLoad,
        (false, false) => PayloadForm::Json,
    };
    Heartbeat {
        form: Some(form),
        ..heartbeat
    }
}

/// Numbers and texts alike: Jackson writes a number that JSON lacks, such as `NaN`, as text.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn from_fields(text: &str) -> Heartbeat {
    let fields: Vec<&str> = text.split(',').map(str::trim).collect();
    let positions = match fields.len() {
        7 => SEVEN,
        10 | 13 => TEN_OR_THIRTEEN,
        14 => FOURTEEN,
        1 => return unreadable("neither a JSON object nor comma-separated fields"),
        count => {
            return unreadable(format!(
                "{count} comma-separated fields, but heartbeats have 7, 10, 13 or 14"
            ));
        }
    };
    let heartbeat = Heartbeat {
        started_at: moment(fields[positions.started_at]),
        reported_at: moment(fields[positions.reported_at]),
        server_status: positions
            .server_status
            .and_then(|position| status(fields[position])),
        cpu_usage: number(fields[positions.cpu_usage]),
        memory_usage: number(fields[positions.memory_usage]),
        load_average: number(fields[positions.load_average]),
        process_id: fields[positions.process_id].parse().ok(),
        form: Some(PayloadForm::Fields(fields.len())),
        ..Heartbeat::default()
    };
    // Any text with the right number of commas gets here; a heartbeat has at least one valid time.
    if heartbeat.started_at.is_none() && heartbeat.reported_at.is_none() {
        return unreadable(format!(
            "{} comma-separated fields without a time in the fields for times",
            fields.len()
        ));
    }
    heartbeat
}

/// Epoch milliseconds (2.0 and newer), or text in the server's own zone (1.2, 1.3). Zero is what
/// Java writes for a time that was never set.
fn moment(text: &str) -> Option<Moment> {
    if let Ok(milliseconds) = text.parse::<i64>() {
        let instant = Timestamp::from_millisecond(milliseconds).ok()?;
        return (milliseconds > 0).then_some(Moment::Instant(instant));
    }
    DateTime::strptime("%Y-%m-%d %H:%M:%S", text)
        .ok()
        .map(Moment::Local)
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn status(text: &str) -> Option<String> {
    match text {
        "" => None,
        "0" => Some("normal".to_owned()),
        "1" => Some("abnormal".to_owned()),
        "2" => Some("busy".to_owned()),
        other => Some(
            other
                .chars()
                .take(LONGEST_WORD)
                .collect::<String>()
                .to_lowercase(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    const STARTED: i64 = 1_700_000_000_123;
    const REPORTED: i64 = 1_700_000_010_456;

    fn instant(milliseconds: i64) -> Moment {
        Moment::Instant(Timestamp::from_millisecond(milliseconds).unwrap())
    }

    fn parsed(text: &str) -> Heartbeat {
        let heartbeat = parse(text.as_bytes());
        assert_eq!(heartbeat.problem, None, "{text}");
        heartbeat
    }

    fn reason(payload: &[u8]) -> String {
        match parse(payload).problem {
            Some(PayloadProblem::Unreadable(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn seven_fields_of_1_2() {
        let heartbeat =
            parsed("10.0.0.1,4711,0.25,0.5,1.75,2023-11-14 22:13:20,2023-11-14 22:13:30");
        assert_eq!(
            heartbeat.started_at,
            Some(Moment::Local(date(2023, 11, 14).at(22, 13, 20, 0)))
        );
        assert_eq!(
            heartbeat.reported_at,
            Some(Moment::Local(date(2023, 11, 14).at(22, 13, 30, 0)))
        );
        assert_eq!(
            (
                heartbeat.cpu_usage,
                heartbeat.memory_usage,
                heartbeat.load_average
            ),
            (Some(0.25), Some(0.5), Some(1.75))
        );
        assert_eq!(
            (heartbeat.process_id, heartbeat.server_status),
            (Some(4711), None)
        );
    }

    #[test]
    fn ten_fields_of_1_3() {
        let heartbeat =
            parsed("0.25,0.5,1.75,3.1,8.0,0.3,2023-11-14 22:13:20,2023-11-14 22:13:30,1,4711");
        assert_eq!(
            heartbeat.started_at,
            Some(Moment::Local(date(2023, 11, 14).at(22, 13, 20, 0)))
        );
        assert_eq!(
            heartbeat.reported_at,
            Some(Moment::Local(date(2023, 11, 14).at(22, 13, 30, 0)))
        );
        assert_eq!(
            (
                heartbeat.cpu_usage,
                heartbeat.memory_usage,
                heartbeat.load_average
            ),
            (Some(0.25), Some(0.5), Some(1.75))
        );
        assert_eq!(
            (heartbeat.process_id, heartbeat.server_status.as_deref()),
            (Some(4711), Some("abnormal"))
        );
    }

    #[test]
    fn thirteen_fields_of_2_0_and_3_0() {
        let heartbeat = parsed(&format!(
            "0.25,0.5,1.75,3.1,8.0,0.3,{STARTED},{REPORTED},2,4711,100,64,7"
        ));
        assert_eq!(
            (heartbeat.started_at, heartbeat.reported_at),
            (Some(instant(STARTED)), Some(instant(REPORTED)))
        );
        assert_eq!(
            (
                heartbeat.cpu_usage,
                heartbeat.memory_usage,
                heartbeat.load_average
            ),
            (Some(0.25), Some(0.5), Some(1.75))
        );
        assert_eq!(
            (heartbeat.process_id, heartbeat.server_status.as_deref()),
            (Some(4711), Some("busy"))
        );
    }

    #[test]
    fn fourteen_fields_of_2_0_6() {
        let heartbeat = parsed(&format!(
            "0.25,0.5,99.5,1.75,3.1,8.0,0.3,{STARTED},{REPORTED},0,4711,100,64,7"
        ));
        assert_eq!(
            (heartbeat.started_at, heartbeat.reported_at),
            (Some(instant(STARTED)), Some(instant(REPORTED)))
        );
        assert_eq!(
            (
                heartbeat.cpu_usage,
                heartbeat.memory_usage,
                heartbeat.load_average
            ),
            (Some(0.25), Some(0.5), Some(1.75))
        );
        assert_eq!(
            (heartbeat.process_id, heartbeat.server_status.as_deref()),
            (Some(4711), Some("normal"))
        );
    }

    #[test]
    fn json_of_3_1_has_no_status() {
        let heartbeat = parsed(&format!(
            r#"{{"startupTime":{STARTED},"reportTime":{REPORTED},"cpuUsage":0.25,"memoryUsage":0.5,"loadAverage":1.75,
                "availablePhysicalMemorySize":3.1,"maxCpuloadAvg":8.0,"reservedMemory":0.3,"diskAvailable":9.0,"processId":4711}}"#
        ));
        assert_eq!(
            (heartbeat.started_at, heartbeat.reported_at),
            (Some(instant(STARTED)), Some(instant(REPORTED)))
        );
        assert_eq!(
            (
                heartbeat.cpu_usage,
                heartbeat.memory_usage,
                heartbeat.load_average
            ),
            (Some(0.25), Some(0.5), Some(1.75))
        );
        assert_eq!(
            (heartbeat.process_id, heartbeat.server_status),
            (Some(4711), None)
        );
    }

    #[test]
    fn json_of_3_2_and_newer_has_a_status_and_keys_that_say_nothing_to_us() {
        for extra in [
            r#""host":"10.0.0.1","port":5678"#,
            r#""isCoordinator":true"#,
            r#""coordinator":false,"x":[{}]"#,
        ] {
            let heartbeat = parsed(&format!(
                r#"{{"processId":4711,"startupTime":{STARTED},"reportTime":{REPORTED},"jvmCpuUsage":0.1,"cpuUsage":0.25,
                    "jvmMemoryUsage":0.2,"memoryUsage":0.5,"diskUsage":0.9,"serverStatus":"BUSY",{extra}}}"#
            ));
            assert_eq!(
                (heartbeat.started_at, heartbeat.server_status.as_deref()),
                (Some(instant(STARTED)), Some("busy"))
            );
            assert_eq!(
                (
                    heartbeat.cpu_usage,
                    heartbeat.memory_usage,
                    heartbeat.load_average
                ),
                (Some(0.25), Some(0.5), None)
            );
        }
    }

    #[test]
    fn a_form_is_of_some_families_and_of_no_other() {
        use FamilyId::{V1_2, V1_3, V2_0, V3_0, V3_1, V3_2, V3_3};
        let local = "2023-11-14 22:13:20";
        let times = format!(r#""startupTime":{STARTED},"reportTime":{REPORTED}"#);
        for (text, families) in [
            (
                format!("10.0.0.1,4711,0.25,0.5,1.75,{local},{local}"),
                &[V1_2][..],
            ),
            (
                format!("0.25,0.5,1.75,3.1,8.0,0.3,{local},{local},1,4711"),
                &[V1_3],
            ),
            (
                "0.0,0.11,0.01,112.17,64.0,0.3,1697613709943,1700214651099,0,26455,0,0,0"
                    .to_owned(),
                &[V2_0, V3_0],
            ),
            (
                format!("0.25,0.5,99.5,1.75,3.1,8.0,0.3,{STARTED},{REPORTED},0,4711,100,64,7"),
                &[V2_0],
            ),
            (format!(r#"{{{times},"loadAverage":1.75}}"#), &[V3_1]),
            (
                format!(r#"{{{times},"serverStatus":"NORMAL","loadAverage":1.75}}"#),
                &[V3_2, V3_3],
            ),
            (format!("{{{times}}}"), &[V3_1, V3_2, V3_3]),
        ] {
            let form = parsed(&text).form.unwrap();
            for family in [V1_2, V1_3, V2_0, V3_0, V3_1, V3_2, V3_3] {
                assert_eq!(
                    is_written_by(form, family),
                    families.contains(&family),
                    "{text} {family:?}"
                );
            }
            assert!(!writers(form).is_empty());
        }
        assert_eq!((parse(b"").form, parse(b"hello").form), (None, None));
    }

    #[test]
    fn a_value_that_cannot_be_read_leaves_the_others() {
        let heartbeat = parsed(&format!(
            r#"{{"startupTime":"soon","reportTime":{REPORTED},"cpuUsage":"NaN","processId":null}}"#
        ));
        assert_eq!(
            (heartbeat.started_at, heartbeat.reported_at),
            (None, Some(instant(REPORTED)))
        );
        assert_eq!((heartbeat.cpu_usage, heartbeat.process_id), (None, None));
    }

    #[test]
    fn a_time_that_was_never_set_is_no_time() {
        assert_eq!(
            parsed(&format!(r#"{{"startupTime":0,"reportTime":{REPORTED}}}"#)).started_at,
            None
        );
    }

    #[test]
    fn no_bytes_are_not_death() {
        assert_eq!(parse(b"").problem, Some(PayloadProblem::Empty));
    }

    #[test]
    fn bytes_of_no_known_format() {
        assert!(reason(&[0xff, 0xfe, 0x00]).contains("UTF-8"));
        assert!(reason(&vec![b'x'; 1_048_576]).contains("1048576 bytes"));
        assert!(reason(b"{\"startupTime\":").contains("JSON"));
        assert!(reason(b"{}").contains("without any value"));
        assert!(reason(b"hello").contains("neither"));
        assert!(reason(b"1,2,3").contains("3 comma-separated fields"));
        assert!(reason(b"a,b,c,d,e,f,g").contains("without a time"));
        assert!(reason("{\"a\":".repeat(2_000).as_bytes()).contains("JSON"));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic_and_reasons_stay_short(payload in proptest::collection::vec(any::<u8>(), 0..400)) {
            if let Some(PayloadProblem::Unreadable(reason)) = parse(&payload).problem {
                prop_assert!(reason.len() < 120);
            }
        }

        #[test]
        fn arbitrary_fields_never_panic(fields in proptest::collection::vec("[^,]{0,12}", 0..16)) {
            let text = fields.join(",");
            let heartbeat = parse(text.as_bytes());
            let has_time = heartbeat.started_at.or(heartbeat.reported_at).is_some();
            let json = text.trim().starts_with('{');
            prop_assert!(heartbeat.problem.is_some() || has_time || json, "{}", text);
        }

        #[test]
        fn what_a_server_writes_comes_back(
            started in 1_i64..4_000_000_000_000, reported in 1_i64..4_000_000_000_000,
            cpu in (0_u16..1_000).prop_map(|n| f64::from(n) / 1_000.0),
            memory in (0_u16..1_000).prop_map(|n| f64::from(n) / 1_000.0),
            load in (0_u16..50_000).prop_map(|n| f64::from(n) / 100.0),
            process in 1_i64..4_194_304, status in 0_usize..3,
        ) {
            let keyword = ["normal", "abnormal", "busy"][status];
            let texts = [
                format!("{cpu},{memory},{load},1,2,3,{started},{reported},{status},{process},100,64,0"),
                format!("{cpu},{memory},9,{load},1,2,3,{started},{reported},{status},{process},100,64,0"),
                format!(
                    r#"{{"startupTime":{started},"reportTime":{reported},"cpuUsage":{cpu},"memoryUsage":{memory},"loadAverage":{load},"processId":{process},"serverStatus":"{}"}}"#,
                    keyword.to_uppercase()
                ),
            ];
            let expected = Heartbeat {
                started_at: Some(instant(started)),
                reported_at: Some(instant(reported)),
                server_status: Some(keyword.to_owned()),
                cpu_usage: Some(cpu),
                memory_usage: Some(memory),
                load_average: Some(load),
                process_id: Some(process),
                ..Heartbeat::default()
            };
            let forms = [PayloadForm::Fields(13), PayloadForm::Fields(14), PayloadForm::JsonWithStatus];
            for (text, form) in texts.into_iter().zip(forms) {
                prop_assert_eq!(parse(text.as_bytes()), Heartbeat { form: Some(form), ..expected.clone() });
            }
        }

        #[test]
        fn local_times_come_back(second in 0_i64..2_000_000_000) {
            let local = Timestamp::from_second(second).unwrap().to_zoned_datetime(jiff::tz::TimeZone::UTC).datetime();
            let text = local.strftime("%Y-%m-%d %H:%M:%S").to_string();
            let expected = Some(Moment::Local(local));
            prop_assert_eq!(parse(format!("h,1,0,0,0,{text},{text}").as_bytes()).started_at, expected);
            prop_assert_eq!(parse(format!("0,0,0,0,0,0,{text},{text},0,1").as_bytes()).reported_at, expected);
        }
    }
}
