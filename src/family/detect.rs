//! Which release a metadata store belongs to: the schema decides, `t_ds_version` refines, `--ds-version` overrides.

use std::collections::{BTreeMap, BTreeSet};

use super::{ALL, Family, FamilyId, OPEN_END, Release, by_id};
use crate::model::{Stage, Version, VersionRange};

/// Tables and columns that are there, in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalogue {
    tables: BTreeMap<String, BTreeSet<String>>,
    /// `version` column of `t_ds_version`, newest row last; empty if there is none.
    pub versions: Vec<String>,
}

/// Why no release could be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DetectError {
    /// No table of DolphinScheduler's.
    #[error("this database has no DolphinScheduler tables; seen: {seen}")]
    NotDolphinScheduler {
        /// The tables that are there, shortened.
        seen: String,
    },
    /// Tables of DolphinScheduler's, in a shape of no known family.
    #[error("the schema is of no known DolphinScheduler release: {seen}")]
    UnknownSchema {
        /// What was seen.
        seen: String,
    },
    /// `--ds-version` names a release of another schema.
    #[error("--ds-version {given} contradicts the schema, which is of family {family} ({releases})")]
    WrongVersion {
        /// As given.
        given: Version,
        /// As found.
        family: &'static str,
        /// The releases it could be.
        releases: VersionRange,
    },
}

impl Catalogue {
    /// Notes a column.
    pub fn add(&mut self, table: &str, column: &str) {
        self.tables.entry(table.to_lowercase()).or_default().insert(column.to_lowercase());
    }

    /// Whether a table is there.
    #[must_use]
    pub fn has_table(&self, table: &str) -> bool {
        self.tables.contains_key(table)
    }

    /// Whether a column is there.
    #[must_use]
    pub fn has(&self, table: &str, column: &str) -> bool {
        self.tables.get(table).is_some_and(|columns| columns.contains(column))
    }

    /// Names of the tables, at most eight.
    fn seen(&self) -> String {
        let some: Vec<&str> = self.tables.keys().map(String::as_str).take(8).collect();
        match (some.is_empty(), self.tables.len() > some.len()) {
            (true, _) => "no table at all".to_owned(),
            (false, true) => format!("{}, …", some.join(", ")),
            (false, false) => some.join(", "),
        }
    }
}

/// Finds the release (F§5.1, in its order).
///
/// # Errors
/// [`DetectError`]: nothing may be read or written then, since nothing is known of the meaning of the rows.
pub fn detect(catalogue: &Catalogue, given: Option<Version>) -> Result<Release, DetectError> {
    let (family, by_schema) = by_schema(catalogue)?;
    require_tables(catalogue, family)?;
    let by_schema = by_schema.intersect(&family.releases).unwrap_or(family.releases);
    let mut release = Release { family, range: by_schema, contradictions: Vec::new() };
    refine(&mut release, catalogue, by_schema);
    if let Some(given) = given {
        if !family.releases.contains(given) {
            return Err(DetectError::WrongVersion { given, family: family.label, releases: by_schema });
        }
        if !by_schema.contains(given) {
            release.contradictions.push(format!("--ds-version says {given}, the schema looks like {by_schema}"));
        }
        release.range = VersionRange::new(given, given);
    }
    Ok(release)
}

fn by_schema(catalogue: &Catalogue) -> Result<(&'static Family, VersionRange), DetectError> {
    let command = |column| catalogue.has("t_ds_command", column);
    if catalogue.has_table("t_ds_workflow_instance") {
        Ok((by_id(FamilyId::V3_3), range_3_3(catalogue)))
    } else if command("tenant_code") || command("test_flag") {
        Ok((by_id(FamilyId::V3_2), range_3_2(catalogue)))
    } else if catalogue.has("t_ds_process_instance", "state_history") {
        Ok((by_id(FamilyId::V3_1), by_id(FamilyId::V3_1).releases))
    } else if catalogue.has_table("t_ds_task_group") {
        Ok((by_id(FamilyId::V3_0), range_3_0(catalogue)))
    } else if command("process_definition_code") {
        Ok((by_id(FamilyId::V2_0), range_2_0(catalogue)))
    } else if command("worker_group") {
        Ok((by_id(FamilyId::V1_3), by_id(FamilyId::V1_3).releases))
    } else if command("worker_group_id") {
        Ok((by_id(FamilyId::V1_2), by_id(FamilyId::V1_2).releases))
    } else if catalogue.has_table("t_ds_command") || catalogue.has_table("t_ds_process_instance") {
        Err(DetectError::UnknownSchema { seen: catalogue.seen() })
    } else {
        Err(DetectError::NotDolphinScheduler { seen: catalogue.seen() })
    }
}

