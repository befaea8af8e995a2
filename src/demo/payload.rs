//! Heartbeats in the format of each release's servers (F§1.4).

use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};
use serde_json::{Map, Value, json};

use super::schema::{R1_3, R2_0, R3_1, R3_2};
use crate::model::Version;

/// The data of a heartbeat.
#[derive(Clone, Debug)]
pub struct Beat<'a> {
    /// Host without port.
    pub host: &'a str,
    /// Port; 1.2 does not write it.
    pub port: u16,
    /// Start-up time.
    pub started: Timestamp,
    /// When it was written.
    pub reported: Timestamp,
    /// Process id.
    pub process: i64,
    /// Zone of the server, in which 1.2 and 1.3 write times.
    pub zone: TimeZone,
}

/// The payload of a healthy master at little load.
#[must_use]
pub fn master(version: Version, beat: &Beat<'_>) -> String {
    match version {
        _ if version < R1_3 => line_1_2(beat),
        _ if version < R2_0 => line_1_3(beat),
        _ if version < R3_1 => line_2_0(version, beat),
        _ => Value::Object(object(version, beat)).to_string(),
    }
}

/// The payload of a healthy worker: a master's, and from 3.1 on its weight.
#[must_use]
pub fn worker(version: Version, beat: &Beat<'_>) -> String {
    if version < R3_1 {
        return master(version, beat);
    }
    let mut keys = object(version, beat);
    keys.insert("workerHostWeight".to_owned(), json!(100));
    Value::Object(keys).to_string()
}

fn local(time: Timestamp, zone: &TimeZone) -> String {
    ZonedDateTime::new(time, zone.clone())
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string()
}

fn line_1_2(beat: &Beat<'_>) -> String {
    let (started, reported) = (
        local(beat.started, &beat.zone),
        local(beat.reported, &beat.zone),
    );
    format!(
        "{},{},0.12,0.41,0.35,{started},{reported}",
        beat.host, beat.process
    )
}

fn line_1_3(beat: &Beat<'_>) -> String {
    let (started, reported) = (
        local(beat.started, &beat.zone),
        local(beat.reported, &beat.zone),
    );
    format!(
        "0.12,0.41,0.35,9.44,16.0,0.3,{started},{reported},0,{}",
        beat.process
    )
}

/// 2.0.6 to 2.0.9 put the free disk space in front of the load average.
fn line_2_0(version: Version, beat: &Beat<'_>) -> String {
    let has_disk = (Version::new(2, 0, 6)..=Version::new(2, 0, 9)).contains(&version);
    let disk = if has_disk { "118.7," } else { "" };
    let (started, reported) = (
        beat.started.as_millisecond(),
        beat.reported.as_millisecond(),
    );
    format!(
        "0.12,0.41,{disk}0.35,9.44,16.0,0.3,{started},{reported},0,{},100,100,0",
        beat.process
    )
}

fn object(version: Version, beat: &Beat<'_>) -> Map<String, Value> {
    let load = if version < Version::new(3, 2, 1) {
        early_load(version)
    } else {
        late_load(version)
    };
    let times = json!({
        "startupTime": beat.started.as_millisecond(),
        "reportTime": beat.reported.as_millisecond(),
        "processId": beat.process,
    });
    let mut parts = vec![times, load];
    // 3.1 does not write its own address.
    if version >= R3_2 {
        parts.push(json!({ "serverStatus": "NORMAL", "host": beat.host, "port": beat.port }));
    }
    parts
        .into_iter()
        .filter_map(|part| {
            if let Value::Object(keys) = part {
                Some(keys)
            } else {
                None
            }
        })
        .flatten()
        .collect()
}

fn early_load(version: Version) -> Value {
    let mut load = json!({
        "cpuUsage": 0.12,
        "memoryUsage": 0.41,
        "availablePhysicalMemorySize": 9.44,
        "reservedMemory": 0.3,
        "diskAvailable": 118.7,
    });
    if version < R3_2 {
        load["loadAverage"] = json!(0.35);
        load["maxCpuloadAvg"] = json!(16.0);
    }
    load
}

fn late_load(version: Version) -> Value {
    let mut load =
        json!({ "cpuUsage": 0.12, "jvmMemoryUsage": 0.27, "memoryUsage": 0.41, "diskUsage": 0.5 });
    if version >= Version::new(3, 2, 2) {
        load["jvmCpuUsage"] = json!(0.04);
    }
    load
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat() -> Beat<'static> {
        let (started, reported) = (
            "2024-06-01T00:00:00Z".parse().unwrap(),
            "2024-06-01T01:00:00Z".parse().unwrap(),
        );
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        Beat {
            host: "10.0.0.1",
            port: 5678,
            started,
            reported,
            process: 4711,
            zone,
        }
    }

    fn fields(version: &str) -> Vec<String> {
        master(version.parse().unwrap(), &beat())
            .split(',')
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn lines_have_their_fields_in_place() {
        let line = fields("1.2.1");
        assert_eq!(
            (line.len(), line[5].as_str(), line[6].as_str()),
            (7, "2024-06-01 08:00:00", "2024-06-01 09:00:00")
        );
        let line = fields("1.3.9");
        assert_eq!(
            (line.len(), line[6].as_str(), line[9].as_str()),
            (10, "2024-06-01 08:00:00", "4711")
        );
        let line = fields("2.0.5");
        assert_eq!(
            (line.len(), line[6].as_str(), line[9].as_str()),
            (13, "1717200000000", "4711")
        );
        let line = fields("2.0.6");
        assert_eq!(
            (line.len(), line[7].as_str(), line[10].as_str()),
            (14, "1717200000000", "4711")
        );
        assert_eq!(fields("3.0.6").len(), 13);
    }

    #[test]
    fn objects_have_the_keys_of_their_release() {
        let keys = |version: &str| -> Vec<String> {
            let object: Map<String, Value> =
                serde_json::from_str(&master(version.parse().unwrap(), &beat())).unwrap();
            assert_eq!(object["startupTime"], 1_717_200_000_000_i64);
            object.keys().cloned().collect()
        };
        let has = |version: &str, key: &str| keys(version).iter().any(|known| known == key);
        assert!(
            !has("3.1.9", "host") && has("3.1.9", "loadAverage") && has("3.1.9", "maxCpuloadAvg")
        );
        assert!(
            has("3.2.0", "host") && has("3.2.0", "reservedMemory") && !has("3.2.0", "loadAverage")
        );
        assert!(
            has("3.2.1", "diskUsage")
                && !has("3.2.1", "jvmCpuUsage")
                && has("3.2.2", "jvmCpuUsage")
        );
        // A field of the development line without a getter: no release writes it.
        assert!(
            ["3.2.2", "3.3.1", "3.4.1", "3.4.3"]
                .iter()
                .all(|version| !has(version, "isCoordinator"))
        );
    }

    #[test]
    fn workers_from_3_1_on_tell_their_weight() {
        let of = |version: &str| worker(version.parse().unwrap(), &beat());
        assert_eq!(of("3.0.6"), master("3.0.6".parse().unwrap(), &beat()));
        assert!(of("3.1.0").contains(r#""workerHostWeight":100"#));
    }
}
