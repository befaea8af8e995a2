//! What the start script of the images of 1.3 and 2.0 (`startup-init-conf.sh`) makes of a container's
//! variables: those that it sets itself are in its servers' environment alone.

use super::assignment::{Assignment, Variables};
use crate::config::Origin;

/// Whether the environment is that of an image of 1.3 or 2.0.
pub(super) fn is_one(variables: &Variables) -> bool {
    text(variables, "DOCKER").as_deref() == Some("true")
}

/// The database in Spring's variables, as from 2.0.1 on; with H2 they are left as they are.
pub(super) fn set_database(variables: &mut Variables) {
    let of = |name: &str, default: &str| {
        text(variables, name)
            .filter(|text| !text.is_empty())
            .unwrap_or_else(|| default.to_owned())
    };
    let kind = of("DATABASE_TYPE", "postgresql");
    if kind == "h2" {
        return;
    }
    let url = format!(
        "jdbc:{kind}://{}:{}/{}?{}",
        of("DATABASE_HOST", "127.0.0.1"),
        of("DATABASE_PORT", "5432"),
        of("DATABASE_DATABASE", "dolphinscheduler"),
        of("DATABASE_PARAMS", "characterEncoding=utf8"),
    );
    let set = [
        ("DATABASE_TYPE", "DATABASE_TYPE", kind),
        ("SPRING_DATASOURCE_URL", "DATABASE_HOST", url),
        (
            "SPRING_DATASOURCE_USERNAME",
            "DATABASE_USERNAME",
            of("DATABASE_USERNAME", "root"),
        ),
        (
            "SPRING_DATASOURCE_PASSWORD",
            "DATABASE_PASSWORD",
            of("DATABASE_PASSWORD", "root"),
        ),
    ];
    for (name, from, text) in set {
        let entry = Assignment {
            name: name.to_owned(),
            text: Some(text),
            origin: Origin::Environment(from.to_owned()),
        };
        variables.insert(name.to_owned(), entry);
    }
}

/// A variable that is known.
fn text(variables: &Variables, name: &str) -> Option<String> {
    variables.get(name)?.text.clone()
}
