//! The folder of an installation: which release's files are there, and what they come to.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::assignment::Assignment;
use super::shell::{ANY, ShellReader, Variables};
use super::spring::{self, Properties, Property, Unknown};
use super::yaml::YamlDocument;
use super::{properties, yaml};
use crate::config::stated::Stated;
use crate::config::{ConfigError, Key, Origin};
use crate::secret::Secret;

/// User and password of the database, where they stand outside its URL.
#[derive(Clone, Debug, Default)]
pub(in crate::config) struct Login {
    pub(in crate::config) user: Option<String>,
    pub(in crate::config) password: Option<(Secret, Origin)>,
}

/// What an installation says. A value that cannot be known is an error only for whom asks for it.
pub(in crate::config) struct DsHome {
    values: BTreeMap<Key, Result<Stated, ConfigError>>,
    login: Result<Login, ConfigError>,
    digest: Result<Option<(Secret, Origin)>, ConfigError>,
}

impl fmt::Debug for DsHome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The database's URL may hold a password.
        f.debug_struct("DsHome").finish_non_exhaustive()
    }
}

impl DsHome {
    /// Reads the files of an installation; `None` if the folder is none.
    ///
    /// # Errors
    /// Files that cannot be read, and lines of them that cannot be understood.
    pub(in crate::config) fn open(
        folder: &Path,
        environment: &BTreeMap<OsString, OsString>,
    ) -> Result<Option<Self>, ConfigError> {
        let servers = ["master-server", "api-server"].map(|server| folder.join(server));
        for server in servers.into_iter().chain([folder.to_owned()]) {
            if let Some(base) = read_yaml(&server.join("conf/application.yaml"))? {
                let installation = of_3(folder, &server, base, environment)?;
                return Ok(Some(Self::from(&installation)));
            }
        }
        let conf = folder.join("conf");
        if let Some(registry) = read_properties(&conf.join("registry.properties"))? {
            let installation = of_2(folder, registry, environment)?;
            return Ok(Some(Self::from(&installation)));
        }
        Ok(of_1(&conf)?.map(|installation| Self::from(&installation)))
    }

    /// What the environment alone says, as in a container of 3.0 or newer; `None` if it does not
    /// name a database.
    pub(in crate::config) fn of_environment(
        environment: &BTreeMap<OsString, OsString>,
    ) -> Option<Self> {
        environment.get(std::ffi::OsStr::new("SPRING_DATASOURCE_URL"))?;
        let properties = Properties {
            variables: variables(environment),
            ..Properties::default()
        };
        Some(Self::from(&Installation {
            registry: RegistryNames::SPRING,
            registry_properties: None,
            properties,
            time_zone: Ok(None),
        }))
    }

    pub(in crate::config) fn get(&self, key: Key) -> Result<Option<Stated>, ConfigError> {
        self.values.get(&key).cloned().transpose()
    }

    pub(in crate::config) fn login(&self) -> Result<Login, ConfigError> {
        self.login.clone()
    }

    /// `user:password` for ZooKeeper.
    pub(in crate::config) fn digest(&self) -> Result<Option<(Secret, Origin)>, ConfigError> {
        self.digest.clone()
    }
}

/// How a release calls what it says of its registry.
struct RegistryNames {
    kind: Option<&'static str>,
    servers: &'static str,
    namespace: &'static str,
    digest: &'static str,
}

impl RegistryNames {
    /// 1.x: `org.apache.dolphinscheduler.service.zk.ZookeeperConfig`.
    const ZOOKEEPER: Self = Self {
        kind: None,
        servers: "zookeeper.quorum",
        namespace: "zookeeper.dolphinscheduler.root",
        digest: "zookeeper.connection.digest",
    };
    /// 2.0: `org.apache.dolphinscheduler.service.registry.RegistryCenter`.
    const PLUGIN: Self = Self {
        kind: Some("registry.plugin.name"),
        servers: "registry.servers",
        namespace: "registry.namespace",
        digest: "registry.digest",
    };
    /// 3.x: `org.apache.dolphinscheduler.plugin.registry.zookeeper.ZookeeperRegistryProperties`.
    const SPRING: Self = Self {
        kind: Some("registry.type"),
        servers: "registry.zookeeper.connect-string",
        namespace: "registry.zookeeper.namespace",
        digest: "registry.zookeeper.digest",
    };
}

