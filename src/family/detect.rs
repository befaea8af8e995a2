//! Which release a metadata store belongs to: the schema decides, `t_ds_version` refines,
//! `--ds-version` overrides.

use std::collections::{BTreeMap, BTreeSet};

use super::needs::Need;
use super::{Family, FamilyId, OPEN_END, Release, by_id};
use crate::model::{Stage, Version, VersionRange};

/// The existing tables and columns, by the names with which statements find them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalogue {
    /// Tables, their columns, and whether this user may read each of these.
    tables: BTreeMap<String, BTreeMap<String, bool>>,
    /// `version` column of `t_ds_version`, newest row last; empty if there is none.
    pub versions: Vec<String>,
    /// Whether columns without a privilege are omitted: a column that is not listed may exist all
    /// the same.
    pub hides: bool,
    /// Tables for which statements find one of the same name first, in another schema.
    covered: BTreeSet<String>,
}

/// Why the release could not be detected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DetectError {
    /// No table of DolphinScheduler.
    #[error("this database has no DolphinScheduler tables; seen: {seen}")]
    NotDolphinScheduler {
        /// The tables that are there, shortened.
        seen: String,
    },
    /// Tables of DolphinScheduler, but of no known family.
    #[error("the schema is not that of a known DolphinScheduler release: {seen}")]
    UnknownSchema {
        /// What was seen.
        seen: String,
    },
    /// The instance tables of two families, one of which is a leftover.
    #[error(
        "both {TO_3_2} and {FROM_3_3} exist in this database: one of them is left from before an \
         upgrade to 3.3, or from a dump that was loaded over it, and it is unknown here which one \
         the masters use"
    )]
    TwoInstanceTables,
    /// This user may not read what is needed.
    #[error("this database user may not read {0}")]
    Closed(String),
    /// Privileges only on single columns: other columns are hidden, and the release is detected by
    /// them.
    #[error(
        "this database user may not read whole tables, so that their release cannot be detected: \
         {0}"
    )]
    HalfClosed(String),
    /// The search path leads to tables of two schemas.
    #[error(
        "another schema in the search path has {0}, too, and comes before the one that has t_ds_command: its table would be read, which may be a copy or a leftover"
    )]
    Covered(String),
    /// The release is unknown.
    #[error("{0}, which has the release")]
    NoVersion(String),
    /// `t_ds_version` names a release of another schema.
    #[error(
        "t_ds_version says {stated}, but the tables are those of family {family} ({releases}): an \
         upgrade may have stopped midway"
    )]
    OtherFamily {
        /// The version in `t_ds_version`.
        stated: String,
        /// The family that was found.
        family: &'static str,
        /// The possible releases.
        releases: VersionRange,
    },
    /// `--ds-version` names a release of another schema.
    #[error(
        "--ds-version {given} contradicts the schema, which is that of family {family} ({releases})"
    )]
    WrongVersion {
        /// The given version.
        given: Version,
        /// The family that was found.
        family: &'static str,
        /// The possible releases.
        releases: VersionRange,
    },
    /// The tables belong to another release than when they were first read: an upgrade breaks no
    /// connection.
    #[error(
        "the tables have changed since the start, as after an upgrade: they were those of \
         {before}, and are now those of {now}"
    )]
    Upgraded {
        /// The release that was found then.
        before: VersionRange,
        /// The release that is found now.
        now: VersionRange,
    },
}

