//! Where each release keeps its configuration, and which of it counts.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::assignment::{ANY, Assignment, Layer, Variables};
use super::installation::{Installation, RegistryNames, known};
use super::read::{read, read_properties, read_yaml};
use super::shell::ShellReader;
use super::spring::{self, Properties, Property, Unknown};
use super::{image, java};
use crate::config::{ConfigError, Origin};

/// What is told to be unknown where the profiles are.
const PROFILES: &str = "the active profiles";

/// 1.2 and 1.3: properties. 1.2.0 has a file for each part, 1.2.1 and 1.3 others.
pub(super) fn of_1(
    folder: &Path,
    environment: &BTreeMap<OsString, OsString>,
) -> Result<Option<Installation>, ConfigError> {
    let conf = folder.join("conf");
    let files = [
        "zookeeper.properties",
        "datasource.properties",
        "application.properties",
        "application-dao.properties",
        "master.properties",
        "common.properties",
        "common/common.properties",
    ];
    let mut layers = Vec::new();
    for file in files {
        layers.extend(read_properties(&conf.join(file))?);
    }
    let names_servers = |layer: &Layer| {
        layer
            .iter()
            .any(|entry| entry.name == RegistryNames::ZOOKEEPER.servers)
    };
    if !layers.iter().any(names_servers) {
        return Ok(None);
    }
    let variables = variables(environment);
    let system = java::of_1(folder, &variables)?;
    // From 1.2.1 on Spring reads what is said of ZooKeeper, and the environment goes before its files.
    let is_1_2_0 = conf.join("application-dao.properties").exists();
    let registry = Properties {
        system: if is_1_2_0 { Vec::new() } else { system.clone() },
        variables: if is_1_2_0 {
            Variables::new()
        } else {
            variables
        },
        layers: layers.clone(),
    };
    // What is said of the database, 1.3.9 alone reads among system properties.
    let of_database = system
        .iter()
        .filter(|entry| entry.name.starts_with("spring.datasource."))
        .map(|entry| Assignment {
            text: None,
            ..entry.clone()
        });
    Ok(Some(Installation {
        registry: RegistryNames::ZOOKEEPER,
        registry_properties: Some(registry),
        properties: Properties {
            system: of_database.collect(),
            layers,
            ..Properties::default()
        },
        system,
        folder: folder.to_owned(),
        time_zone: Ok(None),
    }))
}

/// 2.0: the registry in properties; the database in the YAML of the profile that
/// `dolphinscheduler-daemon.sh` chooses by `DATABASE_TYPE`.
pub(super) fn of_2(
    folder: &Path,
    registry: Layer,
    environment: &BTreeMap<OsString, OsString>,
) -> Result<Installation, ConfigError> {
    let conf = folder.join("conf");
    let mut variables = variables(environment);
    if image::is_one(&variables) {
        image::set_database(&mut variables);
    }
    // The daemon sources both between `set -a` and `set +a`.
    let mut shell = ShellReader::new(variables).export_all();
    for file in ["env/dolphinscheduler_env.sh", "config/install_config.conf"] {
        source(&conf.join(file), &mut shell)?;
    }
    let variables = shell.variables().clone();
    let or_default =
        |name: &str, default: &str| match variables.get(name).or_else(|| variables.get(ANY)) {
            Some(entry) if entry.text.as_deref() != Some("") => {
                let text = entry.text.clone();
                text.ok_or_else(|| Unknown(entry.origin.clone()))
            }
            _ => Ok(default.to_owned()),
        };
    let profiles = known(PROFILES, or_default("SPRING_PROFILES_ACTIVE", "default"))?;
    let database = known(PROFILES, or_default("DATABASE_TYPE", "h2"))?;
    let profiles: Vec<String> = profiles
        .split(',')
        .chain(["master", &database])
        .map(|profile| profile.trim().to_owned())
        .collect();
    let options = [
        "JAVA_TOOL_OPTIONS",
        "DOLPHINSCHEDULER_OPTS",
        "MASTER_SERVER_OPTS",
    ];
    let system = java::of_variables(&variables, &options);
    let properties = Properties {
        system: system.clone(),
        variables,
        layers: of_profiles(&conf, Vec::new(), &profiles)?,
    };
    all_is_read(folder, &profiles, &properties)?;
    Ok(Installation {
        registry: RegistryNames::PLUGIN,
        registry_properties: Some(Properties {
            system: system.clone(),
            layers: vec![registry],
            ..Properties::default()
        }),
        properties,
        system,
        folder: folder.to_owned(),
        time_zone: Ok(None),
    })
}

/// The shell file of 3.x that is the same for all servers of an installation.
const SHARED: &str = "bin/env/dolphinscheduler_env.sh";
/// The one of a server alone, which its start script reads.
const OF_SERVER: &str = "conf/dolphinscheduler_env.sh";

/// Which of its shell files an installation of 3.x is read with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shared {
    /// With that of all servers, if there is one: it becomes the server's at the next start.
    First,
    /// With the server's own, as at its last start.
    Left,
}