/// An installation, before it is asked for our settings.
struct Installation {
    registry: RegistryNames,
    /// 2.0 keeps its registry's properties apart from Spring's.
    registry_properties: Option<Properties>,
    properties: Properties,
    /// The zone that the master's start script gives to Java.
    time_zone: Result<Option<Property>, Unknown>,
}

impl Installation {
    fn of_registry(&self, name: &str) -> Result<Option<Property>, Unknown> {
        let properties = self.registry_properties.as_ref();
        properties.unwrap_or(&self.properties).get(name)
    }

    /// The name of our kind of registry, and for ZooKeeper nothing: its servers say it.
    fn kind(&self) -> Result<Option<Stated>, ConfigError> {
        let Some(name) = self.registry.kind else {
            return Ok(None);
        };
        let Some(kind) = known("registry", self.of_registry(name))? else {
            return Ok(None);
        };
        let refused = |problem: String, hint: &str| {
            Err(ConfigError::Value {
                key: Key::Registry.name(),
                origin: kind.origin.clone(),
                problem,
                hint: Some(hint.to_owned()),
            })
        };
        match kind.text.to_ascii_lowercase().as_str() {
            "zookeeper" => Ok(None),
            "jdbc" => {
                let own = known(
                    "registry",
                    self.properties.get("registry.hikari-config.jdbc-url"),
                )?;
                let main = known("db", self.properties.get("spring.datasource.url"))?;
                let place = |url: &Property| url.text.split('?').next().map(str::to_owned);
                match (own, main) {
                    (Some(own), Some(main)) if place(&own) != place(&main) => refused(
                        format!("the registry is in a database of its own ({})", own.origin),
                        "a registry outside the metadata database cannot be read yet",
                    ),
                    _ => Ok(Some(Stated {
                        text: "jdbc".to_owned(),
                        origin: kind.origin,
                    })),
                }
            }
            other => refused(
                format!("the masters' registry is {other:?}"),
                "ZooKeeper and the JDBC registry of 3.2 and newer can be read",
            ),
        }
    }
}

impl From<&Installation> for DsHome {
    fn from(installation: &Installation) -> Self {
        let names = &installation.registry;
        let kind = installation.kind().transpose();
        // Servers of ZooKeeper stand in every file, also where the registry is another one.
        let zookeeper = kind.is_none();
        let values = [
            (Key::Registry, kind),
            (
                Key::Zk,
                stated("zk", installation.of_registry(names.servers)).filter(|_| zookeeper),
            ),
            (
                Key::Namespace,
                stated("namespace", installation.of_registry(names.namespace))
                    .filter(|_| zookeeper),
            ),
            (
                Key::Db,
                stated("db", installation.properties.get("spring.datasource.url")),
            ),
            (
                Key::TimeZone,
                stated("time-zone", installation.time_zone.clone()),
            ),
        ];
        Self {
            values: values
                .into_iter()
                .filter_map(|(key, value)| Some((key, value?)))
                .collect(),
            login: login(&installation.properties),
            digest: known(
                "the ZooKeeper digest",
                installation.of_registry(names.digest),
            )
            .map(|digest| {
                digest
                    .filter(|digest| zookeeper && !digest.text.trim().is_empty())
                    .map(|digest| (Secret::new(digest.text), digest.origin))
            }),
        }
    }
}

fn login(properties: &Properties) -> Result<Login, ConfigError> {
    let user = known("db", properties.get("spring.datasource.username"))?;
    let password = known("db-password", properties.get("spring.datasource.password"))?;
    Ok(Login {
        user: user.map(|user| user.text),
        password: password.map(|password| (Secret::new(password.text), password.origin)),
    })
}

/// A property, or the error that it cannot be known.
fn known(
    key: &'static str,
    property: Result<Option<Property>, Unknown>,
) -> Result<Option<Property>, ConfigError> {
    property.map_err(|Unknown(origin)| ConfigError::Value {
        key,
        origin,
        problem: "only running DolphinScheduler's start script would tell what it is".to_owned(),
        hint: Some(
            "give it on the command line, in the environment or in dsctl's own file".to_owned(),
        ),
    })
}

