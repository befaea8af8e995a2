//! The roles in the demo: plain data, for the command to show.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::cast::{CAST, Situation};
use crate::family::nearest_family;
use crate::model::{Address, AddressForm, InstanceId, Version};

/// An instance and its role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scene {
    /// Primary key.
    pub instance: InstanceId,
    /// Its name.
    pub name: String,
    /// Its situation.
    pub part: Situation,
}

/// The demo's cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// Its release.
    pub version: Version,
    /// The current time; the living servers' last heartbeat.
    pub now: Timestamp,
    /// The living master.
    pub living_master: Address,
    /// The dead master, which has unfinished work.
    pub dead_master: Address,
    /// The living worker.
    pub living_worker: Address,
    /// A dead worker.
    pub dead_worker: Address,
    /// The instances, by id.
    pub scenes: Vec<Scene>,
}

impl Story {
    /// The story for a release.
    #[must_use]
    pub fn new(version: Version, now: Timestamp) -> Self {
        let address = |host: &str, port: u16| server_address(version, host, port);
        let mut story = Self {
            version,
            now,
            living_master: address("10.0.0.1", 5678),
            dead_master: address("10.0.0.2", 5678),
            living_worker: address("10.0.0.11", 1234),
            dead_worker: address("10.0.0.12", 1234),
            scenes: Vec::new(),
        };
        let scene = |role: &super::cast::Role| Scene {
            instance: role.instance,
            name: format!(
                "{}-1-{}",
                role.workflow.name,
                story.ago(role.minutes_ago).strftime("%Y%m%d%H%M%S000")
            ),
            part: role.part,
        };
        story.scenes = CAST.iter().map(scene).collect();
        story
    }

    /// The instances with this situation.
    #[must_use]
    pub fn of(&self, part: Situation) -> Vec<InstanceId> {
        self.scenes
            .iter()
            .filter(|scene| scene.part == part)
            .map(|scene| scene.instance)
            .collect()
    }

    /// The instances that a failover of the dead master has to take up.
    #[must_use]
    pub fn hanging(&self) -> Vec<InstanceId> {
        self.scenes
            .iter()
            .filter(|scene| scene.part.hangs())
            .map(|scene| scene.instance)
            .collect()
    }

    /// A time before now, as in the databases.
    pub(super) fn ago(&self, minutes: i64) -> DateTime {
        TimeZone::UTC.to_datetime(self.instant(minutes))
    }

    /// The same as an instant; the clock's minimum replaces everything before it.
    pub(super) fn instant(&self, minutes: i64) -> Timestamp {
        self.now
            .checked_sub(SignedDuration::from_mins(minutes))
            .unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// A server's address as the release writes it: 1.2 omits the port.
pub(super) fn server_address(version: Version, host: &str, port: u16) -> Address {
    match nearest_family(version).registry.address_form {
        AddressForm::Host => Address::seen(host),
        AddressForm::HostPort => Address::seen(format!("{host}:{port}")),
    }
}