/// 3.x: `application.yaml` of the server, behind the environment that its start script makes.
pub(super) fn of_3(
    folder: &Path,
    server: &Path,
    base: Vec<Layer>,
    environment: &BTreeMap<OsString, OsString>,
) -> Result<(Installation, Option<LastStart>), ConfigError> {
    let (shared, own) = (folder.join(SHARED), server.join(OF_SERVER));
    let last_start = || {
        let texts = (read(&shared).ok()??, read(&own).ok()??);
        // What cannot be understood of the copy is no trouble of the file that is used.
        let at_last_start = (texts.0 != texts.1)
            .then(|| of_3_with(Shared::Left, (folder, server), base.clone(), environment));
        Some(LastStart {
            installation: at_last_start?.ok()?,
            shared: shared.clone(),
            own: own.clone(),
        })
    };
    let last_start = last_start();
    let installation = of_3_with(Shared::First, (folder, server), base, environment)?;
    Ok((installation, last_start))
}

/// What a server was last started with, where the shell file that it is to be started with next says
/// something else.
pub(super) struct LastStart {
    pub(super) installation: Installation,
    pub(super) shared: PathBuf,
    pub(super) own: PathBuf,
}

fn of_3_with(
    files: Shared,
    (folder, server): (&Path, &Path),
    base: Vec<Layer>,
    environment: &BTreeMap<OsString, OsString>,
) -> Result<Installation, ConfigError> {
    let mut shell = ShellReader::new(variables(environment));
    // The daemon copies the first one over the second when it starts the server.
    if files == Shared::Left || !source(&folder.join(SHARED), &mut shell)? {
        source(&server.join(OF_SERVER), &mut shell)?;
    }
    let system = java::of_3(server, &shell)?;
    let time_zone = time_zone(server, shell.variables(), &system)?;
    // Java gets what is exported, its command line all.
    let variables = shell.environment();
    let unconditional = |document: &&Layer| spring::is_active(document, &[]) == Some(true);
    let mut properties = Properties {
        system: system.clone(),
        variables,
        layers: base.iter().rev().filter(unconditional).cloned().collect(),
    };
    let mut profiles = known(PROFILES, properties.list("spring.profiles.active"))?;
    if profiles.is_empty() {
        profiles.push("default".to_owned());
    }
    properties.layers = of_profiles(&server.join("conf"), base, &profiles)?;
    all_is_read(server, &profiles, &properties)?;
    Ok(Installation {
        registry: RegistryNames::SPRING,
        registry_properties: None,
        properties,
        system,
        folder: server.to_owned(),
        time_zone,
    })
}

