//! What the rows show about a COMMIT whose answer is lost. Pure.

use super::rules::Steps;
use crate::family::Release;
use crate::model::Instance;

/// What is known about a COMMIT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trace {
    /// It happened.
    Done,
    /// It did not happen.
    NotDone,
    /// This is unknown.
    Unclear,
}

/// What is found for an instance afterwards.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowFound<'a> {
    /// Its row, if it has one.
    pub(crate) row: Option<&'a Instance>,
    /// Whether a recovery command waits for it.
    pub(crate) command: bool,
}

/// What one row shows: as it was under its lock, and as it is now.
pub(crate) fn of(release: &Release, steps: Steps, was: &Instance, found: RowFound<'_>) -> Trace {
    let RowFound {
        row: Some(row),
        command,
    } = found
    else {
        return Trace::Unclear;
    };
    let claimed = release.family.claim.is_on(row);
    // The API server changes states, and so does a master that is not quite dead: that does not
    // show a hand-over.
    let same_master = row.host == was.host && row.restart_time == was.restart_time;
    match steps {
        Steps::Command if command || !claimed => Trace::Done,
        Steps::Claim | Steps::Both if claimed || !same_master => Trace::Done,
        Steps::Both if command => Trace::Done,
        Steps::Both if release.recovered_looks_unfinished() => Trace::Unclear,
        Steps::Command | Steps::Claim | Steps::Both => Trace::NotDone,
    }
}

/// What all rows show together: the transaction is all or nothing.
pub(crate) fn together(traces: impl Iterator<Item = Trace>) -> Trace {
    traces.fold(Trace::Unclear, |all, one| match (all, one) {
        // A row that is not claimed shows that another client changed the others.
        (Trace::NotDone, _) | (_, Trace::NotDone) => Trace::NotDone,
        (Trace::Done, _) | (_, Trace::Done) => Trace::Done,
        (Trace::Unclear, Trace::Unclear) => Trace::Unclear,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::{FamilyId, by_id};
    use crate::model::{Version, VersionRange};

    fn release(id: FamilyId, version: Version) -> Release {
        Release {
            family: by_id(id),
            range: VersionRange::new(version, version),
            contradictions: Vec::new(),
        }
    }

    fn row(host: &str, state: i64) -> Instance {
        Instance {
            id: 1,
            host: Some(host.into()),
            state: Some(state),
            ..Instance::default()
        }
    }

    fn both(release: &Release, host: &str, state: i64) -> Trace {
        of(
            release,
            Steps::Both,
            &row("dead:1", 1),
            RowFound {
                row: Some(&row(host, state)),
                command: false,
            },
        )
    }

    #[test]
    fn a_changed_state_alone_is_no_hand_over() {
        let old = release(FamilyId::V3_2, Version::new(3, 2, 2));
        assert_eq!(both(&old, "dead:1", 2), Trace::NotDone);
        assert_eq!(both(&old, "dead:1", 7), Trace::NotDone);
        assert_eq!(both(&old, "NULL", 1), Trace::Done);
        assert_eq!(both(&old, "new:1", 1), Trace::Done);
        let new = release(FamilyId::V3_3, Version::new(3, 4, 1));
        assert_eq!(both(&new, "dead:1", 2), Trace::NotDone);
        assert_eq!(both(&new, "dead:1", 18), Trace::Done);
        assert_eq!(
            both(&release(FamilyId::V3_3, Version::new(3, 3, 0)), "dead:1", 1),
            Trace::Unclear
        );
        assert_eq!(
            of(
                &old,
                Steps::Both,
                &row("dead:1", 1),
                RowFound {
                    row: None,
                    command: false
                }
            ),
            Trace::Unclear
        );
    }

    #[test]
    fn a_command_alone_shows_in_the_commands() {
        let old = release(FamilyId::V3_2, Version::new(3, 2, 2));
        let is = |now: Instance, command| {
            of(
                &old,
                Steps::Command,
                &row("NULL", 1),
                RowFound {
                    row: Some(&now),
                    command,
                },
            )
        };
        assert_eq!(is(row("NULL", 1), false), Trace::NotDone);
        assert_eq!(is(row("NULL", 1), true), Trace::Done);
        assert_eq!(is(row("new:1", 1), false), Trace::Done);
    }

    #[test]
    fn one_untouched_row_decides_for_all() {
        use Trace::{Done, NotDone, Unclear};
        assert_eq!(together([Done, NotDone, Done].into_iter()), NotDone);
        assert_eq!(together([Unclear, Done].into_iter()), Done);
        assert_eq!(together([Unclear, Unclear].into_iter()), Unclear);
        assert_eq!(together([NotDone, Unclear].into_iter()), NotDone);
    }
}