fn stated(
    key: &'static str,
    property: Result<Option<Property>, Unknown>,
) -> Option<Result<Stated, ConfigError>> {
    let stated = |property: Property| Stated {
        text: property.text,
        origin: property.origin,
    };
    known(key, property)
        .map(|property| property.map(stated))
        .transpose()
}

/// 1.2 and 1.3: properties alone. 1.2.0 has a file for each part, 1.2.1 and 1.3 others.
fn of_1(conf: &Path) -> Result<Option<Installation>, ConfigError> {
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
    let names_servers = |layer: &YamlDocument| {
        layer
            .iter()
            .any(|entry| entry.name == RegistryNames::ZOOKEEPER.servers)
    };
    if !layers.iter().any(names_servers) {
        return Ok(None);
    }
    Ok(Some(Installation {
        registry: RegistryNames::ZOOKEEPER,
        registry_properties: None,
        properties: Properties {
            layers,
            ..Properties::default()
        },
        time_zone: Ok(None),
    }))
}

/// 2.0: the registry in properties; the database in the YAML of the profile that
/// `dolphinscheduler-daemon.sh` chooses by `DATABASE_TYPE`.
fn of_2(
    folder: &Path,
    registry: YamlDocument,
    environment: &BTreeMap<OsString, OsString>,
) -> Result<Installation, ConfigError> {
    let conf = folder.join("conf");
    // The daemon sources both between `set -a` and `set +a`.
    let mut shell = ShellReader::new(variables(environment)).export_all();
    for file in ["env/dolphinscheduler_env.sh", "config/install_config.conf"] {
        source(&conf.join(file), &mut shell)?;
    }
    let variables = shell.variables;
    let or_default =
        |name: &str, default: &str| match variables.get(name).or_else(|| variables.get(ANY)) {
            Some(entry) if entry.text.as_deref() != Some("") => {
                let text = entry.text.clone();
                text.ok_or_else(|| Unknown(entry.origin.clone()))
            }
            _ => Ok(default.to_owned()),
        };
    let profiles = known_text(or_default("SPRING_PROFILES_ACTIVE", "default"))?;
    let database = known_text(or_default("DATABASE_TYPE", "h2"))?;
    let profiles: Vec<String> = profiles
        .split(',')
        .chain(["master", &database])
        .map(|profile| profile.trim().to_owned())
        .collect();
    let system = ["DOLPHINSCHEDULER_OPTS", "MASTER_SERVER_OPTS"]
        .iter()
        .filter_map(|name| variables.get(*name))
        .flat_map(spring::system_properties)
        .collect::<Vec<_>>();
    let properties = Properties {
        system: system.clone(),
        variables,
        layers: of_profiles(&conf, Vec::new(), &profiles)?,
    };
    all_is_read(folder, &profiles, &properties)?;
    Ok(Installation {
        registry: RegistryNames::PLUGIN,
        registry_properties: Some(Properties {
            system,
            layers: vec![registry],
            ..Properties::default()
        }),
        properties,
        time_zone: Ok(None),
    })
}

/// 3.x: `application.yaml` of the server, behind the environment that its start script makes.
fn of_3(
    folder: &Path,
    server: &Path,
    base: Vec<YamlDocument>,
    environment: &BTreeMap<OsString, OsString>,
) -> Result<Installation, ConfigError> {
    let mut shell = ShellReader::new(variables(environment));
    // The daemon copies the first one over the second when it starts the server.
    let shared = folder.join("bin/env/dolphinscheduler_env.sh");
    if !source(&shared, &mut shell)? {
        source(&server.join("conf/dolphinscheduler_env.sh"), &mut shell)?;
    }
    let system = of_java(server, &shell)?;
    let time_zone = time_zone(server, &shell.variables, &system)?;
    // Java gets what is exported, its command line all.
    let variables = shell.environment();
    let unconditional = |document: &&YamlDocument| spring::is_active(document, &[]) == Some(true);
    let mut properties = Properties {
        system,
        variables,
        layers: base.iter().rev().filter(unconditional).cloned().collect(),
    };
    let active = properties.list("spring.profiles.active");
    let mut profiles = known_list(active)?;
    if profiles.is_empty() {
        profiles.push("default".to_owned());
    }
    properties.layers = of_profiles(&server.join("conf"), base, &profiles)?;
    all_is_read(server, &profiles, &properties)?;
    Ok(Installation {
        registry: RegistryNames::SPRING,
        registry_properties: None,
        properties,
        time_zone,
    })
}

