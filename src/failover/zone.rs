//! Whether the rows disprove the zone that was given for the masters, or prove it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::error::{FailoverError, Refusal};
use super::guard::RegistryView;
use super::judge;
use super::rules::Rules;
use crate::cluster::Cluster;
use crate::family::TaskRule;
use crate::metadata::database::DatabaseError;
use crate::metadata::{MetadataStore, WrittenTimes};
use crate::model::{Address, Instance, Moment};

/// Offsets of zones are multiples of a quarter of an hour.
const QUARTER: i64 = 15 * 60;

/// A master writes an end, and its database the row, at the same moment: how far their clocks may
/// be apart.
const SAME_MOMENT: i64 = 60;

/// A time this much later than the present is not explained by a difference of clocks.
const LATER: i64 = 5 * 60;

/// No two zones are further apart.
const FARTHEST: i64 = 26 * 3600;

/// What disproves a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disproof {
    /// The zone that was given.
    pub zone: String,
    /// What was seen, with the rows' ids.
    pub seen: String,
}

/// How the rows disprove the given zone, if one was given.
///
/// # Errors
/// The database's own.
pub async fn disproof(cluster: &mut Cluster) -> Result<Option<Disproof>, FailoverError> {
    let Some(zone) = cluster.zone.clone() else {
        return Ok(None);
    };
    let rows = cluster.store.newest_times().await?;
    Ok(disproof_by(&rows, &zone))
}

fn disproof_by(rows: &[WrittenTimes], zone: &TimeZone) -> Option<Disproof> {
    against(rows, zone).map(|seen| Disproof {
        zone: name_of(zone),
        seen,
    })
}

/// The rows of one master: those of others show their zones, and each has its own host's.
fn of_master(rows: &[WrittenTimes], master: &Address) -> Vec<WrittenTimes> {
    let names_it = |row: &&WrittenTimes| row.host.as_deref() == Some(master.as_str());
    rows.iter().filter(names_it).cloned().collect()
}

/// Refuses a zone that the rows disprove, if it decides what is written: instances of an earlier
/// run of `master`, or tasks of restarted servers.
///
/// # Errors
/// [`Refusal::ZoneDisproved`], or those of the database.
pub(super) async fn ensure_not_disproved(
    cluster: &mut Cluster,
    rules: &Rules,
    view: &RegistryView,
    master: &Address,
) -> Result<(), FailoverError> {
    let by_times = matches!(
        cluster.store.release().task_rule(),
        TaskRule::OnDeadHosts { .. }
    );
    let restarted = rules.allow_restarted && view.masters.find(master).is_some();
    if !by_times && !restarted {
        return Ok(());
    }
    let Some(given) = cluster.zone.clone() else {
        return Ok(());
    };
    let mut rows = cluster.store.newest_times().await?;
    if !by_times {
        let own = of_master(&rows, master);
        if own.len() >= WITNESSES {
            rows = own;
        }
    }
    match disproof_by(&rows, &given) {
        Some(Disproof { zone, seen }) => Err(Refusal::ZoneDisproved { zone, seen }.into()),
        None => Ok(()),
    }
}

/// The evidence that these instances are from before a registered master's restart: the latest of
/// them, and whether the zone that this depends on is proven.
///
/// # Errors
/// The database's own.
pub(super) async fn about_earlier_life(
    cluster: &mut Cluster,
    view: &RegistryView,
    master: &Address,
    selected: &[Instance],
) -> Result<Vec<String>, FailoverError> {
    let Some(latest) = latest_of_earlier_life(cluster, view, master, selected) else {
        return Ok(Vec::new());
    };
    let zone = cluster
        .zone
        .as_ref()
        .filter(|_| zone_matters(cluster, view, master));
    let unproven = unproven(&mut cluster.store, zone, Some(master))
        .await?
        .map(|zone| {
            format!(
                "the rows do not prove that {master} writes times in {zone}: if its zone is \
             another, these may be instances that the living {master} runs; compare the two times \
             with what is known about it"
            )
        });
    Ok(std::iter::once(latest).chain(unproven).collect())
}

/// The zone's name, if one was given and no row proves it: of one master, if one is named.
///
/// # Errors
/// The database's own.
pub(super) async fn unproven(
    store: &mut MetadataStore,
    zone: Option<&TimeZone>,
    master: Option<&Address>,
) -> Result<Option<String>, DatabaseError> {
    let Some(zone) = zone else { return Ok(None) };
    let mut rows = store.newest_times().await?;
    if let Some(master) = master {
        rows = of_master(&rows, master);
    }
    Ok((!is_proven(&rows, zone)).then(|| name_of(zone)))
}

