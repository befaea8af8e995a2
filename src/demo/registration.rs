//! Registered servers in a JDBC registry with the tables of 3.3.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::payload::{self, Beat};
use super::schema::R1_3;
use super::seed::{Seed, time_text};
use crate::family::nearest_family;
use crate::model::Version;

/// The kind of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// A master.
    Master,
    /// A worker, of the group `default`.
    Worker,
}

/// A server to be registered. Its heartbeat was written at `reported` and is valid for
/// `session_millis`.
#[derive(Clone, Debug)]
pub struct Registered<'a> {
    /// Its kind.
    pub server: Server,
    /// Its address, as in the metadata database.
    pub address: &'a str,
    /// Id of its client; the heartbeat row's primary key.
    pub client: i64,
    /// Its process.
    pub process: i64,
    /// Start-up time.
    pub started: Timestamp,
    /// Last heartbeat.
    pub reported: Timestamp,
    /// Session timeout in milliseconds: how long after `reported` it counts as alive.
    pub session_millis: i64,
}

impl Registered<'_> {
    /// Its heartbeat and its registration, as rows of the JDBC registry.
    pub fn rows(&self, version: Version) -> [Seed; 2] {
        let (created, reported) = (utc(self.started), utc(self.reported));
        let heartbeat = Seed::new(version, "t_ds_jdbc_registry_client_heartbeat")
            .id(self.client)
            .set("client_name", format!("{}_{}", self.host(), self.process))
            .set("last_heartbeat_time", self.reported.as_millisecond())
            .set(
                "connection_config",
                format!(r#"{{"sessionTimeout":{}}}"#, self.session_millis),
            )
            .set("create_time", created.as_str());
        let registration = Seed::new(version, "t_ds_jdbc_registry_data")
            .set("data_key", self.key(version))
            .set("data_value", self.payload(version))
            .set("data_type", "EPHEMERAL")
            .set("client_id", self.client)
            .set("create_time", created)
            .set("last_update_time", reported);
        [heartbeat, registration]
    }

    /// The key of its registration; a ZooKeeper registry has the same path below its root (F§1.2).
    #[must_use]
    pub fn key(&self, version: Version) -> String {
        let layout = nearest_family(version).registry;
        let (parent, group) = match self.server {
            Server::Master => (layout.masters, ""),
            Server::Worker if (R1_3..Version::new(3, 1, 1)).contains(&version) => {
                (layout.workers, "/default")
            }
            Server::Worker => (layout.workers, ""),
        };
        format!("/{parent}{group}/{}", self.address)
    }

    /// Its heartbeat in the release's own format, times of 1.2 and 1.3 in UTC.
    #[must_use]
    pub fn payload(&self, version: Version) -> String {
        let port = self
            .address
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse().ok())
            .unwrap_or_default();
        let (started, reported, process) = (self.started, self.reported, self.process);
        let beat = Beat {
            host: self.host(),
            port,
            started,
            reported,
            process,
            zone: TimeZone::UTC,
        };
        match self.server {
            Server::Master => payload::master(version, &beat),
            Server::Worker => payload::worker(version, &beat),
        }
    }

    fn host(&self) -> &str {
        self.address
            .rsplit_once(':')
            .map_or(self.address, |(host, _)| host)
    }
}

fn utc(time: Timestamp) -> String {
    time_text(TimeZone::UTC.to_datetime(time))
}
