//! How Spring finds a property: system properties, then the environment, then the files' documents,
//! with placeholders filled in.

use super::assignment::{ANY, Assignment, Layer, Variables};
use super::braces::closing_brace;
use crate::config::Origin;

/// More placeholders in placeholders than this are a circle.
const DEEPEST: usize = 16;

/// What makes Spring read more than the files and variables that are read here.
const ELSEWHERE: [&str; 7] = [
    "spring.application.json",
    "spring.config.import",
    "spring.config.location",
    "spring.config.additional-location",
    "spring.config.name",
    "spring.profiles.include",
    "spring.profiles.group",
];

/// All places where a property may be set.
#[derive(Debug, Default)]
pub(super) struct Properties {
    /// `-Dname=value` of the Java command line.
    pub(super) system: Vec<Assignment>,
    /// The environment of the server, as its scripts make it.
    pub(super) variables: Variables,
    /// What the files say: the first one that sets a property counts.
    pub(super) layers: Vec<Layer>,
}

/// A property that is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Property {
    pub(super) text: String,
    pub(super) origin: Origin,
}

/// Where a property is set whose value cannot be known without running something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unknown(pub(super) Origin);

impl Properties {
    /// A property; `None` where no place sets it, or where it is empty.
    ///
    /// # Errors
    /// [`Unknown`].
    pub(super) fn get(&self, name: &str) -> Result<Option<Property>, Unknown> {
        self.get_at(name, 0)
    }

    /// The same, also where it is set to an empty text, which some properties take as it is.
    ///
    /// # Errors
    /// [`Unknown`].
    pub(super) fn get_even_empty(&self, name: &str) -> Result<Option<Property>, Unknown> {
        self.set_at(name, 0)
    }

    fn get_at(&self, name: &str, depth: usize) -> Result<Option<Property>, Unknown> {
        let set = self.set_at(name, depth)?;
        Ok(set.filter(|property| !property.text.is_empty()))
    }

    fn set_at(&self, name: &str, depth: usize) -> Result<Option<Property>, Unknown> {
        let Some(entry) = self.find(name) else {
            return Ok(None);
        };
        let unknown = || Unknown(entry.origin.clone());
        let text = entry.text.as_deref().ok_or_else(unknown)?;
        let text = self.filled_in(text, depth).ok_or_else(unknown)?;
        Ok(Some(Property {
            text,
            origin: entry.origin.clone(),
        }))
    }

    /// The words of a property that is one text with commas, or a list.
    ///
    /// # Errors
    /// [`Unknown`].
    pub(super) fn list(&self, name: &str) -> Result<Vec<String>, Unknown> {
        let mut words = Vec::new();
        if let Some(whole) = self.get(name)? {
            words.extend(whole.text.split(',').map(|word| word.trim().to_owned()));
            return Ok(words);
        }
        while let Some(word) = self.get(&format!("{name}[{}]", words.len()))? {
            words.push(word.text);
        }
        Ok(words)
    }

    /// A setting that brings in others from elsewhere, and where it stands: what it brings in goes
    /// before much of what is known here.
    pub(super) fn elsewhere(&self) -> Option<(&'static str, Origin)> {
        let is_set = |entry: &&Assignment| entry.text.as_deref() != Some("");
        ELSEWHERE.iter().find_map(|name| {
            let below = |entry: &&Assignment| {
                uniform(&entry.name)
                    .strip_prefix(&uniform(name))
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            };
            let variable = self.variable(name).filter(is_set);
            let mut entries = self.system.iter().chain(self.layers.iter().flatten());
            let entry = variable.or_else(|| entries.find(|entry| below(entry) && is_set(entry)));
            entry.map(|entry| (*name, entry.origin.clone()))
        })
    }

    /// The variable that sets a property. Of several the usual spelling counts.
    fn variable(&self, name: &str) -> Option<&Assignment> {
        let usual = variable_names(name)
            .iter()
            .find_map(|name| self.variables.get(name));
        let in_any_spelling = || {
            let mut variables = self.variables.iter();
            let (_, entry) = variables.find(|(variable, _)| sets(variable, name))?;
            Some(entry)
        };
        usual.or_else(in_any_spelling)
    }