impl DetectError {
    /// The next command, or what to look at.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NotDolphinScheduler { .. } => {
                "check the database's name in --db, and that its user may see the tables".to_owned()
            }
            Self::UnknownSchema { .. } => {
                "check the database's name in --db and its user's privileges (see the README); an \
                 upgrade that stopped midway must be finished or undone first"
                    .to_owned()
            }
            Self::TwoInstanceTables => format!(
                "masters up to 3.2 use {TO_3_2}, those of 3.3 and newer {FROM_3_3}: check which \
                 release runs, and that its table has the running workflows, and rename the other \
                 one (ALTER TABLE … RENAME TO …)"
            ),
            Self::Closed(_) | Self::HalfClosed(_) => {
                "GRANT SELECT on these tables to this user; the README lists what each command \
                 needs"
                    .to_owned()
            }
            Self::Covered(_) => {
                "specify the masters' schema: a PostgreSQL URL with ?currentSchema=NAME, as in \
                 their own configuration"
                    .to_owned()
            }
            Self::NoVersion(_) => {
                "GRANT SELECT on t_ds_version, or repeat with --ds-version X.Y.Z".to_owned()
            }
            Self::OtherFamily { family, .. } => {
                format!(
                    "if the running masters are of family {family}, repeat with their \
                    --ds-version X.Y.Z"
                )
            }
            Self::WrongVersion { .. } => {
                "check the database's name in --db, or --ds-version".to_owned()
            }
            Self::Upgraded { .. } => {
                "when the upgrade is done, run the same command again".to_owned()
            }
        }
    }
}

/// The instance table up to 3.2.
const TO_3_2: &str = "t_ds_process_instance";
/// The same from 3.3 on.
const FROM_3_3: &str = "t_ds_workflow_instance";
/// The table with the release's version.
const VERSION: &str = "t_ds_version";

impl Catalogue {
    /// Adds a column that this user may read.
    pub fn add(&mut self, table: &str, column: &str) {
        self.note(table, column, true);
    }

    /// Adds a column, and whether this user may read it.
    pub fn note(&mut self, table: &str, column: &str, readable: bool) {
        self.tables
            .entry(table.to_owned())
            .or_default()
            .insert(column.to_owned(), readable);
    }

    /// Records that statements which name this table find another one.
    pub fn note_covered(&mut self, table: &str) {
        self.covered.insert(table.to_owned());
    }

    /// Whether a table exists.
    #[must_use]
    pub fn has_table(&self, table: &str) -> bool {
        self.tables.contains_key(table)
    }

    /// Whether a column exists.
    #[must_use]
    pub fn has(&self, table: &str, column: &str) -> bool {
        self.tables
            .get(table)
            .is_some_and(|columns| columns.contains_key(column))
    }

    /// Whether a column exists and this user may read it.
    #[must_use]
    pub fn may_read(&self, table: &str, column: &str) -> bool {
        self.tables
            .get(table)
            .and_then(|columns| columns.get(column))
            == Some(&true)
    }

    /// Whether `t_ds_version` can be read.
    #[must_use]
    pub fn may_read_versions(&self) -> bool {
        self.may_read(VERSION, "id") && self.may_read(VERSION, "version")
    }

    /// The text for something that is missing.
    fn absent(&self, what: &str) -> String {
        let perhaps = if self.hides {
            ", or this user has no privilege on it"
        } else {
            ""
        };
        format!("{what} does not exist{perhaps}")
    }

    /// Names of the tables, at most eight.
    fn seen(&self) -> String {
        let some: Vec<&str> = self.tables.keys().map(String::as_str).take(8).collect();
        match (some.is_empty(), self.tables.len() > some.len()) {
            (true, _) => "no tables".to_owned(),
            (false, true) => format!("{}, …", some.join(", ")),
            (false, false) => some.join(", "),
        }
    }
}

/// Detects the release (F§5.1, in its order), and checks that the tables are complete and readable.
///
/// # Errors
/// [`DetectError`]: nothing may be read or written then, because the meaning of the rows is
/// unknown.
pub fn detect(catalogue: &Catalogue, given: Option<Version>) -> Result<Release, DetectError> {
    if catalogue.has_table(TO_3_2) && catalogue.has_table(FROM_3_3) {
        return Err(DetectError::TwoInstanceTables);
    }
    let (family, by_schema) = by_schema(catalogue)?;
    check_tables(catalogue, family)?;
    let by_schema = by_schema
        .intersect(&family.releases)
        .unwrap_or(family.releases);
    let mut release = Release {
        family,
        range: by_schema,
        contradictions: Vec::new(),
    };
    match given {
        Some(given) if !family.releases.contains(given) => {
            return Err(DetectError::WrongVersion {
                given,
                family: family.label,
                releases: by_schema,
            });
        }
        Some(given) => {
            narrow(&mut release, VersionRange::new(given, given), || {
                format!("--ds-version says {given}")
            });
            release
                .contradictions
                .extend(overridden(catalogue, family, given));
        }
        None => refine(&mut release, catalogue)?,
    }
    Ok(release)
}

