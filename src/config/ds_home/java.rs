//! The system properties (`-Dname=value`) that the masters' Java is started with.

use std::path::Path;

use super::assignment::{Assignment, Variables};
use super::read::read;
use super::shell::ShellReader;
use crate::config::{ConfigError, Origin};

/// The system properties of a Java command line; one without a value where only running the script
/// would tell the command line.
pub(super) fn system_properties(options: &Assignment) -> Vec<Assignment> {
    let Some(text) = options.text.as_deref() else {
        return vec![options.clone()];
    };
    text.split_whitespace()
        .filter_map(|option| option.strip_prefix("-D")?.split_once('='))
        .map(|(name, value)| Assignment {
            name: name.to_owned(),
            text: Some(value.to_owned()),
            origin: options.origin.clone(),
        })
        .collect()
}

/// Those of variables with options, the ones that count most last.
pub(super) fn of_variables(variables: &Variables, names: &[&str]) -> Vec<Assignment> {
    let set = names.iter().filter_map(|name| variables.get(*name));
    set.flat_map(system_properties).collect()
}

/// The name and the place of a command line that is not known, if there is one.
pub(super) fn unknown(system: &[Assignment]) -> Option<&Assignment> {
    system.iter().find(|entry| entry.text.is_none())
}

/// The last one of a name, as Java takes it.
pub(super) fn get<'a>(system: &'a [Assignment], name: &str) -> Option<&'a Assignment> {
    system.iter().rfind(|entry| entry.name == name)
}

/// Those of 1.x's master. Its daemon makes them itself; from 1.3.6 on it adds two variables of its own
/// environment.
pub(super) fn of_1(folder: &Path, variables: &Variables) -> Result<Vec<Assignment>, ConfigError> {
    let mut system = of_variables(variables, &["JAVA_TOOL_OPTIONS"]);
    let path = folder.join("bin/dolphinscheduler-daemon.sh");
    let script = read(&path)?.unwrap_or_default();
    let script = String::from_utf8_lossy(&script);
    let adds = |name: &str| script.contains(&format!("${name}"));
    let of_others = |line: &str| {
        ["API", "WORKER", "ALERT", "LOGGER"]
            .iter()
            .any(|server| line.contains(&format!("{server}_SERVER_OPTS")))
    };
    for (index, line) in script.lines().enumerate() {
        let line = line.trim();
        let Some(options) = line.strip_prefix("export DOLPHINSCHEDULER_OPTS=") else {
            continue;
        };
        if !of_others(line) {
            system.extend(system_properties(&Assignment {
                name: "DOLPHINSCHEDULER_OPTS".to_owned(),
                text: Some(options.replace(['"', '\''], " ")),
                origin: Origin::File {
                    path: path.clone(),
                    line: index + 1,
                },
            }));
        }
    }
    for name in ["DOLPHINSCHEDULER_OPTS", "MASTER_SERVER_OPTS"] {
        if adds(name) && adds("MASTER_SERVER_OPTS") {
            system.extend(of_variables(variables, &[name]));
        }
    }
    Ok(system)
}

/// The `-D` options of 3.x's master, the ones that count most last. From 3.2 on its start script takes
/// those of `jvm_args_env.sh`, one a line and not filled in, unless `JAVA_OPTS` is set.
pub(super) fn of_3(server: &Path, shell: &ShellReader) -> Result<Vec<Assignment>, ConfigError> {
    let environment = shell.environment();
    let mut system: Vec<Assignment> = ["JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"]
        .iter()
        .filter_map(|name| environment.get(*name))
        .flat_map(system_properties)
        .collect();
    let options = shell.variables().get("JAVA_OPTS");
    if let Some(options) = options.filter(|options| options.text.as_deref() != Some("")) {
        system.extend(system_properties(options));
        return Ok(system);
    }
    let path = server.join("bin/jvm_args_env.sh");
    let text = read(&path)?.unwrap_or_default();
    for (index, line) in String::from_utf8_lossy(&text).lines().enumerate() {
        let line = line.trim();
        if line.starts_with('-') {
            system.extend(system_properties(&Assignment {
                name: "JVM_ARGS".to_owned(),
                text: Some(line.to_owned()),
                origin: Origin::File {
                    path: path.clone(),
                    line: index + 1,
                },
            }));
        }
    }
    Ok(system)
}