/// If the registration has its start in the masters' local time, as up to 1.3, both times are in
/// the same zone: unless it is the registry's time that counts.
fn zone_matters(cluster: &Cluster, view: &RegistryView, master: &Address) -> bool {
    let zone = cluster.zone.as_ref();
    let is_local = view.masters.find(master).is_some_and(|registration| {
        let told = registration.heartbeat.started_at;
        matches!(told, Some(Moment::Local(_)))
            && told.and_then(|told| told.instant(zone)) == registration.started(zone)
    });
    !is_local
}

fn latest_of_earlier_life(
    cluster: &Cluster,
    view: &RegistryView,
    master: &Address,
    selected: &[Instance],
) -> Option<String> {
    let zone = cluster.zone.as_ref();
    let family = cluster.store.release().family;
    let started = view.masters.find(master)?.started(zone)?;
    let latest = selected
        .iter()
        .max_by_key(|instance| judge::began(instance, family, zone))?;
    let began = judge::began(latest, family, zone)?;
    let local = zone?.to_datetime(began).strftime("%Y-%m-%d %H:%M:%S");
    Some(format!(
        "instance {} was started at {began} ({local} in the masters' zone), the latest of those \
         to be handed over, and {master} started at {started}",
        latest.id
    ))
}

fn name_of(zone: &TimeZone) -> String {
    zone.iana_name().map_or_else(
        || offset_text(zone.to_offset(Timestamp::now())),
        str::to_owned,
    )
}

fn against(rows: &[WrittenTimes], zone: &TimeZone) -> Option<String> {
    shown_elsewhere(rows, zone)
        .or_else(|| to_come(rows, zone))
        .or_else(|| by_two_clocks(rows, zone))
}

/// A time that the database shows in another zone, as it does if it does not know this zone's name.
fn shown_elsewhere(rows: &[WrittenTimes], zone: &TimeZone) -> Option<String> {
    let differs = |(local, offset): &(DateTime, Offset)| {
        offset
            .to_timestamp(*local)
            .is_ok_and(|moment| zone.to_datetime(moment) != *local)
    };
    let found = |row: &WrittenTimes| {
        Some((
            row.instance,
            *row.moments.iter().find(|moment| differs(moment))?,
        ))
    };
    let (instance, (local, offset)) = rows.iter().find_map(found)?;
    Some(format!(
        "instance {instance} has the time {local}{}: its column is of a type with a zone (timestamptz), and the database does not show it in that one; it may not know the name, but knows every offset",
        offset_text(offset)
    ))
}

/// A time in the future; of several the latest, which proves most.
fn to_come(rows: &[WrittenTimes], zone: &TimeZone) -> Option<String> {
    let ahead = |row: &WrittenTimes| {
        let (latest, now) = (*row.by_masters.iter().max()?, row.now?);
        let ahead = zone
            .to_timestamp(latest)
            .ok()?
            .duration_since(now)
            .as_secs();
        (LATER..FARTHEST)
            .contains(&ahead)
            .then_some((ahead, row.instance, latest, now))
    };
    let (ahead, instance, latest, now) = rows.iter().filter_map(ahead).max()?;
    let given = zone.to_offset(now);
    let at_least = (i64::from(given.seconds()) + ahead - SAME_MOMENT + QUARTER - 1)
        .div_euclid(QUARTER)
        * QUARTER;
    let at_least = i32::try_from(at_least)
        .ok()
        .and_then(|seconds| Offset::from_seconds(seconds).ok());
    Some(format!(
        "instance {instance} has the time {latest}, which is yet to come with {}: the database says {now}, so that the masters' \
         zone is {} at least",
        offset_text(given),
        at_least.map_or_else(|| "another".to_owned(), offset_text),
    ))
}

/// How many rows, written at different times, must agree before they count for or against a zone: a
/// single one may have been changed by hand just that long after its end.
const WITNESSES: usize = 2;

/// An offset that rows show, and the times at which the database wrote them.
struct Vote<'a> {
    offset: Offset,
    moments: BTreeSet<Timestamp>,
    newest: &'a WrittenTimes,
}

impl Vote<'_> {
    fn count(&self) -> usize {
        self.moments.len()
    }
}

/// What two clocks in one row show about a zone.
#[derive(Default)]
struct Votes<'a> {
    /// At how many different times rows that show it were written.
    agree: usize,
    /// The offset that most others show.
    against: Option<Vote<'a>>,
}