fn by_schema(catalogue: &Catalogue) -> Result<(&'static Family, VersionRange), DetectError> {
    let command = |column| catalogue.has("t_ds_command", column);
    if catalogue.has_table(FROM_3_3) {
        Ok((by_id(FamilyId::V3_3), range_3_3(catalogue)))
    } else if command("tenant_code") || command("test_flag") {
        Ok((by_id(FamilyId::V3_2), range_3_2(catalogue)))
    } else if catalogue.has(TO_3_2, "state_history") {
        Ok((by_id(FamilyId::V3_1), by_id(FamilyId::V3_1).releases))
    } else if catalogue.has("t_ds_task_instance", "task_group_id") {
        // A column of a table that is read in any case: the tables of task groups may not be
        // readable.
        Ok((by_id(FamilyId::V3_0), range_3_0(catalogue)))
    } else if command("process_definition_code") {
        Ok((by_id(FamilyId::V2_0), range_2_0(catalogue)))
    } else if command("worker_group") {
        Ok((by_id(FamilyId::V1_3), by_id(FamilyId::V1_3).releases))
    } else if command("worker_group_id") {
        Ok((by_id(FamilyId::V1_2), by_id(FamilyId::V1_2).releases))
    } else if catalogue.has_table("t_ds_command") || catalogue.has_table(TO_3_2) {
        Err(DetectError::UnknownSchema {
            seen: catalogue.seen(),
        })
    } else {
        Err(DetectError::NotDolphinScheduler {
            seen: catalogue.seen(),
        })
    }
}

// A table or column that is not read otherwise proves something only by its presence: if it is
// missing, it may not be visible to this user, or may have been added later.

fn range_3_3(catalogue: &Catalogue) -> VersionRange {
    let first = Version::staged(3, 3, 0, Stage::Alpha);
    if catalogue.has("t_ds_command", "test_flag") {
        VersionRange::new(first, Version::new(3, 3, 0))
    } else if catalogue.has("t_ds_schedules", "missed_fire_policy") {
        VersionRange::new(Version::new(3, 4, 3), OPEN_END)
    } else {
        VersionRange::new(Version::new(3, 3, 1), OPEN_END)
    }
}

fn range_3_2(catalogue: &Catalogue) -> VersionRange {
    let from = if catalogue.has_table("t_ds_relation_project_worker_group") {
        Version::new(3, 2, 2)
    } else if catalogue.has_table("t_ds_listener_event") {
        Version::new(3, 2, 1)
    } else {
        Version::new(3, 2, 0)
    };
    VersionRange::new(from, Version::new(3, 2, 2))
}

fn range_3_0(catalogue: &Catalogue) -> VersionRange {
    let family = by_id(FamilyId::V3_0);
    if catalogue.has("t_ds_alert", "sign") {
        VersionRange::new(Version::staged(3, 0, 0, Stage::Beta(1)), family.releases.to)
    } else {
        family.releases
    }
}

fn range_2_0(catalogue: &Catalogue) -> VersionRange {
    let instance = |column| catalogue.has(TO_3_2, column);
    if instance("restart_time") {
        VersionRange::new(Version::new(2, 0, 2), Version::new(2, 0, 9))
    } else if instance("next_process_instance_id") {
        VersionRange::new(Version::new(2, 0, 1), Version::new(2, 0, 1))
    } else {
        VersionRange::new(Version::new(2, 0, 0), Version::new(2, 0, 0))
    }
}

