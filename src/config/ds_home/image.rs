//! What the start script of the images of 1.3 and 2.0 (`startup-init-conf.sh`) makes of a container's
//! variables: those that it sets itself are in its servers' environment alone.

use super::assignment::{Assignment, Variables};
use crate::config::Origin;

/// Whether the environment is that of an image of 1.3 or 2.0.
pub(super) fn is_one(variables: &Variables) -> bool {
    text(variables, MARK).as_deref() == Some("true")
}

/// The database in Spring's variables, as from 2.0.1 on; with H2 they are left as they are.
pub(super) fn set_database(variables: &mut Variables) {
    let kind = Part::of(variables, "DATABASE_TYPE", "postgresql");
    if kind.text.as_deref() == Some("h2") {
        return;
    }
    let of = |name, default| Part::of(variables, name, default);
    let url = [
        of("DATABASE_HOST", "127.0.0.1"),
        of("DATABASE_PORT", "5432"),
        of("DATABASE_DATABASE", "dolphinscheduler"),
        of("DATABASE_PARAMS", "characterEncoding=utf8"),
    ];
    let mut set = [
        ("SPRING_DATASOURCE_URL", url_of(&kind, &url)),
        (
            "SPRING_DATASOURCE_USERNAME",
            of("DATABASE_USERNAME", "root"),
        ),
        (
            "SPRING_DATASOURCE_PASSWORD",
            of("DATABASE_PASSWORD", "root"),
        ),
    ];
    if kind.text.is_none() {
        // With H2 none of them would be set.
        set = set.map(|(name, _)| (name, kind.clone()));
    }
    for (name, part) in set.into_iter().chain([("DATABASE_TYPE", kind)]) {
        let entry = Assignment {
            name: name.to_owned(),
            text: part.text,
            origin: Origin::Environment(part.variable.unwrap_or(MARK).to_owned()),
        };
        variables.insert(name.to_owned(), entry);
    }
}

/// What makes the container one of the image, so that the defaults of its script are meant.
const MARK: &str = "DOCKER";

/// One value of the script.
#[derive(Clone)]
struct Part {
    /// `None` if it is not known: the variable is not UTF-8.
    text: Option<String>,
    /// Which variable says it; `None` for the script's own default.
    variable: Option<&'static str>,
}

impl Part {
    fn of(variables: &Variables, name: &'static str, default: &str) -> Self {
        match variables.get(name) {
            Some(entry) if entry.text.as_deref() != Some("") => Self {
                text: entry.text.clone(),
                variable: Some(name),
            },
            _ => Self {
                text: Some(default.to_owned()),
                variable: None,
            },
        }
    }
}

/// The URL stands where the first of its parts does that is not known, or else the first that is set.
fn url_of(kind: &Part, parts: &[Part; 4]) -> Part {
    let unknown = parts.iter().find(|part| part.text.is_none());
    let set = || parts.iter().chain([kind]).find_map(|part| part.variable);
    let variable = unknown.map_or_else(set, |part| part.variable);
    let texts = [kind]
        .into_iter()
        .chain(parts)
        .map(|part| part.text.as_deref());
    let texts: Option<Vec<&str>> = texts.collect();
    let text = texts.map(|texts| match texts[..] {
        [kind, host, port, database, parameters] => {
            format!("jdbc:{kind}://{host}:{port}/{database}?{parameters}")
        }
        _ => String::new(),
    });
    Part { text, variable }
}

/// A variable that is known.
fn text(variables: &Variables, name: &str) -> Option<String> {
    variables.get(name)?.text.clone()
}