/// The end that a master wrote, and the moment in which the database wrote the same row. A row that
/// was changed later proves nothing, and most of these are not a multiple of a quarter of an hour
/// apart. If one statement has changed many, as in an upgrade, some of them would be; but they were
/// written at the same time, and mostly contradict each other.
fn votes<'a>(rows: &'a [WrittenTimes], zone: &TimeZone) -> Votes<'a> {
    let mut offsets: HashMap<Timestamp, HashSet<Offset>> = HashMap::new();
    for (end, written) in rows
        .iter()
        .filter_map(|row| Some((row.end?, row.by_database?)))
    {
        offsets
            .entry(written)
            .or_default()
            .extend(quarters(end, written));
    }
    let contradict = |written: &Timestamp| {
        offsets
            .get(written)
            .is_some_and(|offsets| offsets.len() > 1)
    };
    let (mut agree, mut others) = (BTreeSet::new(), BTreeMap::new());
    for row in rows {
        let (Some(end), Some(written)) = (
            row.end,
            row.by_database.filter(|written| !contradict(written)),
        ) else {
            continue;
        };
        let Some(offset) = quarters(end, written) else {
            continue;
        };
        if offset == zone.to_offset(written) {
            agree.insert(written);
        } else {
            let vote = || Vote {
                offset,
                moments: BTreeSet::new(),
                newest: row,
            };
            others
                .entry(offset.seconds())
                .or_insert_with(vote)
                .moments
                .insert(written);
        }
    }
    Votes {
        agree: agree.len(),
        against: others.into_values().max_by_key(Vote::count),
    }
}

fn by_two_clocks(rows: &[WrittenTimes], zone: &TimeZone) -> Option<String> {
    let Votes { agree, against } = votes(rows, zone);
    let vote = against.filter(|vote| vote.count() >= WITNESSES && vote.count() > agree)?;
    let (end, written) = (vote.newest.end?, vote.newest.by_database?);
    Some(format!(
        "instance {} ended at {end} by its master's clock, and the database wrote it at \
         {written}: an offset of {}, in {} of \
         the newest rows, and {} in {agree}",
        vote.newest.instance,
        offset_text(vote.offset),
        vote.count(),
        offset_text(zone.to_offset(written)),
    ))
}

/// Whether the rows prove a zone. In PostgreSQL and SQLite they cannot: no column there has a time
/// written by the database.
fn is_proven(rows: &[WrittenTimes], zone: &TimeZone) -> bool {
    let Votes { agree, against } = votes(rows, zone);
    agree >= WITNESSES && agree > against.map_or(0, |vote| vote.count())
}

/// The offset of a zone in which the local time is that moment, if a zone can have it.
fn quarters(local: DateTime, moment: Timestamp) -> Option<Offset> {
    let seconds = TimeZone::UTC
        .to_timestamp(local)
        .ok()?
        .duration_since(moment);
    let seconds = SignedDuration::as_secs(&seconds);
    let whole = seconds.checked_add(QUARTER / 2)?.div_euclid(QUARTER) * QUARTER;
    let near = (seconds - whole).abs() <= SAME_MOMENT;
    // From -12:00 to +14:00.
    let possible = (-12 * 3600..=14 * 3600).contains(&whole);
    (near && possible).then(|| Offset::from_seconds(i32::try_from(whole).ok()?).ok())?
}