/// The columns of a table for which something holds, as text; `None` if there is none.
fn those(need: &Need, holds: impl Fn(&str) -> bool) -> Option<String> {
    let columns: Vec<&str> = need
        .columns
        .iter()
        .copied()
        .filter(|column| holds(column))
        .collect();
    match columns.len() {
        0 => None,
        all if all == need.columns.len() => Some(need.table.to_owned()),
        _ => Some(format!("{} ({})", need.table, columns.join(", "))),
    }
}

/// Checks that every table has the columns of this family that are read, and that they are
/// readable. A schema that is partly another family's is refused.
fn check_tables(catalogue: &Catalogue, family: &Family) -> Result<(), DetectError> {
    let needs = family.reads();
    let lacks = |need: &Need| those(need, |column| !catalogue.has(need.table, column));
    let missing: Vec<String> = needs
        .iter()
        .filter(|need| !need.may_lack)
        .filter_map(lacks)
        .collect();
    if !missing.is_empty() {
        let perhaps = if catalogue.hides {
            " (or this user has no privilege on that)"
        } else {
            ""
        };
        let seen = format!(
            "it looks like family {}, but lacks {}{perhaps}",
            family.label,
            missing.join(", ")
        );
        return Err(DetectError::UnknownSchema { seen });
    }
    let is_closed = |need: &Need, column: &str| {
        catalogue.has(need.table, column) && !catalogue.may_read(need.table, column)
    };
    let closed = |need: &Need| those(need, |column| is_closed(need, column));
    let closed: Vec<String> = needs.iter().filter_map(closed).collect();
    if !closed.is_empty() {
        return Err(DetectError::Closed(closed.join(", ")));
    }
    let read: BTreeSet<&str> = needs
        .iter()
        .map(|need| need.table)
        .chain([VERSION])
        .collect();
    let covered: Vec<&str> = read
        .into_iter()
        .filter(|table| catalogue.covered.contains(*table))
        .collect();
    if covered.is_empty() {
        Ok(())
    } else {
        Err(DetectError::Covered(covered.join(", ")))
    }
}

/// A warning that `t_ds_version` differs from the operator's version, which is used.
fn overridden(catalogue: &Catalogue, family: &Family, given: Version) -> Option<String> {
    let text = catalogue.versions.last()?;
    let agrees = text
        .parse()
        .is_ok_and(|version| stands_for(version, family.id).contains(given));
    (!agrees).then(|| format!("{VERSION} says {text:?}; --ds-version {given} is used"))
}

/// Lets `t_ds_version` narrow the range.
fn refine(release: &mut Release, catalogue: &Catalogue) -> Result<(), DetectError> {
    if !catalogue.has_table(VERSION) {
        return Err(DetectError::NoVersion(catalogue.absent(VERSION)));
    }
    if !catalogue.may_read_versions() {
        return Err(DetectError::NoVersion(format!(
            "this database user may not read {VERSION}"
        )));
    }
    let Some(text) = catalogue.versions.last() else {
        return Ok(());
    };
    let says = || format!("{VERSION} says {text:?}");
    let family = release.family;
    let Ok(version) = text.parse::<Version>() else {
        release.contradictions.push(format!(
            "{}, the schema is that of family {} ({})",
            says(),
            family.label,
            release.range
        ));
        return Ok(());
    };
    let stated = stands_for(version, family.id);
    if stated.intersect(&family.releases).is_none() {
        let (stated, family, releases) = (text.clone(), family.label, release.range);
        return Err(DetectError::OtherFamily {
            stated,
            family,
            releases,
        });
    }
    narrow(release, stated, says);
    Ok(())
}

