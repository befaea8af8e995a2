//! The verdict on the master that an instance names. Pure: data in, verdict out.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::family::Family;
use crate::model::{Address, Instance, Registration, Registrations, Verdict};

/// The verdict on an instance.
///
/// `restarted` needs proof: the registration's start-up time, the cluster's zone, and both of the
/// instance's times before it (F§7.2). Without proof a registered master is `alive`. If no master
/// at all is registered, absence does not prove a master dead; and one whose heartbeat is in doubt
/// is unknown.
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
    let Some(host) = instance.host.as_deref() else {
        return Verdict::Unknown;
    };
    match Address::typed(host, family.registry.address_form) {
        Err(_) => Verdict::Unknown,
        Ok(address) => match masters.find(&address) {
            None if masters.prove_nothing() => Verdict::Unknown,
            None => Verdict::Dead,
            Some(registration) if registration.heartbeat.in_doubt => Verdict::Unknown,
            Some(registration)
                if began_before(instance, family, registration, zone) == Some(true) =>
            {
                Verdict::Restarted
            }
            Some(_) => Verdict::Alive,
        },
    }
}

/// The verdict on a master as a whole: registered or not. Whether it was restarted shows only in
/// its instances. If no master at all is registered, every verdict is unknown.
#[must_use]
pub(super) fn master_verdict(address: &Address, masters: &Registrations) -> Verdict {
    match masters.find(address) {
        Some(registration) if registration.heartbeat.in_doubt => Verdict::Unknown,
        Some(_) => Verdict::Alive,
        None if masters.prove_nothing() => Verdict::Unknown,
        None => Verdict::Dead,
    }
}

/// Whether the instance belongs to an earlier run of the registered master; `None` if that is
/// unknown.
#[must_use]
pub(super) fn began_before(
    instance: &Instance,
    family: &Family,
    registration: &Registration,
    zone: Option<&TimeZone>,
) -> Option<bool> {
    // Database times are cut to seconds: an instance of the same second is taken as the living
    // master's.
    let started = whole_second(registration.started(zone)?);
    Some(began(instance, family, zone)? < started)
}

/// The latest time at which the instance was started, by everything that a master writes when it
/// takes one up; `None` if one of these is missing.
pub(super) fn began(
    instance: &Instance,
    family: &Family,
    zone: Option<&TimeZone>,
) -> Option<Timestamp> {
    let instant = |time| zone?.to_ambiguous_timestamp(time).unambiguous().ok();
    let first = instant(instance.start_time?)?;
    let latest = match instance.restart_time {
        // Up to 2.0.1 no other column shows that a run started again, and an old instance may be
        // the living master's.
        None if !is_first_run(instance) => return None,
        None => first,
        Some(restart) => first.max(instant(restart)?),
    };
    // A trigger is not a take-up: a take-up shows only in the history.
    if family.starts_at_trigger {
        Some(latest.max(instant(instance.last_change?)?))
    } else {
        Some(latest)
    }
}

/// Whether the instance is still in the run that `start_time` belongs to: a master writes the type
/// of every command that it takes up for the instance.
fn is_first_run(instance: &Instance) -> bool {
    instance
        .command_type
        .is_some_and(|kind| crate::family::FIRST_RUN_COMMANDS.contains(&kind))
}