/// `+08:00`, as `--time-zone` takes it.
fn offset_text(offset: Offset) -> String {
    let minutes = offset.seconds() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2024-06-01T12:00:00Z";

    fn ended(instance: i64, end: &str, written: &str) -> WrittenTimes {
        let end: DateTime = end.parse().unwrap();
        WrittenTimes {
            instance,
            host: None,
            by_masters: vec![end],
            moments: Vec::new(),
            end: Some(end),
            by_database: written.parse().ok(),
            now: NOW.parse().ok(),
        }
    }

    fn seen(rows: &[WrittenTimes], zone: &str) -> Option<String> {
        against(rows, &TimeZone::get(zone).unwrap())
    }

    fn proven(rows: &[WrittenTimes], zone: &str) -> bool {
        is_proven(rows, &TimeZone::get(zone).unwrap())
    }

    #[test]
    fn two_clocks_in_one_row_show_the_zone() {
        let chicago = [
            ended(3, "2024-06-01T05:00:00", "2024-06-01T10:00:01Z"),
            // Changed by hand since.
            ended(2, "2024-06-01T01:11:00", "2024-06-01T11:18:00Z"),
            ended(1, "2024-05-01T05:00:00", "2024-05-01T10:00:00Z"),
        ];
        assert_eq!(seen(&chicago, "America/Chicago"), None);
        let told = seen(&chicago, "Asia/Shanghai").unwrap();
        assert!(
            told.contains("instance 3") && told.contains("-05:00") && told.contains("in 2 of"),
            "{told}"
        );
        assert!(seen(&chicago, "America/New_York").is_some());
        // One row that was changed by hand by whole hours does not outweigh the others.
        let one = [
            &chicago[..],
            &[ended(4, "2024-06-01T03:00:00", "2024-06-01T10:00:01Z")],
        ]
        .concat();
        assert_eq!(seen(&one, "America/Chicago"), None);
        // A zone that has changed its offset: each row has the one of its day.
        let both = [
            ended(2, "2024-06-01T05:00:00", "2024-06-01T10:00:00Z"),
            ended(1, "2024-01-01T04:00:00", "2024-01-01T10:00:00Z"),
        ];
        assert_eq!(seen(&both, "America/Chicago"), None);
        assert_eq!(
            seen(
                &[ended(1, "2024-06-01T05:00:00", "2024-06-21T10:00:00Z")],
                "UTC"
            ),
            None
        );
        assert_eq!(seen(&[], "UTC"), None);
        // One statement has changed all of them, one and two hours after their ends.
        let together = ["04:00:01", "04:00:00", "03:00:00"]
            .map(|end| ended(1, &format!("2024-06-01T{end}"), "2024-06-01T10:00:00Z"));
        assert_eq!(seen(&together, "America/Chicago"), None);
        // Two that do not contradict each other still have the same time.
        assert_eq!(seen(&together[..2], "America/Chicago"), None);
        // One that was changed by hand a whole hour after its end does not disprove the right zone,
        // nor does it prove another.
        let state_lock = [ended(1, "2024-06-01T04:00:00", "2024-06-01T10:00:00Z")];
        assert_eq!(seen(&state_lock, "America/Chicago"), None);
        assert!(!proven(&state_lock, "America/Denver"));
        let two = [
            &state_lock[..],
            &[ended(2, "2024-06-01T05:00:00", "2024-06-01T11:00:00Z")],
        ]
        .concat();
        assert!(seen(&two, "America/Chicago").is_some());
    }

    #[test]
    fn moments_that_are_shown_in_another_zone_are_no_times_of_the_masters() {
        let moment = |offset: i32| {
            let local: DateTime = "2024-06-01T02:00:00".parse().unwrap();
            let moments = vec![(local, Offset::from_seconds(offset).unwrap())];
            [WrittenTimes {
                instance: 7,
                by_masters: vec![local],
                moments,
                now: NOW.parse().ok(),
                ..WrittenTimes::default()
            }]
        };
        let told = seen(&moment(0), "Asia/Shanghai").unwrap();
        assert!(
            told.contains("instance 7") && told.contains("02:00:00+00:00"),
            "{told}"
        );
        assert_eq!(seen(&moment(0), "UTC"), None);
        assert_eq!(seen(&moment(28_800), "Asia/Shanghai"), None);
        assert_eq!(seen(&moment(-18_000), "America/Chicago"), None);
    }

    #[test]
    fn rows_that_agree_prove_a_zone() {
        let two = [
            ended(3, "2024-06-01T05:00:00", "2024-06-01T10:00:01Z"),
            ended(1, "2024-05-01T05:00:00", "2024-05-01T10:00:00Z"),
        ];
        assert!(proven(&two, "America/Chicago") && !proven(&two, "America/Denver"));
        assert!(!proven(&two[..1], "America/Chicago"));
        let without = two.map(|row| WrittenTimes {
            by_database: None,
            ..row
        });
        assert!(!proven(&without, "America/Chicago"));
    }

    #[test]
    fn the_rows_of_one_master_show_nothing_of_anothers_zone() {
        let of = |host: &str, row: WrittenTimes| WrittenTimes {
            host: Some(host.to_owned()),
            ..row
        };
        let rows = [
            of(
                "a:1",
                ended(3, "2024-06-01T05:00:00", "2024-06-01T10:00:01Z"),
            ),
            of(
                "a:1",
                ended(2, "2024-05-01T05:00:00", "2024-05-01T10:00:00Z"),
            ),
            of(
                "b:1",
                ended(1, "2024-05-01T10:00:00", "2024-05-01T10:00:00Z"),
            ),
        ];
        let of_master = |host: &str| of_master(&rows, &Address::seen(host));
        assert!(proven(&of_master("a:1"), "America/Chicago"));
        assert!(!proven(&of_master("b:1"), "America/Chicago") && !proven(&of_master("c:1"), "UTC"));
    }

    #[test]
    fn what_is_yet_to_come_disproves_a_zone() {
        let time = |text: &str| WrittenTimes {
            instance: 7,
            by_masters: vec![text.parse().unwrap()],
            now: NOW.parse().ok(),
            ..WrittenTimes::default()
        };
        let shanghai = [time("2024-06-01T20:00:00")];
        assert_eq!(seen(&shanghai, "Asia/Shanghai"), None);
        assert!(
            seen(&shanghai, "America/Chicago")
                .unwrap()
                .contains("instance 7")
        );
        assert!(seen(&shanghai, "UTC").unwrap().contains("+08:00"));
        assert_eq!(seen(&[time("2024-06-01T20:04:00")], "Asia/Shanghai"), None);
        assert_eq!(seen(&[time("2099-06-01T20:00:00")], "Asia/Shanghai"), None);
        assert_eq!(seen(&[time("2024-05-01T20:00:00")], "UTC"), None);
    }
}