    fn find(&self, name: &str) -> Option<&Assignment> {
        let wanted = uniform(name);
        let in_files = |entries: &'_ Layer| {
            entries
                .iter()
                .rposition(|entry| uniform(&entry.name) == wanted)
        };
        let system = in_files(&self.system).map(|at| &self.system[at]);
        let variable = || {
            self.variable(name)
                .or_else(|| self.variables.get(ANY))
                // An empty variable is a text for Spring; it stands in files that only export.
                .filter(|entry| entry.text.as_deref() != Some(""))
        };
        let file = || {
            self.layers.iter().find_map(|layer| {
                let behind_alias = || {
                    layer
                        .iter()
                        .find(|entry| entry.text.is_none() && covers(&entry.name, &wanted))
                };
                in_files(layer).map(|at| &layer[at]).or_else(behind_alias)
            })
        };
        system.or_else(variable).or_else(file)
    }

    /// Puts in what `${NAME:default}` stands for; `None` if something in it is not known.
    fn filled_in(&self, text: &str, depth: usize) -> Option<String> {
        if depth > DEEPEST {
            return None;
        }
        let mut filled = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            filled.push_str(&rest[..at]);
            let inside = &rest[at + 2..];
            let end = closing_brace(inside)?;
            filled.push_str(&self.placeholder(&inside[..end], depth)?);
            rest = &inside[end + 1..];
        }
        filled.push_str(rest);
        Some(filled)
    }

    fn placeholder(&self, text: &str, depth: usize) -> Option<String> {
        let (name, default) = text
            .split_once(':')
            .map_or((text, None), |(name, default)| (name, Some(default)));
        let by_name = match self.variables.get(name) {
            Some(entry) => Some(self.filled_in(entry.text.as_deref()?, depth + 1)?),
            None => self
                .get_at(name, depth + 1)
                .ok()?
                .map(|property| property.text),
        };
        match (by_name, default) {
            (Some(text), _) => Some(text),
            (None, Some(default)) => self.filled_in(default, depth + 1),
            (None, None) => None,
        }
    }
}