/// A time cut to seconds, as a database writes it.
pub(super) fn whole_second(moment: Timestamp) -> Timestamp {
    Timestamp::from_second(moment.as_second()).unwrap_or(moment)
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
            heartbeat: Heartbeat {
                started_at,
                ..Heartbeat::default()
            },
        };
        Registrations {
            parent_exists: true,
            parent: String::new(),
            servers: vec![registration],
            changes: None,
        }
    }

    fn instance(host: Option<&str>, start: Option<&str>, restart: Option<&str>) -> Instance {
        Instance {
            host: host.map(Into::into),
            state: Some(1),
            command_type: Some(0),
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
            assert_eq!(
                verdict(&instance(Some(host), None, None), &masters, None),
                Verdict::Dead,
                "{host}"
            );
        }
        assert_eq!(
            verdict(
                &instance(Some("110.0.0.1:56789"), None, None),
                &masters,
                None
            ),
            Verdict::Alive
        );
    }

    #[test]
    fn no_master_is_dead_where_no_master_is_registered() {
        let named = instance(Some("10.0.0.1:5678"), None, None);
        let emptied = Registrations {
            parent_exists: true,
            ..Registrations::default()
        };
        for masters in [emptied, Registrations::default()] {
            assert_eq!(verdict(&named, &masters, None), Verdict::Unknown);
            assert_eq!(
                master_verdict(&Address::seen("10.0.0.1:5678"), &masters),
                Verdict::Unknown
            );
        }
    }

    #[test]
    fn a_heartbeat_in_doubt_shows_neither_life_nor_death() {
        let mut masters = registered("h:1", Some("2024-06-01T02:00:00Z"));
        masters.servers[0].heartbeat.in_doubt = true;
        let before = instance(Some("h:1"), Some("2024-06-01T01:59:59"), None);
        assert_eq!(verdict(&before, &masters, Some("UTC")), Verdict::Unknown);
        assert_eq!(
            master_verdict(&Address::seen("h:1"), &masters),
            Verdict::Unknown
        );
        assert_eq!(
            master_verdict(&Address::seen("h:2"), &masters),
            Verdict::Dead
        );
    }

    #[test]
    fn hosts_that_name_no_master_are_left_alone() {
        let masters = Registrations::default();
        assert_eq!(
            verdict(&instance(Some("NULL"), None, None), &masters, None),
            Verdict::Claimed
        );
        for host in [
            None,
            Some(""),
            Some("null"),
            Some("Null"),
            Some(" "),
            Some("10.0.0.1"),
        ] {
            assert_eq!(
                verdict(&instance(host, None, None), &masters, None),
                Verdict::Unknown,
                "{host:?}"
            );
        }
    }

    #[test]
    fn restarted_needs_proof() {
        let host = Some("h:1");
        let masters = registered("h:1", Some("2024-06-01T02:00:00Z"));
        let before = instance(host, Some("2024-06-01T01:59:59"), None);
        assert_eq!(verdict(&before, &masters, Some("UTC")), Verdict::Restarted);
        assert_eq!(verdict(&before, &masters, None), Verdict::Alive);
        assert_eq!(
            verdict(&before, &registered("h:1", None), Some("UTC")),
            Verdict::Alive
        );
        // Ten o'clock in Shanghai is two o'clock UTC: the same second is not before.
        let zoned = instance(host, Some("2024-06-01T10:00:00"), None);
        assert_eq!(
            verdict(&zoned, &masters, Some("Asia/Shanghai")),
            Verdict::Alive
        );
        let earlier = instance(host, Some("2024-06-01T09:59:59"), None);
        assert_eq!(
            verdict(&earlier, &masters, Some("Asia/Shanghai")),
            Verdict::Restarted
        );
        let recovered_since = instance(
            host,
            Some("2024-05-01T00:00:00"),
            Some("2024-06-01T03:00:00"),
        );
        assert_eq!(
            verdict(&recovered_since, &masters, Some("UTC")),
            Verdict::Alive
        );
        let no_start = instance(host, None, Some("2024-05-01T00:00:00"));
        assert_eq!(verdict(&no_start, &masters, Some("UTC")), Verdict::Alive);
    }

    #[test]
    fn a_trigger_is_no_proof() {
        let masters = registered("h:1", Some("2024-06-01T02:00:00Z"));
        let verdict = |instance: &Instance| {
            instance_verdict(
                instance,
                by_id(FamilyId::V3_3),
                &masters,
                TimeZone::get("UTC").ok().as_ref(),
            )
        };
        let early = "2024-06-01T01:00:00";
        let mut triggered = instance(Some("h:1"), Some(early), Some(early));
        assert_eq!(verdict(&triggered), Verdict::Alive);
        for (change, expected) in [
            ("2024-06-01T02:00:00", Verdict::Alive),
            ("2024-06-01T01:59:59", Verdict::Restarted),
        ] {
            triggered.last_change = change.parse().ok();
            assert_eq!(verdict(&triggered), expected, "{change}");
        }
    }

    #[test]
    fn the_second_of_the_start_is_the_living_masters() {
        let masters = registered("h:1", Some("2024-06-01T02:00:00.7Z"));
        let same_second = instance(Some("h:1"), Some("2024-06-01T02:00:00"), None);
        assert_eq!(verdict(&same_second, &masters, Some("UTC")), Verdict::Alive);
    }

    #[test]
    fn a_run_that_started_again_at_an_unknown_time_is_the_living_masters() {
        let masters = registered("h:1", Some("2024-06-01T02:00:00Z"));
        let mut old = instance(Some("h:1"), Some("2024-05-01T02:00:00"), None);
        for (kind, expected) in [
            (Some(6), Verdict::Restarted),
            (Some(2), Verdict::Alive),
            (None, Verdict::Alive),
        ] {
            old.command_type = kind;
            assert_eq!(verdict(&old, &masters, Some("UTC")), expected, "{kind:?}");
        }
        // If the time is written, only it counts.
        old.command_type = Some(2);
        old.restart_time = "2024-05-02T02:00:00".parse().ok();
        assert_eq!(verdict(&old, &masters, Some("UTC")), Verdict::Restarted);
    }

    #[test]
    fn an_hour_that_happened_twice_proves_nothing() {
        let masters = registered("h:1", Some("2024-10-27T02:00:00Z"));
        let twice = instance(Some("h:1"), Some("2024-10-27T02:30:00"), None);
        assert_eq!(
            verdict(&twice, &masters, Some("Europe/Berlin")),
            Verdict::Alive
        );
    }

    #[test]
    fn newer_releases_claim_by_state() {
        let mut claimed = instance(Some("h:1"), None, None);
        claimed.state = Some(18);
        let masters = registered("h:1", None);
        assert_eq!(
            instance_verdict(&claimed, by_id(FamilyId::V3_3), &masters, None),
            Verdict::Claimed
        );
    }
}