/// The documents that count, the one that goes before all others first: each profile's own file, the
/// last profile before the others, then the common file, the last document before the others.
fn of_profiles(
    conf: &Path,
    base: Vec<YamlDocument>,
    profiles: &[String],
) -> Result<Vec<YamlDocument>, ConfigError> {
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

fn unknown(document: YamlDocument) -> YamlDocument {
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

/// The `-D` options of the master's Java, the ones that count most last. From 3.2 on its start script
/// takes those of `jvm_args_env.sh`, one a line and not filled in, unless `JAVA_OPTS` is set.
fn of_java(server: &Path, shell: &ShellReader) -> Result<Vec<Assignment>, ConfigError> {
    let environment = shell.environment();
    let mut system: Vec<Assignment> = ["JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"]
        .iter()
        .filter_map(|name| environment.get(*name))
        .flat_map(spring::system_properties)
        .collect();
    let options = shell.variables.get("JAVA_OPTS");
    if let Some(options) = options.filter(|options| options.text.as_deref() != Some("")) {
        system.extend(spring::system_properties(options));
        return Ok(system);
    }
    let path = server.join("bin/jvm_args_env.sh");
    let text = read(&path)?.unwrap_or_default();
    for (index, line) in String::from_utf8_lossy(&text).lines().enumerate() {
        let line = line.trim();
        if line.starts_with('-') {
            system.extend(spring::system_properties(&Assignment {
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

fn known_list(words: Result<Vec<String>, Unknown>) -> Result<Vec<String>, ConfigError> {
    match words {
        Ok(words) => Ok(words),
        Err(unknown) => known("the active profiles", Err(unknown)).map(|_| Vec::new()),
    }
}

fn known_text(text: Result<String, Unknown>) -> Result<String, ConfigError> {
    let property = text.map(|text| {
        Some(Property {
            text,
            origin: Origin::BuiltIn,
        })
    });
    known("the active profiles", property)
        .map(|property| property.map_or_else(String::new, |p| p.text))
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

fn read_properties(path: &Path) -> Result<Option<YamlDocument>, ConfigError> {
    let Some(bytes) = read(path)? else {
        return Ok(None);
    };
    properties::parse(path, &bytes)
        .map(Some)
        .map_err(|line| not_understood(path, line, "a properties file"))
}

fn read_yaml(path: &Path) -> Result<Option<Vec<YamlDocument>>, ConfigError> {
    let Some(bytes) = read(path)? else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = before.split(|byte| *byte == b'\n').count();
        not_understood(path, line, "UTF-8")
    })?;
    yaml::parse(path, text)
        .map(Some)
        .map_err(|line| not_understood(path, line, "YAML"))
}

fn not_understood(path: &Path, line: usize, what: &str) -> ConfigError {
    ConfigError::Line {
        path: path.to_owned(),
        line,
        problem: format!("this is not {what}"),
        hint: Some("DolphinScheduler's own file; its masters could not read it either".to_owned()),
    }
}

/// Nobody writes a longer configuration; a wrong file must not be read to its end.
const LONGEST: u64 = 4 * 1024 * 1024;

fn read(path: &Path) -> Result<Option<Vec<u8>>, ConfigError> {
    let unreadable = |error: std::io::Error| ConfigError::File {
        path: PathBuf::from(path),
        problem: error.to_string(),
    };
    let file = match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => return Ok(None),
        // A pipe would be waited for, and what it says now need not be what it said to a master.
        Ok(metadata) if !metadata.is_file() => {
            return Err(ConfigError::File {
                path: PathBuf::from(path),
                problem: "it is a pipe or a device".to_owned(),
            });
        }
        Ok(_) => std::fs::File::open(path).map_err(unreadable)?,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(unreadable(error)),
    };
    let mut bytes = Vec::new();
    file.take(LONGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    // Half a file may say the opposite of the whole one.
    if bytes.len() as u64 > LONGEST {
        return Err(ConfigError::File {
            path: PathBuf::from(path),
            problem: "it is longer than any configuration".to_owned(),
        });
    }
    Ok(Some(bytes))
}