fn range_3_3(catalogue: &Catalogue) -> VersionRange {
    let first = Version::staged(3, 3, 0, Stage::Alpha);
    if catalogue.has("t_ds_command", "test_flag") {
        VersionRange::new(first, Version::new(3, 3, 0))
    } else if catalogue.has("t_ds_task_instance", "task_output_log_path") {
        VersionRange::new(Version::new(3, 4, 1), OPEN_END)
    } else if catalogue.has_table("t_ds_serial_command") {
        VersionRange::new(Version::new(3, 3, 1), OPEN_END)
    } else {
        VersionRange::new(Version::new(3, 3, 1), Version::new(3, 3, 2))
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
    let instance = |column| catalogue.has("t_ds_process_instance", column);
    if instance("restart_time") {
        VersionRange::new(Version::new(2, 0, 2), Version::new(2, 0, 9))
    } else if instance("next_process_instance_id") {
        VersionRange::new(Version::new(2, 0, 1), Version::new(2, 0, 1))
    } else {
        VersionRange::new(Version::new(2, 0, 0), Version::new(2, 0, 0))
    }
}

fn require_tables(catalogue: &Catalogue, family: &Family) -> Result<(), DetectError> {
    let tables = &family.tables;
    let needed = [tables.instance, tables.task, tables.command, tables.error_command, tables.definition];
    let missing: Vec<&str> = needed.into_iter().filter(|table| !catalogue.has_table(table)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let seen = format!("looks like family {}, but lacks {}", family.label, missing.join(", "));
    Err(DetectError::UnknownSchema { seen })
}

/// Lets `t_ds_version` narrow the range, or notes the contradiction and leaves the range alone.
fn refine(release: &mut Release, catalogue: &Catalogue, by_schema: VersionRange) {
    let Some(text) = catalogue.versions.last() else { return };
    let stated = text.parse::<Version>().ok().map(|version| stands_for(version, release.family.id));
    match stated.and_then(|stated| stated.intersect(&by_schema)) {
        Some(range) => release.range = range,
        None => release.contradictions.push(format!(
            "t_ds_version says {text:?}, the schema is of family {} ({by_schema})",
            release.family.label
        )),
    }
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
        // What 3.3.1 and newer write into a fresh database is not known for certain: 3.3.0 says little there.
        (3, 3, 0) => range(Version::staged(3, 3, 0, Stage::Alpha), OPEN_END),
        _ => range(version, version),
    }
}

/// The family that a release belongs to.
#[must_use]
pub fn family_of(version: Version) -> Option<&'static Family> {
    ALL.iter().find(|family| family.releases.contains(version))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn catalogue(columns: &[(&str, &str)], version: &str) -> Catalogue {
        let mut catalogue = Catalogue::default();
        for (table, column) in columns {
            catalogue.add(table, column);
        }
        catalogue.versions = vec![version.to_owned()];
        catalogue
    }

    const BASE: &[(&str, &str)] = &[
        ("t_ds_process_instance", "id"),
        ("t_ds_task_instance", "id"),
        ("t_ds_command", "id"),
        ("t_ds_error_command", "id"),
        ("t_ds_process_definition", "id"),
    ];

    fn found(extra: &[(&str, &str)], version: &str) -> String {
        let release = detect(&catalogue(&[BASE, extra].concat(), version), None).unwrap();
        format!("{} {} {}", release.family.label, release.range, release.contradictions.len())
    }

    #[test]
    fn schema_first_and_t_ds_version_refines() {
        let three_two = [("t_ds_command", "tenant_code"), ("t_ds_relation_project_worker_group", "id")];
        assert_eq!(found(&three_two, "3.3.0"), "3.2 3.2.2 0");
        assert_eq!(found(&[("t_ds_process_instance", "state_history")], "3.1.9"), "3.1 3.1.9 0");
        assert_eq!(found(&[("t_ds_process_instance", "state_history")], "3.2.0"), "3.1 3.1.0 to 3.1.9 1");
        assert_eq!(found(&[("t_ds_task_group", "id"), ("t_ds_alert", "sign")], "3.0.0"), "3.0 3.0.0-beta-1 to 3.0.0 0");
        let two = [("t_ds_command", "process_definition_code"), ("t_ds_process_instance", "restart_time")];
        assert_eq!(found(&two, "2.0.2"), "2.0 2.0.2 0");
        assert_eq!(found(&[two[0], ("t_ds_process_instance", "next_process_instance_id")], "1.4.0"), "2.0 2.0.1 0");
        assert_eq!(found(&[("t_ds_command", "worker_group")], "1.3.3"), "1.3 1.3.3 to 1.3.5 0");
        assert_eq!(found(&[("t_ds_command", "worker_group_id")], "garbage"), "1.2 1.2.0 to 1.2.1 1");
    }

    #[test]
    fn an_unknown_schema_is_refused_with_what_was_seen() {
        let error = detect(&catalogue(&[("wp_posts", "id")], ""), None).unwrap_err();
        assert!(error.to_string().contains("wp_posts"), "{error}");
        assert!(matches!(detect(&Catalogue::default(), None), Err(DetectError::NotDolphinScheduler { .. })));
        assert!(matches!(detect(&catalogue(BASE, "3.1.0"), None), Err(DetectError::UnknownSchema { .. })));
        let half = catalogue(&[("t_ds_workflow_instance", "id")], "3.3.1");
        assert!(matches!(detect(&half, None), Err(DetectError::UnknownSchema { .. })));
    }

    #[test]
    fn the_operator_decides_the_point_release_but_not_the_family() {
        let schema = catalogue(&[BASE, &[("t_ds_process_instance", "state_history")]].concat(), "3.1.2");
        assert_eq!(detect(&schema, Some(Version::new(3, 1, 8))).unwrap().version(), Some(Version::new(3, 1, 8)));
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