/// What the environment of a container says without any file; `None` if it does not name a database.
/// 3.x has all in variables of Spring's, 1.3 and 2.0 in those of their images' start script.
pub(super) fn of_container(environment: &BTreeMap<OsString, OsString>) -> Option<Installation> {
    let mut variables = variables(environment);
    let has = |name: &str| environment.contains_key(std::ffi::OsStr::new(name));
    let by_script = has("DATABASE_HOST");
    let (registry, layer) = if has("SPRING_DATASOURCE_URL") {
        (RegistryNames::SPRING, None)
    } else if by_script && has("REGISTRY_SERVERS") {
        let names = [
            ("registry.plugin.name", "REGISTRY_PLUGIN_NAME"),
            ("registry.servers", "REGISTRY_SERVERS"),
        ];
        (RegistryNames::PLUGIN, Some(names))
    } else if by_script && has("ZOOKEEPER_QUORUM") {
        let names = [
            ("zookeeper.quorum", "ZOOKEEPER_QUORUM"),
            ("zookeeper.dolphinscheduler.root", "ZOOKEEPER_ROOT"),
        ];
        (RegistryNames::ZOOKEEPER, Some(names))
    } else {
        return None;
    };
    // What the start script fills into the registry's file.
    let filled_in = layer.map(|names| Properties {
        layers: vec![
            names
                .iter()
                .filter_map(|(name, variable)| {
                    let entry = variables.get(*variable)?.clone();
                    Some(Assignment {
                        name: (*name).to_owned(),
                        ..entry
                    })
                })
                .collect(),
        ],
        ..Properties::default()
    });
    let options: &[&str] = if filled_in.is_some() {
        image::set_database(&mut variables);
        &[
            "JAVA_TOOL_OPTIONS",
            "DOLPHINSCHEDULER_OPTS",
            "MASTER_SERVER_OPTS",
        ]
    } else {
        &["JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "JAVA_OPTS"]
    };
    let system = java::of_variables(&variables, options);
    Some(Installation {
        registry,
        registry_properties: filled_in.map(|properties| Properties {
            system: system.clone(),
            ..properties
        }),
        properties: Properties {
            system: system.clone(),
            variables,
            ..Properties::default()
        },
        system,
        folder: PathBuf::from("/opt/dolphinscheduler"),
        time_zone: Ok(None),
    })
}

/// The documents that count, the one that goes before all others first: each profile's own file, the
/// last profile before the others, then the common file, the last document before the others.
fn of_profiles(
    conf: &Path,
    base: Vec<Layer>,
    profiles: &[String],
) -> Result<Vec<Layer>, ConfigError> {
    let mut documents = base;
    for profile in profiles {
        let file = conf.join(format!("application-{profile}.yaml"));
        documents.extend(read_yaml(&file)?.unwrap_or_default());
    }
    // A condition that is not understood: what stands behind it is not known, whatever it says.
    let counted = documents.into_iter().rev().filter_map(|document| {
        match spring::is_active(&document, profiles) {
            Some(true) => Some(document),
            Some(false) => None,
            None => Some(unknown(document)),
        }
    });
    Ok(counted.collect())
}

/// Sees to it that Spring reads nothing besides what is read here: files of other names in the
/// folder of the server, its `config`, and the class path.
fn all_is_read(
    server: &Path,
    profiles: &[String],
    properties: &Properties,
) -> Result<(), ConfigError> {
    if let Some((key, origin)) = properties.elsewhere() {
        return Err(ConfigError::Value {
            key,
            origin,
            problem: "it makes DolphinScheduler read settings that dsctl does not read".to_owned(),
            hint: Some(BESIDES.to_owned()),
        });
    }
    let conf = server.join("conf");
    let stems = std::iter::once("application".to_owned()).chain(
        profiles
            .iter()
            .map(|profile| format!("application-{profile}")),
    );
    for stem in stems {
        for extension in ["properties", "yml", "yaml", "xml"] {
            let name = format!("{stem}.{extension}");
            for folder in [&conf, &conf.join("config"), server, &server.join("config")] {
                let path = folder.join(&name);
                let is_read_here = *folder == conf && extension == "yaml";
                if !is_read_here && path.exists() {
                    return Err(ConfigError::Line {
                        path,
                        line: 1,
                        problem: "DolphinScheduler reads this file too, and dsctl does not"
                            .to_owned(),
                        hint: Some(BESIDES.to_owned()),
                    });
                }
            }
        }
    }
    Ok(())
}

const BESIDES: &str = "leave --ds-home out, and give --zk (or --registry jdbc), --db and --namespace as the masters have them";

fn unknown(document: Layer) -> Layer {
    document
        .into_iter()
        .map(|entry| Assignment {
            text: None,
            ..entry
        })
        .collect()
}

/// Up to 3.1 the script's own options hand `SPRING_JACKSON_TIME_ZONE` to Java; options that are set
/// take their place. From 3.2 on the text is handed over without being filled in (R§9).
fn time_zone(
    server: &Path,
    variables: &Variables,
    system: &[Assignment],
) -> Result<Result<Option<Property>, Unknown>, ConfigError> {
    const FLAG: &str = "-Duser.timezone=${SPRING_JACKSON_TIME_ZONE}";
    let script = read(&server.join("bin/start.sh"))?;
    let hands_over = script.is_some_and(|script| String::from_utf8_lossy(&script).contains(FLAG));
    let set = |name: &str| {
        variables
            .get(name)
            .filter(|entry| entry.text.as_deref() != Some(""))
    };
    let of = |entry: &Assignment| match &entry.text {
        Some(text) => Ok(Some(Property {
            text: text.clone(),
            origin: entry.origin.clone(),
        })),
        None => Err(Unknown(entry.origin.clone())),
    };
    let on_command_line = system
        .iter()
        .rfind(|entry| entry.name == "user.timezone")
        .filter(|entry| {
            entry
                .text
                .as_deref()
                .is_some_and(|text| !text.contains('$'))
        });
    Ok(match (set("JAVA_OPTS"), on_command_line) {
        (
            Some(Assignment {
                text: None, origin, ..
            }),
            _,
        ) => Err(Unknown(origin.clone())),
        (_, Some(entry)) => of(entry),
        (None, None) if hands_over => set("SPRING_JACKSON_TIME_ZONE").map_or(Ok(None), of),
        (_, None) => Ok(None),
    })
}

/// The process's own variables; one that is not UTF-8 is not known.
fn variables(environment: &BTreeMap<OsString, OsString>) -> Variables {
    environment
        .iter()
        .filter_map(|(name, text)| {
            let name = name.to_str()?.to_owned();
            let entry = Assignment {
                name: name.clone(),
                text: text.to_str().map(str::to_owned),
                origin: Origin::Environment(name.clone()),
            };
            Some((name, entry))
        })
        .collect()
}

/// Applies a shell file, and whether there is one.
fn source(path: &Path, shell: &mut ShellReader) -> Result<bool, ConfigError> {
    let Some(text) = read(path)? else {
        return Ok(false);
    };
    let others = |path: &Path| {
        let text = read(path).ok()?;
        Some(text.map(|text| String::from_utf8_lossy(&text).into_owned()))
    };
    shell.source(path, &String::from_utf8_lossy(&text), &others);
    Ok(true)
}