/// Uses the intersection of both ranges. If it is empty, all releases from one to the other are
/// possible, and the contradiction is reported: what is done must then be right for each of them,
/// and all of their locks are acquired.
fn narrow(release: &mut Release, stated: VersionRange, says: impl Fn() -> String) {
    if let Some(range) = release.range.intersect(&stated) {
        release.range = range;
        return;
    }
    let (family, by_schema) = (release.family.label, release.range);
    release.contradictions.push(format!(
        "{}, the schema is that of family {family} ({by_schema})",
        says()
    ));
    release.range = by_schema.hull(&stated);
}

/// The releases whose scripts write this text into `t_ds_version` (F§5.2).
fn stands_for(version: Version, family: FamilyId) -> VersionRange {
    let range = |from: Version, to: Version| VersionRange::new(from, to);
    let v = Version::new;
    match (version.major, version.minor, version.patch) {
        (1, 2, 0) => range(v(1, 2, 0), v(1, 2, 1)),
        (1, 3, 0) => range(v(1, 3, 0), v(1, 3, 2)),
        (1, 3, 3) => range(v(1, 3, 3), v(1, 3, 5)),
        // PostgreSQL's script of 2.0.1.
        (1, 4, 0) => range(v(2, 0, 1), v(2, 0, 1)),
        // MySQL's script of 2.0.1 too: the schema tells these two apart.
        (2, 0, 2) => range(v(2, 0, 1), v(2, 0, 2)),
        (2, 0, 7) => range(v(2, 0, 7), v(2, 0, 8)),
        // Every pre-release says 3.0.0.
        (3, 0, 0) => range(Version::staged(3, 0, 0, Stage::Alpha), v(3, 0, 0)),
        (3, 0, 2) => range(v(3, 0, 2), v(3, 0, 3)),
        (3, 3, 0) if family == FamilyId::V3_2 => range(v(3, 2, 2), v(3, 2, 2)),
        // What 3.3.1 to 3.4.1 write into a fresh database is not certain: 3.3.0 there proves
        // little.
        (3, 3, 0) => range(Version::staged(3, 3, 0, Stage::Alpha), OPEN_END),
        _ => range(version, version),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::demo::schema;
    use crate::family::{FamilyId, family_of, nearest_family};
    use crate::model::Address;

    /// The tables of a release, and the version that its script writes into `t_ds_version`.
    fn schema(release: &str) -> Catalogue {
        let version: Version = release.parse().unwrap();
        let mut catalogue = Catalogue::default();
        for table in schema::tables(version) {
            for column in &table.columns {
                catalogue.add(table.name, column.name);
            }
        }
        catalogue.versions = vec![schema::fresh_version_row(version)];
        catalogue
    }

    fn with_version(release: &str, version: &str) -> Catalogue {
        Catalogue {
            versions: vec![version.to_owned()],
            ..schema(release)
        }
    }

    fn summary(catalogue: &Catalogue) -> String {
        let release = detect(catalogue, None).unwrap_or_else(|error| panic!("{error}"));
        format!(
            "{} {} {}",
            release.family.label,
            release.range,
            release.contradictions.len()
        )
    }

    fn refused(catalogue: &Catalogue, given: Option<&str>) -> String {
        detect(catalogue, given.map(|given| given.parse().unwrap()))
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn schema_first_and_t_ds_version_refines() {
        assert_eq!(summary(&schema("3.2.2")), "3.2 3.2.2 0");
        assert_eq!(summary(&schema("3.1.9")), "3.1 3.1.9 0");
        assert_eq!(
            summary(&schema("3.0.0-beta-1")),
            "3.0 3.0.0-beta-1 to 3.0.0 0"
        );
        assert_eq!(summary(&schema("2.0.2")), "2.0 2.0.2 0");
        assert_eq!(summary(&with_version("2.0.1", "1.4.0")), "2.0 2.0.1 0");
        assert_eq!(summary(&schema("1.3.4")), "1.3 1.3.3 to 1.3.5 0");
        assert_eq!(
            summary(&with_version("1.2.1", "garbage")),
            "1.2 1.2.0 to 1.2.1 1"
        );
        assert_eq!(
            summary(&with_version("3.3.2", "3.3.0")),
            "3.3+ 3.3.1 or newer 0"
        );
        assert_eq!(
            summary(&with_version("3.4.3", "3.3.0")),
            "3.3+ 3.4.3 or newer 0"
        );
    }

    #[test]
    fn every_release_that_changes_something_is_found_by_its_own_tables() {
        for release in [
            "1.2.1", "1.3.9", "2.0.0", "2.0.9", "3.0.6", "3.1.9", "3.2.1", "3.2.2", "3.3.1",
            "3.4.0", "3.4.3",
        ] {
            let found = detect(&schema(release), None).unwrap();
            assert!(
                found.range.contains(release.parse().unwrap()) && found.contradictions.is_empty(),
                "{found:?}"
            );
        }
    }

    #[test]
    fn another_familys_version_is_refused_unless_the_operator_agrees_with_the_tables() {
        let upgraded = with_version("3.1.9", "3.2.0");
        assert!(
            refused(&upgraded, None)
                .contains("t_ds_version says 3.2.0, but the tables are those of family 3.1")
        );
        assert!(
            refused(&upgraded, Some("3.2.0")).contains("--ds-version 3.2.0 contradicts the schema")
        );
        let release = detect(&upgraded, Some(Version::new(3, 1, 9))).unwrap();
        assert_eq!(
            (release.version(), release.contradictions.len()),
            (Some(Version::new(3, 1, 9)), 1)
        );
    }

    #[test]
    fn a_contradiction_within_a_family_leaves_every_release_possible_and_takes_all_their_locks() {
        let between = detect(&with_version("2.0.1", "2.0.5"), None).unwrap();
        assert_eq!(
            (
                between.range.to_string().as_str(),
                between.contradictions.len()
            ),
            ("2.0.1 to 2.0.5", 1)
        );
        assert_eq!(
            between.lock_paths(&Address::seen("h:1")),
            ["lock/failover/masters", "lock/failover/masters/h:1"]
        );
        let given = detect(&schema("2.0.1"), Some(Version::new(2, 0, 5))).unwrap();
        assert_eq!(given.range, between.range);
    }

    #[test]
    fn two_instance_tables_are_refused_whatever_the_operator_says() {
        for release in ["3.2.2", "3.4.0"] {
            let mut both = schema(release);
            both.add(TO_3_2, "id");
            both.add(FROM_3_3, "id");
            for given in [None, Some("3.2.2"), Some("3.4.0")] {
                assert!(
                    refused(&both, given)
                        .contains("both t_ds_process_instance and t_ds_workflow_instance")
                );
                // There must be no ready-made command that could rename the table in use.
                assert!(
                    !DetectError::TwoInstanceTables
                        .hint()
                        .contains("ALTER TABLE t_ds")
                );
            }
        }
    }

    #[test]
    fn a_schema_that_is_half_another_familys_is_refused_with_what_it_lacks() {
        let mut half = schema("3.2.2");
        let instances = half.tables.remove(TO_3_2).unwrap();
        half.tables.insert(FROM_3_3.to_owned(), instances);
        let error = refused(&half, None);
        for lacking in [
            "looks like family 3.3+",
            "t_ds_workflow_instance (",
            "t_ds_command (workflow_instance_id)",
        ] {
            assert!(error.contains(lacking), "{error}");
        }
        assert!(!error.contains("no privilege"), "{error}");
        half.hides = true;
        assert!(refused(&half, None).contains("or this user has no privilege on that"));
    }

    #[test]
    fn what_is_closed_to_us_makes_no_older_release() {
        // Task groups are neither read nor needed.
        let mut hidden = schema("3.0.6");
        hidden.tables.remove("t_ds_task_group");
        assert_eq!(summary(&hidden), "3.0 3.0.6 0");
        let mut closed = schema("3.2.2");
        closed.note("t_ds_command", "command_param", false);
        closed.note("t_ds_project", "code", false);
        assert!(refused(&closed, None).ends_with("may not read t_ds_command (command_param)"));
        closed.note(VERSION, "version", false);
        closed.note("t_ds_command", "command_param", true);
        assert_eq!(
            refused(&closed, None),
            "this database user may not read t_ds_version, which has the release"
        );
        assert!(detect(&closed, Some(Version::new(3, 2, 2))).is_ok());
        let mut hidden = Catalogue {
            hides: true,
            ..schema("3.4.2")
        };
        hidden.tables.remove("t_ds_jdbc_registry_data");
        assert!(
            refused(&hidden, None)
                .contains("lacks t_ds_jdbc_registry_data (or this user has no privilege on that)")
        );
    }

    #[test]
    fn an_unknown_schema_is_refused_with_what_was_seen() {
        let mut blog = Catalogue::default();
        blog.add("wp_posts", "id");
        assert!(refused(&blog, None).contains("wp_posts"));
        assert!(matches!(
            detect(&Catalogue::default(), None),
            Err(DetectError::NotDolphinScheduler { .. })
        ));
        let mut one = Catalogue::default();
        one.add("t_ds_command", "id");
        assert!(matches!(
            detect(&one, None),
            Err(DetectError::UnknownSchema { .. })
        ));
    }

    #[test]
    fn the_operator_decides_the_point_release_but_not_the_family() {
        let schema = with_version("3.1.9", "3.1.2");
        assert_eq!(
            detect(&schema, Some(Version::new(3, 1, 8)))
                .unwrap()
                .version(),
            Some(Version::new(3, 1, 8))
        );
        let error = detect(&schema, Some(Version::new(3, 2, 0))).unwrap_err();
        assert!(matches!(error, DetectError::WrongVersion { .. }));
    }

    #[test]
    fn each_release_belongs_to_one_family() {
        let label = |text: &str| family_of(text.parse().unwrap()).map(|family| family.label);
        assert_eq!(label("3.4.1"), Some("3.3+"));
        assert_eq!(label("3.0.0-alpha"), Some("3.0"));
        assert_eq!(label("1.1.0"), None);
    }

    #[test]
    fn families_begin_with_their_pre_releases() {
        let family = |text: &str| nearest_family(text.parse().unwrap()).id;
        assert_eq!(
            (family("1.2.1"), family("1.3.0")),
            (FamilyId::V1_2, FamilyId::V1_3)
        );
        assert_eq!(
            (family("1.3.9"), family("2.0.0-alpha")),
            (FamilyId::V1_3, FamilyId::V2_0)
        );
        assert_eq!(
            (family("2.0.9"), family("3.0.0-alpha")),
            (FamilyId::V2_0, FamilyId::V3_0)
        );
        assert_eq!(
            (family("3.0.6"), family("3.1.0")),
            (FamilyId::V3_0, FamilyId::V3_1)
        );
        assert_eq!(
            (family("3.1.9"), family("3.2.0")),
            (FamilyId::V3_1, FamilyId::V3_2)
        );
        assert_eq!(
            (family("3.2.2"), family("3.3.0-alpha")),
            (FamilyId::V3_2, FamilyId::V3_3)
        );
        assert_eq!(family("3.4.1"), FamilyId::V3_3);
    }

    proptest! {
        #[test]
        fn any_catalogue_gives_an_answer_within_its_family(
            columns in proptest::collection::vec(("t_ds_[a-z_]{3,12}|t_ds_command|t_ds_process_instance", "[a-z_]{1,12}"), 0..40),
            version in "[0-9.a-z-]{0,10}",
        ) {
            let mut catalogue = Catalogue::default();
            for (table, column) in &columns {
                catalogue.add(table, column);
            }
            catalogue.versions = vec![version];
            if let Ok(release) = detect(&catalogue, None) {
                prop_assert!(release.range.intersect(&release.family.releases).is_some());
            }
        }
    }
}