/// Spring's relaxed names: case, dashes and underscores do not count.
fn uniform(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '-' | '_'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// The variables that can set a property, the one that counts first: dashes dropped, or as
/// underscores (`SystemEnvironmentPropertyMapper`).
fn variable_names(name: &str) -> [String; 2] {
    let upper = name
        .to_uppercase()
        .replace(['.', '['], "_")
        .replace(']', "");
    [upper.replace('-', ""), upper.replace('-', "_")]
}

/// Whether a variable of this name sets a property, in capitals or not, with underscores or with dots, as
/// Kubernetes lets a container have it.
fn sets(variable: &str, name: &str) -> bool {
    let parts = |text: &str, between: char| -> Vec<String> {
        text.split(between)
            .map(|part| part.replace('-', "").to_lowercase())
            .collect()
    };
    let [dropped, as_underscores] = variable_names(name).map(|usual| parts(&usual, '_'));
    ['_', '.'].iter().any(|between| {
        let is = parts(variable, *between);
        is == dropped || is == as_underscores
    })
}

/// Whether what stands behind an alias may hold this property: `a: *x` and `a: {<<: *x}` may hold
/// all that begins with `a.`.
fn covers(alias: &str, wanted: &str) -> bool {
    let alias = uniform(alias);
    let above = alias.strip_suffix("<<").unwrap_or(&alias);
    let above = above.strip_suffix('.').unwrap_or(above);
    above.is_empty()
        || wanted
            .strip_prefix(above)
            .is_some_and(|below| below.starts_with(['.', '[']))
}

/// Whether a document counts under these profiles; `None` if its condition is not understood.
pub(super) fn is_active(document: &Layer, profiles: &[String]) -> Option<bool> {
    let mut conditions = document
        .iter()
        .filter(|entry| {
            let name = uniform(&entry.name);
            let name = name.split('[').next().unwrap_or_default();
            matches!(
                name,
                "spring.config.activate.onprofile"
                    | "spring.config.activate.oncloudplatform"
                    | "spring.profiles"
            )
        })
        .peekable();
    if conditions.peek().is_none() {
        return Some(true);
    }
    // Of several profiles in a list one is enough.
    let mut any = false;
    for condition in conditions {
        let text = condition.text.as_deref()?;
        if text.contains(['&', '(', '$']) || uniform(&condition.name).contains("platform") {
            return None;
        }
        any |= text.split([',', '|']).map(str::trim).any(|profile| {
            profile.strip_prefix('!').map_or_else(
                || profiles.iter().any(|active| active == profile),
                |other| !profiles.iter().any(|active| active == other),
            )
        });
    }
    Some(any)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, text: &str) -> Assignment {
        Assignment {
            name: name.to_owned(),
            text: Some(text.to_owned()),
            origin: Origin::Environment(name.to_owned()),
        }
    }

    fn properties(variables: &[(&str, &str)], layers: &[&[(&str, &str)]]) -> Properties {
        Properties {
            system: Vec::new(),
            variables: variables
                .iter()
                .map(|(name, text)| ((*name).to_owned(), entry(name, text)))
                .collect(),
            layers: layers
                .iter()
                .map(|layer| layer.iter().map(|(name, text)| entry(name, text)).collect())
                .collect(),
        }
    }

    fn text(properties: &Properties, name: &str) -> Option<String> {
        properties.get(name).unwrap().map(|found| found.text)
    }

    #[test]
    fn the_environment_goes_before_files_in_each_of_its_spellings() {
        let name = "registry.zookeeper.connect-string";
        let file: &[(&str, &str)] = &[("registry.zookeeper.connectString", "file")];
        for variable in [
            "REGISTRY_ZOOKEEPER_CONNECT_STRING",
            "REGISTRY_ZOOKEEPER_CONNECTSTRING",
            "registry.zookeeper.connect-string",
            "registry.zookeeper.connectString",
            "registry_zookeeper_connect_string",
            "Registry_Zookeeper_ConnectString",
        ] {
            let properties = properties(&[(variable, "environment")], &[file]);
            assert_eq!(
                text(&properties, name).as_deref(),
                Some("environment"),
                "{variable}"
            );
        }
        for variable in [
            "REGISTRY_ZOOKEEPER",
            "REGISTRYZOOKEEPERCONNECTSTRING",
            "registry.zookeeper_connect.string",
        ] {
            let properties = properties(&[(variable, "environment")], &[file]);
            assert_eq!(
                text(&properties, name).as_deref(),
                Some("file"),
                "{variable}"
            );
        }
        let empty = properties(&[("REGISTRY_ZOOKEEPER_CONNECT_STRING", "")], &[file]);
        assert_eq!(text(&empty, name).as_deref(), Some("file"));
        let mut system = properties(&[("REGISTRY_ZOOKEEPER_CONNECT_STRING", "e")], &[file]);
        system.system = crate::config::ds_home::java::system_properties(&entry(
            "JAVA_OPTS",
            "-Xmx1g -Dregistry.zookeeper.connect-string=s",
        ));
        assert_eq!(text(&system, name).as_deref(), Some("s"));
    }

    #[test]
    fn placeholders() {
        let properties = properties(
            &[("HOST", "h"), ("NESTED", "${HOST}")],
            &[
                &[("url", "jdbc:postgresql://${HOST:x}:${PORT:5432}/${name}")],
                &[
                    ("name", "${OTHER:${NESTED}}"),
                    ("open", "${NOTHING}"),
                    ("circle", "${circle}"),
                    ("broken", "${HOST"),
                ],
            ],
        );
        assert_eq!(
            text(&properties, "url").as_deref(),
            Some("jdbc:postgresql://h:5432/h")
        );
        for name in ["open", "circle", "broken"] {
            assert!(properties.get(name).is_err(), "{name}");
        }
        assert_eq!(text(&properties, "absent"), None);
    }

    #[test]
    fn conditions_of_documents() {
        let document =
            |condition: &str| vec![entry("spring.config.activate.on-profile", condition)];
        let active = ["mysql".to_owned(), "master".to_owned()];
        for (condition, is) in [
            ("mysql", Some(true)),
            ("postgresql", Some(false)),
            ("!mysql", Some(false)),
            ("!x", Some(true)),
            ("x, master", Some(true)),
            ("x | master", Some(true)),
            ("mysql & master", None),
        ] {
            assert_eq!(is_active(&document(condition), &active), is, "{condition}");
        }
        assert_eq!(is_active(&Vec::new(), &active), Some(true));
        let name = "spring.config.activate.on-profile";
        let list = |second: &str| {
            vec![
                entry(&format!("{name}[0]"), "x"),
                entry(&format!("{name}[1]"), second),
            ]
        };
        assert_eq!(is_active(&list("mysql"), &active), Some(true));
        assert_eq!(is_active(&list("h2"), &active), Some(false));
        let cloud = vec![entry(
            "spring.config.activate.on-cloud-platform",
            "kubernetes",
        )];
        assert_eq!(is_active(&cloud, &active), None);
    }
}
