use std::fs;
use std::path::PathBuf;

use super::*;
use crate::commands::Cli;
use crate::output::{ColorChoice, Format};
use crate::secret::{KerberosLogin, SaslLogin};

/// A folder that represents the machine, and its own environment.
struct Machine {
    folder: tempfile::TempDir,
    environment: Environment,
    stdin: &'static str,
}

impl Machine {
    fn new(variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect();
        let environment = Environment {
            variables,
            system_file: folder.path().join("etc.toml"),
            usual_home: folder.path().join("opt"),
            ..Environment::default()
        };
        Self {
            folder,
            environment,
            stdin: "",
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn set(&mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) {
        self.environment
            .variables
            .insert(name.into(), value.as_ref().to_owned());
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn secret(&self, name: &str, text: &str, mode: u32) -> String {
        use std::os::unix::fs::PermissionsExt;
        let path = self.file(name, text);
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    fn resolve_for(&self, line: &str, scope: Scope) -> Result<Settings, ConfigError> {
        let arguments = Cli::read(
            ["dsctl", "masters"]
                .into_iter()
                .chain(line.split_whitespace()),
        )
        .unwrap()
        .global;
        resolve(
            &arguments,
            &self.environment,
            &mut self.stdin.as_bytes(),
            scope,
        )
    }

    fn survey(&self, line: &str) -> Survey {
        let line = ["dsctl", "config"]
            .into_iter()
            .chain(line.split_whitespace());
        let arguments = Cli::read(line).unwrap().global;
        survey(&arguments, &self.environment, &mut self.stdin.as_bytes()).unwrap()
    }

    fn resolve(&self, line: &str) -> Result<Settings, ConfigError> {
        self.resolve_for(line, Scope::Cluster)
    }

    fn password(&self, line: &str) -> Option<String> {
        let settings = self.resolve(line).unwrap();
        settings
            .db
            .unwrap()
            .password()
            .map(|password| password.expose().to_owned())
    }
}

#[test]
fn defaults() {
    let settings = Machine::new(&[]).resolve("").unwrap();
    assert_eq!(
        (settings.zk, settings.db, settings.registry),
        (None, None, None)
    );
    assert_eq!(settings.namespace, Namespace::default());
    let seconds = [
        settings.timeout,
        settings.statement_timeout,
        settings.session_timeout,
    ]
    .map(|limit| limit.as_secs());
    assert_eq!(seconds, [10, 300, 18]);
    assert_eq!(settings.output, crate::output::OutputSettings::default());
}

#[test]
fn the_closest_place_wins() {
    let mut machine = Machine::new(&[]);
    let places = ["etc.toml", "xdg/dsctl/config.toml", "asked.toml"];
    let check = |machine: &Machine, line: &str, namespace: &str, origin: &Origin| {
        let settings = machine.resolve(line).unwrap();
        assert_eq!(
            (
                settings.namespace.to_string().as_str(),
                settings.origin(Key::Namespace)
            ),
            (namespace, origin)
        );
    };
    check(&machine, "", "dolphinscheduler", &Origin::BuiltIn);
    machine.set("XDG_CONFIG_HOME", machine.path("xdg"));
    machine.set("HOME", machine.path("home"));
    for name in places {
        machine.file(
            name,
            &format!("\nnamespace = \"{}\"\n", name.replace('/', "-")),
        );
        if name == "asked.toml" {
            machine.set("DSCTL_CONFIG", machine.path(name));
        }
        check(
            &machine,
            "",
            &name.replace('/', "-"),
            &Origin::File {
                path: machine.path(name),
                line: 2,
            },
        );
    }
    let flag = machine.file("flag.toml", "namespace = \"flag-file\"");
    check(
        &machine,
        &format!("--config {flag}"),
        "flag-file",
        &Origin::File {
            path: flag.clone().into(),
            line: 1,
        },
    );
    machine.set("DSCTL_NAMESPACE", "environment");
    check(
        &machine,
        "",
        "environment",
        &Origin::Environment("DSCTL_NAMESPACE".to_owned()),
    );
    check(&machine, "--namespace flag", "flag", &Origin::Flag);
}

#[test]
fn a_file_that_was_asked_for_stands_alone() {
    let mut machine = Machine::new(&[("DSCTL_TIMEOUT", "7s")]);
    machine.set("XDG_CONFIG_HOME", machine.path("xdg"));
    machine.file("etc.toml", "zk = \"production\"\nnamespace = \"etc\"");
    machine.file(
        "xdg/dsctl/config.toml",
        "db = \"mysql://u@production/d\"\nbroken",
    );
    let asked = machine.file("asked.toml", "db = \"sqlite:rehearsal.db\"");
    let alone = |machine: &Machine, line: &str| {
        let settings = machine.resolve(line).unwrap();
        assert_eq!(
            (
                settings.zk.map(|zk| zk.to_string()).as_deref(),
                settings.namespace.to_string().as_str()
            ),
            (None, "dolphinscheduler")
        );
        assert_eq!(settings.db, Some(DbTarget::Sqlite("rehearsal.db".into())));
        assert_eq!(settings.timeout, Duration::from_secs(7));
    };
    alone(&machine, &format!("--config {asked}"));
    machine.set("DSCTL_CONFIG", &asked);
    alone(&machine, "");
    let other = machine.file("other.toml", "db = \"sqlite:other.db\"");
    let settings = machine.resolve(&format!("--config {other}")).unwrap();
    assert_eq!(settings.db, Some(DbTarget::Sqlite("other.db".into())));
}

#[test]
fn every_option_can_stand_in_the_environment() {
    let mut machine = Machine::new(&[
        ("DSCTL_ZK", "zk1:2181/ds"),
        ("DSCTL_DB", "mysql://u@h/d"),
        ("DSCTL_REGISTRY", "zookeeper"),
        ("DSCTL_DS_VERSION", "3.1.9"),
        ("DSCTL_TIME_ZONE", "Asia/Shanghai"),
        ("DSCTL_SESSION_TIMEOUT", "20s"),
        ("DSCTL_TIMEOUT", "500ms"),
        ("DSCTL_STATEMENT_TIMEOUT", "1h"),
        ("DSCTL_OUTPUT", "ndjson"),
        ("DSCTL_NO_HEADERS", "1"),
        ("DSCTL_QUIET", "true"),
        ("DSCTL_VERBOSE", "2"),
        ("DSCTL_COLOR", "never"),
    ]);
    let digest = machine.secret("digest", "ds:pw\n", 0o600);
    machine.set("DSCTL_ZK_DIGEST_FILE", digest);
    let settings = machine.resolve("").unwrap();
    assert_eq!(
        settings.registry().unwrap(),
        RegistryTarget::ZooKeeper(&"zk1:2181/ds".parse().unwrap())
    );
    assert_eq!(settings.ds_version, Some(Version::new(3, 1, 9)));
    assert_eq!(
        settings.time_zone.as_ref().and_then(TimeZone::iana_name),
        Some("Asia/Shanghai")
    );
    let limits = [
        settings.session_timeout,
        settings.timeout,
        settings.statement_timeout,
    ]
    .map(|limit| limit.as_millis());
    assert_eq!(limits, [20_000, 500, 3_600_000]);
    let expected = OutputSettings {
        format: Format::Ndjson,
        headers: false,
        quiet: true,
        verbosity: 2,
        color: ColorChoice::Never,
    };
    assert_eq!(settings.output, expected);
    assert_eq!(settings.zk_digest.unwrap().expose(), "ds:pw");
}

#[test]
fn a_login_at_zookeeper_is_user_and_password() {
    let mut machine = Machine::new(&[("DSCTL_ZK", "zk1"), ("DSCTL_ZK_SASL", "env:MARKER")]);
    let login = |machine: &Machine, line: &str| {
        let Some(SaslLogin::Password(login)) = machine.resolve(line).unwrap().zk_sasl else {
            panic!("no login with a password");
        };
        (login.user, login.password.expose().to_owned())
    };
    let file = machine.secret("sasl", "ds:MARK:ER\n", 0o600);
    let line = format!("--zk-sasl-file {file}");
    assert_eq!(login(&machine, &line), ("ds".into(), "MARK:ER".into()));
    assert_eq!(login(&machine, ""), ("env".into(), "MARKER".into()));
    let listed = machine.survey("").listed();
    let shown = listed
        .iter()
        .find(|listed| listed.name == "zk-sasl")
        .unwrap();
    assert_eq!(shown.value.as_deref(), Some("env:***"));
    assert!(!format!("{:?}", machine.resolve(&line).unwrap()).contains("MARK"));

    let open = machine.secret("open", "ds:MARKER", 0o644);
    let error = machine
        .resolve(&format!("--zk-sasl-file {open}"))
        .unwrap_err();
    assert!(
        error.to_string().contains("users other than its owner"),
        "{error}"
    );
    for (text, problem) in [
        ("MARKER", "expected user:password"),
        (":MARKER", "expected user:password"),
        ("u:", "expected user:password"),
        ("u\"x:MARKER", "quotes and backslashes"),
    ] {
        machine.set("DSCTL_ZK_SASL", text);
        let error = machine.resolve("").unwrap_err().to_string();
        assert!(
            error.contains(problem) && !error.contains("MARKER"),
            "{error}"
        );
    }
    // Where ZooKeeper is not the registry, nobody asks for it.
    machine
        .environment
        .variables
        .remove(std::ffi::OsStr::new("DSCTL_ZK"));
    assert_eq!(machine.resolve("").unwrap().zk_sasl, None);
}

/// The client's certificate for the database, from options and from the URL.
#[test]
fn the_certificate_that_is_said_closer_is_shown_to_the_database() {
    let mut machine = Machine::new(&[("DSCTL_ZK", "zk1")]);
    let file = |name: &str, mode| machine.secret(name, "MARKER", mode);
    let (both, key, open) = (file("both", 0o600), file("key", 0o600), file("open", 0o644));
    let url = "mysql://u@h/d";
    let shown = |machine: &Machine, line: &str| {
        let settings = machine.resolve(line).unwrap();
        let server = settings.db.as_ref().and_then(DbTarget::server).cloned();
        let client = server.unwrap().client_certificate.unwrap();
        [client.certificate, client.key].map(|path| path.display().to_string())
    };
    let line = format!("--db {url} --db-tls-cert {both}");
    assert_eq!(shown(&machine, &line), [&both, &both].map(Clone::clone));
    let with_key = format!("--db {url} --db-tls-cert {open} --db-tls-key {key}");
    assert_eq!(shown(&machine, &with_key), [open.clone(), key.clone()]);
    machine.set("DSCTL_DB_TLS_CERT", &both);
    // The URL is closer to the command line, or in the same place.
    let named = format!("{url}?sslcert=c&sslkey=k");
    assert_eq!(shown(&machine, &format!("--db {named}")), ["c", "k"]);
    assert_eq!(shown(&machine, &format!("--db {url}"))[0], both);
    machine.set("DSCTL_DB", &named);
    assert_eq!(shown(&machine, "")[0], both);
    let listed = machine.survey("").listed();
    let row = listed.iter().find(|row| row.name == "db-tls-cert").unwrap();
    assert_eq!(
        (row.value.as_ref(), row.origin.to_string()),
        (Some(&both), "DSCTL_DB_TLS_CERT".to_owned())
    );
    let refused = |machine: &Machine, line: &str| machine.resolve(line).unwrap_err().to_string();
    let off = refused(&machine, "--db mysql://u@h/d?useSSL=false");
    assert!(off.contains("--db-tls-cert (DSCTL_DB_TLS_CERT)"), "{off}");
    machine.set("DSCTL_DB_TLS_CERT", "");
    let lonely = refused(&machine, &format!("--db-tls-key {key}"));
    assert!(lonely.contains("a key without a certificate"), "{lonely}");
    let others = refused(&machine, &format!("--db-tls-cert {open}"));
    assert!(others.contains("users other than its owner"), "{others}");
}

#[test]
fn empty_variables_and_relative_folders_count_as_unset() {
    let mut machine = Machine::new(&[
        ("DSCTL_NAMESPACE", ""),
        ("DSCTL_CONFIG", ""),
        ("XDG_CONFIG_HOME", ""),
    ]);
    machine.set("HOME", machine.path("home"));
    machine.file("home/.config/dsctl/config.toml", "namespace = \"home\"");
    assert_eq!(machine.resolve("").unwrap().namespace.to_string(), "home");
    machine.set("XDG_CONFIG_HOME", "relative");
    assert_eq!(machine.resolve("").unwrap().namespace.to_string(), "home");
}

#[test]
fn mistakes_name_their_place() {
    let mut machine = Machine::new(&[("DSCTL_TIMEOUT", "30")]);
    let message = |machine: &Machine, line: &str| machine.resolve(line).unwrap_err().to_string();
    assert_eq!(
        message(&machine, ""),
        "timeout from DSCTL_TIMEOUT cannot be used: the unit is missing: use 30s for seconds, 30m for minutes"
    );
    machine.set("DSCTL_TIMEOUT", "");
    machine.file("etc.toml", "zk = \"zk1\"\nzzk = 1\n");
    let etc = machine.path("etc.toml").display().to_string();
    assert_eq!(
        message(&machine, ""),
        format!("{etc}, line 2: unknown key \"zzk\"")
    );
    machine.file("etc.toml", "quiet = \"maybe\"");
    assert_eq!(
        message(&machine, ""),
        format!("quiet from {etc}, line 1 cannot be used: expected true or false")
    );
    assert!(
        message(&machine, "--config /nowhere.toml")
            .contains("/nowhere.toml cannot be read: no such file")
    );
}

#[test]
fn what_is_missing_is_said_when_it_is_needed() {
    use ConfigError::{NoDatabase, NoRegistry, NoZooKeeper, NothingConfigured};
    let errors = |line: &str| {
        let settings = Machine::new(&[]).resolve(line).unwrap();
        (settings.database().err(), settings.registry().err())
    };
    assert_eq!(
        errors(""),
        (
            Some(NothingConfigured { running: None }),
            Some(NothingConfigured { running: None })
        )
    );
    assert_eq!(errors("--zk zk1"), (Some(NoDatabase), None));
    assert_eq!(errors("--db mysql://u@h/d"), (None, Some(NoRegistry)));
    assert_eq!(
        errors("--db mysql://u@h/d --registry zookeeper"),
        (None, Some(NoZooKeeper))
    );
    assert_eq!(
        errors("--registry jdbc"),
        (Some(NoDatabase), Some(NoDatabase))
    );
    assert_eq!(errors("--db mysql://u@h/d --registry jdbc"), (None, None));
    assert_eq!(errors("--db sqlite:a.db"), (None, None));
    let hint = NothingConfigured { running: None }.hint().unwrap();
    assert!(
        ["--zk", "DSCTL_ZK", "--db", "DSCTL_DB", "dsctl demo"]
            .iter()
            .all(|keyword| hint.contains(keyword)),
        "{hint}"
    );
    assert!(NoRegistry.hint().unwrap().contains("--registry jdbc"));
}

#[test]
fn a_sqlite_file_holds_its_own_registry() {
    let machine = Machine::new(&[]);
    let settings = machine.resolve("--db sqlite:a.db").unwrap();
    assert_eq!(
        settings.registry().unwrap(),
        RegistryTarget::Jdbc(&DbTarget::Sqlite("a.db".into()))
    );
    let settings = machine.resolve("--db sqlite:a.db --zk zk1").unwrap();
    assert_eq!(
        settings.registry().unwrap(),
        RegistryTarget::ZooKeeper(&"zk1".parse().unwrap())
    );
}

#[test]
fn of_two_registries_the_closer_one_holds() {
    let machine = Machine::new(&[("DSCTL_ZK", "zk1"), ("DSCTL_DB", "mysql://u@h/d")]);
    assert!(matches!(
        machine.resolve("--registry jdbc").unwrap().registry(),
        Ok(RegistryTarget::Jdbc(_))
    ));
    let machine = Machine::new(&[("DSCTL_REGISTRY", "jdbc")]);
    assert_eq!(
        machine.resolve("--zk zk1").unwrap().registry(),
        Ok(RegistryTarget::ZooKeeper(&"zk1".parse().unwrap()))
    );
    let error = Machine::new(&[])
        .resolve("--zk zk1 --registry jdbc")
        .unwrap_err();
    assert!(matches!(error, ConfigError::TwoRegistries { .. }));
}

/// The one that is further away is told of, so that nobody takes it for used.
#[test]
fn a_setting_without_effect_is_told() {
    let told = |variables: &[(&str, &str)], line: &str| -> Vec<String> {
        let settings = Machine::new(variables).resolve(line).unwrap();
        settings.warnings.iter().map(ToString::to_string).collect()
    };
    let db = ("DSCTL_DB", "mysql://u@h/d");
    let zk = told(&[("DSCTL_ZK", "zk1"), db], "--registry jdbc");
    assert!(
        zk.len() == 1 && zk[0].contains("zk from DSCTL_ZK has no effect"),
        "{zk:?}"
    );
    let kind = told(&[("DSCTL_REGISTRY", "jdbc"), db], "--zk zk1");
    assert!(
        kind.len() == 1 && kind[0].contains("registry from DSCTL_REGISTRY has no effect"),
        "{kind:?}"
    );
    let any_host = ("DSCTL_ZK_TLS_ANY_HOST", "1");
    let tls = told(&[any_host, db], "--zk zk1");
    assert!(
        tls.len() == 1
            && tls[0].contains("zk-tls-any-host from DSCTL_ZK_TLS_ANY_HOST has no effect"),
        "{tls:?}"
    );
    let off = told(&[any_host, ("DSCTL_ZK_TLS", "0"), db], "--zk zk1");
    assert_eq!(off, tls);
    assert!(told(&[("DSCTL_ZK_TLS_ANY_HOST", "0"), db], "--zk zk1").is_empty());
    assert!(told(&[any_host], "--db sqlite:x").is_empty());
    let survey = Machine::new(&[any_host, db]).survey("--zk zk1");
    let listed = survey.listed();
    let shown = listed.iter().find(|key| key.name == "zk-tls-any-host");
    assert_eq!(shown.unwrap().value.as_deref(), Some("true"));
    // What an installation says is its own.
    let machine = Machine::new(&[]);
    let folder = installation(&machine, "ds", "a");
    let home = machine.resolve(&format!(
        "--ds-home {folder} --registry jdbc --db mysql://u@h/d"
    ));
    assert_eq!(home.unwrap().warnings, []);
}

#[test]
fn a_password_on_the_command_line_draws_a_warning() {
    let machine = Machine::new(&[("DSCTL_DB", "mysql://u:p@h/d")]);
    assert_eq!(machine.resolve("").unwrap().warnings, []);
    assert_eq!(machine.resolve("--db mysql://u@h/d").unwrap().warnings, []);
    for url in ["mysql://u:p@h/d", "jdbc:mysql://h/d?user=u&password=p"] {
        assert_eq!(
            machine.resolve(&format!("--db {url}")).unwrap().warnings,
            [Warning::PasswordOnCommandLine]
        );
    }
}

#[test]
fn passwords_come_from_the_closest_place() {
    let mut machine = Machine::new(&[]);
    machine.secret("credentials/dsctl-db-password", "credential", 0o440);
    machine.set("CREDENTIALS_DIRECTORY", machine.path("credentials"));
    machine.set("DSCTL_DB", "mysql://u@h/d");
    assert_eq!(machine.password("").as_deref(), Some("credential"));
    let in_file = machine.secret("in-file", "file's\n", 0o600);
    machine.file("etc.toml", &format!("db-password-file = {in_file:?}"));
    assert_eq!(machine.password("").as_deref(), Some("file's"));
    machine.set("DSCTL_DB_PASSWORD", "environment");
    assert_eq!(machine.password("").as_deref(), Some("environment"));
    machine.set("DSCTL_DB", "mysql://u:url@h/d");
    assert_eq!(machine.password("").as_deref(), Some("url"));
    let in_environment = machine.secret("in-environment", "environment's file\r\n", 0o400);
    machine.set("DSCTL_DB_PASSWORD_FILE", in_environment);
    assert_eq!(machine.password("").as_deref(), Some("environment's file"));
    assert_eq!(
        machine.password("--db mysql://u:flag@h/d").as_deref(),
        Some("flag")
    );
    machine.stdin = "stdin\n";
    assert_eq!(
        machine
            .password("--db mysql://u:flag@h/d --db-password-file -")
            .as_deref(),
        Some("stdin")
    );
}

#[test]
fn files_of_the_clients_have_passwords_where_nothing_else_has() {
    let mut machine = Machine::new(&[]);
    machine.set("HOME", machine.path("home"));
    machine.secret("home/.pgpass", "db1:5432:d:u:of the user\n", 0o600);
    machine.secret(
        "home/.my.cnf",
        "[client]\nuser=u\npassword=of mysql\n",
        0o600,
    );
    let postgres = "--db postgres://u@db1/d";
    let listed = |machine: &Machine, line: &str| {
        let listed = machine.survey(line).listed();
        let password = listed.iter().find(|listed| listed.name == "db-password");
        password.map(|listed| (listed.value.clone(), listed.origin.to_string()))
    };
    let shown = |place: &str| Some((Some("***".to_owned()), place.to_owned()));
    let place = format!("{}, line 1", machine.path("home/.pgpass").display());
    assert_eq!(machine.password(postgres).as_deref(), Some("of the user"));
    assert_eq!(listed(&machine, postgres), shown(&place));
    assert_eq!(
        machine.password("--db mysql://u@db1/d").as_deref(),
        Some("of mysql")
    );
    let place = format!("{}, line 3", machine.path("home/.my.cnf").display());
    assert_eq!(listed(&machine, "--db mysql://u@db1/d"), shown(&place));
    for other in [
        "--db postgres://u@db2/d",
        "--db postgres://v@db1/d",
        "--db postgres://u@db1:5433/d",
        "--db postgres://u@db1/e",
        "--db mysql://v@db1/d",
    ] {
        assert_eq!(machine.password(other), None, "{other}");
    }
    let named = machine.secret("named", "*:*:*:*:named", 0o600);
    machine.set("PGPASSFILE", named);
    assert_eq!(machine.password(postgres).as_deref(), Some("named"));
    machine.set("PGPASSFILE", machine.path("missing"));
    assert_eq!(machine.password(postgres), None);
    machine.set("PGPASSFILE", machine.path("home"));
    assert_eq!(machine.password(postgres), None);
    // All other places go before.
    machine.set("PGPASSFILE", machine.path("named"));
    machine.secret("credentials/dsctl-db-password", "credential", 0o440);
    machine.set("CREDENTIALS_DIRECTORY", machine.path("credentials"));
    assert_eq!(machine.password(postgres).as_deref(), Some("credential"));
    assert_eq!(
        machine.password("--db postgres://u:url@db1/d").as_deref(),
        Some("url")
    );
}

/// A line for one server says nothing to another one.
#[test]
fn of_several_servers_each_must_have_the_same_password() {
    let mut machine = Machine::new(&[]);
    machine.set("HOME", machine.path("home"));
    let url = "--db postgres://u@db1,db2:5433/d";
    for (text, expected) in [
        ("db1:*:*:u:p\ndb2:5433:d:u:p", Some("p")),
        ("*:*:d:u:p", Some("p")),
        ("db1:*:*:u:p\ndb2:5433:d:u:q", None),
        ("db1:*:*:u:p", None),
        ("db2:*:*:u:p", None),
        ("db3:*:*:u:p", None),
    ] {
        let path = machine.secret("home/.pgpass", text, 0o600);
        assert_eq!(machine.password(url).as_deref(), expected, "{text}");
        let warnings = machine.resolve(url).unwrap().warnings;
        let unused = Warning::PasswordNotOfAll(path.into());
        let is_told = expected.is_none() && !text.starts_with("db3");
        assert_eq!(
            warnings,
            Vec::from_iter(is_told.then_some(unused)),
            "{text}"
        );
    }
    machine.secret(
        "home/.my.cnf",
        "[client]\nuser=u\nhost=db1\npassword=p",
        0o600,
    );
    assert_eq!(machine.password("--db mysql://u@db1,db2/d"), None);
    let warnings = machine
        .resolve("--db mysql://u@db1,db2/d")
        .unwrap()
        .warnings;
    assert!(
        warnings[0]
            .to_string()
            .contains("/.my.cnf is used, as it does not have the same one")
    );
    assert_eq!(
        machine.password("--db mysql://u@db1,db1:1/d").as_deref(),
        Some("p")
    );
}

#[test]
fn a_misspelt_parameter_is_warned_of() {
    let machine = Machine::new(&[("DSCTL_DB", "mysql://u:p@h/d?userSSL=false")]);
    let warnings = machine.resolve("").unwrap().warnings;
    assert_eq!(
        warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "the database URL from DSCTL_DB has a parameter userSSL, which is not known and has no effect; useSSL is probably meant"
        ]
    );
}

#[test]
fn a_clients_file_that_others_can_read_is_not_used() {
    let mut machine = Machine::new(&[]);
    machine.set("HOME", machine.path("home"));
    for (name, text, url) in [
        (".pgpass", "*:*:*:u:MARKER", "postgres://u@db1/d"),
        (
            ".my.cnf",
            "[client]\nuser=u\npassword=MARKER",
            "mysql://u@db1/d",
        ),
    ] {
        let path = machine.secret(&format!("home/{name}"), text, 0o640);
        let settings = machine.resolve(&format!("--db {url}")).unwrap();
        assert_eq!(settings.db.as_ref().unwrap().password(), None);
        let [warning] = settings.warnings.as_slice() else {
            panic!("{:?}", settings.warnings)
        };
        assert!(
            warning.to_string().ends_with(&format!("chmod 600 {path}")),
            "{warning}"
        );
        assert!(!format!("{settings:?}").contains("MARKER"));
        // Where it has nothing for this database, or nobody asks it, nothing is said.
        let other = url.replace("u@", "v@");
        assert_eq!(
            machine.resolve(&format!("--db {other}")).unwrap().warnings,
            []
        );
        machine.set("DSCTL_DB_PASSWORD", "p");
        assert_eq!(
            machine.resolve(&format!("--db {url}")).unwrap().warnings,
            []
        );
        machine
            .environment
            .variables
            .remove(std::ffi::OsStr::new("DSCTL_DB_PASSWORD"));
    }
}

#[test]
fn a_secret_that_others_can_read_is_refused() {
    let machine = Machine::new(&[]);
    for mode in [0o640, 0o604, 0o644, 0o620] {
        let path = machine.secret("password", "MARKER", mode);
        let error = machine
            .resolve(&format!("--db mysql://u@h/d --db-password-file {path}"))
            .unwrap_err();
        assert_eq!(error.hint(), Some(format!("chmod 600 {path}")), "{mode:o}");
        assert!(!format!("{error} {error:?}").contains("MARKER"));
    }
}

#[test]
fn files_without_a_secret_are_refused() {
    let machine = Machine::new(&[]);
    let refuse = |path: &str| {
        machine
            .resolve(&format!("--db mysql://u@h/d --db-password-file {path}"))
            .unwrap_err()
            .to_string()
    };
    assert!(refuse(&machine.secret("empty", "\n", 0o600)).ends_with("it is empty"));
    assert!(
        refuse(&machine.secret("lines", "MARKER\nb\n", 0o600))
            .ends_with("it has more than one line")
    );
    assert!(
        refuse("/nowhere")
            .contains("the file /nowhere (db-password-file from the command line) cannot be used")
    );
    let digest = machine.secret("digest", "MARKER", 0o600);
    let error = machine
        .resolve(&format!("--zk zk1 --zk-digest-file {digest}"))
        .unwrap_err();
    assert!(
        error.to_string().ends_with("expected user:password")
            && !error.to_string().contains("MARKER"),
        "{error}"
    );
}

#[test]
fn a_url_with_a_password_in_a_file_for_everybody_is_refused() {
    let machine = Machine::new(&[]);
    machine.secret("etc.toml", "\ndb = \"mysql://u:MARKER@h/d\"", 0o644);
    let error = machine.resolve("").unwrap_err();
    assert!(
        error.hint().unwrap().contains("chmod 600") && !format!("{error:?}").contains("MARKER"),
        "{error}"
    );
    machine.secret("etc.toml", "\ndb = \"mysql://u:MARKER@h/d\"", 0o600);
    assert_eq!(machine.password("").as_deref(), Some("MARKER"));
}

#[test]
fn a_rehearsal_looks_at_nothing_about_servers() {
    let machine = Machine::new(&[
        ("DSCTL_DB", "nonsense"),
        ("DSCTL_ZK", "//"),
        ("DSCTL_OUTPUT", "json"),
    ]);
    let settings = machine
        .resolve_for("--ds-version 3.1.9", Scope::Local)
        .unwrap();
    assert_eq!((settings.db, settings.output.format), (None, Format::Json));
    assert_eq!(settings.ds_version, Some(Version::new(3, 1, 9)));
}

#[test]
fn how_to_answer_is_known_even_if_nothing_else_is() {
    let arguments = |line: &str| {
        Cli::read(
            ["dsctl", "masters"]
                .into_iter()
                .chain(line.split_whitespace()),
        )
        .unwrap()
        .global
    };
    let machine = Machine::new(&[("DSCTL_OUTPUT", "json"), ("DSCTL_ZK", "//")]);
    machine.file("etc.toml", "broken");
    assert_eq!(
        output_settings(&arguments(""), &machine.environment).format,
        Format::Json
    );
    let machine = Machine::new(&[("DSCTL_COLOR", "blue")]);
    assert_eq!(
        output_settings(&arguments("-o tsv"), &machine.environment).format,
        Format::Tsv
    );
}

#[test]
fn no_password_in_any_debug_text() {
    let mut machine = Machine::new(&[
        ("DSCTL_DB", "mysql://u:MARKER@h/d"),
        ("DSCTL_ZK", "zk1"),
        ("DSCTL_ZK_DIGEST", "u:MARKER"),
        ("DSCTL_ZK_SASL", "u:MARKER"),
    ]);
    let certificate = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";
    let key = "-----BEGIN PRIVATE KEY-----\nMARKER\n-----END PRIVATE KEY-----\n";
    let both = machine.secret("both.pem", &format!("{certificate}{key}"), 0o600);
    machine.set("DSCTL_ZK_TLS_CA", machine.file("ca.pem", certificate));
    machine.set("DSCTL_ZK_TLS_CERT", both);
    let settings = machine.resolve("").unwrap();
    assert!(settings.zk_sasl.is_some() && settings.zk_tls.as_ref().unwrap().identity.is_some());
    assert_eq!(
        settings.zk_digest.as_ref().map(Secret::expose),
        Some("u:MARKER")
    );
    assert!(!format!("{settings:?} {:?}", machine.environment).contains("MARKER"));
    for (name, value) in [
        ("DSCTL_ZK", "u:MARKER@zk1"),
        ("DSCTL_DB", "mysql://u:MARKER/d"),
        ("DSCTL_ZK_DIGEST", "MARKER"),
    ] {
        let before = machine.environment.variables.clone();
        machine.set(name, value);
        let error = machine.resolve("").unwrap_err();
        assert!(
            !format!("{error} {error:?} {:?}", error.hint()).contains("MARKER"),
            "{error:?}"
        );
        machine.environment.variables = before;
    }
}

/// An installation of 3.1 with a password of its own.
fn installation(machine: &Machine, folder: &str, host: &str) -> String {
    machine.file(
        &format!("{folder}/master-server/conf/application.yaml"),
        &format!(
            "spring:\n  datasource:\n    url: jdbc:postgresql://{host}:5432/ds\n    username: dolphin\n    password: mark3r\nregistry:\n  \
             type: zookeeper\n  zookeeper:\n    connect-string: {host}:2181\n    namespace: ours\n    digest: zk:mark3r\n"
        ),
    );
    machine.path(folder).display().to_string()
}

fn shown(settings: &Settings) -> (Option<String>, Option<String>, Option<&str>) {
    let (host, password) = match &settings.db {
        Some(DbTarget::Postgres(server)) => (
            Some(format!("{}@{}", server.user, server.host)),
            server.password.as_ref().map(Secret::expose),
        ),
        _ => (None, None),
    };
    let zk = settings.zk.as_ref().map(ToString::to_string);
    (zk, host, password)
}

#[test]
fn dolphinschedulers_own_files_are_enough() {
    let mut machine = Machine::new(&[]);
    let folder = installation(&machine, "ds", "a");
    let whole = (
        Some("a:2181".to_owned()),
        Some("dolphin@a".to_owned()),
        Some("mark3r"),
    );
    let asked = machine.resolve(&format!("--ds-home {folder}")).unwrap();
    assert_eq!(shown(&asked), whole);
    assert_eq!(asked.namespace.to_string(), "ours");
    assert_eq!(asked.zk_digest.as_ref().unwrap().expose(), "zk:mark3r");
    assert!(!format!("{asked:?}").contains("mark3r"));
    machine.set("DOLPHINSCHEDULER_HOME", &folder);
    assert_eq!(shown(&machine.resolve("").unwrap()), whole);
    let mut usual = Machine::new(&[]);
    installation(&usual, "opt", "a");
    assert_eq!(shown(&usual.resolve("").unwrap()), whole);
    usual.set("DSCTL_DS_HOME", usual.path("nowhere"));
    assert!(matches!(
        usual.resolve("").unwrap_err(),
        ConfigError::NoInstallation { .. }
    ));
}

#[test]
fn an_installation_that_happens_to_be_there_completes_no_other_cluster() {
    let mut machine = Machine::new(&[]);
    let folder = installation(&machine, "opt", "a");
    machine.set("DOLPHINSCHEDULER_HOME", &folder);
    let rehearsal = machine.resolve("--db sqlite:copy.db").unwrap();
    assert_eq!(rehearsal.zk, None);
    let other = machine.resolve("--zk b:1").unwrap();
    assert_eq!((other.db, other.zk_digest), (None, None));
    machine.file("etc.toml", "zk = \"c:1\"");
    assert_eq!(machine.resolve("").unwrap().db, None);
    // Asked for by name it completes what was given, but tells no other server its passwords.
    let line = format!("--ds-home {folder} --zk b:1 --db postgres://u@b/ds");
    let mixed = machine.resolve(&line).unwrap();
    assert_eq!(
        shown(&mixed),
        (Some("b:1".to_owned()), Some("u@b".to_owned()), None)
    );
    assert_eq!(
        (mixed.zk_digest, mixed.namespace.to_string()),
        (None, "ours".to_owned())
    );
}

#[test]
fn an_installation_that_is_asked_for_is_not_put_together_with_servers_stated_further_away() {
    let mut machine = Machine::new(&[]);
    let folder = installation(&machine, "ds", "a");
    let asked = format!("--ds-home {folder}");
    let refused = |machine: &Machine, line: &str| match machine.resolve(line).unwrap_err() {
        ConfigError::TwoClusters { key, .. } => key,
        error => panic!("{error}"),
    };
    machine.file("etc.toml", "zk = \"b:1\"");
    assert_eq!(refused(&machine, &asked), "zk");
    machine.file("etc.toml", "db = \"postgres://u@b/ds\"");
    assert_eq!(refused(&machine, &asked), "db");
    // Said in the same place it is meant so.
    let beside = machine.resolve(&format!("{asked} --db postgres://u@c/ds"));
    assert_eq!(shown(&beside.unwrap()).1, Some("u@c".to_owned()));
    machine.file(
        "etc.toml",
        &format!("ds-home = {folder:?}\ndb = \"postgres://u@c/ds\""),
    );
    assert_eq!(
        shown(&machine.resolve("").unwrap()).1,
        Some("u@c".to_owned())
    );
    // Closer, it may mean another cluster, which nothing of the installation completes.
    for (line, zk) in [
        ("--zk c:1", Some("c:1".to_owned())),
        ("--db postgres://u@d/ds", None),
    ] {
        let closer = machine.resolve(line).unwrap();
        assert_eq!(closer.warnings, [Warning::InstallationNotRead], "{line}");
        assert_eq!(closer.namespace, Namespace::default(), "{line}");
        assert_eq!(shown(&closer).0, zk, "{line}");
    }
    machine.file("etc.toml", "registry = \"jdbc\"");
    machine.set("DSCTL_DS_HOME", &folder);
    assert_eq!(refused(&machine, ""), "registry");
    machine.file("etc.toml", "timeout = \"7s\"");
    machine.set("DSCTL_ZK", "b:1");
    assert_eq!(
        shown(&machine.resolve("").unwrap()).0,
        Some("b:1".to_owned())
    );
    assert_eq!(refused(&machine, &asked), "zk");
}

#[test]
fn a_running_master_is_suggested_and_not_taken() {
    let mut machine = Machine::new(&[]);
    machine.environment.processes = machine.path("proc");
    machine.file(
        "proc/7/cmdline",
        "java\0org.apache.dolphinscheduler.server.master.MasterServer\0",
    );
    std::os::unix::fs::symlink("/data/ds/master-server", machine.path("proc/7/cwd")).unwrap();
    let settings = machine.resolve("").unwrap();
    assert_eq!((&settings.zk, &settings.db), (&None, &None));
    let hint = settings.database().unwrap_err().hint().unwrap();
    assert!(hint.contains("--ds-home /data/ds;"), "{hint}");
}

#[test]
fn every_setting_is_listed_with_its_place_and_no_secret() {
    let mut machine = Machine::new(&[("DSCTL_TIMEOUT", "7s")]);
    let folder = installation(&machine, "ds", "a");
    machine.set("DOLPHINSCHEDULER_HOME", &folder);
    let listed = machine.survey("--time-zone Asia/Shanghai").listed();
    let of = |name: &str| {
        let setting = listed.iter().find(|listed| listed.name == name).unwrap();
        let origin = setting.origin.to_string().replace(&folder, "");
        (setting.value.clone().unwrap_or_default(), origin)
    };
    let yaml = |line: usize| format!("/master-server/conf/application.yaml, line {line}");
    for (name, value, origin) in [
        ("zk", "a:2181", yaml(9)),
        ("db", "postgres://dolphin@a:5432/ds", yaml(3)),
        ("db-password", "***", yaml(5)),
        ("zk-digest", "***", yaml(11)),
        ("namespace", "ours", yaml(10)),
        ("ds-home", &folder, "DOLPHINSCHEDULER_HOME".to_owned()),
        ("timeout", "7s", "DSCTL_TIMEOUT".to_owned()),
        ("time-zone", "Asia/Shanghai", "the command line".to_owned()),
        ("registry", "", "the built-in default".to_owned()),
        ("output", "table", "the built-in default".to_owned()),
    ] {
        assert_eq!(of(name), (value.to_owned(), origin), "{name}");
    }
    assert_eq!(listed.len(), Key::ALL.len());
    assert!(!format!("{listed:?}").contains("mark3r"), "{listed:?}");
}

#[test]
fn passwords_of_dsctls_own_places_go_before_those_of_an_installation() {
    let machine = Machine::new(&[("DSCTL_DB_PASSWORD", "closer")]);
    let folder = installation(&machine, "ds", "a");
    let settings = machine.resolve(&format!("--ds-home {folder}")).unwrap();
    assert_eq!(shown(&settings).2, Some("closer"));
}

/// Of a warning counts what it says of values that are used, and it shows none.
#[test]
fn what_a_running_master_may_have_otherwise_is_warned_of_where_it_is_used() {
    let machine = Machine::new(&[]);
    let folder = machine.path("ds").display().to_string();
    machine.file(
        "ds/master-server/conf/application.yaml",
        "spring.datasource:\n  url: jdbc:mysql://h/d\n  username: u\nregistry.zookeeper.connect-string: zk:1\n",
    );
    let shared = machine.file(
        "ds/bin/env/dolphinscheduler_env.sh",
        "export SPRING_DATASOURCE_PASSWORD=mark3r REGISTRY_ZOOKEEPER_NAMESPACE=new",
    );
    let copy = machine.file("ds/master-server/conf/dolphinscheduler_env.sh", "");
    let warnings = |line: &str| -> Vec<String> {
        let settings = machine.resolve(&format!("--ds-home {folder} {line}"));
        let warnings = settings.unwrap().warnings;
        warnings.iter().map(ToString::to_string).collect()
    };
    let all = warnings("");
    assert!(
        all.len() == 1 && all[0].contains("may have another namespace, db-password: dsctl reads"),
        "{all:?}"
    );
    assert!(
        all[0].contains(&shared) && all[0].contains(&copy) && !all[0].contains("mark3r"),
        "{all:?}"
    );
    let typed = warnings("--namespace mine");
    assert!(
        typed[0].contains("may have another db-password: dsctl"),
        "{typed:?}"
    );
    let password = machine.secret("password", "p", 0o600);
    let mine = format!("--namespace mine --db-password-file {password}");
    assert_eq!(warnings(&mine), [""; 0]);
    // How the masters encrypt is of interest where their servers are used.
    machine.file(
        "ds/master-server/conf/dolphinscheduler_env.sh",
        "export JAVA_OPTS=-Dzookeeper.client.secure=true REGISTRY_ZOOKEEPER_DIGEST=u:p",
    );
    let told = warnings(&mine);
    assert!(
        told.len() == 1 && told[0].contains("may have another zk-digest, zk-tls: dsctl"),
        "{told:?}"
    );
    let other = format!("{mine} --zk other:1 --db mysql://u@h/d");
    assert_eq!(warnings(&other), [""; 0]);
}

#[test]
fn a_survey_goes_on_behind_each_trouble() {
    let machine = Machine::new(&[
        ("DSCTL_TIMEOUT", "30"),
        ("DSCTL_ZK", "u:mark3r@zk1"),
        ("DSCTL_ZK_SASL", "mark3r"),
        ("DSCTL_ZK_TLS_CA", "/nowhere.pem"),
        ("DSCTL_QUIET", "maybe"),
    ]);
    let etc = machine.file(
        "etc.toml",
        "zzk = 1\nnamespace = \"ours\"\ndb = \"oracle:mark3r\"\n",
    );
    let password = machine.secret("password", "mark3r", 0o644);
    let survey = machine.survey(&format!("--db-password-file {password}"));
    let told: Vec<String> = survey.troubles.iter().map(ToString::to_string).collect();
    let all = told.join("\n");
    for part in [
        "unknown key \"zzk\"",
        "timeout from DSCTL_TIMEOUT",
        "zk from DSCTL_ZK",
        "SASL login from DSCTL_ZK_SASL",
        "/nowhere.pem",
        "quiet from DSCTL_QUIET",
        &format!("db from {etc}, line 3"),
        "users other than its owner",
    ] {
        assert!(all.contains(part), "{part} in {all}");
    }
    assert_eq!(told.len(), 8, "{all}");
    assert!(!format!("{survey:?} {all}").contains("mark3r"));
    // What cannot be used has its place and no value, the rest both.
    let listed = survey.listed();
    let row = |name: &str| {
        let row = listed.iter().find(|row| row.name == name).unwrap();
        (row.value.as_deref(), row.origin.to_string())
    };
    assert_eq!(row("timeout"), (None, "DSCTL_TIMEOUT".to_owned()));
    assert_eq!(row("db"), (None, format!("{etc}, line 3")));
    assert_eq!(row("namespace"), (Some("ours"), format!("{etc}, line 2")));
    assert_eq!(survey.missing(), []);
    // The first one is what other commands end with.
    let first = machine.resolve("").unwrap_err();
    assert_eq!(survey.troubles.first(), Some(&first));
}

/// A secret that cannot be used has its place, and what is set besides it is not called missing.
#[test]
fn a_survey_tells_where_a_secret_stands_that_cannot_be_used() {
    use std::os::unix::ffi::OsStrExt;
    let mut machine = Machine::new(&[
        ("DSCTL_ZK", "zk1"),
        ("DSCTL_ZK_SASL", "foo"),
        ("DSCTL_ZK_DIGEST", "foo"),
    ]);
    machine.set(
        "DSCTL_DB_PASSWORD",
        std::ffi::OsStr::from_bytes(b"mark3r\xff"),
    );
    let survey = machine.survey("--db postgres://u@h/d");
    assert_eq!(survey.troubles.len(), 3, "{:?}", survey.troubles);
    assert_eq!(survey.missing(), []);
    let listed = survey.listed();
    for (name, place) in [
        ("zk-sasl", "DSCTL_ZK_SASL"),
        ("zk-digest", "DSCTL_ZK_DIGEST"),
        ("db-password", "DSCTL_DB_PASSWORD"),
    ] {
        let row = listed.iter().find(|row| row.name == name).unwrap();
        assert_eq!(
            (&row.value, row.origin.to_string()),
            (&None, place.to_owned())
        );
    }
    let db = listed.iter().find(|row| row.name == "db").unwrap();
    assert_eq!(db.value.as_deref(), Some("postgres://u@h:5432/d"));
}

#[test]
fn what_may_stand_where_nothing_can_be_read_is_not_called_unset() {
    let machine = Machine::new(&[]);
    let folder = installation(&machine, "opt", "a");
    machine.file("etc.toml", "this is mark3r no TOML");
    let survey = machine.survey("--namespace mine");
    assert_eq!(survey.troubles.len(), 1);
    assert_eq!(survey.missing(), []);
    let listed = survey.listed();
    let values: Vec<_> = listed
        .iter()
        .filter_map(|row| row.value.as_deref())
        .collect();
    assert_eq!(values, ["mine"]);
    machine.file("etc.toml", "");
    let yaml = machine.file("opt/master-server/conf/application.yaml", "a: [");
    let survey = machine.survey("--timeout 3s");
    assert!(survey.troubles[0].to_string().contains(&yaml), "{folder}");
    assert_eq!(survey.missing(), []);
    let listed = survey.listed();
    let value = |name: &str| {
        listed
            .iter()
            .find(|row| row.name == name)
            .unwrap()
            .value
            .clone()
    };
    assert_eq!(
        (value("namespace"), value("zk-tls"), value("timeout")),
        (None, None, Some("3s".to_owned()))
    );
}

/// The masters' own login at ZooKeeper, as their Java is given it.
#[test]
fn the_masters_jaas_conf_gives_the_login_or_its_name() {
    let mut machine = Machine::new(&[]);
    let folder = installation(&machine, "opt", "a");
    let digest = "Client {\n  org.apache.zookeeper.server.auth.DigestLoginModule required\n  username=\"ds\" password=\"mark3r\";\n};";
    let jaas = machine.file("opt/master-server/jaas.conf", digest);
    machine.file("jaas.conf", &digest.replace("ds", "other"));
    let other = machine.path("jaas.conf").display().to_string();
    let user = |machine: &Machine, options: &str| {
        let mut environment = machine.environment.clone();
        let variables = &mut environment.variables;
        variables.insert("JAVA_OPTS".into(), options.into());
        let arguments = Cli::read(["dsctl", "masters"]).unwrap().global;
        let settings = resolve(&arguments, &environment, &mut "".as_bytes(), Scope::Cluster);
        let settings = settings.unwrap();
        assert!(!format!("{settings:?}").contains("mark3r"));
        settings.zk_sasl.map(|login| {
            let SaslLogin::Password(login) = login else {
                panic!("{login:?}");
            };
            assert_eq!(login.password.expose(), "mark3r");
            login.user
        })
    };
    let file = "-Djava.security.auth.login.config";
    let some = |user: &str| Some(user.to_owned());
    assert_eq!(user(&machine, "-Xmx1g"), None);
    assert_eq!(
        user(&machine, &format!("-Xmx1g {file}=jaas.conf")),
        some("ds")
    );
    for form in ["=", "==", "=file:", "=file://"] {
        assert_eq!(
            user(&machine, &format!("{file}{form}{other}")),
            some("other")
        );
    }
    for off in [
        "-Dzookeeper.sasl.client=false",
        "-Dzookeeper.sasl.clientconfig=Mine",
    ] {
        assert_eq!(
            user(&machine, &format!("{file}={jaas} {off}")),
            None,
            "{off}"
        );
    }
    // It is a file of the installation: others may be able to read it, as they can its YAML.
    machine.set("JAVA_OPTS", format!("{file}={jaas}"));
    let survey = machine.survey("");
    let listed = survey.listed();
    let row = listed.iter().find(|row| row.name == "zk-sasl").unwrap();
    let place = format!("{folder}/master-server/jaas.conf, line 2");
    assert_eq!(
        (row.value.as_deref(), row.origin.to_string()),
        (Some("ds:***"), place)
    );
    // It is told to no other servers.
    let asked = format!("--ds-home {folder}");
    assert!(machine.resolve(&asked).unwrap().zk_sasl.is_some());
    let beside = format!("{asked} --zk b:1 --db postgres://u@b/ds");
    assert_eq!(machine.resolve(&beside).unwrap().zk_sasl, None);
    // What is given to dsctl itself goes before.
    machine.set("DSCTL_ZK_SASL", "mine:p");
    let mine = machine.resolve("").unwrap().zk_sasl;
    assert!(
        matches!(&mine, Some(SaslLogin::Password(login)) if login.user == "mine"),
        "{mine:?}"
    );
    machine
        .environment
        .variables
        .remove(std::ffi::OsStr::new("DSCTL_ZK_SASL"));
    for (text, told) in [
        (
            "Client { org.apache.zookeeper.server.auth.DigestLoginModule required username=\"ds\"; };",
            "line 1",
        ),
        ("Client { mark3r", "line 1 is not understood"),
    ] {
        machine.file("opt/master-server/jaas.conf", text);
        let error = machine.resolve("").unwrap_err();
        assert!(
            error.to_string().contains(told) && error.hint().unwrap().contains("--zk-sasl-file"),
            "{error}"
        );
        assert!(!format!("{error:?}").contains("mark3r"));
    }
}

/// The masters' tickets: for whom they are, and how they come to them.
#[test]
fn a_login_with_kerberos_is_that_of_the_masters_or_named() {
    let mut machine = Machine::new(&[]);
    installation(&machine, "opt", "a");
    let module = "Client { com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true keyTab=\"ds.keytab\" \
                  principal=\"ds/h@R\"; };";
    machine.file("opt/master-server/jaas.conf", module);
    let file = "-Djava.security.auth.login.config=jaas.conf";
    machine.set("JAVA_OPTS", file);
    let settings = machine.resolve("").unwrap();
    if !KerberosLogin::IS_BUILT_IN {
        assert_eq!(settings.zk_sasl, None);
        let warning = settings.warnings[0].to_string();
        assert!(
            warning.contains("with Kerberos (") && warning.contains("not built into this dsctl"),
            "{warning}"
        );
        let error = machine.resolve("--zk-kerberos zookeeper").unwrap_err();
        assert!(
            error
                .to_string()
                .contains("Kerberos is not built into this dsctl")
                && error.hint().unwrap().contains("--features kerberos"),
            "{error}"
        );
        return;
    }
    let login = |machine: &Machine, line: &str| match machine.resolve(line).unwrap().zk_sasl {
        Some(SaslLogin::Kerberos(login)) => (login.service.to_string(), login.masters.command()),
        other => panic!("{other:?}"),
    };
    let kinit = format!(
        "kinit -k -t {} ds/h@R",
        machine.path("opt/master-server/ds.keytab").display()
    );
    assert_eq!(login(&machine, ""), ("zookeeper".to_owned(), kinit.clone()));
    let listed = machine.survey("").listed();
    let row = listed.iter().find(|row| row.name == "zk-kerberos").unwrap();
    assert_eq!(row.value.as_deref(), Some("zookeeper"));
    assert!(row.origin.to_string().ends_with("jaas.conf, line 1"));
    for (option, service) in [
        ("zookeeper.sasl.client.username=zk", "zk"),
        ("zookeeper.server.principal=zk/zk1@R", "zk/zk1"),
    ] {
        machine.set("JAVA_OPTS", format!("{file} -D{option}"));
        assert_eq!(login(&machine, "").0, service);
    }
    // What is given to dsctl itself goes before, and the masters' key is still the one to use.
    assert_eq!(
        login(&machine, "--zk-kerberos mine"),
        ("mine".to_owned(), kinit)
    );
    machine.set("DSCTL_ZK_SASL", "mine:p");
    assert!(matches!(
        machine.resolve("").unwrap().zk_sasl,
        Some(SaslLogin::Password(_))
    ));
    assert_eq!(login(&machine, "--zk-kerberos mine").0, "mine");
    let listed = machine.survey("").listed();
    let row = listed.iter().find(|row| row.name == "zk-kerberos").unwrap();
    assert_eq!((&row.value, &row.origin), (&None, &Origin::BuiltIn));
    machine.set("DSCTL_ZK_KERBEROS", "zookeeper");
    let error = machine.resolve("").unwrap_err().to_string();
    assert!(error.contains("in the same place"), "{error}");
    // At other servers nobody asks for the masters' tickets.
    machine.set("DSCTL_ZK_SASL", "");
    machine.set("DSCTL_ZK_KERBEROS", "");
    let beside = machine.resolve("--zk b:1 --db postgres://u@b/ds").unwrap();
    assert_eq!(beside.zk_sasl, None);
}

#[test]
fn java_options_that_only_running_would_tell_are_warned_of() {
    let machine = Machine::new(&[]);
    installation(&machine, "opt", "a");
    let shell = |line: &str| {
        machine.file("opt/bin/env/dolphinscheduler_env.sh", line);
        // The zone that they may set is not known either.
        let settings = machine.resolve("--time-zone UTC").unwrap();
        let warnings = settings.warnings.iter().map(Warning::to_string);
        warnings.collect::<Vec<_>>()
    };
    assert_eq!(shell("export JAVA_OPTS=\"-Xmx1g -Dx=y\"\n"), [""; 0]);
    let told = shell("\nexport JAVA_OPTS=\"$(memory) -Dzookeeper.client.secure=true\"\n");
    assert_eq!(told.len(), 1, "{told:?}");
    for words in [
        "would tell JAVA_OPTS (",
        "dolphinscheduler_env.sh, line 2)",
        "is not used",
    ] {
        assert!(told[0].contains(words), "{told:?}");
    }
}

#[test]
fn without_the_masters_jaas_conf_there_is_no_login_and_a_warning() {
    let file = "-Djava.security.auth.login.config";
    let mut machine = Machine::new(&[]);
    installation(&machine, "opt", "a");
    machine.set("JAVA_OPTS", format!("{file}=/nowhere/jaas.conf"));
    // Java's client goes on without a login, and so does dsctl.
    let missing = machine.resolve("").unwrap();
    assert_eq!(missing.zk_sasl, None);
    let warning = missing.warnings[0].to_string();
    for told in [
        "/nowhere/jaas.conf (JAVA_OPTS), which cannot be read (no such file)",
        "dsctl connects without a login",
        "--zk-sasl-file",
    ] {
        assert!(warning.contains(told), "{warning}");
    }
    // So is one that is there, and cannot be read: its name leads in a circle.
    let circle = machine.path("circle.conf");
    std::os::unix::fs::symlink(&circle, &circle).unwrap();
    machine.set("JAVA_OPTS", format!("{file}={}", circle.display()));
    let unreadable = machine.resolve("").unwrap();
    assert_eq!(unreadable.zk_sasl, None);
    let warning = unreadable.warnings[0].to_string();
    assert!(
        warning.contains("circle.conf (JAVA_OPTS), which cannot be read"),
        "{warning}"
    );
    // A login of dsctl's own leaves nothing to be said of it.
    machine.set("DSCTL_ZK_SASL", "mine:p");
    assert_eq!(machine.resolve("").unwrap().warnings, []);
}

#[test]
fn the_masters_tls_with_zookeeper_is_used_where_it_is_switched_on() {
    let mut machine = Machine::new(&[]);
    let folder = installation(&machine, "opt", "a");
    let ca = machine.file(
        "ca.pem",
        "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
    );
    let store = format!("-Dzookeeper.ssl.trustStore.location={ca}");
    machine.set("JAVA_OPTS", &store);
    assert_eq!(machine.resolve("").unwrap().zk_tls, None);
    let secure = "-Dzookeeper.client.secure=true";
    machine.set("JAVA_OPTS", format!("{store} {secure}"));
    let tls = machine.resolve("").unwrap().zk_tls.unwrap();
    assert!(!tls.any_host && tls.identity.is_none());
    let other = format!("--ds-home {folder} --zk b:1 --db postgres://u@b/ds");
    let other = machine.resolve(&other).unwrap();
    assert_eq!(other.zk_tls, None);
    assert_eq!(other.origin(Key::ZkTls), &Origin::BuiltIn);
    machine.set(
        "JAVA_OPTS",
        format!("{store} {secure} -Dzookeeper.ssl.hostnameVerification=false"),
    );
    assert!(machine.resolve("").unwrap().zk_tls.unwrap().any_host);
    machine.set("DSCTL_ZK_TLS", "false");
    assert_eq!(machine.resolve("").unwrap().zk_tls, None);
    machine.set("DSCTL_ZK_TLS", "");
    machine.set("JAVA_OPTS", secure);
    let error = machine.resolve("").unwrap_err();
    assert!(error.hint().unwrap().contains("--zk-tls-ca"), "{error}");
    fs::write(&ca, [0xfe, 0xed, 0xfe, 0xed]).unwrap();
    machine.set("JAVA_OPTS", format!("{store} {secure}"));
    let error = machine.resolve("").unwrap_err();
    assert!(
        error.to_string().contains("from JAVA_OPTS") && error.hint().unwrap().contains("keytool"),
        "{error}"
    );
    // The stores are Java's, and the authority is given to dsctl itself: no certificate is shown.
    let keys = machine.path("ks.jks");
    fs::write(&keys, [0xfe, 0xed, 0xfe, 0xed]).unwrap();
    let keys = format!("-Dzookeeper.ssl.keyStore.location={}", keys.display());
    machine.set("JAVA_OPTS", format!("{store} {secure} {keys}"));
    let certificate = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";
    let given = format!("--zk-tls-ca {}", machine.file("own.pem", certificate));
    let settings = machine.resolve(&given).unwrap();
    assert!(settings.zk_tls.unwrap().identity.is_none());
    let warning = settings.warnings[0].to_string();
    assert!(
        warning.contains("ks.jks (zk-tls-cert from JAVA_OPTS) cannot be used"),
        "{warning}"
    );
    // A store in PEM is used, however open it is.
    let key = "-----BEGIN PRIVATE KEY-----\nMARKER\n-----END PRIVATE KEY-----\n";
    machine.secret("ks.jks", &format!("{certificate}{key}"), 0o644);
    let settings = machine.resolve(&given).unwrap();
    assert!(settings.zk_tls.unwrap().identity.is_some());
    assert_eq!(settings.warnings, []);
}
