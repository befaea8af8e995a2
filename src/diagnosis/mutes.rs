//! Which findings are no alarm, because somebody has said so in a configuration file.

use std::fmt;

use jiff::Timestamp;

use super::checks::kind;
use super::finding::{Finding, Muted, Subject};
use crate::config::{ConfigError, Mute};

/// Refuses a mute of a code that no finding has: it would be believed to mute something.
///
/// # Errors
/// The first one.
pub fn check_codes(mutes: &[Mute]) -> Result<(), ConfigError> {
    let unknown = mutes.iter().find(|mute| kind(&mute.code).is_none());
    unknown.map_or(Ok(()), |mute| {
        let problem = format!("no finding has the code {}", mute.code);
        Err(mute.mistake(problem, "'dsctl doctor --explain' lists all codes"))
    })
}

/// A mute without an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdleMute<'a> {
    mute: &'a Mute,
    why: Idle,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Idle {
    Expired,
    /// What was found is about other instances, too.
    Others,
    NothingFound,
}

impl IdleMute<'_> {
    /// The code that it mutes.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.mute.code
    }
}

impl fmt::Display for IdleMute<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mute, why } = self;
        match why {
            Idle::Expired => write!(f, "{mute} has expired at {:.0}", mute.until),
            Idle::Others => write!(
                f,
                "{mute} mutes nothing: what was found is about other instances, too"
            ),
            Idle::NothingFound => write!(f, "{mute} mutes nothing: there is no such finding"),
        }
    }
}

/// Marks the findings that are muted at this moment, and puts them last. Gives the mutes that have
/// no effect, in their order.
///
/// A finding about several instances is muted by its instances only if each of them is muted: what
/// has come to it since is not known of.
pub fn mute<'a>(found: &mut [Finding], mutes: &'a [Mute], now: Timestamp) -> Vec<IdleMute<'a>> {
    let valid: Vec<&Mute> = mutes.iter().filter(|mute| mute.until > now).collect();
    let (mut used, mut in_part) = (Vec::new(), Vec::new());
    for finding in &mut *found {
        let of_code = valid
            .iter()
            .copied()
            .filter(|mute| mute.code == finding.kind.code);
        let (whole, others): (Vec<&Mute>, Vec<&Mute>) =
            of_code.partition(|mute| is_whole(mute, &finding.subject));
        let ids = &finding.subject.instance_ids;
        let names_one = |mute: &&Mute| ids.iter().any(|id| is_instance(mute, *id));
        let parts: Vec<&Mute> = others.into_iter().filter(names_one).collect();
        let by_parts = each_instance(&finding.subject, &parts);
        let by = longest(&whole).into_iter().chain(by_parts);
        finding.muted = by.max_by_key(|mute| mute.until).map(|mute| Muted {
            until: mute.until,
            reason: mute.reason.clone(),
        });
        used.extend(whole);
        if by_parts.is_some() {
            used.extend(parts);
        } else {
            in_part.extend(parts);
        }
    }
    found.sort_by_key(|finding| finding.muted.is_some());
    let idle = mutes.iter().filter(|mute| !used.contains(mute));
    idle.map(|mute| {
        let why = match mute {
            mute if mute.until <= now => Idle::Expired,
            mute if in_part.contains(&mute) => Idle::Others,
            _ => Idle::NothingFound,
        };
        IdleMute { mute, why }
    })
    .collect()
}

fn longest<'a>(mutes: &[&'a Mute]) -> Option<&'a Mute> {
    mutes.iter().copied().max_by_key(|mute| mute.until)
}

/// Whether it names what a finding is about as a whole, whichever instances that has.
fn is_whole(mute: &Mute, subject: &Subject) -> bool {
    let Some(named) = mute.subject.as_deref() else {
        return true;
    };
    let Subject {
        master,
        worker_group,
        lock,
        node,
        ..
    } = subject;
    let is_group = |group: &String| named.strip_prefix("worker group ") == Some(group);
    [master, worker_group, lock, node]
        .into_iter()
        .flatten()
        .any(|text| text == named)
        || worker_group.as_ref().is_some_and(is_group)
}

fn is_instance(mute: &Mute, id: i64) -> bool {
    let named = mute.subject.as_deref().unwrap_or_default();
    let number = named.strip_prefix("instance ").unwrap_or(named);
    number == id.to_string()
}

/// If each instance is muted, the mute that ends first. More than are named by their ids may be
/// others.
fn each_instance<'a>(subject: &Subject, mutes: &[&'a Mute]) -> Option<&'a Mute> {
    if subject.instance_ids.len() != subject.instances {
        return None;
    }
    let of_each = subject.instance_ids.iter().map(|id| {
        let of_one: Vec<&Mute> = mutes
            .iter()
            .copied()
            .filter(|mute| is_instance(mute, *id))
            .collect();
        longest(&of_one)
    });
    let of_each: Option<Vec<&Mute>> = of_each.collect();
    of_each?.into_iter().min_by_key(|mute| mute.until)
}

