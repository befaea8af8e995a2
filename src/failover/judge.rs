//! What is known of the master that an instance names. Pure: data in, verdict out.

use jiff::tz::TimeZone;

use crate::family::Family;
use crate::model::{Address, Instance, Registration, Registrations, Verdict};

/// The verdict on an instance.
///
/// `restarted` needs proof: the registration's start-up time, the cluster's zone, and both of the instance's times
/// before it (F§7.2). Without proof a registered master is `alive`.
#[must_use]
pub fn instance_verdict(
    instance: &Instance,
    family: &Family,
    masters: &Registrations,
    zone: Option<&TimeZone>,
) -> Verdict {
    if family.claim.is_on(instance) {
        return Verdict::Claimed;
    }
    let Some(host) = instance.host.as_deref() else { return Verdict::Unknown };
    match Address::typed(host, family.registry.address_form) {
        Err(_) => Verdict::Unknown,
        Ok(address) => match masters.find(&address) {
            None => Verdict::Dead,
            Some(registration) if began_before(instance, registration, zone) == Some(true) => Verdict::Restarted,
            Some(_) => Verdict::Alive,
        },
    }
}

/// The verdict on a master as a whole: registered or not. Whether it was restarted shows in its instances alone.
#[must_use]
pub fn master_verdict(address: &Address, masters: &Registrations) -> Verdict {
    if masters.find(address).is_some() { Verdict::Alive } else { Verdict::Dead }
}

/// Whether the instance belongs to an earlier life of the registered master; `None` where that cannot be told.
#[must_use]
pub(super) fn began_before(instance: &Instance, registration: &Registration, zone: Option<&TimeZone>) -> Option<bool> {
    let started = registration.heartbeat.started_at?.instant(zone)?;
    let instant = |time| zone?.to_ambiguous_timestamp(time).unambiguous().ok();
    let first = instant(instance.start_time?)?;
    // Database times are cut to seconds, so an instance of the same second is taken as the living master's.
    let first_before = first < started;
    match instance.restart_time {
        None => Some(first_before),
        Some(restart) => Some(first_before && instant(restart)? < started),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::{FamilyId, by_id};
    use crate::model::{Heartbeat, Moment};

    fn registered(address: &str, started: Option<&str>) -> Registrations {
        let started_at = started.map(|time| Moment::Instant(time.parse().unwrap()));
        let registration = Registration {
            address: Address::seen(address),
            node: String::new(),
            session_id: None,
            created_at: None,
            modified_at: None,
            heartbeat: Heartbeat { started_at, ..Heartbeat::default() },
        };
        Registrations { parent_exists: true, parent: String::new(), servers: vec![registration] }
    }

    fn instance(host: Option<&str>, start: Option<&str>, restart: Option<&str>) -> Instance {
        Instance {
            host: host.map(str::to_owned),
            state: Some(1),
            start_time: start.map(|time| time.parse().unwrap()),
            restart_time: restart.map(|time| time.parse().unwrap()),
            ..Instance::default()
        }
    }

    fn verdict(instance: &Instance, masters: &Registrations, zone: Option<&str>) -> Verdict {
        let zone = zone.map(|name| TimeZone::get(name).unwrap());
        instance_verdict(instance, by_id(FamilyId::V3_1), masters, zone.as_ref())
    }

    #[test]
    fn hosts_are_compared_whole() {
        let masters = registered("110.0.0.1:56789", None);
        for host in ["10.0.0.1:5678", "110.0.0.1:5678", "0.0.0.1:56789"] {
            assert_eq!(verdict(&instance(Some(host), None, None), &masters, None), Verdict::Dead, "{host}");
        }
        assert_eq!(verdict(&instance(Some("110.0.0.1:56789"), None, None), &masters, None), Verdict::Alive);
    }

    #[test]
    fn hosts_that_name_nobody_are_left_alone() {
        let masters = Registrations::default();
        assert_eq!(verdict(&instance(Some("NULL"), None, None), &masters, None), Verdict::Claimed);
        for host in [None, Some(""), Some("null"), Some("Null"), Some(" "), Some("10.0.0.1")] {
            assert_eq!(verdict(&instance(host, None, None), &masters, None), Verdict::Unknown, "{host:?}");
        }
    }

    #[test]
    fn restarted_needs_proof() {
        let host = Some("h:1");
        let masters = registered("h:1", Some("2024-06-01T02:00:00Z"));
        let before = instance(host, Some("2024-06-01T01:59:59"), None);
        assert_eq!(verdict(&before, &masters, Some("UTC")), Verdict::Restarted);
        assert_eq!(verdict(&before, &masters, None), Verdict::Alive);
        assert_eq!(verdict(&before, &registered("h:1", None), Some("UTC")), Verdict::Alive);
        // Ten o'clock in Shanghai is two o'clock UTC: the same second is not before.
        let zoned = instance(host, Some("2024-06-01T10:00:00"), None);
        assert_eq!(verdict(&zoned, &masters, Some("Asia/Shanghai")), Verdict::Alive);
        let earlier = instance(host, Some("2024-06-01T09:59:59"), None);
        assert_eq!(verdict(&earlier, &masters, Some("Asia/Shanghai")), Verdict::Restarted);
        let recovered_since = instance(host, Some("2024-05-01T00:00:00"), Some("2024-06-01T03:00:00"));
        assert_eq!(verdict(&recovered_since, &masters, Some("UTC")), Verdict::Alive);
        let no_start = instance(host, None, Some("2024-05-01T00:00:00"));
        assert_eq!(verdict(&no_start, &masters, Some("UTC")), Verdict::Alive);
    }

    #[test]
    fn an_hour_that_happened_twice_proves_nothing() {
        let masters = registered("h:1", Some("2024-10-27T02:00:00Z"));
        let twice = instance(Some("h:1"), Some("2024-10-27T02:30:00"), None);
        assert_eq!(verdict(&twice, &masters, Some("Europe/Berlin")), Verdict::Alive);
    }

    #[test]
    fn newer_releases_claim_by_state() {
        let mut claimed = instance(Some("h:1"), None, None);
        claimed.state = Some(18);
        let masters = registered("h:1", None);
        assert_eq!(instance_verdict(&claimed, by_id(FamilyId::V3_3), &masters, None), Verdict::Claimed);
    }
}
