//! `dsctl config`: every setting, and where it came from.

use schemars::JsonSchema;
use serde::Serialize;

use super::failure::CommandError;
use super::shell::{Answer, Skeleton};
use crate::config::{ConfigError, Listed, Origin, Survey};
use crate::diagnosis::check_codes;
use crate::output::{Body, Cell, Keys, Records, Table};

/// The document of `config`.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct ConfigDocument {
    settings: Vec<SettingEntry>,
    /// What a command that needs the cluster would ask for.
    missing: Vec<String>,
    /// What cannot be used, and why. A setting that it is about has no value.
    problems: Vec<String>,
}

impl Keys for ConfigDocument {
    fn records(&mut self) -> Vec<Records<'_>> {
        vec![Records {
            key: "settings",
            record: "setting",
            rows: &mut self.settings,
        }]
    }
}

impl Skeleton for ConfigDocument {
    const COMMAND: &'static str = "config";
}

/// A setting.
#[derive(Debug, Serialize, JsonSchema)]
struct SettingEntry {
    name: &'static str,
    /// A secret is `***`.
    value: Option<String>,
    source: SourceKind,
    /// The variable, or the file.
    place: Option<String>,
    line: Option<u64>,
}

/// The kinds of places that settings come from.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum SourceKind {
    CommandLine,
    Environment,
    File,
    Credential,
    Default,
}

impl From<Listed> for SettingEntry {
    fn from(listed: Listed) -> Self {
        let Listed {
            name,
            value,
            origin,
        } = listed;
        let (source, place, line) = match origin {
            Origin::Flag => (SourceKind::CommandLine, None, None),
            Origin::Environment(name) => (SourceKind::Environment, Some(name), None),
            Origin::File { path, line } => (
                SourceKind::File,
                Some(path.display().to_string()),
                u64::try_from(line).ok(),
            ),
            Origin::Credential(path) => (
                SourceKind::Credential,
                Some(path.display().to_string()),
                None,
            ),
            Origin::BuiltIn => (SourceKind::Default, None, None),
        };
        Self {
            name,
            value,
            source,
            place,
            line,
        }
    }
}

/// Connects to nothing. The first value that cannot be used is the error, the others follow the table.
pub(super) fn run(survey: &Survey) -> Answer<ConfigDocument> {
    let mut table = Table::new(&["SETTING", "VALUE", "SOURCE"]);
    let listed = survey.listed();
    for setting in &listed {
        let is_set = setting.value.is_some() || setting.origin != Origin::BuiltIn;
        table.row(vec![
            Cell::from(setting.name),
            setting.value.clone().map_or(Cell::None, Cell::from),
            if is_set {
                Cell::from(setting.origin.to_string())
            } else {
                Cell::None
            },
        ]);
    }
    let missing: Vec<String> = survey.missing().iter().map(sentence).collect();
    let troubles: Vec<ConfigError> = survey
        .troubles
        .iter()
        .cloned()
        .chain(check_codes(&survey.settings.mutes).err())
        .collect();
    let problems: Vec<String> = troubles.iter().map(sentence).collect();
    let keys = ConfigDocument {
        settings: listed.into_iter().map(SettingEntry::from).collect(),
        missing: missing.clone(),
        problems: problems.clone(),
    };
    let mut answer = Answer::new(Body {
        tables: vec![table],
        ..Body::new(keys)
    });
    for line in missing {
        answer.close_with(format!("missing: {line}"));
    }
    for line in problems.into_iter().skip(1) {
        answer.close_with(format!("also: {line}"));
    }
    answer.error = troubles
        .into_iter()
        .next()
        .map(|trouble| CommandError::from(trouble).body());
    answer
}

fn sentence(error: &ConfigError) -> String {
    match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    }
}