/// What is not muted.
pub fn alarms(found: &[Finding]) -> impl Iterator<Item = &Finding> {
    found.iter().filter(|finding| finding.muted.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::CHECKS;

    fn muting(code: &str, subject: Option<&str>, until: &str) -> Mute {
        Mute {
            code: code.to_owned(),
            subject: subject.map(str::to_owned),
            until: until.parse().unwrap(),
            reason: format!("until {until}"),
            path: "/c.toml".into(),
            line: 7,
        }
    }

    const SOON: &str = "2026-01-02T00:00:00Z";
    const LATER: &str = "2026-01-03T00:00:00Z";

    fn now() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }

    fn finding(code: &str, subject: Subject) -> Finding {
        Finding::new(kind(code).unwrap(), subject)
    }

    /// Until when one finding is muted, and why mutes have no effect.
    fn judged(subject: Subject, mutes: &[Mute]) -> (Option<String>, Vec<Idle>) {
        let mut found = [finding("DS-003", subject)];
        let idle = mute(&mut found, mutes, now());
        let until = found[0].muted.as_ref().map(|by| by.until.to_string());
        (until, idle.into_iter().map(|idle| idle.why).collect())
    }

    #[test]
    fn a_mute_names_all_or_each_part_of_what_is_found() {
        let of = |ids: &[i64]| Subject::default().of_instances(ids);
        let on = |subject: Option<&str>| muting("DS-003", subject, SOON);
        let soon = || Some(SOON.to_owned());
        for named in [None, Some("7"), Some("instance 7")] {
            assert_eq!(judged(of(&[7]), &[on(named)]), (soon(), vec![]));
        }
        let others = (None, vec![Idle::Others]);
        assert_eq!(judged(of(&[7, 8]), &[on(Some("7"))]), others);
        let nothing = (None, vec![Idle::NothingFound]);
        for named in ["17", "instance", "2 instances", "worker group 7", ""] {
            assert_eq!(judged(of(&[7, 8]), &[on(Some(named))]), nothing, "{named}");
        }
        // Each for itself, and then the first that ends counts.
        let both = [on(Some("7")), muting("DS-003", Some("8"), LATER)];
        assert_eq!(judged(of(&[7, 8]), &both), (soon(), vec![]));
        // Not all of many are named.
        let many: Vec<i64> = (1..=21).collect();
        let mutes: Vec<Mute> = many.iter().map(|id| on(Some(&id.to_string()))).collect();
        let (until, idle) = judged(of(&many), &mutes);
        assert_eq!((until, idle.len()), (None, 21));
        let group = || Subject {
            worker_group: Some("gpu".to_owned()),
            ..of(&[7, 8])
        };
        for named in ["gpu", "worker group gpu"] {
            assert_eq!(judged(group(), &[on(Some(named))]), (soon(), vec![]));
        }
        let master = Subject::master("m:1").of_instances(&[7, 8]);
        assert_eq!(judged(master, &[on(Some("m:1"))]), (soon(), vec![]));
    }

    #[test]
    fn the_longest_mute_counts_and_none_counts_after_its_end() {
        let mutes = [
            muting("DS-003", None, SOON),
            muting("DS-003", None, LATER),
            muting("DS-003", None, "2026-01-01T00:00:00Z"),
            muting("DS-007", None, LATER),
        ];
        let one = || Subject::default().of_instances(&[7]);
        let idle = vec![Idle::Expired, Idle::NothingFound];
        assert_eq!(judged(one(), &mutes), (Some(LATER.to_owned()), idle));
        let mut found = [finding("DS-003", one()), finding("DS-007", one())];
        let idle = mute(&mut found, &mutes[2..3], now());
        assert!(found.iter().all(|finding| finding.muted.is_none()));
        assert_eq!(
            idle[0].to_string(),
            "the mute of DS-003 (/c.toml, line 7) has expired at 2026-01-01T00:00:00Z"
        );
        mute(&mut found, &mutes[..1], now());
        let codes: Vec<&str> = found.iter().map(|finding| finding.kind.code).collect();
        assert_eq!(codes, ["DS-007", "DS-003"], "what is muted comes last");
    }

    #[test]
    fn only_codes_that_exist_are_muted() {
        let all: Vec<Mute> = CHECKS
            .iter()
            .map(|check| muting(check.kind.code, None, SOON))
            .collect();
        assert_eq!(check_codes(&all), Ok(()));
        let wrong = check_codes(&[muting("DS-999", None, SOON)]).unwrap_err();
        assert_eq!(
            wrong.to_string(),
            "/c.toml, line 7: no finding has the code DS-999"
        );
    }
}
